//! HL7's suite for validators, and the published examples, which are valid but for those whose faults are listed.

use crate::ratchet::{self, Failure};
use crate::{invariants, shared};
use proptest::prelude::*;
use sauma::diag::{Issue, Severity};
use sauma::fhirpath::Temporal;
use sauma::schema::Schema;
use sauma::tree::json::Layout;
use sauma::tree::{NodeId, Tree, fhir};
use sauma::validate::{Extensions, Options, Report, Subject, Validator};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The time that every run of a test is made at.
fn now() -> Temporal {
    Temporal::utc(1_770_000_000, 0)
}

/// The text of a file without a byte order mark.
fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap().trim_start_matches('\u{feff}').to_owned()
}

fn read(text: &str, schema: &Schema) -> Result<Tree, String> {
    let is_xml = text.trim_start().starts_with('<');
    let tree = if is_xml {
        fhir::read_xml(text, schema.names(), schema)
    } else {
        fhir::read_json(text, schema.names())
    };
    tree.map_err(|issue| issue.path)
}

/// A definition as JSON.
fn definition(path: &Path) -> String {
    let text = text(path);
    if !text.trim_start().starts_with('<') {
        return text;
    }
    let schema = Schema::r4();
    let tree = read(&text, schema).unwrap();
    let mut json = String::new();
    fhir::write_json(&tree, NodeId::ROOT, Some(schema), Layout::Compact, &mut json);
    json
}

/// The paths of the errors of a document that was read, or the place where it could not be.
pub(crate) fn errors(text: &str, schema: &Schema, profiles: &[String]) -> Vec<String> {
    errors_with(&Validator::new(schema), text, profiles)
}

fn errors_with(validator: &Validator<'_>, text: &str, profiles: &[String]) -> Vec<String> {
    let schema = validator.schema();
    let is_xml = text.trim_start().starts_with('<');
    let read = if is_xml {
        fhir::read_xml_with_faults(text, schema.names(), schema)
    } else {
        fhir::read_json(text, schema.names()).map(|tree| (tree, Vec::new()))
    };
    let (tree, faults) = match read {
        Ok(read) => read,
        Err(issue) => return vec![issue.path],
    };
    let report = validator.validate(&tree, &Options { profiles, now: Some(now()) });
    let issues = faults.into_iter().chain(report.issues);
    let errors = issues.filter(|issue| issue.severity == Severity::Error);
    errors.map(|issue| issue.path).collect()
}

/// What one check of the suite gave.
struct Checked {
    id: String,
    expected: usize,
    found: usize,
    /// Places found, places found where none was expected, places missed.
    places: (usize, usize, usize),
}

fn checked(check: &Value, folder: &Path) -> Checked {
    let files = folder.join("files");
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let source = string(&check["profile_source"]);
    let is_url = source.starts_with("http");
    let mut definitions: Vec<String> = check["supporting"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| definition(&files.join(string(file))))
        .collect();
    let mut profiles = Vec::new();
    if is_url {
        profiles.push(source);
    } else if !source.is_empty() {
        let profile = definition(&files.join(source));
        let url = serde_json::from_str::<Value>(&profile).unwrap()["url"].clone();
        profiles.push(string(&url));
        definitions.push(profile);
    }
    let mut schema = Schema::r4().clone();
    schema.add_definitions(definitions.iter().map(String::as_str)).unwrap();
    // As HL7's own harness, which wants the definition of every extension.
    let validator = Validator::new(&schema).with_extensions(Extensions::Known);
    let found = errors_with(&validator, &text(&files.join(string(&check["file"]))), &profiles);
    let expected = &check["expected"];
    let issues = expected["issues"].as_array().cloned().unwrap_or_default();
    let is_error = |issue: &&Value| matches!(issue["severity"].as_str(), Some("error" | "fatal"));
    let wanted: Vec<String> =
        issues.iter().filter(is_error).map(|issue| place(&string(&issue["expression"]))).collect();
    Checked {
        id: string(&check["id"]),
        expected: usize::try_from(expected["errors"].as_u64().unwrap()).unwrap(),
        places: matched(wanted, found.iter().map(|path| place(path)).collect()),
        found: found.len(),
    }
}

/// A path without what the tools write differently: indices, types of choices and resources, slices.
fn place(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start + 2..].split_once("*/").map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    let steps = out.split('.').filter(|step| !step.starts_with("ofType("));
    let plain = steps.map(|step| {
        let step = step.split('[').next().unwrap_or(step);
        let step = step.split(':').next().unwrap_or(step);
        let upper =
            |stem: &str| step.strip_prefix(stem).is_some_and(|rest| rest.starts_with(char::is_uppercase));
        ["value", "effective", "onset", "deceased"].into_iter().find(|stem| upper(stem)).unwrap_or(step)
    });
    plain.collect::<Vec<_>>().join(".")
}

/// How many places are in both lists, where one step up or down is near enough.
fn matched(wanted: Vec<String>, mut found: Vec<String>) -> (usize, usize, usize) {
    let above = |path: &str| path.rsplit_once('.').map_or(path.to_owned(), |(above, _)| above.to_owned());
    let mut hits = 0;
    let count = wanted.len();
    for path in wanted {
        let exact = found.iter().position(|other| *other == path);
        let near = || found.iter().position(|other| above(other) == path || above(&path) == *other);
        if let Some(at) = exact.or_else(near) {
            found.remove(at);
            hits += 1;
        }
    }
    (hits, found.len(), count - hits)
}

#[test]
fn the_suite_for_validators_passes_but_for_what_is_listed() {
    let Some(folder) = shared::folder() else { return };
    let folder = folder.join("suites/validator");
    let checks: Value = serde_json::from_str(&text(&folder.join("checks.json"))).unwrap();
    let checks = checks["checks"].as_array().unwrap().clone();
    let results = shared::in_parallel(&checks, |check| checked(check, &folder));
    let mut failures = Vec::new();
    let (mut verdicts, mut counts, mut places) = (0, 0, (0, 0, 0));
    for result in &results {
        let is_right = (result.expected > 0) == (result.found > 0);
        let is_same = result.expected == result.found;
        verdicts += usize::from(is_right);
        counts += usize::from(is_same);
        let (hits, extra, missed) = result.places;
        places = (places.0 + hits, places.1 + extra, places.2 + missed);
        let check = if is_right { "count" } else { "verdict" };
        if !is_same {
            let why = format!("{} errors expected, {} found", result.expected, result.found);
            failures.push(Failure { file: result.id.clone(), check: check.to_owned(), why });
        }
    }
    let share = |n: usize| 100 * n / results.len();
    let f1 = 200 * places.0 / (2 * places.0 + places.1 + places.2).max(1);
    println!(
        "HL7's suite for validators: {} checks, verdict {} %, count {} %, places F1 {f1} %",
        results.len(),
        share(verdicts),
        share(counts)
    );
    ratchet::check("validator", &failures);
}

fn report(text: &str) -> Report {
    let schema = Schema::r4();
    let tree = read(text, schema).unwrap();
    Validator::new(schema).validate(&tree, &Options { profiles: &[], now: Some(now()) })
}

#[test]
fn the_published_examples_have_no_errors_but_those_that_are_listed() {
    let Some(folder) = shared::folder() else { return };
    let paths = shared::files(&folder.join("suites/r4-examples"), &["json"]);
    let reports = shared::in_parallel(&paths, |path| report(&text(path)));
    let mut failures: Vec<Failure> = Vec::new();
    for (path, report) in paths.iter().zip(&reports) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for issue in report.issues.iter().filter(|issue| issue.severity == Severity::Error) {
            let check = issue.code.id.to_owned();
            if !failures.iter().any(|known| known.file == file && known.check == check) {
                failures.push(Failure {
                    file: file.clone(),
                    check,
                    why: format!("{}: {}", issue.path, issue.message),
                });
            }
        }
    }
    println!("examples of R4: {} files, {} with errors", paths.len(), failures.len());
    ratchet::check("validator-examples", &failures);
}

/// A word that stands in no definition.
const MARKER: &str = "Aino7Secret";

/// What the marker is dressed as, to come as far as it can.
const DRESSES: [&str; 8] = [
    "Aino7Secret",
    "http://example.org/Aino7Secret",
    "http://loinc.org|Aino7Secret",
    "#Aino7Secret",
    "Patient/Aino7Secret",
    "Aino7Secret?a b",
    "urn:uuid:Aino7Secret",
    "<div xmlns='http://www.w3.org/1999/xhtml'><Aino7Secret Aino7Secret='a'>&Aino7Secret;</Aino7Secret></div>",
];

/// Looks for the marker in all that is said of a document.
#[track_caller]
fn is_silent(text: &str, what: &str) {
    let schema = Schema::r4();
    let silent = |issue: &Issue| {
        let said = [&issue.message, &issue.path, &issue.help, &issue.rule].map(String::as_str).join(" ");
        assert!(!said.contains(MARKER) && !format!("{issue:?}").contains(MARKER), "{what}: {issue:?} {said}");
    };
    let is_xml = text.trim_start().starts_with('<');
    let tree = if is_xml {
        fhir::read_xml(text, schema.names(), schema)
    } else {
        fhir::read_json(text, schema.names())
    };
    match tree {
        Err(issue) => silent(&issue),
        Ok(tree) => {
            let report = Validator::new(schema).validate(&tree, &Options::default());
            report.issues.iter().for_each(silent);
            fhir::unknown_elements(&tree, schema).iter().for_each(silent);
            // What could not be checked is found by its url, so that is told; nothing but an url is.
            let is_url = |name: &str| {
                ["http://", "urn:"].iter().any(|it| name.starts_with(it)) && !name.contains([' ', '?', '<'])
            };
            let names = report.not_checked.keys().map(|entry| &entry.name);
            names
                .filter(|name| name.contains(MARKER))
                .for_each(|name| assert!(is_url(name), "{what}: {name}"));
        }
    }
}

/// Every document that comes of putting the marker in place of one value or one name.
fn marked(document: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let mut open = vec![String::new()];
    while let Some(pointer) = open.pop() {
        let here = document.pointer(&pointer).unwrap();
        let below: Vec<String> = match here {
            Value::Object(members) => members.keys().cloned().collect(),
            Value::Array(items) => (0..items.len()).map(|at| at.to_string()).collect(),
            _ => Vec::new(),
        };
        for name in below {
            let inner = format!("{pointer}/{name}");
            for dress in DRESSES {
                let mut spoilt = document.clone();
                *spoilt.pointer_mut(&inner).unwrap() = Value::from(dress);
                all.push(spoilt);
            }
            if here.is_object() {
                let mut spoilt = document.clone();
                let holder = spoilt.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
                let value = holder.remove(&name).unwrap();
                for name in [MARKER.to_owned(), format!("_{MARKER}"), format!("{name}{MARKER}")] {
                    let mut spoilt = spoilt.clone();
                    let holder = spoilt.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
                    holder.insert(name, value.clone());
                    all.push(spoilt);
                }
            }
            open.push(inner);
        }
    }
    all
}

#[test]
fn messages_hold_no_values_and_no_names_of_the_data() {
    let patient = r##"{"resourceType":"Patient","id":"a","meta":{"profile":["http://example.org/p"]},
        "text":{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>a</div>"},
        "contained":[{"resourceType":"Organization","id":"o","name":"O"}],
        "extension":[{"url":"http://example.org/x","valueString":"x"}],
        "modifierExtension":[{"url":"http://example.org/m","valueCode":"x"}],
        "identifier":[{"system":"http://example.org/i","value":"1","period":{"start":"2026","end":"2027"}}],
        "maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}]},
        "managingOrganization":{"reference":"#o","type":"Organization"},"gender":"male","birthDate":"2026-01-01",
        "photo":[{"data":"YWJj","size":3}],"multipleBirthInteger":1,"active":true,
        "_birthDate":{"extension":[{"url":"http://example.org/y","valueBoolean":true}]}}"##;
    let plan = fs::read_to_string("tests/cases/validate/valid-care-plan/input.json").unwrap();
    for text in [patient, &plan] {
        let document: Value = serde_json::from_str(text).unwrap();
        for spoilt in marked(&document) {
            is_silent(&spoilt.to_string(), &spoilt.to_string());
        }
        let schema = Schema::r4();
        let tree = read(text, schema).unwrap();
        let mut xml = String::new();
        fhir::write_xml(&tree, NodeId::ROOT, schema, Layout::Compact, &mut xml).unwrap();
        let ends = xml.match_indices(['<', '/', '>', '"', '=']);
        for (at, _) in ends {
            let spoilt = format!("{}{MARKER}{}", &xml[..=at], &xml[at + 1..]);
            is_silent(&spoilt, &spoilt);
            let spoilt = format!("{}{MARKER}{}", &xml[..at], &xml[at..]);
            is_silent(&spoilt, &spoilt);
        }
    }
}

/// Invariants that are not checked by their expressions.
const NATIVE: [&str; 7] = ["ele-1", "ext-1", "per-1", "ref-1", "dom-3", "txt-1", "txt-2"];

/// The native invariants that break, which must be those whose expressions do not hold.
#[track_caller]
fn check_native(inside: &str, expected: &[&str]) {
    let text = format!(r#"{{"resourceType":"Patient",{inside}}}"#);
    let tree = read(&text, Schema::r4()).unwrap();
    let is_native = |key: &String| NATIVE.contains(&key.as_str());
    let by_expression: BTreeSet<String> = invariants::broken(&tree).into_iter().filter(is_native).collect();
    let keys = report(&text)
        .issues
        .into_iter()
        .filter_map(|issue| issue.message.split_once(':').map(|(key, _)| key.to_owned()).filter(is_native));
    let native: BTreeSet<String> = keys.collect();
    assert_eq!(native.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{text}");
    assert_eq!(native, by_expression, "{text}");
}

#[test]
fn native_invariants_say_what_their_expressions_say() {
    let div = |div: &str| {
        format!(
            r#""text":{{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>{div}</div>"}}"#
        )
    };
    check_native(r#""active":true"#, &[]);
    check_native(r#""extension":[{"url":"http://a.org/x"}]"#, &["ext-1"]);
    check_native(r#""extension":[{"url":"http://a.org/x","valueCode":"a"}]"#, &[]);
    check_native(
        r#""extension":[{"url":"http://a.org/x","_valueCode":{"id":"a"},"extension":[{"url":"y"}]}]"#,
        &["ele-1", "ext-1"],
    );
    for (start, end, broken) in [
        ("2026", "2025", true),
        ("2026", "2026-01", false),
        ("2026-01-02", "2026-01-01T10:00:00Z", true),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z", false),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T07:00:00Z", true),
    ] {
        let period = format!(r#""name":[{{"text":"a","period":{{"start":"{start}","end":"{end}"}}}}]"#);
        check_native(&period, if broken { &["per-1"] } else { &[] });
    }
    let contained = r#""contained":[{"resourceType":"Organization","id":"o","name":"O"}]"#;
    check_native(contained, &["dom-3"]);
    check_native(&format!(r##"{contained},"managingOrganization":{{"reference":"#o"}}"##), &[]);
    check_native(
        &format!(r##"{contained},"managingOrganization":{{"reference":"#p"}}"##),
        &["dom-3", "ref-1"],
    );
    check_native(r##""managingOrganization":{"reference":"#"}"##, &[]);
    check_native(r#""managingOrganization":{"display":"x"}"#, &[]);
    let up = r##""contained":[{"resourceType":"Provenance","id":"p","target":[{"reference":"#"}],
        "recorded":"2026-01-01T10:00:00Z","agent":[{"who":{"display":"x"}}]}]"##;
    check_native(up, &[]);
    check_native(&div("<p>x</p>"), &[]);
}

#[test]
fn narratives_are_judged_as_html_checks_judges_them() {
    // The expressions of txt-1 and txt-2 are the same function, which says nothing of which of the two breaks.
    let check = |div: &str, expected: &[&str]| {
        let text = format!(
            r#"{{"resourceType":"Patient","text":{{"status":"generated","div":"<div xmlns='http://www.w3.org/1999/xhtml'>{div}</div>"}}}}"#
        );
        let broken = invariants::broken(&read(&text, Schema::r4()).unwrap());
        let issues = report(&text).issues;
        let keys: Vec<&str> =
            issues.iter().filter_map(|issue| issue.message.split_once(':')).map(|(key, _)| key).collect();
        let native: Vec<&str> = keys.into_iter().filter(|key| key.starts_with("txt-")).collect();
        assert_eq!(native, expected, "{div}");
        assert_eq!(!expected.is_empty(), broken.contains("txt-1"), "{div}");
    };
    check("<p>x &nbsp;</p>", &[]);
    check("<script>x</script>", &["txt-1"]);
    check("<p onclick='x'>x</p>", &["txt-1"]);
    check("<p>x", &["txt-1"]);
    check("<p> </p>", &["txt-2"]);
    check("<img src='a.png' alt='a'/>", &[]);
}

#[test]
fn deep_documents_are_validated() {
    let levels = 90;
    let open = r#"{"linkId":"x","type":"group","item":["#.repeat(levels);
    let text = format!(
        r#"{{"resourceType":"Questionnaire","status":"draft","item":[{open}{{"linkId":"y"}}{}]}}"#,
        "]}".repeat(levels)
    );
    let issues = report(&text).issues;
    assert!(issues.iter().any(|issue| issue.message.contains("`type`")), "{:?}", issues.len());
}

#[test]
fn references_in_a_circle_come_to_an_end() {
    let profile = r#"{"resourceType":"StructureDefinition","url":"http://a.org/linked","name":"linked",
        "kind":"resource","type":"Patient","abstract":false,"derivation":"constraint",
        "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[
        {"id":"Patient.link.other","path":"Patient.link.other",
        "type":[{"code":"Reference","targetProfile":["http://a.org/linked"]}]}]}}"#;
    let mut schema = Schema::r4().clone();
    schema.add_definition(profile).unwrap();
    let count = 40;
    let link = |to: usize| format!(r#"{{"other":{{"reference":"Patient/{to}"}},"type":"seealso"}}"#);
    let links = (0..count).map(link).collect::<Vec<_>>().join(",");
    let entry = |id: usize| {
        format!(
            r#"{{"fullUrl":"http://a.org/Patient/{id}","resource":{{"resourceType":"Patient","id":"{id}",
            "meta":{{"profile":["http://a.org/linked"]}},"link":[{links}]}}}}"#
        )
    };
    let entries = (0..count).map(entry).collect::<Vec<_>>().join(",");
    let text = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#);
    let tree = read(&text, &schema).unwrap();
    let report = Validator::new(&schema).validate(&tree, &Options::default());
    assert!(report.is_valid(), "{:?}", report.issues.first());
}

/// A response that asks as much of its questionnaire as a document of its size can.
#[test]
fn conditions_options_and_contained_questionnaires_come_to_an_end() {
    let count = 2_000;
    let options = (0..count).map(|n| format!(r#"{{"valueInteger":{n}}}"#)).collect::<Vec<_>>().join(",");
    let asking = |n: usize| {
        format!(
            r#"{{"linkId":"{n}","type":"string","enableWhen":[{{"question":"many","operator":"=","answerInteger":-1}}]}}"#
        )
    };
    let asking = (0..count).map(asking).collect::<Vec<_>>().join(",");
    let many = format!(r#"{{"linkId":"many","type":"choice","repeats":true,"answerOption":[{options}]}}"#);
    let questionnaire =
        format!(r#"{{"resourceType":"Questionnaire","id":"q","status":"active","item":[{many},{asking}]}}"#);
    let answers = (0..count).map(|n| format!(r#"{{"valueInteger":{n}}}"#)).collect::<Vec<_>>().join(",");
    let items = (0..count)
        .map(|n| format!(r#"{{"linkId":"{n}","answer":[{{"valueString":"x"}}]}}"#))
        .collect::<Vec<_>>()
        .join(",");
    let text = format!(
        r##"{{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q",
        "contained":[{questionnaire}],"item":[{{"linkId":"many","answer":[{answers}]}},{items}]}}"##
    );
    let report = report(&text);
    let is_disabled = |issue: &&sauma::diag::Issue| issue.code.id == "V366";
    assert!(report.issues.iter().filter(is_disabled).count() > 50);
    assert!(report.not_checked.keys().any(|open| open.subject == Subject::Condition));
}

#[test]
fn an_unknown_extension_is_an_error_only_where_that_is_asked_for() {
    let text = r#"{"resourceType":"Patient","extension":[{"url":"http://example.com/x","valueCode":"x"}]}"#;
    let validator = Validator::new(Schema::r4());
    assert!(errors_with(&validator, text, &[]).is_empty());
    let validator = validator.with_extensions(Extensions::Known);
    assert_eq!(errors_with(&validator, text, &[]), ["Patient.extension[0]"]);
}

#[test]
fn what_a_response_holds_is_not_told() {
    let questionnaire = r#"{"resourceType":"Questionnaire","id":"q","status":"active","item":[
        {"linkId":"a","type":"string","maxLength":1,"text":"t"},{"linkId":"b","type":"choice","answerOption":[{"valueString":"x"}]},
        {"linkId":"c","type":"integer"}]}"#;
    let text = format!(
        r##"{{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q","contained":[{questionnaire}],
        "item":[{{"linkId":"a","text":"Aino","answer":[{{"valueString":"Aino"}}]}},{{"linkId":"b","answer":[{{"valueString":"Aino"}}]}},
        {{"linkId":"c","answer":[{{"valueString":"Aino"}}]}},{{"linkId":"Aino"}}]}}"##
    );
    let issues = report(&text).issues;
    assert!(issues.iter().filter(|issue| issue.severity == Severity::Error).count() >= 5, "{issues:?}");
    assert!(issues.iter().all(|issue| !format!("{issue:?}").contains("Aino")), "{issues:?}");
}

proptest! {
    #[test]
    fn a_damaged_response_is_no_panic(at in 0_usize..6_000, with in "[ -~]{0,3}", length in 0_usize..6) {
        let folder = "tests/cases/validate/questionnaire-limits";
        let mut schema = Schema::r4().clone();
        let whole = fs::read_to_string(format!("{folder}/definition.json")).unwrap();
        let given = fs::read_to_string(format!("{folder}/input.json")).unwrap();
        for (is_form, text) in [(true, &whole), (false, &given)] {
            let start = at % text.len();
            let end = (start + length).min(text.len());
            let damaged = format!("{}{with}{}", text.get(..start).unwrap_or(""), text.get(end..).unwrap_or(""));
            let (form, response) = if is_form { (&damaged, &given) } else { (&whole, &damaged) };
            if schema.add_resource(form).is_ok() && let Ok(tree) = read(response, &schema) {
                Validator::new(&schema).validate(&tree, &Options::default());
            }
        }
    }

    #[test]
    fn a_damaged_document_is_no_panic(at in 0_usize..2_000, with in "[ -~]{0,3}", length in 0_usize..6) {
        let text = fs::read_to_string("tests/cases/validate/valid-care-plan/input.json").unwrap();
        let at = at % text.len();
        let end = (at + length).min(text.len());
        let damaged = format!("{}{with}{}", &text[..at], &text[end..]);
        if let Ok(tree) = read(&damaged, Schema::r4()) {
            Validator::new(Schema::r4()).validate(&tree, &Options::default());
        }
    }
}

/// However much else there is to say, an error is told.
#[test]
fn lesser_findings_hide_no_error() {
    let extension = r#"{"url":"http://example.org/x","valueCode":"x"}"#;
    let many = vec![extension; sauma::validate::ISSUES_MAX + 1].join(",");
    let text = format!(r#"{{"resourceType":"Patient","extension":[{many}],"birthDate":"2026-99-99"}}"#);
    assert_eq!(errors(&text, Schema::r4(), &[]), ["Patient.birthDate"]);
}

/// Whatever a document of a megabyte is made of, it is judged in the time that any document may take.
#[test]
fn hostile_documents_are_judged_in_time() {
    let many = |item: &str| vec![item; (1 << 20) / (item.len() + 1)].join(",");
    let patient =
        |name: &str, item: &str| format!(r#"{{"resourceType":"Patient","{name}":[{}]}}"#, many(item));
    let bundle =
        |item: &str| format!(r#"{{"resourceType":"Bundle","type":"document","entry":[{}]}}"#, many(item));
    let lost = r#"{"resourceType":"Basic","id":"a","text":{"div":"<div xmlns='http://www.w3.org/1999/xhtml'><a href='#x'>a</a></div>"}}"#;
    let definition = r#"{"resource":{"resourceType":"StructureDefinition","url":"http://a.org/x","type":"Patient","kind":"resource",
        "derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[{"path":"Patient.x"}]}}}"#;
    let narrative = |text: String| {
        format!(r#"{{"resourceType":"Patient","text":{{"status":"generated","div":"<div>{text}</div>"}}}}"#)
    };
    let documents = [
        ("unknown elements", patient("name", r#"{"x":1}"#)),
        ("relative systems", patient("identifier", r#"{"system":"a"}"#)),
        ("ids", patient("name", r#"{"id":"a b","text":"a"}"#)),
        ("contained ids", patient("contained", r#"{"resourceType":"Basic","id":"a"}"#)),
        ("lost links", patient("contained", lost)),
        ("references", patient("generalPractitioner", r#"{"reference":"a b"}"#)),
        ("extensions", patient("extension", r#"{"url":"a","valueString":"a"}"#)),
        ("full urls", bundle(r#"{"fullUrl":"a","resource":{"resourceType":"Basic","id":"a"}}"#)),
        ("definitions", bundle(definition)),
        ("signs", format!(r#"{{"resourceType":"Patient","name":[{{"text":"{}"}}]}}"#, "<a".repeat(1 << 19))),
        ("entities", narrative("&x;".repeat(300_000))),
        ("links", narrative("<a href='javascript:'/>".repeat(40_000))),
        ("names", narrative((0..60_000).map(|at| format!("<x{at}/>")).collect())),
    ];
    for (what, text) in documents {
        let started = cpu_time::ThreadTime::now();
        let found = errors(&text, Schema::r4(), &[]).len();
        let taken = started.elapsed();
        println!("{what}: {} kB, {found} errors, {taken:.1?}", text.len() >> 10);
        // Of the processor, which others may be using too: less than one is usual.
        assert!(taken < Duration::from_secs(10), "{what}: {taken:?}");
    }
}
