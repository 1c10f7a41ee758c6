use std::sync::atomic::{AtomicUsize, Ordering};

use super::{metrics::Closed, *};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::{JoinHandle, yield_now},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

/// Longer than anything here takes on the slowest machine.
const HANG: Duration = Duration::from_secs(30);

/// Answers with the path, after as many milliseconds as it says; `/large` is more than a socket takes.
#[derive(Default)]
struct Echo {
    begun: AtomicUsize,
}

impl Handler for Echo {
    async fn handle(&self, request: Request<Incoming>, _peer: Arc<Peer>) -> Response<Body> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let path = request.uri().path().to_owned();
        if path == "/large" {
            return Response::new(Body::full(vec![b'x'; 64 << 20]));
        }
        if let Ok(ms) = path.trim_start_matches('/').parse() {
            sleep(Duration::from_millis(ms)).await;
        }
        Response::new(Body::full(path))
    }
}

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<Drained>,
    handler: Arc<Echo>,
    connections: Connections,
    _tasks: TaskTracker,
}

impl Running {
    /// Waits until so many requests are with the handler, or were.
    async fn begun(&self, count: usize) {
        until(|| self.handler.begun.load(Ordering::Relaxed) >= count).await;
    }

    /// Waits until so many connections were accepted.
    async fn accepted(&self, count: u64) {
        until(|| self.connections.accepted.get() >= count).await;
    }

    /// Waits until a connection has ended for this reason.
    async fn ended(&self, why: Closed) {
        until(|| self.connections.count(why) > 0).await;
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            yield_now().await;
        }
    };
    timeout(HANG, waiting).await.expect("it comes to pass");
}

async fn start(options: Options) -> Running {
    let bound = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let (address, connections) = (bound.address(), options.connections.clone());
    let (stop, tasks, handler) = (CancellationToken::new(), TaskTracker::new(), Arc::default());
    let served = tasks.spawn(bound.serve(Arc::clone(&handler), options, stop.clone()));
    Running { address, stop, served, handler, connections, _tasks: tasks }
}

async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Everything until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(HANG, stream.read_to_end(&mut text)).await;
    read.expect("the server closes the connection in time").unwrap();
    String::from_utf8(text).unwrap()
}

async fn some(stream: &mut TcpStream) -> String {
    let mut text = vec![0; 4096];
    let length = stream.read(&mut text).await.unwrap();
    text.truncate(length);
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = start(Options::default()).await;
    let mut stream = send(server.address, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(some(&mut stream).await.ends_with("/a"));
    stream.write_all(b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(rest(stream).await.ends_with("/b"));
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_body() {
    let server = start(Options::default()).await;
    let stream =
        send(server.address, "HEAD /abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let text = rest(stream).await;
    assert!(text.contains("content-length: 4") && text.ends_with("\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn stopping_waits_for_open_requests_and_closes_idle_connections() {
    let server = start(Options::default()).await;
    let mut idle = send(server.address, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(some(&mut idle).await.ends_with("/idle"));
    let open = send(server.address, "GET /300 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun(2).await;
    server.stop.cancel();
    assert!(rest(open).await.ends_with("/300"));
    assert_eq!(rest(idle).await, "");
    assert_eq!(server.served.await.unwrap(), Drained::Clean);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_listener_that_retires_answers_everybody_and_keeps_no_connection() {
    let options = Options::default();
    let retiring = Arc::clone(&options.retiring);
    let server = start(options).await;
    let mut kept = send(server.address, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!some(&mut kept).await.contains("connection: close"));
    retiring.store(true, Ordering::Relaxed);
    kept.write_all(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let last = rest(kept).await;
    assert!(last.contains("connection: close") && last.ends_with("/b"), "{last}");
    let newcomer = rest(send(server.address, "GET /c HTTP/1.1\r\nHost: x\r\n\r\n").await).await;
    assert!(newcomer.contains("connection: close") && newcomer.ends_with("/c"), "{newcomer}");
}

#[tokio::test]
async fn clients_that_the_system_has_let_in_are_answered_before_the_end() {
    let server = start(Options::default()).await;
    // The server has not run yet: it shares this thread.
    let clients: Vec<_> = (0..30)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(server.address).unwrap();
            io::Write::write_all(&mut stream, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream.set_nonblocking(true).unwrap();
            TcpStream::from_std(stream).unwrap()
        })
        .collect();
    server.stop.cancel();
    assert_eq!(server.served.await.unwrap(), Drained::Clean);
    for client in clients {
        assert!(rest(client).await.ends_with("/a"));
    }
}

#[tokio::test]
async fn draining_ends_at_its_deadline() {
    let drain_timeout = Duration::from_millis(50);
    let server = start(Options { drain_timeout, ..Options::default() }).await;
    let open = send(server.address, "GET /60000 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun(1).await;
    server.stop.cancel();
    assert_eq!(server.served.await.unwrap(), Drained::Aborted { connections: 1 });
    assert_eq!(rest(open).await, "");
}

#[tokio::test]
async fn slow_and_oversized_heads_are_refused() {
    let header_timeout = Duration::from_millis(100);
    let options = Options { header_timeout, header_bytes_max: 8192, ..Options::default() };
    let server = start(options).await;
    let slow = send(server.address, "GET / HTTP/1.1\r\nHost: x\r\n").await;
    assert!(rest(slow).await.starts_with("HTTP/1.1 408 "));
    let silent = send(server.address, "").await;
    assert_eq!(rest(silent).await, "");
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(9000));
    assert!(rest(send(server.address, &long).await).await.starts_with("HTTP/1.1 431 "));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "x: y\r\n".repeat(101));
    assert!(rest(send(server.address, &many).await).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let server = start(Options::default()).await;
    let mut stream = send(server.address, "").await;
    let request = "\r\nGET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for byte in request.bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(rest(stream).await.ends_with("/a"));
}

#[tokio::test]
async fn an_idle_connection_ends_without_a_word() {
    let idle_timeout = Duration::from_millis(100);
    let server = start(Options { idle_timeout, ..Options::default() }).await;
    let mut stream = send(server.address, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(some(&mut stream).await.ends_with("/a"));
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn clients_beyond_the_bound_wait_for_their_turn() {
    let server = start(Options { connections_max: 1, ..Options::default() }).await;
    let first = send(server.address, "GET /400 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.begun(1).await;
    let second =
        send(server.address, "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let (first, second) = tokio::join!(rest(first), rest(second));
    assert!(first.ends_with("/400") && second.ends_with("/b"), "{first} {second}");
}

#[tokio::test]
async fn who_waits_longest_makes_room() {
    let server = start(Options { connections_max: 2, ..Options::default() }).await;
    let dripping = send(server.address, "GET /a HTTP/1.1\r\nHost:").await;
    let mut idle = send(server.address, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(some(&mut idle).await.ends_with("/idle"));
    let mut third = send(server.address, "GET /c HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(some(&mut third).await.ends_with("/c"));
    assert_eq!(rest(dripping).await, "");
    idle.write_all(b"GET /again HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(some(&mut idle).await.ends_with("/again"));
}

#[tokio::test]
async fn an_old_connection_ends_with_the_answer_at_hand() {
    let connection_age_max = Some(Duration::from_millis(100));
    let idle_timeout = Duration::from_millis(300); // has ages looked at often
    let server = start(Options { idle_timeout, connection_age_max, ..Options::default() }).await;
    let busy = send(server.address, "GET /300 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = rest(busy).await;
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.ends_with("/300"), "{answer}");
}

#[tokio::test]
async fn a_connection_has_so_many_requests() {
    let server = start(Options { requests_max: Some(2), ..Options::default() }).await;
    let one = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = rest(send(server.address, &one.repeat(3)).await).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("\r\nconnection: close\r\n").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let write_timeout = Duration::from_millis(200);
    let server = start(Options { write_timeout, ..Options::default() }).await;
    let _deaf = send(server.address, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.ended(Closed::Stalled).await;
}

#[tokio::test]
async fn a_head_that_has_begun_is_answered_while_draining() {
    let server = start(Options::default()).await;
    let mut half = send(server.address, "GET /half HTTP/1.1\r\nHo").await;
    server.accepted(1).await;
    server.stop.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    half.write_all(b"st: x\r\n\r\n").await.unwrap();
    let answer = rest(half).await;
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.ends_with("/half"), "{answer}");
    assert_eq!(server.served.await.unwrap(), Drained::Clean);
}

#[tokio::test]
async fn what_is_not_http_is_refused_with_a_problem() {
    let running = start(Options::default()).await;
    let long = "x".repeat(40_000);
    for (request, status, kind) in [
        ("G@T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400 Bad Request", "malformed-request"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400 Bad Request", "malformed-request"),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), "400 Bad Request", "malformed-request"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "414 URI Too Long", "target-too-long"),
    ] {
        let answer = rest(send(running.address, &request).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["type"], format!("/problems/{kind}"));
        assert!(head.contains("\r\ncontent-type: application/problem+json\r\n"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        let id = problem["instance"].as_str().unwrap();
        assert!(head.contains(&format!("\r\nx-request-id: {id}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn a_refusal_does_not_touch_the_answers_before_it() {
    let running = start(Options::default()).await;
    let requests = "GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET\r\n\r\n";
    let answer = rest(send(running.address, requests).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("/firstHTTP/1.1 400 Bad Request\r\n"), "{answer}");
}
