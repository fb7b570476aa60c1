//! The `sauma` command.

use std::process::ExitCode;

/// Joins, lenses and requests make and drop many small things: a join takes a quarter less time with this one.
#[cfg(feature = "server")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sauma::cli::main()
}
