//! What is ready before the first request.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::{
    app::TestApp,
    backend::{Backend, Database},
};

/// Connections of the shared tier, of which no other test has this many on this database.
const CONNECTIONS: usize = 9;
const DATABASE: &str = "11";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_redis_are_there_before_the_first_request() {
    let url = crate::redis::shared_url();
    let flags = [
        format!("--redis-url={}/{DATABASE}", url.trim_end_matches('/')),
        format!("--redis-connections={CONNECTIONS}"),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _app = TestApp::start(Database::new(Backend::Sqlite).await, &flags).await;
    let client = redis::Client::open(url).expect("an address");
    let mut asking = client.get_multiplexed_async_connection().await.expect("a connection");
    let enough = async {
        loop {
            let all: String =
                redis::cmd("CLIENT").arg("LIST").query_async(&mut asking).await.expect("a list");
            let of_app = all.lines().filter(|line| line.contains(&format!(" db={DATABASE} ")));
            if of_app.count() >= CONNECTIONS {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), enough).await.expect("connections without a request");
}
