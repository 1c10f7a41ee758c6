//! Reads through the cache: what is answered, from where, and what is said of it.

mod headers;
mod outage;
mod replicas;
mod start;
mod writes;

use crate::client::{Answer, Client};

/// The values of a series that `/metrics` has, added up over labels that are not given.
pub(crate) async fn metric(admin: Client, name: &str, labels: &[&str]) -> f64 {
    let text = admin.get("/metrics").await.expect(200).text();
    let of = |line: &&str| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']));
        rest.is_some_and(|rest| labels.iter().all(|label| rest.contains(label)))
    };
    let lines: Vec<&str> = text.lines().filter(of).collect();
    assert!(!lines.is_empty(), "there is no {name} {labels:?}");
    lines.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

fn status(answer: &Answer) -> &str {
    answer.header("cache-status")
}

#[track_caller]
pub(crate) fn is_hit(answer: &Answer) {
    assert!(status(answer).starts_with("marquee-l1; hit; ttl="), "{}", status(answer));
}
