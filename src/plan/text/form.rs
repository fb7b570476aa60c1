//! What an element is by the definitions of R4, what it is called, and what says nothing to people.

use super::Page;
use crate::mapping::units::schema;
use crate::plan::SAUMA;
use crate::plan::read::{has_code, text};
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, NodeId};

/// Elements that say nothing to people: what machines know a resource by, and what is contained, which stands in the
/// plan as a resource of its own.
const SET_ASIDE: &[&str] = &["id", "resourceType", "meta", "implicitRules", "contained"];

/// Sauma's own extensions that mark where a value stands in the unit's document, what machines know it by, or what the
/// sender's machine asked of the receiver's: what came of that is the state, which is told.
pub(super) const MARKS: &[&str] = &[
    "translation",
    "original-text",
    "section",
    "concern",
    "act-class",
    "inline-activity",
    "detail-id",
    "problem",
    "act",
    "member",
    "lead",
    "message-action",
];

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Form {
    Aside,
    Moment,
    Number,
    Flag,
    Code,
    Text,
    Concept,
    Coding,
    Quantity,
    Range,
    Period,
    Reference,
    Person,
    Address,
    Contact,
    Timing,
    Repeat,
    Extension,
    Group,
}

/// The forms of the types of R4; every other type is told by its parts.
const FORMS: &[(&str, Form)] = &[
    ("date", Form::Moment),
    ("dateTime", Form::Moment),
    ("instant", Form::Moment),
    ("decimal", Form::Number),
    ("boolean", Form::Flag),
    ("code", Form::Code),
    ("id", Form::Aside),
    ("uri", Form::Aside),
    ("url", Form::Aside),
    ("canonical", Form::Aside),
    ("oid", Form::Aside),
    ("uuid", Form::Aside),
    // A file in letters is no text.
    ("base64Binary", Form::Aside),
    ("Identifier", Form::Aside),
    ("Meta", Form::Aside),
    ("Narrative", Form::Aside),
    ("xhtml", Form::Aside),
    ("CodeableConcept", Form::Concept),
    ("Coding", Form::Coding),
    ("Quantity", Form::Quantity),
    ("SimpleQuantity", Form::Quantity),
    ("MoneyQuantity", Form::Quantity),
    ("Age", Form::Quantity),
    ("Count", Form::Quantity),
    ("Distance", Form::Quantity),
    ("Duration", Form::Quantity),
    ("Range", Form::Range),
    ("Period", Form::Period),
    ("Reference", Form::Reference),
    ("HumanName", Form::Person),
    ("Address", Form::Address),
    ("ContactPoint", Form::Contact),
    ("Timing", Form::Timing),
    ("Timing.repeat", Form::Repeat),
    ("Extension", Form::Extension),
];

impl Page<'_> {
    /// What an element is called: an extension by its url, a choice by the name before its type.
    pub(in crate::plan) fn label(&self, node: NodeId) -> String {
        let name = self.tree.name_text(node);
        if let Some(word) = self.extension_word(node) {
            let known = self.reader_label(&word).or_else(|| self.language.find_label(&word));
            return known.map_or_else(|| self.unlabelled(&word), str::to_owned);
        }
        let found = self.parent_type(node).and_then(|ty| schema().find(ty, name));
        let base = found.map(|found| schema().name_text(found.element.name));
        let owner = self.parent_type(node).map(|ty| schema().type_info(ty).name);
        // The same name may say different things in different kinds of resources.
        let find = |name: &str| self.reader_label(name).or_else(|| self.language.find_label(name));
        let known = owner
            .and_then(|owner| find(&format!("{owner}.{name}")))
            .or_else(|| find(name))
            .or_else(|| find(base?));
        known.map_or_else(|| self.unlabelled(name), str::to_owned)
    }

    /// The last word of the url of an extension.
    pub(in crate::plan) fn extension_word(&self, node: NodeId) -> Option<String> {
        let url = text(self.tree, node, &["url"])?;
        let is = ["extension", "modifierExtension"].contains(&self.tree.name_text(node));
        let word = url.rsplit(['/', '#']).next().filter(|word| !word.is_empty())?;
        is.then(|| word.to_owned())
    }

    pub(in crate::plan) fn is_aside(&self, node: NodeId) -> bool {
        let tree = self.tree;
        let own = text(tree, node, &["url"]);
        let own =
            own.as_deref().and_then(|url| url.strip_prefix(SAUMA)?.strip_prefix("StructureDefinition/"));
        if own.is_some_and(|word| MARKS.contains(&word)) {
            return true;
        }
        let name = tree.name_text(node);
        // What every such resource has says nothing beyond the entry itself, unless the unit put it in words.
        let is_plain = match name {
            "intent" => tree.text_is(node, "plan"),
            "doNotPerform" => tree.text_is(node, "false"),
            "status" => {
                let kind = tree.parent(node).and_then(|parent| tree.resource_type(parent));
                kind.as_deref() == Some("Observation") && tree.text_is(node, "final")
            }
            "category" => return has_code(tree, node, "goal-origin", "this-plan"),
            _ => false,
        };
        let is_plain = is_plain && tree.first_child(node).is_none();
        is_plain || (SET_ASIDE.contains(&name) && self.parent_type(node).is_some())
    }

    pub(in crate::plan) fn form(&self, node: NodeId) -> Form {
        let tree = self.tree;
        if tree.kind(node) == Kind::Xhtml {
            return Form::Aside;
        }
        let by_type = self.type_of(node).and_then(|ty| {
            let name = schema().type_info(ty).name;
            FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form)
        });
        by_type.unwrap_or(if tree.kind(node).is_leaf() { Form::Text } else { Form::Group })
    }

    /// The type of an element by the definitions of R4.
    fn type_of(&self, node: NodeId) -> Option<TypeId> {
        if let Some(kind) = self.tree.resource_type(node) {
            return schema().type_named(&kind);
        }
        Some(schema().find(self.parent_type(node)?, self.tree.name_text(node))?.ty)
    }

    fn parent_type(&self, node: NodeId) -> Option<TypeId> {
        self.type_of(self.tree.parent(node)?)
    }
}
