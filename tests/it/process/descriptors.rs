//! A process that runs out of file descriptors: it goes on, and gets well by itself.

use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{HANG, Process};
use crate::{
    backend::{Database, on_sqlite},
    client::Client,
};

on_sqlite! {
    a_process_without_descriptors_goes_on_and_gets_well,
}

const FAILURES: &str = "marquee_http_accept_failures_total{listener=\"public\"} ";

/// The number of failures to accept, as soon as the admin listener gets a descriptor.
async fn failures(admin: Client) -> u64 {
    let asking = async {
        loop {
            if let Ok(answer) = admin.get_or_fail("/metrics").await {
                let text = answer.text();
                let value = text.lines().find_map(|line| line.strip_prefix(FAILURES)).unwrap();
                return value.parse().unwrap();
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(HANG, asking).await.expect("the admin listener answers")
}

async fn a_process_without_descriptors_goes_on_and_gets_well(database: Database) {
    let process = Process::limited(&database, 64, &["--bundled-catalogue=skip"]).await;
    let mut crowd = Vec::new();
    while failures(process.admin).await == 0 {
        for _ in 0..20 {
            crowd.push(TcpStream::connect(process.client.address()).await.unwrap());
        }
    }
    // With the crowd still there, who has a request is answered.
    timeout(HANG, process.client.get("/v1/genres")).await.expect("an answer").expect(200);
    drop(crowd);
    for _ in 0..20 {
        timeout(HANG, process.client.get("/v1/genres")).await.expect("an answer").expect(200);
    }
    // A loop that spins fails a hundred thousand times a second.
    assert!(failures(process.admin).await < 1_000);
}
