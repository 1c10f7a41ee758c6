//! What is logged, and what is not.

use std::{
    io,
    sync::{Arc, Mutex},
};

use marquee::cache::remote::{Missed, breaker::State};
use tracing_subscriber::fmt::MakeWriter;

use super::{MINUTE, at, digest, eventually, remote, server::Server, works};

/// Keeps what this thread logs.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(log.clone())
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        (log, guard)
    }

    /// Our own lines, without the driver's.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains("marquee::")).map(str::to_owned).collect()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_failure_that_is_logged_without_it() {
    let (log, _guard) = Log::start();
    let server = Server::new(&["--requirepass", "right"]);
    for login in [":sesame", "films:sesame"] {
        let remote = remote(at(&format!("redis://{login}@127.0.0.1:{}", server.port)));
        let failed = remote.get(&digest(1)).await;
        let Err(Missed::Failed(error)) = failed else { panic!("{failed:?}") };
        assert_eq!(remote.breaker(), State::Open);
        assert!(!format!("{error:?} {error} {remote:?}").contains("sesame"));
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("Redis fails"), "{lines:#?}");
    assert!(!log.text().contains("sesame"), "{}", log.text());
}

#[tokio::test]
async fn the_breaker_is_logged_when_it_opens_and_when_it_closes_and_no_operation_is() {
    let (log, _guard) = Log::start();
    let mut server = Server::new(&[]);
    let remote = remote(at(&server.url()));
    works(&remote).await;
    server.kill();
    for _ in 0..100 {
        let _ = remote.put(&digest(1), b"one", MINUTE).await;
    }
    let probes = async || remote.get(&digest(1)).await;
    eventually("a probe fails", probes, |got| matches!(got, Err(Missed::Failed(_)))).await;
    server.start();
    works(&remote).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("left alone") && lines[1].contains("used again"), "{lines:#?}");
}
