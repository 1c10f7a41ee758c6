//! `marquee openapi`: the OpenAPI document, for tools that make clients.

use super::{exit::Exit, output};
use crate::http::openapi;

pub(super) fn run() -> anyhow::Result<Exit> {
    output::print(openapi::json())?;
    Ok(Exit::Ok)
}
