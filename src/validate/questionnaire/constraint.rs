//! Rules that a questionnaire sets for its responses (FHIR R4, extension `questionnaire-constraint`).

use super::super::report::{Fault, Subject};
use super::form::compiled;
use super::response::Response;
use crate::diag::{Message, Severity, codes};
use crate::fhirpath::Compiled;
use crate::schema::Schema;
use crate::tree::fhir::TypeId;
use crate::tree::{Name, NodeId, Tree};
use std::sync::OnceLock;

const URL: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-constraint";

/// A rule of a questionnaire, or of one of its items.
#[derive(Debug)]
pub(super) struct Constraint {
    key: Box<str>,
    human: Box<str>,
    is_error: bool,
    expression: Box<str>,
    on_response: OnceLock<Option<Box<Compiled>>>,
    on_item: OnceLock<Option<Box<Compiled>>>,
}

impl Constraint {
    /// Those of a questionnaire or an item.
    pub(super) fn all(tree: &Tree, id: NodeId) -> Vec<Self> {
        let of_url = |url: &'static str| {
            move |extension: &NodeId| {
                tree.child(*extension, Name::URL).is_some_and(|found| tree.text_is(found, url))
            }
        };
        let read = |extension: NodeId| {
            let part = |name: &'static str| {
                let part = tree.children_named(extension, Name::EXTENSION).find(of_url(name))?;
                let value = tree.children(part).find(|child| tree.name_text(*child).starts_with("value"))?;
                Some(Box::<str>::from(tree.text(value)))
            };
            Some(Self {
                key: part("key")?,
                human: part("human").unwrap_or_default(),
                is_error: part("severity").is_none_or(|severity| &*severity != "warning"),
                expression: part("expression")?,
                on_response: OnceLock::new(),
                on_item: OnceLock::new(),
            })
        };
        tree.children_named(id, Name::EXTENSION).filter(of_url(URL)).filter_map(read).collect()
    }
}

impl Response<'_, '_, '_, '_> {
    /// Checks the rules of the questionnaire itself, or those of an item on what a response has for it.
    pub(super) fn constraints(&mut self, constraints: &[Constraint], item: Option<NodeId>) {
        for constraint in constraints {
            let holds = self.holds(constraint, item);
            let rule = format!("{}#{}", self.form.url, constraint.key);
            match holds {
                Some(true) => {}
                None => self.walk.not_checked(Subject::Invariant, &rule),
                Some(false) => {
                    // A rule must hold before a response is complete.
                    let is_error = constraint.is_error && self.is_complete;
                    let severity = if is_error { Severity::Error } else { Severity::Warning };
                    let message = Message::Plain(format!("{}: {}", constraint.key, constraint.human));
                    let at = item.unwrap_or(self.root);
                    self.walk.tell(Fault::new(codes::INVARIANT, severity, at, message).rule(rule));
                }
            }
        }
    }

    /// Whether a rule holds. R4 does not say whether that of an item is about the item or about the whole response; where
    /// the two answers differ, none is given.
    fn holds(&mut self, constraint: &Constraint, item: Option<NodeId>) -> Option<bool> {
        let schema = self.walk.validator.schema();
        let response = schema.type_named("QuestionnaireResponse")?;
        let of_response = self.answer(constraint, &constraint.on_response, self.root, response);
        let Some(item) = item else { return of_response };
        let item_type = item_type(schema, response)?;
        let of_item = self.answer(constraint, &constraint.on_item, item, item_type);
        match (of_item, of_response) {
            (Some(one), Some(other)) => (one == other).then_some(one),
            (one, other) => one.or(other),
        }
    }

    /// What the expression says of a node; `None` where it has no meaning there or no answer.
    fn answer(
        &mut self,
        constraint: &Constraint,
        place: &OnceLock<Option<Box<Compiled>>>,
        at: NodeId,
        ty: TypeId,
    ) -> Option<bool> {
        let context = self.next_expression()?;
        let expression = compiled(&constraint.expression, place, self.walk.validator.schema(), ty)?;
        expression.evaluate_boolean(&context, &self.walk.item(at, ty)).ok().flatten()
    }
}

fn item_type(schema: &Schema, response: TypeId) -> Option<TypeId> {
    schema.find(response, "item").map(|found| found.ty)
}
