//! Tests over R4 core and over small definitions written here.

use super::*;
use tar::EntryType::{Link, Regular, Symlink};

/// A logical model as `profiles/` holds them: a differential and nothing else.
const VISIT: &str = r##"{
  "resourceType": "StructureDefinition", "url": "https://example.org/visit", "name": "Visit", "status": "draft",
  "kind": "logical", "abstract": false, "type": "https://example.org/visit",
  "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Element", "derivation": "specialization",
  "differential": { "element": [
    { "id": "Visit", "path": "Visit" },
    { "id": "Visit.code", "path": "Visit.code", "min": 1, "max": "1", "representation": ["xmlAttr"],
      "type": [{ "code": "code" }], "label": "Käyntikoodi", "short": "Code of the visit" },
    { "id": "Visit.note", "path": "Visit.note", "min": 0, "max": "*", "type": [{ "code": "BackboneElement" }] },
    { "id": "Visit.note.text", "path": "Visit.note.text", "min": 1, "max": "1", "representation": ["xmlText"],
      "type": [{ "code": "string" }] },
    { "id": "Visit.note.reply", "path": "Visit.note.reply", "min": 0, "max": "*",
      "contentReference": "#Visit.note" },
    { "id": "Visit.client", "path": "Visit.client", "min": 0, "max": "1", "type": [{ "code": "HumanName" }] },
    { "id": "Visit.when[x]", "path": "Visit.when[x]", "min": 0, "max": "1",
      "type": [{ "code": "date" }, { "code": "Period" }] },
    { "id": "Visit.born", "path": "Visit.born", "min": 0, "max": "1", "type": [{ "code": "date" }] },
    { "id": "Visit.born.extension", "path": "Visit.born.extension", "min": 0, "max": "*",
      "type": [{ "code": "Extension" }] }
  ] }
}"##;

/// The element at a path below a type, as one line: type, form, cardinality, list and attribute.
fn check(schema: &Schema, ty: &str, path: &str, expected: &str) {
    let found = schema.resolve(ty).ok().and_then(|ty| schema.find_path(ty, path));
    let line = found.map_or("none".to_owned(), |found| {
        let element = found.element;
        let max = if element.max == u32::MAX { "*".to_owned() } else { element.max.to_string() };
        let list = if element.is_list() { " list" } else { "" };
        let attribute = if element.is_attribute() { " attribute" } else { "" };
        let name = schema.type_info(found.ty).name;
        format!("{name} {:?} {}..{max}{list}{attribute}", found.form, element.min)
    });
    assert_eq!(line, expected, "{ty}.{path}");
}

#[test]
fn the_embedded_file_is_what_the_package_compiles_to() {
    // Only where the official package is at hand; `sauma package build` writes the same bytes.
    let Some(path) = std::env::var_os("SAUMA_R4_PACKAGE") else { return };
    let tgz = std::fs::read(path).unwrap_or_default();
    let built = build(&tgz).map_err(|error| error.to_string());
    if let (Some(out), Ok(built)) = (std::env::var_os("SAUMA_R4_OUT"), &built) {
        assert!(std::fs::write(out, built).is_ok());
    }
    assert_eq!(built.as_ref().map(|built| built == R4), Ok(true), "the embedded file is stale");
}

#[test]
fn the_embedded_file_is_sound() {
    assert!(Pack::read(R4.to_vec()).is_ok());
    assert!(Schema::r4().parts.iter().all(|part| part.is_sound()));
    assert_eq!(Schema::r4().parts.len(), 1);
}

#[test]
fn every_type_of_r4_is_there() {
    let schema = Schema::r4();
    let infos: Vec<TypeInfo<'_>> = schema.all_types().map(|ty| schema.type_info(ty)).collect();
    let count = |kind, is_abstract| {
        infos.iter().filter(|info| info.kind == kind && info.is_abstract == is_abstract).count()
    };
    assert_eq!(count(TypeKind::Resource, false), 146);
    assert_eq!(count(TypeKind::Resource, true), 2);
    assert_eq!(count(TypeKind::Primitive, false), 20);
    let plan = schema.type_named("CarePlan");
    assert_eq!(schema.type_by_url("http://hl7.org/fhir/StructureDefinition/CarePlan|4.0.1"), plan);
    let base = plan.and_then(|plan| schema.type_info(plan).base).map(|base| schema.type_info(base).name);
    assert_eq!(base, Some("DomainResource"));
    assert_eq!(schema.packages().next().map(|it| (it.0, it.1)), Some(("hl7.fhir.r4.core", "4.0.1")));
    assert_eq!(schema.incomplete().count(), 0);
    assert_eq!(schema.type_named("SimpleQuantity"), None);
    assert!(schema.type_by_url("http://hl7.org/fhir/StructureDefinition/SimpleQuantity").is_some());
}

#[test]
fn every_element_has_a_known_type_and_its_own_names() {
    let schema = Schema::r4();
    for number in 0..schema.types {
        let ty = TypeId(number);
        for element in schema.elements(ty).iter().filter(|element| element.slice().is_none()) {
            let names = schema.names_in_data(ty, element);
            assert!(!names.is_empty(), "{}.{}", schema.type_info(ty).name, schema.name_text(element.name));
            assert!(names.iter().all(|found| found.ty != UNKNOWN), "{}", schema.type_info(ty).name);
        }
    }
}

#[test]
fn elements_are_found_by_their_names_in_data() {
    let check = |ty, path, expected| check(Schema::r4(), ty, path, expected);
    check("CarePlan", "activity", "CarePlan.activity Object 0..* list");
    check("CarePlan", "activity.detail", "CarePlan.activity.detail Object 0..1");
    check("CarePlan", "activity.detail.scheduledTiming", "Timing Object 0..1");
    check("CarePlan", "activity.detail.scheduledTiming.repeat.boundsPeriod.start", "dateTime Str 0..1");
    check("CarePlan", "activity.detail.scheduled", "none");
    check("CarePlan", "contained", "Resource Resource 0..* list");
    check("Observation", "component.valueQuantity.value", "decimal Number 0..1");
    check("Observation", "component.referenceRange", "Observation.referenceRange Object 0..* list");
    check("Observation", "component.referenceRange.low.unit", "string Str 0..1");
    check("Bundle", "entry.link", "Bundle.link Object 0..* list");
    check("Bundle", "entry.link.relation", "string Str 1..1");
    check("Bundle", "entry.resource", "Resource Resource 0..1");
    check("ValueSet", "compose.exclude.concept.designation.value", "string Str 1..1");
    check("Questionnaire", "item.item.item.linkId", "string Str 1..1");
    check("Parameters", "parameter.part.part.valueBoolean", "boolean Bool 0..1");
    check("Patient", "multipleBirthInteger", "integer Number 0..1");
    check("Narrative", "div", "xhtml Xhtml 1..1");
    check("Patient", "id", "string Str 0..1");
    check("HumanName", "id", "string Str 0..1 attribute");
    check("Extension", "url", "uri Str 1..1 attribute");
    check("Extension", "valueReference.reference", "string Str 0..1");
    check("date", "id", "string Str 0..1 attribute");
    check("date", "extension", "Extension Object 0..* list");
    check("date", "value", "none");
    check("http://hl7.org/fhir/StructureDefinition/bp", "component.valueQuantity", "Quantity Object 0..1");
}

#[test]
fn the_shape_that_readers_see() {
    let schema = Schema::r4();
    let plan = Shape::type_named(schema, "CarePlan").unwrap_or(UNKNOWN);
    let order = |name| Shape::element(schema, plan, name).map(|element| element.order);
    assert_eq!([order("id"), order("meta"), order("identifier")], [Some(1), Some(2), Some(9)]);
    assert!(order("status") < order("subject"));
    assert_eq!(order("resourceType"), None);
    let detail = schema.find_path(plan, "activity.detail").map_or(UNKNOWN, |found| found.ty);
    let of = |name| Shape::element(schema, detail, name).map(|element| element.order);
    assert!(of("scheduledString").is_some());
    assert_eq!(of("scheduledString"), of("scheduledPeriod"));
}

#[test]
fn required_elements_bindings_and_invariants() {
    let schema = Schema::r4();
    let goal = schema.type_named("Goal").unwrap_or(UNKNOWN);
    let required: Vec<&str> = schema.required(goal).map(|element| schema.name_text(element.name)).collect();
    assert_eq!(required, ["lifecycleStatus", "description", "subject"]);
    let status = schema.find(goal, "lifecycleStatus").map(|found| found.element);
    let binding = status.and_then(ElementDef::binding);
    assert_eq!(binding.map(|binding| binding.strength), Some(Strength::Required));
    let codes = binding.and_then(|binding| schema.codes(&binding.value_set)).unwrap_or_default();
    let codes: Vec<&str> = codes.iter().map(|code| code.code).collect();
    assert_eq!(codes[..4], ["proposed", "planned", "accepted", "active"]);
    let subject = schema.find(goal, "subject").and_then(|found| found.type_ref);
    let targets = subject.map(|ty| ty.targets.iter().map(|url| &url[FHIR_BASE.len()..]).collect::<Vec<_>>());
    assert_eq!(targets, Some(vec!["Patient", "Group", "Organization"]));
    let keys: Vec<&str> = schema.type_constraints(goal).iter().map(|it| &*it.key).collect();
    assert!(keys.contains(&"dom-2"));
    let target = schema.find(goal, "target").map(|found| schema.element_constraints(goal, found.element));
    assert!(target.is_some_and(|constraints| constraints.iter().any(|it| &*it.key == "gol-1")));
    let names =
        schema.choice(goal, "start").map(|start| schema.names_in_data(goal, start)).unwrap_or_default();
    let names: Vec<&str> = names.iter().map(|found| schema.name_text(found.name)).collect();
    assert_eq!(names, ["startDate", "startCodeableConcept"]);
}

#[test]
fn profiles_keep_fixed_values_and_slices() {
    let schema = Schema::r4();
    let birth =
        schema.type_by_url("http://hl7.org/fhir/StructureDefinition/patient-birthPlace").unwrap_or(UNKNOWN);
    let url = schema.find(birth, "url").and_then(|found| found.element.facts().fixed.clone());
    let json = "\"http://hl7.org/fhir/StructureDefinition/patient-birthPlace\"";
    assert_eq!(url, Some(Literal { code: "Uri".into(), json: json.into() }));
    let bp = schema.type_by_url("http://hl7.org/fhir/StructureDefinition/bp").unwrap_or(UNKNOWN);
    let slices: Vec<&str> = schema.elements(bp).iter().filter_map(ElementDef::slice).collect();
    assert_eq!(slices, ["VSCat", "valueQuantity", "SystolicBP", "DiastolicBP"]);
    let rules = schema.find(bp, "component").and_then(|found| found.element.facts().slicing.clone());
    assert_eq!(rules.map(|it| (it.discriminators.len(), it.rules)), Some((2, "open".into())));
}

#[test]
fn a_logical_model_is_added_to_a_copy() {
    let mut schema = Schema::r4().clone();
    let visit = schema.add_definition(VISIT).unwrap_or(UNKNOWN);
    assert_eq!(schema.type_named("Visit"), Some(visit));
    assert_eq!(schema.type_by_url("https://example.org/visit"), Some(visit));
    assert_eq!(Schema::r4().type_named("Visit"), None);
    check(&schema, "Visit", "@code", "code Str 1..1 attribute");
    check(&schema, "Visit", "code", "none");
    check(&schema, "Visit", "note", "Visit.note Object 0..* list");
    check(&schema, "Visit", "note.text()", "string Str 1..1");
    check(&schema, "Visit", "note.reply.reply.text()", "string Str 1..1");
    check(&schema, "Visit", "client.family", "string Str 0..1");
    check(&schema, "Visit", "whenPeriod.start", "dateTime Str 0..1");
    check(&schema, "Visit", "born", "Visit.born Str 0..1");
    check(&schema, "Visit", "whenDate", "date Str 0..1");
    check(&schema, "CarePlan", "activity.detail.status", "code Str 1..1");
    let code = schema.find(visit, "@code").map(|found| found.element.facts().label.clone());
    assert_eq!(code, Some(Some("Käyntikoodi".into())));
    let info = schema.type_info(visit);
    assert_eq!((info.name, info.kind, info.is_resource()), ("Visit", TypeKind::Logical, false));
}

#[test]
fn definitions_that_cannot_be_used_are_refused() {
    let refused = |json: &str| {
        let mut schema = Schema::r4().clone();
        schema
            .add_definition(json)
            .map_or_else(|error| format!("{} {error}", error.code().id), |_| String::new())
    };
    assert!(refused("{").starts_with("V303 the definition is not JSON at byte"));
    assert!(
        refused(r#"{"resourceType":"Patient"}"#)
            .starts_with("V303 the definition is not a StructureDefinition")
    );
    let sparse = VISIT.replace("Visit.note.text", "Visit.other.text");
    assert!(refused(&sparse).ends_with("has `Visit.other.text` without the element above it"));
    let reference = VISIT.replace("#Visit.note", "#Visit.nota");
    assert!(refused(&reference).ends_with("refers to `Visit.nota`, which has no children here"));
    let profile = VISIT
        .replace("\"Visit\", \"status\"", "\"Made\", \"status\"")
        .replace("specialization", "constraint");
    assert_eq!(refused(&profile), "V303 https://example.org/visit has `Visit` where its base has `Element`");
    assert!(refused(&VISIT.replace("\"logical\"", "\"x\"")).ends_with("has no kind"));
    assert_eq!(Schema::r4().resolve("Nobody").map_err(|error| error.code().id), Err("V302"));
}

#[test]
fn code_systems_and_value_sets_are_enumerated() {
    let schema = Schema::r4();
    let count = |url: &str| schema.codes(url).map(|codes| codes.len());
    assert_eq!(count("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"), Some(4));
    assert_eq!(count("http://hl7.org/fhir/ValueSet/request-status"), Some(7));
    assert_eq!(count("http://hl7.org/fhir/ValueSet/observation-codes"), None);
    assert_eq!(count("http://example.org/none"), None);
    let status = schema.code_system("http://hl7.org/fhir/goal-status");
    let child = status.and_then(|status| status.concept("on-hold")).and_then(|concept| concept.parent);
    let parent =
        status.zip(child).and_then(|(status, at)| status.concepts.get(at as usize)).map(|it| &*it.code);
    assert_eq!(parent, Some("accepted"));
    assert!(
        schema.codes("http://terminology.hl7.org/ValueSet/v3-PurposeOfUse").is_some_and(|it| it.len() > 20)
    );
    assert!(schema.concept_map("http://hl7.org/fhir/ConceptMap/101").is_some());
    let search = schema.search_parameters().find(|it| &*it.code == "activity-code");
    assert_eq!(search.map(|it| &*it.expression), Some("CarePlan.activity.detail.code"));
}

#[test]
fn foreign_bytes_are_refused() {
    let refused = |bytes: Vec<u8>| Pack::read(bytes).is_err();
    assert!(refused(Vec::new()));
    assert!(refused(vec![0; 200]));
    let mut changed = R4.to_vec();
    if let Some(last) = changed.last_mut() {
        *last ^= 1;
    }
    assert!(refused(changed));
    assert!(build(b"no archive").is_err());
    for entry in ["../evil.json", "elsewhere/a.json"] {
        assert!(matches!(build(&archive(entry, b"{}")), Err(Error::Outside)), "{entry}");
    }
    assert!(matches!(
        build(&archive("package/a.json", b"{\"resourceType\":\"ValueSet\"")),
        Err(Error::Shape { .. })
    ));
    let visit = build(&archive("package/visit.json", VISIT.as_bytes())).and_then(Pack::read);
    let schema = visit.and_then(|pack| Schema::with(&[pack], &[]));
    assert!(schema.is_ok_and(|schema| schema.type_named("Visit").is_some()));
}

fn archive(path: &str, content: &[u8]) -> Vec<u8> {
    packed(&[(path, tar::EntryType::Regular, content)])
}

fn packed(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        // The safe setter refuses `..`, which is what is tested here.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(*kind);
        header.set_cksum();
        assert!(tar.append(&header, *content).is_ok());
    }
    let tar = tar.into_inner().unwrap_or_default();
    let mut packed = Vec::new();
    let mut gzip = flate2::read::GzEncoder::new(&tar[..], flate2::Compression::fast());
    assert!(std::io::Read::read_to_end(&mut gzip, &mut packed).is_ok());
    packed
}

#[test]
fn hostile_archives_are_refused() {
    let check = |entries: &[(&str, tar::EntryType, &[u8])], expected: &str| {
        let refused =
            Archive::read(&packed(entries)).map_or_else(|error| error.to_string(), |_| String::new());
        assert_eq!(refused, expected);
    };
    check(&[("package/a.json", Regular, b"{}"), ("package/package.json", Regular, b"{}")], "");
    check(&[("package/../../a.json", Regular, b"{}")], "the archive has an entry outside `package/`");
    check(&[("/etc/passwd", Regular, b"{}")], "the archive has an entry outside `package/`");
    check(&[("package/a.json", Symlink, b"")], "the archive has a link");
    check(&[("package/a.json", Link, b"")], "the archive has a link");
    check(
        &[("package/a.json", Regular, b"{}"), ("package/a.json", Regular, b"[]")],
        "the archive has `a.json` twice",
    );
    check(
        &[("package/a.json", Regular, b"{}"), ("./package/a.json", Regular, b"[]")],
        "the archive has `a.json` twice",
    );
    check(
        &[("package/package.json", Regular, b"{")],
        "package.json is not JSON at byte 1: a key in double quotes was expected",
    );
    check(&[("package/a.json", Regular, b"\xff")], "a.json is not UTF-8");
    let bomb = vec![b' '; 33 << 20];
    let limit = format!("the package has over {UNPACKED_BYTES_LEAST} unpacked bytes");
    check(&[("package/a.json", Regular, &bomb)], &limit);
    // Cut off in the middle.
    let whole = archive("package/a.json", VISIT.as_bytes());
    assert!(matches!(Archive::read(&whole[..whole.len() / 2]), Err(Error::Archive(_))));
}

/// Slices copy what stands below the element they slice, so few entries can ask for many elements.
#[test]
fn a_differential_that_makes_too_much_is_refused() {
    let mut entries: Vec<String> = ["name", "telecom", "address", "organization", "period", "gender"]
        .iter()
        .map(|name| format!(r#"{{"path":"Patient.contact.{name}.extension","max":"0"}}"#))
        .collect();
    entries
        .extend((0..2_500).map(|number| format!(r#"{{"path":"Patient.contact","sliceName":"s{number}"}}"#)));
    let text = format!(
        r#"{{"resourceType":"StructureDefinition","url":"https://example.org/many","name":"Many","kind":"resource",
        "type":"Patient","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient",
        "differential":{{"element":[{}]}}}}"#,
        entries.join(",")
    );
    let refused = Schema::r4().clone().add_definition(&text).map_err(|error| error.to_string());
    let expected = "https://example.org/many makes over 100000 elements, in `Patient.contact`";
    assert_eq!(refused, Err(expected.to_owned()));
}

/// A package whose profile derives from a profile of another, added in both orders.
#[test]
fn packages_complete_each_other_in_any_order() {
    let definition = |name: &str, base: &str| {
        format!(
            r#"{{"resourceType":"StructureDefinition","url":"https://example.org/{name}","name":"{name}",
            "kind":"resource","type":"Goal","derivation":"constraint","baseDefinition":"{base}",
            "differential":{{"element":[{{"path":"Goal.{name}","min":1}}]}}}}"#
        )
    };
    let first = archive(
        "package/a.json",
        definition("category", "http://hl7.org/fhir/StructureDefinition/Goal").as_bytes(),
    );
    let second = archive("package/b.json", definition("note", "https://example.org/category").as_bytes());
    let check = |order: [&[u8]; 2], waiting: usize| {
        let mut schema = Schema::r4().clone();
        let mut counts = Vec::new();
        for tgz in order {
            let added = Archive::read(tgz).and_then(|archive| schema.add_archive(archive));
            assert!(added.is_ok());
            counts.push(schema.incomplete().count());
        }
        assert_eq!(counts, [waiting, 0]);
        let note = schema.type_by_url("https://example.org/note").unwrap_or(UNKNOWN);
        let required: Vec<&str> = schema.required(note).map(|it| schema.name_text(it.name)).collect();
        assert_eq!(required, ["lifecycleStatus", "category", "description", "subject", "note"]);
    };
    check([&first, &second], 0);
    check([&second, &first], 1);
    let compiled = compile_package(&second).and_then(|second| {
        let mut schema = Schema::with(&[second], &[])?;
        assert_eq!(schema.incomplete().count(), 1);
        schema.add_pack(&compile_package(&first)?)?;
        Ok(schema.incomplete().count())
    });
    assert_eq!(compiled.ok(), Some(0));
}

#[test]
fn changed_bytes_never_panic() {
    let pack = build(&archive("package/visit.json", VISIT.as_bytes())).unwrap_or_default();
    let mut compiler = compile::Compiler::new();
    assert!(compiler.add("visit", VISIT.to_owned()).is_ok());
    let stored = pack::write(compiler.finish(String::new()), flate2::Compression::none());
    let stored = stored.map(Pack::into_bytes).unwrap_or_default();
    for bytes in [pack, stored] {
        for at in 40..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                ask_everything(changed);
            }
        }
    }
}

/// Reads bytes past the check of their hash and touches whatever they define.
fn ask_everything(bytes: Vec<u8>) {
    let mut schema = Schema::empty();
    if schema.add_bytes(Cow::Owned(bytes)).is_err() {
        return;
    }
    for number in 0..schema.types.min(50) {
        let ty = TypeId(number);
        for element in schema.elements(ty) {
            for found in schema.names_in_data(ty, element) {
                assert!(schema.type_info(found.ty).name.len() < 1_000);
            }
            assert!(schema.element_constraints(ty, element).len() < 1_000);
        }
    }
    assert!(schema.type_named("Visit").is_none_or(|ty| schema.type_info(ty).name == "Visit"));
    assert!(schema.codes("Visit").is_none() && schema.search_parameters().count() < 1_000);
}
