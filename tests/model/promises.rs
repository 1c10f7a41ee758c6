//! The promises, judged on the moment in which a client has its answer.

use crate::{
    request::{Answer, Mark, Phase, Request},
    state::State,
};

/// What a client may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A read includes each write that its replica answered before.
    OwnWrites,
    /// A read includes the revision that it asks for.
    MinRevision,
    /// An answer without the mark includes each write committed the bound before the request.
    Bound,
    /// The same for a restore, which unmakes writes: nothing that it took is shown.
    NoLostWrites,
    /// An answer includes each write up to its revision.
    TrueRevision,
    /// An answer's revision covers what is in it: who hands it on hands on what was seen.
    CoveringRevision,
    /// Revisions that one replica shows never go back.
    Monotonic,
    /// Nothing but a restore costs all that is cached.
    EpochForRestoresAlone,
}

/// All of them.
pub(crate) const PROMISES: &[Promise] = &[
    Promise::OwnWrites,
    Promise::MinRevision,
    Promise::Bound,
    Promise::NoLostWrites,
    Promise::TrueRevision,
    Promise::CoveringRevision,
    Promise::Monotonic,
    Promise::EpochForRestoresAlone,
];

impl Promise {
    /// Whether it holds for the answers of this moment.
    pub(crate) fn holds(self, state: &State) -> bool {
        answers(state).all(|(request, answer)| self.holds_for(state, request, answer))
    }

    fn holds_for(self, state: &State, request: &Request, answer: Answer) -> bool {
        let truth = &state.truth;
        let includes_all_upto = |revision| {
            truth.is_included(truth.last_change(request.query, revision), answer.content)
        };
        match self {
            Self::OwnWrites => truth.is_included(request.floors.own, answer.content),
            Self::MinRevision => {
                is_between_databases(state, request)
                    || answer.revision >= request.min && includes_all_upto(request.min)
            }
            Self::Bound => {
                answer.mark == Mark::Unverified
                    || truth.is_included(request.floors.due, answer.content)
            }
            Self::NoLostWrites => {
                let due = request.floors.restore_due && answer.mark == Mark::None;
                !due || !answer.content.lost
            }
            Self::TrueRevision => {
                is_between_databases(state, request)
                    || answer.revision <= truth.head() && includes_all_upto(answer.revision)
            }
            Self::CoveringRevision => answer.revision >= answer.content.last,
            Self::Monotonic => answer.revision >= request.floors.shown,
            Self::EpochForRestoresAlone => truth.epoch <= u8::from(truth.restored.is_some()),
        }
    }
}

/// Whether a revision's number means one thing to the replica and another to the truth: after a
/// restore, until the replica has found out and read what there is. Promises in terms of numbers are
/// void there; those in terms of writes and of time are not.
fn is_between_databases(state: &State, request: &Request) -> bool {
    state.truth.is_restored_in_secret()
        || state.replicas[request.replica].epoch != state.truth.epoch
}

/// The answers that clients have at this moment.
pub(crate) fn answers(state: &State) -> impl Iterator<Item = (&Request, Answer)> {
    state.requests.iter().filter_map(|request| match request.phase {
        Phase::Answered(answer) => Some((request, answer)),
        _ => None,
    })
}
