//! XLSX to tree and back (ECMA-376, SpreadsheetML): the first sheet of a workbook as the table that it is.
//!
//! The tree is the one that [`super::csv`] gives of the same table, over a text that holds the cells as the sheet shows
//! them, so that a lens for CSV reads both and a line of the text is a row of the sheet. What an edit changes is written
//! into the part that holds the sheet; every other part stays as it is, byte for byte.
//!
//! Rows have no order of their own in such a table: what is new goes below the last row, and what is removed is emptied,
//! so that what formats, comments and tables say of a row stays with it.

mod number;
mod sheet;
#[cfg(test)]
mod tests;
mod write;
mod zip;

use super::csv;
use crate::diag::{Code, Issue, Span, codes};
use crate::tree::{NameTable, NodeId, Tree, xml};
use number::Shown;
use sheet::Sheet;
use std::sync::Arc;
use zip::Archive;

/// The media type of a workbook.
pub const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// What begins every archive.
const SIGNATURE: &[u8] = b"PK\x03\x04";
/// Relationships of the whole package; they lead to the workbook.
const RELATIONS: &str = "_rels/.rels";

/// A workbook as it was read.
#[derive(Debug, Clone)]
pub struct Book {
    archive: Archive,
    /// The part that holds the sheet.
    part: String,
    sheet: Sheet,
    styles: Vec<Shown>,
    /// Days are counted from 1904.
    later: bool,
    /// Sheets beside the first that people see.
    others: usize,
}

type Outcome<T> = Result<T, Box<Issue>>;

/// True for bytes that begin as a workbook does.
pub fn is_xlsx(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}

/// Reads the first sheet of a workbook that is not hidden.
///
/// # Errors
/// An archive that is damaged or encrypted or has no such sheet, merged cells, a limit that was passed, or what
/// [`csv::read`] does not read.
pub fn read(bytes: &[u8], names: &Arc<NameTable>) -> Outcome<(Tree, Book)> {
    let archive = Archive::read(bytes)?;
    let package = Package { archive: &archive, names };
    let workbook_name = package.target(RELATIONS, "", "officeDocument")?.ok_or_else(no_sheet)?;
    let workbook = package.xml(&workbook_name)?;
    let folder = folder_of(&workbook_name);
    let relations = format!("{folder}_rels/{}.rels", workbook_name.get(folder.len()..).unwrap_or(""));
    let sheets = visible_sheets(&workbook);
    let id = sheets.first().ok_or_else(no_sheet)?;
    let part = package.target_of_id(&relations, folder, id)?.ok_or_else(no_sheet)?;
    let styles = match package.target(&relations, folder, "styles")? {
        Some(name) => number::styles(&package.xml(&name)?),
        None => Vec::new(),
    };
    let shared = match package.target(&relations, folder, "sharedStrings")? {
        Some(name) => sheet::shared_texts(&package.xml(&name)?),
        None => Vec::new(),
    };
    let later = is_later(&workbook);
    let sheet = Sheet::read(package.xml(&part)?, &sheet::Look { styles: &styles, shared: &shared, later })?;
    let (tree, _) = csv::read(&sheet.csv, names).map_err(|issue| in_sheet(&sheet.csv, *issue))?;
    let others = sheets.len() - 1;
    Ok((tree, Book { archive, part, sheet, styles, later, others }))
}

impl Book {
    /// The bytes that the workbook was read from.
    pub fn bytes(&self) -> &[u8] {
        self.archive.bytes()
    }

    /// What is to be said of the form of the workbook: sheets that are not read, numbers shown in a way that is not known,
    /// formulas that failed.
    pub fn remarks(&self) -> Vec<Issue> {
        let mut remarks = self.sheet.remarks.clone();
        if self.others > 0 {
            let message = format!("the workbook has {} more sheets, which are not read", self.others);
            remarks.push(Issue::warning(codes::XLSX_UNREAD, Span::default(), message));
        }
        remarks
    }

    /// The bytes of the workbook with the edits of a tree that came from it.
    ///
    /// # Errors
    /// An edit of a cell that a formula computes.
    pub fn write(&self, edited: &Tree) -> Outcome<Vec<u8>> {
        if !edited.is_edited() {
            return Ok(self.bytes().to_vec());
        }
        let text = write::changed(self, edited)?;
        if text == self.sheet.text() {
            return Ok(self.bytes().to_vec());
        }
        self.archive.with(&self.part, text.as_bytes())
    }

    fn style(&self, number: u32) -> &Shown {
        self.styles.get(number as usize).unwrap_or(&Shown::Plain)
    }
}

/// The parts of a workbook by name.
struct Package<'a> {
    archive: &'a Archive,
    names: &'a Arc<NameTable>,
}

impl Package<'_> {
    fn xml(&self, name: &str) -> Outcome<Tree> {
        let bytes = self.archive.part(name)?.ok_or_else(no_sheet)?;
        let (text, _) = super::decode(&bytes, None)?;
        // A place in a part is no place in the text that people are shown.
        xml::read_owned(text, self.names).map_err(|issue| Box::new(Issue { span: Span::default(), ..*issue }))
    }

    /// The part that a relationship of a kind leads to.
    fn target(&self, relations: &str, folder: &str, kind: &str) -> Outcome<Option<String>> {
        self.related(relations, folder, &|tree, node| {
            tree.child_text(node, "@Type").is_some_and(|url| url.rsplit('/').next() == Some(kind))
        })
    }

    /// The part that the relationship of an id leads to.
    fn target_of_id(&self, relations: &str, folder: &str, id: &str) -> Outcome<Option<String>> {
        self.related(relations, folder, &|tree, node| tree.child_text(node, "@Id").as_deref() == Some(id))
    }

    fn related(
        &self,
        relations: &str,
        folder: &str,
        is_it: &dyn Fn(&Tree, NodeId) -> bool,
    ) -> Outcome<Option<String>> {
        if !self.archive.names().any(|name| name == relations) {
            return Ok(None);
        }
        let tree = self.xml(relations)?;
        let found = tree.children(NodeId::ROOT).find(|node| is_it(&tree, *node));
        let target = found.and_then(|node| tree.child_text(node, "@Target"));
        Ok(target.map(|target| {
            target.strip_prefix('/').map_or_else(|| format!("{folder}{target}"), str::to_owned)
        }))
    }
}

/// The ids of the relationships of the sheets that people see, in their order.
fn visible_sheets(workbook: &Tree) -> Vec<String> {
    let Some(sheets) = workbook.child_str(NodeId::ROOT, "sheets") else { return Vec::new() };
    let is_seen = |node: &NodeId| workbook.child_text(*node, "@state").is_none_or(|state| state == "visible");
    // The attribute is of another namespace, under whatever prefix the workbook declares.
    let id = |node: NodeId| {
        let attribute = workbook.children(node).find(|child| workbook.name_text(*child).ends_with(":id"))?;
        Some(workbook.text(attribute).into_owned())
    };
    let named = |node: &NodeId| workbook.name_text(*node) == "sheet";
    workbook.children(sheets).filter(named).filter(is_seen).filter_map(id).collect()
}

fn is_later(workbook: &Tree) -> bool {
    let settings = workbook.child_str(NodeId::ROOT, "workbookPr");
    let stated = settings.and_then(|settings| workbook.child_text(settings, "@date1904"));
    stated.is_some_and(|stated| stated == "1" || stated == "true")
}

/// What is wrong with the table, at a row of the sheet: its text is not what people have before them.
fn in_sheet(text: &str, issue: Issue) -> Box<Issue> {
    let before = text.get(..issue.span.start as usize).unwrap_or("");
    let row = before.matches('\n').count() + 1;
    Box::new(Issue { span: Span::default(), ..issue }.at(format!("row {row}")))
}

/// The folder of a part, with its last slash.
fn folder_of(part: &str) -> &str {
    part.rfind('/').and_then(|at| part.get(..=at)).unwrap_or("")
}

fn no_sheet() -> Box<Issue> {
    Box::new(Issue::error(codes::XLSX_SHAPE, Span::default(), "the archive has no sheet of a workbook"))
}

fn fail<T>(code: &'static Code, message: &str) -> Outcome<T> {
    Err(Box::new(Issue::error(code, Span::default(), message)))
}
