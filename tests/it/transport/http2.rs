//! HTTP/2 by prior knowledge: what is answered, and what ends a connection.

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use marquee::http::server::Drained;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::wire::{HANG, closed, reached, sent};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    requests_of_one_connection_are_answered_at_once,
    a_read_has_the_same_bytes_and_tag_in_either_version,
    a_host_that_contradicts_the_authority_is_refused,
    a_body_is_taken,
    a_head_that_is_too_large_is_refused,
    a_flood_of_continuations_ends_the_connection,
    a_flood_of_resets_ends_the_connection,
    a_flood_of_frames_that_ask_for_nothing_ends_the_connection,
    a_connection_that_asks_for_much_may_say_much,
    more_streams_than_allowed_are_refused,
    an_idle_connection_ends,
    a_connection_has_so_many_requests,
    a_connection_ends_with_the_service,
    a_dead_preface_is_cut_off,
}

type Sender = SendRequest<Empty<Bytes>>;

async fn connect(app: &TestApp) -> Sender {
    let stream = TcpStream::connect(app.address()).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.unwrap();
    TaskTracker::new().spawn(connection);
    sender
}

fn get(target: &str) -> Request<Empty<Bytes>> {
    let uri = format!("http://marquee{target}");
    Request::get(uri).body(Empty::new()).unwrap()
}

async fn status(sender: &mut Sender, request: Request<Empty<Bytes>>) -> StatusCode {
    sender.send_request(request).await.unwrap().status()
}

async fn requests_of_one_connection_are_answered_at_once(app: TestApp) {
    let sender = connect(&app).await;
    let asked = (0..50).map(|_| {
        let mut sender = sender.clone();
        async move { sender.send_request(get("/v1/movies")).await.unwrap().status() }
    });
    for status in futures_util::future::join_all(asked).await {
        assert_eq!(status, 200);
    }
    reached(&app, "marquee_http_connections_accepted_total{listener=\"public\"}", 1.0).await;
}

async fn a_read_has_the_same_bytes_and_tag_in_either_version(app: TestApp) {
    let mut sender = connect(&app).await;
    let first = app.get("/v1/genres").await.expect(200);
    for _ in 0..3 {
        let answer = sender.send_request(get("/v1/genres")).await.unwrap();
        assert_eq!(answer.headers()["etag"], first.header("etag"));
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), first.body);
    }
}

async fn a_host_that_contradicts_the_authority_is_refused(app: TestApp) {
    let mut sender = connect(&app).await;
    let mut request = get("/v1/genres");
    request.headers_mut().insert("host", "other".parse().unwrap());
    assert_eq!(status(&mut sender, request).await, 400);
    assert_eq!(status(&mut sender, get("/v1/genres")).await, 200);
}

async fn a_body_is_taken(app: TestApp) {
    let stream = TcpStream::connect(app.address()).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    TaskTracker::new().spawn(connection);
    let body = http_body_util::Full::new(Bytes::from_static(br#"{"title":"M"}"#));
    let request = Request::post("http://marquee/v1/movies")
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 201);
}

async fn a_head_that_is_too_large_is_refused(app: TestApp) {
    let mut sender = connect(&app).await;
    let mut request = get("/v1/genres");
    request.headers_mut().insert("a", "x".repeat(40_000).parse().unwrap());
    let refused = sender.send_request(request).await;
    let told = refused.is_ok_and(|answer| answer.status() == 431);
    assert!(told || connect(&app).await.send_request(get("/v1/genres")).await.is_ok());
}

/// What a client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `GET /v1/movies` of `a`: indexed fields of HPACK's static table, and two literals.
const GET_HEADERS: &[u8] = b"\x82\x86\x04\x0a/v1/movies\x01\x01a";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads frames until the server ends the connection; gives the code of its GOAWAY.
async fn ended(stream: &mut TcpStream) -> Option<u32> {
    let mut code = None;
    let reading = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            if head[3] == GOAWAY {
                code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
        }
    };
    timeout(HANG, reading).await.expect("the server ends the connection");
    code
}

const ENHANCE_YOUR_CALM: u32 = 11;

async fn a_flood_of_continuations_ends_the_connection(app: TestApp) {
    let mut stream = sent(app.address(), PREFACE).await;
    stream.write_all(&frame(HEADERS, END_STREAM, 1, GET_HEADERS)).await.unwrap();
    for _ in 0..100_000 {
        if stream.write_all(&frame(CONTINUATION, 0, 1, b"")).await.is_err() {
            break;
        }
    }
    let code = ended(&mut stream).await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
    closed(&app, "protocol", 1.0).await;
    app.get("/v1/genres").await.expect(200);
}

async fn a_flood_of_resets_ends_the_connection(app: TestApp) {
    let mut stream = sent(app.address(), PREFACE).await;
    'flood: for burst in 0..2_000_u32 {
        let mut bytes = Vec::new();
        for number in 0..50 {
            let id = (burst * 50 + number) * 2 + 1;
            bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, id, GET_HEADERS));
            bytes.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
        }
        if stream.write_all(&bytes).await.is_err() {
            break 'flood;
        }
    }
    let code = ended(&mut stream).await;
    assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
    closed(&app, "protocol", 1.0).await;
    app.get("/v1/genres").await.expect(200);
}

async fn a_flood_of_frames_that_ask_for_nothing_ends_the_connection(app: TestApp) {
    let floods: [(u8, u32, &[u8]); 5] = [
        (PING, 0, b"12345678"),
        (SETTINGS, 0, b"\0\x03\0\0\0\x64"),
        (WINDOW_UPDATE, 0, b"\0\0\0\x01"),
        (PRIORITY, 3, b"\0\0\0\x01\x10"),
        (250, 0, b""),
    ];
    let mut count = 0.0;
    for (kind, id, payload) in floods {
        count += 1.0;
        let mut stream = sent(app.address(), PREFACE).await;
        let some = frame(kind, 0, id, payload).repeat(1_000);
        let mut sent = 0;
        while sent < 100_000 && stream.write_all(&some).await.is_ok() {
            sent += 1_000;
        }
        ended(&mut stream).await;
        closed(&app, "protocol", count).await;
    }
    app.get("/v1/genres").await.expect(200);
}

async fn a_connection_that_asks_for_much_may_say_much(app: TestApp) {
    let mut stream = sent(app.address(), PREFACE).await;
    let (mut reader, mut writer) = stream.split();
    let writing = async {
        for turn in 0..4_000 {
            let id = 2 * turn + 1;
            let flags = END_STREAM | END_HEADERS;
            let request = frame(HEADERS, flags, id, b"\x82\x86\x04\x0a/v1/genres\x01\x01a");
            let ping = frame(PING, 0, 0, b"12345678");
            let room = frame(WINDOW_UPDATE, 0, 0, b"\0\x01\0\0");
            writer.write_all(&[request, ping, room].concat()).await.expect("it is open");
            tokio::time::sleep(std::time::Duration::from_micros(100)).await;
        }
    };
    let reading = async {
        let (mut answers, mut head) = (0, [0; 9]);
        while answers < 4_000 {
            reader.read_exact(&mut head).await.expect("it is open");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            reader.read_exact(&mut payload).await.expect("it is open");
            assert_ne!(head[3], GOAWAY);
            answers += u32::from(head[3] == HEADERS);
        }
    };
    timeout(HANG, async { tokio::join!(writing, reading) }).await.expect("all are answered");
}

async fn more_streams_than_allowed_are_refused(database: Database) {
    let app = TestApp::start(database, &["--http2-max-streams=2"]).await;
    let mut stream = sent(app.address(), PREFACE).await;
    // Three requests whose bodies do not come: POST is entry 3 of the static table.
    let post = b"\x83\x86\x04\x0a/v1/movies\x01\x01a\x0f\x10\x10application/json";
    for id in [1, 3, 5] {
        stream.write_all(&frame(HEADERS, END_HEADERS, id, post)).await.unwrap();
    }
    let reading = async {
        let mut head = [0; 9];
        loop {
            stream.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            stream.read_exact(&mut payload).await.unwrap();
            if head[3] == RST_STREAM {
                return (head[8], payload[3]);
            }
        }
    };
    let refused_stream = 7;
    let refused = timeout(HANG, reading).await.expect("the third is refused");
    assert_eq!(refused, (5, refused_stream));
}

async fn an_idle_connection_ends(database: Database) {
    let app = TestApp::start(database, &["--idle-timeout=200ms"]).await;
    let mut sender = connect(&app).await;
    assert_eq!(status(&mut sender, get("/v1/genres")).await, 200);
    closed(&app, "idle", 1.0).await;
    assert!(sender.send_request(get("/v1/genres")).await.is_err());
}

async fn a_connection_has_so_many_requests(database: Database) {
    let app = TestApp::start(database, &["--max-requests-per-connection=3"]).await;
    let mut sender = connect(&app).await;
    for _ in 0..3 {
        assert_eq!(status(&mut sender, get("/v1/genres")).await, 200);
    }
    closed(&app, "requests", 1.0).await;
    assert!(sender.send_request(get("/v1/genres")).await.is_err());
}

async fn a_connection_ends_with_the_service(database: Database) {
    let app = TestApp::start(database, &["--drain-deadline=1m"]).await;
    let mut sender = connect(&app).await;
    assert_eq!(status(&mut sender, get("/v1/genres")).await, 200);
    assert_eq!(app.app.stop().await, Drained::Clean);
}

async fn a_dead_preface_is_cut_off(database: Database) {
    let app = TestApp::start(
        database,
        &["--header-timeout=200ms", "--idle-timeout=500ms", "--write-timeout=500ms"],
    )
    .await;
    let _half = sent(app.address(), &PREFACE[..20]).await;
    closed(&app, "head_timeout", 1.0).await;
    let _whole = sent(app.address(), PREFACE).await; // and never a word more
    closed(&app, "idle", 1.0).await;
}
