//! The TestScripts of ignixa's suite against our own server, each of the stores that are at hand.

use super::ratchet::{self, Failure};
use super::shared;
use sauma::conformance::client::Client;
use sauma::conformance::script::{self, Okay, Options, Outcome, Runner, ScriptResult};
use sauma::fhirpath::Temporal;
use sauma::schema::Schema;
use sauma::server::{self, Server, Settings};
use sauma::store::{Sqlite, SqliteOptions};
use sauma::validate::Validator;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Of a hundred tests that apply, as many must pass.
const PASSED_PERCENT_MIN: usize = 95;

/// A server over a new store, ended when it is dropped.
struct Running {
    base: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn over_sqlite(folder: &Path) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let file = folder.join("ignixa.db");
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let store = Sqlite::open(&SqliteOptions::new(file)).unwrap();
                let server = Arc::new(Server::new(store, Settings::default().at(address)));
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
        variables: BTreeMap::from([("runId".to_owned(), "run-1".to_owned())]),
        okay: Okay::Success,
        only: None,
        now: Temporal::utc(1_795_000_000, 0),
    };
    let mut runner = Runner::new(&validator, options);
    let run = |path: &std::path::PathBuf| {
        let name = path.strip_prefix(suite).unwrap().to_string_lossy().into_owned();
        let read = script::read(&name, &fs::read_to_string(path).unwrap(), Schema::r4()).unwrap();
        runner.run(&read, &mut client, &|_| Err("the suite has no files beside its scripts".to_owned()))
    };
    shared::files(suite, &["json"]).iter().map(run).collect()
}

fn failures(results: &[ScriptResult]) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (result, test) in
        results.iter().flat_map(|result| result.tests.iter().map(move |test| (result, test)))
    {
        let why = match &test.outcome {
            Outcome::Pass | Outcome::Warn | Outcome::Skip(_) => continue,
            Outcome::Error(why) => why.clone(),
            Outcome::Fail => {
                let failed = test.actions.iter().filter(|action| action.outcome == Outcome::Fail);
                let said = failed.map(|action| {
                    format!("{}: {}: {}", action.place.line, action.description, action.message)
                });
                said.collect::<Vec<String>>().join("; ")
            }
        };
        failures.push(Failure { file: result.file.clone(), check: test.name.clone(), why });
    }
    failures
}

#[test]
fn the_server_passes_the_suite() {
    let Some(shared) = shared::folder() else { return };
    let suite = shared.join("suites/ignixa");
    let folder = std::env::temp_dir().join(format!("sauma-ignixa-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let server = Running::over_sqlite(&folder);
    let results = run(&server.base, &suite);
    drop(server);
    fs::remove_dir_all(&folder).unwrap();
    let tests = || results.iter().flat_map(|result| &result.tests);
    let skipped = tests().filter(|test| matches!(test.outcome, Outcome::Skip(_))).count();
    let failures = failures(&results);
    let applicable = tests().count() - skipped;
    let passed = applicable - failures.len();
    println!("ignixa: {passed} of {applicable} tests passed, {skipped} do not apply");
    if let Some(path) = std::env::var_os("SAUMA_IGNIXA_REPORT") {
        let skips = results.iter().flat_map(|result| result.tests.iter().map(move |test| (result, test)));
        let skips = skips.filter_map(|(result, test)| match &test.outcome {
            Outcome::Skip(why) => Some(format!("skip\t{}\t{}\t{why}\n", result.file, test.name)),
            Outcome::Pass | Outcome::Warn | Outcome::Fail | Outcome::Error(_) => None,
        });
        let fails = failures.iter().map(|it| format!("fail\t{}\t{}\t{}\n", it.file, it.check, it.why));
        fs::write(path, fails.chain(skips).collect::<String>()).unwrap();
    }
    ratchet::check("testscripts-ignixa", &failures);
    assert!(applicable > 400, "only {applicable} tests apply");
    assert!(passed * 100 >= applicable * PASSED_PERCENT_MIN, "{passed} of {applicable} passed");
}
