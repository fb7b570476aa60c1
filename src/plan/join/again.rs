//! The join of what was joined before with something changed: the Bundle of before is written over, and an entry that
//! would be made of the same stays in it as it lies. What an entry is made of is stated here in full, so that what stays is
//! what would have been written. What nothing leads to any more stays in the arena too, until `pack` takes it out.

mod pack;

use super::asked::Answers;
use super::build::{self, Build, Part};
use super::ids::{IdMap, Ids};
use super::items::Items;
use super::lists::{Listing, Lists};
use super::moved::Moved;
use super::past::{Kept, Past};
use super::protect::Protected;
use super::provenance::{self, Header};
use super::refer::{self, References};
use super::{Element, Finding, Joined, findings};
use crate::diag::Issue;
use crate::plan::decision::{Decision, Ruling};
use crate::tree::{Mark, NodeId, Stretch, Tree};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// What a join has written, for the next one.
#[derive(Debug, Default)]
pub(super) struct Memo {
    past: Past,
    /// What stands for the resources of each group; nothing where a decision put a value into it.
    resources: Vec<Option<Written<Resources>>>,
    /// Who contributed what, by the reference of the Provenance.
    sources: IdMap<String, Written<Source>>,
    /// What tells of each finding, in the order of the findings.
    findings: Vec<Option<Written<Told>>>,
    answers: Answers,
    references: References,
    lists: Lists,
    ids: HashMap<String, String>,
    protected: Protected,
    /// Nodes of the Bundle when it was last made from nothing or packed.
    packed_nodes: usize,
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
    pub(super) stretch: Stretch,
    /// The contributions that it was made of, in an order that what it was made of gives.
    members: Vec<usize>,
    /// What Provenance tells of it.
    pub(super) parts: Vec<Part>,
}

impl Written<()> {
    /// This and what the same contributions wrote right behind it.
    pub(super) fn with_next(&self, next: &Self) -> Option<Self> {
        let stretch = self.stretch.with_next(&next.stretch).filter(|_| self.members == next.members)?;
        let parts = [self.parts.as_slice(), &next.parts].concat();
        Some(Self { of: (), stretch, members: self.members.clone(), parts })
    }
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
    is_of_all: bool,
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

/// What the entry of a finding tells beside the finding, and what the finding is told as.
#[derive(Debug)]
struct Told {
    issue: Issue,
    sources: Vec<String>,
    decision: Option<Decision>,
    has_client: bool,
}

/// The join before, of which entries stay, and what this one leaves to the next.
pub(super) struct Again {
    /// The Bundle of the join before, until this one is written over it.
    bundle: Option<Tree>,
    /// What its nodes came from.
    elements: Vec<Element>,
    findings: Vec<Finding>,
    /// Where it stays with all that its nodes came from.
    stays: Vec<Stretch>,
    old: Memo,
    new: Memo,
    pub(super) listing: Listing,
    kept: Kept,
    /// For each group the one of the join before that says the same, and where its nodes are by now.
    pairs: Vec<Option<(usize, Moved)>>,
    /// The contributions of which something was written that the join before had not.
    rewritten: BTreeSet<usize>,
    /// The finding of the join before that comes next.
    next_finding: usize,
}

impl Again {
    /// After a join that left this behind, over the same names.
    pub(super) fn new(
        before: Option<Joined>,
        mut memo: Memo,
        protected: &Protected,
        items: &Items<'_>,
    ) -> Self {
        let names = build::names(items);
        let mut before = before.filter(|before| before.bundle.names().are_few_beside(names));
        match &mut before {
            Some(before) => memo.pack(before),
            None => memo = Memo::default(),
        }
        // Addresses are looked for in every text of every resource.
        if !memo.protected.blots_as(protected) {
            memo.past = Past::default();
            memo.resources.clear();
            memo.lists.clear();
        }
        let new = Memo { protected: protected.clone(), packed_nodes: memo.packed_nodes, ..Memo::default() };
        let listing = Listing::after(std::mem::take(&mut memo.lists));
        let (bundle, elements, findings) = match before {
            Some(before) => (Some(before.bundle), before.elements, before.findings),
            None => (None, Vec::new(), Vec::new()),
        };
        Self {
            bundle,
            elements,
            findings,
            stays: Vec::new(),
            old: memo,
            new,
            listing,
            kept: Kept::default(),
            pairs: Vec::new(),
            rewritten: BTreeSet::new(),
            next_finding: 0,
        }
    }

    /// The Bundle of the join before, to be written over.
    pub(super) fn take_bundle(&mut self) -> Option<Tree> {
        self.bundle.take()
    }

    /// What the nodes that stay came from, and these, in the order of the nodes. These are in order, and none of their
    /// nodes is one that stays.
    pub(super) fn with_those_that_stay(&mut self, written: &[Element]) -> Vec<Element> {
        self.stays.sort_unstable_by_key(Stretch::first);
        let mut runs: Vec<Stretch> = Vec::new();
        for stretch in std::mem::take(&mut self.stays) {
            match runs.last_mut().and_then(|last| Some((last.with_next(&stretch)?, last))) {
                Some((longer, last)) => *last = longer,
                None => runs.push(stretch),
            }
        }
        let mut all = Vec::with_capacity(self.elements.len().max(written.len()));
        let mut rest = written;
        for run in &runs {
            let is_before = |element: &Element| element.node < run.first();
            let (before, behind) = rest.split_at(rest.partition_point(is_before));
            all.extend_from_slice(before);
            all.extend_from_slice(&self.elements[self.elements_of(run)]);
            rest = behind;
        }
        all.extend_from_slice(rest);
        all
    }

    /// What the nodes of a stretch of the Bundle before came from.
    fn elements_of(&self, stretch: &Stretch) -> Range<usize> {
        let place = |end: NodeId| self.elements.partition_point(|element| element.node < end);
        place(stretch.first())..place(stretch.end())
    }

    /// The findings about the resources of a kind, the groups of these numbers.
    pub(super) fn ask(
        &mut self,
        items: &Items<'_>,
        (kind, numbers): (&'static str, &[usize]),
        find: impl FnOnce() -> Vec<Finding>,
    ) -> Vec<Finding> {
        if items.settled.tears() {
            return find();
        }
        let before = |number: &usize| self.pairs.get(*number)?.as_ref().map(|(old, _)| *old);
        let known = self.old.answers.take(kind, numbers.iter().map(before));
        let known = known.filter(|_| self.kept.has_same_names);
        self.new.answers.put(kind, numbers, known.unwrap_or_else(find))
    }

    /// The references of an element of the joined plan, as the join before has written them.
    pub(super) fn references_before(&mut self, name: &'static str) -> Option<refer::List> {
        self.old.references.remove(name)
    }

    pub(super) fn keep_references(&mut self, name: &'static str, list: refer::List) {
        self.new.references.insert(name, list);
    }

    /// What this join leaves to the next.
    pub(super) fn into_memo(self, ids: &Ids, bundle: &Tree) -> Memo {
        let packed_nodes = if self.new.packed_nodes == 0 { bundle.len() } else { self.new.packed_nodes };
        Memo { ids: ids.take_known(), lists: self.listing.into_lists(), packed_nodes, ..self.new }
    }

    /// Finds out what is as it was.
    fn look_back(&mut self, build: &Build<'_>, groups: &Arc<Vec<Vec<usize>>>) {
        if !self.old.past.tells_as(build.items) {
            self.old.past = Past::default();
        }
        (self.new.past, self.kept) = Past::after(build, groups, &self.old.past);
        let mut open: IdMap<&str, usize> = IdMap::default();
        let mut is_left = vec![true; self.old.past.groups.len()];
        for old in self.kept.groups.iter().flatten() {
            is_left[*old] = false;
        }
        let left = is_left.iter().enumerate().filter(|(_, is_left)| **is_left);
        open.extend(left.filter_map(|(old, _)| Some((self.old.past.target_of(old)?, old))));
        let pair = |(group, kept): (&Vec<usize>, &Option<usize>)| {
            if let Some(old) = kept {
                return Some((*old, Moved::default()));
            }
            let old = open.get(build.items.target(group[0])).copied()?;
            let known = self.old.resources.get(old)?.as_ref()?;
            Some((old, known.of.follow(build, group, &known.members)?))
        };
        self.pairs = groups.iter().zip(&self.kept.groups).map(pair).collect();
    }

    /// The place in the join before of a group that is written as it was there.
    fn stays(&self, build: &Build<'_>, group: &[usize], number: usize) -> Option<usize> {
        // A decision puts a value of one resource into the place of another's.
        let is_decided = build.values.iter().any(|value| group.iter().any(|item| value.is_about(*item)));
        let (old, _) = self.pairs.get(number)?.as_ref().filter(|_| !is_decided)?;
        let known = self.old.resources.get(*old)?.as_ref()?;
        let contested = build.contested_of(build.items.target(group[0]));
        contested.eq(known.of.contested.iter().map(String::as_str)).then_some(*old)
    }

    /// Writes a group, or lets it stay where it says the same.
    fn write_group(&mut self, build: &mut Build<'_>, group: &[usize], number: usize) {
        let items = build.items;
        let members = group.iter().map(|item| items.list[*item].member);
        let pair = self.stays(build, group, number).and_then(|_| self.pairs.get_mut(number)?.take());
        let known = pair.and_then(|(old, moved)| Some((self.old.resources.get_mut(old)?.take()?, moved)));
        let written = match known {
            Some((mut known, moved)) => {
                known.of.renew(build, group);
                Some(self.keep_entry(build, known, members, &moved))
            }
            None => {
                self.rewritten.extend(members.clone());
                let begun = Begun::new(build);
                build.write_group(group);
                let is_decided =
                    build.values.iter().any(|value| group.iter().any(|item| value.is_about(*item)));
                (!is_decided).then(|| begun.end(build, Resources::new(build, group), members.collect()))
            }
        };
        self.new.resources.push(written);
    }

    /// True where a contribution and all that its resources stand for are what those at this place were before.
    pub(super) fn keeps(&self, member: usize, before: usize) -> bool {
        self.kept.members.get(member).copied().flatten() == Some(before)
    }

    /// True where the Provenance of a contribution names what it named before, but for parts of what several share.
    fn gives_the_same(&self, member: usize) -> bool {
        self.kept.members.get(member).copied().flatten().is_some() && !self.rewritten.contains(&member)
    }
}

/// Looks at the join before, where there was one, before anything is found or written.
pub(super) fn look_back(build: &mut Build<'_>, groups: &Arc<Vec<Vec<usize>>>) {
    if let Some(mut again) = build.again.take() {
        again.look_back(build, groups);
        build.again = Some(again);
    }
}

/// Writes what stands for the resources of the units, group by group.
pub(super) fn write_units(build: &mut Build<'_>, groups: &[Vec<usize>]) {
    let Some(mut again) = build.again.take() else {
        for group in groups {
            build.write_group(group);
        }
        return;
    };
    again.new.resources.reserve(groups.len());
    for (number, group) in groups.iter().enumerate() {
        again.write_group(build, group, number);
    }
    build.again = Some(again);
}

/// True where the Provenance of a contribution names the same resources as in the join before.
pub(super) fn gives_the_same(build: &Build<'_>, member: usize) -> bool {
    build.again.as_ref().is_some_and(|again| again.gives_the_same(member))
}

/// Writes the Provenance of one member.
pub(super) fn write_provenance(build: &mut Build<'_>, member: usize, (whole, parts): (&[&str], &[Part])) {
    let Some(mut again) = build.again.take() else { return provenance::write(build, member, whole, parts) };
    let target = build.provenance[member].clone();
    let items = build.items;
    let header = || Header::of(items, member);
    let is_same = again.gives_the_same(member);
    let known = again.old.sources.remove(&target).filter(|known| {
        let tells = |of: &Source| is_same || of.header == header() && of.whole == whole;
        tells(&known.of) && known.of.are_parts(parts)
    });
    let written = match known {
        Some(known) => again.keep_entry(build, known, std::iter::once(member), &Moved::default()),
        None => {
            let begun = Begun::new(build);
            provenance::write(build, member, whole, parts);
            let whole = whole.iter().map(|target| (*target).to_owned()).collect();
            begun.end(build, Source { header: header(), whole, parts: parts.to_vec() }, vec![member])
        }
    };
    again.new.sources.insert(target, written);
    build.again = Some(again);
}

/// Writes a finding; its reference comes back, and what it is told as.
pub(super) fn write_finding(build: &mut Build<'_>, finding: &Finding, rulings: &[Ruling]) -> (String, Issue) {
    let Some(mut again) = build.again.take() else {
        return (findings::write(build, finding, rulings), findings::issue(finding));
    };
    let sources = || finding.sides.iter().map(|side| side.provenance(&build.provenance));
    let (decision, has_client) = (findings::decision(finding, rulings), build.client().is_some());
    let is_same = |of: &Told| {
        sources().eq(&of.sources) && of.decision.as_ref() == decision && of.has_client == has_client
    };
    let known = again.known_finding(finding).filter(|known| is_same(&known.of));
    let written = match known {
        Some(known) => again.keep_entry(build, known, std::iter::empty(), &Moved::default()),
        None => {
            let sources = sources().map(str::to_owned).collect();
            let issue = findings::issue(finding);
            let of = Told { issue, sources, decision: decision.cloned(), has_client };
            let begun = Begun::new(build);
            findings::write(build, finding, rulings);
            begun.end(build, of, Vec::new())
        }
    };
    let told = (build.reference_of_entry(written.stretch.first()), written.of.issue.clone());
    again.new.findings.push(Some(written));
    build.again = Some(again);
    told
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

impl Again {
    /// What tells of a finding that the join before had too. Findings have an order; where a decision or a protected address
    /// disturbs it, one is written that could have stayed.
    fn known_finding(&mut self, finding: &Finding) -> Option<Written<Told>> {
        loop {
            let order = self.findings.get(self.next_finding)?.cmp(finding);
            if order.is_gt() {
                return None;
            }
            self.next_finding += 1;
            if order.is_eq() {
                return self.old.findings.get_mut(self.next_finding - 1)?.take();
            }
        }
    }

    /// Lets an entry stay that the join before has written; the contributions may have other places by now.
    pub(super) fn keep_entry<Of>(
        &mut self,
        build: &mut Build<'_>,
        mut known: Written<Of>,
        members: impl Iterator<Item = usize> + Clone,
        moved: &Moved,
    ) -> Written<Of> {
        build.entries.push(known.stretch.first());
        if !known.is_in_place(members.clone(), moved) {
            let elements = self.elements_of(&known.stretch);
            known.follow(members.collect(), moved, &mut self.elements[elements]);
        }
        self.stays.push(known.stretch.clone());
        build.parts.extend_from_slice(&known.parts);
        known
    }
}

impl<Of> Written<Of> {
    /// True where what it was made of is where it was.
    pub(super) fn is_in_place(&self, members: impl Iterator<Item = usize>, moved: &Moved) -> bool {
        moved.is_empty() && self.members.iter().copied().eq(members)
    }

    /// Follows what it was made of to where that is by now; its nodes, which these elements tell of, stay.
    pub(super) fn follow(&mut self, members: Vec<usize>, moved: &Moved, elements: &mut [Element]) {
        let place = |old: usize| {
            let at = self.members.iter().position(|member| *member == old);
            at.and_then(|at| members.get(at)).copied().unwrap_or(old)
        };
        moved.follow(elements);
        for element in &mut *elements {
            element.source = place(element.source);
        }
        elements.sort_unstable();
        for part in &mut self.parts {
            part.member = place(part.member);
        }
        self.members = members;
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

    /// The same of where the resources are by now, which say the same.
    pub(super) fn renew(&mut self, build: &Build<'_>, group: &[usize]) {
        for (known, item) in self.items.iter_mut().zip(group) {
            let listed = build.items.list[*item];
            let bundle = &build.items.members[listed.member].bundle;
            if !Arc::ptr_eq(&known.bundle, bundle) {
                known.bundle = Arc::clone(bundle);
                known.node = listed.resource.node;
            }
        }
    }

    /// True for one resource of a contribution in which all stands as it stood.
    pub(super) fn stands(&self, build: &Build<'_>, item: usize) -> bool {
        let listed = build.items.list[item];
        let bundle = &build.items.members[listed.member].bundle;
        let is_here =
            |known: &Resource| known.node == listed.resource.node && Arc::ptr_eq(&known.bundle, bundle);
        matches!(self.items.as_slice(), [known] if is_here(known))
    }

    /// Where nodes of the resources, of these members, have moved to; nothing where these are not the resources of the
    /// group, or would be written in another way.
    pub(super) fn follow(&self, build: &Build<'_>, group: &[usize], members: &[usize]) -> Option<Moved> {
        let mut moved = Moved::default();
        let items = self.items.iter().zip(group).zip(members);
        let is_same = self.items.len() == group.len()
            && items.fold(true, |same, ((known, item), member)| {
                same && known.is(build, *item) && known.follow(build, *item, *member, &mut moved)
            })
            && links(build.items, group).eq(self.links.iter().map(String::as_str));
        is_same.then(|| moved.in_order())
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
            is_of_all: build.is_of_all(item),
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
            && self.is_of_all == build.is_of_all(item)
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
        moved.compare(member, (&self.bundle, self.node), (bundle, node))
    }
}

/// What stands for the resources that the resources of a group refer to.
fn links<'a>(items: &'a Items<'_>, group: &'a [usize]) -> impl Iterator<Item = &'a str> {
    group.iter().flat_map(|item| items.link_targets(*item))
}
