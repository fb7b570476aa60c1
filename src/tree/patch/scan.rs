//! Finds again in the source text what the tree does not hold: commas, keys, tags and white space. The text
//! was accepted by a reader before, so these scanners only pass over it and never judge; on a text that does
//! not fit they stop early.

use super::part;

/// A member of a JSON object or an item of a JSON array, with what stands around it.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    /// Start of the white space that leads it.
    pub(super) lead: usize,
    /// Start of the key, or of the value in an array.
    pub(super) head: usize,
    /// End of the key.
    pub(super) key_end: usize,
    /// Start of the value.
    pub(super) start: usize,
    /// End of the value.
    pub(super) end: usize,
    /// End of the white space after the value: a comma or the closing sign stands there.
    pub(super) trail: usize,
}

/// The members or items of the JSON object or array that starts at `start`.
pub(super) fn items(source: &str, start: usize) -> Vec<Item> {
    let bytes = source.as_bytes();
    let keyed = bytes.get(start) == Some(&b'{');
    let mut found = Vec::new();
    let mut at = start + 1;
    loop {
        let mut item = Item { lead: at, ..Item::default() };
        at = json_space(bytes, at);
        if !bytes.get(at).is_some_and(|byte| !matches!(byte, b'}' | b']')) {
            return found;
        }
        (item.head, item.key_end) = (at, at);
        if keyed {
            item.key_end = json_string(bytes, at);
            // The colon takes one byte.
            at = json_space(bytes, json_space(bytes, item.key_end) + 1);
        }
        item.start = at;
        item.end = json_value(bytes, at);
        item.trail = json_space(bytes, item.end);
        at = item.trail;
        found.push(item);
        if bytes.get(at) != Some(&b',') {
            return found;
        }
        at += 1;
    }
}

fn json_space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    let other = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    at + other.unwrap_or(rest.len())
}

/// The end of the string that starts at `at`.
fn json_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or(&[])) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

fn json_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_u32;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = json_string(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// An attribute in a start tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    /// Start of the white space before it.
    pub(super) lead: usize,
    /// Start of its name.
    pub(super) start: usize,
    /// End of its name.
    pub(super) name_end: usize,
    /// Start of its value, at the quote.
    pub(super) value: usize,
    /// End of its value, after the quote.
    pub(super) end: usize,
}

/// A start tag and where the content after it ends.
#[derive(Debug, Clone)]
pub(super) struct Element {
    /// End of the name, which starts one byte after the element.
    pub(super) name_end: usize,
    /// Its attributes in order, namespace declarations included.
    pub(super) attributes: Vec<Attribute>,
    /// End of the last attribute, or of the name.
    pub(super) attributes_end: usize,
    /// `<a/>`.
    pub(super) closed: bool,
    /// First byte after the start tag.
    pub(super) content: usize,
    /// Start of the end tag; for `<a/>` the same as `content`.
    pub(super) content_end: usize,
}

/// The element that covers `start..end`.
pub(super) fn element(source: &str, start: usize, end: usize) -> Option<Element> {
    let mut found = start_tag(source.get(..end)?, start)?;
    if !found.closed {
        found.content_end = found.content + part(source, found.content, end).rfind("</")?;
    }
    Some(found)
}

/// The start tag at `start`; `content_end` is not yet known.
fn start_tag(source: &str, start: usize) -> Option<Element> {
    let bytes = source.as_bytes();
    if bytes.get(start) != Some(&b'<') {
        return None;
    }
    let name_end = xml_name(bytes, start + 1);
    let mut attributes = Vec::new();
    let mut at = name_end;
    loop {
        let lead = at;
        let name = json_space(bytes, at);
        match bytes.get(name)? {
            b'>' => return Some(ended(name_end, attributes, lead, false, name + 1)),
            b'/' => return Some(ended(name_end, attributes, lead, true, name + 2)),
            _ => {}
        }
        let name_end = xml_name(bytes, name);
        // The equals sign takes one byte.
        let value = json_space(bytes, json_space(bytes, name_end) + 1);
        let quote = *bytes.get(value)?;
        let length = memchr::memchr(quote, bytes.get(value + 1..)?)?;
        at = value + length + 2;
        attributes.push(Attribute { lead, start: name, name_end, value, end: at });
    }
}

const fn ended(
    name_end: usize,
    attributes: Vec<Attribute>,
    attributes_end: usize,
    closed: bool,
    content: usize,
) -> Element {
    Element { name_end, attributes, attributes_end, closed, content, content_end: content }
}

fn xml_name(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'=' | b'/' | b'>'));
    at + end.unwrap_or(rest.len())
}

/// What a piece of element content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// A child element.
    Element,
    /// Text that is not only white space; CDATA sections belong to it.
    Text,
    /// A comment or a processing instruction.
    Aside,
}

/// A piece of element content with the white space before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Start of the white space before it.
    pub(super) lead: usize,
    /// Its first byte.
    pub(super) start: usize,
    /// One past its last byte.
    pub(super) end: usize,
    /// What it is.
    pub(super) kind: PieceKind,
}

/// The pieces of the content `start..end`. White space is a piece of its own where `is_text` says that it is
/// text.
pub(super) fn pieces(source: &str, start: usize, end: usize, is_text: impl Fn(usize) -> bool) -> Vec<Piece> {
    let mut found = Vec::new();
    let (mut at, mut lead) = (start, start);
    while at < end {
        let rest = part(source, at, end);
        let (kind, length) = if rest.starts_with("<!--") {
            (PieceKind::Aside, through(rest, "-->"))
        } else if rest.starts_with("<?") {
            (PieceKind::Aside, through(rest, "?>"))
        } else if rest.starts_with('<') && !rest.starts_with(CDATA) {
            (PieceKind::Element, element_length(rest))
        } else {
            (PieceKind::Text, text_length(rest))
        };
        let next = at + length.max(1);
        let blank = kind == PieceKind::Text && rest[..length].bytes().all(|byte| byte.is_ascii_whitespace());
        if !blank || is_text(at) {
            found.push(Piece { lead, start: at, end: next, kind });
            lead = next;
        }
        at = next;
    }
    found
}

const CDATA: &str = "<![CDATA[";

fn through(text: &str, sign: &str) -> usize {
    text.find(sign).map_or(text.len(), |at| at + sign.len())
}

fn text_length(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        if rest.starts_with(CDATA) {
            at += through(rest, "]]>");
        } else {
            match rest.find('<') {
                Some(next) if rest[next..].starts_with(CDATA) => at += next,
                Some(next) => return at + next,
                None => return text.len(),
            }
        }
    }
}

/// The length of the element that `text` starts with.
fn element_length(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_u32);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("<!--") {
            at += through(rest, "-->");
        } else if rest.starts_with("<?") {
            at += through(rest, "?>");
        } else if rest.starts_with("</") {
            at += through(rest, ">");
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at;
            }
        } else if rest.starts_with('<') && !rest.starts_with(CDATA) {
            let Some(tag) = start_tag(rest, 0) else { return text.len() };
            at += tag.content;
            if !tag.closed {
                depth += 1;
            } else if depth == 0 {
                return at;
            }
        } else {
            at += text_length(rest).max(1);
        }
    }
    text.len()
}
