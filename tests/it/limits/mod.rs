//! Who calls, how much each may ask, and what pages of other origins may do, through the real service.

mod clients;
mod cluster;
mod headers;
mod origins;
mod rules;

use hyper::Method;

use crate::{app::TestApp, client::Answer};

/// A read that a proxy on this machine forwards for `address`.
async fn read_for(app: &TestApp, address: &str) -> Answer {
    app.request(Method::GET, "/v1/movies").header("x-forwarded-for", address).send().await
}

/// How many of `count` such reads are admitted.
async fn admitted(app: &TestApp, address: &str, count: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..count {
        match read_for(app, address).await.status.as_u16() {
            200 => admitted += 1,
            status => assert_eq!(status, 429),
        }
    }
    admitted
}
