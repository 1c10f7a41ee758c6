//! What a client of HTTP/2 may send beside requests and their bodies.
//!
//! PING, SETTINGS, `WINDOW_UPDATE`, PRIORITY, frames that are empty or of no known type: each is cheap to
//! send, asks for no answer that anybody counts, and takes its time here. The library reads them for as long
//! as they come: eight connections that send nothing else kept two cores busy, and everyone else waiting
//! (CVE-2019-9512, -9515 and -9518 are of this kind). So a connection has an allowance for them, which
//! requests, bodies, what the client takes of answers, and time earn.
//!
//! **Invariant:** a client that does what it came for never comes to the end of its allowance.

use std::time::{Duration, Instant};

use super::open::PREFACE;

/// The most that is saved, and what a connection begins with.
const MOST: u32 = 2_000;
/// What a second earns: clients ping some times in a minute, or in a second to measure the line.
const EACH_SECOND: u32 = 100;
/// What a request earns: it may be given a priority, and up.
const REQUEST: u32 = 4;
/// For so many bytes of a body, or of answers, there is one: a client says at least once for each 16 KiB
/// that it has room again, and some say so for each piece that they read.
const BYTES: u32 = 256;

const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// The frames of one connection, and what is left of its allowance.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes of the preface, or of a frame, that are still to come.
    skip: u32,
    head: [u8; HEAD],
    /// Bytes of a head that came.
    came: usize,
    left: u32,
    /// Bytes that have not earned anything yet.
    bytes: u32,
    since: Instant,
}

/// The allowance is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Frames {
    /// Of a connection that begins with its preface.
    pub(super) fn new(now: Instant) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "24 bytes")]
        let skip = PREFACE.len() as u32;
        Self { skip, head: [0; HEAD], came: 0, left: MOST, bytes: 0, since: now }
    }

    /// Follows the frames through what came.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(super) fn came(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), TooMany> {
        self.pass(now);
        while !bytes.is_empty() {
            if self.skip > 0 {
                let here = self.skip.min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                self.skip -= here;
                bytes = &bytes[here as usize..];
                continue;
            }
            let here = (HEAD - self.came).min(bytes.len());
            self.head[self.came..self.came + here].copy_from_slice(&bytes[..here]);
            self.came += here;
            bytes = &bytes[here..];
            if self.came == HEAD {
                self.came = 0;
                self.begin()?;
            }
        }
        Ok(())
    }

    /// Notes what the client took of answers.
    pub(super) fn took(&mut self, bytes: usize) {
        self.earn_bytes(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// Reads the head of a frame.
    fn begin(&mut self) -> Result<(), TooMany> {
        let [high, mid, low, kind, ..] = self.head;
        let length = u32::from_be_bytes([0, high, mid, low]);
        self.skip = length;
        if kind == HEADERS {
            self.earn(REQUEST);
            return Ok(());
        }
        self.left = self.left.checked_sub(1).ok_or(TooMany)?;
        if kind == DATA {
            self.earn_bytes(length);
        }
        Ok(())
    }

    fn pass(&mut self, now: Instant) {
        let step = Duration::from_secs(1) / EACH_SECOND;
        let steps = now.saturating_duration_since(self.since).as_nanos() / step.as_nanos();
        if steps > 0 {
            let steps = u32::try_from(steps).unwrap_or(u32::MAX).min(MOST);
            self.earn(steps);
            self.since = if steps == MOST { now } else { self.since + step * steps };
        }
    }

    fn earn_bytes(&mut self, bytes: u32) {
        let bytes = self.bytes.saturating_add(bytes);
        self.bytes = bytes % BYTES;
        self.earn(bytes / BYTES);
    }

    fn earn(&mut self, frames: u32) {
        self.left = self.left.saturating_add(frames).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: u8 = 6;
    const WINDOW_UPDATE: u8 = 8;

    fn frame(kind: u8, length: u32) -> Vec<u8> {
        let [_, high, mid, low] = length.to_be_bytes();
        let mut frame = vec![high, mid, low, kind, 0, 0, 0, 0, 1];
        frame.resize(HEAD + length as usize, 7);
        frame
    }

    /// A connection whose preface came.
    fn begun() -> (Frames, Instant) {
        let now = Instant::now();
        let mut frames = Frames::new(now);
        frames.came(PREFACE, now).unwrap();
        (frames, now)
    }

    /// How many frames pass at once.
    fn passes(frames: &mut Frames, kind: u8, length: u32, now: Instant) -> u32 {
        let bytes = frame(kind, length);
        let passed = (0..10 * MOST).find(|_| frames.came(&bytes, now).is_err());
        frames.skip = 0; // of the one that did not
        passed.unwrap_or(u32::MAX)
    }

    #[test]
    fn frames_that_ask_for_nothing_come_to_an_end() {
        for (kind, length) in [(PING, 8), (4, 6), (WINDOW_UPDATE, 4), (DATA, 0), (9, 0), (250, 40)]
        {
            let (mut frames, now) = begun();
            assert_eq!(passes(&mut frames, kind, length, now), MOST, "of type {kind}");
        }
    }

    #[test]
    fn they_are_followed_through_any_pieces() {
        let all = [frame(HEADERS, 30), frame(PING, 8), frame(DATA, 300), frame(DATA, 0)].concat();
        for size in 1..all.len() {
            let (mut frames, now) = begun();
            frames.left = 100;
            for piece in all.chunks(size) {
                frames.came(piece, now).unwrap();
            }
            assert_eq!((frames.left, frames.came, frames.skip), (100 + 4 - 3 + 1, 0, 0));
        }
    }

    #[test]
    fn requests_bodies_answers_and_time_earn_an_allowance() {
        let (mut frames, now) = begun();
        assert_eq!(passes(&mut frames, HEADERS, 20, now), u32::MAX, "requests cost nothing");
        assert_eq!(passes(&mut frames, DATA, 256, now), u32::MAX, "bodies earn their frames");
        for _ in 0..100_000 {
            frames.took(16 * 1024);
            for _ in 0..64 {
                frames.came(&frame(WINDOW_UPDATE, 4), now).unwrap();
            }
        }
        frames.took(64 * 256);
        assert_eq!(passes(&mut frames, PING, 8, now), MOST);
        let later = now + Duration::from_millis(505);
        assert_eq!(passes(&mut frames, PING, 8, later), 50);
        assert_eq!(passes(&mut frames, PING, 8, later + Duration::from_millis(5)), 1);
        assert_eq!(passes(&mut frames, PING, 8, later + Duration::from_hours(1)), MOST);
    }
}
