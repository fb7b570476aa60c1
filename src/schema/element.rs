//! One `ElementDefinition` of a snapshot or a differential.

use super::pack::ElementRecord;
use super::resources::{self, Json};
use super::types::{Aggregation, Constraint, Facts, TypeKind, bit};
use serde::{Deserialize, Serialize};

/// The system types of FHIRPath, which stand in definitions for what the extension below names.
const SYSTEM_TYPES: &str = "http://hl7.org/fhirpath/System.";
const FHIR_TYPE: &str = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";
const REGEX: &str = "http://hl7.org/fhir/StructureDefinition/regex";
const XML_SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What one `ElementDefinition` says. In a differential what it does not say is as in the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stated {
    pub(super) id: Box<str>,
    pub(super) path: Box<str>,
    pub(super) min: Option<u32>,
    /// As in [`ElementRecord::max`].
    pub(super) max: Option<u32>,
    pub(super) flags: u16,
    /// The flags that are stated, set or not.
    pub(super) known_flags: u16,
    pub(super) types: Vec<StatedType>,
    /// The path that a content reference names.
    pub(super) reference: Option<Box<str>>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) facts: Facts,
    /// Regular expression of a primitive value; empty for others.
    pub(super) regex: Box<str>,
    /// Its name in data with the mark of XML attributes, without `[x]`.
    pub(super) name: Box<str>,
}

/// One type that is stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatedType {
    pub(super) code: Box<str>,
    pub(super) profiles: Box<[Box<str>]>,
    pub(super) targets: Box<[Box<str>]>,
    pub(super) aggregation: Box<[Aggregation]>,
}

impl Stated {
    pub(super) fn read(element: Json<'_>, kind: TypeKind) -> Self {
        let path = element.text("path");
        let (flags, stated) = flags(element, &path);
        let types = element.items("type").map(|ty| StatedType {
            code: type_code(ty).into(),
            profiles: ty.texts("profile"),
            targets: ty.texts("targetProfile"),
            aggregation: ty.texts("aggregation").iter().filter_map(|code| Aggregation::named(code)).collect(),
        });
        Self {
            id: element.text("id").into(),
            min: element.get("min").and_then(|min| min.parse().ok()),
            max: element.get("max").map(|max| max.parse().map_or(0, |max: u32| max.saturating_add(1))),
            flags,
            known_flags: stated,
            types: types.collect(),
            reference: element
                .get("contentReference")
                .map(|to| to.rsplit_once('#').map_or(&*to, |(_, path)| path).into()),
            constraints: constraints(element),
            facts: facts(element, kind),
            regex: regex(element).into(),
            name: name(element, &path, kind, flags).into(),
            path: path.into(),
        }
    }

    /// The facts of the element as a whole, where nothing is inherited.
    pub(super) fn record(&self) -> ElementRecord {
        ElementRecord {
            flags: self.flags,
            min: self.min.unwrap_or(0),
            max: self.max.unwrap_or(2),
            facts: (self.facts != Facts::default()).then(|| Box::new(self.facts.clone())),
            ..ElementRecord::default()
        }
    }
}

fn constraints(element: Json<'_>) -> Vec<Constraint> {
    let constraint = |constraint: Json<'_>| Constraint {
        key: constraint.text("key").into(),
        is_error: constraint.text("severity") == "error",
        human: constraint.text("human").into(),
        expression: constraint.text("expression").into(),
    };
    element.items("constraint").map(constraint).collect()
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

/// The flags that are set, and those that are stated.
fn flags(element: Json<'_>, path: &str) -> (u16, u16) {
    let (mut flags, mut stated) = (0, 0);
    for (bit, name) in
        [(bit::MODIFIER, "isModifier"), (bit::SUMMARY, "isSummary"), (bit::MUST_SUPPORT, "mustSupport")]
    {
        if let Some(value) = element.get(name) {
            stated |= bit;
            flags |= if value == "true" { bit } else { 0 };
        }
    }
    let mut set = |bit: u16, holds: bool| flags |= if holds { bit } else { 0 };
    set(bit::ORDERED, element.child("orderMeaning").is_some());
    set(bit::CHOICE, path.ends_with("[x]"));
    let base = element.child("base").map(|base| base.text("max")).filter(|max| !max.is_empty());
    let max = base.unwrap_or_else(|| element.text("max"));
    set(bit::LIST, !matches!(max.as_str(), "" | "0" | "1"));
    for representation in element.texts("representation") {
        set(bit::ATTRIBUTE, &*representation == "xmlAttr");
        set(bit::XML_TEXT, &*representation == "xmlText");
    }
    (flags, stated | flags & bit::ORDERED)
}

fn name(element: Json<'_>, path: &str, kind: TypeKind, flags: u16) -> String {
    let name = path.rsplit('.').next().unwrap_or_default();
    let name = name.strip_suffix("[x]").unwrap_or(name);
    if kind == TypeKind::Logical && flags & bit::ATTRIBUTE != 0 {
        return format!("{}{name}", if in_xsi(element) { "@xsi:" } else { "@" });
    }
    if flags & bit::XML_TEXT != 0 { "text()".to_owned() } else { name.to_owned() }
}

fn facts(element: Json<'_>, kind: TypeKind) -> Facts {
    let mut facts = resources::facts(element);
    if kind == TypeKind::Logical {
        facts.short = element.get("short").map(Into::into);
        facts.label = element.get("label").map(Into::into);
    }
    facts
}

/// True for an attribute in the namespace of XML Schema instances, `xsi:type` (the extension
/// `elementdefinition-namespace` says so).
fn in_xsi(element: Json<'_>) -> bool {
    element.items("extension").any(|extension| extension.text("valueUri") == XML_SCHEMA_INSTANCE)
}

/// `value` and `dateTime` make `valueDateTime`.
pub(super) fn variant(stem: &str, code: &str) -> String {
    let code = code.rsplit('/').next().unwrap_or(code);
    let mut letters = code.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    stem.chars().chain(first).chain(letters).collect()
}
