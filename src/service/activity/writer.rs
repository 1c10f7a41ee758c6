//! The writer: empties the buffers, counts, and stores.
//!
//! **Invariant:** at most one batch is on its way. One that fails is sent again as it is, which the store
//! takes once; one that the store refuses is dropped.
//! **Invariant:** counting goes on while the store is slow or away, within the tally's bound.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        activity::{Day, Hour, Interaction, Signal, UserId},
        clock::{Moment, Tick},
        movie::MovieId,
    },
    store::{EventKey, Interest, Recorded, Stored, WriterId, error::StoreError},
};

use super::{
    Inner,
    event::{Kind, Noted, Subject},
    metrics::{Dropped, Ignored, Metrics},
    numbers::Numbers,
    recent::{Opened, Recent},
    tally::{Batch, ENTRIES_MAX, NoRoom, Tally, entries},
    unstored::{Sending, Told},
};

/// How often the buffers are emptied.
const DRAIN_EVERY: Duration = Duration::from_millis(100);
/// How often what was counted is stored: with the time that takes, less than a second after it was noted.
const STORE_EVERY: Duration = Duration::from_millis(500);
/// After a failure.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long batches are sent when the process ends,
const LAST_BATCHES: Duration = Duration::from_secs(5);
/// and how much longer the last of them may take.
const LAST_ANSWER: Duration = Duration::from_secs(3);
/// Events for which there is room while little comes.
const ROOM_KEPT: usize = 32_768;
/// Events that are counted without a pause.
const AT_ONCE: usize = 1_024;

/// A batch that the store had, and what it said.
struct Answered {
    batch: Batch,
    took: Duration,
    outcome: Result<Stored, StoreError>,
}

/// What is to be told of events that were looked at: not one by one, which costs more than to count them.
#[derive(Debug, Default)]
struct Counts {
    noted: [u64; Kind::ALL.len()],
    sampled: u64,
    no_room: u64,
}

impl Counts {
    fn tell(&mut self, metrics: &Metrics) {
        let Self { noted, sampled, no_room } = std::mem::take(self);
        for (kind, events) in Kind::ALL.into_iter().zip(noted) {
            metrics.noted(kind, events);
        }
        metrics.ignored(Ignored::Sampled, sampled);
        metrics.dropped(Dropped::Backlog, no_room);
    }
}

pub(super) struct Writer {
    inner: Arc<Inner>,
    id: WriterId,
    /// Of the last batch.
    number: i64,
    numbers: Option<Numbers>,
    tally: Tally,
    /// What was searched for last: by clients, and by those with a pseudonym.
    recent: Recent,
    recent_of_users: Recent,
    /// The last erasure that is known: nobody knows what users searched for before it.
    erasures: u64,
    /// Events of a day for which there is no salt yet.
    later: Vec<Noted>,
    /// Room for what was taken out of them.
    events: Vec<Noted>,
    /// Room that buffers get back.
    spare: Vec<Vec<Noted>>,
    waiting: VecDeque<Batch>,
    /// The batch on its way, how many events it has, and rows.
    storing: Option<(JoinHandle<Answered>, u64)>,
    next_at: Instant,
    failing: bool,
}

impl Writer {
    pub(super) fn new(inner: Arc<Inner>, id: WriterId) -> Self {
        Self {
            inner,
            id,
            number: 0,
            numbers: None,
            tally: Tally::default(),
            recent: Recent::default(),
            recent_of_users: Recent::default(),
            erasures: 0,
            later: Vec::new(),
            events: Vec::new(),
            spare: Vec::new(),
            waiting: VecDeque::new(),
            storing: None,
            next_at: Instant::now(),
            failing: false,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut times = interval(DRAIN_EVERY);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let answered = async {
                match &mut self.storing {
                    Some((task, _)) => task.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = times.tick() => {}
                answered = answered => self.answered(answered),
                () = stop.cancelled() => break,
            }
            self.drain().await;
            self.send();
        }
        self.end().await;
    }

    /// Stores what is left, as far as there is time.
    async fn end(mut self) {
        let deadline = Instant::now() + LAST_BATCHES;
        // A salt may be asked for.
        let _ = timeout(LAST_BATCHES / 2, self.drain()).await;
        loop {
            self.next_at = Instant::now();
            self.send();
            let Some((task, _)) = &mut self.storing else { break };
            // One that is on its way arrives or not: it is waited for beyond the time for new ones.
            match timeout_at(deadline + LAST_ANSWER, task).await {
                Ok(answered) => self.answered(answered),
                Err(_) => break,
            }
            if Instant::now() >= deadline {
                break;
            }
            if self.failing {
                sleep(Duration::from_millis(50)).await;
            }
        }
        let Self { inner, storing, waiting, mut tally, mut later, mut number, id, .. } = self;
        let left = tally.take(id, &mut number, Vec::new(), 0);
        let events = waiting.iter().chain(&left).map(|batch| batch.events).sum::<u64>();
        let mut events = events + storing.map_or(0, |(_, events)| events) + inner.unstored.unsent();
        // Without a salt nothing could be made of what is in buffers.
        for waiting in inner.buffers.take(&mut Vec::new()) {
            later.extend(waiting.events);
        }
        for event in later {
            inner.metrics.noted(event.subject.kind(), event.times.into());
            events += u64::from(event.times);
        }
        if events > 0 {
            tracing::warn!(events, "ended with activity that the database did not take");
            inner.metrics.dropped(Dropped::Ended, events);
        }
    }

    /// Counts what was noted.
    async fn drain(&mut self) {
        let now = (self.inner.clock.now(), self.inner.clock.tick());
        let today = Day::of(now.0);
        let erasures = self.inner.erasures.load(Ordering::Acquire);
        if std::mem::replace(&mut self.erasures, erasures) != erasures {
            self.recent_of_users = Recent::default();
        }
        if self.numbers.is_none() || !self.later.is_empty() {
            if !self.renew(today).await {
                return; // buffers have a bound of their own
            }
            let mut later = std::mem::take(&mut self.later);
            self.count_all(&mut later, now).await;
        }
        let mut events = std::mem::take(&mut self.events);
        for mut waiting in self.inner.buffers.take(&mut self.spare) {
            self.count_dropped(&waiting.dropped);
            self.inner.metrics.ignored(Ignored::OptedOut, waiting.opted_out);
            self.inner.metrics.ignored(Ignored::Private, waiting.private);
            let used = waiting.events.len();
            events.append(&mut waiting.events);
            self.spare.push(waiting.room(used));
        }
        // What a client opens may be of another thread than the search that it is from. Each thread's are in
        // order already, of which a stable sort makes use.
        events.sort_by_key(|event| event.at);
        self.count_all(&mut events, now).await;
        events.shrink_to(ROOM_KEPT);
        self.events = events;
        if self.numbers.as_ref().is_some_and(|numbers| numbers.day() != today)
            && self.renew(today).await
        {
            let mut later = std::mem::take(&mut self.later);
            self.count_all(&mut later, now).await;
        }
    }

    /// Takes the numbers of a day. Those of the day before are gone then.
    async fn renew(&mut self, day: Day) -> bool {
        self.numbers = None;
        match self.inner.store.salt_of(day).await {
            Ok(salt) => {
                self.inner.salt.store(Some(Arc::new((day, salt))));
                self.numbers = Some(Numbers::new(day, salt));
                true
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    fn count_dropped(&self, dropped: &[u64; Kind::ALL.len()]) {
        for (kind, events) in Kind::ALL.into_iter().zip(dropped) {
            if *events > 0 {
                self.inner.metrics.noted(kind, *events);
                self.inner.metrics.dropped(Dropped::QueueFull, *events);
            }
        }
    }

    async fn count_all(&mut self, events: &mut Vec<Noted>, now: (Moment, Tick)) {
        let mut counts = Counts::default();
        for (n, event) in events.drain(..).enumerate() {
            if n % AT_ONCE == AT_ONCE - 1 {
                counts.tell(&self.inner.metrics);
                tokio::task::yield_now().await; // others have answers to give
            }
            self.count(event, now, &mut counts);
        }
        counts.tell(&self.inner.metrics);
    }

    fn count(&mut self, event: Noted, (now, tick): (Moment, Tick), counts: &mut Counts) {
        let ago = i64::try_from(tick.since(event.at).as_millis()).unwrap_or(i64::MAX);
        let at = Moment::from_unix_ms(now.unix_ms().saturating_sub(ago));
        let day = Day::of(at);
        let Some(numbers) = self.numbers.as_mut().filter(|numbers| day <= numbers.day()) else {
            self.later.push(event);
            return;
        };
        let (kind, times) = (event.subject.kind(), event.times);
        let client = match &event.user {
            Some(user) => numbers.of_user(user),
            None => numbers.of_client(event.client),
        };
        if !is_recorded(client, self.inner.options.sample) {
            counts.sampled += u64::from(times);
            return;
        }
        counts.noted[kind as usize] += u64::from(times);
        let room = self.room();
        let counted = match event.subject {
            Subject::Movie(movie) => self.count_look(movie, &event, (at, client), room),
            Subject::Collection(slug) => self.tally.collection(day, slug, client, room),
            Subject::Search(shown) => {
                let counted = self.tally.search(day, &shown, client, room);
                if event.user.is_none() {
                    self.recent.searched(client, shown, event.at);
                } else if event.erasures >= self.erasures {
                    self.recent_of_users.searched(client, shown, event.at);
                }
                counted
            }
        };
        if counted == Err(NoRoom) {
            counts.no_room += u64::from(times);
        }
    }

    fn count_look(
        &mut self,
        movie: MovieId,
        event: &Noted,
        (at, client): (Moment, u64),
        room: usize,
    ) -> Result<(), NoRoom> {
        let Noted { user, erasures, times, .. } = event;
        let user = user.as_ref().filter(|user| !self.inner.is_erased(user, *erasures));
        if user.is_some() && !self.inner.unstored.has_room() {
            return Err(NoRoom);
        }
        let hour = Hour::of(at);
        self.tally.view(hour, movie, (*times, client), room)?;
        let recent = match &event.user {
            Some(_) => &mut self.recent_of_users,
            None => &mut self.recent,
        };
        let opened = recent.opened(client, movie, event.at);
        let signal = if opened.is_some() { Signal::Opened } else { Signal::View };
        if let Some(Opened { shown, first_at }) = opened {
            self.tally.opened(Day::of(at), &shown, movie, first_at, client, room);
        }
        if let Some(user) = user {
            let event = event_of(user, signal, movie.get(), hour);
            let interaction = Interaction { user: user.clone(), movie, signal, at };
            let row = Recorded { interaction, event, erasures: *erasures, interest: None };
            // There was room, and nobody but a caller who speaks now has taken it.
            let _ = self.inner.unstored.push(row, Told::Seen);
        }
        Ok(())
    }

    fn room(&self) -> usize {
        if self.waiting.is_empty() {
            return ENTRIES_MAX;
        }
        let waiting: usize = self.waiting.iter().map(|batch| entries(&batch.batch)).sum();
        ENTRIES_MAX.saturating_sub(waiting)
    }

    /// Sends the next batch, if it is time and none is on its way.
    fn send(&mut self) {
        if self.storing.is_some() || Instant::now() < self.next_at {
            return;
        }
        if self.waiting.is_empty() {
            if self.tally.entries() == 0 && !self.inner.unstored.is_waiting() {
                return;
            }
            let numbers = self.numbers.as_ref();
            let interest = |said: &Interaction| interest(said, numbers?);
            let Sending { rows, said } = self.inner.unstored.send(interest);
            self.waiting.extend(self.tally.take(self.id, &mut self.number, rows, said));
            self.next_at = Instant::now() + STORE_EVERY;
        }
        let Some(batch) = self.waiting.pop_front() else { return };
        let (store, events) = (Arc::clone(&self.inner.store), batch.events);
        let task = async move {
            let began = Instant::now();
            let outcome = store.store_activity(&batch.batch).await;
            Answered { batch, took: began.elapsed(), outcome }
        };
        self.storing = Some((self.inner.tasks.spawn(task), events));
    }

    fn answered(&mut self, answered: Result<Answered, tokio::task::JoinError>) {
        let events = self.storing.take().map_or(0, |(_, events)| events);
        let metrics = &self.inner.metrics;
        match answered {
            Ok(Answered { batch, took, outcome: Ok(_) }) => {
                metrics.stored(events, entries(&batch.batch), took);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the database takes activity again");
                }
                // The others of these follow at once.
                if !self.waiting.is_empty() {
                    self.next_at = Instant::now();
                }
            }
            Ok(Answered { batch, outcome: Err(error), .. }) => {
                metrics.failed();
                if passes(&error) {
                    self.failed(&error);
                    self.waiting.push_front(batch);
                    self.next_at = Instant::now() + TRY_AGAIN_AFTER;
                    return;
                }
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, events, "activity was not stored");
                metrics.dropped(Dropped::Refused, events);
            }
            Err(lost) => {
                tracing::error!(%lost, events, "activity was not stored");
                metrics.dropped(Dropped::Refused, events);
            }
        }
        if self.waiting.is_empty() {
            self.inner.unstored.arrived();
        }
    }

    fn failed(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.failing, true) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the database does not take activity; it waits");
        }
    }
}

/// How a movie is counted of which somebody said something.
fn interest(said: &Interaction, numbers: &Numbers) -> Option<Interest> {
    said.signal.is_interest().then(|| Interest {
        hour: Hour::of(said.at),
        views: u32::from(said.signal == Signal::View),
        client: numbers.of_user(&said.user),
    })
}

/// The key under which what a user looked at counts once in an hour.
fn event_of(user: &UserId, signal: Signal, movie: i64, hour: Hour) -> EventKey {
    EventKey::of(&[
        b"seen",
        user.as_str().as_bytes(),
        &[signal.code()],
        &movie.to_le_bytes(),
        &hour.get().to_le_bytes(),
    ])
}

/// Whether a client is of the share that is recorded.
fn is_recorded(client: u64, share: f64) -> bool {
    // The upper bits: a sketch goes by others.
    #[expect(clippy::cast_precision_loss, reason = "32 bits fit")]
    let place = (client >> 32) as f64 / f64::from(u32::MAX);
    place <= share
}

/// Whether it may well be stored when it is tried again.
const fn passes(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable(_)
        | StoreError::TimedOut(_)
        | StoreError::Unanswered(_)
        | StoreError::Contended { .. }
        | StoreError::Loading(_) => true,
        StoreError::Refused(_)
        | StoreError::BadRow { .. }
        | StoreError::Migrate(_)
        | StoreError::ChangesGone { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_clients_is_recorded_and_always_the_same() {
        let clients = (0..100_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let recorded = clients.filter(|client| is_recorded(*client, 0.1)).count();
        assert!((9_000..11_000).contains(&recorded), "{recorded}");
        assert!(is_recorded(u64::MAX, 1.0) && !is_recorded(1 << 40, 0.0));
    }
}
