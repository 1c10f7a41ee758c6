//! What is imported from, as it was typed.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A file, `-`, or the address of a database, which may hold a password that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Input(String);

impl Input {
    fn is_database(&self) -> bool {
        ["mysql://", "mariadb://"].iter().any(|scheme| self.0.starts_with(scheme))
    }
}

impl FromStr for Input {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_database() { f.write_str("a database") } else { self.0.fmt(f) }
    }
}

/// Inputs that make sense together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inputs<'a> {
    Files(Vec<&'a str>),
    /// The original service's database.
    Original(&'a str),
}

impl<'a> Inputs<'a> {
    pub(super) fn new(inputs: &'a [Input]) -> Result<Self, &'static str> {
        match inputs {
            [input] if input.is_database() => Ok(Self::Original(&input.0)),
            _ if inputs.iter().any(Input::is_database) => {
                Err("a database is imported alone, without files beside it")
            }
            _ if inputs.iter().filter(|input| input.0 == "-").count() > 1 => {
                Err("standard input (-) can be read only once")
            }
            _ => Ok(Self::Files(inputs.iter().map(|input| input.0.as_str()).collect())),
        }
    }

    /// The file for rejected rows: named after the first input, in the current folder.
    pub(super) fn rejects(&self) -> PathBuf {
        let first = match self {
            Self::Files(names) => names.first().copied().unwrap_or_default(),
            // The database's name, without what may stand behind it.
            Self::Original(url) => url.split('?').next().unwrap_or_default(),
        };
        let name = match first {
            "-" => "stdin".into(),
            _ => Path::new(first).file_name().unwrap_or_default().to_string_lossy(),
        };
        PathBuf::from(format!("{name}.rejects.jsonl"))
    }

    /// Whether this path is one of the files.
    pub(super) fn has(&self, path: &Path) -> bool {
        let Self::Files(names) = self else { return false };
        let Ok(path) = path.canonicalize() else { return false };
        names.iter().any(|name| Path::new(name).canonicalize().is_ok_and(|other| other == path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(texts: &[&str]) -> Vec<Input> {
        texts.iter().map(|text| Input((*text).to_owned())).collect()
    }

    #[test]
    fn a_database_comes_alone_and_standard_input_once() {
        assert!(Inputs::new(&inputs(&["a", "b", "-"])).is_ok());
        assert!(Inputs::new(&inputs(&["mysql://a/b", "c"])).is_err());
        assert!(Inputs::new(&inputs(&["-", "-"])).is_err());
    }

    #[test]
    fn rejects_are_named_after_the_first_input() {
        for (first, name) in [
            ("/data/films.csv.gz", "films.csv.gz.rejects.jsonl"),
            ("-", "stdin.rejects.jsonl"),
            ("mysql://user:secret@host/old?ssl-mode=disabled", "old.rejects.jsonl"),
        ] {
            let inputs = inputs(&[first]);
            assert_eq!(Inputs::new(&inputs).unwrap().rejects(), Path::new(name));
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", inputs(&["mysql://user:secret@host/old"])).contains("secret"));
    }
}
