//! Edits over XML text.
//!
//! An edited element keeps its tags as they were written. Attributes are patched in the start tag; the content
//! is patched in place or, where children changed, put together again from its old pieces, each with the
//! white space before it, and new elements that stand as their neighbours do.

use super::scan::{self, Element, Piece, PieceKind};
use super::{indent_at, indent_in, indent_unit, line_break, part};
use crate::tree::xml::WELL_KNOWN;
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::HashMap;

/// How elements and nodes go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// An element is a node.
    Plain,
    /// FHIR: values are attributes, resources have an element of their type.
    Fhir,
}

/// Writes the source text of a tree that was read from XML, with its edits.
pub(super) fn write(tree: &Tree, dialect: Dialect, out: &mut String) {
    let source = tree.source();
    let span = tree.head_span(NodeId::ROOT);
    let unit = indent_unit(source, span.start as usize);
    let line = if source.is_empty() { "\n" } else { line_break(source) };
    let patch = Patch { tree, dialect, source, unit, line_break: line };
    if source.is_empty() {
        let resource = tree.resource_type(NodeId::ROOT).filter(|_| dialect == Dialect::Fhir);
        let name =
            resource.map_or_else(|| tree.name_text(NodeId::ROOT).to_owned(), std::borrow::Cow::into_owned);
        let space = if dialect == Dialect::Fhir { " xmlns=\"http://hl7.org/fhir\"" } else { "" };
        patch.fresh_tagged(NodeId::ROOT, (&name, space, ""), Some(""), out);
        return;
    }
    out.push_str(part(source, 0, span.start as usize));
    patch.node(NodeId::ROOT, out);
    out.push_str(part(source, span.end as usize, source.len()));
}

struct Patch<'a> {
    tree: &'a Tree,
    dialect: Dialect,
    source: &'a str,
    unit: &'a str,
    line_break: &'static str,
}

/// Patching what the source has.
impl Patch<'_> {
    /// A node that is not an attribute, at its place in the source.
    fn node(&self, id: NodeId, out: &mut String) {
        let (tree, flags, span) = (self.tree, self.tree.flags(id), self.tree.head_span(id));
        let (start, end) = (span.start as usize, span.end as usize);
        match tree.kind(id) {
            _ if !flags.any(Flags::EDITED) => out.push_str(part(self.source, start, end)),
            Kind::Comment | Kind::Pi | Kind::Text => self.fresh_aside(id, out),
            Kind::Xhtml if flags.has(Flags::TEXT_EDITED) => out.push_str(&tree.text(id)),
            _ => self.element(id, start, end, out),
        }
    }

    fn element(&self, id: NodeId, start: usize, end: usize, out: &mut String) {
        let tree = self.tree;
        let Some(tag) = scan::element(self.source, start, end) else {
            // No element stands there, so there are no bytes to keep.
            let prefix = self.prefix(tree.parent(id));
            return self.fresh(id, prefix, indent_at(self.source, start), out);
        };
        let written = part(self.source, start + 1, tag.name_end);
        let local = written.rsplit(':').next().unwrap_or(written);
        let resource = tree.child(id, Name::RESOURCE_TYPE).filter(|_| self.dialect == Dialect::Fhir);
        if resource.is_some() && id != NodeId::ROOT && local == tree.name_text(id) {
            let inside = scan::pieces(self.source, tag.content, tag.content_end, |_| false);
            if let Some(inner) = inside.iter().find(|piece| piece.kind == PieceKind::Element) {
                out.push_str(part(self.source, start, inner.start));
                self.element_named(id, inner.start, inner.end, out);
                return out.push_str(part(self.source, inner.end, end));
            }
        }
        self.element_named(id, start, end, out);
    }

    /// The element at `start..end`, its name changed where the type of the resource was.
    fn element_named(&self, id: NodeId, start: usize, end: usize, out: &mut String) {
        let Some(tag) = scan::element(self.source, start, end) else { return };
        let written = part(self.source, start + 1, tag.name_end);
        let resource = self.tree.child(id, Name::RESOURCE_TYPE).filter(|_| self.dialect == Dialect::Fhir);
        let renamed =
            resource.filter(|child| self.tree.flags(*child).any(Flags::TEXT_EDITED.with(Flags::NEW)));
        let name = renamed.map_or_else(
            || written.to_owned(),
            |child| {
                qualified(written.split_once(':').map_or("", |(prefix, _)| prefix), &self.tree.text(child))
            },
        );
        let mut content = String::new();
        self.content(id, start, &tag, &mut content);
        out.push('<');
        out.push_str(&name);
        self.attributes(id, &tag, out);
        if content.is_empty() && tag.closed {
            out.push_str(part(self.source, tag.attributes_end, tag.content));
            return;
        }
        let before_end = part(self.source, tag.attributes_end, tag.content).trim_end_matches(['/', '>']);
        out.push_str(if tag.closed { "" } else { before_end });
        out.push('>');
        out.push_str(&content);
        if tag.closed || renamed.is_some() {
            out.extend(["</", &name, ">"]);
        } else {
            out.push_str(part(self.source, tag.content_end, end));
        }
    }

    fn attributes(&self, id: NodeId, tag: &Element, out: &mut String) {
        let (tree, flags) = (self.tree, self.tree.flags(id));
        let value = self.dialect == Dialect::Fhir && tree.kind(id).is_leaf() && flags.has(Flags::TEXT_EDITED);
        let mut value = value.then_some(id);
        for attribute in &tag.attributes {
            let name = part(self.source, attribute.start, attribute.name_end);
            let within = |child: &NodeId| {
                let at = tree.head_span(*child).start as usize;
                attribute.start <= at && at < attribute.end && self.is_attribute(id, *child)
            };
            let known = |child: &NodeId| !tree.flags(*child).has(Flags::NEW);
            let node = if name == "value" && value.is_some() {
                value.take()
            } else {
                tree.children(id).filter(known).find(within)
            };
            let kept = match node {
                Some(node) => tree.kind(node) != Kind::Null,
                None => !flags.has(Flags::CHILDREN_EDITED) || !self.is_node(id, name),
            };
            if kept {
                out.push_str(part(self.source, attribute.lead, attribute.value));
                let raw = part(self.source, attribute.value, attribute.end);
                match node.filter(|node| tree.flags(*node).has(Flags::TEXT_EDITED)) {
                    Some(node) => quoted(&tree.text(node), raw.chars().next().unwrap_or('"'), out),
                    None => out.push_str(raw),
                }
            }
        }
        if let Some(id) = value.filter(|id| tree.kind(*id) != Kind::Null) {
            out.push_str(" value=");
            quoted(&tree.text(id), '"', out);
        }
        let new = |child: &NodeId| tree.flags(*child).has(Flags::NEW) && self.is_attribute(id, *child);
        for child in tree.children(id).filter(new) {
            self.fresh_attribute(id, child, out);
        }
    }

    /// True where an attribute of the source is a node, so that without one it was removed.
    fn is_node(&self, id: NodeId, name: &str) -> bool {
        match self.dialect {
            Dialect::Plain => true,
            // Declarations have none, nor has the value of a primitive.
            Dialect::Fhir if name == "value" => !self.tree.kind(id).is_leaf(),
            Dialect::Fhir => name != "xmlns" && !name.contains(':'),
        }
    }

    fn is_attribute(&self, parent: NodeId, child: NodeId) -> bool {
        let tree = self.tree;
        if self.dialect == Dialect::Plain || tree.kind(child) == Kind::Attr {
            return tree.kind(child) == Kind::Attr;
        }
        match tree.name(child) {
            Name::ID => tree.child(parent, Name::RESOURCE_TYPE).is_none(),
            Name::URL => matches!(tree.name(parent), Name::EXTENSION | Name::MODIFIER_EXTENSION),
            // FHIR has no such attribute, but the document did.
            _ => tree.name_text(child).starts_with('@'),
        }
    }

    /// The children of a node that stand between its tags.
    fn inner(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let typed = self.dialect == Dialect::Fhir;
        let outside = move |child: &NodeId| typed && self.tree.name(*child) == Name::RESOURCE_TYPE;
        self.tree.children(id).filter(move |child| !outside(child) && !self.is_attribute(id, *child))
    }

    fn content(&self, id: NodeId, start: usize, tag: &Element, out: &mut String) {
        let (tree, flags) = (self.tree, self.tree.flags(id));
        let leaf = tree.kind(id).is_leaf() && self.dialect == Dialect::Plain;
        let empty = self.inner(id).next().is_none();
        if leaf && flags.has(Flags::TEXT_EDITED) {
            escape(&tree.text(id), out);
            if empty {
                return;
            }
        }
        if flags.has(Flags::CHILDREN_EDITED) && !(leaf && empty) {
            self.rebuilt(id, start, tag, out);
        } else {
            let edited = |child: &NodeId| tree.flags(*child).any(Flags::EDITED);
            let mut nodes: Vec<NodeId> = self.inner(id).filter(edited).collect();
            // The FHIR reader brings the items of a list together that others stand between.
            nodes.sort_by_key(|node| tree.head_span(*node));
            self.region(tag.content, tag.content_end, &nodes, out);
        }
    }

    /// Copies `start..end` of the source with `nodes` patched in it.
    fn region(&self, start: usize, end: usize, nodes: &[NodeId], out: &mut String) {
        let mut at = start;
        for node in nodes {
            let span = self.tree.head_span(*node);
            if (span.start as usize) < at || span.end as usize > end {
                continue;
            }
            out.push_str(part(self.source, at, span.start as usize));
            self.node(*node, out);
            at = span.end as usize;
        }
        out.push_str(part(self.source, at, end));
    }

    /// The content of an element whose children changed.
    fn rebuilt(&self, id: NodeId, start: usize, tag: &Element, out: &mut String) {
        let tree = self.tree;
        let children: Vec<NodeId> = self.inner(id).collect();
        let known = |node: &NodeId| !tree.flags(*node).has(Flags::NEW);
        let text = |node: &&NodeId| known(node) && tree.kind(**node) == Kind::Text;
        let mut texts: Vec<usize> =
            children.iter().filter(text).map(|node| tree.span(*node).start as usize).collect();
        texts.sort_unstable();
        let starts_text = |at: usize| texts.binary_search(&at).is_ok();
        let pieces = scan::pieces(self.source, tag.content, tag.content_end, starts_text);
        let holder = |node: &NodeId| {
            let at = tree.head_span(*node).start as usize;
            let found = pieces.partition_point(|piece| piece.end <= at);
            pieces.get(found).filter(|piece| known(node) && piece.start <= at).map(|_| found)
        };
        let places: Vec<Option<usize>> = children.iter().map(holder).collect();
        // FHIR comments need not be nodes, and the text of a leaf is its own; both stay. Anything else that has
        // no node was removed.
        let fhir = self.dialect == Dialect::Fhir;
        let plain_text = tree.kind(id).is_leaf() && !fhir && !tree.flags(id).has(Flags::TEXT_EDITED);
        let stays = |piece: &Piece| {
            (piece.kind == PieceKind::Aside && fhir) || (piece.kind == PieceKind::Text && plain_text)
        };
        let mut written: Vec<bool> = pieces.iter().map(|piece| !stays(piece)).collect();
        for place in places.iter().flatten() {
            written[*place] = false;
        }
        let mut edited: Vec<(usize, NodeId)> = std::iter::zip(&places, &children)
            .filter(|(_, child)| tree.flags(**child).any(Flags::EDITED))
            .filter_map(|(place, child)| place.map(|place| (place, *child)))
            .collect();
        edited.sort_by_key(|(place, child)| (*place, tree.head_span(*child)));
        let mut shared: HashMap<usize, Vec<usize>> = HashMap::new();
        for (child, place) in children.iter().zip(&places) {
            let at = tree.head_span(*child).start as usize;
            if let Some(place) = place.filter(|place| pieces[*place].start < at) {
                shared.entry(place).or_default().push(at);
            }
        }
        let content =
            Content { id, start, tag, pieces: &pieces, children: &children, places: &places, shared, edited };
        self.assemble(&content, written, out);
    }

    fn assemble(&self, content: &Content<'_>, mut written: Vec<bool>, out: &mut String) {
        let Content { id, start, tag, pieces, children, places, .. } = *content;
        let before = out.len();
        let mut held = vec![false; pieces.len()];
        for place in places.iter().flatten() {
            held[*place] = true;
        }
        let (prefix, mixed) =
            (self.prefixes(id, part(self.source, start + 1, tag.name_end)), self.is_mixed(id));
        let outer = indent_at(self.source, start).filter(|_| pieces.is_empty() && !mixed);
        let inner = outer.map(|indent| format!("{indent}{}", self.unit));
        let lead_of =
            |at: usize| pieces.get(at).map_or("", |piece| part(self.source, piece.lead, piece.start));
        let lined = |at: &usize| lead_of(*at).contains('\n');
        // The lead of the nearest old neighbour, which a new element takes for its example.
        let mut example = places.iter().flatten().copied().find(lined).map_or_else(|| lead_of(0), lead_of);
        for (child, place) in children.iter().zip(places) {
            let Some(place) = *place else {
                let line = if pieces.is_empty() { inner.as_deref() } else { indent_in(example) };
                let line = line.filter(|_| !mixed);
                if let Some(indent) = line {
                    self.line(indent, out);
                }
                self.fresh(*child, prefix, line, out);
                continue;
            };
            // Pieces without a node that stand between this one and the node before come with it.
            let from = (0..place).rev().take_while(|at| !held[*at]).last().unwrap_or(place);
            for at in (from..=place).filter(|at| !written[*at]) {
                self.piece(content, at, out);
            }
            written[from..=place].fill(true);
            if lined(&place) {
                example = lead_of(place);
            }
        }
        for at in (0..pieces.len()).filter(|at| !written[*at]) {
            self.piece(content, at, out);
        }
        match (outer, pieces.last()) {
            _ if out.len() == before => {}
            (Some(indent), _) => self.line(indent, out),
            (None, Some(last)) => out.push_str(part(self.source, last.end, tag.content_end)),
            (None, None) => {}
        }
    }

    /// A piece of the source with the white space before it and the nodes in it patched.
    fn piece(&self, content: &Content<'_>, at: usize, out: &mut String) {
        let (piece, edited) = (&content.pieces[at], &content.edited);
        let from = edited.partition_point(|(place, _)| *place < at);
        let nodes: Vec<NodeId> =
            edited[from..].iter().take_while(|(place, _)| *place == at).map(|(_, node)| *node).collect();
        out.push_str(part(self.source, piece.lead, piece.start));
        let mut from = piece.start;
        for gone in self.gone(content, at) {
            self.region(from, gone.lead, &nodes, out);
            from = gone.end;
        }
        self.region(from, piece.end, &nodes, out);
    }

    /// The resources that were taken out of a piece that holds others still.
    fn gone(&self, content: &Content<'_>, at: usize) -> Vec<Piece> {
        let (piece, kept) = (&content.pieces[at], content.shared.get(&at));
        let tag = kept.and_then(|_| scan::element(self.source, piece.start, piece.end));
        let Some((kept, tag)) = kept.zip(tag) else { return Vec::new() };
        let mut inside = scan::pieces(self.source, tag.content, tag.content_end, |_| false);
        inside.retain(|inner| inner.kind == PieceKind::Element && !kept.contains(&inner.start));
        inside
    }

    /// True where text stands beside the elements, so that white space would be part of it.
    fn is_mixed(&self, id: NodeId) -> bool {
        let text = |child| self.tree.kind(child) == Kind::Text && !self.tree.text(child).trim().is_empty();
        (self.dialect == Dialect::Plain && self.tree.kind(id).is_leaf()) || self.tree.children(id).any(text)
    }

    /// The prefix that elements of the main namespace have below the element `written` of node `id`.
    fn prefixes<'b>(&'b self, id: NodeId, written: &'b str) -> &'b str {
        if self.tree.name_text(id).contains(':') {
            return self.prefix(self.tree.parent(id));
        }
        written.split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// As [`Self::prefixes`], below a node of the source or above it.
    fn prefix(&self, id: Option<NodeId>) -> &str {
        let Some(id) = id else { return "" };
        let start = self.tree.head_span(id).start as usize;
        let tag = part(self.source, start, self.source.len());
        match tag.strip_prefix('<').filter(|_| !self.tree.flags(id).has(Flags::NEW)) {
            Some(tag) => {
                let end = tag.find([' ', '\t', '\r', '\n', '/', '>']).unwrap_or(tag.len());
                self.prefixes(id, &tag[..end])
            }
            None => self.prefix(self.tree.parent(id)),
        }
    }

    fn line(&self, indent: &str, out: &mut String) {
        out.push_str(self.line_break);
        out.push_str(indent);
    }
}

/// The content of an element with the nodes that it is to have.
struct Content<'a> {
    id: NodeId,
    start: usize,
    tag: &'a Element,
    pieces: &'a [Piece],
    children: &'a [NodeId],
    /// The piece of each child; none for a new one.
    places: &'a [Option<usize>],
    /// Where the children start that stand inside a piece, as several resources in one element do.
    shared: HashMap<usize, Vec<usize>>,
    /// The edited ones of the source with their pieces, in order of the text.
    edited: Vec<(usize, NodeId)>,
}

/// Writing anew.
impl Patch<'_> {
    /// A node with all below it, in the prefix of its surroundings; on lines where `line` has an indentation.
    fn fresh(&self, id: NodeId, prefix: &str, line: Option<&str>, out: &mut String) {
        let tree = self.tree;
        if matches!(tree.kind(id), Kind::Text | Kind::Comment | Kind::Pi) {
            return self.fresh_aside(id, out);
        }
        if tree.kind(id) == Kind::Xhtml && self.dialect == Dialect::Fhir {
            return out.push_str(&tree.text(id));
        }
        let (name, declaration) = self.spelled(id, tree.name_text(id), prefix);
        let resource = tree.resource_type(id).filter(|_| self.dialect == Dialect::Fhir);
        let Some(resource) = resource else {
            return self.fresh_tagged(id, (&name, &declaration, prefix), line, out);
        };
        let deeper = line.map(|indent| format!("{indent}{}", self.unit));
        out.extend(["<", &name, ">"]);
        if let Some(indent) = &deeper {
            self.line(indent, out);
        }
        self.fresh_tagged(id, (&qualified(prefix, &resource), "", prefix), deeper.as_deref(), out);
        if let Some(indent) = line {
            self.line(indent, out);
        }
        out.extend(["</", &name, ">"]);
    }

    /// An element of a given name, namespace declarations and prefix of its content.
    fn fresh_tagged(&self, id: NodeId, tag: (&str, &str, &str), line: Option<&str>, out: &mut String) {
        let (tree, (name, declarations, prefix)) = (self.tree, tag);
        out.extend(["<", name, declarations]);
        let (attributes, fhir) =
            (|child: &NodeId| self.is_attribute(id, *child), self.dialect == Dialect::Fhir);
        for child in tree.children(id).filter(attributes) {
            self.fresh_attribute(id, child, out);
        }
        let leaf = tree.kind(id).is_leaf() && tree.kind(id) != Kind::Null;
        if leaf && fhir {
            out.push_str(" value=");
            quoted(&tree.text(id), '"', out);
        }
        let before = out.len();
        out.push('>');
        if leaf && !fhir {
            escape(&tree.text(id), out);
        }
        let lined = line.filter(|_| !self.is_mixed(id));
        let deeper = lined.map(|indent| format!("{indent}{}", self.unit));
        let mut any = false;
        for child in self.inner(id).filter(|child| tree.kind(*child) != Kind::EmptyList) {
            any = true;
            if let Some(indent) = &deeper {
                self.line(indent, out);
            }
            self.fresh(child, prefix, deeper.as_deref(), out);
        }
        if let Some(indent) = lined.filter(|_| any) {
            self.line(indent, out);
        }
        if out.len() == before + 1 {
            out.truncate(before);
            out.push_str("/>");
        } else {
            out.extend(["</", name, ">"]);
        }
    }

    fn fresh_attribute(&self, parent: NodeId, id: NodeId, out: &mut String) {
        let name = self.tree.name_text(id).trim_start_matches('@');
        // An attribute without a prefix is in no namespace, so the prefix of the elements is not for it.
        let (name, declaration) = self.spelled(parent, name, "");
        out.extend([&declaration, " ", &name, "="]);
        quoted(&self.tree.text(id), '"', out);
    }

    fn fresh_aside(&self, id: NodeId, out: &mut String) {
        let text = self.tree.text(id);
        match self.tree.kind(id) {
            // Two hyphens may not stand in a comment, nor one at its end (XML 1.0, 2.5).
            Kind::Comment => out.extend(["<!--", &text.replace("--", "- -").replace("--", "- -"), "-->"]),
            Kind::Pi => out.extend(["<?", &text.replace("?>", "? >"), "?>"]),
            _ => escape(&text, out),
        }
    }

    /// The name of an element or attribute as it is written below `at`, and the namespace declaration it needs.
    fn spelled(&self, at: NodeId, name: &str, prefix: &str) -> (String, String) {
        let Some((canonical, local)) = name.split_once(':') else {
            return (qualified(prefix, name), String::new());
        };
        let Some((_, uri)) = WELL_KNOWN.iter().find(|(known, _)| *known == canonical) else {
            return (qualified("", name), String::new());
        };
        let above = std::iter::successors(Some(at), |node| self.tree.parent(*node));
        let declared = above.flat_map(|node| self.tree.children(node)).find_map(|child| {
            let prefix = self.tree.name_text(child).strip_prefix("@xmlns:")?;
            (self.tree.text(child) == *uri).then(|| prefix.to_owned())
        });
        match declared {
            Some(prefix) => (qualified(&prefix, local), String::new()),
            None => (name.to_owned(), format!(" xmlns:{canonical}=\"{uri}\"")),
        }
    }
}

/// A name with its prefix. What may not stand in a name becomes `_`, so that an edit never breaks the document.
fn qualified(prefix: &str, name: &str) -> String {
    let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':');
    let name: String =
        name.chars().map(|character| if allowed(character) { character } else { '_' }).collect();
    let first = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    let start = if first { "" } else { "_" };
    if prefix.is_empty() { format!("{start}{name}") } else { format!("{prefix}:{start}{name}") }
}

fn quoted(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' if quote == '"' => out.push_str("&quot;"),
            '\'' if quote == '\'' => out.push_str("&apos;"),
            // White space in an attribute is read as a blank unless it is a reference (XML 1.0, 3.3.3).
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            other => out.push(legal(other)),
        }
    }
    out.push(quote);
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A bare carriage return is read as a line feed (XML 1.0, 2.11).
            '\r' => out.push_str("&#13;"),
            other => out.push(legal(other)),
        }
    }
}

const fn legal(character: char) -> char {
    match character {
        '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
            char::REPLACEMENT_CHARACTER
        }
        other => other,
    }
}
