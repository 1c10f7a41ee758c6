use super::*;
use serde_json::json;

#[tokio::test]
async fn a_created_movie_is_answered_as_it_is_read() {
    let server = TestServer::start().await;
    let movie = json!({"name": "Stalker", "director": "Andrei Tarkovsky", "genre": [" Drama"], "year": 1979});
    let created = server.json("POST", "/v1/movies", &movie).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("cache-control"), "no-store");
    assert_eq!(created.header("catalog-revision"), "1");
    let read = server.get(created.header("location")).await;
    assert_eq!(read.body, created.body);
    assert_eq!(read.header("etag"), created.header("etag"));
    assert_eq!(read.json()["genres"], json!(["Drama"]));
}

#[tokio::test]
async fn every_fault_of_a_movie_is_answered_at_once() {
    let server = TestServer::start().await;
    let bad = json!({"id": 1, "title": "", "year": 1, "sequel": true});
    let answer = server.json("POST", "/v1/movies", &bad).await;
    assert_eq!(
        answer.problem(422, &["/id", "/sequel", "/title", "/year"]),
        "/problems/invalid-document"
    );
    assert_eq!(server.get("/v1/movies").await.json()["page"]["total"], 0);
}

#[tokio::test]
async fn an_imdb_id_is_given_once() {
    let server = TestServer::start().await;
    let movie = json!({"title": "a", "imdb_id": "tt0000001"});
    server.create(&movie).await;
    let answer = server.json("POST", "/v1/movies", &movie).await;
    assert_eq!(answer.problem(409, &[]), "/problems/imdb-id-taken");
}

#[tokio::test]
async fn a_request_under_a_known_key_is_not_done_again() {
    let server = TestServer::start().await;
    let send = async |body: &str, key: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        server.send("POST", "/v1/movies", &headers, body.as_bytes()).await
    };
    let first = send(r#"{"title":"a"}"#, "k").await;
    let again = send(r#"{"title":"a"}"#, "k").await;
    assert_eq!((first.status.as_u16(), &first.body), (again.status.as_u16(), &again.body));
    assert_eq!(server.get("/v1/movies").await.json()["page"]["total"], 1);
    assert_eq!(
        send(r#"{"title":"b"}"#, "k").await.problem(422, &[]),
        "/problems/idempotency-key-reused"
    );
    assert_eq!(
        send("{}", " ").await.problem(400, &["Idempotency-Key"]),
        "/problems/invalid-header"
    );
}

#[tokio::test]
async fn replacing_leaves_nothing_of_the_old_values() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a", "year": 1999, "genres": ["Drama"]})).await;
    let path = format!("/v1/movies/{id}");
    let mut movie = server.get(&path).await.json();
    let members = movie.as_object_mut().unwrap();
    members.remove("year");
    members.insert("title".to_owned(), json!("b"));
    let answer = server.json("PUT", &path, &movie).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let after = answer.json();
    assert_eq!(
        (&after["title"], &after["year"], &after["version"]),
        (&json!("b"), &Value::Null, &json!(2))
    );
    movie["id"] = json!(id + 1);
    assert_eq!(
        server.json("PUT", &path, &movie).await.problem(422, &["/id"]),
        "/problems/invalid-document"
    );
    assert_eq!(
        server.json("PUT", "/v1/movies/99", &json!({"title": "x"})).await.problem(404, &[]),
        "/problems/no-such-movie"
    );
}

#[tokio::test]
async fn a_merge_changes_what_it_names() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a", "year": 1999, "rating": 5})).await;
    let path = format!("/v1/movies/{id}");
    let headers = [("content-type", "application/merge-patch+json")];
    let answer = server.send("PATCH", &path, &headers, br#"{"rating":null,"name":"b"}"#).await;
    let movie = answer.json();
    assert_eq!(
        (&movie["title"], &movie["year"], &movie["rating"]),
        (&json!("b"), &json!(1999), &Value::Null)
    );
    let same = server.send("PATCH", &path, &headers, b"{}").await;
    assert_eq!((same.status.as_u16(), &same.body), (200, &answer.body));
    let bad =
        server.send("PATCH", &path, &headers, br#"{"title":null,"colour":null,"year":1}"#).await;
    bad.problem(422, &["/colour", "/title", "/year"]);
}

#[tokio::test]
async fn a_deleted_movie_is_gone() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a"})).await;
    let path = format!("/v1/movies/{id}");
    let answer = server.send("DELETE", &path, &[], b"").await;
    assert_eq!((answer.status.as_u16(), answer.header("catalog-revision")), (204, "2"));
    assert_eq!(server.get(&path).await.status, 404);
    assert_eq!(
        server.send("DELETE", &path, &[], b"").await.problem(404, &[]),
        "/problems/no-such-movie"
    );
}

#[tokio::test]
async fn a_batch_does_what_it_can() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a"})).await;
    let batch = json!({"operations": [
        {"op": "create", "movie": {"title": "b"}},
        {"op": "create", "movie": {}},
        {"op": "update", "id": id, "movie": {"year": 1}},
        {"op": "update", "id": id, "movie": {"year": 1999}, "version": 1},
        {"op": "replace", "id": id, "movie": {"title": "c"}, "version": 1},
        {"op": "delete", "id": 99},
        {"op": "delete", "id": id}
    ]});
    let answer = server.json("POST", "/v1/movies/batch", &batch).await;
    assert_eq!(answer.status, 207, "{answer:?}");
    let answer = answer.json();
    let items = answer["data"].as_array().unwrap();
    let statuses: Vec<_> = items.iter().map(|item| item["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 422, 422, 200, 412, 404, 204]);
    assert_eq!(items[1]["problem"]["errors"][0]["pointer"], "/operations/1/movie/title");
    assert_eq!(items[2]["problem"]["errors"][0]["pointer"], "/operations/2/movie/year");
    assert_eq!(items[3]["movie"]["year"], 1999);
    assert_eq!(answer["revision"], 4);
}

#[tokio::test]
async fn an_atomic_batch_does_all_or_nothing() {
    let server = TestServer::start().await;
    let statuses = async |operations: Value| {
        let batch = json!({"operations": operations});
        let answer = server.json("POST", "/v1/movies/batch?atomic=true", &batch).await.json();
        let items = answer["data"].as_array().unwrap();
        items.iter().map(|item| item["status"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let good = json!({"op": "create", "movie": {"title": "a"}});
    assert_eq!(statuses(json!([good, {"op": "create", "movie": {}}])).await, [424, 422]);
    assert_eq!(statuses(json!([good, {"op": "delete", "id": 99}])).await, [424, 404]);
    assert_eq!(server.get("/v1/movies").await.json()["page"]["total"], 0);
    assert_eq!(statuses(json!([good, good])).await, [201, 201]);
}
