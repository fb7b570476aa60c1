//! Elements that say again what stands in a resource of its own.
//!
//! Forward such an element is a Reference to the resource, and what somebody changed in it goes into the resource where
//! that is copied (`edited.rs`); backward it is written out of the resource.

use super::block::Rules;
use super::draft::{Draft, path, target, text, variable};
use super::leaf::in_turn;
use super::place::{Chain, Make};
use super::read::Take;
use super::value::{self, Value};
use super::{Direction, Exporter, Side, Var};
use crate::mapping::SOURCE_TEXT;
use crate::mapping::fml::model::Transform;
use crate::mapping::program::{Block, Content, Leaf, Path, Restatement};

impl<'a> Exporter<'a> {
    pub(super) fn restate(&mut self, restatement: &'a Restatement, here: &Var) -> Rules {
        let Some(restated) = self.is_restated(restatement) else { return Rules::default() };
        let mut again = Draft::guarded(&here.name, Some(&restated));
        again.rules = match self.direction {
            Direction::Forward => self.referred(restatement).into_iter().collect(),
            Direction::Backward => self.shown(restatement).into_iter().collect(),
        };
        let mut otherwise = Draft::guarded(&here.name, Some(&format!("iif({restated}, false, true)")));
        let rules = self.scoped(|this| this.shared_block(&restatement.otherwise, here));
        otherwise.rules = rules.now;
        Rules { now: vec![again, otherwise], late: rules.late }
    }

    /// True where the Reference leads to a resource that is restated.
    fn is_restated(&mut self, restatement: &'a Restatement) -> Option<String> {
        let relation = &restatement.relation;
        let read = match self.direction {
            Direction::Forward => reference_path(restatement),
            Direction::Backward => relation.target.clone(),
        };
        let start = self.known(Side::Read, read.slot)?;
        let resource = relation.target_resource.as_ref();
        let leads = format!("{}.exists()", self.steps_to(Some(&start.name), &read.steps, resource));
        let conditions = self.conditions(Some(&start.name), &read.conditions);
        Some(conditions.into_iter().chain([leads]).collect::<Vec<_>>().join(" and "))
    }

    /// The Reference that the element holds.
    fn referred(&mut self, restatement: &'a Restatement) -> Option<Draft> {
        self.scoped(|this| {
            let relation = &restatement.relation;
            let name = this.called(Side::Read, relation.source_slot);
            let reading = this.read(&relation.source, Take::First, None, name)?;
            let element = reading.var.clone();
            this.reads[relation.source_slot] = Some(element.clone());
            let copy = this.copy_along(&restatement.reference, &relation.target, Take::First)?;
            Some(reading.end(|draft| draft.rules.push(copy)))
        })
    }

    /// The element as the resource would have it.
    fn shown(&mut self, restatement: &'a Restatement) -> Option<Draft> {
        self.scoped(|this| {
            let relation = &restatement.relation;
            let sides = this.sides_of(relation);
            let mut reading = this.read(&relation.target, Take::First, None, "reference")?;
            let here = reading.var.clone();
            let mut chain = Chain::default();
            let found = this.resolved(&sides, &here, &mut chain.targets);
            let element = this.reach(&mut chain, &relation.source, Make::Shared, None, "")?;
            this.writes[relation.source_slot] = Some(element.clone());
            let mut held = Chain::default();
            let last = restatement.reference.steps.last()?;
            let around = this.reach_above(&mut held, &restatement.reference, 1, Make::Shared, (None, ""))?;
            this.state(&mut held);
            let name = this.element(last).name;
            let copy = Some(Transform::Copy(variable(&here.name)));
            held.targets.push(target(Some(path(&around.name, Some(&name))), copy, None));
            this.is_restating = true;
            let grouped = this.group(&sides, &found, &element);
            this.is_restating = false;
            let level = reading.levels.last_mut()?;
            level.source.variable.get_or_insert_with(|| text(&here.name));
            Some(reading.end(|draft| {
                draft.targets = chain.targets;
                draft.targets.extend(held.targets);
                draft.calls.extend(grouped.now);
            }))
        })
    }
}

/// The rules that restate one place each, also those of groups that are called for it; the forms of a choice are one.
pub(super) fn forms(block: &Block) -> Vec<Vec<&Content>> {
    let mut found: Vec<Vec<&Content>> = Vec::new();
    for (_, content) in &block.content {
        if let Content::Relate(inner) = content
            && inner.stays()
        {
            found.extend(forms(&inner.block));
            continue;
        }
        let form = choice(content);
        let same = |other: &&mut Vec<&Content>| other.first().and_then(|content| choice(content)) == form;
        match found.iter_mut().find(same).filter(|_| form.is_some()) {
            Some(other) => other.push(content),
            None => found.push(vec![content]),
        }
    }
    found
}

/// The element that a rule restates alone, by its type and rank, which the forms of a choice share.
fn choice(content: &Content) -> Option<(u32, u16)> {
    match content_paths(content)?.1.steps.as_slice() {
        [step] => Some((step.parent_type, step.order)),
        _ => None,
    }
}

/// The paths of a rule that restates one place: in the element and in the resource.
pub(super) fn content_paths(content: &Content) -> Option<(&Path, &Path)> {
    match content {
        Content::Leaf(leaf) => Some((&leaf.source, &leaf.target)),
        Content::Copy(copied) => Some((&copied.source, &copied.target)),
        Content::Relate(relation) => Some((&relation.source, &relation.target)),
        Content::Restate(_) | Content::Rest(_) => None,
    }
}

/// True of an element that says another thing than the resource of a variable, by a rule.
pub(super) fn differs(exporter: &Exporter<'_>, content: &Content, resource: &str) -> Option<String> {
    let (source, target) = content_paths(content)?;
    let said = exporter.steps(None, &source.steps);
    let mut held = exporter.steps(Some(resource), &target.steps);
    if source.steps.last().is_some_and(|last| !last.list) {
        held.push_str(".first()");
    }
    if let Content::Leaf(leaf) = content
        && !leaf.convert.is_empty()
    {
        held = again(leaf, &held);
    }
    Some(format!("iif({said} = {held}, false, {said}.exists() or {held}.exists())"))
}

/// What an element says of a value of the resource, as an expression.
fn again(leaf: &Leaf, held: &str) -> String {
    let words = format!("{held}.extension('{SOURCE_TEXT}').value");
    let exact = value::backward(leaf, held, Some(&words));
    let readings = in_turn(exact, value::backward(leaf, held, None));
    readings.into_iter().rev().fold("{}".to_owned(), |otherwise, reading| {
        match (reading.value, reading.fits) {
            (Value::Expression(value), Some(fits)) => format!("iif({fits}, {value}, {otherwise})"),
            (Value::Expression(value), None) => value,
            (Value::Nothing | Value::Translate { .. }, _) => otherwise,
        }
    })
}

/// From the element around to the Reference that the element holds.
fn reference_path(restatement: &Restatement) -> Path {
    let source = &restatement.relation.source;
    let steps = source.steps.iter().chain(&restatement.reference.steps).cloned().collect();
    Path { slot: source.slot, conditions: source.conditions.clone(), steps }
}
