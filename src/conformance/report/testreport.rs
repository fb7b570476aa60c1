//! Runs of TestScripts as FHIR R4 `TestReport` resources, one for each script.

use super::VERSION;
use super::json::pretty;
use crate::conformance::script::{ActionResult, Kind, Outcome, ScriptResult, TestResult};
use crate::schema::sha256;
use serde_json::{Map, Value, json};

/// What a run of scripts was about.
#[derive(Debug, Clone)]
pub struct About {
    /// When, as RFC 3339 has it.
    pub time: String,
    /// The base url of the server.
    pub server: String,
}

/// The `TestReport` of one script alone, of several in a `Bundle`.
pub fn testreport(results: &[ScriptResult], about: &About) -> String {
    let reports: Vec<Value> = results.iter().map(|result| report(result, about)).collect();
    match reports.as_slice() {
        [report] => pretty(report),
        reports => {
            let entry = |(number, report): (usize, &Value)| json!({ "fullUrl": full_url(number, report), "resource": report });
            let entries: Vec<Value> = reports.iter().enumerate().map(entry).collect();
            let mut bundle = json!({ "resourceType": "Bundle", "type": "collection" });
            if let Some(members) = bundle.as_object_mut().filter(|_| !entries.is_empty()) {
                members.insert("entry".to_owned(), json!(entries));
            }
            pretty(&bundle)
        }
    }
}

/// A urn made of what a report says and its place: reports lie at no address.
fn full_url(number: usize, report: &Value) -> String {
    let digest = sha256::hex(format!("{number} {report}").as_bytes());
    let part = |range: std::ops::Range<usize>| digest.get(range).unwrap_or_default();
    // Version 8 of RFC 9562: what the bits say is up to whoever makes it.
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0..8), part(8..12), part(12..15), part(15..18), part(18..30))
}

fn report(result: &ScriptResult, about: &About) -> Value {
    let mut script = json!({ "type": "TestScript", "display": result.name });
    if !result.url.is_empty() {
        script["identifier"] = json!({ "system": "urn:ietf:rfc:3986", "value": result.url });
    }
    let mut report = json!({
        "resourceType": "TestReport",
        "name": result.name,
        "status": "completed",
        "testScript": script,
        "result": verdict(result),
        "tester": format!("sauma {VERSION}"),
        "participant": [
            { "type": "test-engine", "uri": "https://w3id.org/sauma", "display": format!("sauma {VERSION}") },
            { "type": "server", "uri": about.server },
        ],
    });
    if !about.time.is_empty() {
        report["issued"] = json!(about.time);
    }
    let parts = [
        ("score", score(result)),
        ("setup", actions(&result.setup)),
        ("test", (!result.tests.is_empty()).then(|| result.tests.iter().map(test).collect())),
        ("teardown", actions(&result.teardown)),
    ];
    for (name, part) in parts {
        if let (Some(members), Some(part)) = (report.as_object_mut(), part) {
            members.insert(name.to_owned(), part);
        }
    }
    report
}

/// `pass` where a test ran and none failed; `pending` where none ran.
fn verdict(result: &ScriptResult) -> &'static str {
    let is_bad = |test: &TestResult| matches!(test.outcome, Outcome::Fail | Outcome::Error(_));
    let has_run = |test: &TestResult| !matches!(test.outcome, Outcome::Skip(_));
    if result.tests.iter().any(is_bad) {
        "fail"
    } else if result.tests.iter().any(has_run) {
        "pass"
    } else {
        "pending"
    }
}

/// Tests of a hundred that passed, of those that apply.
fn score(result: &ScriptResult) -> Option<Value> {
    let of =
        |wanted: &dyn Fn(&Outcome) -> bool| result.tests.iter().filter(|test| wanted(&test.outcome)).count();
    let all = of(&|outcome| !matches!(outcome, Outcome::Skip(_)));
    let passed = of(&|outcome| matches!(outcome, Outcome::Pass | Outcome::Warn));
    (all > 0).then(|| json!(passed * 100 / all))
}

fn actions(actions: &[ActionResult]) -> Option<Value> {
    (!actions.is_empty()).then(|| json!({ "action": actions.iter().map(action).collect::<Vec<Value>>() }))
}

fn test(test: &TestResult) -> Value {
    let mut all: Vec<Value> = test.actions.iter().map(action).collect();
    if all.is_empty() {
        // A test has an action at least (`TestReport.test.action`), so the reason stands in one.
        let why = match &test.outcome {
            Outcome::Error(why) | Outcome::Skip(why) => why.as_str(),
            Outcome::Pass | Outcome::Warn | Outcome::Fail => "it has no action",
        };
        all.push(json!({ "assert": { "result": result_code(&test.outcome), "message": why } }));
    }
    json!({ "name": test.name, "action": all })
}

fn action(action: &ActionResult) -> Value {
    let why = match &action.outcome {
        Outcome::Error(why) | Outcome::Skip(why) => why,
        Outcome::Pass | Outcome::Warn | Outcome::Fail => &action.message,
    };
    let mut body = Map::new();
    body.insert("result".to_owned(), json!(result_code(&action.outcome)));
    let code = action.code.map_or_else(String::new, |code| format!("{}: ", code.id));
    let place = format!("{}:{}", action.place.line, action.place.column);
    let said = [action.description.as_str(), why.as_str()].into_iter().filter(|text| !text.is_empty());
    let said: Vec<&str> = said.collect();
    body.insert("message".to_owned(), json!(format!("{place}: {code}{}", said.join("; "))));
    let name = match action.kind {
        Kind::Operation => "operation",
        Kind::Assert => "assert",
    };
    json!({ name: body })
}

/// `TestReport.setup.action.assert.result` (`report-action-result-codes`).
const fn result_code(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Warn => "warning",
        Outcome::Fail => "fail",
        Outcome::Error(_) => "error",
        Outcome::Skip(_) => "skip",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Place, codes};
    use crate::schema::Schema;
    use crate::tree::fhir::read_json;
    use crate::validate::{Options, Validator};
    use std::time::Duration;

    fn action_of(kind: Kind, outcome: Outcome) -> ActionResult {
        ActionResult {
            kind,
            place: Place { line: 3, column: 7 },
            description: "it is there".to_owned(),
            code: (outcome != Outcome::Pass).then_some(codes::ASSERT_STATUS),
            outcome,
            message: "expected 200, came 404".to_owned(),
            came: None,
            exchange: Some(1),
        }
    }

    fn result() -> ScriptResult {
        let test = |outcome: Outcome, actions: Vec<ActionResult>| TestResult {
            name: "one".to_owned(),
            place: Place { line: 2, column: 1 },
            outcome,
            actions,
            took: Duration::ZERO,
        };
        ScriptResult {
            file: "a.json".to_owned(),
            name: "a".to_owned(),
            url: "http://example.org/TestScript/a".to_owned(),
            setup: vec![action_of(Kind::Operation, Outcome::Pass)],
            tests: vec![
                test(Outcome::Fail, vec![action_of(Kind::Assert, Outcome::Fail)]),
                test(Outcome::Warn, vec![action_of(Kind::Assert, Outcome::Warn)]),
                test(Outcome::Skip("it does not apply".to_owned()), Vec::new()),
            ],
            teardown: vec![action_of(Kind::Operation, Outcome::Pass)],
            is_unreachable: false,
        }
    }

    #[test]
    fn the_reports_are_valid() {
        let about =
            About { time: "2026-11-23T05:00:00Z".to_owned(), server: "http://localhost:8080".to_owned() };
        let validator = Validator::new(Schema::r4());
        for results in [vec![], vec![result()], vec![result(), result()]] {
            let text = testreport(&results, &about);
            let tree = read_json(&text, Schema::r4().names());
            let report = tree.map(|tree| validator.validate(&tree, &Options::default()));
            let issues: Vec<String> = report.map_or_else(
                |issue| vec![issue.message.clone()],
                |report| {
                    report
                        .issues
                        .iter()
                        .filter(|it| it.severity == crate::diag::Severity::Error)
                        .map(|it| format!("{} {}", it.path, it.message))
                        .collect()
                },
            );
            assert!(issues.is_empty(), "{issues:?}\n{text}");
        }
    }

    #[test]
    fn the_score_counts_what_applies() {
        let about = About { time: "2026-11-23T05:00:00Z".to_owned(), server: "http://localhost".to_owned() };
        let report = report(&result(), &about);
        assert_eq!((report["score"].as_i64(), report["result"].as_str()), (Some(50), Some("fail")));
        assert_eq!(report["test"][2]["action"][0]["assert"]["result"], "skip");
    }
}
