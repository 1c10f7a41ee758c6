//! How a request fared in the cache: one word that is the header's, the metrics' and the log's.

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The tier in this process had it.
    L1Hit,
    /// The tier that replicas share had it.
    L2Hit(Miss),
    /// It was loaded from the truth.
    Loaded(Miss),
    /// It was loaded from the truth for another request that came a moment before.
    Collapsed(Miss),
}

/// What the tier that replicas share had for a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beside {
    /// It was not asked: there is none, or somebody in this process had the answer.
    #[default]
    Unasked,
    /// Nothing.
    Absent,
    /// Something that was not good.
    Rejected,
    /// It gave no answer in time, or is not asked for a while since it did not.
    Bypassed,
}

/// Why the tier in this process did not have an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// It never had it, or let it go.
    Absent,
    /// Something that it depends on was written since.
    Superseded,
    /// It had lived for long enough.
    Expired,
}

impl Miss {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Absent, Self::Superseded, Self::Expired];

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
        }
    }
}

/// Why an entry of the shared tier was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// It is no entry, or one of another version of this program.
    Format,
    /// Its bytes are not those that were written.
    Checksum,
    /// It is of another life of the catalogue.
    Epoch,
    /// It answers another query.
    Query,
    /// Something that it depends on was written since.
    Superseded,
    /// It has a revision that the truth does not have.
    Future,
}

impl Reject {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Format, Self::Checksum, Self::Epoch, Self::Query, Self::Superseded, Self::Future];

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Checksum => "checksum",
            Self::Epoch => "epoch",
            Self::Query => "query",
            Self::Superseded => "superseded",
            Self::Future => "future",
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<E> {
    /// The truth was not reached for longer than the cap.
    Expired,
    /// What must be included is not in the truth, or was not there in time.
    Behind,
    /// The truth turned out to be another one, or an earlier state of itself, since it was asked for.
    Restored,
    /// The load ended without an outcome (a bug: the log has the panic).
    Lost,
    /// The load failed.
    Load(E),
}

/// What a load can fail with.
pub trait LoadFailure {
    /// Whether the load was not even begun, so that the next request for the same may well have more
    /// luck, and costs nothing if not.
    fn was_not_begun(&self) -> bool;

    /// Whether a write to what was asked for may end it. Then it is nobody's but those who wait for it
    /// already: who comes after that write must not hear of it.
    fn ends_with_a_write(&self) -> bool {
        false
    }
}

impl LoadFailure for std::convert::Infallible {
    fn was_not_begun(&self) -> bool {
        match *self {}
    }
}
