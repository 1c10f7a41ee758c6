use proptest::prelude::*;

use super::*;
use crate::learn::{
    model::Parts,
    parameters::{Next, Parameters, Together, Trend},
};

fn parameters() -> Parameters {
    Parameters {
        ordered: true,
        together: Together { ridge: 1.0, denoise: 0.0, recency: 0.9, weight: 1.0 },
        next: Some(Next { ridge: 1.0, past: 0.9, future: 0.8, recency: 0.5, weight: 1.0 }),
        liking: 0.5,
        value_deviation: 1.0,
        trend: Some(Trend { half_life: 10.0, weight: 0.1 }),
    }
}

fn model(rows: Vec<Vec<Link>>, trend: Vec<f32>) -> Model {
    let items: Vec<String> = (0..rows.len()).map(|n| format!("i{n}")).collect();
    let popularity = vec![1; items.len()];
    Model::new(Parts { parameters: parameters(), items, popularity, trend, rows })
}

/// The same by looking at each item.
fn plainly(model: &Model, question: Question<'_>) -> Vec<(u32, f32)> {
    let mut scores = vec![0.0; model.items.len()];
    for Speaker { item, together, next } in factors(model, score::latest(question.history)) {
        for link in model.links(item) {
            scores[link.to as usize] += together * link.together + next * link.next;
        }
    }
    let begun = question.prior.scores.iter().zip(scores).map(|(prior, said)| prior + said);
    let mut all: Vec<(u32, f32)> = (0..).zip(begun).collect();
    all.retain(|(item, _)| {
        question.history.iter().all(|event| event.item != *item)
            && question.allowed.is_none_or(|allowed| allowed(*item))
    });
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(question.count);
    all
}

fn rows(items: u32) -> impl Strategy<Value = Vec<Vec<Link>>> {
    let link = (0..items, -1.0_f32..1.0, -1.0_f32..1.0);
    let row = prop::collection::vec(link, 0..8).prop_map(|links| {
        let links = links.into_iter().map(|(to, together, next)| (to, Link { to, together, next }));
        links.collect::<std::collections::BTreeMap<_, _>>().into_values().collect()
    });
    prop::collection::vec(row, items as usize)
}

proptest! {
    #[test]
    fn the_answer_is_that_of_looking_at_every_item(
        rows in rows(30),
        trend in prop::collection::vec(0.0_f32..9.0, 30),
        history in prop::collection::vec((0_u32..30, 0.0_f32..10.0), 0..12),
        count in 0_usize..40,
        modulus in 1_u32..4,
    ) {
        let model = model(rows, trend);
        let history = history.iter().map(|(n, value)| (format!("i{n}"), *value)).collect::<Vec<_>>();
        let history = model.history(history.iter().map(|(key, value)| (key.as_str(), *value, 0)));
        let prior = Prior::at_training(&model);
        let allowed = |item: u32| item.is_multiple_of(modulus);
        let question =
            Question { history: &history, prior: &prior, count, allowed: Some(&allowed) };
        let mut desk = Desk::default();
        for _ in 0..2 {
            let given = model.recommend(question, &mut desk);
            let given: Vec<_> = given.iter().map(|row| (row.item, row.score)).collect();
            prop_assert_eq!(&given, &plainly(&model, question));
        }
    }
}

#[test]
fn the_reason_is_the_item_that_says_most() {
    let link = |to, together, next| Link { to, together, next };
    let rows = vec![vec![link(2, 0.4, 0.0)], vec![link(2, 0.3, 0.3)], vec![], vec![]];
    let model = model(rows, vec![0.0; 4]);
    let prior = Prior::at_training(&model);
    let history = model.history([("i0", 1.0, 1), ("i1", 1.0, 2), ("unknown", 1.0, 3)]);
    assert_eq!(history.len(), 2);
    let question = Question { history: &history, prior: &prior, count: 3, allowed: None };
    let rows = model.recommend(question, &mut Desk::default());
    assert_eq!((rows[0].item, rows[0].because), (2, Some(1)));
    assert_eq!((rows[1].item, rows[1].because), (3, None));
    assert_eq!(rows.len(), 2, "what was seen is not shown");
}

#[test]
fn somebody_without_a_history_gets_what_is_popular_of_late() {
    let model = model(vec![vec![]; 4], vec![1.0, 5.0, 0.0, 7.0]);
    let prior = Prior::at_training(&model);
    let history = History::new();
    let question = Question { history: &history, prior: &prior, count: 2, allowed: None };
    let rows = model.recommend(question, &mut Desk::default());
    assert_eq!(rows.iter().map(|row| row.item).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn similar_items_are_those_of_the_highest_weight() {
    let link = |to, together| Link { to, together, next: 9.0 };
    let model = model(
        vec![vec![link(1, 0.1), link(2, 0.5), link(3, -0.4)], vec![], vec![], vec![]],
        vec![0.0; 4],
    );
    let items = |rows: Vec<Recommendation>| rows.iter().map(|row| row.item).collect::<Vec<_>>();
    assert_eq!(items(model.similar(0, 10, None)), [2, 1]);
    assert_eq!(items(model.similar(0, 10, Some(&|item| item != 2))), [1]);
    assert_eq!(items(model.similar(0, 1, None)), [2]);
    assert!(model.similar(77, 10, None).is_empty());
}
