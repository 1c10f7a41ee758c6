//! A trap on the way of messages out of a replica. What it catches is of a write that is committed, and that
//! nobody has been told of: the service publishes after the commit.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;

use super::frames::publication;

/// What tells of a write has its revision after magic, version, kind, sender and epoch. A heartbeat has none.
const REVISION_AT: usize = 21;

/// Set or not.
#[derive(Debug)]
pub(super) struct Trap {
    state: watch::Sender<State>,
    /// The highest revision that was let pass: a message that is sent again is of a write that others know.
    passed: AtomicI64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Away,
    Set,
    /// It has caught a message. It keeps back every other one, too, so that none that is sent again comes
    /// through before the sender is dead.
    Sprung,
}

impl Trap {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::new(State::Away), passed: AtomicI64::new(0) }
    }

    /// From now on it catches the first message of a write.
    pub(super) fn set(&self) {
        self.state.send_replace(State::Set);
    }

    /// From now on messages pass.
    pub(super) fn take_away(&self) {
        self.state.send_replace(State::Away);
    }

    /// Waits until it has caught a message.
    pub(super) async fn sprung(&self) {
        let mut state = self.state.subscribe();
        state.wait_for(|state| *state == State::Sprung).await.expect("the sender is here");
    }

    /// Whether it keeps this command from Redis.
    pub(super) fn catches(&self, command: &[u8]) -> bool {
        let Some(revision) = revision(command) else { return false };
        let is_new = revision > self.passed.load(Ordering::SeqCst);
        self.state.send_if_modified(|state| {
            let springs = *state == State::Set && is_new;
            if springs {
                *state = State::Sprung;
            }
            springs
        });
        let is_caught = *self.state.borrow() == State::Sprung;
        if !is_caught {
            self.passed.fetch_max(revision, Ordering::SeqCst);
        }
        is_caught
    }
}

/// The revision that a command tells of.
fn revision(command: &[u8]) -> Option<i64> {
    let payload = &command[publication(command)?];
    let (number, _) = payload.get(REVISION_AT..)?.split_first_chunk()?;
    Some(i64::from_be_bytes(*number))
}

#[test]
fn a_trap_springs_at_the_first_message_of_a_write_and_keeps_back_those_that_follow() {
    let publish = |payload: &[u8]| {
        let head = format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n${}\r\n", payload.len());
        [head.as_bytes(), payload, b"\r\n"].concat()
    };
    let heartbeat = publish(b"13 bytes long");
    let write = |revision: i64| publish(&[&[0; 21][..], &revision.to_be_bytes(), b"rest"].concat());
    let trap = Trap::new();
    assert!(!trap.catches(&write(7)));
    trap.set();
    assert!(!trap.catches(&heartbeat));
    assert!(!trap.catches(&write(7)), "it is sent again");
    assert!(trap.catches(&write(8)));
    assert!(trap.catches(&write(7)));
    trap.take_away();
    assert!(!trap.catches(&write(8)));
}
