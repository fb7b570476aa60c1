//! Groups, rules and calls.

use super::{CALL_DEPTH_MAX, OPEN_SOURCES_MAX, Outcome, Run, Var};
use crate::diag::codes;
use crate::mapping::fml::compile::{Argument, Call, Compat, Place, Rule, Source, Then};
use crate::schema::UNKNOWN;
use crate::tree::NodeId;
use crate::tree::fhir::TypeId;

impl<'p, 'a> Run<'p, 'a> {
    /// Runs a group whose inputs are the variables from `frame` on.
    pub(super) fn group(&mut self, number: usize, frame: usize) -> Outcome<()> {
        let Some(group) = self.program.groups.get(number) else { return Ok(()) };
        if self.depth >= CALL_DEPTH_MAX {
            return Err(self.limit("groups that call each other", CALL_DEPTH_MAX as u64));
        }
        self.depth += 1;
        let (outer, rule) = (std::mem::replace(&mut self.frame, frame), self.rule);
        if let Some(base) = group.base {
            let start = self.slots.len();
            for input in 0..group.inputs.len() {
                let var = self.var(input);
                self.slots.push(var);
            }
            self.open_group(base, start)?;
        }
        let outcome = self.rules(&group.rules);
        (self.frame, self.rule) = (outer, rule);
        self.depth -= 1;
        outcome
    }

    /// Runs a group whose inputs are the last variables, from `start` on, and takes them away.
    fn open_group(&mut self, number: usize, start: usize) -> Outcome<()> {
        let slots = self.program.groups.get(number).map_or(0, |group| group.slots);
        self.slots.resize(start + slots, Var::None);
        let outcome = self.group(number, start);
        self.slots.truncate(start);
        outcome
    }

    /// True for a run that is to agree with HL7's own engine.
    pub(super) fn is_reference(&self) -> bool {
        self.program.compat == Compat::Reference
    }

    fn rules(&mut self, rules: &'p [Rule]) -> Outcome<()> {
        rules.iter().try_for_each(|rule| self.sources(rule, &rule.sources))
    }

    /// The targets of a rule for every combination of the values of its sources.
    fn sources(&mut self, rule: &'p Rule, sources: &'p [Source]) -> Outcome<()> {
        let Some((source, further)) = sources.split_first() else { return self.then(rule) };
        self.rule = rule.number;
        if sources.len() > 1 && self.is_reference() {
            self.error(codes::FML_REFERENCE, source.span, "HL7's engine runs no rule with several sources");
            return Ok(());
        }
        if self.open_sources >= OPEN_SOURCES_MAX {
            return Err(self.limit("sources at once", OPEN_SOURCES_MAX as u64));
        }
        self.open_sources += 1;
        let start = self.pool.len();
        self.values(source, start)?;
        let end = self.pool.len();
        let outer = self.reading;
        for at in start..end {
            self.rule = rule.number;
            let Some(value) = self.pool.get(at).cloned() else { break };
            if let Var::Node(node) = &value
                && self.sources.first().is_some_and(|tree| std::ptr::eq(*tree, node.tree))
            {
                self.reading = Some(node.id);
            }
            self.set(source.slot, value);
            self.sources(rule, further)?;
        }
        self.open_sources -= 1;
        self.reading = outer;
        self.pool.truncate(start);
        Ok(())
    }

    fn then(&mut self, rule: &'p Rule) -> Outcome<()> {
        self.executed += 1;
        if self.executed > self.settings.rules_max {
            return Err(self.limit("rules to be executed", self.settings.rules_max));
        }
        match &rule.then {
            Then::Identity(place) => {
                let value = rule.sources.first().map_or(Var::None, |source| self.var(source.slot));
                self.identity(&value, place)
            }
            Then::Full { targets, calls, rules } => {
                for target in targets {
                    self.target(target)?;
                }
                // HL7's engine makes no calls where there are rules.
                if rules.is_empty() || !self.is_reference() {
                    calls.iter().try_for_each(|call| self.call(call))?;
                }
                self.rules(rules)
            }
        }
    }

    /// A value is made in an element by the default group of the two types, or is copied where it has the type.
    fn identity(&mut self, value: &Var<'a>, place: &'p Place) -> Outcome<()> {
        let Some((parent, ty)) = self.parent(place)? else { return Ok(()) };
        let Some(step) = place.steps.last() else {
            return self.default_group(value, parent, ty).map(|done| {
                if !done {
                    self.no_default(place);
                }
            });
        };
        let from = self.type_of_var(value);
        let spots = self.spots(ty, step);
        let pairs = &self.program.defaults.pairs;
        let group =
            spots.iter().find_map(|spot| Some((*spot, *pairs.get(&(from, spot.ty))?))).or_else(|| {
                // `type+` says which group to use, and its target says which type of several is made.
                let number = *self.program.defaults.sources.get(&from)?;
                let made = self.program.groups.get(number)?.inputs.iter().rev().find_map(|input| input.ty)?;
                spots.iter().find(|spot| self.is_subtype(made, spot.ty)).map(|spot| (*spot, number))
            });
        match group {
            Some((spot, number)) => {
                let Some(made) = self.element(parent, spot, spot.ty, None)? else { return Ok(()) };
                self.call_with(number, [value.clone(), Var::Made(made, spot.ty)])
            }
            None if self.is_reference() && !spots.is_empty() => {
                self.no_default(place);
                Ok(())
            }
            None => {
                let is_plain =
                    self.text(value).is_some() || self.program.schema.type_info(from).is_primitive();
                let fits = is_plain || spots.iter().any(|spot| self.is_copy(spot, from, value));
                if !fits && !spots.is_empty() {
                    self.no_default(place);
                    return Ok(());
                }
                self.assign(parent, ty, step, value, place.span).map(|_| ())
            }
        }
    }

    fn no_default(&mut self, place: &Place) {
        let message = "these types have no default group, and nothing else says what is made";
        self.error(codes::FML_DEFAULT, place.span, message);
    }

    fn default_group(&mut self, value: &Var<'a>, made: NodeId, ty: TypeId) -> Outcome<bool> {
        let from = self.type_of_var(value);
        let defaults = &self.program.defaults;
        let Some(number) = defaults.pairs.get(&(from, ty)).or_else(|| defaults.sources.get(&from)).copied()
        else {
            return Ok(false);
        };
        self.call_with(number, [value.clone(), Var::Made(made, ty)])?;
        Ok(true)
    }

    pub(super) fn type_of_var(&self, value: &Var<'a>) -> TypeId {
        match value {
            Var::None => UNKNOWN,
            Var::Node(node) => self.type_of(node.tree, node.id, node.ty),
            Var::Made(id, ty) => self.type_of(&self.target, *id, *ty),
            Var::Value(value, ty) if *ty == UNKNOWN => self.type_of_value(value),
            Var::Value(_, ty) => *ty,
        }
    }

    pub(super) fn call(&mut self, call: &'p Call) -> Outcome<()> {
        self.call_making(call, None)
    }

    /// As [`Run::call`], with an instance to fill as the last input.
    pub(super) fn call_making(&mut self, call: &'p Call, made: Option<Var<'a>>) -> Outcome<()> {
        let start = self.slots.len();
        for argument in &call.arguments {
            // Variables of the caller are read while those of the callee are laid beside them.
            let value = match argument {
                Argument::Place(place) if place.steps.is_empty() => self.slot(place.slot),
                other => self.argument(other)?.into_iter().next().unwrap_or(Var::None),
            };
            self.slots.push(value);
        }
        self.slots.extend(made);
        self.open_group(call.group, start)
    }

    fn call_with(&mut self, number: usize, arguments: [Var<'a>; 2]) -> Outcome<()> {
        let start = self.slots.len();
        self.slots.extend(arguments);
        self.open_group(number, start)
    }
}
