//! What is explored together.

use crate::{
    bounds::{Bounds, Messages, Writers},
    catalogue::{Query, Write},
};

/// Two writes, of any kind and by anyone, while a client reads the list of two genres.
const SMALL: Bounds = Bounds {
    replicas: 1,
    queries: &[Query::DramaOrWestern],
    open_requests: 1,
    min_revisions: false,
    kinds: &[Write::Drama, Write::Western],
    writes: 2,
    writers: Writers::All,
    messages: Messages::None,
    l2: false,
    crashes: 0,
    restores: 0,
    bound: 0,
};

/// Requests share loads, and meet own writes.
pub(crate) const LOADS: Bounds = Bounds { open_requests: 2, writers: Writers::Own, ..SMALL };

/// A list, while a movie that it shows changes and stays where it is.
pub(crate) const SHOWN: Bounds =
    Bounds { queries: &[Query::Drama], kinds: &[Write::Drama, Write::Votes], ..LOADS };

/// The same by others, with an L2 between two replicas.
pub(crate) const SHOWN_BY_REPLICAS: Bounds =
    Bounds { open_requests: 1, kinds: &[Write::Votes], ..REPLICAS };

/// Answers of different scopes, with and without `Min-Catalog-Revision`.
pub(crate) const QUERIES: Bounds =
    Bounds { queries: &[Query::Drama, Query::Everything], min_revisions: true, ..SMALL };

/// Time passes, polls are late, others write.
pub(crate) const CLOCK: Bounds = Bounds { bound: 2, writers: Writers::Others, ..SMALL };

/// Requests share loads while leases end and begin.
pub(crate) const CLOCK_AND_LOADS: Bounds =
    Bounds { bound: 1, open_requests: 2, writes: 1, writers: Writers::Others, ..SMALL };

/// Messages, true and forged, in any order.
pub(crate) const MESSAGES: Bounds = Bounds { messages: Messages::Any, ..SMALL };

/// Messages while time passes.
pub(crate) const MESSAGES_AND_CLOCK: Bounds = Bounds {
    queries: &[Query::Drama],
    bound: 1,
    messages: Messages::True,
    writers: Writers::Others,
    ..SMALL
};

/// Forged messages while requests share loads.
pub(crate) const MESSAGES_AND_LOADS: Bounds =
    Bounds { open_requests: 2, writes: 1, writers: Writers::Own, ..MESSAGES };

/// A replica dies at any moment, and starts again.
pub(crate) const CRASH: Bounds =
    Bounds { queries: &[Query::Item, Query::DramaOrWestern], crashes: 1, ..SMALL };

/// Two replicas with an L2 between them, while others write.
pub(crate) const REPLICAS: Bounds =
    Bounds { replicas: 2, l2: true, writers: Writers::Others, ..SMALL };

/// The same, while one of them writes.
pub(crate) const REPLICAS_THAT_WRITE: Bounds =
    Bounds { replicas: 2, l2: true, writes: 1, writers: Writers::Own, ..SMALL };

/// The database is restored from a dump, and written to before the replica has found out.
pub(crate) const RESTORE: Bounds =
    Bounds { restores: 1, writes: 3, writers: Writers::Own, ..SMALL };

/// The database is restored from a dump, and L2 keeps what the replica had put there before.
pub(crate) const RESTORE_AND_L2: Bounds =
    Bounds { kinds: &[Write::Western], writes: 2, l2: true, ..RESTORE };

/// The database is restored from a dump while time passes.
pub(crate) const RESTORE_AND_CLOCK: Bounds =
    Bounds { restores: 1, bound: 1, writers: Writers::Others, ..SMALL };

/// The database is restored from a dump, and L2 keeps what was before. One replica finds out by what
/// it reads, the other one by the epoch.
pub(crate) const RESTORE_AND_REPLICAS: Bounds =
    Bounds { restores: 1, kinds: &[Write::Western], ..REPLICAS };
