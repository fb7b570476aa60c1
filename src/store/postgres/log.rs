//! Entries of logs in one transaction. Their chains are read and made longer under the row that lets the nodes write
//! one after the other, so that a log has one chain however many nodes write to it.

use super::link::{Link, failed};
use crate::store::chain::{Hash, Head};
use crate::store::row::version_number;
use crate::store::{Commit, Note, Person, StoreError, Tenant, notes};
use std::collections::HashMap;

const HEADS: &str = "SELECT c.tenant, c.log, c.size, c.hash FROM unnest($1::bigint[], $2::text[]) AS n (tenant, log) \
    JOIN chain c ON c.tenant = n.tenant AND c.log = n.log";
const NOTE: &str = "INSERT INTO note (tenant, log, place, time, entry, sum, hash) SELECT * FROM \
    unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[])";
const PERSON: &str = "INSERT INTO person (tenant, log, place, client, salt, value) SELECT * FROM \
    unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[])";
const KEEP_HEAD: &str = "INSERT INTO chain (tenant, log, size, hash) SELECT * FROM \
    unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[]) \
    ON CONFLICT (tenant, log) DO UPDATE SET size = excluded.size, hash = excluded.hash";

/// An entry, and what its chain adds to it.
struct Linked<'c> {
    tenant: i64,
    note: &'c Note,
    place: i64,
    sum: Option<Hash>,
    hash: Hash,
}

/// Entries that are not sent yet, and where their chains end with them.
#[derive(Default)]
pub(super) struct Log<'c> {
    heads: HashMap<(Tenant, &'c str), Head>,
    linked: Vec<Linked<'c>>,
}

impl<'c> Log<'c> {
    /// Reads where the chains end that the commits have entries for.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub(super) async fn load(&mut self, link: &Link, commits: &[&'c Commit]) -> Result<(), StoreError> {
        for commit in commits {
            for note in &commit.notes {
                let key = (commit.tenant, note.log.as_str());
                self.heads.entry(key).or_insert_with(|| Head::empty(commit.tenant, &note.log));
            }
        }
        if self.heads.is_empty() {
            return Ok(());
        }
        let (tenants, logs): (Vec<i64>, Vec<&str>) =
            self.heads.keys().map(|(tenant, log)| (i64::from(tenant.0), *log)).unzip();
        let statement = link.prepare(HEADS).await?;
        let rows = link.client.query(&statement, &[&tenants, &logs]).await;
        for row in rows.map_err(|error| failed(&error))? {
            self.keep(&row).map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    fn keep(&mut self, row: &tokio_postgres::Row) -> Result<(), tokio_postgres::Error> {
        let (tenant, log, size, hash): (i64, &str, i64, &[u8]) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let tenant = u32::try_from(tenant).map(Tenant).unwrap_or_default();
        let kept = self.heads.values_mut().find(|head| head.tenant == tenant && head.log == log);
        if let Some(head) = kept {
            head.size = u64::try_from(size).unwrap_or(0);
            head.hash = hash.try_into().unwrap_or_default();
        }
        Ok(())
    }

    /// Puts an entry behind the last of its chain.
    pub(super) fn add(&mut self, tenant: Tenant, note: &'c Note) {
        let key = (tenant, note.log.as_str());
        let head = self.heads.entry(key).or_insert_with(|| Head::empty(tenant, &note.log));
        let sum = note.person.as_ref().map(Person::sum);
        head.link(note.time, &note.entry, sum.as_ref());
        let (place, hash) = (version_number(head.size), head.hash);
        self.linked.push(Linked { tenant: i64::from(tenant.0), note, place, sum, hash });
    }

    /// Sends all entries, and where their chains end.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub(super) async fn write(&mut self, link: &Link) -> Result<(), StoreError> {
        let linked = std::mem::take(&mut self.linked);
        if linked.is_empty() {
            return Ok(());
        }
        link.send(
            NOTE,
            &[
                &column(&linked, |row| row.tenant),
                &column(&linked, |row| row.note.log.as_str()),
                &column(&linked, |row| row.place),
                &column(&linked, |row| row.note.time),
                &column(&linked, |row| &*row.note.entry),
                &column(&linked, |row| row.sum.as_ref().map(<[u8; 32]>::as_slice)),
                &column(&linked, |row| row.hash.as_slice()),
            ],
        )
        .await?;
        let persons: Vec<(&Linked, &Person)> =
            linked.iter().filter_map(|row| Some((row, row.note.person.as_ref()?))).collect();
        if !persons.is_empty() {
            link.send(
                PERSON,
                &[
                    &column(&persons, |(row, _)| row.tenant),
                    &column(&persons, |(row, _)| row.note.log.as_str()),
                    &column(&persons, |(row, _)| row.place),
                    &column(&persons, |(_, person)| person.client),
                    &column(&persons, |(_, person)| person.salt.as_slice()),
                    &column(&persons, |(_, person)| &*person.value),
                ],
            )
            .await?;
        }
        for row in &linked {
            if let Some(run) = notes::full_run(row.place) {
                link.send(&notes::list_run(), &[&run, &row.tenant, &row.note.log]).await?;
            }
        }
        let heads: Vec<&Head> = self.heads.values().filter(|head| head.size > 0).collect();
        link.send(
            KEEP_HEAD,
            &[
                &column(&heads, |head| i64::from(head.tenant.0)),
                &column(&heads, |head| head.log.as_str()),
                &column(&heads, |head| version_number(head.size)),
                &column(&heads, |head| head.hash.as_slice()),
            ],
        )
        .await
    }
}

/// One column of some rows.
fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
