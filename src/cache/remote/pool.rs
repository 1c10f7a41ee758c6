//! Where the shared cache's connections come from.
//!
//! A single server's are deadpool-redis's, which keeps their number. Its managers for Sentinel and
//! Cluster take neither an authority nor deadlines, so those connections are the driver's own; the
//! slots keep their number.

use deadpool_redis::Manager;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError, RedisResult};

use super::connect::{Connection, Connector, config};

/// Gives new connections.
#[derive(Debug)]
pub(super) struct Pool {
    connector: Connector,
    servers: Option<deadpool_redis::Pool>,
    config: Config,
}

/// The driver's settings, which have no `Debug`.
struct Config(AsyncConnectionConfig);

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Config")
    }
}

/// A connection, which is closed when this and the connection's clones are dropped. It never goes back
/// into the pool: there it would be asked whether it is alive, which is a round trip.
pub(super) struct Pooled {
    pub(super) connection: Connection,
    place: Option<deadpool_redis::Connection>,
}

impl Pool {
    /// A pool of up to `size` connections, on each of which up to `in_flight` commands wait.
    pub(super) fn new(connector: Connector, size: usize, in_flight: usize) -> RedisResult<Self> {
        let config = config(in_flight);
        let pool = |client: &redis::Client| {
            let info = client.get_connection_info().clone();
            let manager = Manager::new_with_config(info, config.clone())?;
            deadpool_redis::Pool::builder(manager).max_size(size).build().map_err(|error| {
                let what = "the pool cannot be made";
                RedisError::from((ErrorKind::InvalidClientConfig, what, error.to_string()))
            })
        };
        let servers = connector.single().map(pool).transpose()?;
        Ok(Self { connector, servers, config: Config(config) })
    }

    /// Whether one connection goes to several servers, of which one may be away alone.
    pub(super) const fn is_cluster(&self) -> bool {
        self.connector.is_cluster()
    }

    /// A new connection. The caller has a deadline.
    pub(super) async fn get(&self) -> RedisResult<Pooled> {
        let Some(servers) = &self.servers else {
            let connection = self.connector.connect(&self.config.0).await?;
            return Ok(Pooled { connection, place: None });
        };
        let place = servers.get().await.map_err(|error| match error {
            deadpool_redis::PoolError::Backend(error) => error,
            other => (ErrorKind::Io, "the pool has no connection", other.to_string()).into(),
        })?;
        Ok(Pooled { connection: Connection::Server((*place).clone()), place: Some(place) })
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            drop(deadpool_redis::Connection::take(place));
        }
    }
}
