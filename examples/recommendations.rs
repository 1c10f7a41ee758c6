//! Measures what answers cost by the model of a database, on one core:
//! `cargo run --release --example recommendations -- DATABASE-URL`, after `marquee train`.
//!
//! `scored` is the model alone; `put together` is the whole of it but the writing of JSON: the history at hand,
//! scores, movies at hand, what was seen left out, rows that are not all the same, and their reasons.

#![expect(clippy::print_stdout, reason = "whoever starts it reads the figures")]
#![expect(clippy::cast_precision_loss, reason = "for people to read")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use marquee::{
    domain::{
        activity::{Interaction, Signal, UserId},
        clock::{Clock, Moment},
        movie::MovieId,
        recommend::Choice,
    },
    learn::gather::regards,
    service::{
        activity::{self, Activity},
        catalogue::Catalogue,
        models::{self, Models},
        recommend::{self, Recommender},
    },
    store::{ActivityBatch, EventKey, Options, Recorded, Store, WriterId},
};
use prometheus::Registry;
use tokio_util::task::TaskTracker;

const USERS: usize = 500;
/// Films of each user.
const HISTORY: usize = 15;
const ANSWERS: usize = 50_000;

fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).context("a database's address")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(url))
}

async fn measure(url: String) -> anyhow::Result<()> {
    let clock = Clock::system();
    let options = Options {
        url,
        connections: 4,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(30),
        watch_timeout: Duration::from_secs(5),
        changes_kept: 1_000_000,
    };
    let store = Arc::new(Store::open(options, clock.clone()).await?);
    store.migrate().await?;
    let (registry, tasks) = (Registry::new(), TaskTracker::new());
    let catalogue = Catalogue::alone(Arc::clone(&store), tasks.clone());
    let metrics = activity::Metrics::new(&registry);
    let options = activity::Options::default();
    let activity = Activity::new(Arc::clone(&store), clock.clone(), options, metrics, tasks);
    let metrics = Arc::new(models::Metrics::new(&registry));
    let models = Models::new(Arc::clone(catalogue.known()), metrics, 1 << 30);
    models.settle(&store).await?;
    let model = models.in_force().context("there is no model; `marquee train` makes one")?;
    println!("model {}: {} movies, {} bytes", model.stored.version, model.items(), model.bytes());

    let users = users(&store, clock.now()).await?;
    let histories: Vec<_> = users.iter().map(|(_, done)| regards(done)).collect();
    told("scored", ANSWERS, |n| model.recommend(&histories[n % USERS], 80).len());
    let ids: Vec<MovieId> =
        users.iter().flat_map(|(_, done)| done.iter().map(|d| d.movie)).collect();
    told("similar, scored", ANSWERS, |n| model.similar(ids[n % ids.len()], 20).len());

    let metrics = recommend::Metrics::new(&registry);
    let ttl = Duration::from_mins(10);
    let recommender = Recommender::new(catalogue, activity, models, metrics, ttl);
    let choice = Choice::from_pairs(Vec::new())?;
    for (user, _) in &users {
        recommender.recommend(&recommender.ground(Some(user)).await?, &choice).await?;
    }
    let (began, mut rows) = (Instant::now(), 0);
    for n in 0..ANSWERS {
        let ground = recommender.ground(Some(&users[n % USERS].0)).await?;
        rows += recommender.recommend(&ground, &choice).await?.rows.len();
    }
    let rate = ANSWERS as f64 / began.elapsed().as_secs_f64();
    println!("put together: {rate:.0} answers a second, {rows} rows");
    Ok(())
}

fn told(what: &str, count: usize, mut each: impl FnMut(usize) -> usize) {
    let (began, mut rows) = (Instant::now(), 0);
    for n in 0..count {
        rows += each(n);
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} answers a second, {rows} rows");
}

/// Users of this measurement, each with films from here and there. They stay in the database.
async fn users(store: &Store, now: Moment) -> anyhow::Result<Vec<(UserId, Vec<Interaction>)>> {
    let films = store.movies_by_id(None, 10_000).await?.value;
    let mut users = Vec::with_capacity(USERS);
    for n in 0..USERS {
        let user: UserId = format!("measured-{n}").parse().ok().context("a pseudonym")?;
        let of_step = |step: usize| Interaction {
            user: user.clone(),
            movie: films[(n * 37 + step * step * 11) % films.len()].id,
            signal: Signal::Watched,
            at: Moment::from_unix_ms(now.unix_ms() - 3_600_000 + i64::try_from(step).unwrap_or(0)),
        };
        let done: Vec<Interaction> = (0..HISTORY).map(of_step).collect();
        users.push((user, done));
    }
    let recorded = users.iter().flat_map(|(_, done)| done).map(|interaction| Recorded {
        interaction: interaction.clone(),
        event: EventKey::of(&[
            interaction.user.as_str().as_bytes(),
            &interaction.movie.get().to_le_bytes(),
        ]),
        erasures: u64::MAX >> 1,
        interest: None,
    });
    let batch = ActivityBatch {
        writer: WriterId::random()?,
        number: 1,
        views: Vec::new(),
        collections: Vec::new(),
        searches: Vec::new(),
        opened: Vec::new(),
        interactions: recorded.collect(),
    };
    store.store_activity(&batch).await?;
    Ok(users)
}
