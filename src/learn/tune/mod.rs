//! Parameters, chosen on a validation split: what each user did before the last thing that is known of them.
//!
//! The grid is small, and the same for every data set. One subject is chosen after the other; where a choice
//! gains nothing, the simpler one stays. It is all repeatable: no sample is drawn, ties go to the first.

mod blend;

use self::blend::Blend;
use super::{
    dense::Square,
    ease::{self, Weights},
    error::LearnError,
    follow::Steps,
    interactions::{Event, History, Interactions},
    parameters::{Next, Options, Parameters, Stop, Together},
    score::{self, Weighing},
    split::Split,
};

/// Items that take part in choosing: the most popular ones. What is best for them is used for all.
const ITEMS_MAX: usize = 2_500;
/// Bytes that choosing takes for each pair of items: counts and weights of three rounds, the best ones so far, and
/// what one of them is solved in.
const PAIR_BYTES: usize = 124;
/// Users that are asked about, in each round.
const USERS_MAX: usize = 6_000;
/// Further rounds hold out one event more, as long as fewer users than this were asked about.
const USERS_ENOUGH: usize = 5_000;
const ROUNDS_MAX: usize = 3;

const RIDGES: [f64; 4] = [50.0, 150.0, 500.0, 1500.0];
const DENOISE: [f64; 3] = [0.0, 0.25, 1.0];
const RECENCIES: [f32; 5] = [1.0, 0.95, 0.9, 0.8, 0.65];
const NEXT_RIDGES: [f64; 3] = [100.0, 500.0, 2000.0];
const NEXT_KERNELS: [(f64, f64); 2] = [(0.9, 0.8), (0.9, 0.98)];
const NEXT_RECENCIES: [f32; 4] = [0.97, 0.9, 0.8, 0.6];
const SHARES: [f32; 10] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0];
const LIKINGS: [f32; 3] = [0.0, 0.25, 0.5];
/// Half-lives, as parts of the whole span of time.
const TREND_PARTS: [f64; 4] = [256.0, 64.0, 16.0, 4.0];
const TREND_WEIGHTS: [f32; 8] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4];
/// A choice that makes things less simple must gain this much, relatively.
const WORTH: f64 = 1.002;

/// Steps that [`tune`] reports, for a progress bar.
pub(super) const STEPS: u64 =
    (RIDGES.len() * DENOISE.len() + NEXT_RIDGES.len() * NEXT_KERNELS.len() + 3) as u64;

/// Chooses parameters.
///
/// # Errors
/// [`LearnError::TooFew`] where no user has three events.
pub(super) fn tune(
    data: &Interactions,
    options: &Options,
    step: &(dyn Fn() + Sync),
) -> Result<Parameters, LearnError> {
    let head = head(data, options);
    let items = head.items.len();
    let tuner = Tuner {
        rounds: rounds(&head, items),
        items,
        threads: options.threads,
        step,
        stop: options.stop.clone(),
    };
    if tuner.rounds.is_empty() {
        return Err(LearnError::TooFew("no user has three"));
    }
    let ordered = data.is_ordered();
    let value_deviation = score::value_deviation(&head.histories);
    let (together, weights) = tuner.together(ordered)?;
    let next = if ordered { Some(tuner.next()?) } else { None };
    let mut blend = Blend::new(&tuner, together, weights, next);
    blend.choose(ordered);
    blend.choose_liking(value_deviation);
    step();
    let trend = if ordered { blend.trend(&head) } else { None };
    step();
    let Blend { together, next, share, liking, scale, .. } = blend;
    let together = Together { weight: (1.0 - share) / scale.0, ..together };
    let next = next.map(|(next, _)| Next { weight: share / scale.1, ..next });
    Ok(Parameters {
        ordered,
        together,
        next: next.filter(|_| share > 0.0),
        liking,
        value_deviation,
        trend,
    })
}

/// The ridge that is best for plain EASE: what the method is compared with deserves the same care.
pub(super) fn plain_ridge(data: &Interactions, options: &Options) -> Result<f64, LearnError> {
    let head = head(data, options);
    let (items, threads) = (head.items.len(), options.threads);
    let stop = options.stop.clone();
    let tuner = Tuner { rounds: rounds(&head, items), items, threads, step: &|| {}, stop };
    let mut best = (-1.0, RIDGES[0]);
    for ridge in RIDGES {
        let weights = tuner.ease(ridge, 0.0)?;
        let gain = tuner.gain(&weights, Weighing::by_recency(1.0));
        if gain > best.0 {
            best = (gain, ridge);
        }
    }
    Ok(best.1)
}

/// The most popular items alone, as many as the memory bound allows.
fn head(data: &Interactions, options: &Options) -> Interactions {
    let most = ITEMS_MAX.min((options.memory_bytes / PAIR_BYTES).isqrt().max(1));
    if data.items.len() <= most {
        return data.clone();
    }
    let order = most_popular(&data.popularity(), most);
    let mut places = vec![None; data.items.len()];
    for (place, item) in (0..).zip(&order) {
        places[*item as usize] = Some(place);
    }
    let known = |event: &Event| Some(Event { item: places[event.item as usize]?, ..*event });
    let part = |history: &History| history.iter().filter_map(known).collect();
    let items = order.iter().map(|item| data.items[*item as usize].clone()).collect();
    Interactions {
        items,
        histories: data.histories.iter().map(part).collect(),
        groups: Vec::new(), // nobody is asked about them
        confidence: data.confidence,
    }
}

/// The `count` items with the most users, in the order of their numbers.
pub(super) fn most_popular(popularity: &[u32], count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(popularity.len()).collect();
    order.sort_by_key(|item| (std::cmp::Reverse(popularity[*item as usize]), *item));
    order.truncate(count);
    order.sort_unstable();
    order
}

struct Round {
    /// Everybody's histories, cut.
    histories: Vec<History>,
    /// How many users have both of two items.
    counts: Square,
    /// Who is asked about.
    asked: Split,
}

fn rounds(data: &Interactions, items: usize) -> Vec<Round> {
    let ordered = data.is_ordered();
    let mut rounds = Vec::new();
    let mut asked_about = 0;
    for cut in 1..=if ordered { ROUNDS_MAX } else { 2 * ROUNDS_MAX } {
        let whole = if ordered {
            Split::before_last(&data.histories, cut)
        } else {
            Split::without(&data.histories, cut)
        };
        if whole.known.is_empty() || asked_about >= USERS_ENOUGH {
            break;
        }
        let stride = whole.known.len().div_ceil(USERS_MAX);
        let mut asked = Split::default();
        for (known, next) in whole.known.iter().zip(&whole.next).step_by(stride) {
            asked.known.push(known.clone());
            asked.next.push(*next);
        }
        asked_about += asked.known.len();
        let counts = ease::together(&whole.known, items, data.confidence);
        rounds.push(Round { histories: whole.known, counts, asked });
    }
    rounds
}

struct Tuner<'a> {
    rounds: Vec<Round>,
    items: usize,
    threads: usize,
    step: &'a (dyn Fn() + Sync),
    stop: Stop,
}

/// The weights of each round.
type ByRound = Vec<Weights>;

impl Tuner<'_> {
    fn ease(&self, ridge: f64, denoise: f64) -> Result<ByRound, LearnError> {
        let of = |round: &Round| ease::ease(round.counts.clone(), ridge, denoise, self.threads);
        self.rounds.iter().map(of).collect()
    }

    /// The mean gain over users of all rounds.
    fn mean(&self, gain: impl Fn(usize, &Round) -> f64) -> f64 {
        let users = |round: &Round| round.asked.known.len() as f64;
        let sum: f64 = self.rounds.iter().enumerate().map(|(n, r)| gain(n, r) * users(r)).sum();
        sum / self.rounds.iter().map(users).sum::<f64>()
    }

    fn gain(&self, weights: &ByRound, weighing: Weighing) -> f64 {
        self.mean(|number, round| {
            score::gain(&round.asked, self.items, self.threads, |user, row| {
                score::add(&weights[number], &round.asked.known[user], weighing, 1.0, row);
            })
        })
    }

    fn together(&self, ordered: bool) -> Result<(Together, ByRound), LearnError> {
        let recencies = if ordered { &RECENCIES[..] } else { &RECENCIES[..1] };
        let mut best: Option<(f64, Together, ByRound)> = None;
        for denoise in DENOISE {
            for ridge in RIDGES {
                let weights = self.ease(ridge, denoise)?;
                let gains = recencies
                    .iter()
                    .map(|recency| (self.gain(&weights, Weighing::by_recency(*recency)), *recency));
                let (gain, recency) = first_best(gains);
                // Plain EASE is first, and stays unless something is better by more than chance.
                let better = |(known, best, _): &(f64, Together, _)| {
                    gain > *known * if best.denoise == denoise { 1.0 } else { WORTH }
                };
                if best.as_ref().is_none_or(better) {
                    best = Some((gain, Together { ridge, denoise, recency, weight: 1.0 }, weights));
                }
                (self.step)();
                self.stop.check()?;
            }
        }
        let (_, together, weights) = best.expect("the grid has places");
        Ok((together, weights))
    }

    fn next(&self) -> Result<(Next, ByRound), LearnError> {
        let mut best: Option<(f64, Next, ByRound)> = None;
        for (past, future) in NEXT_KERNELS {
            let of = |round: &Round| Steps::new(&round.histories, self.items, past, future);
            let steps: Vec<Steps> = self.rounds.iter().map(of).collect();
            for ridge in NEXT_RIDGES {
                let solved = steps.iter().map(|steps| steps.solve(ridge, self.threads));
                let weights = solved.collect::<Result<ByRound, _>>()?;
                let gains = NEXT_RECENCIES
                    .iter()
                    .map(|recency| (self.gain(&weights, Weighing::by_recency(*recency)), *recency));
                let (gain, recency) = first_best(gains);
                if best.as_ref().is_none_or(|(known, ..)| gain > *known) {
                    best =
                        Some((gain, Next { ridge, past, future, recency, weight: 1.0 }, weights));
                }
                (self.step)();
                self.stop.check()?;
            }
        }
        let (_, next, weights) = best.expect("the grid has places");
        Ok((next, weights))
    }
}

/// The highest of some gains and what it is of; the first of equal ones.
fn first_best<T>(gains: impl Iterator<Item = (f64, T)>) -> (f64, T) {
    gains.reduce(|best, next| if next.0 > best.0 { next } else { best }).expect("there is one")
}
