//! HTTP: bytes in, bytes out.
//!
//! A request goes `server → api (request id, route, client) → handler → catalogue`, and an answer
//! comes back as finished bytes and headers.
//!
//! **Invariant:** nothing below this module knows of status codes, headers or media types.
//! **Invariant:** this module knows nothing of settings; what it may be told is in `Options` structs.
//! **Invariant:** every refusal is a `error::Problem`, or an exact body of a compatibility route.

pub mod admin;
pub mod api;
mod body;
pub mod cached;
mod call;
mod caught;
pub mod class;
mod client;
mod conditional;
mod encoding;
mod error;
mod finished;
mod framing;
mod front;
mod gate;
mod handlers;
pub mod openapi;
mod params;
mod query;
mod representation;
mod request_id;
pub mod response;
mod route;
pub mod server;

#[cfg(test)]
mod tests;
