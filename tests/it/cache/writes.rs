//! A replica's own writes are in every later answer of it.

use hyper::Method;
use serde_json::json;

use super::is_hit;
use crate::{
    app::TestApp,
    backend::{Database, on_every_backend},
    store::model::Dice,
};

on_every_backend! {
    every_shape_includes_a_write_that_was_answered,
    a_write_drops_only_what_it_touches,
    a_measure_drops_the_lists_that_go_by_it_and_those_that_show_the_movie,
    whatever_is_written_lists_are_what_a_replica_without_a_cache_says,
    a_movie_that_comes_ends_the_answer_that_there_is_none,
}

async fn every_shape_includes_a_write_that_was_answered(app: TestApp) {
    let shapes = [
        "/v1/movies",
        "/v1/movies?genre=drama",
        "/v1/movies?genre=never%20heard%20of",
        "/v1/movies?genre=drama|war&sort=year",
        "/v1/movies?genre_not=war",
        "/v1/movies?ids=1,2,3",
        "/v1/movies/1",
        "/v1/movies/imdb/tt0000001",
        "/v1/genres",
        "/search",
    ];
    let writes = [
        (Method::POST, "/v1/movies", json!({"title": "a", "genres": ["Drama"]}), 201),
        (Method::PATCH, "/v1/movies/1", json!({"imdb_id": "tt0000001"}), 200),
        (Method::PATCH, "/v1/movies/1", json!({"genres": ["Never heard of"], "year": 1999}), 200),
        (Method::POST, "/v1/movies", json!({"title": "b", "genres": ["War"]}), 201),
        (Method::PATCH, "/v1/movies/1", json!({"imdb_id": null, "genres": ["Drama"]}), 200),
        (Method::PATCH, "/v1/movies/2", json!({"imdb_id": "tt0000001"}), 200),
        (Method::DELETE, "/v1/movies/1", json!(null), 204),
        (
            Method::POST,
            "/movie",
            json!({"name": "c", "director": "d", "year": 2000, "rank": 5, "genre": ["Drama"]}),
            201,
        ),
        (Method::DELETE, "/movie/3", json!(null), 200),
    ];
    for shape in shapes {
        app.get(shape).await;
    }
    for (method, target, body, code) in writes {
        let asked = app.request(method, target);
        let asked = if body.is_null() { asked } else { asked.json(&body) };
        let revision: i64 =
            asked.send().await.expect(code).header("catalog-revision").parse().unwrap();
        for shape in shapes {
            // What the database itself says, past the cache: no two requests spell it the same.
            let answer = app.get(shape).await;
            let shown: i64 = answer.header("catalog-revision").parse().unwrap();
            assert!(shown >= revision, "{shape} after {target}: {shown} < {revision}");
        }
        let titles = |answer: crate::client::Answer| answer.text().matches("\"title\"").count();
        let stored = app.database.integers("SELECT COUNT(*) FROM movies").await[0][0];
        let listed = titles(app.get("/v1/movies").await);
        assert_eq!(i64::try_from(listed).unwrap(), stored);
        let found = app.get("/v1/movies/1").await.status == 200;
        let there = app.database.integers("SELECT COUNT(*) FROM movies WHERE id = 1").await;
        assert_eq!(found, there[0][0] == 1);
        let by_imdb_id = app.get("/v1/movies/imdb/tt0000001").await;
        let there = app
            .database
            .integers("SELECT id FROM movies WHERE imdb_id = 'tt0000001'")
            .await
            .first()
            .map(|row| row[0]);
        let found = (by_imdb_id.status == 200).then(|| by_imdb_id.json()["id"].as_i64().unwrap());
        assert_eq!(found, there);
        for (genre, shape) in [
            ("Drama", "/v1/movies?genre=drama"),
            ("Never heard of", "/v1/movies?genre=never%20heard%20of"),
        ] {
            let sql: &'static str = Box::leak(
                format!(
                    "SELECT COUNT(*) FROM movie_genres l JOIN genres g ON g.id = l.genre_id \
                     WHERE g.name = '{genre}'"
                )
                .into_boxed_str(),
            );
            let stored = app.database.integers(sql).await[0][0];
            assert_eq!(i64::try_from(titles(app.get(shape).await)).unwrap(), stored, "{shape}");
        }
    }
}

/// After a patch some answers are still hits, and others are made anew.
async fn a_patch_keeps_and_drops(
    app: &TestApp,
    movie: &str,
    patch: &serde_json::Value,
    kept: &[&str],
    dropped: &[&str],
) {
    for shape in kept.iter().chain(dropped) {
        app.get(shape).await.expect(200);
    }
    let answer = app.request(Method::PATCH, movie).json(patch).send().await.expect(200);
    let revision = answer.header("catalog-revision").to_owned();
    for shape in kept {
        let answer = app.get(shape).await.expect(200);
        is_hit(&answer);
        assert_eq!(answer.header("catalog-revision"), revision, "it includes that write, too");
    }
    for shape in dropped {
        let answer = app.get(shape).await.expect(200);
        let status = super::status(&answer).to_owned();
        assert!(status.starts_with("marquee-l1; fwd=stale; stored"), "{shape}: {status}");
    }
}

async fn a_write_drops_only_what_it_touches(app: TestApp) {
    for genre in ["Drama", "War"] {
        app.post("/v1/movies", &json!({"title": genre, "genres": [genre]})).await.expect(201);
    }
    let kept = ["/v1/movies?genre=drama", "/v1/movies/1", "/v1/movies?ids=1"];
    let dropped = ["/v1/movies?genre=war", "/v1/movies/2", "/v1/movies", "/v1/genres", "/search"];
    a_patch_keeps_and_drops(&app, "/v1/movies/2", &json!({"year": 1999}), &kept, &dropped).await;
}

async fn a_measure_drops_the_lists_that_go_by_it_and_those_that_show_the_movie(app: TestApp) {
    for n in 1..=3 {
        let movie = json!({"title": format!("{n}"), "genres": ["War"], "votes": n, "rating": n});
        app.post("/v1/movies", &movie).await.expect(201);
    }
    // Movie 1 is changed; pages of one or two in this order do not show it.
    let kept = [
        "/v1/movies?genre=war&sort=-title&limit=2",
        "/v1/movies?genre=war&sort=-rating&limit=2",
        "/v1/movies?rating_min=2",
        "/v1/movies?sort=-created&limit=1",
        "/v1/movies/2",
        "/v1/genres",
    ];
    let dropped = [
        "/v1/movies?genre=war&sort=-votes&limit=2",
        "/v1/movies?sort=votes&limit=2&page=2",
        "/v1/movies?genre=war&sort=title&limit=2",
        "/v1/movies?sort=-title&limit=2&page=2",
        "/v1/movies?ids=1,2",
        "/v1/movies/1",
        "/search",
    ];
    a_patch_keeps_and_drops(&app, "/v1/movies/1", &json!({"votes": 9}), &kept, &dropped).await;
}

async fn whatever_is_written_lists_are_what_a_replica_without_a_cache_says(database: Database) {
    let flags = ["--poll-interval=100ms", "--rate-limit=off"];
    let app = TestApp::start(database, &flags).await;
    let none = TestApp::start(app.database.same(), &["--l1-bytes=0", flags[0], flags[1]]).await;
    let mut dice = Dice(20_261_129);
    let movie = move |dice: &mut Dice| {
        let few = |dice: &mut Dice| i64::try_from(dice.roll(4)).expect("small");
        let genres = [json!([]), json!(["War"]), json!(["Drama"]), json!(["Drama", "War"])];
        [
            ("title", json!(format!("{}", few(dice)))),
            ("year", json!(1990 + few(dice))),
            ("rating", json!(few(dice))),
            ("votes", json!(few(dice))),
            ("popularity", json!(few(dice))),
            ("genres", dice.pick(&genres).clone()),
            ("synopsis", json!(format!("{}", few(dice)))),
            ("directors", json!([format!("{}", few(dice))])),
        ]
    };
    for _ in 0..20 {
        let all: serde_json::Map<String, serde_json::Value> =
            movie(&mut dice).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        app.post("/v1/movies", &json!(all)).await.expect(201);
    }
    let mut shapes = vec!["/v1/movies/7".to_owned(), "/v1/genres".to_owned(), "/search".to_owned()];
    for filter in ["", "&genre=war", "&genre=drama|war", "&rating_min=2", "&genre=drama&year=1992"]
    {
        for key in ["popularity", "rating", "votes", "year", "title", "created"] {
            shapes.push(format!("/v1/movies?sort=-{key}&limit=4{filter}"));
            shapes.push(format!("/v1/movies?sort={key}&limit=3&page=2{filter}"));
        }
    }
    let said = |answer: crate::client::Answer| {
        let mut body = answer.json();
        // Of which snapshot it is; what was written since is none of its concern.
        body.as_object_mut().map(|object| object.remove("revision"));
        body
    };
    let mut hits = 0;
    for round in 0..60 {
        let target = format!("/v1/movies/{}", 1 + dice.roll(20));
        let values = movie(&mut dice);
        let (name, value) = dice.pick(&values);
        let write = match dice.roll(12) {
            0 => app.request(Method::DELETE, &target),
            1 => app.request(Method::POST, "/v1/movies").json(&json!({"title": "n", *name: value})),
            _ => app.request(Method::PATCH, &target).json(&json!({*name: value})),
        };
        write.send().await; // of a movie that is gone by now it is refused
        for shape in &shapes {
            let ours = app.get(shape).await;
            let revision = ours.header("catalog-revision");
            let theirs = none.request(Method::GET, shape).header("min-catalog-revision", revision);
            let theirs = theirs.send().await;
            hits += usize::from(super::status(&ours).contains("; hit"));
            assert_eq!(ours.status, theirs.status, "{shape}");
            if ours.status == 200 {
                let which = format!("{shape} after {name} of {target}, round {round}");
                assert_eq!(said(ours), said(theirs), "{which}");
            }
        }
    }
    assert!(hits > shapes.len() * 60 / 4, "{hits} hits: nothing was compared");
}

async fn a_movie_that_comes_ends_the_answer_that_there_is_none(app: TestApp) {
    for _ in 0..3 {
        app.get("/v1/movies/1").await.expect(404);
    }
    is_hit(&app.get("/v1/movies/1").await);
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    app.get("/v1/movies/1").await.expect(200);
}
