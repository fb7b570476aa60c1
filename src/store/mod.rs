//! Finished documents, their keys and their history, kept so that they survive a loss of power.
//!
//! A [`Store`] knows nothing of FHIR but the names of resources: it takes documents as bytes with the keys by which
//! they are found. Whoever writes reads first, prepares whole documents and says in a [`Commit`] what must still be
//! so; the writer looks again inside the transaction and refuses the whole commit where it is not. So any number of
//! nodes may write at once, and nothing is locked while a document is prepared.
//!
//! [`Sqlite`] is one file; [`Postgres`] a database that any number of nodes share. Both have one schema (`SCHEMA.md`)
//! and one compiler of queries.

mod cache;
mod chain;
mod change;
mod checkpoint;
mod compile;
mod dump;
mod error;
mod find;
mod keys;
mod notes;
mod past;
mod postgres;
mod queue;
mod schema;
mod row;
mod sqlite;
mod verify;

use crate::search::{Cursor, Key, Search, Selection};
use std::future::Future;
use std::sync::Arc;
use tracing::Instrument;

pub use chain::{Fault, Flaw, Hash, Head, Person, Verifier, client_hash};
pub use checkpoint::{Checkpoint, CheckpointError, SigningKey, VerifyingKey};
pub use dump::{DumpError, Findable, Restored, dump, notes_of, restore};
pub use error::{CommitError, StoreError};
pub use postgres::{Postgres, PostgresOptions};
pub use queue::{
    Accepted, BODY_AT_ONCE_BYTES_MAX, Class, Depth, Fault as QueueFault, Lease, MESSAGES_MAX, Message,
    MessageQuery, NewMessage, Queue, QueueChange, Queues, Source, State, TOLD_BYTES_MAX,
};
pub use sqlite::{Beside, Durability, Sqlite, SqliteOptions};
pub use verify::{Verdict, verify};

/// Most commits that one transaction of the engine holds.
pub const GROUP_COMMITS_MAX: usize = 512;
/// Most commits that wait for the writer; more are refused as [`StoreError::Busy`].
pub const QUEUE_COMMITS_MAX: usize = 4_096;
/// Most documents that one commit writes.
pub const COMMIT_WRITES_MAX: usize = 100_000;
/// Most matches of one page, whatever is asked for.
pub const PAGE_RECORDS_MAX: usize = 10_000;
/// Matches of one page where nothing is asked for.
pub const PAGE_RECORDS: usize = 50;
/// Most resources that come with one page because they are included.
pub const INCLUDED_RECORDS_MAX: usize = 10_000;

/// Most lines of a log in one answer.
pub const LINES_MAX: usize = 10_000;

/// Whose data it is: nothing is ever found across tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Tenant(pub u32);

/// Name of a resource inside its tenant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Type of the resource: `CarePlan`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl Name {
    /// The name of the resource `kind/id`.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

impl std::fmt::Debug for Name {
    /// Without the id: a client may have chosen it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Name").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The interaction that made a version (`Bundle.entry.request.method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Created under an id of the server.
    Post,
    /// Created or updated under an id of the client.
    Put,
    /// Updated by a patch.
    Patch,
    /// Deleted: the version is a tombstone.
    Delete,
}

/// One version of a resource, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Which resource.
    pub name: Name,
    /// `meta.versionId`: 1 at first, then one more each time.
    pub version: u64,
    /// `meta.lastUpdated`, in microseconds UTC.
    pub updated: i64,
    /// How it came to be.
    pub method: Method,
    /// The document, byte for byte; none of a tombstone.
    pub document: Option<Arc<[u8]>>,
    /// Id of the patient in whose compartment it is, see [`Write::client`].
    pub client: Option<Arc<str>>,
    /// Its place in the change log.
    pub seq: i64,
}

impl Record {
    /// True of a tombstone.
    pub const fn is_deleted(&self) -> bool {
        self.document.is_none()
    }
}

impl std::fmt::Debug for Record {
    /// Without the document.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("method", &self.method)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

/// What must still be so when a commit is written.
#[derive(Debug, Clone)]
pub enum Expect {
    /// The newest version of the resource is this one; none: it was never stored. A tombstone has a version too.
    Version(Name, Option<u64>),
    /// The selection gives exactly these resources, in any order.
    Matches(Selection, Vec<Name>),
}

/// A new version of one resource.
#[derive(Clone)]
pub struct Write {
    /// Which resource.
    pub name: Name,
    /// Its version: one more than the newest that is stored. Another is refused, see [`CommitError::Stale`].
    pub version: u64,
    /// `meta.lastUpdated`, in microseconds UTC.
    pub updated: i64,
    /// How it came to be.
    pub method: Method,
    /// The document with its final `meta`; none deletes the resource.
    pub document: Option<Arc<[u8]>>,
    /// Id of the patient in whose compartment the resource is: it says in which partition it lies.
    pub client: Option<String>,
    /// What it can be found by, in any order.
    pub keys: Vec<Key>,
}

impl std::fmt::Debug for Write {
    /// Without the document and whom it is about.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// An entry of a log to which entries are only ever added, such as the audit. The store chains the entries of each
/// tenant and log.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// Which log.
    pub log: String,
    /// When it happened, in microseconds UTC.
    pub time: i64,
    /// The entry, byte for byte, without what is personal.
    pub entry: Arc<[u8]>,
    /// What is personal.
    pub person: Option<Person>,
}

impl std::fmt::Debug for Note {
    /// Without the entry.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note").field("log", &self.log).finish_non_exhaustive()
    }
}

/// What is written wholly or not at all.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Whose data it is.
    pub tenant: Tenant,
    /// What must still be so.
    pub expects: Vec<Expect>,
    /// New versions, at most one for each resource and [`COMMIT_WRITES_MAX`] in all.
    pub writes: Vec<Write>,
    /// Entries of logs.
    pub notes: Vec<Note>,
    /// What changes in the queues.
    pub queue: Vec<QueueChange>,
}

/// A commit that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Place of its last write in the change log; of the newest before it where it has none.
    pub seq: i64,
    /// What it put in a queue, in the order of its changes.
    pub accepted: Vec<Accepted>,
}

/// Whose history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Of every resource.
    System,
    /// Of every resource of a type.
    Type(String),
    /// Of one resource.
    Instance(Name),
}

/// Which versions, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Whose.
    pub scope: Scope,
    /// Made at this moment or later, in microseconds UTC (`_since`).
    pub since: Option<i64>,
    /// Current at some moment from the first to the second (`_at`).
    pub at: Option<(i64, i64)>,
    /// Older in the change log than this: the cursor of the page before.
    pub before: Option<i64>,
    /// Versions of one page, at most [`PAGE_RECORDS_MAX`].
    pub count: usize,
}

/// One page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Versions, newest first.
    pub records: Vec<Arc<Record>>,
    /// How many there are in all pages, of one resource; of more it is not counted.
    pub total: Option<u64>,
    /// [`HistoryQuery::before`] of the next page.
    pub next: Option<i64>,
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Matches, in the order asked for.
    pub records: Vec<Arc<Record>>,
    /// What comes with them: by reference and version of now, without what is a match of this page itself.
    pub included: Vec<Arc<Record>>,
    /// How many match, where it was asked for.
    pub total: Option<u64>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// One line of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place; places grow in the order in which commits became durable, with gaps.
    pub seq: i64,
    /// Whose data.
    pub tenant: Tenant,
    /// Which resource.
    pub name: Name,
    /// Which version was made.
    pub version: u64,
    /// How.
    pub method: Method,
}

/// One entry of a log as it is kept, see [`Note`].
#[derive(Clone, PartialEq, Eq)]
pub struct Noted {
    /// Whose data.
    pub tenant: Tenant,
    /// Which log.
    pub log: String,
    /// Its place in its chain, from 1, without gaps.
    pub place: u64,
    /// When it happened, in microseconds UTC.
    pub time: i64,
    /// The entry.
    pub entry: Arc<[u8]>,
    /// What is personal.
    pub person: Option<Person>,
    /// What the chain covers of what is personal, see [`Person::sum`].
    pub sum: Option<Hash>,
    /// Hash over the entry and all before it.
    pub hash: Hash,
}

impl std::fmt::Debug for Noted {
    /// Without the entry.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Noted").field("log", &self.log).field("place", &self.place).finish_non_exhaustive()
    }
}

/// From where, and in which order, a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Oldest first, behind a place.
    After(u64),
    /// Newest first, before a place, or from the newest.
    Before(Option<u64>),
}

/// Which entries of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteQuery {
    /// Whose.
    pub tenant: Tenant,
    /// Which log.
    pub log: String,
    /// About this client alone, see [`client_hash`].
    pub client: Option<i64>,
    /// At this moment or later, in microseconds UTC.
    pub from: Option<i64>,
    /// At this moment or earlier.
    pub until: Option<i64>,
    /// Where it starts.
    pub start: Start,
    /// How many, at most [`LINES_MAX`].
    pub count: usize,
}

impl NoteQuery {
    /// All entries of a log, oldest first, behind a place.
    pub fn after(tenant: Tenant, log: &str, place: u64) -> Self {
        let (log, start) = (log.to_owned(), Start::After(place));
        Self { tenant, log, client: None, from: None, until: None, start, count: LINES_MAX }
    }
}

/// Keeps logs, see [`Note`].
pub trait Logs: Send + Sync {
    /// Entries of a log.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn notes(&self, query: &NoteQuery) -> impl Future<Output = Result<Vec<Noted>, StoreError>> + Send;

    /// Where the chains of all logs end.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn heads(&self) -> impl Future<Output = Result<Vec<Head>, StoreError>> + Send;

    /// The first row of a log that belongs to no chain, which none does of a store that nobody tampered with.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn stray(&self) -> impl Future<Output = Result<Option<Fault>, StoreError>> + Send;
}

/// Keeps resources.
///
/// What is answered to a read, a search or a history is what was committed before it was asked: each node reads its
/// own writes and those of the others.
pub trait Store: Logs + Queues + 'static {
    /// The newest version of a resource, which may be a tombstone; none where it was never stored.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn read(
        &self,
        tenant: Tenant,
        name: &Name,
    ) -> impl Future<Output = Result<Option<Arc<Record>>, StoreError>> + Send;

    /// The newest versions of several resources in the order of their names, each as [`Store::read`] gives it.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn read_all(
        &self,
        tenant: Tenant,
        names: &[Name],
    ) -> impl Future<Output = Result<Vec<Option<Arc<Record>>>, StoreError>> + Send {
        async move {
            let mut found = Vec::with_capacity(names.len());
            for name in names {
                found.push(self.read(tenant, name).await?);
            }
            Ok(found)
        }
    }

    /// One version of a resource.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn version(
        &self,
        tenant: Tenant,
        name: &Name,
        version: u64,
    ) -> impl Future<Output = Result<Option<Arc<Record>>, StoreError>> + Send;

    /// Versions, newest first.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn history(
        &self,
        tenant: Tenant,
        query: &HistoryQuery,
    ) -> impl Future<Output = Result<History, StoreError>> + Send;

    /// One page of what a search finds, with what is included.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]; [`StoreError::Cursor`] where the page was not one of this store.
    fn search(
        &self,
        tenant: Tenant,
        search: &Search,
    ) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// Writes a commit, wholly or not at all, and answers when it is durable.
    ///
    /// # Errors
    ///
    /// See [`CommitError`]: nothing was written, except that after [`StoreError::Unsure`] nobody knows.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<Committed, CommitError>> + Send;

    /// The change log after a place, at most `count` lines, oldest first.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn changes(
        &self,
        after: i64,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Change>, StoreError>> + Send;
}

/// The store that a server was configured with.
pub enum AnyStore {
    /// One file.
    Sqlite(Sqlite),
    /// A database.
    Postgres(Postgres),
}

macro_rules! either {
    ($store:expr, $inner:ident => $call:expr) => {
        match $store {
            AnyStore::Sqlite($inner) => $call.await,
            AnyStore::Postgres($inner) => $call.await,
        }
    };
}

impl Store for AnyStore {
    async fn read(&self, tenant: Tenant, name: &Name) -> Result<Option<Arc<Record>>, StoreError> {
        either!(self, store => store.read(tenant, name).instrument(tracing::info_span!("store read")))
    }

    async fn read_all(&self, tenant: Tenant, names: &[Name]) -> Result<Vec<Option<Arc<Record>>>, StoreError> {
        either!(self, store => store.read_all(tenant, names).instrument(tracing::info_span!("store read all")))
    }

    async fn version(
        &self,
        tenant: Tenant,
        name: &Name,
        version: u64,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        either!(self, store => store.version(tenant, name, version).instrument(tracing::info_span!("store version")))
    }

    async fn history(&self, tenant: Tenant, query: &HistoryQuery) -> Result<History, StoreError> {
        either!(self, store => store.history(tenant, query).instrument(tracing::info_span!("store history")))
    }

    async fn search(&self, tenant: Tenant, search: &Search) -> Result<Found, StoreError> {
        either!(self, store => store.search(tenant, search).instrument(tracing::info_span!("store search")))
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        either!(self, store => store.commit(commit).instrument(tracing::info_span!("store commit")))
    }

    async fn changes(&self, after: i64, count: usize) -> Result<Vec<Change>, StoreError> {
        either!(self, store => store.changes(after, count).instrument(tracing::info_span!("store changes")))
    }
}

impl Logs for AnyStore {
    async fn notes(&self, query: &NoteQuery) -> Result<Vec<Noted>, StoreError> {
        either!(self, store => store.notes(query))
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        either!(self, store => store.heads())
    }

    async fn stray(&self) -> Result<Option<Fault>, StoreError> {
        either!(self, store => store.stray())
    }
}

impl Queues for AnyStore {
    async fn ready(&self, queue: Queue, now: i64, count: usize) -> Result<Vec<Message>, StoreError> {
        either!(self, store => store.ready(queue, now, count))
    }

    async fn messages(&self, query: &MessageQuery) -> Result<Vec<Message>, StoreError> {
        either!(self, store => store.messages(query))
    }

    async fn message(&self, number: i64) -> Result<Option<Message>, StoreError> {
        either!(self, store => store.message(number))
    }

    async fn depths(&self) -> Result<Vec<Depth>, StoreError> {
        either!(self, store => store.depths())
    }

    async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        either!(self, store => store.sources())
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        either!(self, store => store.leases())
    }
}
