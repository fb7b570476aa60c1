//! The `sauma` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    sauma::cli::main()
}
