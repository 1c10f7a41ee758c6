use super::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

/// Answers with the path, after as many milliseconds as it says.
struct Echo;

impl Handler for Echo {
    async fn handle(&self, request: Request<Incoming>, _peer: Arc<Peer>) -> Response<Body> {
        let path = request.uri().path().to_owned();
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
    _tasks: TaskTracker,
}

async fn start(options: Options) -> Running {
    let bound = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = bound.address();
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let served = tasks.spawn(bound.serve(Arc::new(Echo), options, stop.clone()));
    Running { address, stop, served, _tasks: tasks }
}

async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Everything until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut text)).await;
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
    sleep(Duration::from_millis(50)).await;
    server.stop.cancel();
    assert!(rest(open).await.ends_with("/300"));
    assert_eq!(rest(idle).await, "");
    assert_eq!(server.served.await.unwrap(), Drained::Clean);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn draining_ends_at_its_deadline() {
    let drain_timeout = Duration::from_millis(50);
    let server = start(Options { drain_timeout, ..Options::default() }).await;
    let open = send(server.address, "GET /60000 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    sleep(Duration::from_millis(50)).await;
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
    rest(slow).await;
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(9000));
    assert!(rest(send(server.address, &long).await).await.starts_with("HTTP/1.1 431"));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "x: y\r\n".repeat(101));
    assert!(rest(send(server.address, &many).await).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn clients_beyond_the_bound_wait_for_their_turn() {
    let server = start(Options { connections_max: 1, ..Options::default() }).await;
    let mut first = send(server.address, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(some(&mut first).await.ends_with("/a"));
    let mut second = send(server.address, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let early = timeout(Duration::from_millis(100), some(&mut second)).await;
    assert!(early.is_err(), "{early:?}");
    drop(first);
    assert!(some(&mut second).await.ends_with("/b"));
}

#[tokio::test]
async fn what_is_not_http_is_refused_with_a_problem() {
    let running = start(Options::default()).await;
    let long = "x".repeat(40_000);
    for (request, status, kind) in [
        ("G@T / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400 Bad Request", "malformed-request"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400 Bad Request", "malformed-request"),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), "400 Bad Request", "malformed-request"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "431 Request Header Fields", "head-too-large"),
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
