//! Which Redis servers there are, and how they let us in.

use std::{fmt, path::PathBuf};

/// A secret, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A host (a name, or an IP address without brackets) and its port.
pub type Host = (String, u16);

/// How the servers are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Single(Host),
    /// One server on this machine, by its socket.
    Unix(PathBuf),
    /// The server that Sentinels name; they are asked again at each connect.
    Sentinel {
        /// Some of the Sentinels, at least one. They are asked without a password.
        sentinels: Vec<Host>,
        /// The name under which they know the servers.
        master: String,
    },
    /// A Redis Cluster, by some of its nodes.
    Cluster(Vec<Host>),
}

/// Whether connections are encrypted, and whom they trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Not encrypted.
    Off,
    /// Certificates must be signed by an authority that the system trusts.
    System,
    /// Certificates must be signed by one of these authorities.
    Authority {
        /// Their certificates.
        pem: Vec<u8>,
    },
}

/// Which servers there are. `Debug` does not show the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// How they are found.
    pub topology: Topology,
    /// The user to log in as; Redis' default user where there is none.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of the database; a cluster has 0 only.
    pub database: u32,
    /// Encryption, of Sentinels and servers alike.
    pub tls: Tls,
}

impl Servers {
    /// One server without a password.
    pub fn single(host: impl Into<String>, port: u16) -> Self {
        Self {
            topology: Topology::Single((host.into(), port)),
            user: None,
            password: None,
            database: 0,
            tls: Tls::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let password = Some(Secret::new("sesame"));
        let servers = Servers { password, ..Servers::single("cache", 6379) };
        assert!(!format!("{servers:?}").contains("sesame"));
    }
}
