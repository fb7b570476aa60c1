//! The store as one caller sees it: the only way from an interaction to the store.

use super::Server;
use super::caller::Caller;
use super::refusal::{Outcome, Refusal, Why};
use crate::search::Search;
use crate::store::{
    Commit, CommitError, Committed, Found, History, HistoryQuery, Name, Record, Store, StoreError,
};
use std::sync::Arc;

/// The store, for one caller.
#[derive(Debug)]
pub(super) struct Sight<'a, S> {
    store: &'a S,
    caller: &'a Caller,
}

impl<S: Store> Server<S> {
    /// The store as a caller sees it.
    pub(super) const fn sight<'a>(&'a self, caller: &'a Caller) -> Sight<'a, S> {
        Sight { store: &self.store, caller }
    }
}

impl<S: Store> Sight<'_, S> {
    /// The newest version of a resource, see [`Store::read`].
    pub(super) async fn read(&self, name: &Name) -> Outcome<Option<Arc<Record>>> {
        self.store.read(self.caller.tenant, name).await.map_err(|error| refusal(&error))
    }

    /// One version of a resource, see [`Store::version`].
    pub(super) async fn version(&self, name: &Name, version: u64) -> Outcome<Option<Arc<Record>>> {
        self.store.version(self.caller.tenant, name, version).await.map_err(|error| refusal(&error))
    }

    /// Versions, newest first, see [`Store::history`].
    pub(super) async fn history(&self, query: &HistoryQuery) -> Outcome<History> {
        self.store.history(self.caller.tenant, query).await.map_err(|error| refusal(&error))
    }

    /// One page of what a search finds, see [`Store::search`].
    pub(super) async fn search(&self, search: &Search) -> Outcome<Found> {
        self.store.search(self.caller.tenant, search).await.map_err(|error| refusal(&error))
    }

    /// Writes a commit wholly or not at all, see [`Store::commit`].
    pub(super) async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.store.commit(Commit { tenant: self.caller.tenant, ..commit }).await
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
