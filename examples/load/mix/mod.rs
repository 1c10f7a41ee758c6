//! Requests as users make them, in turn with some writes, each answer checked.
//!
//! A target is drawn by Zipf's law from `--urls` single movies and lists; some ask whether what they have
//! is still good (`If-None-Match`), some for a revision at least (`Min-Catalog-Revision`); genres, searches
//! and suggestions come between. `--writes-per-million` of all requests change, create or delete a movie;
//! `--edits-per-cent` of the changes are of titles and genres, the others of votes.
//! Only this process may write while it runs: what it wrote is what it checks answers against (`check.rs`).

mod check;
mod class;
mod targets;
mod timeline;
mod writes;

use std::{
    cell::RefCell,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures_util::future::{join, join_all, try_join_all};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    http::Connection,
    pace::{Limit, Pace},
    random::Random,
    tally::Tally,
};

use self::{
    check::{Asked, Checker},
    class::Class,
    targets::{Targets, Words},
    timeline::Timeline,
    writes::{Write, Writes},
};

/// Of a million requests for movies and lists, those that have an answer and ask whether it is good.
const CONDITIONAL: u64 = 100_000;
/// And those that ask for a revision at least, once something was written.
const AT_LEAST: u64 = 2_000;
/// Of a million requests.
const GENRES: u64 = 20_000;
const SEARCHES: u64 = 30_000;
const SUGGESTIONS: u64 = 20_000;
/// How often a line tells how far it is, where standard error is no terminal.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What is asked, how often.
#[derive(Debug)]
pub(crate) struct Options {
    address: SocketAddr,
    /// A file of ids of movies, one a line: single movies are of these.
    ids: PathBuf,
    urls: usize,
    /// How many of the URLs are lists.
    lists: usize,
    exponent: f64,
    requests: u64,
    rate: Option<f64>,
    connections: usize,
    writes_per_million: u64,
    edits_per_cent: u64,
    seed: u64,
    /// Tells one run's choices from another's, while the URLs stay the same.
    leg: u64,
    /// How old what an answer lacks may be, and how old if it has the stale mark.
    bound: Duration,
    cap: Duration,
}

impl Options {
    pub(crate) fn read(arguments: &mut Arguments) -> anyhow::Result<Self> {
        let milliseconds =
            |given: Option<u64>, otherwise| given.map_or(otherwise, Duration::from_millis);
        let options = Self {
            address: arguments.address(),
            ids: arguments.one("--ids")?.context("--ids names a file of ids of movies")?,
            urls: arguments.one("--urls")?.unwrap_or(100_000),
            lists: arguments.one("--lists")?.unwrap_or(2_000),
            exponent: arguments.one("--exponent")?.unwrap_or(1.0),
            requests: arguments.one("--requests")?.unwrap_or(1_000_000),
            rate: arguments.one("--rate")?,
            connections: arguments.one("--connections")?.unwrap_or(64),
            writes_per_million: arguments.one("--writes-per-million")?.unwrap_or(1_000),
            edits_per_cent: arguments.one("--edits-per-cent")?.unwrap_or(0),
            seed: arguments.one("--seed")?.unwrap_or(1),
            leg: arguments.one("--leg")?.unwrap_or(0),
            bound: milliseconds(arguments.one("--bound-ms")?, Duration::from_secs(1)),
            cap: milliseconds(arguments.one("--cap-ms")?, Duration::from_mins(5)),
        };
        ensure!(options.connections > 0 && options.requests > 0, "there must be a request");
        ensure!(options.lists < options.urls, "there are fewer lists than URLs");
        Ok(options)
    }
}

/// What all connections share.
struct Run {
    options: Options,
    targets: Targets,
    words: Words,
    pace: Pace,
    checker: RefCell<Checker>,
    writes: RefCell<Writes>,
    timeline: RefCell<Timeline>,
    tally: RefCell<Tally>,
    bar: ProgressBar,
    told: RefCell<Instant>,
}

/// Runs; gives what was found, and whether every answer was as promised.
pub(crate) async fn run(options: Options) -> anyhow::Result<(Value, bool)> {
    let mut guide = Connection::new(options.address);
    let words = Words::of(&mut guide, options.seed).await?;
    let genres = targets::genres(&mut guide).await?;
    let text = std::fs::read_to_string(&options.ids).context("the ids cannot be read")?;
    let ids: Vec<u64> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
    let targets = Targets::new(&options, &genres, ids)?;
    let mut connections: Vec<_> =
        (0..options.connections).map(|_| Connection::new(options.address)).collect();
    try_join_all(connections.iter_mut().map(Connection::connect)).await?;
    let pace = Pace::new(options.rate, Limit::Requests(options.requests));
    let bar = ProgressBar::new(options.requests).with_style(ProgressStyle::with_template(
        "{bar:30} {human_pos} of {human_len}, {per_sec}, {eta} left; {msg}",
    )?);
    let run = Run {
        checker: RefCell::new(Checker::new(options.bound, options.cap, targets.len())),
        writes: RefCell::new(Writes::new(options.seed, options.leg, options.edits_per_cent)),
        timeline: RefCell::new(Timeline::new(pace.began())),
        tally: RefCell::new(Tally::new()),
        told: RefCell::new(pace.began()),
        options,
        targets,
        words,
        pace,
        bar,
    };
    let clients = connections.into_iter().zip(1..).map(|(connection, n)| run.client(connection, n));
    let (driven, _) = join(run.pace.drive(run.options.connections), join_all(clients)).await;
    driven?;
    run.bar.finish_and_clear();
    Ok(run.found())
}

impl Run {
    async fn client(&self, mut connection: Connection, n: u64) {
        let seed = self.options.seed.wrapping_mul(1_000_003).wrapping_add(self.options.leg);
        let mut random = Random::new(seed.wrapping_mul(10_007).wrapping_add(n));
        let mut request = Vec::with_capacity(512);
        while let Some(turn) = self.pace.turn().await {
            let write = random.per_million(self.options.writes_per_million);
            let write = if write { self.choose_write(&mut random) } else { None };
            if let Some(write) = write {
                self.write(&mut connection, &write, &mut request, turn.due).await;
            } else {
                let asked = self.choose(&mut random, &mut request);
                self.read(&mut connection, &request, &asked, turn.due).await;
            }
            self.tell(turn.number);
        }
    }

    /// Puts a request for something into `request`.
    fn choose(&self, random: &mut Random, request: &mut Vec<u8>) -> Asked {
        request.clear();
        let which = random.number() % 1_000_000;
        let other = |class| Asked { class, target: None, id: None, at_least: None, tag: None };
        let asked = if which < GENRES {
            self.targets.ask_for(request, "/v1/genres");
            other(Class::Genres)
        } else if which < GENRES + SEARCHES {
            self.targets.ask_for(request, self.words.search(random));
            other(Class::Search)
        } else if which < GENRES + SEARCHES + SUGGESTIONS {
            self.targets.ask_for(request, self.words.suggestion(random));
            other(Class::Suggest)
        } else {
            self.choose_target(random, request)
        };
        request.extend_from_slice(b"\r\n");
        asked
    }

    fn choose_target(&self, random: &mut Random, request: &mut Vec<u8>) -> Asked {
        let (rank, target) = self.targets.draw(random);
        request.extend_from_slice(&target.request);
        let class = if target.id.is_some() { Class::Item } else { Class::List };
        let (target, id) = (Some(rank), target.id);
        let mut asked = Asked { class, target, id, at_least: None, tag: None };
        let checker = self.checker.borrow();
        if random.per_million(CONDITIONAL)
            && let Some(tag) = checker.tag(rank)
        {
            asked.class = Class::Conditional;
            asked.tag = Some(tag.into());
            request.extend_from_slice(b"If-None-Match: ");
            request.extend_from_slice(tag);
            request.extend_from_slice(b"\r\n");
        } else if random.per_million(AT_LEAST)
            && let Some(revision) = checker.written()
        {
            asked.at_least = Some(revision);
            let line = format!("Min-Catalog-Revision: {revision}\r\n");
            request.extend_from_slice(line.as_bytes());
        }
        asked
    }

    async fn read(&self, connection: &mut Connection, request: &[u8], asked: &Asked, due: Instant) {
        let before = self.checker.borrow().before(asked.at_least, Instant::now());
        match connection.ask(request).await {
            Ok(answer) => {
                let took = due.elapsed();
                let outcome = class::Outcome::of(answer.cache_status);
                self.timeline.borrow_mut().answered(asked.class, Some(outcome), took);
                self.tally.borrow_mut().answered(took);
                let in_flight = asked.id.is_some_and(|id| self.writes.borrow().is_under_way(id));
                self.checker.borrow_mut().judge(asked, &before, &answer, in_flight);
            }
            Err(error) => self.failed(asked.class, &error.to_string()),
        }
    }

    /// A write, unless it is of a movie that is being written just now.
    fn choose_write(&self, random: &mut Random) -> Option<Write> {
        self.writes.borrow_mut().choose(|| self.targets.draw_movie(random))
    }

    async fn write(
        &self,
        connection: &mut Connection,
        write: &Write,
        request: &mut Vec<u8>,
        due: Instant,
    ) {
        request.clear();
        write.request(self.options.address, request);
        match connection.ask(request).await {
            Ok(answer) => {
                let took = due.elapsed();
                self.timeline.borrow_mut().answered(Class::Write, None, took);
                self.tally.borrow_mut().answered(took);
                self.checker.borrow_mut().judge_write(write, &answer);
                self.writes.borrow_mut().done(write, &answer);
            }
            Err(error) => {
                self.failed(Class::Write, &error.to_string());
                // Whether it was done is not known, so the movie is not written again.
            }
        }
    }

    fn failed(&self, class: Class, what: &str) {
        self.tally.borrow_mut().fault(format!("{}: {what}", class.name()));
    }

    /// Tells how far it is, now and then.
    fn tell(&self, number: u64) {
        if !number.is_multiple_of(1_000) {
            return;
        }
        self.bar.set_position(number);
        let bad = self.tally.borrow().failed() + self.checker.borrow().broken();
        self.bar.set_message(format!("{bad} bad"));
        let mut told = self.told.borrow_mut();
        if self.bar.is_hidden() && told.elapsed() > TELL_EVERY {
            *told = Instant::now();
            let (all, took) = (self.options.requests, self.pace.began().elapsed());
            eprintln!("load: {number} of {all} after {:.0} s, {bad} bad", took.as_secs_f64());
        }
    }

    fn found(self) -> (Value, bool) {
        let took = self.pace.began().elapsed();
        let (tally, checker) = (self.tally.into_inner(), self.checker.into_inner());
        let good = tally.failed() == 0 && checker.broken() == 0;
        let mut found = json!({
            "leg": self.options.leg,
            "rate": self.options.rate,
            "all": tally.found(took),
            "promises": checker.found(),
            "writes": self.writes.into_inner().found(),
        });
        self.timeline.into_inner().tell(&mut found);
        (found, good)
    }
}
