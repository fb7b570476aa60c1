//! Clauses as SQL, piece by piece.

use super::{Dialect, Driver, Place, Sql, conjuncts, is_ordered, is_scannable};
use crate::search::{Clause, Direction, RangeTest, Selection, Slot, Sort, SortBy, reference_hash};
use crate::store::keys;
use crate::store::row::Value;

/// A statement that is being written.
pub(in crate::store) struct Builder<'a> {
    pub(in crate::store) place: &'a Place,
    sql: Sql,
    /// Nested resources so far, for their names.
    nested: usize,
    /// What is scanned is to come in the order of its number.
    is_in_order: bool,
}

impl<'a> Builder<'a> {
    pub(in crate::store) const fn new(place: &'a Place) -> Self {
        Self { place, sql: Sql { text: String::new(), values: Vec::new() }, nested: 0, is_in_order: false }
    }

    pub(in crate::store) fn done(self) -> Sql {
        self.sql
    }

    pub(in crate::store) fn add(&mut self, text: &str) -> &mut Self {
        self.sql.text.push_str(text);
        self
    }

    /// The word between two tables. SQLite takes those of a CROSS JOIN in the order in which they are written.
    pub(in crate::store) const fn join(&self) -> &'static str {
        match self.place.dialect {
            Dialect::Sqlite => " CROSS JOIN ",
            Dialect::Postgres => " JOIN ",
        }
    }

    /// No bytes.
    pub(in crate::store) const fn no_bytes(&self) -> &'static str {
        match self.place.dialect {
            Dialect::Sqlite => "x''",
            Dialect::Postgres => "''::bytea",
        }
    }

    /// No document.
    pub(in crate::store) const fn no_document(&self) -> &'static str {
        match self.place.dialect {
            Dialect::Sqlite => "NULL",
            Dialect::Postgres => "NULL::bytea",
        }
    }

    /// The document of the resource `r` that a search found. SQLite would copy each, while most lie in memory: it tells
    /// that there is one, and whoever misses it asks for it.
    pub(super) const fn found_document(&self) -> &'static str {
        match self.place.dialect {
            Dialect::Sqlite => "1",
            Dialect::Postgres => "r.document",
        }
    }

    fn value(&mut self, value: Value) {
        self.sql.values.push(value);
        let sign = match self.place.dialect {
            Dialect::Sqlite => '?',
            Dialect::Postgres => '$',
        };
        self.sql.text += &format!("{sign}{}", self.sql.values.len());
    }

    pub(in crate::store) fn number(&mut self, number: i64) {
        self.value(Value::Number(number));
    }

    pub(in crate::store) fn text(&mut self, text: &str) {
        self.value(Value::Text(text.to_owned()));
    }

    fn list<T>(&mut self, column: &str, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        match items {
            [] => {
                self.add("FALSE");
            }
            [one] => {
                self.add(column).add(" = ");
                write(self, one);
            }
            _ => {
                self.add(column).add(" IN (");
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.add(", ");
                    }
                    write(self, item);
                }
                self.add(")");
            }
        }
    }

    pub(in crate::store) fn numbers(&mut self, column: &str, numbers: &[i64]) {
        self.list(column, numbers, |sql, number| sql.number(*number));
    }

    fn parts(&mut self, alias: &str) {
        let parts = self.place.partitions.of(self.place.tenant);
        self.numbers(&format!("{alias}.part"), &parts);
    }

    /// Asks for what is scanned in the order of its number.
    pub(super) const fn in_order(&mut self) {
        self.is_in_order = true;
    }

    /// The entries `k` of one hash, newest first. The index has them in this order within a partition: PostgreSQL sorts
    /// what comes of several, unless each is said alone; then it merges them, and reads no more than the page needs.
    fn merged(&mut self, clause: &Clause) {
        let Clause::Hash { slot, hashes } = clause else { return };
        self.add("(");
        for (at, part) in self.place.partitions.of(self.place.tenant).into_iter().enumerate() {
            self.add(if at == 0 { "(" } else { " UNION ALL (" });
            self.add("SELECT h.part, h.rid FROM hash_key h WHERE h.part = ");
            self.number(part);
            self.slot("h", *slot);
            self.numbers("h.hash", hashes);
            self.add(" ORDER BY h.rid DESC)");
        }
        self.add(") AS k JOIN resource r ON r.rid = k.rid AND r.part = k.part WHERE TRUE");
    }

    /// `FROM` and `WHERE`, with the resources as `r`.
    pub(super) fn source(&mut self, selection: &Selection, driver: &Driver) {
        let join = self.join();
        self.add(" FROM ");
        let scanned = match driver {
            Driver::Walk => {
                self.add("resource r WHERE ");
                self.parts("r");
                None
            }
            Driver::Scan(clause)
                if is_ordered(clause) && self.is_in_order && self.place.dialect == Dialect::Postgres =>
            {
                self.merged(clause);
                Some(*clause)
            }
            Driver::Scan(clause) if is_ordered(clause) => {
                self.add("hash_key k")
                    .add(join)
                    .add("resource r ON r.rid = k.rid AND r.part = k.part WHERE ");
                self.key("k", clause);
                Some(*clause)
            }
            Driver::Scan(clause) => {
                self.add("(");
                self.scan(clause, "k.part, k.rid");
                self.add(") AS d")
                    .add(join)
                    .add("resource r ON r.rid = d.rid AND r.part = d.part WHERE TRUE");
                Some(*clause)
            }
            Driver::References(references) => {
                self.add("directory d")
                    .add(join)
                    .add("resource r ON r.rid = d.rid AND r.part = d.part WHERE ");
                self.add("d.tenant = ");
                self.number(i64::from(self.place.tenant.0));
                self.add(" AND ");
                self.numbers("d.reference", references);
                None
            }
        };
        self.kinds("r", &selection.types);
        for clause in conjuncts(&selection.clause) {
            if !scanned.is_some_and(|scanned| std::ptr::eq(scanned, clause)) {
                self.add(" AND ");
                self.seek(clause, "r");
            }
        }
    }

    fn kinds(&mut self, alias: &str, types: &[String]) {
        self.add(" AND ").add(alias).add(".document IS NOT NULL");
        if !types.is_empty() {
            self.add(" AND ");
            self.list(&format!("{alias}.kind"), types, |sql, kind| sql.text(kind));
        }
    }

    /// The distinct resources that pass a scannable clause, as a query of the columns.
    pub(super) fn scan(&mut self, clause: &Clause, columns: &str) {
        match clause {
            Clause::Any(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        self.add(" UNION ");
                    }
                    self.scan(part, columns);
                }
            }
            clause => {
                let distinct = if is_ordered(clause) { "SELECT " } else { "SELECT DISTINCT " };
                self.add(distinct).add(columns).add(" FROM ").add(table(clause)).add(" k WHERE ");
                self.key("k", clause);
            }
        }
    }

    /// What a scan asks of an entry of its index.
    fn key(&mut self, k: &str, clause: &Clause) {
        self.parts(k);
        match clause {
            Clause::Hash { slot, hashes } => {
                self.slot(k, *slot);
                self.numbers(&format!("{k}.hash"), hashes);
            }
            Clause::Range { slot, unit, test } => {
                self.slot(k, *slot);
                self.span(k, *unit, *test);
            }
            Clause::Text { slot, prefix } => {
                self.slot(k, *slot);
                self.prefix(k, prefix);
            }
            Clause::Refers { slot, to } => {
                self.slot(k, *slot);
                let t = self.alias();
                self.add(&format!("{k}.hash IN (SELECT {t}.reference FROM resource {t} WHERE "));
                self.nested(&t, to);
                self.add(")");
            }
            Clause::Is { kind, id } => {
                self.add(" AND ").add(k).add(".tenant = ");
                self.number(i64::from(self.place.tenant.0));
                self.add(" AND ").add(k).add(".reference = ");
                self.number(reference_hash(kind, id));
                self.add(" AND ");
                self.named(k, kind, id);
            }
            Clause::Everything
            | Clause::All(_)
            | Clause::Any(_)
            | Clause::Not(_)
            | Clause::Present(_)
            | Clause::ReferredBy { .. }
            | Clause::Ids(_)
            | Clause::Updated(_) => {
                self.add(" AND FALSE");
            }
        }
    }

    fn slot(&mut self, k: &str, slot: Slot) {
        self.add(" AND ").add(k).add(".slot = ");
        self.number(i64::from(slot.0));
        self.add(" AND ");
    }

    fn span(&mut self, k: &str, unit: i64, test: RangeTest) {
        self.add(k).add(".unit = ");
        self.number(unit);
        self.add(" AND ");
        self.test(&format!("{k}.low"), &format!("{k}.high"), test);
    }

    fn test(&mut self, low: &str, high: &str, test: RangeTest) {
        let mut both = |first: &str, a: i64, word: &str, second: &str, b: i64| {
            self.add("(").add(first);
            self.number(a);
            self.add(word).add(second);
            self.number(b);
            self.add(")");
        };
        match test {
            RangeTest::Within { low: from, high: to } => {
                // The upper bound of `low` follows from that of `high`, and lets the index end there.
                both(&format!("{low} >= "), from, " AND ", &format!("{low} <= "), to);
                self.add(" AND ").add(high).add(" <= ");
                self.number(to);
            }
            RangeTest::NotWithin { low: from, high: to } => {
                both(&format!("{low} < "), from, " OR ", &format!("{high} > "), to);
            }
            RangeTest::Overlaps { low: from, high: to } => {
                both(&format!("{high} >= "), from, " AND ", &format!("{low} <= "), to);
            }
            RangeTest::HighAbove(bound) => self.bound(high, " > ", bound),
            RangeTest::LowBelow(bound) => self.bound(low, " < ", bound),
            RangeTest::LowAbove(bound) => self.bound(low, " > ", bound),
            RangeTest::HighBelow(bound) => self.bound(high, " < ", bound),
        }
    }

    fn bound(&mut self, column: &str, sign: &str, bound: i64) {
        self.add(column).add(sign);
        self.number(bound);
    }

    fn prefix(&mut self, k: &str, prefix: &str) {
        self.add(k).add(".text >= ");
        self.text(prefix);
        if let Some(end) = after_all(prefix) {
            self.add(" AND ").add(k).add(".text < ");
            self.text(&end);
        }
    }

    fn alias(&mut self) -> String {
        self.nested += 1;
        format!("t{}", self.nested)
    }

    /// What a selection inside a clause asks of its resource. Its first clause that an index lists is scanned.
    fn nested(&mut self, t: &str, selection: &Selection) {
        self.parts(t);
        self.kinds(t, &selection.types);
        let conjuncts = conjuncts(&selection.clause);
        let scanned = conjuncts.iter().position(|clause| is_scannable(clause));
        for (at, clause) in conjuncts.into_iter().enumerate() {
            self.add(" AND ");
            if Some(at) == scanned {
                self.add(t).add(".rid IN (");
                self.scan(clause, "k.rid");
                self.add(")");
            } else {
                self.seek(clause, t);
            }
        }
    }

    /// Whether the resource `r` passes.
    fn seek(&mut self, clause: &Clause, r: &str) {
        match clause {
            Clause::Everything => {
                self.add("TRUE");
            }
            Clause::All(parts) => self.joined(parts, " AND ", "TRUE", r),
            Clause::Any(parts) => self.joined(parts, " OR ", "FALSE", r),
            Clause::Not(part) => {
                self.add("NOT (");
                self.seek(part, r);
                self.add(")");
            }
            Clause::Present(slot) => {
                let position = match self.place.dialect {
                    Dialect::Sqlite => "instr",
                    Dialect::Postgres => "strpos",
                };
                self.add(position).add("(").add(r).add(".slots, ");
                self.text(&format!(";{};", keys::slot_text(*slot)));
                self.add(") > 0");
            }
            Clause::Hash { slot, hashes } => {
                let k = self.exists(table(clause), r, *slot);
                self.numbers(&format!("{k}.hash"), hashes);
                self.add(")");
            }
            Clause::Range { slot, unit, test } => {
                let k = self.exists(table(clause), r, *slot);
                self.span(&k, *unit, *test);
                self.add(")");
            }
            Clause::Text { slot, prefix } => {
                let k = self.exists(table(clause), r, *slot);
                self.prefix(&k, prefix);
                self.add(")");
            }
            Clause::Refers { .. } => {
                self.add(r).add(".rid IN (");
                self.scan(clause, "k.rid");
                self.add(")");
            }
            Clause::ReferredBy { slot, by } => self.referred(*slot, by, r),
            Clause::Is { kind, id } => self.named(r, kind, id),
            Clause::Ids(ids) => self.list(&format!("{r}.id"), ids, |sql, id| sql.text(id)),
            Clause::Updated(test) => {
                let updated = format!("{r}.updated");
                self.test(&updated, &updated, *test);
            }
        }
    }

    fn named(&mut self, r: &str, kind: &str, id: &str) {
        self.add("(").add(r).add(".kind = ");
        self.text(kind);
        self.add(" AND ").add(r).add(".id = ");
        self.text(id);
        self.add(")");
    }

    fn joined(&mut self, parts: &[Clause], word: &str, none: &str, r: &str) {
        if parts.is_empty() {
            self.add(none);
            return;
        }
        self.add("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.add(word);
            }
            self.seek(part, r);
        }
        self.add(")");
    }

    /// The start of a look for a key of `r`, and its alias.
    fn exists(&mut self, table: &str, r: &str, slot: Slot) -> String {
        let k = self.alias();
        // Keys of one resource lie together in the index that its number leads; hashes are found by themselves.
        let hint = match (self.place.dialect, table) {
            (Dialect::Sqlite, "range_key") => " INDEXED BY range_key_rid",
            (Dialect::Sqlite, "text_key") => " INDEXED BY text_key_rid",
            _ => "",
        };
        self.add(&format!(
            "EXISTS (SELECT 1 FROM {table} {k}{hint} WHERE {k}.part = {r}.part AND {k}.rid = {r}.rid"
        ));
        self.slot(&k, slot);
        k
    }

    fn referred(&mut self, slot: Slot, by: &Selection, r: &str) {
        let (k, t) = (self.alias(), self.alias());
        self.add(&format!(
            "EXISTS (SELECT 1 FROM hash_key {k} JOIN resource {t} ON {t}.rid = {k}.rid AND {t}.part = {k}.part WHERE "
        ));
        self.parts(&k);
        self.slot(&k, slot);
        self.add(&format!("{k}.hash = {r}.reference"));
        self.kinds(&t, &by.types);
        self.add(" AND ");
        self.seek(&by.clause, &t);
        self.add(")");
    }

    /// What `r` is sorted by. A resource without it comes last.
    pub(super) fn sort_value(&mut self, sort: &Sort) {
        let (slots, table, ascending, descending, last) = match &sort.by {
            SortBy::Id => {
                self.add("r.id");
                return;
            }
            SortBy::Updated => {
                self.add("r.updated");
                return;
            }
            SortBy::Range(slots) => (slots, "range_key", "min(k.low)", "max(k.high)", LAST_NUMBER),
            SortBy::Text(slots) => (slots, "text_key", "min(k.text)", "max(k.text)", LAST_TEXT),
        };
        let (value, none) = match sort.direction {
            Direction::Ascending => (ascending, last.0),
            Direction::Descending => (descending, last.1),
        };
        let slots: Vec<i64> = slots.iter().map(|slot| i64::from(slot.0)).collect();
        self.add(&format!(
            "COALESCE((SELECT {value} FROM {table} k WHERE k.part = r.part AND k.rid = r.rid AND "
        ));
        self.numbers("k.slot", &slots);
        if matches!(sort.by, SortBy::Range(_)) {
            self.add(" AND k.unit = 0");
        }
        self.add("), ").add(none).add(")");
    }

    /// What comes after a place in the order of the page.
    pub(super) fn after(&mut self, sort: &[Sort], values: &[Value], rid: i64, walked: &str) {
        self.add("(");
        for (at, (by, value)) in sort.iter().zip(values).enumerate() {
            self.equal(sort, values, at);
            self.sort_value(by);
            self.add(match by.direction {
                Direction::Ascending => " > ",
                Direction::Descending => " < ",
            });
            self.value(value.clone());
            self.add(" OR ");
        }
        self.equal(sort, values, sort.len());
        self.add(walked).add(".rid < ");
        self.number(rid);
        self.add(")");
    }

    fn equal(&mut self, sort: &[Sort], values: &[Value], count: usize) {
        for (by, value) in sort.iter().zip(values).take(count) {
            self.sort_value(by);
            self.add(" = ");
            self.value(value.clone());
            self.add(" AND ");
        }
    }
}

/// What sorts after all numbers, upwards and downwards.
const LAST_NUMBER: (&str, &str) = ("9223372036854775807", "-9223372036854775807");
/// What sorts after all texts, upwards and downwards: the greatest character, and nothing.
const LAST_TEXT: (&str, &str) = ("'\u{10ffff}'", "''");

/// Where the keys of a clause stand.
const fn table(clause: &Clause) -> &'static str {
    match clause {
        Clause::Range { .. } => "range_key",
        Clause::Text { .. } => "text_key",
        Clause::Is { .. } => "directory",
        Clause::Hash { .. }
        | Clause::Refers { .. }
        | Clause::Everything
        | Clause::All(_)
        | Clause::Any(_)
        | Clause::Not(_)
        | Clause::Present(_)
        | Clause::ReferredBy { .. }
        | Clause::Ids(_)
        | Clause::Updated(_) => "hash_key",
    }
}

/// The first text after all that start with a prefix, byte by byte; none where there is no such text.
fn after_all(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // Characters of UTF-8 sort as their numbers do; between D7FF and E000 there is none.
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_a_prefix_end_where_the_next_begin() {
        let check =
            |prefix: &str, end: Option<&str>| assert_eq!(after_all(prefix).as_deref(), end, "{prefix}");
        check("ab", Some("ac"));
        check("a\u{10ffff}", Some("b"));
        check("\u{d7ff}", Some("\u{e000}"));
        check("\u{10ffff}", None);
        check("", None);
    }
}
