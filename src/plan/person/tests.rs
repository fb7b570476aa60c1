use super::*;
use crate::mapping::units::schema;
use crate::plan::Decision;
use crate::tree::fhir::read_json;

/// A plan of a client with an identity code or another identifier, a name and a birth date; empty parts are left out.
fn plan(label: &str, system: &str, value: &str, name: &str, birth: &str) -> Contribution {
    let (family, given) = name.split_once(' ').unwrap_or((name, ""));
    let birth = if birth.is_empty() { String::new() } else { format!(r#","birthDate":"{birth}""#) };
    let json = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","identifier":[{{"system":"urn:p","value":"{label}"}}],"subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"{system}","value":"{value}"}}],"name":[{{"family":"{family}","given":["{given}"]}}]{birth}}}}}]}}"#
    );
    let tree = read_json(&json, schema().names()).unwrap_or_else(|_| Tree::new(schema().names()));
    Contribution::new(label, "unit", tree)
}

fn hetu(label: &str, hetu: &str, name: &str, birth: &str) -> Contribution {
    plan(label, HETU_SYSTEM, hetu, name, birth)
}

/// The labels that are joined, and the codes of the issues.
fn check(contributions: &[Contribution], decided: &[Vec<usize>], joined: &[&str], issues: &[&str]) {
    let all: Vec<&Contribution> = contributions.iter().collect();
    let found = find_client(&all, &Decided { same: decided.to_vec(), apart: Vec::new() });
    let members: Vec<&str> =
        found.members.iter().map(|member| contributions[*member].label.as_str()).collect();
    let codes: BTreeSet<&str> = found.issues.iter().map(|issue| issue.code.id).collect();
    assert_eq!((members.as_slice(), codes), (joined, issues.iter().copied().collect()));
    assert!(!format!("{:?}", found.issues).contains("140379"));
}

#[test]
fn an_equal_code_with_agreeing_birth_date_and_name_is_one_person() {
    let a = hetu("a", "140379-9128", "Testikoivu Aino Maria", "");
    check(std::slice::from_ref(&a), &[], &["a"], &[]);
    check(&[a.clone(), hetu("b", "140379-9128", "TESTIKOIVU Aino", "1979-03-14")], &[], &["a", "b"], &[]);
    check(&[a.clone(), hetu("b", "140379-9128", "Testikoivu Aino", "1979-03-15")], &[], &[], &["P404"]);
    check(&[a.clone(), hetu("b", "140379-9128", "Mänty Aino", "")], &[], &[], &["P404"]);
    check(&[a, hetu("b", "140379-9128", "Mänty Aino", "")], &[vec![0, 1]], &["a", "b"], &[]);
}

#[test]
fn another_code_is_another_client_even_where_only_the_sign_differs() {
    let pair = [hetu("a", "100190-999P", "Testi A", ""), hetu("b", "100190Y999P", "Testi A", "")];
    check(&pair, &[], &[], &["P403"]);
    check(&pair, &[vec![0, 1]], &["a", "b"], &[]);
}

#[test]
fn a_wrong_check_character_never_matches() {
    let wrong = |label| hetu(label, "010190-999K", "Testi A", "");
    check(&[wrong("a"), wrong("b")], &[], &[], &["P402", "P405"]);
    check(&[wrong("a"), hetu("b", "140379-9128", "Testi A", "")], &[], &["b"], &["P402", "P405"]);
}

#[test]
fn temporary_and_missing_codes_are_for_a_person_to_decide() {
    let temporary = |label| plan(label, "urn:oid:1.2.246.10.12345678.22.2025", "7", "Testi A", "1990-01-01");
    check(&[temporary("a"), temporary("b")], &[], &[], &["P405"]);
    check(&[temporary("a"), temporary("b")], &[vec![0, 1]], &["a", "b"], &[]);
    check(&[temporary("a")], &[], &["a"], &[]);
}

#[test]
fn another_shared_identifier_matches_with_the_birth_date() {
    let local = |label, birth| plan(label, "urn:oid:2.16.1", "C-1", "Testi A", birth);
    check(&[local("a", "1984-05-17"), local("b", "1984-05-17")], &[], &["a", "b"], &[]);
    check(&[local("a", "1984-05-17"), local("b", "")], &[], &[], &["P405"]);
    check(&[local("a", "1984-05-17"), local("b", "1985-05-17")], &[], &[], &["P404"]);
}

/// How many plans there are among versions of one key, and of how many versions each, for any order of arrival.
fn check_parted(versions: &[Contribution], decisions: &[Decision], sizes: &[usize]) {
    for reversed in [false, true] {
        let mut arrived: Vec<&Contribution> = versions.iter().collect();
        if reversed {
            arrived.reverse();
        }
        let mut parted: Vec<usize> = by_client(arrived, &Log::new(decisions)).iter().map(Vec::len).collect();
        parted.sort_unstable();
        assert_eq!(parted, sizes);
    }
}

#[test]
fn plans_of_different_clients_are_no_versions_of_one_plan() {
    let (a, b) = (hetu("a", "140379-9128", "Testikoivu Aino", ""), hetu("b", "290200A961A", "Testi B", ""));
    let unnamed = plan("c", "", "", "Testi", "");
    check_parted(&[a.clone(), b.clone()], &[], &[1, 1]);
    check_parted(&[a.clone(), a.clone(), b.clone(), unnamed.clone()], &[], &[1, 1, 2]);
    check_parted(&[a.clone(), unnamed], &[], &[2]);
    let decision = Decision::same_client(vec!["a".to_owned(), "b".to_owned()]);
    check_parted(&[a.clone(), b], &[decision], &[2]);
    // A name or a birth date that was corrected under one code changes nobody.
    check_parted(&[a, hetu("d", "140379-9128", "Mänty Aino", "1979-03-15")], &[], &[2]);
    let local = |label, name, birth| plan(label, "urn:oid:2.16.1", label, name, birth);
    check_parted(&[local("e", "Testi A", "1984-05"), local("f", "Testi A", "1984-05-17")], &[], &[2]);
    check_parted(&[local("e", "Testi A", "1984-05-17"), local("f", "Testi A", "1985-05-17")], &[], &[1, 1]);
}

#[test]
fn a_decision_reaches_a_plan_that_names_no_client() {
    let json = r#"{"resourceType":"CarePlan","identifier":[{"system":"urn:p","value":"n"}]}"#;
    let tree = read_json(json, schema().names()).unwrap_or_else(|_| Tree::new(schema().names()));
    let nameless = Contribution::new("n", "unit", tree);
    let known = hetu("a", "140379-9128", "Testikoivu Aino", "");
    check(&[known.clone(), nameless.clone()], &[], &["a"], &["P405"]);
    check(&[known, nameless.clone()], &[vec![0, 1]], &["a", "n"], &[]);
    check(&[nameless.clone(), nameless], &[vec![0, 1]], &["n", "n"], &[]);
}

#[test]
fn advice_without_a_name_is_in_nobodys_plan_and_stops_nobody() {
    let visit = |subject: &str| {
        let json = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"Encounter"{subject}}}}}]}}"#
        );
        let tree = read_json(&json, schema().names()).unwrap_or_else(|_| Tree::new(schema().names()));
        Contribution::new("v", "unit", tree)
    };
    let known = hetu("a", "140379-9128", "Testikoivu Aino", "");
    check(&[known.clone(), visit("")], &[], &["a"], &["P470"]);
    check(&[known.clone(), visit("")], &[vec![0, 1]], &["a", "v"], &[]);
    check(&[known, visit(r#","subject":{"display":"Aino"}"#)], &[], &["a"], &["P405"]);
    // Beside it a plan without a code is as alone as without it.
    check(&[plan("b", "urn:local", "7", "Testi A", ""), visit("")], &[], &["b"], &["P470"]);
    check(&[visit("")], &[], &["v"], &[]);
    check(&[visit(""), visit("")], &[], &[], &["P470"]);
}
