//! All connections of a listener: those that are late are told so, and those that wait longest make
//! room for others.
//!
//! **Invariant:** a connection costs its listener one look each sweep, whatever its client does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    Options,
    metrics::{Closed, Connections},
    slot::{Order, Phase, Slot, nanos},
};

/// How long a client that was refused may take to close.
const LINGER: Duration = Duration::from_secs(2);
/// A connection whose client gives up more requests than this, and most of them, is cut off.
const GIVEN_UP_MAX: u32 = 100;

/// The connections of a listener.
#[derive(Debug)]
pub(super) struct Slots {
    start: Instant,
    bounds: Bounds,
    counters: Connections,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    slots: HashMap<u64, Arc<Slot>>,
    next: u64,
    draining: bool,
}

/// Time-outs in nanoseconds.
#[derive(Debug)]
struct Bounds {
    head: u64,
    idle: u64,
    write: u64,
    linger: u64,
    age: Option<Duration>,
    sweep: Duration,
}

/// A place that is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    slots: Arc<Slots>,
    number: u64,
    pub(super) slot: Arc<Slot>,
}

impl Slots {
    pub(super) fn new(options: &Options) -> Arc<Self> {
        let shortest = options.header_timeout.min(options.idle_timeout).min(options.write_timeout);
        let bounds = Bounds {
            head: nanos(options.header_timeout),
            idle: nanos(options.idle_timeout),
            write: nanos(options.write_timeout),
            linger: nanos(LINGER),
            age: options.connection_age_max,
            sweep: (shortest / 8).clamp(Duration::from_millis(5), Duration::from_secs(1)),
        };
        let counters = options.connections.clone();
        Arc::new(Self { start: Instant::now(), bounds, counters, table: Mutex::default() })
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a connection.
    pub(super) fn take(self: &Arc<Self>) -> Taken {
        let mut table = self.table();
        let number = table.next;
        table.next += 1;
        let age = self.bounds.age.map(|age| jittered(age, number));
        let slot = Arc::new(Slot::new(self.start, age));
        table.slots.insert(number, Arc::clone(&slot));
        if table.draining {
            slot.tell(Order::Finish, Closed::Shutdown);
        }
        drop(table);
        self.counters.accepted.inc();
        self.counters.open.inc();
        Taken { slots: Arc::clone(self), number, slot }
    }

    /// Tells every connection that it is to end after the answers at hand.
    pub(super) fn drain(&self) {
        let mut table = self.table();
        table.draining = true;
        for slot in table.slots.values() {
            slot.tell(Order::Finish, Closed::Shutdown);
        }
    }

    /// Looks at all connections now and then, for ever.
    pub(super) async fn watch(self: Arc<Self>) {
        loop {
            sleep(self.bounds.sweep).await;
            self.sweep();
        }
    }

    fn sweep(&self) {
        let now = nanos(self.start.elapsed());
        for slot in self.table().slots.values() {
            self.look_at(slot, now);
        }
    }

    fn look_at(&self, slot: &Slot, now: u64) {
        let late = |since: u64, bound: u64| now.saturating_sub(since) > bound;
        let bounds = &self.bounds;
        if slot.blocked().is_some_and(|since| late(since, bounds.write)) {
            return slot.tell(Order::Cut, Closed::Stalled);
        }
        let (requests, given_up) = slot.requests();
        if given_up > GIVEN_UP_MAX && given_up > requests / 2 {
            return slot.tell(Order::Cut, Closed::Protocol);
        }
        let (phase, mut since) = slot.phase();
        if phase == Phase::Idle && since == 0 {
            slot.idle_since(now);
            since = now;
        }
        match (phase, since) {
            (Phase::Opening, since) if late(since, bounds.head) => {
                slot.tell(Order::Cut, Closed::HeadTimeout);
            }
            // Once it was told that it is late, it has the time that writing an answer may take.
            (Phase::Head, since) if late(since, bounds.head.saturating_add(bounds.write)) => {
                slot.tell(Order::Cut, Closed::HeadTimeout);
            }
            (Phase::Head, since) if late(since, bounds.head) => {
                slot.tell(Order::RefuseLate, Closed::HeadTimeout);
            }
            (Phase::Idle, _) if !slot.is_open() && late(slot.told_at(), bounds.write) => {
                slot.tell(Order::Cut, Closed::Idle);
            }
            (Phase::Idle, since) if !slot.is_open() && late(since, bounds.idle) => {
                slot.tell(Order::Finish, Closed::Idle);
            }
            (Phase::Lingering, since) if late(since, bounds.linger) => {
                slot.tell(Order::Cut, Closed::Protocol);
            }
            _ if now > slot.old_at => slot.tell(Order::Finish, Closed::Age),
            _ => {}
        }
    }

    /// Ends the connections that have waited longest for a request, or for their client to take an
    /// answer: a few of them at once, so that many new clients do not cost a look at all each.
    pub(super) fn make_room(&self) -> usize {
        let table = self.table();
        let mut waiting: Vec<(u64, &Arc<Slot>)> = table.slots.values().filter_map(waits).collect();
        let count = (table.slots.len() / 64).max(1).min(waiting.len());
        if count == 0 {
            return 0;
        }
        waiting.select_nth_unstable_by_key(count - 1, |(since, _)| *since);
        for (_, slot) in &waiting[..count] {
            // One that is idle may be getting a request just now. A second time it is no longer asked.
            let idle = slot.phase().0 == Phase::Idle && slot.order() == Order::GoOn;
            slot.tell(if idle { Order::Finish } else { Order::Cut }, Closed::Evicted);
        }
        count
    }
}

/// Since when a connection waits for its client, for those that may be ended for it.
fn waits(slot: &Arc<Slot>) -> Option<(u64, &Arc<Slot>)> {
    if slot.order() == Order::Cut {
        return None;
    }
    let since = match slot.phase() {
        (Phase::Opening | Phase::Head | Phase::Lingering, since) => since,
        (Phase::Idle, 0) if !slot.is_open() => u64::MAX, // since the last look
        (Phase::Idle, since) if !slot.is_open() => since,
        _ => slot.blocked()?,
    };
    Some((since, slot))
}

/// An age that is up to a tenth shorter, so that connections that came together do not go together.
fn jittered(age: Duration, number: u64) -> Duration {
    let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54; // 0 to 1023
    let tenth = age / 10;
    let part = f64::from(u32::try_from(hash).unwrap_or(0)) / 1024.0;
    age.saturating_sub(tenth.mul_f64(part))
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.slots.table().slots.remove(&self.number);
        self.slots.counters.closed(self.slot.reason());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Arc<Slots> {
        Slots::new(&Options::default())
    }

    /// As many nanoseconds later as it takes for everything to be late.
    const LATER: u64 = 10_000_000_000_000;

    #[test]
    fn a_connection_with_an_open_request_is_never_idle() {
        let slots = slots();
        let taken = slots.take();
        taken.slot.enter(Phase::Idle);
        let open = super::super::slot::Open::new(&taken.slot);
        slots.look_at(&taken.slot, nanos(Duration::from_mins(10)));
        assert_eq!(taken.slot.order(), Order::GoOn);
        assert_eq!(slots.make_room(), 0);
        drop(open);
        slots.look_at(&taken.slot, nanos(Duration::from_mins(10)));
        assert_eq!((taken.slot.order(), taken.slot.reason()), (Order::Finish, Closed::Idle));
    }

    #[test]
    fn each_phase_has_its_own_time_out() {
        for (phase, order, reason) in [
            (Phase::Opening, Order::Cut, Closed::HeadTimeout),
            (Phase::Head, Order::Cut, Closed::HeadTimeout),
            (Phase::Lingering, Order::Cut, Closed::Protocol),
            (Phase::Idle, Order::Finish, Closed::Idle),
            (Phase::Busy, Order::Finish, Closed::Age),
        ] {
            let age = Some(Duration::from_hours(1));
            let slots = Slots::new(&Options { connection_age_max: age, ..Options::default() });
            let taken = slots.take();
            taken.slot.enter(phase);
            slots.look_at(&taken.slot, taken.slot.now());
            assert_eq!(taken.slot.order(), Order::GoOn, "{phase:?}");
            slots.look_at(&taken.slot, LATER);
            assert_eq!((taken.slot.order(), taken.slot.reason()), (order, reason), "{phase:?}");
        }
    }

    #[test]
    fn a_write_that_nobody_takes_ends_its_connection() {
        let slots = slots();
        let taken = slots.take();
        taken.slot.enter_busy();
        taken.slot.set_blocked(true);
        slots.look_at(&taken.slot, nanos(Duration::from_mins(2)));
        assert_eq!((taken.slot.order(), taken.slot.reason()), (Order::Cut, Closed::Stalled));
    }

    #[test]
    fn room_is_made_by_who_waits_longest() {
        let slots = slots();
        let (first, second, busy) = (slots.take(), slots.take(), slots.take());
        second.slot.enter(Phase::Idle);
        first.slot.enter(Phase::Head);
        busy.slot.enter_busy();
        assert_eq!(slots.make_room(), 1);
        assert_eq!([first.slot.order(), second.slot.order()], [Order::GoOn, Order::Finish]);
        // It is still there: now it is cut off.
        assert_eq!(slots.make_room(), 1);
        assert_eq!([first.slot.order(), second.slot.order()], [Order::GoOn, Order::Cut]);
        assert_eq!(slots.make_room(), 1);
        assert_eq!([first.slot.order(), busy.slot.order()], [Order::Cut, Order::GoOn]);
        assert_eq!(slots.make_room(), 0);
    }

    #[test]
    fn who_gives_up_most_requests_is_cut_off() {
        let slots = slots();
        let taken = slots.take();
        for _ in 0..=GIVEN_UP_MAX {
            taken.slot.count_request();
            drop(super::super::slot::Open::new(&taken.slot));
        }
        slots.look_at(&taken.slot, taken.slot.now());
        assert_eq!((taken.slot.order(), taken.slot.reason()), (Order::Cut, Closed::Protocol));
    }

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        let hour = Duration::from_hours(1);
        let ages: Vec<Duration> = (0..100).map(|number| jittered(hour, number)).collect();
        assert!(ages.iter().all(|age| (hour * 9 / 10..=hour).contains(age)));
        assert!(ages.iter().max() > ages.iter().min());
    }
}
