//! `marquee train`: a model from what people did, or from a file of interactions, put in use on every replica.
//!
//! Exits with 64 for arguments that make no sense, 65 where there is too little to learn from, the file makes no
//! sense, or what was made is no better than showing what is popular, 66 for a file that cannot be opened.

use std::{collections::HashMap, fmt::Write as _, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{exit::Exit, output, signals::Signals};
use crate::{
    app,
    config::{StoreSettings, learning::TrainingSettings, log::LogSettings},
    domain::{clock::Clock, model::ModelVersion, movie::ImdbId},
    exchange::source::{Encoding, Source},
    learn::{
        error::LearnError,
        interactions::{Interaction, Interactions},
        parameters::{self, Stop},
        read,
        train::VALIDATED_STEPS,
    },
    service::training::{Made, Material, Priority, TrainError, Trainer, from_interactions},
    store::Store,
    telemetry::in_one_line,
};

/// Arguments of `marquee train`.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// Learn from a file instead, `-` for standard input: CSV of user, item, value and time, with or without a
    /// header, or `user::item::value::time`; plain, gzip or Zstandard. Items are ids of movies, or IMDb's ids
    /// (`tt0032138`); those that are not in the catalogue are left out.
    #[arg(long, value_name = "FILE")]
    from: Option<String>,

    /// Items of the file that are plain numbers are IMDb's ids without `tt`.
    #[arg(long, requires = "from")]
    imdb_numbers: bool,

    /// With --from: leave out users with fewer movies, then movies with fewer users, then users again.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, requires = "from")]
    minimum: usize,

    /// Learn and say how good it is, and keep nothing.
    #[arg(long)]
    dry_run: bool,

    /// What a training may take.
    #[command(flatten)]
    training: TrainingSettings,

    /// Where the catalogue is kept.
    #[command(flatten)]
    settings: StoreSettings,
}

impl TrainArgs {
    pub(super) const fn log(&self) -> &LogSettings {
        &self.settings.log
    }
}

pub(super) async fn run(arguments: &TrainArgs) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let clock = Clock::system();
    let store = Arc::new(app::open_store(&arguments.settings.database, clock.clone()).await?);
    let stop = Stop::default();
    let trained = tokio::select! {
        trained = train_until_published(arguments, &store, &clock, &stop) => trained,
        received = signals.next() => {
            stop.stop();
            return Ok(Exit::Signal(received.number()));
        }
    };
    store.close().await;
    match trained {
        Ok(exit) => Ok(exit),
        Err(error) => match error.downcast_ref::<TrainError>() {
            Some(TrainError::Learn(cause)) => {
                output::complain(in_one_line(cause));
                Ok(Exit::of_learning(cause))
            }
            Some(TrainError::Worse(_) | TrainError::TooLarge(_)) => {
                output::complain(in_one_line(error.as_ref()));
                Ok(Exit::Data)
            }
            _ => Err(error),
        },
    }
}

/// Trains, and once more where somebody of whom the model was made was erased meanwhile.
async fn train_until_published(
    arguments: &TrainArgs,
    store: &Arc<Store>,
    clock: &Clock,
    stop: &Stop,
) -> anyhow::Result<Exit> {
    loop {
        let trained = train(arguments, store, clock.clone(), stop.clone()).await;
        let erased = trained.as_ref().err().and_then(|error| error.downcast_ref());
        match erased {
            Some(TrainError::Erased) => {
                output::tell(format_args!("{}: it is made again", TrainError::Erased));
            }
            _ => return trained,
        }
    }
}

async fn train(
    arguments: &TrainArgs,
    store: &Arc<Store>,
    clock: Clock,
    stop: Stop,
) -> anyhow::Result<Exit> {
    let threads = match usize::try_from(arguments.training.train_threads) {
        Ok(0) | Err(_) => parameters::Options::default().threads,
        Ok(threads) => threads,
    };
    let options = app::models::training_options(&arguments.training, threads);
    let trainer = Trainer::new(Arc::clone(store), clock, options);
    let material = match &arguments.from {
        None => trainer.material().await?,
        Some(file) => match from_file(arguments, file, store).await? {
            Ok(material) => material,
            Err(exit) => return Ok(exit),
        },
    };
    if material.left_out > 0 {
        let left_out = material.left_out;
        output::tell(format_args!(
            "{left_out} users are left out for want of memory (--train-memory)"
        ));
    }
    // Draws nothing unless standard error is a terminal.
    let bar = ProgressBar::with_draw_target(Some(VALIDATED_STEPS), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} % {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_secs(1));
    let shown = bar.clone();
    let made = trainer.learn(material, Priority::Usual, stop, move || shown.inc(1)).await;
    bar.finish_and_clear();
    let made = made?;
    let version = if arguments.dry_run { None } else { Some(trainer.publish(&made).await?) };
    output::print(report(&made, version))?;
    Ok(Exit::Ok)
}

/// What is printed in the end.
fn report(made: &Made, version: Option<ModelVersion>) -> String {
    let from = made.model.made_from;
    let mut lines = vec![
        ("model", version.map_or("not kept".to_owned(), |version| version.to_string())),
        ("sha256", made.model.checksum.to_string()),
        ("bytes", made.bytes.len().to_string()),
        ("users", from.users.to_string()),
        ("interactions", from.interactions.to_string()),
        ("movies", from.items.to_string()),
    ];
    match made.model.validation {
        None => lines.push(("validation", "too few users".to_owned())),
        Some(figures) => {
            let beside = |own: f64, popular: f64| format!("{own:.3}, popularity {popular:.3}");
            lines.push(("asked about", figures.users.to_string()));
            lines.push(("HR@10", beside(figures.hit_rate, figures.popular_hit_rate)));
            lines.push(("NDCG@10", beside(figures.gain, figures.popular_gain)));
        }
    }
    lines.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<14}{value}"); // cannot fail
        text
    })
}

/// What is learnt from a file, or the code to exit with.
async fn from_file(
    arguments: &TrainArgs,
    file: &str,
    store: &Store,
) -> anyhow::Result<Result<Material, Exit>> {
    let source = match Source::open(file, Encoding::Utf8, &Arc::default()) {
        Ok(source) => source,
        Err(error) => {
            output::complain(in_one_line(&error));
            return Ok(Err(Exit::NoInput));
        }
    };
    let rows = match read::interactions(source.input).collect::<Result<Vec<_>, LearnError>>() {
        Ok(rows) => rows,
        Err(error) => {
            output::complain(format_args!("{file}: {}", in_one_line(&error)));
            return Ok(Err(Exit::of_learning(&error)));
        }
    };
    let read = rows.len();
    let rows = in_catalogue(rows, arguments.imdb_numbers, store).await?;
    if rows.len() < read {
        let left_out = read - rows.len();
        output::tell(format_args!("{left_out} of {read} lines are of no movie of the catalogue"));
    }
    let interactions = Interactions::with_minimum(rows, arguments.minimum);
    Ok(Ok(from_interactions(store, interactions).await?))
}

/// The lines whose items are movies, with the movies' ids.
async fn in_catalogue(
    rows: Vec<Interaction>,
    imdb_numbers: bool,
    store: &Store,
) -> anyhow::Result<Vec<Interaction>> {
    let mut ids: HashMap<String, Option<String>> =
        rows.iter().map(|row| (row.item.clone(), None)).collect();
    let (mut imdb_ids, mut numbers) = (Vec::<(ImdbId, String)>::new(), Vec::new());
    for item in ids.keys() {
        let digits = item.bytes().all(|byte| byte.is_ascii_digit());
        let written = if imdb_numbers && digits { format!("tt{item:0>7}") } else { item.clone() };
        match (written.parse(), item.parse()) {
            (Ok(imdb_id), _) => imdb_ids.push((imdb_id, item.clone())),
            (Err(()), Ok(id)) => numbers.push(id),
            (Err(()), Err(())) => {}
        }
    }
    let asked: Vec<ImdbId> = imdb_ids.iter().map(|(imdb_id, _)| imdb_id.clone()).collect();
    let found: HashMap<ImdbId, String> = store
        .ids_of_imdb_ids(&asked)
        .await?
        .into_iter()
        .map(|(imdb_id, id)| (imdb_id, id.to_string()))
        .collect();
    for (imdb_id, item) in imdb_ids {
        ids.insert(item, found.get(&imdb_id).cloned());
    }
    for movie in store.whole_movies(&numbers).await? {
        let id = movie.id.to_string();
        ids.insert(id.clone(), Some(id));
    }
    let rows = rows.into_iter().filter_map(|row| {
        let item = ids.get(&row.item)?.clone()?;
        Some(Interaction { item, ..row })
    });
    Ok(rows.collect())
}
