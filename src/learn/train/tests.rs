use proptest::prelude::*;

use super::*;
use crate::{
    domain::movie::MovieData,
    learn::{
        file,
        interactions::Interaction,
        recommend::{Desk, Prior, Question},
    },
};

fn rows() -> Vec<Interaction> {
    let row = |user: i64, step: i64| Interaction {
        user: format!("u{user}"),
        item: format!("m{:02}", (user * 5 + step * (1 + user % 2)) % 31),
        value: ((user * step) % 10) as f32,
        time: step * 1_000 + user * 7 % 1_000,
    };
    (0..80).flat_map(|user| (0..7 + user % 3).map(move |step| row(user, step))).collect()
}

fn trained(rows: Vec<Interaction>, options: &Options) -> Model {
    train(&Interactions::new(rows), None, options, &|| {}).unwrap()
}

#[test]
fn training_is_repeatable_bit_for_bit_whatever_the_threads_and_the_order_of_lines() {
    let bytes = |rows, threads| {
        file::to_bytes(&trained(rows, &Options { threads, ..Options::default() })).unwrap()
    };
    let one = bytes(rows(), 1);
    assert!(one == bytes(rows(), 1));
    assert!(one == bytes(rows(), 3));
    let mut turned = rows();
    turned.reverse();
    assert!(one == bytes(turned, 2));
}

#[test]
fn items_beyond_the_memory_bound_have_links_to_and_from() {
    let options = Options { memory_bytes: 20 * 10 * 10, ..Options::default() };
    assert_eq!(options.dense_items(), 10);
    let model = trained(rows(), &options);
    let head = tune::most_popular(&model.popularity, 10);
    let tail: Vec<u32> = (0..31).filter(|item| !head.contains(item)).collect();
    assert_eq!(tail.len(), 21);
    for item in &tail {
        assert!(!model.links(*item).is_empty(), "from {item}");
        let to = (0..31).any(|from| model.links(from).iter().any(|link| link.to == *item));
        assert!(to, "to {item}");
    }
}

#[test]
fn a_movie_that_nobody_saw_is_recommended_to_whom_saw_its_like() {
    let movie = |director: &str| MovieData {
        title: "Untitled".into(),
        directors: vec![director.into()],
        ..MovieData::default()
    };
    let movies: Vec<(String, MovieData)> = (0..31)
        .map(|n| (format!("m{n:02}"), movie(if n == 3 { "Agnès Varda" } else { "somebody" })))
        .chain([("new".to_owned(), movie("Agnès Varda"))])
        .collect();
    let content = Content::new(movies.iter().map(|(key, movie)| (key.clone(), movie)));
    let options = Options::default();
    let model = train(&Interactions::new(rows()), Some(&content), &options, &|| {}).unwrap();
    let new = model.number("new").unwrap();
    let history = model.history([("m03", 9.0, 1)]);
    let prior = Prior::at_training(&model);
    let question = Question { history: &history, prior: &prior, count: 31, allowed: None };
    let rows = model.recommend(question, &mut Desk::default());
    let row = rows.iter().find(|row| row.item == new).unwrap();
    assert_eq!(row.because, model.number("m03"));
    assert!(model.similar(new, 5, None).iter().any(|row| Some(row.item) == model.number("m03")));
}

#[test]
fn steps_are_reported_and_not_more_of_them_than_announced() {
    let steps = std::sync::atomic::AtomicU64::new(0);
    let step = || _ = steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    train(&Interactions::new(rows()), None, &Options::default(), &step).unwrap();
    assert_eq!(steps.into_inner(), STEPS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_happened_answers_are_finite_in_order_and_new(
        events in prop::collection::vec((0_u8..9, 0_u8..12, -5.0_f32..15.0, 0_i64..50), 0..80),
    ) {
        let rows = events.iter().map(|(user, item, value, time)| Interaction {
            user: user.to_string(), item: item.to_string(), value: *value, time: *time,
        });
        let data = Interactions::new(rows);
        let Ok(model) = train(&data, None, &Options::default(), &|| {}) else {
            prop_assert!(data.histories.iter().all(|history| history.len() < 3));
            return Ok(());
        };
        let (prior, mut desk) = (Prior::at_training(&model), Desk::default());
        for history in &data.histories {
            let question = Question { history, prior: &prior, count: 20, allowed: None };
            let rows = model.recommend(question, &mut desk);
            prop_assert_eq!(rows.len(), model.items.len() - history.len());
            prop_assert!(rows.iter().all(|row| row.score.is_finite()));
            prop_assert!(rows.is_sorted_by(|a, b| a.score >= b.score));
            prop_assert!(rows.iter().all(|row| history.iter().all(|event| event.item != row.item)));
        }
    }
}
