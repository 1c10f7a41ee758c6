//! A connection of HTTP/1.1, with as little as a client can do: a request is written, its answer is read.

use std::{io, net::SocketAddr, ops::Range, time::Duration};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// The longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Free bytes in the buffer before more is read.
const ROOM: usize = 32 * 1024;
const FIELDS_MAX: usize = 64;

/// A connection that is made when it is needed, and anew when the server has ended it.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) etag: &'a [u8],
    /// `Catalog-Revision`.
    pub(crate) revision: Option<u64>,
    pub(crate) cache_status: &'a [u8],
    /// The load balancer's word on who answered.
    pub(crate) served_by: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// Where in the buffer an answer's parts are.
#[derive(Debug, Default)]
struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
    ends: bool,
    etag: Range<usize>,
    revision: Option<u64>,
    cache_status: Range<usize>,
    served_by: Range<usize>,
}

impl Connection {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::new() }
    }

    /// # Errors
    /// The system's.
    pub(crate) async fn connect(&mut self) -> io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Sends a request and reads the answer. A read on a connection that was kept and that the server has
    /// ended meanwhile is sent again, as any client does.
    ///
    /// # Errors
    /// The system's; `TimedOut`; `InvalidData` where the answer is none.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let head = match timeout(ANSWER_MAX, self.ask_again_if_ended(request)).await {
            Ok(Ok(head)) => head,
            failed => {
                self.stream = None;
                failed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?
            }
        };
        if head.ends {
            self.stream = None;
        }
        let body = &self.buffer[head.bytes..head.bytes + head.body_bytes];
        Ok(Answer {
            status: head.status,
            etag: &self.buffer[head.etag],
            revision: head.revision,
            cache_status: &self.buffer[head.cache_status],
            served_by: &self.buffer[head.served_by],
            body,
        })
    }

    async fn ask_again_if_ended(&mut self, request: &[u8]) -> io::Result<Head> {
        let was_kept = self.stream.is_some();
        match self.exchange(request).await {
            Err(error) if was_kept && self.is_safe_again(request, &error) => {
                self.stream = None;
                self.exchange(request).await
            }
            done => done,
        }
    }

    fn is_safe_again(&self, request: &[u8], error: &io::Error) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        self.buffer.is_empty()
            && request.starts_with(b"GET ")
            && matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Head> {
        self.buffer.clear();
        self.connect().await?.write_all(request).await?;
        let head = loop {
            self.read_more().await?;
            if let Some(head) = Head::read(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < head.bytes + head.body_bytes {
            self.read_more().await?;
        }
        if self.buffer.len() > head.bytes + head.body_bytes {
            return Err(invalid("there is more than was asked for"));
        }
        Ok(head)
    }

    /// Sends the same request so many times at once, and reads all answers; gives how many were good.
    ///
    /// # Errors
    /// As [`Connection::ask`].
    pub(crate) async fn pipeline(&mut self, request: &[u8], times: usize) -> io::Result<usize> {
        let all = request.repeat(times);
        let exchange = async {
            self.buffer.clear();
            self.connect().await?.write_all(&all).await?;
            let (mut good, mut read) = (0, 0);
            for _ in 0..times {
                let head = loop {
                    if let Some(head) = Head::read(&self.buffer[read..])? {
                        break head;
                    }
                    self.read_more().await?;
                };
                read += head.bytes + head.body_bytes;
                while self.buffer.len() < read {
                    self.read_more().await?;
                }
                good += usize::from(head.status == 200);
            }
            Ok(good)
        };
        match timeout(ANSWER_MAX, exchange).await {
            Ok(done) => done,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.buffer.capacity() - self.buffer.len() < ROOM / 2 {
            self.buffer.reserve(ROOM);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        match stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Answer<'_> {
    /// Whether it may be older than promised and says so.
    pub(crate) fn is_marked(&self) -> bool {
        memmem::find(self.cache_status, b"detail=unverified").is_some()
    }
}

impl Head {
    /// The head that bytes begin with; `None` where it is not whole.
    fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut parsed = httparse::Response::new(&mut fields);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(invalid(&error.to_string())),
        };
        let place = |value: &[u8]| {
            let start = value.as_ptr().addr() - bytes.as_ptr().addr();
            start..start + value.len()
        };
        let status = parsed.code.ok_or_else(|| invalid("no status"))?;
        let mut head = Self { status, bytes: length, ..Self::default() };
        let mut framed = matches!(status, 204 | 304);
        for field in parsed.headers.iter() {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            // By length first: most fields are none of these.
            match field.name.len() {
                4 if is("etag") => head.etag = place(field.value),
                10 if is("connection") => head.ends |= field.value.eq_ignore_ascii_case(b"close"),
                11 if is("x-served-by") => head.served_by = place(field.value),
                12 if is("cache-status") => head.cache_status = place(field.value),
                14 if is("content-length") => {
                    let length = number(field.value).ok_or_else(|| invalid("a bad length"))?;
                    if !framed {
                        head.body_bytes = usize::try_from(length).unwrap_or(usize::MAX);
                        framed = true;
                    }
                }
                16 if is("catalog-revision") => head.revision = number(field.value),
                17 if is("transfer-encoding") => {
                    return Err(invalid("an answer in chunks, which this client does not read"));
                }
                _ => {}
            }
        }
        if framed { Ok(Some(head)) } else { Err(invalid("an answer without a length")) }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives these bytes to each connection in turn, once a request is there.
    async fn server(answers: Vec<&'static [u8]>) -> (SocketAddr, impl Future<Output = ()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await.unwrap();
                for part in answer.chunks(7) {
                    stream.write_all(part).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        };
        (address, serving)
    }

    const FULL: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"x\"\r\nCatalog-Revision: 7\r\nX-Served-By: a\r\n\
                          Cache-Status: marquee-l1; hit; ttl=3; detail=unverified\r\nContent-Length: 2\r\n\r\n{}";

    #[tokio::test]
    async fn an_answer_is_read_whole_however_it_arrives() {
        let (address, serving) = server(vec![FULL]).await;
        let mut connection = Connection::new(address);
        let asking = async {
            let answer = connection.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            assert_eq!((answer.status, answer.revision), (200, Some(7)));
            assert_eq!((answer.etag, answer.body), (&b"\"x\""[..], &b"{}"[..]));
            assert_eq!(answer.served_by, b"a");
            assert!(answer.is_marked());
        };
        futures_util::future::join(serving, asking).await;
    }

    #[tokio::test]
    async fn a_read_is_sent_again_where_the_kept_connection_has_ended_and_a_write_is_not() {
        let (address, serving) = server(vec![FULL, FULL, FULL]).await;
        let mut connection = Connection::new(address);
        let asking = async {
            for _ in 0..2 {
                connection.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            }
            let write = b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n";
            assert!(connection.ask(write).await.is_err());
            connection.ask(write).await.unwrap();
        };
        futures_util::future::join(serving, asking).await;
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxx",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
            b"nonsense\r\n\r\n",
        ] {
            let (address, serving) = server(vec![bytes]).await;
            let mut connection = Connection::new(address);
            let asking = async { connection.ask(b"GET / HTTP/1.1\r\n\r\n").await.is_err() };
            assert!(futures_util::future::join(serving, asking).await.1);
        }
    }
}
