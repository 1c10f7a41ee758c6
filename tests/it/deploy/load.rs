//! Clients that ask all the time, keep their connections, and repeat nothing: whatever is not answered as it
//! should be is a failure.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet, time::sleep};

/// Pause of a client between an answer and its next request.
const PAUSE: Duration = Duration::from_millis(2);

/// Clients at work.
#[derive(Debug)]
pub(crate) struct Load {
    told: Arc<Told>,
    clients: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Told {
    stop: AtomicBool,
    reads: AtomicU64,
    writes: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) failures: Vec<String>,
}

impl Load {
    /// Sets readers and writers upon an address.
    pub(crate) fn start(address: SocketAddr, key: &str, readers: usize, writers: usize) -> Self {
        let told = Arc::<Told>::default();
        let mut clients = JoinSet::new();
        for number in 0..readers + writers {
            let client = Client {
                address,
                key: key.to_owned(),
                number,
                writes: number >= readers,
                told: Arc::clone(&told),
            };
            clients.spawn(client.run());
        }
        Self { told, clients }
    }

    /// Answers to reads and writes so far.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.told.reads.load(Ordering::Relaxed), self.told.writes.load(Ordering::Relaxed))
    }

    /// Lets each client finish, and tells how they fared.
    pub(crate) async fn stop(mut self) -> Report {
        self.told.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        let (reads, writes) = self.so_far();
        let mut failures = self.told.failures.lock().unwrap_or_else(PoisonError::into_inner);
        Report { reads, writes, failures: std::mem::take(&mut failures) }
    }
}

struct Client {
    address: SocketAddr,
    key: String,
    number: usize,
    writes: bool,
    told: Arc<Told>,
}

impl Client {
    async fn run(self) {
        let mut connection = None;
        for turn in 0.. {
            if self.told.stop.load(Ordering::Relaxed) {
                return;
            }
            let request = if self.writes { self.write(turn) } else { self.read(turn) };
            let what = format!("{} {}", request.method(), request.uri());
            match self.ask(&mut connection, request).await {
                Ok((status, _)) if self.is_good(status) => {
                    let counter = if self.writes { &self.told.writes } else { &self.told.reads };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                bad => {
                    connection = None;
                    let bad = bad.map_or_else(
                        |error| format!("{error:#}"),
                        |(status, body)| format!("{status} {}", String::from_utf8_lossy(&body)),
                    );
                    let mut told =
                        self.told.failures.lock().unwrap_or_else(PoisonError::into_inner);
                    told.push(format!("{what}: {bad}"));
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads that are hits, misses, lists and single movies in turn.
    fn read(&self, turn: usize) -> Request<Full<Bytes>> {
        let target = match turn % 4 {
            0 => "/v1/movies?sort=-rating&limit=5".to_owned(),
            1 => format!("/v1/movies?year_min={}&limit=3", 1870 + (turn * 7 + self.number) % 200),
            2 => "/v1/genres".to_owned(),
            _ => format!("/v1/movies?ids={}", 1 + turn % 40),
        };
        self.request(Method::GET, &target, Full::default())
    }

    fn write(&self, turn: usize) -> Request<Full<Bytes>> {
        let body = format!(r#"{{"title":"Rolling {} {turn}","genres":["Drama"]}}"#, self.number);
        self.request(Method::POST, "/v1/movies", Full::from(body))
    }

    fn request(&self, method: Method, target: &str, body: Full<Bytes>) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(target).header("host", "marquee");
        if self.writes {
            request = request
                .header("content-type", "application/json")
                .header("authorization", format!("Bearer {}", self.key));
        }
        request.body(body).expect("a good request")
    }

    const fn is_good(&self, status: StatusCode) -> bool {
        matches!((self.writes, status.as_u16()), (true, 201) | (false, 200))
    }

    async fn ask(
        &self,
        connection: &mut Option<SendRequest<Full<Bytes>>>,
        request: Request<Full<Bytes>>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        // A server may end a connection after an answer, and says so before.
        if connection.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.address).await?;
            let (sender, running) = handshake(TokioIo::new(stream)).await?;
            tokio_util::task::TaskTracker::new().spawn(running);
            *connection = Some(sender);
        }
        let sender = connection.as_mut().expect("it is there");
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
