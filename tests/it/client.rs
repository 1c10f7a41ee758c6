//! A plain HTTP client: one connection for each request, nothing decoded, nothing followed.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::task::TaskTracker;

/// A client of one listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    address: SocketAddr,
}

impl Client {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub(crate) const fn address(self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn get(self, target: &str) -> Answer {
        self.request(Method::GET, target).send().await
    }

    /// The answer, or `Err` when there is none.
    pub(crate) async fn get_or_fail(self, target: &str) -> anyhow::Result<Answer> {
        self.request(Method::GET, target).try_send().await
    }

    /// Sends a JSON body.
    pub(crate) async fn post(self, target: &str, body: &Value) -> Answer {
        self.request(Method::POST, target).json(body).send().await
    }

    pub(crate) fn request(self, method: Method, target: &str) -> Asked {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().expect("the test's target is a URI");
        let host = HeaderValue::from_str(&self.address.to_string());
        request.headers_mut().insert(HOST, host.expect("an address is a header value"));
        Asked { address: self.address, request }
    }

    /// A connection of its own, for requests that no client should send.
    pub(crate) async fn connect(self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server accepts")
    }

    /// Sends bytes as they are, and reads until the server closes the connection.
    pub(crate) async fn raw(self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("the server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the server answers");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A request that is being put together.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    address: SocketAddr,
    request: Request<Full<Bytes>>,
}

impl Asked {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("the test's value is a header value");
        self.request.headers_mut().append(HeaderName::from_static(name), value);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let mut json = self.body(body.to_string());
        let kind = HeaderValue::from_static("application/json");
        json.request.headers_mut().entry(CONTENT_TYPE).or_insert(kind);
        json
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let target = self.request.uri().to_string();
        self.try_send().await.unwrap_or_else(|error| panic!("{target} has no answer: {error}"))
    }

    /// The answer, or `Err` when the server is not there, or gone before it has answered.
    pub(crate) async fn try_send(self) -> anyhow::Result<Answer> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let running = TaskTracker::new().spawn(connection);
        let response = sender.send_request(self.request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        running.abort();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The answer itself, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// A header's value; the empty text where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("the header is ASCII"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}
