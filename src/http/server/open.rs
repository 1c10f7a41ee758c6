//! What a new connection speaks.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use super::{
    Handler, Options,
    head::{self, Checked},
    http1, http2,
    metrics::Closed,
    peer::{Peer, canonical},
    proxy_protocol::{self, Source},
    slot::{Order, Phase, Slot},
    tls,
    transport::Transport,
};

/// What a connection of HTTP/2 begins with (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is read at once to tell what is spoken: most requests are here whole then.
const FIRST_BYTES: usize = 2048;

/// How long what a client sent may be on its way when the listener stops: whoever has just connected has
/// most often sent a request with it.
const JUST_SENT: Duration = Duration::from_millis(100);

/// What every connection of a listener needs.
#[derive(Debug)]
pub(super) struct Server<H> {
    pub(super) handler: Arc<H>,
    pub(super) options: Options,
    pub(super) http1: hyper::server::conn::http1::Builder,
}

/// A connection whose protocol is known. `begun` was read already.
struct Opened {
    transport: Transport,
    peer: Peer,
    begun: Vec<u8>,
    http2: bool,
}

impl<H: Handler> Server<H> {
    pub(super) fn new(handler: Arc<H>, options: Options) -> Self {
        let http1 = http1::builder(&options);
        Self { handler, options, http1 }
    }

    /// Serves a connection to its end.
    pub(super) async fn connection(
        self: Arc<Self>,
        transport: Transport,
        peer: Peer,
        slot: &Arc<Slot>,
    ) {
        let address = peer.address;
        let mut opening = Box::pin(self.open(transport, peer, slot));
        let opened = tokio::select! {
            biased;
            opened = &mut opening => opened,
            () = slot.told() => match slot.order() {
                Order::Finish => match timeout(JUST_SENT, opening).await {
                    Ok(opened) => opened,
                    Err(_) => return,
                },
                _ => return,
            },
        };
        let served = match opened {
            Ok(Opened { transport, peer, begun, http2: true }) => {
                Box::pin(http2::serve(&self, slot, Arc::new(peer), transport, begun)).await
            }
            Ok(Opened { mut transport, peer, mut begun, .. }) => {
                if let Err(error) = self.whole_head(&mut transport, &mut begun, slot).await {
                    tracing::debug!(peer = ?address, %error, "a client left");
                    return;
                }
                Box::pin(http1::serve(&self, slot, Arc::new(peer), transport, begun)).await
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    slot.because(Closed::Protocol);
                }
                tracing::debug!(peer = ?address, %error, "connection refused");
                return;
            }
        };
        if let Err(error) = served {
            tracing::debug!(peer = ?address, %error, "connection failed");
        }
    }

    /// Reads until the first head is whole, so that a client that drips holds no buffers but for what
    /// it sent; or until the connection is told to end, which the parser then sees to.
    async fn whole_head(
        &self,
        transport: &mut Transport,
        begun: &mut Vec<u8>,
        slot: &Slot,
    ) -> io::Result<()> {
        let bounds = http1::bounds(&self.options);
        while head::check(begun, bounds) == Checked::Partial {
            if !begun.is_empty() && slot.phase().0 == Phase::Opening {
                slot.enter(Phase::Head);
            }
            let count = tokio::select! {
                biased;
                count = read_some(transport, begun) => count?,
                () = slot.told() => break,
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    async fn open(&self, transport: Transport, mut peer: Peer, slot: &Slot) -> io::Result<Opened> {
        let mut transport = transport;
        if let Transport::Tcp(mut stream) = transport {
            if let Some(proxies) = &self.options.proxies {
                let trusted = |address: SocketAddr| {
                    proxies.iter().any(|network| network.contains(&address.ip()))
                };
                if !peer.address.is_some_and(trusted) {
                    let untrusted = "not from a trusted proxy";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, untrusted));
                }
                peer = behind(peer, Box::pin(proxy_protocol::read(&mut stream)).await?);
                slot.enter(Phase::Opening);
            }
            if self.options.tls.is_some() {
                return Box::pin(self.handshake(stream, peer, slot)).await;
            }
            transport = Transport::Tcp(stream);
        }
        let mut begun = Vec::new();
        let http2 = loop {
            let count = begun.len().min(PREFACE.len());
            if begun[..count] != PREFACE[..count] {
                break false;
            }
            if count == PREFACE.len() {
                break true;
            }
            if read_some(&mut transport, &mut begun).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        Ok(Opened { transport, peer, begun, http2 })
    }

    async fn handshake(&self, stream: TcpStream, peer: Peer, slot: &Slot) -> io::Result<Opened> {
        let Some(tls) = &self.options.tls else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let shaken = tls.acceptor().accept(stream).await;
        let stream = shaken.inspect_err(|_| self.options.connections.handshake_failures.inc())?;
        slot.enter(Phase::Opening);
        let (_, session) = stream.get_ref();
        let http2 = session.alpn_protocol() == Some(b"h2");
        let shown = session.peer_certificates().and_then(|chain| chain.first());
        let subject = shown.map(|leaf| tls::subject(leaf).unwrap_or_default().into());
        let transport = Transport::Tls(Box::new(stream));
        Ok(Opened {
            transport,
            peer: Peer { tls: true, subject, ..peer },
            begun: Vec::new(),
            http2,
        })
    }
}

/// Whom a proxy speaks for.
fn behind(proxy: Peer, source: Source) -> Peer {
    let via = proxy.address;
    match source {
        Source::Proxy => proxy,
        Source::Client(address) => Peer { address: Some(canonical(address)), via, ..proxy },
        Source::Unknown => Peer { address: None, via, ..proxy },
    }
}

/// Reads what is there, and has no buffer while nothing is.
async fn read_some(transport: &mut Transport, begun: &mut Vec<u8>) -> io::Result<usize> {
    poll_fn(|context| {
        let mut scratch = [0; FIRST_BYTES];
        let mut buffer = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut *transport).poll_read(context, &mut buffer))?;
        begun.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
    .await
}
