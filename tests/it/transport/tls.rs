//! TLS: both versions of HTTP, the certificate of the moment, and certificates of clients.

use std::{fs, path::Path, sync::Arc};

use http_body_util::Empty;
use hyper::{Request, body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use marquee::http::server::{Drained, tls::Reloaded};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::task::TaskTracker;

use super::wire::{GOOD, answer, closed, metric, reached, rest, sent};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    either_version_of_tls_serves_http_1,
    http_2_is_chosen_by_the_client,
    a_new_certificate_is_for_new_connections,
    a_bad_new_certificate_leaves_the_old_one,
    with_authorities_only_their_clients_are_served,
    what_is_no_tls_is_cut_off,
    connections_end_with_the_service,
}

/// An authority, and what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate with its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
        let authority = Self { issuer, folder };
        authority.renew();
        authority
    }

    /// Signs another certificate for the service.
    fn renew(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        fs::write(self.folder.path().join("certificate.pem"), certificate.pem()).unwrap();
    }

    fn client(&self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "loader");
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    }

    fn file(&self, name: &str) -> String {
        Path::new(self.folder.path()).join(name).display().to_string()
    }

    async fn start(&self, database: Database, flags: &[&str]) -> TestApp {
        let (certificate, key) = (self.file("certificate.pem"), self.file("key.pem"));
        let own = ["--tls-cert", &certificate, "--tls-key", &key];
        TestApp::start(database, &[&own, flags].concat()).await
    }

    /// Connects as a client that trusts the authority.
    async fn connect(
        &self,
        app: &TestApp,
        version: &'static SupportedProtocolVersion,
        protocols: &[&str],
        identity: Option<Identity>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(app.address()).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

async fn either_version_of_tls_serves_http_1(database: Database) {
    let authority = Authority::new();
    let app = authority.start(database, &[]).await;
    for (version, protocols) in [(&TLS12, &["http/1.1"][..]), (&TLS13, &[])] {
        let mut stream = authority.connect(&app, version, protocols, None).await.unwrap();
        for _ in 0..2 {
            stream.write_all(GOOD.as_bytes()).await.unwrap();
            assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
        }
        stream.write_all(b"GET / HTTP/1.2\r\n\r\n").await.unwrap();
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 505 "));
    }
    let end = metric(app.admin, "marquee_tls_certificate_not_after_timestamp_seconds").await;
    assert!(end > 1_795_490_000.0, "{end}");
}

async fn http_2_is_chosen_by_the_client(database: Database) {
    let authority = Authority::new();
    let app = authority.start(database, &[]).await;
    let stream = authority.connect(&app, &TLS13, &["h2", "http/1.1"], None).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    TaskTracker::new().spawn(connection);
    let request = Request::get("https://localhost/v1/genres").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}

async fn a_new_certificate_is_for_new_connections(database: Database) {
    let authority = Authority::new();
    let app = authority.start(database, &[]).await;
    let mut old = authority.connect(&app, &TLS13, &[], None).await.unwrap();
    authority.renew();
    assert_eq!(app.app.reload_tls(), Some(Reloaded::Renewed));
    let new = authority.connect(&app, &TLS13, &[], None).await.unwrap();
    assert_ne!(shown(&old), shown(&new));
    old.write_all(GOOD.as_bytes()).await.unwrap();
    assert!(answer(&mut old).await.starts_with("HTTP/1.1 200 "));
    // Without being told, it looks at the files now and then.
    authority.renew();
    reached(&app, "marquee_tls_reloads_total{result=\"renewed\"}", 2.0).await;
    let newest = authority.connect(&app, &TLS13, &[], None).await.unwrap();
    assert_ne!(shown(&new), shown(&newest));
}

async fn a_bad_new_certificate_leaves_the_old_one(database: Database) {
    let authority = Authority::new();
    let app = authority.start(database, &[]).await;
    let before = authority.connect(&app, &TLS13, &[], None).await.unwrap();
    fs::write(authority.file("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert_eq!(app.app.reload_tls(), Some(Reloaded::Refused));
    let after = authority.connect(&app, &TLS13, &[], None).await.unwrap();
    assert_eq!(shown(&before), shown(&after));
    assert!(metric(app.admin, "marquee_tls_reloads_total{result=\"refused\"}").await >= 1.0);
}

async fn with_authorities_only_their_clients_are_served(database: Database) {
    let (authority, other) = (Authority::new(), Authority::new());
    let file = authority.file("authority.pem");
    let app = authority.start(database, &["--tls-client-ca", &file]).await;
    let known = Some(authority.client());
    let mut known = authority.connect(&app, &TLS13, &[], known).await.unwrap();
    known.write_all(GOOD.as_bytes()).await.unwrap();
    assert!(answer(&mut known).await.starts_with("HTTP/1.1 200 "));
    for identity in [None, Some(other.client())] {
        // In TLS 1.3 a client hears of it after its own handshake.
        if let Ok(mut stream) = authority.connect(&app, &TLS13, &[], identity).await {
            let _ = stream.write_all(GOOD.as_bytes()).await;
            assert_eq!(rest(&mut stream).await, "");
        }
    }
    reached(&app, "marquee_http_tls_handshake_failures_total", 2.0).await;
}

async fn what_is_no_tls_is_cut_off(database: Database) {
    let authority = Authority::new();
    let app = authority.start(database, &["--header-timeout=300ms"]).await;
    assert!(!rest(&mut sent(app.address(), GOOD).await).await.contains("HTTP"));
    let _silent = sent(app.address(), "\x16\x03\x01").await;
    closed(&app, "head_timeout", 1.0).await;
}

async fn connections_end_with_the_service(database: Database) {
    let authority = Authority::new();
    let app = authority.start(database, &["--drain-deadline=1m"]).await;
    let mut idle = authority.connect(&app, &TLS12, &[], None).await.unwrap();
    idle.write_all(GOOD.as_bytes()).await.unwrap();
    answer(&mut idle).await;
    let _shaking = sent(app.address(), "\x16\x03\x01").await;
    let (drained, rest) = tokio::join!(app.app.stop(), rest(&mut idle));
    assert_eq!((drained, rest.as_str()), (Drained::Clean, ""));
}
