//! Reading the change feed, and cutting off its old end.

use std::collections::BTreeSet;

use crate::domain::{
    change::{Change, ChangeKind},
    movie::{Movie, MovieId},
    revision::{AsOf, Revision},
};

use super::{
    Store,
    db::{Purpose, Session},
    error::StoreError,
    movies::{as_of, values},
    row::{self, Columns},
    sql::{Row, Sql},
    state,
    whole::Head,
    write::MUTATIONS_MAX,
};

/// Revisions deleted in one transaction when the feed is cut.
const CUT: i64 = 200;
/// Movies read in one statement.
const CHANGED: usize = 500;

impl Store {
    /// The changes after `since`, oldest first: whole revisions only, at most `limit` changes but at
    /// least one revision, if there is one.
    ///
    /// # Errors
    /// [`StoreError::ChangesGone`] where changes after `since` were deleted; [`StoreError`].
    pub async fn changes(
        &self,
        since: Revision,
        limit: u32,
    ) -> Result<AsOf<Vec<Change>>, StoreError> {
        let (whole, rows) = self.read_as_of(changes_sql(since, limit)).await?;
        let mut value = changes_of(&rows, since, limit)?;
        value.retain(|change| change.revision <= whole);
        Ok(AsOf { revision: whole, value })
    }

    /// The same with the movies that the changes are about, all of one moment.
    ///
    /// # Errors
    /// [`StoreError::ChangesGone`] where changes after `since` were deleted; [`StoreError`].
    pub async fn changed(&self, since: Revision, limit: u32) -> Result<Changed, StoreError> {
        let mut session = self.session(Purpose::Read).await?;
        session.lift_deadline().await?;
        let head = self.begin_whole(&mut session).await?;
        let changed = changed(&mut session, head, since, limit).await;
        session.roll_back().await;
        changed
    }

    /// Deletes the changes of revisions that are older than the newest `changes_kept`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn cut_changes(&self) -> Result<(), StoreError> {
        let text = "SELECT revision, (SELECT MIN(revision) FROM changes) FROM catalog_revisions WHERE scope = '*'";
        let row = self.read_row(Sql::new(text)).await?;
        let floor = row.integer(0)? - self.options.changes_kept;
        let Some(mut oldest) = row.optional_integer(1)?.filter(|oldest| *oldest <= floor) else {
            return Ok(());
        };
        // First nobody asks for them any more, then they go.
        self.set_state(state::CHANGES_FLOOR, &floor.to_string()).await?;
        while oldest <= floor {
            let end = floor.min(oldest + CUT);
            let mut sql = Sql::new("DELETE FROM changes WHERE revision <= ");
            sql.bind(end);
            self.session(Purpose::Write).await?.run(sql).await?;
            oldest = end + 1;
        }
        Ok(())
    }
}

/// Changes, with what the movies are that they are about.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The life of the catalogue.
    pub epoch: u64,
    /// Its last write. All changes are there where the last of them is of this revision.
    pub revision: Revision,
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// The movies that they are about, as they are at `revision`. Those that are gone are missing.
    pub movies: Vec<Movie>,
}

async fn changed(
    session: &mut Session,
    head: Head,
    since: Revision,
    limit: u32,
) -> Result<Changed, StoreError> {
    let (epoch, mut revision) = (head.epoch, head.last);
    if revision <= since {
        return Ok(Changed { epoch, revision, changes: Vec::new(), movies: Vec::new() });
    }
    let rows = session.rows(changes_sql(since, limit)).await?;
    let mut changes = changes_of(&rows, since, limit)?;
    changes.retain(|change| change.revision <= head.whole);
    if changes.is_empty() {
        revision = head.whole; // what came later may lack what came before it
    }
    let ids: BTreeSet<i64> =
        changes.iter().filter_map(|change| change.id).map(MovieId::get).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut movies = Vec::with_capacity(ids.len());
    for ids in ids.chunks(CHANGED) {
        let mut sql = Sql::new("SELECT ");
        sql.push(row::WHOLE).push(" FROM movies m WHERE m.id IN ");
        sql.bind_list(ids.iter().copied());
        for row in &session.rows(sql).await? {
            movies.extend(row::movie(row, 0, Columns::Whole)?);
        }
    }
    Ok(Changed { epoch, revision, changes, movies })
}

fn changes_sql(since: Revision, limit: u32) -> Sql {
    let most = limit.max(u32::try_from(MUTATIONS_MAX).unwrap_or(u32::MAX));
    let mut sql = as_of(
        "(SELECT value FROM catalog_state WHERE name = 'changes_floor'), c.revision, c.movie_id, c.kind",
    );
    sql.push("LEFT JOIN (SELECT revision, movie_id, kind FROM changes WHERE revision > ")
        .bind(since.get());
    sql.push(" ORDER BY revision, movie_id LIMIT ").bind(most + 1);
    sql.push(") c ON 1 = 1 WHERE r.scope = '*' ORDER BY c.revision, c.movie_id");
    sql
}

fn changes_of(rows: &[Row], since: Revision, limit: u32) -> Result<Vec<Change>, StoreError> {
    let floor = match rows.first() {
        Some(row) => {
            row.optional_text(1)?.and_then(|text| text.parse().ok()).and_then(Revision::new)
        }
        None => None,
    };
    if let Some(oldest) = floor.filter(|floor| since < *floor) {
        return Err(StoreError::ChangesGone { oldest });
    }
    let mut changes = values(rows, change)?;
    cut_to_whole_revisions(&mut changes, limit as usize);
    Ok(changes)
}

fn change(row: &Row) -> Result<Option<Change>, StoreError> {
    let Some(raw) = row.optional_integer(2)? else { return Ok(None) };
    let bad = |column, detail: &str| StoreError::BadRow {
        table: "changes",
        column,
        key: raw.to_string(),
        detail: detail.to_owned(),
    };
    let revision = Revision::new(raw).ok_or_else(|| bad("revision", "negative"))?;
    let kind: ChangeKind =
        row.text(4)?.parse().map_err(|()| bad("kind", "not a kind of change"))?;
    Ok(Some(Change { revision, id: MovieId::new(row.integer(3)?), kind }))
}

/// Leaves out a last revision that may not be whole, or that goes beyond the limit, unless it is the
/// only one.
fn cut_to_whole_revisions(changes: &mut Vec<Change>, limit: usize) {
    if changes.len() <= limit {
        return;
    }
    let beyond = changes[limit].revision;
    let whole = changes.partition_point(|change| change.revision < beyond);
    if whole > 0 {
        changes.truncate(whole);
        return;
    }
    let first = changes[0].revision;
    changes.truncate(changes.partition_point(|change| change.revision == first));
}

/// Deletes one batch of rows by time.
pub(super) async fn delete_before(
    session: &mut Session,
    table: &'static str,
    before_ms: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new("DELETE FROM ");
    sql.push(table).push(" WHERE created_at < ").bind(before_ms);
    Ok(session.run(sql).await?.rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(revisions: &[i64]) -> Vec<Change> {
        let change = |raw: &i64| {
            let revision = Revision::new(*raw).expect("not negative");
            Change { revision, id: MovieId::new(1), kind: ChangeKind::Updated }
        };
        revisions.iter().map(change).collect()
    }

    #[test]
    fn pages_of_the_feed_end_with_whole_revisions() {
        let cases: [(&[i64], usize, usize); 5] = [
            (&[1, 2, 3], 3, 3),
            (&[1, 2, 2, 3], 2, 1),
            (&[1, 1, 1, 2], 2, 3),
            (&[1, 1, 2, 2, 2], 4, 2),
            (&[], 5, 0),
        ];
        for (revisions, limit, kept) in cases {
            let mut page = changes(revisions);
            cut_to_whole_revisions(&mut page, limit);
            assert_eq!(page.len(), kept, "{revisions:?} with limit {limit}");
        }
    }
}
