//! Files as they are shipped.

use std::{fs, path::PathBuf};

/// A file or folder of the repository.
pub(crate) fn path(below: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// The text of a file of the repository.
pub(crate) fn text(below: &str) -> String {
    fs::read_to_string(path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
}

/// `text` with `this` written as `that`, wherever it stands. It must stand somewhere: else the file was
/// changed, and the test no longer runs what it thinks it does.
pub(crate) fn with(text: &str, this: &str, that: &str) -> String {
    assert!(text.contains(this), "the file no longer has {this:?}");
    text.replace(this, that)
}

/// Every file below a folder, as its path in the repository and its text.
pub(crate) fn files(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(path(&folder)).expect("the folder can be read").flatten() {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(name);
            } else {
                let text = text(&name);
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}
