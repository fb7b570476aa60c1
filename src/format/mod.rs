//! A unit's bytes to a tree and back.

pub mod csv;
pub mod er7;
pub mod xlsx;

use crate::diag::{Issue, Span, codes};
use encoding_rs::{EncoderResult, ISO_8859_15, WINDOWS_1252};

/// How the text of a document is written in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-8 after a byte order mark, as spreadsheet programs export it.
    Utf8Bom,
    /// Windows-1252, of which ISO 8859-1 is a part for all printable text.
    Windows1252,
    /// ASCII alone, as HL7 v2 messages may say of themselves.
    Ascii,
    /// ISO 8859-1, byte for byte.
    Iso8859_1,
    /// ISO 8859-15, which has the euro sign.
    Iso8859_15,
}

const BOM: &[u8] = "\u{feff}".as_bytes();

/// The text of `bytes` without a byte order mark, and the encoding that gives the same bytes back.
///
/// Windows-1252 is never guessed: any bytes at all are valid in it, so the caller must know.
///
/// # Errors
/// Bytes that are not UTF-8 where Windows-1252 was not asked for; the span is the first of them. A byte order mark of
/// UTF-16 is refused whatever was asked for: no text of the other encodings begins with it.
pub fn decode(bytes: &[u8], forced: Option<Encoding>) -> Result<(String, Encoding), Box<Issue>> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let issue = Issue::error(codes::NOT_UTF8, Span::new(0, 2), "the document is UTF-16, not UTF-8");
        return Err(Box::new(issue));
    }
    if forced == Some(Encoding::Windows1252) {
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
        return Ok((text.into_owned(), Encoding::Windows1252));
    }
    match forced {
        Some(Encoding::Iso8859_1) => {
            return Ok((bytes.iter().map(|byte| char::from(*byte)).collect(), Encoding::Iso8859_1));
        }
        Some(Encoding::Iso8859_15) => {
            let (text, _) = ISO_8859_15.decode_without_bom_handling(bytes);
            return Ok((text.into_owned(), Encoding::Iso8859_15));
        }
        Some(Encoding::Ascii) => {
            if let Some(at) = bytes.iter().position(|byte| !byte.is_ascii()) {
                let span = Span::new(offset(at), offset(at + 1));
                return Err(Box::new(Issue::error(codes::NOT_UTF8, span, "this byte is not ASCII")));
            }
        }
        Some(Encoding::Utf8 | Encoding::Utf8Bom | Encoding::Windows1252) | None => {}
    }
    let (encoding, rest) = match bytes.strip_prefix(BOM) {
        Some(rest) => (Encoding::Utf8Bom, rest),
        None => (Encoding::Utf8, bytes),
    };
    match std::str::from_utf8(rest) {
        Ok(text) if forced == Some(Encoding::Ascii) => Ok((text.to_owned(), Encoding::Ascii)),
        Ok(text) => Ok((text.to_owned(), encoding)),
        Err(error) => {
            let start = bytes.len() - rest.len() + error.valid_up_to();
            let span = Span::new(offset(start), offset(start + error.error_len().unwrap_or(1)));
            Err(Box::new(Issue::error(codes::NOT_UTF8, span, "these bytes are not UTF-8")))
        }
    }
}

/// The bytes of a text.
///
/// # Errors
/// A character that Windows-1252 does not have; the span is its place in `text`.
pub fn encode(text: &str, encoding: Encoding) -> Result<Vec<u8>, Box<Issue>> {
    match encoding {
        Encoding::Utf8 => Ok(text.as_bytes().to_vec()),
        Encoding::Utf8Bom => Ok([BOM, text.as_bytes()].concat()),
        Encoding::Windows1252 => {
            encode_table(text, WINDOWS_1252, "Windows-1252 does not have this character")
        }
        Encoding::Iso8859_15 => encode_table(text, ISO_8859_15, "ISO 8859-15 does not have this character"),
        Encoding::Iso8859_1 => encode_up_to(text, '\u{ff}', "ISO 8859-1 does not have this character"),
        Encoding::Ascii => encode_up_to(text, '\u{7f}', "ASCII does not have this character"),
    }
}

/// The characters up to `last` as bytes of their own numbers.
fn encode_up_to(text: &str, last: char, message: &'static str) -> Result<Vec<u8>, Box<Issue>> {
    let byte = |(at, character): (usize, char)| {
        let known = u8::try_from(character).ok().filter(|_| character <= last);
        known.ok_or_else(|| unmappable(character, at, message))
    };
    text.char_indices().map(byte).collect()
}

fn unmappable(character: char, at: usize, message: &'static str) -> Box<Issue> {
    let span = Span::new(offset(at), offset(at + character.len_utf8()));
    let help = "the unit's system cannot hold it; write the text without it";
    let issue = Issue::error(codes::PUT_REFUSED, span, message).with_help(help);
    Box::new(issue.with_value(character.to_string()))
}

fn encode_table(
    text: &str,
    table: &'static encoding_rs::Encoding,
    message: &'static str,
) -> Result<Vec<u8>, Box<Issue>> {
    // One byte a character at most, so that the buffer never fills up.
    let mut bytes = Vec::with_capacity(text.len() + 16);
    let mut encoder = table.new_encoder();
    let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true);
    match result {
        EncoderResult::InputEmpty => Ok(bytes),
        EncoderResult::Unmappable(character) => {
            Err(unmappable(character, read.saturating_sub(character.len_utf8()), message))
        }
        EncoderResult::OutputFull => {
            let span = Span::new(offset(read), offset(text.len()));
            Err(Box::new(Issue::error(codes::LIMIT, span, "the text does not fit its bytes")))
        }
    }
}

fn offset(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], forced: Option<Encoding>, expected: &str) {
        let shown = match decode(bytes, forced) {
            Ok((text, encoding)) => format!("{text} {encoding:?}"),
            Err(issue) => format!("{} at {}..{}", issue.code.id, issue.span.start, issue.span.end),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_encoding_is_found_but_windows_1252_only_when_named() {
        check("ä".as_bytes(), None, "ä Utf8");
        check("\u{feff}ä".as_bytes(), None, "ä Utf8Bom");
        check("\u{feff}ä".as_bytes(), Some(Encoding::Utf8), "ä Utf8Bom");
        check(b"a\xe4b", None, "F101 at 1..2");
        check(b"\xef\xbb\xbfa\xe4", None, "F101 at 4..5");
        check(b"\xff\xfea\0", Some(Encoding::Windows1252), "F101 at 0..2");
        check(b"a\xe4\x80", Some(Encoding::Windows1252), "aä€ Windows1252");
    }

    #[test]
    fn a_character_that_is_not_there_is_refused_with_its_place() {
        let issue = encode("aä→b", Encoding::Windows1252).err();
        assert_eq!(issue.map(|issue| issue.span), Some(Span::new(3, 6)));
        assert_eq!(encode("aä€", Encoding::Windows1252).ok().as_deref(), Some(&b"a\xe4\x80"[..]));
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..60), forced in 0..3_u8) {
            let forced = [None, Some(Encoding::Utf8), Some(Encoding::Windows1252)][usize::from(forced)];
            if let Ok((text, encoding)) = decode(&bytes, forced) {
                prop_assert_eq!(encode(&text, encoding).ok(), Some(bytes));
            } else {
                prop_assert!(forced != Some(Encoding::Windows1252));
            }
        }

        #[test]
        fn text_comes_back(text in "\\PC{0,20}") {
            for encoding in [Encoding::Utf8, Encoding::Utf8Bom, Encoding::Windows1252] {
                if let Ok(bytes) = encode(&text, encoding) {
                    prop_assert_eq!(decode(&bytes, Some(encoding)).ok(), Some((text.clone(), encoding)));
                }
            }
        }
    }
}
