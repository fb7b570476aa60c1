//! `sauma join-all`: the plans of many clients, each client's as one plan.
//!
//! Clients are taken in batches that all cores work on, so that memory is bounded whatever the number of clients.

use super::bulk::{self, work_all};
use super::client_decisions::ClientDecisions;
use super::client_source::{self, Client, Work};
use super::console::{Console, Stop, Verdict};
use super::documents::Documents;
use super::input::{From, fhir_text};
use super::plans::{contributions, said};
use super::report::{self, Finding, Tally};
use super::{files, progress, view};
use crate::diag::{Issue, Span, codes};
use crate::plan::policy::Policy;
use crate::plan::{Contribution, Joined, join};
use crate::tree::json::Layout;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Errors of one client that people are shown.
const SHOWN: usize = 3;

const EXAMPLES: &str = "\
Examples:
  sauma join-all clients/ --out-dir plans
  sauma join-all clients.ndjson --out-dir plans
  sauma join-all exports/ --out-dir plans --format json > report.json
  sauma join-all clients/ --out-dir plans --decisions decisions.ndjson
  sauma join-all clients/ --out-dir seen --as third-sector --grants consents/

A folder holds a folder for each client; documents that lie beside those are put together by the identity code
of their client. A line of an NDJSON file is {\"client\": \"c-17\", \"name\": \"social.json\", \"document\": \"…\"} with
the text of the document; the lines of one client stand together.

Of --decisions each client's plan follows those that are about it; a folder holds c-17.ndjson for each client.
With --as each Bundle is what that requester may see; a folder of --grants holds c-17.json for each client.

Each client's plan becomes one FHIR Bundle, plans/c-17.json. A client whose documents do not join stops nobody else.";

/// Join the plans of many clients, each client's into one plan.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Folders with a folder for each client, and NDJSON files
    #[arg(required = true, value_name = "CLIENTS")]
    clients: Vec<PathBuf>,
    /// The unit system that all of the documents come from, or `fhir`; by default each is recognised
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    /// Write the plan of each client to this folder
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// What people have decided: a log of all clients, or a folder with a log for each
    #[arg(long, value_name = "PATH")]
    decisions: Option<PathBuf>,
    #[command(flatten)]
    sight: view::Sight,
}

/// How each client's documents are joined.
struct How<'a> {
    from: From,
    folder: &'a Path,
    decisions: ClientDecisions,
    /// For whom, and by which rules, where not the whole plan is asked for.
    sight: Option<(view::Sight, Cow<'static, Policy>)>,
    console: &'a Console,
}

/// What became of one client.
struct Done {
    written: Option<PathBuf>,
    documents: usize,
    findings: Vec<Finding>,
}

#[derive(serde::Serialize)]
struct Row<'a> {
    client: &'a str,
    ok: bool,
    documents: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Path>,
    findings: &'a [Finding],
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let from = From::named(args.from.as_deref()).map_err(Stop::Issue)?;
    let Some(how) = how(args, from, console)? else { return Ok(Verdict::Findings) };
    let refuse = |source| Stop::Unwritable { path: args.out_dir.clone(), source };
    fs::create_dir_all(&args.out_dir).map_err(refuse)?;
    let mut clients = client_source::open(&args.clients, from, console)?;
    let bar = progress::clients(clients.count(), console);
    let mut told = Documents::new(console, false);
    let mut tally = Tally::default();
    let mut seen: HashSet<u64> = HashSet::new();
    loop {
        let batch = clients.batch()?;
        if batch.is_empty() {
            break;
        }
        let first_time: Vec<bool> = batch.iter().map(|client| seen.insert(client.key())).collect();
        let numbered: Vec<(&Client, bool)> = batch.iter().zip(first_time).collect();
        let one = |(client, is_first): &(&Client, bool)| {
            if *is_first { join_one(client, &how) } else { twice(client, console) }
        };
        for (client, done) in batch.iter().zip(work_all(&numbered, &one)?) {
            tally.add(&done.findings, done.written.is_none());
            bar.suspend(|| tell(&mut told, client, &done, console))?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    if console.is_json() {
        told.finish(tally, true)?;
    } else if !console.quiet {
        Console::note(&summary(tally));
    }
    Ok(Verdict::of(tally.failed > 0 || tally.errors > 0))
}

fn summary(tally: Tally) -> String {
    let joined = tally.documents - tally.failed;
    let (errors, warnings) = (report::count(tally.errors, "error"), report::count(tally.warnings, "warning"));
    format!("{joined} of {} joined; {errors}, {warnings}\n", report::count(tally.documents, "client"))
}

/// Reads what holds for all clients; nothing where that is not well formed, and that has been told.
fn how<'a>(args: &'a Args, from: From, console: &'a Console) -> Result<Option<How<'a>>, Stop> {
    let decisions = match ClientDecisions::open(args.decisions.as_deref(), console)? {
        Ok(decisions) => decisions,
        Err(findings) => {
            report::print(&findings, findings.len(), console);
            return Ok(None);
        }
    };
    let sight = if args.sight.is_asked() {
        let Some(rules) = args.sight.rules(console)? else { return Ok(None) };
        Some((args.sight.clone().of_many()?, rules))
    } else {
        None
    };
    Ok(Some(How { from, folder: &args.out_dir, decisions, sight, console }))
}

fn join_one(client: &Client, how: &How<'_>) -> Done {
    let console = how.console;
    let read;
    let documents = match &client.work {
        Work::Files(paths) => match bulk::documents(paths) {
            Ok(documents) => {
                read = documents;
                &read
            }
            Err(stop) => return failed(client, &stopped(&stop), console),
        },
        Work::Texts(texts) => texts,
        Work::Unread(issue) => return failed(client, issue, console),
    };
    let (found, mut findings) = contributions(documents, how.from, console);
    let joined = match found.map(|found| how.join(client, &found, &mut findings)).transpose() {
        Ok(joined) => joined.flatten(),
        Err(stop) => return failed(client, &stopped(&stop), console),
    };
    let Some(joined) = joined else {
        return Done { written: None, documents: documents.len(), findings };
    };
    let path = how.folder.join(format!("{}.json", client.name));
    let text = fhir_text(&joined.bundle, false, Layout::Compact);
    let write =
        |text: String| files::write_unsynced(&path, text.as_bytes()).map_err(|stop| stopped(&stop).into());
    match text.and_then(write) {
        Ok(()) => Done { written: Some(path), documents: documents.len(), findings },
        Err(issue) => {
            findings.push(Finding::bare(&client.name, &issue, console));
            Done { written: None, documents: documents.len(), findings }
        }
    }
}

impl How<'_> {
    /// One client's plan, or what the requester sees of it; nothing where there is none, and the findings say why.
    fn join(
        &self,
        client: &Client,
        contributions: &[Contribution],
        findings: &mut Vec<Finding>,
    ) -> Result<Option<Joined>, Stop> {
        let decisions = match self.decisions.of(&client.name, contributions, self.console)? {
            Ok(decisions) => decisions,
            Err(mut wrong) => {
                findings.append(&mut wrong);
                return Ok(None);
            }
        };
        let Some((sight, rules)) = &self.sight else {
            let joined = said(join(contributions, &decisions), self.console, findings);
            return Ok(Some(joined).filter(|joined| !joined.is_refused()));
        };
        // Findings of what is withheld are no concern of the requester.
        findings.clear();
        let own = sight.of_client(&client.name);
        let (view, mut told) = own.view((contributions, &decisions), rules, self.console)?;
        findings.append(&mut told);
        // Who may see nothing gets a view of nothing; whose plans they are must be known all the same.
        let is_refused =
            |joined: &Joined| joined.issues.iter().any(|issue| issue.code.id == codes::VIEW_REFUSED.id);
        Ok(Some(view.joined).filter(|joined| !is_refused(joined)))
    }
}

/// Its plan stands already, and would be replaced by one that lacks what came before.
fn twice(client: &Client, console: &Console) -> Done {
    let message = format!("the client `{}` comes twice, and the second time is not joined", client.name);
    failed(client, &Issue::error(codes::FILE, Span::default(), message), console)
}

fn failed(client: &Client, issue: &Issue, console: &Console) -> Done {
    Done { written: None, documents: 0, findings: vec![Finding::bare(&client.name, issue, console)] }
}

fn stopped(stop: &Stop) -> Issue {
    Issue::error(codes::FILE, Span::default(), stop.to_string()).with_help(stop.help())
}

/// Tells people what is wrong, and programs everything: of a hundred thousand clients nobody reads each conflict here.
fn tell(told: &mut Documents<'_>, client: &Client, done: &Done, console: &Console) -> Result<(), Stop> {
    if console.is_json() {
        return told.row(&Row {
            client: &client.name,
            ok: done.written.is_some(),
            documents: done.documents,
            output: done.written.as_deref(),
            findings: &done.findings,
        });
    }
    let errors: Vec<Finding> = done.findings.iter().filter(|finding| finding.is_error()).cloned().collect();
    report::print(&errors, SHOWN, console);
    Ok(())
}
