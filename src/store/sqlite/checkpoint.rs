//! Brings the write-ahead log into the file, beside the writer, so that neither grows without end.

use super::Shared;
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the length of the log is looked at.
const TICK: Duration = Duration::from_millis(250);
/// Pages of the log from which it is brought in while the writer goes on.
const LOG_PAGES: u64 = 4_000;
/// Ticks without a commit after which all of it is brought in.
const IDLE_TICKS: u32 = 8;

/// How much is brought in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// What nobody reads, without waiting for anybody.
    Passive,
    /// All of it, and the log is emptied.
    Truncate,
}

/// Brings pages of the log into the file. A failure of the disk ends all writing, as it does at a commit.
pub(super) fn bring_in(connection: &Connection, mode: Mode, shared: &Shared) {
    let sql = match mode {
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let outcome = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    if let Err(error) = outcome
        && matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        )
    {
        shared.stop_writes();
    }
}

/// The thread that does so.
pub(super) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the system gives no thread.
    pub(super) fn new(connection: Connection, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("store-checkpoint".to_owned());
        let thread = thread.spawn(move || run(&connection, &shared, &stopped));
        let thread = thread.map_err(|error| StoreError::Open(error.to_string()))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn run(connection: &Connection, shared: &Shared, stopped: &Receiver<()>) {
    let mut seen = 0;
    let mut idle_ticks = 0;
    while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let pages = shared.log_pages.load(Ordering::Relaxed);
        idle_ticks = if pages == seen { idle_ticks + 1 } else { 0 };
        seen = pages;
        if !shared.takes_writes() || pages == 0 {
            continue;
        }
        if idle_ticks >= IDLE_TICKS {
            shared.log_pages.store(0, Ordering::Relaxed);
            seen = 0;
            bring_in(connection, Mode::Truncate, shared);
        } else if pages >= LOG_PAGES && idle_ticks == 0 {
            bring_in(connection, Mode::Passive, shared);
        }
    }
}
