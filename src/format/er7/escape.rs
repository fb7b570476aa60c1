//! Escape sequences of texts: chapter 2, section 2.7.

use super::Separators;

/// The text that a value stands for.
///
/// Highlighting (`\H\`, `\N\`) says nothing and is left out; sequences that are not known, are not closed or stand for
/// characters of another set stay as they are.
pub(super) fn decode(raw: &str, separators: &Separators) -> String {
    let Some(escape) = separators.escape.map(char::from) else { return raw.to_owned() };
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once(escape) {
        out.push_str(before);
        match after.split_once(escape) {
            Some((inner, beyond)) if sequence(inner, separators, &mut out) => rest = beyond,
            _ => {
                out.push(escape);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Appends what a sequence stands for; false where it is none.
fn sequence(inner: &str, separators: &Separators, out: &mut String) -> bool {
    let sign = match inner {
        "F" => Some(separators.field),
        "S" => Some(separators.component),
        "R" => separators.repetition,
        "T" => separators.subcomponent,
        "E" => separators.escape,
        "P" => separators.truncation,
        ".br" => Some(b'\n'),
        "H" | "N" => return true,
        _ => return hexadecimal(inner, out),
    };
    match sign {
        Some(sign) => out.push(char::from(sign)),
        None => return false,
    }
    true
}

/// True for what says nothing: highlighting around no text, and the signs of `parts`.
pub(super) fn is_silent(raw: &[u8], escape: Option<u8>, parts: impl Fn(&u8) -> bool) -> bool {
    let mut rest = raw;
    while let Some((sign, after)) = rest.split_first() {
        rest = match after {
            after if parts(sign) => after,
            [b'H' | b'N', end, after @ ..] if Some(*sign) == escape && end == sign => after,
            _ => return false,
        };
    }
    true
}

/// `X0D0A`: bytes of ASCII. Others depend on the character set that the sender had in mind.
fn hexadecimal(inner: &str, out: &mut String) -> bool {
    let Some(digits) = inner.strip_prefix('X').filter(|digits| !digits.is_empty() && digits.len() % 2 == 0)
    else {
        return false;
    };
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok().filter(|byte| byte.is_ascii() && !text.starts_with('+'))
    };
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    match bytes {
        Some(bytes) => {
            out.extend(bytes.into_iter().map(char::from));
            true
        }
        None => false,
    }
}

/// Appends a text so that it is read as it is; false where there is no escape sign to do so.
pub(super) fn encode(text: &str, separators: &Separators, out: &mut String) -> bool {
    // Two quotes alone would ask to delete the value.
    if text == "\"\"" {
        return hex(b"\"\"", separators, out);
    }
    let mut start = 0;
    for (at, character) in text.char_indices() {
        let Some(byte) = u8::try_from(character).ok().filter(|byte| is_special(*byte, separators)) else {
            continue;
        };
        out.push_str(text.get(start..at).unwrap_or(""));
        start = at + character.len_utf8();
        let named = match byte {
            b'\n' if !is_special(b'.', separators) => ".br",
            byte if byte == separators.field => "F",
            byte if byte == separators.component => "S",
            byte if Some(byte) == separators.repetition => "R",
            byte if Some(byte) == separators.subcomponent => "T",
            byte if Some(byte) == separators.escape => "E",
            byte if Some(byte) == separators.truncation => "P",
            byte => {
                if !hex(&[byte], separators, out) {
                    return false;
                }
                continue;
            }
        };
        let Some(escape) = separators.escape.map(char::from) else { return false };
        out.push(escape);
        out.push_str(named);
        out.push(escape);
    }
    out.push_str(text.get(start..).unwrap_or(""));
    true
}

fn hex(bytes: &[u8], separators: &Separators, out: &mut String) -> bool {
    let Some(escape) = separators.escape.map(char::from) else { return false };
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    out.push(escape);
    out.push('X');
    out.push_str(&digits);
    out.push(escape);
    true
}

/// True for signs that part a message, and for what ends segments and blocks.
fn is_special(byte: u8, separators: &Separators) -> bool {
    let Separators { field, component, repetition, escape, subcomponent, truncation } = *separators;
    byte == field
        || byte == component
        || matches!(byte, b'\n' | b'\r' | 0x0b | 0x1c)
        || [repetition, escape, subcomponent, truncation].contains(&Some(byte))
}
