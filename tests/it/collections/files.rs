//! Collections as files, and those that come with the bundled catalogue.

use std::fs;

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{create, movies, shown, spoil};
use crate::{
    app::TestApp,
    backend::{Database, on_backend, on_every_backend},
    process::marquee,
};

on_every_backend! {
    what_is_exported_is_imported_and_changes_nothing,
    an_import_mends_rows_that_make_no_sense_and_does_not_end_at_one,
}

on_backend! { embedded Sqlite: the_bundled_collections_are_there_and_make_sense }

async fn run(arguments: Vec<String>) -> (i32, String, String) {
    let output = spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        marquee(&arguments).output().expect("marquee can be started")
    });
    let output = output.await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

async fn collections(database: &Database, arguments: &[&str]) -> (i32, String, String) {
    let mut all = vec!["collections".to_owned(), arguments[0].to_owned()];
    all.extend(["--log-level=off", "--database-url", &database.url].map(str::to_owned));
    all.extend(arguments[1..].iter().map(|argument| (*argument).to_owned()));
    run(all).await
}

async fn what_is_exported_is_imported_and_changes_nothing(app: TestApp) {
    movies(&app).await;
    let season = json!([{"from": "--12-20", "to": "--01-05", "timezone": "Europe/Berlin"}]);
    let value =
        json!({"slug": "b", "title": "Б 🎬", "movies": [1, "tt0000004"], "seasons": season});
    create(&app, &value).await;
    create(&app, &json!({"slug": "a", "title": "A", "query": "genre=Drama"})).await;
    let (code, lines, _) = collections(&app.database, &["export"]).await;
    assert_eq!((code, lines.lines().count()), (0, 2), "{lines}");
    assert!(lines.starts_with(r#"{"slug":"a","title":"A","#), "{lines}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collections.jsonl");
    let name = file.to_str().unwrap();
    fs::write(&file, &lines).unwrap();
    let (code, _, told) = collections(&app.database, &["import", name]).await;
    assert_eq!((code, told.trim()), (0, "0 new, 0 changed, 2 as they were, 0 not taken"));
    // One bad line keeps none of the others out, and running replicas follow.
    let more = "\n{\"slug\":\"a\"}\nnot json\n{\"slug\":\"c\",\"title\":\"C\",\"movies\":[1]}\n\
                {\"slug\":\"d\",\"title\":\"D\",\"movies\":[99]}\n{\"slug\":\"b\",\"title\":\"B\",\"movies\":[1]}";
    fs::write(&file, more).unwrap();
    let (code, _, told) = collections(&app.database, &["import", name]).await;
    assert_eq!(code, 65, "{told}");
    assert!(told.contains("1 new, 1 changed, 0 as they were, 3 not taken"), "{told}");
    assert!(
        told.contains("line 2: ") && told.contains("line 3: ") && told.contains("line 5: "),
        "{told}"
    );
    while app.get("/v1/collections/c").await.status != 200 {
        tokio::task::yield_now().await;
    }
    let (code, ..) = collections(&app.database, &["import", "no-such-file"]).await;
    assert_eq!(code, 66);
}

async fn an_import_mends_rows_that_make_no_sense_and_does_not_end_at_one(app: TestApp) {
    movies(&app).await;
    create(&app, &json!({"slug": "a", "title": "A", "movies": [1]})).await;
    create(&app, &json!({"slug": "b", "title": "B", "movies": [1]})).await;
    spoil(&app, "a").await;
    let edit = "UPDATE movies SET genres = 'Drama, War' WHERE id = 2";
    app.database.edit(&[edit.to_owned()]).await;
    let (code, lines, told) = collections(&app.database, &["export"]).await;
    assert_eq!((code, lines.lines().count()), (65, 1), "{lines}");
    assert!(told.contains("row a of collections has a bad definition"), "{told}");
    let lines = [
        json!({"slug": "a", "title": "A", "movies": [1]}),
        json!({"slug": "c", "title": "C", "movies": [2]}),
        json!({"slug": "d", "title": "D", "movies": [3]}),
        json!({"slug": "b", "title": "B", "movies": [1]}),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collections.jsonl");
    fs::write(&file, lines).unwrap();
    let (code, _, told) = collections(&app.database, &["import", file.to_str().unwrap()]).await;
    assert_eq!(code, 65, "{told}");
    assert!(told.contains("1 new, 1 changed, 1 as they were, 1 not taken"), "{told}");
    assert!(told.contains("line 2: row 2 of movies has a bad "), "{told}");
    while app.get("/v1/collections/a").await.status != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(shown(*app, "a").await, ["one"]);
}

async fn the_bundled_collections_are_there_and_make_sense(database: Database) {
    let app = TestApp::start(database, &["--bundled-catalogue=load"]).await;
    let page = app.get("/v1/collections").await.expect(200).json();
    let rows = page["data"].as_array().unwrap();
    let slugs: Vec<&str> = rows.iter().map(|row| row["slug"].as_str().unwrap()).collect();
    let expected = [
        "akira-kurosawa",
        "halloween",
        "independence-day",
        "school-holidays",
        "the-seventies",
        "winter-holidays",
    ];
    assert_eq!(slugs, expected);
    let collection =
        async |slug: &str| app.get(&format!("/v1/collections/{slug}")).await.expect(200).json();
    let titles = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap();
        rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
    };
    for (slug, first, least) in [
        ("akira-kurosawa", "Seven Samurai", 27),
        ("halloween", "Halloween", 70),
        ("independence-day", "Gandhi", 24),
        ("school-holidays", "The Lion King", 50),
        ("the-seventies", "Alien", 100),
        ("winter-holidays", "It's a Wonderful Life", 25),
    ] {
        let page = collection(slug).await;
        let titles = titles(&page);
        assert_eq!(titles[0], first, "{slug}");
        assert!(titles.len() >= least, "{slug} has {}", titles.len());
    }
    let seventies = collection("the-seventies").await;
    let years =
        seventies["data"].as_array().unwrap().iter().map(|row| row["year"].as_i64().unwrap());
    assert!(years.into_iter().all(|year| (1970..1980).contains(&year)));
    let kurosawa = collection("akira-kurosawa").await;
    let directors =
        kurosawa["data"].as_array().unwrap().iter().map(|row| row["directors"].to_string());
    assert!(directors.into_iter().all(|names| names.contains("Akira Kurosawa")));
    // By the calendar of the places that they are for.
    let on = async |at: &str| {
        let page =
            app.get(&format!("/v1/collections?active=true&at={at}")).await.expect(200).json();
        let rows = page["data"].as_array().unwrap();
        rows.iter().map(|row| row["slug"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let always = |more: &str| format!("akira-kurosawa {more}the-seventies");
    assert_eq!(on("2026-07-04T16:00:00Z").await, always("independence-day school-holidays "));
    assert_eq!(on("2026-08-15T06:00:00Z").await, always("independence-day school-holidays "));
    assert_eq!(on("2026-10-31T12:00:00Z").await, always("halloween "));
    assert_eq!(on("2026-12-24T18:00:00Z").await, always("") + " winter-holidays");
    assert_eq!(on("2026-04-08T12:00:00Z").await, always("school-holidays "));
    assert_eq!(on("2026-03-08T12:00:00Z").await, always(""));
}
