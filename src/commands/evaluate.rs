//! `marquee evaluate`: how good recommendations are, on a file of interactions.
//!
//! Exits with 64 for arguments that make no sense, 65 for a file that makes none or has too little in it, 66 for
//! one that cannot be opened, 74 where it broke off.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{exit::Exit, output};
use crate::{
    exchange::source::{Encoding, Source},
    learn::{
        error::LearnError,
        evaluate::{self, Bootstrap, Outcome, Protocol, report},
        interactions::Interactions,
        parameters::Options,
        read,
    },
    telemetry::in_one_line,
};

/// Arguments of `marquee evaluate`.
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// The file, `-` for standard input: CSV of user, item, value and time, or as a header names them, or
    /// `user::item::value::time`; plain, gzip or Zstandard. Lines of equal time count as being in order.
    #[arg(value_name = "FILE")]
    input: String,

    /// Leave out users with fewer items, then items with fewer users, then users again.
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    minimum: usize,

    /// Write a page with the figures and plots.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Mebibytes that dense matrices may take. Items beyond those that fit are learnt sparsely.
    #[arg(long, value_name = "MEBIBYTES", default_value_t = 2_048)]
    memory: usize,

    /// Samples of users for the confidence intervals.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    resamples: usize,

    /// What the samples follow from: the same number gives the same intervals.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(arguments: &EvaluateArgs) -> anyhow::Result<Exit> {
    let progress = Arc::default();
    let source = match Source::open(&arguments.input, Encoding::Utf8, &progress) {
        Ok(source) => source,
        Err(error) => {
            output::complain(in_one_line(&error));
            return Ok(Exit::NoInput);
        }
    };
    match judge(source, arguments) {
        Ok(outcomes) => {
            let tables: Vec<String> = outcomes.iter().map(report::table).collect();
            if let Some(path) = &arguments.report {
                let page = report::page(&arguments.input, &outcomes);
                fs::write(path, page)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            output::print(tables.join("\n"))?;
            Ok(Exit::Ok)
        }
        Err(error) => {
            output::complain(format_args!("{}: {}", arguments.input, in_one_line(&error)));
            Ok(Exit::of_learning(&error))
        }
    }
}

fn judge(source: Source, arguments: &EvaluateArgs) -> Result<Vec<Outcome>, LearnError> {
    let rows = read::interactions(source.input).collect::<Result<Vec<_>, _>>()?;
    let data = Interactions::with_minimum(rows, arguments.minimum);
    let options =
        Options { memory_bytes: arguments.memory.saturating_mul(1 << 20), ..Options::default() };
    let bootstrap = Bootstrap { resamples: arguments.resamples, seed: arguments.seed };
    // Draws nothing unless standard error is a terminal.
    let bar =
        ProgressBar::with_draw_target(Some(2 * evaluate::STEPS), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} % {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_secs(1));
    let mut outcomes = Vec::new();
    for (number, protocol) in (0..).zip([Protocol::LeaveLastOut, Protocol::SplitInTime]) {
        bar.set_position(number * evaluate::STEPS);
        let outcome = evaluate::run(&data, protocol, &options, bootstrap, &|| bar.inc(1));
        match outcome {
            Ok(outcome) => outcomes.extend(outcome),
            // Everybody may have come after the instant; the first protocol still has something to say.
            Err(LearnError::TooFew(_)) if !outcomes.is_empty() => {}
            Err(error) => {
                bar.finish_and_clear();
                return Err(error);
            }
        }
    }
    bar.finish_and_clear();
    Ok(outcomes)
}
