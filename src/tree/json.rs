//! JSON text to tree and back (RFC 8259), strictly: a duplicate key, a lone surrogate, a second root and a
//! raw control character are errors with their place. Numbers keep their text.

mod write;

pub(crate) use write::escape_into;
pub use write::{Layout, to_string, write};

use super::{DEPTH_MAX, Flags, Kind, NODES_MAX, Name, NameTable, NodeId, Tree};
use crate::diag::{Issue, Span, codes};
use std::sync::Arc;

/// Keys of one object that are compared one by one; beyond that they are sorted.
const KEYS_COMPARED_MAX: usize = 24;

/// Reads one JSON text. A byte order mark is passed over.
///
/// # Errors
/// The first place that is not JSON, or a limit of [`super`] that was passed.
pub fn read(text: &str, names: &Arc<NameTable>) -> Result<Tree, Box<Issue>> {
    read_owned(text.to_owned(), names)
}

/// As [`read`], for a text the caller gives away.
///
/// # Errors
/// As for [`read`].
pub fn read_owned(text: String, names: &Arc<NameTable>) -> Result<Tree, Box<Issue>> {
    let mut tree = Tree::to_read(&text, names)?;
    let mut reader =
        Reader { text: &text, bytes: text.as_bytes(), at: 0, tree: &mut tree, keys: Vec::new(), depth: 0 };
    reader.document()?;
    tree.set_source(text);
    Ok(tree)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tree: &'a mut Tree,
    /// Keys of the objects that are open, innermost last.
    keys: Vec<(Name, u32)>,
    depth: u32,
}

/// Where a value hangs: its parent, its name and whether it is an item of a list.
#[derive(Clone, Copy)]
struct Place {
    parent: Option<NodeId>,
    name: Name,
    flags: Flags,
    head: usize,
}

type Outcome<T> = Result<T, Box<Issue>>;

impl Reader<'_> {
    fn document(&mut self) -> Outcome<()> {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        self.space();
        let root = Place { parent: None, name: Name::NONE, flags: Flags::default(), head: self.at };
        if self.peek() == Some(b'[') {
            self.array_node(root)?;
        } else {
            self.value(root)?;
        }
        self.space();
        if self.at < self.bytes.len() {
            return Err(self.syntax("the document ends here, but more text follows"));
        }
        Ok(())
    }

    fn value(&mut self, place: Place) -> Outcome<()> {
        match self.peek() {
            Some(b'"') => self.string(place),
            Some(b'{') => self.object(place),
            Some(b'[') => self.list(place),
            Some(b'-' | b'0'..=b'9') => self.number(place),
            Some(b't') => self.word(place, "true", Kind::Bool),
            Some(b'f') => self.word(place, "false", Kind::Bool),
            Some(b'n') => self.word(place, "null", Kind::Null),
            _ => Err(self.syntax("a value was expected")),
        }
    }

    fn node(&mut self, place: Place, kind: Kind, start: usize, end: usize) -> Outcome<NodeId> {
        if self.tree.len() >= NODES_MAX {
            return Err(self.limit(format!("the document has over {NODES_MAX} nodes")));
        }
        let head = if place.flags.has(Flags::LIST) { start } else { place.head };
        Ok(match place.parent {
            Some(parent) => self.tree.push_read(parent, place.name, kind, place.flags, (head, start, end)),
            None => {
                let root = self.tree.push_root(place.name, kind);
                self.tree.set_spans(root, head, start, end);
                root
            }
        })
    }

    fn enter(&mut self) -> Outcome<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.limit(format!("the document is nested over {DEPTH_MAX} deep")));
        }
        Ok(())
    }

    fn object(&mut self, place: Place) -> Outcome<()> {
        let start = self.at;
        self.enter()?;
        let id = self.node(place, Kind::Object, start, start)?;
        self.at += 1;
        let mark = self.keys.len();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                self.member(id, mark)?;
                if !self.more(b'}', "`,` or `}`")? {
                    break;
                }
            }
        }
        self.check_keys(mark)?;
        self.keys.truncate(mark);
        self.tree.set_end(id, self.at);
        self.depth -= 1;
        Ok(())
    }

    fn member(&mut self, parent: NodeId, mark: usize) -> Outcome<()> {
        self.space();
        let head = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.syntax("a key in double quotes was expected"));
        }
        let escaped = self.scan_string()?;
        let raw = self.text.get(head + 1..self.at - 1).unwrap_or("");
        let key = if escaped {
            self.tree.names_mut().intern(&unescape(raw))
        } else {
            self.tree.names_mut().intern(raw)
        };
        let Some(name) = key else {
            return Err(self.limit("the document has too many different keys".to_owned()));
        };
        let open = &self.keys[mark..];
        if open.len() <= KEYS_COMPARED_MAX && open.iter().any(|(key, _)| *key == name) {
            return Err(self.duplicate(head));
        }
        self.keys.push((name, super::to_u32(head)));
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.syntax("`:` was expected after the key"));
        }
        self.at += 1;
        self.space();
        self.value(Place { parent: Some(parent), name, flags: Flags::default(), head })
    }

    /// Wide objects are checked once, by sorting, so that the check stays cheap for any width.
    fn check_keys(&mut self, mark: usize) -> Outcome<()> {
        let open = &mut self.keys[mark..];
        if open.len() <= KEYS_COMPARED_MAX {
            return Ok(());
        }
        open.sort_unstable();
        match open.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => {
                let at = pair[1].1 as usize;
                Err(self.duplicate(at))
            }
            None => Ok(()),
        }
    }

    /// The items of an array that is the value of a member become siblings of one name.
    fn list(&mut self, place: Place) -> Outcome<()> {
        if place.parent.is_none() || place.name == Name::NONE {
            return self.array_node(place);
        }
        self.enter()?;
        let start = self.at;
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.node(place, Kind::EmptyList, start, self.at)?;
        } else {
            let item = Place { flags: Flags::LIST, ..place };
            loop {
                self.space();
                if self.peek() == Some(b'[') {
                    self.array_node(item)?;
                } else {
                    self.value(item)?;
                }
                if !self.more(b']', "`,` or `]`")? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// An array without a name of its own: the root, or one inside another array.
    fn array_node(&mut self, place: Place) -> Outcome<()> {
        self.enter()?;
        let start = self.at;
        let id = self.node(place, Kind::Array, start, start)?;
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                self.space();
                let item =
                    Place { parent: Some(id), name: Name::NONE, flags: Flags::default(), head: self.at };
                self.value(item)?;
                if !self.more(b']', "`,` or `]`")? {
                    break;
                }
            }
        }
        self.tree.set_end(id, self.at);
        self.depth -= 1;
        Ok(())
    }

    /// After an item: true where a comma says that another follows, false at the closing sign.
    fn more(&mut self, close: u8, expected: &str) -> Outcome<bool> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.syntax(format!("{expected} was expected"))),
        }
    }

    fn string(&mut self, place: Place) -> Outcome<()> {
        let start = self.at;
        let escaped = self.scan_string()?;
        let id = self.node(place, Kind::Str, start, self.at)?;
        self.tree.set_text_range(id, start + 1, self.at - 1);
        if escaped {
            self.tree.add_flags(id, Flags::JSON_ESCAPES);
        }
        Ok(())
    }

    /// Passes over a string, checking it; true where it has escapes.
    fn scan_string(&mut self) -> Outcome<bool> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.syntax("a control character must be written as an escape")),
                None => {
                    let span = Span::new(super::to_u32(start), super::to_u32(self.at));
                    let message = "the string that starts here has no end";
                    return Err(Box::new(Issue::error(codes::TRUNCATED, span, message)));
                }
            }
        }
    }

    fn escape(&mut self) -> Outcome<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let unit = self.unit(self.at)?;
                let low = matches!(unit, 0xD800..=0xDBFF).then(|| self.unit(self.at + 6)).transpose();
                match (unit, low) {
                    (0xD800..=0xDBFF, Ok(Some(0xDC00..=0xDFFF))) => self.at += 12,
                    (0xD800..=0xDFFF, _) => {
                        let span = Span::new(super::to_u32(self.at), super::to_u32(self.at + 6));
                        let message = "half of a surrogate pair stands alone";
                        return Err(Box::new(Issue::error(codes::JSON_SURROGATE, span, message)));
                    }
                    _ => self.at += 6,
                }
                Ok(())
            }
            _ => Err(self.syntax("this escape does not exist in JSON")),
        }
    }

    fn unit(&self, at: usize) -> Outcome<u32> {
        let digits = self.bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"));
        let digits = digits.and_then(|escape| std::str::from_utf8(&escape[2..]).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.syntax("`\\u` needs four hexadecimal digits"))
    }

    fn number(&mut self, place: Place) -> Outcome<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.syntax("a digit was expected")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let id = self.node(place, Kind::Number, start, self.at)?;
        self.tree.set_text_range(id, start, self.at);
        Ok(())
    }

    fn some_digits(&mut self) -> Outcome<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.syntax("a digit was expected"));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn word(&mut self, place: Place, word: &str, kind: Kind) -> Outcome<()> {
        let start = self.at;
        if !self.bytes[start..].starts_with(word.as_bytes()) {
            return Err(self.syntax("a value was expected"));
        }
        self.at += word.len();
        let id = self.node(place, kind, start, self.at)?;
        self.tree.set_text_range(id, start, self.at);
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn syntax(&self, message: impl Into<String>) -> Box<Issue> {
        let code = if self.at >= self.bytes.len() { codes::TRUNCATED } else { codes::JSON_SYNTAX };
        let at = super::to_u32(self.at);
        Box::new(Issue::error(code, Span::new(at, at), message))
    }

    fn limit(&self, message: String) -> Box<Issue> {
        let at = super::to_u32(self.at);
        Box::new(Issue::error(codes::LIMIT, Span::new(at, at), message))
    }

    fn duplicate(&self, head: usize) -> Box<Issue> {
        let span = Span::new(super::to_u32(head), super::to_u32(self.at.max(head)));
        Box::new(Issue::error(codes::JSON_DUPLICATE_KEY, span, "this key stands twice in its object"))
    }
}

/// Bytes up to the first quote, backslash or control character, eight at a time.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (at, word) in words.iter().enumerate() {
        let found = signs(*word);
        if found != 0 {
            // The lowest bit is that of the first sign; those above it may be wrong.
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let plain = bytes.len() - rest.len();
    // What is left is looked at together with the bytes before it, or as two halves that share bytes.
    let is_plain = match (bytes.last_chunk(), rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(word), ..) => signs(*word) == 0,
        (None, Some(first), Some(last)) => {
            let mut word = [0; 8];
            word[..4].copy_from_slice(first);
            word[4..].copy_from_slice(last);
            signs(word) == 0
        }
        _ => false,
    };
    if is_plain {
        return bytes.len();
    }
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    plain + found.unwrap_or(rest.len())
}

/// Bits in the bytes of a word that are a quote, a backslash or a control character; up to the first of them no other.
const fn signs(word: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    let (quote, slash) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
    let quote = quote.wrapping_sub(ONES) & !quote;
    let slash = slash.wrapping_sub(ONES) & !slash;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | slash | control) & HIGHS
}

/// The characters of a string literal whose escapes the reader has checked.
pub(crate) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let bytes = rest.as_bytes();
        let (character, length) = match bytes.get(at + 1) {
            Some(b'n') => ('\n', 2),
            Some(b't') => ('\t', 2),
            Some(b'r') => ('\r', 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'u') => unescape_unit(rest, at),
            Some(other) => (char::from(*other), 2),
            None => break,
        };
        out.push(character);
        rest = rest.get(at + length..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

fn unescape_unit(text: &str, at: usize) -> (char, usize) {
    let unit = |at: usize| text.get(at + 2..at + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let high = unit(at).unwrap_or(0xFFFD);
    if let (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) = (high, unit(at + 6)) {
        let scalar = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let tree = read(input, &Arc::new(NameTable::new()));
        let printed = tree.map(|tree| to_string(&tree, Layout::Compact));
        assert_eq!(
            printed.unwrap_or_else(|issue| format!("{} at {}", issue.code.id, issue.span.start)),
            expected
        );
    }

    #[test]
    fn every_form_survives() {
        check(
            r#" {"a" : [1.50, -0e+1, null, true], "b":[], "c":[[1,[ ]],{}], "":"x" } "#,
            r#"{"a":[1.50,-0e+1,null,true],"b":[],"c":[[1,[]],{}],"":"x"}"#,
        );
        check("[1,2]", "[1,2]");
        check("\u{feff}\"\\u00e4\\ud83d\\ude00\\/\"", r#""\u00e4\ud83d\ude00\/""#);
    }

    #[test]
    fn what_must_be_escaped_is_found_wherever_it_stands() {
        for length in 0..20 {
            for at in 0..length {
                let (before, after) = ("x".repeat(at), "ä".repeat(length - at));
                for sign in ["\\\"", "\\\\", "\\n"] {
                    let text = format!("\"{before}{sign}{after}\"");
                    check(&format!("{{{text}:{text},\"a\":1}}"), &format!("{{{text}:{text},\"a\":1}}"));
                    let mut out = String::new();
                    escape_into(&unescape(&text[1..text.len() - 1]), &mut out);
                    assert_eq!(format!("\"{out}\""), text);
                }
            }
        }
    }

    #[test]
    fn text_is_decoded_on_demand() {
        let tree = read(r#"{"a":"\u00e4\ud83d\ude00\n\/"}"#, &Arc::new(NameTable::new())).ok();
        let text = tree.and_then(|tree| tree.child_text(NodeId::ROOT, "a").map(std::borrow::Cow::into_owned));
        assert_eq!(text.as_deref(), Some("ä😀\n/"));
    }

    #[test]
    fn faults_are_placed() {
        check(r#"{"a":1,"a":2}"#, "F103 at 7");
        check(r#"{"a":"\ud800x"}"#, "F104 at 6");
        check(r#"{"a":1} {}"#, "F102 at 8");
        check(r#"{"a":01}"#, "F102 at 6");
        check(r#"{"a":1,}"#, "F102 at 7");
        check(r#"{"a":"x"#, "F111 at 5");
        check("{\"a\":\"x\ny\"}", "F102 at 7");
        check("", "F111 at 0");
        check(&"[".repeat(300), "F107 at 200");
    }

    #[test]
    fn a_duplicate_is_found_in_a_wide_object_too() {
        let keys: String = (0..100).map(|i| format!("\"k{i}\":0,")).collect();
        let text = format!("{{{keys}\"k7\":1}}");
        let at = text.rfind("\"k7\"").unwrap_or(0);
        check(&text, &format!("F103 at {at}"));
    }

    #[test]
    fn pretty_text_reads_back() {
        let names = Arc::new(NameTable::new());
        let text = r#"{"a":[{"b":1}],"c":{},"d":"e"}"#;
        let pretty = read(text, &names).map(|tree| to_string(&tree, Layout::Pretty)).unwrap_or_default();
        assert!(pretty.contains("\n  \"a\": [\n    {\n      \"b\": 1\n    }\n  ]"), "{pretty}");
        check(&pretty, text);
    }
}
