//! Connections that only read, each in a thread of its own, and how a connection answers a search.

use crate::store::compile::Sql;
use crate::store::find::Engine;
use crate::store::row::{COLUMNS, NotedParts, Parts, Row, Value};
use crate::store::{Noted, StoreError};
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
pub(super) struct Direct<'a>(pub(super) &'a Connection);

impl Engine for Direct<'_> {
    fn rows(&self, sql: &Sql) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send {
        std::future::ready(rows(self.0, sql))
    }

    fn numbers(&self, sql: &Sql) -> impl Future<Output = Result<Vec<i64>, StoreError>> + Send {
        std::future::ready(numbers(self.0, sql))
    }

    fn noted(&self, sql: &Sql) -> impl Future<Output = Result<Vec<Noted>, StoreError>> + Send {
        std::future::ready(noted(self.0, sql))
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

pub(super) fn rows(connection: &Connection, sql: &Sql) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(&sql.text).map_err(failed)?;
    let sorted = COLUMNS..statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(&sql.values)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(parts(row, sorted.clone()).map_err(failed)?.row()?);
    }
    Ok(found)
}

fn parts(row: &rusqlite::Row, sorted: std::ops::Range<usize>) -> rusqlite::Result<Parts> {
    let document = match row.get_ref(9)? {
        ValueRef::Blob(bytes) => Some(Arc::from(bytes)),
        _ => None,
    };
    Ok(Parts {
        rid: row.get(0)?,
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
        sort: sorted.map(|at| value(row, at)).collect::<rusqlite::Result<_>>()?,
    })
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
