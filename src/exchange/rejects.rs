//! The rejects file: the rows that were not taken, and why, as JSON Lines.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

/// A row that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reject<'a> {
    /// The file, as the user named it.
    pub file: &'a str,
    /// Its line; the row's id where the source is a database.
    pub line: u64,
    /// What is wrong with it.
    pub reason: &'a str,
    /// Its text.
    pub row: &'a str,
}

/// A rejects file, which is made with the first row that goes into it.
#[derive(Debug)]
pub struct RejectsFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl RejectsFile {
    /// Will write to `path`, over what is there.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Where it is, if there is something in it.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.is_some().then_some(&self.path)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub fn add(&mut self, reject: &Reject) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(File::create(&self.path)?)),
        };
        serde_json::to_writer(&mut *file, reject)?;
        file.write_all(b"\n")
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_file_only_if_something_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.rejects.jsonl");
        let mut rejects = RejectsFile::new(path.clone());
        rejects.flush().unwrap();
        assert!(!path.exists() && rejects.path().is_none());
        let reject = Reject { file: "x", line: 7, reason: "/title: is \"required\"", row: "{}\n" };
        rejects.add(&reject).unwrap();
        rejects.flush().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected =
            r#"{"file":"x","line":7,"reason":"/title: is \"required\"","row":"{}\n"}"#.to_owned();
        assert_eq!(text, expected + "\n");
    }
}
