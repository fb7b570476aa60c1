//! Source lines without the values in them: what is markup stays, letters and digits of values become dots.
//!
//! The masks keep every character in its column, so that carets still point at it. Where a text is broken a mask
//! hides rather too much than too little.

/// How the values of a text are told from its markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mask {
    /// Nothing personal in it: a lens.
    Open,
    /// Keys and punctuation stay.
    Json,
    /// Tags, names of attributes and punctuation stay.
    Xml,
    /// The header, separators and quotes stay.
    Csv,
    /// Names of segments, separators and the header stay.
    Er7,
    /// Punctuation stays.
    Plain,
}

/// Values of these attributes are words of the standard, never of a client.
const OPEN_ATTRIBUTES: &[&str] = &[
    "xsi:type",
    "classCode",
    "moodCode",
    "typeCode",
    "nullFlavor",
    "codeSystem",
    "codeSystemName",
    "use",
    "encoding",
    "version",
];

impl Mask {
    /// The mask for a text that no unit system has read.
    pub(super) fn guess(text: &str) -> Self {
        match text.trim_start_matches('\u{feff}').trim_start().chars().next() {
            Some('<') => Self::Xml,
            Some('{' | '[') => Self::Json,
            _ => Self::Plain,
        }
    }

    /// The text with its values masked, character by character.
    pub(super) fn apply(self, text: &str) -> String {
        match self {
            Self::Open => text.to_owned(),
            Self::Json => json(text),
            Self::Xml => xml(text),
            Self::Csv => csv(text),
            Self::Er7 => er7(text),
            Self::Plain => text.chars().map(dot).collect(),
        }
    }
}

/// A letter, digit or mark of a value becomes a dot.
fn dot(c: char) -> char {
    if c.is_ascii() && !c.is_ascii_alphanumeric() { c } else { '·' }
}

/// The names of segments are words of the standard. The header names systems, and whom they are told of may be in it too.
fn er7(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive(['\r', '\n']) {
        let name = line.get(..3).filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let named =
            name.filter(|_| line.as_bytes().get(3).is_none_or(u8::is_ascii_punctuation)).unwrap_or("");
        out.push_str(named);
        out.extend(line.get(named.len()..).unwrap_or("").chars().map(dot));
    }
    out
}

fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        out.extend(rest[..at].chars().map(dot));
        let (string, after) = rest[at..].split_at(string_bytes(&rest[at..]));
        let is_key = string.len() > 1 && string.ends_with('"') && after.trim_start().starts_with(':');
        // A key with many digits is no key of a format but perhaps somebody's number.
        let is_plain = string.bytes().filter(u8::is_ascii_digit).count() < 4;
        if is_key && is_plain {
            out.push_str(string);
        } else {
            out.extend(string.chars().map(dot));
        }
        rest = after;
    }
    out.extend(rest.chars().map(dot));
    out
}

/// Bytes of a JSON string with its quotes, to the end of the text where it does not end.
fn string_bytes(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.extend(rest[..at].chars().map(dot));
        rest = &rest[at..];
        let end = if rest.starts_with("<!--") {
            rest.find("-->")
        } else if rest.starts_with("<![CDATA[") {
            rest.find("]]>")
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            rest.find('>')
        } else {
            let bytes = tag(rest, &mut out);
            rest = &rest[bytes..];
            continue;
        };
        let (hidden, after) = rest.split_at(end.unwrap_or(rest.len()));
        out.extend(hidden.chars().map(dot));
        rest = after;
    }
    out.extend(rest.chars().map(dot));
    out
}

/// Writes one tag and gives its bytes. Attribute names are shown only where `=` follows, so that text after a
/// stray `<` stays hidden.
fn tag(text: &str, out: &mut String) -> usize {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-' | '.');
    let mut at = if text.starts_with("</") { 2 } else { 1 };
    out.push_str(&text[..at]);
    let name_bytes = text[at..].find(|c: char| !is_name(c)).unwrap_or(text.len() - at);
    let name = &text[at..at + name_bytes];
    let closed = matches!(text[at + name_bytes..].chars().next(), Some(' ' | '\t' | '\r' | '\n' | '>' | '/'));
    if closed {
        out.push_str(name);
    } else {
        out.extend(name.chars().map(dot));
    }
    at += name_bytes;
    let mut attribute = "";
    while let Some(c) = text[at..].chars().next() {
        match c {
            '>' | '<' => {
                if c == '>' {
                    out.push('>');
                    at += 1;
                }
                return at;
            }
            '"' | '\'' => {
                let bytes = text[at + 1..].find(c).map_or(text.len() - at, |end| end + 2);
                let value = &text[at..at + bytes];
                let open = OPEN_ATTRIBUTES.contains(&attribute) || attribute.starts_with("xmlns");
                if open {
                    out.push_str(value);
                } else {
                    out.extend(value.chars().map(dot));
                }
                at += bytes;
            }
            c if is_name(c) => {
                let bytes = text[at..].find(|c: char| !is_name(c)).unwrap_or(text.len() - at);
                let word = &text[at..at + bytes];
                let follows = text[at + bytes..].trim_start().starts_with('=');
                if follows {
                    out.push_str(word);
                } else {
                    out.extend(word.chars().map(dot));
                }
                attribute = if follows { word } else { "" };
                at += bytes;
            }
            other => {
                out.push(dot(other));
                at += other.len_utf8();
            }
        }
    }
    at
}

fn csv(text: &str) -> String {
    let (header, rows) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let mut out = header.to_owned();
    out.extend(rows.chars().map(dot));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_and_values_do_not() {
        assert_eq!(
            Mask::Json.apply(r#"{"nimi": "Aino Å", "ikä" : 42, "a"#),
            r#"{"nimi": "···· ·", "ikä" : ··, "·"#
        );
        assert_eq!(Mask::Json.apply(r#"{"240986-917H": 1}"#), r#"{"······-····": ·}"#);
    }

    #[test]
    fn tags_stay_and_text_does_not() {
        let text = "<name use=\"L\" x='Aino'>Aino</name><!-- Aino --><![CDATA[Aino]]> 1 < Aino Koivu";
        let masked = "<name use=\"L\" x='····'>····</name><!-- ···· --><![·····[····]]> · < ···· ·····";
        assert_eq!(Mask::Xml.apply(text), masked);
    }

    #[test]
    fn a_header_stays_and_rows_do_not() {
        assert_eq!(Mask::Csv.apply("a;b\nAino;1.2\n"), "a;b\n····;·.·\n");
    }

    #[test]
    fn every_character_keeps_its_column() {
        for text in ["<a b", "<a b=\"c", "\"", "{\"a\\", "<", "</", "<!--x", "å<ä ö=\"ü\">", "a\n\"b\nc"]
        {
            assert_eq!(Mask::Er7.apply("MSH|^~\\&|A\rPID|1||7^ä\r"), "MSH|^~\\&|·\rPID|·||·^·\r");
            for mask in [Mask::Json, Mask::Xml, Mask::Csv, Mask::Er7, Mask::Plain] {
                let masked = mask.apply(text);
                assert_eq!(masked.chars().count(), text.chars().count(), "{mask:?} {text}");
                assert_eq!(masked.lines().count(), text.lines().count(), "{mask:?} {text}");
            }
        }
    }
}
