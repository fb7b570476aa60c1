//! The store in one file: SQLite with a write-ahead log that is synced at each commit.
//!
//! One thread writes, and groups what waits (`write`); some threads read (`read`); one brings the log into the file
//! (`checkpoint`). Newest versions lie in memory, ready to be sent. The file belongs to one process: a lock beside it
//! says so.

mod beside;
mod checkpoint;
mod gather;
mod read;
mod write;

use super::cache::Cache;
use super::compile::{Dialect, Place};
use super::schema::{Partitions, setting, steps_after};
use super::{
    Change, Commit, CommitError, Committed, Depth, Fault, Found, Head, History, HistoryQuery, Lease, Logs,
    Message, MessageQuery, Name, NoteQuery, Noted, Queue, Queues, Record, Source, Store, StoreError, Tenant,
    find, notes, past, queue,
};
use crate::search::Search;
pub use beside::Beside;
use checkpoint::Checkpointer;
use gather::{Gatherer, Waiting};
use read::{Direct, Readers, at_once, failed};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Marks a file as a store of Sauma: `SAUM`.
const APPLICATION_ID: i64 = 0x5341_554D;
/// Pages of 8 KiB: fewer levels over clustered keys than with the 4 KiB of SQLite, and documents that fit. With 4 KiB or
/// 16 KiB a create took a tenth more of the processor.
const PAGE_BYTES: i64 = 8_192;
/// Pages that the writer keeps, in KiB: all that updates touch of a store of some gigabytes.
const WRITER_CACHE_KIB: i64 = 256 << 10;
/// Pages that each reader keeps, in KiB, until the next commit. The file is not mapped: SQLite gives the map back at each
/// commit that another connection made, and pages that are mapped anew cost more than to copy those that a search reads.
const READER_CACHE_KIB: i64 = 16 << 10;
/// Bytes that the log keeps on disk once it was brought into the file.
const LOG_BYTES_MAX: i64 = 256 << 20;
/// How long the writer waits for the checkpointer.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

/// When a commit is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it is on the disk.
    #[default]
    Full,
    /// When the system has it: a loss of power may take what was answered. For tests and imports alone.
    Relaxed,
}

/// How a store in a file is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file; it is made if it is not there. Its log and its lock lie beside it.
    pub path: PathBuf,
    /// When a commit is answered.
    pub durability: Durability,
    /// Bytes of newest versions that are kept in memory.
    pub cache_bytes_max: usize,
    /// Threads that read.
    pub readers: usize,
}

impl SqliteOptions {
    /// A durable store in a file, as most want it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let readers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        Self { path: path.into(), durability: Durability::Full, cache_bytes_max: 256 << 20, readers }
    }
}

/// A store in one file.
pub struct Sqlite {
    shared: Arc<Shared>,
    readers: Readers,
    writer: Writer,
    /// Told to stop after the writer, for it needs nobody.
    _checkpointer: Checkpointer,
    _lock: File,
}

/// What the threads share.
struct Shared {
    cache: Cache,
    partitions: Partitions,
    has_failed: AtomicBool,
    /// Pages of the log at the last commit.
    log_pages: Arc<AtomicU64>,
}

/// Pages of the log at which the writer itself brings them into the file, because the checkpointer does not keep up.
const LOG_PAGES_MAX: u64 = 20_000;

impl Shared {
    const fn place(&self, tenant: Tenant) -> Place {
        Place { dialect: Dialect::Sqlite, tenant, partitions: self.partitions }
    }

    fn takes_writes(&self) -> bool {
        !self.has_failed.load(Ordering::Acquire)
    }

    fn stop_writes(&self) {
        self.has_failed.store(true, Ordering::Release);
    }

    /// Keeps the log short, between two transactions.
    fn settle(&self, connection: &Connection) {
        if self.log_pages.load(Ordering::Relaxed) >= LOG_PAGES_MAX {
            self.log_pages.store(0, Ordering::Relaxed);
            checkpoint::bring_in(connection, checkpoint::Mode::Passive, self);
        }
    }
}

struct Writer {
    waiting: Arc<Waiting>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.waiting.close();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Sqlite {
    /// Opens a store, and makes or migrates it where it needs that.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the file cannot be used, [`StoreError::Held`] where another process has it,
    /// [`StoreError::TooNew`] where a newer Sauma made it.
    pub fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let lock = lock(&options.path)?;
        let mut connection = connect(&options.path, options.durability, WRITER_CACHE_KIB)?;
        migrate(&mut connection)?;
        let partitions = Partitions(read_setting(&connection, setting::PARTITIONS)?);
        let seq = read_setting(&connection, setting::SEQ)?;
        let log_pages = Arc::new(AtomicU64::new(0));
        let pages = Arc::clone(&log_pages);
        let count = move |_: &mut rusqlite::hooks::Wal, count: std::ffi::c_int| {
            pages.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(count)).map_err(failed)?;
        let cache = Cache::new(options.cache_bytes_max);
        let shared = Arc::new(Shared { cache, partitions, has_failed: AtomicBool::new(false), log_pages });
        let readers = (0..options.readers.max(1)).map(|_| connect_reader(&options.path));
        let readers = Readers::new(readers.collect::<Result<_, _>>()?)?;
        let checkpoints = connect(&options.path, options.durability, READER_CACHE_KIB)?;
        let checkpointer = Checkpointer::new(checkpoints, Arc::clone(&shared))?;
        let writer = Writer::new(connection, Arc::clone(&shared), seq)?;
        Ok(Self { shared, readers, writer, _checkpointer: checkpointer, _lock: lock })
    }

    /// Copies the store as it is now into another file, while it is in use. The copy is a store of its own.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the file cannot be written, and see [`StoreError`].
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let to = to.to_owned();
        self.readers.run(move |connection| copy(connection, &to)).await
    }

    /// Reads the whole file and looks whether it is sound.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where it is not.
    pub async fn check(&self) -> Result<(), StoreError> {
        let check = |connection: &Connection| {
            let verdict: String =
                connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
            if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged) }
        };
        self.readers.run(check).await
    }

    /// False once a write failed: nothing more is written until the store is opened anew.
    pub fn takes_writes(&self) -> bool {
        self.shared.takes_writes()
    }

    /// What a question about a tenant is answered, from one state of the store.
    async fn ask<T: Send + 'static>(
        &self,
        tenant: Tenant,
        question: impl FnOnce(&Direct, &Place) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = self.shared.place(tenant);
        let job = move |connection: &Connection| {
            say(connection, "BEGIN")?;
            let answer = question(&Direct::new(connection), &place);
            say(connection, "COMMIT")?;
            answer
        };
        self.readers.run(job).await
    }
}

impl Writer {
    fn new(connection: Connection, shared: Arc<Shared>, seq: i64) -> Result<Self, StoreError> {
        let waiting = Arc::new(Waiting::default());
        let gatherer = Gatherer::new(Arc::clone(&waiting));
        let thread = std::thread::Builder::new().name("store-write".to_owned());
        let thread = thread.spawn(move || write::run(&connection, &shared, gatherer, seq));
        let thread = thread.map_err(|error| StoreError::Open(error.to_string()))?;
        Ok(Self { waiting, thread: Some(thread) })
    }
}

impl Store for Sqlite {
    async fn read(&self, tenant: Tenant, name: &Name) -> Result<Option<Arc<Record>>, StoreError> {
        let found = self.read_all(tenant, std::slice::from_ref(name)).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// What does not lie in memory is read by one thread in one go: handing a question over costs more than a row does.
    async fn read_all(&self, tenant: Tenant, names: &[Name]) -> Result<Vec<Option<Arc<Record>>>, StoreError> {
        let place = self.shared.place(tenant);
        let mut found = Vec::with_capacity(names.len());
        let (mut absent, mut questions) = (Vec::new(), Vec::new());
        for name in names {
            let known = self.shared.cache.get(tenant, &name.kind, &name.id);
            if let Err(seen) = &known {
                questions.push(past::newest(&place, name));
                absent.push((found.len(), *seen));
            }
            found.push(known.ok());
        }
        if absent.is_empty() {
            return Ok(found);
        }
        let read = move |connection: &Connection| -> Result<Vec<Option<Arc<Record>>>, StoreError> {
            let engine = Direct::new(connection);
            let one = |sql| Ok(engine.read(sql)?.into_iter().next().map(|row| row.record));
            questions.iter().map(one).collect()
        };
        for ((at, seen), record) in absent.into_iter().zip(self.readers.run(read).await?) {
            let Some(record) = record else { continue };
            self.shared.cache.keep(tenant, Arc::clone(&record), seen);
            if let Some(slot) = found.get_mut(at) {
                *slot = Some(record);
            }
        }
        Ok(found)
    }

    async fn version(
        &self,
        tenant: Tenant,
        name: &Name,
        version: u64,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let sql = past::version(&self.shared.place(tenant), name, version);
        let rows = self.readers.run(move |connection| Direct::new(connection).read(&sql)).await?;
        Ok(rows.into_iter().next().map(|row| row.record))
    }

    async fn history(&self, tenant: Tenant, query: &HistoryQuery) -> Result<History, StoreError> {
        let query = query.clone();
        self.ask(tenant, move |engine, place| at_once(past::history(engine, place, &query))).await
    }

    async fn search(&self, tenant: Tenant, search: &Search) -> Result<Found, StoreError> {
        let (search, shared) = (search.clone(), Arc::clone(&self.shared));
        let before = shared.cache.before();
        self.ask(tenant, move |engine, place| {
            let engine = engine.knowing(tenant, &shared.cache, before);
            at_once(find::search(&engine, place, &search))
        })
        .await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.writer.waiting.put(write::Task { commit, answer })?;
        answered.await.unwrap_or(Err(StoreError::Unsure.into()))
    }

    async fn changes(&self, after: i64, count: usize) -> Result<Vec<Change>, StoreError> {
        self.ask(Tenant(0), move |engine, place| at_once(past::changes(engine, place, after, count))).await
    }
}

impl Logs for Sqlite {
    async fn notes(&self, query: &NoteQuery) -> Result<Vec<Noted>, StoreError> {
        let query = query.clone();
        self.ask(query.tenant, move |engine, place| at_once(notes::notes(engine, place, &query))).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.ask(Tenant(0), |engine, place| at_once(notes::heads(engine, place))).await
    }

    async fn stray(&self) -> Result<Option<Fault>, StoreError> {
        self.ask(Tenant(0), |engine, place| at_once(notes::stray(engine, place))).await
    }
}

impl Queues for Sqlite {
    async fn ready(&self, which: Queue, now: i64, count: usize) -> Result<Vec<Message>, StoreError> {
        self.ask(Tenant(0), move |engine, _| at_once(queue::ready(engine, which, now, count))).await
    }

    async fn messages(&self, query: &MessageQuery) -> Result<Vec<Message>, StoreError> {
        let query = query.clone();
        self.ask(Tenant(0), move |engine, _| at_once(queue::messages(engine, &query))).await
    }

    async fn message(&self, number: i64) -> Result<Option<Message>, StoreError> {
        self.ask(Tenant(0), move |engine, _| at_once(queue::message(engine, number))).await
    }

    async fn depths(&self) -> Result<Vec<Depth>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::depths(engine))).await
    }

    async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::sources(engine))).await
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::leases(engine))).await
    }
}

/// Says what asks for nothing, compiled once.
fn say(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.execute([]).map(drop).map_err(failed)
}

/// Keeps the file for this process.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let open = |error: std::io::Error| StoreError::Open(error.to_string());
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(beside).map_err(open)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Held),
        Err(TryLockError::Error(error)) => Err(open(error)),
    }
}

fn connect(path: &Path, durability: Durability, cache_kib: i64) -> Result<Connection, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(WRITER_PATIENCE).map_err(failed)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(failed)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(StoreError::Open("the file system cannot hold a write-ahead log".to_owned()));
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Relaxed => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous).map_err(failed)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(failed)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX).map_err(failed)?;
    tune(&connection, cache_kib)?;
    Ok(connection)
}

fn connect_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(WRITER_PATIENCE).map_err(failed)?;
    tune(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

fn tune(connection: &Connection, cache_kib: i64) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(read::STATEMENTS_MAX);
    // Without it a statement is compiled anew for each value that is bound to it, in the hope of a better plan; what to
    // scan is our own choice (`find`).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
    connection.pragma_update(None, "cache_size", -cache_kib).map_err(failed)
}

/// Brings the tables to the newest format, each step in a transaction of its own.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if tables > 0 && number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StoreError::Open("the file is a database of another program".to_owned()));
    }
    let format = if tables == 0 { 0 } else { read_setting(connection, setting::FORMAT)? };
    for (taken, step) in (format + 1..).zip(steps_after(format)?) {
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(step.sqlite).map_err(failed)?;
        if taken == 1 {
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
            // One file has one disk: nothing is won by spreading a tenant over it.
            write_setting(&transaction, setting::PARTITIONS, 1)?;
        }
        write_setting(&transaction, setting::FORMAT, taken)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

fn read_setting(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    connection
        .query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| row.get(0))
        .map_err(failed)
}

fn write_setting(connection: &Connection, name: &str, value: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO setting VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
    connection.execute(sql, rusqlite::params![name, value]).map(drop).map_err(failed)
}

/// Copies a store in one read of it, then gives the copy its name once it is on the disk.
fn copy(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let open = |error: std::io::Error| StoreError::Open(error.to_string());
    if part.exists() {
        std::fs::remove_file(&part).map_err(open)?;
    }
    let mut target = Connection::open(&part).map_err(failed)?;
    let backup = Backup::new(connection, &mut target).map_err(failed)?;
    if backup.step(-1).map_err(failed)? != StepResult::Done {
        return Err(StoreError::Busy);
    }
    drop(backup);
    drop(target);
    File::open(&part).and_then(|file| file.sync_all()).map_err(open)?;
    std::fs::rename(&part, to).map_err(open)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(open)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::store::schema::STEPS;

    #[test]
    fn keys_of_an_older_format_stay() {
        let mut connection = Connection::open_in_memory().unwrap();
        for step in STEPS.iter().take(4) {
            connection.execute_batch(step.sqlite).unwrap();
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        write_setting(&connection, setting::FORMAT, 4).unwrap();
        let keys =
            "INSERT INTO hash_key (part, slot, hash, rid) VALUES (0, 8, -3, 1), (0, 7, -3, 1), (0, 7, 5, 2)";
        connection.execute_batch(keys).unwrap();
        migrate(&mut connection).unwrap();
        let mut statement =
            connection.prepare("SELECT slot, hash, rid FROM hash_key ORDER BY 1, 2, 3").unwrap();
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let found: Vec<(i64, i64, i64)> = found.collect::<Result<_, _>>().unwrap();
        assert_eq!(found, [(7, -3, 1), (7, 5, 2), (8, -3, 1)]);
        assert_eq!(read_setting(&connection, setting::FORMAT), Ok(i64::try_from(STEPS.len()).unwrap()));
    }
}
