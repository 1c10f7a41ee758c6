use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
    thread,
};

use hyper::Request;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

use super::*;
use crate::cache::outcome::Miss;

/// Events as text: level, then fields.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                let _ = write!(self.0, " {field}={value:?}");
            }
        }
        let mut text = Text(format!("{} {}", event.metadata().target(), event.metadata().level()));
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

fn written(options: Options, status: u16, outcome: Option<Outcome>, ms: u64) -> Option<String> {
    let request = Request::get("/v1/movies?director=Secret").body(()).unwrap();
    let (parts, ()) = request.into_parts();
    let id = RequestId::of(
        &[("x-request-id".parse().unwrap(), "r-1".parse().unwrap())].into_iter().collect(),
    );
    let line = Line {
        parts: Asked::of(&parts),
        route: "list_movies",
        status: StatusCode::from_u16(status).unwrap(),
        outcome,
        elapsed: Duration::from_millis(ms),
        bytes: Some(7),
        client: "2001:db8:1:2:3::4".parse().unwrap(),
        key: None,
        id: &id,
        trace: None,
        times: Times { cache: Some(Duration::from_millis(3)), encode: None },
    };
    let seen = Seen::default();
    let subscriber = tracing_subscriber::registry().with(seen.clone());
    tracing::subscriber::with_default(subscriber, || {
        AccessLog::new(options).write(&line, false);
    });
    let mut lines = seen.0.lock().unwrap();
    assert!(lines.len() <= 1);
    lines.pop()
}

const LOAD: Option<Outcome> = Some(Outcome::Loaded(Miss::Absent));

#[test]
fn a_line_says_how_a_request_fared_and_hides_search_terms() {
    let line = written(Options::default(), 200, LOAD, 2).unwrap();
    assert_eq!(
        line,
        "access INFO message=answered method=\"GET\" path=\"/v1/movies\" protocol=\"HTTP/1.1\" \
         route=\"list_movies\" status=200 outcome=\"load\" duration_us=2000 bytes=7 \
         client=2001:db8:1:2:3::4 request_id=\"r-1\""
    );
    let shown =
        Options { queries: Queries::Shown, clients: Clients::Network, ..Options::default() };
    let line = written(shown, 200, LOAD, 2).unwrap();
    assert!(line.contains("query=\"director=Secret\""), "{line}");
    assert!(line.contains("client=2001:db8:1:: "), "{line}");
    let hidden = Options { clients: Clients::Hidden, ..Options::default() };
    assert!(!written(hidden, 200, LOAD, 2).unwrap().contains("client="));
}

#[test]
fn slow_requests_are_warned_of_with_their_parts_whatever_else_is_logged() {
    for scope in [Scope::All, Scope::Failures, Scope::Slow] {
        let line = written(Options { scope, ..Options::default() }, 200, LOAD, 500).unwrap();
        assert!(line.starts_with("access WARN message=answered slowly"), "{line}");
        assert!(line.contains(" cache_us=3000"), "{line}");
    }
    let never = Options { slow: Duration::ZERO, scope: Scope::Slow, ..Options::default() };
    assert_eq!(written(never, 200, LOAD, 60_000), None);
}

#[test]
fn failures_are_logged_alone_where_that_is_asked() {
    let failures = Options { scope: Scope::Failures, ..Options::default() };
    assert_eq!(written(failures, 200, LOAD, 1), None);
    assert!(written(failures, 404, LOAD, 1).is_some());
    assert!(written(failures, 503, None, 1).is_some());
    let slow = Options { scope: Scope::Slow, ..Options::default() };
    assert_eq!(written(slow, 503, None, 1), None);
}

#[test]
fn hits_that_are_not_sampled_are_details() {
    let line = written(Options::default(), 200, Some(Outcome::L1Hit), 0).unwrap();
    assert!(line.starts_with("access DEBUG"), "{line}");
}

#[test]
fn the_share_of_hits_that_are_sampled_is_the_one_asked_for() {
    for (share, of_a_thousand) in [(0.0, 0), (0.01, 10), (0.25, 250), (1.0, 1000)] {
        let log = AccessLog::new(Options { sample: share, ..Options::default() });
        let count = || (0..1000).filter(|_| log.sampled()).count();
        let sampled = thread::scope(|scope| scope.spawn(count).join().unwrap());
        assert!(sampled.abs_diff(of_a_thousand) <= 1, "{share}: {sampled}");
    }
    let off = AccessLog::new(Options { scope: Scope::Failures, sample: 1.0, ..Options::default() });
    assert!(!off.sampled());
}

#[test]
fn the_first_hit_of_a_thread_is_sampled() {
    let log = AccessLog::new(Options { sample: 0.000_1, ..Options::default() });
    let first = || log.sampled();
    assert!(thread::scope(|scope| scope.spawn(first).join().unwrap()));
}
