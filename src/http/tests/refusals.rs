use super::*;
use serde_json::json;

#[tokio::test]
async fn every_bad_parameter_is_named() {
    let server = TestServer::start().await;
    let answer = server.get("/v1/movies?limit=0&colour=red&genre=%ff&year=x").await;
    answer.problem(400, &["genre"]);
    let answer = server.get("/v1/movies?limit=0&colour=red&year=x&limit=1").await;
    assert_eq!(answer.problem(400, &["colour", "limit", "year"]), "/problems/invalid-parameter");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn operations_without_parameters_take_none() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a"})).await;
    let item = format!("/v1/movies/{id}");
    for (method, path) in [
        ("GET", item.as_str()),
        ("GET", "/v1/movies/imdb/tt0000001"),
        ("POST", "/v1/movies"),
        ("PUT", &item),
        ("PATCH", &item),
        ("DELETE", &item),
        ("POST", "/v1/movies/batch"),
        ("GET", "/v1/genres"),
        ("GET", "/v1/export"),
        ("GET", "/v1/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/docs/start.js"),
        ("GET", "/search"),
        ("POST", "/movie"),
        ("DELETE", "/movie/1"),
    ] {
        let answer = server
            .send(method, &format!("{path}?debug=1"), &[("content-type", "application/json")], b"")
            .await;
        answer.problem(400, &["debug"]);
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_named_as_such() {
    let server = TestServer::start().await;
    for path in ["/", "/v1/movies/", "/v2/movies", "/docs/"] {
        assert_eq!(server.get(path).await.problem(404, &[]), "/problems/no-such-path");
    }
    let answer = server.json("PUT", "/v1/movies", &json!({})).await;
    assert_eq!(answer.problem(405, &[]), "/problems/method-not-allowed");
    assert_eq!(answer.header("allow"), "GET, POST, HEAD, OPTIONS");
    let options = server.send("OPTIONS", "/v1/movies/1", &[], b"").await;
    assert_eq!(options.status, 204);
    assert_eq!(options.header("allow"), "GET, PUT, PATCH, DELETE, HEAD, OPTIONS");
}

#[tokio::test]
async fn bodies_are_json_under_their_own_name() {
    let server = TestServer::start().await;
    let post = async |headers: &[(&str, &str)], body: &str| {
        server.send("POST", "/v1/movies", headers, body.as_bytes()).await
    };
    let json = ("content-type", "application/json");
    let answer = post(&[], "{}").await;
    assert_eq!(answer.problem(415, &[]), "/problems/unsupported-media-type");
    assert_eq!(answer.header("accept-post"), "application/json");
    post(&[("content-type", "text/plain")], "{}").await.problem(415, &[]);
    post(&[json, ("content-encoding", "gzip")], "{}").await.problem(415, &[]);
    let answer = post(&[json], "{\"title\":").await;
    assert_eq!(answer.problem(400, &[]), "/problems/malformed-json");
    assert!(answer.json()["detail"].as_str().unwrap().contains("line 1 column 9"));
    post(&[json], r#"{"title":"a","title":"b"}"#).await.problem(400, &[]);
    post(&[json], "[]").await.problem(422, &[""]);
}

#[tokio::test]
async fn reads_take_no_body() {
    let server = TestServer::start().await;
    for (method, path) in [("GET", "/v1/movies"), ("DELETE", "/v1/movies/1"), ("GET", "/search")] {
        let answer = server.send(method, path, &[], b"{}").await;
        assert_eq!(answer.problem(400, &[]), "/problems/unexpected-body", "{method} {path}");
    }
}

#[tokio::test]
async fn large_and_slow_bodies_are_refused() {
    let options = api::Options {
        body_bytes_max: 1000,
        batch_bytes_max: 2000,
        body_timeout: Duration::from_millis(100),
        ..api::Options::default()
    };
    let server = TestServer::with(options).await;
    let text = json!({"title": "x".repeat(1000)});
    let answer = server.json("POST", "/v1/movies", &text).await;
    assert_eq!(answer.problem(413, &[]), "/problems/body-too-large");
    let batch = json!({"operations": [{"op": "create", "movie": {"title": "x", "synopsis": "y".repeat(1500)}}]});
    assert_eq!(server.json("POST", "/v1/movies/batch", &batch).await.status, 207);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /v1/movies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
}

#[tokio::test]
async fn forwarded_requests_read_and_do_not_write() {
    let server = TestServer::start().await;
    let forwarded = [("x-forwarded-for", "192.0.2.1"), ("content-type", "application/json")];
    assert_eq!(server.send("GET", "/v1/movies", &forwarded, b"").await.status, 200);
    for (method, path) in [("POST", "/v1/movies"), ("DELETE", "/v1/movies/1"), ("POST", "/movie")] {
        let body = if method == "POST" { "{}" } else { "" };
        let answer = server.send(method, path, &forwarded, body.as_bytes()).await;
        assert_eq!(answer.problem(403, &[]), "/problems/forbidden");
    }
}

#[tokio::test]
async fn the_request_id_is_echoed_and_named_by_problems() {
    let server = TestServer::start().await;
    let answer = server.send("GET", "/nowhere", &[("x-request-id", "abc-1")], b"").await;
    assert_eq!(answer.header("x-request-id"), "abc-1");
    assert_eq!(answer.json()["instance"], "abc-1");
    let made = server.get("/v1/genres").await;
    assert_eq!(made.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn a_catalogue_that_cannot_be_reached_is_503() {
    let server = TestServer::start().await;
    server.store.close().await;
    for path in
        ["/v1/movies", "/v1/movies/1", "/v1/genres", "/search", "/v1/export", "/v1/changes?since=0"]
    {
        let answer = server.get(path).await;
        assert_eq!(answer.problem(503, &[]), "/problems/unavailable", "{path}");
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!String::from_utf8_lossy(&answer.body).contains("pool"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_is_still_sending_sees_why_it_was_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = TestServer::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head =
        "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..4 {
        stream.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
    }
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
}

#[tokio::test]
async fn requests_that_two_readers_could_read_differently_are_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = TestServer::start().await;
    for head in [
        "GET /v1/genres HTTP/1.1",
        "GET /v1/genres HTTP/1.1\r\nHost: a\r\nHost: b",
        "GET /v1/genres HTTP/1.1\r\nHost: a@b",
        "POST /movie HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(format!("{head}\r\n\r\n0\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
        assert!(answer.contains("/problems/invalid-header"), "{head}: {answer}");
    }
}
