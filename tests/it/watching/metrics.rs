//! What is counted, and that nobody from outside makes a series.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use flate2::read::GzDecoder;
use hyper::Method;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, task::spawn_blocking};

use super::until;
use crate::{
    app::TestApp,
    backend::{Backend, Database, on_sqlite},
    cache::metric,
    client::Client,
    cluster::programs::needed,
    process::Process,
};

on_sqlite! {
    each_answer_is_counted_by_route_status_and_outcome,
    whatever_is_asked_the_series_stay_those_of_the_start,
    a_request_under_way_is_in_flight_until_its_client_leaves,
    a_scrape_is_small_for_those_who_ask,
    promtool_finds_nothing_to_complain_of,
}

async fn count(app: &TestApp, labels: &[&str]) -> u32 {
    let value = metric(app.admin, "marquee_http_requests_total", labels).await;
    assert!(value.fract() == 0.0 && value >= 0.0, "{value}");
    format!("{value}").parse().unwrap()
}

async fn each_answer_is_counted_by_route_status_and_outcome(app: TestApp) {
    app.post("/v1/movies", &json!({"title": "Stalker"})).await.expect(201);
    for _ in 0..9 {
        app.get("/v1/movies?year=1979").await.expect(200);
    }
    app.get("/v1/movies/7").await.expect(404);
    app.get("/v1/movies?year=x").await.expect(400);
    app.get("/nowhere").await.expect(404);
    app.request(Method::OPTIONS, "/v1/movies").send().await.expect(204);
    let list = |status, outcome| [r#"route="list_movies""#, status, outcome];
    assert_eq!(count(&app, &list(r#"status="200""#, r#"outcome="load""#)).await, 1);
    // The first of each thread come the long way, the others at once.
    assert_eq!(count(&app, &list(r#"status="200""#, r#"outcome="l1""#)).await, 8);
    assert_eq!(count(&app, &list(r#"status="400""#, r#"outcome="none""#)).await, 1);
    assert_eq!(count(&app, &[r#"route="create_movie",status="201""#]).await, 1);
    assert_eq!(count(&app, &[r#"outcome="load",route="get_movie",status="404""#]).await, 1);
    assert_eq!(count(&app, &[r#"route="none",status="404""#]).await, 1);
    assert_eq!(count(&app, &[r#"route="none",status="204""#]).await, 1);
    let durations = |kind: &'static str| async move {
        metric(app.admin, "marquee_http_request_duration_seconds_count", &[kind]).await
    };
    for (kind, n) in [("hit", 8.0), ("miss", 2.0), ("write", 1.0), ("other", 3.0)] {
        let counted = durations(kind).await;
        assert!((counted - n).abs() < 0.1, "{kind}: {counted}");
    }
    let refused = metric(app.admin, "marquee_http_refusals_total", &["invalid-parameter"]).await;
    assert!((refused - 1.0).abs() < 0.1, "{refused}");
    until(app.admin, "marquee_http_requests_in_flight", &[], |n| n < 0.5).await;
}

/// The series of a scrape, without their values.
async fn series(admin: Client) -> BTreeSet<String> {
    let text = admin.get("/metrics").await.expect(200).text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

async fn whatever_is_asked_the_series_stay_those_of_the_start(app: TestApp) {
    const METHODS: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "G\u{7f}T"];
    const PIECES: [&str; 24] = [
        "/",
        "v1",
        "/v1/movies",
        "/movie",
        "/search",
        "/docs",
        "/v1/genres",
        "/v1/changes",
        "/1",
        "/-1",
        "/tt0032138",
        "/imdb",
        "/batch",
        "?",
        "&",
        "genre=",
        "limit=0",
        "sort=-rating",
        "%ff",
        "%00",
        "..",
        "{id}",
        "\u{e9}",
        "since=1",
    ];
    const PATHS: [&str; 12] = [
        "/v1/movies",
        "/v1/movies/1",
        "/v1/movies?genre=Drama",
        "/v1/movies/imdb/tt0032138",
        "/v1/movies/batch",
        "/v1/genres",
        "/v1/changes?since=0",
        "/v1/export",
        "/search",
        "/movie",
        "/movie/1",
        "/docs",
    ];
    const HEADERS: [&str; 16] = [
        "Content-Length: 5",
        "Content-Length: -1",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
        "Host: a",
        "Host: b c",
        "If-None-Match: *",
        "If-Match: \"x\"",
        "Min-Catalog-Revision: 999999",
        "Accept-Encoding: br",
        "X-Request-Id: {__name__=\"x\"}",
        "traceparent: 00-0-0-00",
        "Content-Type: application/json",
        "User-Agent: \u{1F3AC}",
        "Upgrade: h2c",
        "Range: bytes=0-1",
    ];
    const BODIES: [&str; 5] = ["", "{}", "[]", "{\"title\":\"x\"}", "0\r\n\r\n"];
    const VERSIONS: [&str; 4] = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTCPCP/1.0"];
    let before = series(app.admin).await;
    assert!(before.len() > 500, "{}", before.len());
    let mut random = Random(42);
    for n in 0..400 {
        // Half of them are near to what the API takes, so that they get further than the first rule.
        let near = n % 2 == 0;
        let pieces = random.below(4) + 1;
        let path: String = if near {
            random.of(&PATHS).to_owned()
        } else {
            (0..pieces).map(|_| random.of(&PIECES)).collect()
        };
        let some = random.below(4);
        let mut headers: String = (0..some).flat_map(|_| [random.of(&HEADERS), "\r\n"]).collect();
        let (mut method, mut version) = (random.of(&METHODS), random.of(&VERSIONS));
        let mut body = random.of(&BODIES);
        if near {
            (method, version) = (random.of(&METHODS[..6]), "HTTP/1.1");
            body = if matches!(method, "GET" | "HEAD" | "DELETE") { "" } else { body };
            let length = body.len();
            let header = if random.below(3) == 0 { random.of(&HEADERS) } else { "Accept: */*" };
            headers = format!(
                "Host: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{header}\r\n"
            );
        }
        let request =
            format!("{method} {path} {version}\r\n{headers}Connection: close\r\n\r\n{body}");
        let mut stream = app.connect().await;
        // The service may have refused and closed before it took all of it.
        let _ = stream.write_all(request.as_bytes()).await;
        // Whoever says that it will send no more may be gone for all that the service can tell, and what is
        // made for it is given up. Those that are near are whole, and wait for their answer.
        if !near {
            let _ = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
    }
    let after = series(app.admin).await;
    let new: Vec<_> = after.symmetric_difference(&before).collect();
    assert!(new.is_empty(), "{new:#?}");
    // It was not all refused by the first rule.
    assert!(metric(app.admin, "marquee_http_requests_total", &["get_movie"]).await > 0.5);
    assert!(metric(app.admin, "marquee_http_requests_total", &["create_movie"]).await > 0.5);
}

async fn a_request_under_way_is_in_flight_until_its_client_leaves(app: TestApp) {
    let mut stream = app.connect().await;
    let head = "POST /v1/movies HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    until(app.admin, "marquee_http_requests_in_flight", &[], |n| n > 0.5).await;
    assert!(metric(app.admin, "marquee_http_requests_abandoned_total", &[]).await < 0.5);
    drop(stream);
    until(app.admin, "marquee_http_requests_in_flight", &[], |n| n < 0.5).await;
}

async fn a_scrape_is_small_for_those_who_ask(app: TestApp) {
    let plain = app.admin.get("/metrics").await.expect(200);
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4");
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let asked = app.admin.request(Method::GET, "/metrics").header("accept-encoding", "gzip");
    let coded = asked.header("accept", "application/openmetrics-text;q=0.5,*/*;q=0.1").send().await;
    assert_eq!(coded.header("content-encoding"), "gzip");
    assert!(coded.body.len() * 5 < plain.body.len(), "{} bytes", coded.body.len());
    let mut text = String::new();
    GzDecoder::new(&coded.body[..]).read_to_string(&mut text).unwrap();
    assert!(text.contains("\nmarquee_build_info{version=\""), "{text}");
}

async fn promtool_finds_nothing_to_complain_of(database: Database) {
    let process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    process.client.get("/v1/movies").await.expect(200);
    process.client.get("/v1/movies").await.expect(200);
    let scrape = process.admin.get("/metrics").await.expect(200).body;
    let checked = spawn_blocking(move || {
        let mut promtool = Command::new(needed("TEST_PROMTOOL_PROGRAM", &["promtool"]))
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool can be started");
        let mut stdin = promtool.stdin.take().unwrap();
        stdin.write_all(&scrape).unwrap();
        drop(stdin);
        promtool.wait_with_output().unwrap()
    });
    let checked = checked.await.unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    assert!(checked.status.success(), "{}", checked.status);
}

/// The names of all metrics, so that one that goes or gets another name is seen: dashboards and alerts
/// rely on them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_names_and_kinds_of_metrics_are_as_they_were_reviewed() {
    let database = Database::new(Backend::Sqlite).await;
    let process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    let text = process.admin.get("/metrics").await.expect(200).text();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    insta::assert_snapshot!(names.join("\n"));
}
