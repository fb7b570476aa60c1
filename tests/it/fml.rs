//! Published maps come back from every form, and no text at all makes the parser fail.

use crate::shared;
use proptest::prelude::*;
use sauma::diag::Severity;
use sauma::mapping::fml::model::Map;
use sauma::mapping::fml::resource::{self, MapShape, Release};
use sauma::mapping::fml::{Dialect, Library, Parsed, check, format, parse, print};
use sauma::schema::Schema;
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, Tree, fhir};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The published maps: path and text.
fn maps() -> &'static [(PathBuf, String)] {
    static MAPS: OnceLock<Vec<(PathBuf, String)>> = OnceLock::new();
    MAPS.get_or_init(|| {
        let Some(folder) = shared::folder() else { return Vec::new() };
        let mut paths = shared::files(&folder.join("suites"), &["map", "fml"]);
        paths.extend(shared::files(&folder.join("bench"), &["map"]));
        paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
    })
}

fn read(text: &str) -> Map {
    let Parsed { map, issues, .. } = parse(text);
    assert!(issues.is_empty(), "{issues:?}\n{text}");
    map
}

fn shape() -> MapShape<'static> {
    MapShape::new(Schema::r4())
}

/// The tree of a resource, through its text in JSON and in XML.
fn rewritten(tree: &Tree) -> [Tree; 2] {
    let names = Schema::r4().names();
    let mut xml = String::new();
    fhir::write_xml(tree, NodeId::ROOT, &shape(), Layout::Pretty, &mut xml).unwrap();
    let json = to_string(tree, Layout::Pretty);
    [fhir::read_json(&json, names).unwrap(), fhir::read_xml(&xml, names, &shape()).unwrap()]
}

#[test]
fn published_maps_come_back_from_every_form() {
    let maps = maps();
    let mut forms = 0;
    for (path, text) in maps {
        let map = read(text);
        for dialect in [Dialect::R4, Dialect::R5] {
            let printed = print(&map, dialect).unwrap();
            assert_eq!(read(&printed), map, "{}", path.display());
            forms += 1;
        }
        for release in [Release::R4, Release::R5] {
            let (tree, lost) = resource::write(&map, release, Schema::r4());
            assert!(lost.is_empty(), "{}: {lost:?}", path.display());
            for tree in rewritten(&tree) {
                let resource = resource::read(&tree).unwrap();
                assert!(resource.issues.is_empty(), "{}: {:?}", path.display(), resource.issues);
                assert_eq!(resource.map, map, "{}", path.display());
                forms += 1;
            }
        }
    }
    println!("{} published maps come back from {forms} forms", maps.len());
}

#[test]
fn the_layout_keeps_what_a_map_says_and_every_comment() {
    let comments = |text: &str| text.matches("//").count() + text.matches("/*").count();
    let maps = maps();
    for (path, text) in maps {
        let laid_out = format(text).unwrap();
        assert_eq!(read(&laid_out), read(text), "{}", path.display());
        assert_eq!(comments(&laid_out), comments(text), "{}", path.display());
        assert_eq!(format(&laid_out).as_deref(), Ok(laid_out.as_str()), "{}", path.display());
    }
    println!("{} published maps laid out", maps.len());
}

#[test]
fn published_resources_come_back() {
    let Some(folder) = shared::folder() else { return };
    let mut count = 0;
    for path in shared::files(&folder.join("suites"), &["json", "xml"]) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
        if !name.starts_with("structuremap-") {
            continue;
        }
        let names = Schema::r4().names();
        let tree = if text.trim_start().starts_with('<') {
            fhir::read_xml(&text, names, &shape()).unwrap()
        } else {
            fhir::read_json(&text, names).unwrap()
        };
        let resource = resource::read(&tree).unwrap();
        assert!(resource.issues.is_empty(), "{}: {:?}", path.display(), resource.issues);
        let (written, lost) = resource::write(&resource.map, resource.release, Schema::r4());
        assert!(lost.is_empty(), "{}: {lost:?}", path.display());
        for again in rewritten(&written) {
            assert!(
                fhir::equal(&tree, &again, &shape()),
                "{}\n{}",
                path.display(),
                to_string(&again, Layout::Pretty)
            );
        }
        let printed = print(&resource.map, Dialect::R5).unwrap();
        assert_eq!(read(&printed), resource.map, "{}", path.display());
        count += 1;
    }
    println!("{count} published StructureMap resources come back");
}

/// What is wrong with the published maps themselves: a target that is misspelt in two maps of one source.
#[test]
fn published_maps_have_no_more_faults_than_are_known() {
    let mut found = Vec::new();
    for (path, text) in maps() {
        let map = read(text);
        let issues = check(&map, &Library::new([&map]), Schema::r4());
        for issue in issues.iter().filter(|issue| issue.severity != Severity::Information) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push(format!("{name} {} {}", issue.code.id, issue.message));
        }
    }
    if shared::folder().is_some() {
        let known = "syntax.map M249 `Basic` has no element `identifer`";
        assert_eq!(found, vec![known; 4]);
    }
}

/// Every issue lies inside the text, and on its characters.
fn holds(text: &str) {
    let Parsed { map, issues, .. } = parse(text);
    let checked = check(&map, &Library::new([&map]), Schema::r4());
    for issue in issues.iter().chain(&checked) {
        let (start, end) = (issue.span.start as usize, issue.span.end as usize);
        assert!(start <= end && text.get(start..end).is_some(), "{issue:?}\n{text}");
    }
    if let Ok(laid_out) = format(text) {
        assert_eq!(format(&laid_out).as_deref(), Ok(laid_out.as_str()), "{text}");
        assert_eq!(read(&laid_out), map, "{text}");
    }
}

const SEED: &str = include_str!("../cases/map-errors/element-two-steps.map");

/// Pieces that parsers stumble over.
const PIECES: &[&str] = &[
    "group",
    "G",
    "(",
    ")",
    "source",
    "target",
    "a",
    ":",
    "T",
    "{",
    "}",
    "->",
    ";",
    ",",
    ".",
    "as",
    "where",
    "check",
    "then",
    "\"n\"",
    "'s'",
    "`",
    "\"",
    "'",
    "/*",
    "*/",
    "//",
    "///",
    "\n",
    " ",
    "=",
    "@",
    "%",
    "0..*",
    "<<",
    "types",
    ">>",
    "let",
    "uses",
    "map",
    "conceptmap",
    "prefix",
    "s",
    "==",
    "-",
    "ä",
    "\u{feff}",
    "\"\"\"",
    "\\",
    "/// url = ",
    "share",
    "default",
    "evaluate",
    "extends",
    "1.5",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_fail(text in "\\PC{0,200}") {
        holds(&text);
    }

    #[test]
    fn no_tokens_make_the_parser_fail(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        holds(&pieces.concat());
        holds(&pieces.join(" "));
    }

    #[test]
    fn no_damage_makes_the_parser_fail(
        which in 0..64_usize,
        cut in 0..4_000_usize,
        length in 0..40_usize,
        piece in prop::sample::select(PIECES),
    ) {
        let maps = maps();
        let text = maps.get(which % maps.len().max(1)).map_or(SEED, |(_, text)| text.as_str());
        let characters: Vec<char> = text.chars().collect();
        let cut = cut % (characters.len() + 1);
        let rest = characters.iter().skip((cut + length).min(characters.len()));
        let damaged: String =
            characters.iter().take(cut).copied().chain(piece.chars()).chain(rest.copied()).collect();
        holds(&damaged);
    }
}

fn sauma(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sauma")).arg("map").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// A folder of this test that is removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sauma-fml-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

const SOUND: &str =
    "map \"http://example.org/a\" = \"a\"\n\ngroup A(source a, target b) {\n  a.x -> b.y; // x\n}\n";

#[test]
fn maps_are_checked_together_and_past_errors() {
    let folder = Folder::new("check");
    folder.file("a.map", SOUND);
    folder.file("b.fml", "map \"http://example.org/b\" = \"b\"\nimports \"http://example.org/a\"\ngroup B(source a, target b) { a then A(a, b); a then A(a); }");
    folder.file("c.map", "group");
    folder.file("d.txt", "no map");
    let path = folder.0.to_string_lossy().into_owned();
    let (code, out, err) = sauma(&["check", &path]);
    assert_eq!(code, 1);
    assert!(err.contains("M247") && err.contains("M241"), "{err}");
    assert!(
        out.ends_with("1 of 3 maps: sound (3 rules, 2 errors; 0 warnings, 1 other files skipped)\n"),
        "{out}"
    );
    let (code, out, _) = sauma(&["check", "--format", "json", &path]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, report["summary"]["documents"].as_u64()), (1, Some(3)));
    assert_eq!(report["maps"][1]["findings"][0]["code"], "M247");
    assert_eq!(sauma(&["check", &folder.file("a.map", SOUND)]).0, 0);
    assert_eq!(sauma(&["check", "no-such-file.map"]).0, 2);
}

#[test]
fn files_are_laid_out_only_when_asked() {
    let folder = Folder::new("format");
    let untidy = SOUND.replace("  a.x ->", "a.x->");
    let path = folder.file("a.map", &untidy);
    assert_eq!(sauma(&["format", &path]).1, SOUND);
    assert_eq!(sauma(&["format", "--check", &path]).0, 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), untidy);
    assert_eq!(sauma(&["format", "--write", &path]).0, 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), SOUND);
    assert_eq!(sauma(&["format", "--check", &path]).0, 0);
    assert_eq!(sauma(&["format", &folder.file("b.map", "group")]).0, 1);
}

#[test]
fn a_folder_without_maps_is_nothing_checked() {
    let folder = Folder::new("empty");
    let path = folder.0.to_string_lossy().into_owned();
    assert_eq!(sauma(&["check", &path]).0, 4);
    assert_eq!(sauma(&["format", "--check", &path]).0, 4);
}

#[test]
fn a_comment_that_no_form_holds_is_told() {
    let folder = Folder::new("comments");
    let text = SOUND.replace("a.x ->", "a.x /* within */ ->").replace("// x\n", "// x\n  // last\n");
    let path = folder.file("a.map", &text);
    let (code, out, err) = sauma(&["convert", &path, "--to", "json", "--fhir-version", "r5"]);
    assert_eq!((code, err.matches("M256").count()), (0, 2), "{err}");
    assert!(out.contains("\"documentation\": \"x\""), "{out}");
}

/// A map that HL7's engine runs by making a type of a plain text is no map with errors.
#[test]
fn what_the_reference_engine_makes_of_a_text_is_a_warning() {
    let told = |target: &str, expected: Severity| {
        let map = read(&format!(
            "/// url = 'http://example.org/m'\n/// name = 'M'\n
            uses \"http://hl7.org/fhir/StructureDefinition/Patient\" alias Patient as source
            uses \"http://hl7.org/fhir/StructureDefinition/CarePlan\" alias CarePlan as target
            group M(source src : Patient, target tgt : CarePlan) {{ src.language as v -> tgt.{target} = v; }}"
        ));
        let issues = check(&map, &Library::new([&map]), Schema::r4());
        let found: Vec<_> = issues.iter().map(|issue| (issue.code.id, issue.severity)).collect();
        assert_eq!(found, [("M248", expected)], "{target}");
    };
    for target in ["category", "subject", "note", "identifier"] {
        told(target, Severity::Warning);
    }
    told("period", Severity::Error);
}

/// What a reader of a resource passes over is told.
#[test]
fn what_a_resource_says_and_a_map_does_not_is_told() {
    let check = |target: &str, expected: &[&str]| {
        let text = format!(
            r#"{{"resourceType": "StructureMap", "url": "http://example.org/m", "name": "M", "status": "draft",
            "group": [{{"name": "g", "typeMode": "none", "input": [{{"name": "s", "mode": "source"}},
            {{"name": "t", "mode": "target"}}], "rule": [{{"name": "r", "source": [{{"context": "s"}}],
            "target": [{target}]}}]}}]}}"#
        );
        let tree = fhir::read_json(&text, Schema::r4().names()).unwrap();
        let issues = resource::read(&tree).unwrap().issues;
        let found: Vec<_> = issues.iter().map(|issue| (issue.code.id, issue.path.as_str())).collect();
        let at = "StructureMap.group[0].rule[0].target[0].";
        let paths: Vec<String> = expected.iter().map(|path| format!("{at}{path}")).collect();
        let expected: Vec<_> = paths.iter().map(|path| ("M256", path.as_str())).collect();
        assert_eq!(found, expected, "{target}");
    };
    let context = r#""context": "t", "contextType": "variable", "element": "a""#;
    check(&format!(r#"{{{context}, "transform": "uuid"}}"#), &[]);
    check(&format!(r#"{{{context}, "listMode": ["share"], "listRuleId": "x"}}"#), &[]);
    check(&format!(r#"{{{context}, "listRuleId": "x"}}"#), &["listRuleId"]);
    check(r#"{"element": "a", "transform": "uuid", "variable": "v"}"#, &["element"]);
    check(&format!(r#"{{{context}, "parameter": [{{"valueString": "x"}}]}}"#), &["parameter[0]"]);
    check(&format!(r#"{{{context}, "_element": {{"id": "e"}}}}"#), &["element.id"]);
}

#[test]
fn codes_that_stay_as_they_are_come_back_from_every_form() {
    let text = "map \"http://example.org/a\" = \"a\"\nconceptmap \"c\" {\n  prefix s = \"http://s\"\n  prefix t = \"http://t\"\n  unmapped for s = provided\n  s:a == t:b\n}\ngroup A(source a, target b) { a.x -> b.y; }";
    let map = read(text);
    assert_eq!(map.concept_maps[0].unmapped.len(), 1);
    for dialect in [Dialect::R4, Dialect::R5] {
        assert_eq!(read(&print(&map, dialect).unwrap()), map);
    }
    for release in [Release::R4, Release::R5] {
        let (tree, lost) = resource::write(&map, release, Schema::r4());
        assert!(lost.is_empty(), "{lost:?}");
        for tree in rewritten(&tree) {
            let resource = resource::read(&tree).unwrap();
            assert!(resource.issues.is_empty(), "{:?}", resource.issues);
            assert_eq!(resource.map, map);
        }
    }
}

#[test]
fn a_map_is_converted_to_each_form_and_back() {
    let folder = Folder::new("convert");
    let fml = folder.file("a.map", &SOUND.replace(" // x", ""));
    for release in ["r4", "r5"] {
        for form in ["json", "xml"] {
            let (code, out, err) = sauma(&["convert", &fml, "--to", form, "--fhir", release]);
            assert_eq!((code, err.as_str()), (0, ""));
            let converted = folder.file(&format!("a.{form}"), &out);
            let (code, out, _) = sauma(&["convert", &converted, "--to", "fml"]);
            assert_eq!((code, out.as_str()), (0, SOUND.replace(" // x", "").as_str()));
        }
    }
    let patient = folder.file("p.json", "{\"resourceType\": \"Patient\"}");
    assert_eq!(sauma(&["convert", &patient, "--to", "fml"]).0, 1);
}
