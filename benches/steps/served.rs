//! Hits and misses of a service that listens, in this process and on this thread.

use std::{hint::black_box, net::SocketAddr, sync::Arc};

use marquee::{
    domain::{
        clock::{Clock, Moment},
        list::ListQuery,
        movie::MovieId,
    },
    http::{
        api::Api,
        server::{self, Handler as _, peer::Peer},
    },
    store::Store,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Step, service::service, single::runtime};

const TARGET: &str = "/v1/movies?genre=Drama&limit=10";

/// Of a hit.
pub(super) fn hits() -> Vec<Step> {
    vec![
        Step { name: "hit/by bytes", make: by_bytes },
        Step { name: "hit/over a socket", make: || over_a_socket(|_| head("")) },
        Step {
            name: "hit/over a socket, another head each time",
            make: || over_a_socket(|n| head(&format!("X-Request-Id: {n:08}\r\n"))),
        },
    ]
}

/// Of a miss. The database has threads of its own.
pub(super) fn misses() -> Vec<Step> {
    vec![
        Step { name: "miss/store, a movie", make: movie },
        Step { name: "miss/store, a list", make: list },
        Step {
            name: "miss/over a socket",
            make: || {
                over_a_socket(|n| {
                    of(&format!(
                        "/v1/movies?limit=20&year_max={}&page={}",
                        1950 + n % 70,
                        1 + n / 70
                    ))
                })
            },
        },
    ]
}

fn of(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

fn head(more: &str) -> Vec<u8> {
    format!("GET {TARGET} HTTP/1.1\r\nHost: x\r\n{more}\r\n").into_bytes()
}

/// A service and its thread.
struct Served {
    runtime: Runtime,
    address: SocketAddr,
    api: Arc<Api>,
    store: Arc<Store>,
    _tasks: TaskTracker,
    _folder: TempDir,
}

impl Served {
    fn start() -> Self {
        let runtime = runtime();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("marquee.db").display());
        let tasks = TaskTracker::new();
        // The clock stands still, so that no answer is another second's.
        let clock = Clock::manual(Moment::from_unix_ms(1_700_000_000_000));
        let (address, api, store) = runtime.block_on(async {
            let (api, store) = service(url, clock, &tasks).await;
            let bound = server::bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
            let (address, stop) = (bound.address(), CancellationToken::new());
            tasks.spawn(bound.serve(Arc::clone(&api), server::Options::default(), stop));
            (address, api, store)
        });
        Self { runtime, address, api, store, _tasks: tasks, _folder: folder }
    }

    /// Sends a request and reads its answer whole.
    fn exchange(&self, stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) {
        self.runtime.block_on(async {
            stream.write_all(request).await.expect("a request is sent");
            buffer.clear();
            loop {
                stream.read_buf(buffer).await.expect("an answer is read");
                if is_whole(buffer) {
                    break;
                }
            }
        });
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(buffer));
    }

    fn connect(&self) -> TcpStream {
        self.runtime.block_on(async {
            let stream = TcpStream::connect(self.address).await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            stream
        })
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else { return false };
    let length = memchr::memmem::find(&answer[..end], b"content-length: ").map(|at| {
        let digits = answer[at + 16..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
    });
    answer.len() >= end + 4 + length.expect("a length")
}

/// A hit by nothing but the bytes of its head, without the connection.
fn by_bytes() -> Box<dyn FnMut()> {
    let served = Served::start();
    let (mut stream, mut buffer) = (served.connect(), Vec::new());
    let request = head("");
    (0..8).for_each(|_| served.exchange(&mut stream, &request, &mut buffer));
    let peer = Peer::at(served.address);
    let mut out = Vec::with_capacity(4096);
    Box::new(move || {
        out.clear();
        let body = served.api.by_bytes(black_box(&request), &peer, &mut out);
        assert!(black_box(body).is_some(), "it is no hit");
    })
}

/// A request and its answer over loopback, both ends on this thread.
fn over_a_socket(request: impl Fn(u64) -> Vec<u8> + 'static) -> Box<dyn FnMut()> {
    let served = Served::start();
    let (mut stream, mut buffer) = (served.connect(), Vec::with_capacity(65_536));
    let warm = request(0);
    (0..8).for_each(|_| served.exchange(&mut stream, &warm, &mut buffer));
    let mut number = 0;
    Box::new(move || {
        number += 1;
        served.exchange(&mut stream, &request(number), &mut buffer);
    })
}

fn movie() -> Box<dyn FnMut()> {
    let served = Served::start();
    let mut number = 0;
    Box::new(move || {
        number = number % 1_000 + 1;
        let id = MovieId::new(number).expect("positive");
        black_box(served.runtime.block_on(served.store.movie(id)).expect("a movie"));
    })
}

fn list() -> Box<dyn FnMut()> {
    let served = Served::start();
    let pairs = [("genre", "Drama"), ("sort", "-rating"), ("limit", "20")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let query = ListQuery::from_pairs(pairs).expect("a list");
    Box::new(move || {
        black_box(served.runtime.block_on(served.store.list(&query)).expect("a list"));
    })
}
