//! What becomes of the index's folder, while the service runs and between two runs.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use super::{Searched, at_least, store_films, titles, until_ready};
use crate::{
    app::TestApp,
    backend::{Backend, Database, on_sqlite},
    cache::metric,
};

on_sqlite! {
    a_restart_opens_the_index_and_adds_what_it_lacks,
    a_folder_that_goes_is_made_anew_while_lists_and_movies_are_answered,
    a_file_that_is_overwritten_in_place_is_found,
    what_was_spoilt_while_nobody_ran_is_found,
    two_replicas_of_one_file_have_a_folder_each,
    an_index_that_cannot_be_looked_at_is_kept,
    an_index_that_cannot_be_written_is_kept_and_not_opened_again,
}

fn folder(app: &TestApp) -> PathBuf {
    let file = app.database.url.strip_prefix("sqlite:").expect("a file");
    PathBuf::from(format!("{file}-index"))
}

async fn rebuilds(app: &TestApp) -> f64 {
    metric(app.admin, "marquee_index_rebuilds_total", &[]).await
}

async fn failures(app: &TestApp) -> f64 {
    metric(app.admin, "marquee_index_failures_total", &[]).await
}

/// Waits until the index has failed so many times more.
async fn until_failed(app: &TestApp, times: f64) {
    let before = failures(app).await;
    while failures(app).await < before + times {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_restart_opens_the_index_and_adds_what_it_lacks(app: Searched) {
    store_films(&app).await;
    let TestApp { app: service, database, .. } = app.0;
    service.stop().await;
    // Written by somebody else while this one was away.
    let other = TestApp::start(database.same(), &[]).await;
    let at = other.post("/v1/movies", &json!({"title": "Aliens"})).await.expect(201);
    let at = at.header("catalog-revision").to_owned();
    let again = TestApp::start(database, &["--index=on"]).await;
    // At once: a start waits for an index that is there.
    let found = at_least(*again, "/v1/search?q=aliens", &at).await.expect(200);
    assert!(titles(&found).contains(&"Aliens".to_owned()));
    assert!(rebuilds(&again).await == 0.0, "it was opened");
    assert_eq!(again.admin.get("/status").await.json()["index"]["state"], "ready");
    until_ready(*again).await;
    let suggested = again.get("/v1/suggest?q=blade").await.expect(200).text();
    assert!(suggested.contains("Blade Runner"));
}

async fn a_folder_that_goes_is_made_anew_while_lists_and_movies_are_answered(app: Searched) {
    store_films(&app).await;
    let folder = folder(&app.0);
    let spoils: [fn(&Path); 4] = [
        |folder| fs::remove_dir_all(folder).expect("it is removed"),
        |folder| {
            each_file(folder, &|file| fs::File::create(file).map(drop).expect("it is cut"));
        },
        |folder| {
            each_file(folder, &|file| {
                fs::remove_file(file).expect("it is removed");
                fs::write(file, b"something else").expect("it is written");
            });
        },
        |folder| {
            fs::rename(folder, folder.with_extension("gone")).expect("it is renamed");
            fs::create_dir(folder).expect("another one is made");
        },
    ];
    for spoil in spoils {
        let before = rebuilds(&app.0).await;
        spoil(&folder);
        let mut n = 0;
        while rebuilds(&app.0).await <= before
            || app.0.get("/v1/search?q=alien").await.status != 200
        {
            n += 1;
            // Never asked before, so that no cache has them.
            for list in ["genre=sci-fi", "genre=horror,sci-fi", "genre=drama|horror&year_min=1950"]
            {
                let target = format!("/v1/movies?{list}&rating_min=1.{n:05}");
                assert!(!titles(&app.0.get(&target).await.expect(200)).is_empty());
            }
            app.0.get("/v1/movies/1").await.expect(200);
            let search = app.0.get(&format!("/v1/search?q=alien&limit={}", n % 100 + 1)).await;
            if search.status != 200 {
                assert_eq!(search.status, 503, "{}", search.text());
                assert_ne!(search.header("retry-after"), "");
            }
        }
        assert_eq!(titles(&app.0.get("/v1/search?q=alien").await)[0], "Alien");
    }
}

/// As a disk or a careless person does: as many bytes as before, and others.
async fn a_file_that_is_overwritten_in_place_is_found(app: Searched) {
    store_films(&app).await;
    let folder = folder(&app.0);
    for extension in ["idx", "store", "term", "fast"] {
        until_ready(*app.0).await;
        let before = rebuilds(&app.0).await;
        // The clock that files are stamped by ticks every few milliseconds.
        tokio::time::sleep(Duration::from_millis(50)).await;
        overwrite(&folder, extension);
        while rebuilds(&app.0).await <= before {
            tokio::task::yield_now().await;
        }
        until_ready(*app.0).await;
        assert_eq!(titles(&app.0.get("/v1/search?q=alien&limit=7").await.expect(200))[0], "Alien");
    }
}

async fn what_was_spoilt_while_nobody_ran_is_found(app: Searched) {
    store_films(&app).await;
    let folder = folder(&app.0);
    let TestApp { app: service, database, .. } = app.0;
    service.stop().await;
    overwrite(&folder, "store");
    let again = TestApp::start(database, &["--index=on"]).await;
    while rebuilds(&again).await < 1.0 {
        tokio::task::yield_now().await;
    }
    until_ready(*again).await;
    assert_eq!(titles(&again.get("/v1/search?q=alien").await.expect(200))[0], "Alien");
}

/// Other bytes, as many, in the files of one kind.
fn overwrite(folder: &Path, extension: &str) {
    each_file(folder, &|file| {
        if file.extension().is_some_and(|of| of == extension) {
            let bytes = fs::read(file).expect("it is read");
            let others: Vec<u8> = bytes.iter().map(|byte| byte ^ 0x55).collect();
            let there = fs::OpenOptions::new().write(true).open(file);
            there.and_then(|mut file| file.write_all(&others)).expect("it is written");
        }
    });
}

fn each_file(folder: &Path, spoil: &dyn Fn(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            each_file(&path, spoil);
        } else if path.file_name().is_some_and(|name| name != "lock") {
            spoil(&path);
        }
    }
}

async fn two_replicas_of_one_file_have_a_folder_each(one: Searched) {
    let at = store_films(&one).await;
    let other = Searched::start(one.0.database.same(), &[]).await;
    for app in [&one, &other] {
        let found = app.at_least("/v1/search?q=alien", &at).await.expect(200);
        assert_eq!(titles(&found)[0], "Alien");
    }
    let mine = folder(&one.0);
    let named = Database::new(Backend::Sqlite).await;
    let flag = format!("--index-dir={}", mine.display());
    let refused = TestApp::try_start(named, &["--index=on", &flag]).await;
    let text = format!("{:#}", refused.err().expect("the folder is taken"));
    assert!(text.contains("--index-dir") && text.contains("in use"), "{text}");
}

/// As without a file descriptor: its name is there and cannot be read.
async fn an_index_that_cannot_be_looked_at_is_kept(app: Searched) {
    let at = store_films(&app).await;
    app.at_least("/v1/search?q=alien", &at).await.expect(200);
    let folder = folder(&app.0);
    let before = rebuilds(&app.0).await;
    let (name, new) = (folder.join("current"), folder.join("aside"));
    let text = fs::read(&name).expect("a name");
    std::os::unix::fs::symlink("current", &new).expect("a link to itself");
    fs::rename(&new, &name).expect("it is renamed");
    until_failed(&app.0, 1.0).await;
    let at = app.create(json!({"title": "Zyzzyva"})).await;
    let found = app.at_least("/v1/search?q=zyzzyva", &at).await.expect(200);
    assert_eq!(titles(&found), ["Zyzzyva"]);
    fs::write(&new, text).expect("a name");
    fs::rename(&new, &name).expect("it is renamed");
    tokio::time::sleep(Duration::from_millis(2_200)).await; // two more looks
    app.0.get("/v1/search?q=alien&limit=9").await.expect(200);
    assert!(rebuilds(&app.0).await <= before, "it was there all the time");
}

/// As with a full disk.
async fn an_index_that_cannot_be_written_is_kept_and_not_opened_again(app: Searched) {
    let at = store_films(&app).await;
    app.at_least("/v1/search?q=alien", &at).await.expect(200);
    let folder = folder(&app.0);
    let before = rebuilds(&app.0).await;
    let index = folder.join(fs::read_to_string(folder.join("current")).expect("a name").trim_end());
    // Who opens it notes under which boot.
    fs::remove_file(index.join("boot")).expect("it is removed");
    let in_the_way = index.join("meta.new");
    fs::create_dir(&in_the_way).expect("a folder");
    let at = app.create(json!({"title": "Zyzzyva"})).await;
    until_failed(&app.0, 3.0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    app.0.get("/v1/search?q=alien&limit=9").await.expect(200);
    assert!(!index.join("boot").exists(), "it was opened anew");
    fs::remove_dir(in_the_way).expect("it was a folder");
    while app.at_least("/v1/search?q=zyzzyva", &at).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(rebuilds(&app.0).await <= before && !index.join("boot").exists());
}
