//! The tier that replicas share, as the loads use it: what it has is judged before it is believed, and
//! one replica of a cluster at a time loads a key.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::revision::{Revision, Scope};

use super::{
    entry::{Basis, Entry, Lasting, Made, Payload},
    envelope::{self, Opened},
    key::{Digest, Key},
    known::Known,
    metrics::{Metrics, Operation},
    outcome::{Beside, Reject},
    remote::{Lease, Remote, breaker},
    rule::Rule,
};

/// How long a load's lease lasts if its holder dies.
const LEASE: Duration = Duration::from_secs(2);
/// The first pause of who waits for another replica's load; it doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// Operations that may fail before a load goes on without the tier.
const PATIENCE: u8 = 3;
/// How long to wait for the poll that shows an entry's revision to exist.
const SETTLE: Duration = Duration::from_millis(250);

/// How the shared tier is used.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long it keeps entries, give or take a tenth.
    pub ttl: Duration,
    /// The same for answers of a season that is on, or about to be.
    pub season_ttl: Duration,
    /// How long a load waits for another replica's.
    pub fill_wait: Duration,
}

/// The tier.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) remote: Remote,
    pub(super) options: Options,
}

/// What a load finds.
pub(super) enum Turn<P> {
    /// Somebody has loaded it.
    Have(Made<P>),
    /// It is this replica's to load, under a lease if it got one.
    Load(Option<Lease>, Beside),
}

/// What one look finds.
enum Looked<P> {
    Good(Made<P>),
    Absent,
    Rejected,
    /// The tier does not answer.
    Failed,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) key: &'a Key,
    pub(super) digest: Digest,
    /// The lowest tag that will do beside what the scopes need.
    pub(super) at_least: Revision,
    /// What it must have been made from.
    pub(super) basis: Basis,
    /// How long it is kept.
    pub(super) lasting: Lasting,
}

impl Shared {
    /// Takes an entry, or the turn to load it.
    pub(super) async fn turn<P: Payload>(
        &self,
        wanted: Wanted<'_>,
        known: &Known,
        metrics: &Metrics,
    ) -> Turn<P> {
        let end = Instant::now() + self.options.fill_wait;
        let (mut pause, mut patience) = (PAUSE_FIRST, PATIENCE);
        loop {
            let beside = match self.look(wanted, known, metrics).await {
                Looked::Good(made) => return Turn::Have(made),
                Looked::Absent => Beside::Absent,
                Looked::Rejected => Beside::Rejected,
                Looked::Failed if self.bears_with(&mut patience) => Beside::Bypassed,
                Looked::Failed => return Turn::Load(None, Beside::Bypassed),
            };
            match self.remote.lease(&wanted.digest, LEASE).await {
                Ok(Some(lease)) => {
                    // Its last holder may have made it between that look and this lease.
                    let Looked::Good(made) = self.look(wanted, known, metrics).await else {
                        return Turn::Load(Some(lease), beside);
                    };
                    self.give_back(lease, metrics).await;
                    return Turn::Have(made);
                }
                // What another replica makes of its index is of use only where both are as far.
                Ok(None) if Instant::now() < end && wanted.basis == Basis::Truth => {}
                Ok(None) => return Turn::Load(None, beside),
                Err(missed) => {
                    metrics.l2_failed(Operation::Lease, missed.label());
                    if !self.bears_with(&mut patience) {
                        return Turn::Load(None, beside);
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Whether an operation that failed is worth another: a crowd on a cold key keeps a replica so busy
    /// that an answer comes late, which is no reason for every replica to load it.
    fn bears_with(&self, patience: &mut u8) -> bool {
        *patience = patience.saturating_sub(1);
        *patience > 0 && self.remote.breaker() == breaker::State::Closed
    }

    /// Keeps an entry for the others, and gives the lease back.
    pub(super) async fn keep<P: Payload>(
        &self,
        wanted: Wanted<'_>,
        entry: Option<(&Entry<P>, &[Scope], u64)>,
        lease: Option<Lease>,
        metrics: &Metrics,
    ) {
        if let Some((entry, scopes, epoch)) = entry {
            let bytes = envelope::seal(wanted.key, epoch, entry, scopes);
            let ttl = match wanted.lasting {
                Lasting::Usual => self.options.ttl,
                Lasting::Season => self.options.season_ttl,
            };
            let ttl = super::tiers::jittered(ttl);
            if let Err(missed) = self.remote.put(&wanted.digest, &bytes, ttl).await {
                metrics.l2_failed(Operation::Put, missed.label());
            }
        }
        if let Some(lease) = lease {
            self.give_back(lease, metrics).await;
        }
    }

    async fn give_back(&self, lease: Lease, metrics: &Metrics) {
        if let Err(missed) = self.remote.release(lease).await {
            metrics.l2_failed(Operation::Lease, missed.label());
        }
    }

    /// Looks for an entry that is good.
    async fn look<P: Payload>(
        &self,
        wanted: Wanted<'_>,
        known: &Known,
        metrics: &Metrics,
    ) -> Looked<P> {
        let bytes = match self.remote.get(&wanted.digest).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Looked::Absent,
            Err(missed) => {
                metrics.l2_failed(Operation::Get, missed.label());
                return Looked::Failed;
            }
        };
        match judge(wanted, &bytes, known).await {
            Ok(made) => Looked::Good(made),
            Err(reject) => {
                metrics.rejected(reject);
                Looked::Rejected
            }
        }
    }
}

async fn judge<P: Payload>(
    wanted: Wanted<'_>,
    bytes: &bytes::Bytes,
    known: &Known,
) -> Result<Made<P>, Reject> {
    let rules = known.rules();
    let opened = envelope::open::<P>(wanted.key, bytes)?;
    let generation = known.generation();
    // Between noticing a restore and having learnt what is there now, nothing is known to be needed.
    let of_this_life =
        || known.is_settled() && opened.epoch == known.epoch() && generation == known.generation();
    if !of_this_life() && rules.hold(Rule::AnyEpoch) {
        return Err(Reject::Epoch);
    }
    if Basis::of(&opened.scopes) != wanted.basis {
        return Err(Reject::Query);
    }
    let need = known.watch(&opened.scopes).need().max(wanted.at_least);
    if opened.tag < need && rules.hold(Rule::NoValidation) {
        return Err(Reject::Superseded);
    }
    // Another replica's index may be ahead. This one's own answers must not go back behind it.
    if wanted.basis == Basis::Index {
        let shown = known.shown().map(|shown| shown.revision);
        return if shown == Some(opened.tag) {
            let Opened { tag, scopes, payload, .. } = opened;
            Ok(Made { tag, scopes: Some(scopes), keep: true, is_read: false, payload })
        } else {
            Err(Reject::Future)
        };
    }
    // Another replica may be ahead by a poll. What no poll finds is of a future that was restored away.
    if rules.hold(Rule::AnyEpoch) && !known.reach(opened.tag, SETTLE).await {
        return Err(Reject::Future);
    }
    // A restore may have been noticed while it waited, and the revision be one of another future.
    if rules.hold(Rule::AnyEpoch) && !of_this_life() {
        return Err(Reject::Epoch);
    }
    let Opened { tag, scopes, payload, .. } = opened;
    Ok(Made { tag, scopes: Some(scopes), keep: true, is_read: false, payload })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        cache::{
            entry::Within,
            known::{Found, Known},
            testing::{Text, at, known},
        },
        domain::clock::Tick,
    };

    fn sealed(key: &Key, known: &Known, tag: i64) -> Bytes {
        let entry = Entry {
            tag: at(tag),
            watched: known.watch(&[Scope::Movies]),
            basis: Basis::Truth,
            expires: Tick::from_nanos(u64::MAX),
            within: Within::ALWAYS,
            payload: Text(Bytes::from_static(b"text")),
        };
        envelope::seal(key, 1, &entry, &[Scope::Movies]).into()
    }

    async fn judged(known: &Known, tag: i64) -> Result<Revision, Reject> {
        let key = Key::new("/v1/genres");
        let bytes = sealed(&key, known, tag);
        let wanted = Wanted {
            key: &key,
            digest: key.digest(),
            at_least: Revision::ZERO,
            basis: Basis::Truth,
            lasting: Lasting::Usual,
        };
        judge::<Text>(wanted, &bytes, known).await.map(|made| made.tag)
    }

    #[tokio::test]
    async fn what_includes_all_that_it_must_is_taken() {
        let known = known();
        assert_eq!(judged(&known, 9).await, Ok(at(9)));
        assert_eq!(judged(&known, 8).await, Err(Reject::Superseded));
    }

    #[tokio::test]
    async fn nothing_is_taken_while_it_is_not_known_what_is_there_after_a_restore() {
        let known = known();
        assert_eq!(known.polled(known.begin_poll(), 1, at(7), &[]), Found::Restored);
        known.forget();
        // Nothing seems to be needed now, and the life is still the old one.
        for tag in [1, 8, 9] {
            assert_eq!(judged(&known, tag).await, Err(Reject::Epoch), "{tag}");
        }
    }

    #[tokio::test]
    async fn what_waits_for_a_poll_is_not_taken_from_before_a_restore() {
        let known = known();
        let restored = async {
            tokio::task::yield_now().await;
            known.forget();
            known.begin_life(known.begin_poll(), 1, at(20), &[(Scope::Movies, at(20))]);
        };
        // Of a revision that no poll has found yet; the one that then comes is of another future.
        let (judged, ()) = tokio::join!(judged(&known, 12), restored);
        assert_eq!(judged, Err(Reject::Epoch));
    }
}
