//! `GET` and `DELETE /v1/users/{id}/data`: everything that is held of a person, and its end.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};
use serde::Serialize;
use tokio::{sync::mpsc, time::timeout};
use tracing::Instrument as _;

use crate::{
    domain::activity::{Interaction, UserId},
    service::{activity::Activity, error::ServiceError},
    store::InteractionPage,
};

use super::super::{
    call::Call,
    class::NO_STORE,
    error::{Kind, Problem},
    response::{Answer, Body, Chunk, JSON},
};

/// Rows that are read at once.
const ROWS: u32 = 1_000;
/// Chunks that wait for the client.
const CHUNKS_AHEAD: usize = 1;

#[derive(Serialize)]
struct Row<'a> {
    signal: &'a str,
    movie: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    time: String,
}

pub(crate) async fn get(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let user = user(call.parameter)?;
    let activity = call.api.activity.clone();
    // What waits first: what is stored meanwhile is there twice, rather than not at all.
    let waiting = activity.unstored_of(&user);
    let first = activity.held_of(&user, None, ROWS).await?;
    let (chunks, receiver) = mpsc::channel(CHUNKS_AHEAD);
    if !call.wants_head_only() {
        let stall = call.api.options.export_stall;
        let task = send(activity, user, first, waiting, chunks, stall);
        call.api.exports.spawn(task.in_current_span());
    }
    let mut response = Response::new(Body::Stream(receiver));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    Ok(Answer::Final(response))
}

pub(crate) async fn erase(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let user = user(call.parameter)?;
    call.api.activity.erase(&user).await?;
    call.api.recommended.forget(&user);
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Answer::Final(response))
}

/// The pseudonym in a path. The problem does not repeat it.
fn user(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|()| Problem::new(Kind::NoSuchUser, format!("it {}", UserId::MUST)))
}

async fn send(
    activity: Activity,
    user: UserId,
    first: InteractionPage,
    waiting: Vec<Interaction>,
    chunks: mpsc::Sender<Chunk>,
    stall: Duration,
) {
    if let Err(error) = send_all(&activity, &user, first, waiting, &chunks, stall).await {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(%error, cause, "what is held of a user was not sent to its end");
    }
}

async fn send_all(
    activity: &Activity,
    user: &UserId,
    first: InteractionPage,
    waiting: Vec<Interaction>,
    chunks: &mpsc::Sender<Chunk>,
    stall: Duration,
) -> Result<(), ServiceError> {
    let mut text = format!(r#"{{"user":"{user}","interactions":["#);
    let (mut page, mut separator) = (first, "");
    loop {
        let InteractionPage { rows, next } = page;
        let last = next.is_none();
        let waiting = if last { waiting.as_slice() } else { &[] };
        let unseen = waiting.iter().filter(|interaction| !rows.contains(interaction));
        for interaction in rows.iter().chain(unseen) {
            let _ = write!(text, "{separator}{}", row(interaction)); // cannot fail
            separator = ",";
        }
        if last {
            text.push_str("]}");
        }
        let bytes = Bytes::from(std::mem::take(&mut text));
        // A client that left, or takes nothing, is no failure of ours: its answer is cut off.
        match timeout(stall, chunks.send(Chunk::Data(bytes))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ok(()),
        }
        let Some(next) = next else { break };
        page = activity.held_of(user, Some(next), ROWS).await?;
    }
    let _ = timeout(stall, chunks.send(Chunk::End)).await;
    Ok(())
}

fn row(interaction: &Interaction) -> String {
    let Interaction { movie, signal, at, .. } = interaction;
    let value = signal.value().map(|value| (value * 1000.0).round() / 1000.0);
    let row = Row { signal: signal.name(), movie: movie.get(), value, time: at.to_string() };
    serde_json::to_string(&row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{activity::Signal, clock::Moment, movie::MovieId};

    #[test]
    fn a_row_says_what_and_when() {
        let interaction = Interaction {
            user: "u".parse().unwrap(),
            movie: MovieId::new(7).unwrap(),
            signal: Signal::Rating(7.3),
            at: Moment::from_unix_ms(0),
        };
        let expected = r#"{"signal":"rating","movie":7,"value":7.3,"time":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(row(&interaction), expected);
    }

    #[test]
    fn a_problem_does_not_repeat_whom_it_is_about() {
        let problem = user("some body").unwrap_err();
        assert!(!problem.detail().contains("some"), "{}", problem.detail());
    }
}
