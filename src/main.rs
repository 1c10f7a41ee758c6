//! The program `marquee`: reads its settings, starts the log, does what it was asked, and exits with
//! a code that tells how that went.

use std::{env, process::ExitCode, time::Duration};

use marquee::{
    commands::{Invocation, exit::Exit, output},
    telemetry,
};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How long work that cannot be cancelled (a file being read) may hold up the end of the program.
const LAST_WAIT: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    match Invocation::read(env::args_os()) {
        Ok(invocation) => run(invocation),
        Err(exit) => exit,
    }
    .into()
}

fn run(invocation: Invocation) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(format_args!("cannot start threads: {error}"));
            return Exit::Unavailable;
        }
    };
    let log = invocation
        .log()
        .map(|settings| telemetry::start(settings, invocation.watching(), runtime.handle()));
    let ending = match log.transpose() {
        Ok(ending) => ending,
        Err(error) => {
            output::complain(format_args!("cannot start a thread for the log: {error}"));
            return Exit::Unavailable;
        }
    };
    let outcome = runtime.block_on(invocation.run());
    drop(ending);
    runtime.shutdown_timeout(LAST_WAIT);
    outcome.unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        if exit != Exit::Ok {
            output::complain(telemetry::in_one_line(error.as_ref()));
        }
        exit
    })
}
