//! Elements that say again what stands in a resource of its own.
//!
//! Forward such an element is a Reference to the resource; backward it is written out of the resource. Where somebody
//! changed the element a lens carries that into the resource, and a map, which copied the resource, says that it cannot.

use super::block::Rules;
use super::draft::{Draft, expression, path, target, text, variable};
use super::leaf::{bound, in_turn};
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

    /// The Reference that the element holds, where it says just what the resource does.
    fn referred(&mut self, restatement: &'a Restatement) -> Option<Draft> {
        self.scoped(|this| {
            let relation = &restatement.relation;
            let name = this.called(Side::Read, relation.source_slot);
            let reading = this.read(&relation.source, Take::First, None, name)?;
            let element = reading.var.clone();
            this.reads[relation.source_slot] = Some(element.clone());
            let kind = relation.target_resource.as_ref().map_or("", |resource| &*resource.kind);
            let resource = this.var(this.called(Side::Write, relation.target_slot), this.type_named(kind));
            let leads = this.steps_to(
                Some(&element.name),
                &restatement.reference.steps,
                relation.target_resource.as_ref(),
            );
            let mut same = Vec::new();
            this.alike(&relation.block, (&element, &resource), &mut same);
            let mut checked = Draft::on(&element.name);
            checked.source.check = Some(expression(&same.join(" and ")));
            let copy = this.copy_along(&restatement.reference, &relation.target, Take::First)?;
            checked.rules.push(copy);
            Some(reading.end(|draft| {
                draft.targets.push(bound(&leads, &resource));
                draft.rules.push(checked);
            }))
        })
    }

    /// For each rule inside, that the element says what the resource would have it say.
    fn alike(&self, block: &'a Block, (element, resource): (&Var, &Var), same: &mut Vec<String>) {
        for (_, content) in &block.content {
            let (source, target, leaf) = match content {
                Content::Leaf(leaf) => (&leaf.source, &leaf.target, Some(leaf)),
                Content::Copy(copied) => (&copied.source, &copied.target, None),
                Content::Relate(inner) if inner.stays() => {
                    self.alike(&inner.block, (element, resource), same);
                    continue;
                }
                Content::Relate(inner) => (&inner.source, &inner.target, None),
                Content::Restate(_) | Content::Rest(_) => continue,
            };
            let said = self.steps(Some(&element.name), &source.steps);
            let mut held = self.steps(Some(&resource.name), &target.steps);
            if source.steps.last().is_some_and(|last| !last.list) {
                held.push_str(".first()");
            }
            if let Some(leaf) = leaf.filter(|leaf| !leaf.convert.is_empty()) {
                held = again(leaf, &held);
            }
            same.push(format!("iif({said} = {held}, true, {said}.empty() and {held}.empty())"));
        }
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
