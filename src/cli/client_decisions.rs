//! What people have decided about the plans of many clients, each client's own.

use super::console::{Console, Stop};
use super::plans::decisions;
use super::report::Finding;
use crate::plan::{Contribution, Decision, Statement};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Where the decisions about a client are.
pub(super) enum ClientDecisions {
    /// One log for all clients.
    Log(Log),
    /// A folder with a log for each client who has one, by the client's name.
    Folder(PathBuf),
}

/// Decisions by what they are about: each client's join reads its own only, however many there are.
#[derive(Default)]
pub(super) struct Log {
    all: Vec<Decision>,
    /// By key or label of a contribution that a decision names, or by the id of one that it revokes.
    about: HashMap<String, Vec<usize>>,
}

impl ClientDecisions {
    /// Opens a log or a folder of logs; findings where the log cannot be read.
    ///
    /// # Errors
    /// There is no such file.
    pub(super) fn open(path: Option<&Path>, console: &Console) -> Result<Result<Self, Vec<Finding>>, Stop> {
        Ok(match path {
            None => Ok(Self::Log(Log::default())),
            Some(folder) if folder.is_dir() => Ok(Self::Folder(folder.to_owned())),
            Some(file) => decisions(file, console)?.map(|all| Self::Log(Log::new(all))),
        })
    }

    /// The decisions about one client's plans.
    ///
    /// # Errors
    /// The client's log cannot be opened.
    pub(super) fn of(
        &self,
        client: &str,
        contributions: &[Contribution],
        console: &Console,
    ) -> Result<Result<Vec<Decision>, Vec<Finding>>, Stop> {
        match self {
            Self::Log(log) => Ok(Ok(log.of(contributions))),
            Self::Folder(folder) => {
                let file = folder.join(format!("{client}.ndjson"));
                if file.exists() { decisions(&file, console) } else { Ok(Ok(Vec::new())) }
            }
        }
    }
}

impl Log {
    fn new(all: Vec<Decision>) -> Self {
        let mut about: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, made) in all.iter().enumerate() {
            let names = made.statement().grounds().into_iter().map(|ground| ground.contribution.clone());
            let revoked = match made.statement() {
                Statement::Revoke(id) => Some(id.clone()),
                Statement::SameClient(_)
                | Statement::NotSameClient(_)
                | Statement::SameResource(_)
                | Statement::NotSameResource(_)
                | Statement::Value { .. }
                | Statement::Coordinator(_) => None,
            };
            for name in names.chain(revoked) {
                about.entry(name).or_default().push(number);
            }
        }
        Self { all, about }
    }

    /// The decisions that name one of the contributions, and those that revoke one of them.
    fn of(&self, contributions: &[Contribution]) -> Vec<Decision> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let names = contributions.iter().flat_map(|from| from.keys().into_iter().chain([from.label.clone()]));
        let mut open: Vec<String> = names.collect();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        while let Some(name) = open.pop() {
            for number in self.about.get(&name).into_iter().flatten() {
                if found.insert(*number) {
                    open.push(self.all[*number].id().to_owned());
                }
            }
        }
        found.into_iter().map(|number| self.all[number].clone()).collect()
    }
}
