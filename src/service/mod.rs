//! What the service does, apart from how it is asked (HTTP) and where it is kept (store).
//!
//! **Invariant:** nothing in here knows of HTTP.
//! **Invariant:** database work runs in spawned tasks, so a client that leaves neither cancels a write
//! nor leaves a half-read connection.

pub mod activity;
pub mod bundled;
pub mod catalogue;
pub mod collections;
pub mod error;
pub mod follow;
pub mod import;
pub mod index;
pub mod keys;
pub mod models;
pub mod overload;
pub mod recommend;
pub mod training;

mod work;
