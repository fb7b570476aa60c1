//! The join of what was joined before with something changed: an entry that would be made of the same as before is
//! copied from there as it lies. What an entry is made of is stated here in full, so that the copy is what would have
//! been written.

use super::asked::Answers;
use super::build::{Build, Part};
use super::ids::{IdMap, Ids};
use super::items::Items;
use super::lists::{Listing, Lists};
use super::protect::Protected;
use super::provenance::{self, Header};
use super::{Element, Finding, Joined, findings};
use crate::plan::decision::{Decision, Ruling};
use crate::tree::{Flags, Mark, NodeId, Stretch, Tree, same_name};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a join has written, for the next one.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// What stands for resources of sources, by its reference.
    resources: IdMap<String, Written<Resources>>,
    /// Who contributed what, by the reference of the Provenance.
    sources: IdMap<String, Written<Source>>,
    findings: BTreeMap<Finding, Written<Issue>>,
    answers: Answers,
    lists: Lists,
    ids: HashMap<String, String>,
    protected: Protected,
}

impl Memo {
    /// The ids that the join before has made.
    pub(super) fn take_ids(&mut self) -> Ids {
        Ids::with_memory(std::mem::take(&mut self.ids))
    }
}

/// A stretch of the Bundle, and what it was made of.
#[derive(Debug)]
pub(super) struct Written<Of> {
    of: Of,
    stretch: Stretch,
    /// The contributions that it was made of, in an order that what it was made of gives.
    members: Vec<usize>,
    /// What Provenance tells of it.
    parts: Vec<Part>,
}

/// Resources that are one.
#[derive(Debug)]
pub(super) struct Resources {
    items: Vec<Resource>,
    /// What stands for the resources that they refer to.
    links: Vec<String>,
    contested: Vec<String>,
}

#[derive(Debug)]
struct Resource {
    bundle: Arc<Tree>,
    node: NodeId,
    name: String,
    is_protected: bool,
    is_common: bool,
    /// Of what several sources share: the time of this one, and its Provenance.
    source: Option<(Option<String>, String)>,
}

/// One contribution, and what stands for what it gave.
#[derive(Debug)]
struct Source {
    header: Header,
    whole: Vec<String>,
    parts: Vec<Part>,
}

/// What the entry of a finding tells beside the finding.
#[derive(Debug, PartialEq)]
struct Issue {
    sources: Vec<String>,
    decision: Option<Decision>,
    has_client: bool,
}

/// Where the nodes of a source are by now, by the place that it had and the nodes that they were.
pub(super) type Moved = HashMap<(usize, NodeId), NodeId>;

/// The join before, of which entries are taken, and what this one leaves to the next.
pub(super) struct Again<'a> {
    before: Option<&'a Joined>,
    old: Memo,
    new: Memo,
    pub(super) listing: Listing,
}

impl<'a> Again<'a> {
    /// After a join that left this behind.
    pub(super) fn new(before: Option<&'a Joined>, mut memo: Memo, protected: &Protected) -> Self {
        // Addresses are looked for in every text of every resource.
        if !memo.protected.blots_as(protected) {
            memo.resources.clear();
            memo.lists.clear();
        }
        let mut new = Memo { protected: protected.clone(), ..Memo::default() };
        new.resources.reserve(memo.resources.len());
        let listing = Listing::after(std::mem::take(&mut memo.lists));
        Self { before, old: memo, new, listing }
    }

    /// The Bundle of the join before.
    pub(super) fn bundle(&self) -> Option<&'a Tree> {
        self.before.map(|before| &before.bundle)
    }

    /// How many elements it has.
    pub(super) fn elements(&self) -> usize {
        self.before.map_or(0, |before| before.elements.len())
    }

    /// What the join before has found, and what this one finds.
    pub(super) fn answers(&mut self) -> (&mut Answers, &mut Answers) {
        (&mut self.old.answers, &mut self.new.answers)
    }

    /// What this join leaves to the next.
    pub(super) fn into_memo(self, ids: &Ids) -> Memo {
        Memo { ids: ids.take_known(), lists: self.listing.into_lists(), ..self.new }
    }
}

/// Writes what stands for resources that are one.
pub(super) fn write_group(build: &mut Build<'_>, group: &[usize]) {
    let Some(mut again) = build.again.take() else { return build.write_group(group) };
    let is_decided = build.values.iter().any(|value| group.iter().any(|item| value.is_about(*item)));
    if is_decided {
        // A decision puts a value of one resource into the place of another's.
        build.write_group(group);
    } else {
        let target = build.items.target(group[0]);
        let members = group.iter().map(|item| build.items.list[*item].member).collect();
        let known = again.old.resources.remove_entry(target);
        let known = known.and_then(|(target, known)| {
            let moved = known.of.follow(build, group, &known.members)?;
            Some((target, moved, known))
        });
        let (target, written) = match known {
            Some((target, moved, mut known)) => {
                if !moved.is_empty() {
                    known.of = Resources::new(build, group);
                }
                (target, again.copy(build, NodeId::ROOT, known, members, (&moved, None)))
            }
            None => {
                let begun = Begun::new(build);
                build.write_group(group);
                (target.to_owned(), begun.end(build, Resources::new(build, group), members))
            }
        };
        again.new.resources.insert(target, written);
    }
    build.again = Some(again);
}

/// Writes the Provenance of one member.
pub(super) fn write_provenance(build: &mut Build<'_>, member: usize, (whole, parts): (&[&str], &[Part])) {
    let Some(mut again) = build.again.take() else { return provenance::write(build, member, whole, parts) };
    let target = build.provenance[member].clone();
    let header = Header::of(build.items, member);
    let known = again.old.sources.remove(&target).filter(|known| {
        let tells = |of: &Source| of.header == header && of.whole == whole && of.are_parts(parts);
        tells(&known.of)
    });
    let written = match known {
        Some(known) => again.copy(build, NodeId::ROOT, known, vec![member], (&Moved::new(), None)),
        None => {
            let begun = Begun::new(build);
            provenance::write(build, member, whole, parts);
            let whole = whole.iter().map(|target| (*target).to_owned()).collect();
            begun.end(build, Source { header, whole, parts: parts.to_vec() }, vec![member])
        }
    };
    again.new.sources.insert(target, written);
    build.again = Some(again);
}

/// Writes a finding; its reference comes back.
pub(super) fn write_finding(build: &mut Build<'_>, finding: &Finding, rulings: &[Ruling]) -> String {
    let Some(mut again) = build.again.take() else { return findings::write(build, finding, rulings) };
    let of = Issue {
        sources: finding.sides.iter().map(|side| side.provenance(&build.provenance).to_owned()).collect(),
        decision: findings::decision(finding, rulings).cloned(),
        has_client: build.client().is_some(),
    };
    let known = again.old.findings.remove_entry(finding).filter(|(_, known)| known.of == of);
    let (finding, written) = match known {
        Some((finding, known)) => {
            (finding, again.copy(build, NodeId::ROOT, known, Vec::new(), (&Moved::new(), None)))
        }
        None => {
            let begun = Begun::new(build);
            findings::write(build, finding, rulings);
            (finding.clone(), begun.end(build, of, Vec::new()))
        }
    };
    let target = build.reference_of_entry(written.stretch.first());
    again.new.findings.insert(finding, written);
    build.again = Some(again);
    target
}

/// An entry that is being written.
pub(super) struct Begun {
    mark: Mark,
    parts: usize,
}

impl Begun {
    pub(super) fn new(build: &Build<'_>) -> Self {
        Self { mark: build.tree.next_place(), parts: build.parts.len() }
    }

    pub(super) fn end<Of>(self, build: &Build<'_>, of: Of, members: Vec<usize>) -> Written<Of> {
        let parts = build.parts.get(self.parts..).unwrap_or_default().to_vec();
        Written { of, stretch: build.tree.since(self.mark), members, parts }
    }
}

impl Again<'_> {
    /// Copies what the join before has written; the contributions may have other places by now.
    pub(super) fn copy<Of>(
        &self,
        build: &mut Build<'_>,
        parent: NodeId,
        mut known: Written<Of>,
        members: Vec<usize>,
        (moved, elements): (&Moved, Option<&[Element]>),
    ) -> Written<Of> {
        let Some(before) = self.before else { return known };
        let stretch = build.tree.append(parent, &before.bundle, &known.stretch);
        let place = |old: usize| {
            let at = known.members.iter().position(|member| *member == old);
            at.and_then(|at| members.get(at)).copied().unwrap_or(old)
        };
        let has_moved = known.members != members;
        let elements = elements.unwrap_or_else(|| before.elements_of(&known.stretch));
        let copied = elements.iter().map(|element| {
            let node = stretch.place_of(element.node, &known.stretch);
            if !has_moved && moved.is_empty() {
                return Element { node, ..*element };
            }
            let from = moved.get(&(element.source, element.from)).copied().unwrap_or(element.from);
            Element { node, source: place(element.source), from, ..*element }
        });
        build.elements.extend(copied);
        if has_moved {
            known.parts.iter_mut().for_each(|part| part.member = place(part.member));
        }
        build.parts.extend_from_slice(&known.parts);
        Written { stretch, members, ..known }
    }
}

impl Source {
    /// True where the parts are those of the one contribution, whatever its place was.
    fn are_parts(&self, parts: &[Part]) -> bool {
        let same = |(old, new): (&Part, &Part)| old.target == new.target && old.element == new.element;
        self.parts.len() == parts.len() && self.parts.iter().zip(parts).all(same)
    }
}

impl Resources {
    pub(super) fn new(build: &Build<'_>, group: &[usize]) -> Self {
        let items = build.items;
        Self {
            items: group.iter().map(|item| Resource::new(build, *item, group.len() > 1)).collect(),
            links: links(items, group).map(str::to_owned).collect(),
            contested: build.contested_of(items.target(group[0])).map(str::to_owned).collect(),
        }
    }

    /// Where the nodes of the resources, of these members, have moved to; nothing where these are not the resources of the
    /// group, or would be written in another way.
    pub(super) fn follow(&self, build: &Build<'_>, group: &[usize], members: &[usize]) -> Option<Moved> {
        let mut moved = Moved::new();
        let items = self.items.iter().zip(group).zip(members);
        let is_same = self.items.len() == group.len()
            && items.fold(true, |same, ((known, item), member)| {
                same && known.is(build, *item) && known.follow(build, *item, *member, &mut moved)
            })
            && self.is_tied_as(build, group);
        is_same.then_some(moved)
    }

    /// True where the resources of the group refer to the same, and the same is contested.
    fn is_tied_as(&self, build: &Build<'_>, group: &[usize]) -> bool {
        links(build.items, group).eq(self.links.iter().map(String::as_str))
            && build.contested_of(build.items.target(group[0])).eq(self.contested.iter().map(String::as_str))
    }
}

impl Resource {
    fn new(build: &Build<'_>, item: usize, is_shared: bool) -> Self {
        let items = build.items;
        let listed = items.list[item];
        let member = items.members[listed.member];
        let source = || (member.time.clone(), build.provenance[listed.member].clone());
        Self {
            bundle: Arc::clone(&member.bundle),
            node: listed.resource.node,
            name: items.own_name(item),
            is_protected: build.protected.is_person(items, item),
            is_common: member.common.contains(&listed.resource.node),
            source: is_shared.then(source),
        }
    }

    /// True where the resource would be written in the same way if it says the same.
    fn is(&self, build: &Build<'_>, item: usize) -> bool {
        let items = build.items;
        let listed = items.list[item];
        let member = items.members[listed.member];
        items.is_own_name(item, &self.name)
            && self.is_protected == build.protected.is_person(items, item)
            && self.is_common == member.common.contains(&listed.resource.node)
            && self.source.as_ref().is_none_or(|(time, provenance)| {
                *time == member.time && *provenance == build.provenance[listed.member]
            })
    }
}

impl Resource {
    /// Finds the nodes in another version of the source; false where that says anything else.
    fn follow(&self, build: &Build<'_>, item: usize, member: usize, moved: &mut Moved) -> bool {
        let listed = build.items.list[item];
        let (bundle, node) = (&build.items.members[listed.member].bundle, listed.resource.node);
        if Arc::ptr_eq(&self.bundle, bundle) {
            return self.node == node;
        }
        let (mut old, mut new) = (self.bundle.descend(self.node), bundle.descend(node));
        loop {
            match (old.next(), new.next()) {
                (None, None) => return true,
                (Some(old), Some(new)) if is_same_node(&self.bundle, old, bundle, new) => {
                    moved.insert((member, old), new);
                }
                _ => return false,
            }
        }
    }
}

/// True where two nodes, whose subtrees are walked side by side, are the same but for what is below them.
fn is_same_node(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId) -> bool {
    let count = |tree: &Tree, id| tree.children(id).count();
    same_name(a, a_id, b, b_id)
        && a.kind(a_id) == b.kind(b_id)
        && a.flags(a_id).has(Flags::LIST) == b.flags(b_id).has(Flags::LIST)
        && count(a, a_id) == count(b, b_id)
        && (!a.kind(a_id).is_leaf() || a.text(a_id) == b.text(b_id))
}

/// What stands for the resources that the resources of a group refer to.
fn links<'a>(items: &'a Items<'_>, group: &'a [usize]) -> impl Iterator<Item = &'a str> {
    group.iter().flat_map(|item| items.link_targets(*item))
}
