//! The control for measuring what a hit costs: a bare hyper server that gives one answer.
//!
//! ```text
//! bare_hyper URL [--listen ADDRESS] [--workers N] [--header 'NAME: VALUE']… [--like-marquee]
//! ```
//!
//! It asks URL once, with the headers given, and from then on answers every request with the same status,
//! headers and body from memory, whatever is asked for. So it does what no server of this answer can do
//! without: read and parse a request, write a head and a body. Allocator and runtime are those of
//! Marquee. `--like-marquee` gives its connections the same limits (a timer for heads, a limit of their
//! bytes) as well, which tells what those cost.

#![expect(clippy::print_stdout, reason = "whoever starts it reads the address")]

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tikv_jemallocator::Jemalloc;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

struct Arguments {
    url: Uri,
    listen: SocketAddr,
    workers: Option<usize>,
    headers: HeaderMap,
    like_marquee: bool,
}

/// What every request is answered with.
#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = arguments.workers {
        runtime.worker_threads(workers);
    }
    runtime.enable_all().build()?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let tasks = TaskTracker::new();
    let answer = ask(&arguments, &tasks).await.context("cannot get the answer to give")?;
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("{}", listener.local_addr()?);
    let mut builder = http1::Builder::new();
    if arguments.like_marquee {
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(10))
            .max_header_size(32 * 1024);
    }
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        let service = service_fn(move |_: Request<Incoming>| {
            std::future::ready(Ok::<_, Infallible>(answer.to_response()))
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tasks.spawn(async move { drop(connection.await) });
    }
}

impl Answer {
    fn to_response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// Asks for the answer.
async fn ask(arguments: &Arguments, tasks: &TaskTracker) -> anyhow::Result<Answer> {
    let authority = arguments.url.authority().context("the URL names no server")?.as_str();
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tasks.spawn(async move { drop(connection.await) });
    let target = arguments.url.path_and_query().context("the URL has no path")?.as_str();
    let mut request = Request::get(target).header(header::HOST, authority);
    request.headers_mut().context("no request")?.extend(arguments.headers.clone());
    let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    let (mut parts, body) = response.into_parts();
    ensure!(
        parts.status.is_success() || parts.status == StatusCode::NOT_MODIFIED,
        "the answer is {}",
        parts.status
    );
    // Those that hyper writes itself, or that are of the connection.
    for name in [header::DATE, header::CONTENT_LENGTH, header::CONNECTION] {
        parts.headers.remove(name);
    }
    let body = body.collect().await?.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut url = None;
        let mut listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (mut workers, mut headers, mut like_marquee) = (None, HeaderMap::new(), false);
        while let Some(argument) = given.next() {
            let mut value = || given.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--listen" => listen = value()?.parse()?,
                "--workers" => workers = Some(value()?.parse()?),
                "--header" => {
                    let line = value()?;
                    let (name, text) = line.split_once(": ").context("a header is NAME: VALUE")?;
                    headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(text)?);
                }
                "--like-marquee" => like_marquee = true,
                _ if url.is_none() => url = Some(argument.parse()?),
                _ => bail!("what is {argument}?"),
            }
        }
        let url = url.context("give the URL of the answer")?;
        Ok(Self { url, listen, workers, headers, like_marquee })
    }
}
