//! What is counted of connections, for Prometheus.
//!
//! Handles are made at the start; every series is there, at zero, from the first scrape.

use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The client closed it, or asked for its end.
    Client,
    /// No request came.
    Idle,
    /// A request's head, or the handshake before it, did not come in time.
    HeadTimeout,
    /// It was old.
    Age,
    /// It had as many requests as it may.
    Requests,
    /// The client took nothing of an answer.
    Stalled,
    /// What came was not the protocol, or abused it.
    Protocol,
    /// The listener ended.
    Shutdown,
    /// It made room for another one.
    Evicted,
}

impl Closed {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Client,
        Self::Idle,
        Self::HeadTimeout,
        Self::Age,
        Self::Requests,
        Self::Stalled,
        Self::Protocol,
        Self::Shutdown,
        Self::Evicted,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Idle => "idle",
            Self::HeadTimeout => "head_timeout",
            Self::Age => "age",
            Self::Requests => "requests",
            Self::Stalled => "stalled",
            Self::Protocol => "protocol",
            Self::Shutdown => "shutdown",
            Self::Evicted => "evicted",
        }
    }
}

/// Counters of one listener's connections.
#[derive(Debug, Clone)]
pub struct Connections {
    pub(super) open: IntGauge,
    pub(super) accepted: IntCounter,
    pub(super) accept_failures: IntCounter,
    pub(super) handshake_failures: IntCounter,
    closed: [IntCounter; Closed::ALL.len()],
}

impl Connections {
    /// Makes the series of each listener, and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn of<const N: usize>(registry: &Registry, listeners: [&str; N]) -> [Self; N] {
        let open = registered(
            registry,
            IntGaugeVec::new(
                Opts::new("marquee_http_connections", "Connections that are open."),
                &["listener"],
            ),
        );
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let accepted = counters(
            "marquee_http_connections_accepted_total",
            "Connections that were accepted.",
            &["listener"],
        );
        let closed = counters(
            "marquee_http_connections_closed_total",
            "Connections that ended, by why.",
            &["listener", "reason"],
        );
        let failures = counters(
            "marquee_http_accept_failures_total",
            "Times that the system could not give the next connection.",
            &["listener"],
        );
        let handshake_failures = registered(
            registry,
            IntCounter::new(
                "marquee_http_tls_handshake_failures_total",
                "TLS handshakes that failed.",
            ),
        );
        listeners.map(|listener| Self {
            open: open.with_label_values(&[listener]),
            accepted: accepted.with_label_values(&[listener]),
            accept_failures: failures.with_label_values(&[listener]),
            handshake_failures: handshake_failures.clone(),
            closed: Closed::ALL.map(|why| closed.with_label_values(&[listener, why.label()])),
        })
    }

    pub(super) fn closed(&self, why: Closed) {
        self.open.dec();
        self.closed[why as usize].inc();
    }

    #[cfg(test)]
    pub(super) fn count(&self, why: Closed) -> u64 {
        self.closed[why as usize].get()
    }
}

impl Default for Connections {
    /// Counters that nobody reads.
    fn default() -> Self {
        let [counters] = Self::of(&Registry::new(), [""]);
        counters
    }
}

/// Registers a collector.
///
/// # Panics
/// For names that are not valid, or registered already.
pub(super) fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> C {
    let collector = made.expect("names are valid");
    registry.register(Box::new(collector.clone())).expect("names are registered once");
    collector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_in_the_order_of_their_numbers() {
        for (number, reason) in Closed::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
    }

    #[test]
    fn every_series_is_there_from_the_start() {
        let registry = Registry::new();
        let [_, _] = Connections::of(&registry, ["public", "admin"]);
        let series: usize = registry.gather().iter().map(|family| family.get_metric().len()).sum();
        assert_eq!(series, 2 * (3 + Closed::ALL.len()) + 1);
    }
}
