//! The text of one message to a tree.

use super::escape::is_silent;
use super::fields::{Shape, of_segment};
use super::header::{fail, is_around, separators};
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
    // The whole segment: a block end is no end of it, unless the message ends there.
    let first = body.lines().next().and_then(|line| bytes.get(line.start..line.end)).unwrap_or_default();
    if first.starts_with(b"FHS") || first.starts_with(b"BHS") {
        let message = "this is a batch of messages";
        return fail(codes::ER7_SEVERAL, (body.start, body.start + 3), message);
    }
    if !first.starts_with(b"MSH") {
        let span = (body.start, body.start + first.len().min(3));
        return fail(codes::ER7_NO_HEADER, span, "the text does not begin with MSH");
    }
    let (separators, after) = separators(first, body.start)?;
    // A node for about five bytes is what messages of patient care have.
    let mut tree = Tree::with_room(text.len() / 5 + 16, 0, names);
    let root = tree.push_root(Name::NONE, Kind::Object);
    tree.set_spans(root, 0, 0, text.len());
    let mut reader = Reader {
        bytes,
        separators,
        signs: Signs::of(&separators),
        tree: &mut tree,
        numbers: [const { Vec::new() }; 3],
        open: Open::new(""),
        groups: Vec::with_capacity(GROUPS_DEEP),
        escaped: Vec::new(),
    };
    let mut lines = body.lines();
    if let Some(header) = lines.next() {
        reader.segment(header, after)?;
        reader.open = Open::new(&reader.code());
    }
    for line in lines {
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

/// What each byte parts, as bits, so that one walk over a value tells its end and all that is in it.
struct Signs([u8; 256]);

impl Signs {
    const FIELD: u8 = 1;
    const REPETITION: u8 = 2;
    const COMPONENT: u8 = 4;
    const SUBCOMPONENT: u8 = 8;
    const ESCAPE: u8 = 16;
    /// What gives a value parts.
    const PARTS: u8 = Self::COMPONENT | Self::SUBCOMPONENT;

    fn of(separators: &Separators) -> Self {
        let Separators { field, component, repetition, escape, subcomponent, .. } = *separators;
        let signs = [
            (Some(field), Self::FIELD),
            (repetition, Self::REPETITION),
            (Some(component), Self::COMPONENT),
            (subcomponent, Self::SUBCOMPONENT),
            (escape, Self::ESCAPE),
        ];
        let mut bits = [0; 256];
        for (sign, bit) in signs {
            if let Some(sign) = sign {
                bits[usize::from(sign)] = bit;
            }
        }
        Self(bits)
    }

    /// Where the first of the signs `stop` stands in the span, else its end; and the bits of all signs before it.
    fn find(&self, bytes: &[u8], span: (usize, usize), stop: u8) -> (usize, u8) {
        let mut seen = 0;
        for (at, byte) in bytes.get(span.0..span.1).unwrap_or_default().iter().enumerate() {
            let bit = self.0[usize::from(*byte)];
            if bit & stop != 0 {
                return (span.0 + at, seen);
            }
            seen |= bit;
        }
        (span.1, seen)
    }
}

/// Where a value stands, and the bits of the signs in it.
#[derive(Debug, Clone, Copy)]
struct Value {
    start: usize,
    end: usize,
    seen: u8,
}

impl Value {
    const fn has(self, signs: u8) -> bool {
        self.seen & signs != 0
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    separators: Separators,
    signs: Signs,
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
        let shapes = of_segment(name);
        while at < line.end {
            number += 1;
            let value = self.part(at + 1, line.end, Signs::FIELD);
            if value.start < value.end {
                let shape = shapes.get(number - 1).copied().unwrap_or(Shape::Unknown);
                self.field(node, number, shape, value)?;
            }
            at = value.end;
        }
        Ok(())
    }

    /// The code of the message, MSH-9.1, which tells the groups of its other segments.
    fn code(&self) -> String {
        let tree = &*self.tree;
        let header = tree.first_child(NodeId::ROOT);
        let kind = header.and_then(|header| tree.child_str(header, "f9"));
        let code = kind.and_then(|kind| tree.child_str(kind, "c1"));
        let raw = code.and_then(|code| {
            let span = tree.text_span(code);
            std::str::from_utf8(self.bytes.get(span.start as usize..span.end as usize)?).ok()
        });
        escape::decode(raw.unwrap_or(""), &self.separators)
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

    /// What stands from `start` to a sign or the end.
    fn part(&self, start: usize, end: usize, sign: u8) -> Value {
        let (end, seen) = self.signs.find(self.bytes, (start, end), sign);
        Value { start, end, seen }
    }

    fn field(&mut self, segment: NodeId, number: usize, shape: Shape, all: Value) -> Result<(), Box<Issue>> {
        let name = self.number(Level::Field, number, all)?;
        if !all.has(Signs::REPETITION) {
            return self.repetition((segment, name, Flags::default()), shape, all);
        }
        let mut start = all.start;
        while start <= all.end {
            let value = self.part(start, all.end, Signs::REPETITION);
            if value.start < value.end {
                self.repetition((segment, name, Flags::LIST), shape, value)?;
            }
            start = value.end + 1;
        }
        Ok(())
    }

    /// One repetition of a field.
    fn repetition(&mut self, place: Place, shape: Shape, value: Value) -> Result<(), Box<Issue>> {
        let nested: &[usize] = match shape {
            Shape::Parts(_) | Shape::Unknown if self.is_silent(value, Signs::PARTS) => return Ok(()),
            Shape::Parts(nested) if !self.is_delete(value) => nested,
            Shape::Unknown if value.has(Signs::PARTS) => &[],
            Shape::Text | Shape::Parts(_) | Shape::Unknown => {
                self.text(place, value);
                return Ok(());
            }
        };
        let field = self.object(place, value);
        let (mut start, mut number) = (value.start, 0);
        while start <= value.end {
            number += 1;
            let part = self.part(start, value.end, Signs::COMPONENT);
            start = part.end + 1;
            if part.start == part.end {
                continue;
            }
            let is_nested = match shape {
                Shape::Unknown => part.has(Signs::SUBCOMPONENT),
                Shape::Text | Shape::Parts(_) => nested.contains(&number) && !self.is_delete(part),
            };
            let place = (field, self.number(Level::Component, number, part)?, Flags::default());
            if !is_nested {
                self.text(place, part);
            } else if !self.is_silent(part, Signs::PARTS) {
                self.subcomponents(place, part)?;
            }
        }
        Ok(())
    }

    fn subcomponents(&mut self, place: Place, value: Value) -> Result<(), Box<Issue>> {
        let node = self.object(place, value);
        let (mut start, mut number) = (value.start, 0);
        while start <= value.end {
            number += 1;
            let part = self.part(start, value.end, Signs::SUBCOMPONENT);
            start = part.end + 1;
            if part.start < part.end {
                let name = self.number(Level::Subcomponent, number, part)?;
                self.text((node, name, Flags::default()), part);
            }
        }
        Ok(())
    }

    fn object(&mut self, (parent, name, flags): Place, value: Value) -> NodeId {
        self.tree.push_read(parent, name, Kind::Object, flags, (value.start, value.start, value.end))
    }

    fn text(&mut self, (parent, name, flags): Place, value: Value) {
        let is_delete = self.is_delete(value);
        if self.is_silent(value, 0) && !is_delete {
            return;
        }
        let kind = if is_delete { Kind::Null } else { Kind::Str };
        let id = self.tree.push_read(parent, name, kind, flags, (value.start, value.start, value.end));
        if is_delete {
            return;
        }
        self.tree.set_text_range(id, value.start, value.end);
        if value.has(Signs::ESCAPE) {
            self.escaped.push(id);
        }
    }

    fn raw(&self, value: Value) -> &[u8] {
        self.bytes.get(value.start..value.end).unwrap_or_default()
    }

    fn is_delete(&self, value: Value) -> bool {
        value.end - value.start == DELETE.len() && self.raw(value) == DELETE
    }

    /// True for a value of nothing but highlighting and the signs `parts`.
    fn is_silent(&self, value: Value, parts: u8) -> bool {
        let is_part = |byte: &u8| self.signs.0[usize::from(*byte)] & parts != 0;
        value.has(parts | Signs::ESCAPE) && is_silent(self.raw(value), self.separators.escape, is_part)
    }

    fn number(&mut self, level: Level, number: usize, value: Value) -> Result<Name, Box<Issue>> {
        let known = self.numbers[level as usize].get(number).copied();
        if let Some(known) = known.filter(|known| *known != Name::NONE) {
            return Ok(known);
        }
        if number > PARTS_MAX {
            let message = "a segment or field has too many parts";
            return fail(codes::LIMIT, (value.start, value.end), message);
        }
        let mut spelled = [0_u8; 8];
        let name = self.tree.intern(spell(level, number, &mut spelled));
        let names = &mut self.numbers[level as usize];
        if names.len() <= number {
            names.resize((number + 1).max(NUMBERS_COMMON), Name::NONE);
        }
        names[number] = name;
        Ok(name)
    }

    fn name(&mut self, text: &str, line: Line) -> Result<Name, Box<Issue>> {
        match self.tree.names_mut().intern(text) {
            Some(name) => Ok(name),
            None => fail(codes::LIMIT, (line.start, line.end), "the message has too many kinds of segments"),
        }
    }
}

/// Where a value is to stand in the tree: its parent, its name, its flags.
type Place = (NodeId, Name, Flags);

/// Numbers that most segments stay below.
const NUMBERS_COMMON: usize = 32;

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
