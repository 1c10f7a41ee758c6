//! From the settings of Redis to what its clients are made with.

use std::{fs, io, path::PathBuf};

use crate::{
    cache::remote::{Options, Secret, Servers, Tls, Topology},
    config::{
        redis::RedisSettings,
        redis_url::{HostPort, RedisKind, RedisUrl},
    },
};

/// A file of authorities that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {} (--redis-ca)", file.display())]
pub struct UnreadableAuthority {
    file: PathBuf,
    source: io::Error,
}

/// What the shared cache is made with, and the bus from its servers and prefix; `None` where there is
/// no Redis.
///
/// # Errors
/// [`UnreadableAuthority`].
pub fn options(settings: &RedisSettings) -> Result<Option<Options>, UnreadableAuthority> {
    let Some(url) = &settings.redis_url else { return Ok(None) };
    Ok(Some(Options {
        servers: servers(url, authority(settings)?),
        prefix: settings.redis_prefix.to_string(),
        deadline: settings.redis_deadline,
        in_flight_max: usize::try_from(settings.redis_in_flight).unwrap_or(usize::MAX),
        connections: usize::try_from(settings.redis_connections).unwrap_or(usize::MAX),
    }))
}

fn authority(settings: &RedisSettings) -> Result<Option<Vec<u8>>, UnreadableAuthority> {
    let read = |file: &PathBuf| {
        fs::read(file).map_err(|source| UnreadableAuthority { file: file.clone(), source })
    };
    settings.redis_ca.as_ref().map(read).transpose()
}

/// The servers that an address leads to. `authority` is a PEM file's text.
#[must_use]
pub fn servers(url: &RedisUrl, authority: Option<Vec<u8>>) -> Servers {
    let host = |host: &HostPort| (host.host.clone(), host.port);
    Servers {
        topology: match url.kind() {
            RedisKind::Single(server) => Topology::Single(host(server)),
            RedisKind::Unix(path) => Topology::Unix(path.clone()),
            RedisKind::Sentinel { sentinels, master } => Topology::Sentinel {
                sentinels: sentinels.iter().map(host).collect(),
                master: master.clone(),
            },
            RedisKind::Cluster(nodes) => Topology::Cluster(nodes.iter().map(host).collect()),
        },
        user: url.user().map(str::to_owned),
        password: url.expose_password().map(Secret::new),
        database: url.database(),
        tls: match (url.is_tls(), authority) {
            (false, _) => Tls::Off,
            (true, None) => Tls::System,
            (true, Some(pem)) => Tls::Authority { pem },
        },
    }
}
