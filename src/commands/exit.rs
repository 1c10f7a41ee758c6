//! Codes that the program exits with, after the BSD `sysexits.h` that scripts and service managers
//! know.

use std::{io, process::ExitCode};

use crate::{
    app::AppError, config::bad_setting::BadSetting, domain::rate::BadRates,
    http::server::tls::TlsError, learn::error::LearnError, search::SearchError,
    store::error::StoreError,
};

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// The answer is no: the service is not ready.
    No,
    /// Bad settings or arguments.
    Usage,
    /// Bad data.
    Data,
    /// An input that cannot be opened.
    NoInput,
    /// Something that is needed, like the database, is not reachable.
    Unavailable,
    /// A bug.
    Software,
    /// Reading or writing failed.
    Io,
    /// A signal ended it before it was done.
    Signal(u8),
}

impl Exit {
    /// The code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::No => 1,
            Self::Usage => 64,
            Self::Data => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::Io => 74,
            // As shells put it.
            Self::Signal(number) => 128 + number,
        }
    }

    /// What an error means for whoever started the program: its outermost cause that says so.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        let meaning = |cause: &(dyn std::error::Error + 'static)| {
            if cause.is::<BadSetting>() || cause.is::<BadRates>() {
                Some(Self::Usage)
            } else if let Some(AppError::Tls(error)) = cause.downcast_ref::<AppError>() {
                let unreadable = matches!(error, TlsError::Unreadable { .. });
                Some(if unreadable { Self::NoInput } else { Self::Data })
            } else if let Some(error) = cause.downcast_ref::<SearchError>() {
                Some(Self::of_index(error))
            } else if let Some(error) = cause.downcast_ref::<LearnError>() {
                Some(Self::of_learning(error))
            } else if let Some(error) = cause.downcast_ref::<StoreError>() {
                Some(Self::of_store(error))
            } else {
                cause.downcast_ref::<io::Error>().map(Self::of_io)
            }
        };
        error.chain().find_map(meaning).unwrap_or(Self::Software)
    }

    /// What it means that something was not learnt.
    #[must_use]
    pub const fn of_learning(error: &LearnError) -> Self {
        match error {
            LearnError::Read(_) | LearnError::File { .. } => Self::Io,
            LearnError::Line { .. } | LearnError::TooFew(_) | LearnError::Damaged(_) => Self::Data,
            LearnError::Singular { .. } | LearnError::Stopped => Self::Software,
        }
    }

    const fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable(_)
            | StoreError::TimedOut(_)
            | StoreError::Unanswered(_)
            | StoreError::Contended { .. }
            | StoreError::Loading(_)
            | StoreError::Migrate(_) => Self::Unavailable,
            StoreError::BadRow { .. } => Self::Data,
            StoreError::Refused(_) | StoreError::ChangesGone { .. } => Self::Software,
        }
    }

    fn of_index(error: &SearchError) -> Self {
        match error {
            SearchError::InUse => Self::Unavailable,
            SearchError::Io(error) => Self::of_io(error),
            SearchError::Damaged(_) | SearchError::Replaced | SearchError::Engine(_) => {
                Self::Software
            }
        }
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            // Whoever read the output has enough of it.
            io::ErrorKind::BrokenPipe => Self::Ok,
            io::ErrorKind::AddrInUse
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::ConnectionRefused => Self::Unavailable,
            _ => Self::Io,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_outermost_cause_that_means_something_decides() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = StoreError::Unavailable(sqlx::Error::Io(full));
        let error = Err::<(), _>(error).context("cannot start").unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Unavailable);
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        assert_eq!(Exit::of(&io::Error::from(io::ErrorKind::BrokenPipe).into()), Exit::Ok);
        assert_eq!(Exit::of(&io::Error::from(io::ErrorKind::StorageFull).into()), Exit::Io);
    }

    #[test]
    fn an_error_that_means_nothing_is_a_bug() {
        assert_eq!(Exit::of(&anyhow::anyhow!("it broke")), Exit::Software);
    }
}
