//! The protocol's rules that can be broken on purpose, to see that the tests notice.
//!
//! Only builds with debug assertions can break one (`--break-rule`, which `--help` does not list); in a
//! release build [`Rules::hold`] is a constant.

/// A rule of the protocol, named by what breaking it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Rule {
    /// The tag is read some time after the data, and not in the same snapshot.
    TagAfterData,
    /// Entries are served whatever is known.
    NoValidation,
    /// Messages of the bus renew the lease.
    BusRenewsLease,
    /// Messages of the bus move the poll's cursor.
    BusMovesCursor,
    /// A request joins any load of its key, also one that began before a write that it must include.
    FlightIgnoresNeed,
    /// Entries of the shared tier are taken whatever their epoch.
    AnyEpoch,
}

/// Which rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    #[cfg(debug_assertions)]
    broken: Option<Rule>,
}

impl Rules {
    /// All of them but one.
    #[cfg(debug_assertions)]
    #[must_use]
    pub const fn but(broken: Rule) -> Self {
        Self { broken: Some(broken) }
    }

    /// Whether a rule holds.
    #[must_use]
    #[inline]
    #[cfg_attr(not(debug_assertions), expect(unused_variables, reason = "all of them hold"))]
    pub fn hold(self, rule: Rule) -> bool {
        #[cfg(debug_assertions)]
        return self.broken != Some(rule);
        #[cfg(not(debug_assertions))]
        true
    }
}
