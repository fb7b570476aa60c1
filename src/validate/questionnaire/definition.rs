//! A questionnaire itself: what its conditions ask for is there, and what it offers can be answered.

use super::super::Walk;
use super::super::report::{Fault, Subject};
use super::answer::Typed;
use super::enable::can_ask;
use super::form::{Condition, Form, Item, ItemId, When};
use crate::diag::{codes, message};
use crate::tree::{Name, NodeId};

impl Walk<'_, '_> {
    /// Checks a `Questionnaire` beyond its invariants.
    pub(in crate::validate) fn questionnaire(&mut self, id: NodeId) {
        let form = Form::read(self.tree, id, self.scope.root, self.validator.schema());
        self.derived_from(id);
        for (number, item) in form.items() {
            if let Condition::Answers { when, .. } = &item.condition {
                for part in when {
                    self.condition(&form, number, item, part);
                }
            }
            self.initial(item);
        }
    }

    /// Whether a questionnaire keeps to those that it derives from is not looked at.
    fn derived_from(&mut self, id: NodeId) {
        let tree = self.tree;
        let name = tree.names().get("derivedFrom").unwrap_or(Name::NONE);
        for node in tree.children_named(id, name).filter(|node| tree.has_text(*node)) {
            self.not_checked(Subject::Questionnaire, &tree.text(node));
        }
    }

    fn condition(&mut self, form: &Form, number: ItemId, item: &Item, when: &When) {
        // That a question is named is told by its cardinality.
        let Some(question) = when.question.as_deref() else { return };
        let Some((target, asked)) = form.by_link(question).and_then(|id| Some((id, form.item(id)?))) else {
            let message = message!(
                "the condition of `{link_id}` asks for an item that is not there",
                link_id = item.link_id
            );
            return self.tell(Fault::error(codes::CONDITION, item.node, message));
        };
        let fault = if target == number {
            Some(message!("the condition of `{link_id}` asks for its own answer", link_id = item.link_id))
        } else if form.above(target).any(|above| above == number) {
            Some(message!("the condition of `{link_id}` asks for an item within it", link_id = item.link_id))
        } else {
            None
        };
        if let Some(message) = fault {
            return self.tell(Fault::error(codes::CONDITION, item.node, message));
        }
        // Numbers go up in the order of the document.
        if target > number {
            let message = message!(
                "the condition of `{link_id}` asks for `{asked}`, which comes later",
                link_id = item.link_id,
                asked = asked.link_id
            );
            self.tell(Fault::warning(codes::CONDITION, item.node, message));
        }
        if let Some(answer) = &when.answer
            && !can_ask(asked, when.operator, answer.ty)
        {
            let message = message!(
                "the item `{link_id}` has no answers of the type {name}",
                link_id = asked.link_id,
                name = answer.ty.name()
            );
            self.tell(Fault::warning(codes::CONDITION, answer.node, message));
        }
    }

    /// A value that an item starts with is one that may be given as its answer.
    fn initial(&mut self, item: &Item) {
        let tree = self.tree;
        let name = tree.names().get("initial").unwrap_or(Name::NONE);
        for node in tree.children_named(item.node, name) {
            let Some(value) = Typed::read(tree, node, "value") else { continue };
            let message = if !item.takes(value.ty) {
                message!(
                    "the item `{link_id}` takes no answer of the type {name}",
                    link_id = item.link_id,
                    name = value.ty.name()
                )
            } else if !item.choices.is_empty() && !is_offered(item, &value) {
                message!(
                    "the item `{link_id}` does not offer the value that it starts with",
                    link_id = item.link_id
                )
            } else {
                continue;
            };
            self.tell(Fault::warning(codes::INITIAL, value.node, message));
        }
    }
}

/// True for a value that is one of the options, or that does not compare with them.
fn is_offered(item: &Item, value: &Typed) -> bool {
    let is_free = item.kind == super::form::Kind::OpenChoice && value.ty == super::answer::Type::Text;
    is_free || item.choices.iter().any(|choice| choice.value.value.is_same(&value.value) != Some(false))
}
