//! Leaves: what a changed value becomes in the unit's document.

use super::{Manner, Run};
use crate::diag::{Issue, Span, codes};
use crate::mapping::get::Got;
use crate::mapping::make::is_bare;
use crate::mapping::program::{Leaf, Path, Primitive};
use crate::mapping::same::held;
use crate::tree::{Flags, Kind, Name, NodeId, Tree, equal, same_content};

impl Run<'_> {
    pub(super) fn leaf(&mut self, leaf: &Leaf, rule: usize) -> bool {
        if !self.program.same_lists.is_empty() && leaf.source.same().is_some() {
            return self.same_leaf(leaf, rule);
        }
        self.one_leaf(leaf, rule)
    }

    pub(super) fn one_leaf(&mut self, leaf: &Leaf, rule: usize) -> bool {
        let (new, old) = (self.find_new(&leaf.target), self.find_old(&leaf.target));
        let same = match (new, old) {
            (None, None) => return false,
            (Some(new), Some((got, old))) => same_content(self.changed, new, &got.target, old),
            _ => false,
        };
        if same {
            if let (Some(new), Some((got, old))) = (new, old)
                && self.names_old_code(leaf, new, got, old)
            {
                self.refuse_name(rule, new);
            }
            return true;
        }
        let node = self.find_said(&leaf.source);
        if let Some(node) = node
            && self.manner == Manner::Exact
            && self.is_kept(node)
            && !new.is_some_and(|new| self.says_already(leaf, node, new))
        {
            self.refuse_kept(rule, node);
            return true;
        }
        let Some((new, (text, source_text))) = new.map(|new| (new, held(self.changed, new))) else {
            if let Some(node) = node {
                self.remove_leaf(node, &leaf.source);
            }
            return false;
        };
        if self.program.format == super::Format::Fhir && beside(self.changed, new).next().is_some() {
            return self.primitive(leaf, rule, new, (text, source_text));
        }
        // Nothing need be said; but where the unit has a word for it, a new element is better named than empty.
        let silent = node.is_none() && source_text.is_none() && text.as_deref() == leaf.default.as_deref();
        if silent && leaf.backward(text.as_deref(), None).is_none() {
            return false;
        }
        let Some(written) = self.unit_text(leaf, text.as_deref(), source_text.as_deref()) else {
            // What the unit cannot say but by silence.
            if leaf.default.is_some() && source_text.is_none() && text.as_deref() == leaf.default.as_deref() {
                if let Some(node) = node {
                    self.remove_leaf(node, &leaf.source);
                }
                return false;
            }
            if self.manner == Manner::Lenient {
                return self.nearest(leaf, node, text.as_deref());
            }
            let by_unit_text = source_text.is_some() && leaf.backward(text.as_deref(), None).is_some();
            self.refuse(leaf, rule, text.as_deref(), by_unit_text);
            return true;
        };
        let target = node.or_else(|| self.ensure(&leaf.source));
        if let Some(target) = target {
            // What the conditions of the rule passed over in the document is not free to be written over either.
            if node.is_none() && self.is_passed_over(target) {
                self.refuse_kept(rule, target);
                return true;
            }
            self.write(target, &written, leaf.source_kind);
            if self.program.format == super::Format::Fhir {
                self.set_beside(target, new);
            }
        }
        true
    }

    fn is_passed_over(&mut self, node: NodeId) -> bool {
        let says = self.source.has_text(node) && !self.source.text(node).trim().is_empty();
        says && self.manner == Manner::Exact && self.is_kept(node)
    }

    /// A primitive of FHIR with an id or extensions, perhaps without a value.
    pub(super) fn primitive(
        &mut self,
        leaf: &Leaf,
        rule: usize,
        new: NodeId,
        held: (Option<String>, Option<String>),
    ) -> bool {
        let (text, source_text) = held;
        let written = match (&text, &source_text) {
            (None, None) => None,
            _ => match self.unit_text(leaf, text.as_deref(), source_text.as_deref()) {
                None if self.manner == Manner::Lenient => return false,
                None => {
                    let by_unit_text =
                        source_text.is_some() && leaf.backward(text.as_deref(), None).is_some();
                    self.refuse(leaf, rule, text.as_deref(), by_unit_text);
                    return true;
                }
                written => written,
            },
        };
        let Some(target) = self.ensure(&leaf.source) else { return false };
        match written {
            Some(written) => self.write(target, &written, leaf.source_kind),
            None if self.source.kind(target) == Kind::Null => {}
            None => {
                self.source.change_kind(target, Kind::Null);
                self.source.set_text(target, "");
            }
        }
        self.set_beside(target, new);
        true
    }

    /// Gives a primitive the id and the extensions of another.
    pub(super) fn set_beside(&mut self, node: NodeId, new: NodeId) {
        let have: Vec<NodeId> = self.source.children(node).collect();
        let wanted: Vec<NodeId> = beside(self.changed, new).collect();
        let alike = |(have, wanted): (&NodeId, &NodeId)| equal(&self.source, *have, self.changed, *wanted);
        if have.len() == wanted.len() && have.iter().zip(&wanted).all(alike) {
            return;
        }
        for gone in have {
            self.source.remove(gone);
        }
        for child in wanted {
            self.source.copy_from(node, self.changed, child, self.changed.order(child));
        }
    }

    pub(super) fn write(&mut self, node: NodeId, text: &str, kind: Kind) {
        match self.source.kind(node) {
            Kind::Object => {
                let run = self.source.children(node).find(|child| self.source.kind(*child) == Kind::Text);
                match run {
                    Some(run) => self.source.set_text(run, text),
                    None if self.source.first_child(node).is_none() => {
                        self.source.change_kind(node, Kind::Str);
                        self.source.set_text(node, text);
                    }
                    None => {
                        let run =
                            self.source.insert(node, Name::NONE, Kind::Text, Flags::default(), u16::MAX);
                        self.source.set_text(run, text);
                    }
                }
            }
            Kind::Attr | Kind::Text => self.source.set_text(node, text),
            _ => {
                self.source.change_kind(node, kind_for(kind, text));
                self.source.set_text(node, text);
            }
        }
    }

    /// The unit's text for a value. What only says again needs no more than the value itself: the text of another
    /// unit beside it stays in the resource.
    fn unit_text(&self, leaf: &Leaf, text: Option<&str>, source_text: Option<&str>) -> Option<String> {
        let exact = leaf.backward(text, source_text);
        if self.manner == Manner::Restating { exact.or_else(|| leaf.backward(text, None)) } else { exact }
    }

    /// `by_unit_text`: the value alone could be written, but the unit's own text beside it says another.
    pub(super) fn refuse(&mut self, leaf: &Leaf, rule: usize, value: Option<&str>, by_unit_text: bool) {
        if self.refused.is_some() || self.manner == Manner::Restating {
            return;
        }
        let place = self.find_new(&leaf.target).map(|node| self.changed.path(node)).unwrap_or_default();
        let message = format!(
            "no value of the unit's document becomes this one (rule `{}`)",
            self.program.rules[rule].text
        );
        let mut issue = Issue::error(codes::PUT_REFUSED, Span::default(), message).at(place);
        if by_unit_text {
            let help = "the extension `source-text` of this element holds the unit's word for the old value; \
                        take it out together with the change";
            issue = issue.with_help(help);
        }
        self.refused = Some(Box::new(issue.with_value(value.unwrap_or_default())));
    }

    /// True for the name of a code that was changed without its name (FHIR R4, Coding: `display` is that of the code).
    fn names_old_code(&self, leaf: &Leaf, new: NodeId, got: &Got, old: NodeId) -> bool {
        let is_name =
            leaf.target.steps.last().is_some_and(|step| self.program.names.text(step.name) == "display");
        if !is_name || self.manner != Manner::Exact {
            return false;
        }
        let code = |tree: &Tree, name| {
            let coding = tree.parent(name)?;
            Some(tree.child_text(coding, "code")?.into_owned())
        };
        match (code(&got.target, old), code(self.changed, new)) {
            (Some(old), Some(new)) => old != new,
            _ => false,
        }
    }

    fn refuse_name(&mut self, rule: usize, name: NodeId) {
        if self.refused.is_some() {
            return;
        }
        let message = format!(
            "the code beside this name was changed, and the name is still that of the old code (rule `{}`)",
            self.program.rules[rule].text
        );
        let help = "change `display` together with the code, or take it out";
        let issue = Issue::error(codes::PUT_REFUSED, Span::default(), message).with_help(help);
        self.refused = Some(Box::new(issue.at(self.changed.path(name))));
    }

    fn says_already(&self, leaf: &Leaf, node: NodeId, new: NodeId) -> bool {
        let (text, source_text) = held(self.changed, new);
        let written = leaf.backward(text.as_deref(), source_text.as_deref());
        written.is_some_and(|written| written == self.source.text(node))
    }

    fn refuse_kept(&mut self, rule: usize, node: NodeId) {
        if self.refused.is_some() {
            return;
        }
        let message = format!(
            "the document has a value here that no rule carried, and the change would take it away (rule `{}`)",
            self.program.rules[rule].text
        );
        let help =
            "correct the document in the unit's system first; the change says another thing than this value";
        let issue = Issue::error(codes::PUT_REFUSED, Span::default(), message).with_help(help);
        self.refused = Some(Box::new(issue.at(self.source.path(node)).with_value(&*self.source.text(node))));
    }

    /// Removes a leaf and the elements of its path that hold nothing else.
    pub(super) fn remove_leaf(&mut self, node: NodeId, path: &Path) {
        let run = self.source.children(node).find(|child| self.source.kind(*child) == Kind::Text);
        match run {
            Some(run) => {
                self.source.remove(run);
                if self.source.first_child(node).is_some() {
                    return;
                }
            }
            None if path.steps.is_empty() && self.source.kind(node) == Kind::Str => {
                return self.source.set_text(node, "");
            }
            None => {}
        }
        let mut here = node;
        for step in path.steps.iter().rev() {
            let Some(parent) = self.source.parent(here) else { return };
            self.source.remove(here);
            // What only the conditions of the step above wrote is not content.
            let above = path.steps.iter().rev().skip_while(|other| !std::ptr::eq(*other, step)).nth(1);
            let Some(above) = above else { return };
            if !is_bare(&self.source, parent, above) {
                return;
            }
            here = parent;
        }
    }
}

/// The kind that an element has with a text: words that a unit wrote where its model means a number are words.
fn kind_for(kind: Kind, text: &str) -> Kind {
    match kind {
        Kind::Number if !Primitive::Decimal.accepts(text) => Kind::Str,
        Kind::Bool if !Primitive::Boolean.accepts(text) => Kind::Str,
        kind => kind,
    }
}

/// True for an element with a text, or with what FHIR has beside it.
pub(super) fn says_something(tree: &Tree, node: NodeId) -> bool {
    tree.has_text(node) || (tree.kind(node) == Kind::Null && tree.first_child(node).is_some())
}

/// The id and the extensions of a primitive, but for the unit's text that a lens put there.
fn beside(tree: &Tree, node: NodeId) -> impl Iterator<Item = NodeId> {
    tree.children(node).filter(|child| {
        tree.child(*child, Name::URL).is_none_or(|url| tree.text(url) != crate::mapping::get::SOURCE_TEXT)
    })
}
