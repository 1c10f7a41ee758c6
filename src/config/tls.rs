//! TLS of the public listener.

use std::path::PathBuf;

use super::bad_setting::BadSetting;

/// Settings of TLS.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsSettings {
    /// PEM file with the service's certificate and those that it rests on: the public listener then
    /// speaks TLS. The file is read again when it changes.
    #[arg(long, env = "MARQUEE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// PEM file with the certificate's private key.
    #[arg(long, env = "MARQUEE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// PEM file with the authorities that sign clients' certificates. With it every client must show
    /// one.
    #[arg(long, env = "MARQUEE_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
}

impl TlsSettings {
    /// Checks that certificate and key come together.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(super) fn check(&self) -> Result<(), BadSetting> {
        let bad = |flag, variable, rule, file: &PathBuf| {
            Err(BadSetting::new(flag, variable, rule, &file.to_string_lossy()))
        };
        match (&self.tls_cert, &self.tls_key, &self.tls_client_ca) {
            (Some(file), None, _) => {
                bad("--tls-cert", "MARQUEE_TLS_CERT", "needs --tls-key, too", file)
            }
            (None, Some(file), _) => {
                bad("--tls-key", "MARQUEE_TLS_KEY", "needs --tls-cert, too", file)
            }
            (None, None, Some(file)) => {
                let rule = "needs --tls-cert and --tls-key, too";
                bad("--tls-client-ca", "MARQUEE_TLS_CLIENT_CA", rule, file)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(cert: bool, key: bool, ca: bool) -> Option<String> {
        let file = |given: bool| given.then(|| PathBuf::from("file.pem"));
        let settings =
            TlsSettings { tls_cert: file(cert), tls_key: file(key), tls_client_ca: file(ca) };
        settings.check().err().map(|bad| bad.to_string())
    }

    #[test]
    fn certificate_and_key_come_together() {
        assert_eq!(checked(false, false, false), None);
        assert_eq!(checked(true, true, false), None);
        assert_eq!(checked(true, true, true), None);
        assert_eq!(
            checked(true, false, false).unwrap(),
            "--tls-cert (MARQUEE_TLS_CERT) is \"file.pem\", but needs --tls-key, too"
        );
        assert!(checked(false, true, true).is_some());
        assert!(checked(false, false, true).is_some());
    }
}
