//! `sauma lsp`: a language server for lenses, maps of the FHIR Mapping Language and FHIRPath expressions.
//!
//! It speaks the Language Server Protocol 3.17 over standard input and output, reads what lies beside a document that
//! is open, and writes nothing but its answers. It sees maps and lenses, never a document of a client.

mod analysis;
mod complete;
mod fate;
mod findings;
mod hover;
mod navigate;
mod queue;
mod rename;
mod session;
mod text;
mod tokens;
mod wire;
mod words;
mod workspace;

use super::console::{Stop, Verdict, stdout_fault};
use queue::{Next, Queue};
use session::Session;
use std::io;
use std::thread;

/// Bytes of the stack that texts are looked into on: rules within rules and groups that use each other are deep.
const STACK_BYTES: usize = 64 << 20;

/// Help an editor with lenses, maps and FHIRPath: a language server on standard input and output.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An editor starts this command by itself; EDITORS.md says how VS Code, Neovim and Helix are told to.\n\nExit codes: 0 where the editor said goodbye, 1 where it left without, 2 where no message could be read."
)]
pub(super) struct Args {
    /// The only way of talking there is; some editors name it
    #[arg(long)]
    stdio: bool,
}

pub(super) fn run(_: &Args) -> Result<Verdict, Stop> {
    let server = thread::Builder::new().name("lsp".to_owned()).stack_size(STACK_BYTES).spawn(serve);
    let ended = server.map_err(Stop::System)?.join();
    ended.unwrap_or_else(|_| Err(Stop::System(io::Error::other("the server ended by itself"))))
}

fn serve() -> Result<Verdict, Stop> {
    let mut queue = Queue::start().map_err(Stop::System)?;
    let mut session = Session::new(io::stdout().lock());
    loop {
        // Findings are told when nothing else waits, so that a burst of changes costs one look.
        while queue.is_idle() && session.tell_findings().map_err(stdout_fault)? {}
        let goes_on = match queue.next().map_err(unread)? {
            Next::Message(message) => session.handle(message).map_err(stdout_fault)?,
            Next::Cancelled(id) => {
                session.cancelled(&id).map_err(stdout_fault)?;
                true
            }
            Next::End => false,
        };
        if !goes_on {
            return Ok(Verdict::of(!session.is_down()));
        }
    }
}

/// Why nothing more can be read: what comes is no message, or the stream fails.
fn unread(error: io::Error) -> Stop {
    match error.kind() {
        io::ErrorKind::InvalidData => Stop::usage(
            "standard input holds no messages of the Language Server Protocol",
            "this command is started by an editor: see EDITORS.md",
        ),
        _ => Stop::System(error),
    }
}
