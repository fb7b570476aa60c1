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

/// Bytes between two places whose characters are counted beforehand.
const STEP_BYTES: usize = 1_024;

/// How many characters stand before every so many bytes of a text: a place in a line of megabytes, as of JSON without
/// line breaks, is found without walking over that line.
#[derive(Debug)]
pub struct CharIndex<'a> {
    text: &'a str,
    before: Vec<usize>,
}

impl<'a> CharIndex<'a> {
    /// Indexes `text`.
    pub fn new(text: &'a str) -> Self {
        let steps = text.as_bytes().chunks(STEP_BYTES).scan(0, |before, chunk| {
            let here = *before;
            *before += count_chars(chunk);
            Some(here)
        });
        Self { text, before: steps.collect() }
    }

    /// The characters that begin before a byte.
    pub fn chars_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let step = (offset / STEP_BYTES).min(self.before.len().saturating_sub(1));
        let rest = self.text.as_bytes().get(step * STEP_BYTES..offset).unwrap_or_default();
        self.before.get(step).unwrap_or(&0) + count_chars(rest)
    }

    /// The text from one character, by its number from the start of the text, up to another.
    pub fn chars(&self, from: usize, to: usize) -> &'a str {
        self.text.get(self.byte_of(from)..self.byte_of(to)).unwrap_or("")
    }

    fn byte_of(&self, number: usize) -> usize {
        let step = self.before.partition_point(|before| *before <= number).saturating_sub(1);
        let mut left = number - self.before.get(step).unwrap_or(&0).min(&number);
        let rest = self.text.as_bytes().get(step * STEP_BYTES..).unwrap_or_default();
        let starts = rest.iter().position(|byte| {
            let found = starts_char(*byte) && left == 0;
            left -= usize::from(starts_char(*byte) && left > 0);
            found
        });
        starts.map_or(self.text.len(), |at| step * STEP_BYTES + at)
    }
}

/// Every byte but the second, third and fourth of a character.
const fn starts_char(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

fn count_chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| starts_char(**byte)).count()
}

/// The line starts of one text, built once to look up many places.
#[derive(Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
    chars: CharIndex<'a>,
}

impl<'a> LineIndex<'a> {
    /// Indexes `text`.
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i + 1));
        Self { text, starts: starts.collect(), chars: CharIndex::new(text) }
    }

    /// The place of a byte offset; an offset past the end is the place just after the last character.
    pub fn place(&self, offset: u32) -> Place {
        let offset = (offset as usize).min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let column = self.chars.chars_before(offset) - self.chars.chars_before(self.starts[line]);
        Place { line: to_u32(line + 1), column: to_u32(column + 1) }
    }

    /// The characters of the text before a place.
    pub fn chars_before(&self, place: Place) -> usize {
        let line = self.starts.get((place.line as usize).saturating_sub(1)).copied();
        let before = self.chars.chars_before(line.unwrap_or(self.text.len()));
        before + (place.column as usize).saturating_sub(1)
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
    fn characters_are_found_in_a_long_line() {
        let text = "å😀b".repeat(2_000);
        let (index, line) = (CharIndex::new(&text), LineIndex::new(&text));
        for (number, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(index.chars_before(byte), number);
            let place = line.place(to_u32(byte));
            assert_eq!(
                (place.line, place.column as usize, line.chars_before(place)),
                (1, number + 1, number)
            );
        }
        assert_eq!((index.chars(4_001, 4_004), index.chars(5_999, 7_000)), ("bå😀", "b"));
        assert_eq!(CharIndex::new("").chars(0, 3), "");
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let index = LineIndex::new("aå\nääX\r\n");
        let at = u32::try_from("aå\nää".len()).unwrap_or(0);
        assert_eq!(index.place(at), Place { line: 2, column: 3 });
        assert_eq!(index.line_text(at), "ääX");
        assert_eq!(index.place(999), Place { line: 3, column: 1 });
    }
}
