//! `marquee bump --rebuild`: what it prints, and the code that it exits with.

use tokio::task::spawn_blocking;

use super::output;
use crate::backend::{Database, on_every_backend};

on_every_backend! {
    a_rebuild_prints_a_summary_and_exits_with_65_for_bad_movies,
}

async fn bump(database: &Database) -> (Option<i32>, String, String) {
    let url = database.url.clone();
    let run = move || output(&["bump", "--rebuild", "--log-level=off", "--database-url", &url]);
    let output = spawn_blocking(run).await.expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn a_rebuild_prints_a_summary_and_exits_with_65_for_bad_movies(database: Database) {
    let nothing = "movies            0\nrepaired          0\nbad               0\n\
                   links removed     0\ntotals corrected  0\nrevision          1\n";
    assert_eq!(bump(&database).await, (Some(0), nothing.to_owned(), String::new()));
    let row = |id: u8, genres: &str| {
        format!(
            "INSERT INTO movies (id, title, title_key, identity, directors, genres, cast_names, countries, \
             languages, version, created_at, updated_at) \
             VALUES ({id}, 'A', '', '', '[]', '{genres}', '[]', '[]', '[]', 1, 0, 0)"
        )
    };
    database.edit(&[row(7, "[\"Drama\"]"), row(8, "Drama")]).await;
    let (code, printed, complaint) = bump(&database).await;
    let summary = "movies            2\nrepaired          1\nbad               1\n\
                   links removed     0\ntotals corrected  2\nrevision          2\n";
    assert_eq!((code, printed.as_str()), (Some(65), summary));
    assert!(complaint.starts_with("marquee: row 8 of movies has a bad genres: "), "{complaint}");
    assert_eq!(complaint.lines().count(), 1);
}
