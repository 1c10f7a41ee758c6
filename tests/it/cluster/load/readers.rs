//! Readers: each asks one question after the other, over connections that it keeps, and has every
//! answer checked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::time::{Duration, sleep};

use super::{Shared, shapes};
use crate::{
    cluster::{
        check::{Checker, Content, Floors, Observation},
        faults::permits::{Asker, Request},
        truth::{Asked, ShapeId, digest},
        wire::{Coding, Repeat, Reply, Wire, get},
    },
    store::model::Dice,
};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// A replica itself.
    Replica(usize),
    /// Whichever replica the load balancer takes.
    Balancer,
}

/// Whom a reader asks. A replica that does not answer the load balancer holds up those who go through it, and
/// nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Replicas themselves, in no order.
    Replicas,
    /// The load balancer.
    Balancer,
}

/// Where everyone is.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) replicas: Vec<SocketAddr>,
    pub(crate) balancer: Option<SocketAddr>,
}

/// A reader.
#[derive(Debug)]
pub(crate) struct Reader {
    checker: Arc<Checker>,
    shared: Arc<Shared>,
    dice: Dice,
    direct: Vec<Wire>,
    balanced: Option<Wire>,
    /// The last tag seen of a question, and what its body said.
    tags: HashMap<ShapeId, (Coding, Box<str>, Content)>,
}

/// Questions that readers choose from.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) fixed: Vec<ShapeId>,
    pub(crate) followed: Mutex<Vec<ShapeId>>,
}

impl Reader {
    pub(crate) fn new(
        checker: &Arc<Checker>,
        shared: &Arc<Shared>,
        addresses: &Addresses,
        seed: u64,
    ) -> Self {
        Self {
            checker: Arc::clone(checker),
            shared: Arc::clone(shared),
            dice: Dice(seed),
            direct: addresses.replicas.iter().map(|address| Wire::new(*address)).collect(),
            balanced: addresses.balancer.map(Wire::new),
            tags: HashMap::new(),
        }
    }

    /// Asks until told to stop, with a pause after each answer.
    pub(crate) async fn run(mut self, habit: Habit, choice: Arc<Choice>, pause: Duration) {
        while !self.shared.is_stopped() {
            let shape = self.choose(&choice);
            let via = match habit {
                Habit::Replicas => {
                    let replica = self.dice.roll(self.direct.len() as u64);
                    Via::Replica(usize::try_from(replica).expect("few"))
                }
                Habit::Balancer => Via::Balancer,
            };
            let coding = *self.dice.pick(&[
                Coding::Identity,
                Coding::Identity,
                Coding::Gzip,
                Coding::Brotli,
                Coding::Zstd,
            ]);
            let conditional = self.dice.roll(4) == 0;
            let asked = if self.dice.roll(10) == 0 { self.shared.written() } else { 0 };
            let reply = self.ask(shape, via, coding, conditional, asked).await;
            match reply {
                Some(reply) if reply.status == 200 && self.dice.roll(50) == 0 => {
                    self.follow(&choice, shape, &reply);
                }
                Some(_) => {}
                // Whoever is not answered waits a little before asking again.
                None => sleep(Duration::from_millis(20)).await,
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
    }

    fn choose(&mut self, choice: &Choice) -> ShapeId {
        let followed = choice.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if !followed.is_empty() && self.dice.roll(8) == 0 {
            return *self.dice.pick(&followed);
        }
        // The smaller of three rolls: the first ones are asked for most.
        let among = choice.fixed.len() as u64;
        let at = (0..3).map(|_| self.dice.roll(among)).min().unwrap_or_default();
        choice.fixed[usize::try_from(at).expect("few")]
    }

    fn follow(&mut self, choice: &Choice, shape: ShapeId, reply: &Reply) {
        let question = self.checker.question(shape);
        let Asked::List(query) = &question.asked else { return };
        if reply.coding == Coding::Identity {
            let mut followed = choice.followed.lock().unwrap_or_else(PoisonError::into_inner);
            let body = String::from_utf8_lossy(&reply.body);
            shapes::follow(&self.checker, query, &body, &mut followed, &mut self.dice);
        }
    }

    /// Asks one question, and has the answer checked. `None` where there is none.
    pub(crate) async fn ask(
        &mut self,
        shape: ShapeId,
        via: Via,
        coding: Coding,
        conditional: bool,
        asked: i64,
    ) -> Option<Reply> {
        let question = self.checker.question(shape);
        let tag = if conditional { self.tags.get(&shape).cloned() } else { None };
        let coding = tag.as_ref().map_or(coding, |(coding, ..)| *coding);
        let least = asked.to_string();
        let mut headers = vec![("accept-encoding", coding.name())];
        if let Some((_, etag, _)) = &tag {
            headers.push(("if-none-match", etag));
        }
        if asked > 0 {
            headers.push(("min-catalog-revision", &least));
        }
        let request = get(&question.target, &headers);
        let (floors, sent) = (self.shared.floors(), Instant::now());
        let wire = match via {
            Via::Replica(replica) => &mut self.direct[replica],
            Via::Balancer => self.balanced.as_mut()?,
        };
        let answer = wire.ask(&request, Repeat::Safe).await;
        let arrived = Instant::now();
        let who = Asker { via, sent, arrived, request: Request::Read };
        let reply = match answer {
            Ok(reply) => reply,
            Err(error) => {
                self.shared.permits.no_answer(&self.checker, &who, &question.target, &error);
                return None;
            }
        };
        let replica = match via {
            Via::Replica(replica) => Some(replica),
            Via::Balancer => reply.served_by,
        };
        let is_movie = matches!(question.asked, Asked::Movie(_) | Asked::Imdb(_));
        let content = match reply.status {
            200 => self.read(shape, &question.asked, &reply),
            304 => self.not_modified(&question.target, tag, &reply),
            404 if is_movie => Some(Content { digest: digest(&reply.body), revision: None }),
            _ => {
                self.shared.permits.refused(&self.checker, &who, &question.target, &reply);
                return None;
            }
        }?;
        let Some(revision) = reply.revision else {
            self.checker.report(|report| {
                report.violate("every answer names its revision", || format!("{reply:?}"));
            });
            return None;
        };
        self.shared.seen(replica, revision);
        let floors = replica.and_then(|replica| floors.get(replica)).copied().unwrap_or_default();
        self.checker.observe(Observation {
            shape,
            sent,
            arrived,
            revision,
            floors: Floors { asked, ..floors },
            content,
            via: format!("{via:?} ({replica:?})"),
            request,
            reply: reply.clone(),
        });
        Some(reply)
    }

    /// What a body says. Bodies that were seen before are recognised by their tag and bytes.
    fn read(&mut self, shape: ShapeId, asked: &Asked, reply: &Reply) -> Option<Content> {
        let (coding, raw) = (reply.coding, digest(&reply.body));
        let known = reply.etag.as_ref().and_then(|etag| self.checker.tag(shape, coding, etag));
        let content = match known {
            Some((body, content)) if body == raw => Some(content),
            _ => coding.decode(&reply.body).and_then(|plain| content_of(asked, &plain)),
        };
        let Some(content) = content else {
            self.checker.report(|report| {
                report.violate("a body is what its headers say", || format!("{reply:?}"));
            });
            return None;
        };
        if let Some(etag) = &reply.etag {
            if known.is_none_or(|known| known != (raw, content)) {
                self.checker.tagged(shape, coding, etag, raw, content);
            }
            self.tags.insert(shape, (coding, etag.clone(), content));
        }
        Some(content)
    }

    fn not_modified(
        &self,
        target: &str,
        tag: Option<(Coding, Box<str>, Content)>,
        reply: &Reply,
    ) -> Option<Content> {
        match tag {
            Some((_, etag, content)) if reply.etag.as_ref() == Some(&etag) => Some(content),
            tag => {
                self.checker.report(|report| {
                    report.violate("a 304 names the tag that was asked for", || {
                        format!("{target}: {tag:?}\n{reply:?}")
                    });
                });
                None
            }
        }
    }
}

/// What a plain body says.
fn content_of(asked: &Asked, plain: &[u8]) -> Option<Content> {
    if !asked.says_its_revision() {
        return Some(Content { digest: digest(plain), revision: None });
    }
    let end = plain.strip_suffix(b"}")?;
    let digits = end.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, revision) = end.split_at(end.len() - digits);
    let revision = std::str::from_utf8(revision).ok()?.parse().ok()?;
    Some(Content { digest: digest(rest), revision: Some(revision) })
}
