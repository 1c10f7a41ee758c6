//! What may be imported, how rows are recognised, and what is refused.

use std::fs;

use serde_json::json;

use super::{counted, expect, file_of, folder, import, rejects};
use crate::{
    backend::{Database, on_sqlite},
    process::marquee,
};

on_sqlite! {
    without_keep_ids_a_row_is_known_by_what_it_says,
    a_dry_run_writes_nothing,
    a_file_cannot_be_its_own_rejects_file,
    imdb_tables_make_movies_with_ratings_and_directors,
}

async fn without_keep_ids_a_row_is_known_by_what_it_says(database: Database) {
    let row = |id: u32, title: &str, rating: f64| {
        json!({"id": id, "title": title, "year": 1979, "directors": ["Andrei Tarkovsky"],
               "rating": rating, "created_at": "2001-01-01T00:00:00Z"})
        .to_string()
    };
    let folder = folder(&[
        ("a.jsonl", row(5, "Stalker", 8.0).as_bytes()),
        ("b.jsonl", row(6, " STALKER", 8.1).as_bytes()),
    ]);
    let run = async |file| import(&database, folder.path(), &[file]).await;
    expect(&run("a.jsonl").await, 0, [1, 1, 0, 0, 0]);
    let second = run("b.jsonl").await;
    assert_eq!(counted(&second, "updated"), Some(1));
    let old = "SELECT COUNT(*) FROM movies WHERE created_at < 1000000000000 OR id <> 1";
    assert_eq!(database.integers(old).await, [[0]]);
}

async fn a_dry_run_writes_nothing(database: Database) {
    let folder = folder(&[("films.csv", b"title,rating\nStalker,8.1\nSolaris,81\n")]);
    let output = import(&database, folder.path(), &["--dry-run", "films.csv"]).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((counted(&output, "good"), counted(&output, "rejected")), (Some(1), Some(1)));
    assert!(!file_of(&database).exists());
    assert_eq!(rejects(folder.path(), "films.csv.rejects.jsonl").len(), 1);
}

async fn a_file_cannot_be_its_own_rejects_file(database: Database) {
    let folder = folder(&[("films.csv", b"title\nStalker\n")]);
    let inputs = ["--rejects", "./films.csv", "films.csv"];
    let output = import(&database, folder.path(), &inputs).await;
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(fs::read(folder.path().join("films.csv")).unwrap(), b"title\nStalker\n");
}

async fn imdb_tables_make_movies_with_ratings_and_directors(database: Database) {
    let folder = folder(&[
        (
            "title.basics.tsv",
            b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\t\
              runtimeMinutes\tgenres\n\
              tt0032138\tmovie\tThe Wizard of Oz\tx\t0\t1939\t\\N\t102\tAdventure,Family\n\
              tt0000001\tshort\tCarmencita\tx\t0\t1894\t\\N\t1\tShort\n",
        ),
        ("title.ratings.tsv", b"tconst\taverageRating\tnumVotes\ntt0032138\t8.1\t450000\n"),
        ("title.crew.tsv", b"tconst\tdirectors\twriters\ntt0032138\tnm0281808\t\\N\n"),
        (
            "name.basics.tsv",
            b"nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles\n\
              nm0281808\tVictor Fleming\t1889\t1949\tdirector\ttt0032138\n",
        ),
    ]);
    let files = ["name.basics.tsv", "title.crew.tsv", "title.basics.tsv", "title.ratings.tsv"];
    let output = import(&database, folder.path(), &files).await;
    expect(&output, 0, [1, 1, 0, 0, 0]);
    assert_eq!(counted(&output, "skipped"), Some(1));
    let found = "SELECT COUNT(*) FROM movies m JOIN movie_directors d ON d.movie_id = m.id \
                 WHERE m.imdb_id = 'tt0032138' AND m.votes = 450000";
    assert_eq!(database.integers(found).await, [[1]]);
}

#[test]
fn inputs_that_cannot_be_read_are_named_with_their_own_exit_codes() {
    let folder = folder(&[("a.txt", b"Dear Sir or Madam,\n"), ("b.tsv", b"tconst\tdirectors\n")]);
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (inputs, code, text) in [
        (vec![at("none.csv")], 66, "none.csv"),
        (vec![at(".")], 66, "directory"),
        (vec![at("a.txt")], 65, "begins like none of the formats"),
        (vec![at("b.tsv")], 64, "title.basics"),
        (vec!["-".to_owned(), "-".to_owned()], 64, "only once"),
        (vec!["mysql://h/d".to_owned(), at("a.txt")], 64, "alone"),
    ] {
        let mut command = marquee(&["import"]);
        let output = command.args(&inputs).current_dir(folder.path()).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(text), "{error}");
    }
    assert!(!folder.path().join("marquee.db").exists());
}
