//! Filters of value sets (FHIR R4, `ValueSet.compose.include.filter`).

use super::{CodeSystem, Concept, Filter, Side};
use regex::{Regex, RegexBuilder};
use std::collections::HashSet;

/// Bytes of a compiled regular expression.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Of each concept whether it passes all filters; `None` where that cannot be said from what the system holds.
pub(super) fn verdicts(system: &CodeSystem, filters: &[Filter]) -> Vec<Option<bool>> {
    let mut all = vec![Some(true); system.concepts.len()];
    for filter in filters {
        let one = match verdicts_of(system, filter) {
            Some(one) => one.into_iter().map(Some).collect(),
            None => vec![None; all.len()],
        };
        all.iter_mut().zip(one).for_each(|(all, one)| *all = super::index::and(*all, one));
    }
    all
}

fn verdicts_of(system: &CodeSystem, filter: &Filter) -> Option<Vec<bool>> {
    let value = &*filter.value;
    let near = |side| match system.near(value, side) {
        // Nothing stands below a code that is not there.
        None if system.is_complete() => Some(vec![false; system.concepts.len()]),
        found => found,
    };
    let is_it = |concept: &Concept| &*concept.code == value;
    let itself = || system.concepts.iter().map(is_it);
    let is_concept = matches!(&*filter.property, "concept" | "code");
    match (&*filter.op, is_concept) {
        ("is-a", true) => near(Side::Below),
        ("descendent-of", true) => Some(
            near(Side::Below)?.into_iter().zip(itself()).map(|(inside, itself)| inside && !itself).collect(),
        ),
        ("is-not-a", true) => Some(near(Side::Below)?.into_iter().map(|inside| !inside).collect()),
        ("generalizes", true) => near(Side::Above),
        ("is-a" | "descendent-of" | "is-not-a" | "generalizes", false) => None,
        (op, _) => {
            let test = Test::of(op, value)?;
            let holds = |values: &[&str]| test.holds(values);
            values(system, &filter.property).map(|all| all.iter().map(|values| holds(values)).collect())
        }
    }
}

/// What a filter asks of the values of a property.
enum Test<'f> {
    Is(&'f str),
    In(HashSet<&'f str>),
    NotIn(HashSet<&'f str>),
    Matches(Regex),
    Exists(bool),
}

impl<'f> Test<'f> {
    fn of(op: &str, value: &'f str) -> Option<Self> {
        let listed = || value.split(',').map(str::trim).collect();
        match op {
            "=" => Some(Self::Is(value)),
            "in" => Some(Self::In(listed())),
            "not-in" => Some(Self::NotIn(listed())),
            "exists" => Some(Self::Exists(value == "true")),
            "regex" => {
                let whole = format!("^(?:{value})$");
                RegexBuilder::new(&whole).size_limit(REGEX_BYTES_MAX).build().ok().map(Self::Matches)
            }
            _ => None,
        }
    }

    fn holds(&self, values: &[&str]) -> bool {
        match self {
            Self::Is(wanted) => values.contains(wanted),
            Self::In(wanted) => values.iter().any(|value| wanted.contains(value)),
            Self::NotIn(wanted) => !values.iter().any(|value| wanted.contains(value)),
            Self::Matches(regex) => values.iter().any(|value| regex.is_match(value)),
            Self::Exists(wanted) => *wanted != values.is_empty(),
        }
    }
}

/// The values of a property, by concept; `None` where the system neither has nor declares it.
fn values<'s>(system: &'s CodeSystem, property: &str) -> Option<Vec<Vec<&'s str>>> {
    let concepts = &system.concepts;
    let code = |number: u32| concepts.get(number as usize).map_or("", |concept| &*concept.code);
    let mut found: Vec<Vec<&str>> = vec![Vec::new(); concepts.len()];
    let pairs = (0..).zip(concepts).filter_map(|(child, concept)| Some((child, concept.parent?)));
    let pairs = pairs.chain(system.more_parents.iter().copied());
    let mut push = |number: u32, value: &'s str| {
        if let Some(values) = found.get_mut(number as usize) {
            values.push(value);
        }
    };
    match property {
        "concept" | "code" => (0..).zip(concepts).for_each(|(number, it)| push(number, &it.code)),
        "display" => (0..).zip(concepts).for_each(|(number, it)| push(number, &it.display)),
        "parent" => pairs.for_each(|(child, parent)| push(child, code(parent))),
        "child" => pairs.for_each(|(child, parent)| push(parent, code(child))),
        _ => {
            let wanted = (0_u32..).zip(&system.properties).find(|(_, known)| &***known == property)?.0;
            for (number, _, value) in system.values.iter().filter(|(_, property, _)| *property == wanted) {
                push(*number, value);
            }
        }
    }
    Some(found)
}
