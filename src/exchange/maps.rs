//! Maps that change while the exchange runs. A changed folder of a unit system is compiled and its cases are tried beside
//! the map in force; only one without a fault takes its place, between two messages. The map before is kept, so that
//! one order brings it back.

use super::differ::differences;
use super::document::{Document, read_resources};
use super::laws::{Trial, laws_of};
use super::unit_folder::{self, Stamp, Unread};
use crate::diag::{Issue, LineIndex, codes};
use crate::mapping::units::{self, Unit};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Versions that one run takes: each stays in memory until the program ends.
const VERSIONS_MAX: usize = 1_000;
/// Paths that a case names where it gives something else than it expects.
const PATHS_MAX: usize = 5;

/// What a person decided about maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapOrder {
    /// All folders are looked at now.
    Reload,
    /// The map before of a unit system counts again.
    Rollback(String),
}

/// What became of one unit system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Turned {
    /// Its name.
    pub unit: String,
    /// What became of it.
    pub change: Change,
    /// The version of the map in force; none of a unit system that never was in force.
    pub version: Option<String>,
    /// What is wrong with a map that was refused.
    pub findings: Vec<Finding>,
}

/// What became of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is the one in force.
    Unchanged,
    /// It is in force now.
    Taken,
    /// It has faults, and the one before goes on.
    Refused,
}

impl Change {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Taken => "taken",
            Self::Refused => "refused",
        }
    }
}

/// One thing that is wrong with a map, without any value of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its code.
    pub code: String,
    /// Where: the line and column of the lens, or the case.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// The maps of the folders that the settings name.
#[derive(Debug)]
pub struct Maps {
    folders: Vec<PathBuf>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// The maps that were in force before, the last one last.
    before: HashMap<&'static str, Vec<&'static Unit>>,
    /// All that were ever taken.
    known: Vec<&'static Unit>,
    /// Of each folder the stamp with which it was tried last, and the one that was seen last.
    tried: HashMap<PathBuf, Stamp>,
    seen: HashMap<PathBuf, Stamp>,
}

impl Maps {
    /// The maps of these folders, which are in force.
    pub fn new(folders: &[PathBuf]) -> Self {
        Self { folders: folders.to_vec(), held: Mutex::default() }
    }

    /// True where there are folders that may change.
    pub const fn is_any(&self) -> bool {
        !self.folders.is_empty()
    }

    /// Takes folders that changed and have not changed any more since the look before: one that is being written is left
    /// alone. Tells of those that were taken or refused.
    pub fn look(&self) -> Vec<Turned> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turned = Vec::new();
        // A folder that cannot be read now is looked at again.
        for folder in self.folders.iter().filter_map(|folder| unit_folder::folders(folder).ok()).flatten() {
            let Ok(stamp) = unit_folder::stamp(&folder) else { continue };
            let is_settled = held.seen.get(&folder) == Some(&stamp);
            if is_settled && held.tried.get(&folder) != Some(&stamp) {
                turned.push(held.take(&folder, stamp));
            } else {
                held.seen.insert(folder, stamp);
            }
        }
        turned.retain(|one| one.change != Change::Unchanged);
        turned
    }

    /// Carries an order out.
    pub fn obey(&self, order: &MapOrder) -> Vec<Turned> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            MapOrder::Reload => self.folders.iter().flat_map(|folder| held.take_all(folder)).collect(),
            MapOrder::Rollback(name) => vec![held.back(name)],
        }
    }
}

impl Held {
    fn take_all(&mut self, folder: &Path) -> Vec<Turned> {
        let folders = match unit_folder::folders(folder) {
            Ok(folders) => folders,
            Err(unread) => return vec![refused(&unit_folder::name(folder), vec![unreadable(&unread)])],
        };
        let take = |folder: &PathBuf| match unit_folder::stamp(folder) {
            Ok(stamp) => self.take(folder, stamp),
            Err(unread) => refused(&unit_folder::name(folder), vec![unreadable(&unread)]),
        };
        folders.iter().map(take).collect()
    }

    fn take(&mut self, folder: &Path, stamp: Stamp) -> Turned {
        self.tried.insert(folder.to_owned(), stamp);
        let name = unit_folder::name(folder);
        match self.proven(folder) {
            Err(findings) => refused(&name, findings),
            Ok(None) => turned(&name, Change::Unchanged, Vec::new()),
            Ok(Some(unit)) => {
                let before = units::replace(unit);
                self.before.entry(unit.name).or_default().extend(before);
                turned(unit.name, Change::Taken, Vec::new())
            }
        }
    }

    /// The map of a folder where it is another than the one in force and has no fault.
    fn proven(&mut self, folder: &Path) -> Result<Option<&'static Unit>, Vec<Finding>> {
        let added = unit_folder::unit(folder).map_err(|unread| vec![unreadable(&unread)])?;
        if units::is_built_in(&added.name) {
            let message = format!("`{}` is the name of a unit system that is built in", added.name);
            return Err(vec![Finding::new(codes::UNIT_UNUSABLE.id, "", &message)]);
        }
        let version = added.version();
        let is_of = |unit: &Unit| unit.name == added.name && unit.version() == version;
        if units::all().any(&is_of) {
            return Ok(None);
        }
        let unit = match self.known.iter().copied().find(|unit| is_of(unit)) {
            Some(unit) => unit,
            None if self.known.len() >= VERSIONS_MAX => {
                let message =
                    format!("over {VERSIONS_MAX} versions in one run; they are taken at its next start");
                return Err(vec![Finding::new(codes::MAP_REFUSED.id, "", &message)]);
            }
            None => trial(added)?,
        };
        if !self.known.iter().any(|known| std::ptr::eq(*known, unit)) {
            self.known.push(unit);
        }
        let findings = cases(unit, folder);
        if findings.is_empty() { Ok(Some(unit)) } else { Err(findings) }
    }

    fn back(&mut self, name: &str) -> Turned {
        let Some(before) = self.before.get_mut(name).and_then(Vec::pop) else {
            let none = Finding::new(codes::MAP_NO_EARLIER.id, "", codes::MAP_NO_EARLIER.title);
            return refused(name, vec![none]);
        };
        units::replace(before);
        turned(name, Change::Taken, Vec::new())
    }
}

/// The unit system of a folder beside those in force, with the faults of its lens or of its cases.
///
/// # Errors
/// What is wrong with it.
pub fn beside(folder: &Path) -> Result<&'static Unit, Vec<Finding>> {
    trial(unit_folder::unit(folder).map_err(|unread| vec![unreadable(&unread)])?)
}

fn trial(added: units::Added) -> Result<&'static Unit, Vec<Finding>> {
    let lens = added.lens.clone();
    units::beside(added).map_err(|issues| {
        let index = LineIndex::new(&lens);
        let finding = |issue: &Issue| {
            let place = index.place(issue.span.start);
            Finding::new(issue.code.id, &format!("unit.lens:{}:{}", place.line, place.column), &issue.message)
        };
        issues.iter().map(finding).collect()
    })
}

/// What is wrong with the cases of a unit system: each is read, keeps every law, and gives the resources that it expects.
pub fn cases(unit: &'static Unit, folder: &Path) -> Vec<Finding> {
    let cases = match unit_folder::cases(folder) {
        Ok(cases) => cases,
        Err(unread) => return vec![unreadable(&unread)],
    };
    cases.iter().flat_map(|case| of_case(unit, case).err().unwrap_or_default()).collect()
}

fn of_case(unit: &'static Unit, case: &Path) -> Result<(), Vec<Finding>> {
    let place = format!("cases/{}", unit_folder::name(case));
    let of_issue = |issue: &Issue| vec![Finding::new(issue.code.id, &place, &issue.message)];
    let Some(bytes) = unit_folder::input(case).map_err(|unread| vec![unreadable(&unread)])? else {
        return Err(vec![Finding::new(codes::FILE.id, &place, "there is no input.*")]);
    };
    let document = Document::read(&bytes, Some(unit)).map_err(|unread| of_issue(&unread.issue))?;
    let program = unit.program().map_err(|issues| issues.iter().flat_map(of_issue).collect::<Vec<_>>())?;
    let mut trial = Trial::default();
    let got = laws_of(&mut trial, program, &document);
    if !trial.broken.is_empty() {
        let broken = trial.broken.iter();
        return Err(broken
            .map(|law| Finding::new(codes::MAP_REFUSED.id, &place, &law.to_string()))
            .collect());
    }
    let expected = unit_folder::expected(case).map_err(|unread| vec![unreadable(&unread)])?;
    let (Some(got), Some(expected)) = (got, expected) else { return Ok(()) };
    let expected = read_resources(&expected).map_err(|issue| of_issue(&issue))?;
    let found = differences(&expected, &got.target);
    if found.is_empty() {
        return Ok(());
    }
    let paths: Vec<&str> = found.iter().take(PATHS_MAX).map(|one| &*one.path).collect();
    let message = format!("{} values are not as expected: {}", found.len(), paths.join(", "));
    Err(vec![Finding::new(codes::MAP_REFUSED.id, &place, &message)])
}

impl Finding {
    fn new(code: &str, place: &str, message: &str) -> Self {
        Self { code: code.to_owned(), place: place.to_owned(), message: message.to_owned() }
    }
}

fn unreadable(unread: &Unread) -> Finding {
    Finding::new(codes::FILE.id, "", &unread.to_string())
}

fn refused(name: &str, findings: Vec<Finding>) -> Turned {
    turned(name, Change::Refused, findings)
}

fn turned(name: &str, change: Change, findings: Vec<Finding>) -> Turned {
    let version = units::all().find(|unit| unit.name == name).map(|unit| unit.version().to_owned());
    Turned { unit: name.to_owned(), change, version, findings }
}
