//! How connections are made, for the shared cache and for the bus.
//!
//! **Invariant:** nothing in here waits for longer than [`CONNECT_DEADLINE`].

use std::{fmt, num::NonZeroUsize, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo, RedisError, RedisResult,
    TlsCertificates, TlsMode,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClientBuilder, SentinelServerType},
};
use tokio::time::timeout;

use super::servers::{Host, Servers, Tls, Topology};

/// Longest time to get a connection that can be used. The Sentinels are asked, and then the server is
/// greeted; a first Sentinel that hangs costs a second alone.
pub(in crate::cache) const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// Longest time for one step of it, where the driver can be told.
const STEP_DEADLINE: Duration = Duration::from_secs(1);

/// How often the driver sends one command to a cluster again: a slot that has moved is asked for at its
/// new place, and once more for good measure.
const REDIRECTS: u32 = 2;

/// How a certificate begins in a PEM file. The driver takes a file without any for good, and then
/// trusts nobody.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Makes connections to the servers of one topology.
pub(in crate::cache) struct Connector(Kind);

enum Kind {
    Single(Box<Client>),
    Sentinel(Box<Sentinels>),
    /// The client of the whole, and a client of each known node.
    Cluster(Box<ClusterClient>, Vec<Client>),
}

struct Sentinels {
    addresses: Vec<ConnectionAddr>,
    servers: Servers,
    master: String,
}

/// A connection for commands, which its clones share.
#[derive(Clone)]
pub(in crate::cache) enum Connection {
    /// To one server.
    Server(MultiplexedConnection),
    /// To all nodes of a cluster.
    Cluster(ClusterConnection),
}

impl Connector {
    /// Checks what can be checked without I/O.
    pub(in crate::cache) fn new(servers: &Servers) -> RedisResult<Self> {
        if let Tls::Authority { pem } = &servers.tls
            && !pem.windows(CERTIFICATE.len()).any(|text| text == CERTIFICATE)
        {
            let what = "there is no certificate in the file of authorities";
            return Err((ErrorKind::InvalidClientConfig, what).into());
        }
        let node = |host: &Host| client(servers, address(host, &servers.tls));
        Ok(Self(match &servers.topology {
            Topology::Single(host) => Kind::Single(Box::new(node(host)?)),
            Topology::Unix(path) => {
                Kind::Single(Box::new(client(servers, ConnectionAddr::Unix(path.clone()))?))
            }
            Topology::Sentinel { sentinels, master } => {
                let addresses = sentinels.iter().map(|host| address(host, &servers.tls));
                let sentinels = Sentinels {
                    addresses: addresses.collect(),
                    servers: servers.clone(),
                    master: master.clone(),
                };
                sentinels.builder(Told::ToServers)?.build()?; // finds bad certificates
                Kind::Sentinel(Box::new(sentinels))
            }
            Topology::Cluster(nodes) => {
                let nodes = nodes.iter().map(node).collect::<RedisResult<Vec<_>>>()?;
                Kind::Cluster(Box::new(cluster(servers, &nodes)?), nodes)
            }
        }))
    }

    /// The server of which the operator knows the address, if there is only that one.
    pub(super) fn single(&self) -> Option<&Client> {
        match &self.0 {
            Kind::Single(client) => Some(client),
            Kind::Sentinel(_) | Kind::Cluster(..) => None,
        }
    }

    /// Whether one connection goes to several servers, of which one may be away alone.
    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self.0, Kind::Cluster(..))
    }

    /// A connection for commands on keys.
    pub(super) async fn connect(&self, config: &AsyncConnectionConfig) -> RedisResult<Connection> {
        in_time(async {
            Ok(match &self.0 {
                Kind::Single(client) => Connection::Server(
                    client.get_multiplexed_async_connection_with_config(config).await?,
                ),
                Kind::Sentinel(sentinels) => Connection::Server(
                    sentinels
                        .master()
                        .await?
                        .get_multiplexed_async_connection_with_config(config)
                        .await?,
                ),
                Kind::Cluster(client, _) => {
                    Connection::Cluster(client.get_async_connection().await?)
                }
            })
        })
        .await
    }

    /// A server that carries messages: the only one, the master, or any node of a cluster. `attempt`
    /// chooses among nodes.
    pub(in crate::cache) async fn carrier(&self, attempt: usize) -> RedisResult<Client> {
        match &self.0 {
            Kind::Single(client) => Ok(Client::clone(client)),
            Kind::Sentinel(sentinels) => in_time(sentinels.master()).await,
            Kind::Cluster(_, nodes) => match NonZeroUsize::new(nodes.len()) {
                Some(count) => Ok(nodes[attempt % count].clone()),
                None => Err((ErrorKind::InvalidClientConfig, "a cluster without nodes").into()),
            },
        }
    }
}

impl Sentinels {
    fn builder(&self, told: Told) -> RedisResult<SentinelClientBuilder> {
        let Servers { user, password, database, tls, .. } = &self.servers;
        let mut builder = SentinelClientBuilder::new(
            self.addresses.clone(),
            &self.master,
            SentinelServerType::Master,
        )?
        .set_client_to_redis_db(i64::from(*database))
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
        if let Some(user) = user {
            builder = builder.set_client_to_redis_username(user);
            if told == Told::ToSentinels {
                builder = builder.set_client_to_sentinel_username(user);
            }
        }
        if let Some(password) = password {
            builder = builder.set_client_to_redis_password(password.expose());
            if told == Told::ToSentinels {
                builder = builder.set_client_to_sentinel_password(password.expose());
            }
        }
        if *tls != Tls::Off {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = certificates(tls) {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        Ok(builder)
    }

    /// Asks who the master is. A new client each time: the driver's own keeps connections to Sentinels,
    /// and would wait for one that died.
    async fn master(&self) -> RedisResult<Client> {
        let asked = self.builder(Told::ToServers)?.build()?.async_get_client().await;
        match asked {
            // Sentinels that want a password refuse; those that have none refuse one.
            Err(refused) if self.servers.password.is_some() && !refused.is_io_error() => {
                let again = self.builder(Told::ToSentinels)?.build()?.async_get_client().await;
                again.map_err(|_| refused)
            }
            asked => asked,
        }
    }
}

/// To whom the password is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    ToServers,
    /// And to the Sentinels.
    ToSentinels,
}

/// What a connection of the shared cache is made with. Deadlines of operations are the caller's.
pub(super) fn config(in_flight: usize) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(STEP_DEADLINE))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(in_flight)
}

fn cluster(servers: &Servers, nodes: &[Client]) -> RedisResult<ClusterClient> {
    let nodes = nodes.iter().map(|node| node.get_connection_info().clone());
    let mut builder = ClusterClient::builder(nodes)
        .tcp_settings(tcp())
        .connection_timeout(STEP_DEADLINE)
        .response_timeout(STEP_DEADLINE)
        .overall_response_timeout(None)
        .retries(REDIRECTS)
        // The newer protocol tells the driver at once when a node went away.
        .use_protocol(ProtocolVersion::RESP3);
    if let Some(certificates) = certificates(&servers.tls) {
        builder = builder.certs(certificates);
    }
    builder.build()
}

fn client(servers: &Servers, address: ConnectionAddr) -> RedisResult<Client> {
    let mut settings = RedisConnectionInfo::default().set_db(i64::from(servers.database));
    if let Some(user) = &servers.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &servers.password {
        settings = settings.set_password(password.expose());
    }
    let info: ConnectionInfo = address.into_connection_info()?;
    let info = info.set_redis_settings(settings).set_tcp_settings(tcp());
    match certificates(&servers.tls) {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
}

fn address((host, port): &Host, tls: &Tls) -> ConnectionAddr {
    match tls {
        Tls::Off => ConnectionAddr::Tcp(host.clone(), *port),
        Tls::System | Tls::Authority { .. } => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
    }
}

fn certificates(tls: &Tls) -> Option<TlsCertificates> {
    match tls {
        Tls::Off | Tls::System => None,
        Tls::Authority { pem } => {
            Some(TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) })
        }
    }
}

/// Small commands are sent at once; the driver's default holds them back to fill packets.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

async fn in_time<T>(made: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(CONNECT_DEADLINE, made).await.unwrap_or_else(|_| Err(late("no connection in time")))
}

/// The error for what took too long.
pub(in crate::cache) fn late(what: &'static str) -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, what).into()
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Single(_) => "Connector(single)",
            Kind::Sentinel(_) => "Connector(sentinel)",
            Kind::Cluster(..) => "Connector(cluster)",
        })
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server(_) => "Connection(server)",
            Self::Cluster(_) => "Connection(cluster)",
        })
    }
}
