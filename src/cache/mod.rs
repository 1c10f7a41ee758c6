//! Two tiers that never serve an answer older than promised.

pub mod bus;
pub mod remote;
