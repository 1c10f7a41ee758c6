use super::*;
use serde_json::json;
use std::io::Read as _;

async fn fill(server: &TestServer, movies: usize) {
    for part in 0..movies.div_ceil(500) {
        let operations: Vec<Value> = (0..500.min(movies - part * 500))
            .map(|n| json!({"op": "create", "movie": {"title": format!("Film {part} {n}"), "synopsis": "é".repeat(500)}}))
            .collect();
        let batch = json!({"operations": operations});
        let answer = server.json("POST", "/v1/movies/batch?atomic=true", &batch).await;
        assert_eq!(answer.status, 207);
    }
}

#[tokio::test]
async fn an_export_is_every_movie_in_every_coding() {
    let server = TestServer::start().await;
    fill(&server, 1200).await;
    let plain = server.get("/v1/export").await;
    assert_eq!(plain.header("content-type"), "application/x-ndjson");
    assert_eq!(plain.header("catalog-revision"), "3");
    let lines: Vec<&[u8]> = plain.body.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 1200);
    let movie: Value = serde_json::from_slice(lines[7]).unwrap();
    assert_eq!(movie, server.get("/v1/movies/8").await.json());
    let gzip = server.send("GET", "/v1/export", &[("accept-encoding", "gzip")], b"").await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(&*gzip.body).read_to_end(&mut decoded).unwrap();
    assert!(decoded == plain.body);
    let zstd = server.send("GET", "/v1/export", &[("accept-encoding", "gzip, zstd")], b"").await;
    assert_eq!(zstd.header("content-encoding"), "zstd");
    assert!(zstd::stream::decode_all(&*zstd.body).unwrap() == plain.body);
}

#[tokio::test]
async fn an_export_of_nothing_is_empty() {
    let server = TestServer::start().await;
    let answer = server.get("/v1/export").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    let head = server.send("HEAD", "/v1/export", &[], b"").await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, ""));
}

#[tokio::test]
async fn an_export_ends_when_its_client_leaves() {
    let server = TestServer::start().await;
    fill(&server, 3000).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let client = server.tasks.spawn(connection);
    let request =
        Request::get("/v1/export").header("host", "x").body(Full::new(Bytes::new())).unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert_eq!(server.api.exports.len(), 1);
    drop((body, sender));
    client.abort();
    let ended = async {
        while !server.api.exports.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the export ends");
    assert_eq!(server.get("/v1/movies").await.status, 200);
}

#[tokio::test]
async fn exports_beyond_the_bound_are_refused_and_reads_go_on() {
    let server = TestServer::with(api::Options { exports_max: 0, ..api::Options::default() }).await;
    assert_eq!(server.get("/v1/export").await.problem(503, &[]), "/problems/unavailable");
    assert_eq!(server.send("HEAD", "/v1/export", &[], b"").await.status, 200);
}

#[tokio::test]
async fn a_body_without_its_end_cuts_the_connection_off() {
    use hyper::body::Body as _;
    let (chunks, receiver) = tokio::sync::mpsc::channel(2);
    let mut body = Box::pin(crate::http::response::Body::Stream(receiver));
    chunks.send(crate::http::response::Chunk::Data(Bytes::from_static(b"a"))).await.unwrap();
    drop(chunks);
    let mut next = async || std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await;
    assert!(next().await.unwrap().is_ok());
    assert!(next().await.unwrap().is_err());
}
