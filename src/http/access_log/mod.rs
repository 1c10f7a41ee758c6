//! The access log: a line for each request, at target `access`.
//!
//! Hits in the process are too many and too cheap for a line each: of them a share is logged, by a count
//! on each thread, so that one that is not logged pays for an addition. Refusals, failures and slow
//! requests are always logged.
//!
//! **Invariant:** what a line tells of people (search terms, addresses) is what the options allow. Keys are
//! told by their ids, never by themselves; bodies and other headers not at all.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use hyper::{StatusCode, Version, http::request::Parts};

use crate::cache::outcome::Outcome;

use super::{request_id::RequestId, trace_context::TraceId};

/// Which requests have a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All, but for hits in the process, of which it is a share.
    All,
    /// Refusals, failures and slow requests.
    Failures,
    /// Slow requests.
    Slow,
}

/// What a line says of who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// The address.
    Address,
    /// The network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 address.
    Network,
    /// Nothing.
    Hidden,
}

/// What a line says of the query string, which has search terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queries {
    /// All of it.
    Shown,
    /// Nothing.
    Hidden,
}

/// What is logged of requests.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which have a line.
    pub scope: Scope,
    /// The share of hits in the process that have one, from 0 to 1.
    pub sample: f64,
    /// Requests that take so long have one at level warn; none for zero.
    pub slow: Duration,
    /// What is said of the query string.
    pub queries: Queries,
    /// What is said of who asked.
    pub clients: Clients,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scope: Scope::All,
            sample: 0.01,
            slow: Duration::from_millis(500),
            queries: Queries::Hidden,
            clients: Clients::Address,
        }
    }
}

/// Writes the lines.
#[derive(Debug)]
pub(super) struct AccessLog {
    options: Options,
    /// The share of hits in 2^-64.
    step: u64,
}

/// A request that was answered.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) parts: Asked<'a>,
    pub(super) route: &'static str,
    pub(super) status: StatusCode,
    pub(super) outcome: Option<Outcome>,
    pub(super) elapsed: Duration,
    /// Bytes of the answer's body, where they are known when it begins.
    pub(super) bytes: Option<u64>,
    pub(super) client: IpAddr,
    /// The id of the key that the request came with.
    pub(super) key: Option<&'a str>,
    pub(super) id: &'a RequestId,
    pub(super) trace: Option<TraceId>,
    pub(super) times: Times,
}

/// What is logged of a request's head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a hyper::Method,
    pub(super) uri: &'a hyper::Uri,
    pub(super) path: &'a str,
    pub(super) version: Version,
}

impl<'a> Asked<'a> {
    pub(super) fn of(parts: &'a Parts) -> Self {
        Self::new(&parts.method, &parts.uri, parts.version)
    }

    pub(super) fn new(method: &'a hyper::Method, uri: &'a hyper::Uri, version: Version) -> Self {
        Self { method, uri, path: path_shown(uri), version }
    }
}

/// A request's path as others than its client see it: no line names a person.
pub(super) fn path_shown(uri: &hyper::Uri) -> &str {
    const OF_PEOPLE: &str = "/v1/users/";
    let path = uri.path();
    if path.starts_with(OF_PEOPLE) { OF_PEOPLE } else { path }
}

/// How long parts of a request took, where that is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// From asking the cache to its answer: a load, another request's load, the shared tier.
    pub(super) cache: Option<Duration>,
    /// Making the coding that the client likes best, by the first who asks for it.
    pub(super) encode: Option<Duration>,
}

impl AccessLog {
    pub(super) fn new(options: Options) -> Self {
        Self { options, step: step(options.sample) }
    }

    /// Whether the hit at hand is one of those that are logged.
    #[inline]
    pub(super) fn sampled(&self) -> bool {
        thread_local! {
            static SHARE: Cell<u64> = const { Cell::new(u64::MAX) }; // the first is logged
        }
        let (share, whole) = SHARE.get().overflowing_add(self.step);
        SHARE.set(share);
        whole && self.options.scope == Scope::All
    }

    /// Logs a request, where it is to be. `sampled` matters for hits in the process.
    pub(super) fn write(&self, line: &Line<'_>, sampled: bool) {
        let Options { scope, slow, .. } = self.options;
        let failed = line.status.is_client_error() || line.status.is_server_error();
        if !slow.is_zero() && line.elapsed >= slow {
            self.slow(line);
        } else if scope == Scope::Failures && failed {
            self.line(line);
        } else if scope == Scope::All {
            match line.outcome {
                Some(Outcome::L1Hit) if !sampled && !failed => self.detail(line),
                _ => self.line(line),
            }
        }
    }
}

/// An event with the fields that every line has.
macro_rules! event {
    ($level:ident, $log:expr, $line:expr, $message:literal $(, $name:ident = $value:expr)*) => {{
        let (log, line): (&AccessLog, &Line<'_>) = ($log, $line);
        let query = match log.options.queries {
            Queries::Shown => line.parts.uri.query(),
            Queries::Hidden => None,
        };
        tracing::$level!(
            target: "access",
            method = line.parts.method.as_str(),
            path = line.parts.path,
            query,
            protocol = protocol(line.parts.version),
            route = line.route,
            status = line.status.as_u16(),
            outcome = word(line.outcome),
            duration_us = micros(line.elapsed),
            bytes = line.bytes,
            client = log.client(line.client).map(tracing::field::display),
            key = line.key,
            request_id = line.id.as_str(),
            trace_id = line.trace.map(tracing::field::display),
            $($name = $value,)*
            $message
        );
    }};
}

impl AccessLog {
    fn line(&self, line: &Line<'_>) {
        event!(info, self, line, "answered");
    }

    fn detail(&self, line: &Line<'_>) {
        event!(debug, self, line, "answered");
    }

    fn slow(&self, line: &Line<'_>) {
        event!(
            warn,
            self,
            line,
            "answered slowly",
            cache_us = line.times.cache.map(micros),
            encode_us = line.times.encode.map(micros)
        );
    }

    fn client(&self, address: IpAddr) -> Option<IpAddr> {
        match (self.options.clients, address) {
            (Clients::Hidden, _) => None,
            (Clients::Address, address) => Some(address),
            (Clients::Network, IpAddr::V4(address)) => {
                Some(Ipv4Addr::from_bits(address.to_bits() & !0xff).into())
            }
            (Clients::Network, IpAddr::V6(address)) => {
                Some(Ipv6Addr::from_bits(address.to_bits() >> 80 << 80).into())
            }
        }
    }
}

/// The outcome in the word that metrics and `Server-Timing` have too.
pub(super) const fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "none",
        Some(Outcome::L1Hit) => "l1",
        Some(Outcome::L2Hit(_)) => "l2",
        Some(Outcome::Loaded(_)) => "load",
        Some(Outcome::Collapsed(_)) => "collapsed",
    }
}

const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP",
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share has no more digits than that, and a float that is too large becomes the largest integer"
)]
fn step(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * u64::MAX as f64) as u64
}

#[cfg(test)]
mod tests;
