//! Interned element names: a table that many trees share, and what one document adds to it.

use std::sync::Arc;

/// An interned name. It has a meaning only beside the [`Names`] that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Name(pub(crate) u32);

impl Name {
    /// Its number in its table.
    pub(crate) const fn number(self) -> usize {
        self.0 as usize
    }
}

/// Distinct names one document may add; a document with more is refused.
pub const DOCUMENT_NAMES_MAX: usize = 1 << 20;

/// Names of its own that a tree may have gathered that is written over and over.
const FEW: usize = 1 << 10;

macro_rules! well_known {
    ($($id:literal $constant:ident $text:literal;)*) => {
        impl Name {
            $(#[doc = concat!("The name `", $text, "`.")]
              pub const $constant: Name = Name($id);)*
        }
        const WELL_KNOWN: &[&str] = &[$($text),*];
    };
}

// Every table starts with these, so that they are constants.
well_known! {
    0 NONE "";
    1 RESOURCE_TYPE "resourceType";
    2 ID "id";
    3 EXTENSION "extension";
    4 MODIFIER_EXTENSION "modifierExtension";
    5 URL "url";
    6 VALUE "value";
    7 DIV "div";
    8 CONTAINED "contained";
    9 REFERENCE "reference";
    10 ENTRY "entry";
    11 RESOURCE "resource";
    12 FULL_URL "fullUrl";
    13 VALUE_STRING "valueString";
    14 ROW "row";
}

/// A growing set of strings with small consecutive numbers.
#[derive(Debug, Clone)]
pub struct NameTable {
    /// Each name as JSON has it for a key, with its quotes and the colon.
    text: String,
    ends: Vec<u32>,
    /// True where a name has a sign that JSON escapes; it stands here without.
    has_escapes: bool,
    /// Open addressing; a slot holds the number of a name plus one, zero is free.
    slots: Vec<u32>,
}

impl NameTable {
    /// A table that holds the well-known names and nothing else.
    pub fn new() -> Self {
        let mut table = Self::empty();
        for name in WELL_KNOWN {
            table.intern(name);
        }
        table
    }

    fn empty() -> Self {
        Self { text: String::new(), ends: Vec::new(), has_escapes: false, slots: Vec::new() }
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True for a table without names.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Makes room for as many further names, so that adding them moves nothing.
    pub fn reserve(&mut self, names: usize) {
        self.ends.reserve(names);
        let slots = ((self.ends.len() + names) * 2).next_power_of_two();
        if slots > self.slots.len() {
            self.rebuild(slots.max(32));
        }
    }

    /// The name of a string, added where it is new.
    pub fn intern(&mut self, name: &str) -> Name {
        if let Some(found) = self.get(name) {
            return found;
        }
        if self.slots.len() < (self.ends.len() + 1) * 2 {
            self.grow();
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.has_escapes |= name.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        self.ends.push(index_u32(self.text.len()));
        let number = index_u32(self.ends.len());
        self.place(hash(name.as_bytes()), number);
        Name(number - 1)
    }

    /// The name of a string that the table has.
    pub fn get(&self, name: &str) -> Option<Name> {
        self.find(hash(name.as_bytes()), name)
    }

    fn find(&self, hash: u64, name: &str) -> Option<Name> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = slot(hash, mask);
        loop {
            let number = self.slots[at].checked_sub(1)?;
            if self.text(Name(number)) == name {
                return Some(Name(number));
            }
            at = (at + 1) & mask;
        }
    }

    /// The string of a name of this table; empty for a name of another.
    pub fn text(&self, name: Name) -> &str {
        let (start, end) = self.range(name);
        self.text.get(start + 1..end.saturating_sub(2)).unwrap_or("")
    }

    /// The string as JSON has it for a key, with the colon; `None` where names must be escaped for that.
    fn json_key(&self, name: Name) -> Option<&str> {
        let (start, end) = self.range(name);
        self.text.get(start..end).filter(|key| !self.has_escapes && !key.is_empty())
    }

    /// Where a name stands with its quotes.
    fn range(&self, name: Name) -> (usize, usize) {
        let at = name.0 as usize;
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).map_or(0, |end| *end as usize) };
        (start, self.ends.get(at).map_or(0, |end| *end as usize))
    }

    /// All strings, in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..index_u32(self.len())).map(|number| self.text(Name(number)))
    }

    fn grow(&mut self) {
        self.rebuild((self.slots.len() * 2).max(32));
    }

    fn rebuild(&mut self, slots: usize) {
        self.slots = vec![0; slots];
        for number in 0..index_u32(self.ends.len()) {
            let hash = hash(self.text(Name(number)).as_bytes());
            self.place(hash, number + 1);
        }
    }

    fn place(&mut self, hash: u64, number: u32) {
        let mask = self.slots.len() - 1;
        let mut at = slot(hash, mask);
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = number;
    }
}

impl Default for NameTable {
    fn default() -> Self {
        Self::new()
    }
}

/// The names of one tree: a shared table first, the document's own after it.
#[derive(Debug, Clone)]
pub struct Names {
    shared: Arc<NameTable>,
    own: NameTable,
}

impl Names {
    /// Names over a shared table.
    pub fn new(shared: &Arc<NameTable>) -> Self {
        Self { shared: Arc::clone(shared), own: NameTable::empty() }
    }

    /// The shared table.
    pub const fn shared(&self) -> &Arc<NameTable> {
        &self.shared
    }

    /// True for names over this table that leave room for others: of all that one tree has met, it may use few.
    pub(crate) fn are_few_beside(&self, shared: &Arc<NameTable>) -> bool {
        Arc::ptr_eq(&self.shared, shared) && self.own.len() <= FEW
    }

    /// True for a name of the shared table. Others are the document's own, and may be personal data.
    pub fn is_shared(&self, name: Name) -> bool {
        name.number() < self.shared.len()
    }

    /// The string of a name.
    pub fn text(&self, name: Name) -> &str {
        match (name.0 as usize).checked_sub(self.shared.len()) {
            None => self.shared.text(name),
            Some(own) => self.own.text(Name(index_u32(own))),
        }
    }

    /// The string of a name as JSON has it for a key, with the colon; `None` where it may have to be escaped.
    pub(crate) fn json_key(&self, name: Name) -> Option<&str> {
        match name.number().checked_sub(self.shared.len()) {
            None => self.shared.json_key(name),
            Some(own) => self.own.json_key(Name(index_u32(own))),
        }
    }

    /// The name of a string, if the tree can have it.
    pub fn get(&self, name: &str) -> Option<Name> {
        let hash = hash(name.as_bytes());
        self.shared.find(hash, name).or_else(|| self.own.find(hash, name).map(|own| self.shift(own)))
    }

    /// The name of a string; `None` where the document has more than [`DOCUMENT_NAMES_MAX`] of its own.
    pub fn intern(&mut self, name: &str) -> Option<Name> {
        if let Some(found) = self.get(name) {
            return Some(found);
        }
        if self.own.len() >= DOCUMENT_NAMES_MAX {
            return None;
        }
        let own = self.own.intern(name);
        Some(self.shift(own))
    }

    fn shift(&self, own: Name) -> Name {
        Name(own.0 + index_u32(self.shared.len()))
    }
}

fn slot(hash: u64, mask: usize) -> usize {
    // The high bits of a multiplicative hash are the well-mixed ones; tables stay far below 2^32 slots.
    usize::try_from(hash >> 32).unwrap_or(0) & mask
}

fn hash(bytes: &[u8]) -> u64 {
    const K: u64 = 0x517c_c1b7_2722_0a95;
    let mut state = 0_u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = (state.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(K);
    }
    let mut tail = bytes.len() as u64;
    for byte in chunks.remainder() {
        tail = (tail << 8) | u64::from(*byte);
    }
    state = (state.rotate_left(5) ^ tail).wrapping_mul(K);
    state ^ (state >> 29)
}

fn index_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_and_own_names_do_not_meet() {
        let mut table = NameTable::new();
        let status = table.intern("status");
        let mut names = Names::new(&Arc::new(table));
        let own = names.intern("omaKenttä");
        assert_eq!(names.get("status"), Some(status));
        assert_eq!(own.map(|name| names.text(name).to_owned()).as_deref(), Some("omaKenttä"));
        assert_ne!(own, Some(status));
        assert_eq!(names.get("id"), Some(Name::ID));
    }

    #[test]
    fn many_names_keep_their_numbers() {
        let mut table = NameTable::new();
        let made: Vec<Name> = (0..5_000).map(|i| table.intern(&format!("element{i}"))).collect();
        for (i, name) in made.iter().enumerate() {
            assert_eq!(table.text(*name), format!("element{i}"));
            assert_eq!(table.get(&format!("element{i}")), Some(*name));
        }
    }
}
