//! What of a guide is tested: each of its requirements with the bad examples that break it, or with the reason why none
//! can.
//!
//! An example counts only when the validator finds in it the one fault that the index says it was made for. A reason
//! goes both ways: one that explains nothing is a fault itself.

mod forms;

pub use forms::{csv, json};

use crate::diag::{Issue, Severity};
use crate::guide::{Demand, Example, Guide, Requirement};
use crate::tree::fhir;
use crate::validate::{Options, Validator};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Examples of one index.
const EXAMPLES_MAX: usize = 10_000;
/// Reasons of one list.
const REASONS_MAX: usize = 10_000;
/// Letters that a reason has at least.
const REASON_CHARS_MIN: usize = 10;

/// Why a list of reasons, or an index, cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// It is not the TOML that it should be.
    #[error("{0}")]
    Shape(String),
    /// A reason that says nothing.
    #[error("the reason of `{0}` has fewer than {REASON_CHARS_MIN} letters")]
    NoReason(String),
    /// It is too long.
    #[error("it has over {0} entries")]
    Limit(usize),
}

/// Why requirements cannot be tested.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Name of the requirement; `*` stands for any letters.
    pub requirement: String,
    /// Why no example can break it alone.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasons {
    #[serde(default, rename = "not-testable")]
    rows: Vec<Reason>,
}

/// Reads a list of reasons: `[[not-testable]]` tables with `requirement` and `reason`.
///
/// # Errors
/// It is not such a list, or a reason says nothing.
pub fn reasons(text: &str) -> Result<Vec<Reason>, Error> {
    let Reasons { rows } = toml::from_str(text).map_err(|error| Error::Shape(error.message().to_owned()))?;
    if rows.len() > REASONS_MAX {
        return Err(Error::Limit(REASONS_MAX));
    }
    match rows.iter().find(|row| row.reason.trim().chars().count() < REASON_CHARS_MIN) {
        Some(row) => Err(Error::NoReason(row.requirement.clone())),
        None => Ok(rows),
    }
}

/// How it stands with one requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// These bad examples break it.
    Tested(Vec<String>),
    /// No example can break it alone, for this reason.
    NotTestable(String),
    /// Nothing shows that it is checked.
    NotTested,
}

impl State {
    /// As machines read it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Tested(_) => "tested",
            Self::NotTestable(_) => "not-testable",
            Self::NotTested => "not-tested",
        }
    }
}

/// Every requirement of a guide and how it stands with it.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Name and version of the package.
    pub package: String,
    /// In the order of the definitions.
    pub rows: Vec<(Requirement, State)>,
    /// Examples that are not what the index says, and reasons that explain nothing.
    pub faults: Vec<String>,
}

/// Requirements by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// In all.
    pub requirements: usize,
    /// Of those, with a bad example.
    pub tested: usize,
    /// Of those, with a reason.
    pub not_testable: usize,
    /// Of those, with neither.
    pub not_tested: usize,
}

impl Coverage {
    /// The requirements by their state.
    pub fn counts(&self) -> Counts {
        counts(&self.rows)
    }
}

/// Requirements by their state.
pub fn counts<'r>(rows: impl IntoIterator<Item = &'r (Requirement, State)>) -> Counts {
    let mut counts = Counts::default();
    for (_, state) in rows {
        counts.requirements += 1;
        match state {
            State::Tested(_) => counts.tested += 1,
            State::NotTestable(_) => counts.not_testable += 1,
            State::NotTested => counts.not_tested += 1,
        }
    }
    counts
}

/// Holds the requirements of a guide against its examples, whose texts are given by their names in the index.
///
/// # Errors
/// [`Error::Limit`] where the index is too long.
pub fn coverage(
    guide: &Guide,
    examples: &[Example],
    texts: &BTreeMap<String, String>,
    reasons: &[Reason],
) -> Result<Coverage, Error> {
    if examples.len() > EXAMPLES_MAX {
        return Err(Error::Limit(EXAMPLES_MAX));
    }
    let requirements = guide.requirements();
    let mut shown: Vec<Vec<String>> = vec![Vec::new(); requirements.len()];
    let mut faults = Vec::new();
    let validator = Validator::new(guide.schema());
    for example in examples {
        let breaks = |requirement: &Requirement| breaks(guide, example, requirement);
        let is_ours = requirements.iter().any(breaks);
        let text = texts.get(&example.file).map(String::as_str);
        if let Some(fault) = fault(&validator, example, text, is_ours) {
            faults.push(format!("{}: {fault}", example.file));
            continue;
        }
        for (_, by) in requirements.iter().zip(&mut shown).filter(|(requirement, _)| breaks(requirement)) {
            by.push(example.file.clone());
        }
    }
    let mut used = vec![false; reasons.len()];
    let mut state = |requirement: &Requirement, by: Vec<String>| {
        if !by.is_empty() {
            return State::Tested(by);
        }
        let name = requirement.to_string();
        let explained = reasons.iter().zip(&mut used).find(|(reason, _)| fits(&reason.requirement, &name));
        explained.map_or(State::NotTested, |(reason, used)| {
            *used = true;
            State::NotTestable(reason.reason.clone())
        })
    };
    let rows = requirements.into_iter().zip(shown).map(|(it, by)| (state(&it, by), it));
    let rows: Vec<_> = rows.map(|(state, requirement)| (requirement, state)).collect();
    let idle = reasons.iter().zip(used).filter(|(_, used)| !used);
    faults.extend(idle.map(|(reason, _)| format!("not-testable `{}` explains nothing", reason.requirement)));
    let manifest = guide.manifest();
    Ok(Coverage { package: format!("{} {}", manifest.name, manifest.version), rows, faults })
}

/// True where an example says that it was made to break a requirement.
fn breaks(guide: &Guide, example: &Example, requirement: &Requirement) -> bool {
    let (definition, element) = example.demanded();
    if Demand::of_code(&example.code) != Some(requirement.demand)
        || !guide.derives(definition, &requirement.definition)
    {
        return false;
    }
    match requirement.demand {
        Demand::Constraint => requirement.key == example.rule,
        Demand::Min | Demand::Max | Demand::Binding | Demand::Fixed | Demand::Pattern | Demand::Slicing => {
            // A path has no mark of a choice.
            requirement.element.replace("[x]", "") == element.replace("[x]", "")
        }
    }
}

/// Why an example is not what its index says, if it is not.
fn fault(
    validator: &Validator<'_>,
    example: &Example,
    text: Option<&str>,
    is_ours: bool,
) -> Option<&'static str> {
    let Some(text) = text else { return Some("it is not there") };
    let Ok(tree) = fhir::read_json(text, validator.schema().names()) else {
        return Some("it cannot be read");
    };
    let report = validator.validate(&tree, &Options::default());
    let mut errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error);
    match (errors.next(), errors.next()) {
        (None, _) if example.is_good() => None,
        (None, _) => Some("it has no error"),
        (Some(_), _) if example.is_good() => Some("it has an error"),
        (Some(_), Some(_)) => Some("it has more than one error"),
        (Some(only), None) if is_made_for(example, only, is_ours) => None,
        (Some(_), None) => Some("it has another error than the one that it was made for"),
    }
}

/// True for the fault that an example was made for. Where that is a demand of ours, the finding names who demands it.
fn is_made_for(example: &Example, issue: &Issue, is_ours: bool) -> bool {
    let path = plain(&issue.path);
    // A missing element is told of where it should stand; a choice by the name of its type.
    let above = example.path.rsplit_once('.').map(|(above, _)| above);
    let (url, key) = issue.rule.split_once('#').unwrap_or((&issue.rule, ""));
    let definition = url.rsplit('/').next();
    issue.code.id == example.code
        && (path.starts_with(&example.path) || Some(&*path) == above)
        && key == example.rule
        && (!is_ours || definition == Some(example.demanded().0))
}

/// A path without its indexes.
pub(super) fn plain(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

/// True where a name fits a pattern, in which `*` stands for any letters.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').map_or((None, rest), |(middle, end)| (Some(middle), end));
    for part in middle.iter().flat_map(|middle| middle.split('*')) {
        let Some((_, after)) = name.split_once(part) else { return false };
        name = after;
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(fits(pattern, name), expected, "{pattern}")
        };
        check("a#B.c min", "a#B.c min", true);
        check("a#B.c min", "a#B.c max", false);
        check("*#B.* fixed", "a#B.c.d fixed", true);
        check("*#B.* fixed", "a#C.c.d fixed", false);
        check("*.c*", "a#B.c min", true);
        check("ab*ba", "aba", false);
    }

    #[test]
    fn a_path_is_compared_without_indexes() {
        assert_eq!(plain("A.b[0].c[12]"), "A.b.c");
        assert_eq!(plain("A.b"), "A.b");
    }

    #[test]
    fn a_list_of_reasons_has_reasons() {
        let check = |text: &str, expected: Result<usize, Error>| {
            assert_eq!(reasons(text).map(|rows| rows.len()), expected, "{text}");
        };
        check("", Ok(0));
        check("[[not-testable]]\nrequirement = 'a'\nreason = 'R4 demands it first'\n", Ok(1));
        check("[[not-testable]]\nrequirement = 'a'\nreason = '-'\n", Err(Error::NoReason("a".to_owned())));
        assert!(matches!(reasons("[[not-testable]]\nwhat = 'a'\n"), Err(Error::Shape(_))));
    }
}
