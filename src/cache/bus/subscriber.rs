//! The direction in which messages come in.

use std::time::Duration;

use futures_util::StreamExt as _;
use redis::{
    RedisError, RedisResult,
    aio::{PubSubSink, PubSubStream},
};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    Message, Shared,
    backoff::Backoff,
    count,
    health::{Side, Turns},
    message::{Heard, decode},
};
use crate::cache::remote::{CONNECT_DEADLINE, late};

/// Longest silence. Heartbeats come each second, our own included.
const SILENCE: Duration = Duration::from_secs(3);

/// Hears messages, over as many connections as it takes.
pub(super) async fn listen(shared: &Shared, on_message: &(impl Fn(Message) + Sync)) {
    let mut backoff = Backoff::new();
    let mut turns = Turns::new(&shared.counters, Side::In);
    for attempt in shared.first_node.. {
        let error = match subscribe(shared, attempt).await {
            Ok((_sink, messages)) => {
                hear(shared, messages, on_message, || {
                    turns.connected();
                    backoff.reset();
                })
                .await
            }
            Err(error) => error,
        };
        turns.disconnected(&error);
        sleep(backoff.pause()).await;
    }
}

/// A connection that messages come in on. It ends with either half.
async fn subscribe(shared: &Shared, attempt: usize) -> RedisResult<(PubSubSink, PubSubStream)> {
    let subscribed = async {
        let client = shared.connector.carrier(attempt).await?;
        let mut connection = client.get_async_pubsub().await?;
        connection.subscribe(&shared.channel).await?;
        Ok(connection.split())
    };
    timeout(CONNECT_DEADLINE, subscribed)
        .await
        .unwrap_or_else(|_| Err(late("no subscription in time")))
}

/// Hears messages until the connection ends or falls silent; calls `works` at the first.
async fn hear(
    shared: &Shared,
    mut messages: PubSubStream,
    on_message: &impl Fn(Message),
    works: impl FnOnce(),
) -> RedisError {
    let mut works = Some(works);
    // Only what one of ours said shows that the way is open.
    let mut heard = Instant::now();
    loop {
        let payload = match timeout_at(heard + SILENCE, messages.next()).await {
            Ok(Some(payload)) => payload,
            Ok(None) => return std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
            Err(_) => return late("nothing was heard, not even our own heartbeats"),
        };
        let Ok(message) = decode(payload.get_payload_bytes()) else {
            count(&shared.counters.rejected);
            continue;
        };
        heard = Instant::now();
        shared.counters.heard_now();
        if let Some(works) = works.take() {
            works();
        }
        if let Heard::Message(message) = message {
            count(&shared.counters.received);
            on_message(message);
        }
    }
}
