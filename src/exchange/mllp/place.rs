//! Where in a message something stands: which segment, and which of its fields.

use crate::format::er7::Separators;
use memchr::memchr_iter;

/// A place as the ERR segment names it (2.14.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the segment.
    pub segment: String,
    /// Which of the segments of that name, from 1.
    pub occurrence: u32,
    /// Number of the field; 0 where the segment itself is meant.
    pub field: u32,
}

impl Place {
    /// A field of the header.
    pub fn msh(field: u32) -> Self {
        Self { segment: "MSH".to_owned(), occurrence: 1, field }
    }

    /// Where a byte of a message stands; none where no segment has a name there, since the text may then be anything.
    pub fn of(message: &[u8], offset: usize, separators: &Separators) -> Option<Self> {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let before = message.get(..offset.min(message.len()))?;
        let start = before.iter().rposition(is_end).map_or(0, |at| at + 1);
        let line = message.get(start..)?.split(is_end).next()?;
        let name = name(line)?;
        let earlier = before.get(..start)?.split(is_end).filter(|line| line.starts_with(name)).count();
        let passed = message.get(start..offset.min(message.len()))?;
        let fields = memchr_iter(separators.field, passed).count();
        // MSH-1 is the separator itself.
        let fields = if fields > 0 && name == b"MSH" { fields + 1 } else { fields };
        Some(Self {
            segment: String::from_utf8_lossy(name).into_owned(),
            occurrence: u32::try_from(earlier + 1).unwrap_or(u32::MAX),
            field: u32::try_from(fields).unwrap_or(u32::MAX),
        })
    }
}

/// The three letters or digits that a segment begins with.
fn name(line: &[u8]) -> Option<&[u8]> {
    let name = line.get(..3)?;
    let is_name = name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (is_name && line.get(3).is_none_or(u8::is_ascii_punctuation)).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

    use super::*;

    fn check(message: &str, mark: &str, expected: Option<(&str, u32, u32)>) {
        let offset = message.find(mark).unwrap();
        let place = Place::of(message.as_bytes(), offset, &Separators::default());
        let shown = place.as_ref().map(|place| (place.segment.as_str(), place.occurrence, place.field));
        assert_eq!(shown, expected, "{mark}");
    }

    #[test]
    fn a_byte_stands_in_a_field_of_a_segment() {
        let message = "MSH|^~\\&|A|B\rPID|1||77^^^X\rGOL|AD|1\rGOL|UP|2^here\rbad line\rNTE";
        check(message, "^~", Some(("MSH", 1, 2)));
        check(message, "A|B", Some(("MSH", 1, 3)));
        check(message, "77", Some(("PID", 1, 3)));
        check(message, "here", Some(("GOL", 2, 2)));
        check(message, "GOL|UP", Some(("GOL", 2, 0)));
        check(message, "NTE", Some(("NTE", 1, 0)));
        check(message, "bad", None);
    }
}
