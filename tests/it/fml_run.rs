//! Maps are run: HL7's suite, the maps beside it, and the map of the mapping benchmark.

use crate::ratchet::{self, Failure};
use crate::shared::folder;
use sauma::mapping::fml::model::{InputMode, Map};
use sauma::mapping::fml::resource;
use sauma::mapping::fml::{Compat, Output, Settings, compile, namespace_of, parse};
use sauma::schema::Schema;
use sauma::tree::json::{self, Layout};
use sauma::tree::{NodeId, Tree, equal, fhir, xml};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Our own definitions of HL7's model for tests of CDA, which its suite does not bring.
const MODELS: &[&str] = &[
    include_str!("cdatest/st.json"),
    include_str!("cdatest/cd.json"),
    include_str!("cdatest/ce.json"),
    include_str!("cdatest/clinical-document.json"),
];

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut schema = Schema::r4().clone();
        schema.add_definitions(MODELS.iter().copied()).unwrap();
        schema
    })
}

fn read_map(text: &str) -> Map {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        let tree = fhir::read_json(text, schema().names()).unwrap();
        return resource::read(&tree).unwrap().map;
    }
    let parsed = parse(text);
    assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
    parsed.map
}

fn run(map: &str, source: &str) -> Result<Output, String> {
    let map = read_map(map);
    let mut program = compile(0, &[&map], schema(), Compat::Page).map_err(|issues| format!("{issues:?}"))?;
    for model in MODELS {
        let tree = json::read(model, schema().names()).unwrap();
        let ty = schema().type_by_url(&tree.child_text(NodeId::ROOT, "url").unwrap()).unwrap();
        if let Some(uri) = namespace_of(&tree) {
            program = program.in_namespace(ty, &uri);
        }
    }
    let source = fhir::read_json(source, schema().names()).map_err(|issue| issue.message)?;
    program.run(&[&source], Settings::default()).map_err(|issue| issue.message)
}

fn json_of(tree: &Tree) -> Value {
    let mut out = String::new();
    fhir::write_json(tree, NodeId::ROOT, Some(schema()), Layout::Compact, &mut out);
    serde_json::from_str(&out).unwrap()
}

fn xml_of(tree: &Tree) -> String {
    let mut out = String::new();
    xml::write(tree, NodeId::ROOT, Layout::Pretty, &mut out);
    out
}

/// What a map makes of a resource, where nothing is found on the way.
fn made(map: &str, source: &str) -> Result<Tree, String> {
    let output = run(map, source)?;
    if !output.findings.is_empty() {
        return Err(format!("{:?}", output.findings));
    }
    output.targets.into_iter().next().ok_or_else(|| "nothing is made".to_owned())
}

fn case(map: &Path, source: &Path, expected: &Path) -> Result<(), String> {
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let tree = made(&read(map), &read(source))?;
    if expected.extension().is_some_and(|ending| ending == "xml") {
        let found = xml_of(&tree);
        let names = schema().names();
        let (left, right) =
            (xml::read(&found, names).unwrap(), xml::read(read(expected).trim(), names).unwrap());
        let same = equal(&stripped(&left), NodeId::ROOT, &stripped(&right), NodeId::ROOT);
        return if same { Ok(()) } else { Err(found) };
    }
    let wanted: Value = serde_json::from_str(&read(expected)).unwrap();
    let found = json_of(&tree);
    if found == wanted { Ok(()) } else { Err(found.to_string()) }
}

/// Without the white space between elements.
fn stripped(tree: &Tree) -> Tree {
    let mut copy = tree.clone();
    let blank: Vec<NodeId> = copy
        .descend(NodeId::ROOT)
        .filter(|id| copy.kind(*id) == sauma::tree::Kind::Text && copy.text(*id).trim().is_empty())
        .collect();
    for id in blank {
        copy.remove(id);
    }
    copy
}

#[test]
fn the_suite_of_hl7() {
    let Some(folder) = folder() else { return };
    let mut failures = Vec::new();
    let (mut passed, mut absent) = (0, 0);
    for release in ["r4b", "r5"] {
        let suite = folder.join("suites/hl7").join(release).join("structure-mapping");
        let manifest = fs::read_to_string(suite.join("manifest.xml")).unwrap();
        for test in manifest.split("<test ").skip(1) {
            let value =
                |key: &str| test.split(&format!("{key}=\"")).nth(1).unwrap().split('"').next().unwrap();
            let [map, source, output] = ["map", "source", "output"].map(|key| suite.join(value(key)));
            if ![&map, &source, &output].iter().all(|path| path.is_file()) {
                absent += 1;
                continue;
            }
            match case(&map, &source, &output) {
                Ok(()) => passed += 1,
                Err(why) => failures.push(Failure {
                    file: format!("{release}/{}", value("map")),
                    check: value("name").rsplit('/').next().unwrap().to_owned(),
                    why,
                }),
            }
        }
    }
    println!("{passed} cases pass, of {absent} cases the files are not at hand");
    ratchet::check("structure-mapping", &failures);
    assert!(passed >= 12);
}

/// The text of a file of the suite of R5.
fn suite_file(name: &str) -> Option<String> {
    let path = folder()?.join("suites/hl7/r5/structure-mapping").join(name);
    Some(fs::read_to_string(path).unwrap())
}

#[test]
fn dates_are_computed() {
    let (Some(map), Some(source)) = (suite_file("qr2patfordates.map"), suite_file("qrext.json")) else {
        return;
    };
    let found = json_of(&made(&map, &source).unwrap());
    let wanted = json!({
        "resourceType": "Patient",
        "birthDate": "2023-10-26",
        "deceasedDateTime": "2023-09-20T13:19:13.502Z"
    });
    assert_eq!(found, wanted);
}

#[test]
fn values_are_cast() {
    let (Some(map), Some(source)) = (suite_file("cast.map"), suite_file("qrext.json")) else { return };
    let found = json_of(&made(&map, &source).unwrap());
    let wanted = json!({
        "resourceType": "Observation",
        "extension": [
            { "url": "urn:implicitstring", "valueString": "implicit" },
            { "url": "urn:explicitstring", "valueString": "explicit" },
            { "url": "urn:positiveInt", "valuePositiveInt": 2_147_483_647 },
            { "url": "urn:positiveIntString", "valuePositiveInt": 2_147_483_647 }
        ]
    });
    assert_eq!(found, wanted);
}

#[test]
fn a_where_clause_sees_the_variable_of_its_source() {
    let Some(map) = suite_file("whereclause.map") else { return };
    let codes = ["read", "vread", "update", "delete", "history-instance", "create"];
    let interaction: Vec<Value> = codes.iter().map(|code| json!({ "code": code })).collect();
    let source = json!({
        "resourceType": "CapabilityStatement",
        "rest": [{ "mode": "server", "resource": [{ "type": "Patient", "interaction": interaction }] }]
    });
    let output = run(&map, &source.to_string()).unwrap();
    assert!(output.findings.is_empty(), "{:?}", output.findings);
    let found = json_of(&output.targets[0]);
    assert_eq!(found["rest"][0]["resource"][0]["interaction"].as_array().map(Vec::len), Some(5));
    assert_eq!(output.logs.len(), 5);
}

#[test]
fn the_short_form_copies() {
    let Some(map) = suite_file("syntaxshort.map") else { return };
    let source =
        json!({ "resourceType": "CapabilityStatement", "name": "n", "title": "t", "status": "draft" });
    let found = json_of(&made(&map, &source.to_string()).unwrap());
    assert_eq!(found, json!({ "resourceType": "CapabilityStatement", "name": "n", "title": "t" }));
}

#[test]
fn a_type_that_is_chosen_is_said_in_xml() {
    let map = "map \"http://example.org/cdaxsi\" = \"cdaxsi\"
uses \"http://hl7.org/fhir/StructureDefinition/QuestionnaireResponse\" alias QuestionnaireResponse as source
uses \"http://hl7.org/fhir/cdatest/StructureDefinition/ClinicalDocument\" alias ClinicalDocument as target
uses \"http://hl7.org/fhir/cdatest/StructureDefinition/CD\" alias CD as target
group G(source src : QuestionnaireResponse, target tgt : ClinicalDocument) {
  src -> tgt.code as code, code.code = '1', code.translation = create('CD') as t, t.code = '1' \"x\";
}";
    let tree = made(map, "{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"completed\"}").unwrap();
    let wanted = "<ClinicalDocument xmlns=\"urn:hl7-org:v3-test\">
  <code code=\"1\">
    <translation xsi:type=\"CD\" code=\"1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"/>
  </code>
</ClinicalDocument>";
    let names = schema().names();
    let (found, wanted) = (xml::read(&xml_of(&tree), names).unwrap(), xml::read(wanted, names).unwrap());
    let attribute = |tree: &Tree| {
        let at = tree.descend(NodeId::ROOT).find(|id| tree.name_text(*id) == "@xsi:type");
        at.map(|at| (tree.path(at), tree.text(at).into_owned()))
    };
    assert_eq!(attribute(&found), attribute(&wanted), "{}", xml_of(&tree));
}

#[test]
fn the_map_of_the_benchmark_gives_the_resources_of_its_lens() {
    let Some(folder) = folder() else { return };
    let schema = sauma::mapping::units::schema();
    let text = fs::read_to_string(folder.join("bench/care/care.map")).unwrap();
    let map = parse(&text).map;
    let program = compile(0, &[&map], schema, Compat::Page).unwrap();
    let lens = include_str!("../../benches/care.lens");
    let lens = sauma::mapping::compile(lens, schema, &|_| None).unwrap();
    let lines = fs::read_to_string(folder.join("bench/care/qrs.ndjson")).unwrap();
    let written = |tree: &Tree| {
        let mut out = String::new();
        fhir::write_json(tree, NodeId::ROOT, Some(schema), Layout::Compact, &mut out);
        out
    };
    let mut count = 0;
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let source = fhir::read_json(line, schema.names()).unwrap();
        let output = program.run(&[&source], Settings::default()).unwrap();
        assert!(output.findings.is_empty(), "{:?}", output.findings);
        let got = lens.get(&source).unwrap();
        assert_eq!(written(&output.targets[0]), written(&got.target), "document {count}");
        let mut plain = String::new();
        json::write(&output.targets[0], NodeId::ROOT, Layout::Compact, &mut plain);
        assert_eq!(plain, written(&output.targets[0]), "elements stand in the order of the definitions");
        count += 1;
    }
    println!("{count} documents");
    assert!(count >= 199);
}

#[test]
fn a_misspelt_element_is_found_and_the_rest_is_made() {
    let Some(map) = suite_file("syntax.map") else { return };
    let source = json!({ "resourceType": "Patient", "id": "p", "identifier": [{ "value": "1" }] });
    let output = run(&map, &source.to_string()).unwrap();
    assert_eq!(output.findings.len(), 2, "{:?}", output.findings);
    assert!(output.findings.iter().all(|finding| finding.issue.code.id == "M275"));
    let wanted = json!({
        "resourceType": "Basic",
        "extension": [{ "valueReference": { "reference": "Patient/p" } }]
    });
    assert_eq!(json_of(&output.targets[0]), wanted);
}

#[test]
fn what_is_made_is_no_deeper_than_trees_are() {
    let nested: String = (0..220).map(|at| format!(", e{at}.extension as e{}", at + 1)).collect();
    let map = format!(
        "/// url = 'http://example.org/m'\n/// name = 'M'\n
uses \"http://hl7.org/fhir/StructureDefinition/Patient\" alias Patient as source
uses \"http://hl7.org/fhir/StructureDefinition/Patient\" alias Patient as target
group M(source src : Patient, target tgt : Patient) {{
  src -> tgt.extension as e0{nested};
}}"
    );
    let failed = run(&map, "{\"resourceType\":\"Patient\"}").map(drop);
    assert_eq!(failed, Err("the map needs over 200 levels of elements".to_owned()));
}

/// Runs the command line and gives its exit code, standard output and standard error.
fn sauma(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sauma")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_line_runs_maps() {
    let case = "tests/cases/maps/translate-unknown/";
    let (map, input) = (format!("{case}map.map"), format!("{case}input.json"));
    let (code, out, err) = sauma(&["map", "run", &map, &input]);
    assert_eq!((code, out.contains("\"Observation\"")), (0, true), "{out}{err}");
    assert!(err.contains("M272") && err.contains("map.map:17:22"), "{err}");
    let (code, out, err) =
        sauma(&["map", "trace", "tests/cases/maps/order/map.map", "tests/cases/maps/order/input.json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Patient.birthDate\tPatient.birthDate\ttests/cases/maps/order/map.map:8"), "{out}");
    let case = "tests/cases/maps/logical-target/";
    let arguments = ["map", "run", &format!("{case}map.map"), &format!("{case}input.json"), "--definition"];
    let (code, out, err) = sauma(&[&arguments[..], &[&format!("{case}definition-visit.json")]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("<Visit id=\"p1\""), "{out}");
    let (code, _, err) = sauma(&["map", "run", "tests/cases/maps/not-compiled/map.map", &input]);
    assert_eq!(code, 1, "{err}");
}

#[test]
fn a_map_with_errors_is_run_only_where_that_is_asked_for() {
    let (map, input) =
        ("tests/cases/map-errors/element-in-untyped-group.map", "tests/cases/maps/order/input.json");
    let (code, out, err) = sauma(&["map", "run", map, input]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("M249"), "{err}");
    let (_, out, err) = sauma(&["map", "run", "--unchecked", map, input]);
    assert!(out.contains("CarePlan") && err.contains("M249"), "{out}{err}");
}

#[test]
fn what_is_logged_is_told_without_values() {
    let case = "tests/cases/maps/check-and-log/";
    let (map, input) = (format!("{case}map.map"), format!("{case}input.json"));
    let (_, _, err) = sauma(&["map", "run", &map, &input]);
    assert!(err.contains("map.map:8 Main: ·····") && !err.contains("phone"), "{err}");
    let (_, _, err) = sauma(&["map", "run", "--show-values", &map, &input]);
    assert!(err.contains("map.map:8 Main: phone"), "{err}");
    let (_, _, err) = sauma(&["map", "run", "--format", "json", &map, &input]);
    assert!(err.contains("\"logs\":[{"), "{err}");
}

#[test]
fn a_value_that_gave_way_is_traced() {
    let case = "tests/cases/maps/replaced-values/";
    let (_, out, err) = sauma(&["map", "trace", &format!("{case}map.map"), &format!("{case}input.json")]);
    assert!(out.contains("Patient.language\tPatient.name[0].family") && out.contains("replaced by"), "{out}");
    assert!(err.contains("M284"), "{err}");
}

/// Whatever a map is given, it makes something, finds something, or refuses.
#[test]
fn every_map_takes_every_document() {
    let mut folders: Vec<_> =
        fs::read_dir("tests/cases/maps").unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let read = |name: &str| -> Vec<String> {
        folders.iter().filter_map(|folder| fs::read_to_string(folder.join(name)).ok()).collect()
    };
    let (maps, inputs) = (read("map.map"), read("input.json"));
    let documents: Vec<Tree> = inputs
        .iter()
        .map(|text| {
            fhir::read_json(text, schema().names()).or_else(|_| json::read(text, schema().names())).unwrap()
        })
        .collect();
    let mut runs = 0;
    for text in &maps {
        let mut map = read_map(text);
        // Where a map does not say which document it reads, any will do.
        for input in map.groups.iter_mut().take(1).flat_map(|group| &mut group.inputs) {
            if input.mode == InputMode::Source {
                input.type_name = None;
            }
        }
        for compat in [Compat::Page, Compat::Reference] {
            let Ok(program) = compile(0, &[&map], schema(), compat) else { continue };
            for document in &documents {
                let settings = Settings { with_ledger: true, with_origins: true, ..Settings::default() };
                let Ok(output) = program.run(&[document], settings) else { continue };
                let leaves = output.ledger(document).counts().total();
                assert!(leaves <= document.len());
                output.targets.iter().for_each(|target| {
                    let text = json::to_string(target, Layout::Compact);
                    assert!(json::read(&text, schema().names()).is_ok(), "{text}");
                });
                runs += 1;
            }
        }
    }
    println!("{runs} runs");
    assert!(runs > 3_000);
}

#[test]
fn rules_within_rules_and_groups_end_at_the_limit() {
    let head = "/// url = 'http://example.org/m'\n/// name = 'M'\n
uses \"http://hl7.org/fhir/StructureDefinition/Patient\" alias Patient as source
uses \"http://hl7.org/fhir/StructureDefinition/Patient\" alias Patient as target\n";
    let (open, close) = ("src as a then {\n".repeat(60), "};\n".repeat(60));
    let nested = format!(
        "group M(source src : Patient, target tgt : Patient) {{ {open} src then M(src, tgt); {close} }}"
    );
    let sources = vec!["src"; 600].join(", ");
    let many =
        format!("group M(source src : Patient, target tgt : Patient) {{ {sources} -> tgt.active = true; }}");
    for group in [nested, many] {
        let failed = run(&format!("{head}{group}"), "{\"resourceType\":\"Patient\"}").map(drop);
        assert_eq!(failed, Err("the map needs over 500 sources at once".to_owned()));
    }
}
