//! The counters as Prometheus' client library takes them.

use std::collections::HashMap;

use prometheus::{
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::{
    super::error::Kind,
    Requests,
    series::{BOUNDS, Pace},
};

const ANSWERS: (&str, &str, &[&str]) = (
    "marquee_http_requests_total",
    "Requests that were answered, by operation, status, and where the answer came from.",
    &["route", "status", "outcome"],
);
const DURATIONS: (&str, &str, &[&str]) = (
    "marquee_http_request_duration_seconds",
    "Seconds from a request's head to its answer's, by what had to be done for it.",
    &["kind"],
);
const IN_FLIGHT: (&str, &str, &[&str]) = (
    "marquee_http_requests_in_flight",
    "Requests under way; hits that are answered at once are none.",
    &[],
);
const ABANDONED: (&str, &str, &[&str]) = (
    "marquee_http_requests_abandoned_total",
    "Requests whose clients left before there was an answer.",
    &[],
);
const REFUSALS: (&str, &str, &[&str]) = (
    "marquee_http_refusals_total",
    "Requests that were answered with a problem, by its kind.",
    &["kind"],
);

/// Reads the counters when somebody asks.
#[derive(Debug)]
pub(super) struct Families {
    requests: Requests,
    descriptions: Vec<Desc>,
}

impl Families {
    pub(super) fn new(requests: Requests) -> Self {
        let description = |(name, help, labels): (&str, &str, &[&str])| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())
                .expect("names are valid")
        };
        let descriptions =
            [ANSWERS, DURATIONS, IN_FLIGHT, ABANDONED, REFUSALS].map(description).to_vec();
        Self { requests, descriptions }
    }
}

impl Collector for Families {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let series = &self.requests.0.series;
        let sums = self.requests.0.shards.sums();
        let answers = series.answers().map(|of| {
            let labels =
                [("outcome", of.outcome), ("route", of.route), ("status", &of.status)].map(label);
            counter(labels.to_vec(), sums[of.cell])
        });
        let durations = Pace::ALL.map(|pace| {
            let (buckets, sum) = series.histogram(pace);
            histogram(vec![label(("kind", pace.label()))], &sums[buckets], sums[sum])
        });
        let mut in_flight = Gauge::default();
        // Read at different instants: a request may seem to have ended before it began.
        in_flight.set_value(float(sums[series.begun()].saturating_sub(sums[series.ended()])));
        let refusals = Kind::ALL.iter().map(|kind| {
            let name = kind.uri().rsplit('/').next().unwrap_or_default();
            counter(vec![label(("kind", name))], sums[series.refusal(*kind)])
        });
        vec![
            family(ANSWERS, MetricType::COUNTER, answers.collect()),
            family(DURATIONS, MetricType::HISTOGRAM, durations.to_vec()),
            family(IN_FLIGHT, MetricType::GAUGE, vec![Metric::from_gauge(in_flight)]),
            family(
                ABANDONED,
                MetricType::COUNTER,
                vec![counter(Vec::new(), sums[series.abandoned()])],
            ),
            family(REFUSALS, MetricType::COUNTER, refusals.collect()),
        ]
    }
}

fn family(
    (name, help, _): (&str, &str, &[&str]),
    kind: MetricType,
    metrics: Vec<Metric>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn label((name, value): (&str, &str)) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn counter(labels: Vec<LabelPair>, value: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(float(value));
    let mut metric = Metric::from_label(labels);
    metric.set_counter(counter);
    metric
}

/// A histogram of what each bucket has by itself, and a sum in nanoseconds.
fn histogram(labels: Vec<LabelPair>, counts: &[u64], sum: u64) -> Metric {
    let mut so_far = 0;
    let mut buckets = Vec::with_capacity(counts.len());
    // The last is for what is above every bound: only the number of all has it.
    for (n, count) in counts.iter().enumerate() {
        so_far += count;
        if let Some(bound) = BOUNDS.get(n) {
            let mut bucket = Bucket::default();
            bucket.set_cumulative_count(so_far);
            bucket.set_upper_bound(float(*bound) / 1e9);
            buckets.push(bucket);
        }
    }
    let mut histogram = Histogram::default();
    histogram.set_sample_count(so_far);
    histogram.set_sample_sum(float(sum) / 1e9);
    histogram.set_bucket(buckets);
    let mut metric = Metric::from_label(labels);
    metric.set_histogram(histogram);
    metric
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are floats")]
const fn float(count: u64) -> f64 {
    count as f64
}
