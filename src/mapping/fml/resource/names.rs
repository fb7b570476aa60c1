//! Names for rules that have none: R4 demands one of every rule.

use crate::mapping::fml::model::{Path, Rule, RuleBody};

/// Characters of an `id`.
const ID_LENGTH_MAX: usize = 64;

/// The name of a rule that its author gave none: what it reads, told apart from the rules before it.
pub(super) fn generated<'a>(rule: &Rule, before: impl Iterator<Item = &'a str> + Clone) -> String {
    let read = match &rule.body {
        RuleBody::Identity { source, .. } => last(source),
        RuleBody::Batch { source, .. } => source.as_str(),
        RuleBody::Full(full) => full.sources.first().map_or("rule", |source| last(&source.path)),
    };
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let base: String = read.chars().filter(allowed).take(ID_LENGTH_MAX - 8).collect();
    let base = if base.is_empty() { "rule".to_owned() } else { base };
    let mut name = base.clone();
    let mut number = 2_u32;
    while before.clone().any(|taken| taken == name) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

fn last(path: &Path) -> &str {
    path.elements.last().unwrap_or(&path.context).as_str()
}
