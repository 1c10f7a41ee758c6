//! Traces as a collector gets them. Needs the feature `otel`: `make check-otel`.

use hyper::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::HANG;
use crate::{
    backend::{Database, on_every_backend},
    process::Process,
};

on_every_backend! {
    a_request_that_its_caller_traces_has_spans_down_to_the_statement,
    a_collector_that_is_away_holds_up_nobody,
    a_trace_that_begins_here_is_told_to_the_caller,
}

/// The least that is a collector: it takes whatever is posted, and says that it did.
struct Collector {
    endpoint: String,
    received: UnboundedReceiver<(String, Vec<u8>)>,
    tasks: TaskTracker,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = unbounded_channel();
        let tasks = TaskTracker::new();
        let serving = tasks.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                serving.spawn(async move {
                    let mut stream = stream;
                    while let Some(request) = take(&mut stream).await {
                        let _ = sender.send(request);
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
                        if stream.write_all(answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { endpoint, received, tasks }
    }

    /// All spans that have come, as the bytes that they came in, once `enough` of them have.
    async fn until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut all = Vec::new();
        let waiting = async {
            while !enough(&all) {
                let (head, body) = self.received.recv().await.unwrap();
                assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
                assert!(
                    head.to_lowercase().contains("content-type: application/x-protobuf"),
                    "{head}"
                );
                all.extend(body);
            }
        };
        timeout(HANG, waiting).await.expect("spans come");
        self.tasks.close();
        all
    }
}

/// A request's head and body.
async fn take(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            })?;
            if bytes.len() >= end + 4 + length {
                return Some((head, bytes[end + 4..].to_vec()));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

async fn a_request_that_its_caller_traces_has_spans_down_to_the_statement(database: Database) {
    let mut collector = Collector::start().await;
    let endpoint = collector.endpoint.clone();
    let flags = ["--bundled-catalogue=skip", "--trace-sample=0", "--otlp-endpoint", &endpoint];
    let process = Process::serve(&database, &flags).await;
    process.client.get("/v1/genres?").await; // nobody traces it
    let asked = process.client.request(Method::GET, "/v1/movies").header("traceparent", GIVEN);
    let answer = asked.header("tracestate", "vendor=kept").send().await.expect(200);
    let told = answer.header("traceparent").to_owned();
    process.signal("TERM"); // what is left is sent at the end
    let names: [&[u8]; 4] = [b"request", b"cache", b"load", b"statement"];
    let spans = collector.until(|spans| names.iter().all(|name| has(spans, name))).await;
    assert!(has(&spans, &TRACE.to_be_bytes()), "the caller's trace");
    assert!(has(&spans, &0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()), "the caller's span");
    let ours = u64::from_str_radix(&told[36..52], 16).unwrap();
    assert!(has(&spans, &ours.to_be_bytes()), "the span that the answer tells of");
    for part in [&b"vendor=kept"[..], b"/v1/movies", b"http.response.status_code", b"marquee"] {
        assert!(has(&spans, part), "{}", String::from_utf8_lossy(part));
    }
    assert!(!has(&spans, b"/v1/genres"), "what nobody traces");
    assert_eq!(process.end().await.code(), Some(0));
}

async fn a_trace_that_begins_here_is_told_to_the_caller(database: Database) {
    let mut collector = Collector::start().await;
    let endpoint = collector.endpoint.clone();
    let flags = ["--bundled-catalogue=skip", "--trace-sample=1", "--otlp-endpoint", &endpoint];
    let process = Process::serve(&database, &flags).await;
    let answer = process.client.get("/v1/movies").await.expect(200);
    let told = answer.header("traceparent").to_owned();
    assert!(told.starts_with("00-") && told.ends_with("-01"), "{told}");
    process.signal("TERM");
    let trace = u128::from_str_radix(&told[3..35], 16).unwrap();
    collector.until(|spans| has(spans, &trace.to_be_bytes())).await;
}

async fn a_collector_that_is_away_holds_up_nobody(database: Database) {
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap(); // takes, and never answers
    let endpoint = format!("http://{}", away.local_addr().unwrap());
    let flags = ["--bundled-catalogue=skip", "--trace-sample=1", "--otlp-endpoint", &endpoint];
    let process = Process::serve(&database, &flags).await;
    for _ in 0..50 {
        process.client.get("/v1/movies").await.expect(200);
    }
    process.signal("TERM");
    assert_eq!(process.end().await.code(), Some(0));
}
