//! What is told of requests: the access log, timings in answers, traces.

use std::{fmt, str::FromStr, time::Duration};

use hyper::Uri;

use super::{
    bad_setting::BadSetting,
    value::{Rule, duration, share},
};

/// Settings of what is told of requests.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Access log and traces")]
pub struct WatchingSettings {
    /// Which requests have a line in the log: `all`, but for hits in the process, of which it is a share;
    /// `failures`; or `off`. Slow requests have one in any case.
    #[arg(
        long,
        env = "MARQUEE_ACCESS_LOG",
        value_name = "WHICH",
        default_value = "all",
        hide_possible_values = true
    )]
    pub access_log: AccessLog,

    /// Share of the hits in the process that have a line: 0 for none, 0.01 for each hundredth, 1 for all.
    #[arg(
        long,
        env = "MARQUEE_ACCESS_LOG_SAMPLE",
        value_name = "SHARE",
        default_value = "0.01",
        value_parser = share
    )]
    pub access_log_sample: f64,

    /// Whether lines have the query string, in which people's search terms are: `on` or `off`.
    #[arg(
        long,
        env = "MARQUEE_ACCESS_LOG_QUERY",
        value_name = "WHETHER",
        default_value = "off",
        hide_possible_values = true
    )]
    pub access_log_query: Switch,

    /// What lines say of clients: their `address`, its `network` (/24, or /48 of IPv6), or nothing: `off`.
    #[arg(
        long,
        env = "MARQUEE_ACCESS_LOG_CLIENTS",
        value_name = "WHAT",
        default_value = "address",
        hide_possible_values = true
    )]
    pub access_log_clients: ClientsShown,

    /// Requests that take so long are logged as slow, with what took the time; `0s` for none.
    #[arg(
        long,
        env = "MARQUEE_SLOW_REQUEST",
        value_name = "DURATION",
        default_value = "500ms",
        value_parser = duration(Duration::ZERO, Duration::from_hours(1))
    )]
    pub slow_request: Duration,

    /// Whether answers say which cache they are from and how long that took (`Server-Timing`): `on` or
    /// `off`.
    #[arg(
        long,
        env = "MARQUEE_SERVER_TIMING",
        value_name = "WHETHER",
        default_value = "off",
        hide_possible_values = true
    )]
    pub server_timing: Switch,

    /// Where traces are sent: an OpenTelemetry collector, `http://host:4318`. For builds with `otel`.
    #[arg(long, env = "MARQUEE_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<OtlpEndpoint>,

    /// Share of requests whose caller did not decide that have a trace: 0 for none, 1 for all.
    #[arg(
        long,
        env = "MARQUEE_TRACE_SAMPLE",
        value_name = "SHARE",
        default_value = "0.01",
        value_parser = share
    )]
    pub trace_sample: f64,
}

impl WatchingSettings {
    /// Refuses to send traces with a build that cannot.
    pub(super) fn check(&self) -> Result<(), BadSetting> {
        match &self.otlp_endpoint {
            Some(endpoint) if !cfg!(feature = "otel") => Err(BadSetting::new(
                "--otlp-endpoint",
                "MARQUEE_OTLP_ENDPOINT",
                "must not be set: this build sends no traces (build it with --features otel)",
                &endpoint.to_string(),
            )),
            _ => Ok(()),
        }
    }
}

/// Which requests have a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AccessLog {
    /// All, but for hits in the process, of which it is a share.
    All,
    /// Refusals and failures.
    Failures,
    /// None.
    Off,
}

/// What lines say of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClientsShown {
    /// Their addresses.
    Address,
    /// The networks that these are in.
    Network,
    /// Nothing.
    Off,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Where traces are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpEndpoint(String);

impl OtlpEndpoint {
    /// The address that takes spans: `/v1/traces` where the setting has no path.
    #[must_use]
    pub fn of_spans(&self) -> String {
        let path = Uri::from_str(&self.0).map(|uri| uri.path().len()).unwrap_or_default();
        let base = self.0.trim_end_matches('/');
        if path > 1 { self.0.clone() } else { format!("{base}/v1/traces") }
    }
}

impl FromStr for OtlpEndpoint {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let good = |uri: &Uri| {
            let plain = |host: &str| !host.is_empty() && !host.contains('@');
            uri.scheme_str() == Some("http")
                && uri.authority().is_some_and(|authority| plain(authority.as_str()))
                && uri.query().is_none()
        };
        if text.parse().is_ok_and(|uri| good(&uri)) {
            return Ok(Self(text.to_owned()));
        }
        Err(Rule::new("must be the address of a collector, like http://127.0.0.1:4318"))
    }
}

impl fmt::Display for OtlpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_go_where_collectors_take_them_unless_a_path_is_given() {
        for (given, spans) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector/", "http://collector/v1/traces"),
            ("http://collector/otlp/v1/traces", "http://collector/otlp/v1/traces"),
        ] {
            assert_eq!(given.parse::<OtlpEndpoint>().unwrap().of_spans(), spans);
        }
        for bad in ["", "collector:4318", "https://a", "http://", "http://a:b@c", "http://a?b"] {
            assert!(bad.parse::<OtlpEndpoint>().is_err(), "{bad}");
        }
    }
}
