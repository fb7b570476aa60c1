//! What people decide about a joined plan: who is one client, what is one goal, which value is right, who coordinates.
//!
//! A decision is never changed and never taken out of its log; another one revokes it. Its id is a hash of all that it
//! says, so the order of a log means nothing and a decision that stands in it twice counts once.
//!
//! It names its ground by what stays the same while sources send new versions: the keys of contributions and the
//! sources' own keys of resources. Beside each stands a fingerprint of what was said there when the person decided. So a
//! decision is followed again when a contribution is renewed, and is told but not followed when what it was made
//! about has changed or gone.

mod ask;
mod file;
mod log;

pub use ask::{About, Ask, Unsettled, person_id};
pub use file::{read, to_line};
pub(super) use log::{Claim, Fate, Log, settle};

use super::contribution::make_id;
use super::time;

/// Kinds whose resources stay apart whatever they share: the unit's own plan and team, what a contribution says of
/// itself, and people, who are matched by stricter rules.
pub(super) const APART: &[&str] = &["CarePlan", "CareTeam", "Patient", "Provenance"];
/// What one decision names at most.
pub const GROUNDS_MAX: usize = 256;

/// A person's statement that the join follows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decision {
    id: String,
    statement: Statement,
    by: Decider,
    time: String,
    reason: String,
}

/// What is stated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statement {
    /// These contributions concern one client.
    SameClient(Vec<Ground>),
    /// Each of these contributions concerns another client.
    NotSameClient(Vec<Ground>),
    /// These resources are one: goals of two units that mean one goal.
    SameResource(Vec<Ground>),
    /// Each of these resources is another one.
    NotSameResource(Vec<Ground>),
    /// Of several values of one element this one is right.
    Value {
        /// The element in question: `Goal.lifecycleStatus`.
        element: String,
        /// Whose value is right.
        right: Ground,
        /// Whose is not.
        others: Vec<Ground>,
    },
    /// This member of a team coordinates, and is the one whom the client contacts.
    Coordinator(Ground),
    /// The decision with this id counts no more.
    Revoke(String),
}

/// Something that a decision is about, as it was when the person decided.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ground {
    /// The key of a contribution, or its label where the caller has nothing better.
    pub contribution: String,
    /// A resource of it, `Goal/0123…` as in the joined plan; empty for the contribution as a whole.
    pub resource: String,
    /// A fingerprint of what it said; empty where the decision holds whatever it says.
    pub says: String,
}

/// Who decided.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Decider {
    /// The name.
    pub name: String,
    /// The role or title.
    pub role: String,
    /// The organisation on whose behalf.
    pub organisation: String,
}

impl Decider {
    /// As people read it: name, role, organisation.
    pub fn to_words(&self) -> String {
        let said = [&self.name, &self.role, &self.organisation].map(String::as_str);
        said.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("resource", &self.resource).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decider(«redacted»)")
    }
}

/// Why something is no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionFault {
    /// Nobody is named who decided.
    #[error("a decision needs the name of who made it")]
    NoName,
    /// No reason is given.
    #[error("a decision needs a reason")]
    NoReason,
    /// The time is no FHIR `instant`.
    #[error("a decision needs its time to the second with a zone, as 2026-03-14T10:30:00+02:00")]
    NoTime,
    /// Too few or too many things, or one of them twice.
    #[error("a decision about several names at least two different ones, and at most 256")]
    Grounds,
    /// A resource is not named as `Goal/0123…`, or the resources are of several kinds.
    #[error("a decision names resources of one kind, each as kind and id: `Goal/0123…`")]
    Resource,
    /// Plans, teams, people and what a contribution says of itself stay apart; of people, say which plans are theirs.
    #[error("plans, teams and patients are never one resource; say of plans that they are about one client")]
    Kind,
    /// The element is not one of the resource.
    #[error("the element starts with the kind of the resource: `Goal.lifecycleStatus`")]
    Element,
    /// No decision is named that is to be revoked.
    #[error("a revocation names the id of the decision: 32 hexadecimal digits")]
    Revoked,
}

impl Ground {
    /// The contribution as a whole, whatever it says.
    pub fn contribution(name: impl Into<String>) -> Self {
        Self { contribution: name.into(), ..Self::default() }
    }

    /// The kind of the resource.
    pub fn kind(&self) -> &str {
        self.resource.split_once('/').map_or("", |(kind, _)| kind)
    }
}

impl Statement {
    /// The word for it in files.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SameClient(_) => "same-client",
            Self::NotSameClient(_) => "not-same-client",
            Self::SameResource(_) => "same-resource",
            Self::NotSameResource(_) => "not-same-resource",
            Self::Value { .. } => "value",
            Self::Coordinator(_) => "coordinator",
            Self::Revoke(_) => "revoke",
        }
    }

    /// All that it names.
    pub fn grounds(&self) -> Vec<&Ground> {
        match self {
            Self::SameClient(all)
            | Self::NotSameClient(all)
            | Self::SameResource(all)
            | Self::NotSameResource(all) => all.iter().collect(),
            Self::Value { right, others, .. } => std::iter::once(right).chain(others).collect(),
            Self::Coordinator(who) => vec![who],
            Self::Revoke(_) => Vec::new(),
        }
    }

    fn check(&self) -> Result<(), DecisionFault> {
        let grounds = self.grounds();
        // One source may say two things of one element, and one of them is right.
        let is_value = matches!(self, Self::Value { .. });
        let distinct = |least: usize| {
            let said = |ground: &Ground| if is_value { ground.says.clone() } else { String::new() };
            let mut names: Vec<_> =
                grounds.iter().map(|at| (&at.contribution, &at.resource, said(at))).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            names.len() == all && (least..=GROUNDS_MAX).contains(&all)
        };
        let of_one_kind = || {
            let kind = grounds.first().map_or("", |first| first.kind());
            !kind.is_empty() && grounds.iter().all(|ground| ground.kind() == kind)
        };
        let may_be_one = || {
            let kind = grounds.first().map_or("", |first| first.kind());
            !APART.contains(&kind)
        };
        match self {
            Self::SameClient(_) if !distinct(1) => Err(DecisionFault::Grounds),
            Self::NotSameClient(_)
            | Self::SameResource(_)
            | Self::NotSameResource(_)
            | Self::Value { .. }
                if !distinct(2) =>
            {
                Err(DecisionFault::Grounds)
            }
            Self::SameResource(_) | Self::NotSameResource(_) | Self::Value { .. } | Self::Coordinator(_)
                if !of_one_kind() =>
            {
                Err(DecisionFault::Resource)
            }
            Self::SameResource(_) | Self::NotSameResource(_) if !may_be_one() => Err(DecisionFault::Kind),
            Self::Value { element, right, .. }
                if !element.strip_prefix(right.kind()).is_some_and(|path| path.starts_with('.')) =>
            {
                Err(DecisionFault::Element)
            }
            Self::Revoke(id) if !is_id(id) => Err(DecisionFault::Revoked),
            Self::SameClient(_)
            | Self::NotSameClient(_)
            | Self::SameResource(_)
            | Self::NotSameResource(_)
            | Self::Value { .. }
            | Self::Coordinator(_)
            | Self::Revoke(_) => Ok(()),
        }
    }

    /// The same whatever the order in which equals are named.
    fn sorted(mut self) -> Self {
        match &mut self {
            Self::SameClient(all)
            | Self::NotSameClient(all)
            | Self::SameResource(all)
            | Self::NotSameResource(all)
            | Self::Value { others: all, .. } => all.sort(),
            Self::Coordinator(_) | Self::Revoke(_) => {}
        }
        self
    }
}

impl Decision {
    /// A decision; the caller has the clock.
    ///
    /// # Errors
    /// Who, when or why is missing, or the statement names too little or what does not belong together.
    pub fn new(
        statement: Statement,
        by: Decider,
        time: impl Into<String>,
        reason: impl Into<String>,
    ) -> Result<Self, DecisionFault> {
        let (time, reason) = (time.into(), reason.into());
        if by.name.trim().is_empty() {
            return Err(DecisionFault::NoName);
        }
        if reason.trim().is_empty() {
            return Err(DecisionFault::NoReason);
        }
        if !time::is_instant(&time) {
            return Err(DecisionFault::NoTime);
        }
        statement.check()?;
        Ok(Self::made(statement, by, time, reason))
    }

    /// That these contributions, each named by its label or its key, concern one client: what a caller says who answers
    /// for it elsewhere, so it has no name, no time and no reason, and gives way to every decision that has.
    pub fn same_client(names: Vec<String>) -> Self {
        let statement = Statement::SameClient(names.into_iter().map(Ground::contribution).collect());
        Self::made(statement, Decider::default(), String::new(), String::new())
    }

    fn made(statement: Statement, by: Decider, time: String, reason: String) -> Self {
        let statement = statement.sorted();
        let mut parts = vec![statement.as_str(), &by.name, &by.role, &by.organisation, &time, &reason];
        match &statement {
            Statement::Value { element, .. } => parts.push(element),
            Statement::Revoke(id) => parts.push(id),
            Statement::SameClient(_)
            | Statement::NotSameClient(_)
            | Statement::SameResource(_)
            | Statement::NotSameResource(_)
            | Statement::Coordinator(_) => {}
        }
        for ground in statement.grounds() {
            parts.extend([&*ground.contribution, &*ground.resource, &*ground.says]);
        }
        let id = make_id(&parts);
        Self { id, statement, by, time, reason }
    }

    /// The name of the decision: 32 hexadecimal digits, a hash of all that it says.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is stated.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Who decided.
    pub const fn by(&self) -> &Decider {
        &self.by
    }

    /// When, as a FHIR `instant`; empty where the caller did not say.
    pub fn time(&self) -> &str {
        &self.time
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// When, for comparison. What has no time is older than all that has.
    pub(super) fn age(&self) -> i64 {
        time::seconds(&self.time).unwrap_or(i64::MIN)
    }
}

/// What became of a decision in a joined plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The plan follows it.
    Applied,
    /// Somebody revoked it.
    Revoked,
    /// A newer decision says otherwise.
    Older,
    /// Another one of the same time says otherwise; neither is followed.
    Torn,
    /// What it was made about has changed or gone; it is not followed.
    GroundGone,
}

impl Standing {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Revoked => "revoked",
            Self::Older => "older",
            Self::Torn => "torn",
            Self::GroundGone => "ground-gone",
        }
    }

    pub(super) const fn of(fate: Fate) -> Self {
        match fate {
            Fate::Counts => Self::Applied,
            Fate::Older => Self::Older,
            Fate::Torn => Self::Torn,
        }
    }
}

/// A decision about the contributions at hand, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ruling {
    /// The decision.
    pub decision: Decision,
    /// What became of it.
    pub standing: Standing,
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
