//! TestScripts against a small server that answers well and badly.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sauma::conformance::client::Client;
use sauma::conformance::script::{self, Kind, Okay, Options, Outcome, Runner, Script, ScriptResult, Shown};
use sauma::diag::{Language, codes};
use sauma::fhirpath::Temporal;
use sauma::schema::Schema;
use sauma::validate::Validator;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

const FOLDER: &str = "tests/cases/testscript";
const PATIENT: &str = r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"3"},"active":true,"name":[{"family":"Åström","given":["Aino","Maria"]}],"birthDate":"1970-01-01"}"#;
const PATIENT_XML: &str =
    r#"<Patient xmlns="http://hl7.org/fhir"><id value="1"/><name><family value="Åström"/></name></Patient>"#;
const CAPABILITY: &str = r#"{"resourceType":"CapabilityStatement","instantiates":["http://example.org/CapabilityStatement/test"],"status":"active","date":"2026-01-01","kind":"instance","fhirVersion":"4.0.1","format":["json"]}"#;

/// What the server was asked, and what it holds.
#[derive(Debug, Default)]
struct State {
    asked: Vec<String>,
    held: BTreeSet<String>,
    polled: u32,
}

/// A server on a port of its own; it ends with the process.
struct Server {
    base: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, own) = (state.clone(), base.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (state, base) = (shared.clone(), own.clone());
                    let service = service_fn(move |request| answer(request, state.clone(), base.clone()));
                    tokio::spawn(async move {
                        drop(
                            hyper::server::conn::http1::Builder::new()
                                .serve_connection(TokioIo::new(stream), service)
                                .await,
                        );
                    });
                }
            });
        });
        Self { base, state }
    }

    fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
    base: String,
) -> Result<Answer, Infallible> {
    let method = request.method().as_str().to_owned();
    let target = request.uri().path_and_query().map_or_else(String::new, |it| it.as_str().to_owned());
    let wants_xml = request.headers().get("accept").is_some_and(|accept| accept == "application/fhir+xml");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    state.lock().unwrap().asked.push(format!("{method} {target}"));
    if target == "/silent" {
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let mut state = state.lock().unwrap();
    Ok(match method.as_str() {
        "GET" if wants_xml => respond(200, "application/fhir+xml", &[], PATIENT_XML),
        "GET" => read(&target, &mut state, &base),
        "POST" if target == "/Patient" || target == "/CarePlan" => {
            state.held.insert("/Patient/made".to_owned());
            let location = format!("{base}/Patient/made/_history/1");
            let made = body.replacen('{', "{\"id\":\"made\",", 1);
            respond(201, "application/fhir+json", &[("location", &location)], &made)
        }
        "POST" => respond(200, "application/fhir+json", &[], &bundle(&base, "")),
        "PUT" => {
            let status = if state.held.insert(target) { 201 } else { 200 };
            respond(status, "application/fhir+json", &[], &body)
        }
        "DELETE" => {
            state.held.remove(&target);
            respond(204, "", &[], "")
        }
        _ => respond(405, "", &[], ""),
    })
}

fn read(target: &str, state: &mut State, base: &str) -> Answer {
    let json = "application/fhir+json;charset=utf-8";
    match target {
        "/metadata" => respond(200, json, &[], CAPABILITY),
        "/Patient/1" | "/Patient/1/_history/3" | "/Patient/made" => {
            respond(200, json, &[("etag", "W/\"3\"")], PATIENT)
        }
        "/Patient/wrong" => respond(200, json, &[], "{\"resourceType\":\"Patient\",\"gender\":\"none\"}"),
        "/page" => respond(200, "text/html", &[], "<html><body>no resource</body></html>"),
        "/redirect" => respond(302, "", &[("location", "/Patient/1")], ""),
        "/redirect-out" => respond(302, "", &[("location", "http://example.org/Patient/1")], ""),
        "/poll" => {
            state.polled += 1;
            if state.polled < 3 { respond(202, "", &[], "") } else { respond(200, json, &[], PATIENT) }
        }
        held if state.held.contains(held) => respond(200, json, &[], PATIENT),
        search if search.contains("broken-link") => {
            let next = format!(",{{\"relation\":\"next\",\"url\":\"{base}/Patient/none\"}}");
            respond(200, json, &[], &bundle(base, &next))
        }
        search if search.contains("no-link") => {
            respond(200, json, &[], "{\"resourceType\":\"Bundle\",\"type\":\"searchset\"}")
        }
        search if search.contains('?') || search.ends_with("_history") || search.contains('$') => {
            respond(200, json, &[], &bundle(base, ""))
        }
        _ => respond(
            404,
            json,
            &[],
            "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":\"not-found\"}]}",
        ),
    }
}

fn bundle(base: &str, more: &str) -> String {
    format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{{\"relation\":\"self\",\"url\":\"{base}/Patient?a=1\"}}{more}]}}"
    )
}

fn respond(status: u16, media: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut response = Response::builder().status(status);
    if !media.is_empty() {
        response = response.header("content-type", media);
    }
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(Bytes::from(body.to_owned()))).unwrap()
}

fn load(name: &str) -> Script {
    let path = format!("{FOLDER}/{name}");
    script::read(&path, &fs::read_to_string(&path).unwrap(), Schema::r4()).unwrap()
}

fn run_on(base: &str, name: &str) -> ScriptResult {
    let validator = Validator::new(Schema::r4());
    let mut client = Client::new(base, Duration::from_secs(1)).unwrap();
    let options = Options {
        base: client.base().to_owned(),
        destinations: BTreeMap::new(),
        given: BTreeSet::new(),
        variables: BTreeMap::new(),
        okay: Okay::Auto,
        only: None,
        now: Temporal::utc(1_795_000_000, 0),
    };
    let file = |path: &str| fs::read_to_string(format!("{FOLDER}/{path}")).map_err(|error| error.to_string());
    Runner::new(&validator, options).run(&load(name), &mut client, &file)
}

fn run(name: &str) -> ScriptResult {
    run_on(&Server::start().base, name)
}

/// Tests that did not go as their names begin.
fn surprises(result: &ScriptResult, expected: impl Fn(&str) -> Option<&'static str>) -> Vec<String> {
    let line = |test: &script::TestResult| {
        let said: Vec<String> = test
            .actions
            .iter()
            .filter(|action| action.outcome != Outcome::Pass)
            .map(|action| {
                format!(
                    "{}: {:?} {:?} {}",
                    action.place.line,
                    action.outcome,
                    action.code.map(|it| it.id),
                    action.message
                )
            })
            .collect();
        format!("{}: {:?}\n    {}", test.name, test.outcome, said.join("\n    "))
    };
    let is_surprise =
        |test: &&script::TestResult| expected(&test.name).is_some_and(|it| it != test.outcome.as_str());
    result.tests.iter().filter(is_surprise).map(line).collect()
}

#[test]
fn every_kind_of_assert_passes() {
    for name in ["passes.json", "in-xml.xml", "r5.json", "r5-in-xml.xml"] {
        let result = run(name);
        let found = surprises(&result, |_| Some("pass"));
        assert!(found.is_empty() && !result.tests.is_empty(), "{name}:\n{}", found.join("\n"));
    }
}

/// The name of each test begins with the code that it must fail with.
fn fails_with_its_code(name: &str, outcome: &'static str) {
    let result = run(name);
    let found = surprises(&result, |_| Some(outcome));
    assert!(found.is_empty() && !result.tests.is_empty(), "{name}:\n{}", found.join("\n"));
    for test in &result.tests {
        let first = test.actions.iter().find(|action| action.outcome.as_str() == outcome).unwrap();
        let code = first.code.unwrap().id;
        assert!(test.name.starts_with(code), "{}: {code} {:?} {}", test.name, first.outcome, first.message);
        assert!(first.place.line > 1 && first.place.column > 1);
    }
}

#[test]
fn every_kind_of_assert_fails() {
    fails_with_its_code("fails.json", "fail");
}

#[test]
fn what_cannot_be_done_is_an_error_and_no_pass() {
    fails_with_its_code("unsupported.json", "error");
}

/// The name of each test begins with how it must go.
fn goes_as_named(result: &ScriptResult) {
    let word = |name: &str| {
        ["pass", "warn", "fail", "skip"].into_iter().find(|word| name.starts_with(&format!("{word}:")))
    };
    let found = surprises(result, word);
    assert!(found.is_empty() && !result.tests.is_empty(), "{}", found.join("\n"));
}

#[test]
fn fixtures_are_made_and_deleted_around_the_tests() {
    let server = Server::start();
    let result = run_on(&server.base, "course.json");
    goes_as_named(&result);
    let asked = server.asked();
    assert_eq!(asked.first().map(String::as_str), Some("POST /Patient"));
    assert!(asked.contains(&"PUT /Patient/course-put".to_owned()), "{asked:?}");
    let ends: Vec<&str> = asked.iter().rev().take(3).map(String::as_str).collect();
    assert_eq!(ends, ["DELETE /Patient/made", "DELETE /Patient/course-put", "PUT /Patient/course-put"]);
    // The delete that stands after a failed assert was not run: only teardown deletes.
    assert_eq!(asked.iter().filter(|line| line.starts_with("DELETE")).count(), 2);
    let skipped = &result.tests[2].actions[2];
    assert_eq!((skipped.kind, skipped.code), (Kind::Operation, Some(codes::SCRIPT_NOT_RUN)));
}

#[test]
fn scripts_of_other_engines_are_run_as_far_as_they_can_be() {
    let result = run("other-engines.json");
    goes_as_named(&result);
    let last = result.tests[0].actions.last().unwrap();
    assert_eq!(last.outcome, Outcome::Pass, "the test goes on after its first failure");
}

#[test]
fn extensions_of_suites_are_followed() {
    let result = run("extensions.json");
    goes_as_named(&result);
    let repeated: Vec<(&str, &str)> = result
        .tests
        .iter()
        .filter(|test| test.name.starts_with("repeat"))
        .map(|test| (test.name.as_str(), test.outcome.as_str()))
        .collect();
    assert_eq!(repeated, [("repeat [which=1]", "pass"), ("repeat [which=none]", "fail")]);
}

#[test]
fn without_its_setup_no_test_is_run() {
    let server = Server::start();
    let result = run_on(&server.base, "setup-fails.json");
    assert!(matches!(&result.tests[0].outcome, Outcome::Error(why) if why.contains("the setup failed")));
    assert_eq!(server.asked(), ["GET /Patient/none", "DELETE /Patient/torn-down"]);
    let documents = script::documents(&result, Shown::NoValues, Language::En);
    let verdicts: Vec<(String, &str)> = documents
        .iter()
        .map(|document| (document.title.clone().unwrap(), document.verdict.as_str()))
        .collect();
    assert_eq!(verdicts, [("setup".to_owned(), "fail"), ("one".to_owned(), "error")]);
}

#[test]
fn a_value_that_came_is_shown_only_where_that_is_asked_for() {
    let result = run("fails.json");
    let text = |shown: Shown| format!("{:?}", script::documents(&result, shown, Language::En));
    assert!(!text(Shown::NoValues).contains("Åström"));
    assert!(text(Shown::Values).contains("Åström"));
}

/// Runs the command line; gives the exit code, standard output and standard error.
fn sauma(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sauma"));
    let output = command.args(["conformance", "run", "--lang", "en"]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn script_path(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

#[test]
fn exit_codes_tell_how_it_went() {
    let server = Server::start();
    let base = server.base.as_str();
    let check = |arguments: &[&str], expected: i32| {
        let (code, out, err) = sauma(arguments);
        assert_eq!(code, Some(expected), "{arguments:?}\n{out}\n{err}");
    };
    let [passes, fails, unsupported, extensions] =
        ["passes.json", "fails.json", "unsupported.json", "extensions.json"].map(script_path);
    check(&[&passes, "--base", base], 0);
    check(&[&fails, "--base", base], 1);
    check(&[&passes, "--base", "localhost"], 2);
    check(&[&passes, "--base", "https://localhost", "--ca", "none.pem"], 2);
    check(&["none.json", "--base", base], 2);
    check(&[&script_path("fixtures/patient.json"), "--base", base], 2);
    check(&[&passes, "--base", "http://127.0.0.1:1"], 3);
    check(&[&passes, "--base", base, "--only", "no test has this name"], 4);
    check(&[&extensions, "--base", base, "--only", "skip"], 4);
    check(&[&unsupported, "--base", base, "--only", "C105"], 4);
}

#[test]
fn a_failure_tells_its_place_and_what_came() {
    let server = Server::start();
    let fails = script_path("fails.json");
    let (_, out, err) = sauma(&[&fails, "--base", &server.base, "--only", "C110 another response"]);
    assert!(err.contains("error[C110]: expected 200 (okay), came 404"), "{err}");
    assert!(err.contains(&format!("--> {fails}:14:")), "{err}");
    assert!(out.ends_with("0 passed, 1 failed, 0 could not be run, 0 not applicable\n"), "{out}");
    let (_, out, _) = sauma(&[&fails, "--base", &server.base, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["documents"][0]["title"], "C110 another response");
    assert_eq!(report["documents"][0]["findings"][0]["line"], 14);
    let (_, out, _) = sauma(&[&fails, "--base", &server.base, "--format", "ndjson"]);
    assert_eq!(out.lines().count(), report["documents"].as_array().unwrap().len() + 1);
}

#[test]
fn reports_and_evidence_are_written() {
    let server = Server::start();
    let folder = std::env::temp_dir().join(format!("sauma-testscript-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let token = at("token");
    fs::write(&token, "very-secret\n").unwrap();
    let kinds = ["junit", "testreport", "html", "sarif", "csv", "json"];
    let targets: Vec<String> = kinds.iter().map(|kind| format!("{kind}={}", at(kind))).collect();
    let mut arguments = vec![FOLDER, "--base", &server.base, "--timeout", "1", "--token-file", &token];
    let evidence = at("evidence");
    arguments.extend(["--evidence", &evidence]);
    for target in &targets {
        arguments.extend(["--report", target]);
    }
    let (code, _, err) = sauma(&arguments);
    assert_eq!(code, Some(1), "{err}");
    let junit = fs::read_to_string(at("junit")).unwrap();
    let suites = junit_parser::from_reader(junit.as_bytes()).unwrap();
    assert_eq!((suites.suites[0].name.as_str(), suites.suites[0].skipped), ("sauma conformance run", 2));
    assert!(suites.suites[0].failures > 20 && suites.suites[0].errors > 10, "{junit}");
    let checked =
        Command::new(env!("CARGO_BIN_EXE_sauma")).args(["validate", &at("testreport")]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(fs::read_to_string(at("html")).unwrap().contains("Tests passed: "));
    assert!(fs::read_to_string(at("sarif")).unwrap().contains("sauma/conformance run/"));
    let schema: serde_json::Value =
        serde_json::from_str(&fs::read_to_string("conformance/reports/report.schema.json").unwrap()).unwrap();
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(at("json")).unwrap()).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&report));
    // Every exchange is there, and the token is in none.
    let kept = fs::read_to_string(format!("{evidence}/0001.http")).unwrap();
    assert!(kept.contains("Authorization: ***") && kept.contains("HTTP/1.1 "), "{kept}");
    for entry in fs::read_dir(&evidence).unwrap() {
        assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains("very-secret"));
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_fixture_comes_from_the_folder_that_was_named_alone() {
    let server = Server::start();
    let folder = std::env::temp_dir().join(format!("sauma-testscript-out-{}", std::process::id()));
    fs::create_dir_all(folder.join("in")).unwrap();
    fs::write(folder.join("secret.json"), "{\"resourceType\":\"Basic\",\"id\":\"secret\"}").unwrap();
    let script = r#"{"resourceType":"TestScript","name":"out","fixture":[{"id":"f","resource":{"reference":"../secret.json"}}],
        "test":[{"action":[{"operation":{"type":{"code":"create"},"resource":"Basic","sourceId":"f"}}]}]}"#;
    fs::write(folder.join("in/script.json"), script).unwrap();
    let inner = folder.join("in").to_string_lossy().into_owned();
    let (code, _, err) = sauma(&[&inner, "--base", &server.base]);
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("outside the folder") && server.asked().is_empty(), "{err}");
    let whole = folder.to_string_lossy().into_owned();
    let (_, _, err) = sauma(&[&whole, "--base", &server.base]);
    assert!(
        !err.contains("outside the folder") && server.asked().contains(&"POST /Basic".to_owned()),
        "{err}"
    );
    fs::remove_dir_all(&folder).unwrap();
}
