//! TLS: who the service is, kept up to date while it runs.
//!
//! **Invariant:** a certificate that cannot be used never takes the place of one that can.
//! **Invariant:** no key is in a log or an error.

mod files;
mod metrics;
mod x509;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::CertificateDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::files::{Read, Stamps};
pub use self::metrics::TlsMetrics;
pub(super) use self::x509::subject;
use crate::domain::clock::{Clock, Moment};

/// What is spoken over TLS, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// How often files are looked at for a change.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub use self::files::Files;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("cannot read {path} ({setting})")]
    Unreadable {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that has not what it should have.
    #[error("{path} ({setting}) has no {what} in PEM")]
    Nothing {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: String,
        /// What it should have.
        what: &'static str,
    },
    /// The key is another certificate's.
    #[error("the key (--tls-key) is not that of the certificate (--tls-cert)")]
    Mismatch,
    /// Anything else that is wrong with them.
    #[error("the certificate (--tls-cert) cannot be used")]
    Unusable(#[source] rustls::Error),
    /// Authorities that cannot be used.
    #[error("the authorities of clients (--tls-client-ca) cannot be used")]
    Authorities(#[source] rustls::server::VerifierBuilderError),
}

/// How a reload went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// New connections get the new certificate.
    Renewed,
    /// The files are as they were.
    Unchanged,
    /// The files cannot be used; the certificate stays. The log has the reason.
    Refused,
}

/// A certificate in use.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    clock: Clock,
    current: ArcSwap<ServerConfig>,
    seen: Mutex<Seen>,
    metrics: TlsMetrics,
}

/// What is known of the files.
#[derive(Debug)]
struct Seen {
    stamps: Stamps,
    read: Read,
}

impl Tls {
    /// Reads certificate, key and authorities.
    ///
    /// # Errors
    /// [`TlsError`]. A certificate that is over is none: it is logged.
    pub fn load(files: Files, clock: Clock, metrics: TlsMetrics) -> Result<Self, TlsError> {
        let stamps = files.stamps();
        let read = files.read()?;
        let config = config(&read)?;
        let seen = Mutex::new(Seen { stamps, read });
        let current = ArcSwap::from_pointee(config);
        let tls = Self { files, clock, current, seen, metrics };
        tls.say_expiry();
        Ok(tls)
    }

    /// What takes a new connection, with the certificate of this moment.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Reads the files again, and takes what is new.
    pub fn reload(&self) -> Reloaded {
        let reloaded = self.take(self.files.stamps());
        self.metrics.reloaded(reloaded);
        reloaded
    }

    /// Reads the files when they have changed, until `stop` is cancelled.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut times = interval(LOOK_EVERY);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = times.tick() => {}
                () = stop.cancelled() => return,
            }
            let stamps = self.files.stamps();
            if self.seen().stamps != stamps {
                self.reload();
            }
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, stamps: Stamps) -> Reloaded {
        let mut seen = self.seen();
        seen.stamps = stamps; // also of files that are refused: they are not tried each time
        let made = self.files.read().and_then(|read| {
            if read == seen.read { Ok(None) } else { config(&read).map(|made| Some((made, read))) }
        });
        match made {
            Ok(None) => Reloaded::Unchanged,
            Ok(Some((config, read))) => {
                self.current.store(Arc::new(config));
                seen.read = read;
                drop(seen);
                tracing::info!("the TLS certificate was renewed");
                self.say_expiry();
                Reloaded::Renewed
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let cause = cause.unwrap_or_default();
                tracing::error!(%error, cause, "the new TLS certificate is not used; the old one is");
                Reloaded::Refused
            }
        }
    }

    fn say_expiry(&self) {
        let end = self.seen().read.chain.first().and_then(|leaf| x509::not_after(leaf));
        let Some(end) = end else { return };
        self.metrics.not_after.set(end);
        if Moment::from_unix_ms(end.saturating_mul(1000)) < self.clock.now() {
            tracing::warn!("the TLS certificate has expired: clients will refuse it");
        }
    }
}

fn config(read: &Read) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unusable)?;
    let builder = match read.authorities.as_slice() {
        [] => builder.with_no_client_auth(),
        authorities => builder.with_client_cert_verifier(verifier(authorities, provider)?),
    };
    let made = builder.with_single_cert(read.chain.clone(), read.key.clone_key());
    let mut config = made.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch,
        error => TlsError::Unusable(error),
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    // Of this configuration alone: no session outlives the authorities that let its client in.
    config.ticketer = ring::Ticketer::new().map_err(TlsError::Unusable)?;
    Ok(config)
}

fn verifier(
    authorities: &[CertificateDer<'static>],
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).map_err(TlsError::Unusable)?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(TlsError::Authorities)
}

#[cfg(test)]
mod tests;
