//! What can be known to be wrong with a map before it is run: names, types, elements, arguments.
//!
//! Types are followed from the inputs of a group through its variables as far as the definitions are known; where
//! they are not, nothing is said.

mod argument;
mod declaration;
mod expression;
mod given;
mod group;
mod identity;
mod source;
mod target;
#[cfg(test)]
mod tests;
mod types;

use super::compile::{Known, known};
use super::library::{Library, Reach};
use super::model::{Group, InputMode, Map, Origin, Rule, RuleBody, Text};
use super::syntax::ISSUES_MAX;
use crate::diag::{Code, Issue, codes, nearest};
use crate::schema::Schema;
use crate::tree::fhir::TypeId;
use given::Given;
use std::cell::Cell;
use std::collections::HashSet;
use types::Types;
pub(super) use types::find_type;

/// Wrong names of a map for which the one that was perhaps meant is looked for.
const GUESSES_MAX: usize = 500;
/// Names among which it is looked for.
const CANDIDATES_MAX: usize = 1_000;

/// Finds what is wrong with a map of a library.
pub fn check<'m>(map: &'m Map, library: &Library<'m>, schema: &Schema) -> Vec<Issue> {
    let mut checker = Checker {
        map,
        library,
        reach: library.reach(map),
        schema,
        known: known(schema),
        types: Types::new(map, schema),
        given: Given::default(),
        scope: Vec::new(),
        shared: Vec::new(),
        repeats: false,
        is_abstract: false,
        defaults: None,
        circles: None,
        guesses: Cell::new(0),
        issues: Vec::new(),
    };
    checker.learn_inputs();
    checker.all();
    let mut issues = checker.issues;
    issues.sort_by_key(|issue| issue.span.start);
    issues.dedup();
    issues
}

/// A variable that is in scope. A source and a target may have one name: each is found by what it is used for.
#[derive(Debug, Clone)]
struct Variable<'m> {
    name: &'m str,
    mode: InputMode,
    ty: Option<TypeId>,
}

struct Checker<'m, 'a> {
    map: &'m Map,
    library: &'a Library<'m>,
    reach: Reach,
    schema: &'a Schema,
    known: Known,
    types: Types<'m, 'a>,
    /// What groups are given whose inputs have no type.
    given: Given<'m>,
    /// Innermost last.
    scope: Vec<Variable<'m>>,
    /// The ids of `share` in the group at hand, each with whether its rule may run again.
    shared: Vec<(&'m Text, bool)>,
    /// The rule at hand may run for several values.
    repeats: bool,
    /// The group has no inputs: its variables are those of the groups that extend it.
    is_abstract: bool,
    /// The pairs of types that default groups are for, and the source types of those for any target; looked up when
    /// first needed.
    defaults: Option<HashSet<(TypeId, Option<TypeId>)>>,
    /// Names of groups that extend themselves, through others or directly; looked up when first needed.
    circles: Option<HashSet<&'m str>>,
    /// How often a name that was perhaps meant was looked for.
    guesses: Cell<usize>,
    issues: Vec<Issue>,
}

impl<'m> Checker<'m, '_> {
    fn all(&mut self) {
        self.declarations();
        for group in &self.map.groups {
            self.group(group);
        }
    }

    fn report(&mut self, issue: Issue, origin: &Origin) {
        if self.issues.len() < ISSUES_MAX {
            self.issues.push(issue.at(origin.path.as_ref()));
        }
    }

    fn error(&mut self, code: &'static Code, origin: &Origin, message: impl Into<String>) {
        self.report(Issue::error(code, origin.span, message), origin);
    }

    fn warning(&mut self, code: &'static Code, origin: &Origin, message: impl Into<String>) {
        self.report(Issue::warning(code, origin.span, message), origin);
    }

    /// The name that was perhaps meant. Whoever wrote very many wrong ones is not helped by a guess at each.
    fn meant<'n>(&self, name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        if self.guesses.get() >= GUESSES_MAX {
            return None;
        }
        self.guesses.set(self.guesses.get() + 1);
        nearest(name, known.into_iter().take(CANDIDATES_MAX))
    }

    /// An error about a name, with the one that was perhaps meant.
    fn unknown(
        &mut self,
        code: &'static Code,
        name: &str,
        origin: &Origin,
        message: String,
        known: &[String],
    ) {
        let issue = Issue::error(code, origin.span, message);
        let issue = match self.meant(name, known.iter().map(String::as_str)) {
            Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
            None => issue,
        };
        self.report(issue, origin);
    }

    fn declare(&mut self, name: &'m Text, mode: InputMode, ty: Option<TypeId>) {
        self.scope.push(Variable { name: &name.text, mode, ty });
    }

    /// The innermost variable of a name, of the wanted kind where both are in scope.
    fn variable(&self, name: &str, wanted: InputMode) -> Option<Variable<'m>> {
        let named = || self.scope.iter().rev().filter(|variable| variable.name == name);
        named().find(|variable| variable.mode == wanted).or_else(|| named().next()).cloned()
    }

    fn is_constant(&self, name: &str) -> bool {
        self.map.constants.iter().any(|constant| constant.name.text == name)
    }

    /// Reports a name that is no variable.
    fn unknown_variable(&mut self, name: &Text) {
        if self.is_abstract {
            return;
        }
        // The innermost are the likeliest.
        let known = self.scope.iter().rev().map(|variable| variable.name.to_owned());
        let known = known.chain(self.map.constants.iter().map(|constant| constant.name.text.clone()));
        let known: Vec<String> = known.take(CANDIDATES_MAX).collect();
        let message = format!("no variable `{}` is known here", name.text);
        self.unknown(codes::FML_VARIABLE, &name.text, &name.origin, message, &known);
    }

    fn rules(&mut self, rules: &'m [Rule]) {
        for rule in rules {
            let depth = self.scope.len();
            self.rule(rule);
            self.scope.truncate(depth);
        }
    }

    fn rule(&mut self, rule: &'m Rule) {
        match &rule.body {
            RuleBody::Identity { source, target } => {
                let (from, to) = (self.source_path(source), self.target_path(target));
                self.identity_fits(from, to, target.elements.last().unwrap_or(&target.context));
            }
            RuleBody::Batch { source, target, elements } => {
                let from = self.source_variable(source);
                let to = self.target_variable(target);
                for element in elements {
                    let (from, to) = (self.step(from, element), self.step(to, element));
                    self.identity_fits(from, to, element);
                }
            }
            RuleBody::Full(full) => {
                let (first, outer) = (self.scope.len(), self.repeats);
                for source in &full.sources {
                    self.repeats |= self.source(source, first);
                }
                for target in &full.targets {
                    self.target(target);
                }
                for call in &full.calls {
                    self.group_call(call);
                }
                self.rules(&full.rules);
                self.repeats = outer;
            }
        }
    }

    fn group(&mut self, group: &'m Group) {
        self.group_header(group);
        self.is_abstract = group.inputs.is_empty();
        for (at, input) in group.inputs.iter().enumerate() {
            let ty = match &input.type_name {
                Some(name) => self.type_of(name, input.mode),
                None => self.given.of(&group.name.text, at),
            };
            self.declare(&input.name, input.mode, ty);
        }
        self.rules(&group.rules);
        self.scope.clear();
        self.shares(group);
    }
}
