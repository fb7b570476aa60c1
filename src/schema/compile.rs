//! From FHIR resources in JSON to the facts of a package.

use super::pack::{
    ConstraintTable, Content, Directory, ElementRecord, Entry, TypeRecord, TypeRefRecord, to_u32,
};
use super::resources::{self, Json};
use super::types::{Constraint, Facts, TypeKind, bit};
use super::{Error, FHIR_BASE};
use crate::tree::{NameTable, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The system types of FHIRPath, which stand in definitions for what the extension below names.
const SYSTEM_TYPES: &str = "http://hl7.org/fhirpath/System.";
const FHIR_TYPE: &str = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";
const REGEX: &str = "http://hl7.org/fhir/StructureDefinition/regex";

/// Gathers resources, then gives the content of a package.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    content: Content,
    shared: Arc<NameTable>,
    names: Numbers,
    codes: Numbers,
    constraints: Numbers<Constraint>,
    sets: Numbers<Vec<u32>>,
}

/// Values numbered in the order they come.
#[derive(Debug)]
struct Numbers<T = String> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Clone + std::hash::Hash + Eq> Numbers<T> {
    fn of(&mut self, value: T) -> u32 {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = to_u32(self.values.len());
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }
}

impl Compiler {
    pub(super) fn new() -> Self {
        let mut new = Self { shared: Arc::new(NameTable::new()), ..Self::default() };
        // Set number zero is the empty one.
        new.sets.of(Vec::new());
        new
    }

    /// Reads the manifest of a package.
    pub(super) fn manifest(&mut self, text: &str) -> Result<(), Error> {
        let tree = json::read(text, &self.shared).map_err(|issue| Error::json("package.json", &issue))?;
        let root = Json::root(&tree);
        self.content.directory.package = root.text("name");
        self.content.directory.version = root.text("version");
        Ok(())
    }

    /// Adds one resource. Kinds that carry no facts we use are passed over.
    pub(super) fn add(&mut self, what: &str, text: String) -> Result<(), Error> {
        let tree = json::read_owned(text, &self.shared).map_err(|issue| Error::json(what, &issue))?;
        let root = Json::root(&tree);
        match root.text("resourceType").as_str() {
            "StructureDefinition" => self.definition(root)?,
            "CodeSystem" => self.content.systems.push(resources::code_system(root)),
            "ValueSet" => self.content.value_sets.push(resources::value_set(root)),
            "ConceptMap" => self.content.maps.push(resources::concept_map(root)),
            "SearchParameter" => self.content.search.push(resources::search_parameter(root)),
            _ => {}
        }
        Ok(())
    }

    /// How many definitions there are.
    pub(super) const fn definitions(&self) -> usize {
        self.content.directory.definitions.len()
    }

    /// How many profiles were left out, as they have no snapshot.
    pub(super) const fn without_snapshot(&self) -> usize {
        self.content.directory.without_snapshot.len()
    }

    fn definition(&mut self, root: Json<'_>) -> Result<(), Error> {
        let url = root.text("url");
        let fault = |reason: &str| Error::Shape { what: url.clone(), reason: reason.to_owned() };
        let is_profile = root.text("derivation") == "constraint";
        let kind = match root.text("kind").as_str() {
            "resource" => TypeKind::Resource,
            "complex-type" => TypeKind::Complex,
            "primitive-type" => TypeKind::Primitive,
            "logical" => TypeKind::Logical,
            _ => return Err(fault("has no kind")),
        };
        let view = match (root.child("snapshot"), root.child("differential")) {
            (Some(snapshot), _) => snapshot,
            (None, Some(differential)) if !is_profile => differential,
            _ => {
                self.content.directory.without_snapshot.push(url);
                return Ok(());
            }
        };
        let name = root.text(if is_profile || kind == TypeKind::Logical { "name" } else { "type" });
        if name.is_empty() || url.is_empty() {
            return Err(fault("has no name or no url"));
        }
        let mut walk =
            Walk { compiler: self, kind, types: Vec::new(), open: Vec::new(), references: Vec::new() };
        for element in view.items("element") {
            walk.element(element).map_err(|reason| fault(&reason))?;
        }
        let types = walk.finish().map_err(|reason| fault(&reason))?;
        let base = root.text("baseDefinition");
        let entry = Entry {
            url: if url.strip_prefix(FHIR_BASE) == Some(&name) { String::new() } else { url },
            name,
            kind,
            is_abstract: root.text("abstract") == "true",
            is_profile,
            base: if base.is_empty() { 0 } else { self.codes.of(short_code(&base)) + 1 },
            code: self.codes.of(short_code(&root.text("type"))),
            types: to_u32(types.len()),
            block: 0,
        };
        self.content.directory.definitions.push(entry);
        self.content.types.push(types);
        Ok(())
    }

    /// The content, in an order that only the resources decide.
    pub(super) fn finish(self, source_sha256: String) -> Content {
        let mut content = self.content;
        let directory = std::mem::take(&mut content.directory);
        let mut both: Vec<(Entry, Vec<TypeRecord>)> =
            directory.definitions.into_iter().zip(content.types).collect();
        both.sort_by(|(a, _), (b, _)| sort_key(a).cmp(&sort_key(b)));
        let (definitions, types): (Vec<Entry>, Vec<_>) = both.into_iter().unzip();
        let numbers = || 0..to_u32(definitions.len());
        let at = |number: &u32| &definitions[*number as usize];
        let mut by_name: Vec<u32> = numbers().filter(|number| !at(number).is_profile).collect();
        by_name.sort_by(|a, b| at(a).name.cmp(&at(b).name));
        let mut by_url: Vec<u32> = numbers().collect();
        by_url.sort_by_key(|number| full_url(at(number)));
        content.directory =
            Directory { source_sha256, definitions, by_name, by_url, codes: self.codes.values, ..directory };
        content.types = types;
        content.names = self.names.values.join("\n");
        content.constraints =
            ConstraintTable { constraints: self.constraints.values, sets: self.sets.values };
        content.search.sort_unstable();
        content.systems.sort_unstable();
        content.value_sets.sort_unstable();
        content.maps.sort_unstable();
        content
    }

    /// The number of the set of invariants of an element.
    fn constraint_set(&mut self, element: Json<'_>) -> u32 {
        let constraints = element.items("constraint").map(|constraint| Constraint {
            key: constraint.text("key").into(),
            is_error: constraint.text("severity") == "error",
            human: constraint.text("human").into(),
            expression: constraint.text("expression").into(),
        });
        let set: BTreeSet<u32> = constraints.map(|constraint| self.constraints.of(constraint)).collect();
        self.sets.of(set.into_iter().collect())
    }
}

/// The url of a definition in full.
pub(super) fn full_url(entry: &Entry) -> String {
    if entry.url.is_empty() { format!("{FHIR_BASE}{}", entry.name) } else { entry.url.clone() }
}

/// Data types first, as every resource needs them; profiles last.
fn sort_key(entry: &Entry) -> (bool, TypeKind, &str, &str) {
    (entry.is_profile, entry.kind, &entry.name, &entry.url)
}

/// A type of FHIR by its name, any other by its url.
fn short_code(url: &str) -> String {
    url.strip_prefix(FHIR_BASE).unwrap_or(url).to_owned()
}

/// The walk over the flat list of elements of one definition.
struct Walk<'c> {
    compiler: &'c mut Compiler,
    kind: TypeKind,
    types: Vec<TypeRecord>,
    /// The elements from the root to here: path, the type they stand in, their number there.
    open: Vec<Open>,
    /// Elements that refer to another path: type, number of the element, path.
    references: Vec<(usize, usize, String)>,
}

struct Open {
    path: String,
    /// Type and number of the element; none for the root.
    place: Option<(usize, usize)>,
    /// The type that holds its children, once it has one.
    body: Option<usize>,
    label: String,
}

impl Walk<'_> {
    fn element(&mut self, element: Json<'_>) -> Result<(), String> {
        let path = element.text("path");
        if self.types.is_empty() {
            let constraints = self.compiler.constraint_set(element);
            self.types.push(TypeRecord { path: path.clone().into(), constraints, ..TypeRecord::default() });
            self.open.push(Open { label: path.clone(), path, place: None, body: Some(0) });
            return Ok(());
        }
        let Some((above, name)) = path.rsplit_once('.') else {
            return Err(format!("has a second root element `{path}`"));
        };
        while self.open.last().is_some_and(|open| open.path != above) {
            self.open.pop();
        }
        let Some(owner) = self.open_body() else {
            return Err(format!("has `{path}` without the element above it"));
        };
        if self.kind == TypeKind::Primitive && name == "value" {
            // The value is the leaf itself; only how it is written is a fact.
            self.types[owner].regex = regex(element).into();
            return Ok(());
        }
        let slice = element.text("sliceName");
        let mut label = format!("{}.{name}", self.open.last().map_or("", |open| &open.label));
        if !slice.is_empty() {
            label = format!("{label}:{slice}");
        }
        let record = self.record(name, element);
        let number = self.types[owner].elements.len();
        if let Some(reference) = element.get("contentReference") {
            self.references.push((owner, number, reference));
        }
        self.types[owner].elements.push(record);
        self.open.push(Open { path, place: Some((owner, number)), body: None, label });
        Ok(())
    }

    /// The type that holds the children of the innermost open element, made with the first of them.
    fn open_body(&mut self) -> Option<usize> {
        let new = self.types.len();
        let open = self.open.last_mut()?;
        if open.body.is_none() {
            let (owner, number) = open.place?;
            open.body = Some(new);
            let record = self.types.get_mut(owner)?.elements.get_mut(number)?;
            record.body = to_u32(new);
            // Its constraints are those of the element; only a root has its own.
            let path = open.label.clone().into();
            self.types.push(TypeRecord { path, ..TypeRecord::default() });
        }
        self.open.last()?.body
    }

    fn record(&mut self, name: &str, element: Json<'_>) -> ElementRecord {
        let stem = name.strip_suffix("[x]");
        let mut flags = flags(element);
        let mut text = stem.unwrap_or(name).to_owned();
        if self.kind == TypeKind::Logical && flags & bit::ATTRIBUTE != 0 {
            text.insert_str(0, if in_xsi(element) { "@xsi:" } else { "@" });
        } else if flags & bit::XML_TEXT != 0 {
            "text()".clone_into(&mut text);
        }
        let codes: Vec<String> = element.items("type").map(type_code).collect();
        let mut variants = Vec::new();
        if stem.is_some() {
            flags |= bit::CHOICE;
            variants.extend(codes.iter().map(|code| self.compiler.names.of(variant(&text, code))));
        }
        let types = element.items("type").zip(&codes).map(|(ty, code)| TypeRefRecord {
            code: self.compiler.codes.of(short_code(code)),
            profiles: ty.texts("profile"),
            targets: ty.texts("targetProfile"),
        });
        let max = element.text("max");
        ElementRecord {
            types: types.collect(),
            name: self.compiler.names.of(text),
            flags,
            min: element.text("min").parse().unwrap_or(0),
            max: if max.is_empty() { 2 } else { max.parse().map_or(0, |max: u32| max.saturating_add(1)) },
            variants,
            body: 0,
            constraints: self.compiler.constraint_set(element),
            facts: facts(element, self.kind),
        }
    }

    /// Resolves references to other elements, once all have their types.
    fn finish(mut self) -> Result<Vec<TypeRecord>, String> {
        if self.types.is_empty() {
            return Err("has no element".to_owned());
        }
        let bodies: BTreeMap<&str, u32> =
            self.types.iter().enumerate().map(|(number, ty)| (&*ty.path, to_u32(number))).collect();
        let mut found = Vec::new();
        for (owner, number, reference) in &self.references {
            let path = reference.rsplit_once('#').map_or(reference.as_str(), |(_, path)| path);
            let Some(body) = bodies.get(path) else {
                return Err(format!("refers to `{path}`, which has no children here"));
            };
            found.push((*owner, *number, *body));
        }
        for (owner, number, body) in found {
            self.types[owner].elements[number].body = body;
        }
        Ok(self.types)
    }
}

/// `value` and `dateTime` make `valueDateTime`.
fn variant(stem: &str, code: &str) -> String {
    let code = code.rsplit('/').next().unwrap_or(code);
    let mut letters = code.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    stem.chars().chain(first).chain(letters).collect()
}

fn type_code(ty: Json<'_>) -> String {
    let code = ty.text("code");
    if !code.starts_with(SYSTEM_TYPES) {
        return code;
    }
    let named = ty.items("extension").find(|extension| extension.text("url") == FHIR_TYPE);
    let system = || code.strip_prefix(SYSTEM_TYPES).unwrap_or("String");
    named
        .and_then(|extension| extension.get("valueUrl").or_else(|| extension.get("valueUri")))
        .unwrap_or_else(|| {
            let mut letters = system().chars();
            letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
        })
}

fn regex(element: Json<'_>) -> String {
    let extensions = || element.items("type").flat_map(|ty| ty.items("extension"));
    extensions()
        .find(|extension| extension.text("url") == REGEX)
        .map_or_else(String::new, |it| it.text("valueString"))
}

fn flags(element: Json<'_>) -> u16 {
    let mut flags = 0;
    let mut set = |bit: u16, holds: bool| flags |= if holds { bit } else { 0 };
    set(bit::MODIFIER, element.text("isModifier") == "true");
    set(bit::SUMMARY, element.text("isSummary") == "true");
    set(bit::MUST_SUPPORT, element.text("mustSupport") == "true");
    set(bit::ORDERED, element.child("orderMeaning").is_some());
    let base = element.child("base").map(|base| base.text("max")).filter(|max| !max.is_empty());
    let max = base.unwrap_or_else(|| element.text("max"));
    set(bit::LIST, !matches!(max.as_str(), "" | "0" | "1"));
    for representation in element.texts("representation") {
        set(bit::ATTRIBUTE, &*representation == "xmlAttr");
        set(bit::XML_TEXT, &*representation == "xmlText");
    }
    flags
}

fn facts(element: Json<'_>, kind: TypeKind) -> Option<Box<Facts>> {
    let mut facts = resources::facts(element);
    if kind == TypeKind::Logical {
        facts.short = element.get("short").map(Into::into);
        facts.label = element.get("label").map(Into::into);
    }
    (facts != Facts::default()).then(|| Box::new(facts))
}

/// True for an attribute in the namespace of XML Schema instances, `xsi:type` (the extension
/// `elementdefinition-namespace` says so).
fn in_xsi(element: Json<'_>) -> bool {
    element
        .items("extension")
        .any(|extension| extension.text("valueUri") == "http://www.w3.org/2001/XMLSchema-instance")
}
