//! What was stored when: single versions, histories and the change log, as statements for both engines.

use super::compile::{Builder, Place, RESOURCE_COLUMNS, Sql};
use super::find::Engine;
use super::row::{Row, Value, version_number};
use super::{Change, History, HistoryQuery, LINES_MAX, Name, PAGE_RECORDS_MAX, Scope, StoreError, Tenant};
use crate::search::reference_hash;

/// One page of a history.
///
/// # Errors
///
/// See [`StoreError`].
pub(super) async fn history<E: Engine + ?Sized>(
    engine: &E,
    place: &Place,
    query: &HistoryQuery,
) -> Result<History, StoreError> {
    let count = query.count.min(PAGE_RECORDS_MAX);
    let mut rows = engine.rows(&page(place, query, count + 1)).await?;
    let next = (count > 0 && rows.len() > count).then(|| rows.get(count - 1).map(|row| row.record.seq));
    rows.truncate(count);
    let total = match query.scope {
        Scope::Instance(_) => engine.numbers(&total(place, query)).await?.first().copied(),
        // The whole log would have to be read.
        Scope::System | Scope::Type(_) => None,
    };
    Ok(History {
        records: rows.into_iter().map(|row| row.record).collect(),
        total: total.and_then(|total| u64::try_from(total).ok()),
        next: next.flatten(),
    })
}

/// The change log after a place.
///
/// # Errors
///
/// See [`StoreError`].
pub(super) async fn changes<E: Engine + ?Sized>(
    engine: &E,
    place: &Place,
    after: i64,
    count: usize,
) -> Result<Vec<Change>, StoreError> {
    let mut sql = Builder::new(place);
    sql.add("SELECT r.rid, r.kind, r.id, c.version, 0, COALESCE(v.method, r.method), c.seq, 0, ");
    let (none, no_document, join) = (sql.no_bytes(), sql.no_document(), sql.join());
    sql.add(none).add(", ").add(no_document).add(", NULL, c.tenant FROM change c").add(join);
    sql.add(CHANGED).add(" WHERE c.seq > ");
    sql.number(after);
    sql.add(" ORDER BY c.seq LIMIT ");
    sql.number(i64::try_from(count.min(LINES_MAX)).unwrap_or(i64::MAX));
    let rows = engine.rows(&sql.done()).await?;
    rows.into_iter()
        .map(|row| {
            let tenant = tenant(&row)?;
            let record = &row.record;
            let (seq, version, method) = (record.seq, record.version, record.method);
            Ok(Change { seq, tenant, name: record.name.clone(), version, method })
        })
        .collect()
}

fn tenant(row: &Row) -> Result<Tenant, StoreError> {
    match row.sort.first() {
        Some(Value::Number(number)) => u32::try_from(*number).map(Tenant).map_err(|_| StoreError::Damaged),
        Some(Value::Text(_)) | None => Err(StoreError::Damaged),
    }
}

/// The newest version of a resource, which may be a tombstone.
pub(super) fn newest(place: &Place, name: &Name) -> Sql {
    let mut sql = Builder::new(place);
    sql.add("SELECT ").add(RESOURCE_COLUMNS);
    named(&mut sql, name);
    sql.done()
}

/// One version of a resource.
pub(super) fn version(place: &Place, name: &Name, version: u64) -> Sql {
    let mut sql = Builder::new(place);
    sql.add("SELECT * FROM (");
    versions(&mut sql, name, None);
    sql.add(") h WHERE version = ");
    sql.number(version_number(version));
    sql.done()
}

fn page(place: &Place, query: &HistoryQuery, count: usize) -> Sql {
    let mut sql = Builder::new(place);
    sql.add("SELECT * FROM (");
    entries(&mut sql, query);
    sql.add(") h ORDER BY seq DESC LIMIT ");
    sql.number(i64::try_from(count).unwrap_or(i64::MAX));
    sql.done()
}

fn total(place: &Place, query: &HistoryQuery) -> Sql {
    let mut sql = Builder::new(place);
    sql.add("SELECT count(*) FROM (");
    entries(&mut sql, &HistoryQuery { before: None, ..query.clone() });
    sql.add(") h");
    sql.done()
}

/// The resource of a line of the change log, and the version where it is not the newest.
const CHANGED: &str = "resource r ON r.part = c.part AND r.rid = c.rid \
    LEFT JOIN version v ON v.part = c.part AND v.rid = c.rid AND v.version = c.version";

fn entries(sql: &mut Builder, query: &HistoryQuery) {
    let kind = match &query.scope {
        Scope::Instance(name) => return versions(sql, name, Some(query)),
        Scope::Type(kind) => Some(kind),
        Scope::System => None,
    };
    let (none, join) = (sql.no_bytes(), sql.join());
    sql.add("SELECT r.rid, r.kind, r.id, c.version, COALESCE(v.updated, r.updated) AS updated, ")
        .add("COALESCE(v.method, r.method) AS method, c.seq AS seq, COALESCE(v.sum, r.sum) AS sum, ")
        .add(none)
        .add(" AS keys, CASE WHEN v.rid IS NULL THEN r.document ELSE v.document END AS document, ")
        .add("CASE WHEN v.rid IS NULL THEN r.client ELSE v.client END AS client ")
        .add("FROM change c")
        .add(join)
        .add(CHANGED)
        .add(" WHERE c.tenant = ");
    sql.number(i64::from(sql.place.tenant.0));
    if let Some(kind) = kind {
        sql.add(" AND c.kind = ");
        sql.text(kind);
    }
    if let Some(before) = query.before {
        sql.add(" AND c.seq < ");
        sql.number(before);
    }
    times(sql, query, "c.version", "COALESCE(v.updated, r.updated)");
}

/// ` FROM` and `WHERE` of one resource.
fn named(sql: &mut Builder, name: &Name) {
    let join = sql.join();
    sql.add(" FROM directory d")
        .add(join)
        .add("resource r ON r.rid = d.rid AND r.part = d.part WHERE d.tenant = ");
    identity(sql, name);
}

fn identity(sql: &mut Builder, name: &Name) {
    sql.number(i64::from(sql.place.tenant.0));
    sql.add(" AND d.reference = ");
    sql.number(reference_hash(&name.kind, &name.id));
    sql.add(" AND d.kind = ");
    sql.text(&name.kind);
    sql.add(" AND d.id = ");
    sql.text(&name.id);
}

/// All versions of one resource: the newest, and those before.
fn versions(sql: &mut Builder, name: &Name, query: Option<&HistoryQuery>) {
    let (none, join) = (sql.no_bytes(), sql.join());
    for (table, is_past) in [("r", false), ("v", true)] {
        if is_past {
            sql.add(" UNION ALL ");
        }
        sql.add("SELECT r.rid, r.kind, r.id");
        for column in ["version", "updated", "method", "seq", "sum"] {
            sql.add(", ").add(table).add(".").add(column);
        }
        sql.add(", ").add(none).add(" AS keys, ").add(table).add(".document, ").add(table).add(".client");
        if is_past {
            sql.add(" FROM directory d").add(join).add("resource r ON r.rid = d.rid AND r.part = d.part");
            sql.add(join).add("version v ON v.part = r.part AND v.rid = r.rid WHERE d.tenant = ");
            identity(sql, name);
        } else {
            named(sql, name);
        }
        let Some(query) = query else { continue };
        if let Some(before) = query.before {
            sql.add(" AND ").add(table).add(".seq < ");
            sql.number(before);
        }
        times(sql, query, &format!("{table}.version"), &format!("{table}.updated"));
    }
}

fn times(sql: &mut Builder, query: &HistoryQuery, version: &str, updated: &str) {
    if let Some(since) = query.since {
        sql.add(" AND ").add(updated).add(" >= ");
        sql.number(since);
    }
    // A version is current until the next is made.
    if let Some((from, to)) = query.at {
        sql.add(" AND ").add(updated).add(" <= ");
        sql.number(to);
        sql.add(&format!(" AND ({version} = r.version OR COALESCE((SELECT n.updated FROM version n ")).add(
            &format!("WHERE n.part = r.part AND n.rid = r.rid AND n.version = {version} + 1), r.updated) > "),
        );
        sql.number(from);
        sql.add(")");
    }
}
