//! What the client permits and denies, read from FHIR Consent resources: Sauma's own profiles, the national
//! registry's form of a permission between health and social care (`SoTeConsent`), and plain R4.
//!
//! Only status `active` and a period that holds now count. Nested provisions are exceptions to the one that holds
//! them. What cannot be read never permits, and never takes a denial away.

use super::{
    Capacity, Denial, Direction, JointPlan, Keeper, Moment, Opening, Period, Permission, Relation, Requester,
    Restriction, Source, Word,
};
use crate::diag::{Issue, Severity, codes, message};
use crate::plan::contribution::Contribution;
use crate::plan::policy::Policy;
use crate::plan::read::{all, at, extensions, human_name, identifiers, text, value};
use crate::plan::{SAUMA, Sector};
use crate::tree::{Name, NodeId, Tree};

/// Provisions below each other that are read; deeper ones count as denying.
const DEPTH_MAX: usize = 8;
/// Consents of one answer that are read.
const GRANTS_MAX: usize = 10_000;
/// The extension of HL7 Finland's base profiles that says what guardians may have.
const RESTRICTION: &str = "/RestrictionParent";

/// What the source of permissions says.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Nothing: it cannot be asked, or does not answer.
    None,
    /// All that the client has permitted and denied.
    Grants(Vec<Grant>),
}

/// What a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// A permission to disclose between health and social care, in one direction.
    Direction(Direction),
    /// A denial.
    Denial,
    /// A written consent to disclose to those outside health and social care; true where it has what it needs.
    Written(bool),
    /// A plain FHIR permission, which names no kind that is known.
    Plain,
    /// About a plan that several registers make together.
    JointPlan,
    /// About something else than disclosure.
    Other,
}

/// Who recorded a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorder {
    /// A source of permissions, as the national registry is.
    PermissionSource,
    /// A unit of a register: its sector, and the OID of its custodian where it is known.
    Register {
        /// The sector.
        sector: Sector,
        /// The custodian.
        custodian: Option<String>,
    },
}

impl Recorder {
    /// Who recorded what a contribution holds: as whoever took it in knows, else as it says of itself.
    pub(in crate::plan) fn of(contribution: &Contribution) -> Self {
        contribution.recorder.clone().unwrap_or_else(|| Self::Register {
            sector: contribution.sector,
            custodian: contribution.custodian.clone(),
        })
    }

    /// What the recorder is to a disclosure.
    fn keeper(&self, requester: &Requester, source: &Source) -> Keeper {
        let Self::Register { sector, custodian } = self else { return Keeper::PermissionSource };
        let Some(custodian) = custodian.as_deref().map(oid) else { return Keeper::OtherRegister };
        let is_of_requester = requester.capacity == Capacity::Professional(*sector)
            && requester.registers.iter().any(|register| oid(register) == custodian);
        if source.sector == *sector && source.custodian.as_deref() == Some(custodian) {
            Keeper::SourceRegister
        } else if is_of_requester {
            Keeper::Receiver
        } else {
            Keeper::OtherRegister
        }
    }
}

/// One permission, consent or denial.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is called in the log.
    pub id: String,
    /// What it is.
    pub kind: GrantKind,
    /// Who recorded it.
    pub recorder: Recorder,
    /// True where its status is `active`.
    pub active: bool,
    /// What it says.
    pub provision: Provision,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant")
            .field("kind", &self.kind)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// A provision of a Consent.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Provision {
    /// Whether it permits; `None` where it says neither.
    pub permits: Option<bool>,
    /// For which time.
    pub period: Period,
    /// Recipients, or registers that it is about: identifiers and names.
    pub actors: Vec<String>,
    /// Service tasks that it is limited to.
    pub tasks: Vec<String>,
    /// Documents that it is limited to.
    pub documents: Vec<String>,
    /// Limited by something that this program does not judge.
    pub is_limited_otherwise: bool,
    /// Exceptions.
    pub exceptions: Vec<Provision>,
}

impl Answer {
    /// What the grants say of a disclosure: the permission, the denial, and the grants that say so. A permission counts
    /// only from those who the policy lets record it; a denial counts from everybody.
    pub(super) fn about(
        &self,
        (requester, source): (&Requester, &Source),
        (relation, direction): (Relation, Direction),
        policy: &Policy,
        now: Moment,
    ) -> (Permission, Denial, Vec<String>) {
        let Self::Grants(grants) = self else {
            return (Permission::Unanswered, Denial::None, Vec::new());
        };
        let mut ids = Vec::new();
        let (mut permission, mut denial) = (Permission::Missing, Denial::None);
        for grant in grants {
            if let Some(level) = grant.denies(source, now) {
                ids.push(grant.id.clone());
                denial = denial.max(level);
            }
            if !grant.is_for(relation, direction)
                || !grant.provision.permits(requester, source)
                || !grant.may_open(requester, source, policy)
            {
                continue;
            }
            ids.push(grant.id.clone());
            let holds = grant.active && grant.provision.is_in_time(requester, source, now);
            permission = match (permission, holds) {
                (_, true) | (Permission::Given, _) => Permission::Given,
                (_, false) => Permission::Lapsed,
            };
        }
        (permission, denial, ids)
    }

    /// What the client says of planning together, and the Consents that say so. A refusal that is in force stands
    /// before a consent, whoever recorded it.
    pub(super) fn joint_plan(
        &self,
        requester: &Requester,
        source: &Source,
        policy: &Policy,
        now: Moment,
    ) -> (JointPlan, Vec<String>) {
        let Self::Grants(grants) = self else { return (JointPlan::Missing, Vec::new()) };
        let about = grants.iter().filter(|grant| {
            grant.kind == GrantKind::JointPlan
                && (grant.refuses()
                    || grant.provision.fits(requester, source) && grant.may_open(requester, source, policy))
        });
        let (consents, others): (Vec<&Grant>, Vec<&Grant>) = about.partition(|grant| grant.consents(now));
        let is_refused =
            others.iter().any(|grant| grant.refuses() && grant.provision.period.holds(now) != Some(false));
        let (found, say_so) = match (is_refused, consents.is_empty(), others.is_empty()) {
            (false, false, _) => (JointPlan::Consented, consents),
            (_, _, false) => (JointPlan::Refused, others),
            (_, true, true) | (true, ..) => (JointPlan::Missing, Vec::new()),
        };
        (found, say_so.into_iter().map(|grant| grant.id.clone()).collect())
    }
}

impl Grant {
    /// True where the grant is of the kind that a disclosure needs.
    fn is_for(&self, relation: Relation, direction: Direction) -> bool {
        match (relation, self.kind) {
            (Relation::OtherSector, GrantKind::Direction(of)) if direction != Direction::None => {
                of == direction
            }
            (Relation::OtherSector, GrantKind::Written(complete)) => complete && direction == Direction::None,
            (Relation::Partner, GrantKind::Written(complete)) => complete,
            (Relation::SameSector, GrantKind::Plain) => true,
            _ => false,
        }
    }

    /// True where the policy lets whoever recorded the grant open data with it.
    fn may_open(&self, requester: &Requester, source: &Source, policy: &Policy) -> bool {
        let opening = match self.kind {
            GrantKind::Direction(_) | GrantKind::Plain => Opening::Permission,
            GrantKind::Written(_) => Opening::WrittenConsent,
            GrantKind::JointPlan => Opening::JointPlan,
            GrantKind::Denial | GrantKind::Other => return false,
        };
        policy.takes(opening, self.recorder.keeper(requester, source))
    }

    /// True for a consent that holds now; without a type, that it stands there is the consent.
    fn consents(&self, now: Moment) -> bool {
        self.active && self.provision.permits != Some(false) && self.provision.period.holds(now) == Some(true)
    }

    /// True for what says no.
    fn refuses(&self) -> bool {
        self.active && self.provision.permits == Some(false)
    }

    /// At which level the grant denies disclosure of a source.
    fn denies(&self, source: &Source, now: Moment) -> Option<Denial> {
        let denies = match self.kind {
            GrantKind::Denial => true,
            GrantKind::Plain => self.provision.permits == Some(false),
            GrantKind::Direction(_) | GrantKind::Written(_) | GrantKind::JointPlan | GrantKind::Other => {
                false
            }
        };
        let provision = &self.provision;
        // A denial whose time cannot be read stands.
        if !denies || !self.active || provision.period.holds(now) == Some(false) {
            return None;
        }
        let level = provision.covers(source)?;
        let excepted = provision.exceptions.iter().any(|exception| {
            exception.permits == Some(true)
                && exception.period.holds(now) == Some(true)
                && !exception.is_limited_otherwise
                && exception.covers(source).is_some()
        });
        (!excepted).then_some(level)
    }
}

impl Provision {
    /// What of the source a denial is about: the narrowest thing that it names decides the level.
    fn covers(&self, source: &Source) -> Option<Denial> {
        let named = |named: &[String], own: &[String]| own.iter().any(|own| named.contains(own));
        // What a source does not say of itself may be what the client denies.
        let is_silent = source.sector == Sector::Social && source.service_tasks.is_empty();
        let of_register = self.actors.is_empty()
            || source.custodian.as_ref().is_some_and(|custodian| self.actors.contains(custodian));
        if !of_register {
            return None;
        }
        match (self.documents.is_empty(), self.tasks.is_empty()) {
            (false, _) => {
                let denied = source.documents.is_empty() || named(&self.documents, &source.documents);
                denied.then_some(Denial::Document)
            }
            (true, false) => {
                let denied = is_silent || named(&self.tasks, &source.service_tasks);
                denied.then_some(Denial::ServiceTask)
            }
            (true, true) => Some(Denial::Register),
        }
    }

    /// True where what is permitted covers the requester and the source, whatever the time.
    fn permits(&self, requester: &Requester, source: &Source) -> bool {
        self.permits == Some(true)
            && self.fits(requester, source)
            && !self.exceptions.iter().any(|exception| exception.denies(requester, source, 1))
            || self.permits.is_none()
                && self.fits(requester, source)
                && self.exceptions.iter().any(|exception| exception.permits(requester, source))
    }

    /// True where an exception takes away what is permitted. What is limited by something unknown takes all away.
    fn denies(&self, requester: &Requester, source: &Source, depth: usize) -> bool {
        let denies =
            self.permits != Some(true) && (self.is_limited_otherwise || self.fits(requester, source));
        denies
            && (depth >= DEPTH_MAX
                || !self.exceptions.iter().any(|exception| exception.permits(requester, source)))
    }

    fn fits(&self, requester: &Requester, source: &Source) -> bool {
        let meets = |named: &[String], own: &[String]| {
            named.is_empty() || own.iter().any(|own| named.iter().any(|named| oid(named) == oid(own)))
        };
        let of_requester = || requester.registers.iter().chain(&requester.organisations);
        let recipient = self.actors.is_empty()
            || of_requester().any(|own| self.actors.iter().any(|actor| oid(actor) == oid(own)));
        recipient
            && !self.is_limited_otherwise
            && meets(&self.tasks, &source.service_tasks)
            && meets(&self.documents, &source.documents)
    }

    /// True where the time of the provision holds now, and that of the exception which permits.
    fn is_in_time(&self, requester: &Requester, source: &Source, now: Moment) -> bool {
        let here = self.period.holds(now) == Some(true);
        let permits_itself = self.permits == Some(true);
        here && (permits_itself
            || self.exceptions.iter().any(|exception| {
                exception.permits(requester, source) && exception.is_in_time(requester, source, now)
            }))
    }
}

impl Answer {
    /// The grants in a Bundle, or in one resource, of a source of permissions; what cannot be read is told and counts
    /// for nothing, unless it denies.
    pub fn read(tree: &Tree) -> (Self, Vec<Issue>) {
        let mut found = Self::Grants(Vec::new());
        let mut issues = Vec::new();
        found.add(tree, &Recorder::PermissionSource, &mut issues);
        (found, issues)
    }

    /// Adds the Consents of a Bundle that one recorder has. An answer of a source that does not answer stays none.
    pub fn add(&mut self, tree: &Tree, recorder: &Recorder, issues: &mut Vec<Issue>) {
        let Self::Grants(grants) = self else { return };
        if tree.is_empty() {
            return;
        }
        let entries = tree.children_named(NodeId::ROOT, Name::ENTRY);
        let resources = entries.filter_map(|entry| tree.child(entry, Name::RESOURCE));
        for node in std::iter::once(NodeId::ROOT).chain(resources) {
            if tree.resource_type(node).as_deref() != Some("Consent") || grants.len() >= GRANTS_MAX {
                continue;
            }
            let grant = read_consent(tree, node, recorder, grants.len());
            if grant.kind == GrantKind::Other || grant.provision.is_limited_otherwise {
                let said =
                    message!("a Consent says nothing of disclosure that can be judged; it permits nothing");
                let issue =
                    Issue::said(codes::GRANT_UNREAD, Severity::Information, tree.span(node), said, None);
                issues.push(issue.at(tree.path(node)));
            }
            grants.push(grant);
        }
    }
}

fn read_consent(tree: &Tree, node: NodeId, recorder: &Recorder, number: usize) -> Grant {
    let mut provision = at(tree, node, &["provision"])
        .map_or_else(Provision::default, |provision| read_provision(tree, provision, 0));
    let tasks = extensions(tree, node, "service-task").filter_map(|extension| value(tree, extension));
    provision.tasks.extend(tasks.filter_map(|coding| text(tree, coding, &["code"])).map(Into::into));
    let complete = provision.period.is_limited()
        && !provision.actors.is_empty()
        && tree.children(node).any(|child| tree.name_text(child).starts_with("source"));
    let kind = read_kind(tree, node, complete);
    let is_direction = matches!(kind, GrantKind::Direction(_));
    if is_direction && provision.permits.is_none() && provision.exceptions.is_empty() {
        // A permission in the national form that names no part is a permission of all.
        provision.permits = Some(true);
    }
    if kind == GrantKind::Denial && provision.permits == Some(true) {
        provision.is_limited_otherwise = true;
    }
    Grant {
        id: text(tree, node, &["id"])
            .map_or_else(|| format!("consent-{number}"), |id| format!("Consent/{id}")),
        kind,
        recorder: recorder.clone(),
        active: text(tree, node, &["status"]).as_deref() == Some("active"),
        provision,
    }
}

/// The kind of a Consent by its category. The registry's codes are `1` and `2`; the url of its code system is not at
/// hand, so its profile or the name of its value set must stand beside them.
fn read_kind(tree: &Tree, node: NodeId, complete: bool) -> GrantKind {
    let of_registry = || {
        let profiles = at(tree, node, &["meta"]).into_iter().flat_map(|meta| all(tree, meta, "profile"));
        profiles.into_iter().any(|profile| tree.text(profile).contains("soteluovutuslupa"))
    };
    let own = format!("{SAUMA}CodeSystem/permission");
    let mut plain = true;
    for coding in all(tree, node, "category").flat_map(|category| all(tree, category, "coding")) {
        let system = text(tree, coding, &["system"]).unwrap_or_default();
        let code = text(tree, coding, &["code"]).unwrap_or_default();
        let is_registry = || system.contains("consentcategory-soteconsent") || of_registry();
        match &*code {
            "1" if is_registry() => return GrantKind::Direction(Direction::HealthToSocial),
            "2" if is_registry() => return GrantKind::Direction(Direction::SocialToHealth),
            "denial" if system == own => return GrantKind::Denial,
            "written-consent" if system == own => return GrantKind::Written(complete),
            "joint-plan" if system == own => return GrantKind::JointPlan,
            code if system == own => {
                return match Direction::find(code) {
                    Some(Direction::None) | None => GrantKind::Other,
                    Some(direction) => GrantKind::Direction(direction),
                };
            }
            _ => plain &= !of_registry(),
        }
    }
    let scope = at(tree, node, &["scope"]).into_iter().flat_map(|scope| all(tree, scope, "coding"));
    let is_privacy =
        scope.into_iter().any(|coding| text(tree, coding, &["code"]).as_deref() == Some("patient-privacy"));
    if plain && is_privacy { GrantKind::Plain } else { GrantKind::Other }
}

fn read_provision(tree: &Tree, node: NodeId, depth: usize) -> Provision {
    let period = at(tree, node, &["period"]);
    let bound = |name: &str| period.and_then(|period| text(tree, period, &[name]));
    let mut found = Provision {
        permits: match text(tree, node, &["type"]).as_deref() {
            Some("permit") => Some(true),
            Some("deny") => Some(false),
            Some(_) | None => None,
        },
        period: Period::of(bound("start").as_deref(), bound("end").as_deref()),
        ..Provision::default()
    };
    for actor in all(tree, node, "actor") {
        let before = found.actors.len();
        if let Some(reference) = tree.child_str(actor, "reference") {
            read_actor(tree, reference, &mut found.actors);
        }
        if found.actors.len() == before {
            found.is_limited_otherwise = true;
        }
    }
    for class in all(tree, node, "class") {
        found.tasks.extend(text(tree, class, &["code"]).map(Into::into));
        let functions =
            tree.children_named(class, Name::EXTENSION).filter_map(|extension| value(tree, extension));
        found.tasks.extend(functions.filter_map(|coding| text(tree, coding, &["code"])).map(Into::into));
    }
    for data in all(tree, node, "data") {
        let value = text(tree, data, &["reference", "identifier", "value"]);
        let value = value.or_else(|| text(tree, data, &["reference", "reference"]));
        found.documents.push(value.map_or_else(String::new, |value| oid(&value).to_owned()));
    }
    let judged = ["type", "period", "actor", "class", "data", "provision", "extension", "id"];
    found.is_limited_otherwise |= tree.children(node).any(|child| !judged.contains(&tree.name_text(child)));
    if depth < DEPTH_MAX {
        let nested = all(tree, node, "provision").map(|nested| read_provision(tree, nested, depth + 1));
        found.exceptions = nested.collect();
    } else {
        found.is_limited_otherwise |= all(tree, node, "provision").next().is_some();
    }
    found
}

/// The names by which an actor of a Consent is known: identifiers, the reference, the display; and what the resource
/// that it leads to says.
fn read_actor(tree: &Tree, reference: NodeId, known: &mut Vec<String>) {
    let said = [&["identifier", "value"][..], &["reference"], &["display"]];
    let said = said.iter().filter_map(|path| text(tree, reference, path));
    known.extend(said.map(|said| oid(&said).to_owned()));
    let Some(target) = text(tree, reference, &["reference"]) else { return };
    for entry in tree.children_named(NodeId::ROOT, Name::ENTRY) {
        let Some(resource) = tree.child(entry, Name::RESOURCE) else { continue };
        let url = tree.child(entry, Name::FULL_URL).map(|url| tree.text(url));
        let named = tree.resource_type(resource).zip(text(tree, resource, &["id"]));
        let is_it = url.as_deref() == Some(&*target)
            || named.is_some_and(|(kind, id)| *target == format!("{kind}/{id}"));
        if is_it {
            known.extend(identifiers(tree, resource).map(|(_, value)| oid(&value).to_owned()));
            known.extend(human_name(tree, resource));
        }
    }
}

/// The value of an identifier without its system and without `urn:oid:`.
pub(super) fn oid(text: &str) -> &str {
    let value = text.rsplit_once('|').map_or(text, |(_, value)| value);
    value.strip_prefix("urn:oid:").unwrap_or(value)
}

/// The service tasks, the identifiers and the restriction for guardians of a contribution.
pub(super) fn read_header(contribution: &Contribution) -> (Vec<String>, Vec<String>, Restriction) {
    let tree = &*contribution.bundle;
    let Some(plan) = contribution.plan() else {
        return (Vec::new(), Vec::new(), restriction(contribution));
    };
    let coded = extensions(tree, plan, "service-task").filter_map(|extension| value(tree, extension));
    let tasks = coded.filter_map(|coding| text(tree, coding, &["code"])).map(Into::into).collect();
    let mut documents: Vec<String> =
        identifiers(tree, plan).map(|(_, value)| oid(&value).to_owned()).collect();
    let stated = extensions(tree, plan, "document-id").filter_map(|extension| value(tree, extension));
    for node in stated {
        let said =
            if tree.kind(node).is_leaf() { Some(tree.text(node)) } else { text(tree, node, &["value"]) };
        documents.extend(said.map(|said| oid(&said).to_owned()));
    }
    documents.extend(text(tree, plan, &["id"]).map(|id| format!("CarePlan/{id}")));
    (tasks, documents, restriction(contribution))
}

/// What is recorded for guardians, the strictest of what stands anywhere in the document; a code that is not known
/// counts as not known to allow it.
fn restriction(contribution: &Contribution) -> Restriction {
    let tree = &*contribution.bundle;
    let mut found = Restriction::NotStated;
    for resource in &contribution.resources {
        for node in tree.descend(resource.node).filter(|node| tree.name(*node) == Name::EXTENSION) {
            if tree.child_text(node, "url").is_some_and(|url| url.ends_with(RESTRICTION)) {
                let code = value(tree, node).and_then(|coding| text(tree, coding, &["code"]));
                let stated = code.and_then(|code| Restriction::find(&code)).unwrap_or(Restriction::NotKnown);
                found = found.max(stated);
            }
        }
    }
    found
}
