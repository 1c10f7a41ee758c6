//! The index of this replica: opened or built, kept up with the changes, asked.
//!
//! | | |
//! |---|---|
//! | `keeper` | the task that has the index: opens it, follows the changes, looks whether it is whole |
//! | `rebuild` | a new index from one snapshot of the truth |
//! | `batch` | what of the feed goes into the index, and what that makes of it |
//! | `suggestions` | titles and people in memory, for who is typing |
//! | `finder` | how requests ask it |
//! | `desk` | how many do at once, and for how long |
//! | `choice` | which lists it answers |
//! | `experience` | how many movies lists turned out to have, and how long they took, for that |
//! | `metrics` | what is counted |
//!
//! **Invariant:** the index is derived from the truth alone. Whatever becomes of it, lists and single
//! movies are answered as if there were none.
//! **Invariant:** nobody waits for the index but who asks for what it alone has.

mod batch;
mod choice;
mod desk;
mod experience;
mod finder;
mod keeper;
mod metrics;
mod rebuild;
mod suggestions;

use std::time::Duration;

pub use choice::{Choice, is_for_index};
pub use experience::Took;
pub use finder::{Finder, Report};
pub(crate) use keeper::CATCH_UP;
pub use keeper::Keeper;
pub use metrics::Metrics;

/// How the index is kept and asked.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of memory for building.
    pub memory_bytes: usize,
    /// Threads that build.
    pub threads: usize,
    /// Searches at once.
    pub at_once: usize,
    /// Searches that wait for their turn.
    pub waiting: usize,
    /// How long a search may take, waiting included.
    pub timeout: Duration,
}

/// How the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is none.
    Off,
    /// It is being opened or built, and cannot be asked.
    Building,
    /// It is being built anew. The last one answers meanwhile as of where it is.
    Rebuilding,
    /// It can be asked, and follows.
    Ready,
}

impl Phase {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Off, Self::Building, Self::Rebuilding, Self::Ready];

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Building => "building",
            Self::Rebuilding => "rebuilding",
            Self::Ready => "ready",
        }
    }
}

/// Why an index is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There was none.
    Missing,
    /// It is of another version of this program.
    Schema,
    /// Its files are gone, cut short or others.
    Damaged,
    /// The database is another one, or an earlier state of itself.
    Restored,
    /// The database was edited by hand (`marquee bump`).
    Bumped,
    /// The changes that it lacks are no longer kept.
    Gap,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Missing, Self::Schema, Self::Damaged, Self::Restored, Self::Bumped, Self::Gap];

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Schema => "schema",
            Self::Damaged => "damaged",
            Self::Restored => "restored",
            Self::Bumped => "bumped",
            Self::Gap => "gap",
        }
    }
}
