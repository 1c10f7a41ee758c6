//! What a run saw, in figures.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

/// Violations that are kept whole.
const KEPT: usize = 20;
/// Of these, violations of one rule.
const KEPT_OF_RULE: u64 = 6;
/// The staleness histogram has a place for each millisecond up to this one.
const LONGEST_MS: usize = 30_000;

/// A promise that was not kept.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) detail: String,
    pub(crate) after: Duration,
}

/// Where an answer came from, by its `Cache-Status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// It does not say.
    Unsaid,
    L1,
    L2,
    Collapsed,
    Miss,
}

impl Tier {
    pub(crate) fn of(cache_status: &str) -> Self {
        if cache_status.is_empty() {
            Self::Unsaid
        } else if cache_status.starts_with("marquee-l2; hit") {
            Self::L2
        } else if cache_status.starts_with("marquee-l1; hit") {
            Self::L1
        } else if cache_status.contains("collapsed") {
            Self::Collapsed
        } else {
            Self::Miss
        }
    }
}

/// Answers by the age of the oldest write that they lack.
#[derive(Debug)]
struct Ages {
    /// For each millisecond; zero is for those that lack none.
    answers: Vec<u64>,
    oldest: Duration,
}

impl Ages {
    fn new() -> Self {
        Self { answers: vec![0; LONGEST_MS + 1], oldest: Duration::ZERO }
    }

    fn add(&mut self, age: Duration) {
        // One that lacks a write for less than a millisecond is not one that lacks none.
        let ms = age.as_micros().div_ceil(1_000);
        self.answers[usize::try_from(ms).unwrap_or(LONGEST_MS).min(LONGEST_MS)] += 1;
        self.oldest = self.oldest.max(age);
    }

    /// The age that this share of the answers does not exceed, of all (`least` 0), or of those that lack
    /// a write (`least` 1).
    fn percentile(&self, share: f64, least: usize) -> usize {
        let ages = &self.answers[least..];
        let total: u64 = ages.iter().sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let mut left = (total as f64 * share).ceil() as u64;
        for (ms, count) in ages.iter().enumerate() {
            if left <= *count {
                return ms + if total > 0 { least } else { 0 };
            }
            left -= count;
        }
        0
    }
}

impl fmt::Display for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lacking: u64 = self.answers[1..].iter().sum();
        write!(
            f,
            "{} answers: p50 {} ms, p99 {} ms, p99.9 {} ms, max {:.1?}; {lacking} lack a write: p50 {} ms, \
             p99 {} ms",
            self.answers.iter().sum::<u64>(),
            self.percentile(0.5, 0),
            self.percentile(0.99, 0),
            self.percentile(0.999, 0),
            self.oldest,
            self.percentile(0.5, 1),
            self.percentile(0.99, 1),
        )
    }
}

/// What a run saw.
#[derive(Debug)]
pub(crate) struct Report {
    began: Instant,
    /// Answers checked, by shape and tier.
    pub(crate) answers: BTreeMap<(&'static str, Tier), u64>,
    /// Anything else that is counted.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// How many times a replica was killed after it had committed a write, and before it had told the others.
    pub(crate) killed_unheard: u64,
    /// Faults injected.
    pub(crate) faults: Vec<(Duration, String)>,
    pub(crate) violations: Vec<Violation>,
    by_rule: BTreeMap<&'static str, u64>,
    pub(crate) violated: u64,
    /// Whether there is a fault just now.
    pub(crate) is_faulty: bool,
    unmarked: Ages,
    /// Of these, while there was no fault.
    healthy: Ages,
    marked: Ages,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            answers: BTreeMap::new(),
            counts: BTreeMap::new(),
            killed_unheard: 0,
            faults: Vec::new(),
            violations: Vec::new(),
            by_rule: BTreeMap::new(),
            violated: 0,
            is_faulty: false,
            unmarked: Ages::new(),
            healthy: Ages::new(),
            marked: Ages::new(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn violate(&mut self, rule: &'static str, detail: impl FnOnce() -> String) {
        self.violated += 1;
        let of_rule = self.by_rule.entry(rule).or_default();
        *of_rule += 1;
        if self.violations.len() < KEPT && *of_rule <= KEPT_OF_RULE {
            let (after, detail) = (self.elapsed(), detail());
            eprintln!("{:.1} s: {rule}: {detail}", after.as_secs_f64()); // a long run may not get to its end
            self.violations.push(Violation { rule, detail, after });
        }
    }

    /// An answer that lacks a write of this age; zero if it lacks none.
    pub(crate) fn aged(&mut self, age: Duration, marked: bool) {
        if marked {
            self.marked.add(age);
            return;
        }
        self.unmarked.add(age);
        if !self.is_faulty {
            self.healthy.add(age);
        }
    }

    /// How many answers had the stale mark.
    pub(crate) fn marked(&self) -> u64 {
        self.marked.answers.iter().sum()
    }

    pub(crate) fn checked(&self) -> u64 {
        self.answers.values().sum()
    }

    /// One line on how it goes.
    pub(crate) fn progress(&self) -> String {
        format!(
            "{:>5.0?} s: {} answers checked, {} marked, {} violations, oldest {:?}, last fault: {}",
            self.elapsed().as_secs(),
            self.checked(),
            self.marked(),
            self.violated,
            self.unmarked.oldest,
            self.faults.last().map_or("none", |(_, fault)| fault),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.elapsed();
        writeln!(f, "{} answers checked in {took:.1?}", self.checked())?;
        let mut shapes: BTreeMap<&str, u64> = BTreeMap::new();
        let mut tiers: BTreeMap<Tier, u64> = BTreeMap::new();
        for ((shape, tier), count) in &self.answers {
            *shapes.entry(shape).or_default() += count;
            *tiers.entry(*tier).or_default() += count;
        }
        writeln!(f, "  by shape: {shapes:?}")?;
        writeln!(f, "  by tier:  {tiers:?}")?;
        writeln!(f, "age of the oldest write that an answer lacks")?;
        writeln!(f, "  unmarked, no fault: {}", self.healthy)?;
        writeln!(f, "  unmarked, in all:   {}", self.unmarked)?;
        writeln!(f, "  marked:             {}", self.marked)?;
        for (what, count) in &self.counts {
            writeln!(f, "  {what}: {count}")?;
        }
        writeln!(f, "  kills between a commit and its message: {}", self.killed_unheard)?;
        writeln!(f, "faults:")?;
        for (at, fault) in &self.faults {
            writeln!(f, "  {:>7.2} s  {fault}", at.as_secs_f64())?;
        }
        writeln!(f, "violations: {}", self.violated)?;
        for (rule, count) in &self.by_rule {
            writeln!(f, "  {rule}: {count}")?;
        }
        for Violation { rule, detail, after } in &self.violations {
            writeln!(f, "--- {rule}, after {:.3} s\n{detail}", after.as_secs_f64())?;
        }
        Ok(())
    }
}
