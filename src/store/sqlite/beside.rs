//! A store in a file, read while another process has it: its logs, and a copy of all of it.

use super::read::{Direct, at_once, failed};
use super::{Place, connect_reader, copy, read_setting};
use crate::store::compile::Dialect;
use crate::store::schema::{Partitions, setting, steps_after};
use crate::store::{
    Depth, Fault, Head, Lease, Logs, Message, MessageQuery, NoteQuery, Noted, Queue, Queues, Source,
    StoreError, Tenant, notes, queue,
};
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A store in a file that another process may have open. It is only read.
pub struct Beside {
    connection: Mutex<Connection>,
    partitions: Partitions,
}

impl Beside {
    /// Opens a store for reading.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the file cannot be read, is no store or is one of an older format,
    /// [`StoreError::TooNew`] where a newer Sauma made it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError::Open("there is no such file".to_owned()));
        }
        let no_store = |_| StoreError::Open("the file is no store".to_owned());
        let connection = connect_reader(path).map_err(no_store)?;
        let format = read_setting(&connection, setting::FORMAT).map_err(no_store)?;
        if !steps_after(format)?.is_empty() {
            return Err(StoreError::Open("the store has an older format: start the server once".to_owned()));
        }
        let partitions = Partitions(read_setting(&connection, setting::PARTITIONS)?);
        Ok(Self { connection: Mutex::new(connection), partitions })
    }

    /// Copies the store as it is now into another file, which is a store of its own.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the file cannot be written, and see [`StoreError`].
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        copy(&self.connection.lock().unwrap_or_else(PoisonError::into_inner), to)
    }

    fn ask<T>(
        &self,
        tenant: Tenant,
        question: impl FnOnce(&Direct, &Place) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Place { dialect: Dialect::Sqlite, tenant, partitions: self.partitions };
        connection.execute_batch("BEGIN").map_err(failed)?;
        let answer = question(&Direct::new(&connection), &place);
        connection.execute_batch("COMMIT").map_err(failed)?;
        answer
    }
}

impl Logs for Beside {
    async fn notes(&self, query: &NoteQuery) -> Result<Vec<Noted>, StoreError> {
        self.ask(query.tenant, |engine, place| at_once(notes::notes(engine, place, query)))
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.ask(Tenant(0), |engine, place| at_once(notes::heads(engine, place)))
    }

    async fn stray(&self) -> Result<Option<Fault>, StoreError> {
        self.ask(Tenant(0), |engine, place| at_once(notes::stray(engine, place)))
    }
}

impl Queues for Beside {
    async fn ready(&self, which: Queue, now: i64, count: usize) -> Result<Vec<Message>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::ready(engine, which, now, count)))
    }

    async fn messages(&self, query: &MessageQuery) -> Result<Vec<Message>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::messages(engine, query)))
    }

    async fn message(&self, number: i64) -> Result<Option<Message>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::message(engine, number)))
    }

    async fn depths(&self) -> Result<Vec<Depth>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::depths(engine)))
    }

    async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::sources(engine)))
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.ask(Tenant(0), |engine, _| at_once(queue::leases(engine)))
    }
}
