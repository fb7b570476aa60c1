//! Tree to XML text, from the nodes alone.

use super::{FHIR_URI, WELL_KNOWN, is_name, is_name_char};
use crate::tree::json::Layout;
use crate::tree::{Flags, Kind, NodeId, Tree};
use memchr::memchr_iter;
use std::borrow::Cow;

/// Writes a node and all below it.
///
/// A node that came from XML keeps the prefix it was written with where that prefix is in force; a new one
/// gets the canonical name, and the declaration it needs. Declarations of the elements above `id` count as
/// being in force. A character that XML does not have (see [`first_illegal`]) becomes U+FFFD, and a name that
/// is none in XML gets `_` for what may not stand in it.
pub fn write(tree: &Tree, id: NodeId, layout: Layout, out: &mut String) {
    let mut writer = Writer { tree, layout, out, scope: Vec::new(), root: String::new() };
    let mut above: Vec<NodeId> = std::iter::successors(tree.parent(id), |here| tree.parent(*here)).collect();
    while let Some(here) = above.pop() {
        writer.open_scope(here);
    }
    if id == NodeId::ROOT {
        writer.open_scope(id);
    }
    let prefix = writer
        .as_written(NodeId::ROOT)
        .and_then(|name| name.split_once(':'))
        .map_or("", |(prefix, _)| prefix);
    writer.root = writer.meaning(prefix).unwrap_or("").to_owned();
    writer.node(id, 0);
}

struct Writer<'a> {
    tree: &'a Tree,
    layout: Layout,
    out: &'a mut String,
    /// Prefixes in force and what they stand for, innermost last.
    scope: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The namespace of the root element, where names without a prefix belong.
    root: String,
}

impl Writer<'_> {
    fn node(&mut self, id: NodeId, depth: usize) {
        match self.tree.kind(id) {
            Kind::Object | Kind::Str | Kind::Number | Kind::Bool | Kind::Null | Kind::Array => {
                self.element(id, depth);
            }
            Kind::EmptyList => {}
            Kind::Attr => {
                let name = self.attribute_name(id);
                self.attribute(id, &name);
            }
            Kind::Text => self.text(id),
            Kind::Comment => {
                // A text that an edit made may hold what would end the comment.
                let text = self.tree.raw_text(id).replace("--", "- -");
                let end = if text.ends_with('-') { " -->" } else { "-->" };
                self.out.extend(["<!--", &text, end]);
            }
            Kind::Pi => self.out.extend(["<?", &self.tree.raw_text(id).replace("?>", "? >"), "?>"]),
            Kind::Xhtml => self.out.push_str(&self.tree.text(id)),
        }
    }

    fn element(&mut self, id: NodeId, depth: usize) {
        let tree = self.tree;
        let mark = self.scope.len();
        self.open_scope(id);
        self.out.push('<');
        let (name, declared) = self.element_name(id);
        self.out.push_str(&name);
        if let Some((prefix, uri)) = declared {
            self.declare(prefix, uri);
        }
        for attribute in tree.children(id).filter(|child| tree.kind(*child) == Kind::Attr) {
            let name = self.attribute_name(attribute);
            if let Some(uri) = self.undeclared(&name) {
                self.declare(name.split(':').next().unwrap_or("").to_owned(), uri.to_owned());
            }
            self.out.push(' ');
            self.attribute(attribute, &name);
        }
        let own_text = tree.kind(id).is_leaf() && tree.kind(id) != Kind::Null;
        let content = || tree.children(id).filter(|child| tree.kind(*child) != Kind::Attr);
        if !own_text && content().next().is_none() {
            self.out.push_str("/>");
            self.scope.truncate(mark);
            return;
        }
        self.out.push('>');
        if own_text {
            escape_text_into(&tree.text(id), self.out);
        }
        // White space beside text would become part of it.
        let mixed = own_text || content().any(|child| tree.kind(child) == Kind::Text);
        let layout = self.layout;
        if mixed {
            self.layout = Layout::Compact;
        }
        for child in content() {
            self.line(depth + 1);
            self.node(child, depth + 1);
        }
        self.line(depth);
        self.layout = layout;
        self.out.extend(["</", &name, ">"]);
        self.scope.truncate(mark);
    }

    fn text(&mut self, id: NodeId) {
        let text = self.tree.text(id);
        let formatting =
            text.contains('\n') && text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        if formatting {
            // Written as it is, it would be read as indentation.
            self.out.push_str(&text.replace('\r', "&#13;").replace('\n', "&#10;"));
        } else {
            escape_text_into(&text, self.out);
        }
    }

    fn attribute(&mut self, id: NodeId, name: &str) {
        self.out.extend([name, "=\""]);
        escape_attribute_into(&self.tree.text(id), self.out);
        self.out.push('"');
    }

    fn line(&mut self, depth: usize) {
        if self.layout == Layout::Pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }
}

/// Names and namespaces.
impl<'a> Writer<'a> {
    /// Adds the declarations of an element.
    fn open_scope(&mut self, id: NodeId) {
        let tree = self.tree;
        for child in tree.children(id).filter(|child| tree.kind(*child) == Kind::Attr) {
            let name = tree.name_text(child);
            let prefix = name.strip_prefix("@xmlns:").or((name == "@xmlns").then_some(""));
            if let Some(prefix) = prefix {
                self.scope.push((Cow::Borrowed(prefix), tree.text(child)));
            }
        }
    }

    fn meaning(&self, prefix: &str) -> Option<&str> {
        self.scope.iter().rev().find(|(known, _)| known == prefix).map(|(_, uri)| uri.as_ref())
    }

    /// A prefix in force for a namespace; one of this very name first.
    fn prefix_for(&self, uri: &str, wanted: &str) -> Option<&str> {
        if self.meaning(wanted) == Some(uri) {
            return self.scope.iter().map(|(known, _)| known.as_ref()).find(|known| *known == wanted);
        }
        let mut known = self.scope.iter().rev().filter(|(prefix, meant)| meant == uri && !prefix.is_empty());
        known.find(|(prefix, _)| self.meaning(prefix) == Some(uri)).map(|(prefix, _)| prefix.as_ref())
    }

    /// The name of an element or attribute in the source text, where there is one and it is in force.
    fn as_written(&self, id: NodeId) -> Option<&'a str> {
        let tree = self.tree;
        if tree.flags(id).has(Flags::NEW) {
            return None;
        }
        let source = tree.source().get(tree.head_span(id).start as usize..)?;
        let attribute = tree.kind(id) == Kind::Attr;
        let source = if attribute { source } else { source.strip_prefix('<')? };
        let end = source.find(|character| !is_name_char(character))?;
        let name = &source[..end];
        let local = |name: &'a str| name.split_once(':').map_or(name, |(_, local)| local);
        let own = tree.name_text(id);
        let own = if attribute { own.strip_prefix('@')? } else { own };
        let prefix = name.split_once(':').map(|(prefix, _)| prefix);
        let in_force =
            prefix.is_none_or(|prefix| matches!(prefix, "xml" | "xmlns") || self.meaning(prefix).is_some());
        (local(name) == local(own) && in_force).then_some(name)
    }

    /// The name to write, and the declaration that it needs.
    fn element_name(&self, id: NodeId) -> (String, Option<(String, String)>) {
        if let Some(name) = self.as_written(id) {
            return (name.to_owned(), None);
        }
        let name = legal_name(self.tree.name_text(id));
        let (prefix, local) = name.split_once(':').unwrap_or(("", &name));
        let known = WELL_KNOWN.iter().find(|(known, _)| *known == prefix).map(|(_, uri)| *uri);
        let default = self.meaning("").unwrap_or("");
        match known {
            _ if prefix == "xml" => (name, None),
            Some(uri) => match self.prefix_for(uri, prefix) {
                Some(found) => (format!("{found}:{local}"), None),
                None if default == uri => (local.to_owned(), None),
                None => (name.clone(), Some((prefix.to_owned(), uri.to_owned()))),
            },
            None if !prefix.is_empty() || self.root.is_empty() || default == self.root => (name, None),
            // FHIR goes by local names inside a document of another kind.
            None if default == FHIR_URI || self.declares_default(id) => (name, None),
            None => match self.prefix_for(&self.root, "") {
                Some(found) => (format!("{found}:{name}"), None),
                None => (name, Some((String::new(), self.root.clone()))),
            },
        }
    }

    fn declares_default(&self, id: NodeId) -> bool {
        self.tree.child_str(id, "@xmlns").is_some()
    }

    fn attribute_name(&self, id: NodeId) -> String {
        if let Some(name) = self.as_written(id) {
            return name.to_owned();
        }
        let name = self.tree.name_text(id);
        let name = legal_name(name.strip_prefix('@').unwrap_or(name));
        let Some((prefix, local)) = name.split_once(':') else { return name };
        let known = WELL_KNOWN.iter().find(|(known, _)| *known == prefix && prefix != "xml");
        match known.and_then(|(_, uri)| self.prefix_for(uri, prefix)) {
            Some(found) => format!("{found}:{local}"),
            None => name,
        }
    }

    /// The namespace of an attribute whose well-known prefix nothing declares yet.
    fn undeclared(&self, name: &str) -> Option<&'static str> {
        let (prefix, _) = name.split_once(':')?;
        let known = WELL_KNOWN.iter().find(|(known, _)| *known == prefix && prefix != "xml")?;
        self.meaning(prefix).is_none().then_some(known.1)
    }

    fn declare(&mut self, prefix: String, uri: String) {
        self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        self.out.push_str(&prefix);
        self.out.push_str("=\"");
        escape_attribute_into(&uri, self.out);
        self.out.push('"');
        self.scope.push((Cow::Owned(prefix), Cow::Owned(uri)));
    }
}

/// A name that XML allows; an item of an array, which has no name, is called `item`.
fn legal_name(name: &str) -> String {
    if name.is_empty() {
        return "item".to_owned();
    }
    if is_name(name) {
        return name.to_owned();
    }
    let plain: String = name.chars().map(|sign| if is_name_char(sign) { sign } else { '_' }).collect();
    if is_name(&plain) { plain } else { format!("_{plain}") }
}

/// The place of the first character that no XML document may hold, not even as a reference.
pub fn first_illegal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // Without a branch in the inner loop it is done many bytes at a time.
    let illegal = |byte: u8| {
        u8::from(byte < 0x20) & u8::from(byte != b'\n') & u8::from(byte != b'\t') & u8::from(byte != b'\r')
    };
    let control =
        bytes.chunks(64).position(|chunk| chunk.iter().fold(0, |any, byte| any | illegal(*byte)) != 0);
    let control = control.and_then(|chunk| {
        let rest = &bytes[chunk * 64..];
        rest.iter().position(|byte| illegal(*byte) != 0).map(|at| chunk * 64 + at)
    });
    let not_characters = |at: &usize| matches!(bytes.get(at + 1..at + 3), Some([0xbf, 0xbe | 0xbf]));
    let other = memchr_iter(0xef, bytes).find(not_characters);
    match (control, other) {
        (Some(control), Some(other)) => Some(control.min(other)),
        (control, other) => control.or(other),
    }
}

/// Appends `text` as the text of an element.
pub(crate) fn escape_text_into(text: &str, out: &mut String) {
    escape(text, out, |byte| matches!(byte, b'&' | b'<' | b'>' | b'\r'));
}

/// Appends `text` as the value of an attribute in double quotes.
pub(crate) fn escape_attribute_into(text: &str, out: &mut String) {
    escape(text, out, |byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\n' | b'\r' | b'\t'));
}

fn escape(text: &str, out: &mut String, special: impl Fn(u8) -> bool) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        // 0xef begins the two characters over U+FFFD that XML does not have.
        if !special(byte) && byte >= 0x20 && byte != 0xef {
            continue;
        }
        let rest = text.get(at..).unwrap_or("");
        let written = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\n' | b'\t' if !special(byte) => continue,
            b'\n' => "&#10;",
            b'\t' => "&#9;",
            b'\r' => "&#13;",
            _ if byte < 0x20 || rest.starts_with(['\u{fffe}', '\u{ffff}']) => "\u{fffd}",
            _ => continue,
        };
        out.push_str(text.get(from..at).unwrap_or(""));
        out.push_str(written);
        from = at + if byte == 0xef { 3 } else { 1 };
    }
    out.push_str(text.get(from..).unwrap_or(""));
}
