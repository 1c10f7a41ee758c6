//! One integration binary: the real store and the real service on real databases.
//!
//! A fact is an `async fn` that takes a fixture, a [`backend::TestStore`], [`backend::Database`] or
//! [`app::TestApp`], and is listed in `on_every_backend!` or `on_sqlite!` of its module. Its name is
//! the fact.

#![expect(clippy::unwrap_used, reason = "a fact that cannot go on says so by a panic")]

mod activity;
mod app;
mod backend;
mod cache;
mod client;
mod cluster;
mod collections;
mod deploy;
mod fault_proxy;
mod keys;
mod learning;
mod limits;
mod overload;
mod process;
mod redis;
mod search;
mod service;
mod store;
mod transport;
mod watching;
