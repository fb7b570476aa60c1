//! Tree to JSON text.

use super::plain_length;
use crate::tree::{Flags, Kind, Name, NodeId, Tree};

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// No white space.
    Compact,
    /// Two spaces a level.
    Pretty,
}

/// Writes a node and all below it. A leaf with children is written as a FHIR primitive and its `_name`
/// companion (FHIR R4, JSON representation of primitive elements).
pub fn write(tree: &Tree, id: NodeId, layout: Layout, out: &mut String) {
    Writer { tree, layout, out }.value(id, 0);
}

/// The whole tree as a string.
pub fn to_string(tree: &Tree, layout: Layout) -> String {
    let mut out = String::with_capacity(tree.written_len());
    write(tree, NodeId::ROOT, layout, &mut out);
    out
}

struct Writer<'a> {
    tree: &'a Tree,
    layout: Layout,
    out: &'a mut String,
}

impl Writer<'_> {
    fn value(&mut self, id: NodeId, depth: usize) {
        match self.tree.kind(id) {
            Kind::Object => self.object(id, depth),
            Kind::Array => self.array(id, depth),
            Kind::EmptyList => self.out.push_str("[]"),
            Kind::Null => self.out.push_str("null"),
            Kind::Number | Kind::Bool => {
                let text = self.tree.text(id);
                self.out.push_str(&text);
            }
            Kind::Str | Kind::Attr | Kind::Text | Kind::Xhtml | Kind::Comment | Kind::Pi => self.string(id),
        }
    }

    fn string(&mut self, id: NodeId) {
        self.out.push('"');
        if self.tree.flags(id).has(Flags::JSON_ESCAPES) {
            // The escapes were checked when they were read, so the text can stay as it was written.
            self.out.push_str(self.tree.raw_text(id));
        } else {
            match self.tree.plain_text(id) {
                Some(text) => escape_into(text, self.out),
                None => escape_into(&self.tree.text(id), self.out),
            }
        }
        self.out.push('"');
    }

    fn object(&mut self, id: NodeId, depth: usize) {
        self.out.push('{');
        let mut first = true;
        let mut child = self.tree.first_child(id);
        while let Some(here) = child {
            let (name, list) = (self.tree.name(here), self.tree.flags(here).has(Flags::LIST));
            let mut after = self.tree.next_sibling(here);
            while list && after.is_some_and(|next| self.tree.name(next) == name) {
                after = after.and_then(|next| self.tree.next_sibling(next));
            }
            self.member(here, after, list, depth + 1, &mut first);
            child = after;
        }
        if !first {
            self.line(depth);
        }
        self.out.push('}');
    }

    /// One member: the value or list from `here` up to `after`, and its `_name` companion.
    fn member(&mut self, here: NodeId, after: Option<NodeId>, list: bool, depth: usize, first: &mut bool) {
        let tree = self.tree;
        if !list && tree.first_child(here).is_none_or(|_| !tree.kind(here).is_leaf()) {
            self.key(tree.name(here), "", depth, first);
            return self.value(here, depth);
        }
        let items = || {
            std::iter::successors(Some(here), |item| tree.next_sibling(*item))
                .take_while(|item| Some(*item) != after)
        };
        let plain = |item: &NodeId| !tree.kind(*item).is_leaf() || tree.first_child(*item).is_none();
        let companion = items().any(|item| !plain(&item));
        if !companion || items().any(|item| tree.kind(item) != Kind::Null) {
            self.key(tree.name(here), "", depth, first);
            if list {
                self.items(items(), depth, |writer, item| writer.value(item, depth + 1));
            } else {
                self.value(here, depth);
            }
        }
        if companion {
            self.key(tree.name(here), "_", depth, first);
            let extra = |writer: &mut Self, item: NodeId, depth: usize| {
                if plain(&item) { writer.out.push_str("null") } else { writer.object(item, depth) }
            };
            if list {
                self.items(items(), depth, |writer, item| extra(writer, item, depth + 1));
            } else {
                extra(self, here, depth);
            }
        }
    }

    fn items(
        &mut self,
        items: impl Iterator<Item = NodeId>,
        depth: usize,
        mut each: impl FnMut(&mut Self, NodeId),
    ) {
        self.out.push('[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.line(depth + 1);
            each(self, item);
        }
        self.line(depth);
        self.out.push(']');
    }

    fn array(&mut self, id: NodeId, depth: usize) {
        if self.tree.first_child(id).is_none() {
            self.out.push_str("[]");
            return;
        }
        let tree = self.tree;
        self.items(tree.children(id), depth, |writer, item| writer.value(item, depth + 1));
    }

    fn key(&mut self, name: Name, prefix: &str, depth: usize, first: &mut bool) {
        if !*first {
            self.out.push(',');
        }
        *first = false;
        self.line(depth);
        if let Some(key) = self.tree.names().json_key(name).filter(|_| prefix.is_empty()) {
            self.out.push_str(key);
            if self.layout == Layout::Pretty {
                self.out.push(' ');
            }
            return;
        }
        self.out.push('"');
        self.out.push_str(prefix);
        escape_into(self.tree.names().text(name), self.out);
        self.out.push_str(if self.layout == Layout::Pretty { "\": " } else { "\":" });
    }

    fn line(&mut self, depth: usize) {
        if self.layout == Layout::Pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }
}

/// Appends `text` with the escapes JSON needs and no others.
pub(crate) fn escape_into(text: &str, out: &mut String) {
    let mut rest = text;
    loop {
        let plain = plain_length(rest.as_bytes());
        if plain == rest.len() {
            return out.push_str(rest);
        }
        out.push_str(&rest[..plain]);
        let Some(byte) = rest.as_bytes().get(plain) else { return };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[plain + 1..];
    }
}
