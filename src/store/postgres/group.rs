//! One transaction for several commits: what they are about is read at once, and what they change is sent at once, as
//! arrays, one statement for each table.

use super::link::{Link, failed};
use super::log::Log;
use crate::search::{Key, reference_hash};
use crate::store::change::{self, Change, Current};
use crate::store::compile::{Dialect, Place};
use crate::store::find::Engine;
use crate::store::queue::{self, Cell, Said};
use crate::store::row::{method_number, version_number};
use crate::store::schema::Partitions;
use crate::store::{
    Accepted, Commit, CommitError, Committed, Expect, Name, QueueChange, StoreError, Tenant, find,
};
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::types::ToSql;

pub(super) type Answers = Vec<Result<Committed, CommitError>>;

/// Takes the newest place in the change log for this transaction, and says its number.
const LOCK: &str =
    "SELECT value, pg_current_xact_id()::text::bigint FROM setting WHERE name = 'seq' FOR UPDATE";
const UNLOCK: &str = "UPDATE setting SET value = $1 WHERE name = 'seq'";
const CURRENT: &str = "SELECT n.place, r.part, r.rid, r.version, r.keys \
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY AS n (tenant, reference, kind, id, place) \
    JOIN directory d ON d.tenant = n.tenant AND d.reference = n.reference AND d.kind = n.kind AND d.id = n.id \
    JOIN resource r ON r.part = d.part AND r.rid = d.rid";
const DIRECTORY: &str = "INSERT INTO directory (tenant, reference, kind, id, part, rid) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) \
    ON CONFLICT (tenant, reference, kind, id) DO UPDATE SET part = excluded.part";
const CREATE: &str = "INSERT INTO resource (part, rid, reference, kind, id, version, updated, method, seq, sum, \
    client, slots, keys, document) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], \
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bytea[], $14::bytea[])";
const ARCHIVE: &str = "INSERT INTO version (part, rid, version, updated, method, seq, sum, client, document) \
    SELECT r.part, r.rid, r.version, r.updated, r.method, r.seq, r.sum, r.client, r.document \
    FROM unnest($1::bigint[], $2::bigint[]) AS n (part, rid) JOIN resource r ON r.part = n.part AND r.rid = n.rid";
const UPDATE: &str = "UPDATE resource r SET part = n.part, version = n.version, updated = n.updated, \
    method = n.method, seq = n.seq, sum = n.sum, client = n.client, slots = n.slots, keys = n.keys, \
    document = n.document \
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], \
    $8::bigint[], $9::text[], $10::text[], $11::bytea[], $12::bytea[]) \
    AS n (before, part, rid, version, updated, method, seq, sum, client, slots, keys, document) \
    WHERE r.part = n.before AND r.rid = n.rid";
const CHANGE: &str = "INSERT INTO change (seq, tenant, kind, part, rid, version) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])";
const ADD_HASH: &str = "INSERT INTO hash_key (part, rid, slot, hash) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])";
const REMOVE_HASH: &str = "DELETE FROM hash_key k USING unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) \
    AS n (part, rid, slot, hash) WHERE k.part = n.part AND k.slot = n.slot AND k.hash = n.hash AND k.rid = n.rid";
const ADD_RANGE: &str = "INSERT INTO range_key (part, rid, slot, unit, low, high) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])";
const REMOVE_RANGE: &str = "DELETE FROM range_key k \
    USING unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) \
    AS n (part, rid, slot, unit, low, high) \
    WHERE k.part = n.part AND k.slot = n.slot AND k.unit = n.unit AND k.low = n.low AND k.high = n.high AND k.rid = n.rid";
const ADD_TEXT: &str = "INSERT INTO text_key (part, rid, slot, text) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])";
const REMOVE_TEXT: &str = "DELETE FROM text_key k USING unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) \
    AS n (part, rid, slot, text) WHERE k.part = n.part AND k.slot = n.slot AND k.text = n.text AND k.rid = n.rid";
/// What moves a resource from one partition to another, before its newest version is written.
const MOVES: [&str; 2] = [
    "UPDATE change SET part = $1 WHERE seq IN (SELECT seq FROM version WHERE part = $2 AND rid = $3)",
    "UPDATE version SET part = $1 WHERE part = $2 AND rid = $3",
];

/// Why a commit was not applied.
enum Refusal {
    /// It is refused; nothing of it was written.
    Commit(CommitError),
    /// The engine failed: all of the transaction is undone.
    Engine(StoreError),
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

pub(super) struct Group<'l, 'c> {
    link: &'l Link,
    partitions: Partitions,
    /// The newest place in the change log.
    seq: i64,
    /// Number of the transaction, by which its fate can be asked later.
    pub(super) xid: i64,
    /// True from when the database may have committed.
    pub(super) is_committing: bool,
    pub(super) answers: Answers,
    current: HashMap<(Tenant, &'c Name), Option<Current>>,
    /// What is not sent yet; of one resource at most one.
    pending: Vec<Change<'c>>,
    log: Log<'c>,
}

impl<'l, 'c> Group<'l, 'c> {
    pub(super) fn new(link: &'l Link, partitions: Partitions) -> Self {
        Self {
            link,
            partitions,
            seq: 0,
            xid: 0,
            is_committing: false,
            answers: Vec::new(),
            current: HashMap::new(),
            pending: Vec::new(),
            log: Log::default(),
        }
    }

    /// Writes all commits that are not refused.
    ///
    /// # Errors
    ///
    /// Where the engine failed; then nothing is written, or `is_committing` says that nobody knows.
    pub(super) async fn write(&mut self, commits: &[&'c Commit]) -> Result<(), StoreError> {
        self.link.client.batch_execute("BEGIN").await.map_err(|error| failed(&error))?;
        let statement = self.link.prepare(LOCK).await?;
        let row = self.link.client.query_one(&statement, &[]).await.map_err(|error| failed(&error))?;
        self.seq = row.try_get(0).map_err(|error| failed(&error))?;
        self.xid = row.try_get(1).map_err(|error| failed(&error))?;
        self.load(commits).await?;
        self.log.load(self.link, commits).await?;
        for commit in commits {
            match self.apply(commit).await {
                Ok(accepted) => self.answers.push(Ok(Committed { seq: self.seq, accepted })),
                Err(Refusal::Commit(error)) => self.answers.push(Err(error)),
                Err(Refusal::Engine(error)) => return Err(error),
            }
        }
        self.flush().await?;
        self.log.write(self.link).await?;
        self.send(UNLOCK, &[&self.seq]).await?;
        self.is_committing = true;
        self.link.client.batch_execute("COMMIT").await.map_err(|error| failed(&error))
    }

    /// Reads the newest version of all that the commits name.
    async fn load(&mut self, commits: &[&'c Commit]) -> Result<(), StoreError> {
        let names: Vec<(Tenant, &Name)> = commits
            .iter()
            .flat_map(|commit| change::names_of(commit).map(|name| (commit.tenant, name)))
            .collect();
        self.current = names.iter().map(|name| (*name, None)).collect();
        let tenants: Vec<i64> = names.iter().map(|(tenant, _)| i64::from(tenant.0)).collect();
        let references: Vec<i64> =
            names.iter().map(|(_, name)| reference_hash(&name.kind, &name.id)).collect();
        let kinds: Vec<&str> = names.iter().map(|(_, name)| name.kind.as_str()).collect();
        let ids: Vec<&str> = names.iter().map(|(_, name)| name.id.as_str()).collect();
        let statement = self.link.prepare(CURRENT).await?;
        let rows = self.link.client.query(&statement, &[&tenants, &references, &kinds, &ids]).await;
        for row in rows.map_err(|error| failed(&error))? {
            let (place, current) = current(&row).map_err(|error| failed(&error))?;
            let place = usize::try_from(place).ok().and_then(|place| names.get(place.checked_sub(1)?));
            if let Some(name) = place {
                self.current.insert(*name, Some(current));
            }
        }
        Ok(())
    }

    async fn apply(&mut self, commit: &'c Commit) -> Result<Vec<Accepted>, Refusal> {
        change::check(commit)?;
        for (at, expect) in commit.expects.iter().enumerate() {
            let is_met = match expect {
                Expect::Version(name, version) => change::is_met(*version, self.newest(commit.tenant, name)),
                Expect::Matches(selection, names) => {
                    // What came before in this group counts as written.
                    self.flush().await.map_err(Refusal::Engine)?;
                    let place = Place {
                        dialect: Dialect::Postgres,
                        tenant: commit.tenant,
                        partitions: self.partitions,
                    };
                    let found =
                        find::names(self.link, &place, selection).await.map_err(|error| match error {
                            StoreError::Limit(_) => Refusal::Commit(error.into()),
                            error => Refusal::Engine(error),
                        })?;
                    found.iter().collect::<BTreeSet<_>>() == names.iter().collect()
                }
            };
            if !is_met {
                return Err(CommitError::Expectation(at).into());
            }
        }
        let mut seq = self.seq;
        let mut changes = Vec::with_capacity(commit.writes.len());
        for (at, write) in commit.writes.iter().enumerate() {
            seq += 1;
            let current = self.newest(commit.tenant, &write.name);
            let change = change::plan(write, commit.tenant, self.partitions, seq, current);
            changes.push(change.map_err(Refusal::Engine)?.ok_or(CommitError::Stale(at))?);
        }
        self.check_queue(commit).await?;
        let is_pending = |change: &Change| {
            self.pending.iter().any(|other| other.rid == change.rid && other.tenant == change.tenant)
        };
        if changes.iter().any(is_pending) {
            self.flush().await.map_err(Refusal::Engine)?;
        }
        for change in changes {
            self.current.insert((commit.tenant, &change.write.name), Some(change.current()));
            self.pending.push(change);
        }
        for note in &commit.notes {
            self.log.add(commit.tenant, note);
        }
        let accepted = self.write_queue(commit).await.map_err(Refusal::Engine)?;
        self.seq = seq;
        Ok(accepted)
    }

    /// Looks whether all that changes in the queues is still possible.
    async fn check_queue(&self, commit: &Commit) -> Result<(), Refusal> {
        for (at, change) in commit.queue.iter().enumerate() {
            if let Some(said) = queue::check(change, commit.tenant)
                && self.link.cells(&said).await.map_err(Refusal::Engine)?.is_empty()
            {
                return Err(CommitError::Queue(at).into());
            }
        }
        Ok(())
    }

    /// Changes the queues; what was put in is told.
    async fn write_queue(&self, commit: &Commit) -> Result<Vec<Accepted>, StoreError> {
        let mut accepted = Vec::new();
        for change in &commit.queue {
            let said = queue::write(change, commit.tenant);
            let QueueChange::Put(new) = change else {
                self.link.cells(&said).await?;
                continue;
            };
            let known = self.number(&queue::key_of(new)).await?;
            let given = match known {
                Some(_) => known,
                None => self.number(&said).await?,
            };
            accepted.extend(given.map(|number| Accepted { number, is_new: known.is_none() }));
        }
        Ok(accepted)
    }

    /// The number that a statement gives.
    async fn number(&self, said: &Said) -> Result<Option<i64>, StoreError> {
        let rows = self.link.cells(said).await?;
        Ok(rows.first().and_then(|row| row.first()).and_then(|cell| match cell {
            Cell::Number(number) => Some(*number),
            Cell::Null | Cell::Text(_) | Cell::Bytes(_) => None,
        }))
    }

    fn newest(&self, tenant: Tenant, name: &'c Name) -> Option<&Current> {
        self.current.get(&(tenant, name)).and_then(Option::as_ref)
    }

    /// Sends what is pending.
    async fn flush(&mut self) -> Result<(), StoreError> {
        let changes = std::mem::take(&mut self.pending);
        let (updates, creates): (Vec<&Change>, Vec<&Change>) =
            changes.iter().partition(|change| change.before.is_some());
        if !updates.is_empty() {
            self.update(&updates).await?;
        }
        if !creates.is_empty() {
            self.list(&creates).await?;
            self.create(&creates).await?;
        }
        if !changes.is_empty() {
            self.keys(&changes).await?;
            self.log(&changes).await?;
        }
        Ok(())
    }

    async fn update(&self, changes: &[&Change<'_>]) -> Result<(), StoreError> {
        let before = column(changes, |change| change.before.map_or(change.part, |(part, _)| part));
        let rids = column(changes, |change| change.rid);
        self.send(ARCHIVE, &[&before, &rids]).await?;
        for change in changes {
            if let Some(left) = change.left() {
                for sql in MOVES {
                    self.send(sql, &[&change.part, &left, &change.rid]).await?;
                }
                self.list(&[change]).await?;
            }
        }
        self.send(
            UPDATE,
            &[
                &before,
                &column(changes, |change| change.part),
                &rids,
                &column(changes, |change| version_number(change.write.version)),
                &column(changes, |change| change.write.updated),
                &column(changes, |change| method_number(change.write.method)),
                &column(changes, |change| change.seq),
                &column(changes, |change| change.sum),
                &column(changes, |change| change.write.client.as_deref()),
                &column(changes, |change| change.slots.as_str()),
                &column(changes, |change| change.keys.as_slice()),
                &column(changes, |change| change.write.document.as_deref()),
            ],
        )
        .await
    }

    async fn list(&self, changes: &[&Change<'_>]) -> Result<(), StoreError> {
        self.send(
            DIRECTORY,
            &[
                &column(changes, |change| i64::from(change.tenant.0)),
                &column(changes, |change| change.reference),
                &column(changes, |change| change.write.name.kind.as_str()),
                &column(changes, |change| change.write.name.id.as_str()),
                &column(changes, |change| change.part),
                &column(changes, |change| change.rid),
            ],
        )
        .await
    }

    async fn create(&self, changes: &[&Change<'_>]) -> Result<(), StoreError> {
        self.send(
            CREATE,
            &[
                &column(changes, |change| change.part),
                &column(changes, |change| change.rid),
                &column(changes, |change| change.reference),
                &column(changes, |change| change.write.name.kind.as_str()),
                &column(changes, |change| change.write.name.id.as_str()),
                &column(changes, |change| version_number(change.write.version)),
                &column(changes, |change| change.write.updated),
                &column(changes, |change| method_number(change.write.method)),
                &column(changes, |change| change.seq),
                &column(changes, |change| change.sum),
                &column(changes, |change| change.write.client.as_deref()),
                &column(changes, |change| change.slots.as_str()),
                &column(changes, |change| change.keys.as_slice()),
                &column(changes, |change| change.write.document.as_deref()),
            ],
        )
        .await
    }

    async fn keys(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let mut removed = Columns::default();
        let mut added = Columns::default();
        for change in changes {
            let before = change.before.map_or(change.part, |(part, _)| part);
            change.removed.iter().for_each(|key| removed.push(before, change.rid, key));
            change.added.iter().for_each(|key| added.push(change.part, change.rid, key));
        }
        self.each(&removed, [REMOVE_HASH, REMOVE_RANGE, REMOVE_TEXT]).await?;
        self.each(&added, [ADD_HASH, ADD_RANGE, ADD_TEXT]).await
    }

    async fn each(&self, keys: &Columns<'_>, [hash, range, text]: [&str; 3]) -> Result<(), StoreError> {
        let Columns { hashes, ranges, texts } = keys;
        if !hashes.0.is_empty() {
            self.send(hash, &[&hashes.0, &hashes.1, &hashes.2, &hashes.3]).await?;
        }
        if !ranges.0.is_empty() {
            self.send(range, &[&ranges.0, &ranges.1, &ranges.2, &ranges.3, &ranges.4, &ranges.5]).await?;
        }
        if !texts.0.is_empty() {
            self.send(text, &[&texts.0, &texts.1, &texts.2, &texts.3]).await?;
        }
        Ok(())
    }

    async fn log(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let changes: Vec<&Change> = changes.iter().collect();
        self.send(
            CHANGE,
            &[
                &column(&changes, |change| change.seq),
                &column(&changes, |change| i64::from(change.tenant.0)),
                &column(&changes, |change| change.write.name.kind.as_str()),
                &column(&changes, |change| change.part),
                &column(&changes, |change| change.rid),
                &column(&changes, |change| version_number(change.write.version)),
            ],
        )
        .await
    }

    async fn send(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), StoreError> {
        self.link.send(sql, values).await
    }
}

/// One column of some changes.
fn column<'a, T>(changes: &[&'a Change<'_>], value: impl Fn(&'a Change<'_>) -> T) -> Vec<T> {
    changes.iter().map(|change| value(change)).collect()
}

fn current(row: &tokio_postgres::Row) -> Result<(i64, Current), tokio_postgres::Error> {
    let version: i64 = row.try_get(3)?;
    let version = u64::try_from(version).unwrap_or(0);
    let current = Current { part: row.try_get(1)?, rid: row.try_get(2)?, version, keys: row.try_get(4)? };
    Ok((row.try_get(0)?, current))
}

type Numbers = Vec<i64>;

/// Keys as columns: partition, resource, slot, and what each kind has.
#[derive(Default)]
struct Columns<'a> {
    hashes: (Numbers, Numbers, Numbers, Numbers),
    ranges: (Numbers, Numbers, Numbers, Numbers, Numbers, Numbers),
    texts: (Numbers, Numbers, Numbers, Vec<&'a str>),
}

impl<'a> Columns<'a> {
    fn push(&mut self, part: i64, rid: i64, key: &'a Key) {
        let slot = i64::from(key.slot().0);
        match key {
            Key::Hash { hash, .. } => {
                self.hashes.0.push(part);
                self.hashes.1.push(rid);
                self.hashes.2.push(slot);
                self.hashes.3.push(*hash);
            }
            Key::Range { unit, low, high, .. } => {
                self.ranges.0.push(part);
                self.ranges.1.push(rid);
                self.ranges.2.push(slot);
                self.ranges.3.push(*unit);
                self.ranges.4.push(*low);
                self.ranges.5.push(*high);
            }
            Key::Text { text, .. } => {
                self.texts.0.push(part);
                self.texts.1.push(rid);
                self.texts.2.push(slot);
                self.texts.3.push(text);
            }
        }
    }
}
