//! A unit's document: bytes in, a tree and what is needed to write it back the way it came.

use crate::diag::{Issue, Span, codes};
use crate::format::{Encoding, csv, decode, encode, er7, xlsx};
use crate::mapping::units::{self, Unit, recognise, recognise_columns, schema};
use crate::mapping::{Format, Program};
use crate::tree::{NodeId, Tree, fhir, json, patch, xml};

/// How a document is written.
#[derive(Debug, Clone)]
enum Syntax {
    Json,
    Xml,
    FhirJson,
    FhirXml,
    Csv(csv::Dialect),
    Xlsx(Box<xlsx::Book>),
    Er7(er7::Dialect),
}

/// A document of a unit system.
#[derive(Debug, Clone)]
pub struct Document {
    /// The unit system it belongs to.
    pub unit: &'static Unit,
    /// Its content, over the decoded text.
    pub tree: Tree,
    encoding: Encoding,
    syntax: Syntax,
}

/// Why a document was not read: the issue and the text its span points into, as far as it was decoded.
#[derive(Debug)]
pub struct Unread {
    /// What is wrong.
    pub issue: Box<Issue>,
    /// The decoded text; empty where it could not be decoded.
    pub text: String,
}

impl Document {
    /// Reads a document, of a named unit system or of the one that recognises it.
    ///
    /// # Errors
    /// The bytes are not a document of any, or not of the named, unit system.
    pub fn read(bytes: &[u8], from: Option<&'static Unit>) -> Result<Self, Box<Unread>> {
        if xlsx::is_xlsx(bytes) {
            return read_workbook(bytes, from)
                .map_err(|issue| Box::new(Unread { issue, text: String::new() }));
        }
        if from.is_none_or(|unit| unit.format() == Format::Er7) && er7::looks_like(bytes) {
            return Self::read_er7(bytes, from);
        }
        let csv_allowed = from.is_none_or(|unit| unit.format() == Format::Csv);
        let decoded = decode(bytes, None).or_else(|issue| {
            if csv_allowed && !looks_marked_up(bytes) {
                decode(bytes, Some(Encoding::Windows1252))
            } else {
                Err(issue)
            }
        });
        let (text, encoding) = decoded.map_err(|issue| Box::new(Unread { issue, text: String::new() }))?;
        let read = match from {
            Some(unit) => read_as(&text, unit),
            None => read_any(&text),
        };
        match read {
            Ok((unit, tree, syntax)) => Ok(Self { unit, tree, encoding, syntax }),
            Err(issue) => Err(Box::new(Unread { issue, text })),
        }
    }

    /// Reads an HL7 v2 message, whose header names its character set.
    fn read_er7(bytes: &[u8], from: Option<&'static Unit>) -> Result<Self, Box<Unread>> {
        let (text, encoding) =
            er7::decode(bytes, None).map_err(|issue| Box::new(Unread { issue, text: String::new() }))?;
        let read = || {
            let (tree, dialect) = er7::read(&text, schema().names())?;
            let unit = match from {
                Some(unit) if unit.recognises(&tree) => unit,
                Some(unit) => return Err(mismatch(unit, &tree)),
                None => recognise(&tree, Format::Er7).ok_or_else(unknown)?,
            };
            Ok((unit, tree, Syntax::Er7(dialect)))
        };
        match read() {
            Ok((unit, tree, syntax)) => Ok(Self { unit, tree, encoding, syntax }),
            Err(issue) => Err(Box::new(Unread { issue, text })),
        }
    }

    /// The text of the document as it was read.
    pub fn text(&self) -> &str {
        self.tree.source()
    }

    /// New rows of a workbook go below the others, so it is read again: where their order would tell something else than
    /// the edited table does, nothing is written.
    fn write_workbook(&self, book: &xlsx::Book, edited: &Tree) -> Result<Vec<u8>, Box<Issue>> {
        let bytes = book.write(edited)?;
        if edited.is_edited()
            && let Ok(program) = self.unit.program()
        {
            let again = read_workbook(&bytes, Some(self.unit))?;
            program.gives(&again.tree, &program.get(edited)?.target)?;
        }
        Ok(bytes)
    }

    /// True for a table that came as a workbook.
    pub fn is_workbook(&self) -> bool {
        matches!(self.syntax, Syntax::Xlsx(_))
    }

    /// Warnings about the form of the document that no lens can give: what FHIR does not have, rows that end early.
    pub fn remarks(&self) -> Vec<Issue> {
        match &self.syntax {
            Syntax::FhirJson | Syntax::FhirXml => fhir::unknown_elements(&self.tree, schema()),
            Syntax::Csv(_) => csv::short_rows(self.text()),
            Syntax::Xlsx(book) => book.remarks(),
            Syntax::Er7(_) => er7::remarks(&self.tree),
            Syntax::Json | Syntax::Xml => Vec::new(),
        }
    }

    /// The bytes that the document was read from.
    pub fn bytes(&self) -> Vec<u8> {
        if let Syntax::Xlsx(book) = &self.syntax {
            return book.bytes().to_vec();
        }
        // Every character came from the encoding, so it has room for all of them.
        encode(self.text(), self.encoding).unwrap_or_default()
    }

    /// The bytes of the document with the edits of `edited`, which must come from its tree.
    ///
    /// # Errors
    /// The encoding of the document has no room for a new character.
    pub fn write(&self, edited: &Tree) -> Result<Vec<u8>, Box<Issue>> {
        let text = match &self.syntax {
            Syntax::Json | Syntax::FhirJson => patch::write(edited, patch::Syntax::Json),
            Syntax::Xml => patch::write(edited, patch::Syntax::Xml),
            Syntax::FhirXml => patch::write(edited, patch::Syntax::FhirXml),
            Syntax::Csv(dialect) => csv::patch(edited, dialect),
            Syntax::Xlsx(book) => return self.write_workbook(book, edited),
            Syntax::Er7(dialect) => er7::patch(edited, dialect)?,
        };
        encode(&text, self.encoding)
    }
}

/// The text of a new document that `create` made.
pub fn write_new(unit: &Unit, program: &Program, tree: &Tree) -> String {
    let mut out = String::new();
    match unit.format() {
        // What `create` makes has nothing that a message has no place for: its lens was checked.
        Format::Er7 => return er7::write(tree).unwrap_or_default(),
        Format::Json => json::write(tree, NodeId::ROOT, json::Layout::Pretty, &mut out),
        Format::Fhir => fhir::write_json(tree, NodeId::ROOT, Some(schema()), json::Layout::Pretty, &mut out),
        Format::Xml => {
            out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
            xml::write(tree, NodeId::ROOT, json::Layout::Pretty, &mut out);
        }
        Format::Csv => {
            let columns: Vec<&str> = program.source_columns().iter().map(String::as_str).collect();
            // The comma is the decimal sign here, so what opens such files expects a semicolon. No lens states a
            // dialect of its own yet.
            let dialect = csv::Dialect { separator: csv::Separator::Semicolon, ..csv::Dialect::default() };
            return csv::write(tree, &dialect, &columns);
        }
    }
    out.push('\n');
    out
}

/// Reads FHIR resources, JSON or XML, for `put` and `create`. Their elements come in the order of the
/// definitions, as `get` gives them, whatever the order of the JSON members was.
///
/// # Errors
/// The text is not a FHIR resource.
pub fn read_resources(text: &str) -> Result<Tree, Box<Issue>> {
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return fhir::read_xml(text, schema().names(), schema());
    }
    let mut tree = fhir::read_json(text, schema().names())?;
    fhir::sort(&mut tree, schema());
    Ok(tree)
}

/// A workbook is a table in another form, so it belongs to a unit system whose documents are CSV.
fn read_workbook(bytes: &[u8], from: Option<&'static Unit>) -> Result<Document, Box<Issue>> {
    let (tree, book) = xlsx::read(bytes, schema().names())?;
    let columns = csv::header(tree.source());
    let unit = match from {
        Some(unit) if unit.format() == Format::Csv && unit.has_columns(&columns) => unit,
        Some(unit) => return Err(mismatch(unit, &tree)),
        None => recognise_columns(&columns).ok_or_else(unknown)?,
    };
    Ok(Document { unit, tree, encoding: Encoding::Utf8, syntax: Syntax::Xlsx(Box::new(book)) })
}

fn mismatch(unit: &Unit, tree: &Tree) -> Box<Issue> {
    let message = format!("this is not a document of `{}`", unit.name);
    Box::new(Issue::error(codes::LENS_MISMATCH, tree.span(NodeId::ROOT), message))
}

type Parts = (&'static Unit, Tree, Syntax);

fn read_as(text: &str, unit: &'static Unit) -> Result<Parts, Box<Issue>> {
    let names = schema().names();
    let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
    let (tree, syntax) = match unit.format() {
        Format::Json => (json::read(text, names)?, Syntax::Json),
        Format::Xml => (xml::read(text, names)?, Syntax::Xml),
        Format::Csv => csv::read(text, names).map(|(tree, dialect)| (tree, Syntax::Csv(dialect)))?,
        Format::Er7 => er7::read(text, names).map(|(tree, dialect)| (tree, Syntax::Er7(dialect)))?,
        Format::Fhir if is_xml => (fhir::read_xml(text, names, schema())?, Syntax::FhirXml),
        Format::Fhir => (fhir::read_json(text, names)?, Syntax::FhirJson),
    };
    let is_known = match unit.format() {
        Format::Csv => unit.has_columns(&csv::header(text)),
        Format::Json | Format::Xml | Format::Er7 | Format::Fhir => unit.recognises(&tree),
    };
    if !is_known {
        return Err(mismatch(unit, &tree));
    }
    Ok((unit, tree, syntax))
}

fn read_any(text: &str) -> Result<Parts, Box<Issue>> {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        return Err(Box::new(Issue::error(codes::TRUNCATED, Span::default(), "the document is empty")));
    }
    let names = schema().names();
    if start.starts_with('<') {
        let tree = xml::read(text, names)?;
        if tree
            .child_str(NodeId::ROOT, "@xmlns")
            .is_some_and(|xmlns| tree.text(xmlns) == "http://hl7.org/fhir")
        {
            let tree = fhir::read_xml(text, names, schema())?;
            return found(recognise(&tree, Format::Fhir), tree, Syntax::FhirXml);
        }
        return found(recognise(&tree, Format::Xml), tree, Syntax::Xml);
    }
    if start.starts_with(['{', '[']) {
        let tree = json::read(text, names)?;
        if tree.resource_type(NodeId::ROOT).is_some() {
            let tree = fhir::read_json(text, names)?;
            return found(recognise(&tree, Format::Fhir), tree, Syntax::FhirJson);
        }
        return found(recognise(&tree, Format::Json), tree, Syntax::Json);
    }
    // Any text may be CSV; where its header is a unit system's, what is wrong with it is worth saying.
    let (tree, dialect) =
        csv::read(text, names).map_err(|issue| if has_known_column(start) { issue } else { unknown() })?;
    found(recognise_columns(&csv::header(text)), tree, Syntax::Csv(dialect))
}

fn found(unit: Option<&'static Unit>, tree: Tree, syntax: Syntax) -> Result<Parts, Box<Issue>> {
    unit.map(|unit| (unit, tree, syntax)).ok_or_else(unknown)
}

fn unknown() -> Box<Issue> {
    let names: Vec<&str> = units::all().map(|unit| unit.name).collect();
    let message = "no unit system recognises this document";
    let help = format!("name its system with --from; known: {}", names.join(", "));
    Box::new(Issue::error(codes::FORMAT_UNKNOWN, Span::default(), message).with_help(help))
}

/// True where the first line names a column of a unit system whose documents are CSV.
fn has_known_column(text: &str) -> bool {
    let header = text.lines().next().unwrap_or("");
    let mut cells = header.split([';', ',', '\t']).map(|cell| cell.trim().trim_matches('"'));
    let programs =
        units::all().filter(|unit| unit.format() == Format::Csv).filter_map(|unit| unit.program().ok());
    let columns: Vec<&str> = programs.flat_map(Program::source_columns).map(String::as_str).collect();
    cells.any(|cell| columns.contains(&cell))
}

/// True for bytes that begin like JSON or XML, whose encoding is UTF-8 by their own standards.
fn looks_marked_up(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'{' | b'[' | b'<'))
}
