//! What the process's allocator is told.

use std::process::Command;

use super::marquee;
use crate::cluster::programs::needed;

/// What the allocator says of itself as the program ends.
fn allocator(more: &str) -> String {
    let mut command = marquee(&["--version"]);
    command.env("_RJEM_MALLOC_CONF", format!("stats_print:true,{more}"));
    let output = command.output().expect("the program can be started");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn memory_that_nobody_uses_is_soon_given_back() {
    let told = allocator("");
    for kept in ["opt.background_thread: true", "opt.dirty_decay_ms: 200", "opt.muzzy_decay_ms: 0"]
    {
        assert!(told.contains(kept), "{told}");
    }
}

#[test]
fn who_sets_another_delay_gets_it() {
    let told = allocator("dirty_decay_ms:50");
    assert!(told.contains("opt.dirty_decay_ms: 50"), "{told}");
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
