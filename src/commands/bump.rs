//! `marquee bump`: for operators who changed the database by hand or restored it.

use anyhow::Context as _;

use super::{exit::Exit, output};
use crate::{app, config::StoreSettings, domain::clock::Clock};

pub(super) async fn run(settings: &StoreSettings) -> anyhow::Result<Exit> {
    let store = app::open_store(&settings.database, Clock::system()).await?;
    let revision = store.bump().await.context("cannot raise the revision")?;
    store.close().await;
    output::print(format_args!("{revision}\n"))?;
    Ok(Exit::Ok)
}
