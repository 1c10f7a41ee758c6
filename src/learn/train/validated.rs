//! Training that says how good it was: parameters are chosen, and a model is made, without what each user did
//! last; that is foretold; then the model is made again from everything.
//!
//! What is told is honest in that nothing of the answers was known, parameters included. As with any last
//! event that is left out, what *others* did later was.

use super::{
    super::{
        content::Content,
        error::LearnError,
        interactions::{History, Interactions},
        model::Model,
        parameters::{Options, Parameters},
        recommend::{Best, Desk, Prior, Question},
        score,
        split::Split,
        tune,
    },
    STEPS, train_with,
};
use crate::domain::model::Validation;

/// How many steps [`train_validated`] reports.
pub const VALIDATED_STEPS: u64 = STEPS + 4;

/// How many movies are shown.
const SHOWN: usize = 10;

/// As [`train`](super::train), and how good a model of the same parameters was that did not know what each user
/// did last; `None` where nobody can be asked about.
///
/// # Errors
/// [`LearnError::TooFew`], [`LearnError::Singular`], [`LearnError::Stopped`].
pub fn train_validated(
    data: &Interactions,
    content: Option<&Content>,
    options: &Options,
    step: &(dyn Fn() + Sync),
) -> Result<(Model, Option<Validation>), LearnError> {
    let (parameters, validation) = match without_the_last(data) {
        None => (tune::tune(data, options, step)?, None),
        Some((split, rest)) => match tune::tune(&rest, options, step) {
            // Most have next to no history: what is left does not suffice to choose by.
            Err(LearnError::TooFew(_)) => (tune::tune(data, options, step)?, None),
            parameters => {
                let parameters = parameters?;
                let validation = validate(&split, &rest, &parameters, options, step)?;
                (parameters, Some(validation))
            }
        },
    };
    let model = train_with(data, content, &parameters, options, step)?;
    Ok((model, validation))
}

/// Everybody's last event, and everything else.
fn without_the_last(data: &Interactions) -> Option<(Split, Interactions)> {
    let split = Split::leave_last_out(&data.histories);
    if split.known.is_empty() {
        return None;
    }
    let whole = data.histories.iter().filter(|history| history.len() < 3).cloned();
    let histories: Vec<History> = split.known.iter().cloned().chain(whole).collect();
    let Interactions { items, groups, confidence, .. } = data.clone();
    Some((split, Interactions { items, histories, groups, confidence }))
}

fn validate(
    split: &Split,
    rest: &Interactions,
    parameters: &Parameters,
    options: &Options,
    step: &(dyn Fn() + Sync),
) -> Result<Validation, LearnError> {
    let model = train_with(rest, None, parameters, options, step)?;
    let (prior, mut desk) = (Prior::tie_break(&model), Desk::default());
    let popularity: Vec<f32> = rest.popularity().into_iter().map(|users| users as f32).collect();
    let (mut own, mut popular) = (Tally::default(), Tally::default());
    for (history, next) in split.known.iter().zip(&split.next) {
        let question = Question { history, prior: &prior, count: SHOWN, allowed: None };
        let shown = model.recommend(question, &mut desk);
        own.add(shown.iter().position(|row| row.item == next.item));
        let shown = most_popular(&popularity, history);
        popular.add(shown.iter().position(|(_, item)| *item == next.item));
    }
    step();
    let users = split.known.len();
    Ok(Validation {
        users: users as u64,
        hit_rate: own.hits / users as f64,
        gain: own.gain / users as f64,
        popular_hit_rate: popular.hits / users as f64,
        popular_gain: popular.gain / users as f64,
    })
}

#[derive(Default)]
struct Tally {
    hits: f64,
    gain: f64,
}

impl Tally {
    fn add(&mut self, place: Option<usize>) {
        if let Some(place) = place {
            self.hits += 1.0;
            self.gain += score::gain_at(place, SHOWN);
        }
    }
}

/// What is popular and not in a history.
fn most_popular(popularity: &[f32], history: &History) -> Vec<(f32, u32)> {
    let mut best = Best::new(SHOWN);
    for (item, users) in (0..).zip(popularity) {
        if best.takes(*users, item) && !history.iter().any(|event| event.item == item) {
            best.put(*users, item);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::interactions::Interaction;

    /// Users who go through a ring of 30 items from different places: what comes next is no secret.
    fn ring() -> Interactions {
        Interactions::new((0..60_i64).flat_map(|user| {
            (0..8).map(move |step| Interaction {
                user: format!("u{user:02}"),
                item: format!("i{:02}", (user * 7 + step) % 30),
                value: 1.0,
                time: step,
            })
        }))
    }

    #[test]
    fn what_can_be_foretold_is_found_and_the_model_is_that_of_everything() {
        let data = ring();
        let options = Options::default();
        let (model, validation) = train_validated(&data, None, &options, &|| {}).unwrap();
        let validation = validation.unwrap();
        assert_eq!(validation.users, 60);
        assert!(validation.hit_rate > 0.9, "{validation:?}");
        assert!(validation.gain > validation.popular_gain, "{validation:?}");
        assert_eq!(model.items.len(), 30);
        assert_eq!(model.popularity, data.popularity(), "it has the last events, too");
    }

    #[test]
    fn the_same_data_give_the_same_model_bit_for_bit_whatever_the_threads() {
        let made = |threads| {
            let options = Options { threads, ..Options::default() };
            let (model, validation) = train_validated(&ring(), None, &options, &|| {}).unwrap();
            (crate::learn::file::to_bytes(&model).unwrap(), validation)
        };
        assert_eq!(made(1), made(3));
    }

    #[test]
    fn who_is_told_to_stop_makes_nothing() {
        let options = Options::default();
        options.stop.stop();
        let outcome = train_validated(&ring(), None, &options, &|| {});
        assert!(matches!(outcome, Err(LearnError::Stopped)));
    }
}
