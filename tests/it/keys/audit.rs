//! The trail of writes and refusals, in the log of the real program.

use hyper::Method;
use serde_json::{Value, json};

use super::{commands::create, get, post};
use crate::{
    backend::{Backend, Database},
    process::Process,
};

async fn next(service: &mut Process, message: &str) -> Value {
    let line = service.logged(message).await;
    assert_eq!(line["target"], "audit");
    line
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_and_every_refusal_has_a_line() {
    let database = Database::new(Backend::Sqlite).await;
    let (reader, editor) = (create(&database, "reader"), create(&database, "editor"));
    // Who lowers the level of the log keeps the trail.
    let flags = ["--bundled-catalogue=skip", "--log-level=error,marquee::app=info"];
    let mut service = Process::serve(&database, &flags).await;
    let client = service.client;
    let bearer = format!("Bearer {editor}");

    let answer = post(client, &editor).await.expect(201);
    let line = next(&mut service, "write").await;
    assert_eq!(line["caller"], "key");
    assert_eq!((&line["key"], &line["key_name"]), (&json!(&editor[3..11]), &json!("test")));
    assert_eq!((&line["role"], &line["client"]), (&json!("editor"), &json!("127.0.0.1")));
    assert_eq!((&line["method"], &line["route"]), (&json!("POST"), &json!("create_movie")));
    assert_eq!((&line["movies"], &line["status"]), (&json!("1"), &json!(201)));
    assert_eq!(line["revision"], 1);
    assert_eq!(line["request_id"], answer.header("x-request-id"));

    let send = |method: Method, target: &str, body: &Value| {
        client.request(method, target).header("authorization", &bearer).json(body).send()
    };
    let batch = json!({"operations": [
        {"op": "create", "movie": {"title": "b"}}, {"op": "delete", "id": 1}, {"op": "delete", "id": 9},
    ]});
    let batch_answer = send(Method::POST, "/v1/movies/batch", &batch).await;
    let line = next(&mut service, "write").await;
    assert_eq!(line["route"], "batch_movies");
    if batch_answer.status == 207 {
        assert_eq!(line["movies"], "2,1");
    }
    let compat = json!({"name": "c", "director": "d", "year": 1979, "rank": 8.1, "genre": ["e"]});
    send(Method::POST, "/movie", &compat).await.expect(201);
    assert_eq!(next(&mut service, "write").await["movies"], "3");
    send(Method::PATCH, "/v1/movies/2", &json!({"year": 2000})).await.expect(200);
    let line = next(&mut service, "write").await;
    assert_eq!((&line["movies"], &line["status"]), (&json!("2"), &json!(200)));
    let gone = client.request(Method::DELETE, "/v1/movies/2").header("authorization", &bearer);
    gone.send().await.expect(204);
    assert_eq!(next(&mut service, "write").await["movies"], "2");
    let none = client.request(Method::DELETE, "/v1/movies/77").header("authorization", &bearer);
    none.send().await.expect(404);
    let line = next(&mut service, "write").await;
    assert_eq!((&line["movies"], &line["status"]), (&json!("77"), &json!(404)));
    assert_eq!(line["revision"], Value::Null);

    client.post("/v1/movies", &json!({"title": "x"})).await.expect(401);
    let line = next(&mut service, "refused").await;
    assert_eq!((&line["caller"], &line["status"]), (&json!("anonymous"), &json!(401)));
    post(client, &reader).await.expect(403);
    let line = next(&mut service, "refused").await;
    assert_eq!((&line["key"], &line["status"]), (&json!(&reader[3..11]), &json!(403)));
    let mut wrong = super::key(marquee::domain::api_key::Role::Admin).1;
    get(client, "/v1/movies", &wrong).await.expect(401);
    let line = next(&mut service, "refused").await;
    assert_eq!((&line["reason"], &line["route"]), (&json!("unknown"), &json!("list_movies")));
    assert_eq!(line["key"], &wrong[3..11]);
    wrong.pop();
    get(client, "/v1/movies", &wrong).await.expect(401);
    assert_eq!(next(&mut service, "refused").await["reason"], "malformed");
    // Reads that are answered have none.
    client.get("/v1/movies").await.expect(200);
    post(client, &editor).await.expect(201);
    assert_eq!(next(&mut service, "write").await["route"], "create_movie");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_without_keys_and_refused_forwarded_ones_have_lines_too() {
    let database = Database::new(Backend::Sqlite).await;
    let mut service = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    let client = service.client;
    client.post("/v1/movies", &json!({"title": "x"})).await.expect(201);
    assert_eq!(next(&mut service, "write").await["caller"], "anonymous");
    let forwarded = client.request(Method::DELETE, "/v1/movies/1");
    forwarded.header("x-forwarded-for", "192.0.2.1").send().await.expect(403);
    let line = next(&mut service, "refused").await;
    assert_eq!((&line["status"], &line["movies"]), (&json!(403), &json!("1")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_client_left_has_a_line() {
    use sqlx::{Connection as _, Executor as _};
    use tokio::io::AsyncWriteExt as _;

    let database = Database::new(Backend::Sqlite).await;
    let mut service = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    // Whoever writes waits for this one.
    let mut other = sqlx::SqliteConnection::connect(&database.url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let mut stream = service.client.connect().await;
    let request = "DELETE /v1/movies/5 HTTP/1.1\r\nhost: x\r\nx-request-id: left\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // Whoever leaves before the request was begun has sent none.
    let begun = "\nmarquee_http_requests_in_flight 1\n";
    while !service.admin.get("/metrics").await.text().contains(begun) {
        tokio::task::yield_now().await;
    }
    drop(stream);
    let line = next(&mut service, "write whose client left").await;
    assert_eq!((&line["movies"], &line["route"]), (&json!("5"), &json!("delete_movie")));
    assert_eq!((&line["request_id"], &line["status"]), (&json!("left"), &Value::Null));
    other.execute("ROLLBACK").await.unwrap();
}
