//! `sauma coverage`: every requirement of our profiles is tested, or it is written down why it cannot be. And `sauma
//! explain` of the rules of our profiles.

use crate::cli::{Folder, Ran};
use sauma::guide::{own_examples, own_rules};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");

const PROFILE: &str = r#"{"resourceType":"StructureDefinition","id":"a-goal","url":"http://a.example/a-goal",
"name":"AGoal","status":"draft","kind":"resource","abstract":false,"type":"Goal","derivation":"constraint",
"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Goal","differential":{"element":[
{"id":"Goal","path":"Goal","constraint":[
 {"key":"a-1","severity":"error","human":"not alone","expression":"note.exists()"},
 {"key":"a-2","severity":"warning","human":"better so","expression":"addresses.exists()"}]},
{"id":"Goal.subject","path":"Goal.subject","min":1},
{"id":"Goal.category","path":"Goal.category","min":1,"max":"1"},
{"id":"Goal.lifecycleStatus","path":"Goal.lifecycleStatus","patternCode":"active"}]}}"#;

const GOOD: &str = r#"{"resourceType":"Goal","meta":{"profile":["http://a.example/a-goal"]},"lifecycleStatus":"active",
"category":[{"text":"a"}],"description":{"text":"a"},"subject":{"reference":"Patient/a"},"note":[{"text":"a"}]}"#;

const INDEX: &str = r#"
[[example]]
file = "good.json"
profile = "a-goal"
[[example]]
file = "draft.json"
profile = "a-goal"
code = "V322"
path = "Goal.lifecycleStatus"
[[example]]
file = "alone.json"
profile = "a-goal"
code = "V320"
rule = "a-1"
path = "Goal"
"#;

/// A package with one profile, three of whose four requirements are shown or explained.
fn package(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder
        .file("guide/package.json", r#"{"name":"a.guide","version":"1.0.0"}"#)
        .file("guide/a-goal.json", PROFILE)
        .file("guide/examples/index.toml", INDEX)
        .file("guide/examples/good.json", GOOD)
        .file("guide/examples/draft.json", GOOD.replace("\"active\"", "\"planned\""))
        .file("guide/examples/alone.json", GOOD.replace(r#","note":[{"text":"a"}]"#, ""));
    folder
}

fn coverage(folder: &Folder, arguments: &[&str]) -> Ran {
    folder.run(&[&["coverage", "guide"], arguments].concat())
}

const REASON: &str =
    "[[not-testable]]\nrequirement = '*#Goal.category m*'\nreason = 'an example of the test'\n";

#[test]
fn everything_that_our_profiles_demand_is_tested_or_explained() {
    let ran = Folder::new("coverage-own").run(&["coverage", OWN, "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let rows = report["requirements"].as_array().unwrap();
    let open: Vec<&Value> = rows.iter().filter(|row| row["state"] == "not-tested").collect();
    assert!(open.is_empty(), "give a bad example or a reason: {open:#?}");
    assert_eq!(report["faults"], serde_json::json!([]));
    assert_eq!((ran.code, rows.is_empty()), (0, false), "{}", ran.err);
    // What is demanded of profiles can be shown; only extensions have what R4 forbids already.
    let explained = rows.iter().filter(|row| row["state"] == "not-testable");
    let mut ours = explained.filter(|row| !row["element"].as_str().unwrap().starts_with("Extension"));
    assert!(ours.all(|row| row["element"].as_str().unwrap().contains("component:")));
}

#[test]
fn what_is_not_tested_fails() {
    let folder = package("coverage-untested");
    let ran = coverage(&folder, &[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    for line in [
        "a-goal: 2 tested, 0 not testable, 2 not tested\n",
        "not tested a-goal#Goal.category min (at least 1)\n",
        "not tested a-goal#Goal.category max (at most 1)\n",
        "a.guide 1.0.0: 4 requirements: 2 tested, 0 not testable, 2 not tested\n",
    ] {
        assert!(ran.out.contains(line), "{line}{}", ran.out);
    }
    assert_eq!(coverage(&folder, &["--fail-on", "faults"]).code, 0);
    folder.file("guide/examples/not-testable.toml", REASON);
    assert_eq!(coverage(&folder, &[]).code, 0);
}

#[test]
fn reports_list_each_requirement() {
    let folder = package("coverage-reports");
    folder.file("guide/examples/not-testable.toml", REASON);
    let ran = coverage(&folder, &["--quiet", "--report", "csv=a.csv", "--report", "json=a.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let table = folder.read("a.csv");
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows[0], "requirement,definition,element,demand,text,state,examples,reason");
    assert_eq!(rows[1], "a-goal#a-1,a-goal,Goal,constraint,not alone,tested,alone.json,");
    assert_eq!(
        rows[2],
        "a-goal#Goal.category min,a-goal,Goal.category,min,at least 1,not-testable,,an example of the test"
    );
    let report: Value = serde_json::from_str(&folder.read("a.json")).unwrap();
    assert_eq!(report["form"], "sauma-coverage-1");
    assert_eq!(report["package"], "a.guide 1.0.0");
    assert_eq!(report["summary"]["not_testable"], 2);
    assert_eq!(report["requirements"][3]["examples"][0], "draft.json");
    assert_eq!(coverage(&folder, &["--report", "pdf=a"]).code, 2);
}

/// The index does not count, what the validator finds does.
#[test]
fn an_example_that_is_not_what_the_index_says_is_a_fault() {
    let check = |name: &str, file: &str, text: &str, expected: &str| {
        let folder = package(&format!("coverage-fault-{name}"));
        folder.file("guide/examples/not-testable.toml", REASON);
        folder.file(&format!("guide/examples/{file}"), text);
        let ran = coverage(&folder, &["--fail-on", "faults"]);
        assert_eq!(ran.code, 1, "{name}: {}", ran.out);
        assert!(ran.out.contains(expected), "{name}: {}", ran.out);
    };
    check("mended", "draft.json", GOOD, "fault draft.json: it has no error\n");
    check("broken", "draft.json", "{", "fault draft.json: it cannot be read\n");
    let two = GOOD.replace("active", "planned").replace("\"note\"", "\"noted\"");
    check("two", "draft.json", &two, "fault draft.json: it has more than one error\n");
    let other = GOOD.replace(r#""category":[{"text":"a"}],"#, "");
    check("other", "draft.json", &other, "fault draft.json: it has another error than the one");
    check("good", "good.json", &other, "fault good.json: it has an error\n");
    let idle = format!("{REASON}[[not-testable]]\nrequirement = 'a-goal#a-1'\nreason = 'an example'\n");
    check("idle", "not-testable.toml", &idle, "fault not-testable `a-goal#a-1` explains nothing\n");
    let more = format!("{INDEX}[[example]]\nfile = \"gone.json\"\nprofile = \"a-goal\"\n");
    check("gone", "index.toml", &more, "fault gone.json: it is not there\n");
}

#[test]
fn a_folder_without_requirements_was_not_tested() {
    let folder = Folder::new("coverage-none");
    let list = r#"{"resourceType":"CodeSystem","id":"a","url":"http://a.example/a","status":"draft","content":"complete"}"#;
    folder.file("guide/a.json", list);
    assert_eq!(coverage(&folder, &[]).code, 4);
    assert_eq!(folder.run(&["coverage", "nowhere"]).code, 2);
    folder.file("guide/examples/not-testable.toml", "[[not-testable]]\nrequirement = 'a'\nreason = '-'\n");
    let ran = coverage(&folder, &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("the reason of `a` has fewer than 10 letters"), "{}", ran.err);
}

#[test]
fn a_rule_of_our_profiles_is_explained() {
    let folder = Folder::new("explain-rule");
    let ran = folder.run(&["explain", "sauma-go-2", "--lang", "en"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in [
        "sauma-go-2: A goal that is only proposed has not been achieved\n",
        "  = fi: ",
        "  = sv: ",
        "  = profile: https://w3id.org/sauma/fhir/StructureDefinition/sauma-goal (Goal)\n",
        "  = FHIRPath: ",
        "  = bad example: profiles/examples/bad/goal-proposed-and-achieved.json\n",
        "  = good example: profiles/examples/good/goal-choir.json\n",
    ] {
        assert!(ran.out.contains(line), "{line}{}", ran.out);
    }
    // As a finding names it.
    let url = "https://w3id.org/sauma/fhir/StructureDefinition/sauma-goal#sauma-go-2";
    let ran = folder.run(&["explain", url, "--format", "json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((told["rule"].as_str(), told["severity"].as_str()), (Some("sauma-go-2"), Some("error")));
    for language in ["fi", "sv", "en"] {
        assert!(told["texts"][language].as_str().is_some_and(|text| !text.is_empty()), "{language}");
    }
    assert!(folder.run(&["explain", "sauma-pl-2", "--lang", "sv"]).out.starts_with("sauma-pl-2 (varning): "));
    let ran = folder.run(&["explain", "sauma-plx-2"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("did you mean `sauma-pl-2`?"), "{}", ran.err);
}

#[test]
fn a_code_is_explained_with_examples() {
    let ran = Folder::new("explain-code-examples").run(&["explain", "V352", "--lang", "en"]);
    assert!(ran.out.contains("bad example: profiles/examples/bad/"), "{}", ran.out);
    assert!(ran.out.contains("good example: profiles/examples/good/"), "{}", ran.out);
}

/// Keys are told apart, and what the program embeds is what stands in the folder.
#[test]
fn rules_have_keys_of_their_own() {
    let rules = own_rules();
    let keys: BTreeSet<&str> = rules.iter().map(|rule| rule.key.as_str()).collect();
    assert_eq!((keys.len(), rules.is_empty()), (rules.len(), false));
    let index = fs::read_to_string(format!("{OWN}/examples/index.toml")).unwrap();
    assert_eq!(own_examples().len(), index.matches("[[example]]").count());
}
