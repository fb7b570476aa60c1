//! Readers of the parts of FHIR resources that carry facts.

use super::pack::to_u32;
use super::terminology::{
    CodeSystem, Concept, ConceptMap, Designation, Filter, Include, MapGroup, MapRow, ValueSet,
};
use super::types::{Binding, Discriminator, Facts, Literal, SearchParameter, Slicing, Strength};
use crate::tree::{Kind, NodeId, Tree};
use std::collections::HashMap;

const MAX_VALUE_SET: &str = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet";

/// A JSON object of a definition.
#[derive(Clone, Copy)]
pub(super) struct Json<'a> {
    tree: &'a Tree,
    id: NodeId,
}

impl<'a> Json<'a> {
    pub(super) fn root(tree: &'a Tree) -> Self {
        Self::at(tree, NodeId::ROOT)
    }

    pub(super) fn at(tree: &'a Tree, id: NodeId) -> Self {
        Self { tree, id }
    }

    pub(super) fn child(self, name: &str) -> Option<Self> {
        self.tree.child_str(self.id, name).map(|id| Self { id, ..self })
    }

    /// The items of a list.
    pub(super) fn items(self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        let name = self.tree.names().get(name);
        let named = name.into_iter().flat_map(move |name| self.tree.children_named(self.id, name));
        named.filter(move |id| self.tree.kind(*id) != Kind::EmptyList).map(move |id| Self { id, ..self })
    }

    pub(super) fn get(self, name: &str) -> Option<String> {
        self.tree.child_text(self.id, name).map(std::borrow::Cow::into_owned)
    }

    /// The text of a child; empty where there is none.
    pub(super) fn text(self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// Names and texts of the members of an object.
    pub(super) fn members(self) -> Vec<(String, String)> {
        let member = |id| (self.tree.name_text(id).to_owned(), self.tree.text(id).into_owned());
        self.tree.children(self.id).map(member).collect()
    }

    fn boxed(self, name: &str) -> Box<str> {
        self.text(name).into()
    }

    pub(super) fn texts(self, name: &str) -> Box<[Box<str>]> {
        self.items(name).map(|item| item.tree.text(item.id).into()).collect()
    }

    /// The text of the value of a property, of a coding its code.
    fn value(self) -> Box<str> {
        let values = self.tree.children(self.id).filter(|id| self.tree.name_text(*id).starts_with("value"));
        let text = |id: NodeId| {
            if self.tree.kind(id).is_leaf() {
                self.tree.text(id).into()
            } else {
                Self { id, ..self }.boxed("code")
            }
        };
        values.map(text).next().unwrap_or_default()
    }

    /// The child whose name starts with `stem` and goes on with a type: `fixedUri`.
    fn literal(self, stem: &str) -> Option<Literal> {
        let of = |id: &NodeId| self.tree.name_text(*id).strip_prefix(stem);
        let starts = |code: &str| code.starts_with(|first: char| first.is_ascii_uppercase());
        let id = self.tree.children(self.id).find(|id| of(id).is_some_and(starts))?;
        let span = self.tree.span(id);
        let json = self.tree.source().get(span.start as usize..span.end as usize)?;
        Some(Literal { code: of(&id)?.into(), json: compact(json).into() })
    }
}

/// JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let mut in_string = false;
    let mut escaped = false;
    let kept = |c: &char| {
        let keep = in_string || !c.is_ascii_whitespace();
        in_string ^= *c == '"' && !escaped;
        escaped = in_string && *c == '\\' && !escaped;
        keep
    };
    json.chars().filter(kept).collect()
}

/// The facts of an element that few elements have.
pub(super) fn facts(element: Json<'_>) -> Facts {
    Facts {
        binding: element.child("binding").map(|binding| Binding {
            strength: match binding.text("strength").as_str() {
                "required" => Strength::Required,
                "extensible" => Strength::Extensible,
                "preferred" => Strength::Preferred,
                _ => Strength::Example,
            },
            value_set: binding.boxed("valueSet"),
            greatest: greatest(binding),
        }),
        fixed: element.literal("fixed"),
        pattern: element.literal("pattern"),
        min_value: element.literal("minValue"),
        max_value: element.literal("maxValue"),
        max_length: element.get("maxLength").and_then(|max| max.parse().ok()),
        short: None,
        label: None,
        slicing: element.child("slicing").map(|slicing| Slicing {
            discriminators: slicing
                .items("discriminator")
                .map(|it| Discriminator { kind: it.boxed("type"), path: it.boxed("path") })
                .collect(),
            rules: slicing.boxed("rules"),
            ordered: slicing.text("ordered") == "true",
        }),
        slice: element.get("sliceName").map(Into::into),
    }
}

/// The value set that no code of a binding may be outside of. `minValueSet` says what systems must be able to hold, which
/// no single document can break.
fn greatest(binding: Json<'_>) -> Box<str> {
    let named = binding.items("extension").find(|extension| extension.text("url") == MAX_VALUE_SET);
    let url = |it: Json<'_>| it.get("valueCanonical").or_else(|| it.get("valueUri"));
    named.and_then(url).unwrap_or_default().into()
}

/// Reads a `CodeSystem`.
pub(super) fn code_system(root: Json<'_>) -> CodeSystem {
    let mut concepts = Vec::new();
    let mut rest =
        Rest { properties: root.items("property").map(|it| it.boxed("code")).collect(), ..Rest::default() };
    // Depth is bounded by that of the tree.
    let mut open: Vec<(Json<'_>, Option<u32>)> = top_down(root, None);
    while let Some((concept, parent)) = open.pop() {
        let number = to_u32(concepts.len());
        let holds = |code: &str, value: &str| {
            concept.items("property").any(|it| {
                it.text("code") == code && (it.text("valueBoolean") == value || it.text("valueCode") == value)
            })
        };
        concepts.push(Concept {
            code: concept.boxed("code"),
            display: concept.boxed("display"),
            parent,
            is_inactive: holds("inactive", "true")
                || holds("status", "retired")
                || holds("status", "deprecated"),
            is_abstract: holds("notSelectable", "true") || holds("abstract", "true"),
        });
        rest.read(concept, number);
        open.extend(top_down(concept, Some(number)));
    }
    CodeSystem {
        url: root.boxed("url"),
        version: root.boxed("version"),
        content: root.boxed("content"),
        is_case_sensitive: root.text("caseSensitive") == "true",
        more_parents: more_parents(&concepts, rest.hierarchy),
        concepts: concepts.into(),
        properties: rest.properties.into(),
        values: rest.values.into(),
        designations: rest.designations.into(),
        supplements: without_version(&root.text("supplements")).into(),
        value_set: without_version(&root.text("valueSet")).into(),
    }
}

/// What concepts have beside code and display.
#[derive(Default)]
struct Rest {
    properties: Vec<Box<str>>,
    values: Vec<(u32, u32, Box<str>)>,
    designations: Vec<Designation>,
    /// A code, the number of a concept, and whether the code stands below that.
    hierarchy: Vec<(String, u32, bool)>,
}

impl Rest {
    fn read(&mut self, concept: Json<'_>, number: u32) {
        for property in concept.items("property") {
            match property.text("code").as_str() {
                "child" => self.hierarchy.push((property.text("valueCode"), number, true)),
                "parent" | "subsumedBy" => self.hierarchy.push((property.text("valueCode"), number, false)),
                code => {
                    let value = (number, self.property(code), property.value());
                    self.values.push(value);
                }
            }
        }
        self.designations.extend(concept.items("designation").map(|it| Designation {
            concept: number,
            language: it.boxed("language"),
            text: it.boxed("value"),
        }));
    }

    fn property(&mut self, code: &str) -> u32 {
        let known = self.properties.iter().position(|known| &**known == code);
        to_u32(known.unwrap_or_else(|| {
            self.properties.push(code.into());
            self.properties.len() - 1
        }))
    }
}

fn without_version(url: &str) -> &str {
    url.split_once('|').map_or(url, |(url, _)| url)
}

/// The concepts right below, the first last, as a stack wants them.
fn top_down(above: Json<'_>, parent: Option<u32>) -> Vec<(Json<'_>, Option<u32>)> {
    let mut below: Vec<_> = above.items("concept").map(|concept| (concept, parent)).collect();
    below.reverse();
    below
}

fn more_parents(concepts: &[Concept], named: Vec<(String, u32, bool)>) -> Box<[(u32, u32)]> {
    let numbers: HashMap<&str, u32> = concepts.iter().map(|it| &*it.code).zip(0..).collect();
    let mut pairs = Vec::new();
    for (code, number, is_child) in named {
        let Some(other) = numbers.get(code.as_str()) else { continue };
        let (child, parent) = if is_child { (*other, number) } else { (number, *other) };
        if concepts[child as usize].parent != Some(parent) {
            pairs.push((child, parent));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs.into()
}

/// Reads a `ValueSet`.
pub(super) fn value_set(root: Json<'_>) -> ValueSet {
    let compose = root.child("compose");
    let parts =
        |name: &str| compose.into_iter().flat_map(|compose| compose.items(name)).map(include).collect();
    ValueSet {
        url: root.boxed("url"),
        version: root.boxed("version"),
        include: parts("include"),
        exclude: parts("exclude"),
        is_active_only: compose.is_some_and(|compose| compose.text("inactive") == "false"),
        expansion: root.child("expansion").and_then(expansion),
    }
}

fn include(part: Json<'_>) -> Include {
    let filter = |it: Json<'_>| Filter {
        property: it.boxed("property"),
        op: it.boxed("op"),
        value: it.boxed("value"),
    };
    Include {
        system: part.boxed("system"),
        version: part.boxed("version"),
        concepts: part.items("concept").map(|it| (it.boxed("code"), it.boxed("display"))).collect(),
        filters: part.items("filter").map(filter).collect(),
        value_sets: part.texts("valueSet"),
    }
}

/// A code and its display.
type Listed = (Box<str>, Box<str>);

/// The codes of an expansion by their systems; none where it is a page or a part.
fn expansion(root: Json<'_>) -> Option<Box<[Include]>> {
    let mut systems: Vec<(Box<str>, Vec<Listed>)> = Vec::new();
    let mut open: Vec<Json<'_>> = contained(root);
    let mut count = 0_usize;
    while let Some(item) = open.pop() {
        count += 1;
        open.extend(contained(item));
        let code = item.boxed("code");
        if code.is_empty() || item.text("abstract") == "true" {
            continue;
        }
        let system = item.boxed("system");
        match systems.iter_mut().find(|(known, _)| *known == system) {
            Some((_, codes)) => codes.push((code, item.boxed("display"))),
            None => systems.push((system, vec![(code, item.boxed("display"))])),
        }
    }
    let total = root.get("total").and_then(|total| total.parse().ok()).unwrap_or(count);
    let is_page = root.items("parameter").any(|it| it.text("name") == "count" || it.text("name") == "offset");
    let is_open = root.items("extension").any(|it| it.text("url").ends_with("/valueset-unclosed"));
    let include = |(system, concepts): (Box<str>, Vec<Listed>)| Include {
        system,
        version: Box::default(),
        concepts: concepts.into(),
        filters: Box::default(),
        value_sets: Box::default(),
    };
    (total <= count && !is_page && !is_open).then(|| systems.into_iter().map(include).collect())
}

/// What an expansion lists right below, the first last, as a stack wants them.
fn contained(above: Json<'_>) -> Vec<Json<'_>> {
    let mut below: Vec<_> = above.items("contains").collect();
    below.reverse();
    below
}

/// Reads a `ConceptMap`.
pub(super) fn concept_map(root: Json<'_>) -> ConceptMap {
    let group = |it: Json<'_>| MapGroup {
        source: it.boxed("source"),
        target: it.boxed("target"),
        rows: it.items("element").flat_map(map_rows).collect(),
    };
    ConceptMap { url: root.boxed("url"), groups: root.items("group").map(group).collect() }
}

fn map_rows(element: Json<'_>) -> impl Iterator<Item = MapRow> + use<'_> {
    element.items("target").map(move |target| MapRow {
        source: element.boxed("code"),
        target: target.boxed("code"),
        equivalence: target.boxed("equivalence"),
    })
}

/// Reads a `SearchParameter`.
pub(super) fn search_parameter(root: Json<'_>) -> SearchParameter {
    SearchParameter {
        url: root.boxed("url"),
        code: root.boxed("code"),
        bases: root.texts("base"),
        kind: root.boxed("type"),
        expression: root.boxed("expression"),
        targets: root.texts("target"),
        components: root
            .items("component")
            .map(|it| (it.boxed("definition"), it.boxed("expression")))
            .collect(),
    }
}
