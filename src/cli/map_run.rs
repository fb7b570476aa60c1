//! `sauma map run`: documents through a map.

use super::bulk::{self, Inputs, Item};
use super::console::{Console, Stop, Verdict};
use super::documents::Documents;
use super::map::Loaded;
use super::mask::Mask;
use super::report::{self, Finding, Source, Tally};
use super::sink::Sink;
use super::{files, map_check, map_log, path};
use crate::diag::{Issue, Severity, Span, codes};
use crate::exchange::document::Document;
use crate::format::decode;
use crate::mapping::fml::model::{InputMode, Map};
use crate::mapping::fml::{Compat, Output, Program, Settings, compile, namespace_of};
use crate::mapping::units::{self, Unit, schema};
use crate::mapping::{Counts, Format};
use crate::schema::{Schema, TypeKind, sha256};
use crate::tree::fhir::TypeId;
use crate::tree::json::{self, Layout};
use crate::tree::{Kind, NodeId, Tree, fhir, xml};
use std::path::PathBuf;

/// Findings of one document that people are shown.
const SHOWN: usize = 20;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum To {
    /// JSON
    Json,
    /// XML
    Xml,
}

/// The engine that a run agrees with where the specification leaves room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Agree {
    /// The page on the mapping language
    Page,
    /// HL7's reference engine
    Reference,
}

/// A map and what it needs.
#[derive(Debug, clap::Args)]
pub(super) struct MapArgs {
    /// The map: FML text, or a `StructureMap` resource in JSON or XML
    #[arg(value_name = "MAP")]
    pub(super) map: PathBuf,
    /// Maps that it imports: files, or folders with `.map` and `.fml` files
    #[arg(long, value_name = "PATH")]
    pub(super) import: Vec<PathBuf>,
    /// Definitions beside those of R4: logical models, concept maps, code systems, in JSON
    #[arg(long, value_name = "FILE")]
    pub(super) definition: Vec<PathBuf>,
    /// Where the specification leaves room, do what this does
    #[arg(long, value_enum, default_value_t = Agree::Page)]
    pub(super) compat: Agree,
    /// Go on with a map in which `map check` finds errors: what they are about may be missing in the result
    #[arg(long)]
    pub(super) unchecked: bool,
    /// A number that the UUIDs of the run follow from, beside the documents themselves
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(super) seed: u64,
}

/// What `map run` takes.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) map: MapArgs,
    /// Documents: files, folders, NDJSON files with one JSON document a line, `-` for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The form to write; by default JSON, but XML where only XML has a place for what is made
    #[arg(long, value_enum)]
    to: Option<To>,
    /// Write one JSON document a line
    #[arg(long)]
    ndjson: bool,
    /// Write to this file
    #[arg(long, short, value_name = "OUT", conflicts_with = "out_dir")]
    out: Option<PathBuf>,
    /// Write one file for each input to this folder
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
}

/// A map that is ready, with the texts that its findings point into.
pub(super) struct Ready {
    pub(super) program: Program<'static>,
    pub(super) loaded: Vec<Loaded>,
    schema: &'static Schema,
    seed: u64,
}

/// What became of one document.
struct Done {
    bytes: Option<Vec<u8>>,
    counts: Option<Counts>,
    logs: Vec<map_log::Entry>,
    findings: Vec<Finding>,
}

impl Done {
    fn failed(findings: Vec<Finding>) -> Self {
        Self { bytes: None, counts: None, logs: Vec::new(), findings }
    }

    fn has_failed(&self) -> bool {
        self.bytes.is_none() || self.findings.iter().any(Finding::is_error)
    }
}

pub(super) fn run(args: &RunArgs, console: &Console) -> Result<Verdict, Stop> {
    let ready = match Ready::new(&args.map, console)? {
        Ok(ready) => ready,
        Err(findings) => {
            report::print(&findings, SHOWN, console);
            return Ok(Verdict::Findings);
        }
    };
    let inputs = bulk::expand(&args.inputs)?;
    if ready.sources() > 1 {
        return together(args, &ready, &inputs, console);
    }
    let as_lines = args.ndjson || inputs.entries.iter().any(|entry| entry.is_lines);
    check_shape(args, &inputs, as_lines)?;
    let ending = if args.to == Some(To::Xml) { "mapped.xml" } else { "mapped.json" };
    let mut sink = Sink::new(args.out.as_deref(), args.out_dir.as_deref(), ending.to_owned(), &inputs)?;
    let layout = if as_lines { Layout::Compact } else { Layout::Pretty };
    let mut documents = Documents::new(console, matches!(sink, Sink::Stdout));
    let mut tally = Tally { skipped: inputs.skipped, ..Tally::default() };
    bulk::run(
        &inputs.entries,
        &|item| document(&ready, item, (args.to, layout), console),
        &mut |item, done| {
            let failed = done.has_failed();
            if let Some(bytes) = &done.bytes {
                match sink.folder().filter(|_| item.line.is_none()) {
                    Some(folder) => folder.file(item.entry, bytes).map(|_| ())?,
                    None => sink.put(item.entry, bytes)?,
                }
            }
            tally.add(&done.findings, failed);
            add(&mut documents, item, &done, console)
        },
    )?;
    sink.finish()?;
    documents.finish(tally, inputs.is_many)?;
    Ok(Verdict::of(tally.failed > 0))
}

/// The documents of a map that reads several are the inputs of one run.
fn together(args: &RunArgs, ready: &Ready, inputs: &Inputs, console: &Console) -> Result<Verdict, Stop> {
    if inputs.entries.len() != ready.sources() {
        let message = format!("the map reads {} documents together", ready.sources());
        return Err(Stop::usage(
            message,
            "name as many files, in the order of the inputs of its first group",
        ));
    }
    let mut trees = Vec::new();
    let mut findings = Vec::new();
    for (at, entry) in inputs.entries.iter().enumerate() {
        let bytes = files::read(&entry.path)?;
        match ready.read(&bytes, &entry.path.to_string_lossy(), at, 0, console) {
            Ok((tree, _)) => trees.push(tree),
            Err(found) => findings.extend(found),
        }
    }
    if findings.is_empty() {
        let sources: Vec<&Tree> = trees.iter().collect();
        match ready.program.run(&sources, ready.settings(&[], false)) {
            Ok(output) => {
                findings = ready.findings(&output, "", console);
                let named = args.map.map.to_string_lossy();
                map_log::tell(&named, &map_log::entries(ready, &output, console), console);
                if let Some(text) =
                    output.targets.first().and_then(|tree| ready.write(tree, args.to, Layout::Pretty).ok())
                {
                    let mut sink = Sink::new(args.out.as_deref(), None, "json".to_owned(), inputs)?;
                    if let Some(entry) = inputs.entries.first() {
                        sink.put(entry, text.as_bytes())?;
                    }
                    sink.finish()?;
                }
            }
            Err(issue) => findings = vec![Finding::bare(&args.map.map.to_string_lossy(), &issue, console)],
        }
    }
    report::print(&findings, SHOWN, console);
    Ok(Verdict::of(findings.iter().any(Finding::is_error)))
}

fn check_shape(args: &RunArgs, inputs: &Inputs, as_lines: bool) -> Result<(), Stop> {
    if inputs.entries.is_empty() {
        return Err(Stop::usage(
            "there is no document in what was named",
            "name files, or folders with documents",
        ));
    }
    if as_lines && args.to == Some(To::Xml) {
        return Err(Stop::usage("NDJSON holds JSON documents only", "leave --to xml out"));
    }
    if inputs.is_many && !as_lines && args.out_dir.is_none() {
        return Err(Stop::usage(
            "several documents do not fit one output",
            "add --out-dir DIR, or --ndjson for one document a line",
        ));
    }
    Ok(())
}

fn document(ready: &Ready, item: &Item<'_>, (to, layout): (Option<To>, Layout), console: &Console) -> Done {
    let name = item.entry.path.to_string_lossy();
    let whole;
    let (bytes, lines_before) = match &item.line {
        Some((number, Ok(bytes))) => (bytes.as_slice(), number - 1),
        Some((_, Err(error))) => return Done::failed(vec![unreadable(&name, &error.to_string(), console)]),
        None => match files::read(&item.entry.path) {
            Ok(bytes) => {
                whole = bytes;
                (whole.as_slice(), 0)
            }
            Err(stop) => return Done::failed(vec![unreadable(&name, &stop.help(), console)]),
        },
    };
    let tree = match ready.read(bytes, &name, 0, lines_before, console) {
        Ok((tree, _)) => tree,
        Err(findings) => return Done::failed(findings),
    };
    let with_ledger = console.is_json();
    let output = match ready.program.run(&[&tree], ready.settings(bytes, with_ledger)) {
        Ok(output) => output,
        Err(issue) => return Done::failed(vec![Finding::bare(&name, &issue, console)]),
    };
    let mut findings = ready.findings(&output, &name, console);
    let counts = with_ledger.then(|| output.ledger(&tree).counts());
    let logs = map_log::entries(ready, &output, console);
    let written = output.targets.first().map(|tree| ready.write(tree, to, layout));
    match written {
        Some(Ok(text)) => Done { bytes: Some(text.into_bytes()), counts, logs, findings },
        Some(Err(issue)) => {
            findings.push(Finding::bare(&name, &issue, console));
            Done { bytes: None, counts, logs, findings }
        }
        None => Done { bytes: None, counts, logs, findings },
    }
}

fn unreadable(name: &str, why: &str, console: &Console) -> Finding {
    let issue = Issue::error(codes::FILE, Span::default(), "it cannot be read").with_help(why);
    Finding::bare(name, &issue, console)
}

impl Ready {
    /// Reads and compiles a map; what is wrong with it are findings.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn new(args: &MapArgs, console: &Console) -> Result<Result<Self, Vec<Finding>>, Stop> {
        let mut loaded = vec![Loaded::read(&args.map)?];
        let imports = bulk::expand_as(&args.import, super::map::ENDINGS)?;
        for entry in &imports.entries {
            loaded.push(Loaded::read(&entry.path)?);
        }
        let mut findings = Vec::new();
        for one in &loaded {
            if one.issues.iter().any(|issue| issue.severity == Severity::Error) {
                findings.extend(one.findings(&one.issues, console));
            }
        }
        if !findings.is_empty() {
            return Ok(Err(findings));
        }
        let mut namespaces = Vec::new();
        let schema: &'static Schema = match &*args.definition {
            [] => schema(),
            definitions => {
                // A run needs its definitions to its end, which is that of the process.
                Box::leak(Box::new(with_definitions(definitions, &mut namespaces)?))
            }
        };
        let faults = map_check::faults(&loaded, schema, console);
        if args.unchecked {
            report::print(&faults, SHOWN, console);
        } else if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let compat = match args.compat {
            Agree::Page => Compat::Page,
            Agree::Reference => Compat::Reference,
        };
        let maps: Vec<&Map> = loaded.iter().map(|one| &one.map).collect();
        match compile(0, &maps, schema, compat) {
            Ok(mut program) => {
                for (url, uri) in namespaces {
                    if let Some(ty) = schema.type_by_url(&url) {
                        program = program.in_namespace(ty, &uri);
                    }
                }
                let program = as_unit_documents(program)?;
                Ok(Ok(Self { program, loaded, schema, seed: args.seed }))
            }
            Err(issues) => {
                for (map, issue) in issues {
                    findings.extend(
                        loaded
                            .get(map)
                            .into_iter()
                            .flat_map(|one| one.findings(std::slice::from_ref(&issue), console)),
                    );
                }
                Ok(Err(findings))
            }
        }
    }

    fn sources(&self) -> usize {
        self.program.inputs().filter(|(mode, ..)| *mode == InputMode::Source).count()
    }

    /// What a run over these bytes is given.
    pub(super) fn settings(&self, bytes: &[u8], with_ledger: bool) -> Settings {
        let digest = sha256::digest(bytes);
        let first = digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        Settings {
            seed: self.seed ^ first,
            now: Some(path::now()),
            with_ledger,
            with_origins: with_ledger,
            ..Settings::default()
        }
    }

    /// Reads the document of an input: of a logical model as it stands, rows where its documents are such, otherwise as
    /// FHIR.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        name: &str,
        input: usize,
        lines_before: u32,
        console: &Console,
    ) -> Result<(Tree, String), Vec<Finding>> {
        let fail = |text: &str, issue: Issue| {
            let source = Source { file: name, text, mask: Mask::guess(text), lines_before };
            report::findings(source, &[issue], console)
        };
        let sources = self.program.inputs().filter(|(mode, ..)| *mode == InputMode::Source);
        let ty = sources.map(|(.., ty)| ty).nth(input).flatten();
        if let Some(unit) = ty.filter(|_| !is_marked_up(bytes)).and_then(unit_of_rows) {
            let document = Document::read(bytes, Some(unit)).map_err(|it| fail(&it.text, *it.issue))?;
            let text = document.text().to_owned();
            return Ok((document.tree, text));
        }
        let (text, _) = decode(bytes, None).map_err(|issue| fail("", *issue))?;
        let is_logical = ty.is_some_and(|ty| self.schema.type_info(ty).kind == TypeKind::Logical);
        let is_xml = text.trim_start().starts_with('<');
        let names = self.schema.names();
        let tree = match (is_logical, is_xml) {
            (true, true) => xml::read(&text, names),
            (true, false) => json::read(&text, names),
            (false, true) => fhir::read_xml(&text, names, self.schema),
            (false, false) => fhir::read_json(&text, names),
        };
        tree.map_err(|issue| fail(&text, *issue)).map(|tree| (tree, text))
    }

    /// What was made, as text.
    ///
    /// # Errors
    /// XML cannot hold it.
    pub(super) fn write(&self, tree: &Tree, to: Option<To>, layout: Layout) -> Result<String, Box<Issue>> {
        let mut out = String::new();
        let is_fhir = tree.resource_type(NodeId::ROOT).is_some();
        let is_xml =
            !is_fhir && tree.descend(NodeId::ROOT).any(|id| matches!(tree.kind(id), Kind::Attr | Kind::Text));
        match (to.unwrap_or(if is_xml { To::Xml } else { To::Json }), is_fhir) {
            (To::Json, true) => fhir::write_json(tree, NodeId::ROOT, Some(self.schema), layout, &mut out),
            (To::Json, false) => json::write(tree, NodeId::ROOT, layout, &mut out),
            (To::Xml, true) => fhir::write_xml(tree, NodeId::ROOT, self.schema, layout, &mut out)?,
            (To::Xml, false) => xml::write(tree, NodeId::ROOT, layout, &mut out),
        }
        out.push('\n');
        Ok(out)
    }

    /// What a run found, each at its place in the map that it stands in.
    pub(super) fn findings(&self, output: &Output, input: &str, console: &Console) -> Vec<Finding> {
        let mut all = Vec::new();
        for found in &output.findings {
            let rule = self.program.rule(found.rule);
            let Some(one) = rule.and_then(|rule| self.loaded.get(rule.map)) else { continue };
            let path = if input.is_empty() {
                found.issue.path.clone()
            } else {
                format!("{input}: {}", found.issue.path)
            };
            let issue = found.issue.clone().at(path);
            let mut placed = one.findings(std::slice::from_ref(&issue), console);
            let words = rule.map(|rule| format!("{} {}", rule.group, rule.name).trim_end().to_owned());
            for finding in &mut placed {
                finding.rule.clone_from(&words);
            }
            all.extend(placed);
        }
        all
    }
}

/// True for what begins like XML or JSON.
fn is_marked_up(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_none_or(|first| b"<{[".contains(first))
}

/// The unit system whose documents are rows of a model.
fn unit_of_rows(model: TypeId) -> Option<&'static Unit> {
    let is_of = |unit: &&'static Unit| unit.program().is_ok_and(|program| program.document_type() == model);
    units::all().filter(|unit| unit.format() == Format::Csv).find(is_of)
}

/// The program with what the lenses say of the XML of the models that it makes.
fn as_unit_documents(program: Program<'static>) -> Result<Program<'static>, Stop> {
    let made: Vec<TypeId> =
        program.inputs().filter(|(mode, ..)| *mode == InputMode::Target).filter_map(|(.., ty)| ty).collect();
    let is_model = |ty: &TypeId| schema().type_info(*ty).kind == TypeKind::Logical;
    if !made.iter().any(is_model) {
        return Ok(program);
    }
    let mut program = program;
    for unit in units::all().filter(|unit| unit.format() == Format::Xml) {
        if let Some((model, name, uri)) =
            super::input::program(unit)?.xml_root().filter(|(model, ..)| made.contains(model))
        {
            program = program.with_root(model, name).in_namespace(model, uri);
        }
    }
    Ok(program)
}

/// R4 core with further definitions; the XML namespaces that they state go to `namespaces`.
pub(super) fn with_definitions(
    paths: &[PathBuf],
    namespaces: &mut Vec<(String, String)>,
) -> Result<Schema, Stop> {
    let mut schema = schema().clone();
    let mut models = Vec::new();
    for path in paths {
        let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
        let tree = json::read(&text, schema.names()).map_err(Stop::Issue)?;
        if tree.resource_type(NodeId::ROOT).is_some_and(|kind| kind == "StructureDefinition") {
            if let (Some(url), Some(uri)) = (tree.child_text(NodeId::ROOT, "url"), namespace_of(&tree)) {
                namespaces.push((url.into_owned(), uri));
            }
            models.push(text);
        } else {
            schema.add_resource(&text)?;
        }
    }
    schema.add_definitions(models.iter().map(String::as_str))?;
    Ok(schema)
}

#[derive(serde::Serialize)]
struct Row<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    ok: bool,
    ledger: Option<Counts>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    logs: &'a [map_log::Entry],
    findings: &'a [Finding],
}

/// Tells of one document.
fn add(documents: &mut Documents<'_>, item: &Item<'_>, done: &Done, console: &Console) -> Result<(), Stop> {
    let file = item.entry.path.to_string_lossy();
    if !console.is_json() {
        map_log::tell(&file, &done.logs, console);
        report::print(&done.findings, SHOWN, console);
        return Ok(());
    }
    documents.row(&Row {
        file: &file,
        line: item.line.as_ref().map(|(number, _)| *number),
        ok: !done.has_failed(),
        ledger: done.counts,
        logs: &done.logs,
        findings: &done.findings,
    })
}
