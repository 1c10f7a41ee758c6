//! `marquee migrate`: the database's schema, brought up to date apart from a start.

use super::exit::Exit;
use crate::{app, config::StoreSettings, domain::clock::Clock};

pub(super) async fn run(settings: &StoreSettings) -> anyhow::Result<Exit> {
    let store = app::open_store(&settings.database, Clock::system()).await?;
    store.close().await;
    tracing::info!(database = %settings.database.database_url, "the schema is up to date");
    Ok(Exit::Ok)
}
