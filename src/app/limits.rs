//! Limits, and what else the gate is made of, from settings; and the rules read again.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hyper::header::HeaderValue;
use prometheus::Registry;

use crate::{
    cache::remote::Remote,
    config::{
        Settings,
        cors::{CorsOrigins, CorsSettings},
        limits::{ForwardingHeader, LimitSettings, Switch},
    },
    domain::{
        clock::Clock,
        rate::{BadRates, RateLimits},
    },
    http::{
        auth::Auth,
        client::{Clients, Told},
        cors::{Cors, Origins},
        gate::Gate,
        limit::{Limits, Options},
        safety::Safety,
    },
};

/// A file of rules that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error("cannot read {} (--rate-limit-file)", file.display())]
    Unreadable {
        /// Which one.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It has no rules in it.
    #[error("bad rules in {} (--rate-limit-file)", file.display())]
    Rules {
        /// Which one.
        file: PathBuf,
        /// What is wrong with them.
        source: BadRates,
    },
}

/// Limits as the settings have them, with rules from their file if there is one.
pub(super) fn limits(
    settings: &LimitSettings,
    remote: Option<Remote>,
    clock: Clock,
    registry: &Registry,
) -> Result<Arc<Limits>, BadFile> {
    let rules = match &settings.rate_limit_file {
        Some(file) => read(file)?,
        None => settings.rate_limit.clone(),
    };
    let options = Options {
        rules,
        clients_max: usize::try_from(settings.rate_limit_clients).unwrap_or(usize::MAX),
        cluster: remote.filter(|_| settings.rate_limit_cluster == Switch::On),
    };
    Ok(Arc::new(Limits::new(options, clock, registry)))
}

/// What requests must pass.
pub(super) fn gate(settings: &Settings, auth: Auth, limits: Arc<Limits>) -> Gate {
    let Settings { limits: LimitSettings { trusted_proxies, forwarding_header, .. }, .. } =
        settings;
    let told = match forwarding_header {
        ForwardingHeader::Either => Told::InEither,
        ForwardingHeader::XForwardedFor => Told::InXForwardedFor,
        ForwardingHeader::Forwarded => Told::InForwarded,
    };
    let trusted = trusted_proxies.as_slice().to_vec();
    Gate {
        clients: Clients { trusted, told },
        auth,
        limits: Some(limits),
        cors: cors(&settings.cors),
        safety: if settings.tls.tls_cert.is_some() {
            Safety::over_tls()
        } else {
            Safety::default()
        },
    }
}

fn cors(settings: &CorsSettings) -> Cors {
    let value = |origin: &String| {
        HeaderValue::from_str(origin).expect("the setting's type allows visible ASCII only")
    };
    let origins = match &settings.cors_origins {
        CorsOrigins::None => Origins::None,
        CorsOrigins::Any => Origins::Any,
        CorsOrigins::These(origins) => Origins::These(origins.iter().map(value).collect()),
    };
    Cors::new(origins, settings.cors_max_age.as_secs())
}

/// Puts the rules of the file in force. What is in force stays where the file is of no use.
pub(super) fn reload(file: &Path, limits: &Limits) {
    match read(file) {
        Ok(rules) if rules == limits.rules() => {
            tracing::info!(file = %file.display(), "limits stay as they are");
        }
        Ok(rules) => {
            let (now, before) = (rules.to_string(), limits.replace(rules));
            tracing::info!(%before, %now, by = %file.display(), "limits changed");
        }
        Err(error) => {
            let error = crate::telemetry::in_one_line(&error);
            tracing::error!(error, "limits stay as they are");
        }
    }
}

fn read(file: &Path) -> Result<RateLimits, BadFile> {
    let text = fs::read_to_string(file)
        .map_err(|source| BadFile::Unreadable { file: file.to_owned(), source })?;
    text.parse().map_err(|source| BadFile::Rules { file: file.to_owned(), source })
}
