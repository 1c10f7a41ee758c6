//! Import: whatever the files are like, whole rows come of it, and each row that is not taken is
//! told with its reason.

mod inputs;

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{marquee, output};
use crate::backend::{Database, on_every_backend};

on_every_backend! {
    an_import_run_twice_changes_nothing,
    dirty_rows_are_told_and_the_others_taken,
    a_row_that_the_store_does_not_take_costs_only_itself,
    a_truncated_file_leaves_whole_rows_and_exit_74,
    an_interrupted_import_is_finished_by_the_next_one,
    a_killed_import_is_finished_by_the_next_one,
    a_large_first_load_recognises_movies_of_the_batches_beside,
}

/// Runs `marquee import` in a folder.
async fn import(database: &Database, folder: &Path, arguments: &[&str]) -> Output {
    let usual = ["import", "--log-level=off", "--database-url", &database.url];
    let mut command = marquee(&usual);
    command.args(arguments).current_dir(folder);
    spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// What the summary says of a name.
fn counted(output: &Output, name: &str) -> Option<u64> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let line = text.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].trim().parse().ok()
}

fn counts(output: &Output) -> [Option<u64>; 5] {
    ["read", "created", "updated", "unchanged", "rejected"].map(|name| counted(output, name))
}

#[track_caller]
fn expect(output: &Output, code: i32, expected: [u64; 5]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(counts(output), expected.map(Some), "{error}");
}

fn rejects(folder: &Path, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

async fn titles(database: &Database) -> i64 {
    database.integers("SELECT COUNT(DISTINCT title) FROM movies").await[0][0]
}

const MANY: u64 = 2_500;

/// As many films as come in three transactions.
fn many() -> Vec<u8> {
    let arguments = ["synthesise", "--seed=3", "--movies", &MANY.to_string()].map(str::to_owned);
    output(&arguments.each_ref().map(String::as_str)).stdout
}

async fn an_import_run_twice_changes_nothing(database: Database) {
    let folder = folder(&[("films.jsonl", &many())]);
    let first = import(&database, folder.path(), &["films.jsonl"]).await;
    expect(&first, 0, [MANY, MANY, 0, 0, 0]);
    let revision = "SELECT revision FROM catalog_revisions WHERE scope = '*'";
    let before = database.integers(revision).await;
    let second = import(&database, folder.path(), &["--strict", "films.jsonl"]).await;
    expect(&second, 0, [MANY, 0, 0, MANY, 0]);
    assert_eq!(database.integers(revision).await, before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no rejects, no rejects file");
}

async fn dirty_rows_are_told_and_the_others_taken(database: Database) {
    let csv = b"\xef\xbb\xbfName;Director;Year;Genre\r\n\
        Am\xc3\xa9lie;Jean-Pierre Jeunet;2001; Comedy | Romance \r\n\
        \r\n\
        \" \";nobody;2001;Drama\r\n\
        Fant\xf4mas;Louis Feuillade;1913;Crime\r\n\
        1984;Michael Radford;1984;Sci-Fi\r\n\
        too;many;1;2;3\r\n\
        Future;;2999;\r\n";
    let json = br#"[{"title":"Stalker","year":1979},{"title":"a","title":"b"},7,]"#;
    let folder = folder(&[("films.csv", csv), ("films.json", json)]);
    let inputs = ["--strict", "films.csv", "films.json"];
    let output = import(&database, folder.path(), &inputs).await;
    expect(&output, 65, [9, 3, 0, 0, 6]);
    let rejects = rejects(folder.path(), "films.csv.rejects.jsonl");
    let places: Vec<_> =
        rejects.iter().map(|row| (row["file"].as_str().unwrap(), &row["line"])).collect();
    let expected = [
        ("films.csv", &json!(4)),
        ("films.csv", &json!(5)),
        ("films.csv", &json!(7)),
        ("films.csv", &json!(8)),
        ("films.json", &json!(1)),
        ("films.json", &json!(1)),
    ];
    assert_eq!(places, expected);
    assert_eq!(rejects[1]["row"], "Fant\u{fffd}mas;Louis Feuillade;1913;Crime");
    for (n, reason) in [(0, "/title"), (1, "UTF-8"), (2, "columns"), (3, "/year"), (4, "twice")] {
        assert!(rejects[n]["reason"].as_str().unwrap().contains(reason), "{}", rejects[n]);
    }
    let genres = "SELECT COUNT(*) FROM genres WHERE name IN ('Comedy', 'Romance', 'Sci-Fi')";
    assert_eq!(database.integers(genres).await, [[3]]);
}

async fn a_row_that_the_store_does_not_take_costs_only_itself(database: Database) {
    let first = br#"{"id":1,"title":"one","imdb_id":"tt0000001"}"#;
    let second = br#"{"id":2,"title":"two","imdb_id":"tt0000001"}
{"id":3,"title":"three"}
{"id":4,"title":"four","imdb_id":"tt0000004"}
{"id":5,"title":"five","imdb_id":"tt0000004"}
"#;
    let folder = folder(&[("a.jsonl", first), ("b.jsonl", second)]);
    let run = async |file| import(&database, folder.path(), &["--keep-ids", file]).await;
    expect(&run("a.jsonl").await, 0, [1, 1, 0, 0, 0]);
    expect(&run("b.jsonl").await, 0, [4, 2, 0, 0, 2]);
    let rejects = rejects(folder.path(), "b.jsonl.rejects.jsonl");
    assert_eq!((&rejects[0]["line"], &rejects[1]["line"]), (&json!(1), &json!(4)));
    assert_eq!(rejects[0]["reason"], "movie 1 has its imdb_id");
    let ids = database.integers("SELECT id FROM movies ORDER BY id").await;
    assert_eq!(ids.concat(), [1, 3, 4]);
}

async fn a_truncated_file_leaves_whole_rows_and_exit_74(database: Database) {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&many()).unwrap();
    let mut bytes = gzip.finish().unwrap();
    bytes.truncate(bytes.len() / 2);
    let folder = folder(&[("films.gz", &bytes), ("b.jsonl", br#"{"title":"the other file"}"#)]);
    let output = import(&database, folder.path(), &["films.gz", "b.jsonl"]).await;
    assert_eq!(output.status.code(), Some(74));
    let created = counted(&output, "created").unwrap();
    assert!(created > 1000 && created < 1500, "{created}");
    let error = String::from_utf8(output.stderr).unwrap();
    // The other file's one row was taken too.
    assert!(error.contains(&format!("films.gz: broken off in line {created};")), "{error}");
    let whole = "SELECT COUNT(*) FROM movies WHERE title = 'the other file' \
                 OR id IN (SELECT movie_id FROM movie_countries)";
    assert_eq!(database.integers(whole).await.concat(), [i64::try_from(created).unwrap()]);
}

async fn an_interrupted_import_is_finished_by_the_next_one(database: Database) {
    let all = many();
    let folder = folder(&[("films.jsonl", &all)]);
    let mut child = marquee(&["import", "--log-level=off", "--database-url", &database.url, "-"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe stays open: the import waits for more when the signal comes.
    let mut stdin = child.stdin.take().unwrap();
    let half = all.len() / 2;
    let (child, stdin) = spawn_blocking(move || {
        stdin.write_all(&all[..half]).unwrap();
        (child, stdin)
    })
    .await
    .unwrap();
    while titles(&database).await == 0 {
        tokio::task::yield_now().await;
    }
    let kill = format!("kill -INT {}", child.id());
    std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
    let output = spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    drop(stdin);
    expect(&output, 130, [1000, 1000, 0, 0, 0]);
    assert_eq!(database.integers("SELECT COUNT(*) FROM movies").await, [[1000]]);
    let next = import(&database, folder.path(), &["films.jsonl"]).await;
    expect(&next, 0, [MANY, MANY - 1000, 0, 1000, 0]);
}

async fn a_killed_import_is_finished_by_the_next_one(database: Database) {
    let folder = folder(&[("films.jsonl", &many())]);
    let arguments = ["import", "--log-level=off", "--database-url", &database.url, "films.jsonl"];
    let mut child =
        marquee(&arguments).current_dir(folder.path()).stdout(Stdio::null()).spawn().unwrap();
    let exists = async || {
        let tables = if !database.url.starts_with("sqlite:") {
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'movies'"
        } else if file_of(&database).exists() {
            "SELECT COUNT(*) FROM sqlite_master WHERE name = 'movies'"
        } else {
            return false;
        };
        database.integers(tables).await[0][0] > 0 && titles(&database).await > 0
    };
    while !exists().await {
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    let left = database.integers("SELECT COUNT(*) FROM movies").await[0][0];
    assert!(left % 1000 == 0 || left == i64::try_from(MANY).unwrap(), "{left} rows are no batches");
    let next = import(&database, folder.path(), &["films.jsonl"]).await;
    let left = u64::try_from(left).unwrap();
    expect(&next, 0, [MANY, MANY - left, 0, left, 0]);
}

/// The file of an SQLite database.
fn file_of(database: &Database) -> &Path {
    Path::new(database.url.trim_start_matches("sqlite:"))
}

/// Batches are written at once then. Each begins with two movies that the batch before ends with.
async fn a_large_first_load_recognises_movies_of_the_batches_beside(database: Database) {
    const BATCHES: usize = 25;
    const ROWS: usize = 1_000;
    let row = |movie: usize| match movie % ROWS {
        0 if movie > 0 => json!({"title": format!("Film {}", movie - 3), "synopsis": "More."}),
        1 if movie > 1 => {
            json!({"title": "Another title", "imdb_id": format!("tt{:07}", movie - 2)})
        }
        997 => json!({"title": format!("Film {movie}")}),
        999 => json!({"title": format!("Film {movie}"), "imdb_id": format!("tt{movie:07}")}),
        n => {
            json!({"title": format!("Film {movie}"), "directors": [format!("Name {}", movie / ROWS + n % 7)]})
        }
    };
    let rows: String =
        (0..BATCHES * ROWS).flat_map(|movie| [row(movie).to_string(), "\n".to_owned()]).collect();
    let folder = folder(&[("films.jsonl", rows.as_bytes())]);
    let output = import(&database, folder.path(), &["films.jsonl"]).await;
    let (read, met) = (25_000, 2 * 24);
    expect(&output, 0, [read, read - met, met, 0, 0]);

    let url = database.url.clone();
    let bump =
        move || super::output(&["bump", "--rebuild", "--log-level=off", "--database-url", &url]);
    let rebuilt = spawn_blocking(bump).await.unwrap();
    for name in ["repaired", "bad", "links removed", "totals corrected"] {
        assert_eq!(counted(&rebuilt, name), Some(0), "{name}: {rebuilt:?}");
    }
}
