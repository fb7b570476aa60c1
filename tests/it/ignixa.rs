//! The TestScripts of ignixa's suite against our own server, over each of the stores that are at hand.

use super::ratchet::{self, Failure};
use super::shared;
use super::store_engines::{Database, Folder};
use sauma::conformance::client::Client;
use sauma::conformance::script::{
    self, ActionResult, Okay, Options, Outcome, Runner, ScriptResult, TestResult,
};
use sauma::fhirpath::Temporal;
use sauma::schema::Schema;
use sauma::server::{self, Server, Settings};
use sauma::store::{AnyStore, Sqlite, SqliteOptions};
use sauma::validate::Validator;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Of a hundred tests that apply, as many must pass.
const PASSED_PERCENT_MIN: usize = 95;
/// Fewer tests that apply would mean that the server no longer claims what it can do.
const APPLICABLE_MIN: usize = 550;
const FAILURES: &str = "conformance/testscripts-ignixa/known-failures.toml";
/// Tests that ask for what R4 does not have, or that are wrong themselves: they say nothing about a server.
const WRONG: &str = "conformance/testscripts-ignixa/wrong-tests.toml";
/// Tests that do not apply to this server, by what they say of themselves.
const NOT_APPLICABLE: &str = "conformance/testscripts-ignixa/not-applicable.toml";

/// A server over a new store, ended when it is dropped.
struct Running {
    base: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn over(open: impl AsyncFnOnce() -> AnyStore + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let server = Arc::new(Server::new(open().await, Settings::default().at(address)));
                bound.send(address).unwrap();
                server::serve(listener, server, async move { drop(stopped.await) }).await;
            });
        });
        let base = format!("http://{}/fhir", address.recv().unwrap());
        Self { base, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ended = self.stop.take().map(|stop| stop.send(()));
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

fn run(base: &str, suite: &Path) -> Vec<ScriptResult> {
    let validator = Validator::new(Schema::r4());
    let mut client = Client::new(base, Duration::from_secs(30)).unwrap();
    let options = Options {
        base: client.base().to_owned(),
        destinations: BTreeMap::new(),
        given: std::collections::BTreeSet::new(),
        variables: BTreeMap::from([("runId".to_owned(), "run-1".to_owned())]),
        okay: Okay::Success,
        only: None,
        now: Temporal::utc(1_795_000_000, 0),
    };
    let mut runner = Runner::new(&validator, options);
    let run = |path: &PathBuf| {
        let name = path.strip_prefix(suite).unwrap().to_string_lossy().into_owned();
        let read = script::read(&name, &fs::read_to_string(path).unwrap(), Schema::r4()).unwrap();
        runner.run(&read, &mut client, &|_| Err("the suite has no files beside its scripts".to_owned()))
    };
    shared::files(suite, &["json"]).iter().map(run).collect()
}

/// The tests of which `why` says something.
fn told(results: &[ScriptResult], why: impl Fn(&TestResult) -> Option<String>) -> Vec<Failure> {
    let tests = results.iter().flat_map(|result| result.tests.iter().map(move |test| (result, test)));
    let told = |(result, test): (&ScriptResult, &TestResult)| {
        Some(Failure { file: result.file.clone(), check: test.name.clone(), why: why(test)? })
    };
    tests.filter_map(told).collect()
}

fn failed(test: &TestResult) -> Option<String> {
    let said =
        |action: &ActionResult| format!("{}: {}: {}", action.place.line, action.description, action.message);
    match &test.outcome {
        Outcome::Pass | Outcome::Warn | Outcome::Skip(_) => None,
        Outcome::Error(why) => Some(why.clone()),
        Outcome::Fail => {
            let failed = test.actions.iter().filter(|action| action.outcome == Outcome::Fail);
            Some(failed.map(said).collect::<Vec<String>>().join("; "))
        }
    }
}

fn skipped(test: &TestResult) -> Option<String> {
    match &test.outcome {
        Outcome::Skip(why) => Some(why.clone()),
        Outcome::Pass | Outcome::Warn | Outcome::Fail | Outcome::Error(_) => None,
    }
}

/// Runs the suite over a store. `SAUMA_IGNIXA_REPORT` names a file that says what fails and what does not apply.
fn passes(engine: &str, open: impl AsyncFnOnce() -> AnyStore + Send + 'static) {
    let Some(shared) = shared::folder() else { return };
    let server = Running::over(open);
    let results = run(&server.base, &shared.join("suites/ignixa"));
    drop(server);
    let (failures, skips) = (told(&results, failed), told(&results, skipped));
    let run = results.iter().map(|result| result.tests.len()).sum::<usize>() - skips.len();
    let passed = run - failures.len();
    let (wrong, failing): (Vec<Failure>, Vec<Failure>) =
        failures.iter().cloned().partition(|failure| ratchet::lists(WRONG, failure));
    let applicable = run - wrong.len();
    println!(
        "ignixa on {engine}: {passed} of {applicable} tests pass, {} are wrong, {} do not apply",
        wrong.len(),
        skips.len()
    );
    if let Some(path) = std::env::var_os("SAUMA_IGNIXA_REPORT") {
        let line = |kind: &str, it: &Failure| format!("{kind}\t{}\t{}\t{}\n", it.file, it.check, it.why);
        let lines = failures.iter().map(|it| line("fail", it)).chain(skips.iter().map(|it| line("skip", it)));
        fs::write(path, lines.collect::<String>()).unwrap();
    }
    ratchet::check_list(FAILURES, &failing);
    ratchet::check_list(WRONG, &wrong);
    ratchet::check_list(NOT_APPLICABLE, &skips);
    assert!(applicable >= APPLICABLE_MIN, "only {applicable} tests apply");
    assert!(passed * 100 >= applicable * PASSED_PERCENT_MIN, "{passed} of {applicable} passed");
}

#[test]
fn the_server_passes_the_suite_on_sqlite() {
    let folder = Folder::new();
    let file = folder.file();
    passes("SQLite", async move || AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(file)).unwrap()));
}

#[test]
fn the_server_passes_the_suite_on_postgresql() {
    let Some(database) = Database::new() else { return };
    passes("PostgreSQL", async move || AnyStore::Postgres(database.open().await));
}
