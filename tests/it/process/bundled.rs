//! The bundled catalogue, with which a new embedded database begins.

use super::Process;
use crate::backend::{Database, on_backend, on_sqlite};

on_sqlite! {
    the_first_start_answers_with_real_films_and_the_second_loads_nothing,
    a_load_that_was_killed_goes_on_at_the_next_start,
    a_new_database_stays_empty_when_the_settings_say_so,
}

on_backend! { mariadb MariaDb: a_database_that_is_not_embedded_begins_empty }

const FILMS: i64 = 17_027;
const COUNT: &str = "SELECT COUNT(*) FROM movies";

async fn the_first_start_answers_with_real_films_and_the_second_loads_nothing(database: Database) {
    let process = Process::serve(&database, &[]).await;
    let list = "/v1/movies?genre=Sci-Fi&sort=-rating&limit=5&fields=title";
    let list = process.client.get(list).await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 5, "{list}");
    let first = process.client.get("/v1/movies?limit=1").await.expect(200).json();
    let target = format!("/v1/movies/{}", first["data"][0]["id"]);
    process.client.request(hyper::Method::DELETE, &target).send().await.expect(204);
    process.signal("TERM");
    assert_eq!(process.end().await.code(), Some(0));

    let process = Process::serve(&database, &[]).await;
    process.client.get(&target).await.expect(404);
    assert_eq!(database.integers(COUNT).await, [[FILMS - 1]]);
}

async fn a_load_that_was_killed_goes_on_at_the_next_start(database: Database) {
    let mut process = Process::start(&database, &[]).await;
    process.logged("the database is ready").await;
    while database.integers(COUNT).await == [[0]] {}
    process.admin.get("/livez").await.expect(200);
    process.admin.get("/readyz").await.expect(503);
    process.kill().await;
    let loaded = database.integers(COUNT).await[0][0];
    assert!(0 < loaded && loaded < FILMS, "{loaded} films were loaded");

    let mut process = Process::start(&database, &[]).await;
    let event = process.logged("the bundled catalogue was loaded").await;
    assert_eq!(event["movies"], FILMS - loaded);
    assert_eq!(database.integers(COUNT).await, [[FILMS]]);
}

async fn a_new_database_stays_empty_when_the_settings_say_so(database: Database) {
    let process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    let list = process.client.get("/v1/movies").await.expect(200).json();
    assert_eq!(list["page"]["total"], 0);
}

async fn a_database_that_is_not_embedded_begins_empty(database: Database) {
    let process = Process::serve(&database, &[]).await;
    let list = process.client.get("/v1/movies").await.expect(200).json();
    assert_eq!(list["page"]["total"], 0);
}
