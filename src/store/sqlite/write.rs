//! The one thread that writes. It takes what waits, up to a limit, into one transaction, and answers once that is
//! durable: so many commits share one wait for the disk.

use super::Shared;
use super::gather::Gatherer;
use super::read::{Direct, at_once, cells, failed};
use crate::search::{Key, reference_hash};
use crate::store::chain::{Hash, Head};
use crate::store::change::{self, Change, Current};
use crate::store::queue::{self, Cell};
use crate::store::row::{method_number, version_number};
use crate::store::{
    Accepted, Commit, CommitError, Committed, Expect, Name, NewMessage, Note, Person, QueueChange,
    StoreError, Tenant, find, notes,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;
use tokio::sync::oneshot;

/// A commit, and who waits for it.
pub(super) struct Task {
    pub(super) commit: Commit,
    pub(super) answer: oneshot::Sender<Result<Committed, CommitError>>,
}

/// Why a commit was not applied.
enum Refusal {
    /// It is refused; nothing of it was written.
    Commit(CommitError),
    /// The engine failed: all of the transaction is undone.
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

/// Writes until it is closed and nobody waits any more.
pub(super) fn run(connection: &Connection, shared: &Shared, mut gatherer: Gatherer, seq: i64) {
    // The tables were made a moment ago; without them nothing can be written.
    let Ok(statements) = Statements::new(connection) else { return shared.stop_writes() };
    let mut writer = Writer { connection, statements, shared, seq, heads: HashMap::new() };
    while let Some(group) = gatherer.next() {
        let (commits, start) = (group.len(), Instant::now());
        writer.write(group);
        let took = start.elapsed();
        shared.settle(connection);
        gatherer.wrote(commits, took);
    }
}

struct Writer<'c> {
    connection: &'c Connection,
    statements: Statements<'c>,
    shared: &'c Shared,
    /// The newest place in the change log that is durable.
    seq: i64,
    /// Where the chains of the logs end that were written to.
    heads: HashMap<Tenant, Vec<Grown>>,
}

/// A chain, and whether this transaction made it longer.
struct Grown {
    head: Head,
    is_new: bool,
}

impl Writer<'_> {
    fn write(&mut self, group: Vec<Task>) {
        let commits: Vec<&Commit> = group.iter().map(|task| &task.commit).collect();
        match self.transaction(&commits) {
            Ok(answers) => {
                for (task, answer) in group.into_iter().zip(answers) {
                    drop(task.answer.send(answer));
                }
            }
            // One of several must not spoil the others: each gets a transaction of its own.
            Err(StoreError::Database(_)) if group.len() > 1 => {
                for task in group {
                    let answer = self.transaction(&[&task.commit]);
                    drop(task.answer.send(answer.map_or_else(|error| Err(error.into()), only)));
                }
            }
            Err(error) => {
                for task in group {
                    drop(task.answer.send(Err(error.clone().into())));
                }
            }
        }
    }

    /// Writes some commits in one transaction: an answer for each, or why none was written.
    fn transaction(
        &mut self,
        commits: &[&Commit],
    ) -> Result<Vec<Result<Committed, CommitError>>, StoreError> {
        if !self.shared.takes_writes() {
            return Err(StoreError::ReadOnly);
        }
        let before = self.seq;
        match self.attempt(commits) {
            Ok(answers) => Ok(answers),
            Err((error, is_committing)) => {
                self.seq = before;
                self.heads.clear();
                if !self.connection.is_autocommit() {
                    // Where even this fails, the next BEGIN says so.
                    drop(self.connection.execute_batch("ROLLBACK"));
                }
                Err(self.judge(error, is_committing))
            }
        }
    }

    /// What a failure means. After one of the disk nobody knows what it holds, so no more is written: a later sync
    /// that succeeds says nothing of what the failed one was for.
    fn judge(&self, error: rusqlite::Error, is_committing: bool) -> StoreError {
        let code = error.sqlite_error_code();
        let is_lost = matches!(
            code,
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        );
        if !is_lost {
            return failed(error);
        }
        self.shared.stop_writes();
        if is_committing { StoreError::Unsure } else { StoreError::ReadOnly }
    }

    fn attempt(
        &mut self,
        commits: &[&Commit],
    ) -> Result<Vec<Result<Committed, CommitError>>, (rusqlite::Error, bool)> {
        let early = |error| (error, false);
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(early)?;
        let mut answers = Vec::with_capacity(commits.len());
        let (before, mut records) = (self.seq, Vec::new());
        for commit in commits {
            match self.apply(commit) {
                Ok((changes, accepted)) => {
                    records.extend(changes.iter().map(|change| (change.tenant, change.record())));
                    answers.push(Ok(Committed { seq: self.seq, accepted }));
                }
                Err(Refusal::Commit(error)) => answers.push(Err(error)),
                Err(Refusal::Engine(error)) => return Err(early(error)),
            }
        }
        if self.seq != before {
            self.statements.seq.execute([self.seq]).map_err(early)?;
        }
        self.keep_heads().map_err(early)?;
        self.connection.execute_batch("COMMIT").map_err(|error| (error, true))?;
        // Readers find the new versions before anybody is told of them.
        for (tenant, record) in records {
            self.shared.cache.written(tenant, record);
        }
        Ok(answers)
    }

    /// Writes one commit, or nothing of it.
    fn apply<'a>(&mut self, commit: &'a Commit) -> Result<(Vec<Change<'a>>, Vec<Accepted>), Refusal> {
        change::check(commit)?;
        self.check_expectations(commit)?;
        let mut seq = self.seq;
        let mut changes = Vec::with_capacity(commit.writes.len());
        for (at, write) in commit.writes.iter().enumerate() {
            let current = self.current(commit.tenant, &write.name)?;
            seq += 1;
            let change = change::plan(write, commit.tenant, self.shared.partitions, seq, current.as_ref())?;
            changes.push(change.ok_or(CommitError::Stale(at))?);
        }
        self.check_queue(commit)?;
        for change in &changes {
            self.statements.write(change)?;
        }
        for note in &commit.notes {
            self.note(commit.tenant, note)?;
        }
        let accepted = self.write_queue(commit)?;
        self.seq = seq;
        Ok((changes, accepted))
    }

    /// Looks whether all that changes in the queues is still possible.
    fn check_queue(&self, commit: &Commit) -> Result<(), Refusal> {
        for (at, change) in commit.queue.iter().enumerate() {
            if let Some(said) = queue::check(change, commit.tenant)
                && cells(self.connection, &said)?.is_empty()
            {
                return Err(CommitError::Queue(at).into());
            }
        }
        Ok(())
    }

    /// Changes the queues; what was put in is told.
    fn write_queue(&self, commit: &Commit) -> rusqlite::Result<Vec<Accepted>> {
        let mut accepted = Vec::new();
        for change in &commit.queue {
            let said = queue::write(change, commit.tenant);
            let QueueChange::Put(new) = change else {
                cells(self.connection, &said)?;
                continue;
            };
            let known = self.known(new)?;
            let given = match known {
                Some(_) => known,
                None => number(&cells(self.connection, &said)?),
            };
            accepted.extend(given.map(|number| Accepted { number, is_new: known.is_none() }));
        }
        Ok(accepted)
    }

    /// The number of the message that is there under the key of a new one.
    fn known(&self, new: &NewMessage) -> rusqlite::Result<Option<i64>> {
        Ok(number(&cells(self.connection, &queue::key_of(new))?))
    }

    /// Puts an entry behind the last of its chain.
    fn note(&mut self, tenant: Tenant, note: &Note) -> rusqlite::Result<()> {
        let chains = self.heads.entry(tenant).or_default();
        let at = match chains.iter().position(|grown| grown.head.log == note.log) {
            Some(at) => at,
            None => {
                let head = self.statements.head(tenant, &note.log)?;
                chains.push(Grown { head, is_new: false });
                chains.len() - 1
            }
        };
        let Some(grown) = chains.get_mut(at) else { return Ok(()) };
        let sum = note.person.as_ref().map(Person::sum);
        grown.head.link(note.time, &note.entry, sum.as_ref());
        grown.is_new = true;
        self.statements.note(note, sum.as_ref(), &grown.head)
    }

    /// Says where the chains end that this transaction made longer.
    fn keep_heads(&mut self) -> rusqlite::Result<()> {
        for grown in self.heads.values_mut().flatten().filter(|grown| grown.is_new) {
            self.statements.keep_head(&grown.head)?;
            grown.is_new = false;
        }
        Ok(())
    }

    fn check_expectations(&mut self, commit: &Commit) -> Result<(), Refusal> {
        for (at, expect) in commit.expects.iter().enumerate() {
            let is_met = match expect {
                Expect::Version(name, version) => {
                    change::is_met(*version, self.current(commit.tenant, name)?.as_ref())
                }
                Expect::Matches(selection, names) => {
                    let engine = Direct::new(self.connection);
                    let place = self.shared.place(commit.tenant);
                    let found = at_once(find::names(&engine, &place, selection))?;
                    found.iter().collect::<BTreeSet<_>>() == names.iter().collect()
                }
            };
            if !is_met {
                return Err(CommitError::Expectation(at).into());
            }
        }
        Ok(())
    }

    fn current(&mut self, tenant: Tenant, name: &Name) -> rusqlite::Result<Option<Current>> {
        let reference = reference_hash(&name.kind, &name.id);
        let row =
            self.statements.current.query_row(params![tenant.0, reference, name.kind, name.id], |row| {
                let version: i64 = row.get(2)?;
                let version = u64::try_from(version).unwrap_or(0);
                Ok(Current { part: row.get(0)?, rid: row.get(1)?, version, keys: row.get(3)? })
            });
        row.optional()
    }
}

fn only(answers: Vec<Result<Committed, CommitError>>) -> Result<Committed, CommitError> {
    answers.into_iter().next().unwrap_or(Err(StoreError::Closed.into()))
}

/// The number that a statement gives.
fn number(rows: &[Vec<Cell>]) -> Option<i64> {
    match rows.first()?.first()? {
        Cell::Number(number) => Some(*number),
        Cell::Null | Cell::Text(_) | Cell::Bytes(_) => None,
    }
}

/// All that the writer ever says about resources and logs, prepared once.
struct Statements<'c> {
    current: Statement<'c>,
    directory: Statement<'c>,
    create: Statement<'c>,
    archive: Statement<'c>,
    update: Statement<'c>,
    change: Statement<'c>,
    note: Statement<'c>,
    person: Statement<'c>,
    list_run: Statement<'c>,
    head: Statement<'c>,
    keep_head: Statement<'c>,
    seq: Statement<'c>,
    add_hash: Statement<'c>,
    add_range: Statement<'c>,
    add_text: Statement<'c>,
    remove_hash: Statement<'c>,
    remove_range: Statement<'c>,
    remove_text: Statement<'c>,
    /// What moves a resource to another partition.
    moves: [Statement<'c>; 2],
}

impl<'c> Statements<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| connection.prepare(sql);
        Ok(Self {
            current: prepare(
                "SELECT r.part, r.rid, r.version, r.keys FROM directory d CROSS JOIN resource r ON r.rid = d.rid \
                 WHERE d.tenant = ?1 AND d.reference = ?2 AND d.kind = ?3 AND d.id = ?4",
            )?,
            directory: prepare(
                "INSERT INTO directory (tenant, reference, kind, id, part, rid) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 ON CONFLICT DO UPDATE SET part = excluded.part",
            )?,
            create: prepare(
                "INSERT INTO resource (rid, part, kind, id, version, updated, method, seq, reference, sum, client, \
                 slots, keys, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?,
            archive: prepare(
                "INSERT INTO version (part, rid, version, updated, method, seq, sum, client, document) \
                 SELECT part, rid, version, updated, method, seq, sum, client, document FROM resource WHERE rid = ?1",
            )?,
            update: prepare(
                "UPDATE resource SET part = ?2, version = ?3, updated = ?4, method = ?5, seq = ?6, sum = ?7, \
                 client = ?8, slots = ?9, keys = ?10, document = ?11 WHERE rid = ?1",
            )?,
            change: prepare(
                "INSERT INTO change (seq, tenant, kind, part, rid, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            note: prepare(
                "INSERT INTO note (tenant, log, place, time, entry, sum, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            person: prepare(
                "INSERT INTO person (tenant, log, place, client, salt, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            list_run: prepare(&notes::list_run())?,
            head: prepare("SELECT size, hash FROM chain WHERE tenant = ?1 AND log = ?2")?,
            keep_head: prepare(
                "INSERT INTO chain (tenant, log, size, hash) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET size = excluded.size, hash = excluded.hash",
            )?,
            seq: prepare("UPDATE setting SET value = ?1 WHERE name = 'seq'")?,
            add_hash: prepare("INSERT INTO hash_key (part, slot, hash, rid) VALUES (?1, ?2, ?3, ?4)")?,
            add_range: prepare(
                "INSERT INTO range_key (part, slot, unit, low, high, rid) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            add_text: prepare("INSERT INTO text_key (part, slot, text, rid) VALUES (?1, ?2, ?3, ?4)")?,
            remove_hash: prepare(
                "DELETE FROM hash_key WHERE part = ?1 AND slot = ?2 AND hash = ?3 AND rid = ?4",
            )?,
            remove_range: prepare(
                "DELETE FROM range_key WHERE part = ?1 AND slot = ?2 AND unit = ?3 AND low = ?4 AND high = ?5 \
                 AND rid = ?6",
            )?,
            remove_text: prepare(
                "DELETE FROM text_key WHERE part = ?1 AND slot = ?2 AND text = ?3 AND rid = ?4",
            )?,
            moves: [
                prepare(
                    "UPDATE change SET part = ?1 WHERE seq IN (SELECT seq FROM version WHERE part = ?2 AND rid = ?3)",
                )?,
                prepare("UPDATE version SET part = ?1 WHERE part = ?2 AND rid = ?3")?,
            ],
        })
    }

    fn write(&mut self, change: &Change) -> rusqlite::Result<()> {
        if change.before.is_none() {
            self.create(change)?;
        } else {
            self.update(change)?;
        }
        for key in &change.removed {
            let part = change.before.map_or(change.part, |(part, _)| part);
            match key {
                Key::Hash { slot, hash } => self.remove_hash.execute(params![part, slot.0, hash, change.rid]),
                Key::Range { slot, unit, low, high } => {
                    self.remove_range.execute(params![part, slot.0, unit, low, high, change.rid])
                }
                Key::Text { slot, text } => self.remove_text.execute(params![part, slot.0, text, change.rid]),
            }?;
        }
        for key in &change.added {
            match key {
                Key::Hash { slot, hash } => {
                    self.add_hash.execute(params![change.part, slot.0, hash, change.rid])
                }
                Key::Range { slot, unit, low, high } => {
                    self.add_range.execute(params![change.part, slot.0, unit, low, high, change.rid])
                }
                Key::Text { slot, text } => {
                    self.add_text.execute(params![change.part, slot.0, text, change.rid])
                }
            }?;
        }
        let version = version_number(change.write.version);
        let kind = &change.write.name.kind;
        self.change.execute(params![change.seq, change.tenant.0, kind, change.part, change.rid, version])?;
        Ok(())
    }

    fn list(&mut self, change: &Change) -> rusqlite::Result<()> {
        let name = &change.write.name;
        self.directory.execute(params![
            change.tenant.0,
            change.reference,
            name.kind,
            name.id,
            change.part,
            change.rid
        ])?;
        Ok(())
    }

    fn create(&mut self, change: &Change) -> rusqlite::Result<()> {
        let write = change.write;
        let name = &write.name;
        self.list(change)?;
        self.create.execute(params![
            change.rid,
            change.part,
            name.kind,
            name.id,
            version_number(write.version),
            write.updated,
            method_number(write.method),
            change.seq,
            change.reference,
            change.sum,
            write.client,
            change.slots,
            change.keys,
            write.document.as_deref()
        ])?;
        Ok(())
    }

    fn update(&mut self, change: &Change) -> rusqlite::Result<()> {
        let write = change.write;
        self.archive.execute([change.rid])?;
        if let Some(left) = change.left() {
            for statement in &mut self.moves {
                statement.execute([change.part, left, change.rid])?;
            }
            self.list(change)?;
        }
        self.update.execute(params![
            change.rid,
            change.part,
            version_number(write.version),
            write.updated,
            method_number(write.method),
            change.seq,
            change.sum,
            write.client,
            change.slots,
            change.keys,
            write.document.as_deref()
        ])?;
        Ok(())
    }

    /// Where a chain ends.
    fn head(&mut self, tenant: Tenant, log: &str) -> rusqlite::Result<Head> {
        let kept = self.head.query_row(params![tenant.0, log], |row| {
            let size: i64 = row.get(0)?;
            Ok((u64::try_from(size).unwrap_or(0), row.get(1)?))
        });
        let kept: Option<(u64, Hash)> = kept.optional()?;
        Ok(match kept {
            Some((size, hash)) => Head { tenant, log: log.to_owned(), size, hash },
            None => Head::empty(tenant, log),
        })
    }

    fn keep_head(&mut self, head: &Head) -> rusqlite::Result<()> {
        let size = version_number(head.size);
        self.keep_head.execute(params![head.tenant.0, head.log, size, head.hash])?;
        Ok(())
    }

    /// Writes an entry, behind which its chain ends so.
    fn note(&mut self, note: &Note, sum: Option<&Hash>, head: &Head) -> rusqlite::Result<()> {
        let (tenant, place) = (head.tenant.0, version_number(head.size));
        let entry = &*note.entry;
        self.note.execute(params![tenant, note.log, place, note.time, entry, sum, head.hash])?;
        if let Some(person) = &note.person {
            let (salt, value) = (&person.salt, &*person.value);
            self.person.execute(params![tenant, note.log, place, person.client, salt, value])?;
        }
        if let Some(run) = notes::full_run(place) {
            self.list_run.execute(params![run, tenant, note.log])?;
        }
        Ok(())
    }
}
