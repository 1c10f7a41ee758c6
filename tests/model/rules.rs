//! The rules of the protocol, each of which can be broken.

/// A rule that a server could be built without. The protocol keeps all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A load's tag is the revision of the snapshot that its data is read in, never a later one.
    TagOfTheSnapshot,
    /// An entry is held against what is known of its scopes each time it is read.
    ValidationOnRead,
    /// All scopes of a query count, not only the first of them.
    EveryScopeCounts,
    /// A message does not renew the lease.
    LeaseByPollsAlone,
    /// A message does not move the poll's cursor.
    CursorByPollsAlone,
    /// A request joins a load only if both need the same.
    FlightsAskForTheNeed,
    /// Who joins a load that began before something was known judges its answer.
    WhoIsNotSureJudges,
    /// A load needs all that is known when it begins, not only what is known of those scopes that its
    /// query is known to depend on before it is answered.
    NeedsAreAllThatIsKnown,
    /// `Min-Catalog-Revision` is part of what an entry needs.
    MinRevisionIsNeeded,
    /// An entry of another epoch is none.
    OwnEpochAlone,
    /// A write is answered after it is known.
    KnownBeforeAnswered,
    /// The scopes that a poll found are known before its cursor (and `verified`) moves.
    ScopesBeforeCursor,
    /// A lease begins when its poll was sent.
    LeaseFromSending,
    /// A request looks at the lease before it holds an entry against what is known.
    LeaseBeforeValidation,
    /// A request looks at `verified` before it holds an entry against what is known.
    VerifiedBeforeValidation,
    /// A load that is newer than the last poll waits for one that reaches it.
    LoadsWaitForAPoll,
    /// A poll that finds fewer revisions than the one before, or another epoch, drops everything.
    RestoresAreFoundByPolls,
    /// A write that gets a revision which was already there drops everything.
    RestoresAreFoundByWrites,
    /// What was dropped includes the loads that are under way.
    RestoresDropLoads,
    /// Between dropping everything and having read the whole, nothing is taken from L2.
    NothingIsTakenWhileUnsettled,
}
