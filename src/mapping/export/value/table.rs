//! Conversions that know every text they read: code tables and the words for true and false.

use super::accept::Known;
use super::expr::Expr;
use super::ways::Way;
use super::{Reading, Value};
use crate::mapping::convert::Convert;
use crate::mapping::program::{Leaf, is_blank_text};

/// Rows of a table that are still shown as one expression.
const ROWS_MAX: usize = 8;

/// What a leaf whose first conversion is a table makes of every text, looked up when the map is made.
#[derive(Debug)]
pub(super) struct Table<'l> {
    leaf: &'l Leaf,
    /// Texts that FHIR has in full, with their values.
    exact: Vec<(String, String)>,
    /// Texts that stand beside their values.
    kept: Vec<(String, String)>,
    /// Texts that are read, and whose value the FHIR type does not take.
    refused: Vec<String>,
}

impl<'l> Table<'l> {
    pub(super) fn of(leaf: &'l Leaf) -> Option<Self> {
        let sources: Vec<&str> = match leaf.convert.first()? {
            Convert::Codes(map) => map.sources().collect(),
            Convert::Bool(yes, no) if yes == no => vec![yes],
            Convert::Bool(yes, no) => vec![yes, no],
            Convert::Date(_)
            | Convert::Ts
            | Convert::Prefix(_)
            | Convert::Strip(_)
            | Convert::Decimal(_)
            | Convert::Urn => return None,
        };
        let mut table = Self { leaf, exact: Vec::new(), kept: Vec::new(), refused: Vec::new() };
        for source in sources.into_iter().filter(|source| !is_blank_text(source)) {
            let is_read = leaf.convert.iter().try_fold(source.to_owned(), |text, convert| {
                convert.forward(&text).map(std::borrow::Cow::into_owned)
            });
            match (is_read, leaf.forward(source).held()) {
                (Ok(_), (Some(value), None)) => table.exact.push((source.to_owned(), value)),
                (Ok(_), (Some(value), Some(_))) => table.kept.push((source.to_owned(), value)),
                (Ok(_), (None, _)) if leaf.otherwise.is_some() => table.refused.push(source.to_owned()),
                (Ok(_) | Err(_), _) => {}
            }
        }
        Some(table)
    }

    pub(super) fn forward(&self, text: &Expr) -> Vec<Reading> {
        let kept = |reading: Reading| reading.with_beside(text);
        let rows =
            [(&self.exact, false), (&self.kept, true)].into_iter().filter(|(rows, _)| !rows.is_empty());
        let mut readings: Vec<Reading> = rows
            .map(|(rows, is_kept)| {
                let fits = text.is_one_of(rows.iter().map(|row| row.0.as_str()));
                let reading = Reading::new(Some(fits), look_up(rows, text));
                if is_kept { kept(reading) } else { reading }
            })
            .collect();
        if !self.refused.is_empty() {
            let fits = text.is_one_of(self.refused.iter().map(String::as_str));
            readings.push(kept(Reading::new(Some(fits), Value::Nothing)));
        }
        let other = self.leaf.otherwise.as_deref();
        let other = other.map_or(Value::Nothing, |code| Value::Expression(Expr::literal(code).into_text()));
        readings.push(kept(Reading::new(self.is_other(text), other)));
        readings
    }

    pub(super) fn backward(&self, value: &Expr, no_value: &Expr, source_text: Option<&Expr>) -> Vec<Reading> {
        let mut targets: Vec<&str> = self.exact.iter().map(|row| row.1.as_str()).collect();
        targets.sort_unstable();
        targets.dedup();
        let rows: Vec<(String, String)> = targets
            .into_iter()
            .filter_map(|target| Some((target.to_owned(), self.leaf.backward(Some(target), None)?)))
            .collect();
        let mut readings = Vec::new();
        if !rows.is_empty() {
            let known = value.is_one_of(rows.iter().map(|row| row.0.as_str()));
            let fits = Expr::all(source_text.map(Expr::is_empty).into_iter().chain([known]));
            readings.push(Reading::new(fits, look_up(&rows, value)));
        }
        if let Some(held) = source_text {
            let fits = Expr::all([held.exists()].into_iter().chain(self.still_holds(value, no_value, held)));
            readings.push(Reading::new(fits, Value::Expression(held.clone().into_text())));
        }
        readings
    }

    /// True where the text beside a value would still become just that value.
    fn still_holds(&self, value: &Expr, no_value: &Expr, held: &Expr) -> Option<Expr> {
        let mut cases: Vec<Option<Expr>> = grouped(&self.kept)
            .into_iter()
            .map(|(target, sources)| Expr::all([value.is_one_of([target]), held.is_one_of(sources)]))
            .collect();
        if !self.refused.is_empty() {
            let refused = held.is_one_of(self.refused.iter().map(String::as_str));
            cases.push(Expr::all([no_value.clone(), refused]));
        }
        let other = self.leaf.otherwise.as_deref();
        let other = other.map_or_else(|| no_value.clone(), |code| value.is_one_of([code]));
        cases.push(Expr::all([other].into_iter().chain(self.is_other(held))));
        Expr::any(cases)
    }

    /// True for a text that the table does not have; `None` where it has none.
    fn is_other(&self, text: &Expr) -> Option<Expr> {
        let rows = self.exact.iter().chain(&self.kept).map(|row| row.0.as_str());
        let known: Vec<&str> = rows.chain(self.refused.iter().map(String::as_str)).collect();
        (!known.is_empty()).then(|| text.is_one_of(known).not())
    }
}

/// What the rows say of a text that is in one of them.
fn look_up(rows: &[(String, String)], text: &Expr) -> Value {
    if rows.iter().all(|(from, to)| from == to) {
        return Value::Expression(text.clone().into_text());
    }
    let groups = grouped(rows);
    if rows.len() > ROWS_MAX && groups.len() > 1 {
        return Value::Translate { text: text.clone().into_text(), rows: rows.to_vec() };
    }
    Value::Expression(chosen(&groups, text).into_text())
}

/// `iif` for each group but the last, which is what remains.
fn chosen(groups: &[(&str, Vec<&str>)], text: &Expr) -> Expr {
    let mut groups = groups.iter().rev();
    let last = groups.next().map_or_else(|| text.clone(), |(to, _)| Expr::literal(to));
    groups
        .fold(last, |rest, (to, from)| text.is_one_of(from.iter().copied()).choose(&Expr::literal(to), &rest))
}

/// The rows by what they lead to.
fn grouped(rows: &[(String, String)]) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (from, to) in rows {
        match groups.iter_mut().find(|(known, _)| known == to) {
            Some((_, sources)) => sources.push(from),
            None => groups.push((to, vec![from])),
        }
    }
    groups
}

/// The ways of a table that reads what another conversion gives.
pub(super) fn ways(rows: &[(&str, &str)], convert: &Convert, text: &Expr) -> Vec<Way> {
    let all = rows
        .iter()
        .filter_map(|(from, _)| Some(((*from).to_owned(), convert.forward(from).ok()?.into_owned())));
    let gives_back = |from: &str, to: &str| convert.backward(to).is_ok_and(|back| back == from);
    parted(all.collect(), gives_back, text)
}

/// The same from FHIR's side.
pub(super) fn ways_back(rows: &[(&str, &str)], convert: &Convert, value: &Expr) -> Vec<Way> {
    let all =
        rows.iter().filter_map(|(_, to)| Some(((*to).to_owned(), convert.backward(to).ok()?.into_owned())));
    let gives_back = |to: &str, from: &str| convert.forward(from).is_ok_and(|again| again == to);
    parted(all.collect(), gives_back, value)
}

/// The rows that lead back and those that do not.
fn parted(mut rows: Vec<(String, String)>, gives_back: impl Fn(&str, &str) -> bool, text: &Expr) -> Vec<Way> {
    rows.sort();
    rows.dedup();
    let (exact, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(from, to)| gives_back(from, to));
    let parts = [(exact, true), (others, false)].into_iter().filter(|(rows, _)| !rows.is_empty());
    parts
        .map(|(rows, is_exact)| Way {
            fits: vec![text.is_one_of(rows.iter().map(|row| row.0.as_str()))],
            value: chosen(&grouped(&rows), text),
            // A table may have an empty cell.
            known: Known::Rest,
            is_exact,
        })
        .collect()
}
