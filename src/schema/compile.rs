//! From FHIR resources in JSON to the facts of a package.

use super::canonical::Canonicals;
use super::element::{Stated, StatedType, variant};
use super::head::{Head, short_code};
use super::pack::{
    ConstraintTable, Content, Directory, ElementRecord, Entry, TypeRecord, TypeRefRecord, to_u32,
};
use super::resources::{self, Json};
use super::snapshot::{self, Differential};
use super::types::{Constraint, TypeKind, bit};
use super::{Error, FHIR_BASE, Schema, version};
use crate::diag::Issue;
use crate::tree::json::{self, Layout};
use crate::tree::{NameTable, NodeId, fhir};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Gathers resources, then gives the content of a package.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    pub(super) content: Content,
    /// What is kept as it stands.
    pub(super) canonicals: Canonicals,
    shared: Arc<NameTable>,
    pub(super) names: Numbers,
    pub(super) codes: Numbers,
    pub(super) constraints: Numbers<Constraint>,
    pub(super) sets: Numbers<Vec<u32>>,
}

/// Values numbered in the order they come.
#[derive(Debug)]
pub(super) struct Numbers<T = String> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Clone + std::hash::Hash + Eq> Numbers<T> {
    pub(super) fn of<Q>(&mut self, value: &Q) -> u32
    where
        Q: std::hash::Hash + Eq + ToOwned<Owned = T> + ?Sized,
        T: std::borrow::Borrow<Q>,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = to_u32(self.values.len());
        self.values.push(value.to_owned());
        self.numbers.insert(value.to_owned(), number);
        number
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }
}

impl Numbers {
    /// The text of a number; empty where there is none.
    pub(super) fn text(&self, number: u32) -> &str {
        self.get(number).map_or("", String::as_str)
    }
}

impl Compiler {
    pub(super) fn new() -> Self {
        let mut new = Self { shared: Arc::new(NameTable::new()), ..Self::default() };
        // Set number zero is the empty one.
        new.sets.of(&Vec::new());
        new
    }

    /// Reads the manifest of a package.
    pub(super) fn manifest(&mut self, text: &str) -> Result<(), Error> {
        let tree =
            json::read(text, &self.shared).map_err(|issue| Error::unread("package.json", "JSON", &issue))?;
        let root = Json::root(&tree);
        self.content.directory.package = root.text("name");
        self.content.directory.version = root.text("version");
        Ok(())
    }

    /// Adds one resource. Kinds that carry no facts we use are passed over.
    pub(super) fn add(&mut self, what: &str, text: String) -> Result<(), Error> {
        let text = if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
            json_of_xml(&text).map_err(|issue| Error::unread(what, "XML", &issue))?
        } else {
            text
        };
        let tree =
            json::read_owned(text, &self.shared).map_err(|issue| Error::unread(what, "JSON", &issue))?;
        let root = Json::root(&tree);
        match root.text("resourceType").as_str() {
            "StructureDefinition" => self.definition(root)?,
            "CodeSystem" => self.content.systems.push(resources::code_system(root)),
            "ValueSet" => self.content.value_sets.push(resources::value_set(root)),
            "ConceptMap" => self.content.maps.push(resources::concept_map(root)),
            "SearchParameter" => self.content.search.push(resources::search_parameter(root)),
            kind => self.canonicals.add(kind, &tree, root),
        }
        Ok(())
    }

    /// How many definitions there are.
    pub(super) const fn definitions(&self) -> usize {
        self.content.directory.definitions.len()
    }

    /// True where a type of this name is among the definitions.
    pub(super) fn has_type(&self, name: &str) -> bool {
        self.content.directory.definitions.iter().any(|entry| !entry.is_profile && entry.name == name)
    }

    /// Completes what has only a differential, from the definitions gathered here and those of `base`. What
    /// cannot be completed is listed with the reason.
    pub(super) fn complete(&mut self, differentials: Vec<Differential>, base: &Schema) {
        self.content.differentials.extend(differentials);
        snapshot::complete(self, base);
    }

    /// What could not be completed: url and reason.
    pub(super) fn into_incomplete(self) -> impl Iterator<Item = (String, String)> {
        self.content.directory.incomplete.into_iter().chain(self.content.foreign)
    }

    fn definition(&mut self, root: Json<'_>) -> Result<(), Error> {
        let fault = |reason: String| Error::Shape { what: root.text("url"), reason };
        let head = Head::read(root).map_err(fault)?;
        let snapshot = root.child("snapshot");
        // A differential is laid over the base of R4, whatever it was written for; a snapshot is of its own version.
        let version = root.text("fhirVersion");
        if snapshot.is_some() && !version::is_r4(&version) {
            let reason = format!("is for FHIR {version}, not for R4");
            self.content.foreign.push((root.text("url"), reason));
            return Ok(());
        }
        let Some(view) = snapshot.or_else(|| root.child("differential")) else {
            return Err(fault("has neither snapshot nor differential".to_owned()));
        };
        let elements = view.items("element").map(|element| Stated::read(element, head.kind));
        if snapshot.is_none() && !head.is_whole() {
            let elements = elements.collect();
            self.content.differentials.push(Differential { head, elements });
            return Ok(());
        }
        let mut walk =
            Walk { compiler: self, head: &head, types: Vec::new(), open: Vec::new(), references: Vec::new() };
        for element in elements {
            walk.element(&element).map_err(fault)?;
        }
        let types = walk.finish().map_err(fault)?;
        self.push(&head, types);
        Ok(())
    }

    /// Adds a definition whose types are made.
    pub(super) fn push(&mut self, head: &Head, types: Vec<TypeRecord>) {
        let is_core = head.url.strip_prefix(FHIR_BASE) == Some(&head.name);
        let entry = Entry {
            url: if is_core { String::new() } else { head.url.to_string() },
            name: head.name.to_string(),
            kind: head.kind,
            is_abstract: head.is_abstract,
            is_profile: head.is_profile,
            base: if head.base.is_empty() { 0 } else { self.codes.of(short_code(&head.base)) + 1 },
            code: self.codes.of(short_code(&head.ty)),
            types: to_u32(types.len()),
            block: 0,
        };
        self.content.directory.definitions.push(entry);
        self.content.types.push(types);
    }

    /// An element with its types, constraints and names in data.
    pub(super) fn element(&mut self, stated: &Stated) -> ElementRecord {
        let types = stated.types.iter().map(|ty| self.type_ref(ty)).collect();
        let mut record = ElementRecord {
            name: self.names.of(&*stated.name),
            constraints: self.constraint_set(&stated.constraints),
            types,
            ..stated.record()
        };
        self.name_variants(&mut record);
        record
    }

    /// Names a choice in data, once for each of its types.
    pub(super) fn name_variants(&mut self, record: &mut ElementRecord) {
        if record.flags & bit::CHOICE != 0 {
            let stem = self.names.text(record.name).to_owned();
            let names = record.types.iter().map(|ty| variant(&stem, self.codes.text(ty.code)));
            record.variants =
                names.collect::<Vec<String>>().iter().map(|name| self.names.of(&**name)).collect();
        }
    }

    pub(super) fn type_ref(&mut self, ty: &StatedType) -> TypeRefRecord {
        let code = self.codes.of(short_code(&ty.code));
        TypeRefRecord {
            code,
            profiles: ty.profiles.clone(),
            targets: ty.targets.clone(),
            aggregation: ty.aggregation.clone(),
        }
    }

    /// The number of a set of invariants.
    pub(super) fn constraint_set(&mut self, constraints: &[Constraint]) -> u32 {
        let set: BTreeSet<u32> =
            constraints.iter().map(|constraint| self.constraints.of(constraint)).collect();
        self.sets.of(&set.into_iter().collect::<Vec<u32>>())
    }

    /// The number of the invariants of two sets together.
    pub(super) fn union(&mut self, a: u32, b: u32) -> u32 {
        let of = |set: u32| self.sets.get(set).into_iter().flatten().copied();
        let both: BTreeSet<u32> = of(a).chain(of(b)).collect();
        self.sets.of(&both.into_iter().collect::<Vec<u32>>())
    }

    /// The content, in an order that only the resources decide.
    pub(super) fn finish(self, source_sha256: String) -> Content {
        let mut content = self.content;
        let mut directory = std::mem::take(&mut content.directory);
        directory.incomplete.append(&mut content.foreign);
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
}

/// A resource in FHIR XML as FHIR JSON. The definitions of R4 say which elements are lists and numbers.
fn json_of_xml(text: &str) -> Result<String, Box<Issue>> {
    let schema = Schema::r4();
    let tree = fhir::read_xml(text, schema.names(), schema)?;
    let mut json = String::with_capacity(text.len());
    fhir::write_json(&tree, NodeId::ROOT, None, Layout::Compact, &mut json);
    Ok(json)
}

/// The url of a definition in full.
pub(super) fn full_url(entry: &Entry) -> String {
    if entry.url.is_empty() { format!("{FHIR_BASE}{}", entry.name) } else { entry.url.clone() }
}

/// Data types first, as every resource needs them; profiles last.
fn sort_key(entry: &Entry) -> (bool, TypeKind, &str, &str) {
    (entry.is_profile, entry.kind, &entry.name, &entry.url)
}

/// The walk over the flat list of elements of one definition.
struct Walk<'c> {
    compiler: &'c mut Compiler,
    head: &'c Head,
    types: Vec<TypeRecord>,
    /// The elements from the root to here.
    open: Vec<Open>,
    /// Elements that refer to another path: type, number of the element, path.
    references: Vec<(usize, usize, Box<str>)>,
}

struct Open {
    path: Box<str>,
    /// Type and number of the element; none for the root.
    place: Option<(usize, usize)>,
    /// The type that holds its children, once it has one.
    body: Option<usize>,
    label: String,
}

impl Walk<'_> {
    fn element(&mut self, element: &Stated) -> Result<(), String> {
        let path = &element.path;
        if self.types.is_empty() {
            self.types.push(TypeRecord {
                path: path.clone(),
                constraints: self.compiler.constraint_set(&element.constraints),
                root: Some(Box::new(self.head.root(element))),
                ..TypeRecord::default()
            });
            let label = path.to_string();
            self.open.push(Open { label, path: path.clone(), place: None, body: Some(0) });
            return Ok(());
        }
        let Some((above, name)) = path.rsplit_once('.') else {
            return Err(format!("has a second root element `{path}`"));
        };
        while self.open.last().is_some_and(|open| &*open.path != above) {
            self.open.pop();
        }
        let Some(owner) = self.open_body() else {
            return Err(format!("has `{path}` without the element above it"));
        };
        if self.head.kind == TypeKind::Primitive && name == "value" {
            // The value is the leaf itself; only how it is written is a fact.
            self.types[owner].regex.clone_from(&element.regex);
            return Ok(());
        }
        let mut label = format!("{}.{name}", self.open.last().map_or("", |open| &open.label));
        if let Some(slice) = &element.facts.slice {
            label = format!("{label}:{slice}");
        }
        let record = self.compiler.element(element);
        let number = self.types[owner].elements.len();
        if let Some(reference) = &element.reference {
            self.references.push((owner, number, reference.clone()));
        }
        self.types[owner].elements.push(record);
        self.open.push(Open { path: path.clone(), place: Some((owner, number)), body: None, label });
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

    /// Resolves references to other elements, once all have their types.
    fn finish(mut self) -> Result<Vec<TypeRecord>, String> {
        if self.types.is_empty() {
            return Err("has no element".to_owned());
        }
        resolve_references(&mut self.types, &self.references)?;
        Ok(self.types)
    }
}

/// Points elements to the types of the paths that they refer to.
pub(super) fn resolve_references(
    types: &mut [TypeRecord],
    references: &[(usize, usize, Box<str>)],
) -> Result<(), String> {
    let bodies: BTreeMap<&str, u32> =
        types.iter().enumerate().map(|(number, ty)| (&*ty.path, to_u32(number))).collect();
    let mut found = Vec::new();
    for (owner, number, path) in references {
        let Some(body) = bodies.get(&**path) else {
            return Err(format!("refers to `{path}`, which has no children here"));
        };
        found.push((*owner, *number, *body));
    }
    for (owner, number, body) in found {
        types[owner].elements[number].body = body;
    }
    Ok(())
}
