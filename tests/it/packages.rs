//! Packages are added to a folder, listed, and checked against its lock file.

use crate::cli::Folder;
use sauma::schema::{Archive, Schema};
use sauma::tree::fhir;
use sauma::validate::{Options, Validator};
use std::io::Read;

/// A package as the registry publishes it, with one profile.
fn package(name: &str, version: &str, dependencies: &str, base: &str) -> Vec<u8> {
    let manifest = format!(r#"{{"name":"{name}","version":"{version}","dependencies":{{{dependencies}}}}}"#);
    let profile = format!(
        r#"{{"resourceType":"StructureDefinition","url":"https://example.org/{name}","name":"{name}","kind":"resource",
        "type":"Goal","derivation":"constraint","baseDefinition":"{base}","differential":{{"element":[]}}}}"#
    );
    packed(&[("package/package.json", &manifest), ("package/profile.json", &profile)])
}

/// The files as a `.tgz`.
fn packed(files: &[(&str, &String)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let mut packed = Vec::new();
    let mut gzip = flate2::read::GzEncoder::new(&tar[..], flate2::Compression::fast());
    gzip.read_to_end(&mut packed).unwrap();
    packed
}

/// A core package with the type of all elements and one resource.
fn core(version: &str) -> Archive {
    let manifest = format!(r#"{{"name":"a.core","version":"{version}"}}"#);
    let definition = |name: &str, kind: &str, elements: &str| {
        format!(
            r#"{{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/{name}",
            "name":"{name}","type":"{name}","kind":"{kind}","abstract":false,"fhirVersion":"{version}",
            "snapshot":{{"element":[{{"path":"{name}"}}{elements}]}}}}"#
        )
    };
    let element = definition("Element", "complex-type", "");
    let date =
        r#",{"path":"Citation.date","min":1,"max":"1","type":[{"code":"Element"}],"base":{"max":"1"}}"#;
    let citation = definition("Citation", "resource", date);
    let files =
        [("package/package.json", &manifest), ("package/a.json", &element), ("package/b.json", &citation)];
    Archive::read(&packed(&files)).unwrap()
}

#[test]
fn a_core_package_of_r4b_can_stand_in_place_of_r4_and_one_of_r5_not() {
    let schema = Schema::of_core(core("4.3.0")).unwrap();
    assert!(schema.type_named("Citation").is_some() && schema.type_named("CarePlan").is_none());
    let tree = fhir::read_json(r#"{"resourceType":"Citation"}"#, schema.names()).unwrap();
    let report = Validator::new(&schema).validate(&tree, &Options::default());
    let messages: Vec<&str> = report.issues.iter().map(|issue| &*issue.message).collect();
    assert_eq!(messages, ["`date` is required and missing"]);

    assert!(Schema::of_core(core("5.0.0")).is_err());
    let mut schema = Schema::r4().clone();
    schema.add_archive(core("5.0.0")).unwrap();
    assert!(schema.type_named("Citation").is_none());
    let refused: Vec<_> = schema.incomplete().collect();
    let citation = "http://hl7.org/fhir/StructureDefinition/Citation";
    assert!(refused.contains(&(citation, "is for FHIR 5.0.0, not for R4")), "{refused:?}");
}

const GOAL: &str = "http://hl7.org/fhir/StructureDefinition/Goal";

#[test]
fn packages_are_added_listed_and_verified() {
    let folder = Folder::new("packages");
    let base = package("own.base", "1.0.0", r#""hl7.fhir.r4.core":"4.0.1""#, GOAL);
    let guide = package("own.guide", "2.0.0", r#""own.base":"1.0.x""#, "https://example.org/own.base");
    folder.file("base.tgz", &base).file("guide.tgz", &guide);

    let check = |args: &[&str], code: i32, expected: &str| {
        let ran = folder.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (code, expected), "{args:?} {}", ran.err);
    };
    check(&["package", "add", "guide.tgz", "--packages", "all", "--quiet"], 0, "");
    check(
        &["package", "verify", "--packages", "all"],
        1,
        "V304 own.guide needs own.base 1.0.x, which is not at hand\n",
    );
    let info = folder.run(&["package", "info", "guide.tgz"]);
    assert!(info.out.contains("own.base 1.0.x is needed, and not at hand"), "{}", info.out);
    assert!(info.out.contains("not known: https://example.org/own.guide needs"), "{}", info.out);

    check(&["package", "add", "base.tgz", "--packages", "all", "--quiet"], 0, "");
    check(&["package", "verify", "--packages", "all"], 0, "2 packages are as they were locked\n");
    let info = folder.run(&["package", "info", "guide.tgz", "--packages", "all"]);
    assert!(info.out.contains("1 profiles") && !info.out.contains("not known"), "{}", info.out);

    let listed = folder.run(&["package", "list", "--packages", "all"]).out;
    assert!(listed.contains("own.base 1.0.0 ") && listed.contains("own.guide 2.0.0 "), "{listed}");

    // Another package under the name and version that are locked.
    folder.file("all/own.base-1.0.0.tgz", package("own.base", "1.0.0", "", GOAL));
    check(&["package", "verify", "--packages", "all"], 1, "V305 `all/own.base-1.0.0.tgz` was changed\n");
    assert_eq!(folder.run(&["package", "info", "guide.tgz", "--packages", "all"]).code, 2);
    folder.file("other.tgz", package("own.base", "1.0.0", "", "https://example.org/other"));
    assert_eq!(folder.run(&["package", "add", "other.tgz", "--packages", "all"]).code, 2);
}
