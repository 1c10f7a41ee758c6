//! Runs one step of a hit or of a miss again and again, for who counts its instructions.
//!
//! ```text
//! steps                 lists the steps that are the same each time
//! steps NAME TIMES      runs one
//! ```
//!
//! `scripts/bench-check` runs it under `valgrind --tool=callgrind`, which counts what is below `measured`.

#![expect(clippy::print_stdout, reason = "who counts reads the names")]

use std::hint::black_box;

use anyhow::Context as _;
use tikv_jemallocator::Jemalloc;

#[path = "../benches/steps/mod.rs"]
mod steps;

/// The service's.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        for step in steps::steady() {
            println!("{}", step.name);
        }
        return Ok(());
    };
    let times: u32 = arguments.next().context("how many times?")?.parse()?;
    let mut all = steps::steady().into_iter().chain(steps::threaded());
    let step = all.find(|step| step.name == name).context("there is no such step")?;
    let mut run = (step.make)();
    // Not counted: what is done the first time only.
    (0..10).for_each(|_| run());
    measured(&mut *run, times);
    Ok(())
}

#[inline(never)]
fn measured(run: &mut dyn FnMut(), times: u32) {
    for _ in 0..times {
        run();
    }
    black_box(run);
}
