//! What no source has yet: it goes to the plan of the editor's own unit.

use super::{Action, Content, FIXED, LISTED, MADE, New, NewKind, Owner, Place, SEEN_IN_PART};
use crate::diag::codes;
use crate::plan::contribution::make_id;
use crate::plan::join::{PLAN, TEAM};
use crate::tree::json::{Layout, to_string};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::BTreeMap;

/// Lists of the joined plan and of the joined team whose items stem from sources.
const PLAN_LISTS: &[&str] = &["activity", "note", "author", "contributor"];
const TEAM_LISTS: &[&str] = &["participant", "note", "managingOrganization", "telecom"];
/// How a plan lists what is added beside it.
const LINKS: &[(&str, &str)] = &[
    ("Goal", "goal"),
    ("Condition", "addresses"),
    ("Observation", "supportingInfo"),
    ("QuestionnaireResponse", "supportingInfo"),
    ("DocumentReference", "supportingInfo"),
    ("Flag", "supportingInfo"),
];

/// The contribution that takes what is new, with its plan and its team.
#[derive(Clone, Copy)]
struct Home {
    contribution: usize,
    plan: NodeId,
    team: Option<NodeId>,
}

impl Owner<'_> {
    /// An item of a list of the joined plan or team.
    pub(super) fn add_item(&mut self, after: NodeId, place: &Place) {
        let name = self.edited.name_text(after);
        let lists = if place.target == TEAM { TEAM_LISTS } else { PLAN_LISTS };
        if LISTED.contains(&name) && place.target == PLAN && self.refers_to_new(after) {
            return;
        }
        if !lists.contains(&name) {
            return self.refuse(codes::COMPUTED_EDIT, MADE, &place.full());
        }
        if self.has_blot(after) {
            return self.refuse(codes::HIDDEN_EDIT, "a part of this text is hidden", &place.full());
        }
        let Ok(home) = self.home() else {
            return self.refuse(
                codes::NO_PLACE,
                "the editor has several plans that could take it",
                &place.full(),
            );
        };
        let kind = if place.target == TEAM { NewKind::TeamItem } else { NewKind::PlanItem };
        let above = [place.target.split('/').next().unwrap_or_default(), name];
        if home.is_some_and(|home| !self.admits_new(home.contribution, &above, after)) {
            return self.refuse(codes::PART_SEEN, SEEN_IN_PART, &place.full());
        }
        let parent =
            home.and_then(|home| if kind == NewKind::TeamItem { home.team } else { Some(home.plan) });
        let home = home.filter(|_| parent.is_some());
        let new = self.note(place, after, kind, home);
        let (Some(home), Some(parent)) = (home, parent) else { return };
        match self.content_for(home.contribution, after) {
            Ok(mut content) => {
                content.list = true;
                let action = Action::Insert { parent, behind: None, content };
                self.operate_new(home.contribution, place, action, Some(new));
            }
            Err(message) => self.refuse(codes::NOT_REFERABLE, message, &place.full()),
        }
    }

    fn refers_to_new(&self, item: NodeId) -> bool {
        let leaf = self.edited.child(item, Name::REFERENCE);
        let said = leaf.and_then(|leaf| super::value(self.edited, leaf));
        said.is_some_and(|said| self.fresh.contains(&*said))
    }

    /// A resource that was not given out.
    pub(super) fn add_resource(&mut self, key: &str, node: NodeId) {
        let kind = self.edited.resource_type(node).unwrap_or_default().into_owned();
        let place = Place { target: key.to_owned(), path: kind.clone() };
        if FIXED.contains(&kind.as_str()) {
            return self.refuse(codes::COMPUTED_EDIT, "a resource of this kind is not added by an edit", key);
        }
        let Ok(home) = self.home() else {
            return self.refuse(codes::NO_PLACE, "the editor has several plans that could take it", key);
        };
        let home = home.filter(|home| {
            let tree = &self.given.contributions[home.contribution].bundle;
            tree.resource_type(NodeId::ROOT).as_deref() == Some("Bundle")
        });
        if home.is_some_and(|home| !self.admits_new(home.contribution, &[&kind], node)) {
            return self.refuse(codes::PART_SEEN, SEEN_IN_PART, key);
        }
        let new = self.note(&place, node, NewKind::Resource, home);
        let Some(home) = home else { return };
        match self.content_for(home.contribution, node) {
            Ok(mut content) => {
                name(&mut content.tree);
                let said = super::resource_key(&content.tree, NodeId::ROOT).unwrap_or_default();
                let url = self.edited.parent(node).and_then(|entry| self.edited.child_text(entry, "fullUrl"));
                let url = url.map(std::borrow::Cow::into_owned);
                let action = Action::InsertResource { content, url };
                self.operate_new(home.contribution, &place, action, Some(new));
                self.link(home, &kind, &said, &place, new);
            }
            Err(message) => self.refuse(codes::NOT_REFERABLE, message, key),
        }
    }

    /// Lists a new resource in the plan, unless the edit does so itself.
    fn link(&mut self, home: Home, kind: &str, said: &str, place: &Place, new: usize) {
        let Some((_, list)) = LINKS.iter().find(|(known, _)| *known == kind) else { return };
        let of_plan = |(key, _): &(String, NodeId)| key.starts_with("CarePlan/") && key != PLAN;
        let plans = super::resources(self.edited).into_iter().filter(of_plan);
        let is_listed = plans.flat_map(|(_, plan)| self.edited.descend(plan)).any(|leaf| {
            self.edited.name(leaf) == Name::REFERENCE
                && super::value(self.edited, leaf).is_some_and(|other| other == place.target)
        });
        if is_listed {
            return;
        }
        let mut tree = Tree::new(self.edited.names().shared());
        let list = tree.intern(list);
        tree.push_root(list, Kind::Object);
        let leaf = tree.insert(NodeId::ROOT, Name::REFERENCE, Kind::Str, Flags::default(), 0);
        tree.set_text(leaf, said);
        let content = Content { tree, list: true, refers: Vec::new(), below: None };
        let action = Action::Insert { parent: home.plan, behind: None, content };
        self.operate_new(home.contribution, place, action, Some(new));
    }

    fn note(&mut self, place: &Place, node: NodeId, kind: NewKind, home: Option<Home>) -> usize {
        let home = home.map(|home| home.contribution);
        self.split.new.push(New { target: place.target.clone(), node, kind, home });
        self.split.new.len() - 1
    }

    /// The one contribution of the editor's own that has a plan.
    fn home(&self) -> Result<Option<Home>, ()> {
        let mut homes: BTreeMap<usize, Home> = BTreeMap::new();
        for (at, source) in self.given.joined.sources.iter().enumerate().filter(|(at, _)| self.is_own(*at)) {
            let Some(contribution) = self.contributions[at] else { continue };
            let from = |target: &str| {
                let origins = self.given.joined.origins(*self.targets.get(target)?);
                origins.iter().find(|origin| origin.source == at).map(|origin| origin.from)
            };
            let Some(plan) = from(&source.plan) else { continue };
            let mut of_source = self.given.joined.lineage.iter().filter(|line| line.source == at);
            let team = of_source.find(|line| line.target.starts_with("CareTeam/")).map(|line| line.node);
            homes.entry(contribution).or_insert(Home { contribution, plan, team });
        }
        let mut homes = homes.into_values();
        match (homes.next(), homes.next()) {
            (_, Some(_)) => Err(()),
            (home, None) => Ok(home),
        }
    }
}

/// Gives a resource without an id one that its content makes.
fn name(tree: &mut Tree) {
    if tree.child(NodeId::ROOT, Name::ID).is_none() {
        let id = make_id(&["new", &to_string(tree, Layout::Compact)]);
        let leaf = tree.insert(NodeId::ROOT, Name::ID, Kind::Str, Flags::default(), 1);
        tree.set_text(leaf, &id);
    }
}
