//! `marquee bump`: for operators who changed the database by hand or restored it.
//!
//! With `--rebuild` it exits with 65 when movies make no sense; everything else is right then.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{exit::Exit, output};
use crate::{
    app,
    config::StoreSettings,
    domain::{clock::Clock, revision::Revision},
    store::{News, Rebuilt},
    telemetry::in_one_line,
};

/// Arguments of `marquee bump`.
#[derive(Debug, clap::Args)]
pub struct BumpArgs {
    /// First make anew what is derived from movies: sort keys, which movie is in which list, and
    /// totals. For who changed movies by hand. The service goes on meanwhile; what is cut short is
    /// run again.
    #[arg(long)]
    rebuild: bool,
    /// The database was restored from a backup: nothing that caches, the shared one included, have of
    /// its lost future may be taken for its new one.
    #[arg(long)]
    restored: bool,
    /// Where the catalogue is kept.
    #[command(flatten)]
    pub(super) settings: StoreSettings,
}

pub(super) async fn run(arguments: &BumpArgs) -> anyhow::Result<Exit> {
    let store = app::open_store(&arguments.settings.database, Clock::system()).await?;
    if arguments.restored {
        let seen = store.watch(Revision::ZERO).await.context("cannot read the epoch")?;
        store.replace_epoch(seen.epoch).await.context("cannot begin another epoch")?;
    }
    if !arguments.rebuild {
        let revision = store.bump().await.context("cannot raise the revision")?;
        store.close().await;
        output::print(format_args!("{revision}\n"))?;
        return Ok(Exit::Ok);
    }
    let mut console = Console::new();
    let rebuilt = store.rebuild(&mut |news| console.tell(&news)).await;
    console.bar.finish_and_clear();
    let rebuilt = rebuilt.context("cannot rebuild; run it again to go on")?;
    store.close().await;
    output::print(report(&rebuilt))?;
    Ok(if rebuilt.bad > 0 { Exit::Data } else { Exit::Ok })
}

/// What is printed in the end.
fn report(rebuilt: &Rebuilt) -> impl fmt::Display {
    let Rebuilt { movies, repaired, bad, links_removed, counts_corrected, revision } = *rebuilt;
    fmt::from_fn(move |f| {
        writeln!(f, "{:<18}{movies}", "movies")?;
        writeln!(f, "{:<18}{repaired}", "repaired")?;
        writeln!(f, "{:<18}{bad}", "bad")?;
        writeln!(f, "{:<18}{links_removed}", "links removed")?;
        writeln!(f, "{:<18}{counts_corrected}", "totals corrected")?;
        writeln!(f, "{:<18}{revision}", "revision")
    })
}

/// How often the log hears of a rebuild.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// Shows a rebuild: a line that moves on a terminal, else one in the log now and then.
struct Console {
    bar: ProgressBar,
    logged: Instant,
}

impl Console {
    fn new() -> Self {
        // Draws nothing unless standard error is a terminal.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
            bar.set_style(style);
        }
        Self { bar, logged: Instant::now() }
    }

    fn tell(&mut self, news: &News<'_>) {
        let Rebuilt { movies, repaired, bad, links_removed, .. } = match news {
            News::Progress(so_far) => **so_far,
            News::Bad(error) => return self.bar.suspend(|| output::complain(in_one_line(error))),
        };
        if !self.bar.is_hidden() {
            let message = format!(
                "{movies} movies, {repaired} repaired, {bad} bad, {links_removed} links removed"
            );
            self.bar.set_message(message);
            self.bar.tick();
        } else if self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            tracing::info!(movies, repaired, bad, links_removed, "rebuilding");
        }
    }
}
