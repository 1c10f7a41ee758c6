//! Redis over TLS.

use std::{fs, path::Path};

use marquee::{
    app::redis::servers,
    cache::remote::{Missed, Remote, RemoteError, Servers},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::{
    MINUTE,
    bus::Running,
    bytes, digest, options, prefix, remote,
    server::{Server, free_port},
    works,
};

/// An authority, and a server's certificate that it signed.
struct Authority {
    pem: Vec<u8>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("key.pem", &key.serialize_pem());
        write("certificate.pem", &certificate.pem());
        write("authority.pem", &authority.pem());
        Self { pem: authority.pem().into_bytes(), folder }
    }

    /// Arguments of a server that takes nothing but TLS, on a port of its own.
    fn arguments(&self, tls_port: u16) -> Vec<String> {
        let file = |name: &str| Path::new(self.folder.path()).join(name).display().to_string();
        let port = tls_port.to_string();
        let (key, certificate) = (file("key.pem"), file("certificate.pem"));
        let authority = file("authority.pem");
        [
            &["--tls-port", &port, "--tls-auth-clients", "no"][..],
            &["--tls-cert-file", &certificate, "--tls-key-file", &key],
            &["--tls-ca-cert-file", &authority],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
    }

    fn server(&self) -> (Server, u16) {
        let tls_port = free_port();
        (Server::with(|_| self.arguments(tls_port)), tls_port)
    }
}

fn at(url: &str, authority: Option<&Authority>) -> Servers {
    servers(&url.parse().unwrap(), authority.map(|authority| authority.pem.clone()))
}

#[tokio::test]
async fn a_certificate_of_the_authority_is_trusted() {
    let authority = Authority::new();
    let (_server, port) = authority.server();
    for host in ["127.0.0.1", "localhost"] {
        let servers = at(&format!("rediss://{host}:{port}"), Some(&authority));
        let remote = remote(servers.clone());
        remote.put(&digest(1), b"one", MINUTE).await.unwrap();
        assert_eq!(remote.get(&digest(1)).await.unwrap(), Some(bytes("one")));
        Running::connected(&servers, &prefix()).await.works().await;
    }
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (_server, port) = theirs.server();
    for authority in [None, Some(&ours)] {
        let remote = remote(at(&format!("rediss://127.0.0.1:{port}"), authority));
        let refused = remote.get(&digest(1)).await;
        assert!(matches!(refused, Err(Missed::Failed(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let authority = Authority::new();
    let (_server, port) = authority.server();
    let remote = remote(at(&format!("rediss://127.0.0.2:{port}"), Some(&authority)));
    assert!(matches!(remote.get(&digest(1)).await, Err(Missed::Failed(_))));
}

#[tokio::test]
async fn plain_text_is_not_spoken_to_a_server_with_tls() {
    let authority = Authority::new();
    let (_server, port) = authority.server();
    let remote = remote(at(&format!("redis://127.0.0.1:{port}"), None));
    assert!(remote.get(&digest(1)).await.is_err());
}

#[test]
fn a_file_without_a_certificate_is_found_before_there_is_a_connection() {
    for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"] {
        for url in ["rediss://a", "rediss-sentinel://a/films", "rediss-cluster://a"] {
            let servers = servers(&url.parse().unwrap(), Some(pem.into()));
            let made = Remote::new(options(servers));
            assert!(matches!(made, Err(RemoteError::Servers(_))), "{url} {pem}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_their_servers_are_asked_over_tls() {
    let authority = Authority::new();
    let (_master, master_port) = authority.server();
    let sentinel_port = free_port();
    let arguments = authority.arguments(sentinel_port);
    let settings = arguments.chunks(2).map(|pair| format!("{} {}\n", &pair[0][2..], pair[1]));
    let monitor = "tls-replication yes\nsentinel monitor films 127.0.0.1";
    let settings = format!("{}{monitor} {master_port} 1", settings.collect::<String>());
    let _sentinel = Server::sentinel(&settings);
    let url = format!("rediss-sentinel://127.0.0.1:{sentinel_port}/films");
    works(&remote(at(&url, Some(&authority)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_cluster_are_asked_over_tls() {
    let authority = Authority::new();
    let tls_port = free_port();
    let bus_port = free_port().to_string();
    let node = Server::with(|_| {
        let mut arguments = authority.arguments(tls_port);
        let cluster = ["--cluster-enabled", "yes", "--tls-cluster", "yes"];
        arguments.extend(cluster.map(str::to_owned));
        arguments.extend(["--cluster-port".to_owned(), bus_port.clone()]);
        arguments
    });
    let (): () = node.ask("CLUSTER ADDSLOTSRANGE 0 16383").await;
    let servers = at(&format!("rediss-cluster://127.0.0.1:{tls_port}"), Some(&authority));
    let remote = remote(servers.clone());
    works(&remote).await;
    Running::connected(&servers, &prefix()).await.works().await;
}
