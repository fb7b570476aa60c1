//! What no section has told: it stands under "other information", so that nothing that concerns the client is missing.

use super::{Writer, in_one_said};
use crate::plan::page::{Entry, Line, Said};
use crate::plan::read::{all, human_name, text};
use crate::plan::text::form::Form;
use crate::plan::text::reader::INTERNATIONAL;
use crate::plan::text::words::Message;
use crate::tree::{Name, NodeId};

/// What registers note for themselves, by element or extension, and why it says nothing to the client. None of it is a
/// date, a person, or something agreed.
const SET_ASIDE: &[&str] = &[
    // Which version of which document: the section on sources has the date.
    "version",
    "document-version",
    // How a register sorts its entries.
    "category",
    "intent",
    "detail-kind",
    "verificationStatus",
    "instantiatesUri",
    "instantiatesCanonical",
    "scope",
    // The section on sources says what kind of service it is.
    "sector",
    "policyRule",
    // Which entry another one stands for or belongs to; the page shows the tie by where an entry stands.
    "basedOn",
    "subject",
    // The page is in the language that the client prefers.
    "communication",
    // The language in which a register was written is marked at what it says.
    "language",
];

impl Writer<'_> {
    pub(super) fn other(&mut self) {
        let targets: Vec<String> = self.words.origins.keys().map(|target| (*target).to_owned()).collect();
        let mut entries = Vec::new();
        for target in targets {
            // What a register notes of who keeps its records says nothing to the client.
            if target.starts_with("Provenance/") {
                continue;
            }
            let Some(node) = self.words.resources.get(&target).copied() else { continue };
            self.see_plain(&target, node);
            let mut lines = Vec::new();
            self.leftovers(&mut lines, node);
            if lines.is_empty() {
                continue;
            }
            let title = self.name(&target, node);
            self.origin(&mut lines, &target);
            entries.push(Entry { title: Some(title), lines });
        }
        if !entries.is_empty() {
            self.section(Message::Other, entries);
        }
    }

    /// Counts as told what goes without saying.
    fn see_plain(&mut self, target: &str, node: NodeId) {
        let tree = self.words.tree;
        let kind = target.split('/').next().unwrap_or_default();
        if human_name(tree, node).is_some() {
            self.words.see_name(node);
        }
        if kind == "CarePlan" {
            // What a plan leads to has sections of its own, and who made it stands among those who help.
            for name in
                ["goal", "addresses", "activity", "careTeam", "supportingInfo", "author", "contributor"]
            {
                all(tree, node, name).for_each(|tie| self.words.see_tie(tie));
            }
        }
        if kind == "Flag" {
            // The recognition is called by its code.
            self.words.see_codings(node);
        }
        // A plan, a team or a worker that is in use, and an observation that is ready.
        let is_usual = |status: &NodeId| {
            let usual = ["active", "final", "true"].iter().any(|usual| tree.text_is(*status, usual));
            usual && tree.first_child(*status).is_none()
        };
        if [
            "CarePlan",
            "CareTeam",
            "Flag",
            "Observation",
            "PractitionerRole",
            "Practitioner",
            "Organization",
            "Patient",
        ]
        .contains(&kind)
        {
            let states = ["status", "active"].iter().filter_map(|name| tree.child_str(node, name));
            states.filter(is_usual).for_each(|status| self.words.see(status));
        }
    }

    /// What an entry of other information is called.
    fn name(&self, target: &str, node: NodeId) -> Said {
        let kind = target.split('/').next().unwrap_or_default();
        let known = self.words.language.find_label(kind);
        let label = || Said::here(known.unwrap_or(self.say(Message::More)));
        match kind {
            "Patient" if target == super::CLIENT => self.here(Message::AboutYou),
            "CarePlan" => Said::here(self.words.plan_name(node)),
            "Goal" => self.named(node).unwrap_or_else(|| self.here(Message::ServesGoal)),
            "Observation" => label(),
            _ => self.named(node).unwrap_or_else(label),
        }
    }

    /// The parts of an element that were not told, each in a line of its own; parts of parts in theirs.
    pub(super) fn leftovers(&mut self, lines: &mut Vec<Line>, node: NodeId) {
        for child in self.words.tree.children(node).collect::<Vec<_>>() {
            self.leftovers_of(lines, child);
        }
    }

    /// What was not told of one part of an element.
    pub(super) fn leftovers_of(&mut self, lines: &mut Vec<Line>, child: NodeId) {
        let tree = self.words.tree;
        if self.words.seen.contains(&child) || self.words.is_aside(child) || self.is_set_aside(child) {
            return;
        }
        let label = self.words.label(child);
        match self.words.form(child) {
            Form::Group => self.leftovers(lines, child),
            Form::Extension if tree.children_named(child, Name::EXTENSION).next().is_some() => {
                let mut parts = Vec::new();
                self.leftovers(&mut parts, child);
                lines.extend(in_one(label, parts));
            }
            form => {
                if form == Form::Concept {
                    self.see_terms(child);
                }
                let mut told = Vec::new();
                self.told_as(&mut told, &label, child);
                for line in told {
                    put(lines, line);
                }
            }
        }
    }

    /// What the terminologies of professionals call something that somebody has put in words says nothing more.
    fn see_terms(&mut self, concept: NodeId) {
        let tree = self.words.tree;
        let is_worded = tree.child_str(concept, "text").is_some_and(|said| tree.has_text(said));
        let terms: Vec<NodeId> = all(tree, concept, "coding")
            .filter(|coding| {
                text(tree, *coding, &["system"]).is_some_and(|system| INTERNATIONAL.contains(&&*system))
            })
            .collect();
        terms.into_iter().filter(|_| is_worded).for_each(|term| self.words.see(term));
    }

    fn is_set_aside(&self, node: NodeId) -> bool {
        let name = self.words.tree.name_text(node);
        let word = self.words.extension_word(node);
        SET_ASIDE.contains(&word.as_deref().unwrap_or(name))
    }
}

/// Adds a line; what one label says more than once stands in one line.
fn put(lines: &mut Vec<Line>, line: Line) {
    let same = lines.iter_mut().find(|known| known.label == line.label);
    match same.filter(|known| known.said.language == line.said.language) {
        Some(known) if known.said.text.split("; ").any(|one| one == line.said.text) => {}
        Some(known) => known.said.text = format!("{}; {}", known.said.text, line.said.text),
        None => lines.push(line),
    }
}

/// The parts of something as one line: its label says what it is, and its values speak for themselves.
fn in_one(label: String, parts: Vec<Line>) -> Option<Line> {
    let said = in_one_said(parts.into_iter().map(|part| part.said).collect(), ", ")?;
    Some(Line::labelled(label, said))
}
