//! What editors learn of searches, and that nobody is known by it.

use std::{cell::Cell, time::Duration};

use hyper::Method;
use marquee::domain::api_key::Role;
use serde_json::{Value, json};

use super::{Peopled, look, stored};
use crate::{
    backend::{Database, on_every_backend},
    client::Answer,
};

on_every_backend! {
    a_search_is_shown_when_five_clients_made_it_on_one_day,
    what_is_not_found_is_told_until_it_is_there,
    searches_are_for_editors,
}

/// A service with an index and a movie, and how many searches were made there.
struct Searched {
    peopled: Peopled,
    searches: Cell<u32>,
}

impl Searched {
    async fn on(database: Database) -> Self {
        let peopled = Peopled::start(database, &["--index=on"]).await;
        peopled.movies(1).await;
        let this = Self { peopled, searches: Cell::new(0) };
        let has_it = |answer: &Answer| answer.status == 200 && answer.json()["page"]["total"] == 1;
        while !has_it(&this.one("movie", 99).await) {
            tokio::task::yield_now().await;
        }
        this
    }

    async fn one(&self, q: &str, client: u32) -> Answer {
        let answer = look(*self.peopled.app, &format!("/v1/search?q={q}"), client).await;
        self.searches.set(self.searches.get() + u32::from(answer.status == 200));
        answer
    }

    async fn search(&self, q: &str, clients: std::ops::Range<u32>) {
        for client in clients {
            self.one(q, client).await.expect(200);
        }
    }

    async fn shown(&self, target: &str) -> Vec<Value> {
        stored(&self.peopled.app, self.searches.get()).await;
        let asked = self.peopled.asked(Role::Editor, Method::GET, target);
        let answer = asked.send().await.expect(200).json();
        answer["data"].as_array().unwrap().clone()
    }
}

async fn a_search_is_shown_when_five_clients_made_it_on_one_day(database: Database) {
    let service = Searched::on(database).await;
    let target = "/v1/searches/popular?days=3";
    service.search("rare", 0..4).await;
    service.search("rare", 0..4).await; // no more clients for it
    service.search("common", 0..40).await;
    let found = service.shown(target).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["q"], &found[0]["searches"]), (&json!("common"), &json!(40)));
    assert_eq!(found[0]["query"], "q=common");
    // Others on the next day: who they are cannot be told from those of today.
    service.peopled.pass(Duration::from_hours(24)).await;
    service.search("rare", 10..14).await;
    assert_eq!(service.shown(target).await.len(), 1);
    service.search("rare", 14..40).await;
    let found = service.shown(target).await;
    assert_eq!(found.len(), 2);
    assert_eq!((&found[1]["q"], &found[1]["searches"]), (&json!("rare"), &json!(30)));
    assert_eq!(service.shown("/v1/searches/popular?days=1").await.len(), 1);
    assert_eq!(service.shown("/v1/searches/popular?limit=1").await.len(), 1);
}

async fn what_is_not_found_is_told_until_it_is_there(database: Database) {
    let service = Searched::on(database).await;
    service.search("solaris", 0..30).await;
    service.search("movie", 0..30).await;
    let found = service.shown("/v1/searches/empty").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["q"], &found[0]["hits"]), (&json!("solaris"), &json!(0)));
    service.peopled.create(&json!({"title": "Solaris"})).await;
    let is_found = async || {
        let answer = service.one("solaris", 1).await.expect(200).json();
        answer["page"]["total"] == 1
    };
    while !is_found().await {
        tokio::task::yield_now().await;
    }
    // The clock stands still, so which of those was the last is known only of one that comes after them.
    stored(&service.peopled.app, service.searches.get()).await;
    assert!(is_found().await);
    assert!(service.shown("/v1/searches/empty").await.is_empty());
}

async fn searches_are_for_editors(peopled: Peopled) {
    for target in ["/v1/searches/popular", "/v1/searches/empty"] {
        peopled.app.get(target).await.expect(401);
        peopled.asked(Role::Reader, Method::GET, target).send().await.expect(403);
        for role in [Role::Editor, Role::Admin] {
            let answer = peopled.asked(role, Method::GET, target).send().await.expect(200);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.json(), json!({"days": 7, "clients_min": 5, "data": []}));
        }
        let bad = format!("{target}?days=0&limit=201&window=day");
        let refused = peopled.asked(Role::Editor, Method::GET, &bad).send().await.expect(400);
        assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 3);
    }
}
