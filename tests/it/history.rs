//! The joined plan as it was on a day, what changed since, and how people and programs are told.

use crate::cli::Folder;
use crate::join::{bytes, fhir};
use sauma::plan::compare::{Change, ChangeKind, compare};
use sauma::plan::history::days;
use sauma::plan::join::SourceState;
use sauma::plan::{Contribution, Date, as_of, join};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::{env, fs};

/// A version of the plan of a unit, with the time that the unit gave it.
fn version(unit: &str, version: Option<u64>, time: Option<&str>, goals: &[(&str, &str)]) -> Contribution {
    let mut plan = json!({"resourceType":"CarePlan","id":"p","identifier":[{"system":"urn:p","value":unit}],"status":"active","intent":"plan","subject":{"reference":"Patient/c"},"meta":{}});
    if let Some(version) = version {
        plan["meta"]["versionId"] = json!(version.to_string());
    }
    if let Some(time) = time {
        plan["meta"]["lastUpdated"] = json!(time);
    }
    let client = json!({"resourceType":"Patient","id":"c","identifier":[{"system":"urn:oid:1.2.246.21","value":"140379-9128"}]});
    let goals = goals.iter().map(|(id, status)| json!({"resourceType":"Goal","id":id,"lifecycleStatus":status,"description":{"text":format!("Tavoite {id}")},"note":[{"text":"a"},{"text":status}]}));
    let entries: Vec<Value> =
        [plan, client].into_iter().chain(goals).map(|resource| json!({ "resource": resource })).collect();
    let bundle = json!({"resourceType":"Bundle","type":"collection","entry":entries});
    let label = format!("{unit} {version:?} {time:?}");
    fhir(&label, unit, &bundle.to_string())
}

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// The units and versions that count on a day.
fn check(inputs: &[Contribution], on: &str, expected: &[(&str, Option<u64>)]) {
    let joined = as_of(inputs, &[], day(on));
    let there = joined.sources.iter().filter(|source| source.state == SourceState::Joined);
    let there: Vec<(&str, Option<u64>)> =
        there.map(|source| (source.unit.as_str(), source.version)).collect();
    assert_eq!(there, expected, "{on}");
}

#[test]
fn a_version_counts_from_the_day_that_its_source_gave_it() {
    let inputs = [
        version("a", Some(2), Some("2025-05-01T00:30:00+03:00"), &[]),
        version("b", Some(1), Some("2025-03"), &[]),
        version("a", Some(1), Some("2025-01-15"), &[]),
    ];
    check(&inputs, "2025-01-14", &[]);
    check(&inputs, "2025-01-15", &[("a", Some(1))]);
    check(&inputs, "2025-03-01", &[("a", Some(1)), ("b", Some(1))]);
    // In London it was still April; the day is the one that the source wrote.
    check(&inputs, "2025-04-30", &[("a", Some(1)), ("b", Some(1))]);
    check(&inputs, "2025-05-01", &[("a", Some(2)), ("b", Some(1))]);
    let listed: Vec<String> = days(&inputs).iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["2025-01-15", "2025-03-01", "2025-05-01"]);
}

#[test]
fn a_version_without_a_day_is_no_older_than_those_counted_before_it() {
    let first = version("a", Some(1), Some("2025-01-15"), &[]);
    let undated = [version("b", None, None, &[]), version("a", Some(2), None, &[])];
    let inputs = [first, undated[0].clone(), undated[1].clone()];
    check(&inputs, "2025-01-14", &[("b", None)]);
    check(&inputs, "2025-01-15", &[("a", Some(2)), ("b", None)]);
    let told = as_of(&inputs, &[], day("2025-01-14"));
    let told: Vec<&str> =
        told.issues.iter().filter(|issue| issue.code.id == "P422").map(|issue| issue.path.as_str()).collect();
    assert_eq!(told, [inputs[1].label.as_str()]);
}

#[test]
fn a_day_is_a_day_of_the_calendar() {
    for odd in
        ["", "2025", "2025-13-01", "2025-02-30", "2025-1-1", "20250101", "2025-01-01T10:00:00Z", "eilen ei!!"]
    {
        assert_eq!(Date::parse(odd), None, "{odd}");
    }
    assert_eq!(Date::first_of("2025-05-01T00:30:00+03:00"), Date::new(2025, 5, 1));
    assert_eq!(Date::first_of("2025"), Date::new(2025, 1, 1));
    assert_eq!(Date::first_of("2025-0"), None);
}

#[test]
fn changes_are_elements_with_their_sources() {
    let old = version("a", Some(1), Some("2025-01-01"), &[("1", "active"), ("2", "active"), ("3", "active")]);
    let new =
        version("a", Some(2), Some("2025-02-01"), &[("1", "on-hold"), ("2", "active"), ("4", "active")]);
    let other = version("b", Some(1), Some("2025-01-01"), &[("1", "active")]);
    let inputs = [old, new, other];
    let (before, after) = (as_of(&inputs, &[], day("2025-01-01")), join(&inputs, &[]));
    let changes = compare(&before, &after);
    let goals: Vec<&Change> = changes.iter().filter(|change| change.target.starts_with("Goal/")).collect();
    let mut said: Vec<(ChangeKind, &str)> =
        goals.iter().map(|change| (change.kind, change.element.as_str())).collect();
    said.sort();
    let expected = [
        (ChangeKind::Added, ""),
        (ChangeKind::Removed, ""),
        (ChangeKind::Changed, "Goal.lifecycleStatus"),
        (ChangeKind::Changed, "Goal.note.text"),
    ];
    assert_eq!(said, expected);
    for change in goals {
        let version = if change.kind == ChangeKind::Removed { "1" } else { "2" };
        let tellers: Vec<(&str, Option<&str>)> =
            change.sources.iter().map(|teller| (teller.unit.as_str(), teller.version.as_deref())).collect();
        assert_eq!(tellers, [("a", Some(version))]);
    }
    assert!(compare(&after, &as_of(&inputs, &[], day("2026-01-01"))).is_empty());
    assert_eq!(bytes(&after), bytes(&as_of(&inputs, &[], day("2026-01-01"))));
}

/// What is printed is what the file holds; `UPDATE=1` writes it.
fn check_golden(name: &str, printed: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/changes").join(name);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, printed).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), printed, "{name}");
}

#[test]
fn people_and_programs_are_told_what_has_changed() {
    let folder = Folder::new("changes");
    let cases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mappings/social-client-plan/cases");
    for (file, case) in [("old.json", "full"), ("new.json", "later-version")] {
        folder.file(file, fs::read(cases.join(case).join("input.json")).unwrap());
    }
    let days = ["--from", "2025-03-14", "--to", "2025-09-12"];
    for language in ["fi", "sv", "en"] {
        let ran = folder.run(&[&["diff", "old.json", "new.json", "--lang", language], &days[..]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        check_golden(&format!("social-client-plan.{language}.txt"), &ran.out);
    }
    let ran = folder.run(&[&["diff", "old.json", "new.json", "--format", "json"], &days[..]].concat());
    check_golden("social-client-plan.json", &ran.out);
    assert!(!ran.out.contains("140379-9128"), "codes are masked");

    // The same of two plans that were written.
    let join = |day: &str, out: &str| {
        let ran =
            folder.run(&["join", "old.json", "new.json", "--as-of", day, "--format", "json", "-o", out]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    };
    join("2025-03-14", "march.json");
    join("2025-09-12", "september.json");
    let written = folder.run(&["diff", "march.json", "september.json", "--format", "json"]);
    assert_eq!((written.code, &written.out), (0, &ran.out), "{}", written.err);
    let none = folder.run(&["diff", "march.json", "march.json", "--lang", "sv"]);
    assert_eq!((none.code, none.out.as_str()), (0, "Vad har ändrats\n  Ingenting har ändrats\n"));
}

#[test]
fn what_cannot_be_compared_is_a_fault_of_usage() {
    let folder = Folder::new("changes-usage");
    folder.file("no.json", r#"{"resourceType":"Bundle","type":"collection"}"#);
    for arguments in [
        &["diff", "no.json"][..],
        &["diff", "no.json", "no.json"],
        &["diff", "no.json", "--from", "2025-02-30", "--to", "2025-03-01"],
        &["diff", "no.json", "--from", "2025-02-01"],
        &["join", "no.json", "--client-of", "other.json"],
    ] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
    }
}
