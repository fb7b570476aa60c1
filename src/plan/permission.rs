//! Who may see or change what of whom: `decide` is a pure, total function.
//!
//! A request and a source of data are first turned into [`Facts`], a handful of closed words; what grants of the
//! client say goes into them. The rules of a [`Policy`] are asked in their order, and the first that fits decides.
//! So the law stands in the policy file, where a lawyer reads it, and this module only establishes what is the case.
//! Three things no policy can change: an emergency never widens writing, it needs all that it needs (a coded reason,
//! words, one client, [`EMERGENCY_SECONDS`]), and what no rule covers is denied.

mod grants;
mod period;
mod words;

pub use grants::{Answer, Grant, GrantKind, Provision, Recorder};
pub use period::{Moment, Period};
pub use words::{
    Action, Audience, Denial, Direction, Emergency, EmergencyReason, JointPlan, Keeper, Opening, Permission,
    Purpose, Reason, Relation, Restriction, Set, Statute, Tell, Word,
};

use super::policy::Policy;
use super::{Contribution, Sector};

/// How long an emergency opens what is closed.
pub const EMERGENCY_SECONDS: i64 = 3_600;
/// Letters that the words of an emergency have at least.
pub const EMERGENCY_WORDS_MIN: usize = 10;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// In what capacity.
    pub capacity: Capacity,
    /// OIDs of the custodians in whose registers the requester works or for whom the requester's employer produces
    /// services.
    pub registers: Vec<String>,
    /// The names and identifiers by which documents and consents know the requester's organisation.
    pub organisations: Vec<String>,
    /// The requester's role, for the log.
    pub role: Option<String>,
}

/// In what capacity somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// As a professional of a sector.
    Professional(Sector),
    /// As the client.
    Client,
    /// As a guardian of the client.
    Guardian,
    /// As a program that acts for nobody.
    Service,
}

impl Capacity {
    /// Every word that [`Capacity::find`] knows.
    pub const WORDS: &[&str] = &[
        "health",
        "social",
        "employment",
        "third-sector",
        "education",
        "other",
        "client",
        "guardian",
        "service",
    ];

    /// From the word that people use: a sector for its professionals, `client`, `guardian`, `service`.
    pub fn find(word: &str) -> Option<Self> {
        match word {
            "client" => Some(Self::Client),
            "guardian" => Some(Self::Guardian),
            "service" => Some(Self::Service),
            other => Sector::find(other).map(Self::Professional),
        }
    }

    /// What somebody asks for in this capacity, where nothing else is said.
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Professional(Sector::Health) => Purpose::Care,
            Self::Professional(Sector::Employment) => Purpose::EmploymentService,
            Self::Professional(Sector::Social | Sector::ThirdSector | Sector::Education | Sector::Other) => {
                Purpose::SocialService
            }
            Self::Client | Self::Guardian => Purpose::OwnAccess,
            Self::Service => Purpose::Administration,
        }
    }
}

impl Requester {
    /// A requester of whom nothing but the capacity is known.
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, registers: Vec::new(), organisations: Vec::new(), role: None }
    }

    /// Whom a view is for that the requester gets.
    pub fn audience(&self) -> Audience {
        match self.capacity {
            Capacity::Professional(Sector::Health) => Audience::Health,
            Capacity::Professional(Sector::Social) => Audience::Social,
            Capacity::Professional(Sector::Employment) => Audience::Employment,
            Capacity::Professional(Sector::ThirdSector) => Audience::ThirdSector,
            Capacity::Professional(Sector::Education | Sector::Other) => Audience::Education,
            Capacity::Client => Audience::Client,
            Capacity::Guardian => Audience::Guardian,
            Capacity::Service => Audience::Service,
        }
    }
}

/// An emergency that is to break the glass.
#[derive(Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// Why, as a code.
    pub reason: EmergencyReason,
    /// Why, in words.
    pub words: String,
    /// The one client, by the key that [`Source::client`] has.
    pub client: String,
    /// When the glass was broken.
    pub since: Moment,
}

impl std::fmt::Debug for BreakGlass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BreakGlass")
            .field("reason", &self.reason)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

impl BreakGlass {
    /// True where it has all that it needs and is in its time.
    pub fn is_in_force(&self, client: &str, now: Moment) -> bool {
        let letters = self.words.chars().filter(|letter| letter.is_alphanumeric()).count();
        let age = now.seconds().saturating_sub(self.since.seconds());
        letters >= EMERGENCY_WORDS_MIN
            && !client.is_empty()
            && self.client == client
            && (0..EMERGENCY_SECONDS).contains(&age)
    }
}

/// What is asked for, by whom and why.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks.
    pub requester: Requester,
    /// What for.
    pub purpose: Purpose,
    /// To do what.
    pub action: Action,
    /// The id of a statute of the policy that gives the right.
    pub statute: Option<String>,
    /// An emergency.
    pub break_glass: Option<BreakGlass>,
}

impl Request {
    /// A request to read.
    pub fn read(requester: Requester, purpose: Purpose) -> Self {
        Self { requester, purpose, action: Action::Read, statute: None, break_glass: None }
    }
}

/// What is asked about: one unit's plan.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// The sector of its register.
    pub sector: Sector,
    /// The OID of its custodian. Where neither the document nor the caller says it, the register is not known, and no
    /// requester's own.
    pub custodian: Option<String>,
    /// The unit system.
    pub unit: String,
    /// Service tasks of social care that it belongs to (1.2.246.537.6.1221).
    pub service_tasks: Vec<String>,
    /// Identifiers of the document.
    pub documents: Vec<String>,
    /// What is recorded on disclosure to guardians.
    pub restriction: Restriction,
    /// The key of the client, the same for all that is about the client.
    pub client: String,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("sector", &self.sector)
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// What a contribution says of itself.
    pub fn of(contribution: &Contribution, client: &str) -> Self {
        let (service_tasks, documents, restriction) = grants::read_header(contribution);
        Self {
            sector: contribution.sector,
            custodian: contribution.custodian.as_deref().map(grants::oid).map(str::to_owned),
            unit: contribution.unit.clone(),
            service_tasks,
            documents,
            restriction,
            client: client.to_owned(),
        }
    }
}

/// What is the case, in closed words: all that a policy may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What the requester is to the register.
    pub relation: Relation,
    /// What for.
    pub purpose: Purpose,
    /// To do what.
    pub action: Action,
    /// What the permission that is needed says.
    pub permission: Permission,
    /// What is denied.
    pub denial: Denial,
    /// What the client says of planning together.
    pub joint_plan: JointPlan,
    /// Whether the glass is broken.
    pub emergency: Emergency,
    /// What guardians may have.
    pub restriction: Restriction,
    /// Whether a statute is claimed.
    pub statute: Statute,
    /// Between which sectors.
    pub direction: Direction,
    /// The sector of the source.
    pub sector: Sector,
}

/// What was decided, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it is permitted.
    pub permitted: bool,
    /// Why.
    pub reason: Reason,
    /// The ids of the rule that decided and of the grants that it stands on.
    pub rules: Vec<String>,
}

/// Decides whether a requester may have or change a source.
///
/// The same arguments give the same ruling, and there is one for every argument.
pub fn decide(request: &Request, source: &Source, answer: &Answer, policy: &Policy, now: Moment) -> Ruling {
    let (facts, grants) = establish(request, source, answer, policy, now);
    let Some(rule) = policy.first(&facts) else {
        return Ruling { permitted: false, reason: Reason::NotCovered, rules: Vec::new() };
    };
    let mut rules = vec![rule.id.clone()];
    let stands_on_grants = matches!(
        rule.reason,
        Reason::Permitted
            | Reason::Consented
            | Reason::PermissionLapsed
            | Reason::DocumentDenied
            | Reason::ServiceTaskDenied
            | Reason::RegisterDenied
            | Reason::NoJointPlan
    );
    if stands_on_grants {
        rules.extend(grants);
    }
    Ruling { permitted: rule.permits, reason: rule.reason, rules }
}

/// The facts of a case, and the ids of the grants that they stand on.
pub fn establish(
    request: &Request,
    source: &Source,
    answer: &Answer,
    policy: &Policy,
    now: Moment,
) -> (Facts, Vec<String>) {
    let relation = relation(&request.requester, source);
    let direction = direction(&request.requester, relation, source);
    let emergency = emergency(request, relation, source, now);
    let (permission, denial, mut grants) = if relation.discloses() {
        answer.about((&request.requester, source), (relation, direction), policy, now)
    } else {
        (Permission::Missing, Denial::None, Vec::new())
    };
    // What an emergency opens is read, not planned together.
    let joint_plan = if relation.discloses() && emergency == Emergency::Off {
        let (joint_plan, consents) = answer.joint_plan(&request.requester, source, policy, now);
        grants.extend(consents);
        joint_plan
    } else {
        JointPlan::NotAsked
    };
    let facts = Facts {
        relation,
        purpose: request.purpose,
        action: request.action,
        permission,
        denial,
        joint_plan,
        emergency,
        restriction: if relation == Relation::Guardian { source.restriction } else { Restriction::NotStated },
        statute: statute(request, relation, policy),
        direction,
        sector: source.sector,
    };
    (facts, grants)
}

fn relation(requester: &Requester, source: &Source) -> Relation {
    let sector = match requester.capacity {
        Capacity::Client => return Relation::Client,
        Capacity::Guardian => return Relation::Guardian,
        Capacity::Service => return Relation::Service,
        Capacity::Professional(sector) => sector,
    };
    // A register that is not known is another one: the name of a unit system is that of a format, which many
    // organisations share.
    let own = requester.registers.iter().any(|own| source.custodian.as_deref() == Some(grants::oid(own)));
    if own && sector == source.sector {
        return Relation::SameRegister;
    }
    match sector {
        Sector::Health | Sector::Social if sector == source.sector => Relation::SameSector,
        Sector::Health | Sector::Social => Relation::OtherSector,
        Sector::Employment | Sector::ThirdSector | Sector::Education | Sector::Other => Relation::Partner,
    }
}

fn direction(requester: &Requester, relation: Relation, source: &Source) -> Direction {
    if relation != Relation::OtherSector {
        return Direction::None;
    }
    match (source.sector, requester.capacity) {
        (Sector::Health, Capacity::Professional(Sector::Social)) => Direction::HealthToSocial,
        (Sector::Social, Capacity::Professional(Sector::Health)) => Direction::SocialToHealth,
        _ => Direction::None,
    }
}

/// An emergency opens what health and social care keep from each other, and only to read.
fn emergency(request: &Request, relation: Relation, source: &Source, now: Moment) -> Emergency {
    let opens = matches!(relation, Relation::SameSector | Relation::OtherSector)
        && request.action == Action::Read
        && request.break_glass.as_ref().is_some_and(|glass| glass.is_in_force(&source.client, now));
    if opens { Emergency::On } else { Emergency::Off }
}

fn statute(request: &Request, relation: Relation, policy: &Policy) -> Statute {
    let known = request.statute.as_ref().is_some_and(|id| policy.has_statute(id, request.purpose));
    if relation.discloses() && known { Statute::Claimed } else { Statute::None }
}

impl Facts {
    /// True where the facts can be the case together: [`establish`] gives no others.
    pub fn can_be(&self) -> bool {
        let Self {
            relation,
            permission,
            denial,
            joint_plan,
            emergency,
            restriction,
            statute,
            direction,
            sector,
            ..
        } = *self;
        let disclosed = relation.discloses();
        let plans_together = disclosed && emergency == Emergency::Off;
        let professional = matches!(relation, Relation::SameSector | Relation::OtherSector);
        let of_sector = match relation {
            Relation::SameSector => matches!(sector, Sector::Health | Sector::Social),
            Relation::OtherSector => match direction {
                Direction::HealthToSocial => sector == Sector::Health,
                Direction::SocialToHealth => sector == Sector::Social,
                Direction::None => !matches!(sector, Sector::Health | Sector::Social),
            },
            Relation::SameRegister
            | Relation::Partner
            | Relation::Client
            | Relation::Guardian
            | Relation::Service => true,
        };
        of_sector
            && (direction == Direction::None || relation == Relation::OtherSector)
            && (disclosed || permission == Permission::Missing && denial == Denial::None)
            && (permission != Permission::Unanswered || denial == Denial::None)
            && plans_together == (joint_plan != JointPlan::NotAsked)
            && (permission != Permission::Unanswered
                || matches!(joint_plan, JointPlan::NotAsked | JointPlan::Missing))
            && (emergency == Emergency::Off || professional && self.action == Action::Read)
            && (restriction == Restriction::NotStated || relation == Relation::Guardian)
            && (statute == Statute::None || disclosed)
    }

    /// Every combination of facts that can be the case.
    pub fn all() -> impl Iterator<Item = Self> {
        let of_relation = |relation: &Relation| {
            let relation = *relation;
            (0_usize..).map_while(move |number| Self::nth(relation, number)).filter(Self::can_be)
        };
        Relation::ALL.iter().flat_map(of_relation)
    }

    /// One of the combinations of a relation. Of what has one word there no other is tried.
    fn nth(relation: Relation, mut number: usize) -> Option<Self> {
        fn next<W: Word>(number: &mut usize, has_several: bool, one: W) -> W {
            if !has_several {
                return one;
            }
            let word = W::ALL.get(*number % W::ALL.len()).copied().unwrap_or(one);
            *number /= W::ALL.len();
            word
        }
        let discloses = relation.discloses();
        let cares = matches!(relation, Relation::SameSector | Relation::OtherSector);
        let facts = Self {
            relation,
            purpose: next(&mut number, true, Purpose::Care),
            action: next(&mut number, true, Action::Read),
            permission: next(&mut number, discloses, Permission::Missing),
            denial: next(&mut number, discloses, Denial::None),
            joint_plan: next(&mut number, discloses, JointPlan::NotAsked),
            emergency: next(&mut number, cares, Emergency::Off),
            restriction: next(&mut number, relation == Relation::Guardian, Restriction::NotStated),
            statute: next(&mut number, discloses, Statute::None),
            direction: next(&mut number, relation == Relation::OtherSector, Direction::None),
            sector: next(&mut number, true, Sector::Other),
        };
        (number == 0).then_some(facts)
    }
}

impl Relation {
    /// True where data would go to another register.
    pub fn discloses(self) -> bool {
        matches!(self, Self::SameSector | Self::OtherSector | Self::Partner)
    }
}
