//! The service on threads that are shared (one runtime that moves work to idle threads) or each for itself (a
//! runtime and a listener for each thread, among which the system spreads connections):
//!
//! ```text
//! cores stealing|reuseport THREADS
//! ```
//!
//! It prints its address, and serves made-up movies until it is ended. `scripts/bench-cores` asks it.

use tikv_jemallocator::Jemalloc;

mod run;

#[path = "../../benches/steps/service.rs"]
mod service;

/// The service's.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> anyhow::Result<()> {
    run::run()
}
