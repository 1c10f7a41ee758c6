//! What is old goes: hours are folded into days, and days are deleted, in steps.

use crate::domain::{
    activity::{Day, Hour},
    clock::Moment,
};

use super::{
    super::{
        Store,
        db::{Purpose, Session},
        dialect::{Dialect, Merge},
        error::StoreError,
        sql::{Sql, Value},
        write::{End, Transaction},
    },
    batch::MOVIE_VIEWS,
    counted::{Clients, Counted, ROWS, SKETCH, Table, merge, sketch},
};

/// Days for which looks at movies are there by the hour: as far as trends look back, and a day for clocks.
const HOURLY_DAYS: i64 = 9;
/// Rows that one statement deletes, or a transaction folds.
const STEP: u32 = 1_000;
/// Steps of one round, so that a round ends.
const STEPS_MAX: u32 = 200;
/// How long a replica that writes no batches is remembered.
const WRITERS_KEPT_MS: i64 = 2 * 24 * 3_600_000;
/// Erasures are remembered for a day longer than an interaction may say that it was.
const ERASURES_KEPT_DAYS: i64 = 1;

const MOVIE_DAYS: Table = Table {
    name: "movie_days",
    key: &["day", "movie_id"],
    columns: &[("views", Merge::Add)],
    clients: Clients::None,
};
/// Tables whose rows go with their day, and a key of theirs that begins with it.
const BY_DAY: [(&str, &[&str]); 4] = [
    ("movie_days", &["day", "movie_id"]),
    ("collection_days", &["day", "slug"]),
    ("searches", &["day", "query_key"]),
    ("search_opened", &["day", "query_key", "movie_id"]),
];

struct Fold {
    before: Hour,
}

impl Transaction for Fold {
    /// How many rows it folded.
    type Value = usize;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<usize>, StoreError> {
        let name = MOVIE_VIEWS.name;
        let mut sql =
            Sql::new(format!("SELECT hour, movie_id, views, {} FROM {name}", SKETCH.join(", ")));
        sql.push(" WHERE hour < ").bind(self.before.get());
        sql.push(" ORDER BY hour, movie_id LIMIT ").bind(STEP).push(dialect.for_update());
        let rows = session.rows(sql).await?;
        let mut days = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in &rows {
            let (hour, movie) = (row.integer(0)?, row.integer(1)?);
            last = Some((hour, movie));
            let day = Day::of(Hour::new(hour).begins());
            days.push(Counted {
                key: vec![day.get().into(), movie.into()],
                values: vec![row.integer(2)?.into()],
                clients: sketch(row, 3)?,
            });
        }
        let Some((hour, movie)) = last else { return Ok(End::RollBack(0)) };
        // A movie of several hours must not be twice in one statement.
        for rows in days.chunk_by(|a, b| number(&a.key[1]) < number(&b.key[1])) {
            merge(session, dialect, &MOVIE_DAYS, rows).await?;
        }
        let mut sql = Sql::new(format!("DELETE FROM {name} WHERE hour < "));
        sql.bind(hour)
            .push(" OR (hour = ")
            .bind(hour)
            .push(" AND movie_id <= ")
            .bind(movie)
            .push(")");
        session.run(sql).await?;
        Ok(End::Commit(rows.len()))
    }
}

const fn number(value: &Value) -> Option<i64> {
    if let Value::Integer(number) = value { *number } else { None }
}

impl Store {
    /// Folds looks at movies into days, and deletes what is older than `kept_days`: a bounded part of it
    /// at a time. Gives whether there may be more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_activity(&self, kept_days: i64) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let today = Day::of(now);
        let oldest = today.before(kept_days);
        let mut steps = STEPS_MAX;
        let fold = Fold { before: today.before(HOURLY_DAYS.min(kept_days)).first_hour() };
        while self.transact(&fold).await? >= STEP as usize {
            steps -= 1;
            if steps == 0 {
                return Ok(true);
            }
        }
        for (table, key) in BY_DAY {
            while self.delete_day_rows(table, key, oldest).await? >= u64::from(STEP) {
                steps -= 1;
                if steps == 0 {
                    return Ok(true);
                }
            }
        }
        while self.delete_old_interactions(oldest).await? >= ROWS {
            steps -= 1;
            if steps == 0 {
                return Ok(true);
            }
        }
        let mut session = self.session(Purpose::Write).await?;
        let mut sql = Sql::new("DELETE FROM activity_writers WHERE seen_at < ");
        sql.bind(now.unix_ms() - WRITERS_KEPT_MS);
        session.run(sql).await?;
        let mut sql = Sql::new("DELETE FROM activity_salts WHERE day < ");
        sql.bind(today.get());
        session.run(sql).await?;
        let mut sql = Sql::new("DELETE FROM erased_users WHERE erased_at < ");
        sql.bind(oldest.before(ERASURES_KEPT_DAYS).first_hour().begins().unix_ms());
        session.run(sql).await?;
        Ok(false)
    }

    /// Deletes the first rows of a table that are of days before one.
    async fn delete_day_rows(
        &self,
        table: &str,
        key: &[&str],
        oldest: Day,
    ) -> Result<u64, StoreError> {
        let mut session = self.session(Purpose::Write).await?;
        let columns = key.join(", ");
        // The last row of the step, by which it is a range of the key.
        let mut sql = Sql::new(format!("SELECT day FROM {table} WHERE day < "));
        sql.bind(oldest.get()).push(&format!(" ORDER BY {columns} LIMIT 1"));
        let Some(day) = session.rows(sql).await?.first().map(|row| row.integer(0)).transpose()?
        else {
            return Ok(0);
        };
        let id = key[1];
        let mut sql = Sql::new(format!("SELECT {id} FROM {table} WHERE day = "));
        sql.bind(day).push(&format!(" ORDER BY {columns} LIMIT 1 OFFSET ")).bind(STEP);
        let rows = session.rows(sql).await?;
        let mut sql = Sql::new(format!("DELETE FROM {table} WHERE day = "));
        sql.bind(day);
        if let Some(row) = rows.first() {
            sql.push(&format!(" AND {id} <= "));
            match id {
                "movie_id" => sql.bind(row.integer(0)?),
                "slug" => sql.bind(row.text(0)?),
                _ => sql.bind(row.bytes(0)?),
            };
        }
        // The rows of one query may be more than a step; they are few all the same.
        session.run(sql).await?;
        Ok(u64::from(STEP))
    }

    async fn delete_old_interactions(&self, oldest: Day) -> Result<usize, StoreError> {
        let mut session = self.session(Purpose::Write).await?;
        let mut sql = Sql::new("SELECT event FROM interactions WHERE day < ");
        sql.bind(oldest.get()).push(" LIMIT ").bind(i64::try_from(ROWS).unwrap_or(i64::MAX));
        let mut events = Vec::with_capacity(ROWS);
        for row in session.rows(sql).await? {
            events.push(row.bytes(0)?);
        }
        let found = events.len();
        if found > 0 {
            let mut sql = Sql::new("DELETE FROM interactions WHERE event IN ");
            sql.bind_list(events);
            session.run(sql).await?;
        }
        Ok(found)
    }
}
