//! What the process tells its allocator.

use std::{
    fs,
    process::{Child, Command},
};

use super::{Process, marquee};
use crate::{
    backend::{Database, on_sqlite},
    cluster::programs::needed,
};

on_sqlite! {
    memory_that_nobody_uses_is_given_back_at_once,
    who_sets_another_delay_gets_it,
}

/// What the process's environment says of the allocator. The kernel shows what the program began with.
fn delay(child: &Child) -> Option<String> {
    let environment = fs::read_to_string(format!("/proc/{}/environ", child.id())).unwrap();
    let mut pairs = environment.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == "MIMALLOC_PURGE_DELAY").map(|(_, value)| value.to_owned())
}

async fn memory_that_nobody_uses_is_given_back_at_once(database: Database) {
    let process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    assert_eq!(delay(&process.child).as_deref(), Some("0"));
}

async fn who_sets_another_delay_gets_it(database: Database) {
    let mut command = marquee(&[]);
    command.env("MIMALLOC_PURGE_DELAY", "50");
    let process = Process::start_by(command, &database, &["--bundled-catalogue=skip"]).await;
    assert_eq!(delay(&process.child).as_deref(), Some("50"));
}

/// With an allocator that took C's functions over, the program ended before `main` (decision 0091).
#[test]
fn a_library_that_moves_the_clock_may_be_preloaded() {
    let mut command = Command::new(needed("TEST_FAKETIME_PROGRAM", &["faketime"]));
    command.args(["-f", "+1h", env!("CARGO_BIN_EXE_marquee"), "--version"]);
    let output = command.output().expect("faketime can be started");
    assert!(output.status.success(), "{output:?}");
    let version = format!("marquee {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), version);
}
