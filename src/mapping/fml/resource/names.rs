//! Names for rules that have none: R4 demands one of every rule.

use crate::mapping::fml::model::{Path, Rule, RuleBody};
use std::collections::HashSet;

/// Characters of an `id`.
const ID_LENGTH_MAX: usize = 64;
/// Characters that are left for a number and its dash.
const NUMBER_LENGTH_MAX: usize = 11;

/// The name of a rule that its author gave none: `src.item`, what it reads, told apart from the rules before it.
/// The point tells it from names that people give.
pub(super) fn generated(rule: &Rule, before: &HashSet<String>) -> String {
    let read = match &rule.body {
        RuleBody::Identity { source, .. } => named(source),
        RuleBody::Batch { source, .. } => format!("{}.all", source.text),
        RuleBody::Full(full) => full.sources.first().map_or_else(String::new, |source| named(&source.path)),
    };
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let base: String = read.chars().filter(allowed).take(ID_LENGTH_MAX - NUMBER_LENGTH_MAX).collect();
    let mut name = base.clone();
    let mut number = 2_u32;
    while before.contains(&name) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

fn named(path: &Path) -> String {
    let element = path.elements.last().map_or("rule", |element| element.as_str());
    format!("{}.{element}", path.context.text)
}
