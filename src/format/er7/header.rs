//! What stands in the message header (MSH), read without the rest of the message: chapter 2, section 2.14.9.

use crate::diag::{Code, Issue, Span, codes};
use crate::tree::to_u32;
use std::borrow::Cow;
use std::ops::Range;

/// Bytes of a header segment.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// The signs that part a message, as its MSH-1 and MSH-2 name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separators {
    /// Between fields, `|`.
    pub field: u8,
    /// Between components, `^`.
    pub component: u8,
    /// Between repetitions, `~`.
    pub repetition: Option<u8>,
    /// Around an escape sequence, `\`.
    pub escape: Option<u8>,
    /// Between subcomponents, `&`.
    pub subcomponent: Option<u8>,
    /// Where a text was cut off, `#`; since 2.7.
    pub truncation: Option<u8>,
}

impl Default for Separators {
    /// The recommended signs.
    fn default() -> Self {
        Self {
            field: b'|',
            component: b'^',
            repetition: Some(b'~'),
            escape: Some(b'\\'),
            subcomponent: Some(b'&'),
            truncation: None,
        }
    }
}

/// An application and where it runs: MSH-3 and MSH-4, or MSH-5 and MSH-6. The texts are as they stand, with their
/// components and escapes, so that an acknowledgement can repeat them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// The application.
    pub application: String,
    /// The facility.
    pub facility: String,
}

/// The header of a message. Texts are as they stand in the message; a field that is not there is an empty text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// MSH-1 and MSH-2.
    pub separators: Separators,
    /// MSH-2 as it stands.
    pub encoding_characters: String,
    /// MSH-3 and MSH-4.
    pub sender: Party,
    /// MSH-5 and MSH-6.
    pub receiver: Party,
    /// MSH-7: when the message was made.
    pub sent: String,
    /// MSH-9.1: what kind of message it is, `PGL`.
    pub code: String,
    /// MSH-9.2: what it was sent for, `PC6`.
    pub trigger: String,
    /// MSH-9.3: how it is built, `PGL_PC6`; many senders leave it out.
    pub structure: String,
    /// MSH-10: the sender's number of the message.
    pub control_id: String,
    /// MSH-11: production, training or debugging, `P`.
    pub processing_id: String,
    /// MSH-12.1: `2.5.1`.
    pub version: String,
    /// MSH-15: when an accept acknowledgement is asked for: `AL`, `NE`, `ER`, `SU`.
    pub accept_acknowledgement: String,
    /// MSH-16: the same of the application acknowledgement.
    pub application_acknowledgement: String,
    /// MSH-18, its first repetition.
    pub character_set: String,
    /// True where the bytes of the header are UTF-8, false where they were read as ISO 8859-1.
    pub is_utf8: bool,
}

impl Header {
    /// True for the versions that the tables of the reader cover, 2.3 to 2.9.
    pub fn has_known_version(&self) -> bool {
        let mut parts = self.version.splitn(3, '.');
        parts.next() == Some("2") && matches!(parts.next(), Some("3" | "4" | "5" | "6" | "7" | "8" | "9"))
    }
}

/// Reads the header of the first message of `bytes`; MLLP's start block, blanks and the headers of a batch may stand
/// before it.
///
/// The texts are decoded as UTF-8, or byte for byte as ISO 8859-1 where they are none, whatever MSH-18 says: an
/// acknowledgement can be made for a message whose character set is not known.
///
/// # Errors
/// There is no MSH, or its separators cannot be told apart.
pub fn header(bytes: &[u8]) -> Result<Header, Box<Issue>> {
    let start = find(bytes)?;
    let line = line(bytes, start);
    let (separators, after) = separators(line, start)?;
    let fields: Vec<&[u8]> =
        line.get(after..).unwrap_or_default().split(|byte| *byte == separators.field).collect();
    // After MSH-2 comes its separator, so that the first part is empty: the part n is MSH-(n + 2).
    let field = |number: usize| fields.get(number - 2).copied().unwrap_or_default();
    let first = |number: usize| {
        let repetition = field(number).split(|byte| Some(*byte) == separators.repetition).next();
        repetition.unwrap_or_default()
    };
    let component = |number: usize, at: usize| {
        text(first(number).split(|byte| *byte == separators.component).nth(at).unwrap_or_default())
    };
    Ok(Header {
        separators,
        encoding_characters: text(line.get(4..after).unwrap_or_default()),
        sender: Party { application: text(field(3)), facility: text(field(4)) },
        receiver: Party { application: text(field(5)), facility: text(field(6)) },
        sent: component(7, 0),
        code: component(9, 0),
        trigger: component(9, 1),
        structure: component(9, 2),
        control_id: text(field(10)),
        processing_id: component(11, 0),
        version: component(12, 0),
        accept_acknowledgement: text(field(15)),
        application_acknowledgement: text(field(16)),
        character_set: text(first(18)),
        is_utf8: std::str::from_utf8(line).is_ok(),
    })
}

/// Where the header segment of the first message stands, without what ends it; none where there is none.
pub fn line_of_header(bytes: &[u8]) -> Option<Range<usize>> {
    let start = find(bytes).ok()?;
    Some(start..start + line(bytes, start).len())
}

/// True for bytes that begin like a message or a batch of messages.
pub fn looks_like(bytes: &[u8]) -> bool {
    let start = bytes.iter().position(|byte| !is_around(*byte)).unwrap_or(bytes.len());
    let rest = bytes.get(start..).unwrap_or_default();
    let rest = rest.strip_prefix("\u{feff}".as_bytes()).unwrap_or(rest);
    let named = rest.starts_with(b"MSH") || rest.starts_with(b"BHS") || rest.starts_with(b"FHS");
    named && rest.get(3).is_some_and(|sign| is_sign(*sign))
}

/// The separators that a header segment names, and where its MSH-2 ends in it; `start` is its place in the document.
pub(super) fn separators(line: &[u8], start: usize) -> Result<(Separators, usize), Box<Issue>> {
    let field = line.get(3).copied().filter(|sign| is_sign(*sign));
    let Some(field) = field else {
        let message = "no separator follows the name of the header segment";
        return fail(codes::ER7_SEPARATORS, (start, start + line.len().min(4)), message);
    };
    let rest = line.get(4..).unwrap_or_default();
    let length = rest.iter().position(|byte| *byte == field).unwrap_or(rest.len());
    let span = (start + 4, start + 4 + length);
    let mut signs = rest.get(..length).unwrap_or_default().to_vec();
    // Senders that passed the text through a program's source doubled the escape sign: `^~\\&`.
    signs.dedup_by(|second, first| second == first && *first == b'\\');
    if signs.is_empty() || signs.len() > 5 || !signs.iter().all(|sign| is_sign(*sign)) {
        return fail(
            codes::ER7_SEPARATORS,
            span,
            "MSH-2 names no separators: one to five signs belong there",
        );
    }
    let all: Vec<u8> = std::iter::once(field).chain(signs.iter().copied()).collect();
    if all.iter().enumerate().any(|(at, sign)| all.get(..at).is_some_and(|before| before.contains(sign))) {
        return fail(codes::ER7_SEPARATORS, span, "two separators of MSH-1 and MSH-2 are the same sign");
    }
    let sign = |at: usize| signs.get(at).copied();
    let found = Separators {
        field,
        component: sign(0).unwrap_or(b'^'),
        repetition: sign(1),
        escape: sign(2),
        subcomponent: sign(3),
        truncation: sign(4),
    };
    Ok((found, 4 + length))
}

/// Where the first MSH begins.
fn find(bytes: &[u8]) -> Result<usize, Box<Issue>> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.iter().position(|byte| !is_around(*byte)).unwrap_or(rest.len());
        let rest = rest.get(blank..).unwrap_or_default();
        let mark = if rest.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        let start = at + blank + mark;
        let line = line(bytes, start);
        if line.starts_with(b"MSH") {
            return Ok(start);
        }
        if !line.starts_with(b"FHS") && !line.starts_with(b"BHS") {
            return fail(
                codes::ER7_NO_HEADER,
                (start, start + line.len().min(3)),
                "the text does not begin with MSH",
            );
        }
        at = start + line.len();
    }
    fail(codes::ER7_NO_HEADER, (0, bytes.len()), "there is no MSH in the text")
}

/// The segment that begins at `start`, without what ends it.
pub(super) fn line(bytes: &[u8], start: usize) -> &[u8] {
    let rest = bytes.get(start..).unwrap_or_default();
    let rest = rest.get(..HEADER_BYTES_MAX).unwrap_or(rest);
    let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0x1c)).unwrap_or(rest.len());
    rest.get(..length).unwrap_or_default()
}

/// What may stand around a message: MLLP's blocks, blanks and line ends.
pub(super) const fn is_around(byte: u8) -> bool {
    matches!(byte, 0x0b | 0x1c | b'\r' | b'\n' | b' ' | b'\t')
}

const fn is_sign(byte: u8) -> bool {
    byte.is_ascii_punctuation()
}

fn text(bytes: &[u8]) -> String {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

pub(super) fn fail<T>(
    code: &'static Code,
    (start, end): (usize, usize),
    message: &str,
) -> Result<T, Box<Issue>> {
    Err(Box::new(Issue::error(code, Span::new(to_u32(start), to_u32(end)), message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let shown = match header(bytes) {
            Ok(found) => format!(
                "{} {}^{}^{} {} {} {} {} {}/{} {}",
                found.sender.application,
                found.code,
                found.trigger,
                found.structure,
                found.control_id,
                found.processing_id,
                found.version,
                found.character_set,
                found.accept_acknowledgement,
                found.application_acknowledgement,
                found.encoding_characters,
            ),
            Err(issue) => format!("{} at {}..{}", issue.code.id, issue.span.start, issue.span.end),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_header_is_read_whatever_stands_around_it() {
        let message =
            "MSH|^~\\&|A^1|F|B|G|20260102||PGL^PC6^PGL_PC6|77|P^T|2.5.1^FIN|||AL|NE||UNICODE UTF-8~ASCII";
        let shown = "A^1 PGL^PC6^PGL_PC6 77 P 2.5.1 UNICODE UTF-8 AL/NE ^~\\&";
        check(message.as_bytes(), shown);
        check(format!("\u{b}\r\n {message}\rPID|1\u{1c}\r").as_bytes(), shown);
        check(format!("\u{feff}{message}\n").as_bytes(), shown);
        check(format!("FHS|^~\\&|X\rBHS|^~\\&|Y\r{message}\rBTS|1\r").as_bytes(), shown);
        check(b"MSH$%~\\&$A$$$$$$ACK$5$P$2.9", "A ACK^^ 5 P 2.9  / %~\\&");
        check(b"MSH|^~\\&#|A", "A ^^     / ^~\\&#");
        check(b"MSH|^~\\\\&|A", "A ^^     / ^~\\\\&");
        check(b"MSH|^|A", "A ^^     / ^");
        check(b"MSH|^~\\&|\xe4", "\u{e4} ^^     / ^~\\&");
    }

    #[test]
    fn a_header_that_cannot_be_understood_is_refused_with_its_place() {
        check(b"", "F130 at 0..0");
        check(b"  PID|1", "F130 at 2..5");
        check(b"BHS|^~\\&|\r", "F130 at 10..10");
        check(b"MSH", "F131 at 0..3");
        check(b"MSHx^~\\&", "F131 at 0..4");
        check(b"MSH||A", "F131 at 4..4");
        check(b"MSH|^^\\&|A", "F131 at 4..8");
        check(b"MSH|^~\\&#%|A", "F131 at 4..10");
        check(b"MSH|ABCD|A", "F131 at 4..8");
    }

    #[test]
    fn versions_2_3_to_2_9_are_known() {
        let known =
            |version: &str| Header { version: version.to_owned(), ..Header::default() }.has_known_version();
        assert!(["2.3", "2.3.1", "2.5.1", "2.9"].into_iter().all(known));
        assert!(!["", "2", "2.2", "2.10", "3.0"].into_iter().any(known));
    }
}
