//! Writing: transactions that are run again when another writer won.

use std::time::{Duration, Instant};

use crate::domain::{clock::Moment, revision::Revision};

use super::{
    Store,
    db::{Purpose, Session},
    dialect::Dialect,
    error::StoreError,
    mutation::{Mutation, Written},
    transaction,
};

/// Most mutations of one transaction, so that no revision has more changes than a page of the feed.
pub const MUTATIONS_MAX: usize = 1_000;

/// How often a transaction is tried before it is given up as contended.
const ATTEMPTS_MAX: u32 = 10;
/// For how long others may go on winning. Where an attempt itself waits, as for a file that another
/// process keeps locked, that many of them would keep the caller waiting for very long.
const CONTENDED_MAX: Duration = Duration::from_secs(2);
/// The longest pause before the second attempt; it doubles with each further one, up to
/// [`PAUSE_MAX`]. A random part of it is waited, so that rivals do not meet again.
const PAUSE_FIRST: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// A transaction that can be run again from its beginning.
pub(super) trait Transaction {
    /// What it gives.
    type Value;

    /// Runs it up to, but not including, its end.
    fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> impl Future<Output = Result<End<Self::Value>, StoreError>> + Send;
}

/// How a transaction is to end.
pub(super) enum End<T> {
    /// What it wrote is to stand.
    Commit(T),
    /// There is nothing to keep.
    RollBack(T),
}

struct Mutations<'a> {
    mutations: &'a [Mutation],
    known: Option<Revision>,
}

impl Transaction for Mutations<'_> {
    type Value = Written;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> Result<End<Written>, StoreError> {
        let written = transaction::write(session, dialect, self.mutations, self.known, now).await?;
        Ok(if written.revision.is_some() { End::Commit(written) } else { End::RollBack(written) })
    }
}

struct NewNames<'a>(&'a [Mutation]);

impl Transaction for NewNames<'_> {
    type Value = ();

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<()>, StoreError> {
        transaction::store_names_of(session, dialect, self.0).await?;
        Ok(End::Commit(()))
    }
}

struct Bump;

impl Transaction for Bump {
    type Value = Revision;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<Revision>, StoreError> {
        Ok(End::Commit(transaction::bump(session, dialect).await?))
    }
}

impl Store {
    /// Does mutations in one transaction: all of them, or none when one of them is not done. Of a
    /// caller who has `known` a revision, it reads what others have touched since.
    ///
    /// Contention (a deadlock, a lock that is not given, a busy file) rolls the transaction back and
    /// runs it again. Dropping the future leaves the transaction to be rolled back, unless its commit
    /// is under way.
    ///
    /// # Errors
    /// [`StoreError::Contended`] after ten attempts, or two seconds of them; [`StoreError::Unavailable`] and
    /// [`StoreError::TimedOut`], after which the transaction does not stand unless its commit was under
    /// way.
    ///
    /// # Panics
    /// For more than [`MUTATIONS_MAX`] mutations.
    pub async fn write(
        &self,
        mutations: &[Mutation],
        known: Option<Revision>,
    ) -> Result<Written, StoreError> {
        assert!(
            mutations.len() <= MUTATIONS_MAX,
            "a transaction has at most {MUTATIONS_MAX} mutations"
        );
        let written = self.transact(&Mutations { mutations, known }).await?;
        if let Some(revision) = written.revision {
            self.seen.note(Revision::ZERO, revision);
        }
        Ok(written)
    }

    /// The same for the rows of an import. Names that are new are stored before, in a transaction of their own:
    /// whoever else stores one of them waits for that one, and not for all that comes of the rows.
    ///
    /// # Errors
    /// As [`Store::write`]; names may then be stored that no movie has, which nobody sees.
    ///
    /// # Panics
    /// As [`Store::write`].
    pub async fn load(&self, mutations: &[Mutation]) -> Result<Written, StoreError> {
        if self.db.dialect() == Dialect::MySql {
            self.transact(&NewNames(mutations)).await?;
        }
        self.write(mutations, None).await
    }

    /// Tells all readers that the catalogue was changed by other means than writes: the scope that
    /// everything depends on gets a new revision, and the change feed a row that stands for everything.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn bump(&self) -> Result<Revision, StoreError> {
        self.transact(&Bump).await
    }

    /// Runs a transaction until no other writer wins against it.
    pub(super) async fn transact<T: Transaction>(
        &self,
        transaction: &T,
    ) -> Result<T::Value, StoreError> {
        let mut attempts = Attempts::default();
        loop {
            let mut session = self.begin(&mut attempts).await?;
            match transaction.run(&mut session, self.db.dialect(), self.clock.now()).await {
                Ok(End::Commit(value)) => match session.commit().await {
                    Ok(()) => return Ok(value),
                    Err(error) if !error.is_contention() => return Err(error),
                    Err(error) => attempts.lost(&mut session, error).await?,
                },
                Ok(End::RollBack(value)) => {
                    session.roll_back().await;
                    return Ok(value);
                }
                Err(error) if error.is_contention() => attempts.lost(&mut session, error).await?,
                Err(error) => {
                    session.roll_back().await;
                    return Err(error);
                }
            }
        }
    }

    /// Begins a transaction on a living connection.
    async fn begin(&self, attempts: &mut Attempts) -> Result<Session, StoreError> {
        let give_up = Instant::now() + super::DEAD_CONNECTIONS;
        loop {
            let mut session = self.session(Purpose::Write).await?;
            match session.begin().await {
                Ok(()) => return Ok(session),
                Err(error) if error.is_dead_connection() && Instant::now() < give_up => {
                    self.db.metrics.retried();
                }
                Err(error) if error.is_contention() => attempts.lost(&mut session, error).await?,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The attempts of one transaction that other writers won.
#[derive(Debug, Default)]
struct Attempts {
    lost: u32,
    /// When the first was lost.
    since: Option<Instant>,
}

impl Attempts {
    /// Notes that another writer won: rolls back and pauses, or gives up.
    async fn lost(&mut self, session: &mut Session, error: StoreError) -> Result<(), StoreError> {
        session.roll_back().await;
        let StoreError::Refused(last) = error else { return Err(error) };
        self.lost += 1;
        let since = self.since.get_or_insert_with(Instant::now);
        if self.lost >= ATTEMPTS_MAX || since.elapsed() >= CONTENDED_MAX {
            return Err(StoreError::Contended { attempts: self.lost, last });
        }
        session.metrics.retried();
        tracing::debug!(attempt = self.lost, error = %last, "another writer won; trying again");
        let most = PAUSE_FIRST.saturating_mul(1 << (self.lost - 1).min(16)).min(PAUSE_MAX);
        tokio::time::sleep(most.mul_f64(random_part())).await;
        Ok(())
    }
}

/// A random number from 0 to 1.
fn random_part() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(random) / f64::from(u32::MAX)
}
