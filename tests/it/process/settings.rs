//! Settings as an operator gives them, and the exit codes of bad ones.

use super::{marquee, output};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

#[test]
fn a_bad_flag_is_one_line_and_exit_64() {
    let output = output(&["serve", "--listen", "nowhere"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(
        text(&output.stderr),
        "marquee: --listen (MARQUEE_LISTEN) is \"nowhere\", but must be an IP address and a port, \
         like 127.0.0.1:8080 or [::1]:8080\n"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_bad_variable_is_one_line_and_exit_64() {
    let mut command = marquee(&["migrate"]);
    let output = command.env("MARQUEE_DATABASE_URL", "mysql://me:secret@db").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(
        text(&output.stderr),
        "marquee: --database-url (MARQUEE_DATABASE_URL) is \"mysql://me:***@db\", but must be \
         sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE\n"
    );
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    std::fs::write(file("certificate.pem"), certificate.pem()).unwrap();
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(file("key.pem"), other.serialize_pem()).unwrap();
    let started = |key: &str| {
        let database = format!("sqlite:{}", file("marquee.db"));
        let tls = ["--tls-cert", &file("certificate.pem"), "--tls-key", &file(key)];
        output(&[&["serve", "--database-url", &database][..], &tls].concat())
    };
    let refused = started("key.pem");
    assert_eq!(refused.status.code(), Some(65));
    let line = "the key (--tls-key) is not that of the certificate (--tls-cert)";
    assert!(text(&refused.stderr).contains(line), "{}", text(&refused.stderr));
    assert_eq!(started("gone.pem").status.code(), Some(66));
    let alone = output(&["serve", "--tls-cert", "certificate.pem"]);
    assert_eq!(alone.status.code(), Some(64));
    assert_eq!(text(&alone.stderr).lines().count(), 1);
}

#[test]
fn an_unknown_command_or_flag_is_exit_64() {
    for arguments in [&["bogus"][..], &["serve", "--bogus"], &[]] {
        assert_eq!(output(arguments).status.code(), Some(64), "{arguments:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [["--help"], ["--version"]] {
        let output = output(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(text(&output.stdout).to_lowercase().contains("marquee"), "{arguments:?}");
    }
}

#[test]
fn config_prints_every_setting_with_its_value_and_where_it_came_from() {
    let mut command = marquee(&["config", "--listen", "[::1]:80"]);
    command.env("MARQUEE_DATABASE_URL", "mysql://marquee:secret@db/films");
    let output = command.env("MARQUEE_LISTEN", "127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output.stdout));
}

#[test]
fn config_prints_json_for_machines() {
    let mut command = marquee(&["config", "--format=json", "--log-level", "debug"]);
    let output = command.env("MARQUEE_CHANGES_KEPT", "10").output().unwrap();
    let settings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let one = |name| settings.iter().find(|one| one["setting"] == name).unwrap().to_string();
    assert_eq!(
        [one("--changes-kept"), one("--log-level")],
        [
            r#"{"environment":"MARQUEE_CHANGES_KEPT","from":"environment","setting":"--changes-kept","value":"10"}"#,
            r#"{"environment":"MARQUEE_LOG_LEVEL","from":"flag","setting":"--log-level","value":"debug"}"#,
        ]
    );
}

#[test]
fn openapi_prints_the_document() {
    let output = output(&["openapi"]);
    assert_eq!(output.status.code(), Some(0));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}
