//! Placeholder.
use super::key::Digest;
use bytes::Bytes;
use std::time::Duration;
/// .
#[derive(Debug)]
pub struct Remote;
/// .
#[derive(Debug)]
pub struct Lease;
/// .
#[derive(Debug)]
pub enum Missed {
    /// .
    Open,
}
/// .
#[derive(Debug, Clone, Copy)]
pub enum State {
    /// .
    Closed,
}
impl State {
    /// .
    pub const fn label(self) -> &'static str {
        "closed"
    }
}
impl Missed {
    /// .
    pub const fn label(&self) -> &'static str {
        "open"
    }
}
impl Remote {
    /// .
    pub async fn get(&self, _: &Digest) -> Result<Option<Bytes>, Missed> {
        Err(Missed::Open)
    }
    /// .
    pub async fn put(&self, _: &Digest, _: &[u8], _: Duration) -> Result<(), Missed> {
        Err(Missed::Open)
    }
    /// .
    pub async fn lease(&self, _: &Digest, _: Duration) -> Result<Option<Lease>, Missed> {
        Err(Missed::Open)
    }
    /// .
    pub async fn release(&self, _: Lease) -> Result<(), Missed> {
        Err(Missed::Open)
    }
    /// .
    pub fn breaker(&self) -> State {
        State::Closed
    }
}
