//! Marquee: a movie catalogue service. See `docs/ARCHITECTURE.md` for the floors and their rules.

pub mod app;
pub mod cache;
pub mod commands;
pub mod config;
pub mod domain;
pub mod exchange;
pub mod http;
pub mod learn;
pub mod search;
pub mod service;
pub mod store;
pub mod telemetry;
