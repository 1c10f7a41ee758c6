//! Writing to standard output and standard error. Either may be gone.

use std::{
    fmt,
    io::{self, Write},
};

use anyhow::Context as _;

/// Prints `text`, which ends with a line feed, to standard output.
///
/// # Errors
/// It could not be written; a closed pipe too.
pub fn print(text: impl fmt::Display) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    write!(output, "{text}")
        .and_then(|()| output.flush())
        .context("cannot write to standard output")
}

/// Tells whoever started the program, in one line on standard error, what there is to know beside the
/// output.
pub fn tell(what: impl fmt::Display) {
    // When nobody listens, the output still counts.
    let _ = writeln!(io::stderr().lock(), "{what}");
}

/// Tells whoever started the program, in one line on standard error, what went wrong.
pub fn complain(what: impl fmt::Display) {
    // When nobody listens, the exit code still tells.
    let _ = writeln!(io::stderr().lock(), "marquee: {what}");
}
