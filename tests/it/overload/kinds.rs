//! Each kind has leave of its own.

use hyper::Method;
use tokio::task::JoinSet;

use super::{Lock, check_overloaded, figure, movie, start, until};
use crate::{
    app::TestApp,
    backend::{Backend, Database},
};

/// Three lists, one read by key, one write.
const FLAGS: [&str; 2] = ["--overload-limit=3", "--overload-queue-time=20ms"];

async fn app() -> TestApp {
    start(Database::new(Backend::MariaDb).await, &FLAGS).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_keep_no_movie_and_no_write_out() {
    let app = app().await;
    let created = app.post("/v1/movies", &movie("Ikiru")).await.expect(201);
    let (location, etag) =
        (created.header("location").to_owned(), created.header("etag").to_owned());
    let lock = Lock::on(&app.database).await;
    let client = *app;
    let mut lists = JoinSet::new();
    for n in 0..20 {
        lists.spawn(async move { client.get(&format!("/v1/movies?limit={}", n + 10)).await });
    }
    for _ in 0..17 {
        check_overloaded(&lists.join_next().await.unwrap().unwrap());
    }
    assert_eq!(figure(app.admin, "list", "in_flight").await, 3);

    // A movie is read as soon as there are those that it waits for.
    let mut read = JoinSet::new();
    read.spawn(async move { client.get("/v1/movies/4711").await });
    until(app.admin, "read", "in_flight", 1).await;

    // A write that depends on how the movie is needs no leave to read.
    let mut write = JoinSet::new();
    write.spawn(async move {
        let change = client.request(Method::PATCH, &location).header("if-match", &etag);
        change.json(&serde_json::json!({"year": 1952})).send().await
    });
    until(app.admin, "write", "in_flight", 1).await;

    // Then writes have all that they may, and one more is sent away.
    check_overloaded(&app.post("/v1/movies", &movie("Ran")).await);
    check_overloaded(&app.request(Method::DELETE, "/v1/movies/1").send().await);

    lock.release().await;
    read.join_next().await.unwrap().unwrap().expect(404);
    write.join_next().await.unwrap().unwrap().expect(200);
    while let Some(answer) = lists.join_next().await {
        answer.unwrap().expect(200);
    }
    for kind in ["read", "list", "write"] {
        until(app.admin, kind, "in_flight", 0).await;
        until(app.admin, kind, "waiting", 0).await;
    }
    assert_eq!(figure(app.admin, "write", "shed").await, 2);
    assert_eq!(app.database.integers("SELECT COUNT(*) FROM movies").await, [[1]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_begun_is_done_and_gives_leave_back_when_its_client_has_left() {
    let app = app().await;
    let lock = Lock::on(&app.database).await;
    let client = *app;
    let mut clients = JoinSet::new();
    clients.spawn(async move { client.post("/v1/movies", &movie("Ran")).await });
    until(app.admin, "write", "in_flight", 1).await;
    clients.spawn(async move { client.post("/v1/movies", &movie("Ikiru")).await });
    clients.shutdown().await; // both leave: one is at work, the other waits or is about to
    until(app.admin, "write", "waiting", 0).await;
    assert_eq!(figure(app.admin, "write", "in_flight").await, 1, "the write goes on");
    lock.release().await;
    until(app.admin, "write", "in_flight", 0).await;
    let titles = "SELECT COUNT(*) FROM movies WHERE title = 'Ran'";
    assert_eq!(app.database.integers(titles).await, [[1]]);
}
