//! What people have to look at: contradictions, likely duplicates, two coordinators or none.

use super::again::Again;
use super::build::Build;
use super::facts::said_in;
use super::groups::Groups;
use super::items::{Contradiction, Items};
use super::team::{Contact, TEAM};
use super::{health, others, persons, provenance, settled};
use crate::diag::{Code, Issue, Redacted, Span, codes};
use crate::plan::contribution::make_id;
use crate::plan::decision::{Decision, Ground, Ruling, Statement};
use crate::plan::read::concept;
use crate::plan::similar::{Bucket, Owner, Triples, alike};
use crate::tree::{Kind, Name, NodeId, Tree};
use std::collections::{BTreeSet, HashMap};

/// Pairs of likely duplicates that are listed at most.
pub const LIKELY_DUPLICATES_MAX: usize = 500;
/// Entries of one source with one code that are compared with those of others: a flood of one code says nothing.
const ONE_CODE_MAX: usize = 16;
/// Letters of a value that a finding cites at most.
const CITED_MAX: usize = 200;

/// What kind of finding it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The sources contradict each other.
    Conflict,
    /// The sources name several people as the one to contact.
    SeveralCoordinators,
    /// The client has several valid plans in health care, where one is valid at a time.
    SeveralHealthPlans,
    /// Two entries of two sources may be one.
    LikelyDuplicate,
    /// Nobody is named whom the client can contact.
    MissingContact,
}

impl FindingKind {
    /// The code in `https://w3id.org/sauma/fhir/CodeSystem/join-finding`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::SeveralCoordinators => "several-coordinators",
            Self::SeveralHealthPlans => "several-health-plans",
            Self::LikelyDuplicate => "likely-duplicate",
            Self::MissingContact => "missing-contact",
        }
    }

    const fn code(self) -> &'static Code {
        match self {
            Self::Conflict | Self::SeveralCoordinators => codes::CONFLICT,
            Self::SeveralHealthPlans => codes::SEVERAL_HEALTH_PLANS,
            Self::LikelyDuplicate => codes::LIKELY_DUPLICATE,
            Self::MissingContact => codes::MISSING_CONTACT,
        }
    }

    const fn severity(self) -> &'static str {
        match self {
            Self::Conflict | Self::SeveralCoordinators => "high",
            Self::SeveralHealthPlans | Self::MissingContact => "moderate",
            Self::LikelyDuplicate => "low",
        }
    }
}

/// One side of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side {
    /// The label of the contribution.
    pub source: String,
    /// What stands in the joined plan: `Goal/0123…`.
    pub target: String,
    /// What the source says.
    pub value: String,
    member: usize,
    /// What a decision about it names.
    pub ground: Ground,
}

impl Side {
    /// The Provenance of the contribution.
    pub(super) fn provenance<'a>(&self, sources: &'a [String]) -> &'a str {
        &sources[self.member]
    }

    /// One side; `member` is the place of its source in [`super::Joined::sources`].
    pub(in crate::plan) fn new(source: String, target: String, value: String, member: usize) -> Self {
        Self { source, target, value, member, ground: Ground::default() }
    }
}

/// Something that people have to look at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// The element in question, `Goal.lifecycleStatus`; empty where it is the whole.
    pub element: String,
    /// The sides of it.
    pub sides: Vec<Side>,
    /// The decision that settles it, if one does, by its id.
    pub decided: Option<String>,
}

impl Finding {
    /// The name by which people decide on it: the same over versions of the sources.
    pub fn id(&self) -> String {
        let mut parts = vec![self.kind.as_str(), &self.element];
        for side in &self.sides {
            parts.extend([side.ground.contribution.as_str(), &side.ground.resource]);
        }
        make_id(&parts)
    }

    /// The id of its resource in the joined plan.
    pub fn resource_id(&self) -> String {
        let mut parts = vec![self.kind.as_str(), &self.element];
        parts.extend(self.sides.iter().map(|side| side.target.as_str()));
        make_id(&parts)
    }

    /// What says that likely duplicates are one.
    pub fn same(&self) -> Option<Statement> {
        self.may_be_one().then(|| Statement::SameResource(self.grounds()))
    }

    /// What says that likely duplicates are two.
    pub fn not_same(&self) -> Option<Statement> {
        self.may_be_one().then(|| Statement::NotSameResource(self.grounds()))
    }

    /// What says that this side is right: of the values of an element, or of those who are named as coordinators.
    /// Nothing where only a unit can correct what it says.
    pub fn right(&self, side: usize) -> Option<Statement> {
        let right = self.sides.get(side)?.ground.clone();
        match self.kind {
            FindingKind::Conflict => {
                let mut others = self.grounds();
                others.sort();
                others.dedup();
                others.retain(|other| *other != right);
                let known = !right.says.is_empty() && others.iter().all(|other| !other.says.is_empty());
                let torn = others.iter().any(|other| other.says != right.says);
                (known && torn).then(|| Statement::Value { element: self.element.clone(), right, others })
            }
            FindingKind::SeveralCoordinators => Some(Statement::Coordinator(right)),
            FindingKind::SeveralHealthPlans | FindingKind::LikelyDuplicate | FindingKind::MissingContact => {
                None
            }
        }
    }

    fn may_be_one(&self) -> bool {
        self.kind == FindingKind::LikelyDuplicate
    }

    fn grounds(&self) -> Vec<Ground> {
        self.sides.iter().map(|side| side.ground.clone()).collect()
    }
}

impl std::fmt::Debug for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let targets: Vec<&str> = self.sides.iter().map(|side| side.target.as_str()).collect();
        f.debug_struct("Finding")
            .field("kind", &self.kind)
            .field("element", &self.element)
            .field("targets", &targets)
            .field("decided", &self.decided)
            .finish()
    }
}

/// All findings, in an order of their own.
pub(super) fn find(
    items: &Items<'_>,
    contradictions: &[Contradiction],
    groups: &Groups<'_>,
    contact: &Contact,
    mut again: Option<&mut Again>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for contradiction in contradictions {
        add_contradiction(items, contradiction, &mut found);
    }
    let mut ask = |kind, find: fn(&Items<'_>, &Groups<'_>, &str) -> Vec<Finding>| {
        let anew = || find(items, groups, kind);
        match &mut again {
            Some(again) => again.ask(items, (kind, groups.numbers(kind)), anew),
            None => anew(),
        }
    };
    found.extend(ask("Patient", persons::find));
    found.extend(ask("Goal", likely));
    found.extend(ask("ServiceRequest", likely));
    found.extend(others::find(items));
    found.extend(health::find(items));
    match contact {
        Contact::One(_) => {}
        Contact::Missing => found.push(Finding {
            kind: FindingKind::MissingContact,
            element: String::new(),
            sides: Vec::new(),
            decided: None,
        }),
        Contact::Several(people) => {
            let by_label =
                |label: &str| items.members.iter().position(|member| member.label == label).unwrap_or(0);
            let side = |person: &super::ContactPerson| Side {
                source: person.source.clone(),
                target: if person.target.is_empty() { TEAM.to_owned() } else { person.target.clone() },
                value: person.name.clone(),
                member: by_label(&person.source),
                ground: person.ground.clone(),
            };
            let sides = people.iter().map(side).collect();
            found.push(Finding {
                kind: FindingKind::SeveralCoordinators,
                element: "CareTeam.participant".to_owned(),
                sides,
                decided: None,
            });
        }
    }
    for finding in &mut found {
        finding.sides.sort();
        finding.sides.dedup();
    }
    found.sort();
    found.dedup();
    found
}

/// What a source says that no decision about the element can settle.
pub(super) fn side(items: &Items<'_>, item: usize, value: String) -> Side {
    let member = items.list[item].member;
    let (source, target) = (items.members[member].label.clone(), items.target(item).to_owned());
    Side { source, target, value, member, ground: settled::ground(items, item, String::new()) }
}

/// One of the values of an element, as the finding shows it and as the source says it.
pub(super) fn value_side(
    items: &Items<'_>,
    item: usize,
    element: &str,
    (shown, said): (String, &str),
) -> Side {
    let mut side = side(items, item, shown);
    side.ground.says = settled::value_print(&items.ids, element, said);
    side
}

/// The value of an element, as it stands at a place.
pub(super) fn side_at(items: &Items<'_>, element: &str, (item, node): (usize, NodeId)) -> Side {
    let said = cited(items.list[item].tree, node);
    value_side(items, item, element, (said.chars().take(CITED_MAX).collect(), &said))
}

fn add_contradiction(items: &Items<'_>, contradiction: &Contradiction, found: &mut Vec<Finding>) {
    let mut by_path: HashMap<&str, BTreeSet<Side>> = HashMap::new();
    for difference in &contradiction.differences {
        let sides = by_path.entry(&difference.path).or_default();
        for (item, node) in [difference.left, difference.right] {
            let mut side = side_at(items, &difference.path, (item, node));
            if items.root(difference.left.0) == items.root(difference.right.0) {
                // Of what became one resource the other value stands nowhere else.
                side.value = cited(items.list[item].tree, node);
            }
            sides.insert(side);
        }
    }
    found.extend(by_path.into_iter().map(|(path, sides)| Finding {
        kind: FindingKind::Conflict,
        element: path.to_owned(),
        sides: sides.into_iter().collect(),
        decided: None,
    }));
    if contradiction.differences.is_empty() && !contradiction.items.is_empty() {
        let sides =
            contradiction.items.iter().take(2).map(|item| side(items, *item, String::new())).collect();
        found.push(Finding {
            kind: FindingKind::Conflict,
            element: format!("{}.identifier", items.kind(contradiction.items[0])),
            sides,
            decided: None,
        });
    }
}

/// The value of an element in one line; the urls of extensions say nothing to people.
pub(in crate::plan) fn cited(tree: &Tree, node: NodeId) -> String {
    let leaves = tree.descend(node).filter(|leaf| {
        tree.kind(*leaf).is_leaf() && tree.kind(*leaf) != Kind::Null && tree.name(*leaf) != Name::URL
    });
    let words: Vec<_> = leaves.map(|leaf| tree.text(leaf)).collect();
    words.join(" ")
}

/// Entries of two sources that share a code or say nearly the same. They are listed and never put together.
///
/// Every resource of a group has its say, so that one that joins the group takes no finding away; what two groups
/// had in common is settled only where they become one, on the evidence of an identifier or an earlier plan.
fn likely(items: &Items<'_>, groups: &Groups<'_>, kind: &str) -> Vec<Finding> {
    let list: Vec<&[usize]> = groups.of_kind(kind).collect();
    let mut pairs: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut texts: Vec<(usize, &str, &Triples)> = Vec::new();
    let mut by_code: HashMap<&str, Bucket> = HashMap::new();
    let owners: Vec<Owner> = list.iter().map(|group| owner(items, group)).collect();
    for (number, group) in list.iter().enumerate() {
        let mut codes: BTreeSet<&str> = BTreeSet::new();
        for said in group.iter().filter_map(|item| items.said(*item)) {
            texts.push((number, &said.words, &said.triples));
            codes.extend(said.codes.iter().map(String::as_str));
        }
        for code in codes {
            let same = by_code.entry(code).or_default();
            pairs.extend(same.others(owners[number]).map(|other| (other, number)));
            same.put(owners[number], number, ONE_CODE_MAX);
        }
    }
    texts.sort_unstable_by_key(|(number, words, _)| (*number, *words));
    texts.dedup_by_key(|(number, words, _)| (*number, *words));
    let triples: Vec<(Owner, &Triples)> =
        texts.iter().map(|(group, _, triples)| (owners[*group], *triples)).collect();
    let groups_of = |(left, right): (usize, usize)| {
        let (left, right) = (texts[left].0, texts[right].0);
        (left.min(right), left.max(right))
    };
    pairs.extend(alike(&triples).into_iter().map(groups_of).filter(|(left, right)| left != right));
    let side = |at: usize| {
        let item = list[at][0];
        let mut side = side(items, item, shown(items, item));
        let print = || settled::core_print(items, item);
        side.ground.says = items.said(item).map_or_else(print, |said| said.print(print));
        side
    };
    pairs.retain(|(left, right)| !items.settled.parts_any(list[*left], list[*right]));
    let finding = |(left, right): (usize, usize)| Finding {
        kind: FindingKind::LikelyDuplicate,
        element: kind.to_owned(),
        sides: [left, right].map(side).into(),
        decided: None,
    };
    pairs.into_iter().take(LIKELY_DUPLICATES_MAX).map(finding).collect()
}

/// The source of resources that are one. What one source alone says twice it means twice; where another takes part
/// the question stays.
fn owner(items: &Items<'_>, group: &[usize]) -> Owner {
    let first = items.list[group[0]].member;
    if group.iter().all(|item| items.list[*item].member == first) {
        Owner::One(first)
    } else {
        Owner::Several
    }
}

fn shown(items: &Items<'_>, item: usize) -> String {
    let tree = items.list[item].tree;
    let own = tree.child_str(items.node(item), said_in(items.kind(item)));
    let own = own.and_then(|node| concept(tree, node)).map(std::borrow::Cow::into_owned);
    own.or_else(|| items.said(item).map(|said| said.words.clone())).unwrap_or_default()
}

/// A finding as an issue for people; what the sources say stays redacted.
pub(super) fn issue(finding: &Finding) -> Issue {
    let mut sources: Vec<String> = finding.sides.iter().map(|side| format!("`{}`", side.source)).collect();
    sources.sort();
    sources.dedup();
    let named = sources.join(" and ");
    let element = &finding.element;
    let message = match finding.kind {
        FindingKind::Conflict if finding.decided.is_some() => {
            format!("{element} differs between {named}, and a person has decided")
        }
        FindingKind::SeveralCoordinators if finding.decided.is_some() => {
            format!("several people coordinate, named by {named}; a person has decided")
        }
        FindingKind::Conflict if sources.len() == 1 => {
            format!("{element} contradicts what else {named} says")
        }
        FindingKind::Conflict => format!("{element} differs between entries of {named} that should be one"),
        FindingKind::SeveralCoordinators => format!("several people coordinate, named by {named}"),
        FindingKind::SeveralHealthPlans => format!("several plans of health care are valid: {named}"),
        FindingKind::LikelyDuplicate => format!("two {element} entries may be the same: {named}"),
        FindingKind::MissingContact => "no source names a coordinator or responsible worker".to_owned(),
    };
    let mut targets: Vec<&str> = finding.sides.iter().map(|side| side.target.as_str()).collect();
    targets.dedup();
    let values: Vec<&str> =
        finding.sides.iter().map(|side| side.value.as_str()).filter(|value| !value.is_empty()).collect();
    let mut issue = Issue::warning(finding.kind.code(), Span::default(), message).at(targets.join(", "));
    if finding.kind == FindingKind::LikelyDuplicate || finding.decided.is_some() {
        issue.severity = crate::diag::Severity::Information;
    }
    issue.value = (!values.is_empty()).then(|| Redacted::new(values.join(" / ")));
    issue
}

/// The decision that settles a finding.
pub(super) fn decision<'a>(finding: &Finding, rulings: &'a [Ruling]) -> Option<&'a Decision> {
    let id = finding.decided.as_deref()?;
    rulings.iter().map(|ruling| &ruling.decision).find(|decision| decision.id() == id)
}

/// Writes a finding as a `DetectedIssue`; its reference comes back.
pub(super) fn write(build: &mut Build<'_>, finding: &Finding, rulings: &[Ruling]) -> String {
    let code = finding.kind.as_str();
    let target = format!("DetectedIssue/{}", finding.resource_id());
    let issue = build.resource(&target);
    build.claim(issue, "sauma-conflict");
    let decision = decision(finding, rulings);
    build.text(issue, "status", if decision.is_some() { "final" } else { "preliminary" });
    let concept = build.object(issue, "code");
    build.own_coding(concept, "join-finding", code);
    if !finding.element.is_empty() {
        build.text(concept, "text", &finding.element);
    }
    build.text(issue, "severity", finding.kind.severity());
    if let Some(client) = build.client() {
        build.reference(issue, "patient", client);
    }
    let implicated: BTreeSet<&str> = finding.sides.iter().map(|side| side.target.as_str()).collect();
    for target in implicated {
        build.reference_item(issue, "implicated", target);
    }
    for side in &finding.sides {
        let evidence = build.item(issue, "evidence");
        let extension = build.extension(evidence, "source");
        let source = side.provenance(&build.provenance).to_owned();
        build.reference(extension, "valueReference", &source);
        if !side.value.is_empty() {
            let code = build.item(evidence, "code");
            build.text(code, "text", &side.value);
        }
        build.reference_item(evidence, "detail", &side.target);
    }
    if let Some(decision) = decision {
        provenance::write_mitigation(build, issue, decision);
    }
    target
}
