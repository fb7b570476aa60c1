//! How a search is answered, over either engine: what is nested and must be exact is resolved first, the clause that
//! fewest resources pass is scanned, documents decide where keys cannot, and what is included follows.

use super::compile::{Columns, Driver, Page, Place, Sql, conjuncts, is_ordered, is_scannable};
use super::queue::{Cell, Said};
use super::row::{Row, Value};
use super::{
    Found, INCLUDED_RECORDS_MAX, Name, Noted, PAGE_RECORDS, PAGE_RECORDS_MAX, Record, StoreError, keys,
};
use crate::schema::sha256::to_hex;
use crate::search::{
    Clause, Cursor, Exact, Include, Key, Search, Selection, Slot, Sort, Total, reference_hash,
};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

/// Entries that are counted of an index before the next clause is tried, and how far in the end.
const PROBES: [usize; 3] = [64, 2_048, 65_536];
/// Resources of a selection inside a clause that are looked through one by one.
const NESTED_MAX: usize = 10_000;
/// Candidates that are read at a time where documents decide.
const EXACT_CHUNK: usize = 500;
/// Values of one list in a statement.
const LIST_MAX: usize = 500;
/// Selections inside clauses whose documents decide, in one search.
const EXACT_NESTED_MAX: usize = 64;

/// What a search asks of an engine.
pub(super) trait Engine {
    /// The rows of a query with the columns of `row::Parts` and those that it is sorted by.
    fn rows(&self, sql: &Sql) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// The first column of a query.
    fn numbers(&self, sql: &Sql) -> impl Future<Output = Result<Vec<i64>, StoreError>> + Send;

    /// The rows of a query with the columns of entries of a log.
    fn noted(&self, sql: &Sql) -> impl Future<Output = Result<Vec<Noted>, StoreError>> + Send;

    /// The rows of a statement about the queues.
    fn cells(&self, said: &Said) -> impl Future<Output = Result<Vec<Vec<Cell>>, StoreError>> + Send;
}

/// One page.
///
/// # Errors
///
/// See [`StoreError`].
pub(super) async fn search<E: Engine + ?Sized>(
    engine: &E,
    place: &Place,
    search: &Search,
) -> Result<Found, StoreError> {
    let finder = Finder { engine, place };
    let selection = finder.resolved(&search.selection).await?;
    let count = search.count.map_or(PAGE_RECORDS, |count| count as usize).min(PAGE_RECORDS_MAX);
    let after = search.page.as_ref().map(|cursor| read_cursor(cursor, search.sort.len())).transpose()?;
    let by = finder.referred_by(&selection).await?;
    let driver = match &by {
        Some(references) => Driver::References(references),
        None => finder.driver(&selection).await?,
    };
    let sort = &search.sort;
    // One more than asked for tells whether there is another page.
    let columns = if search.include.is_empty() { Columns::Record } else { Columns::Keys };
    let asked = Asked { columns, sort, count: count + 1 };
    let mut rows = finder.matches(&selection, &driver, asked, after).await?;
    let next = (rows.len() > count && count > 0).then(|| rows.get(count - 1).map(write_cursor)).flatten();
    let is_whole = search.page.is_none() && rows.len() <= count;
    let total = match search.total {
        // What costs nothing is told to those who did not ask for it, too.
        _ if is_whole => Some(rows.len() as u64),
        Total::None => None,
        Total::Estimate | Total::Accurate => Some(finder.total(&selection, &driver).await?),
    };
    rows.truncate(count);
    let included = finder.included(&rows, search).await?;
    Ok(Found { records: rows.into_iter().map(|row| row.record).collect(), included, total, next })
}

/// The names of all that a selection gives.
///
/// # Errors
///
/// See [`StoreError`].
pub(super) async fn names<E: Engine + ?Sized>(
    engine: &E,
    place: &Place,
    selection: &Selection,
) -> Result<Vec<Name>, StoreError> {
    let finder = Finder { engine, place };
    let selection = finder.resolved(selection).await?;
    let rows = finder.all(&selection).await?;
    Ok(rows.into_iter().map(|row| row.record.name.clone()).collect())
}

struct Finder<'a, E: ?Sized> {
    engine: &'a E,
    place: &'a Place,
}

/// What is asked of the matches of a selection: at most `count`, in an order.
#[derive(Clone, Copy)]
struct Asked<'a> {
    columns: Columns,
    sort: &'a [Sort],
    count: usize,
}

/// Sort values and number of the resource before a page.
type After = (Vec<Value>, i64);

impl<E: Engine + ?Sized> Finder<'_, E> {
    /// The selection, with the ids that pass in place of each selection inside whose documents decide.
    async fn resolved(&self, selection: &Selection) -> Result<Selection, StoreError> {
        let mut selection = selection.clone();
        for _ in 0..EXACT_NESTED_MAX {
            let Some(nested) = exact_inside(&mut selection.clause) else { return Ok(selection) };
            match nested {
                Clause::Refers { slot, to } => {
                    let names = self.all(to).await?.into_iter().map(|row| row.record.name.clone());
                    let hashes = names.map(|name| reference_hash(&name.kind, &name.id)).collect();
                    *nested = Clause::Hash { slot: *slot, hashes };
                }
                Clause::ReferredBy { by, .. } => {
                    // A slot is of one type, so the ids alone tell which resources refer.
                    let rows = self.all(by).await?;
                    by.clause = Clause::Ids(rows.iter().map(|row| row.record.name.id.clone()).collect());
                    by.exact = None;
                }
                _ => return Ok(selection),
            }
        }
        Err(StoreError::Limit("chains whose documents decide"))
    }

    /// All that a selection gives, which has no exact selection inside.
    async fn all(&self, selection: &Selection) -> Result<Vec<Row>, StoreError> {
        let driver = self.driver(selection).await?;
        let asked = Asked { columns: Columns::Record, sort: &[], count: NESTED_MAX + 1 };
        let rows = self.matches(selection, &driver, asked, None).await?;
        if rows.len() > NESTED_MAX {
            return Err(StoreError::Limit("resources of a selection inside a search"));
        }
        Ok(rows)
    }

    /// The hashes that few resources refer to by `_has`, or that ids name: the matches are found by them.
    async fn referred_by(&self, selection: &Selection) -> Result<Option<Vec<i64>>, StoreError> {
        let parts = conjuncts(&selection.clause);
        if let Some(Clause::Ids(ids)) = parts.iter().find(|part| matches!(part, Clause::Ids(_)))
            && !selection.types.is_empty()
        {
            let each = |kind: &String| ids.iter().map(|id| reference_hash(kind, id)).collect::<Vec<_>>();
            let hashes: Vec<i64> = selection.types.iter().flat_map(each).collect();
            return Ok((hashes.len() <= LIST_MAX).then_some(hashes));
        }
        if parts.iter().any(|part| is_scannable(part)) {
            return Ok(None);
        }
        let Some(Clause::ReferredBy { slot, by }) =
            parts.into_iter().find(|part| matches!(part, Clause::ReferredBy { .. }))
        else {
            return Ok(None);
        };
        let driver = self.driver(by).await?;
        let asked = Asked { columns: Columns::Keys, sort: &[], count: LIST_MAX + 1 };
        let rows = self.matches(by, &driver, asked, None).await?;
        if rows.len() > LIST_MAX {
            return Ok(None);
        }
        let hashes = hashes_in(&rows, *slot)?;
        Ok((hashes.len() <= LIST_MAX).then(|| hashes.into_iter().collect()))
    }

    /// What to scan: the clause that fewest resources pass, as far as probes tell.
    async fn driver<'b>(&self, selection: &'b Selection) -> Result<Driver<'b>, StoreError> {
        let scannable: Vec<&Clause> =
            conjuncts(&selection.clause).into_iter().filter(|clause| is_scannable(clause)).collect();
        let ordered = scannable.iter().copied().find(|clause| is_ordered(clause));
        if let ([only], Some(_)) = (scannable.as_slice(), ordered) {
            return Ok(Driver::Scan(only));
        }
        for limit in PROBES {
            for clause in &scannable {
                let entries = self.engine.numbers(&self.place.probe(clause, limit)).await?;
                if entries.first().is_some_and(|&entries| entries < i64::try_from(limit).unwrap_or(i64::MAX))
                {
                    return Ok(Driver::Scan(clause));
                }
            }
        }
        Ok(ordered.map_or(Driver::Walk, Driver::Scan))
    }

    /// Matches in their order.
    async fn matches(
        &self,
        selection: &Selection,
        driver: &Driver<'_>,
        asked: Asked<'_>,
        mut after: Option<After>,
    ) -> Result<Vec<Row>, StoreError> {
        let Asked { columns, sort, count } = asked;
        let mut found = Vec::new();
        let chunk = if selection.exact.is_some() { EXACT_CHUNK.max(count.min(NESTED_MAX)) } else { count };
        loop {
            let from = after.as_ref().map(|(values, rid)| (values.as_slice(), *rid));
            let page = Page { columns, selection, driver: driver.clone(), sort, after: from, count: chunk };
            let rows = self.engine.rows(&self.place.page(&page)).await?;
            let is_last = rows.len() < chunk;
            after = rows.last().map(|row| (row.sort.clone(), row.rid));
            for row in rows {
                if found.len() < count && holds(selection.exact.as_ref(), &row.record) {
                    found.push(row);
                }
            }
            if is_last || found.len() >= count {
                return Ok(found);
            }
        }
    }

    async fn total(&self, selection: &Selection, driver: &Driver<'_>) -> Result<u64, StoreError> {
        if selection.exact.is_none() {
            let count = self.engine.numbers(&self.place.count(selection, driver)).await?;
            return Ok(count.first().and_then(|&count| u64::try_from(count).ok()).unwrap_or(0));
        }
        let mut total = 0;
        let mut after: Option<After> = None;
        loop {
            let from = after.as_ref().map(|(values, rid)| (values.as_slice(), *rid));
            let (columns, driver) = (Columns::Record, driver.clone());
            let page = Page { columns, selection, driver, sort: &[], after: from, count: EXACT_CHUNK };
            let rows = self.engine.rows(&self.place.page(&page)).await?;
            for row in &rows {
                total += u64::from(holds(selection.exact.as_ref(), &row.record));
            }
            match rows.last() {
                Some(row) if rows.len() == EXACT_CHUNK => after = Some((Vec::new(), row.rid)),
                _ => return Ok(total),
            }
        }
    }

    /// What comes with the matches, each once.
    async fn included(&self, matches: &[Row], search: &Search) -> Result<Vec<Arc<Record>>, StoreError> {
        if search.include.is_empty() && search.reverse_include.is_empty() {
            return Ok(Vec::new());
        }
        let mut seen: BTreeSet<i64> = matches.iter().map(|row| row.rid).collect();
        let mut included = Vec::new();
        let mut fresh: Vec<Row> = matches.to_vec();
        let mut is_first = true;
        // Each turn adds resources that were not there before, and there is a limit to them.
        while !fresh.is_empty() {
            let mut next = Vec::new();
            for include in search.include.iter().filter(|include| is_first || include.is_iterated) {
                next.extend(self.referred_from(&fresh, include, &search.seen).await?);
            }
            for include in search.reverse_include.iter().filter(|include| is_first || include.is_iterated) {
                next.extend(self.referring_to(&fresh, include, &search.seen).await?);
            }
            next.retain(|row| seen.insert(row.rid));
            included.extend(next.iter().map(|row| Arc::clone(&row.record)));
            if included.len() > INCLUDED_RECORDS_MAX {
                return Err(StoreError::Limit("included resources"));
            }
            fresh = next;
            is_first = false;
        }
        Ok(included)
    }

    async fn referred_from(
        &self,
        rows: &[Row],
        include: &Include,
        seen: &Clause,
    ) -> Result<Vec<Row>, StoreError> {
        let sources: Vec<Row> =
            rows.iter().filter(|row| row.record.name.kind == include.source).cloned().collect();
        let hashes: Vec<i64> = hashes_in(&sources, include.slot)?.into_iter().collect();
        let mut found = Vec::new();
        for hashes in hashes.chunks(LIST_MAX) {
            found.extend(self.engine.rows(&self.place.by_references(hashes, seen)).await?);
        }
        found.retain(|row| include.target.as_ref().is_none_or(|kind| *kind == row.record.name.kind));
        Ok(found)
    }

    async fn referring_to(
        &self,
        rows: &[Row],
        include: &Include,
        seen: &Clause,
    ) -> Result<Vec<Row>, StoreError> {
        let targets = rows.iter().map(|row| &row.record.name);
        let hashes: Vec<i64> = targets
            .filter(|name| include.target.as_ref().is_none_or(|kind| *kind == name.kind))
            .map(|name| reference_hash(&name.kind, &name.id))
            .collect();
        let mut found = Vec::new();
        for hashes in hashes.chunks(LIST_MAX) {
            let clause = Clause::Hash { slot: include.slot, hashes: hashes.to_vec() };
            let sql = self.place.referring(&include.source, clause, seen, INCLUDED_RECORDS_MAX + 1);
            found.extend(self.engine.rows(&sql).await?);
        }
        Ok(found)
    }
}

/// The hashes that stand in a slot of some resources.
fn hashes_in(rows: &[Row], slot: Slot) -> Result<BTreeSet<i64>, StoreError> {
    let mut hashes = BTreeSet::new();
    for row in rows {
        for key in keys::decode(&row.keys)? {
            if let Key::Hash { slot: of, hash } = key
                && of == slot
            {
                hashes.insert(hash);
            }
        }
    }
    Ok(hashes)
}

/// A clause whose inner selection is decided by documents, and in which there is no other.
fn exact_inside(clause: &mut Clause) -> Option<&mut Clause> {
    if let Clause::Refers { to: inner, .. } | Clause::ReferredBy { by: inner, .. } = &*clause
        && inner.exact.is_some()
        && !has_exact_inside(&inner.clause)
    {
        return Some(clause);
    }
    match clause {
        Clause::All(parts) | Clause::Any(parts) => parts.iter_mut().find_map(exact_inside),
        Clause::Not(part) => exact_inside(part),
        Clause::Refers { to: inner, .. } | Clause::ReferredBy { by: inner, .. } => {
            exact_inside(&mut inner.clause)
        }
        Clause::Everything
        | Clause::Present(_)
        | Clause::Hash { .. }
        | Clause::Range { .. }
        | Clause::Text { .. }
        | Clause::Ids(_)
        | Clause::Is { .. }
        | Clause::Updated(_) => None,
    }
}

fn has_exact_inside(clause: &Clause) -> bool {
    match clause {
        Clause::All(parts) | Clause::Any(parts) => parts.iter().any(has_exact_inside),
        Clause::Not(part) => has_exact_inside(part),
        Clause::Refers { to: inner, .. } | Clause::ReferredBy { by: inner, .. } => {
            inner.exact.is_some() || has_exact_inside(&inner.clause)
        }
        Clause::Everything
        | Clause::Present(_)
        | Clause::Hash { .. }
        | Clause::Range { .. }
        | Clause::Text { .. }
        | Clause::Ids(_)
        | Clause::Is { .. }
        | Clause::Updated(_) => false,
    }
}

/// Whether the document is one that is meant.
fn holds(exact: Option<&Exact>, record: &Record) -> bool {
    match (exact, &record.document) {
        (Some(exact), Some(document)) => exact.holds_document(document),
        (None, _) | (_, None) => true,
    }
}

/// Where the next page starts: number of the resource, then what it is sorted by. A store trusts it no more than any
/// other text: it says where to go on, not what may be seen.
fn write_cursor(row: &Row) -> Cursor {
    let mut text = format!("{:x}", row.rid);
    for value in &row.sort {
        match value {
            Value::Number(number) => text += &format!(".n{number}"),
            Value::Text(value) => {
                text += ".t";
                text += &to_hex(value.as_bytes());
            }
        }
    }
    Cursor(text)
}

fn read_cursor(cursor: &Cursor, sorts: usize) -> Result<After, StoreError> {
    let mut parts = cursor.0.split('.');
    let rid = parts.next().and_then(|rid| i64::from_str_radix(rid, 16).ok()).ok_or(StoreError::Cursor)?;
    let values = parts.map(read_value).collect::<Option<Vec<_>>>().ok_or(StoreError::Cursor)?;
    if values.len() == sorts { Ok((values, rid)) } else { Err(StoreError::Cursor) }
}

fn read_value(text: &str) -> Option<Value> {
    if let Some(number) = text.strip_prefix('n') {
        return number.parse().ok().map(Value::Number);
    }
    let (pairs, []) = text.strip_prefix('t')?.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>()?;
    String::from_utf8(bytes).ok().map(Value::Text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let check = |values: &[Value]| {
            let mut text = "2a".to_owned();
            for value in values {
                text += &match value {
                    Value::Number(number) => format!(".n{number}"),
                    Value::Text(value) => format!(".t{}", to_hex(value.as_bytes())),
                };
            }
            assert_eq!(read_cursor(&Cursor(text), values.len()).unwrap(), (values.to_vec(), 42));
        };
        check(&[]);
        check(&[Value::Number(i64::MIN), Value::Text("åéx".to_owned())]);
        check(&[Value::Text(String::new())]);
    }

    #[test]
    fn what_no_store_wrote_is_no_cursor() {
        for text in ["", "x", "1.", "1.q2", "1.n", "1.t0", "1.tff", "1.t0é", "1"] {
            let sorts = usize::from(text == "1" || text.contains('.'));
            assert_eq!(
                read_cursor(&Cursor(text.to_owned()), sorts).unwrap_err(),
                StoreError::Cursor,
                "{text}"
            );
        }
    }
}
