//! `sauma registry`: the national registry and other FHIR servers.

use super::console::{Console, Stop, Verdict, clean};
use super::files;
use super::registry_simulate as simulate;
use crate::diag::{Issue, Span, codes};
use crate::exchange::registry::fhir_server::{
    Cursor, Difference, FhirServer, FhirSettings, Held, Pushed, Version,
};
use crate::exchange::registry::kanta::{Kanta, KantaSettings};
use crate::exchange::registry::{Oid, Registry, RegistryError, Said};
use crate::plan::identity::Hetu;
use crate::plan::permission::{Direction, Moment};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma registry simulate --listen 127.0.0.1:8090 --faults late --seconds 60 --report junit=junit.xml
  sauma registry ask --config kanta.toml --direction health-to-social --recipient 1.2.246.10.32213086.10.7 < code.txt
  sauma registry push plan.json --config other.toml --state state.json
  sauma registry pull --config other.toml --state state.json --types CarePlan,Goal > changes.ndjson
  sauma registry reconcile plan.json --config other.toml --state state.json

kanta.toml and other.toml hold where the registry is: [link] with base, ca, certificate and key, [token] with issuer, key
and key_id, [retry], [headers]. A personal identity code comes by standard input, never as an option.";

/// Ask and tell registries, and simulate one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Play a registry that judges its clients, and misbehaves on demand.
    Simulate(simulate::Args),
    /// Ask the national registry whether a disclosure is permitted: yes, no, or not to be said.
    Ask(AskArgs),
    /// Push resources to a FHIR server in one transaction, on the versions that they stand on.
    Push(PushArgs),
    /// Pull what has changed at a FHIR server since the last time.
    Pull(PullArgs),
    /// Tell what differs between our resources and those of a FHIR server; nothing is written.
    Reconcile(PushArgs),
}

/// Ask whether a disclosure is permitted.
#[derive(Debug, clap::Args)]
struct AskArgs {
    /// Where the registry is
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// From which sector to which
    #[arg(long, value_enum)]
    direction: Way,
    /// The organisation that would get the data: its OID, or its y-tunnus
    #[arg(long, value_name = "OID", value_parser = organisation)]
    recipient: Oid,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// From health care to social care.
    HealthToSocial,
    /// From social care to health care.
    SocialToHealth,
}

/// Push, or compare.
#[derive(Debug, clap::Args)]
struct PushArgs {
    /// Resources, or Bundles of them, in FHIR JSON
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where the server is
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// The file that remembers the server's versions
    #[arg(long, value_name = "JSON")]
    state: PathBuf,
}

/// Pull.
#[derive(Debug, clap::Args)]
struct PullArgs {
    /// Where the server is
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// The file that remembers how far the server was read
    #[arg(long, value_name = "JSON")]
    state: PathBuf,
    /// Types of resources
    #[arg(long, value_name = "TYPE", value_delimiter = ',', default_value = "CarePlan,CareTeam,Goal")]
    types: Vec<String>,
    /// Write the changes to this file, one a line, and remember them when that is done
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is remembered of a server.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    #[serde(default)]
    cursor: Cursor,
    /// By our name of a resource: the id there, and the version.
    #[serde(default)]
    versions: BTreeMap<String, (String, String)>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Stop::System)?;
    runtime.block_on(async {
        match &args.command {
            Command::Simulate(args) => simulate::run(args, console).await,
            Command::Ask(args) => ask(args, console).await,
            Command::Push(args) => push(args, console).await,
            Command::Pull(args) => pull(args).await,
            Command::Reconcile(args) => reconcile(args, console).await,
        }
    })
}

/// An organisation by its OID, or by the y-tunnus that its OID is made of.
fn organisation(text: &str) -> Result<Oid, String> {
    let of_business = |fault| Oid::of_business(text).map(|node| node.organisation()).map_err(|_| fault);
    Oid::parse(text).or_else(of_business).map_err(|fault| fault.to_string())
}

pub(super) fn refused(error: &RegistryError) -> Stop {
    Stop::Issue(Box::new(Issue::error(error.code(), Span::default(), error.to_string())))
}

async fn ask(args: &AskArgs, console: &Console) -> Result<Verdict, Stop> {
    let settings = KantaSettings::read(&files::read_text(&args.config)?).map_err(|error| refused(&error))?;
    let settings = settings.beside(args.config.parent().unwrap_or(Path::new("")));
    let kanta = Kanta::new(&settings).map_err(|error| refused(&error))?;
    let code = files::read_text(Path::new("-"))?;
    let client = Hetu::parse(code.trim()).map_err(|fault| {
        Stop::usage(fault.to_string(), "give one personal identity code by standard input")
    })?;
    let direction = match args.direction {
        Way::HealthToSocial => Direction::HealthToSocial,
        Way::SocialToHealth => Direction::SocialToHealth,
    };
    let asked = kanta.permissions(&client).await;
    if let Err(error) = &asked {
        console.stop(&refused(error));
    }
    let now = Moment::parse(&super::checks::now().to_string()).unwrap_or(Moment::at(0));
    let said = Said::of(&asked, direction, &args.recipient, now);
    let (word, verdict) = match said {
        Said::Yes => ("yes", Verdict::Clean),
        Said::No => ("no", Verdict::Findings),
        Said::NotToBeSaid => ("not to be said, which permits nothing", Verdict::Unreadable),
    };
    if console.is_json() {
        Console::print_json(&json!({ "permitted": said.permits(), "answer": word }))?;
    } else {
        Console::print(&format!("{word}\n"))?;
    }
    Ok(verdict)
}

fn server(config: &Path) -> Result<FhirServer, Stop> {
    let settings = FhirSettings::read(&files::read_text(config)?).map_err(|error| refused(&error))?;
    let settings = settings.beside(config.parent().unwrap_or(Path::new("")));
    FhirServer::new(&settings).map_err(|error| refused(&error))
}

fn state(path: &Path) -> Result<State, Stop> {
    if !path.exists() {
        return Ok(State::default());
    }
    let wrong =
        |_| Stop::usage("the file of --state is not one that this command wrote", "name another file");
    serde_json::from_str(&files::read_text(path)?).map_err(wrong)
}

/// The resources of files, with the versions that they stand on.
fn held(args: &PushArgs, state: &State) -> Result<Vec<Held>, Stop> {
    let mut found = Vec::new();
    for path in &args.files {
        let wrong =
            || Stop::usage(format!("`{}` is no FHIR JSON", path.display()), "name resources or Bundles");
        let value: Value = serde_json::from_str(&files::read_text(path)?).map_err(|_| wrong())?;
        match value["entry"].as_array().filter(|_| value["resourceType"] == "Bundle") {
            Some(entries) => found.extend(entries.iter().map(|entry| entry["resource"].clone())),
            None => found.push(value),
        }
    }
    let with_basis = |resource: Value| {
        let known = state.versions.get(&name(&resource)).cloned();
        Held { basis: known.map(|(id, version)| Version { id, version }), resource }
    };
    Ok(found.into_iter().map(with_basis).collect())
}

fn name(resource: &Value) -> String {
    let text = |field: &str| resource[field].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("resourceType"), text("id"))
}

async fn push(args: &PushArgs, console: &Console) -> Result<Verdict, Stop> {
    let mut state = state(&args.state)?;
    let held = held(args, &state)?;
    match server(&args.config)?.push(&held).await.map_err(|error| refused(&error))? {
        Pushed::Done(versions) => {
            for (one, Version { id, version }) in held.iter().zip(versions) {
                state.versions.insert(name(&one.resource), (id, version));
            }
            remember(&args.state, &state)?;
            if !console.quiet {
                Console::note(&format!("{} resources are there\n", held.len()));
            }
            Ok(Verdict::Clean)
        }
        Pushed::Differs(found) => tell(&found, console),
    }
}

async fn reconcile(args: &PushArgs, console: &Console) -> Result<Verdict, Stop> {
    let held = held(args, &state(&args.state)?)?;
    match server(&args.config)?.there(&held).await.map_err(|error| refused(&error))? {
        Pushed::Done(_) => Ok(Verdict::Clean),
        Pushed::Differs(found) => tell(&found, console),
    }
}

/// Both values of each difference; values only where they may be shown.
fn tell(found: &[Difference], console: &Console) -> Result<Verdict, Stop> {
    let shown = |value: &Option<Value>| match value {
        None => Value::Null,
        Some(value) if console.show_values => value.clone(),
        Some(_) => json!("«hidden»"),
    };
    let row = |one: &Difference| json!({ "issue": codes::REGISTRY_DIFFERS.id, "path": one.path, "ours": shown(&one.ours), "theirs": shown(&one.theirs) });
    let rows: Vec<Value> = found.iter().map(row).collect();
    if console.is_json() {
        Console::print_json(&rows)?;
    } else {
        let id = codes::REGISTRY_DIFFERS.id;
        for row in &rows {
            let path = row["path"].as_str().unwrap_or_default();
            Console::print(&clean(&format!(
                "[{id}] {path}: ours {}, theirs {}\n",
                row["ours"], row["theirs"]
            )))?;
        }
    }
    Ok(Verdict::of(!rows.is_empty()))
}

async fn pull(args: &PullArgs) -> Result<Verdict, Stop> {
    let mut state = state(&args.state)?;
    let types: Vec<&str> = args.types.iter().map(String::as_str).collect();
    let pulled = server(&args.config)?.pull(&types, &state.cursor).await.map_err(|error| refused(&error))?;
    let mut text = String::new();
    for change in &pulled.changes {
        let line = json!({ "place": change.place, "version": change.version, "at": change.at, "resource": change.resource });
        text.push_str(&format!("{line}\n"));
    }
    match &args.out {
        Some(path) => files::write(path, text.as_bytes())?,
        None => Console::print(&text)?,
    }
    state.cursor = pulled.cursor;
    remember(&args.state, &state)?;
    Ok(Verdict::Clean)
}

fn remember(path: &Path, state: &State) -> Result<(), Stop> {
    let text = serde_json::to_string_pretty(state).unwrap_or_default();
    files::write(path, text.as_bytes())
}
