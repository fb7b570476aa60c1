//! Narratives: nothing but plain HTML, something to read, and links that lead somewhere.

use super::Walk;
use super::report::Fault;
use crate::diag::codes;
use crate::fhirpath::{Markup, MarkupFault};
use crate::tree::{Kind, Name, NodeId};

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
        if markup.links.iter().any(|link| !markup.ids.contains(link) && !self.has_id(link)) {
            let message = "a link `#…` of the narrative leads to nothing in the resource";
            self.tell(Fault::error(codes::NARRATIVE_LINK, id, message));
        }
    }

    /// True where a resource or element of the resource at hand has an id, or another narrative of it does.
    fn has_id(&self, id: &str) -> bool {
        let tree = self.tree;
        id.is_empty()
            || tree.descend(self.scope.root).any(|node| match tree.kind(node) {
                Kind::Str => tree.name(node) == Name::ID && tree.text_is(node, id),
                Kind::Xhtml => Markup::read(&tree.text(node)).ids.iter().any(|known| known == id),
                _ => false,
            })
    }
}
