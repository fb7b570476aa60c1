use super::*;
use crate::mapping::units::schema;
use crate::plan::{Contribution, join};
use crate::tree::fhir::read_json;

const PLAN_JSON: &str = r#"{"resourceType":"Bundle","type":"collection","entry":[
 {"resource":{"resourceType":"CarePlan","id":"p","extension":[{"url":"https://w3id.org/sauma/fhir/StructureDefinition/next-review","valueDateTime":"2026-11-24T13:00:00+02:00"}],"identifier":[{"system":"urn:x","value":"1"}],"status":"active","intent":"plan","subject":{"reference":"Patient/a"},"created":"2026-10-01","careTeam":[{"reference":"CareTeam/t"}]}},
 {"resource":{"resourceType":"Patient","id":"a","identifier":[{"system":"urn:oid:1.2.246.21","value":"140379-9128"}],"name":[{"family":"Testikoivu","given":["Aino"]}]}},
 {"resource":{"resourceType":"CareTeam","id":"t","participant":[{"role":[{"text":"Asiakasvastaava"}],"member":{"display":"Elina Mallikas"}}]}},
 {"resource":{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"Takaisin\ntyöhön"},"subject":{"reference":"Patient/a"},"target":[{"dueDate":"2026-12"}]}},
 {"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"https://w3id.org/sauma/fhir/CodeSystem/statement","code":"client-view"}]},"valueString":"Haluan työhön."}}
]}"#;

fn page(language: Language, code: IdentityCode) -> String {
    let Ok(bundle) = read_json(PLAN_JSON, schema().names()) else { return String::new() };
    let joined = join(&[Contribution::new("suunnitelma.json", "social-client-plan", bundle)], &[]);
    to_text(&render(&joined, language, code))
}

fn check(language: Language, expected: &[&str]) {
    let page = page(language, IdentityCode::Masked);
    for line in expected {
        assert!(page.lines().any(|found| found.trim() == *line), "{line} is not in\n{page}");
    }
    assert!(!page.contains("9128"), "{page}");
}

#[test]
fn the_page_answers_who_whom_what_and_when_in_each_language() {
    let plain = ["Elina Mallikas, Asiakasvastaava", "Takaisin työhön", "Haluan työhön."];
    check(Language::Fi, &plain);
    check(
        Language::Fi,
        &[
            "Aino Testikoivu, syntynyt 1979",
            "Kehen otan yhteyttä",
            "Tila: käynnissä",
            "Viimeistään: 12/2026",
            "Seuranta: 24.11.2026 13:00",
            "! Suostumusta ei ole kirjattu",
            "suunnitelma.json (social-client-plan): sosiaalihuolto, 1.10.2026",
        ],
    );
    check(Language::Sv, &["Vem kontaktar jag", "Läge: pågår", "Aino Testikoivu, född 1979", "Klientens syn"]);
    check(
        Language::En,
        &["Whom to contact", "State: under way", "The client's view", "! No consent is recorded"],
    );
}

#[test]
fn the_identity_code_shows_only_where_asked_for() {
    assert!(page(Language::Fi, IdentityCode::Shown).contains("Henkilötunnus: 140379-9128"));
}

#[test]
fn dates_are_written_as_finns_write_them() {
    assert_eq!(date("2026-11-04"), "4.11.2026");
    assert_eq!(date("2026-11-04T09:05:00+02:00"), "4.11.2026 09:05");
    assert_eq!(date("2026-11"), "11/2026");
    assert_eq!(date("2026"), "2026");
    assert_eq!(date("Lokakuussa 2020"), "Lokakuussa 2020");
}

#[test]
fn a_language_is_found_by_its_code() {
    assert_eq!(Language::find("sv-FI"), Some(Language::Sv));
    assert_eq!(Language::find("ääk"), None);
}

/// The lines of the page of one plan with some resources beside it, in Finnish.
fn check_with(resources: &str, expected: &[&str], absent: &[&str]) {
    let json = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","identifier":[{{"system":"urn:x","value":"1"}}],"status":"active","intent":"plan","careTeam":[{{"reference":"CareTeam/t"}}],"author":{{"reference":"PractitionerRole/b"}}}}}},{resources}]}}"#
    );
    let Ok(bundle) = read_json(&json, schema().names()) else { return assert!(json.is_empty(), "{json}") };
    let joined = join(&[Contribution::new("a.json", "fhir-reference", bundle)], &[]);
    let page = to_text(&render(&joined, Language::Fi, IdentityCode::Masked));
    for line in expected {
        assert!(page.lines().any(|found| found.trim() == *line), "{line} is not in\n{page}");
    }
    for line in absent {
        assert!(!page.contains(line), "{line} is in\n{page}");
    }
}

#[test]
fn a_person_known_by_a_reference_alone_and_an_author_outside_the_team_are_named() {
    check_with(
        r#"{"resource":{"resourceType":"CareTeam","id":"t","participant":[{"role":[{"text":"koordinaattori"}],"member":{"reference":"PractitionerRole/a"}}]}},
{"resource":{"resourceType":"PractitionerRole","id":"a","practitioner":{"display":"Seija Mallikas"},"organization":{"display":"Kaverina ry"},"telecom":[{"value":"+358 9 555 0400"}]}},
{"resource":{"resourceType":"PractitionerRole","id":"b","practitioner":{"display":"Jari Esimerkki"},"code":[{"text":"sairaanhoitaja"}]}}"#,
        &[
            "Seija Mallikas, Kaverina ry",
            "+358 9 555 0400",
            "Seija Mallikas, koordinaattori",
            "Jari Esimerkki, sairaanhoitaja",
            "suunnitelman laatija",
        ],
        &["–"],
    );
}

#[test]
fn words_stand_before_codes_and_open_before_ended() {
    check_with(
        r#"{"resource":{"resourceType":"ServiceRequest","id":"s","status":"completed","code":{"coding":[{"system":"urn:c","code":"X-1"}]},"note":[{"text":"Työkykyarvio"}],"occurrencePeriod":{"start":"2026-03-01","end":"2026-03-31"}}},
{"resource":{"resourceType":"Task","id":"k","status":"requested","code":{"coding":[{"code":"X-2"}]},"description":"Soitto vuokranantajalle"}},
{"resource":{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"coding":[{"code":"X-3"}]},"note":[{"text":"Uni paranee"}],"target":[{"detailRange":{"low":{"value":7.0,"unit":"h"}}}]}}"#,
        &[
            "Työkykyarvio",
            "Milloin: 1.3.2026–31.3.2026",
            "Tehty tai päättynyt",
            "Soitto vuokranantajalle",
            "Tila: pyydetty",
            "Uni paranee",
            "Tavoitearvo: ≥ 7.0 h",
        ],
        &["X-1", "X-2", "X-3"],
    );
}
