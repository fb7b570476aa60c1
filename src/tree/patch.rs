//! Writes an edited tree back over its source text.
//!
//! The flags of the nodes lead to the edited places; everything else is copied byte for byte. What an edit
//! takes out or puts in is found by scanning the source text of the one object or element again, because
//! removed nodes and the white space between nodes are not in the tree.

mod json;
mod scan;
#[cfg(test)]
mod tests;
mod xml;

use super::{Tree, json as json_text};

/// How the source text of a tree is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// JSON, of FHIR or of anybody else.
    Json,
    /// XML whose elements are nodes of the same name, as [`super::xml`] reads it.
    Xml,
    /// FHIR XML as [`super::fhir`] reads it: values stand in `value` attributes, resources in an element of
    /// their type.
    FhirXml,
}

/// The source text with the edits of the tree carried into it; exactly the source text where there are none.
///
/// A tree that was built and not read is written whole. A character that XML cannot hold (most control
/// characters) is written as U+FFFD.
pub fn write(tree: &Tree, syntax: Syntax) -> String {
    let source = tree.source();
    if tree.is_empty() || (!tree.is_edited() && !source.is_empty()) {
        return source.to_owned();
    }
    let mut out = String::with_capacity(source.len() + source.len() / 8 + 256);
    match syntax {
        Syntax::Json if source.is_empty() => {
            json_text::write(tree, super::NodeId::ROOT, json_text::Layout::Pretty, &mut out);
        }
        Syntax::Json => json::write(tree, &mut out),
        Syntax::Xml => xml::write(tree, xml::Dialect::Plain, &mut out),
        Syntax::FhirXml => xml::write(tree, xml::Dialect::Fhir, &mut out),
    }
    out
}

/// The part of a text between two offsets; empty where they do not fit.
fn part(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or("")
}

/// The indentation of one level: that of the first indented line after `start`, otherwise two spaces.
fn indent_unit(source: &str, start: usize) -> &str {
    let lines = part(source, start, source.len()).split('\n').skip(1);
    let indents = lines.map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    indents.filter(|indent| !indent.is_empty()).find(|indent| indent.len() <= 8).unwrap_or("  ")
}

/// The line break the text uses.
fn line_break(source: &str) -> &'static str {
    match source.find('\n') {
        Some(at) if source[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The indentation of what starts at `at`, if it is the first thing of a line that is not the first line.
fn indent_at(source: &str, at: usize) -> Option<&str> {
    let before = source.get(..at)?;
    let indent = &before[before.rfind('\n')? + 1..];
    indent.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(indent)
}

/// The indentation that white space ends with, if it holds a line break.
fn indent_in(space: &str) -> Option<&str> {
    space.rfind('\n').map(|at| &space[at + 1..])
}
