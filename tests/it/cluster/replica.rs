//! One `marquee serve`, which can be killed, stopped and started again at the same addresses.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    programs::{free_port, local, send_signal},
    wire::{Repeat, Wire, get},
};

/// Longer than a start takes on the slowest machine.
const START: Duration = Duration::from_mins(1);
/// Lines of the log that are kept for a report.
const LOG_LINES: usize = 60;

/// A replica, running or not. Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    child: Mutex<Option<Child>>,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Replica {
    /// A replica with these flags, and free ports for its listeners. It does not run yet.
    pub(crate) fn new(flags: Vec<String>, environment: Vec<(String, String)>) -> Self {
        let (public, admin) = (local(free_port()), local(free_port()));
        let mut arguments: Vec<String> = ["serve", "--log-format=json"].map(str::to_owned).into();
        arguments.push(format!("--listen={public}"));
        arguments.push(format!("--admin-listen={admin}"));
        arguments.extend(flags);
        let (child, log) = (Mutex::new(None), Arc::default());
        Self { public, admin, arguments, environment, child, log }
    }

    /// Starts it. [`Replica::ready`] waits until it serves.
    pub(crate) fn start(&self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_marquee"))
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("marquee can be started");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let log = Arc::clone(&self.log);
        // Ends with the process.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                if log.len() == LOG_LINES {
                    log.pop_front();
                }
                log.push_back(line);
            }
        });
        *self.child.lock().expect("no panic") = Some(child);
    }

    /// Waits until it serves; gives how long that took.
    pub(crate) async fn ready(&self) -> Duration {
        let since = Instant::now();
        let mut admin = Wire::new(self.admin);
        loop {
            let answer = admin.ask(&get("/readyz", &[]), Repeat::Safe).await;
            if matches!(answer, Ok(answer) if answer.status == 200) {
                return since.elapsed();
            }
            assert!(since.elapsed() < START, "no replica: {:#?}", self.log());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().expect("no panic").take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Tells it to end, as a service manager would, and waits until it has.
    pub(crate) async fn end(&self) -> ExitStatus {
        self.signal("TERM");
        let since = Instant::now();
        loop {
            let ended = self.child.lock().expect("no panic").as_mut().map(Child::try_wait);
            match ended.expect("it runs").expect("it can be waited for") {
                Some(status) => return status,
                None => sleep(Duration::from_millis(10)).await,
            }
            assert!(since.elapsed() < START, "it does not end: {:#?}", self.log());
        }
    }

    /// The number of its process, while it runs.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.lock().expect("no panic").as_ref().map(Child::id)
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        if let Some(child) = &*self.child.lock().expect("no panic") {
            send_signal(child.id(), signal);
        }
    }

    /// The last lines of its log.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}
