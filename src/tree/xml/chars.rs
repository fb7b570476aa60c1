//! Characters of names, eight at a time, and references.

use memchr::memchr;

pub(super) const ONES: u64 = 0x0101_0101_0101_0101;
pub(super) const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of each zero byte; above the lowest one there may be bits too many.
pub(super) const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// A mask of the first `length` bytes of a word.
pub(super) const fn low_bytes(length: u32) -> u64 {
    if length >= 8 { u64::MAX } else { (1 << (length * 8)) - 1 }
}

/// Eight bytes of the text; past its end they are zero, which stops every search.
pub(super) fn word_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or(&[]);
    if let Some(word) = rest.first_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    rest.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

/// How many bytes of a word come before white space, `=`, `>` or `/`.
pub(super) const fn name_length(word: u64) -> u32 {
    let solid = (word & !HIGHS).wrapping_add(ONES * 0x5f) | word;
    let signs = zeros(word ^ (ONES * 0x3d)) | zeros(word ^ (ONES * 0x3e)) | zeros(word ^ (ONES * 0x2f));
    // Without any stop there are 64 trailing zeros, which makes eight bytes.
    ((!solid & HIGHS) | signs).trailing_zeros() / 8
}

/// True for what XML calls a Name (production 5).
pub(crate) fn is_name(text: &str) -> bool {
    if let [b'a'..=b'z' | b'A'..=b'Z' | b'_', rest @ ..] = text.as_bytes()
        && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.'))
    {
        return true;
    }
    let starts = |character: char| {
        is_name_char(character)
            && !matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}')
    };
    text.starts_with(starts) && text.chars().all(is_name_char)
}

/// XML 1.0, production 4a.
pub(crate) fn is_name_char(character: char) -> bool {
    matches!(character,
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ':' | '-' | '.' | '\u{b7}'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{37d}' | '\u{37f}'..='\u{1fff}'
        | '\u{200c}' | '\u{200d}' | '\u{203f}' | '\u{2040}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// The character of a reference, given without `&` and `;`.
pub(super) fn decode(reference: &str) -> Option<char> {
    let number = match reference {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        other => other.strip_prefix('#')?,
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // A sign is nothing that `from_str_radix` would refuse.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let character = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    let legal = !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    legal.then_some(character)
}

/// The characters of a run of text whose references and CDATA sections the reader has checked.
pub(crate) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr3(b'&', b'<', b'\r', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(section) = rest.strip_prefix("<![CDATA[") {
            let (inner, after) = section.split_once("]]>").unwrap_or((section, ""));
            push_lines(inner, &mut out);
            rest = after;
        } else {
            rest = unescape_one(rest, '\n', &mut out);
        }
    }
    out.push_str(rest);
    out
}

/// The value of an attribute: as [`unescape`], and each white space character is a space (XML 1.0, 3.3.3).
pub(crate) fn unescape_attribute(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\r', '\n', '\t']) {
        out.push_str(&rest[..at]);
        rest = unescape_one(&rest[at..], ' ', &mut out);
    }
    out.push_str(rest);
    out
}

/// Decodes the reference or line end at the start of `rest`; what follows it.
fn unescape_one<'a>(rest: &'a str, line_end: char, out: &mut String) -> &'a str {
    if let Some(after) = rest.strip_prefix('\r') {
        out.push(line_end);
        return after.strip_prefix('\n').unwrap_or(after);
    }
    if let Some((reference, after)) = rest.strip_prefix('&').and_then(|rest| rest.split_once(';')) {
        out.push(decode(reference).unwrap_or(char::REPLACEMENT_CHARACTER));
        return after;
    }
    let mut characters = rest.chars();
    match characters.next() {
        Some('\n' | '\t') => out.push(line_end),
        Some(other) => out.push(other),
        None => {}
    }
    characters.as_str()
}

/// Every line end as one line feed (XML 1.0, 2.11).
fn push_lines(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr(b'\r', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = unescape_one(&rest[at..], '\n', out);
    }
    out.push_str(rest);
}
