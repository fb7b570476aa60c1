//! What a person asks to have decided, in the ids that the joined plan shows, made a statement about its ground.

use super::{Ground, Statement};
use crate::plan::join::{Candidate, Finding, client_ground};
use crate::plan::{Contribution, Decision, Joined};
use std::collections::BTreeMap;

/// Characters of an id that are enough to name it, where no other one starts so.
const ID_CHARS_MIN: usize = 6;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Two entries are one: the id of a likely duplicate, or two entries as `Goal/0123…`.
    Same(Vec<String>),
    /// Two entries are two, named in the same way.
    NotSame(Vec<String>),
    /// Of a conflict one side is right.
    Value {
        /// The id of the conflict.
        finding: String,
        /// The number of the side, from 1.
        side: String,
    },
    /// This member of a team coordinates, by id or name.
    Coordinator(String),
    /// Contributions, by their labels, are about one client; or the id of a candidate.
    SameClient(Vec<String>),
    /// Each of these is about another client.
    NotSameClient(Vec<String>),
    /// A decision counts no more.
    Revoke(String),
}

/// Why nothing can be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsettled {
    /// Nothing goes by this id.
    #[error("`{0}` is nothing to decide on")]
    Unknown(String),
    /// The start of an id is that of several.
    #[error("`{0}` is several")]
    Several(String),
    /// What the id leads to is no pair.
    #[error("`{0}` is no pair of likely duplicates")]
    NoPair(String),
    /// A conflict has no such side.
    #[error("`{side}` is no side of it")]
    NoSide {
        /// The conflict.
        finding: String,
        /// What was asked for.
        side: String,
        /// How many there are.
        sides: usize,
    },
    /// No value settles it.
    #[error("`{0}` is nothing that a value settles")]
    NoValue(String),
    /// The plan has no such resource.
    #[error("the joined plan has no `{0}`")]
    NoResource(String),
    /// No contribution has this label.
    #[error("`{0}` is none of the documents")]
    NoDocument(String),
}

/// What a decision may be about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The joined plan.
    pub joined: &'a Joined,
    /// What it is made of.
    pub contributions: &'a [Contribution],
    /// What was decided before.
    pub log: &'a [Decision],
}

impl About<'_> {
    /// The statement about what is meant.
    ///
    /// # Errors
    /// What is named is not there, or is nothing that can be decided so.
    pub fn statement(&self, ask: &Ask) -> Result<Statement, Unsettled> {
        match ask {
            Ask::Same(named) => match &named[..] {
                [left, right] => self.resources(left, right).map(Statement::SameResource),
                named => self.pair(named, Finding::same),
            },
            Ask::NotSame(named) => match &named[..] {
                [left, right] => self.resources(left, right).map(Statement::NotSameResource),
                named => self.pair(named, Finding::not_same),
            },
            Ask::Value { finding, side } => self.right(finding, side),
            Ask::Coordinator(person) => self.person(person).map(Statement::Coordinator),
            Ask::SameClient(named) => match &named[..] {
                [id] => self.candidate(id).map(Candidate::same),
                labels => self.clients(labels).map(Statement::SameClient),
            },
            Ask::NotSameClient(named) => match &named[..] {
                [id] => self.candidate(id).map(Candidate::not_same),
                labels => self.clients(labels).map(Statement::NotSameClient),
            },
            Ask::Revoke(id) => {
                let ids = self.log.iter().map(|made| (made.id().to_owned(), made.id().to_owned()));
                one_of(id, ids).map(Statement::Revoke)
            }
        }
    }

    fn pair(
        &self,
        named: &[String],
        of: impl Fn(&Finding) -> Option<Statement>,
    ) -> Result<Statement, Unsettled> {
        let id = named.first().map_or("", String::as_str);
        of(self.finding(id)?).ok_or_else(|| Unsettled::NoPair(id.to_owned()))
    }

    fn finding(&self, id: &str) -> Result<&Finding, Unsettled> {
        let findings = self.joined.findings.iter();
        one_of(id, findings.flat_map(|finding| [(finding.id(), finding), (finding.resource_id(), finding)]))
    }

    fn candidate(&self, id: &str) -> Result<&Candidate, Unsettled> {
        one_of(id, self.joined.candidates.iter().map(|candidate| (candidate.id(), candidate)))
    }

    fn right(&self, id: &str, side: &str) -> Result<Statement, Unsettled> {
        let finding = self.finding(id)?;
        let sides = finding.sides.len();
        let number = side.parse::<usize>().ok().filter(|number| (1..=sides).contains(number));
        let no_side = || Unsettled::NoSide { finding: id.to_owned(), side: side.to_owned(), sides };
        let number = number.ok_or_else(no_side)?;
        finding.right(number - 1).ok_or_else(|| Unsettled::NoValue(id.to_owned()))
    }

    fn person(&self, named: &str) -> Result<Ground, Unsettled> {
        let people = &self.joined.people;
        if let Some(person) = people.iter().find(|person| person.name == named) {
            return Ok(person.ground.clone());
        }
        one_of(named, people.iter().map(|person| (person_id(&person.ground), person.ground.clone())))
    }

    fn resources(&self, left: &str, right: &str) -> Result<Vec<Ground>, Unsettled> {
        let ground = |target: &str| {
            let found = self.joined.ground(target, self.contributions);
            found.ok_or_else(|| Unsettled::NoResource(target.to_owned()))
        };
        Ok(vec![ground(left)?, ground(right)?])
    }

    fn clients(&self, named: &[String]) -> Result<Vec<Ground>, Unsettled> {
        let ground = |name: &String| {
            let found = self.contributions.iter().find(|contribution| contribution.label == *name);
            found.map(client_ground).ok_or_else(|| Unsettled::NoDocument(name.clone()))
        };
        named.iter().map(ground).collect()
    }
}

/// The one that an id, or the first characters of one, leads to.
fn one_of<T>(id: &str, all: impl Iterator<Item = (String, T)>) -> Result<T, Unsettled> {
    let known: BTreeMap<String, T> = all.collect();
    let long_enough = id.len() >= ID_CHARS_MIN;
    let mut found = known.into_iter().filter(|(known, _)| long_enough && known.starts_with(id));
    match (found.next(), found.next()) {
        (Some((_, found)), None) => Ok(found),
        (None, _) => Err(Unsettled::Unknown(id.to_owned())),
        (Some(_), Some(_)) => Err(Unsettled::Several(id.to_owned())),
    }
}

/// What names a person among those who may coordinate.
pub fn person_id(ground: &Ground) -> String {
    let id = ground.resource.split_once('/').map_or("", |(_, id)| id);
    if ground.resource.starts_with("CareTeam/") { ground.says.clone() } else { id.to_owned() }
}
