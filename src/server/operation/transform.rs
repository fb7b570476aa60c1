//! `$transform` (FHIR R4, `StructureMap`, "Operation transform"): a document through a map of the FHIR Mapping Language, or
//! through a lens. It takes the parameters of R4 and R5 and those of matchbox, which sends maps, models and contents as
//! resources or as text.

use super::Input;
use super::definitions::Kind;
use super::input::Content;
use crate::diag::{Issue, Severity};
use crate::exchange::document::Document as UnitDocument;
use crate::mapping::fml::model::{InputMode, Map};
use crate::mapping::fml::resource::{self, MapShape};
use crate::mapping::fml::{self, Compat, Output, Program, Settings, compile};
use crate::mapping::units::Unit;
use crate::schema::{Schema, TypeKind, sha256};
use crate::search::{Base, Handling};
use crate::server::Server;
use crate::server::answer::{Answer, Body};
use crate::server::call::Call;
use crate::server::document::utf8;
use crate::server::moment;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::Store;
use crate::tree::json::{self, Layout};
use crate::tree::{Kind as NodeKind, NodeId, Tree, fhir, xml};
use crate::validate::Report;
use hyper::StatusCode;
use std::collections::HashSet;

/// Maps of one run.
const MAPS_MAX: usize = 200;
/// Stored maps that one import with a wildcard brings.
const IMPORTED_MAX: usize = 100;
/// Rules that one run executes.
const RULES_MAX: u64 = 2_000_000;
/// Where the canonical urls of lenses start; the name of the unit system follows.
const LENS_BASE: &str = "https://w3id.org/sauma/lens/";

impl<S: Store> Server<S> {
    /// Makes a document of another.
    pub(super) async fn transform(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let source = input.text("source");
        let lens = source.as_deref().and_then(lens_of);
        let mut contents = input.contents("content")?;
        contents.extend(input.contents("resource")?);
        let (Some(content), true) = (contents.pop(), contents.is_empty()) else {
            return Err(input.refused("it needs one content"));
        };
        if let Some(unit) = lens {
            return through_lens(unit, &content);
        }
        let maps = self.maps_of(call, input, source).await?;
        let wanted = maps.iter().flat_map(|map| &map.structures);
        let wanted = wanted.map(|structure| (Kind::Profile, structure.url.text.clone())).collect();
        let mut models = Vec::new();
        for model in input.contents("model")? {
            models.push(utf8(&model.bytes)?.to_owned());
        }
        let schema = self.with_given(&call.caller, wanted, models).await?;
        through_map(&maps, &schema, &content)
    }

    /// The map that is meant, then those that it may import.
    async fn maps_of(&self, call: &Call, input: &Input, source: Option<String>) -> Outcome<Vec<Map>> {
        let mut maps = Vec::new();
        for name in ["sourceMap", "map", "srcMap", "supportingMap"] {
            for content in input.contents(name)? {
                maps.push(read_map(utf8(&content.bytes)?, self.schema)?);
            }
        }
        let is_it = |map: &Map| map.url.as_ref().map(|url| &*url.text) == source.as_deref();
        if call.names.id.is_some() {
            let record = self.live(call).await?;
            let text = String::from_utf8_lossy(record.document.as_deref().unwrap_or_default()).into_owned();
            maps.insert(0, read_map(&text, self.schema)?);
        } else if let Some(url) = &source {
            match maps.iter().position(is_it) {
                Some(at) => maps.swap(0, at),
                None => {
                    let text = self.stored_definition(&call.caller, Kind::StructureMap, url).await?;
                    let text = text.ok_or_else(|| {
                        Refusal::new(Why::NotAtHand, "no map and no lens of this url is at hand")
                    })?;
                    maps.insert(0, read_map(&text, self.schema)?);
                }
            }
        }
        if maps.is_empty() {
            return Err(input.refused("it needs a map: source, sourceMap, srcMap or map"));
        }
        self.imported(call, maps).await
    }

    /// Maps with the stored ones that they import.
    async fn imported(&self, call: &Call, mut maps: Vec<Map>) -> Outcome<Vec<Map>> {
        let url_of = |map: &Map| map.url.as_ref().map(|url| url.text.clone());
        let mut known: HashSet<String> = maps.iter().filter_map(url_of).collect();
        let mut asked = HashSet::new();
        let mut at = 0;
        while let Some(map) = maps.get(at) {
            at += 1;
            let imports: Vec<String> = map.imports.iter().map(|import| import.text.clone()).collect();
            for import in imports {
                if known.contains(&import) || !asked.insert(import.clone()) {
                    continue;
                }
                for text in self.stored_maps(call, &import).await? {
                    let map = read_map(&text, self.schema)?;
                    if url_of(&map).is_some_and(|url| known.insert(url)) {
                        maps.push(map);
                    }
                }
                if maps.len() > MAPS_MAX {
                    return Err(Refusal::new(Why::OperationLimit, "the map imports too many others"));
                }
            }
        }
        Ok(maps)
    }

    /// The stored maps of an url, or of those that start as it does before its wildcard.
    async fn stored_maps(&self, call: &Call, import: &str) -> Outcome<Vec<String>> {
        let Some((start, _)) = import.split_once('*') else {
            let text = self.stored_definition(&call.caller, Kind::StructureMap, import).await?;
            return Ok(text.into_iter().collect());
        };
        let start = start.trim_end_matches('/');
        let pairs = [
            ("url:below".to_owned(), start.replace('\\', "\\\\").replace(',', "\\,")),
            ("_count".to_owned(), IMPORTED_MAX.to_string()),
        ];
        let parsed = self.parsed(Base::Type("StructureMap"), &pairs, Handling::Strict)?;
        let found = self.sight(&call.caller).search(&parsed.search).await?;
        let text = |document: &[u8]| String::from_utf8_lossy(document).into_owned();
        Ok(found.records.iter().filter_map(|record| record.document.as_deref().map(text)).collect())
    }
}

/// The unit system whose lens has this canonical url.
fn lens_of(url: &str) -> Option<&'static Unit> {
    let name = url.split('|').next()?.strip_prefix(LENS_BASE)?;
    Unit::find(name).ok()
}

/// A document of a unit system as the resources that its lens gives.
fn through_lens(unit: &'static Unit, content: &Content) -> Outcome<Answer> {
    let (resources, _) = resources_of(unit, &content.bytes)?;
    Ok(Answer::new(StatusCode::OK, Body::Resource(resources.into())))
}

/// The resources that the lens of a unit system gives of a document, and what it found in it.
pub(super) fn resources_of(unit: &'static Unit, bytes: &[u8]) -> Outcome<(String, Report)> {
    let program = unit.program().map_err(|_| Refusal::plain(Why::StoreFailed))?;
    let document = UnitDocument::read(bytes, Some(unit));
    let document = document.map_err(|unread| Refusal::issue(Why::BodyForm, *unread.issue, &unread.text))?;
    let text = document.text().to_owned();
    let got =
        program.get(&document.tree).map_err(|issue| Refusal::issue(Why::Untransformed, *issue, &text))?;
    let mut report = Report { issues: got.issues, ..Report::default() };
    report.issues.extend(document.remarks());
    if !report.is_valid() {
        return Err(Refusal::found(Why::Untransformed, report, &text));
    }
    let mut out = String::new();
    let schema = crate::mapping::units::schema();
    fhir::write_json(&got.target, NodeId::ROOT, Some(schema), Layout::Compact, &mut out);
    Ok((out, report))
}

/// Reads FML text or a `StructureMap`; no map starts with a brace or a bracket.
fn read_map(text: &str, schema: &Schema) -> Outcome<Map> {
    let wrong = |issue: Box<Issue>| Refusal::issue(Why::Untransformed, *issue, text);
    let (map, issues) = match text.trim_start().chars().next() {
        Some('<') => {
            let tree = fhir::read_xml(text, schema.names(), &MapShape::new(schema)).map_err(wrong)?;
            let read = resource::read(&tree).map_err(wrong)?;
            (read.map, read.issues)
        }
        Some('{') => {
            let tree = fhir::read_json(text, schema.names()).map_err(wrong)?;
            let read = resource::read(&tree).map_err(wrong)?;
            (read.map, read.issues)
        }
        _ => {
            let parsed = fml::parse(text);
            (parsed.map, parsed.issues)
        }
    };
    let report = Report { issues, ..Report::default() };
    if report.is_valid() { Ok(map) } else { Err(Refusal::found(Why::Untransformed, report, text)) }
}

/// A document through the first of some maps.
fn through_map(maps: &[Map], schema: &Schema, content: &Content) -> Outcome<Answer> {
    let maps: Vec<&Map> = maps.iter().collect();
    let program = compile(0, &maps, schema, Compat::Page).map_err(|issues| {
        let issues = issues.into_iter().map(|(_, issue)| issue).collect();
        Refusal::issues(Why::Untransformed, issues)
    })?;
    let text = utf8(&content.bytes)?;
    let wrong = |issue: Box<Issue>| Refusal::issue(Why::BodyForm, *issue, text);
    let source = read_source(&program, schema, text).map_err(wrong)?;
    let digest = sha256::digest(text.as_bytes());
    let settings = Settings {
        seed: digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)),
        now: Some(moment::temporal(moment::now())),
        rules_max: RULES_MAX,
        ..Settings::default()
    };
    let output = program.run(&[&source], settings);
    let output = output.map_err(|issue| Refusal::issue(Why::Untransformed, *issue, text))?;
    written(output, schema)
}

/// The document as what the first group reads: that of a logical model as it stands, otherwise as FHIR.
fn read_source(program: &Program<'_>, schema: &Schema, text: &str) -> Result<Tree, Box<Issue>> {
    let mut sources = program.inputs().filter(|(mode, ..)| *mode == InputMode::Source);
    let ty = sources.next().and_then(|(.., ty)| ty);
    let is_logical = ty.is_some_and(|ty| schema.type_info(ty).kind == TypeKind::Logical);
    let names = schema.names();
    match (is_logical, text.trim_start().starts_with('<')) {
        (true, true) => xml::read(text, names),
        (true, false) => json::read(text, names),
        (false, true) => fhir::read_xml(text, names, schema),
        (false, false) => fhir::read_json(text, names),
    }
}

/// What a run made: a resource, or a document of a logical model in the form that has a place for it.
fn written(output: Output, schema: &Schema) -> Outcome<Answer> {
    let issues: Vec<Issue> = output
        .findings
        .into_iter()
        .map(|finding| finding.issue)
        .filter(|issue| issue.severity == Severity::Error)
        .collect();
    if !issues.is_empty() {
        return Err(Refusal::issues(Why::Untransformed, issues));
    }
    let nothing = || Refusal::new(Why::Untransformed, "the map makes nothing of this document");
    let tree = output.targets.first().ok_or_else(nothing)?;
    let mut out = String::new();
    let body = if tree.resource_type(NodeId::ROOT).is_some() {
        fhir::write_json(tree, NodeId::ROOT, Some(schema), Layout::Compact, &mut out);
        Body::Resource(out.into())
    } else if tree.descend(NodeId::ROOT).any(|id| matches!(tree.kind(id), NodeKind::Attr | NodeKind::Text)) {
        xml::write(tree, NodeId::ROOT, Layout::Compact, &mut out);
        Body::Text("application/xml; charset=utf-8", out.into())
    } else {
        json::write(tree, NodeId::ROOT, Layout::Compact, &mut out);
        Body::Text("application/json; charset=utf-8", out.into())
    };
    Ok(Answer::new(StatusCode::OK, body))
}
