//! Faults of Redis and of the ways to it. None of them permits a failure.

use std::time::Duration;

use tokio::time::sleep;

use super::{Done, Fault, NOTICED, Scene};
use crate::{
    cluster::redis_link::Post,
    fault_proxy::{Link, Way},
};

pub(super) async fn strike(fault: Fault, scene: &mut Scene<'_>) -> Done {
    match fault {
        Fault::RedisKilled => {
            kill(scene).await;
            scene.last(500).await;
            let mut redis = scene.cluster.redis.lock().await;
            redis.forget_dump();
            redis.run().await;
        }
        Fault::RedisStopped => {
            scene.cluster.redis.lock().await.signal("STOP");
            scene.last(800).await;
            scene.cluster.redis.lock().await.signal("CONT");
        }
        Fault::RedisSlow => {
            links(scene, None, Link::Late(Duration::from_secs(2)));
            scene.last(1_000).await;
            heal(scene, None).await;
        }
        Fault::RedisFlushed => {
            if command(scene, "FLUSHALL").await.is_none() {
                return Done::No("Redis does not answer");
            }
            scene.last(150).await;
        }
        Fault::RedisFromOldDump => {
            if command(scene, "SAVE").await.is_none() {
                return Done::No("Redis does not answer");
            }
            scene.last(600).await;
            kill(scene).await;
            scene.cluster.redis.lock().await.run().await;
            scene.last(300).await;
        }
        Fault::RedisLostByOne | Fault::RedisDeaf => {
            let replica = scene.replica();
            let link =
                if fault == Fault::RedisDeaf { Link::Swallow(Way::Down) } else { Link::Blackhole };
            links(scene, Some(replica), link);
            scene.last(800).await;
            heal(scene, Some(replica)).await;
        }
        Fault::RedisLostByAll => {
            links(scene, None, Link::Blackhole);
            scene.last(800).await;
            heal(scene, None).await;
        }
        Fault::CacheLostByOne => {
            let replica = scene.replica();
            scene.cluster.nodes[replica].redis.set_cache(Link::Blackhole);
            scene.last(600).await;
            heal(scene, Some(replica)).await;
        }
        Fault::MessagesLost => {
            let replica = scene.replica();
            post(scene, Some(replica), Post::Lost);
            scene.last(700).await;
            post(scene, None, Post::Lost);
            scene.last(500).await;
            post(scene, None, Post::Delivered);
        }
        Fault::MessagesDoubled => {
            post(scene, None, Post::Doubled);
            scene.last(400).await;
            post(scene, None, Post::Delivered);
        }
        _ => {
            post(scene, None, Post::Reordered);
            scene.last(700).await;
            post(scene, None, Post::Delivered);
        }
    }
    Done::Yes
}

async fn kill(scene: &Scene<'_>) {
    scene.cluster.redis.lock().await.kill();
}

/// Asks Redis itself for something without an answer that matters.
async fn command(scene: &Scene<'_>, name: &str) -> Option<()> {
    let redis = scene.cluster.redis.lock().await;
    let mut connection = redis.connect().await.ok()?;
    let _: redis::Value = redis::cmd(name).query_async(&mut connection).await.ok()?;
    Some(())
}

fn links(scene: &Scene<'_>, only: Option<usize>, link: Link) {
    for (n, node) in scene.cluster.nodes.iter().enumerate() {
        if only.is_none_or(|only| only == n) {
            node.redis.set(link);
        }
    }
}

/// Connections that lost bytes are reset, as they are when a partition ends.
async fn heal(scene: &Scene<'_>, only: Option<usize>) {
    links(scene, only, Link::Cut);
    sleep(NOTICED).await;
    links(scene, only, Link::Up);
}

fn post(scene: &Scene<'_>, only: Option<usize>, post: Post) {
    for (n, node) in scene.cluster.nodes.iter().enumerate() {
        if only.is_none_or(|only| only == n) {
            node.redis.set_post(post);
        }
    }
}
