//! Lenses as maps of the FHIR Mapping Language: run by our own engine, they do what the lens does.

use crate::ratchet::{self, Failure};
use sauma::diag::Severity;
use sauma::exchange::document::{Document, write_new};
use sauma::exchange::laws::generated;
use sauma::mapping::fml::resource::{self, Release};
use sauma::mapping::fml::{Compat, Dialect, Library, Map, Program, Settings, check, compile, parse, print};
use sauma::mapping::units::{UNITS, Unit, schema};
use sauma::mapping::{Direction, Exported};
use sauma::tree::{Kind, NodeId, Tree};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sizes of generated documents.
const SIZES: [usize; 4] = [0, 3, 6, 10];

fn exported(unit: &'static Unit, direction: Direction) -> Vec<Exported> {
    unit.program().unwrap().export(schema(), direction).unwrap()
}

/// A map as text and as resources of both releases, each read again.
fn forms(map: &Map) -> [Map; 3] {
    let text = print(map, Dialect::R5).unwrap();
    let parsed = parse(&text);
    assert!(parsed.issues.is_empty(), "{:?}", parsed.issues);
    let through = |release| {
        let (tree, lost) = resource::write(map, release, schema());
        assert!(lost.iter().all(|issue| issue.severity != Severity::Error), "{lost:?}");
        resource::read(&tree).unwrap().map
    };
    [parsed.map, through(Release::R4), through(Release::R5)]
}

fn program(map: &Map) -> Program<'static> {
    let mut program = compile(0, &[map], schema(), Compat::Page).unwrap();
    for unit in UNITS {
        if let Some((model, name, uri)) = unit.program().unwrap().xml_root() {
            program = program.with_root(model, name).in_namespace(model, uri);
        }
    }
    program
}

/// What the map of a document makes of it. Of maps for documents of several types one does not refuse it.
fn made(programs: &[Program<'static>], source: &Tree) -> Result<Tree, String> {
    let mut why = String::new();
    for program in programs {
        let output = program.run(&[source], Settings::default()).map_err(|issue| issue.message)?;
        match output.findings.iter().find(|finding| finding.issue.severity == Severity::Error) {
            Some(finding) => why.clone_from(&finding.issue.message),
            None => return output.targets.into_iter().next().ok_or_else(|| "nothing is made".to_owned()),
        }
    }
    Err(why)
}

/// What a document says: the path and the text of each leaf. Elements of different names have no order.
fn said(tree: &Tree, node: NodeId, path: &str, out: &mut Vec<String>) {
    if tree.kind(node).is_leaf() {
        out.push(format!("{path} = {}", tree.text(node)));
    }
    let mut below: Vec<(String, NodeId)> = tree
        .children(node)
        .map(|child| match tree.kind(child) {
            // The text of an element of XML may stand in it alone.
            Kind::Text => (path.to_owned(), child),
            _ => (format!("{path}.{}", tree.name_text(child)), child),
        })
        .collect();
    below.sort_by(|one, other| one.0.cmp(&other.0));
    for (path, child) in below {
        said(tree, child, &path, out);
    }
}

fn same(made: &Tree, wanted: &Tree) -> Result<(), String> {
    let [mut ours, mut theirs] = [Vec::new(), Vec::new()];
    // The root has a name only in XML.
    let root = wanted.name_text(NodeId::ROOT);
    let named = if root.is_empty() { "" } else { made.name_text(NodeId::ROOT) };
    said(made, NodeId::ROOT, named, &mut ours);
    said(wanted, NodeId::ROOT, root, &mut theirs);
    let place = |line: &String| line.split(" = ").next().unwrap_or_default().to_owned();
    match ours.iter().zip(&theirs).find(|(one, other)| one != other) {
        Some((one, other)) => Err(format!("{} where {} is wanted", place(one), place(other))),
        None if ours.len() == theirs.len() => Ok(()),
        None => Err(format!("{} values where {} are wanted", ours.len(), theirs.len())),
    }
}

/// Compares what maps make with what the lens makes; nothing where the lens itself refuses.
fn differs(
    unit: &'static Unit,
    direction: Direction,
    programs: &[Program<'static>],
    document: &Tree,
) -> Option<String> {
    let lens = unit.program().unwrap();
    let got = lens.get(document).ok()?;
    let outcome = match direction {
        Direction::Forward => made(programs, document).and_then(|made| {
            lens.gives(document, &made).map_err(|issue| format!("{}: {}", issue.path, issue.message))
        }),
        Direction::Backward => {
            let wanted = lens.create(&got.target).ok()?;
            made(programs, &got.target).and_then(|made| same(&made, &wanted))
        }
    };
    outcome.err()
}

fn cases(unit: &Unit) -> Vec<(String, PathBuf)> {
    let folder = Path::new("mappings").join(unit.name).join("cases");
    let mut cases: Vec<(String, PathBuf)> = fs::read_dir(folder)
        .unwrap()
        .map(|case| {
            let path = case.unwrap().path();
            let is_input = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "input");
            let input = fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).find(is_input);
            (path.file_name().unwrap().to_string_lossy().into_owned(), input.unwrap())
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn maps_do_what_the_lens_does() {
    let mut failures = Vec::new();
    for unit in UNITS {
        for direction in Direction::ALL {
            let maps = exported(unit, direction);
            let forms: Vec<_> = maps.iter().map(|one| forms(&one.map)).collect();
            let programs =
                [0, 1, 2].map(|at| forms.iter().map(|forms| program(&forms[at])).collect::<Vec<_>>());
            for (case, input) in cases(unit) {
                let document = Document::read(&fs::read(input).unwrap(), Some(unit)).unwrap();
                let run = |programs: &Vec<_>| differs(unit, direction, programs, &document.tree);
                let found = programs.each_ref().map(run);
                assert!(found.iter().all(|one| *one == found[0]), "{} {case}: {found:?}", unit.name);
                let file = format!("{}/{case}", unit.name);
                let check = direction.word().to_owned();
                failures.extend(found.into_iter().next().flatten().map(|why| Failure { file, check, why }));
            }
        }
    }
    ratchet::check("lens-export", &failures);
}

/// Documents that nobody chose.
#[test]
fn maps_do_what_the_lens_does_with_generated_documents() {
    for (unit, direction) in UNITS.iter().flat_map(|unit| Direction::ALL.map(|direction| (unit, direction))) {
        let programs: Vec<_> = exported(unit, direction).iter().map(|one| program(&one.map)).collect();
        for seed in 0..40 {
            let size = SIZES[usize::try_from(seed % 4).unwrap()];
            let (_, text) = generated(unit, unit.program().unwrap(), seed, size);
            let document = Document::read(text.as_bytes(), Some(unit)).unwrap();
            let found = differs(unit, direction, &programs, &document.tree);
            assert_eq!(found, None, "{} {} of seed {seed}", unit.name, direction.word());
        }
    }
}

/// A client plan in which a value is put in the place of another, and a code of what the lens finds.
fn check_odd(pointer: &str, value: serde_json::Value, expected: &[&str]) {
    let unit = UNITS.iter().find(|unit| unit.name == "social-client-plan").unwrap();
    let text = fs::read_to_string("mappings/social-client-plan/cases/full/input.json").unwrap();
    let mut odd: serde_json::Value = serde_json::from_str(&text).unwrap();
    *odd.pointer_mut(pointer).unwrap() = value;
    let document = Document::read(odd.to_string().as_bytes(), Some(unit)).unwrap();
    let lens = unit.program().unwrap();
    let got = lens.get(&document.tree).unwrap();
    let codes: Vec<&str> = got.issues.iter().map(|issue| issue.code.id).collect();
    assert_eq!(codes, expected, "{pointer}");
    for direction in Direction::ALL {
        let programs: Vec<_> = exported(unit, direction).iter().map(|one| program(&one.map)).collect();
        let found = differs(unit, direction, &programs, &document.tree);
        assert_eq!(found, None, "{} of {pointer}", direction.word());
    }
    let made = lens.create(&got.target).unwrap();
    same(&made, &document.tree).unwrap();
    let written: serde_json::Value = serde_json::from_str(&write_new(unit, lens, &made)).unwrap();
    assert_eq!(written, odd, "{pointer}");
}

#[test]
fn what_a_model_does_not_allow_goes_through_maps_as_through_the_lens() {
    check_odd("/neuvottelu/0/paivamaara", "2026-03-05T10:00:00Z".into(), &["M222"]);
    check_odd("/neuvottelu/0/paivamaara", "in spring".into(), &["M222"]);
    check_odd("/asiakirja/versio", "two".into(), &["M222"]);
    check_odd("/asiakirja/versio", (-1).into(), &[]);
    check_odd("/menetelmatJaPalvelut/selvitysAnnettu", "yes".into(), &["M222"]);
    check_odd("/asiakirja/suunnitelmaTunniste", "urn x".into(), &["M222"]);
}

#[test]
fn items_behind_an_empty_first_one_stay_there() {
    let writer = serde_json::json!({"sukunimi": "Mallikas", "etunimet": "Elina"});
    check_odd("/laatija", serde_json::json!([{}, writer]), &[]);
    check_odd("/laatija", serde_json::json!([{}, writer, writer]), &[]);
}

#[test]
fn exported_maps_are_sound() {
    for (unit, direction) in UNITS.iter().flat_map(|unit| Direction::ALL.map(|direction| (unit, direction))) {
        for one in exported(unit, direction) {
            for dialect in [Dialect::R4, Dialect::R5] {
                let text = print(&one.map, dialect).unwrap();
                let parsed = parse(&text);
                assert!(parsed.issues.is_empty(), "{} {}: {:?}", unit.name, one.name, parsed.issues);
                assert_eq!(print(&parsed.map, dialect).unwrap(), text, "{} {}", unit.name, one.name);
            }
            let found = check(&one.map, &Library::new([&one.map]), schema());
            let errors: Vec<_> = found.iter().filter(|issue| issue.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{} {}: {errors:?}", unit.name, one.name);
        }
    }
}

/// Runs the command line and gives its exit code, standard output and standard error.
fn sauma(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sauma")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_line_exports_maps_that_run() {
    let folder = std::env::temp_dir().join(format!("sauma-export-{}", std::process::id()));
    let to = folder.to_string_lossy().into_owned();
    let (code, out, err) = sauma(&["lens", "export", "--to", &to]);
    assert_eq!(code, 0, "{err}");
    let files: Vec<&str> = out.lines().collect();
    assert!(files.len() > 20 && files.iter().all(|file| Path::new(file).is_file()), "{out}");

    let map = folder.join("ccda-care-plan-forward.map");
    let text = fs::read_to_string(map).unwrap();
    assert!(text.contains("// Stays in the document: d.realmCode, d.templateId,"), "{text}");

    let map = folder.join("social-client-plan-forward.map");
    let input = "mappings/social-client-plan/cases/full/input.json";
    for map in [map.clone(), folder.join("StructureMap-social-client-plan-forward.json")] {
        let (code, out, err) = sauma(&["map", "run", &map.to_string_lossy(), input]);
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("\"CarePlan\"") && out.contains("\"Patient\""), "{out}");
        let (code, out, err) = sauma(&["map", "check", &map.to_string_lossy()]);
        assert_eq!(code, 0, "{out}{err}");
    }

    let rows = "mappings/employment-plan/cases/every-task/input.csv";
    let map = folder.join("employment-plan-forward.map");
    let (code, out, err) = sauma(&["map", "run", &map.to_string_lossy(), rows]);
    assert_eq!((code, out.contains("\"ServiceRequest\"")), (0, true), "{err}");

    let back = folder.join("ccda-care-plan-backward.map");
    let full = "mappings/ccda-care-plan/cases/care-plan-full/expected.json";
    let (code, out, err) = sauma(&["map", "run", &back.to_string_lossy(), full]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("<ClinicalDocument xmlns=\"urn:hl7-org:v3\""),
        "{}",
        out.get(..200).unwrap_or(&out)
    );

    let (code, _, err) = sauma(&["lens", "export", "social-client-plam", "--to", &to]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `social-client-plan`?"), "{err}");
    let arguments =
        ["lens", "export", "employment-plan", "--to", &to, "--fhir-version", "R5", "--format", "json"];
    let (code, out, err) = sauma(&arguments);
    assert_eq!(code, 0, "{err}");
    let written: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(written.as_array().map(Vec::len), Some(4), "{out}");
    fs::remove_dir_all(folder).unwrap();
}
