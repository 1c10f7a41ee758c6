//! `marquee train` and `marquee models`.

use std::fmt::Write as _;

use marquee::{domain::movie::MovieData, store::mutation::Mutation};

use super::{Ring, in_force, open};
use crate::{
    backend::{Database, begin, on_backend, on_every_backend},
    process::output,
};

on_every_backend! {
    a_command_trains_and_the_service_takes_what_it_made,
}

on_backend! {
    embedded Sqlite:
    a_model_is_learnt_from_a_file_of_imdb_ids
    models_are_listed_used_and_removed
    a_row_that_makes_no_sense_is_named_and_the_others_are_listed
    too_little_is_told_and_nothing_is_kept
}

/// What a command printed, what it said, and its code.
async fn run(database: &Database, arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut all: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
    all.push(format!("--database-url={}", database.url));
    let ran = tokio::task::spawn_blocking(move || {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        output(&all)
    });
    let ran = ran.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(ran.stdout), text(ran.stderr), ran.status.code())
}

async fn a_command_trains_and_the_service_takes_what_it_made(ring: Ring) {
    let (printed, _, code) = run(&ring.app.database, &["train", "--train-threads=1"]).await;
    assert_eq!(code, Some(0), "{printed}");
    for line in
        ["model         1\n", "users         60\n", "interactions  480\n", "movies        30\n"]
    {
        assert!(printed.contains(line), "{line} in {printed}");
    }
    assert!(printed.contains("HR@10"), "{printed}");
    while in_force(ring.app.admin).await != 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let (printed, _, code) = run(&ring.app.database, &["train", "--dry-run"]).await;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.starts_with("model         not kept\n"), "{printed}");
    assert_eq!(ring.store.models().await.unwrap().len(), 1);
}

async fn a_model_is_learnt_from_a_file_of_imdb_ids(database: Database) {
    let store = open(&database, begin()).await;
    let movies = (1..=30).map(|n| {
        let title = format!("Film {n}");
        let imdb_id = Some(format!("tt{n:07}").parse().unwrap());
        let data = MovieData { title, imdb_id, ..MovieData::default() };
        Mutation::Create { data: Box::new(data) }
    });
    store.write(&movies.collect::<Vec<_>>(), None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.dat");
    let mut lines = String::new();
    for user in 0..60_i64 {
        for step in 0..8 {
            let item = 1 + (user * 7 + step) % 30;
            writeln!(lines, "{user}::{item:07}::8::{}", user * 8 + step).unwrap();
        }
        writeln!(lines, "{user}::9999999::8::{user}").unwrap();
    }
    std::fs::write(&file, lines).unwrap();
    let from = format!("--from={}", file.display());
    let (printed, said, code) = run(&database, &["train", &from, "--imdb-numbers"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(printed.contains("interactions  480\n"), "{printed}");
    assert!(said.contains("60 of 540 lines are of no movie of the catalogue"), "{said}");
    assert_eq!(store.models().await.unwrap()[0].model.made_from.items, 30);
    let (_, said, code) = run(&database, &["train", "--from=nowhere.csv"]).await;
    assert_eq!((code, said.lines().count()), (Some(66), 1), "{said}");
}

async fn models_are_listed_used_and_removed(ring: Ring) {
    for _ in 0..2 {
        super::train(&ring.store, &begin()).await;
    }
    let database = &ring.app.database;
    let (listed, ..) = run(database, &["models", "list"]).await;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert!(lines[1].starts_with("2        yes"), "{listed}");
    let (_, said, code) = run(database, &["models", "remove", "2"]).await;
    assert_eq!(code, Some(65), "{said}");
    let (_, said, code) = run(database, &["models", "use", "1"]).await;
    assert_eq!((said.as_str(), code), ("model 1 is in use\n", Some(0)));
    let (_, _, code) = run(database, &["models", "remove", "2"]).await;
    assert_eq!(code, Some(0));
    let (_, said, code) = run(database, &["models", "use", "2"]).await;
    assert_eq!((said.as_str(), code), ("marquee: there is no model 2\n", Some(65)));
    let (_, _, code) = run(database, &["models", "use", "none"]).await;
    assert_eq!(code, Some(64));
}

async fn a_row_that_makes_no_sense_is_named_and_the_others_are_listed(ring: Ring) {
    for _ in 0..3 {
        super::train(&ring.store, &begin()).await;
    }
    let database = &ring.app.database;
    database.edit(&["UPDATE models SET validation = 'good' WHERE version = 2".to_owned()]).await;
    let (listed, said, code) = run(database, &["models", "list"]).await;
    let versions: Vec<&str> = listed.lines().map(|line| &line[..1]).collect();
    assert_eq!((versions, code), (vec!["V", "3", "1"], Some(0)), "{listed}");
    assert_eq!(said, "marquee: row 2 of models has a bad validation: makes no sense\n");
    let (_, said, code) = run(database, &["models", "remove", "2"]).await;
    assert_eq!((said.as_str(), code), ("model 2 is gone\n", Some(0)));
}

async fn too_little_is_told_and_nothing_is_kept(database: Database) {
    let store = open(&database, begin()).await;
    let (printed, said, code) = run(&database, &["train"]).await;
    assert_eq!((printed.as_str(), code), ("", Some(65)));
    assert_eq!(said, "marquee: too few interactions: it takes 20 users with two movies\n");
    assert!(store.models().await.unwrap().is_empty());
}
