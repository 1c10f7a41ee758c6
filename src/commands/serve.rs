//! `marquee serve`: start, say what listens where, wait for a signal, drain, end.

use super::{
    exit::Exit,
    signals::{Hangups, Signals},
};
use crate::{
    app::App, config::Settings, domain::clock::Clock, http::server::Drained, telemetry::in_one_line,
};

/// Failures go to the log: whoever watches a service reads that.
pub(super) async fn run(settings: &Settings) -> Exit {
    serve(settings).await.unwrap_or_else(|error| {
        tracing::error!(error = in_one_line(error.as_ref()), "cannot serve");
        Exit::of(&error)
    })
}

async fn serve(settings: &Settings) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let mut hangups = Hangups::listen()?;
    let mut app = tokio::select! {
        started = App::start(settings, Clock::system()) => started?,
        received = signals.next() => {
            tracing::info!(signal = received.name(), "told to end before the start was done");
            return Ok(Exit::Ok);
        }
    };

    let exit = loop {
        tokio::select! {
            received = signals.next() => {
                tracing::info!(signal = received.name(), "told to end; another signal ends at once");
                break Exit::Ok;
            }
            () = hangups.next() => app.reload(),
            () = app.broken() => {
                tracing::error!("a listener ended by itself");
                break Exit::Software;
            }
        }
    };

    tokio::select! {
        drained = app.stop() => match drained {
            Drained::Clean => tracing::info!("ended; every request was answered"),
            Drained::Aborted { connections } => {
                tracing::warn!(connections, "ended at the deadline, cutting off connections");
            }
        },
        received = signals.next() => {
            tracing::warn!(signal = received.name(), "ended at once");
            return Ok(Exit::Signal(received.number()));
        }
    }
    Ok(exit)
}
