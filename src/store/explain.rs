//! How a database says that it reads something.

use super::{Store, db::Purpose, dialect::Dialect, error::StoreError, sql::Sql};

impl Store {
    pub(super) async fn explain_sql(&self, sql: Sql) -> Result<Vec<String>, StoreError> {
        let dialect = self.db.dialect();
        let mut explain = Sql::new(match dialect {
            Dialect::MySql => "EXPLAIN FORMAT=TRADITIONAL ",
            Dialect::Sqlite => "EXPLAIN QUERY PLAN ",
        });
        explain.append(sql);
        let rows = self.session(Purpose::Read).await?.rows(explain).await?;
        rows.iter().map(|row| row.described(dialect)).collect()
    }
}
