//! What caches ask again and again: has anything changed, and what.
//!
//! **Invariant:** the truth itself is asked, never a copy of it, on a connection that no request uses:
//! a crowd of misses must not delay the news.

use crate::domain::{
    model::ModelVersion,
    revision::{Revision, Scope},
};

use super::{
    Store, activity,
    db::{Purpose, Session},
    dialect::Dialect,
    error::StoreError,
    keys, models,
    movies::revision,
    sql::{Row, Sql},
    state::{API_KEYS_VERSION, EPOCH, ERASURES, MODEL_IN_USE},
    transaction::touched_since,
};

/// The catalogue's revisions at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which life of the catalogue it is: another one after a restore.
    pub epoch: u64,
    /// The revision up to which everything is told.
    pub revision: Revision,
    /// The scopes that were touched since the revision that was asked about, each with its last
    /// revision, `*` among them. Empty if nothing was. Some of them may be beyond `revision`.
    pub scopes: Vec<(Scope, Revision)>,
    /// The version of the API keys: another number after each change to them, 0 before the first.
    pub keys: u64,
    /// The number of the last erasure of a user; 0 before the first.
    pub erasures: u64,
    /// The model that is to be used, if there is one.
    pub model: Option<ModelVersion>,
}

impl Store {
    /// What was touched since a revision.
    ///
    /// # Errors
    /// [`StoreError`]; after [`Options::watch_timeout`](super::Options::watch_timeout) at the latest
    /// for each of two statements.
    pub async fn watch(&self, since: Revision) -> Result<Seen, StoreError> {
        let seen = self.seen.get();
        let mut session = self.db.session(Purpose::Watch, self.options.watch_timeout).await?;
        let mut sql = Sql::new(
            "SELECT r.revision, s.value, k.value, e.value, m.value FROM catalog_revisions r ",
        );
        sql.push("LEFT JOIN catalog_state s ON s.name = ").bind(EPOCH);
        sql.push(" LEFT JOIN catalog_state k ON k.name = ").bind(API_KEYS_VERSION);
        sql.push(" LEFT JOIN catalog_state e ON e.name = ").bind(ERASURES);
        sql.push(" LEFT JOIN catalog_state m ON m.name = ").bind(MODEL_IN_USE);
        sql.push(" WHERE r.scope = '*'");
        let row = session.row(sql).await?;
        let (head, epoch) = (revision(&row)?, epoch(&row)?);
        self.seen.note(seen, head);
        let keys = keys::version_of(row.optional_text(2)?)?;
        let erasures = activity::erasures(row.optional_text(3)?)?;
        let model = models::in_use_of(row.optional_text(4)?)?;
        if head <= since {
            let scopes = Vec::new();
            return Ok(Seen { epoch, revision: head, scopes, keys, erasures, model });
        }
        let scopes = if since == Revision::ZERO {
            touched_ever(&mut session, self.db.dialect()).await?
        } else {
            touched_since(&mut session, since).await?
        };
        // Of what was written since the first statement the second one may have some and not what came before it
        // (`whole`): it is news, but not all of it.
        Ok(Seen { epoch, revision: head, scopes, keys, erasures, model })
    }
}

/// Every scope with its last revision. Those of movies are many, and few revisions were the last to touch one: they are
/// read as one row for each of those.
async fn touched_ever(
    session: &mut Session,
    dialect: Dialect,
) -> Result<Vec<(Scope, Revision)>, StoreError> {
    // First, with `*` among them: what is written in between is of a later revision than that.
    let sql = Sql::new(
        "SELECT revision, scope FROM catalog_revisions WHERE scope < 'i:' OR scope >= 'i;'",
    );
    let others = session.each_row(sql, |row| {
        let scope = row.text(1)?.parse().ok();
        scope.map(|scope| Ok((scope, revision(row)?))).transpose()
    });
    let mut touched: Vec<_> = others.await?.into_iter().flatten().collect();
    if dialect == Dialect::MySql {
        session.run(Sql::new("SET SESSION group_concat_max_len = 16777216")).await?;
    }
    let mut sql = Sql::new(
        "SELECT revision, COUNT(*), GROUP_CONCAT(SUBSTR(scope, 3)) FROM catalog_revisions ",
    );
    sql.push(&dialect.by_index("catalog_revisions_revision"));
    sql.push(" WHERE revision > 0 AND scope LIKE 'i:%' GROUP BY revision");
    for row in session.rows(sql).await? {
        let (at, buckets) = (revision(&row)?, row.text(2)?);
        let before = touched.len();
        touched.extend(
            buckets.split(',').filter_map(|bucket| Some((Scope::Item(bucket.parse().ok()?), at))),
        );
        if i64::try_from(touched.len() - before).ok() != Some(row.integer(1)?) {
            return touched_since(session, Revision::ZERO).await; // the server cut it
        }
    }
    Ok(touched)
}

/// The life of the catalogue, from the second column of a row.
pub(super) fn epoch(row: &Row) -> Result<u64, StoreError> {
    let text = row.optional_text(1)?.unwrap_or_default();
    u64::from_str_radix(&text, 16).map_err(|_| StoreError::BadRow {
        table: "catalog_state",
        column: "value",
        key: EPOCH.into(),
        detail: format!("{text:?} is not a hexadecimal number"),
    })
}
