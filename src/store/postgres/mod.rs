//! The store in a database that any number of nodes share.
//!
//! Each node has one task that writes, grouping what waits (`write`), and some connections that read. What a node
//! reads is what every node committed: nothing is kept in memory that another node might have changed.

mod group;
mod link;
mod log;
mod tls;
mod write;

use super::compile::{Dialect, Place};
use super::find::{self, Engine};
use super::schema::{Partitions, setting, steps_after};
use super::{
    Change, Commit, CommitError, Committed, Depth, Fault, Found, Head, History, HistoryQuery, Lease, Logs,
    Message, MessageQuery, Name, NoteQuery, Noted, QUEUE_COMMITS_MAX, Queue, Queues, Record, Source, Store,
    StoreError, Tenant, notes, past, queue,
};
use crate::search::Search;
use link::{Link, failed};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{RwLock, mpsc, oneshot};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How often a node that starts tries to make the tables while another does the same.
const MIGRATION_TRIES: usize = 10;
/// How long it waits in between.
const MIGRATION_PAUSE: Duration = Duration::from_millis(200);
/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a database is opened.
#[derive(Clone)]
pub struct PostgresOptions {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    schema: String,
    /// Partitions of each tenant, where the store is made now; otherwise it knows its own number.
    pub partitions: u16,
    /// Connections that read.
    pub readers: usize,
}

impl PostgresOptions {
    /// The database of an url, `postgresql://user@host/database`, in the schema `sauma`; over TLS where its parameters
    /// say `sslmode=verify-full` and `sslrootcert=FILE`, with a certificate of ours by `sslcert` and `sslkey`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the url is none, or its files cannot be used.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let (url, tls) = tls::parted(url)?;
        let mut config = Config::from_str(&url)
            .map_err(|_| StoreError::Open("the address of the database is not well formed".to_owned()))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("sauma");
        }
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config, tls, schema: "sauma".to_owned(), partitions: 16, readers: 4 })
    }

    /// True where what is stored passes a network without TLS.
    pub fn is_plain_over_network(&self) -> bool {
        let is_far = |host: &Host| match host {
            Host::Tcp(name) => {
                let address = name.parse::<std::net::IpAddr>();
                name != "localhost" && !address.is_ok_and(|address| address.is_loopback())
            }
            Host::Unix(_) => false,
        };
        self.tls.is_none() && self.config.get_hosts().iter().any(is_far)
    }

    /// The same in another schema.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where its name is not made of small letters, digits and underscores.
    pub fn in_schema(mut self, schema: &str) -> Result<Self, StoreError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !schema.bytes().all(is_plain) || !schema.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(StoreError::Open("the name of the schema is not plain".to_owned()));
        }
        schema.clone_into(&mut self.schema);
        Ok(self)
    }
}

impl std::fmt::Debug for PostgresOptions {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// A store in a database.
pub struct Postgres {
    options: Box<PostgresOptions>,
    partitions: Partitions,
    readers: Vec<RwLock<Arc<Link>>>,
    tasks: mpsc::Sender<write::Task>,
}

impl Postgres {
    /// Opens a store, and makes or migrates it where it needs that. To be called inside a runtime of tokio, in which
    /// its connections then live.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] where the database cannot be used, [`StoreError::TooNew`] where a newer Sauma made the
    /// store.
    pub async fn open(options: &PostgresOptions) -> Result<Self, StoreError> {
        let link = Link::connect(options).await?;
        let partitions = made(&link, options).await?;
        let mut readers = Vec::new();
        for _ in 0..options.readers.max(1) {
            readers.push(RwLock::new(Arc::new(Link::reader(options).await?)));
        }
        let (tasks, waiting) = mpsc::channel(QUEUE_COMMITS_MAX);
        let writer = write::Writer::new(options.clone(), partitions, link);
        drop(tokio::spawn(writer.run(waiting)));
        Ok(Self { options: Box::new(options.clone()), partitions, readers, tasks })
    }

    const fn place(&self, tenant: Tenant) -> Place {
        Place { dialect: Dialect::Postgres, tenant, partitions: self.partitions }
    }

    /// The connection with the least to do, made anew if it was lost.
    async fn link(&self) -> Result<Arc<Link>, StoreError> {
        let mut least: Option<(usize, &RwLock<Arc<Link>>)> = None;
        for reader in &self.readers {
            let load = reader.read().await.load();
            if least.is_none_or(|(other, _)| load < other) {
                least = Some((load, reader));
            }
        }
        let Some((_, reader)) = least else { return Err(StoreError::Closed) };
        let link = Arc::clone(&*reader.read().await);
        if !link.client.is_closed() {
            return Ok(link);
        }
        let mut place = reader.write().await;
        if place.client.is_closed() {
            *place = Arc::new(Link::reader(&self.options).await?);
        }
        Ok(Arc::clone(&*place))
    }
}

/// Asks a connection, and once more another where the first was lost.
macro_rules! ask {
    ($store:expr, $link:ident => $question:expr) => {{
        let first = $store.link().await?;
        let $link = &*first;
        match $question.await {
            Err(StoreError::Busy) if first.client.is_closed() => {
                let second = $store.link().await?;
                let $link = &*second;
                $question.await
            }
            answer => answer,
        }
    }};
}

/// The tables, made or migrated by whichever node comes first.
async fn made(link: &Link, options: &PostgresOptions) -> Result<Partitions, StoreError> {
    let mut outcome = Err(StoreError::Busy);
    for _ in 0..MIGRATION_TRIES {
        outcome = migrate(link, options).await;
        match outcome {
            // Two nodes made the same at once.
            Err(StoreError::Database(_) | StoreError::Busy) => {
                link.client.batch_execute("ROLLBACK").await.map_err(|error| failed(&error))?;
                tokio::time::sleep(MIGRATION_PAUSE).await;
            }
            _ => break,
        }
    }
    outcome
}

async fn migrate(link: &Link, options: &PostgresOptions) -> Result<Partitions, StoreError> {
    let run = async |sql: &str| link.client.batch_execute(sql).await.map_err(|error| failed(&error));
    run("BEGIN").await?;
    run(&format!("CREATE SCHEMA IF NOT EXISTS {}", options.schema)).await?;
    run("CREATE TABLE IF NOT EXISTS setting (name TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, value BIGINT NOT NULL)")
        .await?;
    run("LOCK TABLE setting IN ACCESS EXCLUSIVE MODE").await?;
    let format = read_setting(link, setting::FORMAT).await?.unwrap_or(0);
    for (taken, step) in (format + 1..).zip(steps_after(format)?) {
        run(step.postgres).await?;
        if taken == 1 {
            let partitions = options.partitions.max(1);
            run(&format!("INSERT INTO setting VALUES ('{}', {partitions})", setting::PARTITIONS)).await?;
        }
        run(&format!("UPDATE setting SET value = {taken} WHERE name = '{}'", setting::FORMAT)).await?;
    }
    let partitions = read_setting(link, setting::PARTITIONS).await?.ok_or(StoreError::Damaged)?;
    run("COMMIT").await?;
    Ok(Partitions(partitions))
}

async fn read_setting(link: &Link, name: &str) -> Result<Option<i64>, StoreError> {
    let rows = link.client.query("SELECT value FROM setting WHERE name = $1", &[&name]).await;
    let rows = rows.map_err(|error| failed(&error))?;
    rows.first().map(|row| row.try_get(0).map_err(|error| failed(&error))).transpose()
}

impl Store for Postgres {
    async fn read(&self, tenant: Tenant, name: &Name) -> Result<Option<Arc<Record>>, StoreError> {
        let sql = past::newest(&self.place(tenant), name);
        let rows = ask!(self, link => link.rows(&sql))?;
        Ok(rows.into_iter().next().map(|row| row.record))
    }

    async fn version(
        &self,
        tenant: Tenant,
        name: &Name,
        version: u64,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let sql = past::version(&self.place(tenant), name, version);
        let rows = ask!(self, link => link.rows(&sql))?;
        Ok(rows.into_iter().next().map(|row| row.record))
    }

    async fn history(&self, tenant: Tenant, query: &HistoryQuery) -> Result<History, StoreError> {
        let place = self.place(tenant);
        ask!(self, link => past::history(link, &place, query))
    }

    async fn search(&self, tenant: Tenant, search: &Search) -> Result<Found, StoreError> {
        let place = self.place(tenant);
        ask!(self, link => find::search(link, &place, search))
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let (answer, answered) = oneshot::channel();
        self.tasks.try_send(write::Task { commit, answer }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answered.await.unwrap_or(Err(StoreError::Unsure.into()))
    }

    async fn changes(&self, after: i64, count: usize) -> Result<Vec<Change>, StoreError> {
        let place = self.place(Tenant(0));
        ask!(self, link => past::changes(link, &place, after, count))
    }
}

impl Logs for Postgres {
    async fn notes(&self, query: &NoteQuery) -> Result<Vec<Noted>, StoreError> {
        let place = self.place(query.tenant);
        ask!(self, link => notes::notes(link, &place, query))
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let place = self.place(Tenant(0));
        ask!(self, link => notes::heads(link, &place))
    }

    async fn stray(&self) -> Result<Option<Fault>, StoreError> {
        let place = self.place(Tenant(0));
        ask!(self, link => notes::stray(link, &place))
    }
}

impl Queues for Postgres {
    async fn ready(&self, which: Queue, now: i64, count: usize) -> Result<Vec<Message>, StoreError> {
        ask!(self, link => queue::ready(link, which, now, count))
    }

    async fn messages(&self, query: &MessageQuery) -> Result<Vec<Message>, StoreError> {
        ask!(self, link => queue::messages(link, query))
    }

    async fn message(&self, number: i64) -> Result<Option<Message>, StoreError> {
        ask!(self, link => queue::message(link, number))
    }

    async fn depths(&self) -> Result<Vec<Depth>, StoreError> {
        ask!(self, link => queue::depths(link))
    }

    async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        ask!(self, link => queue::sources(link))
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        ask!(self, link => queue::leases(link))
    }
}
