//! The program itself: how it starts, what it says, and how it ends. Here: the program as a process.

mod bundled;
mod crash;
mod descriptors;
mod evaluate;
mod export;
mod health;
mod import;
mod memory;
mod original;
mod rebuild;
mod settings;
mod shutdown;

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{backend::Database, client::Client};

/// Longer than anything here takes on the slowest machine: only a hang gets there.
pub(crate) const HANG: Duration = Duration::from_mins(2);

/// `marquee`, with nothing in its environment but what the test says.
pub(crate) fn marquee(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marquee"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Runs `marquee` to its end.
pub(crate) fn output(arguments: &[&str]) -> Output {
    marquee(arguments).output().expect("marquee can be started")
}

/// `marquee serve` in a process of its own. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: UnboundedReceiver<Value>,
    /// A client of the public listener.
    pub(crate) client: Client,
    /// A client of the admin listener.
    pub(crate) admin: Client,
}

impl Process {
    /// Starts it on a database and waits until it serves.
    pub(crate) async fn serve(database: &Database, flags: &[&str]) -> Self {
        let mut process = Self::start(database, flags).await;
        process.client = process.listener("the catalogue is served").await;
        process
    }

    /// Starts it on a database and waits until it can be asked for its health. There is no `client`
    /// then: it serves nothing yet.
    pub(crate) async fn start(database: &Database, flags: &[&str]) -> Self {
        Self::start_by(marquee(&[]), database, flags).await
    }

    /// The same as [`serve`](Self::serve), with so many file descriptors at most.
    async fn limited(database: &Database, descriptors: u32, flags: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        let limit = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limit, env!("CARGO_BIN_EXE_marquee")]).env_clear().stdin(Stdio::null());
        let mut process = Self::start_by(shell, database, flags).await;
        process.client = process.listener("the catalogue is served").await;
        process
    }

    async fn start_by(mut command: Command, database: &Database, flags: &[&str]) -> Self {
        let elsewhere = flags.iter().any(|flag| flag.starts_with("--listen="));
        let usual = [
            "serve",
            if elsewhere { flags[0] } else { "--listen=127.0.0.1:0" },
            "--admin-listen=127.0.0.1:0",
            "--log-format=json",
            "--database-url",
            &database.url,
        ];
        let mut child = command
            .args(usual)
            .args(&flags[usize::from(elsewhere)..])
            .stderr(Stdio::piped())
            .spawn()
            .expect("marquee can be started");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let (sender, log) = unbounded_channel();
        // Ends with the process.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let _ = sender.send(event);
            }
        });
        let nobody = Client::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut process = Self { child, log, client: nobody, admin: nobody };
        process.admin = process.listener("health checks are answered").await;
        process
    }

    async fn listener(&mut self, message: &str) -> Client {
        let event = self.logged(message).await;
        let address = event["address"].as_str().expect("the event has an address");
        Client::new(address.parse().expect("it is an address"))
    }

    /// The service's next event with this message.
    pub(crate) async fn logged(&mut self, message: &str) -> Value {
        let mut seen = Vec::new();
        let reading = async {
            while let Some(event) = self.log.recv().await {
                if event["message"] == message {
                    return Some(event);
                }
                seen.push(event);
            }
            None
        };
        let found = timeout(HANG, reading).await.unwrap_or_default();
        found.unwrap_or_else(|| panic!("nobody logged {message:?}, but {seen:#?}"))
    }

    /// Sends a signal, like `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("sh can be started");
        assert!(sent.success(), "{kill}");
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let waiting = async {
            loop {
                match self.child.try_wait().expect("the process can be waited for") {
                    Some(status) => return status,
                    None => sleep(Duration::from_millis(5)).await,
                }
            }
        };
        timeout(HANG, waiting).await.expect("the process ends")
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().expect("the process can be killed");
        spawn_blocking(move || self.child.wait()).await.expect("no panic").expect("it is dead");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
