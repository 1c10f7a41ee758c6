//! From interactions to a model.

use super::{
    content::Content,
    ease,
    error::LearnError,
    follow,
    interactions::Interactions,
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
/// [`LearnError::TooFew`], [`LearnError::Singular`].
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
/// [`LearnError::TooFew`], [`LearnError::Singular`].
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
    let histories = data.histories.iter().map(|history| {
        let known = history.iter().filter_map(|event| {
            Some(super::interactions::Event { item: places[event.item as usize]?, ..*event })
        });
        known.collect()
    });
    let histories: Vec<_> = histories.collect();
    let together = {
        let chosen = &parameters.together;
        let counts = ease::together(&histories, head.len());
        ease::ease(counts, chosen.ridge, chosen.denoise, options.threads)?
    };
    step();
    let next = match &parameters.next {
        Some(next) => Some(follow::follow(&histories, head.len(), next, options.threads)?),
        None => None,
    };
    step();
    let (keep, threads) = (options.neighbours, options.threads);
    let mut rows = prune::links(data, parameters, &head, &together, next.as_ref(), keep, threads);
    let mut items = data.items.clone();
    let mut trend = model::trend_at_end(data, parameters);
    let mut popularity = popularity;
    if let Some(content) = content {
        content.add_new(&mut items, &mut rows, parameters);
        trend.resize(items.len(), 0.0);
        popularity.resize(items.len(), 0);
    }
    step();
    let created_ms = options.created_ms;
    let parameters = parameters.clone();
    Ok(Model::new(Parts { created_ms, parameters, items, popularity, trend, rows }))
}

#[cfg(test)]
mod tests;
