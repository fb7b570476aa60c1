//! Takes out of a copy of a contribution what a requester does not see. Nodes keep their ids.
//!
//! In this order: resources that are not seen; elements that are not seen; resources that only withheld ones led to,
//! as the doctor of a withheld diagnosis; references that lead to what is gone; resources that lack now what FHIR
//! demands of them, as an appointment without participants; narratives, which repeat what may be gone; identity codes
//! in texts.

use super::Case;
use super::seen::Verdicts;
use crate::mapping::units::schema;
use crate::plan::contribution::{Contribution, Resource};
use crate::plan::join::Whole;
use crate::plan::mask_codes;
use crate::plan::permission::{Reason, Relation};
use crate::plan::policy::Sight;
use crate::plan::read::{all, at, identifiers, text};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is withheld of one contribution: kind, reason and rule, with how many.
pub(super) type Counts = BTreeMap<(String, Reason, String), usize>;

/// A contribution's tree without what is withheld.
pub(super) struct Hidden {
    pub(super) tree: Tree,
    pub(super) counts: Counts,
}

/// Kinds that say nothing of their own: they are seen where something that is seen leads to them.
const SUPPORTING: &[&str] = &[
    "Device",
    "Endpoint",
    "HealthcareService",
    "Location",
    "Medication",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "Substance",
];

/// Elements that say how a resource is kept; they stay with a resource of which anything is seen.
const STRUCTURE: &[&str] = &["resourceType", "id", "meta", "contained"];
/// What of `meta` stays where anything was withheld: the versions, which tell the newest, and labels of protection.
const META: &[&str] = &["versionId", "lastUpdated", "security"];
/// What of a label stays: its words may say what it is there for.
const LABEL: &[&str] = &["system", "code"];
/// Elements that say nothing without the reference in them, by the element and the reference.
const CARRIERS: &[(&str, &str)] = &[
    ("activity", "reference"),
    ("agent", "who"),
    ("data", "reference"),
    ("diagnosis", "condition"),
    ("entity", "what"),
    ("participant", "actor"),
    ("participant", "individual"),
    ("participant", "member"),
    ("performer", "actor"),
];

/// Hides what a requester does not see of the member with this number.
pub(super) fn hide(
    case: &Case<'_>,
    whole: &Whole<'_>,
    number: usize,
    sight: &Sight,
    relation: Relation,
) -> Hidden {
    let member = whole.members()[number];
    let verdicts = Verdicts::new(case, whole, number, sight, relation);
    let mut hiding = Hiding {
        member,
        tree: (*member.bundle).clone(),
        gone: HashSet::new(),
        counts: Counts::new(),
        verdicts,
    };
    // Nobody sees where a protected person lives, and what is named by its content must not tell it either.
    for home in whole.homes(number) {
        hiding.tree.detach(home);
    }
    hiding.detach_foreign();
    hiding.resources();
    hiding.elements();
    hiding.unreached();
    hiding.references();
    // Each round takes a resource out, or is the last.
    while hiding.incomplete() {
        hiding.unreached();
        hiding.references();
    }
    if !hiding.counts.is_empty() {
        hiding.narratives();
    }
    if !sight.identity_code {
        hiding.codes();
    }
    Hidden { tree: hiding.tree, counts: hiding.counts }
}

struct Hiding<'a> {
    member: &'a Contribution,
    tree: Tree,
    /// Resources that are not seen.
    gone: HashSet<NodeId>,
    counts: Counts,
    verdicts: Verdicts<'a>,
}

impl<'a> Hiding<'a> {
    fn count(&mut self, kind: &str, (reason, rule): (Reason, &str)) {
        *self.counts.entry((kind.to_owned(), reason, rule.to_owned())).or_default() += 1;
    }

    /// What a document about several clients holds of the others belongs to no view of this one.
    fn detach_foreign(&mut self) {
        let own: HashSet<NodeId> = self.member.resources.iter().map(|resource| resource.node).collect();
        let entries: Vec<NodeId> = self.tree.children_named(NodeId::ROOT, Name::ENTRY).collect();
        for entry in entries {
            let resource = self.tree.child(entry, Name::RESOURCE);
            if resource.is_some_and(|resource| !own.contains(&resource)) {
                self.tree.detach(entry);
            }
        }
    }

    fn resources(&mut self) {
        let member = self.member;
        for resource in &member.resources {
            let container = resource.container.and_then(|at| member.resources.get(at as usize));
            if container.is_some_and(|container| self.gone.contains(&container.node)) {
                self.gone.insert(resource.node);
                continue;
            }
            if let Some((reason, rule)) = self.verdicts.of_resource(resource) {
                self.remove(resource);
                let rule = rule.to_owned();
                self.count(&resource.kind, (reason, &rule));
            }
        }
    }

    fn remove(&mut self, resource: &Resource) {
        self.gone.insert(resource.node);
        let entry = self.tree.parent(resource.node).filter(|above| self.tree.name(*above) == Name::ENTRY);
        match (entry, resource.node) {
            (Some(entry), _) => self.tree.detach(entry),
            // The whole document is one resource.
            (None, NodeId::ROOT) => self.tree.set_children(NodeId::ROOT, &[]),
            (None, node) => self.tree.detach(node),
        }
    }

    fn elements(&mut self) {
        let member = self.member;
        for resource in &member.resources {
            if !self.gone.contains(&resource.node) {
                let mut place = vec![resource.kind.clone()];
                self.elements_of(resource, resource.node, &mut place);
            }
        }
    }

    fn elements_of(&mut self, resource: &'a Resource, node: NodeId, place: &mut Vec<String>) {
        let children: Vec<NodeId> = self.tree.children(node).collect();
        for child in children {
            let word = self.tree.name_text(child).to_owned();
            if place.len() == 1 && STRUCTURE.contains(&word.as_str()) {
                continue;
            }
            place.push(self.part(child, word));
            match self.verdicts.of_element(&self.tree, resource, child, place) {
                Some((reason, rule)) => {
                    let (kind, rule) = (told_path(place), rule.to_owned());
                    self.tree.detach(child);
                    self.count(&kind, (reason, &rule));
                }
                None => self.elements_of(resource, child, place),
            }
            place.pop();
        }
        if node != resource.node {
            self.drop_empty(node, resource.node);
        }
    }

    /// The part of a path that a node is; of an extension with the last word of its url.
    fn part(&self, node: NodeId, word: String) -> String {
        if self.tree.name(node) != Name::EXTENSION {
            return word;
        }
        let url = self.tree.child_text(node, "url");
        url.map_or(word.clone(), |url| format!("{word}:{}", url.rsplit('/').next().unwrap_or_default()))
    }

    /// Takes out an element of which nothing is left, and what held only that.
    fn drop_empty(&mut self, mut node: NodeId, resource: NodeId) {
        // A primitive without a value is there for its extensions alone.
        while node != resource && matches!(self.tree.kind(node), Kind::Object | Kind::Null) {
            let says = |child: NodeId| !matches!(self.tree.name_text(child), "id" | "url");
            if self.tree.children(node).any(says) || self.member.number(node).is_some() {
                return;
            }
            let Some(above) = self.tree.parent(node) else { return };
            self.tree.detach(node);
            node = above;
        }
    }

    /// Supporting resources that nothing seen leads to.
    fn unreached(&mut self) {
        let member = self.member;
        let is_supporting = |resource: &Resource| SUPPORTING.contains(&resource.kind.as_str());
        let mut reached: BTreeSet<u32> = BTreeSet::new();
        let mut open: Vec<u32> = Vec::new();
        for (resource, number) in member.resources.iter().zip(0_u32..) {
            if !self.gone.contains(&resource.node) && !is_supporting(resource) {
                reached.insert(number);
                open.push(number);
            }
        }
        while let Some(number) = open.pop() {
            let found: Vec<u32> = self.links(number).collect();
            let is_seen = |number: &u32| {
                member.resources.get(*number as usize).is_some_and(|found| !self.gone.contains(&found.node))
            };
            open.extend(found.into_iter().filter(|found| is_seen(found) && reached.insert(*found)));
        }
        // Where nothing at all is withheld, what nobody refers to stays as the unit gave it.
        if self.gone.is_empty() && self.counts.is_empty() {
            return;
        }
        for (resource, number) in member.resources.iter().zip(0_u32..) {
            if is_supporting(resource) && !reached.contains(&number) && !self.gone.contains(&resource.node) {
                let rule = self.verdicts.sight().id.clone();
                self.remove(resource);
                self.count(&resource.kind, (Reason::OnlyOfWithheld, &rule));
            }
        }
    }

    /// The resources that one refers to, by what is left of it.
    fn links(&self, number: u32) -> impl Iterator<Item = u32> + use<'_, 'a> {
        let node = self.member.resources.get(number as usize).map(|resource| resource.node);
        let leaves = node.into_iter().flat_map(|node| self.tree.descend(node));
        let leaves = leaves
            .filter(|leaf| self.tree.name(*leaf) == Name::REFERENCE && self.tree.kind(*leaf) == Kind::Str);
        leaves.filter_map(move |leaf| self.member.resolve(number, &self.tree.text(leaf)))
    }

    /// References to what is gone, with what they say of it, and the elements that are nothing without them.
    fn references(&mut self) {
        let member = self.member;
        let identified = self.identified();
        for (resource, number) in member.resources.iter().zip(0_u32..) {
            if self.gone.contains(&resource.node) {
                continue;
            }
            let nodes: Vec<NodeId> = self.tree.descend(resource.node).collect();
            for node in nodes {
                let leads = self.leads_to_gone(number, node, &identified);
                if leads && self.is_attached(node, resource.node) {
                    let carrier = self.carrier(node);
                    let above = self.tree.parent(carrier);
                    self.tree.detach(carrier);
                    if let Some(above) = above {
                        self.drop_empty(above, resource.node);
                    }
                }
            }
        }
    }

    /// Resources of which something was withheld that FHIR demands; true where there were any.
    fn incomplete(&mut self) -> bool {
        let member = self.member;
        let before = self.gone.len();
        for resource in member.resources.iter().filter(|resource| resource.container.is_none()) {
            if !self.gone.contains(&resource.node) && self.lacks_required(resource) {
                let rule = self.verdicts.sight().id.clone();
                self.remove(resource);
                self.count(&resource.kind, (Reason::OnlyOfWithheld, &rule));
            }
        }
        self.gone.len() > before
    }

    fn lacks_required(&self, resource: &Resource) -> bool {
        let Some(ty) = schema().type_named(&resource.kind) else { return false };
        let has = |tree: &Tree, name: &str| tree.child_str(resource.node, name).is_some();
        schema().required(ty).any(|element| {
            let names = schema().names_in_data(ty, element);
            let names = || names.iter().map(|found| schema().name_text(found.name));
            names().any(|name| has(&self.member.bundle, name)) && !names().any(|name| has(&self.tree, name))
        })
    }

    /// The identifiers of what is gone, without those that something seen has too.
    fn identified(&self) -> HashMap<String, bool> {
        let mut found = HashMap::new();
        for resource in &self.member.resources {
            let gone = self.gone.contains(&resource.node);
            for (system, value) in identifiers(&self.member.bundle, resource.node) {
                let all_gone = found.entry(format!("{system}|{value}")).or_insert(true);
                *all_gone &= gone;
            }
        }
        found
    }

    fn leads_to_gone(&self, number: u32, node: NodeId, identified: &HashMap<String, bool>) -> bool {
        if self.tree.kind(node) != Kind::Object {
            return false;
        }
        let by_reference = || {
            let leaf =
                self.tree.child(node, Name::REFERENCE).filter(|leaf| self.tree.kind(*leaf) == Kind::Str)?;
            let found = self.member.resolve(number, &self.tree.text(leaf))?;
            self.member.resources.get(found as usize)
        };
        let by_identifier = || {
            let identifier = at(&self.tree, node, &["identifier"])
                .filter(|identifier| !self.tree.flags(*identifier).has(Flags::LIST))?;
            let system = text(&self.tree, identifier, &["system"]).unwrap_or_default();
            let value = text(&self.tree, identifier, &["value"])?;
            identified.get(&format!("{system}|{value}")).copied()
        };
        by_reference().is_some_and(|found| self.gone.contains(&found.node)) || by_identifier() == Some(true)
    }

    /// Things seen earlier may have been taken out with their carrier.
    fn is_attached(&self, mut node: NodeId, resource: NodeId) -> bool {
        while node != resource {
            let Some(above) = self.tree.parent(node) else { return false };
            if !self.tree.children(above).any(|child| child == node) {
                return false;
            }
            node = above;
        }
        true
    }

    /// The element that is nothing without a reference, or the reference itself.
    fn carrier(&self, reference: NodeId) -> NodeId {
        let Some(above) = self.tree.parent(reference) else { return reference };
        let names = (self.tree.name_text(above), self.tree.name_text(reference));
        if CARRIERS.contains(&names) { above } else { reference }
    }

    /// Narratives repeat what elements say, and not only those of their own resource.
    fn narratives(&mut self) {
        let member = self.member;
        for resource in &member.resources {
            let narrative = self.tree.child_str(resource.node, "text");
            if let Some(narrative) = narrative.filter(|node| !self.tree.kind(*node).is_leaf()) {
                self.tree.detach(narrative);
            }
            if let Some(meta) = self.tree.child_str(resource.node, "meta") {
                self.keep(meta, META);
                let labels: Vec<NodeId> = all(&self.tree, meta, "security").collect();
                for label in labels {
                    self.keep(label, LABEL);
                    self.drop_empty(label, resource.node);
                }
                self.drop_empty(meta, resource.node);
            }
        }
    }

    /// Keeps of an element the values with these names; extensions may say in words why one is there.
    fn keep(&mut self, node: NodeId, names: &[&str]) {
        let children: Vec<NodeId> = self.tree.children(node).collect();
        for child in children {
            if !names.contains(&self.tree.name_text(child)) {
                self.tree.detach(child);
            } else if self.tree.kind(child).is_leaf() {
                let beside: Vec<NodeId> = self.tree.children(child).collect();
                for extension in beside {
                    self.tree.detach(extension);
                }
                self.drop_empty(child, node);
            }
        }
    }

    /// Identity codes, as identifiers and in texts.
    fn codes(&mut self) {
        let nodes: Vec<NodeId> = self.tree.descend(NodeId::ROOT).collect();
        for node in nodes {
            if self.tree.kind(node) != Kind::Str || !self.tree.has_text(node) {
                continue;
            }
            let said = self.tree.text(node).into_owned();
            let masked = mask_codes(&said).into_owned();
            if masked != said {
                self.tree.set_text(node, &masked);
            }
        }
    }
}

/// A path as it is told: extensions without their names, which a unit may have made up.
fn told_path(place: &[String]) -> String {
    let parts: Vec<&str> = place.iter().map(|part| part.split(':').next().unwrap_or_default()).collect();
    parts.join(".")
}
