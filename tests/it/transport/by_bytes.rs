//! Requests that are answered by the bytes of their heads, past the parser: as the parser's would be, in
//! their order, and under every rule.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::wire::{GOOD, HANG, answer};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    both_ways_give_the_same_answer,
    requests_that_come_at_once_are_answered_in_their_order,
    a_client_that_reads_late_gets_every_answer_whole,
    a_connection_ends_after_so_many_requests,
    a_read_after_a_write_includes_it,
    the_limit_of_a_client_holds,
    a_service_that_stops_says_so,
}

/// The HTTP library writes the date last.
fn is_by_bytes(answer: &str) -> bool {
    let at = |field: &str| answer.find(field).unwrap_or_else(|| panic!("no {field} in {answer}"));
    at("\r\ndate: ") < at("\r\nx-request-id: ")
}

pub(crate) async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    if !request.starts_with("HEAD ") {
        return answer(stream).await;
    }
    let reading = async {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.expect("the server answers"));
        }
        String::from_utf8(bytes).expect("a head")
    };
    timeout(HANG, reading).await.expect("the server answers")
}

/// Asks until the answer comes past the parser; gives the one before, and it.
pub(crate) async fn both_ways(stream: &mut TcpStream, request: &str) -> (String, String) {
    let mut before = ask(stream, request).await;
    let asking = async {
        loop {
            let answer = ask(stream, request).await;
            if is_by_bytes(&answer) {
                return (before, answer);
            }
            before = answer;
        }
    };
    timeout(HANG, asking).await.expect("an answer past the parser")
}

/// What an answer says, but for what is another thing each time.
fn said(answer: &str) -> (&str, BTreeSet<&str>, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let (first, fields) = head.split_once("\r\n").expect("fields");
    let varies = ["date: ", "x-request-id: ", "age: ", "cache-status: ", "ratelimit: "];
    let same = |field: &&str| !varies.iter().any(|name| field.starts_with(name));
    (first, fields.split("\r\n").filter(same).collect(), body)
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: marquee\r\n{fields}\r\n")
}

async fn both_ways_give_the_same_answer(database: Database) {
    let writing = TestApp::start(database, &[]).await;
    for n in 0..40 {
        writing.post("/v1/movies", &json!({"title": format!("{n}")})).await.expect(201);
    }
    let flags = ["--trusted-proxies=127.0.0.1", "--rate-limit=read=100000/1s"];
    let app = TestApp::start(writing.database.same(), &flags).await;
    let tag = app.get("/v1/movies").await.expect(200).header("etag").to_owned();
    let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let mut stream = app.connect().await;
    for request in [
        get("/v1/movies", ""),
        get("/v1/movies", "Accept-Encoding: gzip, br\r\nConnection: keep-alive\r\n"),
        get("/v1/movies", &format!("If-None-Match: {tag}\r\n")),
        get("/v1/movies/7", "X-Request-Id: mine\r\nX-Forwarded-For: 192.0.2.1\r\n"),
        get("/v1/movies/70", ""),
        get("/search", ""),
        get("/v1/movies", "").replace("GET", "HEAD"),
        get("/v1/movies/70", "").replace("GET", "HEAD"),
        get("/v1/genres", trace),
    ] {
        let (before, after) = both_ways(&mut stream, &request).await;
        let ours = "\r\nx-request-id: mine\r\n";
        assert_eq!(after.contains(ours), request.contains("X-Request-Id"), "{after}");
        assert!(after.contains("\r\ncache-status: marquee-l1; hit; ttl="), "{after}");
        assert!(after.contains("\r\nratelimit: \"read\";r="), "{after}");
        let new_span = |answer: &str| {
            let span = answer.lines().find(|line| line.starts_with("traceparent: "));
            span.map(str::to_owned)
        };
        let spans = [&before, &after].map(|answer| new_span(answer));
        assert_eq!(spans[0].is_some(), request.contains("traceparent"));
        let [before, after] = [(&before, &spans[0]), (&after, &spans[1])].map(|(answer, span)| {
            let span = span.clone().map(|span| span + "\r\n").unwrap_or_default();
            if span.is_empty() { answer.clone() } else { answer.replace(&span, "") }
        });
        assert_eq!(said(&before), said(&after), "{request}");
    }
}

async fn requests_that_come_at_once_are_answered_in_their_order(database: Database) {
    let app = TestApp::start(database, &[]).await;
    app.post("/v1/movies", &json!({"title": "first", "genres": ["War"]})).await.expect(201);
    let mut stream = app.connect().await;
    let (list, movie) = (get("/v1/movies?genre=nothing", ""), get("/v1/movies/1", ""));
    for request in [&list, &movie, &GOOD.to_owned()] {
        both_ways(&mut stream, request).await;
    }
    let body = r#"{"title":"posted"}"#;
    let post = format!(
        "POST /v1/movies HTTP/1.1\r\nHost: marquee\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let not_found = get("/v1/nothing", "");
    let parts: [(&str, &str); 8] = [
        (&list, "\"data\":[]"),
        (&movie, "\"title\":\"first\""),
        (GOOD, "\"War\""),
        (&post, "\"title\":\"posted\""),
        (&movie, "\"title\":\"first\""),
        (&not_found, "\"status\":404"),
        (GOOD, "\"War\""),
        (&list, "\"data\":[]"),
    ];
    let all: String = parts.iter().map(|(request, _)| *request).collect();
    for _ in 0..50 {
        stream.write_all(all.as_bytes()).await.expect("the server reads");
        for (request, expected) in &parts {
            let answer = answer(&mut stream).await;
            assert!(answer.contains(expected), "{request} {answer}");
        }
        // In pieces of any size, too.
        let cut = 1 + usize::try_from(getrandom::u32().unwrap()).unwrap() % (all.len() - 1);
        for piece in [&all[..cut], &all[cut..]] {
            stream.write_all(piece.as_bytes()).await.expect("the server reads");
            tokio::task::yield_now().await;
        }
        for (request, expected) in &parts {
            let answer = answer(&mut stream).await;
            assert!(answer.contains(expected), "{request} {answer}");
        }
    }
}

async fn a_client_that_reads_late_gets_every_answer_whole(database: Database) {
    const REQUESTS: usize = 4_000;
    let app = TestApp::start(database, &[]).await;
    for n in 0..30 {
        let movie = json!({"title": format!("{n} {}", "x".repeat(400))});
        app.post("/v1/movies", &movie).await.expect(201);
    }
    let mut stream = app.connect().await;
    let request = get("/v1/movies", "");
    let (_, expected) = both_ways(&mut stream, &request).await;
    let (mut reading, mut writing) = stream.into_split();
    let all = request.repeat(REQUESTS);
    // Another thread than the one that has learnt it may have the connection at first.
    let mut past = 0;
    while past == 0 {
        let sending = async {
            writing.write_all(all.as_bytes()).await.expect("the server reads, in the end");
        };
        let receiving = async {
            // Until the server cannot write any more, and so reads no more.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            for n in 0..REQUESTS {
                let answer = answer(&mut reading).await;
                past += usize::from(is_by_bytes(&answer));
                assert_eq!(said(&answer), said(&expected), "{n}");
            }
        };
        tokio::join!(sending, receiving);
    }
}

async fn a_connection_ends_after_so_many_requests(database: Database) {
    let app = TestApp::start(database, &["--max-requests-per-connection=40"]).await;
    let mut stream = app.connect().await;
    let mut past = 0;
    for number in 1..=40 {
        let answer = ask(&mut stream, GOOD).await;
        past += usize::from(is_by_bytes(&answer));
        assert_eq!(answer.contains("\r\nconnection: close\r\n"), number == 40, "{number} {answer}");
    }
    assert!(past > 0);
    assert_eq!(super::wire::rest(&mut stream).await, "");
}

async fn a_read_after_a_write_includes_it(database: Database) {
    let app = TestApp::start(database, &[]).await;
    let mut stream = app.connect().await;
    let request = get("/v1/movies", "");
    for n in 0..50 {
        both_ways(&mut stream, &request).await;
        let title = format!("\"title\":\"written {n}\"");
        app.post("/v1/movies", &json!({"title": format!("written {n}")})).await.expect(201);
        let answer = ask(&mut stream, &request).await;
        assert!(answer.contains(&title), "{n} {answer}");
    }
}

async fn the_limit_of_a_client_holds(database: Database) {
    let flags = ["--trusted-proxies=127.0.0.1", "--rate-limit=read=60/1h"];
    let app = TestApp::start(database, &flags).await;
    let mut stream = app.connect().await;
    let request = get("/v1/genres", "X-Forwarded-For: 192.0.2.1\r\n");
    let (mut past, mut good) = (0, 0);
    for _ in 0..200 {
        let answer = ask(&mut stream, &request).await;
        if answer.starts_with("HTTP/1.1 200 ") {
            good += 1;
            past += usize::from(is_by_bytes(&answer));
        } else {
            assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
            assert!(!is_by_bytes(&answer), "{answer}");
        }
    }
    assert!(past > 0 && (60..=121).contains(&good), "{past} {good}");
    let other = request.replace("192.0.2.1", "192.0.2.2");
    assert!(ask(&mut stream, &other).await.starts_with("HTTP/1.1 200 "));
}

async fn a_service_that_stops_says_so(database: Database) {
    let app = TestApp::start(database, &[]).await;
    let mut stream = app.connect().await;
    both_ways(&mut stream, GOOD).await;
    let stopping = app.app.stop();
    // What is on its way when it stops is answered, or the connection is closed: never cut in an answer.
    let all = timeout(HANG, async {
        loop {
            if stream.write_all(GOOD.as_bytes()).await.is_err() {
                break;
            }
            let mut first = [0; 1];
            if stream.read_exact(&mut first).await.is_err() {
                break;
            }
            let mut whole = "H".to_owned();
            whole.push_str(&answer(&mut stream).await);
            assert!(whole.starts_with("HTTP/1.1 200 "), "{whole}");
        }
    });
    let (ended, _) = tokio::join!(all, stopping);
    ended.expect("the connection ends");
}
