//! A connection's stream as the HTTP/1 parser sees it: whole heads that have one reading, and bodies
//! that end where they say.
//!
//! The guard follows each request to its end. A head that arrives in pieces is held back until it is
//! whole. In the place of one that is not taken, the parser gets a byte that it refuses by itself, at
//! once and after the answers before it; what it writes then is replaced by an answer that says why.
//!
//! While the parser has nothing to do, requests that are answered by their bytes alone ([`ByBytes`]) do
//! not reach it.
//!
//! **Invariant:** an answer is never written here while the parser has a request, or bytes to write.
//! **Invariant:** after a refusal no byte of that client reaches the parser.
//! **Invariant:** a connection without a request has no buffer here.

mod own_answers;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use self::own_answers::Unsent;
use super::{
    chunks::Chunks,
    head::{self, Bounds, Checked, Framing},
    metrics::Closed,
    refusal::{Refusal, explained},
    slot::{Order, Phase, Slot},
};

pub(super) use self::own_answers::ByBytes;

/// No request, and refused by the parser at its first byte.
const NO_REQUEST: &[u8] = b"\0\r\n\r\n";
/// A head that comes in pieces is read in pieces of this size.
const PIECE: usize = 1024;
/// What a client that was refused may still send while it closes.
const LINGER_BYTES: usize = 1 << 20;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// A head.
    Head,
    /// A body of which so many bytes are to come.
    Body(u64),
    /// A body in chunks.
    Chunks(Chunks),
    /// A head that is refused.
    Refused(Refusal),
    /// The same, and the parser knows.
    Told(Refusal),
    /// A body that is broken.
    Broken,
}

/// A stream under guard.
#[derive(Debug)]
pub(super) struct Guard<S, B> {
    stream: S,
    by_bytes: B,
    slot: Arc<Slot>,
    bounds: Bounds,
    at: At,
    /// Bytes that the parser has not got yet: first those that it may get, then a piece of a head.
    held: Vec<u8>,
    /// So many of them it may get.
    cleared: usize,
    /// What is to be written before what the parser writes: an explained refusal in its place, or what
    /// the client did not take at once of answers that the parser knows nothing of.
    unsent: Unsent,
    /// Whether the parser has had nothing since it had answered everything.
    quiet: bool,
    /// Whether a write waits for the client.
    blocked: bool,
    /// Whether the client has ended its side.
    ended: bool,
    /// What came since the connection is being closed.
    lingered: Option<usize>,
}

impl<S: AsyncRead + AsyncWrite + Unpin, B: ByBytes> Guard<S, B> {
    /// Guards a stream of which `begun` was read already.
    pub(super) fn new(
        stream: S,
        by_bytes: B,
        slot: Arc<Slot>,
        bounds: Bounds,
        begun: Vec<u8>,
    ) -> Self {
        let mut guard = Self {
            stream,
            by_bytes,
            slot,
            bounds,
            at: At::Head,
            held: begun,
            cleared: 0,
            unsent: Unsent::default(),
            quiet: false,
            blocked: false,
            ended: false,
            lingered: None,
        };
        guard.clear_held();
        guard
    }

    fn clear_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.cleared = self.follow(&held);
        self.held = held;
    }

    /// Follows the requests in `bytes`; gives how many of them the parser may get.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut good = 0;
        while good < bytes.len() {
            let rest = &bytes[good..];
            match &mut self.at {
                At::Head => match head::check(rest, self.bounds) {
                    Checked::Whole(length, framing) => {
                        good += length;
                        self.slot.enter_busy();
                        self.quiet = false;
                        if framing == Framing::Length(0) {
                            self.by_bytes.learn(&rest[..length]);
                        }
                        self.at = match framing {
                            Framing::Length(0) => At::Head,
                            Framing::Length(length) => At::Body(length),
                            Framing::Chunked => At::Chunks(Chunks::START),
                        };
                    }
                    Checked::Partial => break,
                    Checked::Bad(refusal) => self.at = At::Refused(refusal),
                },
                At::Body(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    good += here;
                    *left -= here as u64;
                    if *left == 0 {
                        self.at = At::Head;
                    }
                }
                At::Chunks(chunks) => match chunks.follow(rest) {
                    Ok((length, end)) => {
                        good += length;
                        if end {
                            self.at = At::Head;
                        }
                    }
                    Err(broken) => {
                        good += broken.good;
                        self.at = At::Broken;
                    }
                },
                At::Refused(_) | At::Told(_) | At::Broken => break,
            }
        }
        good
    }

    /// Notes that the rest of a head is waited for, unless an answer is first.
    fn wait_for_head(&self) {
        let waits = self.at == At::Head && !self.blocked && !self.slot.is_open();
        if waits && self.slot.phase().0 != Phase::Head {
            self.slot.enter(Phase::Head);
        }
    }

    fn give_held(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.cleared.min(buffer.remaining());
        buffer.put_slice(&self.held[..length]);
        self.cleared -= length;
        if length == self.held.len() {
            self.held = Vec::new();
        } else {
            self.held.drain(..length);
        }
    }

    /// Reads where nothing is held: most requests are in the parser's buffer at once.
    fn poll_whole(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        loop {
            ready!(self.poll_unsent(context))?;
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let read = buffer.filled().len() - before;
            if read == 0 {
                self.ended = true;
                return Poll::Ready(Ok(true));
            }
            let answered = self.answer_by_bytes(context, &buffer.filled()[before..])?;
            buffer.filled_mut().copy_within(before + answered.., before);
            buffer.set_filled(before + read - answered);
            if answered < read {
                break;
            }
        }
        let read = &buffer.filled()[before..];
        let good = self.follow(read);
        if good < read.len() && self.at == At::Head {
            self.held.extend_from_slice(&read[good..]);
        }
        buffer.set_filled(before + good);
        Poll::Ready(Ok(good > 0))
    }

    /// Reads on where a piece of a head is held.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(context))?;
        self.held.reserve(PIECE);
        let polled = poll_read_buf(Pin::new(&mut self.stream), context, &mut self.held)?;
        let Poll::Ready(read) = polled else {
            self.wait_for_head();
            return Poll::Pending;
        };
        self.ended = read == 0;
        let held = std::mem::take(&mut self.held);
        let answered = self.answer_by_bytes(context, &held)?;
        self.held = held;
        self.held.drain(..answered);
        self.clear_held();
        Poll::Ready(Ok(()))
    }

    /// Waits for the client to close where it may still be sending: a connection that is closed with
    /// bytes unread takes the answer with it.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mid_request = !matches!(self.at, At::Head) || !self.held.is_empty();
        if self.ended || !mid_request {
            return Poll::Ready(Ok(()));
        }
        if self.lingered.is_none() {
            self.slot.enter(Phase::Lingering);
        }
        let lingered = self.lingered.get_or_insert(0);
        while *lingered < LINGER_BYTES {
            let mut scratch = [0; 4096];
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *lingered += buffer.filled().len(),
                Ok(()) | Err(_) => break,
            }
        }
        self.ended = true;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, B: ByBytes + Unpin> AsyncRead for Guard<S, B> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.cleared > 0 {
                this.give_held(buffer);
                return Poll::Ready(Ok(()));
            }
            match this.at {
                At::Head if this.slot.order() == Order::RefuseLate && !this.held.is_empty() => {
                    this.at = At::Refused(Refusal::HeadTimeout);
                }
                At::Refused(refusal) => {
                    if this.blocked {
                        return Poll::Pending; // until the answers before it were taken
                    }
                    if refusal != Refusal::HeadTimeout {
                        this.slot.because(Closed::Protocol);
                    }
                    this.at = At::Told(refusal);
                    buffer.put_slice(NO_REQUEST);
                    return Poll::Ready(Ok(()));
                }
                At::Told(_) => return Poll::Pending,
                At::Broken => {
                    this.slot.tell(Order::Finish, Closed::Protocol); // the answer says so
                    return Poll::Ready(Ok(())); // the end of it
                }
                _ if this.held.is_empty() => {
                    if ready!(this.poll_whole(context, buffer))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                _ => {
                    ready!(this.poll_piece(context))?;
                    if this.ended {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, B: ByBytes + Unpin> AsyncWrite for Guard<S, B> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(context))?;
        if let [head] = pieces {
            let refusal = if let At::Told(refusal) = this.at { Some(refusal) } else { None };
            if let Some(explained) = explained(head, refusal) {
                if refusal.is_none() {
                    this.slot.because(Closed::Protocol);
                    this.at = At::Broken;
                }
                this.unsent = Unsent { pieces: [explained, Bytes::new()], unflushed: true };
                return Poll::Ready(Ok(head.len())); // the flush that follows writes it
            }
        }
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.taken(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(context))?;
        let polled = Pin::new(&mut this.stream).poll_flush(context);
        this.taken(polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_unsent(context))?;
        if this.lingered.is_none() {
            let polled = Pin::new(&mut this.stream).poll_shutdown(context);
            ready!(this.taken(polled))?;
        }
        this.poll_linger(context)
    }
}
