//! Narratives: nothing but plain HTML, something to read, and links that lead somewhere.

use super::Walk;
use super::report::Fault;
use crate::diag::{Message, codes, message};
use crate::fhirpath::{Markup, MarkupFault};
use crate::tree::{Kind, Name, NodeId};
use std::collections::HashSet;

impl Walk<'_, '_> {
    /// Checks the `div` of a narrative.
    pub(super) fn narrative(&mut self, id: NodeId) {
        if !matches!(self.tree.kind(id), Kind::Xhtml | Kind::Str) {
            self.tell(Fault::error(codes::VALUE_KIND, id, message!("`div` is a text of XHTML")));
            return;
        }
        let text = self.tree.text(id);
        if text.is_empty() {
            self.tell(Fault::error(
                codes::EMPTY,
                id,
                message!("ele-1: a value is not empty; leave the element out"),
            ));
            return;
        }
        if self.tree.first_child(id).is_some() {
            let message = message!("a narrative has neither an id nor extensions beside it");
            self.tell(Fault::error(codes::ELEMENT_UNKNOWN, id, message));
        }
        let markup = Markup::read(&text);
        for fault in &markup.faults {
            self.markup(id, fault);
        }
        for link in markup.links.iter().chain(&markup.images) {
            self.local_reference(&format!("#{link}"));
        }
        let is_lost = |link: &&String| !link.is_empty() && !markup.ids.contains(link);
        let lost: Vec<&String> = markup.links.iter().filter(is_lost).collect();
        if !lost.is_empty() && !self.has_ids(&lost) {
            let message = message!("a link `#…` of the narrative leads to nothing in the resource");
            self.tell(Fault::error(codes::NARRATIVE_LINK, id, message));
        }
    }

    fn markup(&mut self, id: NodeId, fault: &MarkupFault) {
        let (message, value) = match fault {
            MarkupFault::Syntax => (message!("txt-1: the narrative is no well-formed XHTML"), None),
            MarkupFault::Root => (message!("txt-1: a narrative is one `div`"), None),
            MarkupFault::Namespace => (message!("txt-1: a narrative is in the namespace of XHTML"), None),
            MarkupFault::Instruction => (message!("txt-1: a narrative has no processing instruction"), None),
            MarkupFault::Entity => (message!("txt-1: a narrative has no entity but those of XML"), None),
            MarkupFault::Script => (message!("txt-1: a narrative has no link that runs a program"), None),
            MarkupFault::Element(name) => (refused_element(name), Some(name)),
            MarkupFault::Attribute(name) => (refused_attribute(name), Some(name)),
            MarkupFault::Nothing => (message!("txt-2: the narrative has nothing to read"), None),
        };
        let mut fault = Fault::error(codes::NARRATIVE, id, message);
        if let Some(value) = value {
            fault = fault.value(value);
        }
        self.tell(fault);
    }

    /// True where resources, elements and other narratives of the resource at hand have all of these ids.
    fn has_ids(&mut self, ids: &[&String]) -> bool {
        let tree = self.tree;
        let root = self.scope.root;
        let known = self.targets.ids.entry(root).or_insert_with(|| {
            let mut known: HashSet<String> = HashSet::new();
            for node in tree.descend(root) {
                match tree.kind(node) {
                    Kind::Str if tree.name(node) == Name::ID => {
                        known.insert(tree.text(node).into_owned());
                    }
                    Kind::Xhtml => known.extend(Markup::read(&tree.text(node)).ids),
                    _ => {}
                }
            }
            known
        });
        ids.iter().all(|id| known.contains(*id))
    }
}

fn refused_element(name: &str) -> Message {
    if HTML_NAMES.contains(&name) {
        message!("txt-1: a narrative has no element `{name}`", name)
    } else {
        message!("txt-1: a narrative has no element of this name")
    }
}

fn refused_attribute(name: &str) -> Message {
    if HTML_NAMES.contains(&name) {
        message!("txt-1: a narrative has no attribute `{name}`", name)
    } else {
        message!("txt-1: a narrative has no attribute of this name")
    }
}

/// Names of HTML that a narrative may not have. Any other name is the document's own.
const HTML_NAMES: &[&str] = &[
    "audio",
    "base",
    "body",
    "button",
    "canvas",
    "embed",
    "footer",
    "form",
    "frame",
    "frameset",
    "head",
    "header",
    "html",
    "iframe",
    "input",
    "label",
    "link",
    "meta",
    "nav",
    "noscript",
    "object",
    "onblur",
    "onchange",
    "onclick",
    "onerror",
    "onfocus",
    "onload",
    "onmouseover",
    "onsubmit",
    "option",
    "param",
    "script",
    "section",
    "select",
    "style",
    "svg",
    "textarea",
    "title",
    "video",
];
