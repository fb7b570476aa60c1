//! `sauma path` as a user meets it.

use std::process::Command;

/// Runs the command on the documents of the cases; gives exit code, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sauma"));
    let output = command.arg("path").args(arguments).current_dir("tests/cases/fhirpath").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn check(arguments: &[&str], code: i32, out: &str, err: &str) {
    assert_eq!(run(arguments), (code, out.to_owned(), err.to_owned()), "{arguments:?}");
}

#[test]
fn a_result_stands_one_item_a_line() {
    check(&["entry.resource.ofType(Patient).name.given", "plan.json"], 0, "Aino\nMaria\n", "");
    check(&["entry.resource.ofType(CarePlan).goal.first()", "plan.json"], 0, "{\"reference\":\"#g1\"}\n", "");
    check(&["entry.count()", "plan.json", "plan.json"], 0, "plan.json: 3\nplan.json: 3\n", "");
}

#[test]
fn decimals_keep_their_text_in_json() {
    let out = "{\"file\":\"plan.json\",\"result\":[\
        {\"path\":\"Bundle.entry[0].resource.extension[0].valueDecimal\",\"type\":\"FHIR.decimal\",\"value\":1.50},\
        {\"type\":\"System.Boolean\",\"value\":true}]}\n";
    let expression = "entry.resource.ofType(CarePlan).extension.value | (1.0 / 3.0 > 0.3)";
    check(&[expression, "plan.json", "--format", "json"], 0, out, "");
}

#[test]
fn a_fault_is_shown_in_the_expression() {
    let (code, out, err) = run(&["entry.resource.ofType(Patient).name.givn", "plan.json"]);
    let wanted = "error[M262]: FHIR.HumanName has no element `givn`\n --> expression:1:37\n  |\n1 | \
                  entry.resource.ofType(Patient).name.givn\n  |                                     ^^^^\n  \
                  = means: no such element or type\n  = help: did you mean `given`?\n\n";
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", wanted));
    let (code, _, err) = run(&["entry.frst()", "plan.json"]);
    assert!(code == 1 && err.contains("did you mean `first`?"), "{err}");
    let (code, _, err) = run(&["1 +", "plan.json"]);
    assert!(code == 1 && err.contains("error[M261]"), "{err}");
    check(&["entry.resource.ofType(Patient).name.givn", "plan.json", "--lenient"], 0, "", "");
}

#[test]
fn types_are_shown_without_a_document() {
    check(&["name.given", "--on", "Patient", "--type"], 0, "FHIR.string *\n", "");
    check(&["name.given.count() > 1", "--on", "Patient", "--type"], 0, "System.Boolean\n", "");
    let (code, out, _) = run(&["name.given.first()", "--on", "Patient", "--explain"]);
    let wanted = "function first()  FHIR.string\n  path given      FHIR.string *\n    path name     FHIR.HumanName *\n";
    assert_eq!((code, out.as_str()), (0, wanted));
}

#[test]
fn an_expression_may_begin_with_a_sign() {
    check(&["-5 div 2", "plan.json"], 0, "-2\n", "");
    check(&["-(entry.count())", "plan.json"], 0, "-3\n", "");
    check(&["--type", "-1.5"], 0, "System.Decimal\n", "");
}

#[test]
fn where_nothing_was_asked_the_exit_code_is_4() {
    let folder = std::env::temp_dir().join(format!("sauma-path-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let named = folder.to_str().unwrap();
    let note = "there is no document in what was named\n";
    check(&["id", named], 4, "", note);
    check(&["id", named, "--quiet"], 4, "", "");
    check(&["id", named, "--format", "json"], 4, "", note);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_went_wrong_on_a_document_says_what_to_do() {
    let advised = |expression: &str, expected: &str| {
        let (code, out, err) = run(&[expression, "plan.json"]);
        assert_eq!((code, out.as_str()), (1, ""), "{expression}: {err}");
        assert!(err.contains("M266") && err.contains(&format!("help: {expected}")), "{expression}: {err}");
    };
    advised("entry.resource.ofType(Patient).name.given.startsWith('A')", "choose one with `first()`");
    advised("(1 | 'a').sort()", "convert one side to the type of the other");
    advised("entry.resource.ofType(Patient).birthDate + 1 'mg'", "use a unit of time");
    advised("'a'.matches(type & '(')", "correct the expression");
    advised("'x'.encode('rot13')", "give an argument that the function takes");
}
