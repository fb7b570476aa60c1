//! Membership over small code systems and value sets written here.

use crate::schema::{CODES_MAX, Schema};

const SYSTEMS: &[&str] = &[
    r#"{"resourceType":"CodeSystem","url":"urn:animals","version":"2.0.0","content":"complete","caseSensitive":true,
     "valueSet":"urn:all-animals","property":[{"code":"legs","type":"integer"},{"code":"kept","type":"boolean"}],
     "concept":[{"code":"mammal","display":"Mammal","property":[{"code":"notSelectable","valueBoolean":true}],"concept":[
       {"code":"dog","display":"Dog","designation":[{"language":"fi","value":"Koira"},{"language":"sv-FI","value":"Hund"}],
        "property":[{"code":"legs","valueInteger":4},{"code":"kept","valueBoolean":true}],"concept":[
          {"code":"poodle","display":"Poodle","property":[{"code":"legs","valueInteger":4}]}]},
       {"code":"whale","display":"Whale","property":[{"code":"legs","valueInteger":0}]},
       {"code":"mammoth","display":"Mammoth","property":[{"code":"status","valueCode":"retired"},{"code":"legs","valueInteger":4}]}]},
      {"code":"bird","display":"Bird","property":[{"code":"legs","valueInteger":2}]},
      {"code":"bat","display":"Bat","property":[{"code":"parent","valueCode":"mammal"},{"code":"legs","valueInteger":2}]}]}"#,
    r#"{"resourceType":"CodeSystem","url":"urn:part","content":"fragment","caseSensitive":false,
     "concept":[{"code":"Known","display":"Known"}]}"#,
    r#"{"resourceType":"CodeSystem","url":"urn:animals-es","content":"supplement","supplements":"urn:animals|2.0.0",
     "concept":[{"code":"dog","designation":[{"language":"es","value":"Perro"}]}]}"#,
];

/// Value sets by their names: what they include and exclude, or their expansion.
const VALUE_SETS: &[(&str, &str)] = &[
    ("whole", r#""compose":{"include":[{"system":"urn:animals"}]}"#),
    ("active", r#""compose":{"inactive":false,"include":[{"system":"urn:animals"}]}"#),
    (
        "listed",
        r#""compose":{"include":[{"system":"urn:animals","concept":[{"code":"dog"},{"code":"mammal"}]}]}"#,
    ),
    (
        "but-dogs",
        r#""compose":{"include":[{"system":"urn:animals"}],"exclude":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"dog"}]}]}"#,
    ),
    ("foreign", r#""compose":{"include":[{"system":"urn:nowhere"}]}"#),
    (
        "mixed",
        r#""compose":{"include":[{"system":"urn:nowhere"},{"system":"urn:animals","concept":[{"code":"dog"}]}]}"#,
    ),
    (
        "not-foreign",
        r#""compose":{"include":[{"system":"urn:animals"}],"exclude":[{"valueSet":["urn:v:foreign-dogs"]}]}"#,
    ),
    (
        "foreign-dogs",
        r#""compose":{"include":[{"system":"urn:animals","filter":[{"property":"colour","op":"=","value":"red"}]}]}"#,
    ),
    ("nested", r#""compose":{"include":[{"valueSet":["urn:v:listed"]},{"valueSet":["urn:v:missing"]}]}"#),
    (
        "both",
        r#""compose":{"include":[{"system":"urn:animals","valueSet":["urn:v:but-dogs","urn:v:four"]}]}"#,
    ),
    (
        "four",
        r#""compose":{"include":[{"system":"urn:animals","filter":[{"property":"legs","op":"=","value":"4"}]}]}"#,
    ),
    (
        "circle",
        r#""compose":{"include":[{"valueSet":["urn:v:circle"]},{"system":"urn:animals","concept":[{"code":"dog"}]}]}"#,
    ),
    ("fragment", r#""compose":{"include":[{"system":"urn:part"}]}"#),
    ("older", r#""compose":{"include":[{"system":"urn:animals","version":"1.0.0"}]}"#),
    (
        "expanded",
        r#""expansion":{"contains":[{"system":"urn:nowhere","code":"a","contains":[{"system":"urn:nowhere","code":"b"}]}]}"#,
    ),
    ("page", r#""expansion":{"total":900,"contains":[{"system":"urn:nowhere","code":"a"}]}"#),
    (
        "both-ways",
        r#""compose":{"include":[{"system":"urn:nowhere"}]},"expansion":{"contains":[{"system":"urn:nowhere","code":"a"}]}"#,
    ),
];

fn schema() -> Schema {
    let mut schema = Schema::r4().clone();
    let value_set = |(name, content): &(&str, &str)| {
        format!(r#"{{"resourceType":"ValueSet","url":"urn:v:{name}","version":"1.0.0",{content}}}"#)
    };
    let sets: Vec<String> = VALUE_SETS.iter().map(value_set).collect();
    let all = SYSTEMS.iter().copied().chain(sets.iter().map(String::as_str));
    assert!(schema.add_definitions(all).is_ok());
    schema
}

fn filter(property: &str, op: &str, value: &str) -> String {
    format!(
        r#"{{"resourceType":"ValueSet","url":"urn:filter","compose":{{"include":[{{"system":"urn:animals",
        "filter":[{{"property":"{property}","op":"{op}","value":"{value}"}}]}}]}}}}"#
    )
}

#[test]
fn a_code_is_in_a_value_set_or_not_or_nobody_knows() {
    let schema = schema();
    let check = |set: &str, system, code, expected| {
        assert_eq!(schema.contains(set, system, code), expected, "{set} {system:?} {code}");
    };
    let animals = Some("urn:animals");
    check("urn:v:whole", animals, "dog", Some(true));
    check("urn:v:whole", None, "dog", Some(true));
    check("urn:v:whole", animals, "cat", Some(false));
    check("urn:v:whole", animals, "Dog", Some(false));
    check("urn:v:whole", Some("urn:other"), "dog", Some(false));
    check("urn:v:whole", animals, "mammal", Some(false));
    check("urn:v:whole", animals, "mammoth", Some(true));
    check("urn:v:active", animals, "mammoth", Some(false));
    check("urn:v:listed", animals, "mammal", Some(true));
    check("urn:v:but-dogs", animals, "poodle", Some(false));
    check("urn:v:but-dogs", animals, "whale", Some(true));
    check("urn:v:foreign", Some("urn:nowhere"), "x", None);
    check("urn:v:foreign", animals, "dog", Some(false));
    check("urn:v:mixed", animals, "dog", Some(true));
    check("urn:v:mixed", animals, "bird", Some(false));
    check("urn:v:mixed", None, "bird", None);
    check("urn:v:not-foreign", animals, "dog", None);
    check("urn:v:not-foreign", animals, "cat", Some(false));
    check("urn:v:nested", animals, "dog", Some(true));
    check("urn:v:nested", animals, "whale", None);
    check("urn:v:both", animals, "mammoth", Some(true));
    check("urn:v:both", animals, "dog", Some(false));
    check("urn:v:both", animals, "whale", Some(false));
    check("urn:v:circle", animals, "dog", Some(true));
    check("urn:v:circle", animals, "bird", None);
    check("urn:v:fragment", Some("urn:part"), "KNOWN", Some(true));
    check("urn:v:fragment", Some("urn:part"), "other", None);
    check("urn:v:older", animals, "dog", Some(true));
    check("urn:v:older", animals, "cat", None);
    check("urn:v:whole|1.0.1", animals, "cat", Some(false));
    check("urn:v:whole|2.0.0", animals, "dog", Some(true));
    check("urn:v:whole|2.0.0", animals, "cat", None);
    check("urn:v:expanded", Some("urn:nowhere"), "b", Some(true));
    check("urn:v:expanded", Some("urn:nowhere"), "c", Some(false));
    check("urn:v:page", Some("urn:nowhere"), "a", Some(false));
    check("urn:v:both-ways", Some("urn:nowhere"), "a", Some(true));
    check("urn:v:both-ways", Some("urn:nowhere"), "b", Some(false));
    check("urn:all-animals", animals, "bird", Some(true));
    check("urn:animals?fhir_vs", animals, "bird", Some(true));
    check("urn:animals?fhir_vs=isa/dog", animals, "poodle", Some(true));
    check("urn:animals?fhir_vs=isa/dog", animals, "bird", Some(false));
    check("urn:nowhere?fhir_vs", animals, "bird", None);
    check("urn:v:missing", animals, "dog", None);
}

#[test]
fn filters() {
    let check = |property: &str, op: &str, value: &str, expected: Option<&str>| {
        let mut schema = schema();
        assert!(schema.add_resource(&filter(property, op, value)).is_ok());
        let codes = ["dog", "poodle", "whale", "mammoth", "bird", "bat"];
        let all: Option<Vec<bool>> =
            codes.iter().map(|code| schema.contains("urn:filter", Some("urn:animals"), code)).collect();
        let chosen = all.map(|all| {
            let chosen = codes.iter().zip(all).filter(|(_, inside)| *inside);
            chosen.map(|(code, _)| *code).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(chosen.as_deref(), expected, "{property} {op} {value}");
    };
    check("concept", "is-a", "dog", Some("dog poodle"));
    check("concept", "is-a", "mammal", Some("dog poodle whale mammoth bat"));
    check("concept", "is-a", "cat", Some(""));
    check("concept", "descendent-of", "dog", Some("poodle"));
    check("concept", "is-not-a", "mammal", Some("bird"));
    check("concept", "generalizes", "poodle", Some("dog poodle"));
    check("code", "in", "dog, bat", Some("dog bat"));
    check("code", "not-in", "dog,bat", Some("poodle whale mammoth bird"));
    check("code", "regex", "b.*", Some("bird bat"));
    check("code", "regex", "(", None);
    check("display", "=", "Whale", Some("whale"));
    check("legs", "=", "2", Some("bird bat"));
    check("legs", "exists", "false", Some(""));
    check("kept", "exists", "true", Some("dog"));
    check("status", "=", "retired", Some("mammoth"));
    check("parent", "=", "mammal", Some("dog whale mammoth bat"));
    check("child", "=", "poodle", Some("dog"));
    check("colour", "=", "red", None);
    check("concept", "near", "dog", None);
}

#[test]
fn displays_by_language() {
    let schema = schema();
    let check = |code: &str, language: &str, expected| {
        assert_eq!(schema.display("urn:animals", code, language), expected, "{code} {language}");
    };
    check("dog", "", Some("Dog"));
    check("dog", "fi", Some("Koira"));
    check("dog", "FI", Some("Koira"));
    check("dog", "sv", Some("Hund"));
    check("dog", "es", Some("Perro"));
    check("dog", "de", Some("Dog"));
    check("cat", "", None);
    assert_eq!(schema.displays("urn:animals", "dog").len(), 4);
    assert_eq!(schema.concept("urn:animals", "mammoth").map(|it| it.is_inactive), Some(true));
    assert!(schema.concept("urn:part", "kNOWN").is_some());
}

/// Every value set of R4 that can be listed holds just what it lists.
#[test]
fn membership_agrees_with_the_lists() {
    let schema = Schema::r4();
    let sets =
        ["administrative-gender", "request-status", "goal-status", "care-plan-activity-kind", "task-code"];
    for set in sets {
        let url = format!("http://hl7.org/fhir/ValueSet/{set}");
        let codes = schema.codes(&url).unwrap_or_default();
        assert!(!codes.is_empty() && codes.len() < CODES_MAX);
        for code in codes {
            assert_eq!(
                schema.contains(&url, Some(code.system), code.code),
                Some(true),
                "{set} {}",
                code.code
            );
        }
    }
}

/// Value sets that include each other many times over take no more time than there are of them.
#[test]
fn many_circles_end() {
    let mut schema = Schema::r4().clone();
    let sets: Vec<String> = (0..40)
        .map(|number| {
            let all: Vec<String> =
                (0..40).map(|other| format!(r#"{{"valueSet":["urn:c:{other}"]}}"#)).collect();
            let include = all.join(",");
            format!(
                r#"{{"resourceType":"ValueSet","url":"urn:c:{number}","compose":{{"include":[{include}]}}}}"#
            )
        })
        .collect();
    assert!(schema.add_definitions(sets.iter().map(String::as_str)).is_ok());
    assert_eq!(schema.contains("urn:c:0", None, "a"), None);
}
