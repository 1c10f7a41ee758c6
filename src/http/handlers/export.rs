//! `GET /v1/export`: the whole catalogue as of one revision, one movie a line (NDJSON).
//!
//! A task reads and encodes while the client takes what is ready. At most three chunks are in memory,
//! and a client that leaves, or takes nothing for too long, ends the task.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Response,
    header::{self, HeaderValue},
};
use tokio::{sync::mpsc, time::timeout};
use tracing::Instrument as _;

use crate::{
    domain::{movie::Movie, revision::Revision},
    service::catalogue::Export,
};

use super::super::{
    call::Call,
    class::{NO_STORE, VARY},
    encoding::{Coding, Encoder},
    error::Problem,
    representation::view,
    response::{Answer, Body, CATALOG_REVISION, Chunk},
};

/// The media type.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// How long an export waits until its revision is known here, so that no later answer names an earlier one.
const SETTLE: Duration = Duration::from_millis(500);
/// Chunks that wait for the client.
const CHUNKS_AHEAD: usize = 1;

pub(crate) async fn export(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    call.caught_up().await?;
    let coding = Coding::negotiate(&call.parts.headers, &Coding::OF_STREAMS);
    if call.wants_head_only() {
        let revision = call.api.catalogue.ready().await?;
        // A stream that is never read, so that the head is that of a stream, without a length.
        let (_, receiver) = mpsc::channel(CHUNKS_AHEAD);
        return Ok(Answer::Final(head(coding, revision, Body::Stream(receiver))));
    }
    let Ok(permit) = Arc::clone(&call.api.export_permits).try_acquire_owned() else {
        return Err(Problem::unavailable(
            "as many exports as there may be are being sent; try again",
        ));
    };
    let encoder = Encoder::new(coding).map_err(|error| {
        tracing::error!(%error, "cannot encode");
        Problem::internal()
    })?;
    let export = call.api.catalogue.export().await?;
    let revision = export.revision;
    call.api.catalogue.known().reach(revision, SETTLE).await;
    let (chunks, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let stall = call.api.options.export_stall;
    let task = async move {
        send(export, encoder, chunks, stall).await;
        drop(permit);
    };
    call.api.exports.spawn(task.in_current_span());
    Ok(Answer::Final(head(coding, revision, Body::Stream(receiver))))
}

fn head(coding: Coding, revision: Revision, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::VARY, VARY);
    headers.insert(CATALOG_REVISION, HeaderValue::from(revision.get()));
    if let Some(coding) = coding.header() {
        headers.insert(header::CONTENT_ENCODING, coding);
    }
    response
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the catalogue failed")]
    Store(#[from] crate::service::error::ServiceError),
    #[error("encoding failed")]
    Encoding(#[from] io::Error),
    #[error("encoding ended without an answer")]
    Lost(#[from] tokio::task::JoinError),
    #[error("the client left")]
    ClientLeft,
    #[error("the client took nothing for {0:?}")]
    ClientStalled(Duration),
}

async fn send(export: Export, encoder: Encoder, chunks: mpsc::Sender<Chunk>, stall: Duration) {
    match send_all(export, encoder, &chunks, stall).await {
        Ok(movies) => tracing::info!(movies, "exported"),
        Err(error @ (Ended::ClientLeft | Ended::ClientStalled(_))) => {
            tracing::info!(%error, "export ended early");
        }
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "export ended early");
        }
    }
}

async fn send_all(
    mut export: Export,
    mut encoder: Encoder,
    chunks: &mpsc::Sender<Chunk>,
    stall: Duration,
) -> Result<usize, Ended> {
    let mut sent = 0;
    loop {
        let movies = export.next().await?;
        if movies.is_empty() {
            break;
        }
        sent += movies.len();
        let bytes;
        (encoder, bytes) = encode(encoder, movies).await?;
        put(chunks, bytes, stall).await?;
    }
    let last = tokio::task::spawn_blocking(move || encoder.finish()).await??;
    put(chunks, last, stall).await?;
    // Room for the end is certain or the client is gone; either way there is nothing left to do.
    let _ = timeout(stall, chunks.send(Chunk::End)).await;
    Ok(sent)
}

/// Encodes on a thread that may take its time.
async fn encode(mut encoder: Encoder, movies: Vec<Movie>) -> Result<(Encoder, Bytes), Ended> {
    let work = move || {
        let mut lines = Vec::with_capacity(movies.len() * 512);
        for movie in &movies {
            serde_json::to_writer(&mut lines, &view(movie)).map_err(io::Error::from)?;
            lines.push(b'\n');
        }
        let bytes = encoder.encode(lines)?;
        Ok::<_, io::Error>((encoder, bytes))
    };
    Ok(tokio::task::spawn_blocking(work).await??)
}

async fn put(chunks: &mpsc::Sender<Chunk>, bytes: Bytes, stall: Duration) -> Result<(), Ended> {
    if bytes.is_empty() {
        return if chunks.is_closed() { Err(Ended::ClientLeft) } else { Ok(()) };
    }
    match timeout(stall, chunks.send(Chunk::Data(bytes))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::ClientLeft),
        Err(_) => Err(Ended::ClientStalled(stall)),
    }
}
