//! The rules in force, ready to judge by.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use super::{
    policy::Policy,
    table::{Bucket, Kind, Name},
};
use crate::domain::rate::{ByClass, KeyRates, LimitClass, RateLimits};

const CLASSES: usize = LimitClass::ALL.len();

type Policies = [Option<Arc<Policy>>; CLASSES];

/// The rules in force.
#[derive(Debug)]
pub(super) struct Regime {
    pub(super) rules: RateLimits,
    anonymous: Policies,
    key: Policies,
    /// For clients for whom there is no room, together.
    overflow: [Option<Arc<Bucket>>; CLASSES],
}

impl Regime {
    /// Policies of `before` that stay are the same ones, by which buckets are seen to be in order.
    pub(super) fn new(rules: RateLimits, before: Option<&Self>) -> Self {
        let anonymous = policies(&rules.anonymous, before.map(|before| &before.anonymous));
        let key = policies(&rules.key, before.map(|before| &before.key));
        let overflow = LimitClass::ALL.map(|class| {
            let policy = anonymous[class as usize].clone()?;
            let kept = before.and_then(|before| before.overflow[class as usize].clone());
            let kept = kept.filter(|bucket| Arc::ptr_eq(&bucket.policy, &policy));
            let name = Name { id: [u64::MAX; 2], kind: Kind::IpV4, class };
            kept.or_else(|| Some(Arc::new(Bucket::new(name, policy, None))))
        });
        Self { rules, anonymous, key, overflow }
    }

    /// The policy of a client; `None` where it is not limited.
    pub(super) fn policy(&self, name: &Name, rates: Option<&KeyRates>) -> Option<Arc<Policy>> {
        let class = name.class;
        if let Some(own) = rates.and_then(|rates| rates.of(class)) {
            return Policy::new(class, own).map(Arc::new);
        }
        let policies = if name.kind == Kind::Key { &self.key } else { &self.anonymous };
        policies[class as usize].clone()
    }

    /// The policy of a client that has a bucket: its own one, if it is that still.
    pub(super) fn policy_again(&self, bucket: &Bucket) -> Option<Arc<Policy>> {
        let own = bucket.rates.as_ref().and_then(|rates| rates.of(bucket.name.class));
        match own {
            Some(_) => Some(Arc::clone(&bucket.policy)),
            None => self.policy(&bucket.name, None),
        }
    }

    /// The bucket of clients for whom there is no room.
    pub(super) const fn overflow(&self, class: LimitClass) -> Option<&Arc<Bucket>> {
        self.overflow[class as usize].as_ref()
    }
}

fn policies(rates: &ByClass, before: Option<&Policies>) -> Policies {
    LimitClass::ALL.map(|class| {
        let before = before.and_then(|before| before[class as usize].clone());
        let same = before.filter(|policy| policy.given == *rates.of(class));
        same.or_else(|| Policy::new(class, rates.of(class)).map(Arc::new))
    })
}

/// Which clients and classes no rule is about: a bit each.
#[derive(Debug, Default)]
pub(super) struct Spared(AtomicU8);

const LOCAL: u8 = 1 << 7;

impl Spared {
    pub(super) fn set(&self, regime: &Regime) {
        let mut bits = if regime.rules.spares_local { LOCAL } else { 0 };
        for class in LimitClass::ALL {
            for (has_key, policies) in [(false, &regime.anonymous), (true, &regime.key)] {
                if policies[class as usize].is_none() {
                    bits |= bit(has_key, class);
                }
            }
        }
        self.0.store(bits, Ordering::Release);
    }

    #[inline]
    pub(super) fn spares(&self, is_near: bool, has_key: bool, class: LimitClass) -> bool {
        let bits = self.0.load(Ordering::Acquire);
        bits & bit(has_key, class) != 0 || is_near && bits & LOCAL != 0
    }
}

const fn bit(has_key: bool, class: LimitClass) -> u8 {
    1 << (class as u8 + if has_key { 3 } else { 0 })
}
