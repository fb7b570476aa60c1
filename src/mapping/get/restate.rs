//! Elements that say again what stands in a resource which other rules carry.
//!
//! What such an element would say of the resource as it is, `put` knows. Where it says just that, nothing is to be
//! done; where it says another thing somebody changed it, and the change goes into the resource.

use super::{Got, Run};
use crate::diag::{Issue, codes};
use crate::mapping::links::Links;
use crate::mapping::program::{
    Block, Content, Fate, Path, Relation, Restatement, all, first, is_blank_text, meets,
};
use crate::mapping::put::{is_of, restated};
use crate::tree::{Kind, Name, NodeId, Tree, same_content};
use std::collections::{BTreeMap, BTreeSet};

/// A resource that an element of the document says again.
#[derive(Debug, Clone, Copy)]
pub(in crate::mapping) struct Restated {
    /// The resource in the target.
    pub(in crate::mapping) resource: NodeId,
    /// The element in the document.
    pub(in crate::mapping) element: NodeId,
    /// The resource in the document.
    pub(in crate::mapping) held: NodeId,
}

/// An element whose resource may not be there yet.
pub(super) struct Claim<'a> {
    rule: usize,
    restatement: &'a Restatement,
    element: NodeId,
    held: NodeId,
    /// The Reference in the target.
    place: NodeId,
}

/// A claim with its resource.
struct Claimed<'a> {
    claim: Claim<'a>,
    resource: NodeId,
}

/// What an element would say of a resource by a rule. Many elements may restate one resource.
type Wordings = BTreeMap<(NodeId, usize), Tree>;

/// Rules that restate one place: one, or those for the forms of a choice.
type Place<'a> = Vec<(usize, &'a Content)>;

/// Places of resources that a claim changes, each with its first rule.
type Changes = BTreeSet<(NodeId, usize)>;

impl Got {
    /// Source nodes that say again what the target has from elsewhere, each with the target node that has it.
    pub fn said_again(&self) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        self.said_again.iter().map(|(again, (target, _))| (*again, *target))
    }
}

impl<'a> Run<'a> {
    /// Claims the element where its Reference leads to a resource of the document; else other rules are for it.
    pub(super) fn restate(&mut self, restatement: &'a Restatement, rule: usize) -> bool {
        let relation = &restatement.relation;
        let claim = self.claim(restatement, rule);
        self.sources[relation.source_slot] = None;
        self.targets[relation.target_slot] = None;
        let Some(claim) = claim else { return self.block(&restatement.otherwise) };
        self.claims.push(claim);
        true
    }

    fn claim(&mut self, restatement: &'a Restatement, rule: usize) -> Option<Claim<'a>> {
        let relation = &restatement.relation;
        let element = self.find_source(&relation.source)?;
        self.sources[relation.source_slot] = Some(element);
        let reference = self.find_source(&restatement.reference)?;
        let source = self.source;
        let text = source.text(source.child(reference, Name::REFERENCE)?);
        let held = self.links.get_or_insert_with(|| Links::of(source)).find(source, reference, &text)?;
        let resource = relation.target_resource.as_ref()?;
        if !is_of(source, held, resource) {
            return None;
        }
        let place = self.copy_one(reference, &relation.target, rule)?;
        self.set_fate(reference, Fate::Carried, rule);
        self.mark_way(&restatement.reference, reference, rule);
        self.mark_way(&relation.source, element, rule);
        Some(Claim { rule, restatement, element, held, place })
    }

    /// Carries what claimed elements say into their resources, once all of these are there.
    pub(super) fn restate_all(&mut self) {
        if self.claims.is_empty() {
            return;
        }
        let links = Links::of(&self.target);
        let claims = std::mem::take(&mut self.claims);
        let claimed: Vec<Claimed<'a>> =
            claims.into_iter().filter_map(|claim| self.claimed(claim, &links)).collect();
        let before = self.wordings(claimed.iter());
        let mut changes = Changes::new();
        for claimed in &claimed {
            self.change(claimed, &before, &mut changes);
        }
        let is_changed = |claimed: &&Claimed<'_>| {
            let of_this = (claimed.resource, 0)..=(claimed.resource, usize::MAX);
            changes.range(of_this).next().is_some()
        };
        let after = self.wordings(claimed.iter().filter(is_changed));
        for claimed in claimed {
            self.account_for(&claimed, &before, &after);
            let Claim { element, held, place, .. } = claimed.claim;
            self.restated.insert(place, Restated { resource: claimed.resource, element, held });
        }
    }

    fn wordings<'b>(&self, claimed: impl Iterator<Item = &'b Claimed<'a>>) -> Wordings
    where
        'a: 'b,
    {
        let mut wordings = Wordings::new();
        for Claimed { claim, resource } in claimed {
            wordings.entry((*resource, claim.rule)).or_insert_with(|| {
                restated(self.program, &self.target, claim.restatement, claim.place, *resource)
            });
        }
        wordings
    }

    fn claimed(&self, claim: Claim<'a>, links: &Links) -> Option<Claimed<'a>> {
        let reference = self.target.child(claim.place, Name::REFERENCE)?;
        let resource = links.find(&self.target, claim.place, &self.target.text(reference))?;
        let kind = claim.restatement.relation.target_resource.as_ref()?;
        if !is_of(&self.target, resource, kind) {
            return None;
        }
        Some(Claimed { claim, resource })
    }

    /// Overwrites the places of the resource of which the element says another thing. Of several elements that
    /// change one place the first counts, and of several forms of a choice the first that is said.
    fn change(&mut self, claimed: &Claimed<'a>, before: &Wordings, changes: &mut Changes) {
        let Claim { restatement, element, rule, .. } = claimed.claim;
        let Some(expected) = before.get(&(claimed.resource, rule)) else { return };
        self.stand_at(&restatement.relation, element, claimed.resource);
        for place in places(&restatement.relation.block) {
            let is_edited = |content: &Content| !self.says(element, expected, content);
            let edited: Place<'a> = place.iter().copied().filter(|(_, content)| is_edited(content)).collect();
            let key = place.first().map(|(rule, _)| (claimed.resource, *rule));
            if edited.is_empty() || key.is_none_or(|key| !changes.insert(key)) {
                continue;
            }
            let speaks = |content: &Content| !said(self.source, element, content).is_empty();
            let speaker = place.iter().find(|(_, content)| speaks(content)).map(|(rule, _)| *rule);
            for (rule, content) in edited {
                let said = said(self.source, element, content);
                if said.is_empty() || speaker == Some(rule) {
                    self.overwrite(rule, content, claimed.resource, &said);
                }
            }
        }
    }

    /// True where an element says just what is expected of it by a rule.
    fn says(&self, element: NodeId, expected: &Tree, content: &Content) -> bool {
        let (ours, theirs) = (said(self.source, element, content), said(expected, NodeId::ROOT, content));
        let alike = |(one, other): (&NodeId, &NodeId)| same_content(self.source, *one, expected, *other);
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(alike)
    }

    /// Gives the rules inside, also those of groups that are called there, their two sides.
    fn stand_at(&mut self, relation: &'a Relation, element: NodeId, resource: NodeId) {
        self.sources[relation.source_slot] = Some(element);
        self.targets[relation.target_slot] = Some(resource);
        for (rule, mark) in &relation.block.marks {
            self.mark(mark, *rule);
        }
        for (_, content) in &relation.block.content {
            if let Content::Relate(inner) = content
                && inner.stays()
            {
                self.stand_at(inner, element, resource);
            }
        }
    }

    /// Values that stay are replaced where they stand, so that the items of a list keep their order.
    fn overwrite(&mut self, rule: usize, content: &'a Content, resource: NodeId, said: &[NodeId]) {
        let Some((_, path)) = paths(content) else { return };
        self.make_room(resource, path, !said.is_empty());
        let have = held(&self.target, resource, content);
        match content {
            Content::Leaf(leaf) => {
                match (have.first(), said.first()) {
                    (Some(node), Some(_)) => {
                        self.empty(*node, leaf.target.steps.last().map(|step| step.kind))
                    }
                    (Some(node), None) => self.withdraw(*node, path),
                    (None, _) => {}
                }
                self.leaf(leaf, rule);
            }
            Content::Copy(copied) => {
                for (node, from) in have.iter().zip(said) {
                    self.empty(*node, Some(self.source.kind(*from)));
                    self.target.fill_from(*node, self.source, *from);
                    self.origins.set(*node, Some(*from), rule);
                }
                for node in have.iter().skip(said.len()) {
                    self.withdraw(*node, path);
                }
                for from in said.iter().skip(have.len()) {
                    self.copy_one(*from, path, rule);
                }
                for from in said {
                    self.set_fate(*from, Fate::Carried, rule);
                    self.mark_way(&copied.source, *from, rule);
                }
            }
            Content::Relate(relation) => {
                for node in &have {
                    self.withdraw(*node, path);
                }
                if relation.each {
                    self.each(relation, rule)
                } else {
                    self.relate(relation, rule)
                };
            }
            Content::Restate(_) | Content::Rest(_) => {}
        }
    }

    fn empty(&mut self, node: NodeId, kind: Option<Kind>) {
        let inside: Vec<NodeId> = self.target.children(node).collect();
        for child in inside {
            self.target.remove(child);
        }
        self.target.set_kind(node, kind.unwrap_or(Kind::Str));
        self.target.set_text(node, "");
    }

    /// Ranks the elements along a path, as what is copied from JSON has no ranks; and where one form of a choice
    /// will be written takes the others away, as an element has but one.
    fn make_room(&mut self, resource: NodeId, path: &Path, says: bool) {
        let mut here = Some(resource);
        for step in &path.steps {
            let Some(parent) = here else { return };
            let children: Vec<NodeId> = self.target.children(parent).collect();
            let mut rank = 0;
            for child in children {
                let name = self.target.name(child);
                let known = self.program.ranks.get(&(step.parent_type, name)).copied();
                if says && name != step.name && known == Some(step.order) {
                    self.target.remove(child);
                    continue;
                }
                rank = known.unwrap_or(rank);
                self.target.set_order(child, rank);
            }
            here = first(&self.target, parent, std::slice::from_ref(step));
        }
    }

    /// Notes for the ledger where the resource holds what an element says. What it does not hold, because another
    /// element changed it, stays in the document; where both changed it that is reported.
    fn account_for(&mut self, claimed: &Claimed<'a>, before: &Wordings, after: &Wordings) {
        let Claim { restatement, element, rule, .. } = claimed.claim;
        let key = (claimed.resource, rule);
        let Some(expected) = before.get(&key) else { return };
        let now = after.get(&key).unwrap_or(expected);
        for (rule, content) in places(&restatement.relation.block).into_iter().flatten() {
            if self.says(element, now, content) {
                self.note_again(element, claimed.resource, rule, content);
                continue;
            }
            for node in said(self.source, element, content) {
                self.set_fate(node, Fate::Kept, rule);
            }
            if !self.says(element, expected, content) {
                self.differs(element, content);
            }
        }
    }

    fn note_again(&mut self, element: NodeId, resource: NodeId, rule: usize, content: &Content) {
        let Some((source, _)) = paths(content) else { return };
        let held = held(&self.target, resource, content);
        for (node, there) in said(self.source, element, content).into_iter().zip(held) {
            self.said_again.insert(node, (there, rule));
            self.set_fate(node, Fate::Carried, rule);
            self.mark_way(source, node, rule);
        }
    }

    fn differs(&mut self, element: NodeId, content: &Content) {
        let node = said(self.source, element, content).first().copied().unwrap_or(element);
        let message = "another element restates the same resource and says another thing";
        let issue = Issue::warning(codes::RESTATED_DIFFERS, self.source.span(node), message);
        self.issues.push(issue.at(self.source.path(node)));
    }
}

/// The rules that restate, also those of groups that are called for it.
fn places(block: &Block) -> Vec<Place<'_>> {
    let mut places: Vec<Place<'_>> = Vec::new();
    for (rule, content) in &block.content {
        if let Content::Relate(inner) = content
            && inner.stays()
        {
            places.extend(self::places(&inner.block));
            continue;
        }
        let form = choice(content);
        match places
            .iter_mut()
            .find(|place| form.is_some() && place.first().and_then(|(_, content)| choice(content)) == form)
        {
            Some(place) => place.push((*rule, content)),
            None => places.push(vec![(*rule, content)]),
        }
    }
    places
}

/// The type and the rank of the element of the resource that a rule restates; the forms of a choice share them.
fn choice(content: &Content) -> Option<(u32, u16)> {
    match paths(content)?.1.steps.as_slice() {
        [step] => Some((step.parent_type, step.order)),
        _ => None,
    }
}

/// The two paths of a rule that restates one place.
fn paths(content: &Content) -> Option<(&Path, &Path)> {
    match content {
        Content::Leaf(leaf) => Some((&leaf.source, &leaf.target)),
        Content::Copy(copied) => Some((&copied.source, &copied.target)),
        Content::Relate(relation) => Some((&relation.source, &relation.target)),
        Content::Restate(_) | Content::Rest(_) => None,
    }
}

/// What an element says by a rule.
fn said(tree: &Tree, element: NodeId, content: &Content) -> Vec<NodeId> {
    let Some((path, _)) = paths(content) else { return Vec::new() };
    let mut found = found(tree, element, path, content);
    if matches!(content, Content::Leaf(_)) {
        found.retain(|node| tree.first_child(*node).is_some() || !is_blank_text(&tree.text(*node)));
    }
    found
}

/// What the resource holds where a rule restates it. An element that stands once restates the first of several.
fn held(tree: &Tree, resource: NodeId, content: &Content) -> Vec<NodeId> {
    let Some((source, target)) = paths(content) else { return Vec::new() };
    let mut held = found(tree, resource, target, content);
    if source.steps.last().is_some_and(|step| !step.list) {
        held.truncate(1);
    }
    held
}

fn found(tree: &Tree, start: NodeId, path: &Path, content: &Content) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    if !meets(tree, start, &path.conditions) {
        return nodes;
    }
    match content {
        Content::Leaf(_) => nodes.extend(first(tree, start, &path.steps)),
        _ => all(tree, start, &path.steps, &mut nodes),
    }
    nodes
}
