use std::convert::Infallible;

use bytes::Bytes;
use prometheus::Registry;

use super::*;
use crate::cache::testing::{Text, at, known};

fn tiers(known: Arc<Known>) -> Arc<Tiers<Text, Infallible>> {
    let metrics = Arc::new(Metrics::new(&Registry::new(), &["genres"]));
    let hour = Duration::from_hours(1);
    let options =
        Options { l1_bytes: 1 << 20, l1_ttl: hour, season_ttl: hour, catch_up: Duration::ZERO };
    Arc::new(Tiers::new(known, None, metrics, TaskTracker::new(), options))
}

fn ask() -> Ask {
    Ask {
        key: Key::new("/v1/genres"),
        scopes: vec![Scope::Movies],
        route: 0,
        at_least: Revision::ZERO,
        is_shared: true,
        within: Within::ALWAYS,
        lasting: Lasting::Usual,
    }
}

fn made(tag: i64) -> Made<Text> {
    let payload = Text(Bytes::from_static(b"text"));
    Made { tag: at(tag), scopes: None, keep: true, is_read: true, payload }
}

#[tokio::test]
async fn what_is_loaded_is_answered_and_kept() {
    let tiers = tiers(Arc::new(known()));
    let load = async |()| Ok(made(12));
    // The load has seen a write that no poll has found yet, which is found then.
    let known = Arc::clone(tiers.known());
    let polled = async {
        tokio::task::yield_now().await;
        let _ = known.polled(known.begin_poll(), 1, at(12), &[]);
    };
    let (answer, ()) = tokio::join!(tiers.get(ask(), (), |()| Ok(()), load), polled);
    let answer = answer.unwrap();
    assert_eq!((answer.outcome, answer.stored), (Outcome::Loaded(Miss::Absent), true));
    let again = tiers.get(ask(), (), |()| Ok(()), async |()| unreachable!()).await.unwrap();
    assert_eq!((again.outcome, again.revision), (Outcome::L1Hit, at(12)));
}

#[tokio::test]
async fn what_was_read_before_a_restore_is_not_answered_after_it() {
    let known = Arc::new(known());
    let tiers = tiers(Arc::clone(&known));
    // Read at a revision that another write has in the new life, which is known when it arrives.
    let load = async move |()| {
        known.forget();
        known.begin_life(known.begin_poll(), 2, at(20), &[(Scope::Movies, at(7))]);
        Ok(made(12))
    };
    let answer = tiers.get(ask(), (), |()| Ok(()), load).await;
    assert!(matches!(answer, Err(Failure::Restored)), "{answer:?}");
    let again = tiers.get(ask(), (), |()| Ok(()), async |()| Ok(made(20))).await.unwrap();
    assert_eq!((again.outcome, again.revision), (Outcome::Loaded(Miss::Absent), at(20)));
}

#[tokio::test]
async fn what_was_kept_before_a_restore_is_not_in_the_way_after_it() {
    let known = Arc::new(known());
    let tiers = tiers(Arc::clone(&known));
    let get =
        async |tag| tiers.get(ask(), (), |()| Ok(()), async move |()| Ok(made(tag))).await.unwrap();
    let _ = known.polled(known.begin_poll(), 1, at(12), &[]);
    assert!(get(12).await.stored);
    known.forget();
    known.begin_life(known.begin_poll(), 2, at(7), &[(Scope::Movies, at(7))]);
    assert_eq!(get(7).await.outcome, Outcome::Loaded(Miss::Superseded));
    let again = get(0).await;
    assert_eq!((again.outcome, again.entry.tag), (Outcome::L1Hit, at(7)));
}

#[tokio::test]
async fn who_comes_after_a_restore_does_not_take_what_was_read_before_it() {
    let known = Arc::new(known());
    let tiers = tiers(Arc::clone(&known));
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    // What it shows counts once it is made, and then is of the new life.
    let scopes = Some(vec![Scope::Movies, Scope::Item(1)]);
    let load = async move |()| {
        gone.await.unwrap();
        Ok(Made { scopes, ..made(12) })
    };
    let before = tiers.get(ask(), (), |()| Ok(()), load);
    let after = async {
        tokio::task::yield_now().await;
        known.forget();
        known.begin_life(known.begin_poll(), 2, at(20), &[(Scope::Movies, at(7))]);
        let joined = tiers.get(ask(), (), |()| Ok(()), async |()| Ok(made(20)));
        let land = async {
            tokio::task::yield_now().await;
            go.send(()).unwrap();
        };
        tokio::join!(joined, land).0
    };
    let (before, after) = tokio::join!(before, after);
    assert!(matches!(before, Err(Failure::Restored)), "{before:?}");
    let after = after.unwrap();
    assert_eq!((after.outcome, after.entry.tag), (Outcome::Loaded(Miss::Absent), at(20)));
}

#[tokio::test]
async fn a_restore_that_a_write_and_then_a_poll_notice_is_one() {
    let known = Arc::new(known());
    let tiers = tiers(Arc::clone(&known));
    known.forget();
    // Read of the truth as it is now, and answered once that is known.
    let load = async move |()| {
        known.forget();
        known.begin_life(known.begin_poll(), 2, at(20), &[(Scope::Movies, at(7))]);
        Ok(made(20))
    };
    let answer = tiers.get(ask(), (), |()| Ok(()), load).await.unwrap();
    assert_eq!((answer.revision, answer.stored), (at(20), false));
}

#[tokio::test]
async fn what_is_prepared_is_made_anew_before_it_is_over() {
    let known = Arc::new(known());
    let tiers = tiers(Arc::clone(&known));
    let mut loads = 0;
    for minute in 0..200 {
        let now = known.clock().tick();
        assert!(minute == 0 || tiers.look(&ask().key, Revision::ZERO, now).is_ok(), "{minute}");
        let load = async |()| Ok(made(10));
        let (prepared, _) = tiers.prepare(ask(), (), |()| Ok(()), load).await.unwrap();
        loads += usize::from(prepared == Prepared::Loaded);
        known.clock().advance(Duration::from_mins(1));
        let _ = known.polled(known.begin_poll(), 1, at(10), &[]);
    }
    // Kept for an hour, give or take a tenth, and made anew a tenth before.
    assert!((3..=5).contains(&loads), "{loads}");
}
