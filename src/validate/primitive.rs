//! The forms of the primitive types (FHIR R4, "Datatypes", 2.24.0.1), written by hand: no regular expression runs on
//! data. A test holds each against the expression of its definition.

use crate::diag::template;
use crate::schema::dated::{is_date, is_date_time, is_instant, is_time};

/// A primitive type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    Boolean,
    Integer,
    PositiveInt,
    UnsignedInt,
    Decimal,
    Text,
    Code,
    Id,
    Uri,
    Canonical,
    Oid,
    Uuid,
    Base64,
    Date,
    DateTime,
    Instant,
    Time,
    Xhtml,
}

/// Characters of an id.
const ID_CHARS_MAX: usize = 64;
/// Characters of a string (FHIR R4, `string`: "1MB (1024*1024 characters)").
pub(super) const TEXT_CHARS_MAX: usize = 1 << 20;

impl Primitive {
    /// The type of a name; one that R4 does not have is a text.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "positiveInt" => Self::PositiveInt,
            "unsignedInt" => Self::UnsignedInt,
            "decimal" => Self::Decimal,
            "code" => Self::Code,
            "id" => Self::Id,
            "uri" | "url" => Self::Uri,
            "canonical" => Self::Canonical,
            "oid" => Self::Oid,
            "uuid" => Self::Uuid,
            "base64Binary" => Self::Base64,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "instant" => Self::Instant,
            "time" => Self::Time,
            "xhtml" => Self::Xhtml,
            _ => Self::Text,
        }
    }

    /// True where the text is a value of the type.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Boolean => matches!(text, "true" | "false"),
            Self::Integer => is_integer(text) && text.parse::<i32>().is_ok(),
            Self::PositiveInt => is_integer(text) && text.parse::<i32>().is_ok_and(|n| n > 0),
            Self::UnsignedInt => is_integer(text) && !text.starts_with('-') && text.parse::<i32>().is_ok(),
            Self::Decimal => is_decimal(text),
            Self::Text | Self::Xhtml => !is_blank(text) && !has_control(text),
            Self::Code => is_code(text),
            Self::Id => is_id(text),
            Self::Uri | Self::Canonical => is_uri(text),
            Self::Oid => text.strip_prefix("urn:oid:").is_some_and(is_oid),
            Self::Uuid => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
            Self::Base64 => is_base64(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Instant => is_instant(text),
            Self::Time => is_time(text),
        }
    }

    /// The form in words.
    pub(super) const fn form(self) -> &'static str {
        match self {
            Self::Boolean => template!("`true` or `false`"),
            Self::Integer => template!("a whole number of 32 bits"),
            Self::PositiveInt => template!("a whole number from 1 to 2147483647"),
            Self::UnsignedInt => template!("a whole number from 0 to 2147483647"),
            Self::Decimal => template!("a decimal number"),
            Self::Text => template!("a text that is not blank, without control characters"),
            Self::Code => template!("a code: no white space but single spaces between its words"),
            Self::Id => template!("an id: 1 to 64 letters, digits, `-` and `.`"),
            Self::Uri | Self::Canonical => {
                template!("a uri without white space; of a uuid or an oid in its own form")
            }
            Self::Oid => template!("an object identifier: `urn:oid:1.2.246`"),
            Self::Uuid => template!("a uuid in small letters: `urn:uuid:…`"),
            Self::Base64 => template!("base64"),
            Self::Date => template!("a date that exists: `2026`, `2026-03` or `2026-03-31`"),
            Self::DateTime => {
                template!("a date, or a date and time with its zone: `2026-03-31T12:30:00+03:00`")
            }
            Self::Instant => template!("a date and time to the second with its zone: `2026-03-31T12:30:00Z`"),
            Self::Time => template!("a time to the second: `12:30:00`"),
            Self::Xhtml => template!("a narrative"),
        }
    }
}

/// White space as the regular expressions of the definitions mean it.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Nothing but the white space that FHIR calls so; other spaces of Unicode are characters (`string`: `[ \r\n\t\S]+`).
fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// A character below 32 that is neither a tab nor an end of line (FHIR R4, `string`).
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < 0x20 && !is_space(byte))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    is_whole(digits)
}

/// `0`, or digits of which the first is not `0`.
fn is_whole(digits: &str) -> bool {
    all_digits(digits) && (digits == "0" || !digits.starts_with('0'))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(number, exponent)| (number, Some(exponent)));
    let (whole, fraction) =
        number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    is_whole(whole) && fraction.is_none_or(all_digits) && exponent.is_none_or(all_digits)
}

fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    !has_control(text)
        && ends.is_some_and(|(first, last)| !is_space(*first) && !is_space(*last))
        && !bytes.windows(2).any(|pair| is_space(pair[0]) && is_space(pair[1]))
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// No white space; what says that it is a uuid or an oid must be one.
fn is_uri(text: &str) -> bool {
    let plain = !text.is_empty() && !text.bytes().any(|byte| byte <= 0x20);
    let uuid = text.strip_prefix("urn:uuid:").map(before_fragment);
    let oid = text.strip_prefix("urn:oid:").map(before_fragment);
    plain && uuid.is_none_or(is_uuid) && oid.is_none_or(is_oid)
}

/// A canonical url is absolute, or a fragment of the resource (FHIR R4, "References to Canonical").
pub(super) fn is_absolute(text: &str) -> bool {
    text.contains(':') || text.starts_with('#')
}

/// True for a uri with a scheme (RFC 3986, 3.1): it says who it is wherever it stands.
pub(super) fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

fn before_fragment(text: &str) -> &str {
    text.split(['#', '|']).next().unwrap_or(text)
}

fn is_oid(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.next().is_some_and(|first| matches!(first, "0" | "1" | "2"))
        && text.contains('.')
        && parts.all(is_whole)
}

/// Small letters only (FHIR R4, `uuid`).
fn is_uuid(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is_hex(byte),
        })
}

/// Groups of four characters, with white space anywhere between characters, and `=` only at the end.
fn is_base64(text: &str) -> bool {
    let (mut count, mut padding) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            // White space stands between groups of four, as the pattern of the type has it.
            _ if is_space(byte) && count % 4 == 0 => continue,
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => {}
            _ => return false,
        }
        count += 1;
    }
    count > 0 && count.is_multiple_of(4) && padding <= 2
}

/// The bytes that a base64 text stands for; none where it is no base64.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    if !is_base64(text) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !is_space(*byte) && *byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        held = held << 6 | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap_or(0));
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::schema::dated::days_of;
    use proptest::prelude::*;

    const NAMES: [&str; 20] = [
        "boolean",
        "integer",
        "positiveInt",
        "unsignedInt",
        "decimal",
        "string",
        "markdown",
        "code",
        "id",
        "uri",
        "url",
        "canonical",
        "oid",
        "uuid",
        "base64Binary",
        "date",
        "dateTime",
        "instant",
        "time",
        "xhtml",
    ];

    fn is_match(name: &str, text: &str) -> bool {
        let schema = Schema::r4();
        let form = schema.type_named(name).map_or("", |ty| schema.type_info(ty).regex);
        // Those without an expression are any text but a blank one.
        let form = if form.is_empty() { r"[ \r\n\t\S]+" } else { form };
        regex::Regex::new(&format!("^(?:{form})$")).is_ok_and(|form| form.is_match(text))
    }

    /// What is stricter here than in the expressions, because the text of the specification is.
    fn is_stricter(name: &str, text: &str) -> bool {
        let number = matches!(name, "integer" | "positiveInt" | "unsignedInt");
        let day = || {
            let day = text.get(8..10).and_then(|day| day.parse::<u32>().ok());
            let year = text.get(..4).and_then(|year| year.parse().ok());
            let month = text.get(5..7).and_then(|month| month.parse().ok());
            year.zip(month).and_then(|(year, month)| days_of(year, month)) < day
        };
        match name {
            _ if number => text.parse::<i32>().is_err() || text.starts_with('+'),
            "string" | "markdown" | "xhtml" => is_blank(text) || has_control(text),
            "uri" | "url" | "canonical" => text.is_empty() || text.starts_with("urn:"),
            "base64Binary" => true,
            "date" | "dateTime" | "instant" => day(),
            _ => false,
        }
    }

    #[track_caller]
    fn check(name: &str, text: &str) {
        let (ours, theirs) = (Primitive::named(name).fits(text), is_match(name, text));
        assert!(ours == theirs || (!ours && is_stricter(name, text)), "{name} {text:?}: {ours} {theirs}");
    }

    #[test]
    fn the_forms_are_those_of_the_definitions() {
        let texts = [
            "",
            " ",
            "true",
            "TRUE",
            "0",
            "-0",
            "00",
            "01",
            "+1",
            "1",
            "-1",
            "2147483647",
            "2147483648",
            "1.0",
            "1.",
            ".5",
            "1e3",
            "1E+3",
            "-0.10",
            "a b",
            "a  b",
            " a",
            "a ",
            "a-b.c",
            "a_b",
            "http://x.org/a b",
            "urn:oid:1.2.246",
            "urn:oid:1",
            "urn:oid:3.1",
            "urn:oid:1.02",
            "YWJj",
            "YWJ=",
            "YW==",
            "Y===",
            "YWJ",
            "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
            "urn:uuid:C757873D-EC9A-4326-A141-556F43239520",
            "2026",
            "0000",
            "2026-02",
            "2026-13",
            "2026-02-28",
            "2024-02-29",
            "2026-02-29",
            "2026-04-31",
            "2026-2-8",
            "12:30:00",
            "12:30",
            "24:00:00",
            "12:60:00",
            "12:30:60",
            "12:30:00.123",
            "12:30:00.",
            "2026-02-28T12:30:00Z",
            "2026-02-28T12:30:00",
            "2026-02-28T12:30Z",
            "2026-02-28T12:30:00.5+03:00",
            "2026-02-28T12:30:00+14:30",
            "2026-02T12:30:00Z",
            "2026-02-28T12:30:00+3:00",
            "2026-02-28 12:30:00Z",
            "a\tb",
            "a\n",
        ];
        for name in NAMES {
            for text in texts {
                check(name, text);
            }
        }
    }

    proptest! {
        #[test]
        fn generated_texts_are_judged_as_the_definitions_do(
            at in 0..NAMES.len(),
            text in "[-+0-9a-fTZ:.= ]{0,24}|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?|\\PC{0,12}",
        ) {
            // A space of Unicode is white space for the expressions and a character for FHIR's own text.
            prop_assume!(!text.chars().any(|c| c.is_whitespace() && !c.is_ascii()));
            check(NAMES[at], &text);
        }
    }

    #[test]
    fn base64_is_read() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(base64(text), expected.map(|text| text.as_bytes().to_vec()), "{text}");
        };
        check("YQ==", Some("a"));
        check("YWI=", Some("ab"));
        check("YWJj \nZD4/", Some("abcd>?"));
        check("YW JjZD4/", None);
        check("YWJ", None);
        check("", None);
    }
}
