//! The direction in which messages go out.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Pipeline, RedisError, RedisResult, aio::MultiplexedConnection};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Message, Shared,
    backoff::Backoff,
    health::{Side, Turns},
    message::heartbeat,
};
use crate::cache::remote::{CONNECT_DEADLINE, late};

/// How often everybody hears that we are there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Longest time for Redis to take what was sent.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(1);

/// Longest time to send what waits when the replica is told to stop.
const LAST_DEADLINE: Duration = Duration::from_millis(200);

/// Most messages in one round trip.
const BATCH: usize = 64;

/// Sends messages and heartbeats, over as many connections as it takes, until `stop`.
pub(super) async fn speak(
    shared: &Shared,
    queue: &mut mpsc::Receiver<Message>,
    stop: &CancellationToken,
) {
    let mut backoff = Backoff::new();
    let mut turns = Turns::new(&shared.counters, Side::Out);
    // What a connection did not take goes out on the next: to hear something twice does no harm.
    let mut batch = Vec::with_capacity(BATCH);
    for attempt in shared.first_node + 1.. {
        let connected = tokio::select! {
            connected = connect(shared, attempt) => connected,
            () = stop.cancelled() => return,
        };
        let error = match connected {
            Ok(mut connection) => {
                let works = || {
                    turns.connected();
                    backoff.reset();
                };
                let sending = send_all(shared, &mut connection, queue, &mut batch, works);
                let failed = tokio::select! {
                    error = sending => Some(error),
                    () = stop.cancelled() => None,
                };
                let Some(error) = failed else {
                    let last = send_rest(shared, &mut connection, queue, &mut batch);
                    let _ = timeout(LAST_DEADLINE, last).await;
                    return;
                };
                error
            }
            Err(error) => error,
        };
        turns.disconnected(&error);
        tokio::select! {
            () = sleep(backoff.pause()) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn connect(shared: &Shared, attempt: usize) -> RedisResult<MultiplexedConnection> {
    let connected = async {
        let client = shared.connector.carrier(attempt).await?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await
    };
    timeout(CONNECT_DEADLINE, connected)
        .await
        .unwrap_or_else(|_| Err(late("no connection in time")))
}

/// Sends until something fails; calls `works` after the first success.
async fn send_all(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    queue: &mut mpsc::Receiver<Message>,
    batch: &mut Vec<Message>,
    works: impl FnOnce(),
) -> RedisError {
    let mut works = Some(works);
    let mut beats = interval(HEARTBEAT); // the first is at once
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let beat = next(queue, batch, &mut beats).await;
        let sent = timeout(PUBLISH_DEADLINE, send(shared, connection, batch, beat)).await;
        match sent.unwrap_or_else(|_| Err(late("a message was not taken in time"))) {
            Ok(()) => {
                if let Some(works) = works.take() {
                    works();
                }
            }
            Err(error) => return error,
        }
    }
}

/// Waits for something to send. Dropping the future loses nothing.
async fn next(
    queue: &mut mpsc::Receiver<Message>,
    batch: &mut Vec<Message>,
    beats: &mut Interval,
) -> Beat {
    if !batch.is_empty() {
        return Beat::Rest;
    }
    tokio::select! {
        // The queue's other end is the bus itself, which outlives this.
        _ = queue.recv_many(batch, BATCH) => Beat::Rest,
        _ = beats.tick() => Beat::Due,
    }
}

/// Whether a heartbeat is due.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beat {
    Due,
    Rest,
}

/// Sends a batch in one round trip, and empties it once it was taken.
async fn send(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    batch: &mut Vec<Message>,
    beat: Beat,
) -> RedisResult<()> {
    let mut pipeline = Pipeline::with_capacity(batch.len() + 1);
    for message in batch.iter() {
        pipeline.publish(&shared.channel, message.encode()).ignore();
    }
    if beat == Beat::Due {
        pipeline.publish(&shared.channel, heartbeat(shared.sender)).ignore();
    }
    pipeline.query_async::<()>(connection).await?;
    shared.counters.published_more(batch.len());
    batch.clear();
    Ok(())
}

/// Sends what is left.
async fn send_rest(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    queue: &mut mpsc::Receiver<Message>,
    batch: &mut Vec<Message>,
) -> RedisResult<()> {
    loop {
        while batch.len() < BATCH
            && let Ok(message) = queue.try_recv()
        {
            batch.push(message);
        }
        if batch.is_empty() {
            return Ok(());
        }
        send(shared, connection, batch, Beat::Rest).await?;
    }
}
