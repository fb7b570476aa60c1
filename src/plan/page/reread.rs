//! A joined plan read back from its Bundle, for the pages: what they tell beside the resources stands in Provenance
//! (where something comes from), `DetectedIssue` (what sources disagree on) and the one team (whom to contact).

use crate::plan::Sector;
use crate::plan::decision::Ground;
use crate::plan::join::SourceState;
use crate::plan::join::{
    Contact, ContactPerson, Finding, FindingKind, Joined, Lineage, PLAN, RESPONSIBLE_CODES, Side, Source,
    TARGET_ELEMENT, TEAM, one_contact,
};
use crate::plan::read::{
    all, at, concept, extension_text, extensions, has_code, human_name, reference, text, value,
};
use crate::plan::time;
use crate::tree::{Name, NodeId, Tree};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The joined plan of a Bundle; nothing for a Bundle that is none. Contributions that the join left out are not in it.
pub fn reread(bundle: &Tree) -> Option<Joined> {
    let read = Read::new(bundle);
    read.resources.get(PLAN)?;
    let sources: Vec<Source> = read.provenance.iter().map(|node| read.source(*node)).collect();
    let mut lineage = Vec::new();
    for (source, node) in read.provenance.iter().enumerate() {
        let targets = all(bundle, *node, "target").filter_map(|target| reference(bundle, target));
        lineage.extend(targets.map(|target| Lineage { source, node: NodeId::ROOT, target: target.into() }));
    }
    // What the join made itself belongs to no source.
    lineage.retain(|line| ![PLAN, TEAM].contains(&&*line.target));
    let findings = read.findings(&sources);
    let contact = read.contact(&sources);
    Some(Joined {
        bundle: bundle.clone(),
        issues: Vec::new(),
        findings,
        contact,
        sources,
        lineage,
        rulings: Vec::new(),
        candidates: Vec::new(),
        people: Vec::new(),
        elements: Vec::new(),
    })
}

struct Read<'a> {
    tree: &'a Tree,
    resources: BTreeMap<String, NodeId>,
    provenance: Vec<NodeId>,
}

impl<'a> Read<'a> {
    fn new(tree: &'a Tree) -> Self {
        let mut resources = BTreeMap::new();
        for entry in tree.children_named(NodeId::ROOT, Name::ENTRY) {
            let Some(resource) = tree.child(entry, Name::RESOURCE) else { continue };
            if let Some((kind, id)) = tree.resource_type(resource).zip(text(tree, resource, &["id"])) {
                resources.insert(format!("{kind}/{id}"), resource);
            }
        }
        let of_units = |node: &NodeId| {
            at(tree, *node, &["entity"]).is_some_and(|entity| extension_text(tree, entity, "unit").is_some())
        };
        let provenance = resources.iter().filter(|(target, _)| target.starts_with("Provenance/"));
        let provenance = provenance.map(|(_, node)| *node).filter(of_units).collect();
        Self { tree, resources, provenance }
    }

    fn source(&self, node: NodeId) -> Source {
        let tree = self.tree;
        let said = |path: &[&str]| text(tree, node, path).map(Cow::into_owned);
        let entity = at(tree, node, &["entity"]);
        let extension =
            |word| entity.and_then(|entity| extension_text(tree, entity, word)).map(Cow::into_owned);
        let unit = extension("unit").unwrap_or_default();
        let organisation = said(&["agent", "who", "display"]).filter(|name| *name != unit);
        Source {
            label: organisation.clone().unwrap_or_else(|| unit.clone()),
            sector: extension("sector").and_then(|code| Sector::find(&code)).unwrap_or(Sector::Other),
            plan_key: said(&["entity", "what", "identifier", "value"]).unwrap_or_default(),
            version: extension("document-version").and_then(|version| version.parse().ok()),
            time: said(&["recorded"]).or_else(|| said(&["occurredDateTime"])),
            state: SourceState::Joined,
            plan: said(&["entity", "what", "reference"]).unwrap_or_default(),
            organisation,
            unit,
        }
    }

    fn findings(&self, sources: &[Source]) -> Vec<Finding> {
        let tree = self.tree;
        let issues = self.resources.iter().filter(|(target, _)| target.starts_with("DetectedIssue/"));
        let mut found: Vec<Finding> = issues
            .filter_map(|(_, issue)| {
                let code = tree.child_str(*issue, "code")?;
                let kinds = [
                    FindingKind::Conflict,
                    FindingKind::SeveralCoordinators,
                    FindingKind::SeveralHealthPlans,
                    FindingKind::LikelyDuplicate,
                    FindingKind::MissingContact,
                ];
                let kind =
                    kinds.into_iter().find(|kind| has_code(tree, code, "join-finding", kind.as_str()))?;
                let element = text(tree, code, &["text"]).unwrap_or_default().into_owned();
                let sides =
                    all(tree, *issue, "evidence").map(|evidence| self.side(evidence, sources)).collect();
                // Who settled it, and why, stands in the Provenance of the decision.
                let decided = (text(tree, *issue, &["status"])? == "final").then(String::new);
                Some(Finding { kind, element, sides, decided })
            })
            .collect();
        found.sort();
        found
    }

    fn side(&self, evidence: NodeId, sources: &[Source]) -> Side {
        let tree = self.tree;
        let named = extensions(tree, evidence, "source").find_map(|extension| value(tree, extension));
        let named = named.and_then(|named| self.resources.get(&*reference(tree, named)?));
        let member =
            named.and_then(|named| self.provenance.iter().position(|node| node == named)).unwrap_or(0);
        let target = at(tree, evidence, &["detail"]).and_then(|detail| reference(tree, detail));
        let value = text(tree, evidence, &["code", "text"]).unwrap_or_default().into_owned();
        let source = sources.get(member).map(|source| source.label.clone()).unwrap_or_default();
        Side::new(source, target.unwrap_or_default().into_owned(), value, member)
    }

    /// Whom the client contacts, by the rule of the join.
    fn contact(&self, sources: &[Source]) -> Contact {
        let tree = self.tree;
        let Some(team) = self.resources.get(TEAM) else { return Contact::Missing };
        let members: Vec<NodeId> =
            all(tree, *team, "participant").filter(|member| !self.has_left(*member, sources)).collect();
        let people = |codes: &[&str]| {
            let leads = |member: &&NodeId| {
                all(tree, **member, "role")
                    .any(|role| codes.iter().any(|code| has_code(tree, role, "team-role", code)))
            };
            let mut people: BTreeMap<String, ContactPerson> = BTreeMap::new();
            for person in members.iter().filter(leads).map(|member| self.person(*member, sources)) {
                let who = if person.target.is_empty() { person.name.clone() } else { person.target.clone() };
                people.entry(who).or_insert(person);
            }
            people.into_values().collect::<Vec<_>>()
        };
        one_contact(people(&["coordinator"]), people(RESPONSIBLE_CODES))
    }

    /// The source that a participation comes from.
    fn origin(&self, member: NodeId) -> Option<usize> {
        let tree = self.tree;
        let id = text(tree, member, &["id"])?;
        self.provenance.iter().position(|node| {
            all(tree, *node, "target").any(|target| {
                all(tree, target, "extension").any(|extension| {
                    text(tree, extension, &["url"]).as_deref() == Some(TARGET_ELEMENT)
                        && text(tree, extension, &["valueUri"]).as_ref() == Some(&id)
                })
            })
        })
    }

    /// True for a participation that ended before its source was written.
    fn has_left(&self, member: NodeId, sources: &[Source]) -> bool {
        let end = text(self.tree, member, &["period", "end"]).and_then(|end| time::seconds(&end));
        let source = self.origin(member).and_then(|at| sources.get(at));
        let written = source.and_then(|source| time::seconds(source.time.as_deref()?));
        end.zip(written).is_some_and(|(end, written)| end < written)
    }

    fn person(&self, member: NodeId, sources: &[Source]) -> ContactPerson {
        let tree = self.tree;
        let follow = |node: Option<NodeId>| {
            let target = reference(tree, node?)?;
            self.resources.get(&*target).map(|found| (target.into_owned(), *found))
        };
        let named = tree.child_str(member, "member");
        let role = follow(named);
        let of_role = |name| role.as_ref().and_then(|(_, role)| tree.child_str(*role, name));
        let person = follow(of_role("practitioner")).or_else(|| role.clone());
        let organisation = follow(of_role("organization")).and_then(|(_, found)| human_name(tree, found));
        let organisation = organisation
            .or_else(|| text(tree, of_role("organization")?, &["display"]).map(Cow::into_owned))
            .unwrap_or_default();
        let shown = |node: Option<NodeId>| text(tree, node?, &["display"]).map(Cow::into_owned);
        let name = person.as_ref().and_then(|(_, person)| human_name(tree, *person));
        let name = name.or_else(|| shown(of_role("practitioner"))).or_else(|| shown(named));
        let title = of_role("code").and_then(|code| concept(tree, code)).map(Cow::into_owned);
        let stated =
            || all(tree, member, "role").find_map(|role| text(tree, role, &["text"])).map(Cow::into_owned);
        let holders = [role.as_ref(), person.as_ref()].into_iter().flatten().map(|(_, node)| *node);
        let numbers = holders.flat_map(|holder| all(tree, holder, "telecom"));
        let mut telecom: Vec<String> =
            numbers.filter_map(|one| text(tree, one, &["value"])).map(Cow::into_owned).collect();
        telecom.dedup();
        let source = self.origin(member).and_then(|at| sources.get(at));
        ContactPerson {
            name: name.unwrap_or_else(|| organisation.clone()),
            role: title.or_else(stated).unwrap_or_default(),
            organisation,
            telecom,
            source: source.map(|source| source.label.clone()).unwrap_or_default(),
            target: person.map(|(target, _)| target).unwrap_or_default(),
            ground: Ground::default(),
        }
    }
}
