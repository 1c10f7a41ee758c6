//! With any one rule broken a promise breaks.

use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::{
    bounds::Bounds,
    promises::Promise,
    protocol::{PROMISES_HOLD, Protocol},
    rules::Rule,
    scenarios,
};

/// Looks for the shortest way in which a promise breaks once a rule is broken. Within the same bounds
/// none does with all rules kept.
fn breaks(promises: &'static [Promise], rule: Rule, bounds: Bounds) {
    let protocol = Protocol { bounds, broken: Some(rule), promises, occurrences: &[] };
    let until = HasDiscoveries::AnyFailures;
    let checker = protocol.checker().finish_when(until).spawn_bfs().join();
    assert!(checker.discovery(PROMISES_HOLD).is_some(), "{promises:?} holds without {rule:?}");
}

#[test]
fn tag_read_after_the_data_hides_a_write() {
    breaks(&[Promise::TrueRevision], Rule::TagOfTheSnapshot, scenarios::LOADS);
    breaks(&[Promise::Bound], Rule::TagOfTheSnapshot, scenarios::CLOCK);
}

#[test]
fn entry_that_is_not_validated_hides_an_own_write() {
    breaks(&[Promise::OwnWrites], Rule::ValidationOnRead, scenarios::LOADS);
    breaks(&[Promise::Bound], Rule::ValidationOnRead, scenarios::CLOCK);
}

#[test]
fn scope_that_does_not_count_hides_an_own_write() {
    breaks(&[Promise::OwnWrites], Rule::EveryScopeCounts, scenarios::LOADS);
}

#[test]
fn lease_renewed_by_messages_outlives_the_bound() {
    breaks(&[Promise::Bound], Rule::LeaseByPollsAlone, scenarios::MESSAGES_AND_CLOCK);
}

#[test]
fn cursor_moved_by_messages_skips_a_write() {
    breaks(&[Promise::Bound], Rule::CursorByPollsAlone, scenarios::MESSAGES_AND_CLOCK);
}

#[test]
fn load_joined_whatever_it_needs_hides_an_own_write() {
    breaks(&[Promise::OwnWrites], Rule::FlightsAskForTheNeed, scenarios::LOADS);
}

#[test]
fn load_that_is_joined_late_and_not_judged_hides_an_own_write() {
    breaks(&[Promise::OwnWrites], Rule::WhoIsNotSureJudges, scenarios::LOADS);
    breaks(&[Promise::OwnWrites], Rule::WhoIsNotSureJudges, scenarios::SHOWN);
}

#[test]
fn load_that_began_before_a_shown_movie_changed_hides_that_from_who_joins_it() {
    breaks(&[Promise::OwnWrites], Rule::NeedsAreAllThatIsKnown, scenarios::SHOWN);
}

#[test]
fn asked_revision_that_is_not_needed_is_not_met() {
    breaks(&[Promise::MinRevision], Rule::MinRevisionIsNeeded, scenarios::QUERIES);
}

#[test]
fn entry_of_another_epoch_hides_a_write() {
    breaks(&[Promise::TrueRevision], Rule::OwnEpochAlone, scenarios::RESTORE_AND_REPLICAS);
}

#[test]
fn write_answered_before_it_is_known_is_not_in_the_next_read() {
    breaks(&[Promise::OwnWrites], Rule::KnownBeforeAnswered, scenarios::LOADS);
}

#[test]
fn cursor_that_moves_before_its_scopes_promises_too_much() {
    breaks(&[Promise::TrueRevision], Rule::ScopesBeforeCursor, scenarios::LOADS);
    breaks(&[Promise::Bound], Rule::ScopesBeforeCursor, scenarios::CLOCK);
}

#[test]
fn lease_counted_from_arrival_outlives_the_bound() {
    breaks(&[Promise::Bound], Rule::LeaseFromSending, scenarios::CLOCK);
}

#[test]
fn lease_looked_at_after_validation_hides_a_write() {
    breaks(&[Promise::Bound], Rule::LeaseBeforeValidation, scenarios::CLOCK_AND_LOADS);
}

#[test]
fn revision_looked_at_after_validation_promises_too_much() {
    breaks(&[Promise::TrueRevision], Rule::VerifiedBeforeValidation, scenarios::LOADS);
}

#[test]
fn load_ahead_of_the_polls_makes_revisions_go_back() {
    breaks(&[Promise::Monotonic], Rule::LoadsWaitForAPoll, scenarios::QUERIES);
}

#[test]
fn restore_that_polls_overlook_leaves_lost_writes() {
    breaks(&[Promise::NoLostWrites], Rule::RestoresAreFoundByPolls, scenarios::RESTORE_AND_CLOCK);
}

#[test]
fn restore_that_a_write_overlooks_hides_that_write() {
    breaks(&[Promise::OwnWrites], Rule::RestoresAreFoundByWrites, scenarios::RESTORE);
}

#[test]
fn load_that_outlives_a_restore_hides_a_write() {
    breaks(&[Promise::OwnWrites], Rule::RestoresDropLoads, scenarios::RESTORE);
}

#[test]
fn entry_taken_before_it_is_known_what_a_restore_left_hides_a_write() {
    let rule = Rule::NothingIsTakenWhileUnsettled;
    breaks(&[Promise::OwnWrites], rule, scenarios::RESTORE_AND_L2);
    breaks(&[Promise::TrueRevision], rule, scenarios::RESTORE_AND_L2);
}
