//! Export: what it writes, import reads, and the catalogue is the same again.

use std::{fs, path::Path, process::Stdio};

use tokio::task::spawn_blocking;

use super::{marquee, output};
use crate::backend::{Backend, Database, on_every_backend};

on_every_backend! {
    an_exported_catalogue_is_restored_with_its_ids_and_times,
    an_export_to_a_closed_pipe_ends_quietly,
    an_export_that_cannot_be_written_leaves_the_old_file,
}

async fn run(command: &'static str, database: &Database, folder: &Path, arguments: &[&str]) -> i32 {
    let usual = [command, "--log-level=off", "--database-url", &database.url];
    let mut command = marquee(&usual);
    command.args(arguments).current_dir(folder);
    let output = spawn_blocking(move || command.output().unwrap()).await.unwrap();
    output.status.code().unwrap_or(-1)
}

async fn an_exported_catalogue_is_restored_with_its_ids_and_times(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = r#"{"id":7,"title":"Сталкер 🎬","genres":["Sci-Fi"],"directors":["a|b","Davis, Jr."],"created_at":"2001-02-03T04:05:06.789Z"}
{"id":70000,"title":"\"x\",\ny","synopsis":" two\r\nlines ","rating":8.3,"votes":9007199254740991,"released":"1939-08-25"}
"#;
    fs::write(folder.join("rows.jsonl"), rows).unwrap();
    let films = output(&["synthesise", "--movies=700"]).stdout;
    fs::write(folder.join("films.jsonl"), films).unwrap();
    assert_eq!(run("import", &database, folder, &["--keep-ids", "rows.jsonl"]).await, 0);
    assert_eq!(run("import", &database, folder, &["films.jsonl"]).await, 0);
    assert_eq!(run("export", &database, folder, &["one.jsonl.zst"]).await, 0);
    assert_eq!(run("export", &database, folder, &["one.csv.gz"]).await, 0);
    assert_eq!(run("export", &database, folder, &["--format=jsonl", "one"]).await, 0);
    let one = fs::read_to_string(folder.join("one")).unwrap();
    assert!(one.contains(r#""created_at":"2001-02-03T04:05:06.789Z""#));
    assert_eq!(one.lines().count(), 702);

    // The times of the last change are new, and so is each version.
    let lasting = |text: &str| -> Vec<String> {
        let cut = |line: &str| line.split(r#","version""#).next().unwrap().to_owned();
        text.lines().map(cut).collect()
    };
    for file in ["one.jsonl.zst", "one.csv.gz"] {
        let other = Database::new(Backend::Sqlite).await;
        assert_eq!(run("import", &other, folder, &["--keep-ids", "--strict", file]).await, 0);
        assert_eq!(run("export", &other, folder, &["two.jsonl"]).await, 0);
        let two = fs::read_to_string(folder.join("two.jsonl")).unwrap();
        assert_eq!(lasting(&two), lasting(&one), "{file}");
    }
}

async fn an_export_to_a_closed_pipe_ends_quietly(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let films = output(&["synthesise", "--movies=900"]).stdout;
    fs::write(folder.path().join("films.jsonl"), films).unwrap();
    assert_eq!(run("import", &database, folder.path(), &["films.jsonl"]).await, 0);
    let mut child = marquee(&["export", "--log-level=off", "--database-url", &database.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

async fn an_export_that_cannot_be_written_leaves_the_old_file(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("no folder/films.jsonl");
    let there = there.to_str().unwrap();
    assert_eq!(run("export", &database, folder.path(), &[there]).await, 74);
    assert_eq!(run("export", &database, folder.path(), &["--gzip", "films"]).await, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
