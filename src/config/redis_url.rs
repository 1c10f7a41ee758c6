//! The address of Redis, which holds a password that must not be shown.
//!
//! What the kinds mean to a client is not known here.

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;

use super::{database_url::redact, value::Rule};

const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

const SCHEMES: &str = "must begin with redis://, rediss://, redis-sentinel://, rediss-sentinel://, \
                       redis-cluster://, rediss-cluster:// or redis+unix://";
const HOST: &str = "must name hosts as NAME, NAME:PORT, IPV4:PORT or [IPV6]:PORT";
const ENCODED: &str = "must have its user and password percent-encoded (`@` is %40, `/` is %2F)";
const DATABASE: &str = "must end with a database's number, or with no path at all";
const SENTINEL: &str = "must be redis-sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/MASTER[/DB]";
const CLUSTER: &str =
    "must be redis-cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT with no database";
const SINGLE: &str = "must be redis://[USER:PASSWORD@]HOST[:PORT][/DB]";
const UNIX: &str = "must be redis+unix://[USER:PASSWORD@]/PATH";

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// Which servers an address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisKind {
    /// One server.
    Single(HostPort),
    /// One server on this machine.
    Unix(PathBuf),
    /// The server that Sentinels name.
    Sentinel {
        /// Some of the Sentinels, at least one.
        sentinels: Vec<HostPort>,
        /// The name under which they know the servers.
        master: String,
    },
    /// A Redis Cluster.
    Cluster(Vec<HostPort>),
}

/// Address of Redis. Neither `Debug` nor `Display` shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    raw: String,
    kind: RedisKind,
    tls: bool,
    user: Option<String>,
    password: Option<String>,
    database: u32,
}

impl RedisUrl {
    /// Which servers it leads to.
    #[must_use]
    pub const fn kind(&self) -> &RedisKind {
        &self.kind
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// The user to log in as; Redis' default user where there is none.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, for the driver only.
    #[must_use]
    pub fn expose_password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The number of the database on the server.
    #[must_use]
    pub const fn database(&self) -> u32 {
        self.database
    }
}

impl FromStr for RedisUrl {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| Rule::new(SCHEMES))?;
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (user, password) = login.map_or(Ok((None, None)), credentials)?;
        let (kind, database) = match scheme {
            "redis" | "rediss" => single(place)?,
            "redis-sentinel" | "rediss-sentinel" => sentinel(place)?,
            "redis-cluster" | "rediss-cluster" => cluster(place)?,
            "redis+unix" => unix(place)?,
            _ => return Err(Rule::new(SCHEMES)),
        };
        let tls = scheme.starts_with("rediss");
        Ok(Self { raw: text.to_owned(), kind, tls, user, password, database })
    }
}

fn credentials(login: &str) -> Result<(Option<String>, Option<String>), Rule> {
    // A `/` or `@` that is not encoded would be taken for the end of a part by other programs.
    if login.contains(['/', '@', '?', '#', ' ']) {
        return Err(Rule::new(ENCODED));
    }
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decode = |part: &str| -> Result<Option<String>, Rule> {
        let decoded = percent_decode_str(part).decode_utf8().map_err(|_| Rule::new(ENCODED))?;
        Ok(Some(decoded.into_owned()).filter(|part| !part.is_empty()))
    };
    let (user, password) = (decode(user)?, decode(password)?);
    if user.is_some() && password.is_none() {
        return Err(Rule::new("must have a password where it has a user"));
    }
    Ok((user, password))
}

fn single(place: &str) -> Result<(RedisKind, u32), Rule> {
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    if host.contains(',') {
        return Err(Rule::new(SINGLE));
    }
    Ok((RedisKind::Single(host_port(host, SERVER_PORT)?), database(path)?))
}

fn sentinel(place: &str) -> Result<(RedisKind, u32), Rule> {
    let (hosts, path) = place.split_once('/').ok_or_else(|| Rule::new(SENTINEL))?;
    let (master, path) = path.split_once('/').unwrap_or((path, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if master.is_empty() || !master.chars().all(plain) {
        return Err(Rule::new(SENTINEL));
    }
    let sentinels = host_ports(hosts, SENTINEL_PORT)?;
    Ok((RedisKind::Sentinel { sentinels, master: master.to_owned() }, database(path)?))
}

fn cluster(place: &str) -> Result<(RedisKind, u32), Rule> {
    match place.split_once('/') {
        None | Some((_, "")) => {}
        Some(_) => return Err(Rule::new(CLUSTER)),
    }
    Ok((RedisKind::Cluster(host_ports(place.trim_end_matches('/'), SERVER_PORT)?), 0))
}

fn unix(place: &str) -> Result<(RedisKind, u32), Rule> {
    if !place.starts_with('/') || place.ends_with('/') || place.contains(['?', '#']) {
        return Err(Rule::new(UNIX));
    }
    let path = percent_decode_str(place).decode_utf8().map_err(|_| Rule::new(UNIX))?;
    Ok((RedisKind::Unix(PathBuf::from(path.as_ref())), 0))
}

fn database(path: &str) -> Result<u32, Rule> {
    match path {
        "" => Ok(0),
        path if path.bytes().all(|byte| byte.is_ascii_digit()) => {
            path.parse().map_err(|_| Rule::new(DATABASE))
        }
        _ => Err(Rule::new(DATABASE)),
    }
}

fn host_ports(hosts: &str, default_port: u16) -> Result<Vec<HostPort>, Rule> {
    hosts.split(',').map(|host| host_port(host, default_port)).collect()
}

fn host_port(text: &str, default_port: u16) -> Result<HostPort, Rule> {
    let rule = || Rule::new(HOST);
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']').ok_or_else(rule)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| rule())?;
        let port =
            if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(rule)?) };
        (host, port)
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if host.is_empty() || !host.chars().all(plain) {
        return Err(rule());
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(rule)?,
        None => default_port,
    };
    Ok(HostPort { host: host.to_owned(), port })
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.raw))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> RedisUrl {
        text.parse().unwrap_or_else(|rule| panic!("{text}: {rule}"))
    }

    fn at(host: &str, port: u16) -> HostPort {
        HostPort { host: host.to_owned(), port }
    }

    #[test]
    fn a_single_server_is_read_with_its_defaults() {
        for (text, host, port, database) in [
            ("redis://cache", "cache", 6379, 0),
            ("redis://cache/", "cache", 6379, 0),
            ("redis://10.0.0.1:7000/3", "10.0.0.1", 7000, 3),
            ("redis://[::1]:7000", "::1", 7000, 0),
            ("redis://[::1]", "::1", 6379, 0),
        ] {
            let url = read(text);
            assert_eq!(url.kind(), &RedisKind::Single(at(host, port)), "{text}");
            assert_eq!((url.database(), url.is_tls()), (database, false), "{text}");
        }
        assert!(read("rediss://cache").is_tls());
    }

    #[test]
    fn sentinels_are_read_with_the_name_of_the_master() {
        let url = read("redis-sentinel://me:pw@a,b:26380/films/2");
        let sentinels = vec![at("a", 26379), at("b", 26380)];
        assert_eq!(url.kind(), &RedisKind::Sentinel { sentinels, master: "films".to_owned() });
        assert_eq!((url.user(), url.expose_password()), (Some("me"), Some("pw")));
        assert_eq!((url.database(), url.is_tls()), (2, false));
        assert!(read("rediss-sentinel://a/films").is_tls());
    }

    #[test]
    fn clusters_are_read_with_their_nodes() {
        let url = read("redis-cluster://:pw@a:7000,[::1]:7001,c");
        let nodes = vec![at("a", 7000), at("::1", 7001), at("c", 6379)];
        assert_eq!(url.kind(), &RedisKind::Cluster(nodes));
        assert_eq!((url.user(), url.expose_password()), (None, Some("pw")));
        assert!(read("rediss-cluster://a").is_tls());
    }

    #[test]
    fn a_socket_is_read_as_a_path() {
        let url = read("redis+unix://:pw@/run/my%20redis.sock");
        assert_eq!(url.kind(), &RedisKind::Unix(PathBuf::from("/run/my redis.sock")));
        assert_eq!((url.expose_password(), url.is_tls()), (Some("pw"), false));
    }

    #[test]
    fn passwords_are_percent_decoded() {
        let url = read("redis://films:p%40ss%2Fw%3Ard@cache");
        assert_eq!((url.user(), url.expose_password()), (Some("films"), Some("p@ss/w:rd")));
        assert_eq!(read("redis://:%C3%A9@cache").expose_password(), Some("é"));
    }

    #[test]
    fn other_addresses_are_refused_with_the_rule() {
        for (text, rule) in [
            ("", SCHEMES),
            ("cache:6379", SCHEMES),
            ("http://cache", SCHEMES),
            ("redis:cache", SCHEMES),
            ("redis://", HOST),
            ("redis://:6379", HOST),
            ("redis://cache:0", HOST),
            ("redis://cache:99999", HOST),
            ("redis://cache:1:2", HOST),
            ("redis://::1", HOST),
            ("redis://[cache]", HOST),
            ("redis://a b", HOST),
            ("redis://cache?db=1", HOST),
            ("redis://a,b", SINGLE),
            ("redis://cache/films", DATABASE),
            ("redis://cache/-1", DATABASE),
            ("redis://cache/1/2", DATABASE),
            ("redis://cache/99999999999", DATABASE),
            ("redis://me:se/cret@cache", ENCODED),
            ("redis://me:se@cret@cache", ENCODED),
            ("redis://:%FF@cache", ENCODED),
            ("redis-sentinel://a:26379", SENTINEL),
            ("redis-sentinel://a:26379/", SENTINEL),
            ("redis-sentinel://a,/films", HOST),
            ("redis-cluster://a/0", CLUSTER),
            ("redis-cluster://a,,b", HOST),
            ("redis+unix://cache", UNIX),
            ("redis+unix:///", UNIX),
            ("redis://me@cache", "must have a password where it has a user"),
        ] {
            let refused = text.parse::<RedisUrl>().map_err(|rule| rule.to_string());
            assert_eq!(refused, Err(rule.to_owned()), "{text}");
        }
    }

    #[test]
    fn every_rule_is_one_line() {
        for rule in [SCHEMES, HOST, ENCODED, DATABASE, SENTINEL, CLUSTER, SINGLE, UNIX] {
            assert!(!rule.contains('\n') && !rule.contains("  "), "{rule}");
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        let url = read("redis-sentinel://films:se%40cret@a,b/films");
        assert_eq!(url.to_string(), "redis-sentinel://films:***@a,b/films");
        assert_eq!(format!("{url:?}"), "RedisUrl(redis-sentinel://films:***@a,b/films)");
        assert_eq!(read("redis://:secret@a").to_string(), "redis://:***@a");
    }
}
