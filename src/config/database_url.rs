//! The database's address, which holds a password that must not be shown.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use percent_encoding::percent_decode_str;

use super::value::Rule;

/// Shown in place of a password.
const HIDDEN: &str = "***";

/// Which kind of database an address is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseKind {
    /// MySQL or MariaDB.
    MySql,
    /// The embedded kind.
    Sqlite {
        /// The database's file.
        file: PathBuf,
    },
}

/// Address of a database. Neither `Debug` nor `Display` shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    raw: String,
    kind: DatabaseKind,
}

impl DatabaseUrl {
    /// Which kind of database it is of.
    #[must_use]
    pub const fn kind(&self) -> &DatabaseKind {
        &self.kind
    }

    /// The database's file, if it is of the embedded kind.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.kind {
            DatabaseKind::MySql => None,
            DatabaseKind::Sqlite { file } => Some(file),
        }
    }

    /// The address with its password, for the driver only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.raw
    }
}

impl FromStr for DatabaseUrl {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let rule = || Rule::new("must be sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE");
        let (scheme, rest) = text.split_once(':').ok_or_else(rule)?;
        let kind = match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                let path = path.split('?').next().unwrap_or_default();
                if path.is_empty() || path.starts_with(':') {
                    return Err(Rule::new("must name a file, like sqlite:marquee.db"));
                }
                let path = percent_decode_str(path).decode_utf8().map_err(|_| rule())?;
                DatabaseKind::Sqlite { file: PathBuf::from(path.as_ref()) }
            }
            "mysql" | "mariadb" => {
                let rest = rest.strip_prefix("//").ok_or_else(rule)?;
                let (authority, database) = rest.split_once('/').ok_or_else(rule)?;
                let host = authority.rsplit('@').next().unwrap_or_default();
                let database = database.split('?').next().unwrap_or_default();
                if host.is_empty() || host.starts_with(':') || database.is_empty() {
                    return Err(rule());
                }
                DatabaseKind::MySql
            }
            _ => return Err(rule()),
        };
        Ok(Self { raw: text.to_owned(), kind })
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.raw))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", redact(&self.raw))
    }
}

/// `text` with the password of an address hidden, also where the address is malformed.
#[must_use]
pub fn redact(text: &str) -> String {
    // A password may hold any character, the `/` and `@` that it should not hold included.
    let Some((before, host)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let user = before.find("://").map_or(0, |at| at + "://".len());
    match before[user..].find(':') {
        Some(colon) => format!("{}:{HIDDEN}@{host}", &before[..user + colon]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_kinds_are_read() {
        for (text, file) in [
            ("sqlite:marquee.db", Some("marquee.db")),
            ("sqlite:///var/lib/marquee.db", Some("/var/lib/marquee.db")),
            ("sqlite://my%20films.db?mode=ro", Some("my films.db")),
            ("mysql://marquee@localhost/marquee", None),
            ("mysql://marquee:p:w@10.0.0.1:3306/marquee?ssl-mode=REQUIRED", None),
            ("mariadb://[::1]:3306/marquee", None),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.file(), file.map(Path::new), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "",
            "marquee.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://?mode=ro",
            "postgres://localhost/marquee",
            "mysql:localhost/marquee",
            "mysql://localhost",
            "mysql://localhost/",
            "mysql://user:password@:3306/marquee",
        ] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        let url: DatabaseUrl = "mysql://marquee:se/cr@et@db:3306/marquee".parse().unwrap();
        assert_eq!(url.to_string(), "mysql://marquee:***@db:3306/marquee");
        assert_eq!(format!("{url:?}"), "DatabaseUrl(mysql://marquee:***@db:3306/marquee)");
        assert_eq!(url.expose(), "mysql://marquee:se/cr@et@db:3306/marquee");
        assert_eq!(redact("postgres://a:secret@b"), "postgres://a:***@b");
        assert_eq!(redact("mysql:a:secret@b"), "mysql:***@b");
        assert_eq!(redact("a:secret@b"), "a:***@b");
        assert_eq!(redact("127.0.0.1:80"), "127.0.0.1:80");
    }
}
