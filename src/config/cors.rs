//! Pages of other origins: which of them may use the API from a browser.

use std::{fmt, str::FromStr, time::Duration};

use super::value::{Rule, duration};

/// Settings for pages of other origins.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Pages of other origins (CORS)")]
pub struct CorsSettings {
    /// Origins whose pages may use the API from a browser: `*` for all, `none`, or a list like
    /// `https://films.example,http://localhost:3000`. Credentials of the browser are never let in;
    /// a page with a key sends it in `Authorization`.
    #[arg(long, env = "MARQUEE_CORS_ORIGINS", value_name = "ORIGINS", default_value = "none")]
    pub cors_origins: CorsOrigins,

    /// How long browsers may remember what a page may send, without asking first each time.
    #[arg(
        long,
        env = "MARQUEE_CORS_MAX_AGE",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = duration(Duration::ZERO, Duration::from_hours(24))
    )]
    pub cors_max_age: Duration,
}

/// Origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// None.
    None,
    /// All.
    Any,
    /// These, as browsers write them.
    These(Vec<String>),
}

impl FromStr for CorsOrigins {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        match text.trim() {
            "none" => return Ok(Self::None),
            "*" => return Ok(Self::Any),
            _ => {}
        }
        let origins = text.split(',').map(|text| {
            let text = text.trim();
            if is_origin(text) {
                return Ok(text.to_owned());
            }
            Err(Rule::new(format!(
                "must be *, none, or origins as browsers write them, like https://films.example \
                 (lower case, no path, no port where it is the usual one): {text:?} is none"
            )))
        });
        origins.collect::<Result<_, _>>().map(Self::These)
    }
}

/// Whether a browser could send it as an `Origin`: another spelling would never match.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let letters = |text: &str| text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let in_host = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
    let is_v6 = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let good_port = |port: &str| {
        port.parse::<u16>().is_ok_and(|number| Some(number) != usual && number.to_string() == port)
    };
    !scheme.is_empty()
        && letters(&scheme.replace(['-', '+', '.'], ""))
        && (is_v6 || !host.is_empty() && host.bytes().all(in_host))
        && port.is_none_or(good_port)
}

impl fmt::Display for CorsOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Any => f.write_str("*"),
            Self::These(origins) => f.write_str(&origins.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        for good in [
            "none",
            "*",
            "https://films.example,http://localhost:3000",
            "http://[::1]:8080",
            "http://[::1]",
            "moz-extension://abc",
        ] {
            assert_eq!(good.parse::<CorsOrigins>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "films.example",
            "https://films.example/",
            "https://Films.example",
            "https://films.example:443",
            "http://films.example:080",
            "https://*.films.example",
            "https://a.example,*",
            "null",
            "https://a b",
            "https://é",
        ] {
            assert!(bad.parse::<CorsOrigins>().is_err(), "{bad}");
        }
    }
}
