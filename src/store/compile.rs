//! From a selection to SQL, for both engines.
//!
//! A clause is said in one of two forms. As a *scan* it lists the resources that have a key, in the order of the index;
//! as a *seek* it looks whether one resource has it. A page scans the clause that fewest resources pass and seeks the
//! others (`find` chooses), or walks over all resources of the type where each clause passes many.

mod builder;

use super::Tenant;
use super::row::Value;
use super::schema::Partitions;
use crate::search::{Clause, Direction, Selection, Sort};
pub(super) use builder::Builder;

/// What differs between the engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement and its values.
#[derive(Debug, Clone)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// Whose resources are asked about, in which engine.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) dialect: Dialect,
    pub(super) tenant: Tenant,
    pub(super) partitions: Partitions,
}

/// What a page scans.
#[derive(Debug, Clone)]
pub(super) enum Driver<'a> {
    /// All resources of the types.
    Walk,
    /// Those that pass a clause, of which [`is_scannable`] holds.
    Scan(&'a Clause),
    /// Those with one of these reference hashes.
    References(&'a [i64]),
}

/// True where an index lists what passes a clause.
pub(super) fn is_scannable(clause: &Clause) -> bool {
    match clause {
        Clause::Hash { hashes, .. } => !hashes.is_empty(),
        Clause::Range { .. } | Clause::Text { .. } | Clause::Refers { .. } | Clause::Is { .. } => true,
        Clause::Any(parts) => !parts.is_empty() && parts.iter().all(is_scannable),
        Clause::Everything
        | Clause::All(_)
        | Clause::Not(_)
        | Clause::Present(_)
        | Clause::ReferredBy { .. }
        | Clause::Ids(_)
        | Clause::Updated(_) => false,
    }
}

/// True where a scan gives each resource once, in the order of its number.
pub(super) fn is_ordered(clause: &Clause) -> bool {
    matches!(clause, Clause::Hash { hashes, .. } if hashes.len() == 1)
}

/// The parts that must all pass.
pub(super) fn conjuncts(clause: &Clause) -> Vec<&Clause> {
    match clause {
        Clause::All(parts) => parts.iter().flat_map(conjuncts).collect(),
        Clause::Everything => Vec::new(),
        other => vec![other],
    }
}

/// What is read of each resource of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Columns {
    /// All but its keys.
    Record,
    /// Its keys too, for what it refers to.
    Keys,
}

/// One page of a selection.
pub(super) struct Page<'a> {
    pub(super) columns: Columns,
    pub(super) selection: &'a Selection,
    pub(super) driver: Driver<'a>,
    pub(super) sort: &'a [Sort],
    /// Sort values and number of the resource before the page.
    pub(super) after: Option<(&'a [Value], i64)>,
    pub(super) count: usize,
}

/// The columns of [`super::row::Parts`] of the resource `r`.
pub(super) const RESOURCE_COLUMNS: &str =
    "r.rid, r.kind, r.id, r.version, r.updated, r.method, r.seq, r.sum, r.keys, r.document, r.client";

impl Columns {
    /// The columns of [`super::row::Parts`] of the resource `r`.
    fn add(self, sql: &mut Builder) {
        let keys = match self {
            Self::Keys => "r.keys",
            Self::Record => sql.no_bytes(),
        };
        let document = sql.found_document();
        sql.add("r.rid, r.kind, r.id, r.version, r.updated, r.method, r.seq, r.sum, ");
        sql.add(keys).add(", ").add(document).add(", r.client");
    }
}

impl Place {
    /// The page as rows.
    pub(super) fn page(&self, page: &Page) -> Sql {
        let mut sql = Builder::new(self);
        sql.add("SELECT ");
        page.columns.add(&mut sql);
        for sort in page.sort {
            sql.add(", ");
            sql.sort_value(sort);
        }
        if page.sort.is_empty() {
            sql.in_order();
        }
        sql.source(page.selection, &page.driver);
        if let Some((values, rid)) = page.after {
            sql.add(" AND ");
            sql.after(page.sort, values, rid, is_walked_by(&page.driver));
        }
        sql.add(" ORDER BY ");
        for sort in page.sort {
            sql.sort_value(sort);
            sql.add(direction(sort)).add(", ");
        }
        sql.add(is_walked_by(&page.driver)).add(".rid DESC LIMIT ");
        sql.number(i64::try_from(page.count).unwrap_or(i64::MAX));
        sql.done()
    }

    /// How many resources a selection gives.
    pub(super) fn count(&self, selection: &Selection, driver: &Driver) -> Sql {
        let mut sql = Builder::new(self);
        sql.add("SELECT count(*)");
        sql.source(selection, driver);
        sql.done()
    }

    /// How many entries of an index a clause would scan, up to a limit.
    pub(super) fn probe(&self, clause: &Clause, limit: usize) -> Sql {
        let mut sql = Builder::new(self);
        sql.add("SELECT count(*) FROM (");
        sql.scan(clause, "k.rid");
        sql.add(" LIMIT ");
        sql.number(i64::try_from(limit).unwrap_or(i64::MAX));
        sql.add(") AS probe");
        sql.done()
    }

    /// The resources with one of these reference hashes that are seen and not deleted.
    pub(super) fn by_references(&self, references: &[i64], seen: &Clause) -> Sql {
        let selection = Selection { types: Vec::new(), clause: seen.clone(), exact: None };
        let mut sql = Builder::new(self);
        sql.add("SELECT ");
        Columns::Keys.add(&mut sql);
        sql.source(&selection, &Driver::References(references));
        sql.done()
    }

    /// The resources of a type that pass a scannable clause and are seen, in the order of their numbers.
    pub(super) fn referring(&self, kind: &str, clause: Clause, seen: &Clause, limit: usize) -> Sql {
        let clause = Clause::All(vec![clause, seen.clone()]);
        let selection = Selection { types: vec![kind.to_owned()], clause, exact: None };
        let driver = conjuncts(&selection.clause).into_iter().next().map_or(Driver::Walk, Driver::Scan);
        let (columns, selection) = (Columns::Keys, &selection);
        self.page(&Page { columns, selection, driver, sort: &[], after: None, count: limit })
    }
}

/// The table whose number orders the page: that of the index where it is in order.
fn is_walked_by(driver: &Driver) -> &'static str {
    match driver {
        Driver::Scan(clause) if is_ordered(clause) => "k",
        Driver::Scan(_) | Driver::Walk | Driver::References(_) => "r",
    }
}

const fn direction(sort: &Sort) -> &'static str {
    match sort.direction {
        Direction::Ascending => " ASC",
        Direction::Descending => " DESC",
    }
}
