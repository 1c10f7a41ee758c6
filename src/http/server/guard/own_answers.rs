//! What a guard writes itself: answers to requests that are known by their bytes, and what the client did
//! not take of them at once.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    super::{
        head,
        slot::{Order, Phase},
    },
    At, Guard,
};

/// Once so many bytes of answers are made for requests that came at once, the parser gets the rest.
const AT_ONCE: usize = 256 * 1024;
/// What a thread keeps for making answers.
const SCRATCH_MAX: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Answers requests by the bytes of their heads alone.
pub(in super::super) trait ByBytes {
    /// The answer: its head is put behind what is in `out`, its body is given.
    fn answer(&self, head: &[u8], out: &mut Vec<u8>) -> Option<Bytes>;

    /// A head without a body that goes to the parser.
    fn learn(&self, head: &[u8]);
}

/// What is still to be written past the parser.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    pub(super) pieces: [Bytes; 2],
    /// Whether some of it may wait in the stream.
    pub(super) unflushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin, B: ByBytes> Guard<S, B> {
    /// Answers the requests that `bytes` begin with, as long as it takes no parser; gives how many bytes
    /// they have. What the client does not take at once is left to [`Self::poll_unsent`].
    pub(super) fn answer_by_bytes(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> io::Result<usize> {
        self.quiet |= self.slot.phase().0 == Phase::Idle;
        if !self.quiet || self.at != At::Head || self.slot.order() != Order::GoOn {
            return Ok(0);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            let (mut answered, mut body) = (0, Bytes::new());
            while answered < bytes.len() && scratch.len() < AT_ONCE {
                let Some(length) = head::end(&bytes[answered..]) else { break };
                let before = scratch.len();
                scratch.extend_from_slice(&body);
                let head = &bytes[answered..answered + length];
                let Some(next) = self.by_bytes.answer(head, scratch) else {
                    scratch.truncate(before);
                    break;
                };
                body = next;
                answered += length;
            }
            if answered > 0 {
                self.slot.enter_idle();
                self.write_at_once(context, scratch, body)?;
            }
            if scratch.capacity() > SCRATCH_MAX {
                *scratch = Vec::new();
            }
            Ok(answered)
        })
    }

    fn write_at_once(
        &mut self,
        context: &mut Context<'_>,
        head: &[u8],
        mut body: Bytes,
    ) -> io::Result<()> {
        let pieces = [IoSlice::new(head), IoSlice::new(&body)];
        let pieces = if body.is_empty() { &pieces[..1] } else { &pieces[..] };
        let written = match Pin::new(&mut self.stream).poll_write_vectored(context, pieces) {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        let of_head = written.min(head.len());
        body.advance(written - of_head);
        self.unsent.pieces = [Bytes::copy_from_slice(&head[of_head..]), body];
        self.unsent.unflushed = true;
        if let Poll::Ready(done) = self.poll_unsent(context) {
            return done;
        }
        self.slot.enter_busy(); // until it is taken
        Ok(())
    }

    pub(super) fn poll_unsent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unsent.unflushed {
            return Poll::Ready(Ok(()));
        }
        while let Some(at) = self.unsent.pieces.iter().position(|bytes| !bytes.is_empty()) {
            let polled = Pin::new(&mut self.stream).poll_write(context, &self.unsent.pieces[at]);
            let written = ready!(self.taken(polled))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.pieces[at].advance(written);
        }
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        ready!(self.taken(polled))?;
        self.unsent.unflushed = false;
        Poll::Ready(Ok(()))
    }

    /// Notes whether a write waits for the client.
    pub(super) fn taken<T>(&mut self, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() != self.blocked {
            self.blocked = polled.is_pending();
            self.slot.set_blocked(self.blocked);
        }
        polled
    }
}
