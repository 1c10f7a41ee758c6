use super::*;
use serde_json::json;

#[tokio::test]
async fn a_list_is_walked_by_its_links_in_both_directions() {
    let server = TestServer::start().await;
    for n in 1..=5 {
        server
            .create(&json!({"title": format!("Film {n}"), "genres": ["Drama"], "rating": n}))
            .await;
    }
    let first = server.get("/v1/movies?genre=drama&sort=-rating&limit=2").await;
    assert_eq!(first.status, 200, "{first:?}");
    let page = first.json();
    assert_eq!(page["data"][0]["title"], "Film 5");
    assert_eq!(page["data"][0].get("cast"), None);
    assert_eq!(page["page"]["total"], 5);
    assert_eq!(page["page"].get("total_is"), None);
    assert_eq!(page["page"]["prev"], Value::Null);
    assert_eq!(page["revision"], 5);
    assert_eq!(first.header("catalog-revision"), "5");
    let link = first.header("link");
    let next = link.split_once('<').unwrap().1.split_once('>').unwrap().0;
    let second = server.get(next).await.json();
    assert_eq!(second["data"][0]["title"], "Film 3");
    let prev = second["page"]["prev"].as_str().unwrap();
    let back =
        server.get(&format!("/v1/movies?genre=drama&sort=-rating&limit=2&cursor={prev}")).await;
    assert_eq!(back.json()["data"], page["data"]);
}

#[tokio::test]
async fn a_movie_is_found_by_either_id() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "The Wizard of Oz", "imdb_id": "tt0032138"})).await;
    let by_id = server.get(&format!("/v1/movies/{id}")).await;
    let by_imdb_id = server.get("/v1/movies/imdb/tt0032138").await;
    assert_eq!(by_id.body, by_imdb_id.body);
    assert_eq!(by_id.header("etag"), by_imdb_id.header("etag"));
    assert_eq!(by_id.json()["cast"], json!([]));
}

#[tokio::test]
async fn a_movie_that_does_not_exist_is_known_as_of_a_revision() {
    let server = TestServer::start().await;
    for path in ["/v1/movies/7", "/v1/movies/imdb/tt9999999"] {
        let answer = server.get(path).await;
        assert_eq!(answer.problem(404, &[]), "/problems/no-such-movie");
        assert_eq!(answer.header("catalog-revision"), "0");
        assert!(answer.header("cache-control").starts_with("public"));
    }
    for path in ["/v1/movies/abc", "/v1/movies/0", "/v1/movies/imdb/x"] {
        let answer = server.get(path).await;
        assert_eq!(answer.problem(404, &[]), "/problems/no-such-movie");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn genres_are_listed_with_their_movies() {
    let server = TestServer::start().await;
    server.create(&json!({"title": "a", "genres": ["Sci-Fi", "Drama"]})).await;
    server.create(&json!({"title": "b", "genres": ["sci-fi"]})).await;
    let answer = server.get("/v1/genres").await.json();
    assert_eq!(
        answer["data"],
        json!([{"name": "Drama", "movies": 1}, {"name": "Sci-Fi", "movies": 2}])
    );
}

#[tokio::test]
async fn the_feed_is_read_to_its_end() {
    let server = TestServer::start().await;
    let id = server.create(&json!({"title": "a"})).await;
    server.json("PATCH", &format!("/v1/movies/{id}"), &json!({"year": 1999})).await;
    server.send("DELETE", &format!("/v1/movies/{id}"), &[], b"").await;
    let mut since = json!(0);
    let mut kinds = Vec::new();
    while let Some(from) = since.as_i64() {
        let page = server.get(&format!("/v1/changes?since={from}&limit=1")).await.json();
        kinds.push(page["data"][0]["kind"].clone());
        since = page["page"]["next"].clone();
    }
    assert_eq!(kinds, ["created", "updated", "deleted"]);
    let answer = server.get("/v1/changes?since=4").await;
    assert_eq!(answer.problem(400, &["since"]), "/problems/invalid-parameter");
    assert_eq!(server.get("/v1/changes?since=3").await.json()["data"], json!([]));
}

#[tokio::test]
async fn the_description_and_the_explorer_are_served_from_here() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/v1/openapi.json").await.header("content-type"), "application/json");
    let page = server.get("/docs").await;
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    for file in html.split("\"docs/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let answer = server.get(&format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.body.len() > 100, "{file}");
    }
    assert_eq!(server.get("/docs/swagger-initializer.js").await.status, 404);
}
