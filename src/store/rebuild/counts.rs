//! Numbers of movies, corrected.
//!
//! Counting takes long, and a writer must not wait for it. So it is done in a snapshot, which also says
//! what the counts are there. By how much they are off does not change afterwards, since every writer
//! adds what it does: the difference is added in a short transaction, by the holder of `*` like all
//! counts. The only one who changes it is another rebuild; it leaves a note.

use std::collections::BTreeMap;

use crate::domain::{clock::Moment, revision::Revision};

use super::super::{
    Store,
    db::{Purpose, Session},
    dialect::Dialect,
    error::StoreError,
    facet::{Count, Facet},
    sql::Sql,
    state::COUNTS_REBUILT,
    transaction::{self, CountChange},
    write::{End, Transaction},
};

impl Store {
    /// Corrects the counts, and bumps in the same transaction; gives how many were wrong, and the new
    /// revision.
    pub(super) async fn correct_counts(&self) -> Result<(u64, Revision), StoreError> {
        loop {
            let correct = self.count().await?;
            if let Some(revision) = self.transact(&correct).await? {
                return Ok((correct.by.len() as u64, revision));
            }
            tracing::info!("another rebuild has corrected the counts; counting again");
        }
    }

    async fn count(&self) -> Result<Correct, StoreError> {
        // Dropped within its transaction, this session's connection is not used again.
        let mut session = self.session(Purpose::Read).await?;
        session.lift_deadline().await?;
        session.for_maintenance().await?;
        session.begin_snapshot().await?;
        let rebuilt = rebuilt(&mut session).await?;
        let mut by: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for (sql, sign) in queries() {
            for row in session.rows(sql).await? {
                let of = (row.integer(0)?, row.integer(1)?);
                *by.entry(of).or_default() += sign * row.integer(2)?;
            }
        }
        let by = by
            .into_iter()
            .filter(|(_, by)| *by != 0)
            .map(|((facet, value), by)| (facet, value, by));
        Ok(Correct { by: by.collect(), rebuilt })
    }
}

/// What there is, and less what the counts say.
fn queries() -> impl Iterator<Item = (Sql, i64)> {
    let count = |count: Count, value: &str, rest: &str| {
        // MySQL's sessions bound reads; to the others the hint is a comment.
        let mut sql = Sql::new("SELECT /*+ MAX_EXECUTION_TIME(86400000) */ ");
        sql.push(&format!("{}, {value}, COUNT(*) FROM {rest}", count.code()));
        (sql, 1)
    };
    let column = move |of: Count, column: &str| {
        count(of, column, &format!("movies WHERE {column} IS NOT NULL GROUP BY {column}"))
    };
    let links = move |facet: Facet| {
        let (links, name) = (facet.links(), facet.column());
        Some(count(facet.count()?, name, &format!("{links} GROUP BY {name}")))
    };
    let stored = (Sql::new("SELECT facet, value, movies FROM facet_counts"), -1);
    let of_movies = [
        count(Count::All, "0", "movies"),
        column(Count::Year, "year"),
        column(Count::Tenths, "rating_tenths"),
    ];
    of_movies.into_iter().chain(Facet::ALL.into_iter().filter_map(links)).chain([stored])
}

/// The revision at which counts were last corrected.
async fn rebuilt(session: &mut Session) -> Result<Option<String>, StoreError> {
    let mut sql = Sql::new("SELECT value FROM catalog_state WHERE name = ");
    sql.bind(COUNTS_REBUILT);
    session.rows(sql).await?.first().map(|row| row.text(0)).transpose()
}

/// Corrections, unless counts were corrected since they were counted.
struct Correct {
    by: Vec<CountChange>,
    rebuilt: Option<String>,
}

impl Transaction for Correct {
    type Value = Option<Revision>;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<Option<Revision>>, StoreError> {
        let revision = transaction::bump(session, dialect).await?; // holds `*` from here on
        if rebuilt(session).await? != self.rebuilt {
            return Ok(End::RollBack(None));
        }
        transaction::change_counts(session, dialect, &self.by).await?;
        let mut sql = Sql::new("INSERT INTO catalog_state (name, value) VALUES (");
        sql.bind(COUNTS_REBUILT).push(", ").bind(revision.to_string()).push(")");
        sql.push(&dialect.or_set("name", "value"));
        session.run(sql).await?;
        Ok(End::Commit(Some(revision)))
    }
}
