//! As `examples/cores`, on the system's allocator.

#[path = "cores/run.rs"]
mod run;

#[path = "../benches/steps/service.rs"]
mod service;

fn main() -> anyhow::Result<()> {
    run::run()
}
