//! The usual list of requests that two readers could take for different ones, each with its exact
//! answer. Behind each comes a second request on the same connection: where the first is refused, the
//! connection is closed and the second never answered.

use super::wire::{rest, sent};
use crate::{app::TestApp, backend::on_sqlite};

on_sqlite! {
    every_request_of_the_list_is_answered_once_and_closed,
    good_requests_are_answered_one_after_another,
    a_refusal_comes_after_the_answers_before_it,
    a_head_in_pieces_is_refused_like_a_whole_one,
    a_body_that_is_too_large_is_refused_before_it_is_sent,
}

const GET: &str = "GET /v1/genres HTTP/1.1\r\nHost: x\r\n";
const POST: &str = "POST /v1/movies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
/// What must not be answered.
const SMUGGLED: &str = "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n";

/// Name, first part, status.
#[rustfmt::skip]
const LIST: &[(&str, &str, &str, u16)] = &[
    // The length given twice, in two ways, or in an odd way.
    ("CL.TE", POST, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("TE.CL", POST, "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
    ("CL.TE with a length of 0", POST, "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("two lengths", POST, "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    ("the same length twice", POST, "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    ("a list of lengths", POST, "Content-Length: 2, 2\r\n\r\n{}", 400),
    ("length with plus", POST, "Content-Length: +2\r\n\r\n{}", 400),
    ("length with minus", POST, "Content-Length: -2\r\n\r\n{}", 400),
    ("length in hexadecimal", POST, "Content-Length: 0x2\r\n\r\n{}", 400),
    ("length with a space in it", POST, "Content-Length: 1 2\r\n\r\n{}", 400),
    ("length with a fraction", POST, "Content-Length: 2.0\r\n\r\n{}", 400),
    ("no length in the field", POST, "Content-Length:\r\n\r\n{}", 400),
    ("length beyond 64 bits", POST, "Content-Length: 99999999999999999999\r\n\r\n{}", 413),
    ("length behind a vertical tab", POST, "Content-Length:\x0b2\r\n\r\n{}", 400),
    ("length with a letter", POST, "Content-Length: 2a\r\n\r\n{}", 400),
    ("space before the colon of a length", POST, "Content-Length : 2\r\n\r\n{}", 400),
    // Codings.
    ("unknown coding", POST, "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    ("gzip before chunked", POST, "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked before gzip", POST, "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    ("chunked twice in one field", POST, "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked twice in two", POST, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked and identity", POST, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    ("identity", POST, "Transfer-Encoding: identity\r\n\r\n", 400),
    ("an empty coding", POST, "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    ("chunked in quotes", POST, "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    ("chunked with a parameter", POST, "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 400),
    ("space before the colon of a coding", POST, "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("tab before the colon", POST, "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
    ("coding behind a vertical tab", POST, "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
    ("coding with NUL", POST, "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n", 400),
    ("coding behind a bare CR", POST, "A: b\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("coding behind a bare LF", POST, "A: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("folded coding", POST, "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    ("field that begins with a space", POST, " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("coding in HTTP/1.0", "POST /v1/movies HTTP/1.0\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    // Bodies in chunks.
    ("chunk without a size", POST, "Transfer-Encoding: chunked\r\n\r\n\r\n{}\r\n0\r\n\r\n", 400),
    ("negative size", POST, "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400),
    ("size with plus", POST, "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n", 400),
    ("size with 0x", POST, "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400),
    ("size with an underscore", POST, "Transfer-Encoding: chunked\r\n\r\n0_2\r\n{}\r\n0\r\n\r\n", 400),
    ("size behind a space", POST, "Transfer-Encoding: chunked\r\n\r\n 2\r\n{}\r\n0\r\n\r\n", 400),
    ("size before a space", POST, "Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n", 400),
    ("size of 17 digits", POST, "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n", 400),
    ("size before a bare LF", POST, "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400),
    ("size before a bare CR", POST, "Transfer-Encoding: chunked\r\n\r\n2\r{}\r\n0\r\n\r\n", 400),
    ("extension with a bare LF", POST, "Transfer-Encoding: chunked\r\n\r\n2;a\n{}\r\n0\r\n\r\n", 400),
    ("no CRLF behind a chunk", POST, "Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n", 400),
    ("bare LF behind a chunk", POST, "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n", 400),
    ("more in a chunk than it says", POST, "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", 400),
    ("a trailer that gives a length", POST, "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n", 400),
    ("a trailer that gives a host", POST, "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nHost: y\r\n\r\n", 400),
    ("bare LF at the end", POST, "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\n", 400),
    // Bodies where there are none.
    ("GET with a length", GET, "Content-Length: 5\r\n\r\nhello", 400),
    ("GET in chunks", GET, "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("HEAD with a length", "HEAD /v1/genres HTTP/1.1\r\nHost: x\r\n", "Content-Length: 5\r\n\r\nhello", 400),
    ("DELETE with a length", "DELETE /v1/movies/1 HTTP/1.1\r\nHost: x\r\n", "Content-Length: 5\r\n\r\nhello", 400),
    // Lines and fields.
    ("bare LF behind the first line", "GET / HTTP/1.1\n", "Host: x\r\n\r\n", 400),
    ("bare LF at the end of the head", GET, "\n", 400),
    ("bare CR in the first line", "GET /\r HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("bare CR in a field", GET, "A: b\rc\r\n\r\n", 400),
    ("NUL in a field", GET, "A: b\0c\r\n\r\n", 400),
    ("NUL in a name", GET, "A\0: b\r\n\r\n", 400),
    ("folded field", GET, "A: b\r\n c\r\n\r\n", 400),
    ("field folded by a tab", GET, "A: b\r\n\tc\r\n\r\n", 400),
    ("field without a colon", GET, "A b\r\n\r\n", 400),
    ("field without a name", GET, ": b\r\n\r\n", 400),
    ("space in a name", GET, "A b: c\r\n\r\n", 400),
    ("space before a colon", GET, "A : b\r\n\r\n", 400),
    ("control byte in a field", GET, "A: \x01\r\n\r\n", 400),
    // Hosts.
    ("no host", "GET / HTTP/1.1\r\n", "\r\n", 400),
    ("two hosts", GET, "Host: x\r\n\r\n", 400),
    ("two different hosts", GET, "Host: y\r\n\r\n", 400),
    ("host with a user", "GET / HTTP/1.1\r\n", "Host: user@x\r\n\r\n", 400),
    ("host with a path", "GET / HTTP/1.1\r\n", "Host: x/y\r\n\r\n", 400),
    ("host with a space", "GET / HTTP/1.1\r\n", "Host: x y\r\n\r\n", 400),
    ("host with a bad port", "GET / HTTP/1.1\r\n", "Host: x:y\r\n\r\n", 400),
    ("a list of hosts", "GET / HTTP/1.1\r\n", "Host: x, y\r\n\r\n", 400),
    ("a target of another host", "GET http://y/v1/genres HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("a target with a user", "GET http://user@x/v1/genres HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    // First lines.
    ("HTTP/0.9", "GET /v1/genres\r\n", "\r\n", 400),
    ("HTTP/1.2", "GET / HTTP/1.2\r\n", "Host: x\r\n\r\n", 505),
    ("HTTP/2.0 in a line", "GET / HTTP/2.0\r\n", "Host: x\r\n\r\n", 505),
    ("HTTP/3.0", "GET / HTTP/3.0\r\n", "Host: x\r\n\r\n", 505),
    ("HTTP/1.10", "GET / HTTP/1.10\r\n", "Host: x\r\n\r\n", 400),
    ("http/1.1", "GET / http/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("another protocol", "GET / ICY/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("two spaces before the target", "GET  / HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("two spaces behind the target", "GET /  HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("a space behind the version", "GET / HTTP/1.1 \r\n", "Host: x\r\n\r\n", 400),
    ("a tab before the target", "GET\t/ HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("a space before the method", " GET / HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("three words more", "GET / a b HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("method with a colon", "G:T / HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("method that is too long", "GETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n", "Host: x\r\n\r\n", 501),
    ("CONNECT", "CONNECT x:443 HTTP/1.1\r\n", "Host: x:443\r\n\r\n", 501),
    ("TRACE", "TRACE / HTTP/1.1\r\n", "Host: x\r\n\r\n", 501),
    ("fragment", "GET /v1/genres#a HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("a target that is not ASCII", "GET /\u{e9} HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("a target that is no path", "GET v1/genres HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("* for GET", "GET * HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("a target with a control byte", "GET /\x01 HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("a bare LF first", "\nGET / HTTP/1.1\r\n", "Host: x\r\n\r\n", 400),
    ("the preface of HTTP/2 too late", "GET /v1/genres HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n", "A: \0\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("TLS", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03", "\r\n\r\n", 400),
    // What is expected.
    ("another expectation", POST, "Content-Length: 2\r\nExpect: 200-ok\r\n\r\n{}", 417),
    ("two expectations", POST, "Content-Length: 2\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n{}", 417),
];

/// The statuses of all answers.
fn statuses(answers: &str) -> Vec<&str> {
    let status = |(at, _): (usize, &str)| answers.get(at + 9..at + 12);
    let found = answers.match_indices("HTTP/1.1 ").filter_map(status);
    found.filter(|status| status.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

async fn every_request_of_the_list_is_answered_once_and_closed(app: TestApp) {
    assert!(LIST.len() >= 46, "{}", LIST.len());
    for (name, start, end, status) in LIST {
        let answers = rest(&mut sent(app.address(), format!("{start}{end}{SMUGGLED}")).await).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answers.starts_with(&expected), "{name}: {answers}");
        assert_eq!(statuses(&answers).len(), 1, "{name}: {answers}");
        if !start.starts_with("HEAD") {
            assert!(answers.contains("application/problem+json"), "{name}: {answers}");
        }
        assert!(answers.contains("\r\nconnection: close\r\n"), "{name}: {answers}");
    }
    let long = [
        ("a long target", format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(9000)), 414),
        ("a long field", format!("{GET}A: {}\r\n\r\n", "x".repeat(40_000)), 431),
        ("many fields", format!("{GET}{}\r\n", "A: b\r\n".repeat(101)), 431),
        ("a method without an end", "x".repeat(5000), 501),
    ];
    for (name, request, status) in long {
        let answers = rest(&mut sent(app.address(), format!("{request}{SMUGGLED}")).await).await;
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answers}");
        assert_eq!(statuses(&answers).len(), 1, "{name}: {answers}");
    }
}

async fn good_requests_are_answered_one_after_another(app: TestApp) {
    for (name, request, status) in [
        ("one empty line first", format!("\r\n{GET}\r\n"), 200),
        ("a length of 0", format!("{GET}Content-Length: 0\r\n\r\n"), 200),
        ("text beyond ASCII in a field", format!("{GET}A: \u{e9}\r\n\r\n"), 200),
        ("a lower-case method", "get /v1/genres HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
        ("a whole URL", "GET http://X:80/v1/genres HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 200),
        ("a length", format!("{POST}Content-Length: 02\r\n\r\n{{}}"), 422),
        (
            "chunks",
            format!("{POST}Transfer-Encoding: Chunked\r\n\r\n2;a=b\r\n{{}}\r\n0\r\n\r\n"),
            422,
        ),
    ] {
        let two = format!("{request}{GET}Connection: close\r\n\r\n");
        let answers = rest(&mut sent(app.address(), two).await).await;
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answers}");
        assert_eq!(statuses(&answers).len(), 2, "{name}: {answers}");
    }
}

async fn a_refusal_comes_after_the_answers_before_it(app: TestApp) {
    let requests = format!("{GET}\r\n{GET}\r\nGET / HTTP/1.2\r\n\r\n{GET}\r\n");
    let answers = rest(&mut sent(app.address(), requests).await).await;
    assert_eq!(statuses(&answers), ["200", "200", "505"], "{answers}");
}

async fn a_head_in_pieces_is_refused_like_a_whole_one(app: TestApp) {
    use tokio::io::AsyncWriteExt as _;

    let request = format!("{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n");
    for size in [1, 7, 50] {
        let mut stream = sent(app.address(), "").await;
        stream.set_nodelay(true).unwrap();
        for piece in request.as_bytes().chunks(size) {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let _ = stream.write_all(SMUGGLED.as_bytes()).await;
        let answers = rest(&mut stream).await;
        assert!(answers.starts_with("HTTP/1.1 400 "), "{answers}");
        assert!(answers.contains("together with Transfer-Encoding"), "{answers}");
        assert_eq!(statuses(&answers).len(), 1, "{answers}");
    }
}

async fn a_body_that_is_too_large_is_refused_before_it_is_sent(app: TestApp) {
    let request = format!("{POST}Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    let answers = rest(&mut sent(app.address(), request).await).await;
    assert!(answers.starts_with("HTTP/1.1 413 "), "{answers}");
}
