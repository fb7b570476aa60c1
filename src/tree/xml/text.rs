//! Text, comments and instructions.

use super::chars::{HIGHS, ONES, decode, is_name, low_bytes, word_at, zeros};
use super::{CDATA_OPEN, Open, Outcome, Reader, Run, fail};
use crate::diag::codes;
use crate::tree::{Flags, Kind, NodeId};
use memchr::{memchr, memchr2, memmem};

impl Reader<'_> {
    /// Passes over text up to the next tag, comment or instruction.
    pub(super) fn run(&mut self) -> Outcome<Run> {
        let start = self.at;
        let line_break = self.blank();
        let mut run = Run { start, end: self.at, blank: true, line_break, escapes: false };
        // The common case by far: indentation, or nothing, before the next tag.
        if self.peek() == Some(b'<') && self.bytes.get(self.at + 1) != Some(&b'!') {
            return Ok(run);
        }
        loop {
            let from = self.at;
            let Some(length) = memchr2(b'<', b'&', &self.bytes[from..]) else {
                self.at = self.bytes.len();
                return Err(self.unclosed());
            };
            self.at += length;
            if length > 0 {
                run.blank = false;
                self.check_text(from)?;
            }
            if self.peek() == Some(b'&') {
                self.reference()?;
            } else if self.starts_with(CDATA_OPEN) {
                self.cdata()?;
            } else {
                break;
            }
            (run.blank, run.escapes) = (false, true);
        }
        run.end = self.at;
        if self.has_cr && !run.blank {
            run.escapes |= memchr(b'\r', &self.bytes[start..self.at]).is_some();
        }
        Ok(run)
    }

    /// Passes over white space; true where it has a line break.
    pub(super) fn blank(&mut self) -> bool {
        let mut line_break = 0;
        loop {
            let word = word_at(self.bytes, self.at);
            // A byte over 0x20 gets its high bit set; below, only white space is left in the text.
            let solid = ((word & !HIGHS).wrapping_add(ONES * 0x5f) | word) & HIGHS;
            // Without a solid byte there are 64 trailing zeros, which makes eight bytes.
            let length = solid.trailing_zeros() / 8;
            let breaks = zeros(word ^ (ONES * u64::from(b'\n'))) | zeros(word ^ (ONES * u64::from(b'\r')));
            line_break |= breaks & low_bytes(length);
            self.at += length as usize;
            if length < 8 {
                return line_break != 0;
            }
            if self.at >= self.bytes.len() {
                // The last word was filled up with zero bytes.
                self.at = self.bytes.len();
                return line_break != 0;
            }
        }
    }

    pub(super) fn check_text(&self, from: usize) -> Outcome<()> {
        if self.has_cdata_end
            && let Some(found) = memmem::find(&self.bytes[from..self.at], b"]]>")
        {
            let at = from + found;
            return Err(fail(codes::XML_SYNTAX, at, at + 3, "`]]>` may not stand in text"));
        }
        Ok(())
    }

    pub(super) fn cdata(&mut self) -> Outcome<()> {
        let start = self.at;
        let from = start + CDATA_OPEN.len();
        let Some(length) = memmem::find(&self.bytes[from..], b"]]>") else {
            return Err(self.endless(start, "the CDATA section that starts here has no end"));
        };
        self.at = from + length + 3;
        Ok(())
    }

    /// Makes the node of a run that is more than formatting.
    pub(super) fn run_node(&mut self, top: Open, run: Run) -> Outcome<()> {
        if run.start == run.end || (run.blank && run.line_break && !top.preserve) {
            return Ok(());
        }
        let id = self.node(Some(top.id), Kind::Text, run.start, run.start, run.end)?;
        self.set_run(id, run);
        Ok(())
    }

    pub(super) fn set_run(&mut self, id: NodeId, run: Run) {
        self.tree.set_text_range(id, run.start, run.end);
        // Blank runs that are kept are rare enough to be searched here.
        if run.escapes
            || (self.has_cr && run.blank && memchr(b'\r', &self.bytes[run.start..run.end]).is_some())
        {
            self.tree.add_flags(id, Flags::XML_ESCAPES);
        }
    }

    pub(super) fn reference(&mut self) -> Outcome<()> {
        let start = self.at;
        // The longest that can be legal is `&#x10FFFF;`, but leading zeros are allowed.
        let window = &self.bytes[start..self.bytes.len().min(start + 64)];
        let Some(length) = memchr(b';', window) else {
            if window.len() < 64 && !window.iter().any(|byte| matches!(byte, b'<' | b'>' | b'"' | b' ')) {
                return Err(self.endless(start, "the reference that starts here has no end"));
            }
            return Err(fail(codes::ENTITY, start, start + 1, "`&` stands alone; it is written `&amp;`"));
        };
        let end = start + length + 1;
        if self.text.get(start + 1..end - 1).and_then(decode).is_none() {
            let message = "this reference is neither one of the five entities nor a legal character";
            return Err(fail(codes::ENTITY, start, end, message));
        }
        self.at = end;
        Ok(())
    }

    /// Passes over a comment; the range of its text.
    pub(super) fn comment(&mut self) -> Outcome<(usize, usize)> {
        let start = self.at;
        let from = start + 4;
        let Some(length) = memmem::find(&self.bytes[from..], b"--") else {
            return Err(self.endless(start, "the comment that starts here has no end"));
        };
        self.at = from + length;
        if self.bytes.get(self.at + 2) != Some(&b'>') {
            if self.at + 2 >= self.bytes.len() {
                return Err(self.endless(start, "the comment that starts here has no end"));
            }
            return Err(self.syntax("`--` may not stand in a comment"));
        }
        self.at += 3;
        Ok((from, from + length))
    }

    /// Passes over a processing instruction; the range of its text, target included.
    pub(super) fn instruction(&mut self) -> Outcome<(usize, usize)> {
        let start = self.at;
        let from = start + 2;
        let Some(length) = memmem::find(&self.bytes[from..], b"?>") else {
            return Err(self.endless(start, "the processing instruction that starts here has no end"));
        };
        let text = self.text.get(from..from + length).unwrap_or("");
        let target = text.split([' ', '\t', '\r', '\n']).next().unwrap_or("");
        if target.eq_ignore_ascii_case("xml") {
            return Err(self.syntax("the XML declaration may stand only at the very start"));
        }
        if !is_name(target) || target.contains(':') {
            return Err(self.syntax("a processing instruction must begin with a name"));
        }
        self.at = from + length + 2;
        Ok((from, from + length))
    }
}
