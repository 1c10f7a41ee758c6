//! The program `marquee`: reads its settings, starts the log, does what it was asked, and exits with
//! a code that tells how that went.

use std::{
    env,
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
    time::Duration,
};

use marquee::{
    commands::{Invocation, exit::Exit, output},
    telemetry,
};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many milliseconds the allocator keeps memory that nobody uses, unless the environment says otherwise
/// (docs/decisions/0091-mimalloc.md).
const PURGE_DELAY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");

/// How long work that cannot be cancelled (a file being read) may hold up the end of the program.
const LAST_WAIT: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    settle_allocator();
    match Invocation::read(env::args_os()) {
        Ok(invocation) => run(invocation),
        Err(exit) => exit,
    }
    .into()
}

/// The allocator reads its settings from the environment before `main`, and nothing safe changes them later. So the
/// program begins again with them, once, as the same process; where it cannot, it goes on without.
fn settle_allocator() {
    let (name, value) = PURGE_DELAY;
    if env::var_os(name).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut again = Command::new(program);
    if let Some(own_name) = arguments.next() {
        again.arg0(own_name);
    }
    // What it gives back is an error: it has not begun again.
    let _ = again.args(arguments).env(name, value).exec();
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
