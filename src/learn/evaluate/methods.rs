//! The methods that are compared, each as the items that it shows to each user.

use super::{Protocol, TOP};
use crate::learn::{
    ease,
    error::LearnError,
    interactions::{History, Interactions},
    model::Model,
    neighbours::Neighbours,
    parallel,
    parameters::Options,
    prior,
    recommend::{Best, Desk, Prior, Question},
    score::{self, Weighing},
    split::Split,
    tune,
};

/// The items shown to each user, best first.
pub(super) type Lists = Vec<Vec<u32>>;

/// Neighbours of item-kNN.
const NEIGHBOURS: usize = 200;
/// Users that a thread answers at once, with one desk.
const USERS: usize = 64;

/// The same for everybody.
pub(super) fn popularity(split: &Split, popularity: &[u32]) -> Lists {
    let scores: Vec<f32> = popularity.iter().map(|users| *users as f32).collect();
    split.known.iter().map(|history| top(&scores, history)).collect()
}

/// The items that have most in common with the history, by damped cosine.
pub(super) fn neighbours(split: &Split, training: &Interactions, options: &Options) -> Lists {
    let items = training.items.len();
    let near = Neighbours::new(&training.histories, items, NEIGHBOURS, options.threads);
    lists(split, items, options.threads, |history, row| {
        for event in history {
            for (to, weight) in &near.0[event.item as usize] {
                row[*to as usize] += weight;
            }
        }
    })
}

/// Plain EASE, its ridge chosen on the validation split; for catalogues beyond the memory bound of the items
/// that fit.
pub(super) fn ease(
    split: &Split,
    training: &Interactions,
    options: &Options,
) -> Result<(f64, Lists), LearnError> {
    let ridge = tune::plain_ridge(training, options)?;
    let head = tune::most_popular(&training.popularity(), options.dense_items().max(1));
    let mut places = vec![None; training.items.len()];
    for (place, item) in (0..).zip(&head) {
        places[*item as usize] = Some(place);
    }
    let in_head = |history: &History| -> History {
        let known = history.iter().filter_map(|event| {
            Some(crate::learn::interactions::Event { item: places[event.item as usize]?, ..*event })
        });
        known.collect()
    };
    let histories: Vec<History> = training.histories.iter().map(in_head).collect();
    let counts = ease::together(&histories, head.len(), training.confidence);
    let weights = ease::ease(counts, ridge, 0.0, options.threads)?;
    let lists = lists(split, training.items.len(), options.threads, |history, row| {
        let mut dense = vec![0.0; head.len()];
        score::add(&weights, &in_head(history), Weighing::by_recency(1.0), 1.0, &mut dense);
        row.fill(f32::MIN);
        for (item, score) in head.iter().zip(dense) {
            row[*item as usize] = score;
        }
    });
    Ok((ridge, lists))
}

/// The model, asked as it is in service. Where the last event is left out it is told the history alone; after a
/// split in time it knows what was popular of late when it was trained.
pub(super) fn marquee(split: &Split, model: &Model, protocol: Protocol, threads: usize) -> Lists {
    let prior = match protocol {
        Protocol::LeaveLastOut => Prior::tie_break(model),
        Protocol::SplitInTime => Prior::at_training(model),
    };
    let users = split.known.len();
    let batches = parallel::map(users.div_ceil(USERS), threads, |number| {
        let mut desk = Desk::default();
        let last = ((number + 1) * USERS).min(users);
        let histories = &split.known[number * USERS..last];
        histories.iter().map(|history| ask(model, history, &prior, &mut desk)).collect::<Lists>()
    });
    batches.into_iter().flatten().collect()
}

/// The model when it is told when the user asks, as it is in service: what was popular of late comes from
/// events before that. `None` where that was found to be of no use.
pub(super) fn at_the_time(split: &Split, model: &Model, training: &Interactions) -> Option<Lists> {
    let trend = model.parameters.trend?;
    let instants: Vec<i64> = split.next.iter().map(|event| event.time).collect();
    let events = prior::in_order(&training.histories);
    let mut lists = vec![Vec::new(); split.known.len()];
    let mut desk = Desk::default();
    let items = training.items.len();
    prior::sweep(&events, items, trend.half_life, &instants, |users, counts| {
        let prior = Prior::of_counts(model, counts);
        for user in users {
            lists[*user] = ask(model, &split.known[*user], &prior, &mut desk);
        }
    });
    Some(lists)
}

fn ask(model: &Model, history: &History, prior: &Prior, desk: &mut Desk) -> Vec<u32> {
    let question = Question { history, prior, count: TOP, allowed: None };
    model.recommend(question, desk).iter().map(|row| row.item).collect()
}

fn lists(
    split: &Split,
    items: usize,
    threads: usize,
    f: impl Fn(&History, &mut [f32]) + Sync,
) -> Lists {
    parallel::map(split.known.len(), threads, |user| {
        let mut row = vec![0.0; items];
        f(&split.known[user], &mut row);
        top(&row, &split.known[user])
    })
}

fn top(scores: &[f32], known: &History) -> Vec<u32> {
    let mut seen: Vec<u32> = known.iter().map(|event| event.item).collect();
    seen.sort_unstable();
    let mut best = Best::new(TOP);
    for (item, score) in (0..).zip(scores) {
        if best.takes(*score, item) && seen.binary_search(&item).is_err() {
            best.put(*score, item);
        }
    }
    best.0.iter().map(|(_, item)| *item).collect()
}
