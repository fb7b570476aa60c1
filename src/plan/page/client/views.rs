//! What each party says, side by side and with whose it is, and where what the services have written differs. Then the
//! situation, the needs and the results.

use super::{CLIENT, Writer};
use crate::plan::join::{Finding, FindingKind};
use crate::plan::page::{Entry, Line, Said, Tone};
use crate::plan::read::{all, extensions, has_code, text};
use crate::plan::text::words::{Message, fill};
use crate::plan::time;
use crate::tree::NodeId;
use std::borrow::Cow;

impl Writer<'_> {
    /// The statements of a kind, by day.
    pub(super) fn statements(&self, code: &str) -> Vec<(String, NodeId)> {
        let tree = self.words.tree;
        let mut found = self.words.of_kind("Observation");
        found.retain(|(_, node)| {
            tree.child_str(*node, "code").is_some_and(|concept| has_code(tree, concept, "statement", code))
        });
        found.sort_by_cached_key(|(target, node)| {
            let day = text(tree, *node, &["effectiveDateTime"]).map(Cow::into_owned);
            let day = day.filter(|day| time::seconds(day).is_some());
            (day.is_none(), day, target.clone())
        });
        found
    }

    /// What somebody says: the words, who says them when and where.
    pub(super) fn statement(&mut self, target: &str, node: NodeId, title: Option<Message>) -> Entry {
        let tree = self.words.tree;
        let mut lines = Vec::new();
        self.words.see_codings(node);
        let value = tree.children(node).find(|child| tree.name_text(*child).starts_with("value"));
        let said = value.and_then(|value| self.tell(value));
        let title = match title {
            Some(message) => {
                lines.extend(said.map(|said| Line::new(Tone::Quote, said)));
                Some(self.here(message))
            }
            None => said,
        };
        for note in all(tree, node, "note") {
            let said = tree.child_str(note, "text").and_then(|said| self.tell(said));
            lines.extend(said.map(|said| Line::new(Tone::Plain, said)));
        }
        for speaker in all(tree, node, "performer") {
            self.said_by(&mut lines, speaker);
        }
        self.told(&mut lines, Message::Day, tree.child_str(node, "effectiveDateTime"));
        for (label, name) in
            [(Message::Where, "meeting-place"), (Message::Participants, "meeting-participants")]
        {
            for extension in extensions(tree, node, name) {
                self.told(&mut lines, label, Some(extension));
            }
        }
        self.origin(&mut lines, target);
        Entry { title, lines }
    }

    /// What the workers say, with where the client's own words stand: they come first, and once. Where nobody disagrees
    /// the section is just about views.
    pub(super) fn views(&mut self, has_own: bool, differences: Vec<Entry>) {
        let mut views = Vec::new();
        for (code, title) in [("professional-view", Message::WorkerView), ("dissent", Message::Dissent)] {
            for (target, node) in self.statements(code) {
                let entry = self.statement(&target, node, Some(title));
                views.push(entry);
            }
        }
        // That two entries may be one thing is a question, and nobody's other opinion.
        let conflicts = self
            .words
            .joined
            .findings
            .iter()
            .any(|finding| finding.kind == FindingKind::Conflict && finding.decided.is_none());
        let disagrees = !self.statements("dissent").is_empty() || conflicts;
        if views.is_empty() && differences.is_empty() {
            return;
        }
        let mut entries = Vec::new();
        if !views.is_empty() && has_own {
            entries.push(self.remark(Tone::Plain, Message::OwnViewAbove));
        }
        entries.extend(views);
        if !differences.is_empty() {
            entries.extend(differences);
            entries.push(self.remark(Tone::Plain, Message::AskAboutThese));
        }
        self.section(if disagrees { Message::Disagreements } else { Message::Views }, entries);
    }

    /// What the sources have written differently, and what may be one thing twice.
    pub(super) fn differences(&mut self) -> Vec<Entry> {
        let joined = self.words.joined;
        let of_kind = |kind| {
            joined.findings.iter().filter(move |finding| finding.kind == kind && finding.decided.is_none())
        };
        let targets = |finding: &Finding| -> Vec<String> {
            finding.sides.iter().map(|side| side.target.clone()).collect()
        };
        let mut told: Vec<(Vec<String>, Entry)> = Vec::new();
        for finding in of_kind(FindingKind::Conflict) {
            let mut entry = self.difference(finding);
            // All that differs about one thing stands together.
            match told.iter_mut().find(|(known, _)| *known == targets(finding)) {
                Some((_, known)) => known.lines.append(&mut entry.lines),
                None => told.push((targets(finding), entry)),
            }
        }
        // That two things which differ are meant to be one has been said with it.
        let is_new = |finding: &&Finding| told.iter().all(|(known, _)| *known != targets(finding));
        let twice: Vec<&Finding> = of_kind(FindingKind::LikelyDuplicate).filter(is_new).collect();
        let mut entries: Vec<Entry> = told.into_iter().map(|(_, entry)| entry).collect();
        for finding in twice {
            let mut lines = Vec::new();
            for side in &finding.sides {
                let node = self.words.resources.get(&side.target).copied();
                let name = node.and_then(|node| self.named(node));
                let name = name.unwrap_or_else(|| Said::here(super::in_one_line(&side.value)));
                lines.push(Line::labelled(self.named_source(&side.source), name));
            }
            entries.push(Entry { title: Some(self.here(Message::SameTwice)), lines });
        }
        entries
    }

    fn difference(&self, finding: &Finding) -> Entry {
        let first = finding.sides.first();
        let is_client = first.is_some_and(|side| side.target == CLIENT);
        let node = first.and_then(|side| self.words.resources.get(&side.target)).copied();
        let name = node.and_then(|node| self.named(node)).filter(|_| !is_client);
        let title = name.unwrap_or_else(|| self.here(Message::AboutYou));
        let what = self.words.element(&finding.element).to_lowercase();
        let language = self.words.language;
        let sentence = fill(language, Message::Differs, &[("what", &what)]);
        let mut lines = vec![Line::new(Tone::Attention, Said::here(sentence))];
        for side in &finding.sides {
            let value = self.words.side_value(finding, side);
            let value = if value.is_empty() { self.say(Message::Unexplained).to_owned() } else { value };
            lines.push(Line::labelled(
                self.named_source(&side.source),
                Said::here(super::in_one_line(&value)),
            ));
        }
        Entry { title: Some(title), lines }
    }

    /// How things are, and what support is needed.
    pub(super) fn situation(&mut self) {
        let tree = self.words.tree;
        let mut entries = Vec::new();
        for (target, node) in self.statements("situation") {
            let entry = self.statement(&target, node, Some(Message::SituationThen));
            entries.push(entry);
        }
        for (target, node) in self.statements("need") {
            let entry = self.statement(&target, node, None);
            entries.push(entry);
        }
        for (target, node) in self.words.of_kind("Condition") {
            let title = self.title(node, &["code"], Message::Need);
            let mut lines = Vec::new();
            self.official_name(&mut lines, node, &title);
            self.told(&mut lines, Message::State, tree.child_str(node, "clinicalStatus"));
            let onset = tree.children(node).find(|child| tree.name_text(*child).starts_with("onset"));
            self.told(&mut lines, Message::Began, onset);
            for note in all(tree, node, "note") {
                let said = tree.child_str(note, "text").and_then(|said| self.tell(said));
                lines.extend(said.map(|said| Line::new(Tone::Plain, said)));
            }
            self.origin(&mut lines, &target);
            entries.push(Entry { title: Some(title), lines });
        }
        if !entries.is_empty() {
            self.section(Message::Situation, entries);
        }
    }

    /// What a terminology calls what somebody has put in words, where that is something else.
    fn official_name(&mut self, lines: &mut Vec<Line>, condition: NodeId, title: &Said) {
        let tree = self.words.tree;
        let concepts = all(tree, condition, "code");
        let codings: Vec<NodeId> = concepts.flat_map(|code| all(tree, code, "coding")).collect();
        for coding in codings {
            let mut told = Vec::new();
            self.told(&mut told, Message::OfficialName, Some(coding));
            let is_more = |line: &Line| {
                line.said.text != title.text && line.said.text != self.say(Message::Unexplained)
            };
            told.retain(is_more);
            lines.append(&mut told);
        }
    }

    /// Observations that are no statement: outcomes, measurements, indicators.
    pub(super) fn results(&mut self) {
        let tree = self.words.tree;
        let known = ["strengths", "client-view", "professional-view", "dissent", "situation", "need"];
        let stated: Vec<NodeId> =
            known.iter().flat_map(|code| self.statements(code)).map(|(_, node)| node).collect();
        let found = self.words.of_kind("Observation");
        let mut entries = Vec::new();
        for (target, node) in found.into_iter().filter(|(_, node)| !stated.contains(node)) {
            let title = self.title(node, &["code"], Message::Result);
            let mut lines = Vec::new();
            let value = tree.children(node).find(|child| tree.name_text(*child).starts_with("value"));
            self.told(&mut lines, Message::Result, value);
            self.components(&mut lines, node);
            for extension in extensions(tree, node, "progress") {
                self.told(&mut lines, Message::Achievement, Some(extension));
            }
            let when = tree.children(node).find(|child| tree.name_text(*child).starts_with("effective"));
            self.told(&mut lines, Message::Day, when);
            if let Some(method) = tree.child_str(node, "method") {
                let label = self.words.label(method);
                self.told_as(&mut lines, &label, method);
            }
            for goal in all(tree, node, "focus") {
                self.told(&mut lines, Message::ServesGoal, Some(goal));
            }
            for speaker in all(tree, node, "performer") {
                self.said_by(&mut lines, speaker);
            }
            // The client's view and the form stand for themselves.
            ["hasMember", "derivedFrom"]
                .iter()
                .flat_map(|name| all(tree, node, name))
                .for_each(|tie| self.words.see_tie(tie));
            self.origin(&mut lines, &target);
            entries.push(Entry { title: Some(title), lines });
        }
        entries.extend(self.answers());
        if !entries.is_empty() {
            self.section(Message::Results, entries);
        }
    }
}
