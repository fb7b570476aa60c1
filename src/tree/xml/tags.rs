//! Start tags with their attributes and declarations, and end tags.

use super::chars::{low_bytes, unescape_attribute, word_at};
use super::{
    ATTRIBUTES_COMPARED_MAX, BINDINGS_MAX, Binding, Naming, Open, Outcome, Reader, Run, SCOPE_ATTRIBUTE,
    SCOPE_PREFIXED, Written, XML_URI, XMLNS_URI, duplicate, naming_of, split,
};
use crate::diag::{Issue, codes};
use crate::tree::{ATTRIBUTES_MAX, DEPTH_MAX, Flags, Kind, NodeId, to_u32};
use std::borrow::Cow;

impl<'a> Reader<'a> {
    pub(super) fn start_tag(&mut self) -> Outcome<()> {
        let start = self.at;
        self.at += 1;
        let written = self.name();
        if written.text.is_empty() {
            return Err(self.syntax("an element name was expected after `<`"));
        }
        let above = self.open.last().copied();
        let id = self.node(above.map(|above| above.id), Kind::Object, start, start, start)?;
        let mut open = Open {
            id,
            name: written.start,
            name_len: written.text.len(),
            key: written.key,
            bindings: self.bindings.len(),
            scope: self.scope,
            preserve: above.is_some_and(|above| above.preserve),
        };
        let empty = self.attributes(&mut open)?;
        let name = self.element_name(written, above.is_none())?;
        self.tree.set_name(id, name);
        if !self.prefixed.is_empty() {
            self.name_prefixed()?;
        }
        if self.attributes.len() > 1 {
            self.check_attributes()?;
        }
        if empty {
            self.tree.set_end(id, self.at);
            self.leave(open);
        } else {
            if self.open.len() >= DEPTH_MAX as usize {
                return Err(self.limit(format!("the document is nested over {DEPTH_MAX} deep")));
            }
            self.open.push(open);
        }
        Ok(())
    }

    /// The attributes and the end of a start tag; true where it is `/>`.
    pub(super) fn attributes(&mut self, open: &mut Open) -> Outcome<bool> {
        self.prefixed.clear();
        self.attributes.clear();
        loop {
            let before = self.at;
            self.space();
            match self.peek() {
                Some(b'>') => {
                    self.at += 1;
                    return Ok(false);
                }
                Some(b'/') => {
                    self.at += 1;
                    if self.peek() != Some(b'>') {
                        return Err(self.syntax("`>` was expected after `/`"));
                    }
                    self.at += 1;
                    return Ok(true);
                }
                _ if self.at == before => {
                    return Err(self.syntax("white space, `>` or `/>` was expected in this tag"));
                }
                _ => self.attribute(open)?,
            }
        }
    }

    pub(super) fn attribute(&mut self, open: &mut Open) -> Outcome<()> {
        let head = self.at;
        let written = self.name();
        if written.text.is_empty() {
            return Err(self.syntax("an attribute name was expected"));
        }
        self.equals()?;
        let start = self.at;
        let escapes = self.value()?;
        let id = self.node(Some(open.id), Kind::Attr, head, start, self.at)?;
        self.tree.set_text_range(id, start + 1, self.at - 1);
        if escapes {
            self.tree.add_flags(id, Flags::XML_ESCAPES);
        }
        if self.attributes.len() >= ATTRIBUTES_MAX {
            return Err(self.limit(format!("an element has over {ATTRIBUTES_MAX} attributes")));
        }
        if let Some(name) = self.cached(written, SCOPE_ATTRIBUTE) {
            self.tree.set_name(id, name);
            self.attributes.push((name, to_u32(head)));
            return Ok(());
        }
        let (prefix, local) = split(written)?;
        let declares = prefix == "xmlns" || (prefix.is_empty() && local == "xmlns");
        if prefix.is_empty() || declares {
            let name = self.canonical("@", Naming::AsWritten, written, local)?;
            self.tree.set_name(id, name);
            self.attributes.push((name, to_u32(head)));
            if declares {
                self.declare(prefix, local, id, open)?;
            } else {
                // A declaration must be seen each time, so it never gets into the cache.
                self.remember(written, SCOPE_ATTRIBUTE, name);
            }
            return Ok(());
        }
        if written.text == "xml:space" {
            open.preserve = self.text.get(start + 1..self.at - 1) == Some("preserve");
        }
        self.prefixed.push((id, written));
        Ok(())
    }

    /// A namespace declaration.
    pub(super) fn declare(
        &mut self,
        prefix: &'a str,
        local: &'a str,
        id: NodeId,
        open: &Open,
    ) -> Outcome<()> {
        let span = self.tree.head_span(id);
        let wrong = |message: &str| Err(Box::new(Issue::error(codes::XML_NAMESPACE, span, message)));
        let (from, to) = (self.tree.text_span(id).start as usize, self.tree.text_span(id).end as usize);
        let raw = self.text.get(from..to).unwrap_or("");
        let escaped = self.tree.flags(id).has(Flags::XML_ESCAPES);
        let uri = if escaped { Cow::Owned(unescape_attribute(raw)) } else { Cow::Borrowed(raw) };
        let declared = if prefix.is_empty() { "" } else { local };
        if declared == "xmlns" || uri == XMLNS_URI || (declared == "xml") != (uri == XML_URI) {
            return wrong("the prefixes xml and xmlns have fixed meanings");
        }
        if uri.is_empty() && !declared.is_empty() {
            return wrong("a prefix cannot be declared to mean nothing");
        }
        if self.bindings.len() == open.bindings {
            self.scopes += 1;
            self.scope = self.scopes;
        }
        if self.bindings.len() >= BINDINGS_MAX {
            return Err(self.limit(format!("over {BINDINGS_MAX} namespace declarations are in force here")));
        }
        let naming = naming_of(&uri, &self.root);
        self.bindings.push(Binding { prefix: declared, uri, naming });
        Ok(())
    }

    /// Names of attributes with a prefix, when all declarations of the tag are known.
    pub(super) fn name_prefixed(&mut self) -> Outcome<()> {
        let prefixed = std::mem::take(&mut self.prefixed);
        if prefixed.len() > 1 {
            self.check_prefixed(&prefixed)?;
        }
        let scope = self.scope | SCOPE_PREFIXED;
        for (id, written) in &prefixed {
            let mut name = if let Some(name) = self.cached(*written, scope) {
                name
            } else {
                let (prefix, local) = split(*written)?;
                let (naming, _) = self.resolve(*written, prefix)?;
                let name = self.canonical("@", naming, *written, local)?;
                self.remember(*written, scope, name);
                name
            };
            if self.attributes.iter().any(|(other, _)| *other == name) {
                // `a:x` in the namespace of the root beside a plain `x`: both are legal, so one keeps its prefix.
                name = self.intern(&format!("@{}", written.text))?;
            }
            self.tree.set_name(*id, name);
            self.attributes.push((name, to_u32(written.start)));
        }
        self.prefixed = prefixed;
        Ok(())
    }

    /// Two prefixes of one namespace make two attributes the same, which their names as written hide.
    pub(super) fn check_prefixed(&self, prefixed: &[(NodeId, Written<'a>)]) -> Outcome<()> {
        let mut full = Vec::with_capacity(prefixed.len());
        for (_, written) in prefixed {
            let (prefix, local) = split(*written)?;
            full.push((local, self.resolve(*written, prefix)?.1, written.start));
        }
        full.sort_unstable();
        match full.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            Some(pair) => Err(duplicate(pair[1].2)),
            None => Ok(()),
        }
    }

    /// Few attributes are compared one by one; many are checked once, by sorting.
    pub(super) fn check_attributes(&mut self) -> Outcome<()> {
        let names = &mut self.attributes;
        let found = if names.len() <= ATTRIBUTES_COMPARED_MAX {
            (1..names.len()).find(|at| names[..*at].iter().any(|(name, _)| *name == names[*at].0))
        } else {
            names.sort_unstable();
            (1..names.len()).find(|at| names[*at - 1].0 == names[*at].0)
        };
        match found {
            Some(at) => Err(duplicate(names[at].1 as usize)),
            None => Ok(()),
        }
    }

    pub(super) fn end_tag(&mut self, top: Open, run: Run) -> Outcome<()> {
        let from = self.at + 2;
        let end = from + top.name_len;
        if !self.closes(top, from) {
            return Err(self.unbalanced(top, from));
        }
        self.at = end;
        if self.peek() != Some(b'>') {
            self.space();
            if self.peek() != Some(b'>') {
                return Err(if self.at == end {
                    self.unbalanced(top, from)
                } else {
                    self.syntax("`>` was expected")
                });
            }
        }
        match self.tree.last_child(top.id) {
            None if run.start < run.end => {
                self.tree.set_kind(top.id, Kind::Str);
                self.set_run(top.id, run);
            }
            // Beside nothing but attributes, white space is the content.
            Some(last) if run.start < run.end && self.tree.kind(last) == Kind::Attr => {
                self.run_node(top, Run { line_break: false, ..run })?;
            }
            _ => self.run_node(top, run)?,
        }
        self.at += 1;
        self.tree.set_end(top.id, self.at);
        self.open.pop();
        self.leave(top);
        Ok(())
    }

    /// True where the name at `from` begins as that of the open element.
    pub(super) fn closes(&self, top: Open, from: usize) -> bool {
        if top.name_len > 16 {
            let name = &self.bytes[top.name..top.name + top.name_len];
            return self.bytes.get(from..from + top.name_len) == Some(name);
        }
        // Two words are compared sooner than a comparison of slices is called.
        let length = to_u32(top.name_len);
        let first = word_at(self.bytes, from) & low_bytes(length);
        let second = if length > 8 { word_at(self.bytes, from + 8) & low_bytes(length - 8) } else { 0 };
        [first, second] == top.key
    }

    /// Forgets the declarations of an element that has ended.
    pub(super) fn leave(&mut self, open: Open) {
        if !self.open.is_empty() {
            self.bindings.truncate(open.bindings);
            self.scope = open.scope;
        }
    }
}
