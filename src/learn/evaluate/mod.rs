//! Judging: how often the next thing that a user did is among the ten that each method shows.
//!
//! Full ranking (all items compete), what the user did before is not shown again. Two protocols: the last event
//! of each user is left out and everything else is known (as the literature does, which knows others' future),
//! or everything before an instant is known and nothing after it.

mod figures;
mod methods;
pub mod report;

use self::figures::Judge;
pub use self::figures::{Figures, Interval, TOP};
use super::{
    error::LearnError,
    interactions::{History, Interactions},
    parameters::{Options, Parameters},
    split::{self, Split},
    train,
};

/// Share of events that the split in time learns from.
const TIME_SHARE: f64 = 0.9;

/// What is known when the next event is foretold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// All events but the last of each user.
    LeaveLastOut,
    /// All events before an instant.
    SplitInTime,
}

/// How methods fared under one protocol.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was known.
    pub protocol: Protocol,
    /// Users that were asked about.
    pub users: usize,
    /// Items that competed.
    pub items: usize,
    /// Events that were learnt from.
    pub events: usize,
    /// What validation chose.
    pub parameters: Parameters,
    /// The ridge of plain EASE, chosen on the same validation split.
    pub plain_ridge: f64,
    /// The methods, simplest first.
    pub methods: Vec<Figures>,
}

/// How intervals are made.
#[derive(Debug, Clone, Copy)]
pub struct Bootstrap {
    /// Samples of users.
    pub resamples: usize,
    /// What they begin with.
    pub seed: u64,
}

/// How many steps [`run`] reports for a protocol.
pub const STEPS: u64 = train::STEPS + 4;

/// Judges all methods under a protocol; `None` for a split in time of data whose times tell no order.
///
/// # Errors
/// [`LearnError::TooFew`] where nobody can be asked about; [`LearnError::Singular`].
pub fn run(
    data: &Interactions,
    protocol: Protocol,
    options: &Options,
    bootstrap: Bootstrap,
    step: &(dyn Fn() + Sync),
) -> Result<Option<Outcome>, LearnError> {
    let (split, training) = match protocol {
        Protocol::LeaveLastOut => leave_last_out(data),
        Protocol::SplitInTime if !data.is_ordered() => return Ok(None),
        Protocol::SplitInTime => Split::at(data, split::instant_of(data, TIME_SHARE)),
    };
    if split.known.is_empty() {
        return Err(LearnError::TooFew("nobody has three"));
    }
    let popularity = training.popularity();
    let judge = Judge::new(&split, &popularity, training.histories.len(), bootstrap);
    let mut methods = Vec::new();
    methods.push(judge.figures("popularity", &methods::popularity(&split, &popularity)));
    step();
    methods.push(judge.figures("item-kNN", &methods::neighbours(&split, &training, options)));
    step();
    let (plain_ridge, lists) = methods::ease(&split, &training, options)?;
    methods.push(judge.figures("EASE", &lists));
    step();
    let model = train::train(&training, None, options, step)?;
    let lists = methods::marquee(&split, &model, protocol, options.threads);
    methods.push(judge.figures("Marquee", &lists));
    if protocol == Protocol::LeaveLastOut
        && let Some(lists) = methods::at_the_time(&split, &model, &training)
    {
        methods.push(judge.figures("Marquee, hour known", &lists));
    }
    step();
    let (users, items, events) = (split.known.len(), training.items.len(), training.events());
    let parameters = model.parameters;
    Ok(Some(Outcome { protocol, users, items, events, parameters, plain_ridge, methods }))
}

fn leave_last_out(data: &Interactions) -> (Split, Interactions) {
    let split = Split::leave_last_out(&data.histories);
    let short = data.histories.iter().filter(|history| history.len() < 3).cloned();
    let histories: Vec<History> = split.known.iter().cloned().chain(short).collect();
    let items = data.items.clone();
    (split, Interactions { items, histories, ..Interactions::default() })
}

#[cfg(test)]
mod tests;
