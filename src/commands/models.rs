//! `marquee models`: which models there are, which one is in use, and going back to an older one.
//!
//! Exits with 65 where there is no such model, or it is in use and to be removed.

use std::fmt::Write as _;

use super::{exit::Exit, output};
use crate::{
    app,
    config::{StoreSettings, log::LogSettings},
    domain::{
        clock::{Clock, Moment},
        model::{ModelVersion, StoredModel, TrainingRun},
    },
    store::{Removed, Store, Used},
    telemetry::in_one_line,
};

/// Arguments of `marquee models`.
#[derive(Debug, clap::Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the models that are kept, and how the last scheduled training ended.
    List(Box<StoreSettings>),
    /// Have every replica recommend by a model.
    Use(Box<OneArgs>),
    /// Remove a model that is not in use.
    Remove(Box<OneArgs>),
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The model's version.
    #[arg(value_name = "VERSION", value_parser = version)]
    version: ModelVersion,
    /// Where the catalogue is kept.
    #[command(flatten)]
    settings: StoreSettings,
}

fn version(text: &str) -> Result<ModelVersion, &'static str> {
    text.parse().map_err(|()| "must be a whole number from 1 on")
}

impl ModelsArgs {
    const fn settings(&self) -> &StoreSettings {
        match &self.action {
            Action::List(settings) => settings,
            Action::Use(arguments) | Action::Remove(arguments) => &arguments.settings,
        }
    }

    pub(super) const fn log(&self) -> &LogSettings {
        &self.settings().log
    }
}

pub(super) async fn run(arguments: &ModelsArgs) -> anyhow::Result<Exit> {
    let clock = Clock::system();
    let store = app::open_store(&arguments.settings().database, clock.clone()).await?;
    let done = act(&arguments.action, &store, clock.now()).await;
    store.close().await;
    done
}

async fn act(action: &Action, store: &Store, now: Moment) -> anyhow::Result<Exit> {
    match action {
        Action::List(_) => {
            let (kept, last) = (store.kept_models().await?, store.training().await?);
            output::print(table(&kept.good))?;
            for bad in &kept.bad {
                output::complain(in_one_line(&bad.fault));
            }
            if let Some(last) = last {
                output::tell(told(&last, now));
            }
            Ok(Exit::Ok)
        }
        Action::Use(one) => Ok(match store.use_model(one.version).await? {
            Used::Done => {
                output::tell(format_args!("model {} is in use", one.version));
                Exit::Ok
            }
            Used::NotFound => no_such(one.version),
        }),
        Action::Remove(one) => Ok(match store.remove_model(one.version).await? {
            Removed::Done => {
                output::tell(format_args!("model {} is gone", one.version));
                Exit::Ok
            }
            Removed::NotFound => no_such(one.version),
            Removed::InUse => {
                output::complain(format_args!(
                    "model {} is in use: put another one in use first",
                    one.version
                ));
                Exit::Data
            }
        }),
    }
}

fn no_such(version: ModelVersion) -> Exit {
    output::complain(format_args!("there is no model {version}"));
    Exit::Data
}

/// Models as columns of text.
fn table(models: &[StoredModel]) -> String {
    let header = [
        "VERSION",
        "IN USE",
        "MADE",
        "USERS",
        "INTERACTIONS",
        "MOVIES",
        "HR@10",
        "NDCG@10",
        "BYTES",
    ];
    let mut lines = vec![header.map(str::to_owned)];
    for StoredModel { version, bytes, model, in_use, .. } in models {
        let figure = |figure: Option<f64>| figure.map_or("-".to_owned(), |f| format!("{f:.3}"));
        lines.push([
            version.to_string(),
            if *in_use { "yes" } else { "-" }.to_owned(),
            model.made_at.to_string(),
            model.made_from.users.to_string(),
            model.made_from.interactions.to_string(),
            model.made_from.items.to_string(),
            figure(model.validation.map(|figures| figures.hit_rate)),
            figure(model.validation.map(|figures| figures.gain)),
            bytes.to_string(),
        ]);
    }
    let widths: [usize; 9] =
        std::array::from_fn(|n| lines.iter().map(|line| line[n].len()).max().unwrap_or(0));
    lines.iter().fold(String::new(), |mut text, line| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end()); // cannot fail
        text
    })
}

/// The last scheduled training in a line.
fn told(last: &TrainingRun, now: Moment) -> String {
    let began = Moment::from_unix_ms(last.began_ms);
    match last.outcome {
        Some(outcome) => {
            format!("the last scheduled training began at {began}: {}", outcome.name())
        }
        None if last.goes_on(now) => format!("a training goes on since {began}"),
        None => format!("the training of {began} did not come to its end"),
    }
}
