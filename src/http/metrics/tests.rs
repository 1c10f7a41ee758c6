use super::*;
use crate::cache::outcome::Miss;

fn scraped(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus::TextEncoder::new().encode_utf8(&registry.gather(), &mut text).unwrap();
    text
}

/// The series without their values.
fn series(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0).collect()
}

#[test]
fn each_answer_is_counted_in_its_series_and_its_duration() {
    let registry = Registry::new();
    let requests = Requests::new(&registry);
    requests.hit(Route::ListMovies, StatusCode::OK, Duration::from_micros(12));
    requests.hit(Route::ListMovies, StatusCode::NOT_MODIFIED, Duration::from_secs(11));
    requests.begin().answered(
        Some(Route::GetMovie),
        StatusCode::NOT_FOUND,
        Some(Outcome::Loaded(Miss::Absent)),
    );
    requests.begin().answered(None, StatusCode::BAD_REQUEST, None);
    requests.refused(Kind::NoSuchPath);
    drop(requests.begin());
    let _under_way = requests.begin();
    let text = scraped(&registry);
    for line in [
        r#"marquee_http_requests_total{outcome="l1",route="list_movies",status="200"} 1"#,
        r#"marquee_http_requests_total{outcome="l1",route="list_movies",status="304"} 1"#,
        r#"marquee_http_requests_total{outcome="load",route="get_movie",status="404"} 1"#,
        r#"marquee_http_requests_total{outcome="none",route="none",status="400"} 1"#,
        r#"marquee_http_request_duration_seconds_bucket{kind="hit",le="0.00001"} 0"#,
        r#"marquee_http_request_duration_seconds_bucket{kind="hit",le="0.000015"} 1"#,
        r#"marquee_http_request_duration_seconds_bucket{kind="hit",le="10"} 1"#,
        r#"marquee_http_request_duration_seconds_bucket{kind="hit",le="+Inf"} 2"#,
        r#"marquee_http_request_duration_seconds_sum{kind="hit"} 11.000012"#,
        r#"marquee_http_request_duration_seconds_count{kind="miss"} 1"#,
        r#"marquee_http_request_duration_seconds_count{kind="other"} 1"#,
        r#"marquee_http_refusals_total{kind="no-such-path"} 1"#,
        "marquee_http_requests_in_flight 1",
        "marquee_http_requests_abandoned_total 1",
    ] {
        assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
    }
}

#[test]
fn whatever_is_counted_the_series_stay_those_of_the_start() {
    let registry = Registry::new();
    let requests = Requests::new(&registry);
    let before = scraped(&registry);
    let outcomes = [
        None,
        Some(Outcome::L1Hit),
        Some(Outcome::L2Hit(Miss::Absent)),
        Some(Outcome::Loaded(Miss::Expired)),
        Some(Outcome::Collapsed(Miss::Superseded)),
    ];
    for route in Route::ALL.into_iter().map(Some).chain([None]) {
        for status in 100..1000 {
            for outcome in outcomes {
                let status = StatusCode::from_u16(status).unwrap();
                let _ = requests.begin().answered(route, status, outcome);
            }
        }
    }
    for kind in Kind::ALL {
        requests.refused(*kind);
    }
    let after = scraped(&registry);
    assert_eq!(series(&before), series(&after));
    assert!(before.lines().filter(|line| !line.starts_with('#')).all(|line| line.ends_with(" 0")));
    // What is not in a series of its own route is in none.
    let counted: f64 = after
        .lines()
        .filter(|line| line.starts_with("marquee_http_request_duration_seconds_count"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert!((counted - 34.0 * 900.0 * 5.0).abs() < 0.5, "{counted}");
}

#[test]
fn every_problem_has_a_status_and_a_series_of_its_own() {
    let series = Series::new();
    let mut cells: Vec<usize> = Kind::ALL.iter().map(|kind| series.refusal(*kind)).collect();
    cells.sort_unstable();
    cells.dedup();
    assert_eq!(cells.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        let labels = series.answers().find(|labels| {
            labels.cell == series.answer(Some(Route::ListMovies), kind.status(), None)
        });
        assert_eq!(labels.unwrap().status, kind.status().as_str());
    }
}

/// What a hit's metrics cost; not an assertion, for other work on the machine would break it. Run with
/// `cargo test --profile quick --lib what_counting -- --nocapture`.
#[test]
fn what_counting_a_hit_costs_is_printed() {
    const TIMES: u32 = if cfg!(debug_assertions) { 10_000 } else { 10_000_000 };
    let requests = Requests::new(&Registry::new());
    for threads in [1, 2, 4] {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for n in 0..TIMES {
                        let elapsed = Duration::from_nanos(std::hint::black_box(
                            9_000 + u64::from(n & 0x3fff),
                        ));
                        requests.hit(Route::ListMovies, StatusCode::OK, elapsed);
                    }
                });
            }
        });
        let nanos = began.elapsed().as_nanos() / u128::from(TIMES);
        println!("{threads} threads: {nanos} ns for each round of {threads} hits");
    }
}
