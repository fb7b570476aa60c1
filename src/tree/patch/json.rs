//! Edits over JSON text.
//!
//! An object or list whose members changed is put together again: old members bring their own bytes and the
//! white space that led them, new ones are written as their neighbours are. A FHIR primitive whose id or
//! extensions changed has its `_name` member written anew from the nodes, and a list of such primitives both
//! members when its items changed, because the places of the two arrays depend on each other.

use super::scan::{Item, items};
use super::{indent_at, indent_in, indent_unit, line_break, part};
use crate::tree::{Flags, Kind, Name, NodeId, Tree, json};
use std::collections::HashMap;

/// Writes the source text of a tree that was read from JSON, with its edits.
pub(super) fn write(tree: &Tree, out: &mut String) {
    let source = tree.source();
    let root = tree.span(NodeId::ROOT);
    let unit = indent_unit(source, root.start as usize);
    let line_break = line_break(source);
    let members = items(source, root.start as usize);
    let first = members.first().filter(|item| item.key_end > item.head);
    let lined = part(source, root.start as usize, root.end as usize).contains('\n');
    let colon = first.map(|item| part(source, item.key_end, item.start));
    let colon = colon.filter(|colon| !colon.contains('\n')).unwrap_or(if lined { ": " } else { ":" });
    let patch = Patch { tree, source, unit, line_break, colon };
    out.push_str(part(source, 0, root.start as usize));
    patch.value(NodeId::ROOT, out);
    out.push_str(part(source, root.end as usize, source.len()));
}

struct Patch<'a> {
    tree: &'a Tree,
    source: &'a str,
    unit: &'a str,
    line_break: &'static str,
    /// What stands between key and value where no neighbour shows it.
    colon: &'a str,
}

/// Where the value of a member or item comes from.
enum Content {
    /// The source text with these nodes patched in it.
    Patched(Vec<NodeId>),
    /// An array of the source whose items changed.
    Items(Vec<NodeId>),
    /// Written anew: a value.
    Value(NodeId),
    /// Written anew: an array.
    List(Vec<NodeId>),
    /// Written anew: the ids and extensions of one primitive.
    Companion(NodeId),
    /// Written anew: the ids and extensions of a list of primitives.
    Companions(Vec<NodeId>),
}

/// One member or item of the text to write.
struct Part {
    /// Its place among the members of the source.
    old: Option<usize>,
    /// Its key; unused where the source has it, empty in an array.
    key: String,
    content: Content,
}

/// The object or array around the parts.
struct Frame<'a> {
    open: char,
    close: char,
    /// Where the object or array starts, with its key.
    head: usize,
    old: &'a [Item],
}

/// How things written anew are laid out.
#[derive(Clone, Copy)]
struct Style<'a> {
    /// The indentation, where things stand on lines of their own.
    line: Option<&'a str>,
    /// Between key and value.
    colon: &'a str,
    /// After a comma in one line.
    comma: &'a str,
}

impl Patch<'_> {
    fn value(&self, id: NodeId, out: &mut String) {
        let (tree, flags, kind) = (self.tree, self.tree.flags(id), self.tree.kind(id));
        let span = tree.span(id);
        let (start, end) = (span.start as usize, span.end as usize);
        let opening = self.source.as_bytes().get(start);
        let fits = match kind {
            Kind::Object => opening == Some(&b'{'),
            Kind::Array => opening == Some(&b'['),
            _ => !flags.has(Flags::TEXT_EDITED),
        };
        if flags.has(Flags::NEW) || !fits {
            let head = tree.head_span(id).start as usize;
            let style = Style { line: indent_at(self.source, head), colon: self.colon, comma: self.comma() };
            self.fresh(id, style, out);
        } else if !flags.any(Flags::EDITED) {
            out.push_str(part(self.source, start, end));
        } else if kind == Kind::Array && flags.has(Flags::CHILDREN_EDITED) {
            let children: Vec<NodeId> = tree.children(id).collect();
            self.array(&children, start, tree.head_span(id).start as usize, out);
        } else if kind == Kind::Object && self.restructured(id) {
            self.object(id, out);
        } else {
            self.region(start, end, &self.edited_inside(tree.children(id)), out);
        }
    }

    /// True where members of the object change: its own, or the `_name` member of a primitive in it.
    fn restructured(&self, id: NodeId) -> bool {
        let tree = self.tree;
        let primitive = |child: NodeId| {
            let joined = tree.first_child(child).is_some() && tree.flags(child).has(Flags::TEXT_EDITED);
            tree.kind(child).is_leaf() && (joined || self.restructured(child))
        };
        tree.flags(id).has(Flags::CHILDREN_EDITED) || tree.children(id).any(primitive)
    }

    /// The edited nodes among `nodes` in order of the text. What hangs below a primitive stands beside it in
    /// the text, in the `_name` member, so it is taken along.
    fn edited_inside(&self, nodes: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
        let mut found = Vec::new();
        for node in nodes {
            let (flags, leaf) = (self.tree.flags(node), self.tree.kind(node).is_leaf());
            if flags.has(Flags::TEXT_EDITED) || (!leaf && flags.any(Flags::EDITED)) {
                found.push(node);
            }
            if leaf && flags.has(Flags::EDITED_BELOW) {
                found.extend(self.edited_inside(self.tree.children(node)));
            }
        }
        found.sort_by_key(|node| self.tree.span(*node));
        found
    }

    /// Copies `start..end` of the source with `nodes` patched in it.
    fn region(&self, start: usize, end: usize, nodes: &[NodeId], out: &mut String) {
        let mut at = start;
        for node in nodes {
            let span = self.tree.span(*node);
            if (span.start as usize) < at || span.end as usize > end {
                continue;
            }
            out.push_str(part(self.source, at, span.start as usize));
            self.value(*node, out);
            at = span.end as usize;
        }
        out.push_str(part(self.source, at, end));
    }

    fn object(&self, id: NodeId, out: &mut String) {
        let (tree, span) = (self.tree, self.tree.span(id));
        let old = items(self.source, span.start as usize);
        let key = |item: &Item| {
            let raw = part(self.source, item.head + 1, item.key_end.saturating_sub(1));
            if raw.contains('\\') { json::unescape(raw) } else { raw.to_owned() }
        };
        let keys: HashMap<String, usize> = old.iter().enumerate().map(|(at, item)| (key(item), at)).collect();
        let mut places: HashMap<Name, usize> = HashMap::new();
        let mut groups: Vec<Vec<NodeId>> = Vec::new();
        for child in tree.children(id) {
            let place = *places.entry(tree.name(child)).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(child);
        }
        let mut parts = Vec::with_capacity(groups.len());
        for group in groups {
            let name = group.first().map_or("", |node| tree.name_text(*node));
            let companion = format!("_{name}");
            // A key `_name` that is a node of its own belongs to that node.
            let own = tree.names().get(&companion).is_some_and(|name| places.contains_key(&name));
            let joined = keys.get(&companion).copied().filter(|_| !own);
            self.members(group, (&old, keys.get(name).copied(), joined), &mut parts);
        }
        let frame = Frame { open: '{', close: '}', head: tree.head_span(id).start as usize, old: &old };
        self.container(&frame, &parts, out);
    }

    /// The members that the nodes of one name make: the value or list, and the `_name` companion.
    fn members(
        &self,
        nodes: Vec<NodeId>,
        source: (&[Item], Option<usize>, Option<usize>),
        parts: &mut Vec<Part>,
    ) {
        let tree = self.tree;
        let (old, plain, joined) = source;
        let Some(first) = nodes.first().copied() else { return };
        let name = tree.name_text(first).to_owned();
        let list = nodes.len() > 1 || tree.flags(first).has(Flags::LIST);
        let leaf = |node: &NodeId| tree.kind(*node).is_leaf();
        let extended = nodes.iter().any(|node| leaf(node) && tree.first_child(*node).is_some());
        let entangled = list && (extended || nodes.iter().any(|node| leaf(node) && self.restructured(*node)));
        let same = plain.is_some_and(|at| self.same(&nodes, list, &old[at]));
        if !extended || nodes.iter().any(|node| tree.kind(*node) != Kind::Null) {
            let array = plain.is_some_and(|at| self.source.as_bytes().get(old[at].start) == Some(&b'['));
            let content = match (same, list) {
                (true, _) => Content::Patched(
                    nodes.iter().copied().filter(|node| tree.flags(*node).any(Flags::EDITED)).collect(),
                ),
                (false, false) => Content::Value(first),
                (false, true) if array && !entangled => Content::Items(nodes.clone()),
                (false, true) => Content::List(nodes.clone()),
            };
            parts.push(Part { old: plain, key: name.clone(), content });
        }
        if extended {
            let below = || nodes.iter().flat_map(|node| tree.children(*node));
            let steady =
                !nodes.iter().any(|node| tree.flags(*node).has(Flags::NEW) || self.restructured(*node));
            let item = joined.map(|at| &old[at]);
            let placed = item.is_some_and(|item| below().all(|node| self.is_in(node, item)));
            let placed = placed && (same || (plain.is_none() && self.in_step(&nodes, list, item)));
            let content = match (steady && placed, list) {
                (true, _) => Content::Patched(self.edited_inside(below())),
                (false, true) => Content::Companions(nodes),
                (false, false) => Content::Companion(first),
            };
            parts.push(Part { old: joined, key: format!("_{name}"), content });
        }
    }

    /// True where the member holds exactly these nodes in this order.
    fn same(&self, nodes: &[NodeId], list: bool, member: &Item) -> bool {
        let starts = |node: &NodeId, item: &Item| {
            !self.tree.flags(*node).has(Flags::NEW) && self.tree.span(*node).start as usize == item.start
        };
        if !list {
            return nodes.iter().all(|node| starts(node, member));
        }
        if self.source.as_bytes().get(member.start) != Some(&b'[') {
            return false;
        }
        let found = items(self.source, member.start);
        found.len() == nodes.len() && nodes.iter().zip(&found).all(|(node, item)| starts(node, item))
    }

    /// True where a lone `_name` member still has its items in the order of the nodes.
    fn in_step(&self, nodes: &[NodeId], list: bool, member: Option<&Item>) -> bool {
        let below: Vec<_> = nodes
            .iter()
            .flat_map(|node| self.tree.children(*node))
            .map(|node| self.tree.span(node))
            .collect();
        let count = member.map(|member| items(self.source, member.start).len());
        !list || (count == Some(nodes.len()) && below.is_sorted())
    }

    fn is_in(&self, node: NodeId, item: &Item) -> bool {
        let span = self.tree.span(node);
        item.start <= span.start as usize
            && span.end as usize <= item.end
            && !self.tree.flags(node).has(Flags::NEW)
    }

    /// The array of the source at `start`, with the items that the tree has now.
    fn array(&self, nodes: &[NodeId], start: usize, head: usize, out: &mut String) {
        let old = items(self.source, start);
        let part = |node: &NodeId| {
            let at = self.tree.span(*node).start as usize;
            let known = !self.tree.flags(*node).has(Flags::NEW);
            let old = old.binary_search_by_key(&at, |item| item.start).ok().filter(|_| known);
            let content = old.map_or(Content::Value(*node), |_| Content::Patched(vec![*node]));
            Part { old, key: String::new(), content }
        };
        let parts: Vec<Part> = nodes.iter().map(part).collect();
        self.container(&Frame { open: '[', close: ']', head, old: &old }, &parts, out);
    }

    fn container(&self, frame: &Frame<'_>, parts: &[Part], out: &mut String) {
        out.push(frame.open);
        let spacing = self.spacing(frame);
        let outer = indent_at(self.source, frame.head).filter(|_| frame.old.is_empty());
        let inner = outer.map(|indent| format!("{indent}{}", self.unit));
        let lead_of =
            |at: usize| frame.old.get(at).map_or("", |item| part(self.source, item.lead, item.head));
        // The lead of the nearest old neighbour, which a new part takes for its example.
        let mut example = parts.iter().find_map(|part| part.old).map_or_else(|| lead_of(0), lead_of);
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            if let Some(old) = part.old {
                example = lead_of(old);
                out.push_str(spacing.lead(example, at == 0, old == 0));
                self.old_part(&frame.old[old], part, out);
            } else {
                let line = if frame.old.is_empty() { inner.as_deref() } else { indent_in(example) };
                match line {
                    Some(indent) => self.line(indent, out),
                    None => out.push_str(if at == 0 { spacing.first } else { spacing.next }),
                }
                let style = Style { line, colon: spacing.colon, comma: spacing.comma };
                if frame.open == '{' {
                    key(&part.key, style, out);
                }
                self.new_value(&part.content, style, out);
            }
            if at + 1 < parts.len() {
                out.push_str(match part.old.map(|old| (&frame.old[old], old + 1 < frame.old.len())) {
                    Some((item, true)) => crate::tree::patch::part(self.source, item.end, item.trail),
                    _ => spacing.trail,
                });
            }
        }
        if !parts.is_empty() {
            match (outer, frame.old.last()) {
                (Some(indent), _) => self.line(indent, out),
                (None, Some(last)) => out.push_str(part(self.source, last.end, last.trail)),
                (None, None) => {}
            }
        }
        out.push(frame.close);
    }

    /// A member that the source has, its value patched or written anew.
    fn old_part(&self, item: &Item, part_: &Part, out: &mut String) {
        out.push_str(part(self.source, item.head, item.start));
        match &part_.content {
            Content::Patched(nodes) => self.region(item.start, item.end, nodes, out),
            Content::Items(nodes) => self.array(nodes, item.start, item.head, out),
            content => {
                let colon = part(self.source, item.key_end, item.start);
                let colon = if colon.is_empty() || colon.contains('\n') { self.colon } else { colon };
                let style = Style { line: indent_at(self.source, item.head), colon, comma: self.comma() };
                self.new_value(content, style, out);
            }
        }
    }

    fn new_value(&self, content: &Content, style: Style<'_>, out: &mut String) {
        match content {
            Content::Value(node) => self.fresh(*node, style, out),
            Content::Companion(node) => self.fresh_object(*node, style, out),
            Content::List(nodes) | Content::Items(nodes) | Content::Patched(nodes) => {
                self.fresh_list(nodes, style, out, Self::fresh);
            }
            Content::Companions(nodes) => self.fresh_list(nodes, style, out, Self::fresh_companion),
        }
    }

    fn spacing(&self, frame: &Frame<'_>) -> Spacing<'_> {
        let old = frame.old;
        let lead = |item: &Item| part(self.source, item.lead, item.head);
        let colon = old.first().map(|item| part(self.source, item.key_end, item.start));
        let colon = colon.filter(|colon| frame.open == '{' && !colon.contains('\n')).unwrap_or(self.colon);
        let comma = if colon.ends_with(' ') { " " } else { "" };
        let next = old.get(1).map_or(comma, lead);
        let trail = old.split_last().and_then(|(_, rest)| rest.first());
        Spacing {
            first: old.first().map(lead).filter(|lead| !lead.contains('\n')).unwrap_or(""),
            next,
            comma: if next.contains('\n') { comma } else { next },
            trail: trail.map_or("", |item| part(self.source, item.end, item.trail)),
            colon,
        }
    }

    fn comma(&self) -> &'static str {
        if self.colon.ends_with(' ') { " " } else { "" }
    }

    fn line(&self, indent: &str, out: &mut String) {
        out.push_str(self.line_break);
        out.push_str(indent);
    }
}

/// The white space of an object or array, as its old members show it.
struct Spacing<'a> {
    /// Before the first member in one line.
    first: &'a str,
    /// Before a later member.
    next: &'a str,
    /// After a comma in what is written anew in one line.
    comma: &'a str,
    /// Between a member and the comma after it.
    trail: &'a str,
    colon: &'a str,
}

impl<'a> Spacing<'a> {
    /// The lead of an old member: its own, but a member in one line that became the first, or no longer is
    /// the first, takes that of its new place.
    fn lead(&self, own: &'a str, is_first: bool, was_first: bool) -> &'a str {
        match (is_first, was_first) {
            _ if own.contains('\n') => own,
            (true, false) => self.first,
            (false, true) => self.next,
            _ => own,
        }
    }
}

/// Writing anew.
impl Patch<'_> {
    fn fresh(&self, id: NodeId, style: Style<'_>, out: &mut String) {
        let tree = self.tree;
        match tree.kind(id) {
            Kind::Object => self.fresh_object(id, style, out),
            Kind::Array => {
                let children: Vec<NodeId> = tree.children(id).collect();
                self.fresh_list(&children, style, out, Self::fresh);
            }
            Kind::EmptyList => out.push_str("[]"),
            Kind::Null => out.push_str("null"),
            Kind::Number | Kind::Bool if is_bare(&tree.text(id)) => out.push_str(&tree.text(id)),
            _ => {
                out.push('"');
                if tree.flags(id).has(Flags::JSON_ESCAPES) {
                    out.push_str(tree.raw_text(id));
                } else {
                    json::escape_into(&tree.text(id), out);
                }
                out.push('"');
            }
        }
    }

    fn fresh_companion(&self, id: NodeId, style: Style<'_>, out: &mut String) {
        if self.tree.first_child(id).is_some() {
            self.fresh_object(id, style, out);
        } else {
            out.push_str("null");
        }
    }

    fn fresh_object(&self, id: NodeId, style: Style<'_>, out: &mut String) {
        let tree = self.tree;
        let inner = style.line.map(|indent| format!("{indent}{}", self.unit));
        let within = Style { line: inner.as_deref(), ..style };
        let mut parts = Vec::new();
        let mut child = tree.first_child(id);
        while let Some(here) = child {
            let same =
                |next: &NodeId| tree.name(*next) == tree.name(here) && tree.flags(*next).has(Flags::LIST);
            let group: Vec<NodeId> = if tree.flags(here).has(Flags::LIST) {
                std::iter::successors(Some(here), |item| tree.next_sibling(*item)).take_while(same).collect()
            } else {
                vec![here]
            };
            child = group.last().and_then(|last| tree.next_sibling(*last));
            self.members(group, (&[], None, None), &mut parts);
        }
        out.push('{');
        for (at, part) in parts.iter().enumerate() {
            self.step(at, within, out);
            key(&part.key, within, out);
            self.new_value(&part.content, within, out);
        }
        self.closing(parts.is_empty(), style, out);
        out.push('}');
    }

    fn fresh_list(
        &self,
        nodes: &[NodeId],
        style: Style<'_>,
        out: &mut String,
        each: fn(&Self, NodeId, Style<'_>, &mut String),
    ) {
        let inner = style.line.map(|indent| format!("{indent}{}", self.unit));
        let within = Style { line: inner.as_deref(), ..style };
        out.push('[');
        for (at, node) in nodes.iter().enumerate() {
            self.step(at, within, out);
            each(self, *node, within, out);
        }
        self.closing(nodes.is_empty(), style, out);
        out.push(']');
    }

    /// What stands before the part at `at`.
    fn step(&self, at: usize, style: Style<'_>, out: &mut String) {
        if at > 0 {
            out.push(',');
        }
        match style.line {
            Some(indent) => self.line(indent, out),
            None if at > 0 => out.push_str(style.comma),
            None => {}
        }
    }

    fn closing(&self, empty: bool, style: Style<'_>, out: &mut String) {
        if let Some(indent) = style.line.filter(|_| !empty) {
            self.line(indent, out);
        }
    }
}

fn key(name: &str, style: Style<'_>, out: &mut String) {
    out.push('"');
    json::escape_into(name, out);
    out.push('"');
    out.push_str(style.colon);
}

/// True for text that JSON takes without quotes. Other text of a number or boolean is written as a string,
/// so that an edit never breaks the document.
fn is_bare(text: &str) -> bool {
    if matches!(text, "true" | "false") {
        return true;
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return rest.is_empty() };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    !exponent.is_empty() && digits(exponent) == exponent.len()
}
