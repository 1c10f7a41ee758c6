//! Lies: entries in Redis that no replica wrote so, and messages that no replica sent.

use std::ops::Range;

use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use tokio::time::{Duration, sleep};

use super::{Done, Fault, Scene};
use crate::store::model::Dice;

/// Keys that are looked at, at most.
const KEYS: usize = 400;

/// Entries as they were.
#[derive(Debug, Default)]
pub(crate) struct Loot {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(super) async fn strike(fault: Fault, scene: &mut Scene<'_>) -> Done {
    let connection = scene.cluster.redis.lock().await.connect().await;
    let Ok(mut connection) = connection else { return Done::No("Redis does not answer") };
    let done = match fault {
        Fault::MessagesForged => forge(&mut connection, scene).await,
        _ => lie(&mut connection, scene).await,
    };
    match done {
        Ok(done) => done,
        Err(_) => Done::No("Redis does not answer"),
    }
}

/// Every entry of the cache.
async fn entries(
    connection: &mut MultiplexedConnection,
) -> redis::RedisResult<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut keys: Vec<Vec<u8>> = connection.keys("*:e").await?;
    keys.truncate(KEYS);
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<Option<Vec<u8>>> = connection.mget(&keys).await?;
    let entries = keys.into_iter().zip(values);
    Ok(entries.filter_map(|(key, value)| Some((key, value?))).collect())
}

/// Captures what is there, waits, and then replaces entries by others, again and again.
async fn lie(
    connection: &mut MultiplexedConnection,
    scene: &mut Scene<'_>,
) -> redis::RedisResult<Done> {
    let mut old = std::mem::take(&mut scene.loot.entries);
    old.extend(entries(connection).await?);
    if old.is_empty() {
        return Ok(Done::No("there are no entries"));
    }
    for _ in 0..6 * scene.stretch {
        scene.last(80).await;
        let mut lies = redis::pipe();
        for (key, value) in entries(connection).await? {
            if let Some(lie) = lie_about(&value, &old, &mut scene.dice) {
                lies.set_ex(&key, lie, 60).ignore();
            }
        }
        let () = lies.query_async(connection).await?;
    }
    // For the next time, half of what was seen.
    old.reverse();
    old.truncate(KEYS);
    scene.loot.entries = old;
    Ok(Done::Yes)
}

/// Another value for the key of this one. `old` has values of this key and of others.
fn lie_about(value: &[u8], old: &[(Vec<u8>, Vec<u8>)], dice: &mut Dice) -> Option<Vec<u8>> {
    if value.is_empty() {
        // A lie of before.
        return Some(dice.pick(old).1.clone());
    }
    let mut lie = value.to_vec();
    let at = |dice: &mut Dice| usize::try_from(dice.roll(value.len() as u64)).expect("small");
    match dice.roll(6) {
        0 => lie[at(dice)] ^= 1 << dice.roll(8),
        1 => lie.truncate(at(dice)),
        2 => lie.extend_from_slice(b"more"),
        // Of another key, or of this one when it was older.
        3 | 4 => lie.clone_from(&dice.pick(old).1),
        _ => return None,
    }
    Some(lie)
}

/// Where a message has the epoch and the revision, after magic, version, kind and sender.
const EPOCH: Range<usize> = 13..21;
const REVISION: Range<usize> = 21..29;

/// Publishes what nobody sent: garbage, and true messages that say something else.
async fn forge(
    connection: &mut MultiplexedConnection,
    scene: &mut Scene<'_>,
) -> redis::RedisResult<Done> {
    let channels: Vec<String> =
        redis::cmd("PUBSUB").arg("CHANNELS").query_async(connection).await?;
    let Some(channel) = channels.first() else { return Ok(Done::No("nobody listens")) };
    let mut written = None;
    for _ in 0..40 * scene.stretch {
        let last = scene.cluster.nodes[0].redis.last();
        // Heartbeats are shorter.
        if last.len() > REVISION.end {
            written = Some(last);
        }
        let forged = match &written {
            Some(message) => alter(message, &mut scene.dice),
            None => (0..scene.dice.roll(60)).map(|_| byte(&mut scene.dice)).collect(),
        };
        let _: i64 = connection.publish(channel, forged).await?;
        sleep(Duration::from_millis(15)).await;
    }
    Ok(Done::Yes)
}

fn alter(message: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut forged = message.to_vec();
    let revision = i64::from_be_bytes(message[REVISION].try_into().expect("eight bytes"));
    let near = i64::try_from(dice.roll(1_000)).expect("small");
    match dice.roll(7) {
        0 => forged[REVISION].copy_from_slice(&revision.wrapping_add(near).to_be_bytes()),
        1 => forged[REVISION].copy_from_slice(&revision.wrapping_sub(near).to_be_bytes()),
        2 => forged[REVISION].copy_from_slice(&i64::MAX.to_be_bytes()),
        3 => forged[EPOCH.start] ^= 1,
        4 => forged.truncate(usize::try_from(dice.roll(message.len() as u64)).expect("small")),
        5 => return (0..dice.roll(60)).map(|_| byte(dice)).collect(),
        _ => {
            let at = usize::try_from(dice.roll(message.len() as u64)).expect("small");
            forged[at] = byte(dice);
        }
    }
    forged
}

fn byte(dice: &mut Dice) -> u8 {
    u8::try_from(dice.roll(256)).expect("below 256")
}
