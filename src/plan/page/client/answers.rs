//! What was asked and answered: the parts of an assessment and the answers to a questionnaire, each with its question.

use super::{CLIENT, Writer};
use crate::plan::page::{Entry, Line, Said, Tone};
use crate::plan::read::all;
use crate::plan::text::words::Message;
use crate::tree::NodeId;

impl Writer<'_> {
    /// The answers to each questionnaire.
    pub(super) fn answers(&mut self) -> Vec<Entry> {
        let tree = self.words.tree;
        let mut entries = Vec::new();
        for (target, response) in self.words.of_kind("QuestionnaireResponse") {
            let mut lines = Vec::new();
            self.items(&mut lines, response, None);
            if lines.is_empty() {
                continue;
            }
            let done = tree.child_str(response, "status").filter(|status| tree.text_is(*status, "completed"));
            if let Some(status) = done {
                self.words.see(status);
            }
            self.told(&mut lines, Message::Day, tree.child_str(response, "authored"));
            for name in ["author", "source"] {
                tree.child_str(response, name).into_iter().for_each(|who| self.said_by(&mut lines, who));
            }
            self.origin(&mut lines, &target);
            let title = self.words.language.find_label("QuestionnaireResponse").unwrap_or_default();
            entries.push(Entry { title: Some(Said::here(title)), lines });
        }
        entries
    }

    /// The questions below a node with their answers; the numbers of questions say nothing to people. An answer whose
    /// question has no words stands under the heading of its part of the form.
    fn items(&mut self, lines: &mut Vec<Line>, node: NodeId, heading: Option<&str>) {
        let tree = self.words.tree;
        for item in all(tree, node, "item").collect::<Vec<_>>() {
            tree.child_str(item, "linkId").into_iter().for_each(|id| self.words.see(id));
            let question = tree.child_str(item, "text");
            let asked = question.and_then(|question| self.words.said(question));
            let language = question.and_then(|question| self.words.foreign(question));
            if let Some(question) = question {
                self.words.see(question);
            }
            let asked = asked.map(|asked| super::in_one_line(asked.trim_end_matches('?')));
            let label = asked.as_deref().or(heading);
            let first = lines.len();
            let answers: Vec<NodeId> = all(tree, item, "answer").collect();
            for answer in &answers {
                let value = tree.children(*answer).find(|child| tree.name_text(*child).starts_with("value"));
                let Some(said) = value.and_then(|value| self.tell(value)) else { continue };
                lines.push(match label {
                    Some(label) => Line::labelled(label, said),
                    None => Line::new(Tone::Plain, said),
                });
            }
            for answer in answers {
                self.items(lines, answer, label);
            }
            self.items(lines, item, label);
            // A part of the form whose questions all have words is told before them.
            let is_told = |line: &Line| line.label.is_some() && line.label == asked;
            if let Some(asked) = asked.clone().filter(|_| !lines.iter().skip(first).any(is_told)) {
                lines.insert(first, Line::new(Tone::Plain, Said::by_somebody(asked, language)));
            }
        }
    }

    /// The parts of an observation, each with what it is about.
    pub(super) fn components(&mut self, lines: &mut Vec<Line>, node: NodeId) {
        let tree = self.words.tree;
        for part in all(tree, node, "component").collect::<Vec<_>>() {
            let value = tree.children(part).find(|child| tree.name_text(*child).starts_with("value"));
            let Some(said) = value.and_then(|value| self.tell(value)) else { continue };
            let label = self.title(part, &["code"], Message::More);
            self.words.see_codings(part);
            lines.push(Line::labelled(label.text, said));
        }
    }

    /// Who says something; that the client's words are the client's goes without saying.
    pub(super) fn said_by(&mut self, lines: &mut Vec<Line>, who: NodeId) {
        if self.words.find(who).is_some_and(|(target, _)| target == CLIENT) {
            self.words.see(who);
        } else {
            self.told(lines, Message::SaidBy, Some(who));
        }
    }
}
