//! The rows and cells of a sheet, and the text that shows them.

use super::number::Shown;
use super::{Outcome, fail};
use crate::diag::{Issue, Span, codes};
use crate::tree::{Kind, NodeId, Tree, to_u32};
use std::ops::Range;

/// Rows of a sheet (ECMA-376 part 1, annex L.2).
pub(super) const ROWS_MAX: u32 = 1_048_576;
/// Columns of a sheet.
pub(super) const COLUMNS_MAX: u32 = 16_384;
/// Remarks about single cells.
const REMARKS_MAX: usize = 100;

/// A sheet as it was read.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    tree: Tree,
    /// The rows that the part holds, by number.
    pub(super) rows: Vec<Row>,
    /// The element that holds the rows.
    pub(super) data: NodeId,
    /// The table as text.
    pub(super) csv: String,
    /// Where each row that is not empty begins in the text, and which of `rows` it is. The first is the header.
    pub(super) lines: Vec<(usize, usize)>,
    pub(super) remarks: Vec<Issue>,
}

/// A row of the part.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) node: NodeId,
    pub(super) cells: Vec<Cell>,
}

/// A cell of the part.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// Counted from nought.
    pub(super) column: u32,
    pub(super) node: NodeId,
    pub(super) style: u32,
    /// What the sheet shows; empty for a cell that has a style alone.
    pub(super) shown: String,
    /// A number stands in it.
    pub(super) is_number: bool,
    /// A formula computes it.
    pub(super) is_computed: bool,
}

/// What the workbook says of how cells look.
pub(super) struct Look<'a> {
    pub(super) styles: &'a [Shown],
    pub(super) shared: &'a [String],
    pub(super) later: bool,
}

/// The texts that cells share.
pub(super) fn shared_texts(tree: &Tree) -> Vec<String> {
    let is_item = |node: &NodeId| tree.name_text(*node) == "si";
    tree.children(NodeId::ROOT).filter(is_item).map(|item| rich_text(tree, item)).collect()
}

impl Sheet {
    pub(super) fn read(tree: Tree, look: &Look<'_>) -> Outcome<Self> {
        let Some(data) = tree.child_str(NodeId::ROOT, "sheetData") else {
            return fail(codes::XLSX_SHAPE, "the part of the sheet has no rows");
        };
        if let Some(merged) = tree.child_str(NodeId::ROOT, "mergeCells")
            && let Some(first) = tree.child_str(merged, "mergeCell")
        {
            let area = tree.child_text(first, "@ref").unwrap_or_default();
            let message =
                "cells of the sheet are merged: of which row and column their text is nobody can know";
            let issue = Issue::error(codes::XLSX_SHAPE, Span::default(), message).at(area.into_owned());
            return Err(Box::new(issue.with_help("split the merged cells, and give each row its own text")));
        }
        let mut sheet =
            Self { rows: Vec::new(), data, csv: String::new(), lines: Vec::new(), remarks: Vec::new(), tree };
        sheet.read_rows(look)?;
        Ok(sheet)
    }

    /// The text of the part.
    pub(super) fn text(&self) -> &str {
        self.tree.source()
    }

    /// The text of an element of the part.
    pub(super) fn source(&self, node: NodeId) -> (&str, Range<usize>) {
        let span = self.tree.head_span(node);
        let range = span.start as usize..span.end as usize;
        (self.text().get(range.clone()).unwrap_or(""), range)
    }

    /// The area that the sheet says it uses: the attribute's text.
    pub(super) fn used(&self) -> Option<(String, Range<usize>)> {
        let dimension = self.tree.child_str(NodeId::ROOT, "dimension")?;
        let area = self.tree.child_str(dimension, "@ref")?;
        let span = self.tree.text_span(area);
        Some((self.tree.text(area).into_owned(), span.start as usize..span.end as usize))
    }

    fn read_rows(&mut self, look: &Look<'_>) -> Outcome<()> {
        let rows: Vec<NodeId> =
            self.tree.children(self.data).filter(|node| self.tree.name_text(*node) == "row").collect();
        let mut before = 0;
        for node in rows {
            let number = match self.tree.child_text(node, "@r") {
                Some(stated) => stated.parse::<u32>().unwrap_or(0),
                None => before + 1,
            };
            if number <= before || number > ROWS_MAX {
                return fail(codes::XLSX_SHAPE, "the rows of the sheet are not in order");
            }
            // Rows that the part leaves out are empty lines, so that a line has the number of its row.
            for _ in before + 1..number {
                self.csv.push('\n');
            }
            before = number;
            let row = self.row(node, number, look)?;
            self.show(&row);
            self.rows.push(row);
        }
        Ok(())
    }

    fn row(&mut self, node: NodeId, number: u32, look: &Look<'_>) -> Outcome<Row> {
        let cells: Vec<NodeId> =
            self.tree.children(node).filter(|node| self.tree.name_text(*node) == "c").collect();
        let mut read: Vec<Cell> = Vec::with_capacity(cells.len());
        for cell in cells {
            let after = read.last().map_or(0, |cell| cell.column + 1);
            let column = match self.tree.child_text(cell, "@r") {
                Some(stated) => column_of(&stated).filter(|column| *column >= after),
                None => Some(after),
            };
            let Some(column) = column.filter(|column| *column < COLUMNS_MAX) else {
                return fail(codes::XLSX_SHAPE, "the cells of a row of the sheet are not in order");
            };
            read.push(self.cell(cell, (column, number), look));
        }
        Ok(Row { number, node, cells: read })
    }

    fn cell(&mut self, node: NodeId, (column, row): (u32, u32), look: &Look<'_>) -> Cell {
        let tree = &self.tree;
        let style = tree.child_text(node, "@s").and_then(|text| text.parse().ok()).unwrap_or(0);
        let kind = tree.child_text(node, "@t").map_or_else(|| "n".to_owned(), std::borrow::Cow::into_owned);
        let value = tree.child_str(node, "v").map(|value| element_text(tree, value)).unwrap_or_default();
        let is_computed = tree.child_str(node, "f").is_some();
        let format = look.styles.get(style as usize).unwrap_or(&Shown::Plain);
        let is_number = kind == "n" && !value.is_empty();
        let shown = match kind.as_str() {
            "s" => {
                value.parse::<usize>().ok().and_then(|at| look.shared.get(at)).cloned().unwrap_or_default()
            }
            "inlineStr" => tree.child_str(node, "is").map(|text| rich_text(tree, text)).unwrap_or_default(),
            "b" if value == "1" => "TRUE".to_owned(),
            "b" if value == "0" => "FALSE".to_owned(),
            "n" if is_number => format.text(&value, look.later),
            _ => unescaped(&value),
        };
        let remark = if kind == "e" {
            Some("the sheet shows an error here in the place of a value")
        } else if is_number && *format == Shown::Unknown {
            Some("the format of this number is not known here; it is read as it is stored")
        } else if is_computed && value.is_empty() {
            Some("the file has no result of the formula of this cell")
        } else {
            None
        };
        if let Some(message) = remark.filter(|_| self.remarks.len() < REMARKS_MAX) {
            let at = to_u32(self.csv.len());
            let issue = Issue::warning(codes::XLSX_UNREAD, Span::new(at, at), message);
            self.remarks.push(issue.at(format!("{}{row}", letters(column))));
        }
        Cell { column, node, style, shown, is_number, is_computed }
    }

    /// Adds a row to the text.
    fn show(&mut self, row: &Row) {
        let last = row.cells.iter().rposition(|cell| !cell.shown.is_empty());
        if let Some(last) = last {
            self.lines.push((self.csv.len(), self.rows.len()));
            let mut column = 0;
            for cell in row.cells.iter().take(last + 1) {
                for _ in column..cell.column {
                    self.csv.push(';');
                }
                column = cell.column;
                quoted_into(&cell.shown, &mut self.csv);
            }
        }
        self.csv.push('\n');
    }
}

/// A cell is quoted for any separator, as the separator is told by the header.
fn quoted_into(text: &str, out: &mut String) {
    if text.contains([';', ',', '\t', '"', '\r', '\n', '\u{feff}']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

/// The text of runs, without what tells how it is pronounced.
fn rich_text(tree: &Tree, node: NodeId) -> String {
    let mut out = String::new();
    for child in tree.children(node) {
        match tree.name_text(child) {
            "t" => out.push_str(&unescaped(&element_text(tree, child))),
            "r" => out.push_str(&rich_text(tree, child)),
            _ => {}
        }
    }
    out
}

/// The text of an element, also of one with attributes.
fn element_text(tree: &Tree, node: NodeId) -> String {
    if tree.kind(node).is_leaf() {
        return tree.text(node).into_owned();
    }
    let runs = tree.children(node).filter(|child| tree.kind(*child) == Kind::Text);
    runs.map(|run| tree.text(run)).collect()
}

/// `_x000D_` stands for the character of that number (ECMA-376 part 1, 22.9.2.19).
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let digits = found.get(2..6).filter(|_| found.get(6..7) == Some("_"));
        let character =
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        let length = if let Some(character) = character {
            out.push(character);
            7
        } else {
            out.push_str("_x");
            2
        };
        rest = found.get(length..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// The column of a cell's name, counted from nought: `C` of `C7` is 2.
pub(super) fn column_of(name: &str) -> Option<u32> {
    let letters = name.bytes().take_while(u8::is_ascii_uppercase).take(4);
    let column = letters.fold(0_u32, |column, letter| column * 26 + u32::from(letter - b'A') + 1);
    column.checked_sub(1).filter(|column| *column < COLUMNS_MAX)
}

/// The letters of a column.
pub(super) fn letters(column: u32) -> String {
    let mut rest = column + 1;
    let mut out = Vec::new();
    while rest > 0 {
        rest -= 1;
        out.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    out.iter().rev().collect()
}
