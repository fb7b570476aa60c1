//! The types of inputs that name none: those of what the groups are given, where all that call them agree.

use super::Checker;
use crate::mapping::fml::model::Group;
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use std::collections::BTreeMap;

/// How often a map is gone through to learn what its groups are given: groups call groups.
const ROUNDS_MAX: usize = 8;

/// What groups are given: by name and number of the input.
#[derive(Debug, Default)]
pub(super) struct Given<'m> {
    /// The types that are taken for known.
    known: Inputs<'m>,
    /// What the calls of this round give; `None` where they differ.
    found: Inputs<'m>,
    /// A value of unknown type is one that differs.
    is_strict: bool,
}

type Inputs<'m> = BTreeMap<(&'m str, usize), Option<TypeId>>;

impl<'m> Given<'m> {
    /// The type of an input that names none.
    pub(super) fn of(&self, group: &'m str, input: usize) -> Option<TypeId> {
        self.known.get(&(group, input)).copied().flatten()
    }

    /// Notes what a call gives.
    fn note(&mut self, group: &'m str, input: usize, ty: Option<TypeId>) {
        let ty = ty.filter(|ty| *ty != UNKNOWN);
        if ty.is_none() && !self.is_strict {
            return;
        }
        let known = self.found.entry((group, input)).or_insert(ty);
        if *known != ty {
            *known = None;
        }
    }

    /// Ends a round in which groups learn types; true where none was learnt.
    fn is_settled(&mut self) -> bool {
        let found = std::mem::take(&mut self.found);
        let is_same = found == self.known;
        self.known = found;
        is_same
    }

    /// Ends a round in which types are confirmed; true where each was. One that was not is never taken up again.
    fn is_confirmed(&mut self) -> bool {
        let found = std::mem::take(&mut self.found);
        let mut is_same = true;
        for (input, ty) in &mut self.known {
            let agreed = found.get(input).copied().flatten();
            if ty.is_some() && agreed != *ty {
                (*ty, is_same) = (None, false);
            }
        }
        is_same
    }
}

impl<'m> Checker<'m, '_> {
    /// Learns the types of inputs that name none from the calls of this map. Of a map that others import not all calls
    /// are at hand, and what the first group is given nobody says.
    pub(super) fn learn_inputs(&mut self) {
        let later = self.map.groups.iter().skip(1);
        let has_untyped = later.flat_map(|group| &group.inputs).any(|input| input.type_name.is_none());
        if !has_untyped || self.library.is_imported(self.map) {
            return;
        }
        let is_settled = self.rounds(Given::is_settled);
        self.given.is_strict = true;
        let is_confirmed = is_settled && self.rounds(Given::is_confirmed);
        if !is_confirmed {
            self.given = Given::default();
        }
    }

    /// Goes through the map until a round is the last; false where none is.
    fn rounds(&mut self, is_last: fn(&mut Given<'m>) -> bool) -> bool {
        (0..ROUNDS_MAX).any(|_| {
            self.all();
            self.issues.clear();
            is_last(&mut self.given)
        })
    }

    /// Notes that a group of this map is given a value of a type.
    pub(super) fn gives(&mut self, group: &'m Group, input: usize, ty: Option<TypeId>) {
        let is_first = self.map.groups.first().is_some_and(|first| std::ptr::eq(first, group));
        if !is_first && group.inputs.get(input).is_some_and(|input| input.type_name.is_none()) {
            self.given.note(&group.name.text, input, ty);
        }
    }
}
