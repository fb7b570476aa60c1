//! Code tables: tab-separated lists of codes and what they become.

use super::pack::to_u32;
use crate::diag::{Issue, Span, codes};
use std::collections::HashMap;

/// Rows of one code table.
pub const ROWS_MAX: usize = 1_000_000;

/// One row of a code table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The code on the left.
    pub source: Box<str>,
    /// The code on the right.
    pub target: Box<str>,
    /// Further columns, as many as the header has.
    pub rest: Box<[Box<str>]>,
    /// Line in the file, from 1.
    pub line: u32,
}

/// A code table: a header line `source<TAB>target[<TAB>…]`, then one row a line. Empty lines and lines that
/// start with `#` are passed over. The first row of a code wins.
#[derive(Debug, Clone, Default)]
pub struct CodeTable {
    columns: Vec<Box<str>>,
    rows: Vec<Row>,
    forward: HashMap<Box<str>, u32>,
    backward: HashMap<Box<str>, u32>,
}

impl CodeTable {
    /// Reads a table.
    ///
    /// # Errors
    /// The first line that is not a row of the table: a wrong header or number of columns, an empty code, or
    /// a row that says again what the first row of its code says.
    pub fn parse(text: &str) -> Result<Self, Box<Issue>> {
        let mut table = Self::default();
        let mut offset = 0;
        for (number, whole) in text.split('\n').enumerate() {
            let line = whole.trim_end_matches('\r');
            let line = if number == 0 { line.trim_start_matches('\u{feff}') } else { line };
            let span = Span::new(to_u32(offset), to_u32(offset + whole.len()));
            offset += whole.len() + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
            let outcome = if table.columns.is_empty() {
                table.header(&fields)
            } else {
                table.row(&fields, to_u32(number + 1))
            };
            outcome.map_err(|reason| Box::new(wrong(number + 1, span, &reason)))?;
        }
        if table.columns.is_empty() {
            let reason = "the header line `source<TAB>target` is missing";
            return Err(Box::new(wrong(1, Span::default(), reason)));
        }
        Ok(table)
    }

    fn header(&mut self, fields: &[&str]) -> Result<(), String> {
        if fields.len() < 2 || fields[0] != "source" || fields[1] != "target" {
            return Err("the header line must start with `source<TAB>target`".to_owned());
        }
        self.columns = fields.iter().map(|field| Box::from(*field)).collect();
        Ok(())
    }

    fn row(&mut self, fields: &[&str], line: u32) -> Result<(), String> {
        let (Some(source), Some(target)) = (fields.first(), fields.get(1)) else {
            return Err("the row has one column, a source and a target are needed".to_owned());
        };
        if source.is_empty() || target.is_empty() {
            return Err("a code is empty".to_owned());
        }
        if fields.len() > self.columns.len() {
            return Err(format!("the row has {} columns, the header {}", fields.len(), self.columns.len()));
        }
        if self.rows.len() >= ROWS_MAX {
            return Err(format!("the table has over {ROWS_MAX} rows"));
        }
        let twice =
            self.forward(source).filter(|known| *known == *target).and_then(|_| self.forward.get(*source));
        if let Some(first) = twice.and_then(|row| self.rows.get(*row as usize)) {
            return Err(format!("the row of line {} is there again", first.line));
        }
        let number = to_u32(self.rows.len());
        let mut rest: Vec<Box<str>> = fields[2..].iter().map(|field| Box::from(*field)).collect();
        rest.resize(self.columns.len() - 2, Box::default());
        let row = Row { source: (*source).into(), target: (*target).into(), rest: rest.into(), line };
        self.forward.entry(row.source.clone()).or_insert(number);
        self.backward.entry(row.target.clone()).or_insert(number);
        self.rows.push(row);
        Ok(())
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The names of the columns, `source` and `target` first.
    pub fn columns(&self) -> &[Box<str>] {
        &self.columns
    }

    /// True where every source has one target and every target one source.
    pub fn is_one_to_one(&self) -> bool {
        self.forward.len() == self.rows.len() && self.backward.len() == self.rows.len()
    }

    /// The target of a source code.
    pub fn forward(&self, source: &str) -> Option<&str> {
        self.forward_row(source).map(|row| &*row.target)
    }

    /// The source of a target code.
    pub fn backward(&self, target: &str) -> Option<&str> {
        self.backward_row(target).map(|row| &*row.source)
    }

    /// The first row of a source code.
    pub fn forward_row(&self, source: &str) -> Option<&Row> {
        self.forward.get(source).and_then(|row| self.rows.get(*row as usize))
    }

    /// The first row of a target code.
    pub fn backward_row(&self, target: &str) -> Option<&Row> {
        self.backward.get(target).and_then(|row| self.rows.get(*row as usize))
    }
}

fn wrong(line: usize, span: Span, reason: &str) -> Issue {
    Issue::error(codes::LENS_CODES, span, format!("line {line}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<bool, &str>) {
        let outcome =
            CodeTable::parse(text).map(|table| table.is_one_to_one()).map_err(|issue| issue.message);
        assert_eq!(outcome, expected.map_err(str::to_owned));
    }

    #[test]
    fn tables_and_their_faults() {
        check("source\ttarget\n1\tin-progress\n2\tachieved\n", Ok(true));
        check("source\ttarget\tdisplay\r\n# note\r\n\r\n1\ta\tAa\r\n2\ta\r\n", Ok(false));
        check("source\ttarget\n1\ta\n1\tb\n", Ok(false));
        check("code\tto\n", Err("line 1: the header line must start with `source<TAB>target`"));
        check("", Err("line 1: the header line `source<TAB>target` is missing"));
        check("source\ttarget\n1\n", Err("line 2: the row has one column, a source and a target are needed"));
        check("source\ttarget\n1\t\n", Err("line 2: a code is empty"));
        check("source\ttarget\n1\ta\tb\n", Err("line 2: the row has 3 columns, the header 2"));
        check("source\ttarget\n1\ta\n1\ta\n", Err("line 3: the row of line 2 is there again"));
    }

    #[test]
    fn the_first_row_wins_both_ways() {
        let text = "source\ttarget\tnote\n1\ta\tx\n2\ta\ty\n1\tb\n";
        let table = CodeTable::parse(text).unwrap_or_default();
        assert_eq!(table.forward("1"), Some("a"));
        assert_eq!(table.backward("a"), Some("1"));
        assert_eq!(table.forward("3"), None);
        let facts: Vec<(u32, &str)> = table.rows().iter().map(|row| (row.line, &*row.rest[0])).collect();
        assert_eq!(facts, [(2, "x"), (3, "y"), (4, "")]);
    }
}
