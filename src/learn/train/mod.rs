//! From interactions to a model.

mod validated;

pub use validated::{VALIDATED_STEPS, train_validated};

use super::{
    content::Content,
    ease,
    error::LearnError,
    follow,
    interactions::{Event, History, Interactions},
    model::{self, Model, Parts},
    parameters::{Options, Parameters},
    prune, tune,
};

/// How many steps [`train`] reports.
pub const STEPS: u64 = tune::STEPS + 3;

/// Learns: chooses parameters on a validation split, then trains on everything. `content` gives links to items
/// that nobody had anything to do with yet. Calls `step` [`STEPS`] times at most, from this thread.
///
/// Blocks for seconds to minutes: `items³` operations, a few dozen times, for up to 2,500 items, and twice for
/// up to as many as fit into the memory bound.
///
/// # Errors
/// [`LearnError::TooFew`], [`LearnError::Singular`], [`LearnError::Stopped`].
pub fn train(
    data: &Interactions,
    content: Option<&Content>,
    options: &Options,
    step: &(dyn Fn() + Sync),
) -> Result<Model, LearnError> {
    let parameters = tune::tune(data, options, step)?;
    train_with(data, content, &parameters, options, step)
}

/// As [`train`], with parameters that were chosen before.
///
/// # Errors
/// [`LearnError::TooFew`], [`LearnError::Singular`], [`LearnError::Stopped`].
pub fn train_with(
    data: &Interactions,
    content: Option<&Content>,
    parameters: &Parameters,
    options: &Options,
    step: &(dyn Fn() + Sync),
) -> Result<Model, LearnError> {
    if data.items.is_empty() {
        return Err(LearnError::TooFew("none at all"));
    }
    let popularity = data.popularity();
    let head = tune::most_popular(&popularity, options.dense_items().max(1));
    let mut places = vec![None; data.items.len()];
    for (place, item) in (0..).zip(&head) {
        places[*item as usize] = Some(place);
    }
    let in_head = |history: &History| -> History {
        let place = |event: &Event| Some(Event { item: places[event.item as usize]?, ..*event });
        history.iter().filter_map(place).collect()
    };
    let histories: Vec<History> = data.histories.iter().map(in_head).collect();
    let together = {
        let chosen = &parameters.together;
        let mut counts = ease::together(&histories, head.len(), data.confidence);
        let groups: Vec<History> = data.groups.iter().map(in_head).collect();
        ease::add_groups(&mut counts, &groups, head.len());
        ease::ease(counts, chosen.ridge, chosen.denoise, options.threads)?
    };
    step();
    options.stop.check()?;
    let next = match &parameters.next {
        Some(next) => Some(follow::follow(&histories, head.len(), next, options.threads)?),
        None => None,
    };
    step();
    options.stop.check()?;
    let mut rows = prune::links(data, parameters, &head, &together, next.as_ref(), options);
    options.stop.check()?;
    let mut items = data.items.clone();
    let mut trend = model::trend_at_end(data, parameters);
    let mut popularity = popularity;
    if let Some(content) = content {
        content.add_new(&mut items, &mut rows, parameters, options.neighbours);
        prune::trim(&mut rows, options.links_max);
        trend.resize(items.len(), 0.0);
        popularity.resize(items.len(), 0);
    }
    step();
    let parameters = parameters.clone();
    Ok(Model::new(Parts { parameters, items, popularity, trend, rows }))
}

#[cfg(test)]
mod tests;
