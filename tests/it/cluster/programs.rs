//! Servers of the checker's own, so that it may kill, stop and empty them.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{net::TcpStream, time::sleep};

/// Longer than any of them takes to start on the slowest machine.
const START: Duration = Duration::from_mins(1);

/// A free port below those that systems hand out for outgoing connections, so that it stays free until
/// a server takes it, and again while that server is away.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(7919);
    for _ in 0..12_000 {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let port = u16::try_from(20_000 + offset).expect("below 32,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port between 20000 and 32000 is free");
}

pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Where a program is: as the test script says, or on this machine.
pub(crate) fn find(variable: &str, names: &[&str]) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the test script says where programs are")]
    let (told, path) = (std::env::var(variable), std::env::var("PATH").unwrap_or_default());
    if let Ok(told) = told
        && !told.is_empty()
    {
        return Some(told.into());
    }
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin", "/usr/libexec"]);
    let candidates =
        folders.flat_map(|folder| names.iter().map(move |n| Path::new(folder).join(n)));
    candidates.into_iter().find(|path| path.is_file())
}

/// As [`find`], for tests that cannot do without.
pub(crate) fn needed(variable: &str, names: &[&str]) -> PathBuf {
    find(variable, names)
        .unwrap_or_else(|| panic!("{} is not here: run the tests with `make test`", names[0]))
}

/// A running server; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: quiet.spawn().expect("the program can be started") }
    }

    pub(crate) fn signal(&self, signal: &str) {
        send_signal(self.child.id(), signal);
    }

    /// Asks it to end with all that it started, and waits for that; in the end it is killed.
    pub(crate) fn end(&mut self) {
        self.signal("TERM");
        for _ in 0..1000 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn send_signal(process: u32, signal: &str) {
    let kill = format!("kill -{signal} {process}");
    let sent = Command::new("sh").args(["-c", &kill]).status().expect("sh can be started");
    assert!(sent.success(), "{kill}");
}

/// Waits until something accepts connections there.
pub(crate) async fn accepts(address: SocketAddr) {
    let since = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        assert!(since.elapsed() < START, "nothing listens on {address} after {START:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// A Redis of the test's own.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    program: Option<Program>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut redis = Self { address: local(free_port()), folder, program: None };
        redis.run().await;
        redis
    }

    /// Starts it again, with what its last dump has.
    pub(crate) async fn run(&mut self) {
        let port = self.address.port().to_string();
        let mut command =
            Command::new(needed("TEST_REDIS_PROGRAM", &["redis-server", "valkey-server"]));
        command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.folder.path());
        self.program = Some(Program::start(&mut command));
        accepts(self.address).await;
    }

    pub(crate) fn kill(&mut self) {
        if let Some(program) = self.program.take() {
            program.kill();
        }
    }

    /// Forgets the dump, so that the next start is an empty one.
    pub(crate) fn forget_dump(&self) {
        let _ = std::fs::remove_file(self.folder.path().join("dump.rdb"));
    }

    pub(crate) fn signal(&self, signal: &str) {
        if let Some(program) = &self.program {
            program.signal(signal);
        }
    }

    /// A connection past every proxy.
    pub(crate) async fn connect(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(format!("redis://{}", self.address))?;
        client.get_multiplexed_async_connection().await
    }
}

/// A load balancer in front of replicas.
#[derive(Debug)]
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    _folder: TempDir,
    _program: Program,
}

impl Balancer {
    /// Starts it; each replica has a public and an admin address.
    pub(crate) async fn start(replicas: &[(SocketAddr, SocketAddr)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = local(free_port());
        let servers: Vec<String> = replicas
            .iter()
            .enumerate()
            .map(|(n, (public, admin))| {
                format!("  server r{n} {public} check addr 127.0.0.1 port {}\n", admin.port())
            })
            .collect();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(
            &file,
            CONFIGURATION.replace("ADDRESS", &address.to_string()) + &servers.concat(),
        )
        .expect("the configuration can be written");
        let mut command = Command::new(needed("TEST_HAPROXY_PROGRAM", &["haproxy"]));
        let program = Program::start(command.arg("-db").arg("-f").arg(&file));
        accepts(address).await;
        Self { address, _folder: folder, _program: program }
    }
}

/// No forwarding headers, since forwarded requests may not write. Nothing but reads is repeated.
const CONFIGURATION: &str = "\
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 500ms
  timeout client 30s
  timeout server 30s
  timeout check 500ms
  timeout http-keep-alive 30s
  retries 2
  option redispatch
  retry-on conn-failure empty-response
frontend public
  bind ADDRESS
  default_backend replicas
backend replicas
  balance roundrobin
  http-request disable-l7-retry unless METH_GET
  http-response set-header x-served-by %s
  option httpchk
  http-check send meth GET uri /readyz
  http-check expect status 200
  default-server inter 100ms fall 2 rise 1
";

/// A MariaDB of the test's own.
#[derive(Debug)]
pub(crate) struct MariaDb {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    program: Option<Program>,
}

impl MariaDb {
    /// Prepares its data and starts it: some seconds.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let installer =
            needed("TEST_MARIADB_INSTALLER", &["mariadb-install-db", "mysql_install_db"]);
        let mut install = Command::new(installer);
        install.args(["--no-defaults", "--rpm", "--cross-bootstrap", "--skip-test-db"]);
        install.arg("--auth-root-authentication-method=normal").args(as_root());
        install.arg(format!("--datadir={}", folder.path().join("data").display()));
        let done =
            install.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(done.expect("MariaDB's installer runs").success(), "MariaDB's data is prepared");
        let mut server = Self { address: local(free_port()), folder, program: None };
        server.run().await;
        server
    }

    /// Starts it again, with the data that it has.
    pub(crate) async fn run(&mut self) {
        let program = needed("TEST_MARIADB_PROGRAM", &["mariadbd", "mysqld"]);
        let mut command = Command::new(program);
        command.arg("--no-defaults").args(as_root());
        command.arg(format!("--datadir={}", self.folder.path().join("data").display()));
        command.arg(format!("--tmpdir={}", self.folder.path().display()));
        command.arg(format!("--port={}", self.address.port()));
        command.args(["--bind-address=127.0.0.1", "--socket=mariadb.sock", "--skip-log-bin"]);
        command.args(["--skip-name-resolve", "--max-connections=1000"]);
        command.args(["--innodb-buffer-pool-size=128M", "--character-set-server=utf8mb4"]);
        // A commit is with the system before it is acknowledged, and outlives a killed server.
        command.arg("--innodb-flush-log-at-trx-commit=2");
        self.program = Some(Program::start(&mut command));
        accepts(self.address).await;
    }

    pub(crate) fn kill(&mut self) {
        if let Some(program) = self.program.take() {
            program.kill();
        }
    }
}

/// MariaDB refuses to run as root unless told so.
fn as_root() -> Option<&'static str> {
    let user = Command::new("id").arg("-u").output().expect("id can be started");
    (user.stdout.trim_ascii() == b"0").then_some("--user=root")
}
