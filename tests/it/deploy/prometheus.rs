//! A real Prometheus with the shipped configuration and rules, in a hurry: it scrapes every second.

use std::{
    fs,
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use super::shipped::{files, text, with};
use crate::{
    client::Client,
    cluster::programs::{Program, accepts, free_port, local, needed},
};

/// Longer than it takes to start on the slowest machine.
const START: Duration = Duration::from_mins(1);

/// A running Prometheus.
#[derive(Debug)]
pub(crate) struct Prometheus {
    client: Client,
    _folder: TempDir,
    _program: Program,
}

impl Prometheus {
    /// Starts it, to scrape these admin listeners as the job `marquee`.
    pub(crate) async fn start(replicas: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = local(free_port());
        let targets: Vec<_> = replicas.iter().map(|replica| format!("\"{replica}\"")).collect();
        let mut config = text("deploy/prometheus/prometheus.yml");
        for (this, that) in [
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("scrape_timeout: 5s", "scrape_timeout: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
            (r#""marquee-1:9090", "marquee-2:9090""#, &targets.join(", ")),
            ("localhost:9090", &address.to_string()),
        ] {
            config = with(&config, this, that);
        }
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).expect("it can be written");
        fs::create_dir(folder.path().join("rules")).expect("a folder");
        for (name, rules) in files("deploy/prometheus/rules") {
            let name = name.rsplit('/').next().expect("a name");
            fs::write(folder.path().join("rules").join(name), rules).expect("it can be written");
        }
        let mut command = Command::new(needed("TEST_PROMETHEUS_PROGRAM", &["prometheus"]));
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        let program = Program::start(&mut command);
        accepts(address).await;
        let prometheus = Self { client: Client::new(address), _folder: folder, _program: program };
        let since = Instant::now();
        while prometheus.client.get("/-/ready").await.status != 200 {
            assert!(since.elapsed() < START, "Prometheus does not get ready");
            sleep(Duration::from_millis(20)).await;
        }
        prometheus
    }

    /// The series that an expression gives now.
    ///
    /// # Errors
    /// Why it cannot be evaluated.
    pub(crate) async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let encoded = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let answer = self.client.get(&format!("/api/v1/query?query={encoded}")).await.json();
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        match &answer["data"]["result"] {
            Value::Array(series) if answer["data"]["resultType"] == "vector" => Ok(series.clone()),
            scalar => Ok(vec![scalar.clone()]),
        }
    }

    /// Every rule, as it says itself.
    pub(crate) async fn rules(&self) -> Vec<Value> {
        let answer = self.client.get("/api/v1/rules").await.expect(200).json();
        let groups = answer["data"]["groups"].as_array().expect("groups").clone();
        groups.iter().flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
    }
}
