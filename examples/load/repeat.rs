//! The same few requests again and again.

use std::{cell::RefCell, net::SocketAddr, time::Duration};

use anyhow::ensure;
use futures_util::future::{join, join_all, try_join_all};
use serde_json::Value;

use crate::{
    arguments::Arguments,
    http::Connection,
    pace::{Limit, Pace},
    tally::Tally,
};

/// What is asked, how often.
#[derive(Debug)]
pub(crate) struct Options {
    address: SocketAddr,
    targets: Vec<String>,
    headers: Vec<String>,
    connections: usize,
    rate: Option<f64>,
    limit: Limit,
    /// Requests that are sent before the first of their answers is read.
    pipeline: usize,
}

impl Options {
    pub(crate) fn read(arguments: &mut Arguments) -> anyhow::Result<Self> {
        let seconds = arguments.one("--seconds")?.map(|text: f64| Duration::from_secs_f64(text));
        let limit = match (arguments.one("--requests")?, seconds) {
            (Some(count), _) => Limit::Requests(count),
            (None, seconds) => Limit::Time(seconds.unwrap_or(Duration::from_secs(10))),
        };
        let options = Self {
            address: arguments.address(),
            targets: arguments.all("--target"),
            headers: arguments.all("--header"),
            connections: arguments.one("--connections")?.unwrap_or(32),
            rate: arguments.one("--rate")?,
            limit,
            pipeline: arguments.one("--pipeline")?.unwrap_or(1),
        };
        ensure!(!options.targets.is_empty(), "there must be a --target");
        ensure!(options.connections > 0 && options.pipeline > 0, "there must be a connection");
        ensure!(options.pipeline == 1 || options.rate.is_none(), "--pipeline is for a closed loop");
        Ok(options)
    }

    fn requests(&self) -> Vec<Vec<u8>> {
        let host = format!("Host: {}", self.address);
        let lines = std::iter::once(&host).chain(&self.headers);
        let fields = lines.map(String::as_str).collect::<Vec<_>>().join("\r\n");
        let request = |target| format!("GET {target} HTTP/1.1\r\n{fields}\r\n\r\n").into_bytes();
        self.targets.iter().map(request).collect()
    }
}

/// Runs; gives what was found, and whether every answer was a good one.
pub(crate) async fn run(options: Options) -> anyhow::Result<(Value, bool)> {
    let requests = options.requests();
    let mut connections: Vec<_> =
        (0..options.connections).map(|_| Connection::new(options.address)).collect();
    try_join_all(connections.iter_mut().map(Connection::connect)).await?;
    let tally = RefCell::new(Tally::new());
    let pace = Pace::new(options.rate, options.limit);
    let clients = connections.into_iter().enumerate().map(|(n, connection)| {
        client(&pace, &tally, connection, &requests[n % requests.len()], options.pipeline)
    });
    let (driven, _) = join(pace.drive(options.connections), join_all(clients)).await;
    driven?;
    let tally = tally.into_inner();
    Ok((tally.found(pace.began().elapsed()), tally.failed() == 0))
}

async fn client(
    pace: &Pace,
    tally: &RefCell<Tally>,
    mut connection: Connection,
    request: &[u8],
    pipeline: usize,
) {
    while let Some(turn) = pace.turn().await {
        if pipeline > 1 {
            let good = connection.pipeline(request, pipeline).await;
            let mut tally = tally.borrow_mut();
            for _ in 0..*good.as_ref().unwrap_or(&0) {
                tally.answered(turn.due.elapsed());
            }
            if !good.is_ok_and(|good| good == pipeline) {
                tally.fault("an answer in a pipeline".to_owned());
                return;
            }
            continue;
        }
        match connection.ask(request).await {
            Ok(answer) if matches!(answer.status, 200 | 304) => {
                tally.borrow_mut().answered(turn.due.elapsed());
            }
            Ok(answer) => tally.borrow_mut().fault(format!("status {}", answer.status)),
            Err(error) => tally.borrow_mut().fault(error.to_string()),
        }
    }
}
