//! `sauma completions`: what a shell needs to complete the command line.

use super::console::{Console, Stop, Verdict};
use clap::CommandFactory;

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  sauma completions bash > ~/.local/share/bash-completion/completions/sauma"
)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> Result<Verdict, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "sauma", &mut script);
    Console::out(&script)?;
    Ok(Verdict::Clean)
}
