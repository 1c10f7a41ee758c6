//! Moving over from the original service: its database is read as it is, and every id is kept.

use std::fs;

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tokio::task::spawn_blocking;

use super::marquee;
use crate::backend::{Backend, Database, on_every_backend};

on_every_backend! {
    the_original_database_moves_over_with_its_ids,
    an_original_database_without_keys_and_of_odd_types_moves_over_too,
}

/// Makes an original database in MariaDB, whatever the catalogue is kept in.
async fn original(statements: &'static str) -> Database {
    let database = Database::new(Backend::MariaDb).await;
    let mut connection = MySqlConnection::connect(&database.url).await.unwrap();
    connection.execute(sqlx::raw_sql(statements)).await.unwrap();
    connection.close().await.unwrap();
    database
}

struct Moved {
    code: Option<i32>,
    summary: String,
    rejects: Vec<Value>,
    /// As exported, by id.
    movies: Vec<Value>,
}

async fn move_over(original: &Database, into: &Database) -> Moved {
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects");
    let mut import = marquee(&["import", "--log-level=off", "--strict", "--database-url"]);
    import.args([&into.url, &original.url]).arg("--rejects").arg(&rejects);
    let mut export = marquee(&["export", "--log-level=off", "--database-url", &into.url]);
    let output = spawn_blocking(move || (import.output().unwrap(), export.output().unwrap()));
    let (import, export) = output.await.unwrap();
    let lines = |text: &str| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Moved {
        code: import.status.code(),
        summary: String::from_utf8(import.stdout).unwrap(),
        rejects: lines(&fs::read_to_string(rejects).unwrap_or_default()),
        movies: lines(&String::from_utf8(export.stdout).unwrap()),
    }
}

fn movie(moved: &Moved, id: i64) -> &Value {
    moved.movies.iter().find(|movie| movie["id"] == id).expect("a movie of this id")
}

async fn the_original_database_moves_over_with_its_ids(database: Database) {
    let original = original(
        "CREATE TABLE movies (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255), \
           director_name VARCHAR(255), year INT, `rank` FLOAT) CHARACTER SET utf8mb3;
         CREATE TABLE movies_genres (movie_id INT, genre VARCHAR(100), KEY (movie_id)) \
           CHARACTER SET latin1;
         INSERT INTO movies VALUES (3, ' The Wizard of Oz ', 'Victor Fleming ', 1939, 8.3), \
           (5, 'Amélie 天使', NULL, NULL, NULL), (900, 'Metropolis', 'Fritz Lang', 1927, 8.1), \
           (901, 'Metropolis', 'Fritz Lang', 1927, 8.1), (902, '   ', 'x', 0, 1);
         INSERT INTO movies_genres VALUES (3, ' Family'), (3, 'Adventure '), (5, 'Comédie'), \
           (900, 'Sci-Fi'), (77, 'Drama'), (5000, 'Drama'), (NULL, 'Horror')",
    )
    .await;
    let moved = move_over(&original, &database).await;
    assert_eq!(moved.code, Some(65), "{}", moved.summary);
    for line in ["read          5", "created       4", "rejected      1", "orphan genres 3"] {
        assert!(moved.summary.contains(line), "{line} in {}", moved.summary);
    }
    let oz = movie(&moved, 3);
    assert_eq!((&oz["title"], &oz["rating"]), (&json!("The Wizard of Oz"), &json!(8.3)));
    assert_eq!(oz["directors"], json!(["Victor Fleming"]));
    assert_eq!(oz["genres"], json!(["Family", "Adventure"]));
    let amelie = movie(&moved, 5);
    assert_eq!((&amelie["title"], &amelie["year"]), (&json!("Amélie 天使"), &Value::Null));
    assert_eq!(amelie["genres"], json!(["Comédie"]));
    assert_eq!(movie(&moved, 900)["title"], movie(&moved, 901)["title"], "repeated films stay");
    assert_eq!(moved.rejects.len(), 4);
    let lines: Vec<_> = moved.rejects.iter().map(|row| row["line"].as_i64().unwrap()).collect();
    assert_eq!(lines, [0, 902, 77, 5000]);
    assert!(moved.rejects.iter().all(|row| !row["file"].as_str().unwrap().contains('@')));

    let again = move_over(&original, &database).await;
    assert!(again.summary.contains("unchanged     4"), "{}", again.summary);
}

async fn an_original_database_without_keys_and_of_odd_types_moves_over_too(database: Database) {
    let original = original(
        "CREATE TABLE movies (id BIGINT UNSIGNED, name TEXT, director_name VARCHAR(50), \
           year VARCHAR(10), `rank` DECIMAL(4,2)) ENGINE=MyISAM CHARACTER SET utf8mb4;
         CREATE TABLE movies_genres (genre BLOB, movie_id BIGINT);
         INSERT INTO movies VALUES (2, 'first', '', ' 1990 ', 7.50), (2, 'second', 'x', '', NULL), \
           (NULL, 'no id', 'x', '1990', 1), (0, 'zero', 'x', '1990', 1), \
           (1, '🎬', 'x', '0000', 10), (9007199254740993, 'far', 'x', '19xx', 2);
         INSERT INTO movies_genres VALUES ('Drama', 2), ('drama', 2), ('Noir', 1)",
    )
    .await;
    let moved = move_over(&original, &database).await;
    assert_eq!(moved.code, Some(65));
    let titles: Vec<_> = moved.movies.iter().map(|movie| movie["title"].as_str()).collect();
    assert_eq!(titles, [Some("🎬"), Some("first")]);
    let first = movie(&moved, 2);
    assert_eq!((&first["year"], &first["rating"]), (&json!(1990), &json!(7.5)));
    assert_eq!((&first["directors"], &first["genres"]), (&json!([]), &json!(["Drama"])));
    let reasons: Vec<_> = moved.rejects.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert!(reasons[..2].iter().all(|reason| reason.contains("positive")), "{reasons:?}");
    assert!(reasons[2].contains("same id") && reasons[3].contains("/year"), "{reasons:?}");
}
