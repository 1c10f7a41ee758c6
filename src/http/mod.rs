//! HTTP: bytes in, bytes out.
//!
//! A request goes `server → api (request id, route, client) → handler → catalogue`, and an answer
//! comes back as finished bytes and headers.
//!
//! **Invariant:** nothing below this module knows of status codes, headers or media types.
//! **Invariant:** this module knows nothing of settings; what it may be told is in `Options` structs.
//! **Invariant:** every refusal is a `error::Problem`, or an exact body of a compatibility route.

pub mod access_log;
pub mod admin;
pub mod api;
mod audit;
pub mod auth;
mod body;
mod by_bytes;
pub mod cached;
mod call;
mod campaigns;
mod caught;
pub mod class;
pub mod client;
mod conditional;
pub mod cors;
mod encoding;
mod error;
mod exact;
mod finished;
mod framing;
mod front;
pub mod gate;
mod handlers;
pub mod limit;
pub mod log_level;
#[doc(hidden)]
pub mod measure;
pub mod metrics;
mod noted;
pub mod observe;
pub mod openapi;
mod params;
mod personal;
mod query;
mod representation;
mod request_id;
pub mod response;
mod route;
mod rows;
pub mod safety;
pub mod seasons;
pub mod server;
pub mod services;
mod trace_context;
mod user;
mod wire;

#[cfg(test)]
mod tests;
