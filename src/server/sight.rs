//! The store as one caller sees it: the only way from an interaction to the store.
//!
//! A caller sees what its own register wrote; of one client also what that client's permissions open as a whole
//! ([`opening`]). What is seen is a clause over keys ([`Search::seen`]), so that the store never finds anything else:
//! not as a match, not in a chain, not as what is included, not in a count. What is not seen answers as what is not
//! there.

mod opening;
mod owner;

pub(super) use opening::{Openings, kinds_of_clients};
pub(super) use owner::{UNIT, owner, tag};

use super::Server;
use super::caller::{Caller, Unit};
use super::refusal::{Outcome, Refusal, Why};
use crate::search::{Clause, Search, Selection};
use crate::store::{
    Commit, CommitError, Committed, Found, History, HistoryQuery, Name, NoteQuery, Noted, Record, Scope,
    Store, StoreError,
};
use std::sync::Arc;

/// Versions that are looked through for one page of a history.
const HISTORY_LOOKED_MAX: usize = 20_000;
/// Selections inside one search.
const NESTED_MAX: usize = 1_000;
/// What stands between the key of a unit and the rest of an id that it chooses; no key has it.
const LEAD: char = '.';

/// The store, for one caller.
pub(super) struct Sight<'a, S> {
    server: &'a Server<S>,
    caller: &'a Caller,
    /// The patient whose permissions count too.
    about: Option<String>,
    /// Everything of the tenant is seen.
    is_whole: bool,
    /// What is seen is given out, so that the audit tells of it.
    is_told: bool,
}

impl<S: Store> Server<S> {
    /// The store as a caller sees it.
    pub(super) const fn sight<'a>(&'a self, caller: &'a Caller) -> Sight<'a, S> {
        Sight { server: self, caller, about: None, is_whole: caller.known.is_none(), is_told: true }
    }

    /// All that the caller's tenant has: for what judges by itself what is shown of it, as the joined plan does by the
    /// policy. Nothing of it is given out as it stands.
    pub(super) const fn whole<'a>(&'a self, caller: &'a Caller) -> Sight<'a, S> {
        Sight { server: self, caller, about: None, is_whole: true, is_told: false }
    }
}

impl Caller {
    /// An id that this caller's unit chooses: nobody else's begins like it, so that no id tells of what is not seen.
    pub(super) fn led(&self, id: &str) -> String {
        self.unit().map_or_else(|| id.to_owned(), |unit| format!("{}{LEAD}{id}", unit.key))
    }

    /// True where the caller may choose an id.
    pub(super) fn may_choose(&self, id: &str) -> bool {
        self.unit().is_none_or(|unit| id.strip_prefix(&*unit.key).is_some_and(|rest| rest.starts_with(LEAD)))
    }

    /// True where the caller may change a version: where its own unit wrote it.
    pub(super) fn owns(&self, record: &Record) -> bool {
        self.unit().is_none_or(|unit| owner(record).as_deref() == Some(&*unit.key))
    }
}

impl<'a, S: Store> Sight<'a, S> {
    /// The same sight, with what the permissions of one client open.
    pub(super) fn about(mut self, patient: Option<String>) -> Self {
        self.about = patient;
        self
    }

    /// The newest version of a resource, see [`Store::read`].
    pub(super) async fn read(&self, name: &Name) -> Outcome<Option<Arc<Record>>> {
        let record = self.server.store.read(self.caller.tenant, name).await;
        let record = self.seen(record.map_err(|error| refusal(&error))?).await?;
        Ok(self.told(record, |record| record.as_slice()))
    }

    /// The newest versions of several resources in the order of their names, see [`Store::read_all`].
    pub(super) async fn read_all(&self, names: &[Name]) -> Outcome<Vec<Option<Arc<Record>>>> {
        let found = self.server.store.read_all(self.caller.tenant, names).await;
        let mut all = Vec::with_capacity(names.len());
        for record in found.map_err(|error| refusal(&error))? {
            let record = self.seen(record).await?;
            all.push(self.told(record, |record| record.as_slice()));
        }
        Ok(all)
    }

    /// One version of a resource, see [`Store::version`].
    pub(super) async fn version(&self, name: &Name, version: u64) -> Outcome<Option<Arc<Record>>> {
        let record = self.seen(self.stored(name, version).await?).await?;
        Ok(self.told(record, |record| record.as_slice()))
    }

    /// Versions, newest first, see [`Store::history`]. Of another register there are none: a version may be about
    /// somebody else than the newest is.
    pub(super) async fn history(&self, query: &HistoryQuery) -> Outcome<History> {
        let found = self.seen_history(query).await?;
        Ok(self.told(found, |found| &found.records))
    }

    async fn seen_history(&self, query: &HistoryQuery) -> Outcome<History> {
        let tenant = self.caller.tenant;
        let page = |query: HistoryQuery| async move {
            self.server.store.history(tenant, &query).await.map_err(|error| refusal(&error))
        };
        let Some(unit) = self.limit() else { return page(query.clone()).await };
        let mut found = History { records: Vec::new(), total: None, next: None };
        let mut query = HistoryQuery { count: query.count, ..query.clone() };
        let mut looked = 0;
        loop {
            let part = page(query.clone()).await?;
            looked += part.records.len();
            let mut left = part.records.into_iter();
            for record in left.by_ref() {
                if found.records.len() == query.count {
                    found.next = found.records.last().map(|last: &Arc<Record>| last.seq);
                    break;
                }
                if self.is_of_register(&record, unit).await? {
                    found.records.push(record);
                }
            }
            if matches!(query.scope, Scope::Instance(_)) {
                // One resource is of one register, so that its versions are seen or hidden together.
                found.total = part.total.filter(|_| !found.records.is_empty());
            }
            match part.next {
                Some(next) if found.next.is_none() && looked < HISTORY_LOOKED_MAX => {
                    query.before = Some(next)
                }
                next => {
                    found.next = found.next.or(next);
                    return Ok(found);
                }
            }
        }
    }

    /// One page of what a search finds, see [`Store::search`].
    pub(super) async fn search(&self, search: &Search) -> Outcome<Found> {
        let narrowed = self.narrowed(search.clone()).await?;
        let found = self.server.store.search(self.caller.tenant, &narrowed).await;
        let mut found = found.map_err(|error| refusal(&error))?;
        found.included.retain(|record| self.is_whole || self.caller.may_search(&record.name.kind));
        let found = self.told(found, |found| &found.records);
        Ok(self.told(found, |found| &found.included))
    }

    /// A search that finds nothing but what is seen, of types that may be searched.
    pub(super) async fn narrowed(&self, mut search: Search) -> Outcome<Search> {
        let Some(unit) = self.limit() else { return Ok(search) };
        let seen = self.clause(unit).await?;
        let kinds = self.caller.searchable();
        let mut left = NESTED_MAX;
        narrow(&mut search.selection, &seen, kinds.as_deref(), &mut left);
        search.seen = seen;
        Ok(search)
    }

    /// Writes a commit wholly or not at all, with the audit of it, see [`Store::commit`].
    pub(super) async fn commit(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        commit.notes.extend(self.server.notes_of(self.caller, &commit.writes)?);
        let names: Vec<Name> = commit.writes.iter().map(|write| write.name.clone()).collect();
        let written = self.note(commit).await?;
        self.server.tell_change();
        self.caller.trail.wrote(names);
        Ok(written)
    }

    /// Writes a commit of the audit itself, of which nothing is told.
    pub(super) async fn note(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.server.store.commit(Commit { tenant: self.caller.tenant, ..commit }).await
    }

    /// Entries of a log of the caller's tenant.
    pub(super) async fn notes(&self, query: &NoteQuery) -> Outcome<Vec<Noted>> {
        let query = NoteQuery { tenant: self.caller.tenant, ..query.clone() };
        let found = self.server.store.notes(&query).await.map_err(|error| refusal(&error))?;
        Ok(self.told(found, |_| &[]))
    }

    /// Leaves a trail of what is given out.
    fn told<T>(&self, found: T, records: impl FnOnce(&T) -> &[Arc<Record>]) -> T {
        if self.is_told {
            let records = records(&found);
            self.caller.trail.saw(records);
            // Without a client's permissions, what is seen in a list is of the own register.
            if self.about.is_some() || records.len() == 1 {
                for record in records.iter().filter(|record| self.is_foreign(record)) {
                    if let Some(patient) = &record.client {
                        self.caller.trail.discloses(patient, &record.name, record.version);
                    }
                }
            }
        }
        found
    }

    /// True of a version that another register wrote.
    fn is_foreign(&self, record: &Record) -> bool {
        let Some(unit) = self.caller.unit().filter(|_| !record.is_deleted()) else { return false };
        let owner = owner(record).and_then(|key| self.server.access.unit(unit.tenant, &key));
        !owner.is_some_and(|owner| owner.shares_register(unit))
    }

    /// Refuses a change of what another unit wrote; of a tombstone what was before it tells whose it was.
    pub(super) async fn judge_change(&self, name: &Name, prior: &Record) -> Outcome<()> {
        let before = if prior.is_deleted() {
            self.version(name, prior.version.saturating_sub(1)).await?
        } else {
            None
        };
        let is_own = self.caller.owns(before.as_deref().unwrap_or(prior));
        if is_own { Ok(()) } else { Err(Refusal::plain(Why::NotOwner)) }
    }

    /// The unit whose register limits what is seen; none where all is.
    fn limit(&self) -> Option<&'a Unit> {
        self.caller.unit().filter(|_| !self.is_whole)
    }

    async fn stored(&self, name: &Name, version: u64) -> Outcome<Option<Arc<Record>>> {
        let record = self.server.store.version(self.caller.tenant, name, version).await;
        record.map_err(|error| refusal(&error))
    }

    /// The version, where it is seen.
    async fn seen(&self, record: Option<Arc<Record>>) -> Outcome<Option<Arc<Record>>> {
        let (Some(record), Some(unit)) = (&record, self.limit()) else { return Ok(record) };
        let is_seen = self.is_of_register(record, unit).await? || self.is_opened(record, unit).await?;
        Ok(is_seen.then(|| Arc::clone(record)))
    }

    /// True where the caller's register wrote a version; of a tombstone what was before it tells.
    async fn is_of_register(&self, record: &Arc<Record>, unit: &Unit) -> Outcome<bool> {
        let before = match (record.is_deleted(), record.version.checked_sub(1)) {
            (true, Some(before)) if before > 0 => self.stored(&record.name, before).await?,
            _ => None,
        };
        let owner = owner(before.as_ref().unwrap_or(record));
        let owner = owner.and_then(|key| self.server.access.unit(unit.tenant, &key));
        Ok(owner.is_some_and(|owner| owner.shares_register(unit)))
    }

    /// What the caller sees, as a clause.
    async fn clause(&self, unit: &Unit) -> Outcome<Clause> {
        let units = self.server.access.units();
        let own = owner::of_units(units.iter().filter(|of| of.shares_register(unit)).map(|of| &*of.key));
        let Some(patient) = &self.about else { return Ok(own) };
        let opened = self.opened(patient, unit).await?;
        Ok(match opened {
            Some(opened) => Clause::Any(vec![own, opened]),
            None => own,
        })
    }
}

/// Lets a selection, and those inside it, give nothing but what is seen.
fn narrow(selection: &mut Selection, seen: &Clause, kinds: Option<&[String]>, left: &mut usize) {
    let clause = std::mem::replace(&mut selection.clause, Clause::NOTHING);
    if let Some(kinds) = kinds {
        if selection.types.is_empty() {
            selection.types = kinds.to_vec();
        } else {
            selection.types.retain(|kind| kinds.contains(kind));
        }
        // No type at all would mean every type.
        if selection.types.is_empty() {
            return;
        }
    }
    let Some(rest) = left.checked_sub(1) else { return };
    *left = rest;
    let mut clause = clause;
    narrow_inside(&mut clause, seen, kinds, left);
    selection.clause = Clause::All(vec![clause, seen.clone()]);
}

fn narrow_inside(clause: &mut Clause, seen: &Clause, kinds: Option<&[String]>, left: &mut usize) {
    match clause {
        Clause::All(parts) | Clause::Any(parts) => {
            for part in parts {
                narrow_inside(part, seen, kinds, left);
            }
        }
        Clause::Not(part) => narrow_inside(part, seen, kinds, left),
        Clause::Refers { to: inner, .. } | Clause::ReferredBy { by: inner, .. } => {
            narrow(inner, seen, kinds, left);
        }
        Clause::Everything
        | Clause::Present(_)
        | Clause::Hash { .. }
        | Clause::Range { .. }
        | Clause::Text { .. }
        | Clause::Ids(_)
        | Clause::Is { .. }
        | Clause::Updated(_) => {}
    }
}

/// A refusal for a commit that was not written.
pub(super) fn commit_refusal(error: &CommitError) -> Box<Refusal> {
    match error {
        CommitError::Expectation(_) | CommitError::Stale(_) | CommitError::Queue(_) => {
            Refusal::plain(Why::Contention)
        }
        CommitError::Store(error) => refusal(error),
    }
}

/// A refusal for what the store could not do.
pub(super) fn refusal(error: &StoreError) -> Box<Refusal> {
    let why = match error {
        StoreError::Busy => Why::Overload,
        StoreError::Full | StoreError::ReadOnly | StoreError::Unsure | StoreError::Closed => Why::ReadOnly,
        StoreError::Cursor => Why::QueryForm,
        StoreError::Limit(_) => Why::BodyLong,
        _ => Why::StoreFailed,
    };
    if why == Why::StoreFailed {
        tracing::error!(code = error.code().id, "the store failed");
    }
    Refusal::new(why, error.code().title)
}
