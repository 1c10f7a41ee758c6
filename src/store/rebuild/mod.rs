//! What is derived from movies, made anew after someone changed movies by hand.
//!
//! First links of movies that are gone are removed, so that no movie that comes later inherits them;
//! then each movie is compared with what is derived from it, and repaired where that is wrong; then the
//! counts are corrected, and every reader is told. What is right is only read: nothing is locked for it.
//!
//! **Invariant:** other writers go on at any time, and each of them leaves right what it touches. So
//! what a walk has passed stays right, and a walk that was cut short is run again from the beginning.

mod counts;
mod derived;
mod orphans;
mod stored;

use std::time::{Duration, Instant};

use crate::domain::revision::Revision;

use super::{Store, error::StoreError, facet::Facet};

/// Movies that one transaction repairs, or removes links of.
const CHUNK: usize = 500;
/// The longest pause after one.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// What a rebuild has done, so far or in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Movies that were compared with what is derived from them.
    pub movies: u64,
    /// Those of them whose derived columns or links were wrong, and are right now.
    pub repaired: u64,
    /// Those that make no sense, and were left as they are.
    pub bad: u64,
    /// Links that belonged to no movie.
    pub links_removed: u64,
    /// Numbers of movies that were wrong.
    pub counts_corrected: u64,
    /// The revision that tells readers of it.
    pub revision: Revision,
}

/// What a rebuild tells on its way.
#[derive(Debug)]
pub enum News<'a> {
    /// It has come this far.
    Progress(&'a Rebuilt),
    /// A movie makes no sense: its id, the column, and why.
    Bad(&'a StoreError),
}

impl Store {
    /// Makes anew what is derived from movies (columns, links, counts), and tells all readers as
    /// [`Store::bump`] does. It takes as long as reading the catalogue; each of its transactions is
    /// short. Dropping the future leaves what was repaired so far: run it again.
    ///
    /// # Errors
    /// As [`Store::write`]. A movie that makes no sense is no error.
    pub async fn rebuild(
        &self,
        tell: &mut (dyn FnMut(News<'_>) + Send),
    ) -> Result<Rebuilt, StoreError> {
        let mut rebuilt = Rebuilt::default();
        for facet in Facet::ALL {
            let mut after = i64::MIN;
            while let Some((last, gone)) = self.look_for_orphans(facet, after).await? {
                for chunk in gone.chunks(CHUNK) {
                    rebuilt.links_removed += self.remove_orphans(facet, chunk).await?;
                }
                tell(News::Progress(&rebuilt));
                after = last;
            }
        }
        let mut after = i64::MIN;
        while let Some(chunk) = self.look_at_movies(after).await? {
            rebuilt.movies += chunk.movies;
            let mut bad = chunk.bad;
            if !chunk.wrong.is_empty() {
                let since = Instant::now();
                let repaired = self.repair_movies(&chunk.wrong).await?;
                rebuilt.repaired += repaired.movies;
                bad.extend(repaired.bad);
                // SQLite's other writers poll for their turn: they get as much time as this one.
                tokio::time::sleep(since.elapsed().min(PAUSE_MAX)).await;
            }
            rebuilt.bad += bad.len() as u64;
            for error in &bad {
                tell(News::Bad(error));
            }
            tell(News::Progress(&rebuilt));
            after = chunk.last;
        }
        (rebuilt.counts_corrected, rebuilt.revision) = self.correct_counts().await?;
        Ok(rebuilt)
    }
}
