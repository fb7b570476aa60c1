//! `put`: changed resources become edits of the unit's own document; `create` makes a document from nothing.
//!
//! The machine walks the rules with three elements in step: the source element, the target element that `get`
//! makes of it, and the element of the changed resources. Where the last two are equal nothing is touched.
//! At the end `get` runs over the edited document; unless it gives the changed resources exactly, the whole
//! change is refused, so PutGet holds for every put that succeeds.

use super::Format;
use super::get::Got;
use super::links::{Links, resolve};
use super::make::list_flag;
use super::program::{
    Block, Content, Copied, Path, Program, Relation, Resource, Rest, Root, Settled, all, anchor, any, first,
    meets,
};
use super::quick;
use super::same::compare;
use super::sync::{sync_children, sync_group};
use crate::diag::{Issue, Span, codes};
use crate::tree::{Flags, Kind, Name, NodeId, Tree, same_content};
use same::Said;
use taint::Taint;

mod align;
mod carry;
mod leaf;
mod leave;
mod lenient;
mod make;
mod restate;
mod same;
mod taint;

pub(super) use restate::restated;

/// Passes after the first in which a change may come to rest.
pub(super) const PASSES_MAX: usize = 3;

impl Program {
    /// Carries changed resources into a document. The tree comes back edited; [`crate::tree::patch`] writes it.
    ///
    /// # Errors
    /// The document is not of this kind, or the change is one that the lens does not carry; then nothing of it
    /// is done.
    pub fn put(&self, source: &Tree, changed: &Tree) -> Result<Tree, Box<Issue>> {
        self.put_into(source.clone(), changed)
    }

    /// As [`Program::put`], for a caller that can part with the tree.
    ///
    /// # Errors
    /// As for [`Program::put`].
    pub fn put_into(&self, source: Tree, changed: &Tree) -> Result<Tree, Box<Issue>> {
        let got = self.get_alone(&source)?;
        self.put_over(source, &got, changed)
    }

    /// As [`Program::put`], for a caller that has what `get` gives and can part with the tree.
    ///
    /// # Errors
    /// As for [`Program::put`].
    pub(super) fn put_over(&self, source: Tree, got: &Got, changed: &Tree) -> Result<Tree, Box<Issue>> {
        let mut run = Run::new(self, source, Some(got), changed);
        run.root(&self.roots[got.root]);
        let clean = std::mem::take(&mut run.taint.clean);
        let edited = run.finish()?;
        if quick::settles(self, &edited, got, changed, &clean) {
            return Ok(edited);
        }
        self.settled(edited, changed, Some(got))
    }

    /// Conditions look at what other rules write, so what one pass makes may need another to be what is wanted.
    fn settled(&self, mut edited: Tree, changed: &Tree, before: Option<&Got>) -> Result<Tree, Box<Issue>> {
        let mut outcome = self.gives(&edited, changed);
        for _ in 0..PASSES_MAX {
            if outcome.is_ok() {
                return Ok(edited);
            }
            let Ok(got) = self.get_alone(&edited) else { break };
            let mut run = Run::new(self, edited, Some(&got), changed);
            run.before = before;
            run.root(&self.roots[got.root]);
            edited = run.finish()?;
            outcome = self.gives(&edited, changed);
        }
        outcome.map(|()| edited)
    }

    /// Makes a document of the unit's from resources alone.
    ///
    /// # Errors
    /// The resources have something that the unit's document cannot hold.
    pub fn create(&self, resources: &Tree) -> Result<Tree, Box<Issue>> {
        let mut refusal = None;
        for root in self.roots.iter().filter(|root| meets(resources, NodeId::ROOT, &root.target_conditions)) {
            match self.create_as(root, resources) {
                Ok(made) => return Ok(made),
                Err(issue) => refusal = refusal.or(Some(issue)),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            let message = format!("the lens {} has no map for these resources", self.url);
            Box::new(Issue::error(codes::LENS_MISMATCH, Span::default(), message))
        }))
    }

    fn create_as(&self, root: &Root, resources: &Tree) -> Result<Tree, Box<Issue>> {
        let mut run = self.start(root, resources);
        run.root(root);
        let made = run.finish()?;
        self.settled(made, resources, None)
    }

    fn start<'a>(&'a self, root: &Root, resources: &'a Tree) -> Run<'a> {
        let mut empty = Tree::new(&self.names);
        self.start_document(&mut empty, root);
        let mut run = Run::new(self, empty, None, resources);
        run.mark(root);
        run
    }

    /// Makes the root element of a new document.
    pub(super) fn start_document(&self, tree: &mut Tree, root: &Root) {
        let name = root.source_name.as_deref().map_or(Name::NONE, |name| tree.intern(name));
        tree.push_root(name, Kind::Object);
        if let Some(namespace) = &self.namespace {
            let name = tree.intern("@xmlns");
            let node = tree.insert(NodeId::ROOT, name, Kind::Attr, Flags::default(), 0);
            tree.set_text(node, namespace);
        }
    }

    /// True where a document gives exactly these resources, but for the names that a lens mints. `put` and `create`
    /// check it of whatever they make.
    ///
    /// # Errors
    /// The first difference.
    pub fn gives(&self, document: &Tree, wanted: &Tree) -> Result<(), Box<Issue>> {
        let again = self.get_alone(document).map_err(|_| {
            let message = "with this change the document would no longer be one that the lens reads";
            Box::new(Issue::error(codes::PUT_REFUSED, Span::default(), message))
        })?;
        compare(&again, wanted).map_err(|difference| {
            let rule = difference.got.and_then(|node| again.origins.rule(node));
            let because =
                rule.map_or_else(String::new, |rule| format!(" (rule `{}`)", self.rules[rule].text));
            let message = format!("{}{because}", difference.message);
            Box::new(Issue::error(codes::PUT_REFUSED, Span::default(), message).at(difference.path))
        })
    }
}

/// What lies under one source element: it, its target before, its target now.
struct Run<'a> {
    program: &'a Program,
    source: Tree,
    got: Option<&'a Got>,
    changed: &'a Tree,
    /// What references of the wanted resources lead to; a run that restates follows none.
    links: Option<Links>,
    taint: Taint,
    sources: Vec<Option<NodeId>>,
    olds: Vec<Option<NodeId>>,
    news: Vec<Option<NodeId>>,
    /// Items of new lists that rules over `[first]` made.
    firsts: Vec<NodeId>,
    /// Values that stand on every item of a list, met in this run.
    said: Vec<Said>,
    manner: Manner,
    restated_bytes: usize,
    /// What `get` gave of the document before any edit; nothing of a new one.
    before: Option<&'a Got>,
    /// For each node of that document whether a rule carried its text; made at first use.
    carried: Option<Vec<bool>>,
    refused: Option<Box<Issue>>,
}

/// What a run does with what the document has no word for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Refuses the change.
    Exact,
    /// Leaves it out and says what comes nearest; the caller finds out what that was.
    Lenient,
    /// Leaves it unsaid: it is said again of a resource that other rules carry.
    Restating,
}

/// One item of a list on the unit's side and what it was on the other.
struct Old {
    anchor: NodeId,
    source: NodeId,
    target: NodeId,
    reference: Option<String>,
}

impl<'a> Run<'a> {
    fn new(program: &'a Program, source: Tree, got: Option<&'a Got>, changed: &'a Tree) -> Self {
        let links = Links::of(changed);
        Self {
            program,
            source,
            got,
            changed,
            taint: got.map_or_else(Taint::default, |got| Taint::of(got, changed, &links)),
            links: Some(links),
            sources: vec![None; program.source_slots],
            olds: vec![None; program.target_slots],
            news: vec![None; program.target_slots],
            firsts: Vec::new(),
            said: Vec::new(),
            manner: Manner::Exact,
            restated_bytes: 0,
            before: got,
            carried: None,
            refused: None,
        }
    }

    /// A run that only says again what some resources hold.
    fn restating(program: &'a Program, source: Tree, resources: &'a Tree) -> Self {
        Self {
            program,
            source,
            got: None,
            changed: resources,
            taint: Taint::default(),
            links: None,
            sources: vec![None; program.source_slots],
            olds: vec![None; program.target_slots],
            news: vec![None; program.target_slots],
            firsts: Vec::new(),
            said: Vec::new(),
            manner: Manner::Restating,
            restated_bytes: 0,
            before: None,
            carried: None,
            refused: None,
        }
    }

    fn root(&mut self, root: &Root) {
        self.sources[root.source_slot] = Some(NodeId::ROOT);
        self.olds[root.target_slot] = self.got.map(|_| NodeId::ROOT);
        self.news[root.target_slot] = Some(NodeId::ROOT);
        self.content(&root.block);
        self.settle(&root.block, self.got.is_none());
        self.say_on_all();
    }

    fn finish(self) -> Result<Tree, Box<Issue>> {
        match self.refused {
            Some(issue) => Err(issue),
            None => Ok(self.source),
        }
    }

    /// Runs the rules of a block; true where the changed resources have content for any of them.
    fn content(&mut self, block: &Block) -> bool {
        let mut wrote = false;
        for (rule, content) in &block.content {
            wrote |= match content {
                Content::Leaf(leaf) => self.leaf(leaf, *rule),
                Content::Copy(copied) => self.copy(copied),
                Content::Relate(relation) if relation.each => self.each(relation),
                Content::Relate(relation) => self.relate(relation),
                Content::Restate(restatement) => self.restate(restatement),
                Content::Rest(rest) => self.rest(rest),
            };
        }
        wrote
    }

    /// Source constants are written into elements that are made; an element that was there keeps its own.
    fn settle(&mut self, block: &Block, made: bool) {
        for (_, settled) in &block.settled {
            if let Settled::SourceConstant { path, text } = settled
                && made
                && let Some(node) = self.ensure(path)
            {
                self.source.set_text(node, text);
            }
        }
    }

    fn find_new(&self, path: &Path) -> Option<NodeId> {
        let start = self.news[path.slot]?;
        meets(self.changed, start, &path.conditions).then(|| first(self.changed, start, &path.steps))?
    }

    fn find_old(&self, path: &Path) -> Option<(&'a Got, NodeId)> {
        let got = self.got?;
        let start = self.olds[path.slot]?;
        let found =
            meets(&got.target, start, &path.conditions).then(|| first(&got.target, start, &path.steps))?;
        found.map(|node| (got, node))
    }

    fn find_source(&self, path: &Path) -> Option<NodeId> {
        let start = self.sources[path.slot]?;
        meets(&self.source, start, &path.conditions).then(|| first(&self.source, start, &path.steps))?
    }

    fn copy(&mut self, copied: &Copied) -> bool {
        let mut wanted = Vec::new();
        if let Some(start) = self.news[copied.target.slot] {
            all(self.changed, start, &copied.target.steps, &mut wanted);
        }
        let mut have = Vec::new();
        if let Some(start) = self.sources[copied.source.slot]
            && meets(&self.source, start, &copied.source.conditions)
        {
            all(&self.source, start, &copied.source.steps, &mut have);
        }
        if wanted.is_empty() && have.is_empty() {
            return false;
        }
        let Some(step) = copied.source.steps.last() else { return false };
        if !step.list {
            // The unit has one place; whether it may leave the others out the check of PutGet says.
            wanted.truncate(1);
        }
        if self.carry_copy(copied, &have, &wanted) {
            return true;
        }
        let parent = match have.first().and_then(|node| self.source.parent(*node)) {
            Some(parent) => parent,
            None => match self.ensure_parent(&copied.source) {
                Some(parent) => parent,
                None => return false,
            },
        };
        let place = (step.name, list_flag(step), step.order);
        sync_group(&mut self.source, parent, &have, self.changed, &wanted, place);
        !wanted.is_empty()
    }

    fn rest(&mut self, rest: &Rest) -> bool {
        let (Some(to), Some(from)) = (self.sources[rest.source_slot], self.news[rest.target_slot]) else {
            return false;
        };
        let done = self.carry_changes(rest, to, from);
        if done.is_empty() {
            let (source_named, target_named) = (&rest.source_named, &rest.target_named);
            return sync_children(&mut self.source, to, self.changed, from, source_named, target_named);
        }
        let also = |named: &[Name]| [named, &done].concat();
        let (source_named, target_named) = (also(&rest.source_named), also(&rest.target_named));
        sync_children(&mut self.source, to, self.changed, from, &source_named, &target_named);
        true
    }

    fn relate(&mut self, relation: &Relation) -> bool {
        let (slot, target_slot) = (relation.source_slot, relation.target_slot);
        let new = self.news[relation.target.slot]
            .and_then(|start| found(self.changed, start, relation, &|node| self.follow_new(node, relation)))
            .filter(|new| self.has_place(relation, *new));
        let old = self.got.and_then(|got| {
            let start = self.olds[relation.target.slot]?;
            found(&got.target, start, relation, &|node| follow_old(got, node, relation))
        });
        let place = self.find_source(&relation.source);
        let stays = relation.source.steps.is_empty();
        self.olds[target_slot] = old;
        self.news[target_slot] = new;
        if new.is_none() && old.is_none() && !stays {
            self.sources[slot] = None;
            return false;
        }
        if new.is_none() && !stays {
            if let Some(place) = place {
                self.take_leave(place, relation);
            }
            self.sources[slot] = None;
            return false;
        }
        if place.is_none() && new.is_some() {
            self.bring_about(&relation.source);
        }
        let (element, made) = match place {
            Some(place) => (self.follow_place(place, relation), None),
            None => {
                let Some(made) = self.ensure(&relation.source) else { return false };
                (Some(self.start_source(made, relation)), Some(made))
            }
        };
        self.sources[slot] = element;
        // Where it is the element around it, that may have been made for nothing.
        if let (None, Some(old), Some(new)) = (made, old, new)
            && !stays
            && self.is_unchanged(old, new)
        {
            return true;
        }
        let wrote = self.content(&relation.block);
        match made {
            Some(made) if !wrote => {
                self.remove_leaf(made, &relation.source);
                self.sources[slot] = None;
            }
            made => self.settle(&relation.block, made.is_some()),
        }
        wrote
    }

    fn each(&mut self, relation: &Relation) -> bool {
        let mut wanted = Vec::new();
        if let Some(start) = self.news[relation.target.slot]
            && meets(self.changed, start, &relation.target.conditions)
        {
            all(self.changed, start, &relation.target.steps, &mut wanted);
        }
        let wanted: Vec<(NodeId, NodeId)> = wanted
            .into_iter()
            .filter_map(|node| Some((node, self.follow_new(node, relation)?)))
            .filter(|(_, new)| self.has_place(relation, *new))
            .collect();
        let olds = self.old_items(relation);
        if wanted.is_empty() && olds.is_empty() {
            return false;
        }
        if olds.len() == wanted.len()
            && olds.iter().zip(&wanted).all(|(old, (_, new))| self.is_unchanged(old.target, *new))
        {
            return true;
        }
        let pairs = self.align(relation, &olds, &wanted);
        for (at, old) in olds.iter().enumerate() {
            if !pairs.contains(&Some(at)) {
                self.remove_old(relation, old, wanted.is_empty());
            }
        }
        let mut before: Option<NodeId> = None;
        let mut furthest = None;
        let mut wrote = false;
        for (pair, (_, new)) in pairs.iter().zip(&wanted) {
            let (anchor, source, old, made) = match pair {
                Some(at) => {
                    let old = &olds[*at];
                    if furthest.is_some_and(|furthest| *at < furthest) {
                        self.move_item(old.anchor, before);
                    } else {
                        furthest = Some(*at);
                    }
                    (old.anchor, old.source, Some(old.target), false)
                }
                None => {
                    let Some((anchor, source)) = self.make_item(relation, before, &olds, &pairs) else {
                        continue;
                    };
                    (anchor, self.start_source(source, relation), None, true)
                }
            };
            self.sources[relation.source_slot] = Some(source);
            self.olds[relation.target_slot] = old;
            self.news[relation.target_slot] = Some(*new);
            if old.is_some_and(|old| self.is_unchanged(old, *new)) {
                wrote = true;
                before = Some(anchor);
                continue;
            }
            let has = self.content(&relation.block);
            self.settle(&relation.block, made);
            wrote |= has;
            // What other rules have written into stays.
            let is_old = !self.source.flags(anchor).has(Flags::NEW);
            let is_filled = self.firsts.contains(&anchor) && self.source.first_child(anchor).is_some();
            let shared = is_old || is_filled;
            if made && !has && !shared {
                self.source.remove(anchor);
            } else {
                before = Some(anchor);
            }
        }
        wrote
    }

    /// True where nothing changed below a pair of target elements nor in the resources that they lead to, so that
    /// no rule inside has anything to do.
    fn is_unchanged(&self, old: NodeId, new: NodeId) -> bool {
        if let Some(same) = self.taint.clean.get(&old) {
            return *same == new;
        }
        let got = self.got.filter(|_| !self.taint.below.get(old.index()).copied().unwrap_or(true));
        got.is_some_and(|got| same_content(&got.target, old, self.changed, new))
    }

    fn remove_item(&mut self, place: NodeId, path: &Path) {
        let up = path.steps.len() - anchor(&path.steps).unwrap_or(path.steps.len());
        let mut here = place;
        for _ in 0..up {
            here = self.source.parent(here).unwrap_or(here);
        }
        self.source.remove(here);
    }

    /// From a target element to the element that rules inside a relation see.
    fn follow_new(&self, node: NodeId, relation: &Relation) -> Option<NodeId> {
        let Some(resource) = &relation.target_resource else { return Some(node) };
        let mut found = node;
        if resource.by_reference {
            let reference = self.changed.child(node, Name::REFERENCE)?;
            let links = self.links.as_ref()?;
            found = links.find(self.changed, node, &self.changed.text(reference))?;
        }
        is_of(self.changed, found, resource).then_some(found)
    }

    /// The element that rules inside see for a source element: itself, or the resource its reference names.
    fn follow_place(&self, place: NodeId, relation: &Relation) -> Option<NodeId> {
        match &relation.source_resource {
            Some(resource) => follow_resource(&self.source, place, resource),
            None => Some(place),
        }
    }

    /// Writes what a new source element of a resource type starts with.
    fn start_source(&mut self, place: NodeId, relation: &Relation) -> NodeId {
        if let Some(resource) = &relation.source_resource
            && self.source.child(place, Name::RESOURCE_TYPE).is_none()
        {
            let previous = None;
            let kind = self.source.insert_after(
                place,
                previous,
                Name::RESOURCE_TYPE,
                Kind::Str,
                Flags::default(),
                0,
            );
            self.source.set_text(kind, &resource.kind);
            for condition in &resource.conditions {
                self.write_condition(place, condition);
            }
        }
        place
    }
}

/// The first element at the target path of a relation that is of its kind.
fn found(
    tree: &Tree,
    start: NodeId,
    relation: &Relation,
    follow: &dyn Fn(NodeId) -> Option<NodeId>,
) -> Option<NodeId> {
    if !meets(tree, start, &relation.target.conditions) {
        return None;
    }
    let mut element = None;
    any(tree, start, &relation.target.steps, &mut |node| {
        element = follow(node);
        element.is_some()
    });
    element
}

/// As [`Run::follow_new`], in what `get` gave.
fn follow_old(got: &Got, node: NodeId, relation: &Relation) -> Option<NodeId> {
    let Some(resource) = &relation.target_resource else { return Some(node) };
    let found = if resource.by_reference { *got.made_for.get(&node)? } else { node };
    is_of(&got.target, found, resource).then_some(found)
}

/// True for a resource of this type that meets its conditions.
pub(super) fn is_of(tree: &Tree, node: NodeId, resource: &Resource) -> bool {
    tree.resource_type(node).is_some_and(|kind| kind == *resource.kind)
        && meets(tree, node, &resource.conditions)
}

/// From a target element to the element that rules inside a relation see.
pub(super) fn follow(tree: &Tree, node: NodeId, relation: &Relation) -> Option<NodeId> {
    match &relation.target_resource {
        Some(resource) => follow_resource(tree, node, resource),
        None => Some(node),
    }
}

fn follow_resource(tree: &Tree, node: NodeId, resource: &Resource) -> Option<NodeId> {
    let found = if resource.by_reference {
        let reference = tree.child(node, Name::REFERENCE)?;
        resolve(tree, node, &tree.text(reference))?
    } else {
        node
    };
    is_of(tree, found, resource).then_some(found)
}
