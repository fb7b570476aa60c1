//! The store as one caller sees it: the only way from an interaction to the store.

use super::Server;
use super::caller::Caller;
use super::refusal::{Outcome, Refusal, Why};
use crate::search::Search;
use crate::store::{
    Commit, CommitError, Committed, Found, History, HistoryQuery, Name, NoteQuery, Noted, Record, Store,
    StoreError,
};
use std::sync::Arc;

/// The store, for one caller.
pub(super) struct Sight<'a, S> {
    server: &'a Server<S>,
    caller: &'a Caller,
}

impl<S: Store> Server<S> {
    /// The store as a caller sees it.
    pub(super) const fn sight<'a>(&'a self, caller: &'a Caller) -> Sight<'a, S> {
        Sight { server: self, caller }
    }
}

impl<S: Store> Sight<'_, S> {
    /// The newest version of a resource, see [`Store::read`].
    pub(super) async fn read(&self, name: &Name) -> Outcome<Option<Arc<Record>>> {
        let found = self.server.store.read(self.caller.tenant, name).await;
        self.seen(found, |found| found.as_slice())
    }

    /// One version of a resource, see [`Store::version`].
    pub(super) async fn version(&self, name: &Name, version: u64) -> Outcome<Option<Arc<Record>>> {
        let found = self.server.store.version(self.caller.tenant, name, version).await;
        self.seen(found, |found| found.as_slice())
    }

    /// Versions, newest first, see [`Store::history`].
    pub(super) async fn history(&self, query: &HistoryQuery) -> Outcome<History> {
        let found = self.server.store.history(self.caller.tenant, query).await;
        self.seen(found, |found| &found.records)
    }

    /// One page of what a search finds, see [`Store::search`].
    pub(super) async fn search(&self, search: &Search) -> Outcome<Found> {
        let found = self.server.store.search(self.caller.tenant, search).await;
        let found = self.seen(found, |found| &found.records)?;
        self.caller.trail.saw(&found.included);
        Ok(found)
    }

    /// Writes a commit wholly or not at all, with the audit of it, see [`Store::commit`].
    pub(super) async fn commit(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        commit.notes.extend(self.server.notes_of(self.caller, &commit.writes)?);
        let names: Vec<Name> = commit.writes.iter().map(|write| write.name.clone()).collect();
        let written = self.note(commit).await?;
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
        let found = self.server.store.notes(&query).await;
        self.seen(found, |_| &[])
    }

    /// Leaves a trail of what was given out.
    fn seen<T>(
        &self,
        found: Result<T, StoreError>,
        records: impl FnOnce(&T) -> &[Arc<Record>],
    ) -> Outcome<T> {
        let found = found.map_err(|error| refusal(&error))?;
        self.caller.trail.saw(records(&found));
        Ok(found)
    }
}

/// A refusal for a commit that was not written.
pub(super) fn commit_refusal(error: &CommitError) -> Box<Refusal> {
    match error {
        CommitError::Expectation(_) | CommitError::Stale(_) => Refusal::plain(Why::Contention),
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
