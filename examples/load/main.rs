//! The generator of load for measurements: HTTP/1.1, one thread, some microseconds for each request.
//!
//! ```text
//! load repeat ADDRESS --target PATH… [--header 'NAME: VALUE']… [--connections N] [--rate R]
//!             [--seconds S | --requests N] [--pipeline N]
//! load mix    ADDRESS --ids FILE --requests N [--connections N] [--rate R] [--seed N] …
//! ```
//!
//! `repeat` asks for the same few targets; connection N asks for target N, modulo their number. `mix` asks
//! as users do, writes now and then, and checks each answer (`mix/mod.rs`). What was found is one JSON
//! object on standard output; progress goes to standard error.
//!
//! Without `--rate` each connection asks again when it was answered (a closed loop). With it requests are
//! due at that many a second, whatever becomes of those before, and their time counts from when they were
//! due: a server that stands still is charged with all whom it kept waiting.

#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

mod arguments;
mod http;
mod mix;
mod pace;
mod random;
mod repeat;
mod tally;

use std::process::ExitCode;

use anyhow::bail;
use tikv_jemallocator::Jemalloc;

use self::arguments::Arguments;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::of_process()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (found, good) = match arguments.command() {
        "repeat" => {
            let options = repeat::Options::read(&mut arguments)?;
            arguments.finish()?;
            runtime.block_on(repeat::run(options))?
        }
        "mix" => {
            let options = mix::Options::read(&mut arguments)?;
            arguments.finish()?;
            runtime.block_on(mix::run(options))?
        }
        other => bail!("repeat or mix, not {other:?}"),
    };
    println!("{found}");
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
