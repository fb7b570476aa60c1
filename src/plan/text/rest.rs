//! What no section knows: it stands under its entry with its label, or as an entry of its own.

use super::words::Word;
use super::{Page, Style};
use crate::tree::NodeId;

/// Kinds of resources that are people or organisations, or what they use.
const PEOPLE: &[&str] =
    &["Patient", "RelatedPerson", "PractitionerRole", "Practitioner", "Organization", "Location", "Device"];

impl Page<'_> {
    /// The elements of an entry that were not told yet.
    pub(super) fn rest(&mut self, node: NodeId) {
        for (label, said) in self.parts(node) {
            self.line(Style::Text, format!("{label}: {said}"));
        }
        self.see(node);
    }

    /// The resources of the units of which something was not told yet: people first, then everything else.
    pub(super) fn others(&mut self) {
        let (people, others): (Vec<_>, Vec<_>) = self
            .origins
            .keys()
            .filter_map(|target| Some(((*target).to_owned(), *self.resources.get(*target)?)))
            .partition(|(target, _)| is_person(target));
        self.entries(Word::People, people);
        self.entries(Word::Others, others);
    }

    fn entries(&mut self, heading: Word, entries: Vec<(String, NodeId)>) {
        let mut opened = false;
        for (target, node) in entries {
            if self.parts(node).is_empty() {
                continue;
            }
            if !std::mem::replace(&mut opened, true) {
                self.heading(heading);
            }
            let kind = target.split('/').next().unwrap_or_default();
            let label = self.language.label(kind).to_owned();
            let title = self.name_of(node).map_or(label.clone(), |name| format!("{label}: {name}"));
            self.line(Style::Label, title);
            self.see_name(node);
            self.rest(node);
            self.origin(&target);
            self.contested(&target);
        }
    }
}

fn is_person(target: &str) -> bool {
    target.split('/').next().is_some_and(|kind| PEOPLE.contains(&kind))
}
