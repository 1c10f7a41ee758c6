//! What is counted of callers.

use std::sync::Arc;

use prometheus::{
    IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use crate::service::keys::KeyRing;

macro_rules! decisions {
    ($($decision:ident $label:literal,)+) => {
        /// How the question who calls, and whether they may, was decided for a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Decision { $($decision,)+ }

        impl Decision {
            const LABELS: &[&str] = &[$($label,)+];
        }
    };
}

decisions! {
    Anonymous "anonymous",
    Key "key",
    Token "token",
    RefusedMissing "refused_missing",
    RefusedMalformed "refused_malformed",
    RefusedUnknown "refused_unknown",
    RefusedExpired "refused_expired",
    RefusedRevoked "refused_revoked",
    RefusedUnverified "refused_unverified",
    RefusedToken "refused_token",
    RefusedThrottled "refused_throttled",
    Forbidden "forbidden",
}

/// Counters of decisions; each request raises one.
#[derive(Debug)]
pub(super) struct Metrics(Vec<IntCounter>);

impl Metrics {
    pub(super) fn new(registry: &Registry, keys: Arc<KeyRing>) -> Self {
        let options = Opts::new(
            "marquee_auth_decisions_total",
            "Requests by who called and whether that was taken.",
        );
        let decisions = IntCounterVec::new(options, &["result"]).expect("the name is valid");
        let gauge =
            IntGauge::new("marquee_api_keys", "API keys that are neither expired nor revoked.")
                .expect("the name is valid");
        let collectors: [Box<dyn Collector>; 2] =
            [Box::new(decisions.clone()), Box::new(Keys { keys, gauge })];
        for collector in collectors {
            registry.register(collector).expect("names are registered once");
        }
        let of = |label: &&str| decisions.with_label_values(&[*label]);
        Self(Decision::LABELS.iter().map(of).collect())
    }

    #[inline]
    pub(super) fn decided(&self, decision: Decision) {
        self.0[decision as usize].inc();
    }
}

/// The number of good keys, counted when somebody asks: keys expire by themselves.
struct Keys {
    keys: Arc<KeyRing>,
    gauge: IntGauge,
}

impl Collector for Keys {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.set(i64::try_from(self.keys.active()).unwrap_or(i64::MAX));
        self.gauge.collect()
    }
}
