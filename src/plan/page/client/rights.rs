//! What the plans say of the client's rights and consents. What they do not say is not claimed here.

use super::Writer;
use crate::plan::page::{Entry, Line, Tone};
use crate::plan::read::{all, at, extensions, value};
use crate::plan::text::words::Message;
use crate::tree::NodeId;

impl Writer<'_> {
    pub(super) fn rights(&mut self) {
        let tree = self.words.tree;
        let mut entries = Vec::new();
        let mut told = Vec::new();
        for (target, plan) in self.words.of_kind("CarePlan") {
            let stated: Vec<NodeId> = extensions(tree, plan, "informed-of-rights").collect();
            for extension in &stated {
                told.extend(
                    value(tree, *extension)
                        .filter(|leaf| tree.has_text(*leaf))
                        .map(|leaf| tree.text_is(leaf, "true")),
                );
                self.words.see(*extension);
            }
            for extension in extensions(tree, plan, "informed-of-rights-text") {
                let mut lines = Vec::new();
                lines.extend(self.tell(extension).map(|said| Line::new(Tone::Plain, said)));
                self.origin(&mut lines, &target);
                entries.push(Entry { title: None, lines });
            }
        }
        let sentence = match (told.contains(&true), told.is_empty()) {
            (true, _) => Some(self.remark(Tone::Plain, Message::Informed)),
            (false, false) => Some(self.remark(Tone::Attention, Message::NotInformed)),
            (false, true) => None,
        };
        entries.splice(0..0, sentence);
        for (target, consent) in self.words.of_kind("Consent") {
            let title = self.title(consent, &["category", "scope"], Message::Consent);
            let mut lines = Vec::new();
            // A consent that stands here is in force; that the client gave it goes without saying.
            let status = tree.child_str(consent, "status").filter(|status| tree.text_is(*status, "active"));
            if let Some(status) = status {
                self.words.see(status);
            }
            self.told(&mut lines, Message::State, tree.child_str(consent, "status"));
            for giver in all(tree, consent, "performer") {
                self.said_by(&mut lines, giver);
            }
            let permits =
                at(tree, consent, &["provision", "type"]).filter(|kind| tree.text_is(*kind, "permit"));
            if let Some(kind) = permits {
                self.words.see(kind);
            }
            self.told(&mut lines, Message::Day, tree.child_str(consent, "dateTime"));
            // The origin below names the organisation; another one is told.
            let from = self.words.origins.get(target.as_str()).into_iter().flatten();
            let from: Vec<String> = from.map(|source| self.source_name(*source)).collect();
            for keeper in all(tree, consent, "organization") {
                if self.named_reference(keeper).is_some_and(|name| from.contains(&name)) {
                    self.words.see(keeper);
                }
            }
            self.origin(&mut lines, &target);
            entries.push(Entry { title: Some(title), lines });
        }
        if !entries.is_empty() {
            self.section(Message::Rights, entries);
        }
    }
}
