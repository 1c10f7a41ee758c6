//! Pages of other origins, and what browsers are told for their safety.

use hyper::Method;

use crate::{
    app::TestApp,
    backend::{Backend, Database},
    client::Answer,
};

const PAGE: &str = "https://films.example";

async fn app(flags: &[&str]) -> TestApp {
    TestApp::start(Database::new(Backend::Sqlite).await, flags).await
}

async fn asked(app: &TestApp, method: Method, path: &str, origin: &str) -> Answer {
    app.request(method, path).header("origin", origin).send().await
}

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    app.request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,content-type,if-match")
        .send()
        .await
        .expect(204)
}

fn varies_by_origin(answer: &Answer) -> bool {
    answer.headers.get_all("vary").iter().any(|value| value.as_bytes().starts_with(b"origin"))
}

#[tokio::test]
async fn by_default_no_page_of_another_origin_is_let_in() {
    let app = app(&[]).await;
    for answer in [
        asked(&app, Method::GET, "/v1/movies", PAGE).await,
        preflight(&app, "/v1/movies/1", PAGE).await,
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("access-control-allow-methods"), "");
        assert!(!varies_by_origin(&answer));
    }
}

#[tokio::test]
async fn any_origin_gets_the_same_answer_from_the_cache_and_without() {
    let app = app(&["--cors-origins=*"]).await;
    for origin in [PAGE, "https://elsewhere.example", PAGE] {
        let answer = asked(&app, Method::GET, "/v1/movies", origin).await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let exposed = answer.header("access-control-expose-headers");
        for name in ["etag", "link", "catalog-revision", "ratelimit", "retry-after"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert!(!varies_by_origin(&answer));
    }
    assert_eq!(app.get("/nowhere").await.expect(404).header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn an_origin_of_the_list_is_let_in_on_hits_too_and_another_never() {
    let app = app(&[&format!("--cors-origins={PAGE},http://localhost:3000")]).await;
    for _ in 0..3 {
        for (origin, allowed) in [
            (PAGE, PAGE),
            ("https://evil.example", ""),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            let answer = asked(&app, Method::GET, "/v1/movies", origin).await.expect(200);
            assert_eq!(answer.header("access-control-allow-origin"), allowed);
            assert!(varies_by_origin(&answer));
            assert!(answer.headers.get_all("vary").iter().any(|value| value == "accept-encoding"));
        }
        assert!(varies_by_origin(&app.get("/v1/movies").await));
    }
}

#[tokio::test]
async fn a_preflight_names_the_methods_of_its_path_and_what_may_be_sent() {
    let app = app(&[&format!("--cors-origins={PAGE}"), "--cors-max-age=2m"]).await;
    let answer = preflight(&app, "/v1/movies/1", PAGE).await;
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    assert_eq!(
        answer.header("access-control-allow-methods"),
        "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
    );
    assert_eq!(answer.header("access-control-max-age"), "120");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let allowed = answer.header("access-control-allow-headers");
    for name in ["authorization", "content-type", "if-match", "if-none-match", "idempotency-key"] {
        assert!(allowed.contains(name), "{allowed}");
    }
    assert!(varies_by_origin(&answer) && answer.body.is_empty());
    let other = preflight(&app, "/v1/movies/1", "https://evil.example").await;
    assert_eq!(other.header("access-control-allow-methods"), "");
    assert_eq!(other.header("access-control-allow-origin"), "");
    let plain = app.request(Method::OPTIONS, "/v1/movies").send().await.expect(204);
    assert_eq!(plain.header("access-control-allow-methods"), "");
    assert_eq!(plain.header("allow"), "GET, POST, HEAD, OPTIONS");
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_guessing_what_it_is() {
    let app = app(&[]).await;
    for path in
        ["/v1/movies", "/v1/movies", "/v1/movies/1", "/nowhere", "/docs", "/v1/openapi.json"]
    {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.headers.get_all("x-content-type-options").iter().count(), 1);
        let policy = answer.header("content-security-policy");
        match answer.header("content-type") {
            "application/json" => assert_eq!(policy, "", "{path}"),
            _ => assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}"),
        }
    }
}
