//! The text of a document: lines, positions as the client counts them, changes.

use crate::diag::Span;
use lsp_types::{Position, PositionEncodingKind, Range, TextDocumentContentChangeEvent};

/// How characters of a line are counted (LSP 3.17, "Position").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16, which every client knows.
    Utf16,
}

impl Encoding {
    /// Bytes where the client knows them, since texts are kept so.
    pub(super) fn agreed(offered: &[PositionEncodingKind]) -> Self {
        if offered.contains(&PositionEncodingKind::UTF8) { Self::Utf8 } else { Self::Utf16 }
    }

    /// Its name.
    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    const fn units(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }
}

/// A text with the starts of its lines.
#[derive(Debug, Clone)]
pub(super) struct Text {
    whole: String,
    starts: Vec<usize>,
    encoding: Encoding,
}

impl Text {
    /// A text. Lines end with `\n`, `\r\n` or `\r`.
    pub(super) fn new(text: String, encoding: Encoding) -> Self {
        let starts = line_starts(&text);
        Self { whole: text, starts, encoding }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.whole
    }

    /// The part that a span covers.
    pub(super) fn slice(&self, span: Span) -> &str {
        self.whole.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The place of a byte.
    pub(super) fn position(&self, offset: u32) -> Position {
        let mut offset = (offset as usize).min(self.whole.len());
        while !self.whole.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.whole.get(start..offset).unwrap_or("");
        let character = before.chars().map(|character| self.encoding.units(character)).sum();
        Position { line: to_u32(line), character: to_u32(character) }
    }

    /// The range of a span.
    pub(super) fn range(&self, span: Span) -> Range {
        Range { start: self.position(span.start), end: self.position(span.end.max(span.start)) }
    }

    /// The range of the whole text.
    pub(super) fn whole_range(&self) -> Range {
        self.range(Span::new(0, to_u32(self.whole.len())))
    }

    /// The byte at a position. One behind the end of its line is that end, and one behind the last line the end of
    /// the text (LSP 3.17, "Position").
    pub(super) fn offset(&self, position: Position) -> u32 {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line).copied() else { return to_u32(self.whole.len()) };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.whole.len());
        let content = self.whole.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r']);
        let (mut units, wanted) = (0, position.character as usize);
        for (at, character) in content.char_indices() {
            let after = units + self.encoding.units(character);
            // Between the two halves of a character is before it.
            if after > wanted {
                return to_u32(start + at);
            }
            units = after;
        }
        to_u32(start + content.len())
    }

    /// Makes a change, or gives back the text without one where it would be over `bytes_max`.
    pub(super) fn change(&mut self, change: &TextDocumentContentChangeEvent, bytes_max: usize) -> bool {
        let (start, end) = match change.range {
            Some(range) => {
                let (start, end) = (self.offset(range.start) as usize, self.offset(range.end) as usize);
                (start.min(end), start.max(end))
            }
            None => (0, self.whole.len()),
        };
        if self.whole.len() - (end - start) + change.text.len() > bytes_max {
            return false;
        }
        self.whole.replace_range(start..end, &change.text);
        self.starts = line_starts(&self.whole);
        true
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let breaks = memchr::memchr2_iter(b'\n', b'\r', bytes)
        .filter(|at| !(bytes.get(*at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n')));
    std::iter::once(0).chain(breaks.map(|at| at + 1)).collect()
}

/// A number of bytes or lines; texts are bounded far below.
pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: Encoding, line: u32, character: u32, before: &str) {
        let text = Text::new("aå€😀b\r\nsecond\rthird\n".to_owned(), encoding);
        let offset = text.offset(Position { line, character });
        assert_eq!(text.slice(Span::new(0, offset)), before, "{line}:{character}");
    }

    #[test]
    fn positions_are_counted_as_agreed() {
        check(Encoding::Utf16, 0, 3, "aå€");
        check(Encoding::Utf16, 0, 4, "aå€");
        check(Encoding::Utf16, 0, 5, "aå€😀");
        check(Encoding::Utf16, 0, 99, "aå€😀b");
        check(Encoding::Utf8, 0, 3, "aå");
        check(Encoding::Utf8, 0, 10, "aå€😀");
        check(Encoding::Utf16, 1, 1, "aå€😀b\r\ns");
        check(Encoding::Utf16, 2, 0, "aå€😀b\r\nsecond\r");
        check(Encoding::Utf16, 99, 0, "aå€😀b\r\nsecond\rthird\n");
    }

    #[test]
    fn changes_are_made_where_they_say() {
        let mut text = Text::new("😀x\ny".to_owned(), Encoding::Utf16);
        let place = |line, character| Position { line, character };
        let change = |text: &str, start, end| TextDocumentContentChangeEvent {
            range: Some(Range { start, end }),
            range_length: None,
            text: text.to_owned(),
        };
        assert!(text.change(&change("ö", place(0, 2), place(0, 3)), 100));
        assert!(text.change(&change("z\n", place(1, 0), place(1, 0)), 100));
        assert_eq!(text.as_str(), "😀ö\nz\ny");
        assert_eq!(text.position(9), place(2, 0));
        assert!(!text.change(&change("too long", place(0, 0), place(0, 0)), 10));
        assert_eq!(text.as_str(), "😀ö\nz\ny");
    }
}
