//! The bundled catalogue of real films, with which a new embedded database begins.

use std::{
    io::{self, Cursor},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::import::{self, End, Ids, ImportError, Summary, Watch, feed};
use crate::{
    exchange::{
        error::ExchangeError,
        plan::{Options, plan},
        rejects::Reject,
        source::{Encoding, Progress, Source},
    },
    store::{BundledCatalogue, Store},
};

/// JSON Lines in gzip; see `data/README.md` for where it comes from.
static CATALOGUE: &[u8] = include_bytes!("../../data/catalog.jsonl.gz");

/// Loads the bundled catalogue into a database to which nothing was ever written, or goes on where
/// an earlier load did not come to its end. `None` where there is nothing to do.
///
/// When `stop` is cancelled, or the process killed, the next call goes on.
///
/// # Errors
/// [`ImportError`].
pub async fn load(store: &Store, stop: &CancellationToken) -> Result<Option<Summary>, ImportError> {
    if store.bundled_catalogue().await.map_err(ImportError::Store)? == BundledCatalogue::Settled {
        return Ok(None);
    }
    let loading = store.set_bundled_catalogue(BundledCatalogue::Loading);
    loading.await.map_err(ImportError::Store)?;
    let progress = Arc::<Progress>::default();
    let file = "the bundled catalogue".into();
    let source = Source::new(file, Cursor::new(CATALOGUE), Encoding::Utf8, &progress)?;
    let feed = feed::files(plan(vec![source], &Options::default())?);
    let feed = feed.map_err(ImportError::Thread)?;
    match import::run(Some(store), feed, Ids::Ignored, stop, &mut Log).await {
        (_, End::Failed(error)) => Err(error),
        (summary, End::Stopped) => Ok(Some(summary)),
        (summary, End::Done) => {
            let loaded = super::collections::load_bundled(store).await;
            let collections = loaded.map_err(ImportError::Store)?;
            tracing::info!(collections, "the bundled collections were loaded");
            let settled = store.set_bundled_catalogue(BundledCatalogue::Settled);
            settled.await.map_err(ImportError::Store)?;
            Ok(Some(summary))
        }
    }
}

/// Tells the log what should not be: every row of the bundled catalogue is good.
struct Log;

impl Watch for Log {
    fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
        let Reject { line, reason, .. } = reject;
        tracing::warn!(line, reason, "a movie of the bundled catalogue was not taken");
        Ok(())
    }

    fn broken(&mut self, error: &ExchangeError) {
        tracing::error!(%error, "the bundled catalogue cannot be read");
    }

    fn progress(&mut self, _: &Summary) {}
}
