//! The shipped configurations of load balancers, run with the test's own ports and folders.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use tempfile::TempDir;

use super::shipped::{text, with};
use crate::cluster::programs::{Program, accepts, free_port, local, needed};

/// A running load balancer.
#[derive(Debug)]
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    _folder: TempDir,
    program: Program,
}

impl Drop for Balancer {
    /// A master that is killed leaves its workers behind.
    fn drop(&mut self) {
        self.program.end();
    }
}

impl Balancer {
    /// HAProxy with deploy/load-balancers/haproxy.cfg.
    pub(crate) async fn haproxy(replicas: &[(SocketAddr, SocketAddr)]) -> Self {
        Self::start(
            "haproxy.cfg",
            |shipped, address, _| {
                let mut file = with(&shipped, "bind :8080", &format!("bind {address}"));
                file = with(&file, "log stdout format raw local0 info", "");
                // As many files as a test may have open.
                file = with(&file, "maxconn 20000", "maxconn 2000");
                for (n, (public, admin)) in (1..).zip(replicas) {
                    let this = format!("server marquee-{n} marquee-{n}:8080 check port 9090\n");
                    let that = format!("server marquee-{n} {public} check port {}\n", admin.port());
                    file = with(&file, &this, &that);
                }
                file
            },
            |file, _| {
                let mut command = Command::new(needed("TEST_HAPROXY_PROGRAM", &["haproxy"]));
                command.arg("-db").arg("-f").arg(file);
                command
            },
        )
        .await
    }

    /// nginx with deploy/load-balancers/nginx.conf.
    pub(crate) async fn nginx(replicas: &[(SocketAddr, SocketAddr)]) -> Self {
        Self::start(
            "nginx.conf",
            |shipped, address, folder| {
                let folder = folder.display().to_string();
                let mut file = with(&shipped, "listen 8080;", &format!("listen {address};"));
                for (n, (public, _)) in (1..).zip(replicas) {
                    let this = format!("server marquee-{n}:8080 max_fails");
                    file = with(&file, &this, &format!("server {public} max_fails"));
                }
                file = with(&file, "/var/run/nginx.pid", &format!("{folder}/pid"));
                file = with(&file, "/var/cache/nginx", &folder);
                file = with(&file, "access_log /dev/stdout marquee;", "access_log off;");
                let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n"));
                with(&file, "http {\n", &format!("http {{\n{}", places.concat()))
            },
            |file, folder| {
                let mut command = Command::new(needed("TEST_NGINX_PROGRAM", &["nginx"]));
                command.arg("-p").arg(folder).arg("-c").arg(file).args(["-e", "stderr", "-g"]);
                // Its workers would else be users who may not see the temporary folder.
                command.arg(if is_root() { "daemon off; user root;" } else { "daemon off;" });
                command
            },
        )
        .await
    }

    async fn start(
        name: &str,
        rewrite: impl FnOnce(String, SocketAddr, &Path) -> String,
        command: impl FnOnce(&Path, &Path) -> Command,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = local(free_port());
        let shipped = text(&format!("deploy/load-balancers/{name}"));
        let file = folder.path().join(name);
        fs::write(&file, rewrite(shipped, address, folder.path())).expect("it can be written");
        let program = Program::start(&mut command(&file, folder.path()));
        accepts(address).await;
        Self { address, _folder: folder, program }
    }
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output().expect("id can be started");
    user.stdout.trim_ascii() == b"0"
}
