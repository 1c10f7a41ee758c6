//! What is counted of certificates.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::{super::metrics::registered, Reloaded};

/// When the certificate ends, and how reloads went.
#[derive(Debug, Clone)]
pub struct TlsMetrics {
    /// Seconds since 1970.
    pub(super) not_after: IntGauge,
    reloads: [IntCounter; 3],
}

impl TlsMetrics {
    /// Makes the series, and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let not_after = IntGauge::new(
            "marquee_tls_certificate_not_after_timestamp_seconds",
            "When the TLS certificate ends, in seconds since 1970; 0 without TLS.",
        );
        let reloads = Opts::new(
            "marquee_tls_reloads_total",
            "Times that the files of the TLS certificate were read again, by how that went.",
        );
        let reloads = registered(registry, IntCounterVec::new(reloads, &["result"]));
        Self {
            not_after: registered(registry, not_after),
            reloads: [Reloaded::Renewed, Reloaded::Unchanged, Reloaded::Refused]
                .map(|how| reloads.with_label_values(&[label(how)])),
        }
    }

    pub(super) fn reloaded(&self, how: Reloaded) {
        self.reloads[how as usize].inc();
    }
}

const fn label(how: Reloaded) -> &'static str {
    match how {
        Reloaded::Renewed => "renewed",
        Reloaded::Unchanged => "unchanged",
        Reloaded::Refused => "refused",
    }
}
