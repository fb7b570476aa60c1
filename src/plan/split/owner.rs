//! Whose each change is: by lineage to operations, proposals and refusals.

use super::differ::{Change, Differ, Trust, entry_key, resource_key, value};
use super::operation::{Action, Content, Operation, Value};
use super::rebase::is_item;
use super::{Given, New, NewKind, Proposal, ProposalKind, SourceEdit, Split, shown};
use crate::diag::{Code, Issue, Redacted, Span, codes};
use crate::plan::join::{BLOT, PLAN, TEAM};
use crate::plan::view::Right;
use crate::plan::{Contribution, Element, ElementState};
use crate::tree::{Kind, Name, NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

mod guard;
mod new;

/// Elements of the joined plan that list what the join has; they follow from the resources.
const LISTED: &[&str] = &["goal", "addresses", "supportingInfo", "basedOn", "careTeam"];
/// Kinds of resources that nobody takes out of a plan or adds to it by an edit.
const FIXED: &[&str] = &["Patient", "CarePlan", "Provenance", "DetectedIssue", "OperationOutcome", "Bundle"];

/// What an edit is made of while it is split.
pub(super) struct Owner<'a> {
    given: Given<'a>,
    edited: &'a Tree,
    /// For each source of the joined plan its contribution.
    contributions: Vec<Option<usize>>,
    /// For each contribution how far the editor may change it.
    rights: Vec<Right>,
    /// The contributions with what the view does not show of them, where something was given out as a view.
    whole: Option<&'a [&'a Contribution]>,
    /// The resources that were given out.
    targets: HashMap<String, NodeId>,
    /// New resources by what references call them.
    fresh: HashSet<String>,
    /// Resources that were taken out.
    gone: HashSet<String>,
    /// Elements of sources that the view shows.
    visible: HashSet<(usize, NodeId)>,
    operations: BTreeMap<usize, Vec<Operation>>,
    proposed: BTreeSet<(usize, NodeId, String)>,
    split: Split,
}

/// Where an element of the edit stands, for messages.
struct Place {
    target: String,
    path: String,
}

impl<'a> Owner<'a> {
    pub(super) fn new(
        given: Given<'a>,
        edited: &'a Tree,
        rights: Vec<Right>,
        whole: Option<&'a [&'a Contribution]>,
    ) -> Self {
        let of_source = |source: &crate::plan::Source| {
            let labelled = |from: &Contribution| from.label == source.label && from.unit == source.unit;
            given.contributions.iter().position(labelled)
        };
        let contributions: Vec<Option<usize>> = given.joined.sources.iter().map(of_source).collect();
        let visible = given.joined.elements.iter().map(|element| (element.source, element.from)).collect();
        Self {
            given,
            edited,
            contributions,
            rights,
            whole,
            targets: HashMap::new(),
            fresh: HashSet::new(),
            gone: HashSet::new(),
            visible,
            operations: BTreeMap::new(),
            proposed: BTreeSet::new(),
            split: Split::default(),
        }
    }

    fn base(&self) -> &'a Tree {
        &self.given.joined.bundle
    }

    /// Pairs the resources and takes every change in turn.
    pub(super) fn run(&mut self) {
        let (base, edited) = (self.base(), self.edited);
        let before: Vec<(String, NodeId)> = resources(base);
        self.targets = before.iter().cloned().collect();
        let after = resources(edited);
        let mut differ = Differ::new(base, edited, Trust::Ids);
        let mut came = Vec::new();
        for (key, node) in &after {
            match self.targets.get(key) {
                Some(there) if !differ.pairs.contains_key(there) => differ.compare(*there, *node),
                Some(_) => self.refuse(codes::EDITS_DISAGREE, "one resource comes twice", key),
                None => {
                    self.fresh.insert(key.clone());
                    came.push((key.clone(), *node));
                }
            }
        }
        // Parts of a plan may come alone, its head among them; what tells whence all of it came goes with the whole.
        let of_whole = |key: &str| key == PLAN || key == TEAM || key.starts_with("Provenance/");
        let is_whole = self.edited.resource_type(NodeId::ROOT).as_deref() == Some("Bundle")
            && before
                .iter()
                .filter(|(key, _)| of_whole(key))
                .all(|(key, _)| after.iter().any(|(came, _)| came == key));
        let went: Vec<(String, NodeId)> =
            before.into_iter().filter(|(_, node)| is_whole && !differ.pairs.contains_key(node)).collect();
        self.gone = went.iter().map(|(key, _)| key.clone()).collect();
        let changes = std::mem::take(&mut differ.changes);
        for change in &changes {
            self.change(*change);
        }
        for (key, node) in came {
            self.add_resource(&key, node);
        }
        for (key, node) in went {
            self.remove_resource(&key, node);
        }
    }

    pub(super) fn finish(mut self) -> Split {
        let rank = |operation: &Operation| match operation.action {
            Action::Set { .. } => 0,
            Action::Insert { .. } | Action::InsertResource { .. } => 1,
            Action::Remove { .. } => 2,
        };
        for (contribution, mut operations) in self.operations {
            operations.sort_by_key(rank);
            self.split.edits.push(SourceEdit { contribution, operations });
        }
        self.split
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Set { before, after } => self.set(before, after),
            Change::Remove { before } => self.remove(before),
            Change::Insert { parent, behind, after } => self.insert(parent, behind, after),
            Change::Order { before } => self.order(before),
        }
    }

    /// Items of a list that came in another order. No unit's order is changed by that, and it is told.
    fn order(&mut self, before: NodeId) {
        let is_marked = matches!(self.base().name_text(before), "extension" | "modifierExtension");
        if !is_marked {
            let place = place(self.base(), before);
            let message = "the items come in another order than they were given out";
            let issue = Issue::warning(codes::LIST_ORDER, Span::default(), message).at(place.full());
            self.split.told.push(issue);
        }
    }

    /// True where the editor may change a source, or what they see of it.
    fn is_own(&self, source: usize) -> bool {
        let right = self.contributions[source].and_then(|at| self.rights.get(at));
        right.is_some_and(|right| !matches!(right, Right::Propose))
    }

    fn set(&mut self, before: NodeId, after: NodeId) {
        let place = place(self.base(), before);
        let origins = self.given.joined.origins(before);
        if origins.is_empty() {
            return self.computed(before, &place);
        }
        if let Some(issue) = self.hidden(origins, after, &place) {
            return self.split.refused.push(issue);
        }
        let (was, now) = (value(self.base(), before), value(self.edited, after));
        for origin in origins {
            let Some(contribution) = self.contributions[origin.source] else { continue };
            if !self.is_own(origin.source) {
                let texts = (was.as_deref().map(str::to_owned), now.as_deref().map(str::to_owned));
                self.propose(origin, &place, ProposalKind::Change, texts);
                continue;
            }
            if self.is_masked(contribution, origin.from) {
                self.refuse(codes::HIDDEN_EDIT, MASKED, &place.full());
                continue;
            }
            match self.value_for(contribution, after) {
                Ok(value) => self.operate(contribution, &place, Action::Set { node: origin.from, value }),
                Err(message) => self.refuse(codes::NOT_REFERABLE, message, &place.full()),
            }
        }
    }

    /// Why an element that stands otherwise than its source has it cannot be edited here.
    fn hidden(&self, origins: &[Element], after: NodeId, place: &Place) -> Option<Issue> {
        let has = |state| origins.iter().any(|origin| origin.state == state);
        let message = if has(ElementState::Contested) {
            "the sources contradict each other here; which value counts is for a decision"
        } else if has(ElementState::Blotted) || self.has_blot(after) {
            MASKED
        } else {
            return None;
        };
        Some(issue(codes::HIDDEN_EDIT, message, &place.full()))
    }

    /// True where a text has the mark that stands for what was blotted out.
    fn has_blot(&self, node: NodeId) -> bool {
        self.edited.descend(node).any(|leaf| value(self.edited, leaf).is_some_and(|text| text.contains(BLOT)))
    }

    /// What a leaf of the edit is in a contribution.
    fn value_for(&self, contribution: usize, after: NodeId) -> Result<Option<Value>, &'static str> {
        let Some(said) = value(self.edited, after) else { return Ok(None) };
        if self.edited.name(after) == Name::REFERENCE
            && let Some(resource) = self.resource_for(contribution, &said)?
        {
            return Ok(Some(Value::Refers(resource)));
        }
        Ok(Some(Value::Text(self.edited.kind(after), Redacted::new(said.into_owned()))))
    }

    /// The resource of a contribution that a reference of the joined plan stands for; none where it leads out of the
    /// plan or to what is new.
    fn resource_for(&self, contribution: usize, said: &str) -> Result<Option<NodeId>, &'static str> {
        let Some(target) = self.targets.get(said) else { return Ok(None) };
        let origins = self.given.joined.origins(*target);
        let own = origins.iter().find(|origin| self.contributions[origin.source] == Some(contribution));
        match own {
            Some(own) => Ok(Some(own.from)),
            None => Err("the reference leads to what the unit's own document does not hold"),
        }
    }

    fn remove(&mut self, before: NodeId) {
        let place = place(self.base(), before);
        let origins = self.given.joined.origins(before);
        if origins.is_empty() {
            return self.computed(before, &place);
        }
        for origin in origins {
            if let Some(contribution) = self.may_remove(origin, before, &place, &place.full()) {
                let node = origin.from;
                let is_part = matches!(self.rights[contribution], Right::Part(_));
                // What may be hidden beside a value stays.
                let action =
                    if is_part { Action::Set { node, value: None } } else { Action::Remove { node } };
                self.operate(contribution, &place, action);
            }
        }
    }

    /// The contribution that a removal takes something from. Of another unit's it is proposed, and where it would take
    /// what the editor has not seen it is refused.
    fn may_remove(
        &mut self,
        origin: &Element,
        before: NodeId,
        place: &Place,
        told_at: &str,
    ) -> Option<usize> {
        let contribution = self.contributions[origin.source]?;
        if !self.is_own(origin.source) {
            let was = Some(shown(self.base(), before));
            self.propose(origin, place, ProposalKind::Remove, (was, None));
            return None;
        }
        if !self.admits_removal(contribution, origin.from) {
            self.refuse(codes::PART_SEEN, SEEN_IN_PART, told_at);
            return None;
        }
        if self.holds_hidden(contribution, origin) {
            self.refuse(codes::HIDDEN_EDIT, "it holds something that the view hides", told_at);
            return None;
        }
        Some(contribution)
    }

    /// True where an element of a source has something below it that was not given out.
    fn holds_hidden(&self, contribution: usize, origin: &Element) -> bool {
        let tree = &self.given.contributions[contribution].bundle;
        let mut open = vec![origin.from];
        while let Some(node) = open.pop() {
            let silent = matches!(tree.kind(node), Kind::Comment | Kind::Pi | Kind::EmptyList);
            let apart = matches!(tree.name(node), Name::ID | Name::RESOURCE_TYPE | Name::CONTAINED);
            if silent || apart || tree.kind(node) == Kind::Xhtml || !tree.is_present(node) {
                continue;
            }
            if tree.kind(node).is_leaf()
                && !self.visible.contains(&(origin.source, node))
                && !in_narrative(tree, node)
            {
                return true;
            }
            open.extend(tree.children(node));
        }
        false
    }

    fn insert(&mut self, parent: NodeId, behind: Option<NodeId>, after: NodeId) {
        let name = self.edited.name_text(after);
        let mut place = place(self.base(), parent);
        let is_resource = self.base().name(parent) == Name::RESOURCE;
        if is_resource && (place.target == PLAN || place.target == TEAM) {
            place.path = format!("{}.{name}", place.path);
            return self.add_item(after, &place);
        }
        place.path = format!("{}.{name}", place.path);
        let origins = self.given.joined.origins(parent);
        if name == "id" && self.edited.kind(after).is_leaf() {
            // What the join calls an element, or an editor's tool, is no content.
            return;
        }
        if origins.is_empty() {
            return self.refuse(codes::COMPUTED_EDIT, MADE, &place.full());
        }
        if self.has_blot(after) {
            return self.refuse(codes::HIDDEN_EDIT, "a part of this text is hidden", &place.full());
        }
        for origin in origins {
            let Some(contribution) = self.contributions[origin.source] else { continue };
            if !self.is_own(origin.source) {
                let now = Some(shown(self.edited, after));
                self.propose(origin, &place, ProposalKind::Add, (None, now));
                continue;
            }
            if !self.admits_element(contribution, origin.from, after) {
                self.refuse(codes::PART_SEEN, SEEN_IN_PART, &place.full());
                continue;
            }
            let tree = &self.given.contributions[contribution].bundle;
            let list = is_item(self.edited, after);
            let unseen = |child: &NodeId| !self.visible.contains(&(origin.source, *child));
            if !list && tree.child_str(origin.from, name).as_ref().is_some_and(unseen) {
                self.refuse(
                    codes::HIDDEN_EDIT,
                    "the unit has a value here that the view hides",
                    &place.full(),
                );
                continue;
            }
            let of_behind =
                |node| self.given.joined.origins(node).iter().find(|of| of.source == origin.source);
            let behind = behind.and_then(of_behind).map(|of| of.from);
            match self.content_for(contribution, after) {
                Ok(content) => {
                    self.operate(
                        contribution,
                        &place,
                        Action::Insert { parent: origin.from, behind, content },
                    );
                }
                Err(message) => self.refuse(codes::NOT_REFERABLE, message, &place.full()),
            }
        }
    }

    /// A new element as the contribution takes it.
    fn content_for(&self, contribution: usize, after: NodeId) -> Result<Content, &'static str> {
        let tree = self.edited.clone_below(after);
        let mut refers = Vec::new();
        for leaf in tree.descend(NodeId::ROOT).filter(|leaf| tree.name(*leaf) == Name::REFERENCE) {
            if let Some(said) = value(&tree, leaf)
                && let Some(resource) = self.resource_for(contribution, &said)?
            {
                refers.push((leaf, resource));
            }
        }
        Ok(Content { list: is_item(self.edited, after), tree, refers, below: self.edited.parent(after) })
    }

    /// An edit of what stems from no source.
    fn computed(&mut self, before: NodeId, place: &Place) {
        let base = self.base();
        let is_name = matches!(base.name(before), Name::ID | Name::FULL_URL);
        let follows = || {
            let listed = LISTED.contains(&base.name_text(before)) && place.target == PLAN;
            let said = base.child(before, Name::REFERENCE).and_then(|leaf| value(base, leaf));
            listed && said.is_some_and(|said| self.gone.contains(&*said))
        };
        if is_name || follows() {
            return;
        }
        self.refuse(codes::COMPUTED_EDIT, MADE, &place.full());
    }

    fn remove_resource(&mut self, key: &str, node: NodeId) {
        let kind = key.split('/').next().unwrap_or_default();
        let origins = self.given.joined.origins(node);
        let place = Place { target: key.to_owned(), path: kind.to_owned() };
        if origins.is_empty() || FIXED.contains(&kind) {
            return self.refuse(codes::COMPUTED_EDIT, "this resource is not taken away by an edit", key);
        }
        for origin in origins {
            if let Some(contribution) = self.may_remove(origin, node, &place, key) {
                self.operate(contribution, &place, Action::Remove { node: origin.from });
                self.remove_references(contribution, origin.from, &place);
            }
        }
    }

    /// Takes out what lists a resource that goes.
    fn remove_references(&mut self, contribution: usize, resource: NodeId, place: &Place) {
        let from = &self.given.contributions[contribution];
        let (tree, number) = (&*from.bundle, from.number(resource));
        for leaf in tree.descend(NodeId::ROOT).filter(|leaf| tree.name(*leaf) == Name::REFERENCE) {
            let leads =
                value(tree, leaf).is_some_and(|said| number.is_some() && from.resolve(0, &said) == number);
            let Some(holder) = tree.parent(leaf).filter(|_| leads) else { continue };
            let above = tree.parent(holder).filter(|above| is_item(tree, *above));
            let item = if is_item(tree, holder) { Some(holder) } else { above };
            match item.filter(|item| tree.name(*item) != Name::ENTRY) {
                Some(node) => self.operate(contribution, place, Action::Remove { node }),
                None => {
                    self.refuse(codes::NOT_REFERABLE, "another resource still refers to it", &place.target)
                }
            }
        }
    }

    /// Notes an operation, once.
    fn operate(&mut self, contribution: usize, place: &Place, action: Action) {
        self.operate_new(contribution, place, action, None);
    }

    fn operate_new(&mut self, contribution: usize, place: &Place, action: Action, new: Option<usize>) {
        let known = self.operations.entry(contribution).or_default();
        let twin = known.iter().find(|known| same_place(&known.action, &action));
        let agrees = twin.map(|twin| same_action(&twin.action, &action));
        match agrees {
            Some(true) => {}
            Some(false) => {
                self.refuse(codes::EDITS_DISAGREE, "one element was edited in two ways", &place.full())
            }
            None => {
                let (target, path) = (place.target.clone(), place.path.clone());
                known.push(Operation { target, path, new, action });
            }
        }
    }

    fn propose(
        &mut self,
        origin: &Element,
        place: &Place,
        kind: ProposalKind,
        (before, after): (Option<String>, Option<String>),
    ) {
        let said = format!("{}{}", after.as_deref().unwrap_or_default(), u8::from(after.is_some()));
        if !self.proposed.insert((origin.source, origin.from, said)) {
            return;
        }
        let source = &self.given.joined.sources[origin.source];
        self.split.proposals.push(Proposal {
            source: source.label.clone(),
            unit: source.unit.clone(),
            organisation: source.organisation.clone(),
            target: place.target.clone(),
            path: place.path.clone(),
            kind,
            before: Redacted::new(before),
            after: Redacted::new(after),
        });
    }

    fn refuse(&mut self, code: &'static Code, message: &'static str, path: &str) {
        self.split.refused.push(issue(code, message, path));
    }
}

const MADE: &str = "the join makes this from what the units say and people decide";
const MASKED: &str = "a part of this text is hidden, so it cannot be written back";
const SEEN_IN_PART: &str = "the requester does not see all that may stand here";

fn issue(code: &'static Code, message: &'static str, path: &str) -> Issue {
    Issue::error(code, Span::default(), message).at(path)
}

impl Place {
    fn full(&self) -> String {
        let rest = self.path.split_once('.').map_or("", |(_, rest)| rest);
        if rest.is_empty() { self.target.clone() } else { format!("{}.{rest}", self.target) }
    }
}

/// The resources of a tree by type and id.
pub(super) fn resources(tree: &Tree) -> Vec<(String, NodeId)> {
    if tree.is_empty() {
        return Vec::new();
    }
    if tree.resource_type(NodeId::ROOT).as_deref() != Some("Bundle") {
        return resource_key(tree, NodeId::ROOT).map(|key| (key, NodeId::ROOT)).into_iter().collect();
    }
    let of_entry = |entry: NodeId| Some((entry_key(tree, entry)?.0, tree.child(entry, Name::RESOURCE)?));
    tree.children_named(NodeId::ROOT, Name::ENTRY).filter_map(of_entry).collect()
}

/// The resource of an element and the path from its type on.
fn place(tree: &Tree, node: NodeId) -> Place {
    let mut resource = node;
    while tree.name(resource) != Name::RESOURCE {
        let Some(above) = tree.parent(resource) else { break };
        resource = above;
    }
    let target = resource_key(tree, resource).unwrap_or_default();
    let kind = target.split('/').next().unwrap_or_default();
    let (whole, above) = (tree.path(node), tree.path(resource));
    let path = format!("{kind}{}", whole.strip_prefix(&above).unwrap_or_default());
    Place { target, path }
}

/// True below the narrative of a resource.
fn in_narrative(tree: &Tree, node: NodeId) -> bool {
    let mut here = Some(node);
    while let Some(node) = here {
        if tree.name_text(node) == "text" && tree.child_str(node, "div").is_some() {
            return true;
        }
        here = tree.parent(node);
    }
    false
}

fn same_place(known: &Action, other: &Action) -> bool {
    match (known, other) {
        (Action::Set { node, .. }, Action::Set { node: other, .. })
        | (Action::Remove { node }, Action::Remove { node: other }) => node == other,
        (Action::Insert { parent, content, .. }, Action::Insert { parent: other, content: new, .. }) => {
            let (left, right) = (&content.tree, &new.tree);
            let single = !content.list && left.name_text(NodeId::ROOT) == right.name_text(NodeId::ROOT);
            // Of two equal items of one list each counts; what is shown in two lists is one.
            let apart = content.below.is_none() || content.below != new.below;
            let twins = || apart && crate::tree::equal(left, NodeId::ROOT, right, NodeId::ROOT);
            parent == other && (single || twins())
        }
        _ => false,
    }
}

fn same_action(known: &Action, other: &Action) -> bool {
    match (known, other) {
        (Action::Set { value: left, .. }, Action::Set { value: right, .. }) => match (left, right) {
            (Some(Value::Text(_, left)), Some(Value::Text(_, right))) => left.reveal() == right.reveal(),
            (Some(Value::Refers(left)), Some(Value::Refers(right))) => left == right,
            (None, None) => true,
            _ => false,
        },
        (Action::Insert { content: left, .. }, Action::Insert { content: right, .. }) => {
            crate::tree::equal(&left.tree, NodeId::ROOT, &right.tree, NodeId::ROOT)
        }
        _ => true,
    }
}
