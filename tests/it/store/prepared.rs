//! A server that keeps as many statements prepared as it may: the limit is that of all its clients together.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use marquee::{
    domain::clock::Clock,
    store::{Options, Store, error::StoreError},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    sync::Mutex,
    task::JoinHandle,
};

use super::{created, query};
use crate::backend::{Backend, Database};

/// What clients ask for, by the first byte of a packet (`COM_STMT_PREPARE`, `COM_STMT_CLOSE`).
const PREPARE: u8 = 0x16;
const CLOSE: u8 = 0x19;

/// What the server has room for, and what happened.
#[derive(Debug, Default)]
struct Room {
    most: AtomicI64,
    kept: AtomicI64,
    refused: AtomicI64,
}

/// A proxy before a database that counts the statements that are prepared and refuses more than there is room for, as
/// the server does, whose own limit is that of all tests.
struct Server {
    address: SocketAddr,
    room: Arc<Room>,
    task: JoinHandle<()>,
}

impl Server {
    async fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let room = Arc::new(Room { most: AtomicI64::new(i64::MAX), ..Room::default() });
        let shared = Arc::clone(&room);
        #[expect(clippy::disallowed_methods, reason = "owned by the proxy, which ends it")]
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, target, Arc::clone(&shared)));
            }
        });
        Self { address, room, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(client: TcpStream, target: SocketAddr, room: Arc<Room>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("a socket");
    }
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let to_client = Mutex::new(to_client);
    let answers = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
            to_client.lock().await.write_all(&bytes[..count]).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let mut kept = 0;
    let questions = async {
        loop {
            let mut head = [0; 4];
            from_client.read_exact(&mut head).await?;
            let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
            let mut body = vec![0; length];
            from_client.read_exact(&mut body).await?;
            // Only a question begins with packet 0; what is said while a connection is made does not.
            match body.first() {
                Some(&PREPARE) if head[3] == 0 => {
                    if room.kept.fetch_add(1, Ordering::SeqCst) >= room.most.load(Ordering::SeqCst)
                    {
                        room.kept.fetch_sub(1, Ordering::SeqCst);
                        room.refused.fetch_add(1, Ordering::SeqCst);
                        refuse(&mut *to_client.lock().await).await?;
                        continue;
                    }
                    kept += 1;
                }
                Some(&CLOSE) if head[3] == 0 => {
                    kept -= 1;
                    room.kept.fetch_sub(1, Ordering::SeqCst);
                }
                _ => {}
            }
            to_server.write_all(&[&head[..], &body].concat()).await?;
        }
        #[expect(unreachable_code, reason = "it ends with an error")]
        Ok::<_, std::io::Error>(())
    };
    let end = tokio::select! { end = answers => end, end = questions => end };
    room.kept.fetch_sub(kept, Ordering::SeqCst);
    if let Err(error) = end {
        assert!(
            matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ),
            "{error}"
        );
    }
}

/// Answers as the server does (`ER_MAX_PREPARED_STMT_COUNT_REACHED`).
async fn refuse(client: &mut OwnedWriteHalf) -> std::io::Result<()> {
    let mut body = vec![0xff];
    body.extend_from_slice(&1461_u16.to_le_bytes());
    body.extend_from_slice(b"#42000Can't create more than max_prepared_stmt_count statements");
    let length = u8::try_from(body.len()).expect("a short packet");
    client.write_all(&[&[length, 0, 0, 1][..], &body].concat()).await
}

/// A store with few connections before a server with room for all, and movies in it.
async fn store() -> (Arc<Store>, Server, Database) {
    let database = Database::new(Backend::MariaDb).await;
    let server = Server::new(database.server()).await;
    let options = Options {
        url: database.url_at(server.address),
        connections: 3,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(10),
        watch_timeout: Duration::from_secs(10),
        changes_kept: 1_000,
    };
    let store = Store::open(options, Clock::system()).await.expect("a store");
    store.migrate().await.expect("a schema");
    for year in 1990..2000 {
        created(&store, &json!({"title": "Heat", "year": year, "genres": ["Crime", "Drama"]}))
            .await;
    }
    (Arc::new(store), server, database)
}

const LISTS: [&str; 8] = [
    "genre=Crime",
    "genre=Crime,Drama",
    "genre=Crime|Drama",
    "genre=Drama&year_min=1991",
    "year=1995",
    "sort=title",
    "sort=-year",
    "genre_not=Drama&sort=rating",
];

#[tokio::test]
async fn a_server_with_no_room_for_prepared_statements_costs_no_answer() {
    let (store, server, _database) = store().await;
    // Each of three connections would keep more than that.
    server.room.most.store(9, Ordering::SeqCst);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for list in LISTS.into_iter().cycle().take(5 * LISTS.len()) {
                let page = store.list(&query(list)).await;
                let page = page.unwrap_or_else(|error| panic!("{list}: {error:?}"));
                assert_eq!(page.value.movies.is_empty(), list.starts_with("genre_not"), "{list}");
            }
        });
    }
    // One writer, so that none waits for another one's locks and keeps what it has prepared meanwhile.
    for year in 2000..2024 {
        created(&store, &json!({"title": "Ronin", "year": year, "genres": ["Drama"]})).await;
    }
    tasks.join_all().await;
    let refused = server.room.refused.load(Ordering::SeqCst);
    assert!(refused > 0, "this was no test");
    let page = store.list(&query("year_min=2000&limit=1")).await.expect("a list").value;
    assert_eq!(page.total, marquee::domain::list::Total::Exact(24));
}

#[tokio::test]
async fn others_that_have_all_the_room_are_told_of_and_nothing_is_broken() {
    let (store, server, _database) = store().await;
    server.room.most.store(0, Ordering::SeqCst);
    // What is prepared already is as good as ever; what is not has no way.
    let error =
        store.list(&query("genre=Crime&year_max=1992&sort=-title")).await.expect_err("no room");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    server.room.most.store(i64::MAX, Ordering::SeqCst);
    let page =
        store.list(&query("genre=Crime&year_max=1992&sort=-title")).await.expect("a list").value;
    assert_eq!(page.movies.len(), 3);
}
