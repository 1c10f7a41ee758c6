//! What has to happen for promises that hold to mean anything.

use stateright::Property;

use crate::{
    promises::answers,
    protocol::Protocol,
    replica::FAR,
    request::{From, Mark, Phase, Request, Stage},
    state::State,
};

pub(crate) const L1_HIT: &str = "an answer comes from L1";
pub(crate) const L2_HIT: &str = "an answer comes from L2";
pub(crate) const COLLAPSED: &str = "two requests wait for one load";
pub(crate) const MARKED: &str = "an answer is marked";
pub(crate) const STALE: &str = "an unmarked answer is stale within the bound";
pub(crate) const FORGED: &str = "a forged message is believed";
pub(crate) const FORGED_AND_DROPPED: &str = "a load goes on for a lie that was dropped";
pub(crate) const RESTORED: &str = "a restore is found out";
pub(crate) const UNSETTLED: &str = "a load reads before it is known what a restore left";

/// All of them.
pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes(L1_HIT, |_, state| answers(state).any(|(_, a)| a.from == From::L1)),
        Property::sometimes(L2_HIT, |_, state| answers(state).any(|(_, a)| a.from == From::L2)),
        Property::sometimes(COLLAPSED, |_, state: &State| match state.requests.as_slice() {
            [first, second] => {
                let waits = |request: &Request| matches!(request.phase, Phase::Waiting { .. });
                waits(first)
                    && first.phase == second.phase
                    && (first.replica, first.query) == (second.replica, second.query)
            }
            _ => false,
        }),
        Property::sometimes(MARKED, |_, state| {
            answers(state).any(|(_, answer)| answer.mark == Mark::Unverified)
        }),
        Property::sometimes(STALE, |_, state| {
            answers(state).any(|(request, answer)| {
                let now = state.truth.read(request.query);
                answer.mark == Mark::None && answer.content.last < now.last
            })
        }),
        Property::sometimes(FORGED, |_, state: &State| {
            state.replicas.iter().any(|replica| replica.hinted.contains(&FAR))
        }),
        Property::sometimes(FORGED_AND_DROPPED, |_, state: &State| {
            state.flights.iter().any(|flight| {
                flight.need.hinted.contains(&FAR)
                    && !state.replicas[flight.replica].hinted.contains(&FAR)
            })
        }),
        Property::sometimes(RESTORED, |_, state: &State| state.truth.epoch == 1),
        Property::sometimes(UNSETTLED, |_, state: &State| {
            state.flights.iter().any(|flight| {
                matches!(flight.stage, Stage::Read(_, From::Truth))
                    && state.replicas[flight.replica].is_between_lives()
            })
        }),
    ]
}
