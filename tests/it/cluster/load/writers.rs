//! Writers: each changes movies that nobody else changes meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Shared, movies,
    population::Population,
    readers::{Addresses, Via},
};
use crate::{
    cluster::{
        check::Checker,
        faults::permits::{Asker, Request},
        wire::{Repeat, Reply, Wire, request},
    },
    store::model::Dice,
};

/// A writer.
#[derive(Debug)]
pub(crate) struct Writer {
    checker: Arc<Checker>,
    shared: Arc<Shared>,
    population: Arc<Population>,
    dice: Dice,
    addresses: Addresses,
}

/// What is sent, and what it is about.
struct Write {
    method: &'static str,
    target: String,
    body: Option<Value>,
    ids: Vec<i64>,
    deletes: bool,
}

impl Writer {
    pub(crate) fn new(
        checker: &Arc<Checker>,
        shared: &Arc<Shared>,
        population: &Arc<Population>,
        addresses: &Addresses,
        seed: u64,
    ) -> Self {
        Self {
            checker: Arc::clone(checker),
            shared: Arc::clone(shared),
            population: Arc::clone(population),
            dice: Dice(seed),
            addresses: addresses.clone(),
        }
    }

    /// Writes until told to stop, with a pause of about this length after each write.
    pub(crate) async fn run(mut self, pause: Duration) {
        while !self.shared.is_stopped() {
            self.write().await;
            let tenths = u32::try_from(5 + self.dice.roll(11)).expect("small");
            sleep(pause * tenths / 10).await;
        }
    }

    /// Fills an empty catalogue.
    pub(crate) async fn fill(&mut self) {
        let mut left = self.population.size;
        while left > 0 {
            let count = left.min(100);
            left -= count;
            let operations: Vec<Value> = (0..count).map(|_| self.create_operation()).collect();
            let write = Write {
                method: "POST",
                target: "/v1/movies/batch?atomic=true".to_owned(),
                body: Some(json!({"operations": operations})),
                ids: Vec::new(),
                deletes: false,
            };
            self.send(write, Via::Replica(0)).await.expect("the catalogue is filled");
        }
    }

    /// Changes one movie, which is the caller's alone.
    pub(crate) async fn patch(&mut self, id: i64, patch: Value, via: Via) -> Option<Reply> {
        self.send(Self::change("PATCH", id, Some(patch)), via).await
    }

    async fn write(&mut self) {
        let replicas = self.addresses.replicas.len() as u64;
        let balanced = self.addresses.balancer.is_some() && self.dice.roll(3) == 0;
        let via = if balanced {
            Via::Balancer
        } else {
            Via::Replica(usize::try_from(self.dice.roll(replicas)).expect("few"))
        };
        let write = self.next();
        if let Some(write) = write {
            self.send(write, via).await;
        }
    }

    fn next(&mut self) -> Option<Write> {
        let living = self.checker.living().len();
        // The number of movies stays around what it shall be.
        let shrink = if living > self.population.size { 6 } else { 2 };
        Some(match self.dice.roll(20 + shrink) {
            0..3 => self.create(),
            3..5 => Write {
                method: "POST",
                target: "/movie".to_owned(),
                body: Some(movies::compat(&mut self.dice)),
                ids: Vec::new(),
                deletes: false,
            },
            5..12 => {
                let id = self.one()?;
                let patch = movies::patch(&mut self.dice);
                Self::change("PATCH", id, Some(patch))
            }
            12..16 => {
                let id = self.one()?;
                let imdb_id = self.population.imdb_id(&mut self.dice);
                let movie = movies::movie(&mut self.dice, imdb_id);
                Self::change("PUT", id, Some(movie))
            }
            16..18 => self.batch(),
            18 => {
                let id = self.one()?;
                let target = format!("/movie/{id}");
                Write { method: "DELETE", target, body: None, ids: vec![id], deletes: true }
            }
            _ => {
                let id = self.one()?;
                Self::change("DELETE", id, None)
            }
        })
    }

    fn one(&mut self) -> Option<i64> {
        self.population.take(1, &mut self.dice, &self.checker).pop()
    }

    fn create(&mut self) -> Write {
        let imdb_id = self.population.imdb_id(&mut self.dice);
        Write {
            method: "POST",
            target: "/v1/movies".to_owned(),
            body: Some(movies::movie(&mut self.dice, imdb_id)),
            ids: Vec::new(),
            deletes: false,
        }
    }

    fn change(method: &'static str, id: i64, body: Option<Value>) -> Write {
        let deletes = body.is_none();
        Write { method, target: format!("/v1/movies/{id}"), body, ids: vec![id], deletes }
    }

    fn create_operation(&mut self) -> Value {
        let imdb_id = self.population.imdb_id(&mut self.dice);
        json!({"op": "create", "movie": movies::movie(&mut self.dice, imdb_id)})
    }

    fn batch(&mut self) -> Write {
        let ids = self.population.take(4, &mut self.dice, &self.checker);
        let mut operations: Vec<Value> = ids
            .iter()
            .map(|id| {
                let patch = movies::patch(&mut self.dice);
                json!({"op": "update", "id": id, "movie": patch})
            })
            .collect();
        operations.push(self.create_operation());
        let atomic = self.dice.roll(2) == 0;
        Write {
            method: "POST",
            target: format!("/v1/movies/batch?atomic={atomic}"),
            body: Some(json!({"operations": operations})),
            ids,
            deletes: false,
        }
    }

    /// Sends a write and tells everyone what came of it.
    async fn send(&mut self, write: Write, via: Via) -> Option<Reply> {
        let body = write.body.as_ref().map(Value::to_string);
        let headers = match write.method {
            "PATCH" => [("content-type", "application/merge-patch+json")],
            _ => [("content-type", "application/json")],
        };
        let headers = if body.is_some() { &headers[..] } else { &[] };
        let bytes = request(write.method, &write.target, headers, body.as_deref());
        let address = match via {
            Via::Replica(replica) => self.addresses.replicas[replica],
            Via::Balancer => self.addresses.balancer.expect("there is one"),
        };
        let sent = Instant::now();
        let answer = Wire::new(address).ask(&bytes, Repeat::Never).await;
        let arrived = Instant::now();
        let who = Asker { via, sent, arrived, request: Request::Write };
        let name = format!("{} {}", write.method, write.target);
        let reply = match answer {
            Ok(reply) if matches!(reply.status, 200 | 201 | 204 | 207) => reply,
            Ok(reply) => {
                self.shared.permits.refused(&self.checker, &who, &name, &reply);
                self.population.quarantine(&write.ids);
                return None;
            }
            Err(error) => {
                self.shared.permits.no_answer(&self.checker, &who, &name, &error);
                if error.may_be_done() {
                    self.population.quarantine(&write.ids);
                } else {
                    self.population.rest(&write.ids, 0);
                }
                return None;
            }
        };
        let replica = match via {
            Via::Replica(replica) => Some(replica),
            Via::Balancer => reply.served_by,
        };
        let Some(revision) = reply.revision else {
            self.checker.report(|report| {
                report.violate("every answer names its revision", || format!("{name}: {reply:?}"));
            });
            return None;
        };
        self.shared.acknowledged(replica, revision);
        self.checker.committed_by(revision, arrived);
        self.checker.report(|report| report.count("writes acknowledged"));
        match write.ids[..] {
            [id] if reply.status == 200 && !write.deletes => {
                self.checker.saved(id, revision, arrived, reply.body.clone());
            }
            _ => {}
        }
        self.population.rest(&write.ids, revision);
        if reply.status == 201 && reply.etag.is_some() {
            let id = serde_json::from_slice::<Value>(&reply.body).ok();
            let id = id.and_then(|movie| movie["id"].as_i64()).unwrap_or_default();
            self.checker.saved(id, revision, arrived, reply.body.clone());
        }
        Some(reply)
    }
}
