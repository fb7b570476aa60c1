//! Three ways: what the unit's plan was when the view was given out, what it is now, and what the editor wants.

use super::differ::{Change, Differ, Trust, value};
use super::operation::{Action, Content, Operation, Value, other_form};
use super::{Conflict, shown};
use crate::diag::Redacted;
use crate::plan::Contribution;
use crate::tree::{Flags, Name, NodeId, Tree, same_content};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The operations as they are on the contribution of now; what the unit has changed too comes back as conflicts.
///
/// An operation that the unit has done itself is left out.
pub(super) fn rebase(
    operations: Vec<Operation>,
    base: &Contribution,
    theirs: &Contribution,
) -> (Vec<Operation>, Vec<Conflict>) {
    if Arc::ptr_eq(&base.bundle, &theirs.bundle) {
        return (operations, Vec::new());
    }
    let mut differ = Differ::new(&base.bundle, &theirs.bundle, Trust::Contents);
    differ.compare(NodeId::ROOT, NodeId::ROOT);
    let way = Way {
        base,
        theirs,
        pairs: &differ.pairs,
        removed: removed(&operations),
        replaced: replaced(base, &operations),
        met: RefCell::default(),
    };
    let (mut kept, mut conflicts) = (Vec::new(), Vec::new());
    for operation in operations {
        match way.of(&operation) {
            Outcome::Carry(action) => kept.push(Operation { action, ..operation }),
            Outcome::Done => {}
            Outcome::Conflict { base, theirs, mine } => conflicts.push(Conflict {
                source: way.theirs.label.clone(),
                target: operation.target,
                path: operation.path,
                base: Redacted::new(base),
                theirs: Redacted::new(theirs),
                mine: Redacted::new(mine),
            }),
        }
    }
    (kept, conflicts)
}

enum Outcome {
    Carry(Action),
    /// The unit has done the same.
    Done,
    Conflict {
        base: Option<String>,
        theirs: Option<String>,
        mine: Option<String>,
    },
}

struct Way<'a> {
    base: &'a Contribution,
    theirs: &'a Contribution,
    pairs: &'a HashMap<NodeId, NodeId>,
    /// What the operations take away: another value may come in its place.
    removed: BTreeSet<NodeId>,
    /// Of that what makes place for another form of the value; whether it may go is asked with that.
    replaced: BTreeSet<NodeId>,
    /// New items of the unit that equal ones of the editor have been found to be.
    met: RefCell<BTreeSet<NodeId>>,
}

fn removed(operations: &[Operation]) -> BTreeSet<NodeId> {
    let removed = operations.iter().filter_map(|operation| match operation.action {
        Action::Remove { node } => Some(node),
        Action::Set { .. } | Action::Insert { .. } | Action::InsertResource { .. } => None,
    });
    removed.collect()
}

/// Values that come in another form.
fn replaced(base: &Contribution, operations: &[Operation]) -> BTreeSet<NodeId> {
    let forms = operations.iter().filter_map(|operation| match &operation.action {
        Action::Insert { parent, content, .. } if !content.list => {
            other_form(&base.bundle, *parent, content.tree.name_text(NodeId::ROOT))
        }
        _ => None,
    });
    forms.collect()
}

impl Way<'_> {
    fn of(&self, operation: &Operation) -> Outcome {
        if let Some((value, now)) = self.changed_around(operation) {
            return self.conflict(Some(value), Some(now), self.mine(&operation.action));
        }
        match &operation.action {
            Action::Set { node, value } => self.set(*node, value.as_ref()),
            Action::Remove { node } => self.remove(*node),
            Action::Insert { parent, behind, content } => self.insert(*parent, *behind, content),
            Action::InsertResource { content, url } => match self.content(content) {
                Some(content) if self.has_entry(&content) => Outcome::Done,
                Some(content) => Outcome::Carry(Action::InsertResource { content, url: url.clone() }),
                None => self.conflict(None, None, Some(shown(&content.tree, NodeId::ROOT))),
            },
        }
    }

    fn set(&self, node: NodeId, wanted: Option<&Value>) -> Outcome {
        let before = self.meaning(self.base, node);
        let mine = match wanted {
            Some(Value::Text(_, text)) => Some(text.reveal().clone()),
            Some(Value::Refers(resource)) => self.pairs.get(resource).map(|now| format!("{now:?}")),
            None => None,
        };
        let Some(now) = self.pairs.get(&node).copied() else {
            let now = self.base.bundle.parent(node).and_then(|parent| self.pairs.get(&parent).copied());
            let name = self.base.bundle.name_text(node);
            let form = now.and_then(|parent| other_form(&self.theirs.bundle, parent, name));
            return self.conflict(Some(node), form, self.said(wanted));
        };
        let theirs = self.meaning(self.theirs, now);
        if theirs == mine {
            return Outcome::Done;
        }
        if !self.has_same_parts(node, now) {
            return self.conflict(Some(node), Some(now), self.said(wanted));
        }
        let carried = match wanted {
            Some(Value::Refers(resource)) => self.pairs.get(resource).map(|now| Some(Value::Refers(*now))),
            other => Some(other.cloned()),
        };
        match carried {
            Some(value) if theirs == before => Outcome::Carry(Action::Set { node: now, value }),
            _ => self.conflict(Some(node), Some(now), self.said(wanted)),
        }
    }

    /// The value that an operation changes something inside of, as the source's own word for a code, and that the unit has
    /// changed: a value and what stands inside it say one thing together.
    fn changed_around(&self, operation: &Operation) -> Option<(NodeId, NodeId)> {
        let tree = &*self.base.bundle;
        let inside = match &operation.action {
            Action::Set { node, .. } | Action::Remove { node } => tree.parent(*node)?,
            Action::Insert { parent, .. } => *parent,
            Action::InsertResource { .. } => return None,
        };
        let above = std::iter::successors(Some(inside), |node| tree.parent(*node));
        let value = above.into_iter().find(|node| tree.kind(*node).is_leaf())?;
        let now = self.pairs.get(&value).copied()?;
        (self.meaning(self.base, value) != self.meaning(self.theirs, now)).then_some((value, now))
    }

    /// What an operation wants, in words.
    fn mine(&self, action: &Action) -> Option<String> {
        match action {
            Action::Set { value, .. } => self.said(value.as_ref()),
            Action::Remove { .. } => None,
            Action::Insert { content, .. } | Action::InsertResource { content, .. } => {
                Some(shown(&content.tree, NodeId::ROOT))
            }
        }
    }

    /// True where what stands inside a value is as it was.
    fn has_same_parts(&self, value: NodeId, now: NodeId) -> bool {
        let (old, new) = (&*self.base.bundle, &*self.theirs.bundle);
        let is_same = |(one, other)| same_content(old, one, new, other);
        old.children(value).count() == new.children(now).count()
            && old.children(value).zip(new.children(now)).all(is_same)
    }

    /// What a leaf says. A reference says what it leads to, in terms of the contribution of now.
    fn meaning(&self, contribution: &Contribution, leaf: NodeId) -> Option<String> {
        let tree = &contribution.bundle;
        let said = value(tree, leaf)?;
        if tree.name(leaf) == Name::REFERENCE {
            let led = contribution.resolve(0, &said);
            let resource = led.and_then(|number| contribution.resources.get(number as usize));
            let is_base = std::ptr::eq(contribution, self.base);
            let now = |node: NodeId| if is_base { self.pairs.get(&node).copied() } else { Some(node) };
            if let Some(now) = resource.and_then(|resource| now(resource.node)) {
                return Some(format!("{now:?}"));
            }
        }
        Some(said.into_owned())
    }

    fn said(&self, wanted: Option<&Value>) -> Option<String> {
        match wanted? {
            Value::Text(_, text) => Some(text.reveal().clone()),
            Value::Refers(resource) => super::operation::reference_to(self.base, *resource),
        }
    }

    fn remove(&self, node: NodeId) -> Outcome {
        let Some(now) = self.pairs.get(&node).copied() else { return Outcome::Done };
        if self.is_unchanged(node, now) {
            return Outcome::Carry(Action::Remove { node: now });
        }
        if self.replaced.contains(&node) {
            return Outcome::Done;
        }
        self.conflict(Some(node), Some(now), None)
    }

    /// True where the unit left an element as it was. References by place are compared by what they lead to.
    fn is_unchanged(&self, node: NodeId, now: NodeId) -> bool {
        let mut differ = Differ::new(&self.base.bundle, &self.theirs.bundle, Trust::Contents);
        differ.compare(node, now);
        differ.changes.iter().all(|change| match change {
            Change::Set { before, after } => {
                let name = self.base.bundle.name(*before);
                let by_place = name == Name::ID || name == Name::FULL_URL;
                by_place || self.meaning(self.base, *before) == self.meaning(self.theirs, *after)
            }
            Change::Remove { .. } | Change::Insert { .. } => false,
            Change::Order { .. } => true,
        })
    }

    fn insert(&self, parent: NodeId, behind: Option<NodeId>, content: &Content) -> Outcome {
        let mine = || Some(shown(&content.tree, NodeId::ROOT));
        let Some(now) = self.pairs.get(&parent).copied() else {
            return self.conflict(None, None, mine());
        };
        let Some(carried) = self.content(content) else { return self.conflict(None, None, mine()) };
        let tree = &*self.theirs.bundle;
        let gone: BTreeSet<NodeId> =
            self.removed.iter().filter_map(|node| self.pairs.get(node).copied()).collect();
        let name = content.tree.name_text(NodeId::ROOT);
        let there =
            tree.children(now).filter(|child| tree.name_text(*child) == name && !gone.contains(child));
        let there: Vec<NodeId> = there.collect();
        let equal = |child: &&NodeId| same_content(tree, **child, &content.tree, NodeId::ROOT);
        let was = |child: &NodeId| self.pairs.values().any(|paired| paired == child);
        let mut met = self.met.borrow_mut();
        let is_new = |child: &&NodeId| !content.list || !was(child) && !met.contains(child);
        if let Some(found) = there.iter().filter(equal).find(is_new).copied() {
            met.insert(found);
            return Outcome::Done;
        }
        if !content.list {
            let base = other_form(&self.base.bundle, parent, name);
            let goes = |form: &NodeId| {
                let pair = base.filter(|base| self.pairs.get(base) == Some(form));
                pair.is_some_and(|base| self.removed.contains(&base) && self.is_unchanged(base, *form))
            };
            let form = other_form(tree, now, name).filter(|form| !goes(form));
            if let Some(found) = there.first().copied().or(form) {
                return self.conflict(base, Some(found), mine());
            }
        }
        let behind = behind.and_then(|behind| self.pairs.get(&behind).copied());
        Outcome::Carry(Action::Insert { parent: now, behind, content: carried })
    }

    /// The content with its references leading to resources of now.
    fn content(&self, content: &Content) -> Option<Content> {
        let led = |(leaf, resource): &(NodeId, NodeId)| Some((*leaf, *self.pairs.get(resource)?));
        let refers: Option<Vec<(NodeId, NodeId)>> = content.refers.iter().map(led).collect();
        Some(Content { tree: content.tree.clone(), refers: refers?, ..content.clone() })
    }

    fn has_entry(&self, content: &Content) -> bool {
        let tree = &*self.theirs.bundle;
        let mut entries = tree.children_named(NodeId::ROOT, Name::ENTRY);
        entries.any(|entry| {
            let resource = tree.child(entry, Name::RESOURCE);
            resource.is_some_and(|resource| same_content(tree, resource, &content.tree, NodeId::ROOT))
        })
    }

    fn conflict(&self, base: Option<NodeId>, theirs: Option<NodeId>, mine: Option<String>) -> Outcome {
        let of = |tree: &Tree, node: Option<NodeId>| node.map(|node| shown(tree, node));
        Outcome::Conflict { base: of(&self.base.bundle, base), theirs: of(&self.theirs.bundle, theirs), mine }
    }
}

/// True for a node that is an item of a list.
pub(super) fn is_item(tree: &Tree, node: NodeId) -> bool {
    tree.flags(node).has(Flags::LIST)
}
