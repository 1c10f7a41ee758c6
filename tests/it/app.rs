//! The real service in the test's own process, on free ports and a fresh database.

use std::ops::Deref;

use clap::Parser as _;
use marquee::{app::App, config::Settings, domain::clock::Clock};

use crate::{
    backend::{Backend, Database, Fixture, begin},
    client::Client,
};

/// A running service. Used as a [`Client`] of its public listener.
pub(crate) struct TestApp {
    pub(crate) app: App,
    /// A client of the admin listener.
    pub(crate) admin: Client,
    /// The service's clock; it stands still, unless the test said otherwise.
    pub(crate) clock: Clock,
    pub(crate) database: Database,
    client: Client,
}

impl TestApp {
    /// Starts the service on a database, with settings of the test's own.
    pub(crate) async fn start(database: Database, flags: &[&str]) -> Self {
        Self::start_by(database, flags, begin()).await
    }

    /// Starts the service by a clock of the test's choice.
    pub(crate) async fn start_by(database: Database, flags: &[&str], clock: Clock) -> Self {
        Self::try_start_by(database, flags, clock).await.expect("the service starts")
    }

    /// Starts the service, or says why it does not.
    pub(crate) async fn try_start(database: Database, flags: &[&str]) -> anyhow::Result<Self> {
        Self::try_start_by(database, flags, begin()).await
    }

    async fn try_start_by(
        database: Database,
        flags: &[&str],
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let settings = settings(&database, flags);
        settings.check().expect("the settings are good");
        let app = Box::pin(App::start(&settings, clock.clone())).await?; // it is large
        let client = Client::new(app.address());
        let admin = Client::new(app.admin_address());
        Ok(Self { app, admin, clock, database, client })
    }
}

impl Fixture for TestApp {
    async fn on(backend: Backend) -> Self {
        Self::start(Database::new(backend).await, &[]).await
    }
}

impl Deref for TestApp {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Settings for tests: free ports, no bundled catalogue, no index, few connections, and deadlines that a busy
/// machine keeps; then what the test says, which wins.
fn settings(database: &Database, flags: &[&str]) -> Settings {
    #[derive(clap::Parser)]
    #[command(args_override_self = true)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }
    let usual = [
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--database-url",
        &database.url,
        "--database-connections=8",
        "--database-acquire-timeout=10s",
        "--database-statement-timeout=30s",
        "--overload-queue-time=10s",
        "--bundled-catalogue=skip",
        "--index=off",
    ];
    Line::parse_from(["test"].iter().chain(&usual).chain(flags)).settings
}
