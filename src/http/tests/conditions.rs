use super::*;
use serde_json::json;

#[tokio::test]
async fn a_client_that_has_the_body_is_told_so() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a"})).await;
    for path in
        [format!("/v1/movies/{id}"), "/v1/movies?limit=5".to_owned(), "/v1/genres".to_owned()]
    {
        let whole = server.get(&path).await;
        let etag = whole.header("etag");
        for condition in [etag.to_owned(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let answer = server.send("GET", &path, &[("if-none-match", &condition)], b"").await;
            assert_eq!(answer.status, 304, "{path} {condition}");
            assert!(answer.body.is_empty());
            for name in ["etag", "cache-control", "vary", "catalog-revision"] {
                assert_eq!(answer.header(name), whole.header(name), "{name}");
                assert!(!answer.header(name).is_empty(), "{name}");
            }
        }
        let other = server.send("GET", &path, &[("if-none-match", "\"x\"")], b"").await;
        assert_eq!(other.body, whole.body);
        let malformed = server.send("GET", &path, &[("if-none-match", "x")], b"").await;
        assert_eq!(malformed.problem(400, &["If-None-Match"]), "/problems/invalid-header");
    }
}

#[tokio::test]
async fn a_missing_movie_has_no_tag_to_match() {
    let server = TestServer::start().await;
    let answer = server.send("GET", "/v1/movies/1", &[("if-none-match", "*")], b"").await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_stale_writer_changes_nothing() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a"})).await;
    let path = format!("/v1/movies/{id}");
    let known = server.get(&path).await;
    let write = async |method: &str, etag: &str| {
        let headers = [("content-type", "application/json"), ("if-match", etag)];
        let body = if method == "DELETE" { "" } else { r#"{"title":"b"}"# };
        server.send(method, &path, &headers, body.as_bytes()).await
    };
    let gzip = known.header("etag").trim_end_matches('"').to_owned() + "-gzip\"";
    let changed = write("PATCH", &gzip).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    for method in ["PUT", "PATCH", "DELETE"] {
        let stale = write(method, known.header("etag")).await;
        assert_eq!(stale.problem(412, &[]), "/problems/precondition-failed", "{method}");
        let weak = write(method, &format!("W/{}", changed.header("etag"))).await;
        weak.problem(412, &[]);
        write(method, "b").await.problem(400, &["If-Match"]);
    }
    assert_eq!(server.get(&path).await.body, changed.body);
    assert_eq!(write("DELETE", changed.header("etag")).await.status, 204);
    for method in ["PUT", "PATCH", "DELETE"] {
        write(method, "*").await.problem(412, &[]);
        write(method, known.header("etag")).await.problem(412, &[]);
    }
}

#[tokio::test]
async fn writes_do_not_take_if_none_match() {
    let server = TestServer::start().await;
    let headers = [("content-type", "application/json"), ("if-none-match", "*")];
    let answer = server.send("PUT", "/v1/movies/1", &headers, b"{\"title\":\"x\"}").await;
    answer.problem(400, &["If-None-Match"]);
}
