//! The limit before simulated databases: it finds what they can do, and what they cannot.

use super::*;

/// Numbers that look random and are the same in each run (splitmix64).
struct Chance(u64);

impl Chance {
    /// From 0 to 1, neither of them.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let top = u32::try_from((z ^ (z >> 31)) >> 32).unwrap();
        (f64::from(top) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }

    /// A random time with this mean.
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.part().ln()
    }
}

/// How a database shares what it can do.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sharing {
    /// All operations go on, each more slowly.
    Processor,
    /// The first ones go on, the others wait.
    Queue,
}

/// A database that does `servers` seconds of work in a second, and those who ask it.
struct Simulation {
    limit: Limit,
    sharing: Sharing,
    servers: u32,
    /// Seconds of work of each kind of operation, and how often it comes.
    kinds: Vec<(f64, f64)>,
    /// Operations a second that want in; those that cannot are shed.
    offered: f64,
    down: bool,
    now: f64,
    next: f64,
    running: Vec<Running>,
    chance: Chance,
    done: u32,
}

struct Running {
    left: f64,
    began: f64,
    in_flight: usize,
}

fn tick(seconds: f64) -> Tick {
    Tick::START.after(Duration::from_secs_f64(seconds + 1.0))
}

const BOUNDS: Bounds = Bounds { floor: 2, ceiling: 80, tolerance: 2.0 };

impl Simulation {
    fn new(servers: u32, kinds: &[(f64, f64)]) -> Self {
        Self {
            limit: Limit::new(BOUNDS, tick(0.0)),
            sharing: Sharing::Processor,
            servers,
            kinds: kinds.to_vec(),
            offered: f64::INFINITY,
            down: false,
            now: 0.0,
            next: 0.0,
            running: Vec::new(),
            chance: Chance(20_261_124),
            done: 0,
        }
        .overloaded(3.0)
    }

    /// What is offered, as a multiple of what can be done.
    fn overloaded(mut self, times: f64) -> Self {
        self.offered = times * self.capacity();
        self
    }

    /// Operations a second.
    fn capacity(&self) -> f64 {
        let work: f64 = self.kinds.iter().map(|(work, share)| work * share).sum();
        f64::from(self.servers) / work
    }

    fn work(&mut self) -> f64 {
        let mut part = self.chance.part();
        let mut mean = self.kinds[0].0;
        for (work, share) in &self.kinds {
            if part < *share {
                mean = *work;
                break;
            }
            part -= share;
        }
        self.chance.exponential(mean)
    }

    /// Goes on for some seconds; gives operations done a second and the mean limit.
    fn run(&mut self, seconds: f64) -> (f64, f64) {
        let (end, before) = (self.now + seconds, self.done);
        let (mut limits, mut count) = (0.0, 0.0);
        while self.now < end {
            let at_work = match self.sharing {
                Sharing::Processor => self.running.len(),
                Sharing::Queue => self.running.len().min(self.servers as usize),
            };
            let beside = f64::from(u32::try_from(at_work.max(1)).unwrap());
            let speed = (f64::from(self.servers) / beside).min(1.0);
            let first = self.running[..at_work]
                .iter()
                .enumerate()
                .min_by(|a, b| a.1.left.total_cmp(&b.1.left))
                .map(|(n, running)| (n, running.left / speed));
            let until_next = self.next - self.now;
            match first {
                Some((n, after)) if after <= until_next => {
                    self.pass(after, speed, at_work);
                    let ended = self.running.remove(n);
                    let end = if self.down { End::Failed } else { End::Done };
                    self.done += u32::from(!self.down);
                    let (began, in_flight) = (tick(ended.began), ended.in_flight);
                    self.limit.ended(Sample { began, now: tick(self.now), in_flight, end });
                }
                _ => {
                    self.pass(until_next, speed, at_work);
                    self.next = self.now + self.chance.exponential(1.0 / self.offered);
                    if self.running.len() < self.limit.now() {
                        let left = if self.down { 0.25 } else { self.work() };
                        let in_flight = self.running.len() + 1;
                        self.running.push(Running { left, began: self.now, in_flight });
                    }
                }
            }
            limits += self.limit.most;
            count += 1.0;
        }
        (f64::from(self.done - before) / seconds, limits / count)
    }

    fn pass(&mut self, seconds: f64, speed: f64, at_work: usize) {
        self.now += seconds;
        for running in &mut self.running[..at_work] {
            running.left -= seconds * speed;
        }
    }
}

/// Operations that take the same, and operations of which a tenth takes sixty times as long.
const PLAIN: &[(f64, f64)] = &[(0.01, 1.0)];
const MIXED: &[(f64, f64)] = &[(0.002, 0.9), (0.12, 0.1)];

#[test]
fn before_any_database_nearly_all_that_it_can_do_gets_done_and_little_waits_there() {
    for sharing in [Sharing::Processor, Sharing::Queue] {
        for kinds in [PLAIN, MIXED] {
            for servers in [1, 4, 24] {
                let mut simulation = Simulation::new(servers, kinds);
                simulation.sharing = sharing;
                simulation.run(15.0);
                let (done, limit) = simulation.run(30.0);
                let part = done / simulation.capacity();
                let of = format!("{sharing:?} {kinds:?} {servers}: {part:.3} at {limit:.1}");
                assert!(part > 0.87, "{of}");
                assert!(limit < f64::from(servers).mul_add(3.0, 14.0), "{of}");
            }
        }
    }
}

#[test]
fn a_limit_that_began_in_an_overload_finds_its_way_down() {
    for (work, seconds) in [(0.01, 10.0), (0.1, 60.0)] {
        let mut simulation = Simulation::new(1, &[(work, 1.0)]);
        let (_, early) = simulation.run(0.1);
        simulation.run(seconds);
        let (_, late) = simulation.run(10.0);
        assert!(early > 12.0 && late < 10.0, "{work}: {early} {late}");
    }
}

#[test]
fn what_the_database_can_do_is_found_again_after_it_has_changed() {
    let mut simulation = Simulation::new(4, PLAIN);
    for servers in [4, 24, 2, 16] {
        simulation.servers = servers;
        simulation = simulation.overloaded(3.0);
        simulation.run(15.0);
        let (done, limit) = simulation.run(15.0);
        let part = done / simulation.capacity();
        assert!(part > 0.9, "{servers}: {part:.3} at {limit:.1}");
        assert!(limit < f64::from(servers).mul_add(3.0, 8.0), "{servers}: {limit}");
    }
}

#[test]
fn operations_that_become_ten_times_as_heavy_are_the_new_measure_soon() {
    let mut simulation = Simulation::new(8, PLAIN);
    simulation.run(20.0);
    simulation.kinds = vec![(0.1, 1.0)];
    simulation = simulation.overloaded(3.0);
    simulation.run(12.0);
    let (done, limit) = simulation.run(20.0);
    let part = done / simulation.capacity();
    assert!(part > 0.9, "{part:.3} at {limit:.1}");
}

#[test]
fn noise_does_not_pull_a_limit_down_in_the_long_run() {
    let mut simulation = Simulation::new(8, &[(0.002, 0.95), (0.2, 0.05)]);
    simulation.run(20.0);
    for minute in 0..5 {
        let (done, limit) = simulation.run(60.0);
        let part = done / simulation.capacity();
        assert!(part > 0.9 && limit > 8.0, "{minute}: {part:.3} at {limit:.1}");
    }
}

#[test]
fn a_database_that_is_down_gets_few_and_is_found_up_again_within_seconds() {
    let mut simulation = Simulation::new(8, PLAIN);
    simulation.run(10.0);
    simulation.down = true;
    simulation.run(5.0);
    assert!(simulation.limit.most <= f64::from(BOUNDS.floor), "{}", simulation.limit.most);
    simulation.down = false;
    simulation.run(3.0);
    let (done, limit) = simulation.run(5.0);
    let part = done / simulation.capacity();
    assert!(part > 0.9, "{part:.3} at {limit:.1}");
}

#[test]
fn a_limit_that_nobody_needs_stays_as_it_is() {
    let mut simulation = Simulation::new(24, PLAIN).overloaded(0.1);
    let (_, early) = simulation.run(1.0);
    let (_, late) = simulation.run(30.0);
    assert!((late - early).abs() < 0.1, "{early} {late}");
}

#[test]
fn what_says_nothing_of_the_load_changes_nothing() {
    let mut limit = Limit::new(BOUNDS, tick(0.0));
    let before = limit.now();
    for n in 1..500 {
        let now = tick(f64::from(n) / 100.0);
        limit.ended(Sample { began: tick(0.0), now, in_flight: 20, end: End::Unmeasured });
    }
    assert_eq!(limit.now(), before);
}

#[test]
fn a_limit_is_at_least_one_and_within_its_bounds() {
    for (floor, ceiling) in [(0, 0), (5, 1), (4, 4), (2, 6), (1, 1000)] {
        let mut limit = Limit::new(Bounds { floor, ceiling, tolerance: 2.0 }, tick(0.0));
        for n in 1..1_000 {
            let end = if n < 500 { End::Done } else { End::Failed };
            let (began, now) = (tick(f64::from(n) / 100.0), tick(f64::from(n + 1) / 100.0));
            limit.ended(Sample { began, now, in_flight: limit.now(), end });
            // Also while it probes: what takes long would hold up everything else.
            let most = usize::try_from(ceiling.max(1)).unwrap();
            let least = usize::try_from(floor).unwrap().clamp(1, most);
            assert!((least..=most).contains(&limit.now()), "{floor} {ceiling}: {}", limit.now());
        }
    }
}
