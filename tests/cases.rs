//! Every folder of `mappings/*/cases/` and `tests/cases/*/` is a test; adding one needs no Rust.
//! `UPDATE=1` rewrites what is expected.

#![allow(clippy::unwrap_used, reason = "tests")]

use libtest_mimic::{Arguments, Failed, Trial};
use sauma::diag::{Issue, LineIndex};
use sauma::exchange::document::{Document, read_resources, write_new};
use sauma::exchange::laws;
use sauma::mapping::units::{UNITS, Unit, schema};
use sauma::mapping::{Fate, Got, Ledger, Program, compile, fml};
use sauma::plan::text::{IdentityCode, Language};
use sauma::plan::{Contribution, join, page};
use sauma::schema::Schema;
use sauma::tree::json::{self, Layout};
use sauma::tree::{NodeId, Tree, fhir, xml};
use sauma::validate::{Options, Validator};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for unit in UNITS {
        for folder in folders(&Path::new("mappings").join(unit.name).join("cases")) {
            trials
                .push(Trial::test(format!("{}::{}", unit.name, name(&folder)), move || case(unit, &folder)));
        }
    }
    for folder in folders(Path::new("tests/cases/lens-errors")) {
        trials.push(Trial::test(format!("lens-errors::{}", name(&folder)), move || lens_errors(&folder)));
    }
    for folder in folders(Path::new("tests/cases/translations")) {
        trials.push(Trial::test(format!("translations::{}", name(&folder)), move || translations(&folder)));
    }
    for folder in folders(Path::new("tests/cases/refused")) {
        trials.push(Trial::test(format!("refused::{}", name(&folder)), move || refused(&folder)));
    }
    for folder in folders(Path::new("tests/cases/edits")) {
        trials.push(Trial::test(format!("edits::{}", name(&folder)), move || edits(&folder)));
    }
    for map in maps(Path::new("tests/cases/map-errors")) {
        let name = map.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        trials.push(Trial::test(format!("map-errors::{name}"), move || map_errors(&map)));
    }
    for folder in folders(Path::new("tests/cases/maps")) {
        trials.push(Trial::test(format!("maps::{}", name(&folder)), move || map_run(&folder)));
    }
    for folder in folders(Path::new("tests/cases/validate")) {
        trials.push(Trial::test(format!("validate::{}", name(&folder)), move || validated(&folder)));
    }
    for folder in folders(Path::new("tests/cases/pages")) {
        trials.push(Trial::test(format!("pages::{}", name(&folder)), move || pages(&folder)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn maps(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten();
    let mut maps: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "map"))
        .collect();
    maps.sort();
    maps
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A document is what it was expected to be, and no law is broken on it.
fn case(unit: &'static Unit, folder: &Path) -> Result<(), Failed> {
    let input = input(folder)?;
    let bytes = fs::read(&input)?;
    let document = Document::read(&bytes, Some(unit)).map_err(|unread| unread.issue.message.clone())?;
    let program = unit.program().map_err(|issues| format!("{issues:?}"))?;
    let mut trial = laws::Trial::default();
    let got = laws::laws_of(&mut trial, program, &document);
    if let Some(violation) = trial.broken.first() {
        return Err(violation.to_string().into());
    }
    let got = got.ok_or("the document is refused")?;
    let text = resources(&got.target);
    unchanged(&document, program, &text, &bytes)?;
    let ledger = program.ledger(&document.tree, &got);
    let mut findings = findings(program, &document.tree, &got, &ledger);
    for (law, issue) in &trial.refused {
        findings.extend([format!(
            "{} {} {} refused: {}\n",
            issue.code.id,
            issue.path,
            law.name(),
            issue.message
        )]);
    }
    expect(&folder.join("expected.json"), &text)?;
    expect(&folder.join("ledger.txt"), &account(&document.tree, &ledger))?;
    expect(&folder.join("issues.txt"), &findings)
}

fn input(folder: &Path) -> Result<PathBuf, Failed> {
    let is_input = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "input");
    let found = fs::read_dir(folder)?.map(|entry| entry.unwrap().path()).find(is_input);
    Ok(found.ok_or("there is no input.*")?)
}

/// The input of a folder: a document, or in `input.path` the place of one that stands elsewhere in the repository.
fn document(folder: &Path) -> Result<Document, Failed> {
    let mut path = input(folder)?;
    if path.extension().is_some_and(|ending| ending == "path") {
        path = PathBuf::from(fs::read_to_string(path)?.trim());
    }
    Ok(Document::read(&fs::read(path)?, None).map_err(|unread| unread.issue.message)?)
}

/// A document that no lens may read, and why.
fn refused(folder: &Path) -> Result<(), Failed> {
    let document = document(folder)?;
    let program = document.unit.program().map_err(|issues| format!("{issues:?}"))?;
    let issue = program.get(&document.tree).err().ok_or("the document is read")?;
    expect(&folder.join("expected.txt"), &placed(document.text(), &[*issue]))
}

/// What an edit of its resources makes of a document. `edit.json` is a JSON Patch (RFC 6902) of the Bundle.
fn edits(folder: &Path) -> Result<(), Failed> {
    let document = document(folder)?;
    let program = document.unit.program().map_err(|issues| format!("{issues:?}"))?;
    let got = program.get(&document.tree).map_err(|issue| issue.message)?;
    let mut bundle: Value = serde_json::from_str(&resources(&got.target))?;
    let edit: Vec<Value> = serde_json::from_str(&fs::read_to_string(folder.join("edit.json"))?)?;
    for operation in edit {
        apply(&mut bundle, &operation).ok_or_else(|| format!("{operation} fits nowhere"))?;
    }
    let changed = read_resources(&bundle.to_string()).map_err(|issue| issue.message)?;
    let found = match program.put(&document.tree, &changed) {
        Ok(edited) => {
            let bytes = document.write(&edited).map_err(|issue| issue.message)?;
            let left = program.narratives_left(&edited);
            expect(&folder.join("issues.txt"), &placed(document.text(), &left))?;
            String::from_utf8(bytes)?
        }
        Err(issue) => format!("{} {} {}\n", issue.code.id, issue.path, issue.message),
    };
    expect(&folder.join("expected"), &found)
}

/// One `add`, `remove` or `replace` of a JSON Patch.
fn apply(bundle: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    let (above, last) = path.rsplit_once('/')?;
    let place = bundle.pointer_mut(above)?;
    let value = operation["value"].clone();
    match (operation["op"].as_str()?, place) {
        ("replace", place) => *place.pointer_mut(&format!("/{last}"))? = value,
        ("remove", Value::Array(items)) => drop(items.remove(last.parse().ok()?)),
        ("remove", Value::Object(members)) => drop(members.remove(last)?),
        ("add", Value::Array(items)) if last == "-" => items.push(value),
        ("add", Value::Array(items)) => items.insert(last.parse().ok()?, value),
        ("add", Value::Object(members)) => drop(members.insert(last.to_owned(), value)),
        _ => return None,
    }
    Some(())
}

/// The client's page of the documents of a folder, in each language, and as HTML in that of the client. `input.path`
/// names a folder of documents elsewhere in the repository.
fn pages(folder: &Path) -> Result<(), Failed> {
    let elsewhere = fs::read_to_string(folder.join("input.path")).ok();
    let documents = elsewhere.map_or_else(|| folder.to_owned(), |path| PathBuf::from(path.trim()));
    let mut files: Vec<PathBuf> = fs::read_dir(documents)?.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let endings = ["json", "xml", "csv"];
    files.retain(|path| path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)));
    let mut contributions = Vec::new();
    for path in files {
        let document = Document::read(&fs::read(&path)?, None).map_err(|unread| unread.issue.message)?;
        let program = document.unit.program().map_err(|issues| format!("{issues:?}"))?;
        let got = program.get(&document.tree).map_err(|issue| issue.message)?;
        contributions.push(Contribution::new(name(&path), document.unit.name, got.target));
    }
    let joined = join(&contributions, &[]);
    let page = |language| page::client(&joined, language, IdentityCode::Masked);
    for language in Language::ALL {
        expect(&folder.join(format!("{}.txt", language.as_str())), &page::to_text(&page(language)))?;
    }
    expect(&folder.join("page.html"), &page::to_html(&page(page::language_of(&joined))))
}

/// What a document becomes in every other unit system, and what it loses on the way.
fn translations(folder: &Path) -> Result<(), Failed> {
    let document = document(folder)?;
    let program = document.unit.program().map_err(|issues| format!("{issues:?}"))?;
    let got = program.get(&document.tree).map_err(|issue| issue.message)?;
    for unit in UNITS.iter().filter(|unit| unit.name != document.unit.name) {
        let program = unit.program().map_err(|issues| format!("{issues:?}"))?;
        let fitted = program.create_fitting(&got.target).map_err(|issue| issue.message)?;
        let line = |issue: &Issue| format!("{} {} {}\n", issue.code.id, issue.path, issue.message);
        let losses: String = fitted.issues(unit.name).iter().map(line).collect();
        expect(&folder.join(format!("{}.losses.txt", unit.name)), &losses)?;
        let text = write_new(unit, program, &fitted.document);
        expect(&folder.join(format!("{}.expected", unit.name)), &text)?;
    }
    Ok(())
}

fn resources(target: &Tree) -> String {
    let mut text = String::new();
    fhir::write_json(target, NodeId::ROOT, Some(schema()), Layout::Pretty, &mut text);
    text.push('\n');
    text
}

/// The resources as text, read again and put back, leave every byte of the document as it was.
fn unchanged(document: &Document, program: &Program, text: &str, bytes: &[u8]) -> Result<(), Failed> {
    let wanted = read_resources(text).map_err(|issue| issue.message.clone())?;
    let edited =
        program.put(&document.tree, &wanted).map_err(|issue| format!("{}: {}", issue.path, issue.message))?;
    let written = document.write(&edited).map_err(|issue| issue.message)?;
    if written == bytes { Ok(()) } else { Err("put of what get gave changes the document".into()) }
}

/// One line for each path without its places in lists: fate, count, path.
fn account(tree: &Tree, ledger: &Ledger) -> String {
    let mut counts: BTreeMap<(String, Fate), usize> = BTreeMap::new();
    for entry in &ledger.entries {
        *counts.entry((pattern(&tree.path(entry.node)), entry.fate)).or_default() += 1;
    }
    let word = |fate: Fate| match fate {
        Fate::Carried => "carried",
        Fate::Kept => "kept",
        Fate::Ignored => "ignored",
        Fate::Unexplained => "unexplained",
    };
    counts
        .into_iter()
        .map(|((path, fate), count)| format!("{} {count} {path}\n", word(fate)))
        .collect::<Vec<_>>()
        .concat()
}

fn pattern(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for character in path.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            other if !inside => out.push(other),
            _ => {}
        }
    }
    out
}

fn findings(program: &Program, tree: &Tree, got: &Got, ledger: &Ledger) -> String {
    let line = |issue: &Issue| format!("{} {} {}\n", issue.code.id, issue.path, issue.message);
    got.issues.iter().map(line).chain(program.unexplained(tree, ledger).iter().map(line)).collect()
}

/// The faults of a lens, each with its place, message and advice.
fn lens_errors(folder: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(folder.join("input.lens"))?;
    let file = |path: &str| fs::read_to_string(folder.join(path)).ok();
    let issues = compile(&text, schema(), &file).err().ok_or("the lens has no fault")?;
    expect(&folder.join("expected.txt"), &placed(&text, &issues))
}

/// What is found in a resource, and what of it could not be checked. Files named `profile*.json` and `definition*.json` are
/// definitions, and the resource says in `meta.profile` which of them it must fit.
fn validated(folder: &Path) -> Result<(), Failed> {
    let mut beside: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| entry.unwrap().path()).collect();
    beside.sort();
    let is_definition =
        |path: &&PathBuf| ["profile", "definition"].iter().any(|word| name(path).starts_with(word));
    let profiles =
        beside.iter().filter(is_definition).map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let mut schema = Schema::r4().clone();
    schema.add_definitions(profiles.iter().map(String::as_str)).map_err(|error| error.to_string())?;
    let path = input(folder)?;
    let text = fs::read_to_string(&path)?;
    let tree = if path.extension().is_some_and(|ending| ending == "xml") {
        fhir::read_xml(&text, schema.names(), &schema)
    } else {
        fhir::read_json(&text, schema.names())
    };
    let tree = tree.map_err(|issue| issue.message)?;
    let report = Validator::new(&schema).validate(&tree, &Options::default());
    let index = LineIndex::new(&text);
    let mut found = String::new();
    // That every resource should have a narrative is said of every case.
    for issue in report.issues.iter().filter(|issue| !issue.message.starts_with("dom-6")) {
        let (place, severity) = (index.place(issue.span.start), issue.severity.as_str());
        let (line, column, code) = (place.line, place.column, issue.code.id);
        found.push_str(&format!("{line}:{column} {severity} {code} {}: {}\n", issue.path, issue.message));
    }
    for (entry, count) in &report.not_checked {
        found.push_str(&format!("not checked: {} {} ({count})\n", entry.subject.as_str(), entry.name));
    }
    expect(&folder.join("expected.txt"), &found)
}

/// The fault of a map, found without running it.
fn map_errors(path: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let fml::Parsed { map, mut issues, .. } = fml::parse(&text);
    if issues.is_empty() {
        issues = fml::check(&map, &fml::Library::new([&map]), schema());
    }
    if issues.is_empty() {
        return Err("the map has no fault".into());
    }
    expect(&path.with_extension("txt"), &placed(&text, &issues))
}

/// What a map makes of a document: as the page on the language says, and, where that is expected too, as HL7's own
/// engine. Files beside `map.map` that end in `.map` are imported; those named `definition*` are definitions.
fn map_run(folder: &Path) -> Result<(), Failed> {
    let (mut texts, mut definitions) = (vec![fs::read_to_string(folder.join("map.map"))?], Vec::new());
    let mut beside: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| entry.unwrap().path()).collect();
    beside.sort();
    for path in beside.iter().filter(|path| !path.ends_with("map.map")) {
        if path.extension().is_some_and(|ending| ending == "map") {
            texts.push(fs::read_to_string(path)?);
        } else if name(path).starts_with("definition") {
            definitions.push(fs::read_to_string(path)?);
        }
    }
    let mut schema = schema().clone();
    for definition in &definitions {
        let is_model = definition.contains("\"StructureDefinition\"");
        if is_model { schema.add_definition(definition).map(drop) } else { schema.add_resource(definition) }
            .map_err(|error| error.to_string())?;
    }
    run_as(folder, &texts, &schema, fml::Compat::Page, ["expected.json", "issues.txt"])?;
    if folder.join("expected.reference.json").is_file() {
        let names = ["expected.reference.json", "issues.reference.txt"];
        run_as(folder, &texts, &schema, fml::Compat::Reference, names)?;
    }
    Ok(())
}

fn run_as(
    folder: &Path,
    texts: &[String],
    schema: &Schema,
    compat: fml::Compat,
    [expected, issues]: [&str; 2],
) -> Result<(), Failed> {
    let parsed: Vec<fml::Parsed> = texts.iter().map(|text| fml::parse(text)).collect();
    if let Some(issue) = parsed.iter().flat_map(|parsed| &parsed.issues).next() {
        return Err(issue.message.clone().into());
    }
    let maps: Vec<&fml::Map> = parsed.iter().map(|parsed| &parsed.map).collect();
    let program = match fml::compile(0, &maps, schema, compat) {
        Ok(program) => program,
        Err(found) => {
            let line = |(map, issue): &(usize, Issue)| placed(&texts[*map], std::slice::from_ref(issue));
            return expect(&folder.join(issues), &found.iter().map(line).collect::<String>());
        }
    };
    let path = input(folder)?;
    let text = fs::read_to_string(&path)?;
    let tree = if path.extension().is_some_and(|ending| ending == "xml") {
        xml::read(&text, schema.names())
    } else if text.contains("\"resourceType\"") {
        fhir::read_json(&text, schema.names())
    } else {
        json::read(&text, schema.names())
    };
    let tree = tree.map_err(|issue| issue.message)?;
    let now = sauma::fhirpath::Temporal::utc(1_767_225_600, 0);
    let settings = fml::Settings {
        seed: 1,
        now: Some(now),
        with_ledger: true,
        with_origins: true,
        ..fml::Settings::default()
    };
    let mut found = String::new();
    match program.run(&[&tree], settings) {
        Err(issue) => found.push_str(&format!("stopped: {}\n", placed(&texts[0], &[*issue]))),
        Ok(output) => {
            for finding in &output.findings {
                let (rule, issue) = (program.rule(finding.rule).unwrap(), &finding.issue);
                let place = LineIndex::new(&texts[rule.map]).place(issue.span.start);
                let (line, column) = (place.line, place.column);
                found.push_str(&format!(
                    "{line}:{column} {} {} {}\n",
                    issue.code.id, issue.path, issue.message
                ));
            }
            for log in &output.logs {
                found.push_str(&format!("log: {}\n", log.text.reveal()));
            }
            let unread =
                output.ledger(&tree).entries.into_iter().filter(|entry| entry.fate == Fate::Unexplained);
            for entry in unread {
                found.push_str(&format!("unread: {}\n", tree.path(entry.node)));
            }
            let target = output.targets.first().ok_or("nothing is made")?;
            let mut text = String::new();
            let is_xml = target.resource_type(NodeId::ROOT).is_none();
            if is_xml {
                xml::write(target, NodeId::ROOT, Layout::Pretty, &mut text);
            } else {
                json::write(target, NodeId::ROOT, Layout::Pretty, &mut text);
            }
            text.push('\n');
            let expected = if is_xml { expected.replace(".json", ".xml") } else { expected.to_owned() };
            expect(&folder.join(expected), &text)?;
        }
    }
    expect(&folder.join(issues), &found)
}

/// Line, column, code, message and advice of each issue.
fn placed(text: &str, issues: &[Issue]) -> String {
    let index = LineIndex::new(text);
    let line = |issue: &Issue| {
        let place = index.place(issue.span.start);
        format!(
            "{}:{} {} {}\n  help: {}\n",
            place.line,
            place.column,
            issue.code.id,
            issue.message,
            issue.advice()
        )
    };
    issues.iter().map(line).collect()
}

fn expect(path: &Path, found: &str) -> Result<(), Failed> {
    if std::env::var_os("UPDATE").is_some() {
        return Ok(fs::write(path, found)?);
    }
    let wanted = fs::read_to_string(path).unwrap_or_default();
    if wanted == found {
        return Ok(());
    }
    let at = wanted.lines().zip(found.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("nothing").to_owned();
    Err(format!(
        "{} line {}\n  expected: {}\n  found:    {}",
        path.display(),
        at + 1,
        line(&wanted),
        line(found)
    )
    .into())
}
