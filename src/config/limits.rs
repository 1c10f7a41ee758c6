//! Limits: how many requests a client may make, and who it is that makes them.

use std::{fmt, path::PathBuf, str::FromStr};

use ipnet::IpNet;

use super::{
    bad_setting::BadSetting,
    redis::RedisSettings,
    value::{Rule, count},
};
use crate::domain::rate::RateLimits;

/// Settings of limits.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Clients and limits")]
pub struct LimitSettings {
    /// Requests that each client may make: `off`, or rules like
    /// `read=200/1s,6000/1m; write=20/1s burst 40; key.read=2000/1s`. Classes are `read`, `search`
    /// (exports, too) and `write`, and the same with `key.` for clients with a key, which have ten times
    /// what others have where nothing is said. What is not named is as by default: 200, 50 and 20 a
    /// second, twice that at once. By default clients on this machine are let off; rules that are given
    /// hold for them, too.
    #[arg(
        long,
        env = "MARQUEE_RATE_LIMIT",
        value_name = "RULES",
        default_value = "default",
        value_parser = rules
    )]
    pub rate_limit: RateLimits,

    /// File with such rules, one a line, `#` before comments. Read at the start and again at SIGHUP.
    #[arg(long, env = "MARQUEE_RATE_LIMIT_FILE", value_name = "FILE")]
    pub rate_limit_file: Option<PathBuf>,

    /// Most clients without a key that are remembered, counted for each class. Those for whom there
    /// is no room have one quota together.
    #[arg(
        long,
        env = "MARQUEE_RATE_LIMIT_CLIENTS",
        value_name = "NUMBER",
        default_value = "100000",
        value_parser = count(1, 10_000_000)
    )]
    pub rate_limit_clients: u32,

    /// Whether replicas share each client's quota by way of Redis (`on`), or each has its own (`off`).
    #[arg(
        long,
        env = "MARQUEE_RATE_LIMIT_CLUSTER",
        value_name = "WHETHER",
        default_value = "off",
        hide_possible_values = true
    )]
    pub rate_limit_cluster: Switch,

    /// Proxies that are believed when they say whom they speak for: addresses and networks, `loopback`
    /// and `private` for those of such machines, separated by commas.
    #[arg(long, env = "MARQUEE_TRUSTED_PROXIES", value_name = "NETWORKS", default_value = "none")]
    pub trusted_proxies: Networks,

    /// The header in which they say it: `x-forwarded-for`, `forwarded`, or `either`, where both must
    /// agree if both are there. Name the one that the proxy always sets.
    #[arg(
        long,
        env = "MARQUEE_FORWARDING_HEADER",
        value_name = "HEADER",
        default_value = "either",
        hide_possible_values = true
    )]
    pub forwarding_header: ForwardingHeader,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// The header in which proxies say whom they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForwardingHeader {
    /// Any, and where both are there, they must agree.
    Either,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `Forwarded`
    Forwarded,
}

/// Networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNet>);

impl LimitSettings {
    /// Checks the rules that one value's type cannot hold.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(super) fn check(&self, redis: &RedisSettings) -> Result<(), BadSetting> {
        if let Some(file) = &self.rate_limit_file
            && self.rate_limit != RateLimits::default()
        {
            return Err(BadSetting::new(
                "--rate-limit-file",
                "MARQUEE_RATE_LIMIT_FILE",
                "is of use only without --rate-limit: the rules are in the file",
                &file.to_string_lossy(),
            ));
        }
        if self.rate_limit_cluster == Switch::On && redis.redis_url.is_none() {
            return Err(BadSetting::new(
                "--rate-limit-cluster",
                "MARQUEE_RATE_LIMIT_CLUSTER",
                "needs --redis-url: replicas share quotas by way of Redis",
                "on",
            ));
        }
        Ok(())
    }
}

impl Networks {
    const LOOPBACK: [&'static str; 2] = ["127.0.0.0/8", "::1/128"];
    const PRIVATE: [&'static str; 4] =
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

    /// The networks.
    #[must_use]
    pub fn as_slice(&self) -> &[IpNet] {
        &self.0
    }
}

impl FromStr for Networks {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let mut all = Vec::new();
        if text.trim() == "none" {
            return Ok(Self(all));
        }
        for part in text.split(',').map(str::trim) {
            let alone = [part];
            let networks: &[&str] = match part {
                "loopback" => &Self::LOOPBACK,
                "private" => &Self::PRIVATE,
                _ => &alone,
            };
            for text in networks {
                all.push(network(text).ok_or_else(|| {
                    Rule::new(format!(
                        "must be addresses and networks, like 10.0.0.0/8, separated by commas, \
                         `loopback`, `private`, or `none`: {part:?} is none of these"
                    ))
                })?);
            }
        }
        Ok(Self(all))
    }
}

/// A network, or an address as the network of that alone. One of IPv4 in the form of IPv6 would match
/// nobody, since addresses are compared in their own form.
fn network(text: &str) -> Option<IpNet> {
    let network =
        text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?)));
    network.filter(|network: &IpNet| match network {
        IpNet::V4(_) => true,
        IpNet::V6(network) => network.addr().to_ipv4_mapped().is_none(),
    })
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (n, network) in self.0.iter().enumerate() {
            write!(f, "{}{network}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn rules(text: &str) -> Result<RateLimits, Rule> {
    text.parse().map_err(|bad| Rule::new(format!("must be off or rules like read=200/1s: {bad}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_networks_and_words() {
        let read = |text: &str| text.parse::<Networks>().map(|networks| networks.to_string());
        assert_eq!(read("none").unwrap(), "none");
        assert_eq!(
            read("192.0.2.1, 10.0.0.0/8,2001:db8::/32").unwrap(),
            "192.0.2.1/32,10.0.0.0/8,2001:db8::/32"
        );
        assert_eq!(read("loopback").unwrap(), "127.0.0.0/8,::1/128");
        assert!(read("private,loopback").unwrap().contains("fc00::/7"));
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0.1,", "::ffff:10.0.0.1", "all"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
