//! The two listeners: what each serves, and within which bounds.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prometheus::Registry;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::AppError;
use crate::{
    config::{
        Settings,
        admin::AdminSettings,
        connections::ProxyProtocol,
        tls::TlsSettings,
        watching::{AccessLog, ClientsShown, Switch, WatchingSettings},
    },
    domain::clock::Clock,
    http::{
        access_log::{self, Clients, Queries, Scope},
        admin::Admin,
        api::{self, Api},
        cached::ReadCache,
        gate::Gate,
        observe::{self, Observer, ServerTiming},
        server::{
            self, Bound, Drained, Handler,
            metrics::Connections,
            tls::{Files, Tls, TlsMetrics},
        },
        services::Services,
    },
};

/// Connections of the admin listener: a few probes and scrapers, even when they hang.
const ADMIN_CONNECTIONS: usize = 64;

/// A listener and its task.
#[derive(Debug)]
pub(super) struct Listener {
    /// Its address, with the actual port.
    pub(super) address: SocketAddr,
    retiring: Arc<AtomicBool>,
    stop: CancellationToken,
    /// Ends when the listener was stopped.
    pub(super) ended: JoinHandle<Drained>,
}

impl Listener {
    pub(super) async fn public(
        settings: &Settings,
        api: Api,
        connections: Connections,
        tls: Option<Arc<Tls>>,
        end: &CancellationToken,
    ) -> Result<Self, AppError> {
        let options = server::Options { tls, connections, ..server_options(settings) };
        let backlog = settings.connections.listen_backlog;
        let mut bound = bind("--listen", settings.http.listen, backlog).await?;
        if let Some(path) = &settings.connections.listen_unix {
            bound = bound.and_unix(path, backlog).map_err(|source| AppError::ListenUnix {
                path: path.display().to_string(),
                source,
            })?;
            tracing::info!(path = %path.display(), "the catalogue is served on a Unix socket");
        }
        let listener = Self::start(bound, api, options, end);
        tracing::info!(address = %listener.address, "the catalogue is served");
        Ok(listener)
    }

    pub(super) async fn admin(
        settings: &AdminSettings,
        health: Admin,
        connections: Connections,
        end: &CancellationToken,
    ) -> Result<Self, AppError> {
        let options = server::Options {
            connections_max: ADMIN_CONNECTIONS,
            drain_timeout: Duration::ZERO,
            connections,
            ..server::Options::default()
        };
        let bound = bind("--admin-listen", settings.admin_listen, server::BACKLOG).await?;
        let listener = Self::start(bound, health, options, end);
        tracing::info!(address = %listener.address, "health checks are answered");
        Ok(listener)
    }

    fn start(
        bound: Bound,
        handler: impl Handler,
        options: server::Options,
        end: &CancellationToken,
    ) -> Self {
        let address = bound.address();
        let (stop, retiring) = (end.child_token(), Arc::clone(&options.retiring));
        let serving = bound.serve(Arc::new(handler), options, stop.clone());
        // Its own tracker, since it must end before the work that it began.
        let ended = TaskTracker::new().spawn(serving);
        Self { address, retiring, stop, ended }
    }

    /// Goes on, and lets each answer end its connection.
    pub(super) fn retire(&self) {
        self.retiring.store(true, Ordering::Relaxed);
    }

    /// Accepts no more clients and waits for those that are there, under the drain deadline.
    pub(super) async fn stop(self) -> Drained {
        self.stop.cancel();
        self.ended.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a listener failed");
            Drained::Aborted { connections: 0 }
        })
    }
}

/// The public listener's handler.
pub(super) fn api(
    settings: &Settings,
    services: Services,
    cache: ReadCache,
    gate: Gate,
    observer: Observer,
) -> Api {
    Api::new(services, cache, gate, observer, api_options(settings))
}

/// Who watches the public listener's requests.
pub(super) fn observer(registry: &Registry, settings: &WatchingSettings) -> Observer {
    let options = access_log::Options {
        scope: match settings.access_log {
            AccessLog::All => Scope::All,
            AccessLog::Failures => Scope::Failures,
            AccessLog::Off => Scope::Slow,
        },
        sample: settings.access_log_sample,
        slow: settings.slow_request,
        queries: match settings.access_log_query {
            Switch::On => Queries::Shown,
            Switch::Off => Queries::Hidden,
        },
        clients: match settings.access_log_clients {
            ClientsShown::Address => Clients::Address,
            ClientsShown::Network => Clients::Network,
            ClientsShown::Off => Clients::Hidden,
        },
    };
    let server_timing = match settings.server_timing {
        Switch::On => ServerTiming::On,
        Switch::Off => ServerTiming::Off,
    };
    Observer::new(registry, observe::Options { access_log: options, server_timing })
}

async fn bind(setting: &'static str, address: SocketAddr, backlog: u32) -> Result<Bound, AppError> {
    let failed = |source| AppError::Listen { setting, address, source };
    server::bind_with(address, backlog).await.map_err(failed)
}

/// Who the service is, where it speaks TLS.
pub(super) fn tls(
    settings: &TlsSettings,
    clock: Clock,
    registry: &Registry,
) -> Result<Option<Arc<Tls>>, AppError> {
    let metrics = TlsMetrics::new(registry);
    let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) else {
        return Ok(None);
    };
    let (certificate, key) = (certificate.clone(), key.clone());
    let files = Files { certificate, key, client_authorities: settings.tls_client_ca.clone() };
    Ok(Some(Arc::new(Tls::load(files, clock, metrics)?)))
}

fn server_options(settings: &Settings) -> server::Options {
    let Settings { http, connections, .. } = settings;
    let trusted = || settings.limits.trusted_proxies.as_slice().to_vec();
    let proxies = (connections.proxy_protocol == ProxyProtocol::Required).then(trusted);
    server::Options {
        connections_max: usize::try_from(http.max_connections).unwrap_or(usize::MAX),
        header_timeout: http.header_timeout,
        drain_timeout: http.drain_deadline,
        idle_timeout: connections.idle_timeout,
        write_timeout: connections.write_timeout,
        connection_age_max: Some(connections.max_connection_age).filter(|age| !age.is_zero()),
        requests_max: Some(connections.max_requests_per_connection).filter(|most| *most > 0),
        http2_streams_max: connections.http2_max_streams,
        proxies,
        ..server::Options::default()
    }
}

fn api_options(settings: &Settings) -> api::Options {
    let Settings { http: settings, cache, overload, .. } = settings;
    api::Options {
        body_timeout: settings.body_timeout,
        body_bytes_max: settings.body_limit.as_usize(),
        batch_bytes_max: settings.batch_body_limit.as_usize(),
        body_memory: overload.body_memory.as_usize(),
        export_stall: settings.export_stall_timeout,
        catch_up: cache.catch_up_timeout,
        ..api::Options::default()
    }
}
