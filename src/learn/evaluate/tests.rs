use super::*;
use crate::learn::interactions::Interaction;

const BOOTSTRAP: Bootstrap = Bootstrap { resamples: 200, seed: 1 };

/// Users who walk along a circle of 40 items from where they like, and see three hits on the way that everybody
/// sees: what comes next is known to whom looks at the order, and to nobody else.
fn walks(timed: bool) -> Interactions {
    let rows = (0..120_u32).flat_map(|user| {
        let begin = user * 7 % 40;
        (0..9_u32).map(move |step| {
            let item = match step {
                2 => 100 + user % 3,
                step => (begin + step) % 40,
            };
            let time = if timed { i64::from(step) * 1_000 + i64::from(user) } else { 0 };
            Interaction { user: format!("{user:03}"), item: format!("{item:03}"), value: 1.0, time }
        })
    });
    Interactions::new(rows)
}

fn run_on(data: &Interactions, protocol: Protocol, threads: usize) -> Option<Outcome> {
    let options = Options { threads, ..Options::default() };
    run(data, protocol, &options, BOOTSTRAP, &|| {}).unwrap()
}

#[test]
fn an_order_is_found_and_beats_the_methods_that_see_none() {
    let outcome = run_on(&walks(true), Protocol::LeaveLastOut, 2).unwrap();
    assert_eq!((outcome.users, outcome.items), (120, 43));
    let by_name =
        |name: &str| outcome.methods.iter().find(|figures| figures.name == name).cloned().unwrap();
    let (popularity, ease, marquee) = (by_name("popularity"), by_name("EASE"), by_name("Marquee"));
    assert!(marquee.gain.value > 0.9, "{marquee:?}");
    assert!(marquee.gain.value > ease.gain.value, "{ease:?}");
    assert!(popularity.hit_rate.value < 0.4, "{popularity:?}");
    assert!(marquee.hit_rate.low <= marquee.hit_rate.value);
    assert!(marquee.hit_rate.value <= marquee.hit_rate.high);
    assert!(marquee.coverage > popularity.coverage);
    assert!((marquee.by_popularity.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn the_outcome_is_the_same_whatever_the_number_of_threads() {
    let one = run_on(&walks(true), Protocol::LeaveLastOut, 1).unwrap();
    let three = run_on(&walks(true), Protocol::LeaveLastOut, 3).unwrap();
    assert_eq!(format!("{one:?}"), format!("{three:?}"));
}

#[test]
fn without_times_no_order_is_used_and_there_is_no_split_in_time() {
    let data = walks(false);
    let outcome = run_on(&data, Protocol::LeaveLastOut, 2).unwrap();
    assert!(!outcome.parameters.ordered);
    assert_eq!(outcome.parameters.next, None);
    assert_eq!(outcome.parameters.trend, None);
    assert!((outcome.parameters.together.recency - 1.0).abs() < f32::EPSILON);
    let hits: Vec<f64> = outcome.methods.iter().map(|figures| figures.hit_rate.value).collect();
    assert!(hits[3] >= hits[2] - 0.05, "no worse than EASE: {hits:?}");
    assert!(run_on(&data, Protocol::SplitInTime, 2).is_none());
}

#[test]
fn a_split_in_time_asks_about_what_happened_later() {
    let outcome = run_on(&walks(true), Protocol::SplitInTime, 2).unwrap();
    // A tenth of 9 × 120 events is after the instant: the last ones of most users.
    assert_eq!((outcome.users, outcome.events), (108, 972));
    let marquee = outcome.methods.last().unwrap();
    assert_eq!(marquee.name, "Marquee");
    assert!(marquee.gain.value > 0.9, "{marquee:?}");
}

#[test]
fn nothing_to_ask_about_is_an_error() {
    let data = Interactions::new([]);
    let outcome = run(&data, Protocol::LeaveLastOut, &Options::default(), BOOTSTRAP, &|| {});
    assert!(matches!(outcome, Err(LearnError::TooFew(_))));
}
