//! Whether the service is ready, from its start to its end.

use std::net::SocketAddr;

use hyper::{Request, Response, body::Incoming};
use tokio_util::sync::CancellationToken;

use crate::{
    http::{admin::Admin, response::Body, server::Handler},
    service::catalogue::Catalogue,
};

/// The admin listener's handler: not ready until the start is done, however reachable the catalogue
/// is, then as [`Admin`] says.
#[derive(Debug)]
pub(super) struct Health {
    starting: Admin,
    running: Admin,
    started: CancellationToken,
}

impl Health {
    /// `started` is cancelled when the start is done, and `draining` when the end begins.
    pub(super) fn new(
        catalogue: Catalogue,
        started: CancellationToken,
        draining: CancellationToken,
    ) -> Self {
        let never_ready = CancellationToken::new();
        never_ready.cancel();
        Self {
            starting: Admin::new(catalogue.clone(), never_ready),
            running: Admin::new(catalogue, draining),
            started,
        }
    }
}

impl Handler for Health {
    async fn handle(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let admin = if self.started.is_cancelled() { &self.running } else { &self.starting };
        admin.handle(request, peer).await
    }
}
