//! The files that TLS is made of.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::TlsError;

/// Where certificate, key and authorities are, in PEM.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate, and those that it rests on.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities that sign certificates of clients. Without them clients need none.
    pub client_authorities: Option<PathBuf>,
}

/// What the files had in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// None: clients need no certificate.
    pub(super) authorities: Vec<CertificateDer<'static>>,
}

/// When each file was written, and how large it is; `None` for one that is not there.
pub(super) type Stamps = [Option<(SystemTime, u64)>; 3];

impl Files {
    pub(super) fn stamps(&self) -> Stamps {
        [Some(&self.certificate), Some(&self.key), self.client_authorities.as_ref()].map(|path| {
            let found = fs::metadata(path?).ok()?;
            Some((found.modified().ok()?, found.len()))
        })
    }

    pub(super) fn read(&self) -> Result<Read, TlsError> {
        let chain = certificates("--tls-cert", &self.certificate)?;
        let (setting, path) = ("--tls-key", &self.key);
        let pem = pem(setting, path)?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| nothing(setting, path, "private key"))?;
        let authorities = match &self.client_authorities {
            Some(path) => certificates("--tls-client-ca", path)?,
            None => Vec::new(),
        };
        Ok(Read { chain, key, authorities })
    }
}

fn pem(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source: io::Error| TlsError::Unreadable {
        setting,
        path: path.display().to_string(),
        source,
    })
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = pem(setting, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(nothing(setting, path, "certificate")),
    }
}

fn nothing(setting: &'static str, path: &Path, what: &'static str) -> TlsError {
    TlsError::Nothing { setting, path: path.display().to_string(), what }
}
