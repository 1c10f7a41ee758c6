//! The checker's own HTTP client: a kept connection, and no more work on an answer than a check needs.
//!
//! **Invariant:** nothing is sent twice unless the server closed a kept connection before it answered
//! anything, and then only what is safe to repeat.

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Longer than any answer takes that a client would wait for.
const PATIENCE: Duration = Duration::from_secs(12);

/// A content coding that the checker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
}

impl Coding {
    pub(crate) const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Brotli, Self::Zstd];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The identity of an encoded body.
    pub(crate) fn decode(self, body: &Bytes) -> Option<Bytes> {
        use std::io::Read as _;
        let mut plain = Vec::with_capacity(body.len() * 4);
        let read = match self {
            Self::Identity => return Some(body.clone()),
            Self::Gzip => flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain),
            Self::Brotli => brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut plain),
            Self::Zstd => return zstd::decode_all(&body[..]).ok().map(Bytes::from),
        };
        read.ok().map(|_| plain.into())
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Nothing was sent.
    #[error("the connection was refused: {0}")]
    Refused(std::io::Error),
    /// Whether the request was done is not known.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Whether the request was done is not known.
    #[error("no answer in {PATIENCE:?}")]
    TimedOut,
}

impl NoAnswer {
    /// Whether the server may have done what was asked.
    pub(crate) const fn may_be_done(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The status line and headers as they came.
    pub(crate) head: Bytes,
    pub(crate) body: Bytes,
    /// `Catalog-Revision`.
    pub(crate) revision: Option<i64>,
    pub(crate) etag: Option<Box<str>>,
    pub(crate) coding: Coding,
    /// `Cache-Status`; empty where there is none.
    pub(crate) cache_status: Box<str>,
    /// The replica that the load balancer says has answered.
    pub(crate) served_by: Option<usize>,
    /// Whether it is a problem document, which only the service itself writes.
    pub(crate) problem: bool,
}

impl Reply {
    /// Whether the service says that it could not make sure that the answer is current.
    pub(crate) fn is_marked(&self) -> bool {
        self.cache_status.contains("detail=unverified")
    }
}

/// A kept connection to one listener.
#[derive(Debug)]
pub(crate) struct Wire {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: BytesMut,
}

/// Whether a request may be sent again where nobody knows if it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Safe,
    Never,
}

impl Wire {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: BytesMut::with_capacity(16 * 1024) }
    }

    /// Sends a whole request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &[u8], repeat: Repeat) -> Result<Reply, NoAnswer> {
        let answer = timeout(PATIENCE, self.ask_once_or_twice(request, repeat)).await;
        let answer = answer.unwrap_or(Err(NoAnswer::TimedOut));
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    async fn ask_once_or_twice(
        &mut self,
        request: &[u8],
        repeat: Repeat,
    ) -> Result<Reply, NoAnswer> {
        // An idle connection that the server closed is noticed by nothing but its use.
        if self.stream.is_some() && repeat == Repeat::Safe {
            match self.once(request).await {
                Err(NoAnswer::Lost(_)) if self.buffer.is_empty() => self.stream = None,
                answer => return answer,
            }
        } else if repeat == Repeat::Never {
            self.stream = None;
        }
        self.once(request).await
    }

    async fn once(&mut self, request: &[u8]) -> Result<Reply, NoAnswer> {
        self.buffer.clear();
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await.map_err(NoAnswer::Refused)?;
            stream.set_nodelay(true).map_err(NoAnswer::Refused)?;
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { unreachable!("it was just set") };
        let lost = |error: std::io::Error| NoAnswer::Lost(error.to_string());
        stream.write_all(request).await.map_err(lost)?;
        let head_bytes = loop {
            if let Some(at) = end_of_head(&self.buffer) {
                break at;
            }
            if stream.read_buf(&mut self.buffer).await.map_err(lost)? == 0 {
                return Err(NoAnswer::Lost("closed before the end of a head".to_owned()));
            }
        };
        let head = self.buffer.split_to(head_bytes).freeze();
        let Some((mut reply, length, close)) = read_head(head) else {
            return Err(NoAnswer::Lost("the head is not HTTP/1.1".to_owned()));
        };
        if let Some(length) = length {
            while self.buffer.len() < length {
                if stream.read_buf(&mut self.buffer).await.map_err(lost)? == 0 {
                    return Err(NoAnswer::Lost("closed before the end of a body".to_owned()));
                }
            }
            reply.body = Bytes::copy_from_slice(&self.buffer[..length]);
            self.buffer.advance(length);
        } else {
            while stream.read_buf(&mut self.buffer).await.map_err(lost)? > 0 {}
            reply.body = self.buffer.split().freeze();
        }
        if close || length.is_none() {
            self.stream = None;
        }
        Ok(reply)
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(at + 4)
}

/// The head, the body's length where it says one, and whether the connection ends with it.
fn read_head(head: Bytes) -> Option<(Reply, Option<usize>, bool)> {
    let text = std::str::from_utf8(&head).ok()?;
    let mut lines = text.split("\r\n");
    let status: u16 = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let mut reply = Reply {
        status,
        head: Bytes::new(),
        body: Bytes::new(),
        revision: None,
        etag: None,
        coding: Coding::Identity,
        cache_status: "".into(),
        served_by: None,
        problem: false,
    };
    let bodiless = matches!(status, 204 | 304);
    let (mut length, mut close) = (bodiless.then_some(0), false);
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { continue };
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            14 if is("content-length") && !bodiless => length = Some(value.parse().ok()?),
            16 if is("catalog-revision") => reply.revision = Some(value.parse().ok()?),
            4 if is("etag") => reply.etag = Some(value.into()),
            12 if is("cache-status") => reply.cache_status = value.into(),
            12 if is("content-type") => reply.problem = value.contains("problem+json"),
            11 if is("x-served-by") => {
                reply.served_by = value.strip_prefix('r').and_then(|n| n.parse().ok());
            }
            10 if is("connection") => close = value.eq_ignore_ascii_case("close"),
            16 if is("content-encoding") => {
                let coding = Coding::ALL.into_iter().find(|coding| coding.name() == value);
                reply.coding = coding?;
            }
            _ => {}
        }
    }
    reply.head = head;
    Some((reply, length, close))
}

/// A request for reading.
pub(crate) fn get(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("GET", target, headers, None)
}

/// A request with a body, or without.
pub(crate) fn request(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + body.map_or(0, str::len));
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend(part.as_bytes()));
    put(&[method, " ", target, " HTTP/1.1\r\nhost: marquee\r\n"]);
    for (name, value) in headers {
        put(&[name, ": ", value, "\r\n"]);
    }
    if let Some(body) = body {
        put(&["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    put(&["\r\n", body.unwrap_or_default()]);
    bytes
}
