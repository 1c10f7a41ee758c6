//! What was answered from where and how fast, by kind of request: in all, and second by second.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use crate::tally::{nanoseconds, quantiles, times};

use super::class::{Class, Outcome};

const CLASSES: usize = Class::ALL.len();
const OUTCOMES: usize = Outcome::ALL.len();
/// The first length of a stretch. When there are more than [`STRETCHES`], they are joined by twos.
const STRETCH: Duration = Duration::from_secs(1);
const STRETCHES: usize = 240;

/// The answers of a stretch of time.
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    answers: [u64; CLASSES],
    outcomes: [u64; OUTCOMES],
    /// The worst p50 and p99 of the seconds in it, in nanoseconds.
    p50: [u64; CLASSES],
    p99: [u64; CLASSES],
}

/// Answers over time.
#[derive(Debug)]
pub(super) struct Timeline {
    began: Instant,
    all: [Histogram<u64>; CLASSES],
    outcomes: [[u64; OUTCOMES]; CLASSES],
    stretches: Vec<Stretch>,
    length: Duration,
    now: Stretch,
    now_took: [Histogram<u64>; CLASSES],
}

impl Timeline {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            all: std::array::from_fn(|_| times()),
            outcomes: Default::default(),
            stretches: Vec::new(),
            length: STRETCH,
            now: Stretch::default(),
            now_took: std::array::from_fn(|_| times()),
        }
    }

    pub(super) fn answered(&mut self, class: Class, outcome: Option<Outcome>, took: Duration) {
        while self.began.elapsed() >= self.end_of_stretch() {
            self.turn();
        }
        let of = class as usize;
        self.all[of].saturating_record(nanoseconds(took));
        self.now_took[of].saturating_record(nanoseconds(took));
        self.now.answers[of] += 1;
        if let Some(outcome) = outcome {
            self.outcomes[of][outcome as usize] += 1;
            self.now.outcomes[outcome as usize] += 1;
        }
    }

    fn end_of_stretch(&self) -> Duration {
        let done = u32::try_from(self.stretches.len()).unwrap_or(u32::MAX);
        self.length * (done + 1)
    }

    fn turn(&mut self) {
        for (of, took) in self.now_took.iter_mut().enumerate() {
            if !took.is_empty() {
                self.now.p50[of] = took.value_at_quantile(0.5);
                self.now.p99[of] = took.value_at_quantile(0.99);
                took.reset();
            }
        }
        self.stretches.push(std::mem::take(&mut self.now));
        if self.stretches.len() == STRETCHES {
            self.length *= 2;
            self.stretches = self.stretches.chunks(2).map(Stretch::of).collect();
        }
    }

    /// Puts it into what is told of the run.
    pub(super) fn tell(mut self, found: &mut Value) {
        self.turn();
        let length = self.length.as_secs_f64();
        let classes: Map<String, Value> = Class::ALL
            .into_iter()
            .map(|class| {
                let of = class as usize;
                let answers: Map<String, Value> = Outcome::ALL
                    .into_iter()
                    .map(|outcome| {
                        (outcome.name().to_owned(), json!(self.outcomes[of][outcome as usize]))
                    })
                    .collect();
                let took = &self.all[of];
                let value = json!({
                    "answers": took.len(), "from": answers, "latency_ns": quantiles(took),
                });
                (class.name().to_owned(), value)
            })
            .collect();
        let rows: Vec<Value> = self.stretches.iter().map(Stretch::row).collect();
        found["classes"] = Value::Object(classes);
        found["timeline"] = json!({
            "seconds_each": length,
            "classes": Class::ALL.map(Class::name),
            "outcomes": Outcome::ALL.map(Outcome::name),
            "rows": rows,
        });
    }
}

impl Stretch {
    /// Stretches that follow each other, as one.
    fn of(parts: &[Self]) -> Self {
        let mut whole = Self::default();
        for part in parts {
            for of in 0..CLASSES {
                whole.answers[of] += part.answers[of];
                whole.p50[of] = whole.p50[of].max(part.p50[of]);
                whole.p99[of] = whole.p99[of].max(part.p99[of]);
            }
            for (sum, count) in whole.outcomes.iter_mut().zip(part.outcomes) {
                *sum += count;
            }
        }
        whole
    }

    fn row(&self) -> Value {
        json!([self.answers, self.outcomes, self.p50, self.p99])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_in_one_stretch_however_long_it_goes_on() {
        let hour_ago = Instant::now().checked_sub(Duration::from_hours(1)).unwrap();
        let mut timeline = Timeline::new(hour_ago);
        for _ in 0..10 {
            timeline.answered(Class::Item, Some(Outcome::L1), Duration::from_micros(30));
        }
        assert!(timeline.stretches.len() < STRETCHES);
        let mut found = json!({});
        timeline.tell(&mut found);
        assert_eq!(found["classes"]["item"]["answers"], 10);
        assert_eq!(found["classes"]["item"]["from"]["l1"], 10);
        let rows = found["timeline"]["rows"].as_array().unwrap();
        let sum: u64 = rows.iter().map(|row| row[0][Class::Item as usize].as_u64().unwrap()).sum();
        assert_eq!(sum, 10);
    }
}
