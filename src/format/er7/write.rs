//! An edited message back over its text, and new messages.

use super::fields::{Shape, shape};
use super::read::{Body, Line, is_segment_name, parts_of};
use super::{Dialect, Level, Separators, escape};
use crate::diag::{Issue, codes};
use crate::tree::{Flags, Kind, NodeId, Tree};

type Written<T> = Result<T, Box<Issue>>;

/// Writes an edited tree back over its text: what was not edited stays byte for byte, empty fields and line ends too.
///
/// # Errors
/// A text that needs a sign which MSH-2 does not name, or an element that has no place in a message.
pub fn patch(tree: &Tree, dialect: &Dialect) -> Written<String> {
    let source = tree.source();
    if source.is_empty() {
        return write(tree);
    }
    if !tree.is_edited() {
        return Ok(source.to_owned());
    }
    let body = Body::of(source);
    let lines: Vec<Line> = body.lines().collect();
    let mut out = String::with_capacity(source.len() + source.len() / 8 + 64);
    out.push_str(source.get(..body.start).unwrap_or(""));
    let before = out.len();
    let writer = Writer { tree, source, separators: dialect.separators };
    for segment in segments(tree) {
        if out.len() > before && !out.ends_with(['\r', '\n']) {
            out.push_str(dialect.line_end.as_str());
        }
        let start = tree.span(segment).start as usize;
        let line = lines.binary_search_by_key(&start, |line| line.start).ok();
        match line
            .filter(|_| !tree.flags(segment).has(Flags::NEW))
            .and_then(|at| lines.get(at).map(|line| (at, line)))
        {
            Some((at, line)) => {
                writer.segment(segment, Some(*line), &mut out)?;
                let next = lines.get(at + 1).map_or(body.end, |next| next.start);
                out.push_str(source.get(line.end..next).unwrap_or(""));
            }
            None => {
                writer.segment(segment, None, &mut out)?;
                out.push_str(dialect.line_end.as_str());
            }
        }
    }
    // The line end after the last segment, if there is one, is part of what follows the body.
    let end = source.get(body.end..).unwrap_or("");
    out.truncate(out.trim_end_matches(['\r', '\n']).len());
    out.push_str(end);
    Ok(out)
}

/// Writes a tree as a new message, with the recommended separators and a carriage return after each segment.
///
/// # Errors
/// An element has no place in a message.
pub fn write(tree: &Tree) -> Written<String> {
    let mut out = String::new();
    let separators = Separators::default();
    let writer = Writer { tree, source: "", separators };
    for segment in segments(tree) {
        writer.segment(segment, None, &mut out)?;
        out.push('\r');
    }
    Ok(out)
}

/// The segments in order, whatever groups they stand in.
fn segments(tree: &Tree) -> impl Iterator<Item = NodeId> + use<'_> {
    let root = (!tree.is_empty()).then_some(NodeId::ROOT);
    let is_segment =
        |id: &NodeId| is_segment_name(tree.name_text(*id).as_bytes()) && tree.kind(*id) == Kind::Object;
    root.into_iter().flat_map(|root| tree.descend(root)).filter(is_segment)
}

/// Bytes of `MSH|^~\&`.
const HEADER_LEAST: usize = 8;

struct Writer<'a> {
    tree: &'a Tree,
    source: &'a str,
    separators: Separators,
}

impl Writer<'_> {
    fn segment(&self, segment: NodeId, line: Option<Line>, out: &mut String) -> Written<()> {
        let tree = self.tree;
        if let Some(line) = line.filter(|_| !tree.flags(segment).any(Flags::EDITED)) {
            out.push_str(self.raw((line.start, line.end)));
            return Ok(());
        }
        let (name, start) = (tree.name_text(segment), out.len());
        out.push_str(name);
        let bytes = self.source.as_bytes();
        let mut slots: Vec<(usize, usize)> = line.map_or_else(Vec::new, |line| {
            parts_of(bytes, (line.start, line.end), Some(self.separators.field)).skip(1).collect()
        });
        let mut first = 1;
        if name == "MSH" {
            first = 3;
            self.header(slots.first().copied(), out);
            slots.drain(..slots.len().min(1));
        }
        let fields = self.numbered(segment, Level::Field)?;
        let last = fields.last().map_or(0, |(number, _)| *number).max(slots.len() + first - 1);
        let mut fields = fields.as_slice();
        for number in first..=last {
            out.push(char::from(self.separators.field));
            let count = fields.iter().take_while(|(at, _)| *at == number).count();
            let (here, after) = fields.split_at(count);
            fields = after;
            let is_known = shape(name.as_bytes(), number) != Shape::Unknown;
            self.repetitions(here, slots.get(number - first).copied(), is_known, out)?;
        }
        if line.is_none() {
            let least = start + if first == 1 { name.len() } else { HEADER_LEAST };
            while out.len() > least && out.ends_with(char::from(self.separators.field)) {
                out.pop();
            }
        }
        Ok(())
    }

    /// MSH-1 and MSH-2.
    fn header(&self, slot: Option<(usize, usize)>, out: &mut String) {
        out.push(char::from(self.separators.field));
        match slot {
            Some(slot) => out.push_str(self.raw(slot)),
            None => out.push_str("^~\\&"),
        }
    }

    /// The children by their numbers, in order of number.
    fn numbered(&self, node: NodeId, level: Level) -> Written<Vec<(usize, NodeId)>> {
        let mut found = Vec::new();
        for child in self.tree.children(node) {
            let Some(number) = level.number(self.tree.name_text(child)) else {
                return self.fail(child, "an HL7 v2 message has no place for an element of this name");
            };
            found.push((number, child));
        }
        found.sort_by_key(|(number, _)| *number);
        Ok(found)
    }

    /// A field with its repetitions; empty ones between them stay.
    fn repetitions(
        &self,
        nodes: &[(usize, NodeId)],
        slot: Option<(usize, usize)>,
        is_known: bool,
        out: &mut String,
    ) -> Written<()> {
        let bytes = self.source.as_bytes();
        let parts: Vec<(usize, usize)> =
            slot.into_iter().flat_map(|slot| parts_of(bytes, slot, self.separators.repetition)).collect();
        let mut parts = parts.as_slice();
        let mut written: Vec<String> = Vec::new();
        for (_, node) in nodes {
            let start = self.tree.span(*node).start as usize;
            let at = parts.iter().position(|part| part.0 == start);
            let part = at.filter(|_| !self.tree.flags(*node).has(Flags::NEW)).map(|at| {
                let (before, after) = parts.split_at(at);
                written.extend(
                    before.iter().filter(|part| self.is_empty(**part)).map(|part| self.raw(*part).to_owned()),
                );
                let part = after.first().copied();
                parts = after.get(1..).unwrap_or_default();
                part
            });
            let mut text = String::new();
            self.value(*node, part.flatten(), (Level::Field, is_known), &mut text)?;
            written.push(text);
        }
        written
            .extend(parts.iter().filter(|part| self.is_empty(**part)).map(|part| self.raw(*part).to_owned()));
        match (self.separators.repetition, written.as_slice()) {
            (_, []) => {}
            (_, [only]) => out.push_str(only),
            (Some(sign), _) => out.push_str(&written.join(char::from(sign).encode_utf8(&mut [0; 4]))),
            (None, _) => return self.fail_at(nodes, "MSH-2 names no separator of repetitions"),
        }
        Ok(())
    }

    /// A field, a component or a subcomponent; `part` is where it stands in the source.
    fn value(
        &self,
        node: NodeId,
        part: Option<(usize, usize)>,
        level: (Level, bool),
        out: &mut String,
    ) -> Written<()> {
        let tree = self.tree;
        if let Some(part) = part.filter(|_| !tree.flags(node).any(Flags::EDITED)) {
            out.push_str(self.raw(part));
            return Ok(());
        }
        match tree.kind(node) {
            Kind::Object => self.parts(node, part, level, out),
            Kind::Null => {
                out.push_str("\"\"");
                Ok(())
            }
            _ => self.text(node, part, out),
        }
    }

    fn text(&self, node: NodeId, part: Option<(usize, usize)>, out: &mut String) -> Written<()> {
        let text = self.tree.text(node);
        // A text may be written in several ways; the sender's stays where it says the same.
        let raw = part.map_or("", |part| self.raw(part));
        if !raw.is_empty() && raw != "\"\"" && escape::decode(raw, &self.separators) == text {
            out.push_str(raw);
            return Ok(());
        }
        if !escape::encode(&text, &self.separators, out) {
            return self
                .fail(node, "MSH-2 names no escape sign, and this text has a sign that parts the message");
        }
        Ok(())
    }

    fn parts(
        &self,
        node: NodeId,
        part: Option<(usize, usize)>,
        (level, is_known): (Level, bool),
        out: &mut String,
    ) -> Written<()> {
        let (sign, below) = match level {
            Level::Field => (Some(self.separators.component), Level::Component),
            Level::Component => (self.separators.subcomponent, Level::Subcomponent),
            Level::Subcomponent => return self.fail(node, "a subcomponent has no parts"),
        };
        let slots: Vec<(usize, usize)> =
            part.into_iter().flat_map(|part| parts_of(self.source.as_bytes(), part, sign)).collect();
        let start = out.len();
        let numbered = self.numbered(node, below)?;
        let last = numbered.last().map_or(0, |(number, _)| *number).max(slots.len());
        if last > 1 && sign.is_none() {
            return self.fail(node, "MSH-2 names no separator of subcomponents");
        }
        let mut rest = numbered.as_slice();
        for number in 1..=last {
            if let (true, Some(sign)) = (number > 1, sign) {
                out.push(char::from(sign));
            }
            let count = rest.iter().take_while(|(at, _)| *at == number).count();
            let (here, after) = rest.split_at(count);
            rest = after;
            let slot = slots.get(number - 1).copied();
            match here {
                [] => {
                    out.push_str(slot.filter(|slot| self.is_empty(*slot)).map_or("", |slot| self.raw(slot)))
                }
                [(_, only)] => {
                    let slot = slot.filter(|_| !self.tree.flags(*only).has(Flags::NEW));
                    self.value(*only, slot, (below, is_known), out)?;
                }
                [_, second, ..] => return self.fail(second.1, "a component does not repeat"),
            }
        }
        if let (true, None, Some(sign)) = (is_known, part, sign) {
            let ends = |out: &String| out.len() > start && out.ends_with(char::from(sign));
            while ends(out) {
                out.pop();
            }
        }
        // Of a field that is not known the signs alone tell that it has parts, and of any that not all of it is to be
        // deleted.
        let written = out.get(start..).unwrap_or("");
        let is_plain = if is_known { written == "\"\"" } else { !self.has_signs(written) };
        if let (true, Some(sign)) = (is_plain, sign) {
            out.push(char::from(sign));
        }
        Ok(())
    }

    fn has_signs(&self, text: &str) -> bool {
        let Separators { component, subcomponent, .. } = self.separators;
        text.bytes().any(|byte| byte == component || Some(byte) == subcomponent)
    }

    /// True for a part of the source that no element stands for.
    fn is_empty(&self, part: (usize, usize)) -> bool {
        let Separators { component, subcomponent, escape, .. } = self.separators;
        let parts = |byte: &u8| *byte == component || Some(*byte) == subcomponent;
        escape::is_silent(self.raw(part).as_bytes(), escape, parts)
    }

    fn raw(&self, (start, end): (usize, usize)) -> &str {
        self.source.get(start..end).unwrap_or("")
    }

    fn fail_at<T>(&self, nodes: &[(usize, NodeId)], message: &str) -> Written<T> {
        self.fail(nodes.first().map_or(NodeId::ROOT, |(_, node)| *node), message)
    }

    fn fail<T>(&self, node: NodeId, message: &str) -> Written<T> {
        let issue = Issue::error(codes::ER7_NO_SIGN, self.tree.span(node), message);
        Err(Box::new(Issue { path: self.tree.known_path(node), ..issue }))
    }
}
