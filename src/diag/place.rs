//! From byte offsets to the lines and columns that people read.

use super::Span;

/// A place as an editor counts it: both numbers start at 1, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// The line starts of one text, built once to look up many places.
#[derive(Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    /// Indexes `text`.
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i + 1));
        Self { text, starts: starts.collect() }
    }

    /// The place of a byte offset; an offset past the end is the place just after the last character.
    pub fn place(&self, offset: u32) -> Place {
        let offset = (offset as usize).min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let before = &self.text.as_bytes()[self.starts[line]..offset];
        let column = String::from_utf8_lossy(before).chars().count();
        Place { line: to_u32(line + 1), column: to_u32(column + 1) }
    }

    /// The text of the line that holds `offset`, without its line break.
    pub fn line_text(&self, offset: u32) -> &'a str {
        let line = self.place(offset).line as usize - 1;
        let start = self.starts[line];
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        self.text.get(start..end).unwrap_or("").trim_end_matches('\r')
    }

    /// The text that a span covers, empty where the span does not fit the text.
    pub fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let index = LineIndex::new("aå\nääX\r\n");
        let at = u32::try_from("aå\nää".len()).unwrap_or(0);
        assert_eq!(index.place(at), Place { line: 2, column: 3 });
        assert_eq!(index.line_text(at), "ääX");
        assert_eq!(index.place(999), Place { line: 3, column: 1 });
    }
}
