//! `marquee warm`: prepares every replica for a rush, before it comes.
//!
//! One replica after the other is told what will be asked for. The first one loads what nobody has into
//! Redis, the others take it from there. Exits with 1 where something could not be prepared, or is not
//! there.

use std::{fmt::Write as _, io::Read as _, net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::{net::lookup_host, time::timeout};

use super::{ask::ask, exit::Exit, output};
use crate::config::{admin::AdminSettings, value::duration};

/// What a rush on a genre asks for beside its list as it comes.
const ORDERS: [&str; 3] = ["-rating", "-votes", "-year"];
/// More than the answer to a campaign ever has.
const ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// Arguments of `marquee warm`.
#[derive(Debug, clap::Args)]
pub struct WarmArgs {
    /// What will be asked for, like `/v1/movies?genre=horror`; `-` reads one a line from standard input.
    #[arg(value_name = "TARGET", required_unless_present_any = ["movie", "genre", "collection"])]
    targets: Vec<String>,
    /// A movie, by its id; may be given again.
    #[arg(long, value_name = "ID", help_heading = "Options")]
    movie: Vec<u64>,
    /// A genre: its first page, by popularity, rating, votes and year; may be given again.
    #[arg(long, value_name = "NAME", help_heading = "Options")]
    genre: Vec<String>,
    /// A collection, by its slug; may be given again.
    #[arg(long, value_name = "SLUG", help_heading = "Options")]
    collection: Vec<String>,
    /// A replica's admin listener; may be given again. A name that has several addresses stands for all of
    /// them. Without any: the admin listener on this machine.
    #[arg(long, value_name = "HOST:PORT", help_heading = "Options")]
    replica: Vec<String>,
    /// For how long answers are kept, whether or not they are asked for.
    #[arg(
        long = "for",
        value_name = "DURATION",
        default_value = "1h",
        value_parser = duration(Duration::from_secs(1), Duration::from_hours(7 * 24)),
        help_heading = "Options"
    )]
    lasting: Duration,
    /// Longest wait for one replica.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1m",
        value_parser = duration(Duration::from_millis(1), Duration::from_hours(1)),
        help_heading = "Options"
    )]
    timeout: Duration,
    /// Where the service's admin listener is.
    #[command(flatten)]
    admin: AdminSettings,
}

pub(super) async fn run(arguments: &WarmArgs) -> anyhow::Result<Exit> {
    let targets = targets(arguments)?;
    let body = json!({"targets": targets, "for_seconds": arguments.lasting.as_secs()}).to_string();
    let mut exit = Exit::Ok;
    let mut report = String::new();
    for address in replicas(arguments).await? {
        match warm(address, &body, arguments.timeout).await {
            Ok(warmed) => {
                let count = |name: &str| warmed[name].as_u64().unwrap_or_default();
                let [loaded, from_l2, already, failed] =
                    ["loaded", "from_l2", "already", "failed"].map(count);
                let line = format!(
                    "{address}: {loaded} loaded, {from_l2} from Redis, {already} there already, {failed} failed"
                );
                let _ = writeln!(report, "{line}"); // cannot fail
                for answer in warmed["answers"].as_array().into_iter().flatten() {
                    if answer["outcome"] == "failed" {
                        exit = Exit::No;
                        let [target, detail] =
                            ["target", "detail"].map(|name| answer[name].as_str().unwrap_or("?"));
                        let _ = writeln!(report, "  {target}: {detail}"); // cannot fail
                    }
                }
            }
            Err(error) => {
                exit = Exit::No;
                output::complain(format!("{address}: {error:#}"));
            }
        }
    }
    output::print(report)?;
    Ok(exit)
}

fn targets(arguments: &WarmArgs) -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for target in &arguments.targets {
        if target == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            targets.extend(lines.map(str::to_owned));
        } else {
            targets.push(target.clone());
        }
    }
    targets.extend(arguments.movie.iter().map(|id| format!("/v1/movies/{id}")));
    for genre in &arguments.genre {
        let list = format!("/v1/movies?genre={}", utf8_percent_encode(genre, NON_ALPHANUMERIC));
        targets.extend(ORDERS.iter().map(|order| format!("{list}&sort={order}")));
        targets.push(list);
    }
    let collections = arguments.collection.iter();
    targets.extend(collections.map(|slug| format!("/v1/collections/{slug}")));
    ensure!(!targets.is_empty(), "nothing to prepare");
    Ok(targets)
}

async fn replicas(arguments: &WarmArgs) -> anyhow::Result<Vec<SocketAddr>> {
    if arguments.replica.is_empty() {
        return Ok(vec![super::healthcheck::reachable(arguments.admin.admin_listen)]);
    }
    let mut addresses = Vec::new();
    for replica in &arguments.replica {
        let found = lookup_host(replica).await.with_context(|| format!("cannot find {replica}"))?;
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    Ok(addresses)
}

async fn warm(address: SocketAddr, body: &str, limit: Duration) -> anyhow::Result<Value> {
    let asking = ask(address, "POST", "/warm", body, ANSWER_BYTES);
    let (status, answer) = timeout(limit, asking)
        .await
        .with_context(|| format!("did not answer within {limit:?}"))??;
    let answer: Value = serde_json::from_slice(&answer).context("does not answer in JSON")?;
    if status != 200 {
        let faults = answer["errors"].as_array().into_iter().flatten();
        let faults: Vec<String> = faults
            .map(|fault| {
                let [place, detail] =
                    ["pointer", "detail"].map(|name| fault[name].as_str().unwrap_or_default());
                if place.is_empty() { detail.to_owned() } else { format!("{place}: {detail}") }
            })
            .collect();
        // A detail says the faults once more.
        match faults.as_slice() {
            [] => bail!("answers {status}: {}", answer["detail"].as_str().unwrap_or_default()),
            faults => bail!("answers {status}: {}", faults.join("; ")),
        }
    }
    Ok(answer["warmed"].clone())
}
