//! The resources of all contributions as one list, and which of them are one.

use super::facts::Said;
use super::findings::cited;
use super::identified::Identified;
use super::ids::{IdMap, Ids};
use super::settled::Settled;
use crate::plan::contribution::{Contribution, Resource, goal_origin};
use crate::plan::decision::{APART, Log};
use crate::plan::person::Clients;
use crate::plan::read::{all, reference};
use crate::tree::{Flags, Kind, Name, NodeId, Tree, equal};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// The id of the client in a joined plan. A code of the client must not be told from it, so it says nothing.
pub(super) const CLIENT: &str = "Patient/client";
/// Resources with one identifier that are compared each with each; a longer list is taken as contradicting itself.
const COMPARED_MAX: usize = 64;
/// What says how far a goal has come: it changes while the goal stays one.
pub(super) const GOAL_STATE: &[&str] =
    &["lifecycleStatus", "achievementStatus", "statusDate", "statusReason"];
/// Kinds that others refer to come first, so that references can be compared by what they lead to.
const FIRST: &[&str] =
    &["Organization", "Location", "Practitioner", "Device", "RelatedPerson", "PractitionerRole"];

/// One resource of one contribution.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) member: usize,
    pub(super) resource: &'a Resource,
    pub(super) tree: &'a Tree,
}

/// All resources of the contributions that are joined.
pub(super) struct Items<'a> {
    pub(super) members: Vec<&'a Contribution>,
    pub(super) list: Vec<Item<'a>>,
    offsets: Vec<usize>,
    /// The first resource of those that are one.
    group: Vec<usize>,
    /// What stands for each resource, of a group for the first: `Goal/0123…`.
    targets: Vec<Arc<str>>,
    /// For each resource how many before it have its id: the goals of this plan and of the one before may share one.
    repeats: Vec<u32>,
    pub(super) client: Option<usize>,
    /// What people have decided about the resources.
    pub(super) settled: Settled,
    pub(super) ids: Ids,
    /// Where references lead that have an identifier alone.
    identified: Identified,
}

/// A place where two resources that should be one contradict each other.
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) left: (usize, NodeId),
    pub(super) right: (usize, NodeId),
}

/// Resources that share an identifier and contradict each other.
pub(super) struct Contradiction {
    pub(super) items: Vec<usize>,
    pub(super) differences: Vec<Difference>,
}

impl<'a> Items<'a> {
    /// Lists the resources and finds out which are one; what contradicts itself comes back.
    pub(super) fn new(
        members: Vec<&'a Contribution>,
        clients: &Clients,
        log: &Log<'_>,
        ids: Ids,
    ) -> (Self, Vec<Contradiction>) {
        let mut list = Vec::new();
        let mut offsets = Vec::new();
        for (member, contribution) in members.iter().enumerate() {
            offsets.push(list.len());
            let tree = &contribution.bundle;
            list.extend(contribution.resources.iter().map(|resource| Item { member, resource, tree }));
        }
        let group = (0..list.len()).collect();
        let (targets, repeats, settled) = (Vec::new(), Vec::new(), Settled::default());
        let identified = Identified::default();
        let mut items =
            Self { members, list, offsets, group, targets, repeats, client: None, settled, ids, identified };
        items.count_repeats();
        items.settled = Settled::new(&items, log);
        items.unite_persons(clients);
        items.unite_copies();
        let mut contradictions = items.unite_identified();
        contradictions.extend(items.unite_evaluated_goals());
        contradictions.extend(items.unite_decided());
        items.identified = Identified::of(&items);
        items.name_targets();
        let mut settled = std::mem::take(&mut items.settled);
        settled.find_coordinator(&items, log);
        items.settled = settled;
        (items, contradictions)
    }

    pub(super) fn node(&self, item: usize) -> NodeId {
        self.list[item].resource.node
    }

    pub(super) fn kind(&self, item: usize) -> &'a str {
        &self.list[item].resource.kind
    }

    pub(super) fn number(&self, member: usize, resource: u32) -> usize {
        self.offsets[member] + resource as usize
    }

    /// True for people, places and the like: that several clients have them in common says nothing.
    pub(super) fn is_shared_by_nature(&self, item: usize) -> bool {
        FIRST.contains(&self.kind(item)) || APART.contains(&self.kind(item))
    }

    /// What a goal or an activity says it is.
    pub(super) fn said(&self, item: usize) -> Option<&'a Said> {
        let member = self.list[item].member;
        self.members[member].facts().said(crate::tree::to_u32(item - self.offsets[member]))
    }

    /// The resource that a reference in a resource leads to.
    pub(super) fn resolve(&self, item: usize, reference: &str) -> Option<usize> {
        let member = self.list[item].member;
        let from = crate::tree::to_u32(item - self.offsets[member]);
        self.members[member].resolve(from, reference).map(|found| self.number(member, found))
    }

    /// The resource that the Reference at `node` leads to.
    pub(super) fn follow(&self, item: usize, node: NodeId) -> Option<usize> {
        match reference(self.list[item].tree, node) {
            Some(said) => self.resolve(item, &said),
            None => self.identified(item, node),
        }
    }

    /// The resource that a Reference leads to that has an identifier alone.
    pub(super) fn identified(&self, item: usize, node: NodeId) -> Option<usize> {
        self.identified.at(item, node)
    }

    /// The resources that a resource refers to.
    pub(super) fn links(&self, item: usize) -> impl Iterator<Item = usize> {
        let member = self.list[item].member;
        let from = crate::tree::to_u32(item - self.offsets[member]);
        self.members[member].links(from).iter().map(move |to| self.number(member, *to))
    }

    /// What stands for the resources that a resource refers to; nothing for what an identifier does not lead to.
    pub(super) fn link_targets(&self, item: usize) -> impl Iterator<Item = &str> {
        let named = self.identified.of_item(item).map(|to| to.map_or("", |to| self.target(to)));
        self.links(item).map(|to| self.target(to)).chain(named)
    }

    /// The first of the resources that are one with this one.
    pub(super) fn root(&self, mut item: usize) -> usize {
        while self.group[item] != item {
            item = self.group[item];
        }
        item
    }

    /// The reference that stands for a resource in the joined plan.
    pub(super) fn target(&self, item: usize) -> &str {
        &self.targets[self.root(item)]
    }

    /// As [`Items::target`], to keep.
    pub(super) fn shared_target(&self, item: usize) -> Arc<str> {
        Arc::clone(&self.targets[self.root(item)])
    }

    /// How many resources before this one have its id.
    pub(super) fn repeat(&self, item: usize) -> u32 {
        self.repeats[item]
    }

    /// The numbers of the resources of a member.
    pub(super) fn of_member(&self, member: usize) -> Range<usize> {
        self.offsets[member]..self.offsets.get(member + 1).copied().unwrap_or(self.list.len())
    }

    /// What the references of a resource lead to that have an identifier alone.
    pub(super) fn identified_by(&self, item: usize) -> impl Iterator<Item = Option<usize>> {
        self.identified.of_item(item)
    }

    /// Nothing for a goal that a plan sets, see [`goal_origin`].
    pub(super) fn origin(&self, item: usize) -> &'static str {
        goal_origin(self.list[item].tree, self.node(item))
    }

    fn unite(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        // Whatever the evidence, what people have decided to be two never becomes one, by way of a third neither.
        if self.settled.parts_groups(|item| self.root(item), left, right) {
            return;
        }
        self.group[left.max(right)] = left.min(right);
    }

    fn unite_all(&mut self, items: &[usize]) {
        items.windows(2).for_each(|pair| self.unite(pair[0], pair[1]));
    }

    fn unite_persons(&mut self, clients: &Clients) {
        let number = |items: &Self, patients: &[(usize, u32)]| -> Vec<usize> {
            patients.iter().map(|(member, resource)| items.number(*member, *resource)).collect()
        };
        let client = number(self, &clients.patients);
        self.client = client.iter().min().copied();
        self.unite_all(&client);
        for other in &clients.others {
            let other = number(self, other);
            self.unite_all(&other);
        }
    }

    /// What several parts of one document share is one resource. Their plans and teams stay apart, as those of units do.
    fn unite_copies(&mut self) {
        let mut seen = HashSet::new();
        let documents = self.members.iter().map(|member| member.document);
        let several: HashSet<[u8; 32]> = documents.filter(|document| !seen.insert(*document)).collect();
        if several.is_empty() {
            return;
        }
        let mut places: HashMap<([u8; 32], NodeId), usize> = HashMap::new();
        for number in 0..self.list.len() {
            let Item { member, resource, .. } = self.list[number];
            let document = self.members[member].document;
            if several.contains(&document) && !APART.contains(&resource.kind.as_str()) {
                let first = *places.entry((document, resource.node)).or_insert(number);
                self.unite(first, number);
            }
        }
    }

    /// Resources of one kind that share an identifier are one where their contents agree.
    fn unite_identified(&mut self) -> Vec<Contradiction> {
        let mut named: Vec<(u64, &str, &str, usize, usize)> = Vec::new();
        for (member, contribution) in self.members.iter().enumerate() {
            for known in &contribution.facts().identified {
                let item = self.number(member, known.resource);
                named.push((known.hash, self.kind(item), &known.name, named.len(), item));
            }
        }
        named.sort_unstable();
        let same = named.chunk_by(|(a, a_kind, a_name, ..), (b, b_kind, b_name, ..)| {
            (a, a_kind, a_name) == (b, b_kind, b_name)
        });
        let several = same.filter(|same| same.len() > 1);
        let mut buckets: Vec<(usize, Vec<usize>)> =
            several.map(|same| (same[0].3, same.iter().map(|(.., item)| *item).collect())).collect();
        let rank = |kind: &str| FIRST.iter().position(|first| *first == kind).unwrap_or(FIRST.len());
        buckets.sort_by_key(|(at, bucket)| (rank(self.kind(bucket[0])), *at));
        let found = buckets.into_iter();
        found.filter_map(|(_, bucket)| self.unite_agreeing(bucket, Self::is_of_one_source)).collect()
    }

    /// Unites those that agree with each other; what contradicts itself comes back.
    ///
    /// Agreement is not transitive: a goal without a date agrees with two of different dates. Resources linked by
    /// agreement are one only where no two among them contradict each other, so that no order decides, and one
    /// that contradicts all others parts none of them.
    ///
    /// Where two may be one at different times, how far a goal had come may differ.
    fn unite_agreeing(
        &mut self,
        items: Vec<usize>,
        at_two_times: impl Fn(&Self, usize, usize) -> bool,
    ) -> Option<Contradiction> {
        let compared = &items[..items.len().min(COMPARED_MAX)];
        let words = self.alike(compared);
        if words.iter().all(|first| *first == 0) && items.len() == compared.len() && !self.settled.tears() {
            self.unite_all(&items);
            return None;
        }
        let mut links: Vec<usize> = (0..compared.len()).collect();
        let mut pairs = Vec::new();
        for left in 0..compared.len() {
            for right in left + 1..compared.len() {
                let mut found = Vec::new();
                let parted = self.settled.parts(compared[left], compared[right]);
                if !parted && words[left] != words[right] {
                    self.compare(compared[left], compared[right], &mut found);
                    if at_two_times(self, compared[left], compared[right]) {
                        found.retain(|found| !is_goal_state(&found.path));
                    }
                }
                pairs.push((left, right, parted, found));
            }
        }
        // A difference that people have settled parts nobody, unless a third says what they did not know.
        let open: BTreeSet<String> = pairs
            .iter()
            .flat_map(|(.., found)| found)
            .filter(|found| !self.is_settled(found))
            .map(|found| found.path.clone())
            .collect();
        let mut apart = Vec::new();
        let mut differences = Vec::new();
        for (left, right, parted, found) in pairs {
            if parted || found.iter().any(|found| open.contains(&found.path)) {
                apart.push((left, right));
            } else {
                let (from, to) = (links[left], links[right]);
                links.iter_mut().filter(|link| **link == to).for_each(|link| *link = from);
            }
            differences.extend(found);
        }
        let torn: Vec<usize> = apart
            .iter()
            .filter(|(left, right)| links[*left] == links[*right])
            .map(|(left, _)| links[*left])
            .collect();
        for (at, item) in compared.iter().enumerate() {
            if !torn.contains(&links[at]) {
                self.unite(*item, compared[links.iter().position(|link| *link == links[at]).unwrap_or(at)]);
            }
        }
        let complete = differences.is_empty() && items.len() == compared.len();
        (!complete).then_some(Contradiction { items, differences })
    }

    fn is_settled(&self, found: &Difference) -> bool {
        let said = |(item, node): (usize, NodeId)| cited(self.list[item].tree, node);
        let sides = [found.left, found.right];
        let said = sides.map(said);
        self.settled.covers(&self.ids, &found.path, [(found.left.0, &said[0]), (found.right.0, &said[1])])
    }

    /// What people have decided to be one is one; what its sources say differently is a contradiction to be settled.
    fn unite_decided(&mut self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for decided in std::mem::take(&mut self.settled.same) {
            let roots: BTreeSet<usize> = decided.iter().map(|item| self.root(*item)).collect();
            let all = (0..self.list.len()).filter(|item| {
                let root = self.root(*item);
                roots.contains(&root) && !self.is_set_again(*item, root)
            });
            let items: Vec<usize> = all.take(COMPARED_MAX).collect();
            let mut differences = Vec::new();
            for (at, left) in items.iter().enumerate() {
                items[at + 1..].iter().for_each(|right| self.compare(*left, *right, &mut differences));
            }
            self.unite_all(&decided);
            if !differences.is_empty() {
                found.push(Contradiction { items, differences });
            }
            self.settled.same.push(decided);
        }
        found
    }

    /// A goal that a plan looks back at is the goal that a plan of the same unit has set, by code and text.
    fn unite_evaluated_goals(&mut self) -> Vec<Contradiction> {
        let mut all = self.members.iter().flat_map(|member| &member.facts().goals);
        if all.all(|goal| goal.origin.is_empty()) {
            return Vec::new();
        }
        let mut buckets: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<(&str, &str, &str, usize), usize> = HashMap::new();
        for (number, member) in self.members.iter().enumerate() {
            let custodian = member.custodian.as_deref().unwrap_or("");
            for goal in &member.facts().goals {
                let key = (member.unit.as_str(), custodian, goal.words.as_str(), goal.count);
                let place = *places.entry(key).or_insert(buckets.len());
                if place == buckets.len() {
                    buckets.push(Vec::new());
                }
                buckets[place].push(self.number(number, goal.resource));
            }
        }
        buckets.retain(|bucket| bucket.len() > 1 && bucket.iter().any(|item| !self.origin(*item).is_empty()));
        buckets.into_iter().filter_map(|bucket| self.unite_agreeing(bucket, |_, _, _| true)).collect()
    }

    /// True for a goal that a plan looks back at and has set again: what it had come to is no other state of it.
    fn is_set_again(&self, item: usize, root: usize) -> bool {
        let member = self.list[item].member;
        let is_now = |other: usize| {
            self.list[other].member == member && self.root(other) == root && self.origin(other).is_empty()
        };
        !self.origin(item).is_empty() && (0..self.list.len()).any(is_now)
    }

    /// True for resources of two plans of one unit and custodian: what one says after the other is no contradiction.
    fn is_of_one_source(&self, left: usize, right: usize) -> bool {
        let [left, right] = [left, right].map(|item| self.list[item].member);
        let (a, b) = (self.members[left], self.members[right]);
        let known = a.custodian.is_some() && a.time.is_some() && b.time.is_some();
        left != right && known && a.unit == b.unit && a.custodian == b.custodian && a.time != b.time
    }

    /// True where two resources, whose references lead nowhere else, say the same in the same words but for how they are
    /// kept.
    pub(super) fn say_the_same(&self, left: usize, right: usize) -> bool {
        let [(a, a_tree), (b, b_tree)] = [left, right].map(|item| (self.node(item), self.list[item].tree));
        let mut ours = a_tree.children(a).filter(|child| !is_set_aside(a_tree.name_text(*child), true));
        let mut theirs = b_tree.children(b).filter(|child| !is_set_aside(b_tree.name_text(*child), true));
        let leads = |item| self.links(item).next().is_some();
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return !leads(left) && !leads(right),
                (Some(ours), Some(theirs)) if equal(a_tree, ours, b_tree, theirs) => {}
                _ => return false,
            }
        }
    }

    /// For each resource the first one that says the same in the same words: the two contradict each other in nothing.
    pub(super) fn alike(&self, group: &[usize]) -> Vec<usize> {
        let mut first: Vec<usize> = Vec::with_capacity(group.len());
        for (at, item) in group.iter().enumerate() {
            let same = |other: &usize| first[*other] == *other && self.say_the_same(group[*other], *item);
            let found = (0..at).find(same);
            first.push(found.unwrap_or(at));
        }
        first
    }

    /// Where two resources contradict each other: a value that each has once, and not the same.
    pub(super) fn compare(&self, left: usize, right: usize, differences: &mut Vec<Difference>) {
        if self.root(left) == self.root(right) && self.kind(left) != "Patient" {
            return;
        }
        let path = self.kind(left).to_owned();
        self.compare_at((left, self.node(left)), (right, self.node(right)), &path, differences);
    }

    fn compare_at(
        &self,
        left: (usize, NodeId),
        right: (usize, NodeId),
        path: &str,
        found: &mut Vec<Difference>,
    ) {
        let (left_tree, right_tree) = (self.list[left.0].tree, self.list[right.0].tree);
        let top = !path.contains('.');
        for child in left_tree.children(left.1) {
            let name = left_tree.name_text(child);
            if is_set_aside(name, top) {
                continue;
            }
            let Some(other) = right_tree.child_str(right.1, name) else { continue };
            let (a, b) = ((left.0, child), (right.0, other));
            let path = format!("{path}.{name}");
            let list = left_tree.flags(child).has(Flags::LIST);
            if name == "coding" {
                self.compare_coding(a, right.1, b, &path, found);
            } else if list
                && !(name == "target"
                    && is_only(left_tree, left.1, child)
                    && is_only(right_tree, right.1, other))
            {
                // Lists are put together; neither side says that its own is complete.
            } else if left_tree.kind(child) == Kind::Object {
                self.compare_at(a, b, &path, found);
            } else if !self.same_leaf(a, b) {
                found.push(Difference { path, left: a, right: b });
            }
        }
    }

    fn compare_coding(
        &self,
        left: (usize, NodeId),
        right_parent: NodeId,
        right: (usize, NodeId),
        path: &str,
        found: &mut Vec<Difference>,
    ) {
        let (left_tree, right_tree) = (self.list[left.0].tree, self.list[right.0].tree);
        let part =
            |tree: &Tree, node, name: &str| tree.child_text(node, name).map(std::borrow::Cow::into_owned);
        let system = part(left_tree, left.1, "system");
        let code = part(left_tree, left.1, "code");
        let mut same_system = all(right_tree, right_parent, "coding")
            .filter(|node| part(right_tree, *node, "system") == system)
            .peekable();
        if same_system.peek().is_some() && !same_system.any(|node| part(right_tree, node, "code") == code) {
            found.push(Difference { path: path.to_owned(), left, right });
        }
    }

    fn same_leaf(&self, left: (usize, NodeId), right: (usize, NodeId)) -> bool {
        let (left_tree, right_tree) = (self.list[left.0].tree, self.list[right.0].tree);
        let (a, b) = (left_tree.text(left.1), right_tree.text(right.1));
        if left_tree.name(left.1) == Name::REFERENCE {
            let target = |item, text: &str| self.resolve(item, text).map(|found| self.root(found));
            return match (target(left.0, &a), target(right.0, &b)) {
                (Some(a), Some(b)) => a == b,
                (None, None) => a == b,
                _ => false,
            };
        }
        a == b
    }

    fn count_repeats(&mut self) {
        let mut counts: IdMap<&str, u32> = IdMap::default();
        counts.reserve(self.list.len());
        let references = self.members.iter().flat_map(|member| &member.facts().references);
        let repeats = references.map(|reference| {
            let count = counts.entry(&**reference).or_insert(0);
            *count += 1;
            *count - 1
        });
        self.repeats = repeats.collect();
    }

    /// What a resource is called by its own source, whatever it is put together with: `Goal/0123…`.
    pub(super) fn own_reference(&self, item: usize) -> String {
        [self.kind(item), "/", &self.own_name(item)].concat()
    }

    /// A name for a resource that no other one in the list has.
    pub(super) fn own_name(&self, item: usize) -> String {
        let id = &self.list[item].resource.id;
        match self.repeats[item] {
            0 => id.clone(),
            more => format!("{id}-{more}"),
        }
    }

    /// True for what [`Items::own_name`] gives, without making it.
    pub(super) fn is_own_name(&self, item: usize, name: &str) -> bool {
        let id = &self.list[item].resource.id;
        if self.repeats[item] == 0 { name == id } else { name == self.own_name(item) }
    }

    /// Gives each resource the reference that stands for it where it is the first of its group.
    fn name_targets(&mut self) {
        let references = self.members.iter().flat_map(|member| &member.facts().references);
        let name = |(item, reference): (usize, &Arc<str>)| match self.repeats.get(item) {
            Some(0) | None => Arc::clone(reference),
            Some(_) => self.own_reference(item).into(),
        };
        let mut targets: Vec<Arc<str>> = references.enumerate().map(name).collect();
        if let Some(client) = self.client {
            targets[self.root(client)] = CLIENT.into();
        }
        self.targets = targets;
    }
}

fn is_goal_state(path: &str) -> bool {
    let mut names = path.split('.');
    names.next() == Some("Goal") && names.next().is_some_and(|name| GOAL_STATE.contains(&name))
}

/// True for what says how a resource is kept rather than what it means.
fn is_set_aside(name: &str, top: bool) -> bool {
    let kept = [
        "id",
        "meta",
        "text",
        "implicitRules",
        "language",
        "contained",
        "extension",
        "identifier",
        "resourceType",
    ];
    if top { kept.contains(&name) } else { matches!(name, "id" | "extension") }
}

fn is_only(tree: &Tree, parent: NodeId, child: NodeId) -> bool {
    tree.children_named(parent, tree.name(child)).nth(1).is_none()
}

/// True for values that are unique without a system: UUIDs and URNs.
pub(super) fn is_unique(value: &str) -> bool {
    value.starts_with("urn:")
        || (value.len() == 36 && value.bytes().filter(|byte| *byte == b'-').count() == 4)
}
