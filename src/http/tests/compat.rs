use super::*;
use serde_json::json;

#[tokio::test]
async fn the_original_services_clients_go_on_working() {
    let server = TestServer::start().await;
    let movie = json!({"name": "Stalker", "director": "Andrei Tarkovsky", "year": 1979, "rank": 8.1, "genre": ["Drama"]});
    let added = server.send("POST", "/movie", &[], movie.to_string().as_bytes()).await;
    assert_eq!(
        (added.status.as_u16(), &added.body[..]),
        (201, &br#"{"msg":"Record added successfully"}"#[..])
    );
    let list = server.get("/search").await;
    assert_eq!(
        std::str::from_utf8(&list.body).unwrap(),
        r#"{"data":[{"id":1,"name":"Stalker","director_name":"Andrei Tarkovsky","year":1979,"rank":8.1}]}"#
    );
    assert_eq!(list.header("link"), "");
    let deleted = server.send("DELETE", "/movie/1", &[], b"").await;
    assert_eq!(
        (deleted.status.as_u16(), &deleted.body[..]),
        (200, &br#"{"msg":"Record deleted successfully"}"#[..])
    );
    for path in ["/movie/1", "/movie/abc"] {
        let none = server.send("DELETE", path, &[], b"").await;
        assert_eq!(
            (none.status.as_u16(), &none.body[..]),
            (404, &br#"{"msg":"Record Not found"}"#[..])
        );
    }
}

#[tokio::test]
async fn bad_data_is_406_and_nothing_is_stored() {
    let server = TestServer::start().await;
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"name":"x","director":"y","year":1979,"rank":11,"genre":["z"]}"#,
        r#"{"name":"x","director":"y","year":1979,"rank":1,"genre":[]}"#,
        r#"{"name":"x","name":"x","director":"y","year":1979,"rank":1,"genre":["z"]}"#,
    ] {
        let answer =
            server.send("POST", "/movie", &[("content-type", "text/plain")], body.as_bytes()).await;
        assert_eq!(answer.status, 406, "{body}");
        assert_eq!(answer.json()["msg"], "Failed to add data");
        assert!(!answer.json()["errors"][0]["detail"].as_str().unwrap().is_empty());
    }
    assert_eq!(server.get("/v1/changes?since=0").await.json()["revision"], 0);
}
