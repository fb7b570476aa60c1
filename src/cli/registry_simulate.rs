//! `sauma registry simulate`: a registry that judges its clients.

use super::checks::now;
use super::conformance::for_programs;
use super::console::{Console, Ink, Stop, Verdict, clean};
use super::files;
use super::report::Finding;
use super::validate_reports::{Reports, Target};
use crate::conformance::report::{self, Document, Keep, Run, Task};
use crate::diag::{Issue, Severity, Span, codes, message};
use crate::exchange::registry::simulator::{Fault, Rule, ServeTls, Simulator, faults, rules, serve};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Breaches of one rule that are told one by one.
const TOLD_MAX: usize = 20;
/// How often the number of requests is looked at, where it ends the run.
const LOOK_TIME: Duration = Duration::from_millis(100);
/// What the exchange is called in reports.
const PLACE: &str = "client";

const EXAMPLES: &str = "\
Examples:
  sauma registry simulate
  sauma registry simulate --listen 127.0.0.1:8090 --seconds 60 --report junit=junit.xml --format json
  sauma registry simulate --faults late --faults busy
  sauma registry simulate --list

It ends by SIGTERM or SIGINT, after --seconds or after --requests, and tells which rules the client broke: exit code 1
where one of them is an error, 4 where nobody asked anything. --faults takes a name of --list, or a TOML file of the same form as
the shipped one.";

/// Play a registry.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Address and port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The path of its base
    #[arg(long, value_name = "PATH", default_value = "/fhir")]
    base: String,
    /// A kind of misbehaviour, or a file of kinds; may be given several times
    #[arg(long, value_name = "NAME|FILE")]
    faults: Vec<String>,
    /// Rules in place of the shipped ones
    #[arg(long, value_name = "TOML")]
    rules: Option<PathBuf>,
    /// List rules and kinds of misbehaviour
    #[arg(long)]
    list: bool,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// End after so many requests
    #[arg(long, value_name = "COUNT")]
    requests: Option<u64>,
    /// Its certificate in PEM, for TLS
    #[arg(long, value_name = "PEM", requires = "key")]
    certificate: Option<PathBuf>,
    /// The key of its certificate
    #[arg(long, value_name = "PEM", requires = "certificate")]
    key: Option<PathBuf>,
    /// The roots of clients, which then need a certificate
    #[arg(long, value_name = "PEM", requires = "certificate")]
    client_ca: Option<PathBuf>,
    /// Write a report: junit, html, sarif, csv, json or summary; may be given several times
    #[arg(long, value_name = "KIND=FILE", value_parser = Target::parse)]
    report: Vec<Target>,
}

pub(super) async fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let rules = match &args.rules {
        Some(path) => rules::read(&files::read_text(path)?).map_err(|why| wrong(path, &why))?,
        None => rules::shipped().map_err(|why| Stop::usage(why, ""))?,
    };
    let shipped = faults::shipped().map_err(|why| Stop::usage(why, ""))?;
    if args.list {
        list(&rules, &shipped, console)?;
        return Ok(Verdict::Clean);
    }
    let faults = chosen(&args.faults, &shipped)?;
    let reports = Reports::create(&args.report)?;
    let listener = TcpListener::bind(args.listen).await.map_err(Stop::System)?;
    let address = listener.local_addr().map_err(Stop::System)?;
    let tls = args.certificate.clone().zip(args.key.clone());
    let tls = tls.map(|(certificate, key)| ServeTls { certificate, key, client_ca: args.client_ca.clone() });
    let scheme = if tls.is_some() { "https" } else { "http" };
    let simulator = Arc::new(Mutex::new(Simulator::new(rules, faults, &args.base)));
    Console::note(&format!("{scheme}://{address}/{}\n", args.base.trim_matches('/')));
    let ended = ended(args, &simulator)?;
    serve(listener, Arc::clone(&simulator), tls, ended).await.map_err(Stop::System)?;
    let simulator = simulator.lock().unwrap_or_else(PoisonError::into_inner);
    let run = judged(&simulator, console);
    reports.write(&run, console)?;
    print(&run, &simulator, console)?;
    Ok(match (simulator.requests(), run.counts.failed) {
        (0, _) => Verdict::Untested,
        (_, failed) => Verdict::of(failed > 0),
    })
}

/// The end of the run.
fn ended(args: &Args, simulator: &Arc<Mutex<Simulator>>) -> Result<impl Future<Output = ()> + use<>, Stop> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Stop::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Stop::System)?;
    let (seconds, requests) = (args.seconds, args.requests);
    let simulator = Arc::clone(simulator);
    let enough = async move {
        let Some(requests) = requests else { return std::future::pending().await };
        while simulator.lock().unwrap_or_else(PoisonError::into_inner).requests() < requests {
            tokio::time::sleep(LOOK_TIME).await;
        }
        // The last answer is still on its way.
        tokio::time::sleep(LOOK_TIME).await;
    };
    let over = async move {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = enough => {}
            () = over => {}
        }
    })
}

fn wrong(path: &Path, why: &str) -> Stop {
    let message = format!("`{}`: {why}", path.display());
    Stop::Issue(Box::new(Issue::error(codes::REGISTRY_SETTINGS, Span::default(), message)))
}

/// The kinds of misbehaviour that are named.
fn chosen(named: &[String], shipped: &[Fault]) -> Result<Vec<Fault>, Stop> {
    let mut found = Vec::new();
    for name in named {
        if let Some(fault) = shipped.iter().find(|fault| fault.name == *name) {
            found.push(fault.clone());
            continue;
        }
        let path = Path::new(name);
        found.extend(faults::read(&files::read_text(path)?).map_err(|why| wrong(path, &why))?);
    }
    Ok(found)
}

fn list(rules: &[Rule], faults: &[Fault], console: &Console) -> Result<(), Stop> {
    let grade = |rule: &Rule| rule.grade.map_or("-".to_owned(), |grade| format!("{grade:?}"));
    if console.is_json() {
        let of_rule = |rule: &Rule| {
            serde_json::json!({
                "id": rule.id, "grade": grade(rule), "severity": rule.severity(),
                "text": rule.text(console.report_lang), "source": rule.source,
            })
        };
        let of_fault = |fault: &Fault| serde_json::json!({ "name": fault.name, "text": fault.text(console.report_lang) });
        let rules: Vec<_> = rules.iter().map(of_rule).collect();
        let faults: Vec<_> = faults.iter().map(of_fault).collect();
        return Console::print_json(&serde_json::json!({ "rules": rules, "faults": faults }));
    }
    for rule in rules {
        let (severity, text) = (rule.severity().as_str(), rule.text(console.lang));
        Console::print(&clean(&format!("{} {} {severity}: {text}\n", rule.id, grade(rule))))?;
    }
    for fault in faults {
        Console::print(&clean(&format!("{}: {}\n", fault.name, fault.text(console.lang))))?;
    }
    Ok(())
}

/// Each rule as a test: passed, failed, or not applicable where no request was held against it.
fn judged(simulator: &Simulator, console: &Console) -> Run {
    let mut run = Run {
        task: Task::Registry,
        time: now().to_string(),
        against: format!("{} requests", simulator.requests()),
        language: console.report_lang,
        fail_on: Some(Severity::Error),
        ..Run::default()
    };
    for rule in simulator.rules() {
        let broken: Vec<u64> = simulator
            .breaches()
            .iter()
            .filter(|breach| breach.rule == rule.id)
            .map(|breach| breach.request)
            .collect();
        let findings = broken.iter().take(TOLD_MAX).map(|request| finding(rule, *request, console)).collect();
        let mut document = Document {
            file: PLACE.to_owned(),
            line: None,
            title: Some(format!("{}: {}", rule.id, rule.text(console.report_lang))),
            verdict: report::Verdict::Skip,
            findings,
            left_out: broken.len().saturating_sub(TOLD_MAX),
            known: 0,
            not_checked: Vec::new(),
            outcome: None,
        };
        if simulator.has_tried(&rule.id) {
            document.judge(Severity::Error);
        }
        run.add(document, Keep::Documents);
    }
    run
}

fn finding(rule: &Rule, request: u64, console: &Console) -> Finding {
    let said = format!("{} (request {request}; {})", rule.text(console.report_lang), rule.source);
    let issue =
        Issue::new(codes::REGISTRY_RULE, rule.severity(), Span::default(), said).of_rule(rule.id.clone());
    Finding::bare(PLACE, &issue, console)
}

fn print(run: &Run, simulator: &Simulator, console: &Console) -> Result<(), Stop> {
    match for_programs(run, console, "choose json, or --report junit=FILE")? {
        Some(text) => Console::print(&text),
        None if console.quiet => Ok(()),
        None => people(run, simulator, console),
    }
}

fn people(run: &Run, simulator: &Simulator, console: &Console) -> Result<(), Stop> {
    for rule in simulator.rules() {
        let requests: Vec<String> = simulator
            .breaches()
            .iter()
            .filter(|breach| breach.rule == rule.id)
            .take(TOLD_MAX)
            .map(|breach| breach.request.to_string())
            .collect();
        if requests.is_empty() {
            continue;
        }
        let ink = if rule.severity() == Severity::Error { Ink::Error } else { Ink::Warning };
        let id = console.out_paint.ink(ink, &rule.id);
        Console::print(&format!(
            "{id} {}\n  = {}; {}\n",
            clean(rule.text(console.lang)),
            clean(&rule.source),
            requests.join(", ")
        ))?;
    }
    let counts = run.counts;
    let said = message!(
        "{requests} requests: {kept} rules kept, {broken} broken, {untried} not tried",
        requests = usize::try_from(simulator.requests()).unwrap_or(usize::MAX),
        kept = counts.passed,
        broken = counts.failed + counts.warned,
        untried = counts.not_applicable
    );
    Console::print(&format!("{}\n", said.in_language(console.lang)))
}
