//! What was found among all resources of a kind, for as long as they say the same.

use super::Finding;
use super::items::Items;
use crate::tree::{NodeId, Tree, equal_content};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The findings of the join before about resources of a kind, and those of this one.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<&'static str, Answer>);

#[derive(Debug)]
struct Answer {
    /// Label, unit and plan of each contribution, as findings tell them.
    members: Vec<[String; 3]>,
    groups: Vec<Group>,
    found: Vec<Finding>,
}

/// Resources that are one.
#[derive(Debug)]
struct Group {
    target: String,
    items: Vec<Said>,
}

#[derive(Debug)]
struct Said {
    member: usize,
    name: String,
    bundle: Arc<Tree>,
    node: NodeId,
    /// What stands for the resources that it refers to: two references are one where they lead to one resource.
    links: Vec<String>,
}

impl Answers {
    /// The findings about the resources of a kind: those of the join before, where nothing that they tell of has
    /// changed.
    pub(super) fn ask(
        old: Option<(&mut Self, &mut Self)>,
        (items, groups, kind): (&Items<'_>, &[Vec<usize>], &'static str),
        find: impl FnOnce() -> Vec<Finding>,
    ) -> Vec<Finding> {
        let Some((old, new)) = old else { return find() };
        let groups: Vec<&Vec<usize>> = groups.iter().filter(|group| items.kind(group[0]) == kind).collect();
        if items.settled.tears() {
            return find();
        }
        let known = old.0.remove(kind).filter(|known| known.is_of(items, &groups));
        let answer = known.unwrap_or_else(|| Answer::new(items, &groups, find()));
        let found = answer.found.clone();
        new.0.insert(kind, answer);
        found
    }
}

impl Answer {
    fn new(items: &Items<'_>, groups: &[&Vec<usize>], found: Vec<Finding>) -> Self {
        let member = |member: &&crate::plan::Contribution| {
            [member.label.clone(), member.unit.clone(), member.plan_key.clone()]
        };
        let said = |item: &usize| Said {
            member: items.list[*item].member,
            name: items.own_name(*item),
            bundle: Arc::clone(&items.members[items.list[*item].member].bundle),
            node: items.node(*item),
            links: items.link_targets(*item).map(str::to_owned).collect(),
        };
        let group = |group: &&Vec<usize>| Group {
            target: items.target(group[0]).to_owned(),
            items: group.iter().map(said).collect(),
        };
        Self {
            members: items.members.iter().map(member).collect(),
            groups: groups.iter().map(group).collect(),
            found,
        }
    }

    fn is_of(&self, items: &Items<'_>, groups: &[&Vec<usize>]) -> bool {
        let same_member = |(known, member): (&[String; 3], &&crate::plan::Contribution)| {
            known[0] == member.label && known[1] == member.unit && known[2] == member.plan_key
        };
        self.members.len() == items.members.len()
            && self.groups.len() == groups.len()
            && self.members.iter().zip(&items.members).all(same_member)
            && self.groups.iter().zip(groups).all(|(known, group)| known.is(items, group))
    }
}

impl Group {
    fn is(&self, items: &Items<'_>, group: &[usize]) -> bool {
        self.items.len() == group.len()
            && self.target == items.target(group[0])
            && self.items.iter().zip(group).all(|(known, item)| known.is(items, *item))
    }
}

impl Said {
    fn is(&self, items: &Items<'_>, item: usize) -> bool {
        let listed = items.list[item];
        let bundle = &items.members[listed.member].bundle;
        let node = listed.resource.node;
        self.member == listed.member
            && items.is_own_name(item, &self.name)
            && items.link_targets(item).eq(self.links.iter().map(String::as_str))
            && (Arc::ptr_eq(&self.bundle, bundle) && self.node == node
                || equal_content(&self.bundle, self.node, bundle, node))
    }
}
