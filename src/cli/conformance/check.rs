//! `sauma conformance check`: a suite of ours against an endpoint of anybody.

use super::super::checks::definitions;
use super::super::console::{Console, Stop, Verdict};
use super::caller::{Access, Callers};
use super::checked::{self, Checked};
use crate::conformance::check::{Role, Saved, Suite, Values, Watch};
use crate::conformance::client::Client;
use crate::conformance::script::{
    self, Exchange, Header, Method, Okay, Options, Request, Response, Runner, Script, ScriptResult, SendFault,
};
use crate::fhirpath::Temporal;
use crate::schema::{Schema, sha256};
use crate::validate::Validator;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// The number by which scripts know the caller who must not see what is withheld.
const OTHER: u32 = 2;
/// Times that what is left is deleted again: what refers to something else goes first.
const SWEEPS_MAX: usize = 3;
/// Letters of the mark that this run leaves in what it makes.
const MARK_CHARS: usize = 10;
/// The time that expressions are told, in seconds since 1970 (2026-01-01): a run says the same whenever it is made.
const NOW_SECONDS: i64 = 1_767_225_600;

const EXAMPLES: &str = "\
Examples:
  sauma conformance check https://plans.example.org/fhir --suite shared-plan --as source --token-file token.txt
  sauma conformance check http://localhost:8080/fhir --suite shared-plan --as viewer --out evidence.zip
  sauma conformance check https://plans.example.org/fhir --as viewer --client-id home-care --client-key key.pem --ca ca.pem

Everything that the run makes it deletes again, and what cannot be deleted is told. --out keeps what was found as a folder,
or as one archive where the name ends in .zip: every exchange with ids, times and addresses named instead of shown, JUnit,
SARIF, HTML in three languages, TestReport, each requirement with how it stands, and SHA-256 of all of it. The same
answers give the same bytes. With --show-values texts that the suite did not send are kept too.";

/// Check an endpoint by a suite.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// The base url of the endpoint
    #[arg(value_name = "URL")]
    pub(super) base: String,
    /// The suite
    #[arg(long, value_name = "NAME", default_value = "shared-plan")]
    suite: String,
    /// Whether the endpoint gives plans (source), or takes and shows them (viewer)
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    role: As,
    /// Only tests whose name, or whose script's name, holds this text
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// The id of a Patient whose plans the endpoint gives; without it that is not tested
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// A file with the token of a second caller, who must not see what the first one writes
    #[arg(long, value_name = "FILE")]
    other_token_file: Option<PathBuf>,
    /// What ids that the suite chooses must begin with
    #[arg(long, value_name = "TEXT", default_value = "")]
    id_prefix: String,
    /// What ids and marks of this run are made from; another number where two runs meet at one endpoint
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// What the endpoint is called in reports, in place of its address
    #[arg(long, value_name = "NAME", default_value = "endpoint")]
    pub(super) name: String,
    /// Keep reports and exchanges in this folder, or in this archive where it ends in .zip
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Fail (exit code 4) where a SHALL of the suite is not tested, whatever the reason
    #[arg(long)]
    pub(super) all: bool,
    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    access: Access,
}

/// The part that the endpoint has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum As {
    /// It gives plans to others.
    Source,
    /// It takes plans, keeps them and shows them.
    Viewer,
}

impl From<As> for Role {
    fn from(role: As) -> Self {
        match role {
            As::Source => Self::Source,
            As::Viewer => Self::Viewer,
        }
    }
}

impl CheckArgs {
    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }
}

pub(super) fn run(args: &CheckArgs, console: &Console) -> Result<Verdict, Stop> {
    let suite = Suite::named(&args.suite).ok_or_else(|| {
        Stop::usage(format!("there is no suite `{}`", args.suite), "the one at hand is shared-plan")
    })?;
    let role = Role::from(args.role);
    let schema = definitions(&[], None, console)?;
    let scripts = scripts(&suite, role, &schema)?;
    let validator = Validator::new(&schema);
    let other: Vec<(u32, String)> =
        args.other_token_file.iter().map(|_| (OTHER, args.base.clone())).collect();
    let (client, mut callers) = args.access.client(&args.base, &other, Duration::from_secs(args.timeout))?;
    if let Some(path) = &args.other_token_file {
        callers.add(OTHER, path)?;
    }
    let base = client.base().to_owned();
    let mut recorder = Recorder { client, callers, saved: Vec::new() };
    let mut runner = Runner::new(&validator, options(args, &base));
    let mut results: Vec<ScriptResult> = Vec::new();
    for script in &scripts {
        let file = |name: &str| {
            suite.file(name).map(str::to_owned).ok_or_else(|| "the suite has no such file".to_owned())
        };
        let result = runner.run(script, &mut recorder, &file);
        let is_unreachable = result.is_unreachable;
        results.push(result);
        if is_unreachable {
            break;
        }
    }
    let bases = BTreeMap::from([(Client::FIRST, base.clone()), (OTHER, base.clone())]);
    let mut watch = Watch::new(&validator, bases, now());
    recorder.saved.iter().for_each(|saved| watch.see(saved));
    sweep(&mut recorder, &mut watch, &base);
    let values = if console.show_values { Values::Shown } else { Values::Masked };
    let checked = Checked {
        suite,
        role,
        schema: &schema,
        results,
        saved: recorder.saved,
        watched: watch.end(),
        base,
        values,
    };
    checked::tell(checked, args, console)
}

/// The scripts of a role.
fn scripts(suite: &Suite, role: Role, schema: &Schema) -> Result<Vec<Script>, Stop> {
    let mut found = Vec::new();
    for (name, text) in suite.scripts() {
        let script = script::read(name, text, schema).map_err(Stop::Issue)?;
        if script.roles.is_empty() || script.roles.iter().any(|it| it == role.as_str()) {
            found.push(script);
        }
    }
    Ok(found)
}

fn options(args: &CheckArgs, base: &str) -> Options {
    let mark = sha256::hex(format!("{} {}", args.suite, args.seed).as_bytes());
    let mark = mark.get(..MARK_CHARS).unwrap_or_default().to_owned();
    let mut variables = BTreeMap::from([
        ("run".to_owned(), mark),
        ("prefix".to_owned(), args.id_prefix.clone()),
        ("base".to_owned(), base.to_owned()),
    ]);
    let mut given = BTreeSet::new();
    if let Some(client) = &args.client {
        variables.insert("client".to_owned(), client.trim_start_matches("Patient/").to_owned());
        given.insert("client".to_owned());
    }
    let mut destinations = BTreeMap::new();
    if args.other_token_file.is_some() {
        destinations.insert(OTHER, base.to_owned());
        given.insert("other-caller".to_owned());
    }
    Options {
        base: base.to_owned(),
        destinations,
        given,
        variables,
        okay: Okay::Exact,
        only: args.only.clone(),
        now: now(),
    }
}

fn now() -> Temporal {
    Temporal::utc(NOW_SECONDS, 0)
}

/// Deletes what the run made and left, the last first, and looks whether it is gone.
fn sweep(recorder: &mut Recorder, watch: &mut Watch<'_, '_>, base: &str) {
    for _ in 0..SWEEPS_MAX {
        let left = watch.left();
        for key in left {
            // A server that is not there any more is told by the tests.
            if let Ok(saved) = recorder.ask(Method::Delete, base, &key) {
                watch.see(&saved);
            }
            if let Ok(saved) = recorder.ask(Method::Get, base, &key) {
                if matches!(saved.response.status, 404 | 410) {
                    watch.gone(&key);
                } else {
                    watch.left_behind(&saved);
                }
            }
        }
    }
}

/// Keeps what is sent and what comes back.
struct Recorder {
    client: Client,
    callers: Callers,
    saved: Vec<Saved>,
}

impl Recorder {
    fn ask(&mut self, method: Method, base: &str, key: &str) -> Result<Saved, SendFault> {
        let accept = Header { name: "Accept".to_owned(), value: "application/fhir+json".to_owned() };
        let url = format!("{base}/{key}");
        self.send(&Request { destination: Client::FIRST, method, url, headers: vec![accept], body: None })?;
        self.saved.last().cloned().ok_or(SendFault::Unsendable("nothing was kept"))
    }
}

impl Exchange for Recorder {
    fn send(&mut self, request: &Request) -> Result<Response, SendFault> {
        let (request, mut response) = self.callers.send(request, &mut self.client)?;
        let number = u32::try_from(self.saved.len()).unwrap_or(u32::MAX).saturating_add(1);
        response.number = number;
        self.saved.push(Saved { number, request, response: response.clone() });
        Ok(response)
    }

    fn wait(&mut self, time: Duration) {
        self.client.wait(time);
    }

    fn spent(&self) -> Duration {
        self.client.spent()
    }
}
