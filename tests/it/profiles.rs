//! Our own profiles: they are compiled as their sources say, their examples are what they were made for, they carry
//! what the working methods ask for, and what the program makes fits them.

use crate::cli::Folder;
use crate::shared;
use sauma::diag::{Issue, Severity};
use sauma::exchange::document::Document;
use sauma::guide::{Example, Guide, examples};
use sauma::mapping::units;
use sauma::plan::{Contribution, join};
use sauma::schema::{Archive, Schema};
use sauma::tree::fhir;
use sauma::tree::json::{self, Layout};
use sauma::tree::{NodeId, Tree};
use sauma::validate::{Options, Validator};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

const SAUMA: &str = "https://w3id.org/sauma/fhir/";

/// The definitions of a folder, but for examples.
fn read(folder: &Path) -> Vec<(String, String)> {
    let is_part = |path: &Path| {
        let hidden = path.file_name().unwrap().to_string_lossy().starts_with('.');
        let beside = ["examples", "example", "json-schema"];
        !hidden && !path.components().any(|part| beside.iter().any(|name| part.as_os_str() == *name))
    };
    let files = shared::files(folder, &["json"]).into_iter().filter(|path| is_part(path));
    let file = |path: std::path::PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
    };
    files.map(file).collect()
}

fn guide() -> Guide {
    Guide::read(read(Path::new("profiles")), units::base()).unwrap()
}

fn index() -> Vec<Example> {
    examples(&fs::read_to_string("profiles/examples/index.toml").unwrap()).unwrap()
}

/// Our own definitions as their sources have them.
fn definitions() -> Vec<Value> {
    let texts = read(Path::new("profiles")).into_iter().filter(|(name, _)| name != "package.json");
    texts.map(|(_, text)| serde_json::from_str(&text).unwrap()).collect()
}

fn is_profile(definition: &Value) -> bool {
    definition["derivation"] == "constraint" && definition["type"] != "Extension"
}

/// Rebuilds an embedded file; `UPDATE=1` writes it.
fn is_kept(path: &str, made: &[u8]) {
    if env::var_os("UPDATE").is_some() {
        fs::write(path, made).unwrap();
    }
    assert!(
        made == fs::read(path).unwrap(),
        "{path} is stale: run `sauma package build` with `--out {path}`"
    );
}

#[test]
fn own_definitions_are_compiled() {
    is_kept("profiles/sauma.sauma", guide().pack().unwrap().as_bytes());
}

#[test]
fn the_finnish_base_is_compiled_from_its_package() {
    let Some(folder) = shared::folder() else { return };
    let files = read(&folder.join("finland/hl7.fhir.fi.base-2.0.0-rc2"));
    let made = Guide::read(files, Schema::r4()).unwrap().pack().unwrap();
    is_kept("profiles/hl7.fhir.fi.base-2.0.0-rc2.sauma", made.as_bytes());
}

/// The errors of a document.
fn errors(validator: &Validator<'_>, text: &str) -> Vec<Issue> {
    let tree = fhir::read_json(text, validator.schema().names()).unwrap();
    let report = validator.validate(&tree, &Options::default());
    report.issues.into_iter().filter(|issue| issue.severity == Severity::Error).collect()
}

/// A path without its indexes.
fn plain(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|c| {
            depth += i32::from(*c == '[');
            let keep = depth == 0;
            depth -= i32::from(*c == ']');
            keep
        })
        .collect()
}

/// What is wrong with an example, if anything.
fn fault(validator: &Validator<'_>, example: &Example) -> Option<String> {
    let text = fs::read_to_string(format!("profiles/examples/{}", example.file)).unwrap();
    let resource: Value = serde_json::from_str(&text).unwrap();
    let claims = resource["meta"]["profile"][0] == format!("{SAUMA}StructureDefinition/{}", example.profile);
    let found = errors(validator, &text);
    let told: Vec<String> =
        found.iter().map(|it| format!("{} {} {} {}", it.code.id, it.path, it.rule, it.message)).collect();
    let is_made_for = |issue: &Issue| {
        let path = plain(&issue.path);
        // A missing element is told of where it should stand; a choice by the name of its type.
        let above = example.path.rsplit_once('.').map(|(above, _)| above);
        issue.code.id == example.code
            && (path.starts_with(&example.path) || Some(&*path) == above)
            && (example.rule.is_empty() || issue.rule.ends_with(&format!("#{}", example.rule)))
    };
    let fits = if example.is_good() { found.is_empty() } else { found.len() == 1 && is_made_for(&found[0]) };
    (!claims || !fits).then(|| format!("{}: {told:?}", example.file))
}

#[test]
fn examples_are_what_they_were_made_for() {
    let validator = Validator::new(units::schema());
    let faults: Vec<String> = index().iter().filter_map(|example| fault(&validator, example)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_profile_has_good_and_bad_examples_and_each_example_is_listed() {
    let listed = index();
    for definition in definitions().iter().filter(|it| is_profile(it)) {
        let id = definition["id"].as_str().unwrap();
        let count = |good: bool| listed.iter().filter(|it| it.profile == id && it.is_good() == good).count();
        assert!(count(true) >= 1, "{id} has no good example");
        assert!(count(false) >= 1, "{id} has no bad example");
    }
    let files = shared::files(Path::new("profiles/examples"), &["json"]);
    let known: BTreeSet<String> = listed.iter().map(|it| format!("profiles/examples/{}", it.file)).collect();
    let there: BTreeSet<String> = files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    assert_eq!(known, there);
}

/// Each rule of ours that raises an error has an example that it was made for.
#[test]
fn each_rule_has_an_example_that_breaks_it() {
    let listed = index();
    for definition in definitions().iter().filter(|it| is_profile(it)) {
        let elements = definition["differential"]["element"].as_array().unwrap();
        let rules =
            elements.iter().flat_map(|element| element["constraint"].as_array().into_iter().flatten());
        for rule in rules.filter(|rule| rule["severity"] == "error") {
            let key = rule["key"].as_str().unwrap();
            assert!(listed.iter().any(|example| example.rule == key), "no bad example of {key}");
        }
    }
}

/// The published package gives the findings that the embedded definitions give.
#[test]
fn the_package_loads_again_and_says_the_same() {
    let guide = guide();
    let archive = guide.archive().unwrap();
    assert_eq!(archive, guide.archive().unwrap(), "the same files give the same bytes");
    let mut schema = units::base().clone();
    schema.add_archive(Archive::read(&archive).unwrap()).unwrap();
    let (published, embedded) = (Validator::new(&schema), Validator::new(units::schema()));
    // The sources themselves, whose differentials are laid over their bases at once.
    let sources = Validator::new(guide.schema());
    let known = |validator: &Validator<'_>| validator.schema().profiles().count();
    assert_eq!(known(&published), known(&embedded));
    for example in index() {
        let text = fs::read_to_string(format!("profiles/examples/{}", example.file)).unwrap();
        let said = |validator: &Validator<'_>| {
            let tree = fhir::read_json(&text, validator.schema().names()).unwrap();
            let report = validator.validate(&tree, &Options::default());
            format!("{:?} {:?}", report.issues, report.not_checked)
        };
        assert_eq!(said(&published), said(&embedded), "{}", example.file);
        assert_eq!(said(&sources), said(&embedded), "{}", example.file);
    }
}

/// Completed definitions are valid resources. Ids may stand in the differential and in the snapshot.
#[test]
fn definitions_are_valid() {
    let validator = Validator::new(units::schema());
    let mut faults = Vec::new();
    for (name, text) in guide().completed() {
        let snapshot = |it: &Issue| it.code.id == "V329";
        faults.extend(
            errors(&validator, &text).into_iter().filter(|it| !snapshot(it)).map(|it| (name.clone(), it)),
        );
    }
    assert!(faults.is_empty(), "{} {:?}", faults.len(), faults.iter().take(5).collect::<Vec<_>>());
}

/// What people read is there in Finnish, Swedish and English.
#[test]
fn everything_is_told_in_three_languages() {
    let translated = |owner: &Value, name: &str, what: &str| {
        let beside = owner[format!("_{name}")].to_string();
        assert!(!owner[name].as_str().unwrap_or("").is_empty(), "{what}: no {name}");
        for language in ["fi", "sv"] {
            let code = format!("\"valueCode\":\"{language}\"");
            assert!(beside.contains(&code), "{what}: {name} is not told in {language}");
        }
    };
    for definition in definitions() {
        let id = definition["id"].as_str().unwrap();
        if definition["kind"] == "logical" {
            continue;
        }
        translated(&definition, "title", id);
        for concept in definition["concept"].as_array().into_iter().flatten() {
            let designations = concept["designation"].to_string();
            for language in ["\"sv\"", "\"en\""] {
                assert!(designations.contains(language), "{id}: {concept} has no {language}");
            }
        }
        if !is_profile(&definition) {
            continue;
        }
        translated(&definition, "description", id);
        for element in definition["differential"]["element"].as_array().unwrap() {
            let what = format!("{id} {}", element["id"]);
            if element["mustSupport"] == true {
                translated(element, "short", &what);
            }
            for rule in element["constraint"].as_array().into_iter().flatten() {
                translated(rule, "human", &what);
            }
        }
    }
}

/// The tables of `profiles/README.md` name the element that carries each item.
#[test]
fn every_content_item_has_its_element() {
    let readme = fs::read_to_string("profiles/README.md").unwrap();
    let by_id: BTreeMap<String, Value> =
        definitions().into_iter().map(|it| (it["id"].as_str().unwrap().to_owned(), it)).collect();
    let mut items = 0;
    for line in readme.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, elements, profiles] = cells[..] else { continue };
        if profiles == "profile" {
            continue;
        }
        items += 1;
        let profile = |name: &str| by_id.get(name).unwrap_or_else(|| panic!("no profile {name}: {line}"));
        let all: Vec<&Value> = profiles.split(", ").map(|name| profile(name.trim_matches('`'))).collect();
        for element in elements.split(", ").map(|name| name.trim_matches('`')) {
            let states = |definition: &&Value| {
                let mut all = definition["differential"]["element"].as_array().unwrap().iter();
                all.any(|it| it["id"] == element)
            };
            assert!(all.iter().any(states), "{element} stands in none of {profiles}");
        }
    }
    assert!(items > 40, "{items} items");
}

/// Words after a mark in a text, up to the character that ends them.
fn words_after<'t>(text: &'t str, mark: &str, end: char) -> impl Iterator<Item = &'t str> {
    text.split(mark).skip(1).filter_map(move |rest| rest.split(end).next())
}

/// What the lenses and the join write is defined.
#[test]
fn every_extension_and_code_system_that_is_written_is_defined() {
    let mut extensions: BTreeSet<String> = BTreeSet::new();
    let mut systems: BTreeSet<String> = BTreeSet::new();
    for path in shared::files(Path::new("mappings"), &["lens", "json"]) {
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|end| end == "lens") {
            let plain = words_after(&text, "extension(", ')').filter(|word| !word.contains('"'));
            extensions.extend(plain.map(str::to_owned));
        }
        extensions.extend(
            words_after(&text, &format!("{SAUMA}StructureDefinition/"), '"')
                .filter(|word| !word.starts_with("cda-"))
                .map(str::to_owned),
        );
        systems.extend(words_after(&text, &format!("{SAUMA}CodeSystem/"), '"').map(str::to_owned));
    }
    for path in shared::files(Path::new("src/plan/join"), &["rs"]) {
        let text = fs::read_to_string(path).unwrap();
        for call in words_after(&text, ".extension(", ')').chain(words_after(&text, "own_concept(", ')')) {
            let word = call.split('"').rev().nth(1).unwrap_or("");
            if call.contains("own") || call.split(',').count() == 2 {
                extensions.insert(word.to_owned());
            }
        }
    }
    let schema = units::schema();
    let unknown: Vec<&String> = extensions
        .iter()
        .filter(|word| {
            !word.is_empty() && schema.type_by_url(&format!("{SAUMA}StructureDefinition/{word}")).is_none()
        })
        .collect();
    assert!(unknown.is_empty(), "extensions without definition: {unknown:?}");
    assert!(extensions.len() > 50, "{}", extensions.len());
    let unknown: Vec<&String> = systems
        .iter()
        .filter(|word| schema.code_system(&format!("{SAUMA}CodeSystem/{word}")).is_none())
        .collect();
    assert!(unknown.is_empty(), "code systems without definition: {unknown:?}");
}

/// The lists of the unit systems and the code systems say the same.
#[test]
fn code_systems_are_the_lists_of_the_unit_systems() {
    let check = |id: &str, list: &str| {
        let text = fs::read_to_string(format!("mappings/{list}")).unwrap();
        let rows = text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let path = format!("profiles/CodeSystem/{id}.json");
        let system: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let concepts: Vec<(String, String)> = system["concept"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["code"].as_str().unwrap().to_owned(), it["display"].as_str().unwrap().to_owned()))
            .collect();
        let listed: Vec<(String, String)> = rows.map(|row| (row[0].clone(), row[1].clone())).collect();
        assert_eq!(concepts, listed, "{id}");
    };
    check("asiakassuunnitelma-nykyinen-palvelu", "social-client-plan/codes/palvelu-a.tsv");
    check("asiakassuunnitelma-palvelu", "social-client-plan/codes/palvelu-b.tsv");
    check("palvelutarpeen-arvio-viranomainen", "service-need-assessment/codes/viranomainen.tsv");
    check("tavoitteen-asteikko", "social-client-plan/codes/tavoite-asteikko.tsv");
    check("tilannetekijan-vaikutus", "social-client-plan/codes/vaikutus.tsv");
    check("ura-toimsuunlaji", "employment-plan/codes/toimsuunlaji.tsv");
    check("ura-segmenttikoodi", "employment-plan/codes/segmenttikoodi.tsv");
    check("ura-toimikoodi", "employment-plan/codes/toimikoodi.tsv");
}

/// The profile that a resource of ours is for.
fn profile_of(resource: &Value, is_joined: bool) -> Option<&'static str> {
    let codes = resource["category"].to_string() + &resource["code"].to_string();
    let has = |code: &str| codes.contains(&format!("\"code\":\"{code}\""));
    match resource["resourceType"].as_str()? {
        "CarePlan" if has("joined-plan") => Some("sauma-joined-plan"),
        "CarePlan" if is_joined => None,
        "CarePlan" => Some("sauma-plan"),
        "CareTeam" => Some("sauma-team"),
        "Goal" => Some("sauma-goal"),
        "ServiceRequest" => Some("sauma-activity"),
        "Patient" => Some("sauma-client"),
        "PractitionerRole" => Some("sauma-professional"),
        "Organization" => Some("sauma-unit"),
        "Condition" => Some("sauma-need"),
        "RelatedPerson" => Some("sauma-related-person"),
        "Observation" if has("client-view") => Some("sauma-client-statement"),
        "Observation" if has("professional-view") => Some("sauma-professional-statement"),
        "Observation" if has("situation") => Some("sauma-situation"),
        "Observation" if has("dissent") => Some("sauma-dissent"),
        "DetectedIssue" => Some("sauma-conflict"),
        "Provenance" if is_joined => Some("sauma-contribution"),
        _ => None,
    }
}

/// Errors that our own profiles raise on a Bundle whose resources claim them.
fn misfits(validator: &Validator<'_>, bundle: &str, is_joined: bool) -> Vec<String> {
    let mut bundle: Value = serde_json::from_str(bundle).unwrap();
    let mut claims = 0;
    for entry in bundle["entry"].as_array_mut().into_iter().flatten() {
        let resource = &mut entry["resource"];
        if let Some(profile) = profile_of(resource, is_joined) {
            resource["meta"]["profile"] =
                serde_json::json!([format!("{SAUMA}StructureDefinition/{profile}")]);
            claims += 1;
        }
    }
    assert!(claims > 0);
    let found = errors(validator, &bundle.to_string());
    let own = found.iter().filter(|issue| issue.rule.starts_with(SAUMA) || issue.code.id.starts_with("V33"));
    own.map(|issue| format!("{} {} {} {}", issue.code.id, issue.path, issue.rule, issue.message)).collect()
}

/// Documents that do not fit, and why they should not.
const UNFIT: &[(&str, &str)] = &[
    ("ccda-care-plan/cases/null-flavors", "a goal of the document says nothing"),
    ("social-client-plan/cases/unknown-codes", "the number of the unit is no OID"),
];

#[test]
fn what_the_unit_systems_give_fits() {
    let validator = Validator::new(units::schema());
    let mut unfit = BTreeSet::new();
    let mut checked = 0;
    for unit in ["social-client-plan", "employment-plan", "ccda-care-plan"] {
        for path in shared::files(Path::new(&format!("mappings/{unit}/cases")), &["json"]) {
            let case = path.parent().unwrap().to_string_lossy().replace("mappings/", "");
            // Drawn documents hold random values in every place.
            if !path.ends_with("expected.json") || case.contains("/drawn-") {
                continue;
            }
            checked += 1;
            let found = misfits(&validator, &fs::read_to_string(&path).unwrap(), false);
            let expected = UNFIT.iter().find(|(name, _)| *name == case);
            assert!(found.is_empty() || expected.is_some(), "{case}:\n{}", found.join("\n"));
            unfit.extend(expected.filter(|_| !found.is_empty()).map(|(name, _)| *name));
        }
    }
    assert!(checked > 20, "{checked}");
    assert_eq!(unfit, UNFIT.iter().map(|(name, _)| *name).collect(), "an entry is stale");
}

/// The documents of the demonstration, mapped.
fn contributions() -> Vec<Contribution> {
    let read = |path: &std::path::PathBuf| {
        let document = Document::read(&fs::read(path).unwrap(), None).map_err(|unread| unread.issue).unwrap();
        let got = document.unit.program().unwrap().get(&document.tree).unwrap();
        Contribution::new(path.to_string_lossy(), document.unit.name, got.target)
    };
    shared::files(Path::new("src/cli/demo"), &["json", "xml", "csv"]).iter().map(read).collect()
}

#[test]
fn what_the_join_makes_fits() {
    let validator = Validator::new(units::schema());
    let contributions = contributions();
    assert!(contributions.len() >= 4);
    let joined = join(&contributions, &[]);
    let found = misfits(&validator, &text_of(&joined.bundle), true);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn text_of(tree: &Tree) -> String {
    let mut text = String::new();
    json::write(tree, NodeId::ROOT, Layout::Compact, &mut text);
    text
}

#[test]
fn pages_and_schemas_are_made_of_every_definition() {
    let guide = guide();
    let pages = guide.pages(&index());
    let page = |file: &str| &pages.iter().find(|page| page.file == file).unwrap().text;
    let goal = page("StructureDefinition-sauma-goal.md");
    for words in ["# Tavoite · Mål · Goal", "sauma-go-1", "bad/goal-without-words.json", "[sosmeta-1292]"]
    {
        assert!(goal.contains(words), "{words} is not in\n{goal}");
    }
    assert!(page("CodeSystem-team-role.md").contains("| `coordinator` | Koordinoi kokonaisuutta"));
    assert!(page("index.md").contains("[sauma-joined-plan](StructureDefinition-sauma-joined-plan.md)"));

    let schemas = guide.json_schemas();
    for (name, text) in &schemas {
        is_kept(&format!("profiles/json-schema/{name}"), text.as_bytes());
    }
    let (_, text) = schemas.iter().find(|(name, _)| name == "asiakassuunnitelma.schema.json").unwrap();
    let schema: Value = serde_json::from_str(text).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["asiakirja", "asiakas", "laatija"]));
    assert_eq!(schema["properties"]["asiakas"]["type"], "array");
    assert_eq!(schema["properties"]["asiakirja"]["properties"]["versio"]["minimum"], 1);
    assert!(
        schemas.iter().all(|(name, _)| !name.starts_with("cda-")),
        "documents in XML have no JSON Schema"
    );
}

#[test]
fn the_command_line_builds_packs_and_shows() {
    let folder = Folder::new("profiles");
    let profiles = format!("{}/profiles", env!("CARGO_MANIFEST_DIR"));
    let ran = |args: &[&str]| {
        let ran = folder.run(args);
        assert_eq!(ran.code, 0, "{args:?} {}{}", ran.out, ran.err);
        ran.out
    };
    ran(&["package", "build", &profiles, "--out", "sauma.tgz"]);
    ran(&["package", "build", &profiles]);
    let bytes = |name: &str| {
        fs::read(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-profiles").join(name)).unwrap()
    };
    assert_eq!(bytes("sauma.tgz"), bytes("sauma.fhir.fi-0.1.0.tgz"));
    ran(&["package", "add", "sauma.tgz", "--packages", "all", "--quiet"]);
    assert!(ran(&["package", "info", "sauma.tgz"]).contains("profiles"));
    let one = format!("{profiles}/StructureDefinition/sauma-goal.json");
    let completed: Value = serde_json::from_str(&ran(&["package", "snapshot", &one])).unwrap();
    assert_eq!(completed["snapshot"]["element"][0]["id"], "Goal");
    ran(&["package", "pages", &profiles, "--out", "pages", "--quiet"]);
    ran(&["package", "json-schema", &profiles, "--out", "schemas", "--quiet"]);
    assert!(folder.read("pages/index.md").contains("sauma-goal"));

    // The profiles are there without any option.
    let example = |name: &str| format!("{profiles}/examples/{name}.json");
    let url = format!("{SAUMA}StructureDefinition/sauma-plan");
    ran(&["validate", &example("good/plan-aino"), "--profile", &url]);
    let bad = folder.run(&["validate", &example("bad/goal-without-words")]);
    assert!(bad.code == 1 && (bad.out + &bad.err).contains("sauma-go-1"));
}
