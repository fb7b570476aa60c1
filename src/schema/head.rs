//! What a `StructureDefinition` says beside its elements.

use super::FHIR_BASE;
use super::element::Stated;
use super::resources::Json;
use super::types::{Context, Root, TypeKind};
use serde::{Deserialize, Serialize};

/// Names a profile that whatever claims the one at hand must fit as well.
const IMPOSE_PROFILE: &str = "http://hl7.org/fhir/StructureDefinition/structuredefinition-imposeProfile";

/// The head of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) url: Box<str>,
    pub(super) name: Box<str>,
    pub(super) kind: TypeKind,
    pub(super) is_abstract: bool,
    pub(super) is_profile: bool,
    /// Url of the base; empty where there is none.
    pub(super) base: Box<str>,
    /// The type that data carry.
    pub(super) ty: Box<str>,
    version: Box<str>,
    contexts: Box<[Context]>,
    context_invariants: Box<[Box<str>]>,
    imposes: Box<[Box<str>]>,
}

impl Head {
    /// Reads the head; an error is the reason why the definition cannot be used.
    pub(super) fn read(root: Json<'_>) -> Result<Self, String> {
        let kind = match root.text("kind").as_str() {
            "resource" => TypeKind::Resource,
            "complex-type" => TypeKind::Complex,
            "primitive-type" => TypeKind::Primitive,
            "logical" => TypeKind::Logical,
            _ => return Err("has no kind".to_owned()),
        };
        let ty = root.text("type");
        let base = root.text("baseDefinition");
        // Some specialise a type to that type itself, which is a profile by another word.
        let is_profile = root.text("derivation") == "constraint"
            || (kind != TypeKind::Logical && base.strip_prefix(FHIR_BASE) == Some(&ty));
        let url = root.text("url");
        let mut name = root.text(if is_profile || kind == TypeKind::Logical { "name" } else { "type" });
        if name.is_empty() {
            url.rsplit('/').next().unwrap_or_default().clone_into(&mut name);
        }
        if name.is_empty() {
            return Err("has no url".to_owned());
        }
        let context =
            |it: Json<'_>| Context { kind: it.text("type").into(), expression: it.text("expression").into() };
        Ok(Self {
            url: url.into(),
            name: name.into(),
            kind,
            is_abstract: root.text("abstract") == "true",
            is_profile,
            base: base.into(),
            ty: ty.into(),
            version: root.text("version").into(),
            contexts: root.items("context").map(context).collect(),
            context_invariants: root.texts("contextInvariant"),
            imposes: root
                .items("extension")
                .filter(is_imposing)
                .map(|it| it.text("valueCanonical").into())
                .collect(),
        })
    }

    /// True where the differential lists every element: a logical model that inherits nothing but what all
    /// elements of FHIR have, which a document that is not FHIR has not.
    pub(super) fn is_whole(&self) -> bool {
        let base = self.base.strip_prefix(FHIR_BASE).unwrap_or(&self.base);
        self.kind == TypeKind::Logical && !self.is_profile && matches!(base, "" | "Element" | "Base")
    }

    /// What is known of the value as a whole, given the first element.
    pub(super) fn root(&self, first: &Stated) -> Root {
        Root {
            version: self.version.clone(),
            min: first.min.unwrap_or(0),
            max: first.max.unwrap_or(0).checked_sub(1).unwrap_or(u32::MAX),
            facts: first.facts.clone(),
            contexts: self.contexts.clone(),
            context_invariants: self.context_invariants.clone(),
            imposes: self.imposes.clone(),
            flags: first.flags,
        }
    }

    /// As [`Head::root`], where the rest is inherited.
    pub(super) fn derived_root(&self, inherited: Root) -> Root {
        let is_empty = self.contexts.is_empty();
        Root {
            version: self.version.clone(),
            contexts: if is_empty { inherited.contexts } else { self.contexts.clone() },
            context_invariants: if is_empty {
                inherited.context_invariants
            } else {
                self.context_invariants.clone()
            },
            imposes: inherited.imposes.iter().chain(&self.imposes).cloned().collect(),
            ..inherited
        }
    }
}

fn is_imposing(extension: &Json<'_>) -> bool {
    extension.text("url") == IMPOSE_PROFILE
}

/// A type of FHIR by its name, any other by its url.
pub(super) fn short_code(url: &str) -> &str {
    let url = url.split_once('|').map_or(url, |(url, _)| url);
    url.strip_prefix(FHIR_BASE).unwrap_or(url)
}
