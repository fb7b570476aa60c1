//! Reading logs, as statements for both engines.

use super::compile::{Builder, Place, Sql};
use super::find::Engine;
use super::{Fault, Flaw, Head, LINES_MAX, NoteQuery, Noted, Start, StoreError};

/// The columns of a [`Noted`], of the entry `n` and its personal values `p`.
const COLUMNS: &str = "n.tenant, n.log, n.place, n.time, n.entry, n.sum, n.hash, p.client, p.salt, p.value";
const PERSON: &str = "person p ON p.tenant = n.tenant AND p.log = n.log AND p.place = n.place";
/// Entries of a run. Their clients are listed once it is full, in the transaction that fills it; those behind the last
/// full run are looked through. Steps between formats name the number too.
const RUN: i64 = 8_192;
/// Runs that are asked about at once.
const RUNS_AT_ONCE: usize = 64;
/// Lists the clients of a full run: number of the run, tenant and log, which both engines number in this order.
pub(super) fn list_run() -> String {
    format!(
        "INSERT INTO listed (tenant, log, run, client, place) \
         SELECT p.tenant, p.log, CAST($1 AS BIGINT), p.client, p.place FROM person p \
         WHERE p.tenant = $2 AND p.log = $3 AND p.place > CAST($1 AS BIGINT) * {RUN} \
         AND p.place <= CAST($1 AS BIGINT) * {RUN} + {RUN} ORDER BY p.client, p.place"
    )
}

/// The run that an entry at this place fills.
pub(super) const fn full_run(place: i64) -> Option<i64> {
    if place % RUN == 0 { Some(place / RUN - 1) } else { None }
}

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
    match query.client {
        None => engine.noted(&page(place, query, Part::Log, query.count)).await,
        Some(client) => of_client(engine, place, query, client).await,
    }
}

/// Where entries are looked for.
#[derive(Clone, Copy)]
enum Part<'r> {
    /// In the whole log.
    Log,
    /// Those of a client in these full runs.
    Runs(i64, &'r [i64]),
    /// Those of a client behind this place.
    Behind(i64, i64),
}

/// Entries about one client, run by run.
async fn of_client<E: Engine + ?Sized>(
    engine: &E,
    place: &Place,
    query: &NoteQuery,
    client: i64,
) -> Result<Vec<Noted>, StoreError> {
    let runs = engine.numbers(&size(place, query)).await?.first().map_or(0, |size| size / RUN);
    let run_of = |place: u64| i64::try_from(place.saturating_sub(1)).unwrap_or(i64::MAX) / RUN;
    let (numbers, is_downwards): (Vec<i64>, bool) = match query.start {
        Start::After(after) => ((run_of(after + 1)..runs).collect(), false),
        Start::Before(before) => {
            let end = before.map_or(runs, |before| runs.min(run_of(before) + 1));
            ((0..end).rev().collect(), true)
        }
    };
    let mut parts: Vec<Part> = numbers.chunks(RUNS_AT_ONCE).map(|runs| Part::Runs(client, runs)).collect();
    let rest = Part::Behind(client, runs * RUN);
    parts.insert(if is_downwards { 0 } else { parts.len() }, rest);
    let count = query.count.min(LINES_MAX);
    let mut found = Vec::new();
    for part in parts {
        let left = count - found.len();
        found.extend(engine.noted(&page(place, query, part, left)).await?);
        if found.len() >= count {
            break;
        }
    }
    Ok(found)
}

/// How many entries a log has.
fn size(place: &Place, query: &NoteQuery) -> Sql {
    let mut sql = Builder::new(place);
    sql.add("SELECT c.size FROM chain c WHERE c.tenant = ");
    sql.number(i64::from(query.tenant.0));
    sql.add(" AND c.log = ");
    sql.text(&query.log);
    sql.done()
}

fn page(place: &Place, query: &NoteQuery, part: Part, count: usize) -> Sql {
    let mut sql = Builder::new(place);
    let join = sql.join();
    sql.add("SELECT ").add(COLUMNS);
    let by = match part {
        Part::Log => {
            sql.add(" FROM note n LEFT JOIN ").add(PERSON);
            "n"
        }
        Part::Behind(..) => {
            sql.add(" FROM person p").add(join);
            sql.add("note n ON n.tenant = p.tenant AND n.log = p.log AND n.place = p.place");
            "p"
        }
        Part::Runs(..) => {
            sql.add(" FROM listed l").add(join);
            sql.add("note n ON n.tenant = l.tenant AND n.log = l.log AND n.place = l.place").add(join);
            sql.add(PERSON).add(" AND p.client = l.client");
            "l"
        }
    };
    sql.add(" WHERE ").add(by).add(".tenant = ");
    sql.number(i64::from(query.tenant.0));
    sql.add(" AND ").add(by).add(".log = ");
    sql.text(&query.log);
    let (client, behind) = match part {
        Part::Log => (None, None),
        Part::Behind(client, behind) => (Some(client), Some(behind)),
        Part::Runs(client, runs) => {
            sql.add(" AND ");
            sql.numbers("l.run", runs);
            (Some(client), None)
        }
    };
    if let Some(client) = client {
        sql.add(" AND ").add(by).add(".client = ");
        sql.number(client);
    }
    if let Some(behind) = behind {
        sql.add(" AND p.place > ");
        sql.number(behind);
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
    sql.number(i64::try_from(count.min(LINES_MAX)).unwrap_or(i64::MAX));
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
/// personal values of no entry; or personal values of a full run that are not listed under their client.
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
    sql.add("SELECT s.tenant, s.log, s.place, s.unlisted, ")
        .add(bytes)
        .add(", ")
        .add(none)
        .add(", ")
        .add(bytes);
    sql.add(", CAST(NULL AS BIGINT), ")
        .add(none)
        .add(", ")
        .add(none)
        .add(" FROM (SELECT n.tenant, n.log, n.place, CAST(0 AS BIGINT) AS unlisted FROM note n ");
    sql.add("LEFT JOIN chain c ON c.tenant = n.tenant AND c.log = n.log ");
    sql.add("WHERE c.size IS NULL OR n.place < 1 OR n.place > c.size UNION ALL ");
    sql.add("SELECT p.tenant, p.log, p.place, CAST(0 AS BIGINT) FROM person p LEFT JOIN note n ");
    sql.add("ON n.tenant = p.tenant AND n.log = p.log AND n.place = p.place WHERE n.sum IS NULL UNION ALL ");
    sql.add("SELECT p.tenant, p.log, p.place, CAST(1 AS BIGINT) FROM chain c");
    let join = sql.join();
    sql.add(join).add("person p ON p.tenant = c.tenant AND p.log = c.log LEFT JOIN listed l ");
    sql.add(&format!("ON l.tenant = p.tenant AND l.log = p.log AND l.run = (p.place - 1) / {RUN} "));
    sql.add("AND l.client = p.client AND l.place = p.place WHERE l.place IS NULL ");
    sql.add(&format!(
        "AND p.place <= c.size / {RUN} * {RUN}) s ORDER BY s.tenant, s.log, s.place, s.unlisted LIMIT 1"
    ));
    let rows = engine.noted(&sql.done()).await?;
    let fault = |row: Noted| {
        let flaw = if row.time == 0 { Flaw::Stray } else { Flaw::Unlisted };
        Fault { tenant: row.tenant, log: row.log, place: row.place, flaw }
    };
    Ok(rows.into_iter().next().map(fault))
}
