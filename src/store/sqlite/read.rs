//! Connections that only read, each in a thread of its own, and how a connection answers a search.

use crate::store::cache::{Before, Cache};
use crate::store::compile::Sql;
use crate::store::find::Engine;
use crate::store::queue::{Cell, Said};
use crate::store::row::{COLUMNS, NotedParts, Parts, Row, Value};
use crate::store::{Noted, Record, StoreError, Tenant};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Reads that wait for a connection; more are refused as [`StoreError::Busy`].
const QUEUE_READS_MAX: usize = 10_000;
/// Statements that a connection keeps prepared.
pub(super) const STATEMENTS_MAX: usize = 256;

/// What a reading thread is given to do.
type Job = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

type Shared = Arc<(Mutex<Queue>, Condvar)>;

/// The threads that read.
pub(super) struct Readers {
    shared: Shared,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// A thread for each connection.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the system gives no thread.
    pub(super) fn new(connections: Vec<Connection>) -> Result<Self, StoreError> {
        let shared = Shared::default();
        let mut threads = Vec::new();
        for connection in connections {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name("store-read".to_owned());
            let thread = thread.spawn(move || work(&shared, &connection));
            threads.push(thread.map_err(|error| StoreError::Open(error.to_string()))?);
        }
        Ok(Self { shared, threads })
    }

    /// What a job answers, on the next connection that is free.
    ///
    /// # Errors
    ///
    /// Those of the job, and [`StoreError::Busy`].
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may be gone, and then the work is spared.
            if !answer.is_closed() {
                drop(answer.send(job(connection)));
            }
        });
        {
            let (queue, is_filled) = &*self.shared;
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.jobs.len() >= QUEUE_READS_MAX {
                return Err(StoreError::Busy);
            }
            queue.jobs.push_back(job);
            is_filled.notify_one();
        }
        answered.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let (queue, is_filled) = &*self.shared;
        queue.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        is_filled.notify_all();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn work(shared: &Shared, connection: &Connection) {
    let (queue, is_filled) = &**shared;
    loop {
        let mut waiting = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let job = loop {
            if let Some(job) = waiting.jobs.pop_front() {
                break job;
            }
            if waiting.is_closed {
                return;
            }
            waiting = is_filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        };
        drop(waiting);
        job(connection);
    }
}

/// A connection as the engine of a search. It answers at once, so that its futures are always ready.
pub(super) struct Direct<'a> {
    connection: &'a Connection,
    known: Option<Known<'a>>,
}

/// Newest versions of a tenant that lie in memory: what is found there need not be read, summed and copied.
#[derive(Clone, Copy)]
struct Known<'a> {
    tenant: Tenant,
    cache: &'a Cache,
    before: Before,
}

impl<'a> Direct<'a> {
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self { connection, known: None }
    }

    /// The same for questions that give newest versions of one tenant alone.
    pub(super) const fn knowing<'b>(
        &'b self,
        tenant: Tenant,
        cache: &'b Cache,
        before: Before,
    ) -> Direct<'b> {
        Direct { connection: self.connection, known: Some(Known { tenant, cache, before }) }
    }

    /// The rows of a query.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub(super) fn read(&self, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(&sql.text).map_err(failed)?;
        let sorted = COLUMNS..statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(&sql.values)).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let record = match self.known {
                Some(known) => known.find(row).map_err(failed)?,
                None => None,
            };
            if let Some(record) = record {
                found.push(known_row(row, record, sorted.clone()).map_err(failed)?);
                continue;
            }
            let row = self.parts(row, sorted.clone()).map_err(failed)?.row()?;
            if let Some(Known { tenant, cache, before }) = self.known
                && !row.record.is_deleted()
            {
                cache.keep_found(tenant, Arc::clone(&row.record), before);
            }
            found.push(row);
        }
        Ok(found)
    }

    fn parts(&self, row: &rusqlite::Row, sorted: std::ops::Range<usize>) -> rusqlite::Result<Parts> {
        let rid: i64 = row.get(0)?;
        let document = match row.get_ref(9)? {
            ValueRef::Blob(bytes) => Some(Arc::from(bytes)),
            // A search only tells that there is one.
            ValueRef::Integer(_) => self.document(rid)?,
            _ => None,
        };
        Ok(Parts {
            rid,
            kind: row.get(1)?,
            id: row.get(2)?,
            version: row.get(3)?,
            updated: row.get(4)?,
            method: row.get(5)?,
            seq: row.get(6)?,
            sum: row.get(7)?,
            keys: row.get(8)?,
            document,
            client: row.get(10)?,
            sort: sort(row, sorted)?,
        })
    }

    /// The document of the newest version of a resource.
    fn document(&self, rid: i64) -> rusqlite::Result<Option<Arc<[u8]>>> {
        let mut statement = self.connection.prepare_cached("SELECT document FROM resource WHERE rid = ?1")?;
        statement.query_row([rid], |row| Ok(row.get_ref(0)?.as_blob_or_null()?.map(Arc::from)))
    }
}

impl Known<'_> {
    /// The record of a row, if it is this very version that lies in memory.
    fn find(&self, row: &rusqlite::Row) -> rusqlite::Result<Option<Arc<Record>>> {
        let (Ok(kind), Ok(id)) = (row.get_ref(1)?.as_str(), row.get_ref(2)?.as_str()) else {
            return Ok(None);
        };
        let seq: i64 = row.get(6)?;
        let record = self.cache.get(self.tenant, kind, id).ok();
        Ok(record.filter(|record| record.seq == seq && !record.is_deleted()))
    }
}

fn known_row(
    row: &rusqlite::Row,
    record: Arc<Record>,
    sorted: std::ops::Range<usize>,
) -> rusqlite::Result<Row> {
    Ok(Row { rid: row.get(0)?, record, keys: row.get(8)?, sort: sort(row, sorted)? })
}

fn sort(row: &rusqlite::Row, sorted: std::ops::Range<usize>) -> rusqlite::Result<Vec<Value>> {
    sorted.map(|at| value(row, at)).collect()
}

impl Engine for Direct<'_> {
    fn rows(&self, sql: &Sql) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send {
        std::future::ready(self.read(sql))
    }

    fn numbers(&self, sql: &Sql) -> impl Future<Output = Result<Vec<i64>, StoreError>> + Send {
        std::future::ready(numbers(self.connection, sql))
    }

    fn noted(&self, sql: &Sql) -> impl Future<Output = Result<Vec<Noted>, StoreError>> + Send {
        std::future::ready(noted(self.connection, sql))
    }

    fn cells(&self, said: &Said) -> impl Future<Output = Result<Vec<Vec<Cell>>, StoreError>> + Send {
        std::future::ready(cells(self.connection, said).map_err(failed))
    }
}

/// The answer of a future that never waits.
///
/// # Errors
///
/// Those of the future.
pub(super) fn at_once<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(StoreError::Closed),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Number(number) => ToSqlOutput::from(*number),
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
        })
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Number(number) => ToSqlOutput::from(*number),
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn cell(value: ValueRef) -> Cell {
    match value {
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(Arc::from(bytes)),
        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
    }
}

fn value(row: &rusqlite::Row, at: usize) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(at)? {
        ValueRef::Integer(number) => Value::Number(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Text(String::new()),
    })
}

fn numbers(connection: &Connection, sql: &Sql) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(&sql.text).map_err(failed)?;
    let mut rows = statement.query(rusqlite::params_from_iter(&sql.values)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(row.get(0).map_err(failed)?);
    }
    Ok(found)
}

fn noted(connection: &Connection, sql: &Sql) -> Result<Vec<Noted>, StoreError> {
    let mut statement = connection.prepare_cached(&sql.text).map_err(failed)?;
    let mut rows = statement.query(rusqlite::params_from_iter(&sql.values)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(note(row).map_err(failed)?.noted()?);
    }
    Ok(found)
}

/// The rows of a statement about the queues.
///
/// # Errors
///
/// Those of the engine.
pub(super) fn cells(connection: &Connection, said: &Said) -> rusqlite::Result<Vec<Vec<Cell>>> {
    let mut statement = connection.prepare_cached(&said.text)?;
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(&said.values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cell = |at: usize| row.get_ref(at).map(cell);
        found.push((0..columns).map(cell).collect::<rusqlite::Result<Vec<Cell>>>()?);
    }
    Ok(found)
}

fn note(row: &rusqlite::Row) -> rusqlite::Result<NotedParts> {
    Ok(NotedParts {
        tenant: row.get(0)?,
        log: row.get(1)?,
        place: row.get(2)?,
        time: row.get(3)?,
        entry: row.get(4)?,
        sum: row.get(5)?,
        hash: row.get(6)?,
        client: row.get(7)?,
        salt: row.get(8)?,
        value: row.get(9)?,
    })
}

/// What an error of SQLite is for the caller. Its text is left out: it may quote what was asked.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err asks for")]
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error() {
        Some(error) => match error.code {
            ErrorCode::DiskFull => StoreError::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged,
            _ => StoreError::Database(format!("SQLite {}", error.extended_code)),
        },
        None => StoreError::Database("a value of another type".to_owned()),
    }
}
