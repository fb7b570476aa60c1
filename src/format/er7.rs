//! HL7 v2 messages in their vertical-bar form (ER7) to tree and back (HL7 v2.9 chapter 2).
//!
//! The root holds segments by their names and groups of segments in small letters (`goal[0].GOL`), a segment its
//! fields (`f3`), a field its components (`c4`), a component its subcomponents (`s2`): `PID.f3.c4.s2` is what the
//! standard calls PID-3.4.2. A field that has components has them also where only the first is valued; which fields do is a table, as
//! a message does not say it. Nothing stands for what is empty. A value `""`, by which a sender asks to delete what a
//! receiver holds, is a node of [`Kind::Null`]: never an empty text.

mod charset;
mod escape;
mod fields;
pub mod header;
mod read;
mod structure;
#[cfg(test)]
mod tests;
mod write;

pub use charset::decode;
pub use header::{Header, Party, Separators, header, looks_like};
pub use read::{PARTS_MAX, read};
pub use write::{patch, write};

use crate::diag::{Issue, Severity, Span, codes};
use crate::tree::{Kind, NodeId, Tree, to_u32};
use std::ops::Range;

/// Values of one message that are told to be deleted one by one.
const DELETED_MAX: usize = 100;

/// How one message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// What parts it.
    pub separators: Separators,
    /// What ends its segments.
    pub line_end: LineEnd,
}

/// What a part of a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Field,
    Component,
    Subcomponent,
}

impl Level {
    /// What the names of such parts begin with.
    const fn letter(self) -> u8 {
        match self {
            Self::Field => b'f',
            Self::Component => b'c',
            Self::Subcomponent => b's',
        }
    }

    /// The number of a part by its name; `None` for what is no such part.
    fn number(self, name: &str) -> Option<usize> {
        let digits = name.strip_prefix(char::from(self.letter()))?;
        digits.parse().ok().filter(|number| (1..=PARTS_MAX).contains(number))
    }
}

/// What ends a segment: a carriage return by the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// A carriage return.
    Cr,
    /// A line feed, as files have it.
    Lf,
    /// Both, as files have it.
    CrLf,
}

impl LineEnd {
    /// The characters themselves.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cr => "\r",
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }

    /// The first line end after the header; a carriage return where there is none.
    fn of(text: &str) -> Self {
        let from = text.find("MSH").unwrap_or(0);
        let rest = text.get(from..).unwrap_or("");
        match rest.find(['\r', '\n']).and_then(|at| rest.get(at..)) {
            Some(end) if end.starts_with("\r\n") => Self::CrLf,
            Some(end) if end.starts_with('\n') => Self::Lf,
            _ => Self::Cr,
        }
    }
}

/// The places of the messages in a text that holds several, as a file or a batch does: each from its MSH to the next,
/// without the headers and trailers of batch and file (FHS, BHS, BTS, FTS).
pub fn messages(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut is_inside = false;
    for line in read::Body::of(text).lines() {
        let content = text.as_bytes().get(line.start..line.end).unwrap_or_default();
        match content.get(..3) {
            Some(b"MSH") => {
                found.push(line.start..line.end);
                is_inside = true;
            }
            Some(b"FHS" | b"BHS" | b"BTS" | b"FTS") => is_inside = false,
            _ => {
                if let Some(last) = found.last_mut().filter(|_| is_inside) {
                    last.end = line.end;
                }
            }
        }
    }
    found
}

/// What is to be told of a message that was read: values that the sender asks to delete, a version that is not known.
pub fn remarks(tree: &Tree) -> Vec<Issue> {
    let mut issues: Vec<Issue> = tree
        .descend(NodeId::ROOT)
        .filter(|node| tree.kind(*node) == Kind::Null)
        .take(DELETED_MAX)
        .map(|node| {
            let message = "the message asks to delete this value";
            let issue = Issue::new(codes::ER7_DELETED, Severity::Warning, tree.span(node), message);
            Issue { path: tree.known_path(node), ..issue }
        })
        .collect();
    let start = tree.source().find("MSH").unwrap_or(0);
    let known = header(tree.source().as_bytes()).is_ok_and(|header| header.has_known_version());
    if !known {
        let span = Span::new(to_u32(start), to_u32(start + 3));
        issues.insert(0, Issue::warning(codes::ER7_VERSION, span, "MSH-12 names no version from 2.3 to 2.9"));
    }
    issues
}
