//! Which resources are for certain what they were in the join before: those of a contribution that is still there, and
//! that stand for the same, together with the same.

use super::build::Build;
use super::facts::Facts;
use std::collections::HashMap;
use std::sync::Arc;

/// What a join knew of its contributions and their resources.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The client is known, so that what is recorded for others can be told.
    has_client: bool,
    members: Vec<Member>,
    /// The group of each resource.
    group_of: Vec<usize>,
    /// The resources that are one, in the order in which they are written.
    pub(super) groups: Arc<Vec<Vec<usize>>>,
}

#[derive(Debug)]
struct Member {
    /// Read of this contribution and no other: while it is held there is no second one like it.
    facts: Arc<Facts>,
    /// Label, unit and plan, as findings tell them.
    names: [String; 3],
    provenance: String,
    first: usize,
    places: Vec<Place>,
    /// What references by an identifier alone lead to.
    identified: Vec<Option<Arc<str>>>,
}

/// How a resource stands in the joined plan.
#[derive(Debug, PartialEq)]
struct Place {
    target: Arc<str>,
    repeat: u32,
    is_protected: bool,
}

/// The resources and contributions of one join that are what they were in another.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// For each group its place in the join before.
    pub(super) groups: Vec<Option<usize>>,
    /// For each contribution its place in the join before.
    pub(super) members: Vec<Option<usize>>,
    /// The contributions are called as before, in the same order.
    pub(super) has_same_names: bool,
}

impl Past {
    /// What a join knows that is about to be written.
    pub(super) fn of(build: &Build<'_>, groups: &Arc<Vec<Vec<usize>>>) -> Self {
        let items = build.items;
        let mut group_of = vec![0; items.list.len()];
        for (number, group) in groups.iter().enumerate() {
            for item in group {
                group_of[*item] = number;
            }
        }
        let place = |item: usize| Place {
            target: items.shared_target(item),
            repeat: items.repeat(item),
            is_protected: build.protected.is_person(items, item),
        };
        let members = items.members.iter().zip(&build.provenance).enumerate();
        let members = members.map(|(number, (member, provenance))| {
            let own = items.of_member(number);
            Member {
                facts: Arc::clone(member.facts()),
                names: [member.label.clone(), member.unit.clone(), member.plan_key.clone()],
                provenance: provenance.clone(),
                first: own.start,
                identified: own.clone().flat_map(|item| items.identified_targets(item)).collect(),
                places: own.map(place).collect(),
            }
        });
        let has_client = items.client.is_some();
        Self { has_client, members: members.collect(), group_of, groups: Arc::clone(groups) }
    }

    /// True where what is written of a resource depends on nothing else that another join knew otherwise.
    pub(super) fn tells_as(&self, other: &Self) -> bool {
        self.has_client == other.has_client
    }

    /// What stands for a group.
    pub(super) fn target_of(&self, group: usize) -> Option<&str> {
        let item = *self.groups.get(group)?.first()?;
        let member =
            self.members.get(self.members.partition_point(|member| member.first <= item).checked_sub(1)?)?;
        member.places.get(item - member.first).map(|place| &*place.target)
    }

    /// What of this join is what it was in the one before.
    pub(super) fn kept(&self, before: &Self) -> Kept {
        let known = before.members.iter().enumerate();
        let known: HashMap<*const Facts, usize> =
            known.map(|(at, member)| (Arc::as_ptr(&member.facts), at)).collect();
        let member = |member: &Member| {
            let at = *known.get(&Arc::as_ptr(&member.facts))?;
            before.members.get(at).filter(|old| member.stands_as(old)).map(|_| at)
        };
        let members: Vec<Option<usize>> = self.members.iter().map(member).collect();
        let same_names = self.members.iter().zip(&before.members).all(|(new, old)| new.names == old.names);
        let mut kept = Kept {
            groups: vec![None; self.groups.len()],
            has_same_names: same_names && self.members.len() == before.members.len(),
            members,
        };
        let moved: Vec<Option<usize>> = self.moved(before, &kept.members);
        for (group, place) in self.groups.iter().zip(&mut kept.groups) {
            let first = group.first().and_then(|item| moved[*item]);
            let old = first.map(|first| before.group_of[first]);
            *place = old.filter(|old| {
                group.iter().map(|item| moved[*item]).eq(before.groups[*old].iter().copied().map(Some))
            });
        }
        kept
    }

    /// Where each resource of a kept contribution was.
    fn moved(&self, before: &Self, members: &[Option<usize>]) -> Vec<Option<usize>> {
        let mut moved = Vec::with_capacity(self.group_of.len());
        for (member, old) in self.members.iter().zip(members) {
            let first = old.map(|old| before.members[old].first);
            moved.extend((0..member.places.len()).map(|at| Some(first? + at)));
        }
        moved
    }
}

impl Member {
    fn stands_as(&self, old: &Self) -> bool {
        self.provenance == old.provenance && self.places == old.places && self.identified == old.identified
    }
}
