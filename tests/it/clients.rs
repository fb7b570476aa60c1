//! Whose plan it is: two clients are never mixed, and what sources say of one person differently is never hidden.

use crate::cli::Folder;
use sauma::mapping::units::schema;
use sauma::plan::text::{IdentityCode, Language, render, to_text};
use sauma::plan::{Contribution, Decision, FindingKind, Joined, join, several_clients};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, fhir};
use std::collections::BTreeSet;

const AINO: &str = "140379-9128";
const BERTTA: &str = "290200A961A";

/// Entries in short: `plan id patient -> refs`, `goal id patient text`, `patient id code name birth`, raw JSON.
fn bundle(lines: &[&str]) -> String {
    let entries: Vec<String> = lines.iter().map(|line| entry(line)).collect();
    format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","))
}

fn entry(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let resource = match words[..] {
        ["plan", id, patient, ref refs @ ..] => {
            let refs =
                refs.iter().map(|to| format!(r#"{{"reference":"{to}"}}"#)).collect::<Vec<_>>().join(",");
            let goals =
                if refs.is_empty() { String::new() } else { format!(r#","supportingInfo":[{refs}]"#) };
            format!(
                r#"{{"resourceType":"CarePlan","id":"{id}","identifier":[{{"system":"urn:p","value":"{id}"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/{patient}"}}{goals}}}"#
            )
        }
        ["goal", id, patient, text] => format!(
            r#"{{"resourceType":"Goal","id":"{id}","lifecycleStatus":"active","description":{{"text":"{text}"}},"subject":{{"reference":"Patient/{patient}"}}}}"#
        ),
        ["patient", id, code, name, birth] => {
            let (family, given) = name.split_once('.').unwrap();
            let birth = if birth == "-" { String::new() } else { format!(r#","birthDate":"{birth}""#) };
            format!(
                r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"system":"urn:oid:1.2.246.21","value":"{code}"}}],"name":[{{"family":"{family}","given":["{given}"]}}]{birth}}}"#
            )
        }
        _ => line.to_owned(),
    };
    format!(r#"{{"resource":{resource}}}"#)
}

fn contribution(label: &str, lines: &[&str]) -> Contribution {
    Contribution::new(label, "unit", fhir::read_json(&bundle(lines), schema().names()).unwrap())
}

fn same(labels: &[&str]) -> [Decision; 1] {
    [Decision::same_client(labels.iter().map(|label| (*label).to_owned()).collect())]
}

fn json(joined: &Joined) -> String {
    to_string(&joined.bundle, Layout::Compact)
}

fn page(joined: &Joined) -> String {
    to_text(&render(joined, Language::En, IdentityCode::Masked))
}

/// The elements of the conflicts, and all that is said about each.
fn conflicts(joined: &Joined) -> Vec<(String, BTreeSet<String>)> {
    let found = joined.findings.iter().filter(|finding| finding.kind == FindingKind::Conflict);
    found
        .map(|finding| {
            (finding.element.clone(), finding.sides.iter().map(|side| side.value.clone()).collect())
        })
        .collect()
}

/// What a document of several clients becomes: for each part the texts of its goals, or the code of the refusal.
fn check_parts(lines: &[&str], refused: bool) -> Joined {
    let input = contribution("doc", lines);
    let joined = join(std::slice::from_ref(&input), &[]);
    assert_eq!(joined.is_refused(), refused, "{:?}", joined.issues);
    assert_eq!(joined.issues.iter().any(|issue| issue.code.id == "P403"), refused);
    let warned = several_clients(&input.bundle);
    assert_eq!(warned.is_some(), refused);
    joined
}

const TWO: &[&str] = &[
    "plan p1 a Goal/g1 Organization/o",
    "patient a 140379-9128 Testikoivu.Aino -",
    "goal g1 a Kävely",
    "plan p2 b Goal/g2 Organization/o",
    "patient b 290200A961A Testi.Bertta -",
    "goal g2 b Kuoro",
    "goal g3 b Velat",
    r#"{"resourceType":"Organization","id":"o","name":"Talo"}"#,
    r#"{"resourceType":"Organization","id":"n","name":"Kenenkään"}"#,
];

#[test]
fn plans_of_two_clients_in_one_document_are_not_one() {
    let joined = check_parts(TWO, true);
    let issue = joined.issues.iter().find(|issue| issue.code.id == "P403").unwrap();
    let places = "doc: Bundle.entry[0].resource.subject, doc: Bundle.entry[3].resource.subject";
    assert_eq!(issue.path, places);
    assert!(!json(&joined).contains("Kuoro") && !json(&joined).contains("Kävely"));
}

#[test]
fn a_decision_joins_both_parts_and_loses_nothing() {
    let input = contribution("doc", TWO);
    let joined = join(std::slice::from_ref(&input), &same(&["doc"]));
    assert!(!joined.is_refused());
    let made = json(&joined);
    for said in ["Kävely", "Kuoro", "Velat", "Talo", "Kenenkään"] {
        assert_eq!(made.matches(&format!("\"{said}\"")).count(), 1, "{said}");
    }
    // Of each resource of the document it is known where it stands, and what both share is one.
    let known: BTreeSet<NodeId> = joined.lineage.iter().map(|line| line.node).collect();
    assert_eq!(known.len(), TWO.len());
}

#[test]
fn parts_join_in_any_order_and_copies_do_not_matter() {
    let third =
        contribution("c", &["plan p3 a Goal/g", "goal g a Uni", "patient a 140379-9128 Testikoivu.Aino -"]);
    let (doc, copy) = (contribution("doc", TWO), contribution("copy", TWO));
    for decision in [&same(&["doc", "c"])[..], &[]] {
        let once = join(&[third.clone(), doc.clone()], decision);
        assert_eq!(once.is_refused(), decision.is_empty());
        let orders = [vec![doc.clone(), third.clone()], vec![doc.clone(), third.clone(), doc.clone()]];
        for inputs in orders {
            let again = join(&inputs, decision);
            assert_eq!((json(&once), &once.issues), (json(&again), &again.issues));
        }
    }
    let decision = same(&["doc", "copy", "c"]);
    let inputs = [copy, third, doc];
    let reversed: Vec<Contribution> = inputs.iter().rev().cloned().collect();
    assert_eq!(json(&join(&inputs, &decision)), json(&join(&reversed, &decision)));
}

#[test]
fn a_document_about_one_client_stays_whole() {
    let two_plans =
        ["plan p1 a", "plan p2 a Goal/g", "goal g a Kuoro", "patient a 140379-9128 Testikoivu.Aino -"];
    assert_eq!(check_parts(&two_plans, false).sources.len(), 1);
    // Two resources for one person are one client.
    let copies = [
        "plan p1 a",
        "plan p2 b",
        "patient a 140379-9128 Testikoivu.Aino -",
        "patient b 140379-9128 Testikoivu.Aino -",
    ];
    let joined = check_parts(&copies, false);
    assert_eq!((joined.sources.len(), json(&joined).matches(r#""resourceType":"Patient""#).count()), (2, 1));
    // A plan without a client belongs with the only one.
    let nameless = ["plan p1 a", r#"{"resourceType":"CarePlan","id":"p2"}"#, "patient a 140379-9128 T.A -"];
    assert_eq!(check_parts(&nameless, false).sources.len(), 1);
}

#[test]
fn a_plan_for_a_family_is_one_plan() {
    let family = [
        r#"{"resourceType":"CarePlan","id":"p","extension":[{"url":"https://w3id.org/sauma/fhir/StructureDefinition/co-subject","valueReference":{"reference":"Patient/b"}}],"subject":{"reference":"Patient/a"},"goal":[{"reference":"Goal/g"}]}"#,
        "patient a 140379-9128 Testikoivu.Aino -",
        "patient b 290200A961A Testikoivu.Bertta -",
        "goal g b Kuoro",
    ];
    assert_eq!(conflicts(&check_parts(&family, false)), []);
}

#[test]
fn more_clients_than_are_told_apart_are_refused_too() {
    let mut lines = Vec::new();
    for at in 0..70 {
        lines.push(format!("plan p{at} a{at}"));
        lines.push(format!("patient a{at} {AINO} T.A -"));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check_parts(&lines, true);
}

#[test]
fn what_a_plan_says_about_another_person_is_a_conflict() {
    let plan = "plan p a Goal/g";
    let aino = "patient a 140379-9128 Testikoivu.Aino -";
    let names = |other: &str| BTreeSet::from(["Aino Testikoivu".to_owned(), other.to_owned()]);
    let check = |lines: &[&str], expected: &[(&str, &str)]| {
        let joined = join(&[contribution("doc", lines)], &[]);
        let expected: Vec<_> =
            expected.iter().map(|(element, other)| ((*element).to_owned(), names(other))).collect();
        assert_eq!(conflicts(&joined), expected);
        assert_eq!(page(&joined).contains("Conflict"), !expected.is_empty());
    };
    check(&[plan, aino, "goal g a Kuoro"], &[]);
    let bertta = "patient b 290200A961A Testi.Bertta -";
    check(&[plan, aino, bertta, "goal g b Kuoro"], &[("Goal.subject", "Bertta Testi")]);
    check(&[plan, aino, "goal g zz Kuoro"], &[("Goal.subject", "Patient/zz")]);
    let task = r#"{"resourceType":"Task","id":"t","status":"draft","intent":"plan","for":{"reference":"Patient/b"}}"#;
    check(&[plan, aino, bertta, task], &[("Task.for", "Bertta Testi")]);
    // The same patient by the address on another server.
    let far = r#"{"resourceType":"Task","id":"t","status":"draft","intent":"plan","for":{"reference":"https://x/fhir/Patient/a/_history/2"}}"#;
    check(&[plan, aino, far], &[]);
}

#[test]
fn a_decision_against_the_facts_is_obeyed_and_shown() {
    let a = contribution("a", &["plan p1 a", "patient a 140379-9128 Testikoivu.Aino 1979-03-14"]);
    let b = contribution("b", &["plan p2 a", "patient a 290200A961A Testi.Bertta -"]);
    let joined = join(&[a, b], &same(&["a", "b"]));
    let found: Vec<(String, BTreeSet<String>)> = conflicts(&joined);
    let said = |values: [&str; 2]| values.map(str::to_owned).into();
    let expected: [(String, BTreeSet<String>); 3] = [
        ("Patient.birthDate".to_owned(), said(["1979-03-14", "2000-02-29"])),
        ("Patient.identifier.value".to_owned(), said([AINO, BERTTA])),
        ("Patient.name".to_owned(), said(["Aino Testikoivu", "Bertta Testi"])),
    ];
    assert_eq!(found, expected);
    // Neither code nor day stands for the client; the findings hold both.
    assert!(!page(&joined).contains("born"), "{}", page(&joined));
    let made = json(&joined);
    assert!(!made.contains(r#""birthDate":"#) && !made.contains(&format!(r#""value":"{AINO}""#)));
    assert!([AINO, BERTTA, "1979-03-14"].iter().all(|said| made.contains(&format!(r#""text":"{said}""#))));
}

#[test]
fn a_code_that_fails_its_check_is_told_and_tells_no_birth() {
    let joined = join(&[contribution("a", &["plan p a", "patient a 131052-308A Testi.Bertta -"])], &[]);
    let issue = joined.issues.iter().find(|issue| issue.code.id == "P402").unwrap();
    assert_eq!(issue.path, "a: Bundle.entry[1].resource.identifier[0].value");
    assert!(issue.severity < sauma::diag::Severity::Error);
    let page = page(&joined);
    assert!(page.contains("P402") && !page.contains("1952"), "{page}");
}

#[test]
fn another_family_name_needs_the_evidence_of_a_change() {
    let named = |name: &str| {
        format!(
            r#"{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"{AINO}"}}],"name":[{name}]}}"#
        )
    };
    let check = |name: &str, joins: bool| {
        let before = contribution("a", &["plan p1 a", "patient a 140379-9128 Testikoivu.Aino -"]);
        let joined = join(&[before, contribution("b", &["plan p2 a", &named(name)])], &[]);
        assert_eq!(!joined.is_refused(), joins, "{name}");
    };
    check(r#"{"family":"Mänty","given":["Aino"]}"#, false);
    check(r#"{"family":"Mänty","given":["Aino"]},{"use":"maiden","family":"Testikoivu"}"#, true);
    check(r#"{"family":"Mänty","given":["Aino"],"period":{"start":"2025-06-01"}}"#, true);
    check(r#"{"family":"Mänty","given":["Bertta"],"period":{"start":"2025-06-01"}}"#, false);
}

/// A client who must not be found; every place that would tell where she lives has the word `Salatie` or `5551234`.
const PROTECTED: &[&str] = &[
    "plan p a RelatedPerson/r RelatedPerson/s Location/l Organization/o",
    r#"{"resourceType":"Patient","id":"a","meta":{"security":[{"code":"TURVAKIELTO"}]},"identifier":[{"system":"urn:oid:1.2.246.21","value":"140379-9128"}],"extension":[{"url":"https://hl7.fi/fhir/finnish-base-profiles/StructureDefinition/municipality-code","valueCoding":{"code":"999","display":"Salakunta"}}],"telecom":[{"value":"040 555 1234"}],"address":[{"line":["Salatie 1"],"city":"Salakunta"}],"contact":[{"name":{"text":"Sisar"},"telecom":[{"value":"050 9"}],"address":{"city":"Salakunta"}}]}"#,
    r#"{"resourceType":"RelatedPerson","id":"r","name":[{"text":"Veli"}],"patient":{"reference":"Patient/a"},"telecom":[{"value":"+358 40 5551234"},{"value":"050 7654321"}],"address":[{"line":["SALATIE 1"]}]}"#,
    r#"{"resourceType":"RelatedPerson","id":"s","name":[{"text":"Täti"}],"patient":{"reference":"Patient/a"},"address":[{"city":"Salakunta"}]}"#,
    r#"{"resourceType":"Location","id":"l","name":"Kotikäynti","address":{"line":["Salatie 1"],"city":"Muu"}}"#,
    r#"{"resourceType":"Organization","id":"o","name":"Asema","address":[{"line":["Torikatu 2"],"city":"Salakunta"}]}"#,
    r#"{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"Soitto 040-555 1234, sitten Salatie 1."},"subject":{"reference":"Patient/a"}}"#,
];

#[test]
fn where_a_protected_client_lives_stands_nowhere() {
    let other = contribution("b", &["plan q a", "goal g a Kävely", "patient a 140379-9128 T.A -"]);
    for inputs in [vec![contribution("a", PROTECTED)], vec![other, contribution("a", PROTECTED)]] {
        let joined = join(&inputs, &[]);
        let made = json(&joined);
        for hidden in ["Salatie", "SALATIE", "555 1234", "5551234", "050 9"] {
            assert!(!made.contains(hidden) && !page(&joined).contains(hidden), "{hidden}: {made}");
        }
        // The service's own address stays; it tells nothing of the client's home.
        assert_eq!(made.matches("Salakunta").count(), 1);
        let kept = ["Sisar", "Veli", "Täti", "050 7654321", "Torikatu 2", "Kotikäynti", "sitten •••."];
        assert!(kept.iter().all(|kept| made.contains(kept)), "{made}");
    }
}

const CCDA: &str = include_str!("../../mappings/ccda-care-plan/cases/care-plan-full/input.xml");

#[test]
fn a_second_patient_of_a_clinical_document_is_told_and_refused() {
    let start = CCDA.find("<recordTarget").unwrap();
    let end = CCDA.find("</recordTarget>").unwrap() + "</recordTarget>".len();
    let first = &CCDA[start..end];
    let doubled = |second: &str| format!("{}{second}{}", &CCDA[..end], &CCDA[end..]);
    let other = first.replace("extension=\"", "extension=\"9");
    assert_ne!(first, other);
    let folder = Folder::new("record-targets");
    folder.file("two.xml", doubled(&other)).file("same.xml", doubled(first));
    for arguments in [&["translate", "two.xml", "--to", "fhir"][..], &["explain", "two.xml"]] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("warning[P403]: ") && ran.err.contains("--> two.xml:"), "{}", ran.err);
    }
    let ran = folder.run(&["join", "two.xml"]);
    assert!(ran.code == 1 && ran.out.is_empty() && ran.err.contains("error[P403]: `two.xml`"), "{}", ran.err);
    assert_eq!(folder.run(&["join", "two.xml", "--same-client", "two.xml"]).code, 0);
    // The same patient as another organisation knows the person.
    let ran = folder.run(&["join", "same.xml"]);
    assert!(ran.code == 0 && !ran.err.contains("P403"), "{}", ran.err);
}

#[test]
fn the_command_points_at_codes_and_clients_and_masks_them() {
    let folder = Folder::new("whose");
    folder.file("two.json", bundle(TWO));
    folder.file("bad.json", bundle(&["plan p a", "patient a 131052-308A Testi.Bertta -"]));
    let ran = folder.run(&["join", "two.json"]);
    assert!(ran.code == 1 && ran.out.is_empty(), "{}", ran.out);
    assert!(ran.err.contains("error[P403]: ") && ran.err.contains("--> two.json:1:"), "{}", ran.err);
    for from in [&[][..], &["--from", "fhir"]] {
        let ran = folder.run(&[&["join", "bad.json", "--lang", "en"], from].concat());
        assert!(ran.code == 0 && ran.err.contains("warning[P402]: "), "{}", ran.err);
        assert!(ran.err.contains("--> bad.json:1:"), "{}", ran.err);
        assert!(ran.out.contains("••••52-•••• (P402)") && !ran.out.contains("131052"), "{}", ran.out);
    }
}
