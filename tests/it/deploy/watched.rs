//! Dashboards and rules fit what replicas tell: a real Prometheus scrapes them under load, and everything
//! that is asked of it has an answer.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    expressions::{Expression, of_dashboards, selectors},
    fleet::Fleet,
    load::Load,
    prometheus::Prometheus,
};

/// Longer than it takes on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Expressions that give nothing while all is well, and why that is right.
const ONLY_IN_TROUBLE: [(&str, &str); 1] = [(
    r#"changes(process_start_time_seconds{job="marquee"}[2m]) > 0"#,
    "marks when a replica has started again",
)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expression_of_dashboards_and_rules_finds_data_in_replicas_under_load() {
    let limits = "--rate-limit=read=100000/1s; write=100000/1s";
    let fleet = Fleet::start(&[limits]).await;
    let loads: Vec<_> = fleet
        .replicas
        .iter()
        .map(|replica| Load::start(replica.public, &fleet.key, 2, 1))
        .collect();
    let admins: Vec<_> = fleet.replicas.iter().map(|replica| replica.admin).collect();
    let prometheus = Prometheus::start(&admins).await;

    // Rules are evaluated one after another, so those that were built on others come later.
    let rules = prometheus.rules().await;
    assert!(rules.len() > 40, "{} rules are few", rules.len());
    let mut must_give: Vec<Expression> = of_dashboards();
    for rule in &rules {
        let place = format!("rule {}", rule["name"]);
        let text = rule["query"].as_str().expect("a query").to_owned();
        if rule["type"] == "recording" {
            let name = rule["name"].as_str().expect("a name").to_owned();
            must_give.push(Expression { place: place.clone(), text: name });
            must_give.push(Expression { place: place.clone(), text: text.clone() });
        } else {
            let given = prometheus.query(&text).await;
            assert!(given.is_ok(), "{place}: {given:?}");
        }
        // An alert gives nothing while all is well, but what it looks at is there.
        let parts = selectors(&text).into_iter();
        must_give.extend(parts.map(|text| Expression { place: place.clone(), text }));
    }
    let of_panels = must_give.clone();
    for Expression { place, text } in &of_panels {
        let parts = selectors(text).into_iter().filter(|part| !part.starts_with("ALERTS"));
        must_give.extend(parts.map(|text| Expression { place: place.clone(), text }));
    }
    must_give.sort_by(|a, b| a.text.cmp(&b.text));
    must_give.dedup_by(|a, b| a.text == b.text);
    for (expression, why) in ONLY_IN_TROUBLE {
        assert!(must_give.iter().any(|one| one.text == expression), "not used: {expression}");
        let given = prometheus.query(expression).await.expect("it can be evaluated");
        assert!(given.is_empty(), "{expression} ({why}): {given:?}");
        must_give.retain(|one| one.text != expression);
    }

    let since = Instant::now();
    loop {
        let mut missing = Vec::new();
        for one in must_give {
            match prometheus.query(&one.text).await {
                Ok(series) if !series.is_empty() => {}
                Ok(_) => missing.push(one),
                Err(error) => panic!("{}: {}: {error}", one.place, one.text),
            }
        }
        if missing.is_empty() {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "nothing is found by {missing:#?}");
        must_give = missing;
        sleep(Duration::from_millis(500)).await;
    }
    for rule in prometheus.rules().await {
        assert_eq!(rule["health"], "ok", "{rule:#}");
    }
    for load in loads {
        let report = load.stop().await;
        assert!(report.failures.is_empty(), "{report:#?}");
    }
}
