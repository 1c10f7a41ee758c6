//! What is said while rows are imported: a bar on a terminal, else a line in the log now and then.

use std::{
    fmt, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::output;
use crate::{
    exchange::{
        error::ExchangeError,
        rejects::{Reject, RejectsFile},
        source::Progress,
    },
    service::import::{Summary, Watch},
    telemetry::in_one_line,
};

/// How often the log hears of an import.
const LOG_EVERY: Duration = Duration::from_secs(5);

const OF_BYTES: &str = "{bar:30} {percent:>3} % of {total_bytes}, {msg}, {eta} left";
const OF_UNKNOWN: &str = "{spinner} {bytes}, {msg}, {elapsed}";
const OF_ROWS: &str = "{bar:30} {percent:>3} % of {len} movies, {msg}, {eta} left";

/// Shows an import, and writes down its rejected rows.
#[derive(Debug)]
pub(super) struct Console {
    bar: ProgressBar,
    /// What the bar shows, if not the number of rows.
    bytes: Option<Arc<Progress>>,
    rejects: RejectsFile,
    logged: Instant,
}

impl Console {
    /// An import that is measured by what was read of its files.
    pub(super) fn of_bytes(rejects: PathBuf, progress: Arc<Progress>) -> Self {
        let total = progress.total();
        let template = if total.is_some() { OF_BYTES } else { OF_UNKNOWN };
        Self::new(rejects, total, template, Some(progress))
    }

    /// An import that is measured by its rows.
    pub(super) fn of_rows(rejects: PathBuf, rows: u64) -> Self {
        Self::new(rejects, Some(rows), OF_ROWS, None)
    }

    fn new(
        rejects: PathBuf,
        total: Option<u64>,
        template: &str,
        bytes: Option<Arc<Progress>>,
    ) -> Self {
        // Draws nothing unless standard error is a terminal.
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, bytes, rejects: RejectsFile::new(rejects), logged: Instant::now() }
    }

    /// Takes the bar away, and writes down the last rejected rows.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.rejects.flush()
    }

    /// What is printed in the end.
    pub(super) fn report<'a>(&'a self, summary: &'a Summary, dry_run: bool) -> impl fmt::Display {
        let Summary { read, created, updated, unchanged, rejected, .. } = *summary;
        let Summary { skipped, orphans, broken, elapsed, .. } = *summary;
        let mut lines = vec![("read", read.to_string())];
        if dry_run {
            lines.push(("good", (read - rejected).to_string()));
        } else {
            lines.push(("created", created.to_string()));
            lines.push(("updated", updated.to_string()));
            lines.push(("unchanged", unchanged.to_string()));
        }
        lines.push(("rejected", rejected.to_string()));
        for (name, count) in
            [("skipped", skipped), ("orphan genres", orphans), ("broken files", broken)]
        {
            if count > 0 {
                lines.push((name, count.to_string()));
            }
        }
        lines.push(("seconds", format!("{:.2}", elapsed.as_secs_f64())));
        lines.push(("rows/s", format!("{:.0}", summary.rate())));
        if let Some(path) = self.rejects.path() {
            lines.push(("rejects", path.display().to_string()));
        }
        fmt::from_fn(move |f| {
            lines.iter().try_for_each(|(name, value)| writeln!(f, "{name:<14}{value}"))
        })
    }
}

impl Watch for Console {
    fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
        self.rejects.add(reject)
    }

    fn broken(&mut self, error: &ExchangeError) {
        self.bar.suspend(|| output::complain(in_one_line(error)));
    }

    fn progress(&mut self, summary: &Summary) {
        let Summary { read, created, updated, unchanged, rejected, skipped, .. } = *summary;
        if !self.bar.is_hidden() {
            self.bar.set_position(self.bytes.as_ref().map_or(read, |progress| progress.read()));
            let rate = summary.rate();
            let bad = if rejected > 0 { format!(", {rejected} rejected") } else { String::new() };
            self.bar.set_message(format!("{read} rows{bad}, {rate:.0}/s"));
        } else if self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            tracing::info!(read, created, updated, unchanged, rejected, skipped, "importing");
        }
    }
}
