//! One package within a schema: its directory, and its blocks as they are decoded.

use super::compile::full_url;
use super::pack::{
    self, CONSTRAINTS, ConstraintTable, DIFFERENTIALS, Directory, ElementRecord, Entry, NAMES, SEARCH,
    TERMINOLOGY, TerminologyBlock, TerminologyIndex, TypeRecord, to_u32,
};
use super::snapshot::Differential;
use super::terminology::{CodeSystem, ConceptMap, ValueSet};
use super::types::{
    Constraint, ElementDef, NameEntry, SearchParameter, TypeData, TypeInfo, TypeKind, TypeRef,
};
use super::{Error, FHIR_BASE, Schema, UNKNOWN};
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Name, NameTable};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Types of one package.
const TYPES_MAX: u32 = 1 << 24;

/// One package of a schema.
#[derive(Debug)]
pub(super) struct Part {
    bytes: Cow<'static, [u8]>,
    /// Where the blocks start in `bytes`.
    start: usize,
    directory: Directory,
    urls: Vec<String>,
    first: u32,
    /// First type of each definition, and one past the last.
    starts: Vec<u32>,
    /// The definition of each type.
    owners: Vec<u32>,
    /// First type of each block; of a block without types the number is not used.
    block_starts: Vec<u32>,
    forms: Vec<Form>,
    names: Vec<Name>,
    /// Types of the codes of the directory.
    codes: OnceLock<Vec<TypeId>>,
    types: Vec<OnceLock<Vec<TypeData>>>,
    constraints: OnceLock<ConstraintTable>,
    search: OnceLock<Vec<SearchParameter>>,
    index: OnceLock<TerminologyIndex>,
    terminology: Vec<OnceLock<TerminologyBlock>>,
}

impl Part {
    /// Reads the directory and the names of a package whose types start at `first`.
    pub(super) fn read(bytes: Cow<'static, [u8]>, first: u32, table: &mut NameTable) -> Result<Self, Error> {
        let (directory, start) = pack::directory(&bytes)?;
        let blocks = directory.blocks.len();
        let mut next = first;
        let mut starts = vec![first];
        let mut block_starts = vec![u32::MAX; blocks];
        let mut owners = Vec::new();
        for (number, entry) in directory.definitions.iter().enumerate() {
            let block = block_starts.get_mut(entry.block as usize).ok_or(Error::NotCompiled)?;
            *block = next.min(*block);
            next = next
                .checked_add(entry.types)
                .filter(|next| next - first <= TYPES_MAX)
                .ok_or(Error::NotCompiled)?;
            starts.push(next);
            owners.resize((next - first) as usize, to_u32(number));
        }
        let mut part = Self {
            start,
            urls: directory.definitions.iter().map(full_url).collect(),
            first,
            starts,
            owners,
            block_starts,
            forms: directory.definitions.iter().map(|entry| form(&directory, entry)).collect(),
            names: Vec::new(),
            codes: OnceLock::new(),
            types: std::iter::repeat_with(OnceLock::new).take(blocks).collect(),
            constraints: OnceLock::new(),
            search: OnceLock::new(),
            index: OnceLock::new(),
            terminology: std::iter::repeat_with(OnceLock::new).take(blocks).collect(),
            directory,
            bytes,
        };
        let names: String = pack::decode(part.block(NAMES).ok_or(Error::NotCompiled)?)?;
        table.reserve(memchr::memchr_iter(b'\n', names.as_bytes()).count() + 1);
        part.names = names.split('\n').map(|name| table.intern(name)).collect();
        // What a tree calls a resource is a name too; one that is not in the table is no name of the definitions.
        for entry in part.directory.definitions.iter().filter(|entry| entry.kind == TypeKind::Resource) {
            if !entry.is_profile {
                table.intern(&entry.name);
            }
        }
        Ok(part)
    }

    fn block(&self, number: usize) -> Option<&[u8]> {
        let entry = self.directory.blocks.get(number)?;
        let start = self.start.checked_add(entry.at as usize)?;
        self.bytes.get(start..start.checked_add(entry.bytes as usize)?)
    }

    /// A block that does not decode is one without content: [`super::Pack::read`] has checked the bytes.
    fn decoded<T: serde::de::DeserializeOwned + Default>(&self, number: usize) -> T {
        self.block(number).and_then(|block| pack::decode(block).ok()).unwrap_or_default()
    }

    pub(super) const fn first(&self) -> u32 {
        self.first
    }

    /// How many types there are, bodies included.
    pub(super) fn types(&self) -> u32 {
        self.starts.last().map_or(0, |end| end - self.first)
    }

    pub(super) fn package(&self) -> (&str, &str, &str) {
        (&self.directory.package, &self.directory.version, &self.directory.source_sha256)
    }

    pub(super) fn incomplete(&self) -> &[(String, String)] {
        &self.directory.incomplete
    }

    /// The definitions that [`Part::incomplete`] lists.
    pub(super) fn differentials(&self) -> Vec<Differential> {
        if self.directory.incomplete.is_empty() { Vec::new() } else { self.decoded(DIFFERENTIALS) }
    }

    pub(super) fn roots(&self) -> impl Iterator<Item = TypeId> + use<'_> {
        self.directory
            .by_name
            .iter()
            .filter_map(|number| self.starts.get(*number as usize).map(|ty| TypeId(*ty)))
    }

    pub(super) fn profiles(&self) -> impl Iterator<Item = TypeId> + use<'_> {
        let entries = self.directory.definitions.iter().zip(&self.starts);
        entries.filter(|(entry, _)| entry.is_profile).map(|(_, ty)| TypeId(*ty))
    }

    pub(super) fn type_named(&self, name: &str, logical: bool) -> Option<TypeId> {
        let entry = |number: u32| self.directory.definitions.get(number as usize);
        let by_name = &self.directory.by_name;
        let at =
            by_name.partition_point(|number| entry(*number).is_some_and(|entry| entry.name.as_str() < name));
        let same =
            by_name[at..].iter().take_while(|number| entry(**number).is_some_and(|entry| entry.name == name));
        let mut fitting = same.filter(|number| {
            entry(**number).is_some_and(|entry| (entry.kind == TypeKind::Logical) == logical)
        });
        fitting.next().and_then(|number| self.starts.get(*number as usize)).map(|ty| TypeId(*ty))
    }

    pub(super) fn type_by_url(&self, url: &str) -> Option<TypeId> {
        let of = |number: &u32| self.urls.get(*number as usize).map_or("", String::as_str);
        let at = self.directory.by_url.binary_search_by(|number| of(number).cmp(url)).ok()?;
        self.starts.get(self.directory.by_url[at] as usize).map(|ty| TypeId(*ty))
    }

    /// The number of the definition that a type belongs to.
    fn definition(&self, ty: TypeId) -> Option<usize> {
        let number = self.owners.get(ty.0.checked_sub(self.first)? as usize)?;
        Some(*number as usize)
    }

    pub(super) fn info<'a>(&'a self, schema: &'a Schema, ty: TypeId) -> Option<TypeInfo<'a>> {
        let number = self.definition(ty)?;
        let entry = self.directory.definitions.get(number)?;
        let url = self.urls.get(number)?;
        let is_profile = entry.is_profile;
        if self.starts[number] != ty.0 {
            let name = &self.data(schema, ty)?.path;
            let (kind, form) = (TypeKind::Body, Form::Object);
            return Some(TypeInfo {
                name,
                url,
                kind,
                base: None,
                is_abstract: false,
                is_profile,
                form,
                regex: "",
            });
        }
        let known = |code: u32| Some(self.code(schema, code)).filter(|known| *known != UNKNOWN);
        // A profile whose base is not at hand still says which type it constrains.
        let constrained = || known(entry.code).filter(|known| is_profile && *known != ty);
        let base = entry.base.checked_sub(1).and_then(known).or_else(constrained);
        Some(TypeInfo {
            name: &entry.name,
            url,
            kind: entry.kind,
            base,
            is_abstract: entry.is_abstract,
            is_profile,
            form: self.forms[number],
            regex: if entry.kind == TypeKind::Primitive { &self.data(schema, ty)?.regex } else { "" },
        })
    }

    pub(super) fn form(&self, ty: TypeId) -> Form {
        match self.definition(ty) {
            Some(number) if self.starts[number] == ty.0 => self.forms[number],
            _ => Form::Object,
        }
    }

    fn code(&self, schema: &Schema, code: u32) -> TypeId {
        // A profile of FHIR's own is no type of its name; its url says which it is.
        let by_url = |code: &str| schema.type_by_url(&format!("{FHIR_BASE}{code}"));
        let resolve = |code: &String| schema.resolve(code).ok().or_else(|| by_url(code)).unwrap_or(UNKNOWN);
        let codes = self.codes.get_or_init(|| self.directory.codes.iter().map(resolve).collect());
        codes.get(code as usize).copied().unwrap_or(UNKNOWN)
    }

    /// A type with its elements, decoded with its block on first use.
    pub(super) fn data(&self, schema: &Schema, ty: TypeId) -> Option<&TypeData> {
        let number = self.definition(ty)?;
        let block = self.directory.definitions[number].block as usize;
        let types = self.types.get(block)?.get_or_init(|| self.decode_types(schema, block));
        types.get((ty.0 - self.block_starts[block]) as usize)
    }

    fn decode_types(&self, schema: &Schema, block: usize) -> Vec<TypeData> {
        let records: Vec<TypeRecord> = self.decoded(block);
        let mut types = Vec::with_capacity(records.len());
        for (record, ty) in records.into_iter().zip(self.block_starts[block]..) {
            // Bodies are numbered from the definition they stand in.
            let root = self.definition(TypeId(ty)).map_or(ty, |number| self.starts[number]);
            types.push(self.type_data(schema, root, record));
        }
        types
    }

    fn type_data(&self, schema: &Schema, root: u32, record: TypeRecord) -> TypeData {
        let mut elements: Vec<ElementDef> = Vec::with_capacity(record.elements.len());
        let mut by_name = Vec::with_capacity(record.elements.len());
        let mut order = 0;
        for record in record.elements {
            let variants = record.variants.clone();
            let mut element = self.element(schema, root, record);
            if element.slice().is_none() {
                order = u16::saturating_add(order, 1);
                let number = u16::try_from(elements.len()).unwrap_or(u16::MAX);
                by_name.extend(self.names_of(schema, &element, number, &variants));
            }
            element.order = order;
            elements.push(element);
        }
        by_name.sort_by_key(|entry| entry.name);
        TypeData {
            path: record.path,
            regex: record.regex,
            root: record.root,
            elements: elements.into(),
            by_name: by_name.into(),
            constraints: record.constraints,
        }
    }

    /// The names in data of one element; `variants` are those of a choice.
    fn names_of(
        &self,
        schema: &Schema,
        element: &ElementDef,
        number: u16,
        variants: &[u32],
    ) -> Vec<NameEntry> {
        let entry = |name: Name, variant: u16, ty: Option<TypeId>| {
            let body = element.body.filter(|_| element.types.len() < 2);
            // A primitive whose id and extensions a profile lists is still written as one value.
            let form = ty.map_or(Form::Object, |ty| schema.form(ty));
            NameEntry { name, element: number, variant, ty: body.or(ty).unwrap_or(UNKNOWN), form }
        };
        let types = element.types.iter().map(|ty| ty.ty);
        if element.is_choice() {
            let named = types.zip(variants).zip(0..);
            return named.map(|((ty, name), variant)| entry(self.name(*name), variant, Some(ty))).collect();
        }
        vec![entry(element.name, 0, element.types.first().map(|ty| ty.ty))]
    }

    fn element(&self, schema: &Schema, root: u32, record: ElementRecord) -> ElementDef {
        let types = record.types.into_iter().map(|ty| TypeRef {
            ty: self.code(schema, ty.code),
            profiles: ty.profiles,
            targets: ty.targets,
            aggregation: ty.aggregation,
        });
        ElementDef {
            name: self.name(record.name),
            min: record.min,
            max: record.max.checked_sub(1).unwrap_or(u32::MAX),
            types: types.collect(),
            body: (record.body > 0).then(|| TypeId(root.saturating_add(record.body))),
            order: 0,
            flags: record.flags,
            constraints: record.constraints,
            facts: record.facts,
        }
    }

    fn name(&self, number: u32) -> Name {
        self.names.get(number as usize).copied().unwrap_or(Name::NONE)
    }

    pub(super) fn constraints(&self, set: u32) -> Vec<&Constraint> {
        let table = self.constraints.get_or_init(|| self.decoded(CONSTRAINTS));
        let numbers = table.sets.get(set as usize).into_iter().flatten();
        numbers.filter_map(|number| table.constraints.get(*number as usize)).collect()
    }

    pub(super) fn search_parameters(&self) -> &[SearchParameter] {
        self.search.get_or_init(|| self.decoded(SEARCH))
    }

    pub(super) fn code_system(&self, url: &str) -> Option<&CodeSystem> {
        let block = self.terminology(&self.index().systems, url)?;
        find(&block.systems, url, |system| &system.url)
    }

    pub(super) fn value_set(&self, url: &str) -> Option<&ValueSet> {
        let block = self.terminology(&self.index().value_sets, url)?;
        find(&block.value_sets, url, |value_set| &value_set.url)
    }

    pub(super) fn concept_map(&self, url: &str) -> Option<&ConceptMap> {
        let block = self.terminology(&self.index().maps, url)?;
        find(&block.maps, url, |map| &map.url)
    }

    pub(super) fn supplements(&self, url: &str) -> impl Iterator<Item = &CodeSystem> {
        let all = &self.index().supplements;
        let first = all.partition_point(|(supplemented, _)| **supplemented < *url);
        let same = all[first..].iter().take_while(move |(supplemented, _)| **supplemented == *url);
        same.filter_map(|(_, supplement)| self.code_system(supplement))
    }

    pub(super) fn system_of_value_set(&self, url: &str) -> Option<&str> {
        let all = &self.index().implicit;
        let at = all.binary_search_by(|(value_set, _)| (**value_set).cmp(url)).ok()?;
        all.get(at).map(|(_, system)| &**system)
    }

    fn index(&self) -> &TerminologyIndex {
        self.index.get_or_init(|| self.decoded(TERMINOLOGY))
    }

    fn terminology(&self, index: &[(Box<str>, u32)], url: &str) -> Option<&TerminologyBlock> {
        let at = index.binary_search_by(|(known, _)| (**known).cmp(url)).ok()?;
        let block = index[at].1 as usize;
        self.terminology.get(block).map(|cell| cell.get_or_init(|| self.decoded(block)))
    }
}

fn find<'a, T>(sorted: &'a [T], url: &str, of: impl Fn(&T) -> &str) -> Option<&'a T> {
    sorted.binary_search_by(|item| of(item).cmp(url)).ok().and_then(|at| sorted.get(at))
}

/// How a value of a defined type is written in JSON.
fn form(directory: &Directory, entry: &Entry) -> Form {
    let code = directory.codes.get(entry.code as usize).map_or("", String::as_str);
    match (entry.kind, code) {
        (TypeKind::Resource, _) => Form::Resource,
        (TypeKind::Primitive, "boolean") => Form::Bool,
        (TypeKind::Primitive, "integer" | "positiveInt" | "unsignedInt" | "decimal") => Form::Number,
        (TypeKind::Primitive, "xhtml") => Form::Xhtml,
        (TypeKind::Primitive, _) => Form::Str,
        (TypeKind::Complex | TypeKind::Logical | TypeKind::Body, _) => Form::Object,
    }
}

#[cfg(test)]
impl Part {
    /// True where every block decodes.
    pub(super) fn is_sound(&self) -> bool {
        let entries = &self.directory.definitions;
        let types = entries.iter().all(|entry| {
            self.block(entry.block as usize)
                .is_some_and(|block| pack::decode::<Vec<TypeRecord>>(block).is_ok())
        });
        let index = self.index();
        let all = index.systems.iter().chain(&index.value_sets).chain(&index.maps);
        let terms = all.map(|(_, block)| *block).collect::<std::collections::BTreeSet<u32>>();
        let read = |number: &u32| {
            self.block(*number as usize).is_some_and(|block| pack::decode::<TerminologyBlock>(block).is_ok())
        };
        types && !terms.is_empty() && terms.iter().all(read) && !self.urls.is_empty()
    }
}
