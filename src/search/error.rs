//! What can go wrong with an index.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tantivy::{TantivyError, directory::error::OpenReadError};

/// An index could not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SearchError {
    /// Another process has the folder.
    #[error("the index folder is in use by another process")]
    InUse,
    /// Its files are gone, cut, replaced or garbage. It must be rebuilt.
    #[error("the index is damaged: {0}")]
    Damaged(String),
    /// A newer index took its place in the folder: it can be searched still, but not be changed.
    #[error("the index was replaced by a newer one")]
    Replaced,
    /// The folder cannot be read or written (no space left, no permission, too many open files).
    #[error("the index folder cannot be used")]
    Io(#[source] Arc<io::Error>),
    /// The index could not be written for another reason.
    #[error("the index could not be written")]
    Engine(#[source] Arc<TantivyError>),
}

impl SearchError {
    /// What an error means that came up while the index was written: the disk may be full, and what
    /// was there before is whole.
    pub(super) fn of_writing(error: TantivyError) -> Self {
        match error {
            TantivyError::IoError(error) => Self::Io(error),
            TantivyError::OpenWriteError(tantivy::directory::error::OpenWriteError::IoError {
                io_error,
                ..
            }) => Self::Io(io_error),
            error @ (TantivyError::ErrorInThread(_) | TantivyError::SystemError(_)) => {
                Self::Engine(Arc::new(error))
            }
            error => error.into(),
        }
    }

    /// An error of the folder itself.
    pub(super) fn of_folder(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }

    /// What an error means that came up while it was looked whether something is there. What is gone is damage;
    /// whatever else keeps from looking (too many open files, no permission) says nothing of what is there.
    pub(super) fn of_looking(what: &str, error: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, NotADirectory, NotFound};
        match error.kind() {
            NotFound | NotADirectory | InvalidData => Self::Damaged(format!("{what}: {error}")),
            _ => Self::of_folder(error),
        }
    }
}

/// An error that came up while the index was read.
impl From<TantivyError> for SearchError {
    fn from(error: TantivyError) -> Self {
        match error {
            TantivyError::IoError(error) => of_reading(error),
            TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => {
                of_reading(io_error)
            }
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// An error that came up while the index was read.
impl From<io::Error> for SearchError {
    fn from(error: io::Error) -> Self {
        of_reading(Arc::new(error))
    }
}

/// A row that cannot be read, in a file that can.
impl From<serde_json::Error> for SearchError {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Linux's numbers for too many open files, in the process and in all.
const OUT_OF_FILES: [i32; 2] = [24, 23];

fn of_reading(error: Arc<io::Error>) -> SearchError {
    let out_of_files = error.raw_os_error().is_some_and(|number| OUT_OF_FILES.contains(&number));
    if out_of_files || error.kind() == io::ErrorKind::OutOfMemory {
        return SearchError::Io(error);
    }
    SearchError::Damaged(error.to_string())
}

/// Does something with files that may hold garbage, over which tantivy may panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(SearchError::Damaged(words_of(panic.as_ref()))))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_damage() {
        let damaged = guarded(|| -> Result<(), SearchError> { panic!("offset {}", 7) });
        assert_eq!(damaged.unwrap_err().to_string(), "the index is damaged: offset 7");
    }

    #[test]
    fn only_what_is_gone_is_damage_to_who_looks() {
        for number in [2, 20] {
            let gone = SearchError::of_looking("it", io::Error::from_raw_os_error(number));
            assert!(matches!(gone, SearchError::Damaged(_)), "{number}");
        }
        // No permission, a bad disk, no memory, too many open files, here and in all.
        for number in [13, 5, 12, 24, 23] {
            let unseen = SearchError::of_looking("it", io::Error::from_raw_os_error(number));
            assert!(matches!(unseen, SearchError::Io(_)), "{number}");
        }
    }
}
