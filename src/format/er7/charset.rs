//! The character set that MSH-18 names (HL7 table 0211).

use super::header::header;
use crate::diag::{Issue, codes};
use crate::format::{Encoding, decode as decode_bytes};

/// The text of a message, by the character set that its MSH-18 names.
///
/// Where it names none the message is read as UTF-8, of which ASCII is a part; `unnamed` is what a connection is known
/// to send instead.
///
/// # Errors
/// A character set that is not known, bytes that it does not have, or no header.
pub fn decode(bytes: &[u8], unnamed: Option<Encoding>) -> Result<(String, Encoding), Box<Issue>> {
    let named = header(bytes)?.character_set;
    let encoding = match named.trim() {
        "" => unnamed,
        named => match encoding(named) {
            Some(encoding) => Some(encoding),
            None => {
                let message = "MSH-18 names a character set that is not known";
                let issue = Issue::error(codes::ER7_CHARSET, place(bytes, named), message);
                return Err(Box::new(issue.with_value(named.to_owned())));
            }
        },
    };
    decode_bytes(bytes, encoding).map_err(|issue| {
        let message = if encoding.is_none() {
            "MSH-18 names no character set, and these bytes are not UTF-8"
        } else {
            "these bytes are not of the character set that MSH-18 names"
        };
        Box::new(Issue::error(codes::ER7_CHARSET, issue.span, message))
    })
}

/// The encodings that real systems name, in their ways of spelling them.
fn encoding(named: &str) -> Option<Encoding> {
    let letters: String = named
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_uppercase())
        .collect();
    match letters.as_str() {
        "ASCII" | "USASCII" | "ISOIR6" => Some(Encoding::Ascii),
        "UNICODEUTF8" | "UTF8" | "UNICODE" => Some(Encoding::Utf8),
        "88591" | "ISO88591" | "LATIN1" => Some(Encoding::Iso8859_1),
        "885915" | "ISO885915" | "LATIN9" => Some(Encoding::Iso8859_15),
        "WINDOWS1252" | "CP1252" => Some(Encoding::Windows1252),
        _ => None,
    }
}

/// Where the name stands in the header.
fn place(bytes: &[u8], named: &str) -> crate::diag::Span {
    let start = memchr::memmem::find(bytes, named.as_bytes()).unwrap_or(0);
    crate::diag::Span::new(crate::tree::to_u32(start), crate::tree::to_u32(start + named.len()))
}
