//! Elements that say again what stands in a resource of its own.
//!
//! Forward such an element is a Reference to the resource; backward it is written out of the resource.

use super::block::Rules;
use super::draft::{Draft, path, target, text, variable};
use super::place::{Chain, Make};
use super::read::Take;
use super::{Direction, Exporter, Side, Var};
use crate::mapping::fml::model::Transform;
use crate::mapping::program::{Path, Restatement};

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
        self.copy_along(&reference_path(restatement), &restatement.relation.target, Take::First)
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

/// From the element around to the Reference that the element holds.
fn reference_path(restatement: &Restatement) -> Path {
    let source = &restatement.relation.source;
    let steps = source.steps.iter().chain(&restatement.reference.steps).cloned().collect();
    Path { slot: source.slot, conditions: source.conditions.clone(), steps }
}
