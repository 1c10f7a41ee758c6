use std::{fs, path::Path};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;
use prometheus::Registry;

/// Writes a new certificate and its key.
fn write(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2031, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    fs::write(folder.join("certificate.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

fn files(folder: &Path) -> Files {
    Files {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
        client_authorities: None,
    }
}

fn load(files: Files) -> Result<Tls, TlsError> {
    Tls::load(files, Clock::system(), TlsMetrics::new(&Registry::new()))
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    folder
}

#[test]
fn a_new_certificate_takes_the_place_of_the_old_one() {
    let folder = folder();
    let tls = load(files(folder.path())).unwrap();
    assert_eq!(tls.metrics.not_after.get(), 1_924_992_000);
    assert_eq!(tls.reload(), Reloaded::Unchanged);
    let before = tls.current.load_full();
    write(folder.path());
    assert_eq!(tls.reload(), Reloaded::Renewed);
    assert!(!Arc::ptr_eq(&before, &tls.current.load_full()));
}

#[test]
fn a_bad_new_certificate_leaves_the_old_one() {
    let folder = folder();
    let tls = load(files(folder.path())).unwrap();
    let before = tls.current.load_full();
    for spoil in ["certificate.pem", "key.pem"] {
        let path = folder.path().join(spoil);
        let good = fs::read(&path).unwrap();
        for bad in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            fs::write(&path, bad).unwrap();
            assert_eq!(tls.reload(), Reloaded::Refused, "{spoil} {bad}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(tls.reload(), Reloaded::Refused, "{spoil}");
        fs::write(&path, good).unwrap();
    }
    fs::write(folder.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert_eq!(tls.reload(), Reloaded::Refused);
    assert!(Arc::ptr_eq(&before, &tls.current.load_full()));
}

#[test]
fn what_is_wrong_at_the_start_is_one_line_that_names_the_setting() {
    let folder = folder();
    let said = |files: Files| load(files).unwrap_err().to_string();
    let path = folder.path().display();
    let gone = Files { certificate: folder.path().join("gone"), ..files(folder.path()) };
    assert_eq!(said(gone), format!("cannot read {path}/gone (--tls-cert)"));
    let mut swapped = files(folder.path());
    swapped.key.clone_from(&swapped.certificate);
    let line = format!("{path}/certificate.pem (--tls-key) has no private key in PEM");
    assert_eq!(said(swapped), line);
    fs::write(folder.path().join("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let line = "the key (--tls-key) is not that of the certificate (--tls-cert)";
    assert_eq!(said(files(folder.path())), line);
}
