//! Invariants: compiled once for each type they stand on, run as often as needed.

use super::Walk;
use super::report::{Fault, Subject};
use crate::diag::{Message, Severity, codes, message};
use crate::fhirpath::{Compiled, Options, Temporal, parse};
use crate::schema::{Constraint, Schema, UNKNOWN};
use crate::tree::fhir::TypeId;
use crate::tree::{Name, NodeId};
use std::cmp::Ordering;
use std::sync::OnceLock;

/// An invariant on values of one type.
#[derive(Debug)]
pub(super) struct Invariant<'s> {
    pub(super) constraint: &'s Constraint,
    /// Url of the definition it stands in.
    url: &'s str,
    ty: TypeId,
    check: Check,
}

/// How an invariant is checked.
#[derive(Debug)]
enum Check {
    /// Its expression; `None` inside where it does not compile.
    Expression(OnceLock<Option<Box<Compiled>>>),
    /// Every period: `start` is not after `end`.
    Period,
    /// An extension has extensions or a value.
    Extension,
    /// A local reference leads to a contained resource.
    Reference,
}

/// The expression of ref-1, which would look at all contained resources for each reference.
const REF_1: &str = "reference.startsWith('#').not() or (reference.substring(1).trace('url') in \
    %rootResource.contained.id.trace('ids'))";

/// Invariants that the walk itself makes sure of, by key and expression.
const IMPLIED: &[(&str, &str)] = &[
    // An element without value or children is reported as empty.
    ("ele-1", "hasValue() or (children().count() > id.count())"),
    // The narrative is read once, and each of its faults is told apart.
    ("txt-1", "htmlChecks()"),
    ("txt-2", "htmlChecks()"),
    // The walk notes local references as it passes them.
    ("dom-3", "contained.where("),
];

impl<'s> Invariant<'s> {
    /// Those of a list that have to be checked one by one.
    pub(super) fn all(
        constraints: impl Iterator<Item = &'s Constraint>,
        ty: TypeId,
        url: &'s str,
    ) -> Box<[Self]> {
        let is_open = |constraint: &&Constraint| {
            !constraint.expression.is_empty()
                && !IMPLIED
                    .iter()
                    .any(|(key, text)| *key == &*constraint.key && constraint.expression.contains(text))
        };
        constraints
            .filter(is_open)
            .map(|constraint| Self { constraint, url, ty, check: Check::of(constraint) })
            .collect()
    }

    fn compiled<'a>(
        &'a self,
        place: &'a OnceLock<Option<Box<Compiled>>>,
        schema: &Schema,
    ) -> Option<&'a Compiled> {
        let make = || {
            let mut options = Options::new().invariant();
            if self.ty != UNKNOWN {
                options = options.on(self.ty);
            }
            parse(expression(self.constraint)).ok()?.compile(schema, &options).ok().map(Box::new)
        };
        place.get_or_init(make).as_deref()
    }

    /// The rule as its definition names it.
    pub(super) fn rule(&self) -> String {
        format!("{}#{}", self.url, self.constraint.key)
    }
}

const ELD_19: &str = r#"path.matches('[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\.[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\[x\\])?(\\:[^\\s\\.]+)?)*')"#;
const ELD_19_WHOLE: &str = r#"path.matches('^[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\.[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\[x\\])?(\\:[^\\s\\.]+)?)*$')"#;

/// Expressions of R4 that contradict their own words, and what the words say.
const CORRECTED: &[(&str, &str, &str)] = &[
    // "Element names cannot include some special characters": a match of a part says nothing.
    ("eld-19", ELD_19, ELD_19_WHOLE),
    // "If there are more than one enableWhen, enableBehavior must be specified"
    (
        "que-12",
        "enableWhen.count() > 2 implies enableBehavior.exists()",
        "enableWhen.count() > 1 implies enableBehavior.exists()",
    ),
];

fn expression(constraint: &Constraint) -> &str {
    let is_it =
        |(key, text, _): &&(&str, &str, &str)| *key == &*constraint.key && *text == &*constraint.expression;
    CORRECTED.iter().find(is_it).map_or(&constraint.expression, |(_, _, corrected)| corrected)
}

impl Check {
    fn of(constraint: &Constraint) -> Self {
        match (&*constraint.key, &*constraint.expression) {
            ("per-1", "start.hasValue().not() or end.hasValue().not() or (start <= end)") => Self::Period,
            ("ext-1", "extension.exists() != value.exists()") => Self::Extension,
            ("ref-1", REF_1) => Self::Reference,
            _ => Self::Expression(OnceLock::new()),
        }
    }
}

/// What an invariant says of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Holds,
    Broken,
    /// The expression has no answer.
    Open,
    /// The expression is none.
    Unread,
}

impl Outcome {
    const fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Broken }
    }
}

impl<'s> Walk<'_, 's> {
    /// Checks the invariants of a value.
    pub(super) fn invariants(&mut self, invariants: &[Invariant<'s>], id: NodeId, ty: TypeId) {
        for invariant in invariants {
            match self.outcome(invariant, id, ty) {
                Outcome::Holds => {}
                Outcome::Broken => self.broken(invariant, id),
                Outcome::Open => self.not_checked(Subject::Invariant, &invariant.rule()),
                Outcome::Unread => self.unread(invariant, id),
            }
        }
    }

    fn outcome(&mut self, invariant: &Invariant<'s>, id: NodeId, ty: TypeId) -> Outcome {
        match &invariant.check {
            Check::Extension => {
                let has_extension = self.tree.child(id, Name::EXTENSION).is_some();
                let has_value = self.tree.children(id).any(|child| self.is_choice_value(child));
                Outcome::of(has_extension != has_value)
            }
            Check::Reference => {
                let text = self.tree.child(id, Name::REFERENCE).map(|reference| self.tree.text(reference));
                let local =
                    text.as_deref().and_then(|text| text.strip_prefix('#')).filter(|id| !id.is_empty());
                let root = self.scope.root;
                Outcome::of(local.is_none_or(|local| self.contained_of(root).contains_key(local)))
            }
            Check::Period => {
                let words = &self.validator.rules.words;
                let end = |name: Name| {
                    let node = self.tree.child(id, name).filter(|node| self.tree.has_text(*node))?;
                    Temporal::date_time(&self.tree.text(node))
                };
                let order = end(words.start).zip(end(words.end)).and_then(|(start, end)| start.compare(end));
                Outcome::of(order != Some(Ordering::Greater))
            }
            Check::Expression(place) => {
                let Some(compiled) = invariant.compiled(place, self.validator.schema()) else {
                    return Outcome::Unread;
                };
                match compiled.evaluate_boolean(&self.scope.context, &self.item(id, ty)) {
                    // Empty breaks nothing: ref-1 is empty for a reference that has only a display.
                    Ok(answer) => Outcome::of(answer != Some(false)),
                    Err(_) => Outcome::Open,
                }
            }
        }
    }

    /// Tells once in a document that an expression cannot be read.
    fn unread(&mut self, invariant: &Invariant<'_>, id: NodeId) {
        let rule = invariant.rule();
        let is_told = self.is_noted(Subject::Invariant, &rule);
        self.not_checked(Subject::Invariant, &rule);
        if !is_told {
            let message = message!(
                "{key}: its expression cannot be read, so it is not checked",
                key = invariant.constraint.key
            );
            self.tell(Fault::warning(codes::INVARIANT_UNREAD, id, message).rule(rule));
        }
    }

    fn broken(&mut self, invariant: &Invariant<'_>, id: NodeId) {
        let constraint = invariant.constraint;
        let severity = if constraint.is_error { Severity::Error } else { Severity::Warning };
        let message = Message::Plain(format!("{}: {}", constraint.key, constraint.human));
        self.tell(Fault::new(codes::INVARIANT, severity, id, message).rule(invariant.rule()));
    }
}
