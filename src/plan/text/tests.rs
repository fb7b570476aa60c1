use super::*;
use crate::mapping::units::schema;
use crate::plan::{Contribution, FindingKind, join};
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
    let check = |text: &str, expected: Option<&str>| assert_eq!(value::date(text).as_deref(), expected);
    check("2026-11-04", Some("4.11.2026"));
    check("2026-11-04T09:05:00+02:00", Some("4.11.2026 09:05"));
    check("2026-11", Some("11/2026"));
    check("2026", Some("2026"));
    check("Lokakuussa 2020", None);
    check("maaliskuussa", None);
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
            "Seija Mallikas, koordinaattori, Kaverina ry",
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
            "Tavoitearvo: ≥ 7,0 h",
            "Koodi: X-1",
            "Koodi: X-2",
            "Tavoitteen laji: X-3",
        ],
        &[],
    );
}

/// The lines of the page of some resources alone, in a language.
fn check_page(language: Language, resources: &[&str], expected: &[&str], absent: &[&str]) {
    let entries: Vec<String> = resources.iter().map(|one| format!(r#"{{"resource":{one}}}"#)).collect();
    let json = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","));
    let Ok(bundle) = read_json(&json, schema().names()) else { return assert!(json.is_empty(), "{json}") };
    let joined = join(&[Contribution::new("a.json", "fhir-detail", bundle)], &[]);
    let page = to_text(&render(&joined, language, IdentityCode::Masked));
    for line in expected {
        assert!(page.lines().any(|found| found.trim() == *line), "{line} is not in\n{page}");
    }
    for line in absent {
        assert!(!page.contains(line), "{line} is in\n{page}");
    }
}

/// An activity as the lens of inline details carries it: the status of the request, and the unit's own word.
fn check_state(status: &str, unit: Option<&str>, expected: [&str; 3]) {
    let word = unit.map_or_else(String::new, |unit| {
        format!(r#","_status":{{"extension":[{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/source-text","valueString":"{unit}"}}]}}"#)
    });
    let request = format!(
        r#"{{"resourceType":"ServiceRequest","id":"s","meta":{{"tag":[{{"system":"https://w3id.org/sauma/fhir/CodeSystem/activity-form","code":"detail"}}]}},"status":"{status}"{word},"intent":"plan","code":{{"text":"Kotikäynti"}}}}"#
    );
    let plan = r#"{"resourceType":"CarePlan","id":"p","status":"active","intent":"plan","activity":[{"reference":{"reference":"ServiceRequest/s"}}]}"#;
    for (language, expected) in [Language::Fi, Language::Sv, Language::En].into_iter().zip(expected) {
        let label = language.say(Word::State);
        check_page(language, &[plan, &request], &[&format!("{label}: {expected}")], &[]);
    }
}

#[test]
fn an_inline_activity_has_the_state_that_its_unit_gave_it() {
    check_state(
        "draft",
        None,
        ["suunniteltu, ei aloitettu", "planerat, inte påbörjat", "planned, not started"],
    );
    check_state(
        "active",
        None,
        ["suunniteltu, aika sovittu", "planerat, tid avtalad", "planned, time agreed"],
    );
    check_state("active", Some("in-progress"), ["käynnissä", "pågår", "under way"]);
    check_state("on-hold", None, ["tauolla", "pausat", "on hold"]);
    check_state("completed", None, ["tehty", "gjort", "done"]);
    check_state("revoked", None, ["peruttu", "inställt", "cancelled"]);
    check_state("revoked", Some("stopped"), ["keskeytetty", "avbrutet", "stopped"]);
    check_state("unknown", None, ["ei tiedossa", "okänt", "not known"]);
    check_state(
        "unknown",
        Some("odotetaan"),
        ["ei tiedossa: ”odotetaan”", "inte känt: ”odotetaan”", "not known: “odotetaan”"],
    );
}

#[test]
fn a_request_of_its_own_that_is_active_is_in_force_and_maybe_not_begun() {
    check_page(
        Language::En,
        &[
            r#"{"resourceType":"CarePlan","id":"p","status":"active","intent":"plan"}"#,
            r#"{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"plan","code":{"text":"Ride"}}"#,
        ],
        &["Ride", "State: in force"],
        &["under way"],
    );
}

#[test]
fn a_date_in_words_stands_in_quotes_behind_the_dates() {
    let word = |word: &str| {
        format!(
            r#"{{"extension":[{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/source-text","valueString":"{word}"}}]}}"#
        )
    };
    let plan = format!(
        r#"{{"resourceType":"CarePlan","id":"p","status":"active","intent":"plan","created":"maaliskuussa","extension":[{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/next-review","_valueDateTime":{}}}]}}"#,
        word("elokuun lopulla")
    );
    let worded = format!(
        r#"{{"resourceType":"ServiceRequest","id":"a","status":"active","intent":"plan","code":{{"text":"A"}},"occurrencePeriod":{{"_end":{}}}}}"#,
        word("00.00.0000")
    );
    let dated = r#"{"resourceType":"ServiceRequest","id":"b","status":"active","intent":"plan","code":{"text":"B"},"occurrencePeriod":{"end":"2026-04-30"}}"#;
    check_page(
        Language::Fi,
        &[&plan, &worded, dated],
        &["Seuranta: ”elokuun lopulla”", "Viimeistään: ”00.00.0000”", "Laadittu: ”maaliskuussa”"],
        &[],
    );
    let json = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{plan}}},{{"resource":{worded}}},{{"resource":{dated}}}]}}"#
    );
    let Ok(bundle) = read_json(&json, schema().names()) else { return assert!(json.is_empty(), "{json}") };
    let joined = join(&[Contribution::new("a.json", "fhir-reference", bundle)], &[]);
    let page = to_text(&render(&joined, Language::Fi, IdentityCode::Masked));
    let (dated, worded) = (page.find("30.4.2026"), page.find("00.00.0000"));
    assert!(dated < worded, "{page}");
    assert!(page.ends_with(": muu toimija, ”maaliskuussa”\n"), "{page}");
}

#[test]
fn a_client_without_a_resource_is_named_as_the_plan_names_them() {
    let plan = r#"{"resourceType":"CarePlan","id":"p","status":"active","intent":"plan","subject":{"display":"Aino Esimerkki"}}"#;
    check_page(Language::En, &[plan], &["Aino Esimerkki", "! The client is not identified"], &["Client:"]);
    check_page(Language::Fi, &[plan], &["! Asiakasta ei ole yksilöity"], &[]);
}

#[test]
fn an_identifier_is_no_name() {
    let plan = r#"{"resourceType":"CarePlan","id":"p","status":"active","intent":"plan"}"#;
    let check = |code: &str, expected: &str| {
        let request = format!(
            r#"{{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"plan","code":{code}}}"#
        );
        check_page(Language::En, &[plan, &request], &[expected], &[]);
    };
    let uuid = "5b0a7c2e-6a3f-4d0e-9b53-6f1c2f1d7a10";
    check(&format!(r#"{{"text":"{uuid}","coding":[{{"display":"Home visit"}}]}}"#), "Home visit");
    check(&format!(r#"{{"coding":[{{"code":"{uuid}"}}]}}"#), "Service (no name is recorded)");
}

#[test]
fn what_no_section_knows_stands_under_its_entry() {
    check_page(
        Language::Fi,
        &[
            r#"{"resourceType":"CarePlan","id":"p","status":"active","intent":"plan","period":{"start":"2026-03-01","end":"2026-12-31"},"activity":[{"reference":{"reference":"ServiceRequest/s"},"progress":[{"text":"Alkoi hyvin"}]}],"extension":[{"url":"https://example.org/colour","valueString":"sininen"}]}"#,
            r#"{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"Uni paranee"}}"#,
            r#"{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"plan","code":{"text":"Uniryhmä"},"performer":[{"display":"Terveysasema"}],"occurrenceTiming":{"repeat":{"boundsPeriod":{"start":"2026-04-01","end":"2026-05-01"},"frequency":2,"period":1.5,"periodUnit":"wk"}},"extension":[{"url":"https://w3id.org/sauma/fhir/StructureDefinition/activity-goal","valueReference":{"reference":"Goal/g"}},{"url":"https://w3id.org/sauma/fhir/StructureDefinition/client-proposal","valueString":"Illalla"}]}"#,
            r#"{"resourceType":"Flag","id":"f","status":"active","code":{"text":"Ovi lukossa"},"subject":{"display":"A"}}"#,
        ],
        &[
            "Tavoite: Uni paranee",
            "Asiakkaan oma ehdotus: Illalla",
            "Tekijä: Terveysasema",
            "Milloin: 1.4.2026–1.5.2026, 2 × / 1,5 viikko",
            "Edistyminen: Alkoi hyvin",
            "Voimassa: 1.3.2026–31.12.2026",
            "colour: sininen",
            "Huomioitavaa: Ovi lukossa",
        ],
        &[],
    );
}

#[test]
fn a_conflict_is_told_in_words() {
    let plan = |id: &str, code: &str, date: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"{id}","identifier":[{{"system":"urn:{id}","value":"1"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}],"name":[{{"family":"Testikoivu"}}]}}}},{{"resource":{{"resourceType":"Condition","id":"c","identifier":[{{"system":"urn:c","value":"7"}}],"subject":{{"reference":"Patient/a"}},"code":{{"coding":[{code}]}},"recordedDate":"{date}"}}}}]}}"#
        )
    };
    let sides = [
        plan("x", r#"{"system":"urn:oid:2.16","code":"409623005","display":"Unettomuus"}"#, "2026-03-01"),
        plan("y", r#"{"system":"urn:oid:2.16","code":"161891005","display":"Selkäkipu"}"#, "2026-04-02"),
    ];
    let read = |(json, label): (&String, &str)| {
        let bundle = read_json(json, schema().names()).ok()?;
        Some(Contribution::new(label, "fhir-reference", bundle))
    };
    let contributions: Vec<Contribution> = sides.iter().zip(["x", "y"]).filter_map(read).collect();
    let joined = join(&contributions, &[]);
    let page = to_text(&render(&joined, Language::Fi, IdentityCode::Masked));
    for expected in ["Koodi", ": Unettomuus", ": Selkäkipu", ": 1.3.2026", ": 2.4.2026"] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
    for absent in ["urn:oid", "409623005", "Condition.", "2026-03-01"] {
        assert!(!page.contains(absent), "{absent} is in\n{page}");
    }
}

#[test]
fn every_likely_duplicate_that_is_found_is_shown() {
    let plan = |id: &str, status: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"{id}","identifier":[{{"system":"urn:{id}","value":"1"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}]}}}},{{"resource":{{"resourceType":"Goal","id":"g","identifier":[{{"system":"urn:g","value":"7"}}],"lifecycleStatus":"{status}","description":{{"text":"Yöunen kesto paranee"}},"subject":{{"reference":"Patient/a"}}}}}}]}}"#
        )
    };
    let read = |(json, label): (&String, &str)| {
        let bundle = read_json(json, schema().names()).ok()?;
        Some(Contribution::new(label, "fhir-reference", bundle))
    };
    let sides = [plan("x", "active"), plan("y", "completed")];
    let contributions: Vec<Contribution> = sides.iter().zip(["x", "y"]).filter_map(read).collect();
    let joined = join(&contributions, &[]);
    let found = joined.findings.iter().filter(|finding| finding.kind == FindingKind::LikelyDuplicate).count();
    let page = to_text(&render(&joined, Language::En, IdentityCode::Masked));
    assert!(found > 0, "{page}");
    assert_eq!(page.matches("Perhaps the same thing twice").count(), found, "{page}");
}

#[test]
fn every_extension_that_a_lens_writes_has_a_label_in_three_languages() {
    let mut without = Vec::new();
    for unit in crate::mapping::units::UNITS {
        for after in unit.lens.split("extension(").skip(1) {
            let Some((word, _)) = after.split_once(')') else { continue };
            let word = word.trim_matches('"').rsplit('/').next().unwrap_or_default();
            if Language::Fi.find_label(word).is_none() && !form::MARKS.contains(&word) {
                without.push(word);
            }
        }
    }
    without.sort_unstable();
    without.dedup();
    assert!(without.is_empty(), "without a label: {without:?}");
}

#[test]
fn no_word_stands_twice_in_a_table() {
    for table in words::TABLES {
        let mut known = BTreeSet::new();
        for (key, words) in *table {
            assert!(known.insert(key), "{key} stands twice");
            assert!(words.iter().all(|word| !word.is_empty()), "{key} lacks a word");
        }
    }
}
