//! The cluster checker: a real cluster, random readers and writers, every fault, and each answer
//! checked against the truth's history. `docs/CHECKER.md` says how it works and what it shows.
//!
//! `make test` runs its short form, `make soak` the same code for longer and harder.

mod balancer_link;
mod check;
mod facts;
mod faults;
mod follow;
mod load;
#[cfg(debug_assertions)] // as the flag that breaks rules is
mod mutants;
pub(crate) mod programs;
mod redis_link;
pub(crate) mod replica;
mod report;
mod rig;
mod run;
mod scenarios;
mod stalls;
mod truth;
mod vitals;
pub(crate) mod wire;

use std::time::Duration;

use self::{
    check::Limits,
    rig::Layout,
    run::{Plan, run},
};

/// The seed of the short form, and of the long form unless told otherwise.
const SEED: u64 = 20_260_424;

/// As long and with the seed that `TEST_SOAK_SECONDS` and `TEST_SOAK_SEED` say: `make soak`. Without
/// them, each fault once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_without_the_stale_mark_breaks_a_promise_whatever_fails() {
    let seed = number("TEST_SOAK_SEED").unwrap_or(SEED);
    let lasts = number("TEST_SOAK_SECONDS").map(Duration::from_secs);
    let plan = lasts.map_or_else(|| short(seed), |lasts| long(seed, lasts));
    println!("seed {seed}");
    let (report, vitals) = run(plan).await;
    println!("{report}");
    if let Some(path) = text("TEST_SOAK_REPORT") {
        std::fs::write(&path, format!("seed {seed}\n{report}")).expect("the report can be written");
    }
    if let (Some(path), Some(vitals)) = (text("TEST_SOAK_VITALS"), &vitals) {
        vitals.write(path.as_ref()).expect("the vitals can be written");
    }
    assert_eq!(report.violated, 0, "promises were broken; the report is above");
    assert!(report.checked() > 1_000, "too few answers to mean anything");
    let is_short = lasts.is_none();
    assert!(
        !is_short || report.killed_unheard > 0,
        "no replica was killed between a commit and its message"
    );
    let growing = vitals.map(|vitals| vitals.growing()).unwrap_or_default();
    assert!(growing.is_empty(), "something leaks: {growing:?}");
}

fn short(seed: u64) -> Plan {
    Plan {
        layout: Layout::default(),
        seed,
        movies: 240,
        readers: 8,
        reader_pause: Duration::from_millis(2),
        writers: 4,
        writer_pause: Duration::from_millis(80),
        healthy: Duration::from_millis(250),
        lasts: Duration::ZERO,
        spares_the_last: false,
        stretch: 1,
        progress: None,
    }
}

fn long(seed: u64, lasts: Duration) -> Plan {
    let limits = Limits { bound: Duration::from_secs(1), cap: Duration::from_secs(10) };
    let layout = Layout {
        own_database: true,
        own_clock: true,
        limits,
        poll: Duration::from_millis(250),
        connections: 30,
        ..Layout::default()
    };
    Plan {
        layout,
        seed,
        movies: 300,
        readers: 64,
        reader_pause: Duration::ZERO,
        writers: 6,
        writer_pause: Duration::from_millis(number("TEST_SOAK_WRITER_PAUSE_MS").unwrap_or(200)),
        healthy: Duration::from_secs(2),
        lasts,
        spares_the_last: true,
        stretch: 2,
        progress: Some(Duration::from_secs(10)),
    }
}

fn text(variable: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "`make soak` says how long and with which seed")]
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

fn number(variable: &str) -> Option<u64> {
    let text = text(variable)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")))
}
