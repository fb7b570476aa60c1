//! Contributions and decisions to one plan. A pure function: no clock, no randomness, and the same bytes whatever
//! the order and number of equal inputs.
//!
//! Every resource of every contribution is in the result, under an id made from the unit, the key of the plan and
//! the source's own key of the resource; [`Joined::lineage`] says which stands for which. Added are one `CarePlan`
//! and one `CareTeam` of everybody, the one client, Provenance for each contribution, and a `DetectedIssue` for each
//! conflict, each pair of likely duplicates and a missing contact. The units' own plans and teams stay entries of
//! their own: the joined plan is the one of the category `joined-plan`, and its `basedOn` names the others.

mod again;
mod asked;
mod build;
mod candidates;
mod decided;
mod earlier;
mod facts;
mod findings;
mod groups;
mod health;
mod identified;
mod ids;
mod items;
mod joiner;
mod lists;
mod moved;
mod order;
mod others;
mod participants;
mod past;
mod persons;
pub(super) mod protect;
mod provenance;
mod refer;
mod repeated;
mod rulings;
mod seen;
mod settled;
mod team;

pub use candidates::{Candidate, client_ground};
pub(super) use facts::Facts;
pub(super) use findings::cited;
pub use findings::{Finding, FindingKind, LIKELY_DUPLICATES_MAX, Side};
pub use joiner::Joiner;
pub(in crate::plan) use participants::RESPONSIBLE_CODES;
pub(in crate::plan) use protect::BLOT;
pub(in crate::plan) use provenance::TARGET_ELEMENT;
pub(super) use seen::Whole;
pub use team::{Contact, ContactPerson};
pub(in crate::plan) use team::{TEAM, one_contact};

use super::contribution::Contribution;
use super::decision::{Ground, Log, Ruling};
use super::person::{Clients, by_client};
use super::read::{all, extensions, value};
use super::{Decision, Sector};
use crate::diag::{Issue, Span, codes};
use crate::tree::{NodeId, Tree};
use again::{Again, Memo};
use build::{Build, Part};
use groups::Groups;
use ids::Ids;
use items::Items;
use lists::{Given, List};
use order::order_entries;
use protect::{Known, Protected};
use seen::{Made, establish};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The reference of the joined plan.
pub const PLAN: &str = "CarePlan/joined-plan";

/// Kinds of resources that the joined plan is told by.
const STATEMENTS: &[&str] = &[
    "Observation",
    "QuestionnaireResponse",
    "DocumentReference",
    "Flag",
    "Appointment",
    "Encounter",
    "Communication",
];

/// The one plan, and what people need to know about it.
#[derive(Debug, Clone)]
pub struct Joined {
    /// A Bundle of type `collection`; without entries where nothing could be joined.
    pub bundle: Tree,
    /// What is wrong or to be looked at.
    pub issues: Vec<Issue>,
    /// Conflicts, likely duplicates, a missing contact.
    pub findings: Vec<Finding>,
    /// Whom the client contacts.
    pub contact: Contact,
    /// The contributions, those that the plan is made of first.
    pub sources: Vec<Source>,
    /// Which resource of the plan stands for which resource of which source.
    pub lineage: Vec<Lineage>,
    /// What became of the decisions about these contributions.
    pub rulings: Vec<Ruling>,
    /// Which element of the plan came from which element of which source, by node of the plan. An element that is not
    /// here stems from no source: the join made it.
    pub elements: Vec<Element>,
    /// Plans that may be about one client, of which at least one is not joined.
    pub candidates: Vec<Candidate>,
    /// Everybody who takes part in a team and has not left: those whom people may decide to coordinate.
    pub people: Vec<ContactPerson>,
}

impl Joined {
    /// True where a question about the client keeps the contributions apart: there is no joined plan.
    pub fn is_refused(&self) -> bool {
        self.sources.iter().all(|source| source.state != SourceState::Joined)
    }

    /// What a node of the Bundle came from: several elements where sources say the same or were put together.
    pub fn origins(&self, node: NodeId) -> &[Element] {
        let start = self.elements.partition_point(|element| element.node < node);
        let rest = self.elements.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|element| element.node == node)).unwrap_or_default()
    }

    /// What names a resource of the plan, `Goal/0123…`, in a decision; the contributions are those that were joined.
    pub fn ground(&self, target: &str, contributions: &[Contribution]) -> Option<Ground> {
        let line = self.lineage.iter().find(|line| &*line.target == target)?;
        let source = self.sources.get(line.source)?;
        let from =
            contributions.iter().find(|from| from.label == source.label && from.unit == source.unit)?;
        let contribution = format!("{}|{}", source.unit, source.plan_key);
        let says = settled::print_of(&from.bundle, line.node);
        Some(Ground { contribution, resource: target.to_owned(), says })
    }
}

/// One contribution as the joined plan tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What the caller calls it.
    pub label: String,
    /// The unit system.
    pub unit: String,
    /// The unit's sector.
    pub sector: Sector,
    /// The key of the plan in its unit.
    pub plan_key: String,
    /// The version that the source counts.
    pub version: Option<u64>,
    /// When the source made this version.
    pub time: Option<String>,
    /// The organisation that made it.
    pub organisation: Option<String>,
    /// What became of it.
    pub state: SourceState,
    /// The unit's own plan among the entries: `CarePlan/0123…`.
    pub plan: String,
}

/// What became of a contribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceState {
    /// The joined plan holds it.
    Joined,
    /// Whether it is about the same client is for a person to say.
    LeftOut,
    /// A newer version of the same plan counts.
    Superseded,
    /// Its newest version says that the plan was recorded in error.
    Retracted,
}

/// Which resource stands for which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The place of the contribution in [`Joined::sources`].
    pub source: usize,
    /// The resource in the contribution's Bundle.
    pub node: NodeId,
    /// What stands for it in the joined plan: `Goal/0123…`.
    pub target: Arc<str>,
}

/// Which element stands for which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    /// The element in the joined plan.
    pub node: NodeId,
    /// The place of the contribution in [`Joined::sources`].
    pub source: usize,
    /// The element in the contribution's Bundle.
    pub from: NodeId,
    /// How it says what the source says.
    pub state: ElementState,
}

/// How an element of the joined plan says what its source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementState {
    /// In the same words.
    Same,
    /// As a reference to what stands for the source's resource.
    Reference,
    /// Without what tells where a protected person lives.
    Blotted,
    /// Not at all: sources contradict each other about a person, and a finding has all values.
    Contested,
    /// In other words: those of another source, where the two contradict each other or spell one thing in two ways; or
    /// those of the joined plan, where its form is another one.
    Other,
}

/// Joins the contributions of one client into one plan.
///
/// A contribution of a document that holds plans of several clients is joined as so many contributions: a plan of
/// another client is never joined by standing in the same file.
pub fn join(contributions: &[Contribution], decisions: &[Decision]) -> Joined {
    join_after(contributions, decisions, None).0
}

/// Joins, given the join before where there was one; what it leaves to the next comes back where it is asked for.
fn join_after(
    contributions: &[Contribution],
    decisions: &[Decision],
    before: Option<Before>,
) -> (Joined, Option<Memo>) {
    let parts = parts_of(contributions);
    let contributions: Vec<&Contribution> = parts.iter().map(AsRef::as_ref).collect();
    let log = Log::new(decisions);
    let (chosen, clients, made) = establish(&contributions, &log);
    assemble(&chosen, clients, &Known::default(), made, before)
}

/// The join before, where there was one, and what it left.
type Before = (Option<Joined>, Memo);

/// The contributions, each document about several clients as one for each of them.
pub(super) fn parts_of(contributions: &[Contribution]) -> Vec<Cow<'_, Contribution>> {
    contributions.iter().flat_map(parts).collect()
}

/// Writes the plan of the client that was found. Whom others know to be protected is protected here.
fn assemble(
    chosen: &Chosen<'_>,
    mut clients: Clients,
    known: &Known,
    made: Made<'_>,
    mut before: Option<Before>,
) -> (Joined, Option<Memo>) {
    let Made { log, decided, mut standings } = made;
    let members: Vec<&Contribution> = clients.members.iter().map(|number| chosen.newest[*number]).collect();
    renumber(&mut clients);
    let ids = before.as_mut().map_or_else(Ids::default, |(_, memo)| memo.take_ids());
    let (mut items, contradictions) = Items::new(members, &clients, log, ids);
    standings.append(&mut items.settled.standings);
    let values = std::mem::take(&mut items.settled.values);
    let mut rulings = Vec::new();
    let groups = Groups::of(&items);
    let protected = Protected::of(&items).with(&items, known);
    let again = before.map(|(before, memo)| Again::new(before, memo, &protected, &items));
    let mut build = Build::new(&items, &protected, again);
    again::look_back(&mut build, &groups.all);
    let (mut found, mut contact) = (Vec::new(), Contact::Missing);
    let (mut lineage, mut elements, mut told) = (Vec::new(), Vec::new(), Vec::new());
    if !items.members.is_empty() {
        let is_team = team::write(&mut build, &mut contact);
        found = findings::find(&items, &contradictions, &groups, &contact, build.again.as_mut());
        build.values = items.settled.close(&items, &mut found, (values, &mut standings));
        rulings = rulings::rulings(log, &standings, &chosen.names);
        if let Some((_, decided)) = &items.settled.coordinator {
            contact = Contact::One(decided.clone());
        }
        build.set_contested(&found);
        protected.clean(&mut found, &mut contact);
        again::write_units(&mut build, &groups.all);
        let written = found.iter().map(|finding| again::write_finding(&mut build, finding, &rulings));
        let references: Vec<String>;
        (references, told) = written.unzip();
        write_plan(&mut build, &groups, &references, is_team);
        lineage = write_provenance(&mut build, &groups.all);
        rulings::write(&mut build, &rulings);
        order_entries(&mut build);
        elements = build.take_elements();
    }
    let mut issues = chosen.issues.clone();
    issues.append(&mut clients.issues);
    let candidates = candidates::find(&chosen.newest, &clients.left_out, &decided);
    issues.extend(candidates::issues(&candidates));
    let people = team::people(&items);
    issues.append(&mut told);
    if items.members.is_empty() {
        rulings = rulings::rulings(log, &standings, &chosen.names);
    }
    issues.extend(rulings::issues(&rulings, &chosen.newest));
    let memo = build.again.map(|again| again.into_memo(&items.ids, &build.tree));
    let sources = sources(chosen, &clients, &items);
    let joined = Joined {
        bundle: build.tree,
        issues,
        findings: found,
        contact,
        sources,
        lineage,
        rulings,
        candidates,
        people,
        elements,
    };
    (joined, memo)
}

/// A contribution, or one for each client of a document about several.
pub(super) fn parts(contribution: &Contribution) -> Vec<Cow<'_, Contribution>> {
    if contribution.plans.len() < 2 {
        return vec![Cow::Borrowed(contribution)];
    }
    match contribution.parts() {
        Some(parts) => parts.into_iter().map(Cow::Owned).collect(),
        None if contribution.names_several() => {
            let mut whole = contribution.clone();
            whole.names_further_clients = true;
            vec![Cow::Owned(whole)]
        }
        None => vec![Cow::Borrowed(contribution)],
    }
}

/// The contributions that count, sorted by what they are.
struct Chosen<'a> {
    newest: Vec<&'a Contribution>,
    superseded: Vec<&'a Contribution>,
    /// Plans that their sources have taken back.
    retracted: Vec<&'a Contribution>,
    /// All labels under which each of the newest came, and its key.
    names: Vec<Vec<String>>,
    issues: Vec<Issue>,
}

/// The newest version of each plan; equal copies count once. Plans of different clients are different plans,
/// whatever their keys: units count their plans from one, and one unit's key is not everybody's.
fn choose<'a>(contributions: &[&'a Contribution], log: &Log<'_>) -> Chosen<'a> {
    let mut plans: BTreeMap<(&str, &str), Vec<&Contribution>> = BTreeMap::new();
    for contribution in contributions.iter().copied() {
        plans.entry((&contribution.unit, &contribution.plan_key)).or_default().push(contribution);
    }
    let mut chosen = Chosen {
        newest: Vec::new(),
        superseded: Vec::new(),
        retracted: Vec::new(),
        names: Vec::new(),
        issues: Vec::new(),
    };
    for versions in plans.into_values().flat_map(|versions| by_client(versions, log)) {
        choose_newest(versions, &mut chosen);
    }
    chosen
}

impl<'a> Chosen<'a> {
    /// Adds the newest version of a plan, with all labels under which it came.
    fn add(&mut self, newest: &'a Contribution, mut names: Vec<String>) {
        if newest.is_retracted() {
            self.retracted.push(newest);
            self.issues.push(retracted(newest));
        } else {
            names.push(newest.key());
            self.newest.push(newest);
            self.names.push(names);
        }
    }
}

/// The newest of the versions of one plan.
fn choose_newest<'a>(mut versions: Vec<&'a Contribution>, chosen: &mut Chosen<'a>) {
    if let [only] = versions.as_slice() {
        return chosen.add(only, vec![only.label.clone()]);
    }
    let counted = versions.iter().all(|version| version.version.is_some());
    let mut labels: BTreeMap<[u8; 32], Vec<String>> = BTreeMap::new();
    for version in &versions {
        labels.entry(version.fingerprint).or_default().push(version.label.clone());
    }
    for labels in labels.values_mut() {
        labels.sort();
    }
    // Of two of one age the one with the first label counts: what they say plays no part, since a view may not tell
    // of what it withholds, and it would by the choice.
    let by_age = |version: &Contribution| {
        let label = labels.get(&version.fingerprint).and_then(|labels| labels.first());
        (version.age(counted), Reverse(label), version.fingerprint)
    };
    let Some(newest) = versions.iter().copied().max_by_key(|version| by_age(version)) else { return };
    let names = labels.get(&newest.fingerprint).cloned().unwrap_or_default();
    let twin = |version: &&&Contribution| {
        version.age(counted) == newest.age(counted) && version.fingerprint != newest.fingerprint
    };
    if versions.iter().any(|version| twin(&version)) {
        let message = "another content came as the same version; this one is joined";
        chosen.issues.push(Issue::error(codes::TWO_CONTENTS, Span::default(), message).at(names[0].clone()));
    }
    // Of equal copies the one with the first label stands for all, so that arrival plays no part.
    versions.sort_by(|a, b| (by_age(a), &a.label).cmp(&(by_age(b), &b.label)));
    let first = versions.iter().copied().find(|version| version.fingerprint == newest.fingerprint);
    chosen.add(first.unwrap_or(newest), names);
    let mut older: Vec<&Contribution> =
        versions.iter().copied().filter(|version| version.fingerprint != newest.fingerprint).collect();
    older.dedup_by_key(|version| version.fingerprint);
    chosen.superseded.append(&mut older);
}

fn retracted(contribution: &Contribution) -> Issue {
    let message = format!("`{}` was recorded in error, as its source says", contribution.label);
    Issue::warning(codes::RETRACTED, Span::default(), message).at(contribution.label.clone())
}

/// Turns numbers of contributions into numbers of members.
fn renumber(clients: &mut Clients) {
    let members = clients.members.clone();
    let place = |number: usize| members.binary_search(&number).ok();
    let renumbered = |patients: &[(usize, u32)]| -> Vec<(usize, u32)> {
        patients.iter().filter_map(|(number, resource)| Some((place(*number)?, *resource))).collect()
    };
    clients.patients = renumbered(&clients.patients);
    clients.others = clients.others.iter().map(|other| renumbered(other)).collect();
}

/// Writes the joined plan; it fits its profile where its team does.
fn write_plan(build: &mut Build<'_>, groups: &Groups<'_>, issues: &[String], is_team: bool) {
    let items = build.items;
    let plans: Vec<usize> = (0..items.list.len()).filter(|item| items.kind(*item) == "CarePlan").collect();
    let plan = build.resource(PLAN);
    if is_team && !plans.is_empty() {
        build.claim(plan, "sauma-joined-plan");
    }
    write_beside(build, plan, &plans);
    for item in &plans {
        let based = build.reference_item(plan, "basedOn", items.target(*item));
        let member = items.members[items.list[*item].member];
        let own =
            member.plans.first().is_some_and(|first| items.number(items.list[*item].member, *first) == *item);
        if let (Some((system, value)), true) = (&member.facts().plan_identifier, own) {
            provenance::write_identifier(build, based, system, value);
        }
    }
    build.text(plan, "status", "active");
    build.text(plan, "intent", "plan");
    build.own_concept(plan, "category", "plan-category", "joined-plan");
    write_subject(build, plan, &plans);
    copy_lists(build, plan, &plans, &[("author", "contributor"), ("contributor", "contributor")]);
    build.reference_item(plan, "careTeam", team::TEAM);
    let of_kind = |kind: &'static str| groups.of_kind(kind).map(|group| items.target(group[0]));
    refer::write(build, plan, "addresses", of_kind("Condition"));
    let statements = STATEMENTS.iter().copied().flat_map(of_kind);
    refer::write(build, plan, "supportingInfo", statements.chain(issues.iter().map(String::as_str)));
    refer::write(build, plan, "goal", of_kind("Goal"));
    copy_lists(build, plan, &plans, &[("activity", "activity")]);
    for target in groups.all.iter().filter(|group| is_planless_activity(items, group)) {
        let activity = build.item(plan, "activity");
        build.reference(activity, "reference", items.target(target[0]));
    }
    copy_lists(build, plan, &plans, &[("note", "note")]);
}

/// True for a request or a task of documents without a plan, as a referral: no unit's plan lists it.
fn is_planless_activity(items: &Items<'_>, group: &[usize]) -> bool {
    matches!(items.kind(group[0]), "ServiceRequest" | "Task")
        && group.iter().all(|item| items.members[items.list[*item].member].plans.is_empty())
}

/// Writes who else the units' plans are about: a family's plan has several clients, and one of them is the client of
/// this plan, whichever the unit named first.
fn write_beside(build: &mut Build<'_>, plan: NodeId, plans: &[usize]) {
    let (items, client) = (build.items, build.client().map(str::to_owned));
    let mut told = BTreeSet::new();
    for item in plans {
        let tree = items.list[*item].tree;
        let subject = tree.child_str(items.node(*item), "subject").filter(|_| client.is_some());
        let beside = extensions(tree, items.node(*item), "co-subject");
        let beside: Vec<NodeId> = beside.filter_map(|extension| value(tree, extension)).collect();
        for person in subject.into_iter().chain(beside.iter().copied()) {
            let Some(found) = items.follow(*item, person) else {
                if let Some(extension) = tree.parent(person).filter(|_| beside.contains(&person)) {
                    build.copy_new(plan, *item, extension);
                }
                continue;
            };
            let target = items.target(found);
            if Some(target) != client.as_deref() && told.insert(target) {
                let extension = build.extension(plan, "co-subject");
                build.reference(extension, "valueReference", target);
            }
        }
    }
}

/// Writes whose plan it is. Where no source has the client as a resource, a unit's plan may say it in words.
fn write_subject(build: &mut Build<'_>, plan: NodeId, plans: &[usize]) {
    if let Some(client) = build.client() {
        build.reference(plan, "subject", client);
        return;
    }
    let items = build.items;
    let of_plan =
        |item: &usize| Some((*item, items.list[*item].tree.child_str(items.node(*item), "subject")?));
    match plans.iter().find_map(of_plan) {
        Some((item, subject)) => {
            build.copy(plan, item, subject);
        }
        None => {
            let subject = build.object(plan, "subject");
            build.say_unknown(subject);
        }
    }
}

/// Copies the items of elements of the units' plans into elements of the joined plan, and keeps whose they are.
fn copy_lists(build: &mut Build<'_>, plan: NodeId, plans: &[usize], names: &[(&'static str, &'static str)]) {
    let items = build.items;
    for (name, to) in names {
        let list = List { of: PLAN, name, to, marks: false };
        for item in plans {
            let nodes = all(items.list[*item].tree, items.node(*item), name).enumerate();
            let given: Vec<Given> = nodes.map(|(at, node)| Given { node, list, at }).collect();
            lists::copy(build, plan, *item, &given);
        }
    }
}

fn write_provenance(build: &mut Build<'_>, groups: &[Vec<usize>]) -> Vec<Lineage> {
    let items = build.items;
    let parts = std::mem::take(&mut build.parts);
    let mut counts = vec![0; items.members.len()];
    for part in &parts {
        counts[part.member] += 1;
    }
    let mut given: Vec<(Vec<&str>, Vec<Part>)> =
        counts.into_iter().map(|parts| (Vec::new(), Vec::with_capacity(parts))).collect();
    let is_known: Vec<bool> =
        (0..items.members.len()).map(|member| again::gives_the_same(build, member)).collect();
    for group in groups.iter().filter(|group| group.len() == 1) {
        let member = items.list[group[0]].member;
        if !is_known[member] {
            given[member].0.push(items.target(group[0]));
        }
    }
    for part in parts {
        given[part.member].1.push(part);
    }
    for (member, (whole, parts)) in given.iter_mut().enumerate() {
        whole.sort_unstable();
        again::write_provenance(build, member, (whole, parts));
    }
    let stands = |(item, listed): (usize, &items::Item<'_>)| Lineage {
        source: listed.member,
        node: listed.resource.node,
        target: items.shared_target(item),
    };
    items.list.iter().enumerate().map(stands).collect()
}

fn sources(chosen: &Chosen<'_>, clients: &Clients, items: &Items<'_>) -> Vec<Source> {
    let source = |from: &Contribution, state, plan: String| Source {
        label: from.label.clone(),
        unit: from.unit.clone(),
        sector: from.sector,
        plan_key: from.plan_key.clone(),
        version: from.version,
        time: from.time.clone(),
        organisation: from.organisation.clone(),
        state,
        plan,
    };
    let mut found = Vec::new();
    for (member, from) in items.members.iter().enumerate() {
        let plan = from.plans.first().map(|plan| items.target(items.number(member, *plan)).to_owned());
        found.push(source(from, SourceState::Joined, plan.unwrap_or_default()));
    }
    for number in &clients.left_out {
        found.push(source(chosen.newest[*number], SourceState::LeftOut, String::new()));
    }
    let apart = [(&chosen.superseded, SourceState::Superseded), (&chosen.retracted, SourceState::Retracted)];
    for (list, state) in apart {
        found.extend(list.iter().map(|from| source(from, state, String::new())));
    }
    found
}
