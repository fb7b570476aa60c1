//! Which resources are for certain what they were in the join before: those of a contribution that is still there, and
//! that stand for the same, together with the same.

use super::build::Build;
use super::facts::Facts;
use super::items::Items;
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
    first: usize,
    /// Shared with the join before where it is the same.
    standing: Arc<Standing>,
}

/// How a contribution and its resources stand in the joined plan.
#[derive(Debug)]
struct Standing {
    /// Read of this contribution and no other: while it is held there is no second one like it.
    facts: Arc<Facts>,
    /// Label, unit and plan, as findings tell them.
    names: [String; 3],
    provenance: String,
    places: Vec<Place>,
    /// What references by an identifier alone lead to.
    identified: Vec<Option<Arc<str>>>,
}

/// How a resource stands in the joined plan.
#[derive(Debug)]
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
    /// What a join knows that is about to be written, and what of it is what it was in the one before.
    pub(super) fn after(build: &Build<'_>, groups: &Arc<Vec<Vec<usize>>>, before: &Self) -> (Self, Kept) {
        let items = build.items;
        let mut group_of = vec![0; items.list.len()];
        for (number, group) in groups.iter().enumerate() {
            for item in group {
                group_of[*item] = number;
            }
        }
        let known = before.members.iter().enumerate();
        let known: HashMap<*const Facts, usize> =
            known.map(|(at, member)| (Arc::as_ptr(&member.standing.facts), at)).collect();
        let (mut members, mut kept) = (Vec::new(), Vec::new());
        for (number, member) in items.members.iter().enumerate() {
            let old = known.get(&Arc::as_ptr(member.facts())).copied();
            let old = old.filter(|at| before.members[*at].standing.is_of(build, number));
            let standing = old.map(|at| Arc::clone(&before.members[at].standing));
            let standing = standing.unwrap_or_else(|| Arc::new(Standing::of(build, number)));
            members.push(Member { first: items.of_member(number).start, standing });
            kept.push(old);
        }
        let has_client = items.client.is_some();
        let now = Self { has_client, members, group_of, groups: Arc::clone(groups) };
        let kept = now.kept(before, kept);
        (now, kept)
    }

    /// True where what is written of a resource depends on nothing else that this join would tell otherwise.
    pub(super) fn tells_as(&self, items: &Items<'_>) -> bool {
        self.has_client == items.client.is_some()
    }

    /// What stands for a group.
    pub(super) fn target_of(&self, group: usize) -> Option<&str> {
        let item = *self.groups.get(group)?.first()?;
        let member =
            self.members.get(self.members.partition_point(|member| member.first <= item).checked_sub(1)?)?;
        member.standing.places.get(item - member.first).map(|place| &*place.target)
    }

    /// What is what it was in the join before, given the contributions that are.
    fn kept(&self, before: &Self, members: Vec<Option<usize>>) -> Kept {
        let has_same_names = |(new, old): (&Member, &Member)| new.standing.names == old.standing.names;
        let same_names = self.members.len() == before.members.len()
            && self.members.iter().zip(&before.members).all(has_same_names);
        let mut kept = Kept { groups: vec![None; self.groups.len()], has_same_names: same_names, members };
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
            moved.extend((0..member.standing.places.len()).map(|at| Some(first? + at)));
        }
        moved
    }
}

impl Standing {
    fn of(build: &Build<'_>, number: usize) -> Self {
        let items = build.items;
        let (member, own) = (items.members[number], items.of_member(number));
        let place = |item: usize| Place {
            target: items.shared_target(item),
            repeat: items.repeat(item),
            is_protected: build.protected.is_person(items, item),
        };
        let identified = own.clone().flat_map(|item| items.identified_by(item));
        Self {
            facts: Arc::clone(member.facts()),
            names: [member.label.clone(), member.unit.clone(), member.plan_key.clone()],
            provenance: build.provenance[number].clone(),
            identified: identified.map(|to| to.map(|to| items.shared_target(to))).collect(),
            places: own.map(place).collect(),
        }
    }

    /// True for how a contribution stands of which these facts were read.
    fn is_of(&self, build: &Build<'_>, number: usize) -> bool {
        let items = build.items;
        let (member, own) = (items.members[number], items.of_member(number));
        let identified = own.clone().flat_map(|item| items.identified_by(item));
        [&member.label, &member.unit, &member.plan_key].into_iter().eq(&self.names)
            && self.provenance == build.provenance[number]
            && own.len() == self.places.len()
            && own.zip(&self.places).all(|(item, place)| place.is_of(build, item))
            && identified
                .map(|to| to.map(|to| items.target(to)))
                .eq(self.identified.iter().map(Option::as_deref))
    }
}

impl Place {
    fn is_of(&self, build: &Build<'_>, item: usize) -> bool {
        let target = build.items.target(item);
        // What a contribution names itself is the same text in every join.
        (target.as_ptr() == self.target.as_ptr() || *target == *self.target)
            && self.repeat == build.items.repeat(item)
            && self.is_protected == build.protected.is_person(build.items, item)
    }
}
