//! What each party says, what is needed, and what came of it.

use super::value::date;
use super::words::Word;
use super::{Page, Style};
use crate::plan::read::{all, extensions, has_code, text};
use crate::tree::NodeId;
use std::borrow::Cow;

/// The statements of the parties, in the order of the page.
const STATEMENTS: &[(Word, &str)] = &[
    (Word::ClientView, "client-view"),
    (Word::ProfessionalView, "professional-view"),
    (Word::Dissent, "dissent"),
    (Word::Situation, "situation"),
];

impl Page<'_> {
    /// What each party says, side by side: neither is put above the other. Then the needs.
    pub(super) fn statements(&mut self) {
        let mut statements = self.of_kind("Observation");
        let day = |node| {
            let day = text(self.tree, node, &["effectiveDateTime"]);
            day.filter(|day| date(day).is_some()).map(Cow::into_owned)
        };
        // A day in words stands behind the days of the calendar.
        statements.sort_by_cached_key(|(target, node)| {
            let day = day(*node);
            (day.is_none(), day, target.clone())
        });
        let mut opened = false;
        for (word, code) in STATEMENTS {
            for (target, node) in &statements {
                if !self.is_statement(*node, code) {
                    continue;
                }
                if !std::mem::replace(&mut opened, true) {
                    self.heading(Word::Statements);
                }
                self.statement(*word, target, *node);
            }
        }
        let mut needs = self.of_kind("Condition");
        needs.extend(statements.into_iter().filter(|(_, node)| self.is_statement(*node, "need")));
        if !needs.is_empty() {
            self.heading(Word::Needs);
        }
        for (target, node) in needs {
            let is_stated = self.is_statement(node, "need");
            self.title(node, if is_stated { &["valueString"] } else { &["code"] });
            self.see_statement(node);
            self.rest(node);
            self.origin(&target);
            self.contested(&target);
        }
    }

    fn statement(&mut self, word: Word, target: &str, node: NodeId) {
        let tree = self.tree;
        self.line(Style::Label, self.language.say(word));
        self.see_statement(node);
        if let Some(said) = tree.child_str(node, "valueString").and_then(|said| self.tell(said)) {
            self.line(Style::Text, said);
        }
        for speaker in all(tree, node, "performer") {
            self.told(Word::SaidBy, Some(speaker));
        }
        self.told(Word::Day, tree.child_str(node, "effectiveDateTime"));
        for (word, name) in [(Word::Place, "meeting-place"), (Word::Participants, "meeting-participants")] {
            for extension in extensions(tree, node, name) {
                self.told(word, Some(extension));
            }
        }
        self.rest(node);
        self.origin(target);
        self.contested(target);
    }

    fn is_statement(&self, node: NodeId, code: &str) -> bool {
        let tree = self.tree;
        tree.child_str(node, "code").is_some_and(|concept| has_code(tree, concept, "statement", code))
    }

    /// The heading of a statement says what its code says.
    fn see_statement(&mut self, node: NodeId) {
        let known = STATEMENTS.iter().map(|(_, code)| *code).chain(["need"]);
        let is = known.into_iter().any(|code| self.is_statement(node, code));
        if let Some(code) = self.tree.child_str(node, "code").filter(|_| is) {
            for coding in self.tree.children(code).filter(|child| self.tree.name_text(*child) == "coding") {
                self.see(coding);
            }
        }
    }

    /// Counts the codings that make an observation a statement as shown, for where its words have a title of their own.
    pub(in crate::plan) fn see_codings(&mut self, node: NodeId) {
        let tree = self.tree;
        let code = tree.child_str(node, "code");
        let codings: Vec<NodeId> = code.into_iter().flat_map(|code| all(tree, code, "coding")).collect();
        for coding in codings {
            self.see(coding);
        }
    }

    /// Observations that are no statement: outcomes, measurements, indicators.
    pub(super) fn results(&mut self) {
        let tree = self.tree;
        let told = |page: &Self, node: &NodeId| page.seen.contains(node);
        let found = self.of_kind("Observation");
        let results: Vec<_> = found.into_iter().filter(|(_, node)| !told(self, node)).collect();
        if !results.is_empty() {
            self.heading(Word::Results);
        }
        for (target, node) in results {
            self.title(node, &["code"]);
            let value = tree.children(node).find(|child| tree.name_text(*child).starts_with("value"));
            self.told(Word::Result, value);
            for extension in extensions(tree, node, "progress") {
                self.told(Word::Achievement, Some(extension));
            }
            let when = tree.children(node).find(|child| tree.name_text(*child).starts_with("effective"));
            self.told(Word::Day, when);
            self.rest(node);
            self.origin(&target);
            self.contested(&target);
        }
    }
}
