//! The text of one message to a tree.

use super::fields::{Shape, shape};
use super::header::{fail, is_around, line, separators};
use super::structure::{GROUPS_DEEP, Open};
use super::{Dialect, Level, LineEnd, Separators, escape};
use crate::diag::{Issue, codes};
use crate::tree::{BYTES_MAX, Flags, Kind, NODES_MAX, Name, NameTable, NodeId, Tree};
use std::sync::Arc;

/// Fields of a segment, components of a field, subcomponents of a component.
pub const PARTS_MAX: usize = 1_000;

/// Reads one message. The root holds its segments and groups of segments, a segment its fields by their numbers, a
/// field its components, a component its subcomponents.
///
/// # Errors
/// There is no header, its separators cannot be told apart, a line is no segment, there are several messages, or a
/// limit was passed.
pub fn read(text: &str, names: &Arc<NameTable>) -> Result<(Tree, Dialect), Box<Issue>> {
    if text.len() > BYTES_MAX {
        return fail(codes::LIMIT, (0, 0), "the message is too long");
    }
    let body = Body::of(text);
    let bytes = text.as_bytes();
    let first = line(bytes, body.start);
    if first.starts_with(b"FHS") || first.starts_with(b"BHS") {
        let message = "this is a batch of messages";
        return fail(codes::ER7_SEVERAL, (body.start, body.start + 3), message);
    }
    if !first.starts_with(b"MSH") {
        let span = (body.start, body.start + first.len().min(3));
        return fail(codes::ER7_NO_HEADER, span, "the text does not begin with MSH");
    }
    let (separators, after) = separators(first, body.start)?;
    // A node for about nine bytes is what messages of patient care have.
    let mut tree = Tree::with_room(text.len() / 9 + 16, 0, names);
    let root = tree.push_root(Name::NONE, Kind::Object);
    tree.set_spans(root, 0, 0, text.len());
    let code = code(first, after, &separators);
    let mut reader = Reader {
        bytes,
        separators,
        tree: &mut tree,
        numbers: [const { Vec::new() }; 3],
        open: Open::new(code),
        groups: Vec::with_capacity(GROUPS_DEEP),
        escaped: Vec::new(),
    };
    for line in body.lines() {
        reader.segment(line, after)?;
    }
    let escaped = std::mem::take(&mut reader.escaped);
    tree.set_source(text.to_owned());
    for id in escaped {
        let decoded = escape::decode(tree.raw_text(id), &separators);
        tree.set_read_text(id, &decoded);
    }
    let line_end = LineEnd::of(text);
    Ok((tree, Dialect { separators, line_end }))
}

/// The code of the message, MSH-9.1.
fn code<'a>(header: &'a [u8], after: usize, separators: &Separators) -> &'a [u8] {
    let fields = header.get(after..).unwrap_or_default().split(|byte| *byte == separators.field);
    let kind = fields.into_iter().nth(9 - 2).unwrap_or_default();
    kind.split(|byte| *byte == separators.component).next().unwrap_or_default()
}

/// A message without what stands around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Where a segment stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl<'a> Body<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let around = |byte: &u8| is_around(*byte);
        let blank = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            from + rest.iter().position(|byte| !around(byte)).unwrap_or(rest.len())
        };
        let mut start = blank(0);
        if text.get(start..).is_some_and(|rest| rest.starts_with('\u{feff}')) {
            start = blank(start + '\u{feff}'.len_utf8());
        }
        // Blanks after the last segment may be part of its last field.
        let ends = |byte: &u8| matches!(byte, 0x1c | b'\r' | b'\n');
        let kept = bytes.iter().rposition(|byte| !ends(byte)).map_or(start, |at| at + 1);
        Self { bytes, start, end: kept.max(start) }
    }

    /// The segments; blank lines and blanks before a segment are passed over.
    pub(super) fn lines(self) -> impl Iterator<Item = Line> + use<'a> {
        let mut at = self.start;
        std::iter::from_fn(move || {
            let rest = self.bytes.get(at..self.end)?;
            let start = at + rest.iter().position(|byte| !is_around(*byte))?;
            let rest = self.bytes.get(start..self.end)?;
            let end = start + memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            at = end;
            Some(Line { start, end })
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    separators: Separators,
    tree: &'a mut Tree,
    /// The names of parts by number, those of each level apart.
    numbers: [Vec<Name>; 3],
    open: Open,
    groups: Vec<NodeId>,
    /// Texts with escape sequences.
    escaped: Vec<NodeId>,
}

impl Reader<'_> {
    fn segment(&mut self, line: Line, header_after: usize) -> Result<(), Box<Issue>> {
        let bytes = self.bytes;
        let content = bytes.get(line.start..line.end).unwrap_or_default();
        let name = content.get(..3).filter(|name| is_segment_name(name));
        let follows = content.get(3).is_none_or(|sign| *sign == self.separators.field);
        let Some(name) = name.filter(|_| follows) else {
            let span = (line.start, (line.start + 3).min(line.end));
            return fail(codes::ER7_SEGMENT, span, "this line does not begin with the name of a segment");
        };
        let is_header = name == b"MSH";
        if is_header && self.tree.len() > 1 {
            return fail(codes::ER7_SEVERAL, (line.start, line.start + 3), "a second message begins here");
        }
        if self.tree.len() >= NODES_MAX {
            return fail(codes::LIMIT, (line.start, line.end), "the message has too many values");
        }
        let parent = self.parent(name, line);
        let flags = if is_once(name) { Flags::default() } else { Flags::LIST };
        let name_text = std::str::from_utf8(name).unwrap_or("");
        let segment = self.name(name_text, line)?;
        let node =
            self.tree.push_read(parent, segment, Kind::Object, flags, (line.start, line.start, line.end));
        for group in &self.groups {
            self.tree.set_end(*group, line.end);
        }
        // MSH-1 and MSH-2 are how the message is written, as quotes are in JSON.
        let (mut at, mut number) =
            if is_header { (line.start + header_after, 2) } else { (line.start + 3, 0) };
        while at < line.end {
            number += 1;
            let start = at + 1;
            let rest = bytes.get(start..line.end).unwrap_or_default();
            let end = start + memchr::memchr(self.separators.field, rest).unwrap_or(rest.len());
            if start < end {
                self.field(node, name, number, (start, end))?;
            }
            at = end;
        }
        Ok(())
    }

    /// The group that a segment stands in, begun where it begins one.
    fn parent(&mut self, name: &[u8], line: Line) -> NodeId {
        let place = self.open.place(name);
        self.groups.truncate(place.depth);
        let parent = self.groups.last().copied().unwrap_or(NodeId::ROOT);
        let Some(group) = place.begins else { return parent };
        let named = self.tree.intern(group.name);
        let span = (line.start, line.start, line.end);
        let node = self.tree.push_read(parent, named, Kind::Object, Flags::LIST, span);
        self.groups.push(node);
        node
    }

    fn field(
        &mut self,
        segment: NodeId,
        name: &[u8],
        number: usize,
        span: (usize, usize),
    ) -> Result<(), Box<Issue>> {
        let shape = shape(name, number);
        let number = self.number(Level::Field, number, span)?;
        let repeats = |from: usize| {
            let sign = self.separators.repetition?;
            memchr::memchr(sign, self.bytes.get(from..span.1)?).map(|length| from + length)
        };
        let Some(mut end) = repeats(span.0) else {
            return self.value(segment, number, Flags::default(), shape, span);
        };
        let mut start = span.0;
        loop {
            if start < end {
                self.value(segment, number, Flags::LIST, shape, (start, end))?;
            }
            if end >= span.1 {
                return Ok(());
            }
            start = end + 1;
            let rest = self.bytes.get(start..span.1).unwrap_or_default();
            let sign = self.separators.repetition.unwrap_or_default();
            end = start + memchr::memchr(sign, rest).unwrap_or(rest.len());
        }
    }

    /// One repetition of a field.
    fn value(
        &mut self,
        segment: NodeId,
        number: Name,
        flags: Flags,
        shape: Shape,
        span: (usize, usize),
    ) -> Result<(), Box<Issue>> {
        let raw = self.bytes.get(span.0..span.1).unwrap_or_default();
        let Separators { component, subcomponent, .. } = self.separators;
        let parts = |byte: &u8| *byte == component || Some(*byte) == subcomponent;
        let nested: &[usize] = match shape {
            Shape::Parts(_) | Shape::Unknown if raw.iter().all(parts) => return Ok(()),
            Shape::Parts(nested) if raw != DELETE => nested,
            Shape::Unknown if raw.iter().any(parts) => &[],
            Shape::Text | Shape::Parts(_) | Shape::Unknown => {
                self.text(segment, number, flags, span);
                return Ok(());
            }
        };
        let field = self.tree.push_read(segment, number, Kind::Object, flags, (span.0, span.0, span.1));
        for (at, span) in parts_of(self.bytes, span, Some(component)).enumerate() {
            if span.0 == span.1 {
                continue;
            }
            let raw = self.bytes.get(span.0..span.1).unwrap_or_default();
            let is_nested = match shape {
                Shape::Unknown => raw.iter().any(parts),
                Shape::Text | Shape::Parts(_) => nested.contains(&(at + 1)) && raw != DELETE,
            };
            let name = self.number(Level::Component, at + 1, span)?;
            if !is_nested {
                self.text(field, name, Flags::default(), span);
            } else if !raw.iter().all(parts) {
                self.subcomponents(field, name, span)?;
            }
        }
        Ok(())
    }

    fn subcomponents(&mut self, field: NodeId, name: Name, span: (usize, usize)) -> Result<(), Box<Issue>> {
        let spans = (span.0, span.0, span.1);
        let node = self.tree.push_read(field, name, Kind::Object, Flags::default(), spans);
        for (at, span) in parts_of(self.bytes, span, self.separators.subcomponent).enumerate() {
            if span.0 < span.1 {
                let name = self.number(Level::Subcomponent, at + 1, span)?;
                self.text(node, name, Flags::default(), span);
            }
        }
        Ok(())
    }

    fn text(&mut self, parent: NodeId, name: Name, flags: Flags, span: (usize, usize)) {
        let raw = self.bytes.get(span.0..span.1).unwrap_or_default();
        if raw == DELETE {
            self.tree.push_read(parent, name, Kind::Null, flags, (span.0, span.0, span.1));
            return;
        }
        let id = self.tree.push_read(parent, name, Kind::Str, flags, (span.0, span.0, span.1));
        self.tree.set_text_range(id, span.0, span.1);
        if self.separators.escape.is_some_and(|sign| memchr::memchr(sign, raw).is_some()) {
            self.escaped.push(id);
        }
    }

    fn number(&mut self, level: Level, number: usize, span: (usize, usize)) -> Result<Name, Box<Issue>> {
        if number > PARTS_MAX {
            return fail(codes::LIMIT, span, "a segment or field has too many parts");
        }
        let known = match level {
            Level::Field => &mut self.numbers[0],
            Level::Component => &mut self.numbers[1],
            Level::Subcomponent => &mut self.numbers[2],
        };
        if known.len() <= number {
            known.resize(number + 1, Name::NONE);
        }
        let Some(slot) = known.get_mut(number) else { return Ok(Name::NONE) };
        if *slot == Name::NONE {
            let mut spelled = [0_u8; 8];
            *slot = self.tree.intern(spell(level, number, &mut spelled));
        }
        Ok(*slot)
    }

    fn name(&mut self, text: &str, line: Line) -> Result<Name, Box<Issue>> {
        match self.tree.names_mut().intern(text) {
            Some(name) => Ok(name),
            None => fail(codes::LIMIT, (line.start, line.end), "the message has too many kinds of segments"),
        }
    }
}

/// What asks to delete a value (section 2.5.3).
pub(super) const DELETE: &[u8] = b"\"\"";

/// The name of a part: `f3`, `c4`, `s2`.
fn spell(level: Level, number: usize, spelled: &mut [u8; 8]) -> &str {
    let mut at = spelled.len();
    let mut rest = number;
    while at > 1 {
        at -= 1;
        // A remainder of ten is a digit.
        spelled[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    at -= 1;
    spelled[at] = level.letter();
    std::str::from_utf8(spelled.get(at..).unwrap_or_default()).unwrap_or("")
}

/// The parts of a span between signs; without a sign it is one part.
pub(super) fn parts_of(
    bytes: &[u8],
    span: (usize, usize),
    sign: Option<u8>,
) -> impl Iterator<Item = (usize, usize)> + use<'_> {
    let mut next = Some(span.0);
    std::iter::from_fn(move || {
        let start = next?;
        let rest = bytes.get(start..span.1).unwrap_or_default();
        let length = sign.and_then(|sign| memchr::memchr(sign, rest));
        let end = length.map_or(span.1, |length| start + length);
        next = length.map(|_| end + 1);
        Some((start, end))
    })
}

/// Three capital letters, or digits after the first.
pub(super) fn is_segment_name(name: &[u8]) -> bool {
    name.len() == 3
        && name.first().is_some_and(u8::is_ascii_uppercase)
        && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Segments that stand once in a message or group.
fn is_once(name: &[u8]) -> bool {
    matches!(name, b"MSH" | b"EVN" | b"PID" | b"PD1" | b"PV1" | b"PV2" | b"GOL" | b"PRB" | b"PTH" | b"RF1")
}
