//! `sauma validate` as a user meets it.

use crate::cli::Folder;

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
