//! Messages between the client and the services: what was asked, what was answered.

use super::Writer;
use crate::plan::page::{Entry, Line, Tone};
use crate::plan::read::{all, text};
use crate::plan::text::words::Message;
use crate::plan::time;
use crate::tree::NodeId;
use std::borrow::Cow;

impl Writer<'_> {
    /// The messages, the oldest first.
    pub(super) fn letters(&mut self) {
        let tree = self.words.tree;
        let mut found = self.words.of_kind("Communication");
        found.sort_by_cached_key(|(target, node)| {
            let sent = text(tree, *node, &["sent"]).map(Cow::into_owned);
            let sent = sent.filter(|sent| time::seconds(sent).is_some());
            (sent.is_none(), sent, target.clone())
        });
        let mut entries = Vec::new();
        for (target, node) in found {
            entries.push(self.letter(&target, node));
        }
        if !entries.is_empty() {
            self.section(Message::Letters, entries);
        }
    }

    fn letter(&mut self, target: &str, node: NodeId) -> Entry {
        let tree = self.words.tree;
        let title = self.title(node, &["topic"], Message::Letter);
        let mut lines = Vec::new();
        for payload in all(tree, node, "payload") {
            let content = tree.children(payload).find(|child| tree.name_text(*child).starts_with("content"));
            let said = content.and_then(|content| self.tell(content));
            lines.extend(said.map(|said| Line::new(Tone::Quote, said)));
        }
        for note in all(tree, node, "note") {
            let said = tree.child_str(note, "text").and_then(|said| self.tell(said));
            let label = self.say(Message::Answer);
            lines.extend(said.map(|said| Line::labelled(label, said)));
        }
        self.told(&mut lines, Message::SentBy, tree.child_str(node, "sender"));
        for recipient in all(tree, node, "recipient") {
            self.told(&mut lines, Message::SentTo, Some(recipient));
        }
        self.told(&mut lines, Message::Sent, tree.child_str(node, "sent"));
        // That a message which stands here has come goes without saying.
        let status = tree.child_str(node, "status").filter(|status| tree.text_is(*status, "completed"));
        status.into_iter().chain(tree.child_str(node, "received")).for_each(|told| self.words.see(told));
        self.origin(&mut lines, target);
        Entry { title: Some(title), lines }
    }
}
