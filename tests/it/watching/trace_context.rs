//! W3C Trace Context, in and out.

use hyper::Method;

use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
    process::Process,
};

on_sqlite! {
    an_answer_says_under_which_span_of_the_callers_trace_it_is_found,
    what_is_malformed_is_as_if_it_were_not_there,
    the_log_has_the_trace,
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn an_answer_says_under_which_span_of_the_callers_trace_it_is_found(app: TestApp) {
    let mut seen = std::collections::BTreeSet::new();
    // The first is a load, the second a hit the long way, others are at hand.
    for _ in 0..8 {
        let asked = app.request(Method::GET, "/v1/genres").header("traceparent", GIVEN);
        let answer = asked.header("tracestate", "vendor=1").send().await.expect(200);
        let told = answer.header("traceparent").to_owned();
        assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-01"), "{told}");
        assert_ne!(told, GIVEN);
        seen.insert(told);
    }
    assert_eq!(seen.len(), 8, "each request has a span of its own");
    let refused = app.request(Method::GET, "/nowhere").header("traceparent", GIVEN).send().await;
    assert!(refused.expect(404).header("traceparent").starts_with(&format!("00-{TRACE}-")));
}

async fn what_is_malformed_is_as_if_it_were_not_there(app: TestApp) {
    for _ in 0..4 {
        assert_eq!(app.get("/v1/genres").await.expect(200).header("traceparent"), "");
        for bad in ["", "00", &GIVEN.to_uppercase(), &GIVEN.replacen("00", "ff", 1)] {
            let asked = app.request(Method::GET, "/v1/genres").header("traceparent", bad);
            assert_eq!(asked.send().await.expect(200).header("traceparent"), "", "{bad}");
        }
        let twice = app.request(Method::GET, "/v1/genres").header("traceparent", GIVEN);
        let twice = twice.header("traceparent", GIVEN).send().await.expect(200);
        assert_eq!(twice.header("traceparent"), "");
    }
}

async fn the_log_has_the_trace(database: Database) {
    let flags = ["--bundled-catalogue=skip", "--access-log-sample=1"];
    let mut process = Process::serve(&database, &flags).await;
    for _ in 0..4 {
        let asked = process.client.request(Method::GET, "/v1/genres").header("traceparent", GIVEN);
        asked.send().await.expect(200);
        assert_eq!(process.logged("answered").await["trace_id"], TRACE);
    }
    process.client.get("/v1/genres").await.expect(200);
    assert!(process.logged("answered").await["trace_id"].is_null());
}
