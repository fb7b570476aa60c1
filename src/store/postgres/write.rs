//! The task that writes. A group of commits is one transaction, which first takes the one row that says the newest
//! place in the change log: so the nodes write one after the other, what an expectation saw is still so when the
//! group is committed, and places in the log grow in the order in which they become visible.

use super::PostgresOptions;
use super::group::{Answers, Group};
use super::link::Link;
use crate::store::schema::Partitions;
use crate::store::{COMMIT_WRITES_MAX, Commit, CommitError, Committed, GROUP_COMMITS_MAX, StoreError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How often a group is tried again after the connection was lost before its commit.
const TRIES: usize = 5;
/// How long the writer waits before it connects again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often the database is asked what became of a commit.
const VERDICT_TRIES: usize = 100;
/// Statistics are made anew when so many resources were written, and ten times as many.
const ANALYZE_AT: [usize; 3] = [1_000, 10_000, 100_000];

/// A commit, and who waits for it.
pub(super) struct Task {
    pub(super) commit: Commit,
    pub(super) answer: oneshot::Sender<Result<Committed, CommitError>>,
}

pub(super) struct Writer {
    options: PostgresOptions,
    partitions: Partitions,
    link: Link,
    written: usize,
}

impl Writer {
    pub(super) const fn new(options: PostgresOptions, partitions: Partitions, link: Link) -> Self {
        Self { options, partitions, link, written: 0 }
    }

    /// Writes until nobody can send any more.
    pub(super) async fn run(mut self, mut tasks: mpsc::Receiver<Task>) {
        while let Some(first) = tasks.recv().await {
            let mut writes = first.commit.writes.len();
            let mut group = vec![first];
            while group.len() < GROUP_COMMITS_MAX
                && writes < COMMIT_WRITES_MAX
                && let Ok(next) = tasks.try_recv()
            {
                writes += next.commit.writes.len();
                group.push(next);
            }
            self.write(group).await;
            self.count(writes).await;
        }
    }

    async fn write(&mut self, group: Vec<Task>) {
        let commits: Vec<&Commit> = group.iter().map(|task| &task.commit).collect();
        match self.transaction(&commits).await {
            Ok(answers) => {
                for (task, answer) in group.into_iter().zip(answers) {
                    drop(task.answer.send(answer));
                }
            }
            // One of several must not spoil the others: each gets a transaction of its own.
            Err(StoreError::Database(_)) if group.len() > 1 => {
                for task in group {
                    let answers = self.transaction(&[&task.commit]).await;
                    let answer = answers.map_or_else(|error| Err(error.into()), only);
                    drop(task.answer.send(answer));
                }
            }
            Err(error) => {
                for task in group {
                    drop(task.answer.send(Err(error.clone().into())));
                }
            }
        }
    }

    /// Writes some commits in one transaction, again where the connection was lost before anything was committed.
    async fn transaction(&mut self, commits: &[&Commit]) -> Result<Answers, StoreError> {
        let mut outcome = Err(StoreError::Busy);
        for _ in 0..TRIES {
            if self.link.client.is_closed() && !self.reconnect().await {
                continue;
            }
            let mut group = Group::new(&self.link, self.partitions);
            let written = group.write(commits).await;
            let (xid, is_committing, answers) = (group.xid, group.is_committing, group.answers);
            match written {
                Ok(()) => return Ok(answers),
                Err(_) if is_committing => {
                    return match self.verdict(xid).await {
                        Some(true) => Ok(answers),
                        Some(false) => Err(StoreError::Busy),
                        None => Err(StoreError::Unsure),
                    };
                }
                Err(error) if self.link.client.is_closed() => outcome = Err(error),
                Err(error) => {
                    // Where this fails the connection is lost, and the database undoes it by itself.
                    drop(self.link.client.batch_execute("ROLLBACK").await);
                    return Err(error);
                }
            }
        }
        outcome
    }

    async fn reconnect(&mut self) -> bool {
        match Link::connect(&self.options).await {
            Ok(link) => self.link = link,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        !self.link.client.is_closed()
    }

    /// Whether a transaction was committed whose connection was lost meanwhile; none where nobody says so.
    async fn verdict(&mut self, xid: i64) -> Option<bool> {
        for _ in 0..VERDICT_TRIES {
            if self.link.client.is_closed() && !self.reconnect().await {
                continue;
            }
            let sql = "SELECT pg_xact_status($1::text::xid8)";
            let Ok(row) = self.link.client.query_one(sql, &[&xid.to_string()]).await else { continue };
            match row.try_get::<_, Option<&str>>(0) {
                Ok(Some("committed")) => return Some(true),
                Ok(Some("aborted")) => return Some(false),
                Ok(Some(_)) => tokio::time::sleep(PAUSE).await,
                Ok(None) | Err(_) => return None,
            }
        }
        None
    }

    /// Without statistics a database that was just filled is searched as if it were empty.
    async fn count(&mut self, writes: usize) {
        let before = self.written;
        self.written += writes;
        if ANALYZE_AT.iter().any(|&at| before < at && at <= self.written) {
            let tables = "ANALYZE resource, directory, hash_key, range_key, text_key, change, version";
            // What fails here is made up for by the database itself a little later.
            drop(self.link.client.batch_execute(tables).await);
        }
    }
}

fn only(answers: Answers) -> Result<Committed, CommitError> {
    answers.into_iter().next().unwrap_or(Err(StoreError::Closed.into()))
}
