//! How a replica that lives through a whole run fares: memory, descriptors, tasks, how fast it answers what
//! it has, and what an answer costs it. Whatever grows, leaks.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    load::Shared,
    replica::Replica,
    wire::{Repeat, Wire, get},
};

/// Between two samples.
const PAUSE: Duration = Duration::from_secs(3);
/// Reads of a sample. Their median is what a client waits, mostly for its turn on a machine that the run
/// keeps busy; the least is nearly the replica's own time.
const READS: usize = 21;
/// The part of a run in which caches and pools fill up: growth counts from its end on.
const WARMING: f64 = 0.2;
/// Fewer samples say nothing of growth: about eight minutes.
const ENOUGH: usize = 160;
/// Slopes are of so many samples at most, evenly spread: their pairs are many.
const SLOPED: usize = 400;

/// A replica's state at a moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    seconds: f64,
    /// Of [`Vital::ALL`]; what could not be had is not a number.
    values: [f64; Vital::ALL.len()],
}

/// What must stay flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vital {
    Memory,
    Descriptors,
    Tasks,
    Latency,
    LeastLatency,
    Cost,
}

impl Vital {
    const ALL: [Self; 6] = [
        Self::Memory,
        Self::Descriptors,
        Self::Tasks,
        Self::Latency,
        Self::LeastLatency,
        Self::Cost,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "resident_mib",
            Self::Descriptors => "descriptors",
            Self::Tasks => "tasks",
            Self::Latency => "hit_p50_us",
            Self::LeastLatency => "hit_least_us",
            Self::Cost => "cpu_us",
        }
    }

    /// By how much it may grow from the end of the warming to the end of the run, as a part of its median.
    /// Times are those of a machine that does other things, too.
    const fn growth_max(self) -> f64 {
        match self {
            Self::Memory | Self::Descriptors | Self::Tasks => 0.10,
            Self::Latency | Self::LeastLatency | Self::Cost => 0.25,
        }
    }
}

/// The samples of a run.
#[derive(Debug, Default)]
pub(crate) struct Vitals(Vec<Sample>);

impl Vitals {
    /// Samples a replica until the run ends.
    pub(crate) async fn watch(replica: &Replica, shared: &Shared) -> Self {
        let began = Instant::now();
        let (mut public, mut admin) = (Wire::new(replica.public), Wire::new(replica.admin));
        let mut samples = Vec::new();
        let mut before = None;
        while !shared.is_stopped() {
            let metrics = Metrics::of(&mut admin).await;
            let latency = latency_us(&mut public).await;
            let work = metrics.as_ref().and_then(Metrics::work);
            let values = [
                resident_mib(replica).unwrap_or(f64::NAN),
                descriptors(replica).unwrap_or(f64::NAN),
                metrics.and_then(|metrics| metrics.tasks()).unwrap_or(f64::NAN),
                latency.map_or(f64::NAN, |times| times[READS / 2]),
                latency.map_or(f64::NAN, |times| times[0]),
                work.zip(before)
                    .and_then(|(now, before)| now.cost_since(before))
                    .unwrap_or(f64::NAN),
            ];
            before = work;
            samples.push(Sample { seconds: began.elapsed().as_secs_f64(), values });
            sleep(PAUSE).await;
        }
        Self(samples)
    }

    /// What grew by more than it may, in words. A run that is too short says nothing.
    pub(crate) fn growing(&self) -> Vec<String> {
        if self.0.len() < ENOUGH {
            return Vec::new();
        }
        let grew = |vital: Vital| {
            let (growth, most) = (growth(&self.line(vital)), vital.growth_max());
            (growth > most).then(|| {
                let (name, growth, most) = (vital.name(), growth * 100.0, most * 100.0);
                format!(
                    "{name} grew by {growth:.1} % after the warming, and {most:.0} % are allowed"
                )
            })
        };
        Vital::ALL.into_iter().filter_map(grew).collect()
    }

    fn line(&self, vital: Vital) -> Vec<(f64, f64)> {
        let points = self.0.iter().map(|sample| (sample.seconds, sample.values[vital as usize]));
        points.filter(|(_, value)| value.is_finite()).collect()
    }

    /// Writes the samples as a table: seconds, and what each vital was.
    pub(crate) fn write(&self, file: &Path) -> std::io::Result<()> {
        let mut text = format!("seconds,{}\n", Vital::ALL.map(Vital::name).join(","));
        for Sample { seconds, values } in &self.0 {
            let cell =
                |value: &f64| if value.is_finite() { format!("{value:.1}") } else { String::new() };
            let cells: Vec<_> = values.iter().map(cell).collect();
            let _ = writeln!(text, "{seconds:.1},{}", cells.join(",")); // cannot fail
        }
        fs::write(file, text)
    }
}

/// By how much a line grows once it is warm, as a part of its median: by the median of the slopes of all
/// pairs of points (Theil and Sen), which the samples that a fault spoils do not move.
fn growth(points: &[(f64, f64)]) -> f64 {
    let Some(end) = points.last().map(|(seconds, _)| *seconds) else { return 0.0 };
    let warm: Vec<_> = points.iter().filter(|(seconds, _)| *seconds >= end * WARMING).collect();
    let warm: Vec<_> = warm.iter().step_by(warm.len().div_ceil(SLOPED).max(1)).collect();
    let slopes = warm.iter().enumerate().flat_map(|(n, one)| {
        let later = warm[n + 1..].iter().filter(|other| other.0 > one.0);
        later.map(|other| (other.1 - one.1) / (other.0 - one.0))
    });
    let slope = median(slopes.collect());
    let middle = median(warm.iter().map(|point| point.1).collect());
    if middle > 0.0 { slope * end * (1.0 - WARMING) / middle } else { 0.0 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn resident_mib(replica: &Replica) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", replica.process()?)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

fn descriptors(replica: &Replica) -> Option<f64> {
    let count = fs::read_dir(format!("/proc/{}/fd", replica.process()?)).ok()?.count();
    Some(f64::from(u32::try_from(count).ok()?))
}

/// What a replica's metrics say.
struct Metrics(String);

impl Metrics {
    async fn of(admin: &mut Wire) -> Option<Self> {
        let answer = admin.ask(&get("/metrics", &[]), Repeat::Safe).await.ok()?;
        Some(Self(String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// The values of a metric, whatever its labels.
    fn values(&self, name: &str) -> impl Iterator<Item = f64> {
        let rest = self.0.lines().filter_map(move |line| line.strip_prefix(name));
        let labelled = rest.filter(|rest| rest.starts_with([' ', '{']));
        labelled.filter_map(|rest| rest.rsplit_once(' ')?.1.parse().ok())
    }

    fn tasks(&self) -> Option<f64> {
        self.values("marquee_runtime_tasks").next()
    }

    fn work(&self) -> Option<Work> {
        let cpu_seconds = self.values("process_cpu_seconds_total").next()?;
        Some(Work { cpu_seconds, answers: self.values("marquee_http_requests_total").sum() })
    }
}

/// What a replica has done since its start.
#[derive(Clone, Copy)]
struct Work {
    cpu_seconds: f64,
    answers: f64,
}

impl Work {
    /// Microseconds of CPU for an answer, all that a replica does besides included.
    fn cost_since(self, before: Self) -> Option<f64> {
        let answers = self.answers - before.answers;
        // Fewer say what it costs to do nothing: the replica is cut off.
        (answers >= 100.0).then(|| (self.cpu_seconds - before.cpu_seconds) * 1e6 / answers)
    }
}

/// Microseconds of hits, the least first: that a movie is not there is kept, too, and no write of the run
/// touches this one.
async fn latency_us(public: &mut Wire) -> Option<[f64; READS]> {
    let request = get("/v1/movies/1000000000", &[]);
    let mut times = [0.0; READS];
    for time in &mut times {
        let since = Instant::now();
        public.ask(&request, Repeat::Safe).await.ok()?;
        *time = since.elapsed().as_secs_f64() * 1e6;
    }
    times.sort_by(f64::total_cmp);
    Some(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..1_200).map(|n| f64::from(n) * 3.0).map(|seconds| (seconds, value(seconds))).collect()
    }

    #[test]
    fn what_warms_up_and_stays_does_not_grow() {
        let grew = growth(&line(|seconds| 200.0 - 100.0 * (-seconds / 120.0).exp()));
        assert!(grew < 0.01, "{grew}");
    }

    #[test]
    fn a_slow_leak_grows_however_much_it_is_shaken() {
        let leak = line(|seconds| {
            let spoilt = seconds % 60.0 < 6.0;
            if spoilt { 900.0 } else { 200.0 + seconds / 60.0 + (seconds * 7.0).sin() * 10.0 }
        });
        let grew = growth(&leak);
        assert!((0.15..0.30).contains(&grew), "{grew}");
    }

    #[test]
    fn an_answer_costs_what_the_replica_worked_for_all_of_them() {
        let metrics = |cpu: u32, hits: u32| {
            let lines = [
                "# HELP marquee_http_requests_total Requests.".to_owned(),
                format!(r#"marquee_http_requests_total{{outcome="hit",route="get movie"}} {hits}"#),
                r#"marquee_http_requests_total{outcome="load",route="list"} 40"#.to_owned(),
                "marquee_http_requests_total_other 9".to_owned(),
                "marquee_runtime_tasks 12".to_owned(),
                format!("process_cpu_seconds_total {cpu}.5"),
            ];
            Metrics(lines.join("\n"))
        };
        assert_eq!(metrics(3, 100).tasks(), Some(12.0));
        let cost = |before: &Metrics, now: &Metrics| {
            now.work().unwrap().cost_since(before.work().unwrap())
        };
        assert_eq!(cost(&metrics(3, 100), &metrics(4, 20_100)), Some(50.0));
        assert_eq!(cost(&metrics(3, 100), &metrics(4, 199)), None, "it was cut off");
    }

    #[test]
    fn a_run_names_what_leaks_and_a_short_one_is_silent() {
        let sample = |n: u32| {
            let seconds = f64::from(n) * 3.0;
            Sample { seconds, values: [100.0, 40.0 + seconds / 30.0, 30.0, f64::NAN, 90.0, 50.0] }
        };
        let vitals = Vitals((0..1_200).map(sample).collect());
        let growing = vitals.growing();
        assert_eq!(growing.len(), 1, "{growing:?}");
        assert!(growing[0].starts_with("descriptors"), "{growing:?}");
        assert!(Vitals((0..20).map(sample).collect()).growing().is_empty());
    }
}
