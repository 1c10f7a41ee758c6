//! Marquee: a movie catalogue service. See `docs/ARCHITECTURE.md` for the floors and their rules.

pub mod domain;
pub mod http;
pub mod service;
pub mod store;
