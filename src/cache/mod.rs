//! Two tiers of finished answers in front of the truth, and what is known of the truth meanwhile.
//!
//! An answer is kept with a *tag*, the revision of the catalogue that it was made from, and is good for
//! as long as none of the scopes that it depends on has a higher revision. What the scopes' revisions
//! are is learnt from the truth ([`known`]), so an answer is judged when it is read, and nothing has to
//! be deleted in time for it to be right.
//!
//! **Invariant:** nothing here knows of SQL, of HTTP, or of what an answer looks like inside.
//! **Invariant:** the tier that replicas share ([`remote`], [`bus`]) makes answers faster to get, never
//! righter: whatever it loses, delays or makes up, what is answered includes what it must.
//! **Invariant:** a cache that fails is never a failed request: it is a named
//! [`outcome`](outcome::Outcome).

mod ahead;
pub mod bus;
pub mod entry;
mod envelope;
mod flight;
pub mod key;
pub mod known;
pub mod lease;
mod local;
pub mod metrics;
pub mod outcome;
pub mod remote;
pub mod rule;
pub mod shared;
#[cfg(test)]
mod testing;
pub mod tiers;
