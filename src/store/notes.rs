//! Reading logs, as statements for both engines.

use super::compile::{Builder, Place, Sql};
use super::find::Engine;
use super::{Fault, Flaw, Head, LINES_MAX, NoteQuery, Noted, Start, StoreError};

/// The columns of a [`Noted`], of the entry `n` and its personal values `p`.
const COLUMNS: &str = "n.tenant, n.log, n.place, n.time, n.entry, n.sum, n.hash, p.client, p.salt, p.value";
const PERSON: &str = "person p ON p.tenant = n.tenant AND p.log = n.log AND p.place = n.place";

/// Entries of a log.
///
/// # Errors
///
/// See [`StoreError`].
pub(super) async fn notes<E: Engine + ?Sized>(
    engine: &E,
    place: &Place,
    query: &NoteQuery,
) -> Result<Vec<Noted>, StoreError> {
    engine.noted(&page(place, query)).await
}

fn page(place: &Place, query: &NoteQuery) -> Sql {
    let mut sql = Builder::new(place);
    let by = if query.client.is_some() { "p" } else { "n" };
    sql.add("SELECT ").add(COLUMNS);
    if query.client.is_some() {
        let join = sql.join();
        sql.add(" FROM person p").add(join);
        sql.add("note n ON n.tenant = p.tenant AND n.log = p.log AND n.place = p.place");
    } else {
        sql.add(" FROM note n LEFT JOIN ").add(PERSON);
    }
    sql.add(" WHERE ").add(by).add(".tenant = ");
    sql.number(i64::from(query.tenant.0));
    sql.add(" AND ").add(by).add(".log = ");
    sql.text(&query.log);
    if let Some(client) = query.client {
        sql.add(" AND p.client = ");
        sql.number(client);
    }
    if let Some(from) = query.from {
        sql.add(" AND n.time >= ");
        sql.number(from);
    }
    if let Some(until) = query.until {
        sql.add(" AND n.time <= ");
        sql.number(until);
    }
    let (limit, sign, order) = match query.start {
        Start::After(place) => (Some(place), " > ", " ASC"),
        Start::Before(place) => (place, " < ", " DESC"),
    };
    if let Some(limit) = limit {
        sql.add(" AND ").add(by).add(".place").add(sign);
        sql.number(i64::try_from(limit).unwrap_or(i64::MAX));
    }
    sql.add(" ORDER BY ").add(by).add(".place").add(order).add(" LIMIT ");
    sql.number(i64::try_from(query.count.min(LINES_MAX)).unwrap_or(i64::MAX));
    sql.done()
}

/// Where the chains end.
///
/// # Errors
///
/// See [`StoreError`].
pub(super) async fn heads<E: Engine + ?Sized>(engine: &E, place: &Place) -> Result<Vec<Head>, StoreError> {
    let mut sql = Builder::new(place);
    let (bytes, none) = (sql.no_bytes(), sql.no_document());
    sql.add("SELECT c.tenant, c.log, c.size, CAST(0 AS BIGINT), ").add(bytes).add(", ").add(none);
    sql.add(", c.hash, CAST(NULL AS BIGINT), ")
        .add(none)
        .add(", ")
        .add(none)
        .add(" FROM chain c ORDER BY c.tenant, c.log");
    let rows = engine.noted(&sql.done()).await?;
    let head = |row: Noted| Head { tenant: row.tenant, log: row.log, size: row.place, hash: row.hash };
    Ok(rows.into_iter().map(head).collect())
}

/// The first row that no chain reaches: behind the end or before the start of its chain, of a log that has none, or
/// personal values of no entry.
///
/// # Errors
///
/// See [`StoreError`].
pub(super) async fn stray<E: Engine + ?Sized>(
    engine: &E,
    place: &Place,
) -> Result<Option<Fault>, StoreError> {
    let mut sql = Builder::new(place);
    let (bytes, none) = (sql.no_bytes(), sql.no_document());
    sql.add("SELECT s.tenant, s.log, s.place, CAST(0 AS BIGINT), ")
        .add(bytes)
        .add(", ")
        .add(none)
        .add(", ")
        .add(bytes);
    sql.add(", CAST(NULL AS BIGINT), ")
        .add(none)
        .add(", ")
        .add(none)
        .add(" FROM (SELECT n.tenant, n.log, n.place FROM note n ");
    sql.add("LEFT JOIN chain c ON c.tenant = n.tenant AND c.log = n.log ");
    sql.add("WHERE c.size IS NULL OR n.place < 1 OR n.place > c.size UNION ALL ");
    sql.add("SELECT p.tenant, p.log, p.place FROM person p LEFT JOIN note n ");
    sql.add("ON n.tenant = p.tenant AND n.log = p.log AND n.place = p.place WHERE n.sum IS NULL) s ");
    sql.add("ORDER BY s.tenant, s.log, s.place LIMIT 1");
    let rows = engine.noted(&sql.done()).await?;
    let fault = |row: Noted| Fault { tenant: row.tenant, log: row.log, place: row.place, flaw: Flaw::Stray };
    Ok(rows.into_iter().next().map(fault))
}
