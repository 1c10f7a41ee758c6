use super::*;
use crate::domain::{clock::Moment, revision::Measure};

fn at(revision: i64) -> Revision {
    Revision::new(revision).unwrap()
}

fn genre(key: &str) -> Scope {
    Scope::Genre(key.to_owned())
}

const SECOND: Duration = Duration::from_secs(1);

/// What is known after a first poll of a catalogue at revision 10, in life 1.
fn known(scopes: &[(Scope, i64)]) -> Known {
    known_but(Rules::default(), scopes)
}

fn known_but(rules: Rules, scopes: &[(Scope, i64)]) -> Known {
    let clock = Clock::manual(Moment::from_unix_ms(0));
    let known = Known::new(Bounds { staleness: SECOND, cap: 5 * SECOND }, clock, rules);
    let poll = known.begin_poll();
    assert_eq!(known.polled(poll, 1, at(10), &[]), Found::Restored, "nothing is known yet");
    known.forget();
    known.begin_life(known.begin_poll(), 1, at(10), &revisions(scopes));
    known
}

fn revisions(scopes: &[(Scope, i64)]) -> Vec<(Scope, Revision)> {
    scopes.iter().map(|(scope, revision)| (scope.clone(), at(*revision))).collect()
}

fn poll(known: &Known, revision: i64, scopes: &[(Scope, i64)]) -> Found {
    known.polled(known.begin_poll(), 1, at(revision), &revisions(scopes))
}

fn need(known: &Known, scope: Scope) -> i64 {
    known.watch(&[scope]).need().get()
}

#[test]
fn a_scope_needs_its_own_last_revision_and_no_other() {
    let known = known(&[(Scope::All, 10), (genre("drama"), 7), (Scope::Item(3), 9)]);
    assert_eq!(need(&known, genre("drama")), 7);
    assert_eq!(need(&known, Scope::Item(3)), 9);
    assert_eq!(need(&known, Scope::Item(4)), 0);
    assert_eq!(need(&known, Scope::All), 10);
    known.wrote(known.before_write(), at(11), &[genre("drama")], None);
    assert_eq!((need(&known, genre("drama")), need(&known, Scope::All)), (11, 11));
    assert_eq!(need(&known, Scope::Item(3)), 9);
}

#[test]
fn what_an_answer_watches_hears_of_later_writes() {
    let known = known(&[(Scope::All, 10), (genre("drama"), 7)]);
    let watched = known.watch(&[genre("drama"), Scope::Item(1)]);
    assert_eq!(poll(&known, 12, &[(Scope::All, 12), (Scope::Item(1), 12)]), Found::Applied);
    assert_eq!(watched.need(), at(12));
}

#[test]
fn own_writes_and_messages_leave_the_cursor_and_the_lease() {
    let known = known(&[(Scope::All, 10)]);
    known.clock().advance(2 * SECOND);
    known.wrote(known.before_write(), at(11), &[Scope::Item(1)], None);
    known.hint(1, at(12), Some(&[Scope::Item(2)]));
    known.wrote(known.before_write(), at(14), &[Scope::Item(1)], None);
    assert_eq!(known.verified(), at(11), "of 12 and 13 it is not known what they touched");
    assert_eq!(known.begin_poll().since, at(10));
    assert_eq!(known.lease().age(known.clock().tick()), 2 * SECOND);
    assert_eq!(need(&known, Scope::Item(2)), 12, "they are heeded all the same");
}

#[test]
fn a_write_that_saw_what_came_before_it_closes_the_gap() {
    let known = known(&[(Scope::All, 10)]);
    let between = revisions(&[(Scope::Item(2), 12), (genre("war"), 13)]);
    known.wrote(known.before_write(), at(14), &[Scope::Item(1)], Some(&between));
    assert_eq!(known.verified(), at(14));
    assert_eq!((need(&known, Scope::Item(2)), need(&known, genre("war"))), (12, 13));
    assert_eq!(known.begin_poll().since, at(10), "the cursor moves by polls only");

    let before = known.before_write();
    known.forget();
    known.wrote(before, at(16), &[Scope::Item(1)], Some(&[]));
    assert_eq!(known.verified(), Revision::ZERO, "it was another truth that it saw");
}

#[test]
fn a_poll_renews_the_lease_as_of_its_sending() {
    let known = known(&[(Scope::All, 10)]);
    let sent = known.begin_poll();
    known.clock().advance(SECOND);
    assert_eq!(known.polled(sent, 1, at(10), &[]), Found::Applied);
    assert_eq!(known.lease().age(known.clock().tick()), SECOND);
}

#[test]
fn a_made_up_revision_is_taken_back_by_the_next_poll_and_a_real_one_is_not() {
    let known = known(&[(Scope::All, 10), (genre("drama"), 7)]);
    let early = known.begin_poll();
    known.hint(1, at(i64::MAX - 1), Some(&[genre("drama")]));
    known.hint(1, at(11), Some(&[Scope::Item(1)]));
    let watched = known.watch(&[genre("drama")]);
    assert_eq!((watched.need().get(), watched.proven()), (i64::MAX - 1, at(7)));
    assert_eq!(known.polled(early, 1, at(10), &[]), Found::Applied);
    assert_eq!(watched.need().get(), i64::MAX - 1, "that poll was sent before the message came");
    assert_eq!(poll(&known, 11, &[(Scope::All, 11), (Scope::Item(1), 11)]), Found::Applied);
    assert_eq!((watched.need(), need(&known, Scope::Item(1))), (at(7), 11));
}

#[test]
fn messages_of_another_life_are_not_heeded() {
    let known = known(&[(Scope::All, 10)]);
    known.hint(2, at(99), None);
    assert_eq!(need(&known, Scope::All), 10);
    known.hint(1, at(99), None);
    assert_eq!((need(&known, Scope::All), need(&known, Scope::Item(5))), (99, 99));
}

#[test]
fn answers_about_a_genre_that_there_never_was_end_when_it_turns_up() {
    let known = known(&[(Scope::All, 10)]);
    let watched = known.watch(&[genre("noir")]);
    assert_eq!(watched.need(), Revision::ZERO);
    assert_eq!(poll(&known, 12, &[(Scope::All, 12), (genre("noir"), 11)]), Found::Applied);
    assert!(watched.need() > at(1_000_000), "even one with a tag above the genre's beginning");
    assert_eq!(need(&known, genre("noir")), 11);
    assert_eq!(known.genres(), 1, "only what the truth has takes room");
}

#[test]
fn a_bump_touches_everything_also_what_has_no_revision_yet() {
    let known = known(&[(Scope::All, 10), (genre("drama"), 7)]);
    let watched = known.watch(&[genre("never heard of")]);
    assert_eq!(poll(&known, 11, &[(Scope::Bump, 11), (Scope::All, 11)]), Found::Applied);
    for scope in [genre("drama"), genre("other"), Scope::Item(9), Scope::All] {
        assert_eq!(need(&known, scope), 11);
    }
    assert_eq!(watched.need(), at(11));
    let after_a_start = known_but(Rules::default(), &[(genre("drama"), 7), (Scope::Bump, 9)]);
    assert_eq!(need(&after_a_start, genre("drama")), 9);
}

#[test]
fn a_truth_that_went_back_is_another_one_and_nothing_kept_is_good_any_more() {
    let known = known(&[(Scope::All, 10), (genre("drama"), 7)]);
    let watched = known.watch(&[genre("drama")]);
    known.wrote(known.before_write(), at(11), &[], None);
    assert_eq!(poll(&known, 10, &[]), Found::Restored, "it lost this replica's own write");
    known.forget();
    let again = known.begin_poll();
    assert_eq!(again.since, Revision::ZERO);
    known.begin_life(again, 2, at(5), &revisions(&[(Scope::All, 5), (genre("drama"), 4)]));
    assert_eq!((known.epoch(), known.verified()), (2, at(5)));
    assert_eq!(watched.need().get(), i64::MAX);
    assert_eq!(need(&known, genre("drama")), 4);
}

#[test]
fn a_poll_that_was_sent_before_an_own_write_does_not_look_like_a_restore() {
    let known = known(&[(Scope::All, 10)]);
    let sent = known.begin_poll();
    known.wrote(known.before_write(), at(11), &[], None);
    assert_eq!(known.polled(sent, 1, at(10), &[]), Found::Applied);
    assert_eq!(need(&known, Scope::All), 11);
}

#[tokio::test]
async fn who_waits_for_a_revision_asks_for_a_poll_and_hears_of_it() {
    let known = Arc::new(known(&[(Scope::All, 10)]));
    let waiter = Arc::clone(&known);
    let waiting = async move { waiter.reach(at(11), SECOND).await };
    let polling = async {
        known.wanted().await;
        assert_eq!(poll(&known, 11, &[(Scope::All, 11)]), Found::Applied);
    };
    let (reached, ()) = tokio::join!(waiting, polling);
    assert!(reached);
    assert!(!known.reach(at(12), Duration::from_millis(20)).await, "nobody polls any more");
}

#[test]
fn a_write_that_is_given_a_known_revision_shows_that_the_truth_went_back() {
    let known = known(&[(Scope::All, 10), (Scope::Item(1), 10)]);
    let watched = known.watch(&[Scope::Item(2)]);
    let before = known.before_write();
    known.wrote(before, at(6), &[Scope::Item(1)], None);
    assert_eq!(watched.need().get(), i64::MAX, "whatever was kept may be of the lost future");
    assert_eq!(need(&known, Scope::Item(1)), 6);
    assert_eq!(poll(&known, 6, &[(Scope::All, 6)]), Found::Restored, "nobody else noticed");
    // A poll between a write's commit and its answer is no such sign.
    let other = self::known(&[(Scope::All, 10)]);
    let before = other.before_write();
    assert_eq!(poll(&other, 11, &[(Scope::All, 11)]), Found::Applied);
    other.wrote(before, at(11), &[], None);
    assert_eq!(other.verified(), at(11));
}

#[test]
fn a_restore_loses_no_write_that_comes_while_it_is_read() {
    let known = known(&[(Scope::All, 10)]);
    known.forget();
    let again = known.begin_poll();
    known.wrote(known.before_write(), at(4), &[Scope::Item(1)], None);
    known.begin_life(again, 2, at(3), &revisions(&[(Scope::All, 3)]));
    assert_eq!((need(&known, Scope::Item(1)), known.verified()), (4, at(3)));
}

#[cfg(debug_assertions)]
#[test]
fn rules_can_be_broken_to_see_that_it_is_noticed() {
    let known = known_but(Rules::but(Rule::BusMovesCursor), &[(Scope::All, 10)]);
    known.hint(1, at(12), None);
    assert_eq!(known.verified(), at(12));
    let known = known_but(Rules::but(Rule::BusRenewsLease), &[(Scope::All, 10)]);
    known.clock().advance(SECOND);
    known.hint(1, at(12), None);
    assert_eq!(known.lease().age(known.clock().tick()), Duration::ZERO);
}

#[test]
fn a_bump_reaches_movies_that_nobody_asked_for_before() {
    let known = known(&[(Scope::All, 10), (Scope::Item(1), 9)]);
    let watched = known.watch(&[Scope::Item(2)]);
    assert_eq!(poll(&known, 12, &[(Scope::All, 12), (Scope::Bump, 12)]), Found::Applied);
    assert_eq!(watched.need(), at(12));
    for bucket in [1, 2, 3] {
        assert_eq!(need(&known, Scope::Item(bucket)), 12, "{bucket}");
    }
    // What the bus told of all of them is taken back from all of them.
    known.hint(1, at(99), None);
    assert_eq!((need(&known, Scope::Item(3)), need(&known, Scope::Item(4))), (99, 99));
    assert_eq!(poll(&known, 13, &[(Scope::All, 13)]), Found::Applied);
    assert_eq!((need(&known, Scope::Item(3)), need(&known, Scope::Item(4))), (12, 12));
}

fn shown(revision: i64) -> Shown {
    Shown { revision: at(revision), exactness: Exactness::Exact }
}

#[test]
fn what_is_made_from_the_index_is_good_until_that_shows_more() {
    let known = known(&[(Scope::All, 10)]);
    assert!(known.show(known.generation(), shown(8)));
    let watched = known.watch(&[Scope::Index]);
    assert_eq!(watched.need(), at(8));
    known.wrote(known.before_write(), at(11), &[genre("drama")], None);
    assert_eq!(poll(&known, 12, &[(Scope::All, 12), (Scope::Bump, 12)]), Found::Applied);
    known.hint(1, at(13), Some(&[Scope::Index]));
    assert_eq!(watched.need(), at(8), "neither writes nor bumps nor messages concern it");
    assert!(known.show(known.generation(), shown(12)));
    assert_eq!(watched.need(), at(12));
    known.hide();
    assert_eq!(watched.need().get(), i64::MAX);
    assert_eq!(known.shown(), None);
}

#[test]
fn nothing_is_shown_of_a_catalogue_that_was_forgotten() {
    let known = known(&[(Scope::All, 10)]);
    let generation = known.generation();
    assert!(known.show(generation, shown(10)));
    let watched = known.watch(&[Scope::Index]);
    known.forget();
    assert_eq!((watched.need().get(), known.shown()), (i64::MAX, None));
    assert!(!known.show(known.generation(), shown(10)), "it is not known which it is");
    known.begin_life(known.begin_poll(), 2, at(3), &[]);
    assert!(!known.show(generation, shown(10)), "it is of the last one");
    assert!(known.show(known.generation(), shown(3)));
    assert_eq!(known.watch(&[Scope::Index]).need(), at(3));
}

#[test]
fn the_index_is_fresh_as_of_the_last_poll_that_it_has_caught_up_with() {
    let known = known(&[(Scope::All, 10)]);
    let age = |known: &Known| known.lease_of(Basis::Index).age(known.clock().tick());
    assert!(known.show(known.generation(), shown(10)));
    assert_eq!(age(&known), Duration::ZERO);
    known.clock().advance(SECOND);
    let _ = poll(&known, 11, &[(Scope::All, 11)]);
    known.clock().advance(SECOND);
    let _ = poll(&known, 12, &[(Scope::All, 12)]);
    known.clock().advance(SECOND);
    let _ = poll(&known, 12, &[]);
    assert_eq!(age(&known), 3 * SECOND, "it lacks what the polls found");
    assert_eq!(known.lease().age(known.clock().tick()), Duration::ZERO);
    assert!(known.show(known.generation(), shown(11)));
    assert_eq!(age(&known), 2 * SECOND);
    assert!(known.show(known.generation(), shown(12)));
    assert_eq!(age(&known), Duration::ZERO, "as of the last poll that found nothing more");
    known.clock().advance(SECOND);
    let _ = poll(&known, 12, &[]);
    assert_eq!(age(&known), Duration::ZERO);
}

#[tokio::test]
async fn who_asks_for_a_revision_of_the_index_waits_for_it() {
    let known = known(&[(Scope::All, 10)]);
    assert!(known.show(known.generation(), shown(9)));
    let (reached, showed) = tokio::join!(known.reach_shown(at(10), 30 * SECOND), async {
        known.show(known.generation(), shown(10))
    },);
    assert!(reached && showed);
    assert!(!known.reach_shown(at(11), Duration::from_millis(1)).await);
}

#[test]
fn what_was_found_good_is_looked_at_again_whenever_more_is_known() {
    let known = known(&[(Scope::All, 10), (genre("drama"), 7)]);
    let watched = known.watch(&[genre("drama"), Scope::Item(1)]);
    assert!(watched.is_met_by(at(10)));
    // Of 11 it is not known what it touched, and 12 is elsewhere.
    known.wrote(known.before_write(), at(12), &[Scope::Item(2)], None);
    assert!(watched.is_met_by(at(10)));
    assert_eq!(poll(&known, 12, &[(Scope::Item(1), 11), (Scope::All, 12)]), Found::Applied);
    assert!(!watched.is_met_by(at(10)), "everything was at 12 before");

    let watched = known.watch(&[genre("drama")]);
    assert!(watched.is_met_by(at(12)));
    known.hint(1, at(13), Some(&[genre("drama")]));
    assert!(!watched.is_met_by(at(12)));
    assert!(!watched.clone().is_met_by(at(12)));
    assert_eq!(poll(&known, 12, &[]), Found::Applied);
    assert!(watched.is_met_by(at(12)), "that was made up");

    known.forget();
    assert!(!watched.is_met_by(at(12)));
}

#[test]
fn what_is_known_already_is_no_news() {
    let known = known(&[(Scope::All, 10), (genre("drama"), 7)]);
    known.wrote(known.before_write(), at(11), &[genre("drama")], None);
    let news = known.news();
    known.hint(1, at(11), Some(&[genre("drama")]));
    let found = [(genre("drama"), 11), (Scope::All, 11)];
    assert_eq!(poll(&known, 11, &found), Found::Applied);
    assert_eq!(poll(&known, 11, &[]), Found::Applied);
    assert_eq!(known.news(), news);
    known.hint(1, at(12), Some(&[Scope::Item(1)]));
    assert_ne!(known.news(), news);
}

#[test]
fn measures_are_scopes_of_their_own() {
    let votes = |genre: &str| Scope::MeasureOf(Measure::Votes, genre.to_owned());
    let known = known(&[(Scope::All, 10), (votes("war"), 5), (genre("drama"), 7)]);
    assert_eq!((need(&known, votes("war")), need(&known, genre("war"))), (5, 0));
    assert_eq!((need(&known, votes("drama")), need(&known, genre("drama"))), (0, 7));
    assert_eq!(need(&known, Scope::MeasureOf(Measure::Rating, "war".into())), 0);
    known.wrote(known.before_write(), at(11), &[Scope::Movies, genre("noir")], None);
    known.wrote(known.before_write(), at(12), &[Scope::Measure(Measure::Votes)], None);
    assert_eq!(
        (need(&known, Scope::Movies), need(&known, Scope::Measure(Measure::Votes))),
        (11, 12)
    );
    assert_eq!(need(&known, Scope::Measure(Measure::Popularity)), 0);

    let nobody_has_it = known.watch(&[genre("new"), votes("new")]);
    assert!(nobody_has_it.is_met_by(at(12)));
    known.wrote(known.before_write(), at(13), &[votes("new")], None);
    assert!(!nobody_has_it.is_met_by(at(12)));
    known.wrote(known.before_write(), at(14), &[Scope::Bump], None);
    for scope in [genre("war"), votes("war"), votes("new"), Scope::Movies, genre("unheard of")] {
        assert_eq!(need(&known, scope), 14);
    }
}
