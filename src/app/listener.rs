//! The two listeners: what each serves, and within which bounds.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::AppError;
use crate::{
    config::{Settings, admin::AdminSettings, http::HttpSettings},
    http::{
        admin::Admin,
        api::{self, Api},
        cached::ReadCache,
        server::{self, Drained, Handler},
    },
    service::catalogue::Catalogue,
};

/// Connections of the admin listener: a few probes and scrapers, even when they hang.
const ADMIN_CONNECTIONS: usize = 64;

/// A listener and its task.
#[derive(Debug)]
pub(super) struct Listener {
    /// Its address, with the actual port.
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    /// Ends when the listener was stopped.
    pub(super) ended: JoinHandle<Drained>,
}

impl Listener {
    pub(super) async fn public(
        settings: &Settings,
        catalogue: Catalogue,
        cache: ReadCache,
        end: &CancellationToken,
    ) -> Result<Self, AppError> {
        let api = Api::new(catalogue, cache, api_options(settings));
        let options = server_options(&settings.http);
        let listener = Self::start("--listen", settings.http.listen, api, options, end).await?;
        tracing::info!(address = %listener.address, "the catalogue is served");
        Ok(listener)
    }

    pub(super) async fn admin(
        settings: &AdminSettings,
        health: Admin,
        end: &CancellationToken,
    ) -> Result<Self, AppError> {
        let options = server::Options {
            connections_max: ADMIN_CONNECTIONS,
            drain_timeout: Duration::ZERO,
            ..server::Options::default()
        };
        let listener =
            Self::start("--admin-listen", settings.admin_listen, health, options, end).await?;
        tracing::info!(address = %listener.address, "health checks are answered");
        Ok(listener)
    }

    async fn start(
        setting: &'static str,
        address: SocketAddr,
        handler: impl Handler,
        options: server::Options,
        end: &CancellationToken,
    ) -> Result<Self, AppError> {
        let bound = server::bind(address).await.map_err(|source| AppError::Listen {
            setting,
            address,
            source,
        })?;
        let address = bound.address();
        let stop = end.child_token();
        let serving = bound.serve(Arc::new(handler), options, stop.clone());
        // Its own tracker, since it must end before the work that it began.
        let ended = TaskTracker::new().spawn(serving);
        Ok(Self { address, stop, ended })
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

fn server_options(settings: &HttpSettings) -> server::Options {
    server::Options {
        connections_max: usize::try_from(settings.max_connections).unwrap_or(usize::MAX),
        header_timeout: settings.header_timeout,
        drain_timeout: settings.drain_deadline,
        ..server::Options::default()
    }
}

fn api_options(settings: &Settings) -> api::Options {
    let Settings { http: settings, cache, .. } = settings;
    api::Options {
        body_timeout: settings.body_timeout,
        body_bytes_max: settings.body_limit.as_usize(),
        batch_bytes_max: settings.batch_body_limit.as_usize(),
        export_stall: settings.export_stall_timeout,
        catch_up: cache.catch_up_timeout,
        ..api::Options::default()
    }
}
