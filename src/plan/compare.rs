//! What differs between two joined plans, element by element.
//!
//! Resources are matched by their ids, which are made from the sources' own keys and stay over versions; items of a
//! list by what they say, then by their ids. The joined plan itself is left out: all in it stands in the units' own
//! plans too, as the members of the units' teams stand in the joined team.

use super::Sector;
use super::join::{Joined, PLAN, TEAM};
use super::read::{all, at, extension_text, reference, text, value};
use crate::tree::json::{self, Layout};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// What became of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Only the later plan has it.
    Added,
    /// Only the earlier plan has it.
    Removed,
    /// Both have it, and not with the same value.
    Changed,
}

impl ChangeKind {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// One difference. It holds places and no values, so that it can be shown to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What became of it.
    pub kind: ChangeKind,
    /// The resource: `Goal/0123…`.
    pub target: String,
    /// The element, `Goal.lifecycleStatus`; empty for the whole resource.
    pub element: String,
    /// Where it stands in the earlier Bundle.
    pub before: Option<NodeId>,
    /// Where it stands in the later Bundle.
    pub after: Option<NodeId>,
    /// Whose word it is.
    pub sources: BTreeSet<Teller>,
}

/// A source as the Provenance of a joined plan names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Teller {
    /// The organisation, otherwise the unit system.
    pub name: String,
    /// The unit system.
    pub unit: String,
    /// The sector.
    pub sector: Sector,
    /// The version that the source counts.
    pub version: Option<String>,
}

/// What differs from one joined plan to another, in an order of its own. Equal plans differ in nothing, and the other
/// way round what was added is removed.
pub fn compare(before: &Joined, after: &Joined) -> Vec<Change> {
    compare_bundles(&before.bundle, &after.bundle)
}

/// As [`compare`], of two Bundles that joins made.
pub fn compare_bundles(before: &Tree, after: &Tree) -> Vec<Change> {
    let (left, right) = (resources(before), resources(after));
    let mut found =
        Comparison { before, after, tellers: [Tellers::of(before), Tellers::of(after)], changes: Vec::new() };
    let targets: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let come_or_gone: BTreeSet<&str> = targets
        .iter()
        .filter(|target| left.contains_key(**target) != right.contains_key(**target))
        .map(|target| target.as_str())
        .collect();
    for target in targets.iter().filter(|target| **target != PLAN) {
        let pair = (left.get(*target).copied(), right.get(*target).copied());
        found.resource(target, pair, &come_or_gone);
    }
    let mut changes = found.changes;
    changes.sort_by(|a, b| key(a).cmp(&key(b)));
    changes
}

/// The words of an element in one line; names of extensions and codes of systems say nothing to people.
pub fn words(tree: &Tree, node: NodeId) -> String {
    super::join::cited(tree, node)
}

fn key(change: &Change) -> (usize, &str, &str, ChangeKind, Option<NodeId>, Option<NodeId>) {
    /// What people ask about first.
    const FIRST: &[&str] = &["Patient", "CareTeam", "Goal", "ServiceRequest", "Task", "Condition"];
    let kind = change.target.split('/').next().unwrap_or_default();
    let rank = FIRST.iter().position(|first| *first == kind).unwrap_or(FIRST.len());
    (rank, &change.target, &change.element, change.kind, change.before, change.after)
}

/// The resources of a Bundle by reference.
fn resources(bundle: &Tree) -> BTreeMap<String, NodeId> {
    let mut found = BTreeMap::new();
    if bundle.is_empty() {
        return found;
    }
    for entry in bundle.children_named(NodeId::ROOT, Name::ENTRY) {
        let Some(resource) = bundle.child(entry, Name::RESOURCE) else { continue };
        if let (Some(kind), Some(id)) = (bundle.resource_type(resource), text(bundle, resource, &["id"])) {
            found.insert(format!("{kind}/{id}"), resource);
        }
    }
    found
}

struct Comparison<'a> {
    before: &'a Tree,
    after: &'a Tree,
    tellers: [Tellers; 2],
    changes: Vec<Change>,
}

/// Where a comparison stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    target: &'a str,
    /// The id of the item of a list that it stands in, or below.
    item: Option<&'a str>,
    come_or_gone: &'a BTreeSet<&'a str>,
}

impl Comparison<'_> {
    fn resource(
        &mut self,
        target: &str,
        pair: (Option<NodeId>, Option<NodeId>),
        come_or_gone: &BTreeSet<&str>,
    ) {
        let place = Place { target, item: None, come_or_gone };
        match pair {
            (Some(left), Some(right)) => {
                let kind = target.split('/').next().unwrap_or_default();
                self.children(place, kind, left, right);
            }
            (left, right) => self.push(place, String::new(), left, right),
        }
    }

    fn push(&mut self, place: Place<'_>, element: String, before: Option<NodeId>, after: Option<NodeId>) {
        let kind = match (before, after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            (Some(_), Some(_)) => ChangeKind::Changed,
        };
        let side = usize::from(after.is_some());
        let own = match (before, after) {
            (_, Some(after)) => text(self.after, after, &["id"]),
            (before, None) => before.and_then(|before| text(self.before, before, &["id"])),
        };
        let item = place.item.or(own.as_deref());
        let sources = self.tellers[side].of_change(place.target, &element, item);
        self.changes.push(Change { kind, target: place.target.to_owned(), element, before, after, sources });
    }

    /// The children of two elements, name by name.
    fn children(&mut self, place: Place<'_>, path: &str, left: NodeId, right: NodeId) {
        let mut names: Vec<&str> =
            self.before.children(left).map(|child| self.before.name_text(child)).collect();
        names.extend(self.after.children(right).map(|child| self.after.name_text(child)));
        names.sort_unstable();
        names.dedup();
        for name in names.into_iter().filter(|name| !is_aside(place.target, path, name)) {
            let lefts: Vec<NodeId> = all(self.before, left, name).collect();
            let rights: Vec<NodeId> = all(self.after, right, name).collect();
            let is_list = lefts.len() > 1
                || rights.len() > 1
                || lefts.iter().any(|node| self.before.flags(*node).has(Flags::LIST))
                || rights.iter().any(|node| self.after.flags(*node).has(Flags::LIST));
            let path = format!("{path}.{name}");
            if is_list {
                self.list(place, &path, lefts, rights);
            } else {
                self.single(place, &path, lefts.first().copied(), rights.first().copied());
            }
        }
    }

    fn single(&mut self, place: Place<'_>, path: &str, left: Option<NodeId>, right: Option<NodeId>) {
        let (Some(left), Some(right)) = (left, right) else {
            return self.push(place, path.to_owned(), left, right);
        };
        let kinds = (self.before.kind(left), self.after.kind(right));
        if kinds == (Kind::Object, Kind::Object) {
            return self.children(place, path, left, right);
        }
        if content(self.before, left) != content(self.after, right) {
            self.push(place, path.to_owned(), Some(left), Some(right));
        }
    }

    /// The items of two lists: equal ones are matched, then those of one id, and what is left of both sides where it
    /// is one of each.
    fn list(&mut self, place: Place<'_>, path: &str, mut lefts: Vec<NodeId>, mut rights: Vec<NodeId>) {
        let mut equal: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
        for node in lefts.drain(..).rev() {
            equal.entry(content(self.before, node)).or_default().push(node);
        }
        rights.retain(|node| equal.get_mut(&content(self.after, *node)).and_then(Vec::pop).is_none());
        lefts.extend(equal.into_values().flatten());
        lefts.sort_unstable();
        let id = |tree: &Tree, node| text(tree, node, &["id"]).map(std::borrow::Cow::into_owned);
        let mut pairs: Vec<(NodeId, NodeId)> = Vec::new();
        lefts.retain(|left| {
            let own = id(self.before, *left);
            let found = own.and_then(|own| {
                rights.iter().position(|right| id(self.after, *right).as_deref() == Some(own.as_str()))
            });
            pairs.extend(found.map(|at| (*left, rights.remove(at))));
            found.is_none()
        });
        self.pair_alone(&mut lefts, &mut rights, &mut pairs);
        for (left, right) in pairs {
            let own = id(self.after, right).or_else(|| id(self.before, left));
            let place = Place { item: place.item.or(own.as_deref()), ..place };
            self.single(place, path, Some(left), Some(right));
        }
        for left in lefts.into_iter().filter(|node| !is_told(self.before, *node, place)) {
            self.push(place, path.to_owned(), Some(left), None);
        }
        for right in rights.into_iter().filter(|node| !is_told(self.after, *node, place)) {
            self.push(place, path.to_owned(), None, Some(right));
        }
    }
}

impl Comparison<'_> {
    /// Pairs what is left of two lists where both have one of a kind: extensions by their url, other items as they are.
    fn pair_alone(
        &self,
        lefts: &mut Vec<NodeId>,
        rights: &mut Vec<NodeId>,
        pairs: &mut Vec<(NodeId, NodeId)>,
    ) {
        let url = |tree: &Tree, node| text(tree, node, &["url"]).map(std::borrow::Cow::into_owned);
        let mut kinds: BTreeMap<Option<String>, (Vec<NodeId>, Vec<NodeId>)> = BTreeMap::new();
        for left in lefts.iter() {
            kinds.entry(url(self.before, *left)).or_default().0.push(*left);
        }
        for right in rights.iter() {
            kinds.entry(url(self.after, *right)).or_default().1.push(*right);
        }
        for (of_left, of_right) in kinds.into_values() {
            if let ([left], [right]) = (of_left.as_slice(), of_right.as_slice()) {
                pairs.push((*left, *right));
                lefts.retain(|node| node != left);
                rights.retain(|node| node != right);
            }
        }
    }
}

/// What an element says, as JSON.
fn content(tree: &Tree, node: NodeId) -> String {
    let mut content = String::new();
    json::write(tree, node, Layout::Compact, &mut content);
    content
}

/// True for an item that only refers to a resource which is told of itself.
fn is_told(tree: &Tree, node: NodeId, place: Place<'_>) -> bool {
    // An activity that is a request of its own holds the reference one step below.
    let below = || {
        let parts: Vec<NodeId> = tree.children(node).filter(|child| tree.name(*child) != Name::ID).collect();
        if let [only] = parts.as_slice() { reference(tree, *only) } else { None }
    };
    let leads = reference(tree, node).or_else(below);
    leads.is_some_and(|reference| place.come_or_gone.contains(&*reference))
}

/// What says how a resource is kept, and what is told at another place.
fn is_aside(target: &str, path: &str, name: &str) -> bool {
    match name {
        "id" | "resourceType" => true,
        "profile" | "versionId" | "lastUpdated" => path.rsplit('.').next() == Some("meta"),
        "participant" => path == "CareTeam" && target != TEAM,
        "target" => path == "Provenance",
        _ => false,
    }
}

/// Who says what, by the Provenance of a joined plan.
struct Tellers {
    list: Vec<Teller>,
    /// For each resource the sources, each with the element that it gave, or nothing for the whole.
    of: BTreeMap<String, Vec<(Option<Part>, usize)>>,
}

/// What a Provenance points at in a resource that sources share.
enum Part {
    Id(String),
    Path(String),
}

impl Tellers {
    fn of(bundle: &Tree) -> Self {
        let mut tellers = Self { list: Vec::new(), of: BTreeMap::new() };
        for (target, node) in resources(bundle) {
            if !target.starts_with("Provenance/") {
                continue;
            }
            let number = tellers.list.len();
            tellers.list.push(teller(bundle, node));
            tellers.of.entry(target).or_default().push((None, number));
            for given in all(bundle, node, "target") {
                let Some(target) = reference(bundle, given) else { continue };
                let part = all(bundle, given, "extension").find_map(|extension| part(bundle, extension));
                tellers.of.entry(target.into_owned()).or_default().push((part, number));
            }
        }
        tellers
    }

    /// The sources of an element; of the whole resource all that gave something to it.
    fn of_element(&self, target: &str, element: &str, item: Option<&str>) -> BTreeSet<usize> {
        let Some(given) = self.of.get(target) else { return BTreeSet::new() };
        let top: String = element.split('.').take(2).collect::<Vec<_>>().join(".");
        let is_of = |part: &Option<Part>| match part {
            None => true,
            Some(Part::Id(id)) => item == Some(id.as_str()),
            Some(Part::Path(path)) => *path == top,
        };
        let exact: BTreeSet<usize> =
            given.iter().filter(|(part, _)| is_of(part)).map(|(_, number)| *number).collect();
        if exact.is_empty() { given.iter().map(|(_, number)| *number).collect() } else { exact }
    }

    fn of_change(&self, target: &str, element: &str, item: Option<&str>) -> BTreeSet<Teller> {
        let numbers = self.of_element(target, element, item);
        numbers.into_iter().filter_map(|number| self.list.get(number).cloned()).collect()
    }
}

fn part(tree: &Tree, extension: NodeId) -> Option<Part> {
    let url = text(tree, extension, &["url"])?;
    let said = value(tree, extension).map(|value| tree.text(value).into_owned())?;
    if url.ends_with("/targetElement") {
        Some(Part::Id(said))
    } else if url.ends_with("/targetPath") {
        Some(Part::Path(said))
    } else {
        None
    }
}

fn teller(tree: &Tree, provenance: NodeId) -> Teller {
    let entity = at(tree, provenance, &["entity"]);
    let of_entity = |word| entity.and_then(|entity| extension_text(tree, entity, word));
    let unit = of_entity("unit").unwrap_or_default().into_owned();
    let name = text(tree, provenance, &["agent", "who", "display"]);
    Teller {
        name: name.map_or_else(|| unit.clone(), std::borrow::Cow::into_owned),
        unit,
        sector: of_entity("sector").and_then(|code| Sector::find(&code)).unwrap_or(Sector::Other),
        version: of_entity("document-version").map(std::borrow::Cow::into_owned),
    }
}
