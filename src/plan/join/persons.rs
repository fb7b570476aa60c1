//! What sources say differently of one person, and codes that are no codes.

use super::findings::{Finding, FindingKind, Side, side_at, value_side};
use super::groups::Groups;
use super::items::Items;
use crate::diag;
use crate::plan::identity::{Hetu, HetuFault};
use crate::plan::person::{disjoint, hetus, names};
use crate::plan::read::{human_name, text};
use crate::tree::{NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Patients that are one person and are compared each with each; more of them say nothing new.
const COMPARED_MAX: usize = 200;

/// The value of a personal identity code.
pub(super) const CODE: &str = "Patient.identifier.value";
/// The day of birth.
pub(super) const BIRTH: &str = "Patient.birthDate";
/// Sex.
pub(super) const GENDER: &str = "Patient.gender";
/// Names.
pub(super) const NAME: &str = "Patient.name";

/// The findings about people, the Patients.
pub(super) fn find(items: &Items<'_>, groups: &Groups<'_>, kind: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in groups.of_kind(kind) {
        let mut sides: BTreeMap<String, BTreeSet<Side>> = BTreeMap::new();
        codes(items, group, &mut sides);
        if group.len() > 1 {
            let compared = &group[..group.len().min(COMPARED_MAX)];
            elements(items, compared, &mut sides);
            births(items, compared, &mut sides);
            called(items, compared, &mut sides);
        }
        found
            .extend(sides.into_iter().map(|(element, sides)| conflict(element, sides.into_iter().collect())));
    }
    found
}

/// Elements of the client that its sources contradict each other about so that none of the values may stand for it:
/// of the codes at least two are valid.
pub(super) fn contested<'a>(items: &Items<'_>, found: &'a [Finding]) -> Vec<(&'a str, &'a str)> {
    let of_person = found.iter().filter(|finding| {
        finding.kind == FindingKind::Conflict
            && finding.decided.is_none()
            && [CODE, BIRTH, GENDER].contains(&finding.element.as_str())
    });
    let torn = of_person.filter(|finding| {
        let said: BTreeSet<&str> = finding.sides.iter().map(|side| side.value.as_str()).collect();
        let valid = said.iter().filter(|said| Hetu::parse(said).is_ok()).count();
        said.len() > 1 && (finding.element != CODE || valid > 1)
    });
    let targets =
        torn.filter_map(|finding| Some((finding.sides.first()?.target.as_str(), finding.element.as_str())));
    targets.filter(|(target, _)| items.client.is_some() && target.starts_with("Patient/")).collect()
}

pub(super) fn conflict(element: String, sides: Vec<Side>) -> Finding {
    Finding { kind: FindingKind::Conflict, element, sides, decided: None }
}

/// Codes that differ, and codes that fail their check: those have the number of the issue beside them.
fn codes(items: &Items<'_>, group: &[usize], sides: &mut BTreeMap<String, BTreeSet<Side>>) {
    let mut said: BTreeSet<String> = BTreeSet::new();
    let mut all: BTreeSet<Side> = BTreeSet::new();
    let mut wrong = false;
    for item in group {
        for (_, code) in hetus(items.list[*item].tree, items.node(*item)) {
            wrong |= Hetu::parse(&code).is_err();
            // What has not the form of a code cannot be masked as one, so it is not cited.
            let shown = match Hetu::parse(&code) {
                Ok(_) => code.to_string(),
                Err(HetuFault::Check) => format!("{code} ({})", diag::codes::HETU_CHECK.id),
                Err(_) => diag::codes::HETU_FORMAT.id.to_owned(),
            };
            all.insert(value_side(items, *item, CODE, (shown, &code)));
            said.insert(code.into_owned());
        }
    }
    if wrong || said.len() > 1 {
        sides.insert(CODE.to_owned(), all);
    }
}

/// Elements that each has once, and not the same. Each with each: what the first does not say, two others may say
/// differently.
fn elements(items: &Items<'_>, group: &[usize], sides: &mut BTreeMap<String, BTreeSet<Side>>) {
    let mut differences = Vec::new();
    let words = items.alike(group);
    for (at, left) in group.iter().enumerate() {
        for (other, right) in group.iter().enumerate().skip(at + 1) {
            if words[at] != words[other] {
                items.compare(*left, *right, &mut differences);
            }
        }
    }
    for difference in differences {
        let found = [difference.left, difference.right].map(|at| side_at(items, &difference.path, at));
        sides.entry(difference.path).or_default().extend(found);
    }
}

/// A day of birth that is stated, or that a valid code tells, and another source's code says otherwise.
fn births(items: &Items<'_>, group: &[usize], sides: &mut BTreeMap<String, BTreeSet<Side>>) {
    let codes: Vec<(usize, Hetu)> = group
        .iter()
        .flat_map(|item| {
            let codes = hetus(items.list[*item].tree, items.node(*item));
            codes.filter_map(|(_, code)| Some((*item, Hetu::parse(&code).ok()?)))
        })
        .collect();
    let mut said: Vec<(usize, String)> = group
        .iter()
        .filter_map(|item| {
            let stated = text(items.list[*item].tree, items.node(*item), &["birthDate"])?;
            Some((*item, stated.into_owned()))
        })
        .collect();
    said.extend(codes.iter().map(|(item, code)| (*item, code.birth_date().to_string())));
    let torn =
        codes.iter().any(|(_, code)| said.iter().any(|(_, said)| !code.birth_date().agrees_with(said)));
    if torn {
        let of_path = sides.entry(BIRTH.to_owned()).or_default();
        let day = |(item, said): (usize, String)| value_side(items, item, BIRTH, (said.clone(), &said));
        of_path.extend(said.into_iter().map(day));
    }
}

/// The days of birth that the valid codes of a Patient tell.
pub(super) fn told_births(tree: &Tree, patient: NodeId) -> Vec<String> {
    let codes = hetus(tree, patient).filter_map(|(_, code)| Hetu::parse(&code).ok());
    codes.map(|code| code.birth_date().to_string()).collect()
}

/// Names that have nothing in common. A person has several, so only what no source shares with another counts.
fn called(items: &Items<'_>, group: &[usize], sides: &mut BTreeMap<String, BTreeSet<Side>>) {
    let named: Vec<_> = group.iter().map(|item| names(items.list[*item].tree, items.node(*item))).collect();
    for (at, left) in named.iter().enumerate() {
        for (other, right) in named.iter().enumerate().skip(at + 1) {
            if disjoint(&left.0, &right.0) || disjoint(&left.1, &right.1) {
                let of_path = sides.entry(NAME.to_owned()).or_default();
                for item in [group[at], group[other]] {
                    let name = human_name(items.list[item].tree, items.node(item)).unwrap_or_default();
                    of_path.insert(value_side(items, item, NAME, (name.clone(), &name)));
                }
            }
        }
    }
}
