//! Narratives: nothing but plain HTML, something to read, and links that lead somewhere.

use super::Walk;
use super::report::Fault;
use crate::diag::codes;
use crate::fhirpath::{Markup, MarkupFault};
use crate::tree::{Kind, Name, NodeId};
use std::collections::HashSet;

impl Walk<'_, '_> {
    /// Checks the `div` of a narrative.
    pub(super) fn narrative(&mut self, id: NodeId) {
        if !matches!(self.tree.kind(id), Kind::Xhtml | Kind::Str) {
            self.tell(Fault::error(codes::VALUE_KIND, id, "`div` is a text of XHTML"));
            return;
        }
        let text = self.tree.text(id);
        if text.is_empty() {
            self.tell(Fault::error(codes::EMPTY, id, "ele-1: a value is not empty; leave the element out"));
            return;
        }
        let markup = Markup::read(&text);
        for fault in &markup.faults {
            let message = match fault {
                MarkupFault::Syntax => "txt-1: the narrative is no well-formed XHTML".to_owned(),
                MarkupFault::Root => "txt-1: a narrative is one `div`".to_owned(),
                MarkupFault::Element(name) => format!("txt-1: a narrative has no element `{name}`"),
                MarkupFault::Attribute(name) => format!("txt-1: a narrative has no attribute `{name}`"),
                MarkupFault::Nothing => "txt-2: the narrative has nothing to read".to_owned(),
            };
            self.tell(Fault::error(codes::NARRATIVE, id, message));
        }
        for link in markup.links.iter().chain(&markup.images) {
            self.local_reference(&format!("#{link}"));
        }
        let is_lost = |link: &&String| !link.is_empty() && !markup.ids.contains(link);
        let lost: Vec<&String> = markup.links.iter().filter(is_lost).collect();
        if !lost.is_empty() && !self.has_ids(&lost) {
            let message = "a link `#…` of the narrative leads to nothing in the resource";
            self.tell(Fault::error(codes::NARRATIVE_LINK, id, message));
        }
    }

    /// True where resources, elements and other narratives of the resource at hand have all of these ids.
    fn has_ids(&self, ids: &[&String]) -> bool {
        let tree = self.tree;
        let mut known: HashSet<String> = HashSet::new();
        for node in tree.descend(self.scope.root) {
            match tree.kind(node) {
                Kind::Str if tree.name(node) == Name::ID => {
                    known.insert(tree.text(node).into_owned());
                }
                Kind::Xhtml => known.extend(Markup::read(&tree.text(node)).ids),
                _ => {}
            }
        }
        ids.iter().all(|id| known.contains(*id))
    }
}
