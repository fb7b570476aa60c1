//! Who the clients of the contributions are, and whether they are one person.
//!
//! Only official facts match by themselves: an equal personal identity code with a valid check character, or
//! another shared identifier with an agreeing birth date. Everything else is a question for a person.

use super::Contribution;
use super::decision::{Ground, Log};
use super::identity::{HETU_SYSTEM, Hetu, hetu_issue, is_hetu_system};
use super::read::{all, at, extensions, identifiers, text, value};
use crate::diag::{Issue, Severity, Span, codes};
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;

mod decided;

pub(super) use decided::{Decided, Standings, client_print};

/// Persons with one identifier that are compared each with each; the rest of a longer list stay unmatched.
const COMPARED_MAX: usize = 200;

/// A subject of one contribution.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The number of the Patient among the resources of the contribution.
    resource: u32,
    /// The subject itself rather than one who stands beside.
    primary: bool,
    pub(super) hetu: Option<Hetu>,
    /// Other identifiers that may match, as `system|value`.
    pub(super) others: Vec<String>,
    birth: Option<String>,
    family: BTreeSet<String>,
    given: BTreeSet<String>,
    /// A name says from when or until when it was used, so there was another one.
    renamed: bool,
}

/// A subject among those of other contributions.
struct Subject<'a> {
    contribution: usize,
    person: &'a Person,
    /// The one with the smallest number that is known to be the same person, or itself.
    cluster: usize,
}

impl Deref for Subject<'_> {
    type Target = Person;

    fn deref(&self) -> &Person {
        self.person
    }
}

/// The client of a set of contributions.
#[derive(Debug, Clone, Default)]
pub(super) struct Clients {
    /// The contributions that concern the client.
    pub(super) members: Vec<usize>,
    /// Those of which that is not known, or known not to be.
    pub(super) left_out: Vec<usize>,
    /// The Patients that are the client, as contribution and resource.
    pub(super) patients: Vec<(usize, u32)>,
    /// Patients that are one person beside the client.
    pub(super) others: Vec<Vec<(usize, u32)>>,
    pub(super) issues: Vec<Issue>,
}

/// Finds the client that the contributions have in common.
pub(super) fn find_client(contributions: &[&Contribution], decided: &Decided) -> Clients {
    let mut found = Clients::default();
    let mut persons = Vec::new();
    for (number, contribution) in contributions.iter().enumerate() {
        let Subjects { found: subjects, faults } = contribution.subjects();
        for person in subjects {
            persons.push(Subject { contribution: number, person, cluster: persons.len() });
        }
        let at = |path: &String| format!("{}: {path}", contribution.label);
        found.issues.extend(faults.iter().map(|(path, issue)| issue.clone().at(at(path))));
    }
    let further = |number: &usize| {
        let is_decided = decided.same.iter().any(|group| group.contains(number));
        contributions[*number].names_further_clients && !is_decided
    };
    let further: Vec<usize> = (0..contributions.len()).filter(further).collect();
    for number in &further {
        found.issues.push(names_further(contributions[*number]));
    }
    let conflicts = unite(&mut persons, decided);
    for (left, right) in &conflicts {
        let names = [persons[*left].contribution, persons[*right].contribution]
            .map(|at| contributions[at].label.as_str());
        let message = format!(
            "`{}` and `{}` share an identifier of the client, but not birth date and name",
            names[0], names[1]
        );
        found.issues.push(Issue::error(codes::IDENTITY_CONFLICT, Span::default(), message));
    }
    let torn = decided_apart(&persons, decided);
    for (left, right) in &torn {
        let (left, right) = (&contributions[*left].label, &contributions[*right].label);
        let message = format!(
            "`{left}` and `{right}` are decided to be about two clients, but a third is about the same client as both"
        );
        found.issues.push(Issue::error(codes::IDENTITY_CONFLICT, Span::default(), message));
    }
    if conflicts.is_empty() && further.is_empty() && torn.is_empty() {
        choose(contributions, &persons, decided, &mut found);
    } else {
        found.left_out = (0..contributions.len()).collect();
    }
    found
}

/// A document that names several clients, of whom its resources hold one, is nobody's plan for certain.
fn names_further(contribution: &Contribution) -> Issue {
    let message = format!("`{}` is about several clients", contribution.label);
    Issue::error(codes::SEVERAL_CLIENTS, Span::default(), message).at(place(contribution))
}

/// Advice that somebody was given without a name is in nobody's plan, and that is no fault.
fn names_nobody(contribution: &Contribution) -> Issue {
    let message = format!("`{}` names nobody, so it is in nobody's plan", contribution.label);
    Issue::new(codes::ANONYMOUS, Severity::Information, Span::default(), message)
        .at(contribution.label.clone())
}

/// Where a contribution names its client: a document of several clients has several such places.
fn place(contribution: &Contribution) -> String {
    let subject = contribution.subject().map(|subject| contribution.bundle.path(subject));
    subject.map_or_else(|| contribution.label.clone(), |path| format!("{}: {path}", contribution.label))
}

/// Contributions that a decision says to be about two clients, and that are one all the same by way of others.
fn decided_apart(persons: &[Subject<'_>], decided: &Decided) -> Vec<(usize, usize)> {
    let primary: Vec<(usize, usize)> = persons
        .iter()
        .enumerate()
        .filter(|(_, person)| person.primary)
        .map(|(at, person)| (person.contribution, root(persons, at)))
        .collect();
    let mut torn = Vec::new();
    for (at, (left, left_root)) in primary.iter().enumerate() {
        for (right, right_root) in &primary[at + 1..] {
            if left_root == right_root && decided.parts(*left, *right) {
                torn.push((*left, *right));
            }
        }
    }
    torn
}

/// The decisions about the client, where each contribution is known by its labels and its key.
pub(super) fn decided(
    log: &Log<'_>,
    contributions: &[&Contribution],
    names: &[Vec<String>],
) -> (Decided, Standings) {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    // Where nothing is decided nobody is looked for.
    let sought = if log.in_force.is_empty() { &[] } else { names };
    for (number, names) in sought.iter().enumerate() {
        for name in names {
            by_name.entry(name).or_default().push(number);
        }
    }
    let numbers = |ground: &Ground| by_name.get(ground.contribution.as_str()).cloned().unwrap_or_default();
    Decided::of(log, contributions, numbers)
}

/// Parts contributions of one plan key by their clients: those of different clients are no versions of one plan.
///
/// Where none contradicts another they stay together, for a version may say less than the next. Where two do, only
/// what is known to be of one client stays together.
pub(super) fn by_client<'a>(versions: Vec<&'a Contribution>, log: &Log<'_>) -> Vec<Vec<&'a Contribution>> {
    if versions.len() < 2 {
        return vec![versions];
    }
    let mut kinds: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
    for (number, version) in versions.iter().enumerate() {
        let client = version.subjects().client();
        kinds.entry(client.map(Person::identity).unwrap_or_default()).or_default().push(number);
    }
    let kinds: Vec<(Identity, Vec<usize>)> = kinds.into_iter().collect();
    let mut links: Vec<usize> = (0..kinds.len()).collect();
    let mut link = |left: usize, right: usize| {
        let (from, to) = (links[left].min(links[right]), links[left].max(links[right]));
        links.iter_mut().filter(|link| **link == to).for_each(|link| *link = from);
    };
    let named = |ground: &Ground| {
        let named = |number: &usize| {
            let version = versions[*number];
            ground.contribution == version.label || ground.contribution == version.key()
        };
        // A decision that was made about one version is none about a version that names another client.
        let says = |number: &usize| ground.says.is_empty() || ground.says == client_print(versions[*number]);
        (0..versions.len()).filter(named).filter(says).collect()
    };
    let (decided, _) = Decided::of(log, &versions, named);
    let kinds_of = |group: &[usize]| -> Vec<usize> {
        let holds = |kind: &usize| kinds[*kind].1.iter().any(|number| group.contains(number));
        (0..kinds.len()).filter(holds).collect()
    };
    for group in &decided.same {
        kinds_of(group).windows(2).for_each(|pair| link(pair[0], pair[1]));
    }
    let mut apart = Vec::new();
    for left in 0..kinds.len() {
        for right in left + 1..kinds.len() {
            match kinds[left].0.compare(&kinds[right].0) {
                Match::Same => link(left, right),
                Match::Open => {}
                Match::Disagree => apart.push((left, right)),
            }
        }
    }
    if apart.iter().all(|(left, right)| links[*left] == links[*right]) {
        return vec![versions];
    }
    let mut parted: BTreeMap<usize, Vec<&Contribution>> = BTreeMap::new();
    for (kind, (_, numbers)) in kinds.iter().enumerate() {
        parted.entry(links[kind]).or_default().extend(numbers.iter().map(|number| versions[*number]));
    }
    parted.into_values().collect()
}

/// What tells one client from another.
#[derive(PartialEq, Eq, PartialOrd, Ord, Default)]
struct Identity {
    hetu: Option<Hetu>,
    others: Vec<String>,
    birth: Option<String>,
    family: BTreeSet<String>,
    given: BTreeSet<String>,
}

impl Identity {
    /// Whether two versions of a plan are about one client. A shared identifier says so even where name or birth
    /// date were corrected in between.
    fn compare(&self, other: &Self) -> Match {
        let (a, b) = (self, other);
        let (hetus, shares) = (a.hetu.as_ref().zip(b.hetu.as_ref()), |id| b.others.contains(id));
        if let Some((left, right)) = hetus {
            return if left == right { Match::Same } else { Match::Disagree };
        }
        if a.others.iter().any(shares) {
            return Match::Same;
        }
        let births = a.birth.as_ref().zip(b.birth.as_ref());
        let agree = births.is_none_or(|(a, b)| a.starts_with(b.as_str()) || b.starts_with(a.as_str()));
        let known = |code: &Self, stated: &Self| {
            let stated = stated.birth.as_ref();
            code.hetu.as_ref().zip(stated).is_none_or(|(hetu, birth)| hetu.birth_date().agrees_with(birth))
        };
        let named_apart = disjoint(&a.family, &b.family) && disjoint(&a.given, &b.given);
        if agree && known(a, b) && known(b, a) && !named_apart { Match::Open } else { Match::Disagree }
    }
}

impl Person {
    /// The day of birth, stated or told by a valid code.
    pub(super) fn birth_day(&self) -> Option<String> {
        self.birth.clone().or_else(|| self.hetu.as_ref().map(|hetu| hetu.birth_date().to_string()))
    }

    /// True where the sources say the same of both.
    fn is_told_as(&self, other: &Self) -> bool {
        (&self.hetu, &self.birth, self.renamed) == (&other.hetu, &other.birth, other.renamed)
            && (&self.family, &self.given) == (&other.family, &other.given)
    }

    fn identity(&self) -> Identity {
        let Self { hetu, mut others, birth, family, given, .. } = self.clone();
        others.sort();
        Identity { hetu, others, birth, family, given }
    }
}

/// Whom a contribution is about, as far as its resources say, and what is wrong with the codes of these persons, by
/// their paths.
#[derive(Debug)]
pub(super) struct Subjects {
    found: Vec<Person>,
    faults: Vec<(String, Issue)>,
}

impl Subjects {
    pub(super) fn of(contribution: &Contribution) -> Self {
        let tree = &contribution.bundle;
        let mut seen = BTreeSet::new();
        let mut new = Self { found: Vec::new(), faults: Vec::new() };
        for (primary, node) in subjects(contribution) {
            let Some(resource) = contribution.number(node).filter(|resource| seen.insert(*resource)) else {
                continue;
            };
            if contribution.resources[resource as usize].kind != "Patient" {
                continue;
            }
            for (value, hetu) in hetus(tree, node) {
                let fault = hetu_issue(&hetu)
                    .map(|issue| (tree.path(value), Issue { span: tree.span(value), ..issue }));
                new.faults.extend(fault);
            }
            new.found.push(Person { resource, primary, ..read_patient(tree, node) });
        }
        new
    }

    /// The one whom the contribution is about.
    fn client(&self) -> Option<&Person> {
        self.found.iter().find(|person| person.primary)
    }
}

/// The valid identity code of the one whom a contribution is about.
pub(super) fn client_code(contribution: &Contribution) -> Option<Hetu> {
    contribution.subjects().client()?.hetu.clone()
}

/// Whom a contribution is about: the subject of its plan and who stands beside; without a plan the one client of all
/// its resources.
fn subjects(contribution: &Contribution) -> Vec<(bool, NodeId)> {
    let tree = &contribution.bundle;
    let Some(plan) = contribution.plan() else {
        return contribution.planless_client().map(|client| (true, client)).into_iter().collect();
    };
    let subject = tree.child_str(plan, "subject").into_iter().map(|node| (true, node));
    let beside = extensions(tree, plan, "co-subject").filter_map(|extension| value(tree, extension));
    let named = subject.chain(beside.map(|node| (false, node)));
    named.filter_map(|(primary, node)| Some((primary, contribution.follow(plan, node)?))).collect()
}

/// The personal identity codes of a Patient, valid or not, each with its place.
pub(super) fn hetus(tree: &Tree, node: NodeId) -> impl Iterator<Item = (NodeId, Cow<'_, str>)> + use<'_> {
    all(tree, node, "identifier").filter_map(|identifier| {
        let system = text(tree, identifier, &["system"])?;
        let value = at(tree, identifier, &["value"]).filter(|_| is_hetu_system(&system))?;
        Some((value, text(tree, identifier, &["value"])?))
    })
}

/// What a Patient states of who it is.
pub(super) fn read_patient(tree: &Tree, node: NodeId) -> Person {
    let others = identifiers(tree, node)
        .filter(|(system, _)| !system.is_empty() && !is_hetu_system(system) && !is_temporary(system));
    let (family, given) = names(tree, node);
    Person {
        resource: 0,
        primary: true,
        hetu: hetus(tree, node).find_map(|(_, hetu)| Hetu::parse(&hetu).ok()),
        others: others.map(|(system, value)| format!("{system}|{value}")).collect(),
        birth: text(tree, node, &["birthDate"]).map(Cow::into_owned),
        family,
        given,
        renamed: all(tree, node, "name").any(|name| at(tree, name, &["period"]).is_some()),
    }
}

/// The words of all family names and of all given names, earlier ones too, in lower case.
pub(super) fn names(tree: &Tree, node: NodeId) -> (BTreeSet<String>, BTreeSet<String>) {
    let words = |part: &str| {
        let leaves = all(tree, node, "name").flat_map(|name| all(tree, name, part));
        let texts = leaves.map(|leaf| tree.text(leaf).to_lowercase());
        texts.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    (words("family"), words("given"))
}

/// True where both have words and none in common.
pub(super) fn disjoint(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    !a.is_empty() && !b.is_empty() && a.is_disjoint(b)
}

/// True for the systems of temporary identifiers, `1.2.246.10.<organisation>.22.<year>`: each organisation has
/// its own, and one value means different people in two of them.
fn is_temporary(system: &str) -> bool {
    let oid = system.strip_prefix("urn:oid:").unwrap_or(system);
    oid.strip_prefix("1.2.246.10.").is_some_and(|rest| rest.split('.').skip(1).any(|part| part == "22"))
}

/// Puts persons of equal identity into one cluster; the pairs that share an identifier and yet disagree come back.
fn unite(persons: &mut [Subject<'_>], decided: &Decided) -> Vec<(usize, usize)> {
    // In the order of `system|value`, of which a code is not put together.
    let of_codes = format!("{HETU_SYSTEM}|");
    let mut by_identifier: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (number, subject) in persons.iter().enumerate() {
        let person = subject.person;
        let hetu = person.hetu.as_ref().map(|hetu| (of_codes.as_str(), hetu.as_str()));
        for identifier in hetu.into_iter().chain(person.others.iter().map(|other| (other.as_str(), ""))) {
            by_identifier.entry(identifier).or_default().push(number);
        }
    }
    let joined_by_decision =
        |left: &Subject<'_>, right: &Subject<'_>| decided.joins(left.contribution, right.contribution);
    let kinds = kinds(persons);
    let mut compared: BTreeMap<(usize, usize), Match> = BTreeMap::new();
    let mut links = Vec::new();
    let mut conflicts = Vec::new();
    for group in by_identifier.values() {
        for (at, left) in group.iter().take(COMPARED_MAX).enumerate() {
            for right in group.iter().take(COMPARED_MAX).skip(at + 1) {
                let (a, b) = (&persons[*left], &persons[*right]);
                if decided.parts(a.contribution, b.contribution) {
                    continue;
                }
                let pair = (kinds[*left], kinds[*right]);
                match *compared.entry(pair).or_insert_with(|| compare_persons(a.person, b.person)) {
                    Match::Open => {}
                    Match::Disagree if !joined_by_decision(a, b) => conflicts.push((*left, *right)),
                    Match::Same | Match::Disagree => links.push((*left, *right)),
                }
            }
        }
    }
    let primary: HashMap<usize, usize> = persons
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, person)| person.primary)
        .map(|(at, person)| (person.contribution, at))
        .collect();
    for group in &decided.same {
        let members: Vec<usize> =
            group.iter().filter_map(|contribution| primary.get(contribution).copied()).collect();
        links.extend(members.windows(2).map(|pair| (pair[0], pair[1])));
    }
    for (left, right) in links {
        let (from, to) = (root(persons, left), root(persons, right));
        persons[from.max(to)].cluster = from.min(to);
    }
    conflicts
}

/// For each person the first one of whom the sources say the same: most agree, and what is equal is compared once.
fn kinds(persons: &[Subject<'_>]) -> Vec<usize> {
    let mut first: Vec<usize> = Vec::with_capacity(persons.len());
    for (at, person) in persons.iter().enumerate() {
        let same = |other: &usize| first[*other] == *other && persons[*other].is_told_as(person.person);
        let known = (0..at.min(COMPARED_MAX)).find(same);
        first.push(known.unwrap_or(at));
    }
    first
}

fn root(persons: &[Subject<'_>], mut at: usize) -> usize {
    while persons[at].cluster != at {
        at = persons[at].cluster;
    }
    at
}

/// What two persons that share an identifier are to each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Match {
    Same,
    /// Not known well enough.
    Open,
    Disagree,
}

pub(super) fn compare_persons(a: &Person, b: &Person) -> Match {
    // People change their family name. Earlier names that a source lists were read with the others; where it only says
    // that the name was not always this one, the other may be the one before.
    if disjoint(&a.family, &b.family) && !a.renamed && !b.renamed
        || disjoint(&a.given, &b.given)
        || a.hetu.is_some() && b.hetu.is_some() && a.hetu != b.hetu
    {
        return Match::Disagree;
    }
    let derived = a.hetu.as_ref().or(b.hetu.as_ref()).map(Hetu::birth_date);
    let stated = [&a.birth, &b.birth];
    if let Some(day) = derived {
        if stated.iter().any(|birth| birth.as_deref().is_some_and(|birth| !day.agrees_with(birth))) {
            return Match::Disagree;
        }
        let known = |person: &Person| person.hetu.is_some() || person.birth.is_some();
        return if known(a) && known(b) { Match::Same } else { Match::Open };
    }
    match stated {
        [Some(a), Some(b)] if a.starts_with(b.as_str()) || b.starts_with(a.as_str()) => Match::Same,
        [Some(_), Some(_)] => Match::Disagree,
        _ => Match::Open,
    }
}

/// Chooses the client among the clusters and says which contributions do not concern that client for certain.
fn choose(contributions: &[&Contribution], persons: &[Subject<'_>], decided: &Decided, found: &mut Clients) {
    let mut clusters: BTreeMap<usize, Vec<&Subject<'_>>> = BTreeMap::new();
    for (number, person) in persons.iter().enumerate() {
        clusters.entry(root(persons, number)).or_default().push(person);
    }
    let covered = |cluster: &Vec<&Subject<'_>>| {
        cluster.iter().map(|person| person.contribution).collect::<BTreeSet<_>>()
    };
    let has_hetu = |cluster: &Vec<&Subject<'_>>| cluster.iter().any(|person| person.hetu.is_some());
    let rank = |cluster: &Vec<&Subject<'_>>| {
        let subjects = cluster.iter().filter(|person| person.primary).count();
        (has_hetu(cluster) && subjects > 0, covered(cluster).len(), subjects)
    };
    // On equal rank the first counts: contributions come sorted, so this does not depend on their arrival.
    let best = clusters.values().rev().max_by_key(|cluster| rank(cluster));
    let mut members = best.map(covered).unwrap_or_default();
    let named: Vec<usize> =
        (0..contributions.len()).filter(|number| !contributions[*number].is_anonymous()).collect();
    match (&named[..], contributions.len()) {
        // Alone there is nothing to confuse, even where the plan names no client.
        ([only], _) => drop(members.insert(*only)),
        ([], 1) => drop(members.insert(0)),
        _ => {}
    }
    add_decided(&decided.same, &mut members);
    let rest = || (0..contributions.len()).filter(|number| !members.contains(number));
    let other_code = |number: &usize| {
        let mut subjects = persons.iter().filter(|person| person.primary && person.contribution == *number);
        best.is_some_and(has_hetu) && subjects.any(|person| person.hetu.is_some())
    };
    let alone = best.is_some_and(|best| !has_hetu(best)) && members.len() == 1 && named.len() > 1;
    let first = members.first().map(|first| contributions[*first]);
    for number in if alone { (0..contributions.len()).collect() } else { rest().collect::<Vec<_>>() } {
        let contribution = contributions[number];
        found.issues.push(if contribution.is_anonymous() {
            names_nobody(contribution)
        } else if !alone && other_code(&number) {
            other_client(contribution, first)
        } else if !alone && members.iter().any(|member| decided.parts(*member, number)) {
            let message =
                format!("`{}` is about another client, as a person has decided", contribution.label);
            Issue::new(codes::NOT_CLIENT, Severity::Information, Span::default(), message)
                .at(place(contribution))
        } else {
            let message =
                format!("whether `{}` is about the same client cannot be known", contribution.label);
            Issue::error(codes::NO_IDENTITY, Span::default(), message).at(place(contribution))
        });
    }
    if alone || rest().any(|number| other_code(&number)) {
        found.left_out = (0..contributions.len()).collect();
        return;
    }
    found.left_out = rest().collect();
    let chosen = best.and_then(|best| best.first()).map(|person| (person.contribution, person.resource));
    for cluster in clusters.values() {
        let here = cluster.iter().filter(|person| members.contains(&person.contribution));
        let patients: Vec<(usize, u32)> = here.map(|person| (person.contribution, person.resource)).collect();
        if chosen.is_some_and(|chosen| patients.contains(&chosen)) {
            found.patients = patients;
        } else if patients.len() > 1 {
            found.others.push(patients);
        }
    }
    found.members = members.into_iter().collect();
}

/// One contribution is about another client than the first of those that are joined; both places are named.
fn other_client(contribution: &Contribution, first: Option<&Contribution>) -> Issue {
    let label = &contribution.label;
    let message = if first.is_some_and(|first| first.document == contribution.document) {
        format!("`{label}` holds plans of different clients")
    } else {
        format!("`{label}` is about another client than the others")
    };
    let places = first.into_iter().chain([contribution]).map(place);
    let places: Vec<String> = places.collect();
    Issue::error(codes::SEVERAL_CLIENTS, Span::default(), message).at(places.join(", "))
}

/// Adds what people have decided to be about the same client as a member; a plan may name no client at all.
fn add_decided(decided: &[Vec<usize>], members: &mut BTreeSet<usize>) {
    if members.is_empty() {
        members.extend(decided.iter().flatten().min());
    }
    // A decision may lead to the next; each round adds a contribution or is the last.
    loop {
        let before = members.len();
        for group in decided {
            if group.iter().any(|number| members.contains(number)) {
                members.extend(group);
            }
        }
        if members.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
