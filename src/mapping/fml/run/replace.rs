//! What takes one value and is given another: the last stands, and what gave way is told, but for what a rule set as a
//! default.

use super::{Run, Var};
use crate::diag::{Severity, codes};
use crate::mapping::fml::compile::Spot;
use crate::tree::{Name, NodeId, Tree, equal_content};

/// A value of the target that gave way to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Where it stood.
    pub path: String,
    /// The rule that made it.
    pub rule: usize,
    /// The node of the first source that it came from.
    pub source: Option<NodeId>,
    /// The rule whose value stands there now.
    pub by: usize,
}

/// What stood in an element that is filled anew.
pub(super) struct Former {
    tree: Tree,
    leaves: Vec<Replaced>,
}

impl<'a> Run<'_, 'a> {
    /// Tells that the text of a leaf gives way to another; what stood beside it goes with it.
    pub(super) fn give_way(&mut self, id: NodeId, text: &str) {
        let former = self.target.text(id);
        // An attribute that was just made is empty.
        if former == text || former.is_empty() {
            return;
        }
        let former = former.into_owned();
        let leaf = self.leaf(id);
        self.replaced.extend(leaf);
        self.detach_below(id);
        if !self.was_default(id) {
            self.told(id, Some(&former));
        }
    }

    /// Notes a constant that was set whatever the document says.
    pub(super) fn note_default(&mut self, id: NodeId) {
        if self.defaults.len() <= id.index() {
            self.defaults.resize(id.index() + 1, false);
        }
        if let Some(is_default) = self.defaults.get_mut(id.index()) {
            *is_default = true;
        }
    }

    /// True where a default gives way to what is none: it was there to be overridden. Of two defaults the first would
    /// have no sense, so it is told.
    fn was_default(&mut self, id: NodeId) -> bool {
        let was = self.defaults.get_mut(id.index()).is_some_and(std::mem::take);
        was && !self.is_default
    }

    /// Empties an element that stands once and is filled anew; gives what stood there.
    pub(super) fn emptied(&mut self, id: NodeId, spot: &Spot, value: &Var<'a>) -> Option<Former> {
        let is_itself = matches!(value, Var::Made(made, _) if *made == id);
        if spot.is_list || is_itself || self.target.first_child(id).is_none() {
            return None;
        }
        let is_value = |node: &NodeId| {
            let kind = self.target.kind(*node);
            kind.is_leaf() && self.target.has_text(*node) && self.target.name(*node) != Name::RESOURCE_TYPE
        };
        let leaves: Vec<NodeId> = self.target.descend(id).filter(is_value).collect();
        if leaves.is_empty() {
            return None;
        }
        let leaves = leaves.into_iter().filter_map(|leaf| self.leaf(leaf)).collect();
        let former = Former { tree: self.target.clone_below(id), leaves };
        self.detach_below(id);
        Some(former)
    }

    /// Tells what stood in an element where what stands there now is something else.
    pub(super) fn refilled(&mut self, id: NodeId, former: Option<Former>) {
        let Some(former) = former else { return };
        if !equal_content(&former.tree, NodeId::ROOT, &self.target, id) {
            self.replaced.extend(former.leaves);
            if !self.was_default(id) {
                self.told(id, None);
            }
        }
    }

    /// What is known of a leaf before it gives way; nothing where nobody asked where values come from.
    fn leaf(&self, id: NodeId) -> Option<Replaced> {
        if !self.settings.with_origins {
            return None;
        }
        let (rule, source) = (self.origins.rule(id)?, self.origins.source(id));
        Some(Replaced { path: self.target.path(id), rule, source, by: self.rule })
    }

    /// Takes out what stands in an element; what type a resource is stays.
    fn detach_below(&mut self, id: NodeId) {
        let below: Vec<NodeId> = self.target.children(id).collect();
        for child in below {
            if self.target.name(child) != Name::RESOURCE_TYPE {
                self.target.detach(child);
            }
        }
    }

    fn told(&mut self, id: NodeId, former: Option<&str>) {
        let message =
            format!("`{}` takes one value, and the one that stood there is replaced", self.target.path(id));
        self.report_value(Severity::Warning, codes::FML_REPLACED, self.writing, message, former);
    }
}
