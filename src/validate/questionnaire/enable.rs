//! Whether an item is enabled (FHIR R4, `Questionnaire.item.enableWhen`).

use super::answer::{Type, Typed, Value};
use super::form::{Behavior, Condition, Item, ItemId, Operator, When, compiled};
use super::response::Response;
use crate::fhirpath::Context;
use crate::tree::NodeId;
use std::cmp::Ordering;

/// Expressions that are evaluated for one response.
const EXPRESSIONS_MAX: usize = 1_000;
/// Steps of one of them.
const EXPRESSION_STEPS_MAX: u64 = 50_000;
/// Answers that are read for the conditions of one response.
const ANSWERS_MAX: usize = 200_000;

/// True where one is, false where both are not.
pub(super) const fn or(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// False where one is, true where both are.
pub(super) const fn and(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

impl<'a> Response<'_, 'a, '_, '_> {
    /// What one more expression may use; nothing where the response had enough of them.
    pub(super) fn next_expression(&mut self) -> Option<Context<'a>> {
        self.expressions += 1;
        let context = || self.walk.scope.context.clone().with_steps_max(EXPRESSION_STEPS_MAX);
        (self.expressions <= EXPRESSIONS_MAX).then(context)
    }

    /// Whether an item is enabled where the walk stands; `None` where that cannot be said.
    pub(super) fn is_enabled(&mut self, id: ItemId, item: &Item) -> Option<bool> {
        match &item.condition {
            Condition::Always => Some(true),
            Condition::Answers { when, behavior } => {
                let mut results = Vec::with_capacity(when.len());
                for part in when {
                    results.push(self.is_met(id, part));
                }
                let any = || results.iter().copied().fold(Some(false), or);
                let all = || results.iter().copied().fold(Some(true), and);
                match behavior {
                    Behavior::Any => any(),
                    Behavior::All => all(),
                    // One part needs no word on how parts are joined; of several, all may say the same.
                    Behavior::Unsaid if any() == all() => any(),
                    Behavior::Unsaid => None,
                }
            }
            Condition::Expression { text, compiled: place } => {
                let context = self.next_expression()?;
                let schema = self.walk.validator.schema();
                let response = schema.type_named("QuestionnaireResponse")?;
                let expression = compiled(text, place, schema, response)?;
                let found = expression.evaluate_boolean(&context, &self.walk.item(self.root, response));
                found.ok().map(|answer| answer == Some(true))
            }
        }
    }

    fn is_met(&mut self, source: ItemId, when: &When) -> Option<bool> {
        let wanted = when.answer.as_ref()?;
        let answers = self.answers_to(source, when.question.as_deref()?)?;
        if when.operator == Operator::Exists {
            let Value::Boolean(wanted) = wanted.value else { return None };
            return Some(answers.is_empty() != wanted);
        }
        let results: Vec<Option<bool>> =
            answers.iter().map(|answer| compares(answer, when.operator, wanted)).collect();
        let any = results.iter().copied().fold(Some(false), or);
        if when.operator != Operator::NotEqual {
            return any;
        }
        // R4 says both "an answer that differs" and "no answer that is equal". Where the two part ways, as without any
        // answer, nothing is said.
        let all = results.iter().copied().fold(Some(true), and);
        if any == all { any } else { None }
    }

    /// The answers to another item that count for an item where the walk stands: those within the innermost group that
    /// holds both.
    fn answers_to(&mut self, source: ItemId, link_id: &str) -> Option<Vec<Typed>> {
        let form = self.form;
        let Some(target) = form.by_link(link_id) else { return Some(Vec::new()) };
        let holds_target =
            |group: &ItemId| *group == target || form.above(target).any(|above| above == *group);
        let within = match form.above(source).find(holds_target) {
            None => self.root,
            Some(group) => self.frames.iter().rev().find(|frame| frame.item == group)?.node,
        };
        let tree = self.walk.tree;
        let span = tree.span(within);
        let Some(nodes) = self.by_item.get(&target) else { return Some(Vec::new()) };
        // Items stand in the order of the document, so those within a group stand together.
        let first = nodes.partition_point(|node| tree.span(*node).start < span.start);
        let inside: Vec<NodeId> =
            nodes.iter().skip(first).copied().take_while(|node| tree.span(*node).start < span.end).collect();
        let mut answers = Vec::new();
        for node in inside {
            answers.extend(
                self.answers(node).into_iter().filter_map(|answer| Typed::read(tree, answer, "value")),
            );
            self.answers_read += 1;
        }
        self.answers_read += answers.len();
        (self.answers_read <= ANSWERS_MAX).then_some(answers)
    }
}

/// Whether an answer compares so with a value; `None` where the two do not compare.
fn compares(answer: &Typed, operator: Operator, wanted: &Typed) -> Option<bool> {
    if operator == Operator::Equal || operator == Operator::NotEqual {
        let is_same = is_same(answer, wanted)?;
        return Some(is_same == (operator == Operator::Equal));
    }
    let order = answer.value.compare(&wanted.value).or_else(|| plain_order(answer, wanted))?;
    Some(match operator {
        Operator::Greater => order == Ordering::Greater,
        Operator::Less => order == Ordering::Less,
        Operator::GreaterOrEqual => order != Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Exists | Operator::Equal | Operator::NotEqual | Operator::Unknown => return None,
    })
}

fn is_same(answer: &Typed, wanted: &Typed) -> Option<bool> {
    match (&answer.value, &wanted.value) {
        // A condition without a system asks for the code alone.
        (Value::Coding(answer), Value::Coding(wanted)) if wanted.system.is_empty() => {
            Some(answer.code == wanted.code)
        }
        _ if answer.ty != wanted.ty => None,
        _ => answer.value.is_same(&wanted.value).or_else(|| plain_order(answer, wanted).map(Ordering::is_eq)),
    }
}

/// How two amounts are ordered whose units are the same words, or are missing.
fn plain_order(answer: &Typed, wanted: &Typed) -> Option<Ordering> {
    match (&answer.value, &wanted.value) {
        (Value::Amount(answer), Value::Amount(wanted))
            if wanted.ty_is_plain() || answer.unit == wanted.unit =>
        {
            (!answer.is_coded() || !wanted.is_coded())
                .then(|| Some(answer.value?.cmp(&wanted.value?)))
                .flatten()
        }
        _ => None,
    }
}

impl super::answer::Amount {
    /// True for a number alone.
    fn ty_is_plain(&self) -> bool {
        self.unit.is_empty() && self.code.is_empty()
    }
}

/// True for the type of answers that a condition can ask an item of a kind for.
pub(super) fn can_ask(item: &Item, operator: Operator, ty: Type) -> bool {
    operator == Operator::Exists || item.takes(ty)
}
