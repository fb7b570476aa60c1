//! `sauma validate` as a user meets it.

use crate::cli::{Folder, Ran};
use std::io::Write;
use std::process::Stdio;

const GOOD: &str = r#"{"resourceType":"Goal","text":{"status":"generated",
"div":"<div xmlns='http://www.w3.org/1999/xhtml'>Walk</div>"},"lifecycleStatus":"active",
"description":{"text":"Walk"},"subject":{"reference":"Patient/1"}}"#;
const BAD: &str = "{\n  \"resourceType\": \"Goal\",\n  \"text\": {\"status\": \"generated\", \
    \"div\": \"<div xmlns='http://www.w3.org/1999/xhtml'>Aino</div>\"},\n  \"lifecycleStatus\": \"Aino\",\n  \
    \"description\": {\"text\": \"Aino\"},\n  \"subject\": {\"reference\": \"Patient/1\"}\n}";
const PROFILE: &str = r#"{"resourceType":"StructureDefinition","url":"http://a.org/goal","name":"goal","kind":"resource",
"type":"Goal","abstract":false,"derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Goal",
"differential":{"element":[{"id":"Goal.note","path":"Goal.note","min":1}]}}"#;

#[test]
fn a_finding_has_its_place_and_no_value() {
    let folder = Folder::new("validate-bad");
    let ran = folder.file("goal.json", BAD).run(&["validate", "goal.json"]);
    let wanted = "error[V325]: the code is not in the value set http://hl7.org/fhir/ValueSet/goal-status (required)\n \
                  --> goal.json:4:3\n  |\n4 |   \"lifecycleStatus\": \"····\",\n  |   ^^^^^^^^^^^^^^^^^^^^^^^^^\n  \
                  = means: a code is not in the value set that its element takes codes from\n  \
                  = at: Goal.lifecycleStatus\n  = help: choose a code of the value set\n\n";
    assert_eq!((ran.code, ran.err.as_str()), (1, wanted));
    assert_eq!(ran.out, "0 of 1 document valid (1 error, 0 warnings)\n");
}

#[test]
fn exit_codes_say_how_it_ended() {
    let folder = Folder::new("validate-codes");
    folder.file("good.json", GOOD).file("empty/readme.txt", "").file("broken.json", "{");
    folder.file("all.ndjson", format!("{}\n{}\n", GOOD.replace('\n', ""), BAD.replace('\n', "")));
    let check = |arguments: &[&str], code: i32, out: &str| {
        let ran = folder.run(&[&["validate"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (code, out), "{arguments:?}: {}", ran.err);
    };
    check(&["good.json"], 0, "1 of 1 document valid (0 errors, 0 warnings)\n");
    check(&["all.ndjson", "--quiet"], 1, "");
    check(&["broken.json", "--quiet"], 1, "");
    check(&["empty", "--quiet"], 4, "");
    check(&["missing.json"], 2, "");
    check(&["good.json", "--fhir-version", "5.0.0"], 2, "");
    check(&["good.json", "--profile", "http://a.org/goal"], 2, "");
}

#[test]
fn the_severity_that_fails_is_chosen() {
    let folder = Folder::new("validate-fail-on");
    // A warning: dom-6 asks for a narrative.
    folder.file("bare.json", GOOD.replace("\"text\":{\"status\":\"generated\",\n\"div\":\"<div xmlns='http://www.w3.org/1999/xhtml'>Walk</div>\"},", ""));
    let check = |fail_on: &str, code: i32, verdict: &str| {
        let ran = folder.run(&["validate", "bare.json", "--format", "json", "--fail-on", fail_on]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((ran.code, report["summary"]["verdict"].as_str()), (code, Some(verdict)), "{}", ran.out);
    };
    check("error", 0, "warn");
    check("warning", 1, "fail");
    check("information", 1, "fail");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_was_not_tested() {
    let folder = Folder::new("validate-unread");
    folder.file("in/good.json", GOOD);
    std::os::unix::fs::symlink("absent.json", folder.path("in/bad.json")).unwrap();
    let ran = folder.run(&["validate", "in", "--report", "junit=junit.xml"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(
        ran.out.starts_with("1 of 2 documents valid (1 error, 0 warnings)\n1 could not be read\n"),
        "{}",
        ran.out
    );
    assert!(folder.read("junit.xml").contains("<error type=\"X601\""), "{}", folder.read("junit.xml"));
}

/// Validates what comes on standard input.
fn with_input(folder: &Folder, input: &str) -> Ran {
    let mut command = folder.command(&["validate", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn lines_of_standard_input_are_documents() {
    let folder = Folder::new("validate-stdin");
    let lines = format!("{}\n\n{}\n", GOOD.replace('\n', ""), BAD.replace('\n', ""));
    let ran = with_input(&folder, &lines);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (1, "1 of 2 documents valid (1 error, 0 warnings)\n"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("--> stdin:3:"), "{}", ran.err);
    for one in [GOOD.to_owned(), GOOD.replace('\n', ""), format!("{}\n", GOOD.replace('\n', ""))] {
        let ran = with_input(&folder, &one);
        assert_eq!(ran.out, "1 of 1 document valid (0 errors, 0 warnings)\n", "{}", ran.err);
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    let folder = Folder::new("validate-lines");
    let good = GOOD.replace('\n', "").into_bytes();
    let bytes = [&good[..], b"\n{\"a\": \"\xff\"}\n{\"b\"\n"].concat();
    let ran = folder.file("all.ndjson", bytes).run(&["validate", "all.ndjson", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let line = |at: usize| report["documents"][at]["findings"][0]["line"].clone();
    assert_eq!((line(1), line(2)), (2.into(), 3.into()), "{}", ran.out);
}

#[test]
fn many_findings_in_one_line_are_placed_at_once() {
    let folder = Folder::new("validate-long-line");
    let entry = r#"{"resource":{"resourceType":"Goal","lifecycleStatus":"Aino","description":{"text":"Walk"},"subject":{"reference":"Patient/1"}}}"#;
    let entries = vec![entry; 12_000].join(",");
    folder
        .file("big.json", format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#));
    // Looking for the place of each of them from the start of the line would take minutes.
    let ran = folder.run(&["validate", "big.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("more findings; --format json lists all\n… and "), "{}", ran.err);
    assert!(ran.err.contains("more findings that no report lists"), "{}", ran.err);
    let ran = folder.run(&["validate", "big.json", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let findings = report["documents"][0]["findings"].as_array().unwrap();
    assert!(findings.len() > 10_000 && findings.iter().all(|finding| finding["column"].is_u64()));
}

#[test]
fn a_schema_of_the_vendor_is_a_contract() {
    let folder = Folder::new("validate-contract");
    let schema = r#"{"title":"plan","type":"object","required":["id"],"properties":{"id":{},"age":{"maximum":120},
        "goals":{"items":{"properties":{"kind":{"enum":["walk"]}}}}},"additionalProperties":false}"#;
    folder.file("schema.json", schema).file("in/good.json", r#"{"id":"1","goals":[]}"#);
    folder.file(
        "in/bad.json",
        "{\"id\": \"1\", \"age\": 4711,\n \"goals\": [{\"kind\": \"Aino\"}], \"more\": true}",
    );
    let ran = folder.run(&["validate", "in", "--json-schema", "schema.json", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let found: Vec<_> = report["documents"][0]["findings"].as_array().unwrap().iter().collect();
    let place =
        |at: usize| (found[at]["line"].as_u64(), found[at]["column"].as_u64(), found[at]["rule"].as_str());
    assert_eq!((ran.code, found.len()), (1, 3), "{}", ran.out);
    assert_eq!(place(0), (Some(1), Some(13), Some("/properties/age/maximum")));
    assert_eq!(place(1), (Some(2), Some(13), Some("/properties/goals/items/properties/kind/enum")));
    assert_eq!(place(2), (Some(2), Some(31), Some("/additionalProperties")));
    assert!(!ran.out.contains("Aino") && !ran.out.contains("4711"), "{}", ran.out);
    assert_eq!(report["documents"][1]["verdict"], "pass");
    folder.file("remote.json", r#"{"$ref":"https://example.org/a.json"}"#);
    let ran = folder.run(&["validate", "in", "--json-schema", "remote.json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("error[C702]"), "{}", ran.err);
}

#[test]
fn a_list_of_known_findings_goes_both_ways() {
    let folder = Folder::new("validate-baseline");
    folder.file("in/a.json", BAD);
    let run = |arguments: &[&str]| folder.run_at(arguments, "1770000000");
    let list = ["--baseline", "known.toml"];
    let write = |terms: &[&str]| run(&[&["baseline", "write", "in"], &list[..], terms].concat());
    assert_eq!(write(&[]).code, 2);
    let terms = ["--reason", "mended in release 4", "--expires", "2026-12-31"];
    let ran = write(&terms);
    assert_eq!((ran.code, ran.out.as_str()), (0, "1 entry in known.toml\n"), "{}", ran.err);
    assert!(!folder.read("known.toml").contains("Aino"));
    let check = |code: i32, says: &str| {
        let ran = run(&[&["baseline", "check", "in"], &list[..]].concat());
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.err.contains(says) || ran.out.contains(says), "{} {}", ran.out, ran.err);
    };
    check(0, "1 known findings left out");
    assert_eq!(run(&[&["validate", "in"], &list[..]].concat()).code, 0);
    // The day is over.
    let ran = folder.run_at(&[&["baseline", "check", "in"], &list[..]].concat(), "1800000000");
    assert!(ran.code == 1 && ran.err.contains("C712"), "{}", ran.err);
    folder.file("in/b.json", BAD);
    check(1, "error[V325]");
    folder.file("in/a.json", GOOD).file("in/b.json", GOOD);
    check(1, "error[C711]");
    assert_eq!(write(&[]).out, "0 entries in known.toml\n");
    check(0, "valid");
}

#[test]
fn a_profile_comes_from_a_file() {
    let folder = Folder::new("validate-profile");
    folder.file("good.json", GOOD).file("profile.json", PROFILE);
    let profile = ["-p", "profile.json", "--profile", "http://a.org/goal"];
    let ran = folder.run(&[&["validate", "good.json"], &profile[..]].concat());
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[V315]: `note` is required by the profile and missing"), "{}", ran.err);
    assert!(ran.err.contains("= rule: http://a.org/goal"), "{}", ran.err);
}

#[test]
fn an_outcome_is_a_resource() {
    let folder = Folder::new("validate-outcome");
    let ran = folder.file("bad.json", BAD).run(&["validate", "bad.json", "--format", "outcome"]);
    let outcome: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let issue = &outcome["issue"][0];
    assert_eq!((ran.code, outcome["resourceType"].as_str()), (1, Some("OperationOutcome")));
    assert_eq!(issue["expression"][0], "Goal.lifecycleStatus");
    assert_eq!((&issue["severity"], &issue["code"]), (&"error".into(), &"code-invalid".into()));
    assert_eq!(issue["extension"][0]["valueInteger"], 4);
    assert!(!ran.out.contains("Aino"), "{}", ran.out);
    // What we say of others is itself valid.
    let ran = folder.file("outcome.json", ran.out).run(&["validate", "outcome.json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = folder.run(&["path", "a", "bad.json", "--format", "outcome"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn what_leaves_is_checked_where_that_is_asked_for() {
    let folder = Folder::new("validate-outgoing");
    // A Goal of an unknown state is read and carried, and is no valid FHIR.
    folder.file("bad.json", BAD).file("good.json", GOOD);
    let translate = |file: &str, more: &[&str]| {
        folder.run(&[&["translate", file, "--from", "fhir", "--to", "fhir", "-o", "out.json"], more].concat())
    };
    let ran = translate("bad.json", &["--validate"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("error[V325]") && ran.err.contains("--> the output:"), "{}", ran.err);
    assert!(!ran.err.contains("Aino") && !folder.files().contains(&"out.json".to_owned()), "{}", ran.err);
    assert_eq!(translate("bad.json", &[]).code, 0);
    assert_eq!(translate("good.json", &["--validate"]).code, 0);
}

#[test]
fn people_are_told_in_their_language_and_programs_in_english() {
    let folder = Folder::new("validate-language");
    folder.file("goal.json", BAD.replace("\"description\": {\"text\": \"Aino\"},", ""));
    let check = |language: &str, heading: &str, label: &str, summary: &str| {
        let ran = folder.run(&["validate", "goal.json", "--lang", language]);
        assert!(ran.err.contains(heading) && ran.err.contains(label), "{}", ran.err);
        assert_eq!(ran.out, summary);
    };
    let (fi, sv) =
        ("pakollinen elementti `description` puuttuu", "det obligatoriska elementet `description` saknas");
    check(
        "fi",
        &format!("virhe[V315]: {fi}"),
        "= merkitys: pakollinen",
        "kelpaa: 0 / 1 asiakirja (2 virhettä, 0 varoitusta)\n",
    );
    check(
        "sv",
        &format!("fel[V315]: {sv}"),
        "= råd: lägg till",
        "godkända: 0 av 1 dokument (2 fel, 0 varningar)\n",
    );
    let message = |arguments: &[&str]| {
        let ran = folder.run(&[&["validate", "goal.json", "--format", "json"], arguments].concat());
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let findings = report["documents"][0]["findings"].as_array().unwrap().clone();
        let missing = findings.into_iter().find(|finding| finding["code"] == "V315").unwrap();
        missing["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message(&[]), "`description` is required and missing");
    assert_eq!(message(&["--lang", "fi"]), fi);
    let ran = folder.run(&["validate", "goal.json", "--format", "github", "--lang", "sv"]);
    assert!(ran.out.contains(sv), "{}", ran.out);
    let ran = folder.run(&["validate", "goal.json", "--report", "html=page.html", "--lang", "fi"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let page = folder.read("page.html");
    assert!(page.contains(&format!("<span>{fi}</span>")) && !page.contains("lang=\"en\""), "{page}");
}

#[test]
fn an_outcome_carries_its_translations() {
    let folder = Folder::new("validate-outcome-language");
    folder.file("goal.json", BAD.replace("\"description\": {\"text\": \"Aino\"},", ""));
    let ran = folder.run(&["validate", "goal.json", "--format", "outcome"]);
    let outcome: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let issues = outcome["issue"].as_array().unwrap();
    let found = issues.iter().find(|issue| issue["details"]["coding"][0]["code"] == "V315").unwrap();
    assert_eq!(found["details"]["text"], "`description` is required and missing");
    let translations = found["details"]["_text"]["extension"].as_array().unwrap();
    let said: Vec<_> = translations
        .iter()
        .map(|it| {
            (
                it["extension"][0]["valueCode"].as_str().unwrap(),
                it["extension"][1]["valueString"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("fi", "pakollinen elementti `description` puuttuu"),
            ("sv", "det obligatoriska elementet `description` saknas")
        ]
    );
}
