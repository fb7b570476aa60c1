//! CSV to tree and back (RFC 4180, with the separators that spreadsheet programs use).
//!
//! The root holds one `row` for each record, a `row` one text for each cell, named by its column. A cell
//! without any character is an absent value and has no node; `""` is a text that is empty.
//!
//! The csv crate is not used because its reader gives no places of cells in the text, which issues and edits
//! over the original bytes need.

#[cfg(test)]
mod tests;

use crate::diag::{Code, Issue, Span, codes};
use crate::tree::{Flags, Kind, NODES_MAX, Name, NameTable, NodeId, Tree, to_u32};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Columns of one document.
pub const COLUMNS_MAX: usize = 10_000;
/// Short rows that are told one by one.
const SHORT_ROWS_MAX: usize = 100;

/// How one CSV document is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// Between the cells of a row.
    pub separator: Separator,
    /// Between the rows.
    pub line_end: LineEnd,
    /// Every cell stands in quotes, as those of the header do.
    pub quotes_all: bool,
    /// The text begins with a byte order mark.
    pub bom: bool,
}

impl Default for Dialect {
    /// As RFC 4180 has it.
    fn default() -> Self {
        Self { separator: Separator::Comma, line_end: LineEnd::CrLf, quotes_all: false, bom: false }
    }
}

/// What stands between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// `;`, where the comma is the decimal sign.
    Semicolon,
    /// `,`.
    Comma,
    /// A tabulator.
    Tab,
}

impl Separator {
    /// The sign itself.
    pub const fn as_char(self) -> char {
        match self {
            Self::Semicolon => ';',
            Self::Comma => ',',
            Self::Tab => '\t',
        }
    }
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// A line feed.
    Lf,
    /// A carriage return and a line feed.
    CrLf,
}

impl LineEnd {
    /// The characters themselves.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

/// A cell as it stands in the text.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    quoted: bool,
    /// The text has doubled quotes.
    escaped: bool,
}

impl Cell {
    const fn text(self) -> (usize, usize) {
        if self.quoted { (self.start + 1, self.end - 1) } else { (self.start, self.end) }
    }
}

/// Reads a CSV text whose first line that is not blank names the columns. Blank lines are passed over.
///
/// # Errors
/// A header that is missing or names a column twice, a cell beyond the header or in a column that it does not
/// name, a quote without its other half, or a limit that was passed.
pub fn read(text: &str, names: &Arc<NameTable>) -> Result<(Tree, Dialect), Box<Issue>> {
    let mut tree = Tree::to_read(text, names)?;
    let bom = text.starts_with('\u{feff}');
    let separator = separator_of(text);
    let mut records = Records { text, at: if bom { BOM_LENGTH } else { 0 }, separator };
    let Some(head) = records.next().transpose()? else {
        return fail(codes::TRUNCATED, (text.len(), text.len()), "the document has no header");
    };
    let root = tree.push_root(Name::NONE, Kind::Object);
    tree.set_spans(root, 0, 0, text.len());
    let columns = columns(&mut tree, text, &head)?;
    for record in records {
        row(&mut tree, root, &columns, &record?)?;
    }
    let line_end = match text.find('\n') {
        Some(at) if !text[..at].ends_with('\r') => LineEnd::Lf,
        _ => LineEnd::CrLf,
    };
    tree.set_source(text.to_owned());
    Ok((tree, Dialect { separator, line_end, quotes_all: head.iter().all(|cell| cell.quoted), bom }))
}

/// The names of the columns of a text that was read.
pub fn header(text: &str) -> Vec<String> {
    let at = if text.starts_with('\u{feff}') { BOM_LENGTH } else { 0 };
    let head = Records { text, at, separator: separator_of(text) }.next().and_then(Result::ok);
    head.unwrap_or_default().into_iter().map(|cell| title(text, cell)).collect()
}

/// Rows with fewer cells than the header, of a text that was read: an export that was cut off ends in one.
pub fn short_rows(text: &str) -> Vec<Issue> {
    let at = if text.starts_with('\u{feff}') { BOM_LENGTH } else { 0 };
    let mut records = Records { text, at, separator: separator_of(text) }.filter_map(Result::ok);
    let columns = records.next().map_or(0, |head| head.len());
    let short = records.filter(|cells| cells.len() < columns).filter_map(|cells| {
        let (first, last) = (cells.first()?, cells.last()?);
        let message = format!("this row has {} cells, the header {columns}", cells.len());
        let span = Span::new(to_u32(first.start), to_u32(last.end));
        Some(Issue::warning(codes::CSV_SHAPE, span, message))
    });
    short.take(SHORT_ROWS_MAX).collect()
}

const BOM_LENGTH: usize = '\u{feff}'.len_utf8();

/// The sign that the first line has most often outside quotes; a comma where it has none.
fn separator_of(text: &str) -> Separator {
    let text = text.trim_start_matches(['\u{feff}', '\r', '\n']);
    let line = text.split(['\r', '\n']).next().unwrap_or("");
    // Each sign is counted for itself, as a quote opens only where a cell starts.
    let count = |separator: Separator| {
        let (mut count, mut quoted, mut opens) = (0_usize, false, true);
        for character in line.chars() {
            if quoted {
                // Right after a quote that closed another one opens again: it is a doubled one.
                (quoted, opens) = (character != '"', true);
                continue;
            }
            let separates = character == separator.as_char();
            (quoted, opens) = (opens && character == '"', separates);
            count += usize::from(separates);
        }
        count
    };
    let (commas, semicolons, tabs) =
        (count(Separator::Comma), count(Separator::Semicolon), count(Separator::Tab));
    match commas.max(semicolons).max(tabs) {
        most if most == commas => Separator::Comma,
        most if most == semicolons => Separator::Semicolon,
        _ => Separator::Tab,
    }
}

/// The names of the columns.
fn columns(tree: &mut Tree, text: &str, head: &[Cell]) -> Result<Vec<Name>, Box<Issue>> {
    if head.len() > COLUMNS_MAX {
        return fail(codes::LIMIT, (0, 0), "the header has too many columns");
    }
    let mut seen = HashSet::new();
    let mut columns = Vec::with_capacity(head.len());
    for cell in head {
        let title = title(text, *cell);
        let span = (cell.start, cell.end);
        let Some(name) = tree.names_mut().intern(&title) else {
            return fail(codes::LIMIT, span, "the document has too many different names");
        };
        // Exports that end each line with a separator have a column without a name; it must stay empty.
        if name != Name::NONE && !seen.insert(name) {
            return fail(codes::CSV_SHAPE, span, "the header names this column twice");
        }
        columns.push(name);
    }
    Ok(columns)
}

fn title(text: &str, cell: Cell) -> String {
    let (start, end) = cell.text();
    let raw = text.get(start..end).unwrap_or("");
    let title = if cell.escaped { raw.replace("\"\"", "\"") } else { raw.to_owned() };
    title.trim().to_owned()
}

fn row(tree: &mut Tree, root: NodeId, columns: &[Name], cells: &[Cell]) -> Result<(), Box<Issue>> {
    let (Some(first), Some(last)) = (cells.first(), cells.last()) else { return Ok(()) };
    if let Some(extra) = cells.get(columns.len()) {
        let message = format!("this row has {} cells, the header {}", cells.len(), columns.len());
        return fail(codes::CSV_SHAPE, (extra.start, last.end), &message);
    }
    if tree.len() + cells.len() >= NODES_MAX {
        return fail(codes::LIMIT, (first.start, last.end), "the document has too many cells");
    }
    let row = tree.push(root, Name::ROW, Kind::Object, Flags::LIST);
    tree.set_spans(row, first.start, first.start, last.end);
    for (cell, name) in cells.iter().zip(columns) {
        if cell.start == cell.end {
            continue;
        }
        if *name == Name::NONE {
            let message = "this cell stands in a column that the header does not name";
            return fail(codes::CSV_SHAPE, (cell.start, cell.end), message);
        }
        let id = tree.push(row, *name, Kind::Str, Flags::default());
        let (start, end) = cell.text();
        tree.set_spans(id, cell.start, cell.start, cell.end);
        tree.set_text_range(id, start, end);
        if cell.escaped {
            tree.add_flags(id, Flags::CSV_ESCAPES);
        }
    }
    Ok(())
}

/// The records of a text, blank lines left out.
struct Records<'a> {
    text: &'a str,
    at: usize,
    separator: Separator,
}

impl Iterator for Records<'_> {
    type Item = Result<Vec<Cell>, Box<Issue>>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b'\n' | b'\r')) {
            self.at += 1;
        }
        if self.at >= bytes.len() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            let cell = match self.cell() {
                Ok(cell) => cell,
                Err(issue) => {
                    self.at = bytes.len();
                    return Some(Err(issue));
                }
            };
            cells.push(cell);
            if bytes.get(self.at).copied().map(char::from) != Some(self.separator.as_char()) {
                return Some(Ok(cells));
            }
            self.at += 1;
        }
    }
}

impl Records<'_> {
    fn cell(&mut self) -> Result<Cell, Box<Issue>> {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        if bytes.get(start) == Some(&b'"') {
            return self.quoted_cell();
        }
        let ends = |byte: &u8| matches!(byte, b'\n' | b'\r') || char::from(*byte) == self.separator.as_char();
        let length = bytes[start..].iter().position(ends).unwrap_or(bytes.len() - start);
        self.at = start + length;
        Ok(Cell { start, end: self.at, quoted: false, escaped: false })
    }

    fn quoted_cell(&mut self) -> Result<Cell, Box<Issue>> {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let mut escaped = false;
        self.at += 1;
        loop {
            let Some(length) = memchr::memchr(b'"', &bytes[self.at..]) else {
                let message = "the quote that opens this cell has no other half";
                return fail(codes::TRUNCATED, (start, bytes.len()), message);
            };
            self.at += length + 1;
            if bytes.get(self.at) != Some(&b'"') {
                break;
            }
            self.at += 1;
            escaped = true;
        }
        match bytes.get(self.at).copied() {
            None | Some(b'\n' | b'\r') => {}
            Some(byte) if char::from(byte) == self.separator.as_char() => {}
            Some(_) => {
                let message = "text follows the quote that closes this cell";
                return fail(codes::CSV_SHAPE, (start, self.at), message);
            }
        }
        Ok(Cell { start, end: self.at, quoted: true, escaped })
    }
}

/// Writes a tree of rows as CSV text. Columns that the rows have beyond `columns` follow in the order in
/// which they are met, so that no cell is lost.
pub fn write(tree: &Tree, dialect: &Dialect, columns: &[&str]) -> String {
    let columns = Columns::new(tree, columns.iter().map(|column| (*column).to_owned()).collect());
    // One column has no separator that a reader could find, so it is read with a comma.
    let alone = Dialect { separator: Separator::Comma, ..dialect.clone() };
    let dialect = if columns.titles.len() == 1 { &alone } else { dialect };
    let mut out = String::from(if dialect.bom { "\u{feff}" } else { "" });
    for (at, column) in columns.titles.iter().enumerate() {
        if at > 0 {
            out.push(dialect.separator.as_char());
        }
        title_into(column, dialect, &mut out);
    }
    out.push_str(dialect.line_end.as_str());
    for row in rows(tree) {
        new_row(tree, row, dialect, &columns, &mut out);
        out.push_str(dialect.line_end.as_str());
    }
    out
}

/// Writes an edited tree back over its source text: changed cells are replaced in place, a removed cell is
/// left empty, new rows are written in the dialect of the document, and removed rows drop their line.
///
/// A cell of a column that the header does not have adds the column at the end of the header. A row that has
/// no cell at all cannot be told from a blank line where there is one column; it is written as `""`.
pub fn patch(tree: &Tree, dialect: &Dialect) -> String {
    let source = tree.source();
    if !tree.is_edited() && !source.is_empty() {
        return source.to_owned();
    }
    let mut records =
        Records { text: source, at: if dialect.bom { BOM_LENGTH } else { 0 }, separator: dialect.separator };
    let Some(Ok(head)) = records.next() else {
        return write(tree, dialect, &[]);
    };
    let columns = Columns::new(tree, head.iter().map(|cell| title(source, *cell)).collect());
    let mut out = String::with_capacity(source.len() + source.len() / 8);
    let head_end = head.last().map_or(0, |cell| cell.end);
    out.push_str(source.get(..head_end).unwrap_or(""));
    for column in &columns.titles[head.len()..] {
        out.push(dialect.separator.as_char());
        title_into(column, dialect, &mut out);
    }
    let patch = Patch { tree, dialect, columns: &columns, lines: lines(source, head_end, records) };
    patch.rows(&mut out);
    out
}

/// A line of the source that holds a record: what leads it is its line break and blank lines before it.
#[derive(Debug)]
struct Line {
    lead: usize,
    cells: Vec<Cell>,
}

impl Line {
    fn start(&self) -> usize {
        self.cells.first().map_or(self.lead, |cell| cell.start)
    }

    fn end(&self) -> usize {
        self.cells.last().map_or(self.lead, |cell| cell.end)
    }
}

fn lines(source: &str, head_end: usize, records: Records<'_>) -> Vec<Line> {
    let mut lead = head_end;
    let mut lines = Vec::new();
    for cells in records.map_while(Result::ok) {
        let line = Line { lead, cells };
        lead = line.end();
        lines.push(line);
    }
    lines.push(Line {
        lead,
        cells: vec![Cell { start: source.len(), end: source.len(), quoted: false, escaped: false }],
    });
    lines
}

struct Patch<'a> {
    tree: &'a Tree,
    dialect: &'a Dialect,
    columns: &'a Columns,
    /// The records after the header; the last one stands for the end of the text.
    lines: Vec<Line>,
}

impl Patch<'_> {
    fn rows(&self, out: &mut String) {
        let (tree, source) = (self.tree, self.tree.source());
        for row in rows(tree) {
            let start = tree.span(row).start as usize;
            let line = self.lines.binary_search_by_key(&start, Line::start).ok();
            if let Some(at) = line.filter(|_| !tree.flags(row).has(Flags::NEW)) {
                let line = &self.lines[at];
                out.push_str(source.get(line.lead..line.start()).unwrap_or(""));
                self.row(row, line, out);
            } else {
                out.push_str(self.dialect.line_end.as_str());
                new_row(tree, row, self.dialect, self.columns, out);
            }
        }
        if let Some(end) = self.lines.last() {
            out.push_str(source.get(end.lead..).unwrap_or(""));
        }
    }

    fn row(&self, row: NodeId, line: &Line, out: &mut String) {
        let (tree, source) = (self.tree, self.tree.source());
        if !tree.flags(row).any(Flags::EDITED) {
            out.push_str(source.get(line.start()..line.end()).unwrap_or(""));
            return;
        }
        let values = self.columns.cells(tree, row);
        let last = values.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
        for (at, value) in values.iter().enumerate().take(last.max(line.cells.len())) {
            if at > 0 {
                out.push(self.dialect.separator.as_char());
            }
            let cell = line.cells.get(at);
            let Some(value) = value else { continue };
            if tree.flags(*value).any(Flags::NEW.with(Flags::TEXT_EDITED)) {
                let quoted = cell
                    .filter(|cell| cell.start < cell.end)
                    .map_or(self.dialect.quotes_all, |cell| cell.quoted);
                cell_into(&tree.text(*value), quoted, self.dialect, out);
            } else if let Some(cell) = cell {
                out.push_str(source.get(cell.start..cell.end).unwrap_or(""));
            }
        }
        if self.columns.titles.len() == 1 && last == 0 {
            out.push_str("\"\"");
        }
    }
}

fn rows(tree: &Tree) -> impl Iterator<Item = NodeId> {
    let root = (!tree.is_empty()).then_some(NodeId::ROOT);
    root.into_iter().flat_map(|root| tree.children_named(root, Name::ROW))
}

/// The columns of a text in order, and their places by name.
struct Columns {
    titles: Vec<String>,
    places: HashMap<Name, usize>,
}

impl Columns {
    /// These columns, and after them the ones that only cells know.
    fn new(tree: &Tree, mut titles: Vec<String>) -> Self {
        let place = |(at, title): (usize, &String)| tree.names().get(title).map(|name| (name, at));
        let mut places: HashMap<Name, usize> = titles.iter().enumerate().filter_map(place).collect();
        for cell in rows(tree).flat_map(|row| tree.children(row)) {
            places.entry(tree.name(cell)).or_insert_with(|| {
                titles.push(tree.name_text(cell).to_owned());
                titles.len() - 1
            });
        }
        Self { titles, places }
    }

    /// The cells of a row, one for each column.
    fn cells(&self, tree: &Tree, row: NodeId) -> Vec<Option<NodeId>> {
        let mut cells = vec![None; self.titles.len()];
        for cell in tree.children(row) {
            if let Some(place) = self.places.get(&tree.name(cell)).and_then(|at| cells.get_mut(*at)) {
                *place = place.or(Some(cell));
            }
        }
        cells
    }
}

fn new_row(tree: &Tree, row: NodeId, dialect: &Dialect, columns: &Columns, out: &mut String) {
    let cells = columns.cells(tree, row);
    if let [None] = cells.as_slice() {
        out.push_str("\"\"");
    }
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(dialect.separator.as_char());
        }
        if let Some(cell) = cell {
            cell_into(&tree.text(cell), dialect.quotes_all, dialect, out);
        }
    }
}

/// A title is quoted for any separator, as the separator is told by the header.
fn title_into(title: &str, dialect: &Dialect, out: &mut String) {
    let quoted = dialect.quotes_all || title.contains([',', ';', '\t']);
    cell_into(title, quoted, dialect, out);
}

fn cell_into(text: &str, quoted: bool, dialect: &Dialect, out: &mut String) {
    let sign = dialect.separator.as_char();
    // An empty text without quotes would be an absent value, and a byte order mark would not survive as the
    // first character of a document.
    let special = |character| matches!(character, '"' | '\r' | '\n' | '\u{feff}') || character == sign;
    if quoted || text.is_empty() || text.contains(special) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

fn fail<T>(code: &'static Code, (start, end): (usize, usize), message: &str) -> Result<T, Box<Issue>> {
    Err(Box::new(Issue::error(code, Span::new(to_u32(start), to_u32(end)), message)))
}
