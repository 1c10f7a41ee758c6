//! Who may call: whether readers need a key, and whose tokens are taken beside keys.

use std::path::PathBuf;

use super::{bad_setting::BadSetting, value::Rule};

/// Settings of authentication. API keys themselves are in the database: see `marquee keys`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Keys and tokens")]
pub struct AuthSettings {
    /// Who may read: `open` lets everybody, `key` asks for a key or token of any role. Writers need
    /// the role `editor` either way.
    #[arg(
        long,
        env = "MARQUEE_READ_ACCESS",
        value_name = "WHO",
        default_value = "open",
        hide_possible_values = true
    )]
    pub read_access: ReadAccess,

    /// File of an issuer's public keys (JWKS for RS256, ES256 or Ed25519), whose tokens (JWT) are then
    /// taken beside API keys. It is read again when it changes.
    #[arg(long, env = "MARQUEE_JWKS_FILE", value_name = "PATH")]
    pub jwks_file: Option<PathBuf>,

    /// Issuer (`iss`) that tokens must have.
    #[arg(long, env = "MARQUEE_JWT_ISSUER", value_name = "TEXT", value_parser = filled)]
    pub jwt_issuer: Option<String>,

    /// Audience (`aud`) that tokens must be for.
    #[arg(long, env = "MARQUEE_JWT_AUDIENCE", value_name = "TEXT", value_parser = filled)]
    pub jwt_audience: Option<String>,

    /// Claim of tokens that names the role, or a list of roles. `marquee:ROLE` in `scope` counts, too.
    #[arg(
        long,
        env = "MARQUEE_JWT_ROLE_CLAIM",
        value_name = "NAME",
        default_value = "role",
        value_parser = filled
    )]
    pub jwt_role_claim: String,
}

/// Who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ReadAccess {
    /// Everybody.
    Open,
    /// Whoever has a key or token.
    Key,
}

impl AuthSettings {
    /// A token that is good for whatever issuer and audience would be anybody's.
    pub(super) fn check(&self) -> Result<(), BadSetting> {
        let names = [
            ("--jwt-issuer", "MARQUEE_JWT_ISSUER", &self.jwt_issuer),
            ("--jwt-audience", "MARQUEE_JWT_AUDIENCE", &self.jwt_audience),
        ];
        for (flag, environment, value) in names {
            let (rule, value) = match (&self.jwks_file, value) {
                (Some(_), None) => ("must be set where --jwks-file is", ""),
                (None, Some(value)) => ("must be left out without --jwks-file", value.as_str()),
                _ => continue,
            };
            return Err(BadSetting::new(flag, environment, rule, value));
        }
        Ok(())
    }
}

fn filled(text: &str) -> Result<String, Rule> {
    if text.trim().is_empty() { Err(Rule::new("must not be empty")) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn checked(flags: &[&str]) -> Result<(), String> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            settings: AuthSettings,
        }
        let line = Line::parse_from(["test"].iter().chain(flags));
        line.settings.check().map_err(|bad| bad.to_string())
    }

    #[test]
    fn tokens_need_an_issuer_and_an_audience() {
        let all = ["--jwks-file=f", "--jwt-issuer=i", "--jwt-audience=a"];
        assert_eq!(checked(&[]), Ok(()));
        assert_eq!(checked(&all), Ok(()));
        for (left_out, name) in [(0, "jwt-issuer"), (1, "jwt-issuer"), (2, "jwt-audience")] {
            let mut flags = all.to_vec();
            flags.remove(left_out);
            assert!(checked(&flags).unwrap_err().contains(name), "{flags:?}");
        }
    }
}
