//! Threads, runtimes and listeners.

#![expect(clippy::print_stdout, reason = "whoever starts it reads the address")]

use std::{net::Ipv4Addr, sync::Arc, thread};

use anyhow::{Context as _, bail};
use marquee::{
    domain::clock::Clock,
    http::{
        api::Api,
        server::{self, BACKLOG},
    },
};
use tokio::runtime::Builder;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::service::service;

pub(crate) fn run() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let how = arguments.next().context("stealing or reuseport?")?;
    let threads: usize = arguments.next().context("how many threads?")?.parse()?;
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}", folder.path().join("marquee.db").display());
    // Loads and the store are of this runtime either way.
    let workers = if how == "stealing" { threads } else { 1 };
    let main = Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let tasks = TaskTracker::new();
    let (api, _store) = main.block_on(service(url, Clock::system(), &tasks));
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    match how.as_str() {
        "stealing" => {
            let bound = main.block_on(server::bind(any))?;
            println!("{}", bound.address());
            // On the workers: `block_on` would have it on this thread.
            let serving = bound.serve(api, server::Options::default(), CancellationToken::new());
            let _ = main.block_on(tasks.spawn_on(serving, main.handle()));
        }
        "reuseport" => {
            let first = Builder::new_current_thread().enable_all().build()?;
            let bound = first.block_on(server::bind_beside(any, BACKLOG))?;
            let address = bound.address();
            thread::scope(|scope| {
                for _ in 1..threads {
                    let api: Arc<Api> = Arc::clone(&api);
                    scope.spawn(move || {
                        let own =
                            Builder::new_current_thread().enable_all().build().expect("a runtime");
                        own.block_on(async {
                            let bound =
                                server::bind_beside(address, BACKLOG).await.expect("the address");
                            bound
                                .serve(api, server::Options::default(), CancellationToken::new())
                                .await
                        })
                    });
                }
                println!("{address}");
                first.block_on(bound.serve(
                    Arc::clone(&api),
                    server::Options::default(),
                    CancellationToken::new(),
                ));
            });
        }
        other => bail!("stealing or reuseport, not {other}"),
    }
    Ok(())
}
