//! A trap on the way of messages out of a replica. What it catches is of a write that is committed, and that
//! nobody has been told of: the service publishes after the commit.

use tokio::sync::watch;

use super::frames::publication;

/// A heartbeat has magic, version, kind and sender; what tells of a write has more.
const HEARTBEAT_BYTES: usize = 13;

/// Set or not.
#[derive(Debug)]
pub(super) struct Trap(watch::Sender<State>);

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
        Self(watch::Sender::new(State::Away))
    }

    /// From now on it catches the first message of a write.
    pub(super) fn set(&self) {
        self.0.send_replace(State::Set);
    }

    /// From now on messages pass.
    pub(super) fn take_away(&self) {
        self.0.send_replace(State::Away);
    }

    /// Waits until it has caught a message.
    pub(super) async fn sprung(&self) {
        let mut state = self.0.subscribe();
        state.wait_for(|state| *state == State::Sprung).await.expect("the sender is here");
    }

    /// Whether it keeps this command from Redis.
    pub(super) fn catches(&self, command: &[u8]) -> bool {
        if publication(command).is_none_or(|payload| payload.len() <= HEARTBEAT_BYTES) {
            return false;
        }
        self.0.send_if_modified(|state| {
            let springs = *state == State::Set;
            if springs {
                *state = State::Sprung;
            }
            springs
        });
        *self.0.borrow() == State::Sprung
    }
}

#[test]
fn a_trap_springs_at_the_first_message_of_a_write_and_keeps_back_those_that_follow() {
    let publish = |payload: &str| {
        format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n${}\r\n{payload}\r\n", payload.len())
    };
    let (heartbeat, write) = (publish("13 bytes long"), publish("more than 13 bytes"));
    let trap = Trap::new();
    assert!(!trap.catches(write.as_bytes()));
    trap.set();
    assert!(!trap.catches(heartbeat.as_bytes()));
    assert!(trap.catches(write.as_bytes()));
    assert!(trap.catches(write.as_bytes()));
    trap.take_away();
    assert!(!trap.catches(write.as_bytes()));
}
