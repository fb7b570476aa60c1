use super::*;
use crate::mapping::units::schema;
use crate::tree::fhir::read_json;

/// A Patient from `code|family|given|birth|sex|city|postal|phone`; what is empty is not stated.
fn patient(line: &str) -> Record {
    let mut parts = line.split('|').chain(std::iter::repeat(""));
    let mut next = || parts.next().unwrap_or("");
    let (code, family, given, birth, sex) = (next(), next(), next(), next(), next());
    let (city, postal, phone) = (next(), next(), next());
    let protected =
        if city == "TURVAKIELTO" { r#""meta":{"security":[{"code":"TURVAKIELTO"}]},"# } else { "" };
    let text = |name: &str, value: &str| {
        if value.is_empty() { String::new() } else { format!(r#""{name}":"{value}","#) }
    };
    let code = if code.is_empty() {
        String::new()
    } else {
        let (system, value) = code.split_once('=').unwrap_or(("urn:oid:1.2.246.21", code));
        format!(r#""identifier":[{{"system":"{system}","value":"{value}"}}],"#)
    };
    let json = format!(
        r#"{{"resourceType":"Patient",{protected}{code}{}{}"name":[{{{}"given":["{given}"]}}],"address":[{{{}{}"use":"home"}}],"telecom":[{{{}"system":"phone"}}]}}"#,
        text("birthDate", birth),
        text("gender", sex),
        text("family", family),
        text("city", city),
        text("postalCode", postal),
        text("value", phone),
    );
    let tree = read_json(&json, schema().names()).unwrap_or_else(|_| Tree::new(schema().names()));
    Record::of(&tree, NodeId::ROOT)
}

fn check(a: &str, b: &str, expected: Option<Grade>) -> f64 {
    let (a, b) = (patient(a), patient(b));
    let score = a.score(&b);
    assert_eq!(score, b.score(&a));
    assert!((0.0..=1.0).contains(&score.score));
    assert_eq!(score.grade, expected, "{score:?}");
    score.score
}

#[test]
fn only_a_code_makes_certain() {
    let aino = "140379-9128|Testikoivu|Aino|1979-03-14|female";
    assert!(check(aino, aino, Some(Grade::Certain)) >= 1.0);
    check(aino, "290200A961A|Testikoivu|Aino|1979-03-14|female", Some(Grade::CertainlyNot));
    // The sign alone makes another person.
    check("100190-999P|Testi|A", "100190Y999P|Testi|A", Some(Grade::CertainlyNot));
    let all = "|Testikoivu|Aino|1979-03-14|female|Turku|20100|0401234567";
    assert!(check(all, all, Some(Grade::Probable)) < 1.0);
}

#[test]
fn an_equal_code_with_another_name_or_day_asks() {
    let aino = "140379-9128|Testikoivu|Aino|1979-03-14";
    for other in ["140379-9128|Mänty|Maija|1979-03-14", "140379-9128|Testikoivu|Aino|1980-03-14"] {
        check(aino, other, Some(Grade::Possible));
        assert!(patient(aino).score(&patient(other)).disagrees);
    }
}

#[test]
fn a_code_with_a_wrong_check_character_is_no_code() {
    check("010190-999K|Testi|A", "010190-999K|Testi|A", None);
}

#[test]
fn records_without_code_are_graded() {
    let aino = "|Testikoivu|Aino|1979-03-14|female|Turku|20100|0401234567";
    check(aino, "|TESTIKOIVU|Aino|1979-03-14|female", Some(Grade::Probable));
    check(aino, "|Testikoivu|Aino|1979-03-15|female|Turku|20100", Some(Grade::Probable));
    check(aino, "|Testikoivu|Aino|1979", Some(Grade::Possible));
    check(aino, "|Mänty|Aino|1979-03-14|female|Turku|20100", Some(Grade::Probable));
    check(aino, "|Testikoivu|Aino", None);
    check(aino, "|Mänty|Maija|1985-11-02|female|Turku", None);
    check("", "", None);
}

#[test]
fn twins_and_relatives_in_one_home_are_never_probable() {
    let aino = "|Testikoivu|Aino|1979-03-14|female|Turku|20100|0401234567";
    check(aino, "|Testikoivu|Maija|1979-03-14|female|Turku|20100|0401234567", Some(Grade::Possible));
    check(aino, "|Testikoivu|Aino|2005-11-02|female|Turku|20100|0401234567", Some(Grade::Possible));
}

#[test]
fn temporary_identifiers_say_nothing() {
    let system = "urn:oid:1.2.246.10.12345678.22.2025=7";
    check(&format!("{system}|Testikoivu|Aino"), &format!("{system}|Testikoivu|Aino"), None);
    check("urn:oid:2.16.1=7|Testikoivu|Aino", "urn:oid:2.16.1=7|Testikoivu|Aino", Some(Grade::Probable));
}

#[test]
fn where_a_protected_person_lives_is_not_compared() {
    let aino = patient("|Testikoivu|Aino|1979-03-14|female|TURVAKIELTO|20100|0401234567");
    let fields = aino.score(&patient("|Testikoivu|Aino|1979-03-14|female|Turku|20100|0401234567")).fields;
    assert!(fields.iter().all(|(field, _)| {
        !matches!(field, Field::Municipality | Field::PostalCode | Field::Phone | Field::Email)
    }));
    assert!(!format!("{aino:?}").contains("Aino"));
}
