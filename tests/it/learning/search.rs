//! `GET /v1/search?personalize=true`.

use super::{Ring, ids};
use crate::{
    backend::{Database, on_every_backend},
    cache::is_hit,
};

on_every_backend! {
    a_page_is_ranked_anew_for_a_user_and_has_the_same_rows,
    what_is_not_personal_is_as_it_was,
}

async fn searched(database: Database) -> Ring {
    let ring = Ring::start(database, &["--index=on"]).await;
    while ring.app.get("/v1/search?q=film").await.status != 200 {
        tokio::task::yield_now().await;
    }
    let revision = ring.store.revision().await.unwrap().to_string();
    let asked = ring.app.request(hyper::Method::GET, "/v1/search?q=film");
    asked.header("min-catalog-revision", &revision).send().await.expect(200);
    ring.trained().await;
    ring
}

async fn a_page_is_ranked_anew_for_a_user_and_has_the_same_rows(database: Database) {
    let ring = searched(database).await;
    for n in [25, 26, 27] {
        ring.say("me", n, "like").await;
    }
    let base = ring.app.get("/v1/search?q=film&limit=30").await.expect(200);
    let target = "/v1/search?q=film&limit=30&personalize=true";
    let mine = ring.get_for("me", target).await.expect(200);
    let (as_it_was, ranked) = (ids(&base), ids(&mine));
    let place = |rows: &[i64]| rows.iter().position(|id| *id == 28).unwrap();
    assert!(place(&ranked) < place(&as_it_was), "{as_it_was:?} {ranked:?}");
    let sorted = |mut rows: Vec<i64>| {
        rows.sort_unstable();
        rows
    };
    assert_eq!(sorted(ranked), sorted(as_it_was));
    assert_eq!(base.json()["page"], mine.json()["page"]);
    assert_eq!(mine.header("cache-control"), "private, max-age=10");
    assert!(mine.header("link").contains("personalize=true"), "{}", mine.header("link"));
    // A page without ids has none afterwards, either.
    let target = "/v1/search?q=film&limit=3&personalize=true&fields=title";
    let titles = ring.get_for("me", target).await.expect(200);
    for row in titles.json()["data"].as_array().unwrap() {
        assert_eq!(row.as_object().unwrap().len(), 1, "{row}");
    }
    // Nor has the page after it.
    let next = titles.header("link").split_once('>').unwrap().0.trim_start_matches('<');
    assert!(next.contains("cursor=") && next.contains("personalize=true"), "{next}");
    let titles = ring.get_for("me", next).await.expect(200);
    for row in titles.json()["data"].as_array().unwrap() {
        assert_eq!(row.as_object().unwrap().len(), 1, "{next}: {row}");
    }
}

async fn what_is_not_personal_is_as_it_was(database: Database) {
    let ring = searched(database).await;
    ring.say("me", 25, "like").await;
    let target = "/v1/search?q=film&limit=5";
    let base = ring.app.get(target).await.expect(200);
    ring.get_for("me", &format!("{target}&personalize=true")).await.expect(200);
    let again = ring.get_for("me", &format!("{target}&personalize=false")).await.expect(200);
    is_hit(&again);
    assert_eq!(base.text(), again.text());
    assert!(again.header("cache-control").starts_with("public"));
    // Nobody is known: the same rows, and still for one person.
    let nobody = ring.app.get(&format!("{target}&personalize=true")).await.expect(200);
    assert_eq!(ids(&nobody), ids(&base));
    assert!(nobody.header("cache-control").starts_with("private"));
    let bad = ring.app.get(&format!("{target}&personalize=maybe&x=1")).await.expect(400);
    assert_eq!(bad.json()["errors"].as_array().unwrap().len(), 2);
    let sorted = ring.app.get(&format!("{target}&personalize=true&sort=year")).await.expect(400);
    assert_eq!(sorted.json()["errors"][0]["parameter"], "personalize");
}
