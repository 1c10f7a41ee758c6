//! Bringing the schema up to date.

use std::time::Duration;

use sqlx::{Connection as _, MySqlConnection, migrate::Migrator};
use tokio::time::timeout;

use super::{Store, error::StoreError, pools::Pools};

/// How long connecting may take. Migrations themselves take as long as they take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

static MYSQL: Migrator = sqlx::migrate!("migrations/mysql");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

impl Store {
    /// Brings the schema up to date. Safe to call from several replicas at once: `MySQL`'s takes a
    /// named lock, and each of `SQLite`'s migrations is a transaction of the one writer.
    ///
    /// # Errors
    /// [`StoreError::Migrate`]; [`StoreError`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.db.pools {
            Pools::MySql { pool, .. } => {
                // Not from the pool: its sessions bound how long a statement may run.
                let options = pool.connect_options();
                let connect = timeout(CONNECT_TIMEOUT, MySqlConnection::connect_with(&options));
                let connected =
                    connect.await.map_err(|_| StoreError::Unanswered(CONNECT_TIMEOUT))?;
                let mut connection = connected.map_err(StoreError::Unavailable)?;
                MYSQL.run(&mut connection).await?;
                connection.close().await.map_err(StoreError::Unavailable)?;
            }
            Pools::Sqlite { write, .. } => SQLITE.run(write).await?,
        }
        self.settle_epoch().await?;
        self.restore_abandoned_indexes().await?;
        self.refresh_statistics().await
    }
}
