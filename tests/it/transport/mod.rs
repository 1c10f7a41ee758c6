//! Connections: what is spoken over them, what is refused before it is a request, and how they end.

pub(crate) mod by_bytes;
mod connections;
mod http2;
mod proxy_protocol;
mod raw;
mod tls;
mod unix_socket;
mod wire;
