//! A Redis server of a test's own: with a password, killed, or one of several.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
};

use tempfile::TempDir;

/// How often a free port may be taken by somebody else before the server has it.
const ATTEMPTS: usize = 5;

/// A private server. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: TempDir,
    arguments: Vec<String>,
    child: Child,
}

impl Server {
    /// A server with these arguments after the usual ones.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self::with(|_| arguments.iter().map(|&argument| argument.to_owned()).collect())
    }

    /// A server whose arguments follow from its port.
    pub(crate) fn with(arguments: impl Fn(u16) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for _ in 0..ATTEMPTS {
            let port = free_port();
            let arguments = arguments(port);
            let usual = usual(port, &folder);
            if let Some(child) = start(&[&usual[..], &arguments].concat(), READY) {
                return Self { port, folder, arguments, child };
            }
        }
        panic!("redis-server did not start");
    }

    /// A Sentinel with these settings.
    pub(crate) fn sentinel(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for _ in 0..ATTEMPTS {
            let port = free_port();
            let file = folder.path().join("sentinel.conf");
            let text = format!("port {port}\nbind 127.0.0.1\n{settings}\n");
            fs::write(&file, text).expect("a file can be written");
            let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
            if let Some(child) = start(&arguments, "+monitor master") {
                return Self { port, folder, arguments, child };
            }
        }
        panic!("redis-server did not start as a Sentinel");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A client that knows no deadlines and no breaker.
    pub(crate) async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> T {
        ask(&self.url(), command).await
    }

    /// Ends it as a power cut would; its port is refused then.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, on its port, without what it knew.
    pub(crate) fn start(&mut self) {
        let arguments = [&usual(self.port, &self.folder)[..], &self.arguments].concat();
        self.child = start(&arguments, READY).expect("its port is free");
    }

    /// Stops it: it takes connections and bytes, and answers nothing.
    pub(crate) fn hang(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("sh can be started");
        assert!(sent.success(), "{kill}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks a server past the shared cache, with words that have no spaces in them.
pub(crate) async fn ask<T: redis::FromRedisValue>(url: &str, command: &str) -> T {
    let client = redis::Client::open(url).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let mut words = command.split(' ');
    let mut question = redis::cmd(words.next().expect("a command"));
    words.for_each(|word| {
        question.arg(word);
    });
    question.query_async(&mut connection).await.expect(command)
}

const READY: &str = "Ready to accept connections";

fn usual(port: u16, folder: &TempDir) -> Vec<String> {
    let folder = folder.path().display().to_string();
    let port = port.to_string();
    let usual = ["--bind", "127.0.0.1", "--port", &port, "--dir", &folder];
    let nothing_kept = ["--save", "", "--appendonly", "no"];
    usual.iter().chain(&nothing_kept).map(|&argument| argument.to_owned()).collect()
}

/// A port that is free now, below those that the system hands out: its own connections to the
/// server's port, while nobody listens there, could meet themselves.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = 20_000 + u16::try_from(getrandom::u32().expect("chance") % 12_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts a server and waits for the line that says it serves; `None` if it ends before that.
fn start(arguments: &[String], ready: &str) -> Option<Child> {
    #[expect(clippy::disallowed_methods, reason = "the test script says where the program is")]
    let program = std::env::var("TEST_REDIS_PROGRAM").unwrap_or_else(|_| "redis-server".into());
    let mut child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; run the tests with `make test`"));
    let output = child.stdout.take().expect("standard output is a pipe");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    if lines.any(|line| line.contains(ready)) {
        // Its pipe must not run full. The thread ends with the server.
        thread::spawn(move || lines.for_each(drop));
        return Some(child);
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
