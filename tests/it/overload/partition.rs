//! A database that does not answer, and comes back: all leave comes back, too.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{HANG, figure, is_overloaded, movie, start, until};
use crate::{
    backend::{Backend, Database},
    fault_proxy::Link,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_leave_comes_back_after_a_partition_and_so_does_the_service() {
    let database = Database::new(Backend::MariaDb).await;
    let (proxy, url) = database.behind_a_proxy().await;
    let flags = [
        url.as_str(),
        "--database-acquire-timeout=300ms",
        "--database-statement-timeout=500ms",
        "--overload-queue-time=20ms",
    ];
    let app = start(Database::new(Backend::Sqlite).await, &flags).await;
    let kept = app.post("/v1/movies", &movie("Ran")).await.expect(201);
    let kept = kept.header("location");
    app.get(kept).await.expect(200);

    for (round, fault) in [Link::Blackhole, Link::Cut].into_iter().enumerate() {
        proxy.set(fault);
        let client = *app;
        let mut crowd = JoinSet::new();
        for n in 0..40 {
            let target = format!("/v1/movies?limit={}", 100 * round + n + 1);
            crowd.spawn(async move {
                match n % 4 {
                    0 => client.post("/v1/movies", &movie("Ikiru")).await,
                    1 => client.get("/v1/changes?since=0").await,
                    _ => client.get(&target).await,
                }
            });
        }
        while let Some(answer) = crowd.join_next().await {
            let answer = answer.unwrap().expect(503);
            let unavailable = answer.json()["type"] == "/problems/unavailable";
            assert!(unavailable || is_overloaded(&answer), "{}", answer.text());
        }
        app.get(kept).await.expect(200);
        for kind in ["read", "list", "write"] {
            until(app.admin, kind, "in_flight", 0).await;
            until(app.admin, kind, "waiting", 0).await;
            assert!(figure(app.admin, kind, "limit").await >= 1);
        }

        proxy.set(Link::Up);
        let since = Instant::now();
        let fresh = format!("/v1/movies?limit={}", 100 * round + 90);
        for target in [fresh.as_str(), "/v1/changes?since=0"] {
            while app.get(target).await.status != 200 {
                assert!(since.elapsed() < HANG, "{target} never came back");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        while app.post("/v1/movies", &movie("Kagemusha")).await.status != 201 {
            assert!(since.elapsed() < HANG, "writes never came back");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
