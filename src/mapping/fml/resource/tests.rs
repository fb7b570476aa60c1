use super::*;
use crate::mapping::fml::model::Map;
use crate::mapping::fml::{Dialect, parse, print};
use crate::schema::Schema;
use crate::tree::json::{Layout, to_string};
use crate::tree::{NodeId, fhir};

const MAP: &str = r#"/// url = "http://example.org/m"
/// name = "m"
/// status = "active"
/// experimental = true
/// jurisdiction =
/// jurisdiction.coding =
/// jurisdiction.coding.code = "FI"
/// jurisdiction.coding =
/// jurisdiction.coding.code = "SE"

conceptmap "c" {
  prefix s = "a"
  prefix t = "b"
  s:x = t:1
  s:x <= t:2
  s:y --
  s:z - t:"q r"
}

uses "http://hl7.org/fhir/StructureDefinition/Patient" alias P as source // what is read
uses "http://hl7.org/fhir/StructureDefinition/Basic" as produced

imports "http://example.org/*"

let a = 'x' & 'y';

// The first group
group G(source src : P, target tgt : Basic) extends H <<type+>> {
  src.a -> tgt.b;
  src.a -> tgt.c;
  src -> tgt : a, b "both";
  src.value : Quantity 0..1 default ('x') only_one as v where (v > 1) check (true) log ('l') -> tgt.`a.b` = v as w share s, tgt.c.d = create('Code') as x first single;
  // evaluated
  src.a default (1 + 1) as v, src.b as w -> tgt.x = (v + 1), tgt.y = evaluate(v, w.x), tgt.z = append(v, ' ', 1.50), ('u') as k then G(v, w), H(v, tgt) {
    v -> tgt.d = true;
  } "full";
}
"#;

fn of(text: &str) -> Map {
    let parsed = parse(text);
    assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
    parsed.map
}

#[test]
fn a_map_comes_back_from_both_forms_in_json_and_xml() {
    let schema = Schema::r4();
    let map = of(MAP);
    assert_eq!(of(&print(&map, Dialect::R4).unwrap_or_default()), map);
    for release in [Release::R4, Release::R5] {
        let (tree, _) = write(&map, release, schema);
        let json = to_string(&tree, Layout::Pretty);
        let from_json = fhir::read_json(&json, schema.names());
        let mut xml = String::new();
        let shape = MapShape::new(schema);
        let written = fhir::write_xml(&tree, NodeId::ROOT, &shape, Layout::Pretty, &mut xml);
        assert!(written.is_ok(), "{written:?}");
        let from_xml = fhir::read_xml(&xml, schema.names(), &shape);
        for (read_tree, text) in [(from_json, &json), (from_xml, &xml)] {
            let resource = read_tree.and_then(|tree| read(&tree));
            assert!(resource.is_ok(), "{resource:?}\n{text}");
            let Ok(resource) = resource else { continue };
            assert_eq!(resource.release, release, "{text}");
            assert!(resource.issues.is_empty(), "{:?}", resource.issues);
            let mut expected = map.clone();
            if release == Release::R5 {
                // R5 has no word for `equal`.
                expected.concept_maps[0].mappings[0].relation =
                    crate::mapping::fml::model::Relation::Equivalent;
            }
            assert_eq!(resource.map, expected, "{text}");
            let (again, _) = write(&resource.map, release, schema);
            assert!(fhir::equal(&tree, &again, &shape), "{text}\n{}", to_string(&again, Layout::Pretty));
        }
    }
}

#[test]
fn what_r4_cannot_say_is_reported() {
    let (_, issues) = write(&of(MAP), Release::R4, Schema::r4());
    let said: Vec<_> = issues.iter().map(|issue| issue.message.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    let (_, issues) = write(&of(MAP), Release::R5, Schema::r4());
    assert!(issues.is_empty(), "{issues:?}");
}

#[test]
fn a_resource_with_faults_is_read_as_far_as_it_goes() {
    let json = r#"{"resourceType": "StructureMap", "group": [{"name": "G", "typeMode": "tpyes",
        "input": [{"name": "a", "mode": "source"}],
        "rule": [{"name": "r", "source": [{"element": "x", "min": "y"}], "odd": 1,
        "target": [{"listMode": ["share"], "parameter": [{}], "transform": "copy"}]}]}]}"#;
    let schema = Schema::r4();
    let read = fhir::read_json(json, schema.names()).and_then(|tree| read(&tree));
    let issues: Vec<_> = read.iter().flat_map(|read| &read.issues).map(|issue| issue.path.clone()).collect();
    assert_eq!(
        issues,
        [
            "StructureMap.group[0].typeMode",
            "StructureMap.group[0].rule[0].odd",
            "StructureMap.group[0].rule[0].source[0]",
            "StructureMap.group[0].rule[0].source[0].min",
            "StructureMap.group[0].rule[0].target[0].parameter[0]",
            "StructureMap.group[0].rule[0].target[0].listMode[0]",
        ]
    );
}

#[test]
fn another_resource_is_refused() {
    let tree = fhir::read_json("{\"resourceType\": \"Patient\"}", Schema::r4().names());
    assert!(tree.is_ok_and(|tree| read(&tree).is_err()));
}

/// A resource comes back as it was.
fn comes_back(json: &str, release: Release) {
    let schema = Schema::r4();
    let tree = fhir::read_json(json, schema.names());
    assert!(tree.is_ok(), "{tree:?}");
    let Ok(tree) = tree else { return };
    let resource = read(&tree);
    assert!(resource.is_ok(), "{resource:?}");
    let Ok(resource) = resource else { return };
    assert_eq!((resource.release, resource.issues.as_slice()), (release, &[][..]));
    let (again, _) = write(&resource.map, release, schema);
    let written = to_string(&again, Layout::Pretty);
    assert!(fhir::equal(&tree, &again, &MapShape::new(schema)), "{written}");
}

#[test]
fn everything_that_a_resource_says_comes_back() {
    comes_back(
        r#"{"resourceType": "StructureMap", "id": "x", "meta": {"profile": ["http://e/p", "http://e/q"]},
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>"},
        "contained": [{"resourceType": "ValueSet", "id": "v", "status": "active"},
            {"resourceType": "ConceptMap", "id": "c", "status": "active", "url": "http://e/c", "group": [{
            "source": "a", "target": "b", "element": [{"code": "x", "display": "X", "target": [
            {"code": "y", "display": "Y", "equivalence": "wider"}, {"equivalence": "unmatched"}]}]},
            {"source": "d", "target": "b", "element": [{"code": "z", "target": [{"code": "y", "equivalence": "equal"}]}]}]}],
        "extension": [{"url": "http://e/x", "valueBoolean": true}], "url": "http://e/m",
        "identifier": [{"value": "1"}, {"value": "2"}], "name": "m", "title": "T",
        "_title": {"extension": [{"url": "http://e/t", "valueString": "t"}]}, "status": "draft",
        "experimental": false, "group": [{"name": "G", "typeMode": "none",
        "input": [{"name": "a", "mode": "source", "documentation": "d */ e"}],
        "rule": [{"name": "r.1", "source": [{"context": "a", "min": 0, "max": "*", "defaultValueCode": "c",
        "element": "b.c", "listMode": "first", "variable": "v"}, {"context": "a", "defaultValueDecimal": 1}],
        "target": [{"contextType": "variable", "context": "t", "element": "e", "listMode": ["share", "collate"],
        "listRuleId": "s", "transform": "dateOp", "parameter": [{"valueId": "v"}, {"valueInteger": 1},
        {"valueDecimal": 1.0}, {"valueBoolean": true}, {"valueString": "x"}]},
        {"variable": "w", "transform": "evaluate", "parameter": [{"valueString": "now()"}]}],
        "dependent": [{"name": "G", "variable": ["v"]}]}]}]}"#,
        Release::R4,
    );
    comes_back(
        r#"{"resourceType": "StructureMap", "url": "http://e/m", "name": "m", "status": "active",
        "versionAlgorithmString": "semver", "copyrightLabel": "all", "const": [{"name": "a", "value": "1 + 1"}],
        "contained": [{"resourceType": "ConceptMap", "id": "c", "status": "draft", "group": [{"source": "a",
            "target": "b", "element": [{"code": "x", "target": [{"code": "y",
            "relationship": "source-is-broader-than-target"}]}, {"code": "z", "noMap": true}]}]}],
        "group": [{"name": "G", "input": [{"name": "a", "mode": "source"}],
        "rule": [{"source": [{"context": "a", "defaultValue": "x | y", "element": "b"}],
        "target": [{"context": "t", "element": "e", "listMode": ["single"], "transform": "append",
        "parameter": [{"valueDate": "2024"}, {"valueTime": "10:00:00"}, {"valueDateTime": "2024-01-01T10:00:00Z"}]}],
        "dependent": [{"name": "G", "parameter": [{"valueId": "a"}, {"valueString": "x"}]}]}]}]}"#,
        Release::R5,
    );
}
