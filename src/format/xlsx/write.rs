//! An edited table, written into the part that holds the sheet: cells that say something else now, and new rows below.

use super::sheet::{Cell, ROWS_MAX, Row, column_of, letters};
use super::{Book, Outcome, fail};
use crate::diag::{Issue, Span, codes};
use crate::tree::{Flags, Name, NodeId, Tree};
use std::collections::HashMap;
use std::ops::Range;

/// The text of the part with the edits of a tree in it.
pub(super) fn changed(book: &Book, edited: &Tree) -> Outcome<String> {
    let mut writer = Writer::new(book, edited)?;
    writer.rows()?;
    writer.area();
    Ok(writer.spliced())
}

struct Writer<'a> {
    book: &'a Book,
    edited: &'a Tree,
    /// The column of each title, those of new ones too.
    columns: Vec<(Name, u32)>,
    /// What stands before the names of elements: `x:` where the part has a prefix for them.
    prefix: String,
    splices: Vec<(Range<usize>, String)>,
    last_row: u32,
    last_column: u32,
}

/// What a cell must show from now on.
struct Wanted<'a> {
    column: u32,
    text: std::borrow::Cow<'a, str>,
}

impl<'a> Writer<'a> {
    fn new(book: &'a Book, edited: &'a Tree) -> Outcome<Self> {
        let sheet = &book.sheet;
        let Some(header) = sheet.lines.first().and_then(|(_, at)| sheet.rows.get(*at)) else {
            return fail(codes::XLSX_SHAPE, "the sheet has no header");
        };
        let title = |cell: &Cell| Some((edited.names().get(cell.shown.trim())?, cell.column));
        let columns =
            header.cells.iter().filter(|cell| !cell.shown.trim().is_empty()).filter_map(title).collect();
        let last_column =
            header.cells.iter().filter(|cell| !cell.shown.is_empty()).map(|cell| cell.column).max();
        let (data, _) = sheet.source(sheet.data);
        let name =
            data.strip_prefix('<').and_then(|rest| rest.split([' ', '>', '/', '\t', '\r', '\n']).next());
        let prefix =
            name.and_then(|name| name.rfind(':').and_then(|at| name.get(..=at))).unwrap_or("").to_owned();
        let last_row = sheet.lines.last().and_then(|(_, at)| sheet.rows.get(*at)).map_or(0, |row| row.number);
        let mut writer = Self {
            book,
            edited,
            columns,
            prefix,
            splices: Vec::new(),
            last_row,
            last_column: last_column.unwrap_or(0),
        };
        writer.titles(header)?;
        Ok(writer)
    }

    /// Columns that only cells know get a title after the last one.
    fn titles(&mut self, header: &Row) -> Outcome<()> {
        let edited = self.edited;
        for cell in table_rows(edited).flat_map(|row| edited.children(row)) {
            let name = edited.name(cell);
            if self.columns.iter().any(|(known, _)| *known == name) {
                continue;
            }
            self.last_column += 1;
            self.columns.push((name, self.last_column));
            let text = edited.name_text(cell).into();
            self.row(header, &[Wanted { column: self.last_column, text }], None)?;
        }
        Ok(())
    }

    fn rows(&mut self) -> Outcome<()> {
        let (edited, sheet) = (self.edited, &self.book.sheet);
        let stays = |row: &NodeId| !edited.flags(*row).has(Flags::NEW);
        let kept: HashMap<usize, NodeId> =
            table_rows(edited).filter(stays).map(|row| (edited.span(row).start as usize, row)).collect();
        for (start, at) in sheet.lines.iter().skip(1) {
            let Some(row) = sheet.rows.get(*at) else { continue };
            let wanted = self.wanted(kept.get(start).copied());
            self.row(row, &wanted, None)?;
        }
        let like = sheet.lines.iter().skip(1).last().and_then(|(_, at)| sheet.rows.get(*at));
        for new in table_rows(edited).filter(|row| !stays(row)) {
            self.last_row += 1;
            if self.last_row > ROWS_MAX {
                return fail(codes::LIMIT, "the sheet has no room for another row");
            }
            let wanted = self.wanted(Some(new));
            match sheet.rows.iter().find(|row| row.number == self.last_row) {
                Some(empty) => self.row(empty, &wanted, like)?,
                None => self.new_row(&wanted, like),
            }
        }
        Ok(())
    }

    /// What each column of a row shows; nothing of a row that was removed.
    fn wanted(&self, row: Option<NodeId>) -> Vec<Wanted<'a>> {
        let edited = self.edited;
        let text = |name: Name| {
            let cell = row.and_then(|row| edited.child(row, name));
            cell.map_or_else(|| "".into(), |cell| edited.text(cell))
        };
        let mut wanted: Vec<Wanted<'a>> =
            self.columns.iter().map(|(name, column)| Wanted { column: *column, text: text(*name) }).collect();
        wanted.sort_by_key(|wanted| wanted.column);
        wanted
    }

    /// Changes the cells of a row that show something else than they must.
    fn row(&mut self, row: &Row, wanted: &[Wanted<'_>], like: Option<&Row>) -> Outcome<()> {
        let mut added = String::new();
        let sheet = &self.book.sheet;
        for Wanted { column, text } in wanted {
            let there = row.cells.iter().find(|cell| cell.column == *column);
            if there.map_or("", |cell| cell.shown.as_str()) == text {
                continue;
            }
            if there.is_some_and(|cell| cell.is_computed) {
                let message = "a formula computes this cell, so nothing else can be written into it";
                let issue = Issue::error(codes::PUT_REFUSED, Span::default(), message);
                return Err(Box::new(issue.at(format!("{}{}", letters(*column), row.number))));
            }
            let like = there.filter(|cell| cell.style != 0).or_else(|| cell_like(like, *column)).or(there);
            let written = self.cell((*column, row.number), text, like);
            match there {
                Some(cell) => self.splices.push((sheet.source(cell.node).1, written)),
                None if row.cells.is_empty() => added.push_str(&written),
                None => {
                    let next = row.cells.iter().find(|cell| cell.column > *column);
                    let at = next.map_or_else(
                        || row.cells.last().map_or(0, |last| sheet.source(last.node).1.end),
                        |next| sheet.source(next.node).1.start,
                    );
                    self.splices.push((at..at, written));
                }
            }
        }
        if !added.is_empty() {
            let (source, range) = sheet.source(row.node);
            let head = source.split('>').next().unwrap_or("").trim_end_matches('/').trim_end();
            self.splices.push((range, format!("{head}>{added}</{}row>", self.prefix)));
        }
        Ok(())
    }

    fn new_row(&mut self, wanted: &[Wanted<'_>], like: Option<&Row>) {
        let (sheet, number, prefix) = (&self.book.sheet, self.last_row, &self.prefix);
        let filled = wanted.iter().filter(|wanted| !wanted.text.is_empty());
        let cells: String = filled
            .map(|wanted| self.cell((wanted.column, number), &wanted.text, cell_like(like, wanted.column)))
            .collect();
        let before = sheet.rows.iter().rev().find(|row| row.number < number);
        let at = before.map_or(0, |row| sheet.source(row.node).1.end);
        self.splices.push((at..at, format!("<{prefix}row r=\"{number}\">{cells}</{prefix}row>")));
    }

    /// A cell, in the style of another. What its style shows in the same way as a number is one.
    fn cell(&self, (column, row): (u32, u32), text: &str, like: Option<&Cell>) -> String {
        let prefix = &self.prefix;
        let style = like.map_or(0, |cell| cell.style);
        let stated = if style == 0 { String::new() } else { format!(" s=\"{style}\"") };
        let head = format!("<{prefix}c r=\"{}{row}\"{stated}", letters(column));
        if text.is_empty() {
            return format!("{head}/>");
        }
        let shown = self.book.style(style);
        let counts = like.is_some_and(|cell| cell.is_number) || matches!(shown, super::Shown::Date(_));
        match Some(shown).filter(|_| counts).and_then(|shown| shown.number(text, self.book.later)) {
            Some(number) => format!("{head}><{prefix}v>{number}</{prefix}v></{prefix}c>"),
            None => format!(
                "{head} t=\"inlineStr\"><{prefix}is><{prefix}t xml:space=\"preserve\">{}</{prefix}t></{prefix}is></{prefix}c>",
                escaped(text)
            ),
        }
    }

    /// The area that the sheet says it uses grows with new rows and columns.
    fn area(&mut self) {
        let Some((area, range)) = self.book.sheet.used() else { return };
        let (first, last) = area.split_once(':').unwrap_or((&area, &area));
        let row = last.trim_start_matches(|letter: char| letter.is_ascii_uppercase()).parse().unwrap_or(0);
        let (column, row) = (column_of(last).unwrap_or(0).max(self.last_column), self.last_row.max(row));
        let grown = format!("{first}:{}{row}", letters(column));
        if grown != area && !self.splices.is_empty() && area.contains(':') {
            self.splices.push((range, grown));
        }
    }

    fn spliced(mut self) -> String {
        let source = self.book.sheet.text();
        // What goes to one place stays in the order of its making.
        self.splices.sort_by_key(|(range, _)| range.start);
        let mut out = String::with_capacity(source.len() + 1_024);
        let mut at = 0;
        for (range, text) in &self.splices {
            out.push_str(source.get(at..range.start).unwrap_or(""));
            out.push_str(text);
            at = range.end;
        }
        out.push_str(source.get(at..).unwrap_or(""));
        out
    }
}

fn cell_like(row: Option<&Row>, column: u32) -> Option<&Cell> {
    row?.cells.iter().find(|cell| cell.column == column)
}

fn table_rows(tree: &Tree) -> impl Iterator<Item = NodeId> {
    let root = (!tree.is_empty()).then_some(NodeId::ROOT);
    root.into_iter().flat_map(|root| tree.children_named(root, Name::ROW))
}

/// A text as XML has it, and as workbooks write what XML cannot hold: `_x000D_`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        let is_escape = || {
            let rest = text.as_bytes().get(at + 1..at + 7);
            rest.is_some_and(|rest| {
                rest[0] == b'x' && rest[5] == b'_' && rest[1..5].iter().all(u8::is_ascii_hexdigit)
            })
        };
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\t' => out.push(character),
            '_' if is_escape() => out.push_str("_x005F_"),
            control if u32::from(control) < 0x20 || matches!(u32::from(control), 0xfffe | 0xffff) => {
                out.push_str(&format!("_x{:04X}_", u32::from(control)));
            }
            _ => out.push(character),
        }
    }
    out
}
