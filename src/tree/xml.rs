//! XML text to tree and back (XML 1.0 with namespaces), strictly: unbalanced tags, a repeated attribute, a
//! DOCTYPE, an entity beyond the five and an undeclared prefix are errors with their place.
//!
//! Names are canonical, so that the prefixes a sender chose do not matter: what is in the namespace of the
//! root element goes by its local name, a few well-known namespaces have a prefix of their own
//! (`sdtc:`, `hl7fi:`, `xsi:`, `xhtml:`, `xml:`), and anything else is named as it was written.

mod chars;
mod tags;
mod text;
mod write;

use chars::{HIGHS, ONES, low_bytes, name_length, word_at, zeros};
pub(crate) use chars::{is_name, is_name_char, unescape, unescape_attribute};
pub(crate) use write::escape_attribute_into;
pub use write::{first_illegal, write};

use super::{Flags, Kind, NODES_MAX, Name, NameTable, NodeId, Tree, to_u32};
use crate::diag::{Code, Issue, Span, codes};
use memchr::{memchr, memmem};
use std::borrow::Cow;
use std::sync::Arc;

/// Attributes of one element that are compared one by one; beyond that they are sorted.
const ATTRIBUTES_COMPARED_MAX: usize = 24;
/// Namespace declarations in force at one place.
const BINDINGS_MAX: usize = 256;
/// Slots of the cache of names; a CDA document has some 150 different ones.
const CACHE_SLOTS: usize = 512;

const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";
/// Namespaces whose elements and attributes go by a prefix of ours, whatever the document calls them.
pub(crate) const WELL_KNOWN: &[(&str, &str)] = &[
    ("sdtc", "urn:hl7-org:sdtc"),
    ("hl7fi", "urn:hl7finland"),
    ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ("xhtml", "http://www.w3.org/1999/xhtml"),
    ("xml", XML_URI),
];
/// The namespace of FHIR, whose elements go by their local names in any document.
pub(crate) const FHIR_URI: &str = "http://hl7.org/fhir";

const CDATA_OPEN: &[u8] = b"<![CDATA[";

/// Reads one XML document. A byte order mark is passed over.
///
/// Comments and processing instructions beside the root element are checked and have no node.
///
/// # Errors
/// The first place that is not XML, or a limit of [`super`] that was passed.
pub fn read(text: &str, names: &Arc<NameTable>) -> Result<Tree, Box<Issue>> {
    read_owned(text.to_owned(), names)
}

/// As [`read`], for a text the caller gives away.
///
/// # Errors
/// As for [`read`].
pub fn read_owned(text: String, names: &Arc<NameTable>) -> Result<Tree, Box<Issue>> {
    let mut tree = Tree::to_read(&text, names)?;
    Reader::new(&text, &mut tree).document()?;
    tree.set_source(text);
    Ok(tree)
}

type Outcome<T> = Result<T, Box<Issue>>;

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tree: &'a mut Tree,
    open: Vec<Open>,
    bindings: Vec<Binding<'a>>,
    /// Number of the innermost set of bindings; one that has ended is never used again.
    scope: u32,
    scopes: u32,
    /// Prefixed attributes of the tag at hand: a declaration that follows in the tag may concern them.
    prefixed: Vec<(NodeId, Written<'a>)>,
    /// Names of the attributes of the tag at hand.
    attributes: Vec<(Name, u32)>,
    cache: [Cached; CACHE_SLOTS],
    /// Where names are put together.
    spelled: String,
    /// The namespace of the root element.
    root: Cow<'a, str>,
    /// Facts of the whole text that spare a search in each run.
    has_cr: bool,
    has_cdata_end: bool,
}

/// An element whose end tag is still to come.
#[derive(Clone, Copy)]
struct Open {
    id: NodeId,
    /// Where its name stands, for the comparison with the end tag.
    name: usize,
    name_len: usize,
    key: [u64; 2],
    /// How many bindings there were outside it, and the number of their scope.
    bindings: usize,
    scope: u32,
    /// `xml:space="preserve"` is in force.
    preserve: bool,
}

/// A prefix and what it stands for.
struct Binding<'a> {
    prefix: &'a str,
    uri: Cow<'a, str>,
    naming: Naming,
}

/// How the names of a namespace are written in the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Local,
    Prefixed(&'static str),
    AsWritten,
}

/// A name as it stands in the text.
#[derive(Clone, Copy)]
struct Written<'a> {
    text: &'a str,
    start: usize,
    /// Its first sixteen bytes, as the cache compares them.
    key: [u64; 2],
}

#[derive(Clone, Copy)]
struct Cached {
    key: [u64; 2],
    start: u32,
    len: u32,
    scope: u32,
    name: Name,
}

/// Text between two pieces of markup.
#[derive(Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    /// White space as written, without references and CDATA.
    blank: bool,
    line_break: bool,
    escapes: bool,
}

/// The scope of no name, of attributes without a prefix, and of the outermost element.
const SCOPE_NONE: u32 = 0;
const SCOPE_ATTRIBUTE: u32 = 1;
const SCOPE_FIRST: u32 = 2;
/// Tells prefixed attributes of a scope from its elements.
const SCOPE_PREFIXED: u32 = 1 << 31;

impl<'a> Reader<'a> {
    fn new(text: &'a str, tree: &'a mut Tree) -> Self {
        let unused = Cached { key: [0; 2], start: 0, len: 0, scope: SCOPE_NONE, name: Name::NONE };
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            tree,
            open: Vec::with_capacity(32),
            bindings: Vec::new(),
            scope: SCOPE_FIRST,
            scopes: SCOPE_FIRST,
            prefixed: Vec::new(),
            attributes: Vec::new(),
            cache: [unused; CACHE_SLOTS],
            spelled: String::new(),
            root: Cow::Borrowed(""),
            has_cr: memchr(b'\r', text.as_bytes()).is_some(),
            has_cdata_end: memmem::find(text.as_bytes(), b"]]>").is_some(),
        }
    }

    fn document(&mut self) -> Outcome<()> {
        if let Some(at) = first_illegal(self.text) {
            return Err(fail(codes::XML_SYNTAX, at, at + 1, "XML does not allow this character"));
        }
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        if self.starts_with(b"<?xml")
            && matches!(self.bytes.get(self.at + 5), Some(b' ' | b'\t' | b'\r' | b'\n'))
        {
            self.declaration()?;
        }
        self.outside()?;
        if self.at >= self.bytes.len() {
            return Err(self.syntax("the document has no element"));
        }
        self.start_tag()?;
        self.content()?;
        self.outside()?;
        if self.at < self.bytes.len() {
            return Err(self.syntax("the document ends here, but another element follows"));
        }
        Ok(())
    }

    /// `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`.
    fn declaration(&mut self) -> Outcome<()> {
        self.at += 5;
        let version = self.pseudo_attribute("version")?;
        let digits = version.and_then(|version| version.strip_prefix("1."));
        if !digits
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err(self.syntax("the XML declaration must begin with version=\"1.0\""));
        }
        let start = self.at;
        if let Some(encoding) = self.pseudo_attribute("encoding")?
            && !["utf-8", "us-ascii"].iter().any(|known| encoding.eq_ignore_ascii_case(known))
        {
            let message = "the XML declaration names another encoding than UTF-8";
            let help = "save the document in UTF-8 and correct its declaration";
            return Err(Box::new(fail(codes::NOT_UTF8, start, self.at, message).with_help(help)));
        }
        if let Some(standalone) = self.pseudo_attribute("standalone")?
            && !matches!(standalone, "yes" | "no")
        {
            return Err(self.syntax("standalone must be yes or no"));
        }
        self.space();
        if !self.starts_with(b"?>") {
            return Err(self.syntax("`?>` was expected at the end of the XML declaration"));
        }
        self.at += 2;
        Ok(())
    }

    fn pseudo_attribute(&mut self, name: &str) -> Outcome<Option<&'a str>> {
        let before = self.at;
        self.space();
        if self.at == before || !self.starts_with(name.as_bytes()) {
            self.at = before;
            return Ok(None);
        }
        self.at += name.len();
        self.equals()?;
        let start = self.at;
        self.value()?;
        Ok(self.text.get(start + 1..self.at - 1))
    }

    /// Comments, processing instructions and white space before or after the root element.
    fn outside(&mut self) -> Outcome<()> {
        loop {
            self.space();
            if self.at >= self.bytes.len() {
                return Ok(());
            }
            if self.starts_with(b"<!--") {
                self.comment()?;
            } else if self.starts_with(b"<?") {
                self.instruction()?;
            } else if self.starts_with(b"<!") {
                return Err(self.declared());
            } else if self.peek() == Some(b'<') {
                return Ok(());
            } else {
                return Err(self.syntax("text stands outside the root element"));
            }
        }
    }

    /// Everything up to the end tag of the root element.
    fn content(&mut self) -> Outcome<()> {
        while let Some(top) = self.open.last().copied() {
            let run = self.run()?;
            match self.bytes.get(self.at + 1) {
                Some(b'/') => self.end_tag(top, run)?,
                Some(b'!' | b'?') => {
                    self.run_node(top, run)?;
                    self.aside(top.id)?;
                }
                Some(_) => {
                    self.run_node(top, run)?;
                    self.start_tag()?;
                }
                None => {
                    self.at = self.bytes.len();
                    return Err(self.syntax("the document ends inside a tag"));
                }
            }
        }
        Ok(())
    }

    /// A comment or a processing instruction among the children of an element.
    fn aside(&mut self, parent: NodeId) -> Outcome<()> {
        let start = self.at;
        let (kind, (from, to)) = if self.starts_with(b"<!--") {
            (Kind::Comment, self.comment()?)
        } else if self.starts_with(b"<?") {
            (Kind::Pi, self.instruction()?)
        } else {
            return Err(self.declared());
        };
        let id = self.node(Some(parent), kind, start, start, self.at)?;
        self.tree.set_text_range(id, from, to);
        Ok(())
    }

    fn node(
        &mut self,
        parent: Option<NodeId>,
        kind: Kind,
        head: usize,
        start: usize,
        end: usize,
    ) -> Outcome<NodeId> {
        if self.tree.len() >= NODES_MAX {
            return Err(self.limit(format!("the document has over {NODES_MAX} nodes")));
        }
        let id = match parent {
            Some(parent) => {
                self.tree.push_read(parent, Name::NONE, kind, Flags::default(), (head, start, end))
            }
            None => {
                let root = self.tree.push_root(Name::NONE, kind);
                self.tree.set_spans(root, head, start, end);
                root
            }
        };
        Ok(id)
    }
}

/// Names, values and errors.
impl<'a> Reader<'a> {
    /// Passes over what may be a name; it is checked where the cache does not know it.
    #[inline]
    fn name(&mut self) -> Written<'a> {
        let start = self.at;
        let first = word_at(self.bytes, start);
        let length = name_length(first);
        let mut key = [first & low_bytes(length), 0];
        self.at += length as usize;
        if length == 8 {
            let second = word_at(self.bytes, self.at);
            let mut length = name_length(second);
            key[1] = second & low_bytes(length);
            self.at += length as usize;
            while length == 8 {
                length = name_length(word_at(self.bytes, self.at));
                self.at += length as usize;
            }
        }
        Written { text: self.text.get(start..self.at).unwrap_or(""), start, key }
    }

    fn slot(written: Written, scope: u32) -> usize {
        const K: u64 = 0x9e37_79b9_7f4a_7c15;
        // The scope counts, or `<code code=…>` would make element and attribute drive each other out.
        let salt = (written.text.len() as u64) ^ (u64::from(scope) << 40);
        let mixed = written.key[0] ^ written.key[1].rotate_left(23) ^ salt;
        usize::try_from(mixed.wrapping_mul(K) >> 55).unwrap_or(0) & (CACHE_SLOTS - 1)
    }

    /// Each name has two slots, so that two names of one slot need not drive each other out.
    fn cached(&self, written: Written, scope: u32) -> Option<Name> {
        let at = Self::slot(written, scope);
        let len = written.text.len();
        let fits =
            |slot: &&Cached| slot.key == written.key && slot.len as usize == len && slot.scope == scope;
        let slot = Some(&self.cache[at]).filter(fits).or_else(|| Some(&self.cache[at ^ 1]).filter(fits))?;
        let start = slot.start as usize;
        let same = len <= 16 || self.bytes.get(start..start + len) == Some(written.text.as_bytes());
        same.then_some(slot.name)
    }

    fn remember(&mut self, written: Written, scope: u32, name: Name) {
        let (start, len) = (to_u32(written.start), to_u32(written.text.len()));
        let at = Self::slot(written, scope);
        self.cache[at ^ 1] = self.cache[at];
        self.cache[at] = Cached { key: written.key, start, len, scope, name };
    }

    fn element_name(&mut self, written: Written<'a>, root: bool) -> Outcome<Name> {
        if let Some(name) = self.cached(written, self.scope) {
            return Ok(name);
        }
        let (prefix, local) = split(written)?;
        if root {
            self.root = Cow::Owned(self.resolve(written, prefix)?.1.to_owned());
            for binding in &mut self.bindings {
                binding.naming = naming_of(&binding.uri, &self.root);
            }
        }
        let (naming, _) = self.resolve(written, prefix)?;
        let name = self.canonical("", naming, written, local)?;
        self.remember(written, self.scope, name);
        Ok(name)
    }

    /// What a prefix stands for at this place.
    fn resolve(&self, written: Written, prefix: &str) -> Outcome<(Naming, &str)> {
        if prefix == "xml" {
            return Ok((Naming::Prefixed("xml"), XML_URI));
        }
        // An empty prefix is by far the commonest, and is found without comparing texts.
        let same = |binding: &&Binding| {
            if prefix.is_empty() { binding.prefix.is_empty() } else { binding.prefix == prefix }
        };
        match self.bindings.iter().rev().find(same) {
            Some(found) => Ok((found.naming, found.uri.as_ref())),
            None if prefix.is_empty() => Ok((naming_of("", &self.root), "")),
            None => {
                let message = "the prefix of this name is not declared";
                Err(fail(codes::XML_NAMESPACE, written.start, written.start + written.text.len(), message))
            }
        }
    }

    /// The canonical name of what is written, after `@` for an attribute.
    fn canonical(&mut self, sign: &str, naming: Naming, written: Written, local: &str) -> Outcome<Name> {
        let (prefix, colon, rest) = match naming {
            Naming::Local => ("", "", local),
            Naming::Prefixed(prefix) => (prefix, ":", local),
            Naming::AsWritten => ("", "", written.text),
        };
        if sign.is_empty() && prefix.is_empty() {
            return self.intern(rest);
        }
        let mut spelled = std::mem::take(&mut self.spelled);
        spelled.clear();
        spelled.extend([sign, prefix, colon, rest]);
        let name = self.intern(&spelled);
        self.spelled = spelled;
        name
    }

    fn intern(&mut self, name: &str) -> Outcome<Name> {
        let name = self.tree.names_mut().intern(name);
        name.ok_or_else(|| self.limit("the document has too many different names".to_owned()))
    }

    fn equals(&mut self) -> Outcome<()> {
        self.space();
        if self.peek() != Some(b'=') {
            return Err(self.syntax("`=` was expected after the attribute name"));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Passes over a value in quotes; true where its text is not its value as it stands.
    fn value(&mut self) -> Outcome<bool> {
        let start = self.at;
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            return Err(self.syntax("a value in quotes was expected"));
        };
        self.at += 1;
        let mut escapes = false;
        loop {
            let word = word_at(self.bytes, self.at);
            let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            let signs = zeros(word ^ (ONES * u64::from(b'<'))) | zeros(word ^ (ONES * u64::from(b'&')));
            let stop = zeros(word ^ (ONES * u64::from(quote))) | signs | control;
            if stop == 0 {
                self.at += 8;
                continue;
            }
            self.at += (stop.trailing_zeros() / 8) as usize;
            match self.peek() {
                Some(byte) if byte == quote => {
                    self.at += 1;
                    return Ok(escapes);
                }
                Some(b'<') => return Err(self.syntax("`<` may not stand in an attribute value")),
                Some(b'&') => self.reference()?,
                Some(_) => self.at += 1,
                None => return Err(self.endless(start, "the attribute value that starts here has no end")),
            }
            escapes = true;
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn starts_with(&self, prefix: &[u8]) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(prefix))
    }

    fn syntax(&self, message: impl Into<String>) -> Box<Issue> {
        let code = if self.at >= self.bytes.len() { codes::TRUNCATED } else { codes::XML_SYNTAX };
        fail(code, self.at, self.at, message)
    }

    /// An error where `<!` begins what is neither a comment nor a CDATA section.
    fn declared(&self) -> Box<Issue> {
        if self.starts_with(b"<!DOCTYPE") {
            return fail(codes::XML_DOCTYPE, self.at, self.at + 9, "the document has a DOCTYPE");
        }
        let rest = &self.bytes[self.at..];
        if [b"<!--".as_slice(), CDATA_OPEN, b"<!DOCTYPE"].iter().any(|whole| whole.starts_with(rest)) {
            return self.endless(self.at, "the document ends inside the markup that starts here");
        }
        self.syntax("`<!` may begin only a comment or a CDATA section here")
    }

    fn endless(&self, start: usize, message: &str) -> Box<Issue> {
        fail(codes::TRUNCATED, start, self.bytes.len(), message)
    }

    fn unclosed(&self) -> Box<Issue> {
        let Some(top) = self.open.last() else { return self.syntax("the document ends too early") };
        let name = self.text.get(top.name..top.name + top.name_len).unwrap_or("");
        let message = match self.known(name) {
            Some(name) => format!("the element `{name}` has no end tag"),
            None => "this element has no end tag".to_owned(),
        };
        fail(codes::TRUNCATED, top.name, self.bytes.len(), message)
    }

    fn unbalanced(&self, top: Open, from: usize) -> Box<Issue> {
        let rest = self.text.get(from..).unwrap_or("");
        let found: String = rest.chars().take_while(|character| is_name_char(*character)).collect();
        if from + found.len() >= self.bytes.len() {
            return self.unclosed();
        }
        let name = self.text.get(top.name..top.name + top.name_len).unwrap_or("");
        let message = match (self.known(&found), self.known(name)) {
            (Some(found), Some(name)) => format!("`</{found}>` stands where `</{name}>` was expected"),
            (None, Some(name)) => format!("another end tag stands where `</{name}>` was expected"),
            (_, None) => "this end tag is not that of the element that is open".to_owned(),
        };
        fail(codes::XML_SYNTAX, from, from + found.len(), message)
    }

    /// A name that may be told: one of the shared table, not the document's own.
    fn known<'n>(&self, name: &'n str) -> Option<&'n str> {
        self.tree.names().shared().get(name).map(|_| name)
    }

    fn limit(&self, message: String) -> Box<Issue> {
        fail(codes::LIMIT, self.at, self.at, message)
    }
}

/// Checks a name and takes its prefix off.
fn split(written: Written<'_>) -> Outcome<(&str, &str)> {
    let text = written.text;
    if !is_name(text) {
        let length =
            text.chars().take_while(|character| is_name_char(*character)).map(char::len_utf8).sum::<usize>();
        // Where all are signs of a name, it is the first that may not be the first.
        let at = written.start + if length == text.len() { 0 } else { length };
        return Err(fail(codes::XML_SYNTAX, at, at + 1, "this character may not stand in a name"));
    }
    if memchr(b':', text.as_bytes()).is_none() {
        return Ok(("", text));
    }
    let (prefix, local) = text.split_once(':').unwrap_or(("", text));
    if prefix.is_empty() || !is_name(local) || local.contains(':') {
        let message = "a name has one prefix at most, and letters on both sides of the colon";
        return Err(fail(codes::XML_NAMESPACE, written.start, written.start + text.len(), message));
    }
    Ok((prefix, local))
}

fn fail(code: &'static Code, start: usize, end: usize, message: impl Into<String>) -> Box<Issue> {
    Box::new(Issue::error(code, Span::new(to_u32(start), to_u32(end)), message))
}

fn duplicate(head: usize) -> Box<Issue> {
    fail(codes::XML_SYNTAX, head, head, "this attribute stands twice in its element")
}

fn naming_of(uri: &str, root: &str) -> Naming {
    if uri == root || uri == FHIR_URI {
        return Naming::Local;
    }
    let known = WELL_KNOWN.iter().find(|(_, known)| *known == uri);
    known.map_or(Naming::AsWritten, |(prefix, _)| Naming::Prefixed(prefix))
}

#[cfg(test)]
mod tests;
