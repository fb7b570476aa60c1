//! `sauma audit`: the log of who saw and changed what: whether it is whole, what it says, and what others ask of it.

use super::console::{Console, Stop, Verdict};
use super::files;
use super::logs::{Named, Source, block_on, refused};
use crate::diag::{Issue, Span};
use crate::exchange::registry::kanta::disclosures;
use crate::server::{AUDIT_LOG, audit_event, sentence};
use crate::store::{
    self, Checkpoint, CheckpointError, Logs, NoteQuery, Noted, Start, Tenant, VerifyingKey, client_hash,
    verify,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma audit verify /var/lib/sauma
  sauma audit verify postgresql://localhost/sauma --checkpoints audit.checkpoints --key audit.pub
  sauma audit list /var/lib/sauma --client pat-1 --lang fi
  sauma audit export backup.ndjson --profile kanta --disclosure 1

SOURCE is a folder of data, the file of a store, a dump, or the address of a PostgreSQL database. The server may be
running. Checkpoints and their key are looked for in a folder of data where they are not named.

The events are personal data: `list` shows them only with --show-values, but for times, actions and outcomes.";

/// Check, list and export the log of who saw and changed what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check that no entry was changed, taken out or put in, and name the first that was
    Verify {
        /// The store
        source: String,
        /// The file of signed checkpoints
        #[arg(long, value_name = "FILE")]
        checkpoints: Option<PathBuf>,
        /// The public key that checkpoints are signed with
        #[arg(long, value_name = "PEM")]
        key: Option<PathBuf>,
    },
    /// Tell what happened, newest first
    List {
        /// The store
        source: String,
        /// Only about this client
        #[arg(long, value_name = "ID")]
        client: Option<String>,
        /// Whose data
        #[arg(long, default_value_t = 0)]
        tenant: u32,
        /// How many events
        #[arg(long, default_value_t = 50)]
        count: usize,
    },
    /// Write disclosures in the form that somebody asks for, one Bundle a line
    Export {
        /// The store
        source: String,
        /// The form
        #[arg(long, value_enum)]
        profile: Profile,
        /// The code of the kind of disclosure, which no event says
        #[arg(long, value_name = "CODE")]
        disclosure: String,
        /// Whose data
        #[arg(long, default_value_t = 0)]
        tenant: u32,
    },
}

/// A form of disclosure reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    /// Luovutusilmoitus of social welfare to Kanta
    Kanta,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.action {
        Action::Verify { source, checkpoints, key } => {
            let named = Named::of(source)?;
            let signed = signed(source, checkpoints.as_deref(), key.as_deref())?;
            let verdicts = block_on(async {
                let logs = Source::open(&named).await?;
                verify(&logs, &signed).await.map_err(|error| refused(&error))
            })?;
            tell(&verdicts, console)
        }
        Action::List { source, client, tenant, count } => {
            let query = NoteQuery {
                client: client.as_ref().map(|id| client_hash(Tenant(*tenant), id)),
                start: Start::Before(None),
                count: *count,
                ..NoteQuery::after(Tenant(*tenant), AUDIT_LOG, 0)
            };
            let named = Named::of(source)?;
            let found = block_on(async {
                let logs = Source::open(&named).await?;
                logs.notes(&query).await.map_err(|error| refused(&error))
            })?;
            found.iter().try_for_each(|noted| list(noted, console))?;
            Ok(Verdict::Clean)
        }
        Action::Export { source, profile: Profile::Kanta, disclosure, tenant } => {
            let named = Named::of(source)?;
            let code = json!({ "coding": [{ "code": disclosure }] });
            block_on(export(&named, Tenant(*tenant), &code))?;
            Ok(Verdict::Clean)
        }
    }
}

/// The checkpoints that are named, or that lie in a folder of data; each signed with the key.
fn signed(source: &str, path: Option<&Path>, key: Option<&Path>) -> Result<Vec<Checkpoint>, Stop> {
    let beside = |name: &str| Some(Path::new(source).join(name)).filter(|path| path.is_file());
    let (path, key) = match (path, key) {
        (Some(path), Some(key)) => (path.to_owned(), key.to_owned()),
        (None, None) => match (beside("audit.checkpoints"), beside("audit.pub")) {
            (Some(path), Some(key)) => (path, key),
            _ => return Ok(Vec::new()),
        },
        _ => return Err(Stop::usage("checkpoints need their key", "give both --checkpoints and --key")),
    };
    let fault = |error: CheckpointError, place: String| {
        let message = format!("{place}: {error}");
        Stop::Issue(Box::new(Issue::error(error.code(), Span::default(), message)))
    };
    let key = VerifyingKey::from_pem(&files::read_text(&key)?)
        .map_err(|error| fault(error, format!("`{}`", key.display())))?;
    let text = files::read_text(&path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            let place = || format!("`{}`, line {}", path.display(), at + 1);
            Checkpoint::read(line, &key).map_err(|error| fault(error, place()))
        })
        .collect()
}

fn tell(verdicts: &[store::Verdict], console: &Console) -> Result<Verdict, Stop> {
    if console.is_json() {
        let rows: Vec<Value> = verdicts.iter().map(row).collect();
        Console::print_json(&rows)?;
        return Ok(Verdict::of(verdicts.iter().any(|verdict| verdict.fault.is_some())));
    }
    for store::Verdict { head, fault, checkpoints } in verdicts {
        match fault {
            Some(fault) => {
                let code = fault.flaw.code();
                Console::print(&format!("error[{}]: {fault}\n  = {}\n", code.id, code.help))?;
            }
            None => Console::print(&format!(
                "log `{}` of tenant {}: {} entries are as they were written; {checkpoints} checkpoints hold\n",
                head.log, head.tenant.0, head.size
            ))?,
        }
    }
    if verdicts.is_empty() {
        Console::print("there is no log\n")?;
    }
    Ok(Verdict::of(verdicts.iter().any(|verdict| verdict.fault.is_some())))
}

fn row(verdict: &store::Verdict) -> Value {
    let store::Verdict { head, fault, checkpoints } = verdict;
    let fault = fault.as_ref().map(|fault| json!({ "entry": fault.place, "code": fault.flaw.code().id }));
    json!({
        "tenant": head.tenant.0,
        "log": head.log,
        "entries": head.size,
        "checkpoints": checkpoints,
        "fault": fault,
    })
}

/// One event as a line.
fn list(noted: &Noted, console: &Console) -> Result<(), Stop> {
    let event = audit_event(noted);
    let Ok(event) = serde_json::from_slice::<Value>(&event) else {
        return Console::print(&format!("{}: not to be read\n", noted.place));
    };
    if console.show_values && console.is_json() {
        return Console::print(&format!("{event}\n"));
    }
    if console.show_values {
        return Console::print(&format!("{} {}\n", noted.place, sentence(&event, console.lang)));
    }
    let word = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
    let (recorded, action, outcome) = (word("recorded"), word("action"), word("outcome"));
    Console::print(&format!("{} {recorded} {action} {outcome}\n", noted.place))
}

async fn export(named: &Named, tenant: Tenant, code: &Value) -> Result<(), Stop> {
    let logs = Source::open(named).await?;
    let mut place = 0;
    loop {
        let page = logs.notes(&NoteQuery::after(tenant, AUDIT_LOG, place)).await;
        let page = page.map_err(|error| refused(&error))?;
        let Some(last) = page.last() else { return Ok(()) };
        place = last.place;
        for noted in &page {
            let event = serde_json::from_slice::<Value>(&audit_event(noted)).unwrap_or_default();
            if let Some(bundle) = disclosures(&event, code) {
                Console::print(&format!("{bundle}\n"))?;
            }
        }
    }
}
