//! What the names of a lens or a map stand for: where each is declared and used, the types behind it, and what
//! becomes of each element. For tools that help to write them; a text with faults is outlined as far as it goes.

mod expression;
mod lens;
mod place;
#[cfg(test)]
mod tests;

pub use expression::expression;
pub use lens::outline;
pub(in crate::mapping) use place::{Side, Spot, steps};

use super::fml::Function;
use crate::diag::Span;
use crate::tree::fhir::TypeId;
use std::collections::{HashMap, HashSet};

/// Types that are noted of one name; a group may be used on many.
pub const TYPES_MAX: usize = 8;

/// What a text names, and what it says of elements.
#[derive(Debug, Default)]
pub struct Outline {
    /// Names that the text declares.
    pub declared: Vec<Declared>,
    /// Every name whose meaning is known, in the order of the text.
    pub marks: Vec<Mark>,
    /// What becomes of elements, in the order of the text.
    pub flows: Vec<Flow>,
    /// The parts of the text, for a list of them.
    pub parts: Vec<Part>,
    by_start: HashMap<u32, usize>,
    by_name: HashMap<(Kind, String), usize>,
    /// The flows, to find out whether one is there.
    noted: HashSet<Flow>,
}

/// A name that the text declares.
#[derive(Debug)]
pub struct Declared {
    /// The name.
    pub name: String,
    /// What kind of name it is.
    pub kind: Kind,
    /// Where it is declared.
    pub span: Span,
    /// What the declaration is part of: a rule, a group, a line.
    pub whole: Span,
    /// Where it is known.
    pub scope: Span,
    /// Of a variable its types; none where nothing is known.
    pub types: Vec<TypeId>,
    /// Of a variable where it stands in its document; of a table its file.
    pub place: String,
}

/// What kind of name is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A variable of what is read.
    Source,
    /// A variable of what is made.
    Target,
    /// A variable that stands for a resource of its own on the target side.
    Resource,
    /// A group of rules.
    Group,
    /// A code table of a lens.
    Codes,
    /// A parameter of a group.
    Parameter,
    /// A constant of a map.
    Constant,
    /// A concept map in a map.
    ConceptMap,
    /// A definition that a map uses by a name of its own.
    Alias,
}

/// A name at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its place, without quotes and signs.
    pub span: Span,
    /// What it stands for.
    pub meaning: Meaning,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A declared name, by its number.
    Declared(usize),
    /// A group of another map.
    Elsewhere {
        /// Canonical url of the map.
        map: String,
        /// Its name.
        name: String,
        /// Where it is declared there.
        span: Span,
    },
    /// An element.
    Element(Element),
    /// A value that the element takes.
    Value(Element, String),
    /// A type.
    Type(TypeId),
    /// A file beside the text.
    File(String),
    /// Another map, by its url.
    Map(String),
    /// A conversion of a lens.
    Conversion(String),
    /// A transform of a map.
    Transform(Function),
    /// A function of FHIRPath.
    Function(String),
}

/// An element at a place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The types that it may be an element of.
    pub owners: Vec<TypeId>,
    /// Its name in data.
    pub name: String,
    /// Where it stands: `CarePlan.activity.detail`.
    pub place: String,
    /// It is read; otherwise it is made.
    pub is_source: bool,
}

/// What becomes of an element, by one rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The element that is read.
    pub source: Option<String>,
    /// The element that is made.
    pub target: Option<String>,
    /// What is done.
    pub fate: Fate,
    /// How far below the element it is done.
    pub reach: Reach,
    /// The rule, in the text of the map that it stands in.
    pub span: Span,
    /// How the element came to the rule, where its group was handed it.
    pub through: Option<Through>,
}

/// How an element comes to a rule of a group that is called or extended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Through {
    /// The name of the group in the call of this text.
    pub call: Span,
    /// Canonical url of the map that the rule stands in, where that is another one.
    pub map: Option<String>,
}

/// What a rule does with an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Carried both ways.
    Carried,
    /// Carried from source to target.
    Derived,
    /// Set to what the rule says.
    Set,
    /// Kept in the unit's document.
    Kept,
    /// Not carried, for a reason.
    Ignored(String),
    /// Given to a group that is not looked into, which is named.
    Handed(String),
}

/// How far a rule reaches below the element that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// It is about the element alone.
    Element,
    /// And about all below it.
    Below,
    /// About all below it that no other rule names.
    Unnamed,
}

/// A part of the text.
#[derive(Debug)]
pub struct Part {
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: PartKind,
    /// All of it.
    pub span: Span,
    /// Its name in it.
    pub selection: Span,
    /// What stands in it.
    pub parts: Vec<Part>,
}

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// A definition that is used, a code table, a concept map.
    Declaration,
    /// A root.
    Map,
    /// A group.
    Group,
    /// A rule with rules in it, or with a name.
    Rule,
}

impl Outline {
    /// The mark at a byte, or just behind which the byte is.
    pub fn at(&self, offset: u32) -> Option<&Mark> {
        let after = self.marks.partition_point(|mark| mark.span.start <= offset);
        let before = self.marks.get(..after).unwrap_or(&[]).iter().rev().take(2);
        before.into_iter().find(|mark| offset <= mark.span.end)
    }

    /// The declared names that are known at a byte, the innermost first.
    pub fn known_at(&self, offset: u32) -> impl Iterator<Item = &Declared> {
        let known = move |it: &&Declared| it.scope.start <= offset && offset <= it.scope.end;
        self.declared.iter().rev().filter(known)
    }

    /// Every place where a declared name stands, its declaration among them.
    pub fn places_of(&self, declared: usize) -> impl Iterator<Item = Span> {
        let same = move |mark: &&Mark| mark.meaning == Meaning::Declared(declared);
        self.marks.iter().filter(same).map(|mark| mark.span)
    }

    /// Notes a name; one place may stand for elements of several types, as a group is used on several.
    pub(in crate::mapping) fn mark(&mut self, span: Span, meaning: Meaning) {
        if span.is_empty() {
            return;
        }
        let Some(known) = self.by_start.get(&span.start).and_then(|at| self.marks.get_mut(*at)) else {
            self.by_start.insert(span.start, self.marks.len());
            self.marks.push(Mark { span, meaning });
            return;
        };
        if let (Meaning::Element(known), Meaning::Element(new)) = (&mut known.meaning, &meaning) {
            merge(&mut known.owners, &new.owners);
        }
    }

    /// Declares a name; a name in a group is declared once, however often the group is used.
    pub(in crate::mapping) fn declare(&mut self, declared: Declared) -> usize {
        if let Some(Meaning::Declared(at)) =
            self.started(declared.span.start).map(|mark| mark.meaning.clone())
        {
            if let Some(known) = self.declared.get_mut(at) {
                merge(&mut known.types, &declared.types);
            }
            return at;
        }
        let at = self.declared.len();
        self.mark(declared.span, Meaning::Declared(at));
        self.by_name.entry((declared.kind, declared.name.clone())).or_insert(at);
        self.declared.push(declared);
        at
    }

    /// The first declaration of a name, while the outline is made.
    pub(in crate::mapping) fn named(&self, kind: Kind, name: &str) -> Option<usize> {
        self.by_name.get(&(kind, name.to_owned())).copied()
    }

    /// The mark that starts at a byte, while the outline is made.
    pub(in crate::mapping) fn started(&self, start: u32) -> Option<&Mark> {
        self.by_start.get(&start).and_then(|at| self.marks.get(*at))
    }

    pub(in crate::mapping) fn flow(&mut self, flow: Flow) {
        if self.noted.insert(flow.clone()) {
            self.flows.push(flow);
        }
    }

    /// Puts everything in the order of the text.
    pub(in crate::mapping) fn finished(mut self) -> Self {
        self.marks.sort_by_key(|mark| (mark.span.start, mark.span.end));
        // The rules of this text come before those of others.
        let is_elsewhere = |flow: &Flow| flow.through.as_ref().is_some_and(|it| it.map.is_some());
        self.flows.sort_by_key(|flow| (is_elsewhere(flow), flow.span.start));
        // What only served to make it goes.
        Self { by_start: HashMap::new(), by_name: HashMap::new(), noted: HashSet::new(), ..self }
    }
}

/// Adds types that are not among them.
pub(in crate::mapping) fn merge(types: &mut Vec<TypeId>, more: &[TypeId]) {
    for ty in more {
        if types.len() < TYPES_MAX && !types.contains(ty) {
            types.push(*ty);
        }
    }
}
