//! With all rules kept no promise breaks, and what the rules are for does happen.

use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::{
    bounds::Bounds,
    occurrences::{
        COLLAPSED, FORGED, FORGED_AND_DROPPED, L1_HIT, L2_HIT, MARKED, RESTORED, STALE, UNSETTLED,
    },
    promises::PROMISES,
    protocol::{PROMISES_HOLD, Protocol},
    scenarios,
};

/// Visits every state, and looks for a broken promise and for `occurrences`.
fn holds(bounds: Bounds, occurrences: &'static [&'static str]) {
    let protocol = Protocol { bounds, broken: None, promises: PROMISES, occurrences };
    let until = HasDiscoveries::AnyFailures;
    let checker = protocol.checker().finish_when(until).spawn_bfs().join();
    if let Some(way) = checker.discovery(PROMISES_HOLD) {
        let broken = PROMISES.iter().filter(|promise| !promise.holds(way.last_state()));
        let broken: Vec<_> = broken.collect();
        panic!("{broken:?} broke by {:#?}", way.into_actions());
    }
    let discoveries = checker.discoveries();
    for occurrence in occurrences {
        assert!(discoveries.contains_key(occurrence), "it never happens that {occurrence}");
    }
}

#[test]
fn promises_hold_while_requests_share_loads() {
    holds(scenarios::LOADS, &[L1_HIT, COLLAPSED, STALE]);
}

#[test]
fn promises_hold_for_lists_whose_movies_change_where_they_are() {
    holds(scenarios::SHOWN, &[L1_HIT, COLLAPSED, STALE]);
    holds(scenarios::SHOWN_BY_REPLICAS, &[L1_HIT, L2_HIT, STALE]);
}

#[test]
fn promises_hold_for_answers_of_different_scopes_and_asked_revisions() {
    holds(scenarios::QUERIES, &[L1_HIT, STALE]);
}

#[test]
fn promises_hold_while_polls_are_late() {
    holds(scenarios::CLOCK, &[L1_HIT, MARKED, STALE]);
}

#[test]
fn promises_hold_while_requests_share_loads_and_leases_end() {
    holds(scenarios::CLOCK_AND_LOADS, &[L1_HIT, COLLAPSED, MARKED, STALE]);
}

#[test]
fn promises_hold_whatever_messages_say() {
    holds(scenarios::MESSAGES, &[L1_HIT, FORGED, FORGED_AND_DROPPED]);
}

#[test]
fn promises_hold_while_messages_come_and_polls_are_late() {
    holds(scenarios::MESSAGES_AND_CLOCK, &[L1_HIT, MARKED, STALE]);
}

#[test]
fn promises_hold_while_requests_share_loads_that_lies_asked_for() {
    holds(scenarios::MESSAGES_AND_LOADS, &[L1_HIT, COLLAPSED, FORGED]);
}

#[test]
fn promises_hold_when_a_replica_dies_at_any_moment() {
    holds(scenarios::CRASH, &[L1_HIT, STALE]);
}

#[test]
fn promises_hold_whatever_l2_loses_or_finds_again() {
    holds(scenarios::REPLICAS, &[L1_HIT, L2_HIT, STALE]);
    holds(scenarios::REPLICAS_THAT_WRITE, &[L1_HIT, L2_HIT, STALE]);
}

#[test]
fn promises_hold_for_writes_to_a_restored_database() {
    holds(scenarios::RESTORE, &[L1_HIT, RESTORED, UNSETTLED]);
}

#[test]
fn promises_hold_within_the_bound_of_a_restore() {
    holds(scenarios::RESTORE_AND_CLOCK, &[L1_HIT, RESTORED, UNSETTLED, MARKED]);
}

#[test]
fn promises_hold_after_a_restore_whatever_l2_has() {
    holds(scenarios::RESTORE_AND_L2, &[L1_HIT, RESTORED, UNSETTLED]);
    holds(scenarios::RESTORE_AND_REPLICAS, &[L1_HIT, L2_HIT, RESTORED, UNSETTLED]);
}
