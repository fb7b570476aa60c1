//! The compact file: a directory that is read at once, and blocks that are decoded on first use.
//!
//! ```text
//! magic (8)  sha256 of all that follows (32)  size of the directory (4, little endian)  directory  blocks…
//! ```
//! The directory and every block are their size (4) and postcard, deflated where that is smaller. A block of types holds whole definitions; the other
//! blocks hold names, constraints, search parameters, differentials without a base, and terminology.

use super::snapshot::Differential;
use super::terminology::{CodeSystem, ConceptMap, ValueSet};
use super::types::{Aggregation, Constraint, Facts, Root, SearchParameter, TypeKind};
use super::{Error, sha256};
use flate2::read::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// Bytes of a directory or a block once it is unpacked.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;

const MAGIC: &[u8; 8] = b"SAUMA\0\0\x04";
const HEAD_BYTES: usize = 44;

/// A block of types is closed once it is over this size, before compression.
const TYPE_BLOCK_BYTES: usize = 12 << 10;
const TERMINOLOGY_BLOCK_BYTES: usize = 32 << 10;

pub(super) const NAMES: usize = 0;
pub(super) const CONSTRAINTS: usize = 1;
pub(super) const SEARCH: usize = 2;
pub(super) const DIFFERENTIALS: usize = 3;
pub(super) const TERMINOLOGY: usize = 4;

/// What is read first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Directory {
    pub(super) package: String,
    pub(super) version: String,
    pub(super) source_sha256: String,
    pub(super) definitions: Vec<Entry>,
    /// Numbers of the definitions that are not profiles, by name.
    pub(super) by_name: Vec<u32>,
    /// Numbers of all definitions, by url.
    pub(super) by_url: Vec<u32>,
    /// Names and urls of types, which elements refer to by number.
    pub(super) codes: Vec<String>,
    /// Definitions that have only a differential and could not be completed: url and reason.
    pub(super) incomplete: Vec<(String, String)>,
    pub(super) blocks: Vec<BlockEntry>,
}

/// One definition in the directory.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Empty where it is the base of the FHIR definitions with the name.
    pub(super) url: String,
    pub(super) kind: TypeKind,
    pub(super) is_abstract: bool,
    pub(super) is_profile: bool,
    /// Number of a code plus one.
    pub(super) base: u32,
    /// Number of the code of the type that data carry.
    pub(super) code: u32,
    /// How many types it defines: itself and its bodies.
    pub(super) types: u32,
    pub(super) block: u32,
}

/// Where a block stands after the directory.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct BlockEntry {
    pub(super) at: u32,
    pub(super) bytes: u32,
}

/// One type as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TypeRecord {
    pub(super) path: Box<str>,
    pub(super) regex: Box<str>,
    pub(super) constraints: u32,
    /// None for the body of an element.
    pub(super) root: Option<Box<Root>>,
    pub(super) elements: Vec<ElementRecord>,
}

/// One element as it is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ElementRecord {
    pub(super) name: u32,
    pub(super) flags: u16,
    pub(super) min: u32,
    /// Zero where there is no limit, else one more than the limit.
    pub(super) max: u32,
    pub(super) types: Vec<TypeRefRecord>,
    /// Of a choice: the name in data for each type.
    pub(super) variants: Vec<u32>,
    /// Number of the type of its children within the definition; zero, the definition itself, is none.
    pub(super) body: u32,
    pub(super) constraints: u32,
    pub(super) facts: Option<Box<Facts>>,
}

/// One type of an element as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TypeRefRecord {
    pub(super) code: u32,
    pub(super) profiles: Box<[Box<str>]>,
    pub(super) targets: Box<[Box<str>]>,
    pub(super) aggregation: Box<[Aggregation]>,
}

/// The invariants of a package, and the sets of them that elements have.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ConstraintTable {
    pub(super) constraints: Vec<Constraint>,
    pub(super) sets: Vec<Vec<u32>>,
}

/// Where each code system, value set and concept map stands: url and block.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TerminologyIndex {
    pub(super) systems: Vec<(Box<str>, u32)>,
    pub(super) value_sets: Vec<(Box<str>, u32)>,
    pub(super) maps: Vec<(Box<str>, u32)>,
    /// The supplemented code system, and the supplement.
    pub(super) supplements: Vec<(Box<str>, Box<str>)>,
    /// A value set, and the code system of all its codes.
    pub(super) implicit: Vec<(Box<str>, Box<str>)>,
}

/// A block of terminology.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TerminologyBlock {
    pub(super) systems: Vec<CodeSystem>,
    pub(super) value_sets: Vec<ValueSet>,
    pub(super) maps: Vec<ConceptMap>,
}

/// Everything of a package, before it is written.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) directory: Directory,
    pub(super) types: Vec<Vec<TypeRecord>>,
    pub(super) names: String,
    pub(super) constraints: ConstraintTable,
    pub(super) search: Vec<SearchParameter>,
    /// Definitions for other versions of FHIR: url and reason.
    pub(super) foreign: Vec<(String, String)>,
    /// What [`Directory::incomplete`] lists, to be tried again beside other packages.
    pub(super) differentials: Vec<Differential>,
    pub(super) systems: Vec<CodeSystem>,
    pub(super) value_sets: Vec<ValueSet>,
    pub(super) maps: Vec<ConceptMap>,
}

/// A compiled package, as the bytes of its file.
#[derive(Debug, Clone)]
pub struct Pack {
    bytes: Vec<u8>,
}

impl Pack {
    /// A compiled package from the bytes of its file, checked against the hash in it.
    ///
    /// # Errors
    /// [`Error::NotCompiled`] where the bytes are something else, or were changed.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Error> {
        let sum = bytes.get(8..40).ok_or(Error::NotCompiled)?;
        if bytes.get(..8) != Some(MAGIC) || sha256::digest(&bytes[40..]) != sum {
            return Err(Error::NotCompiled);
        }
        Ok(Self { bytes })
    }

    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Writes a package. Nothing but `content` decides the bytes.
pub(super) fn write(mut content: Content, level: Compression) -> Result<Pack, Error> {
    let mut body = Blocks { level, entries: Vec::new(), bytes: Vec::new() };
    body.push(&content.names)?;
    body.push(&content.constraints)?;
    body.push(&content.search)?;
    body.push(&content.differentials)?;
    let (index, blocks) = group_terminology(&mut content)?;
    body.push(&index)?;
    for block in &blocks {
        body.push(block)?;
    }
    write_types(&mut content, &mut body)?;
    let mut directory = content.directory;
    directory.blocks = body.entries;
    let packed = deflate(&encode(&directory)?, level)?;
    let mut bytes = Vec::with_capacity(HEAD_BYTES + packed.len() + body.bytes.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&to_u32(packed.len()).to_le_bytes());
    bytes.extend_from_slice(&packed);
    bytes.extend_from_slice(&body.bytes);
    // What stays in memory needs no hash.
    if level != Compression::none() {
        let sum = sha256::digest(&bytes[40..]);
        bytes[8..40].copy_from_slice(&sum);
    }
    Ok(Pack { bytes })
}

struct Blocks {
    level: Compression,
    entries: Vec<BlockEntry>,
    bytes: Vec<u8>,
}

impl Blocks {
    fn push<T: Serialize>(&mut self, value: &T) -> Result<(), Error> {
        let packed = deflate(&encode(value)?, self.level)?;
        self.entries.push(BlockEntry { at: to_u32(self.bytes.len()), bytes: to_u32(packed.len()) });
        self.bytes.extend_from_slice(&packed);
        Ok(())
    }
}

/// Fills blocks of types in the order of the definitions.
fn write_types(content: &mut Content, body: &mut Blocks) -> Result<(), Error> {
    let mut open: Vec<TypeRecord> = Vec::new();
    let mut bytes = 0;
    let mut kind = None;
    for (entry, types) in content.directory.definitions.iter_mut().zip(content.types.drain(..)) {
        let size = encode(&types)?.len();
        // Data types are wanted by every resource, profiles by few: they do not share blocks.
        let group = Some((entry.kind, entry.is_profile));
        if !open.is_empty() && (bytes + size > TYPE_BLOCK_BYTES || kind != group) {
            body.push(&open)?;
            open.clear();
            bytes = 0;
        }
        kind = group;
        bytes += size;
        entry.block = to_u32(body.entries.len());
        open.extend(types);
    }
    if open.is_empty() { Ok(()) } else { body.push(&open) }
}

fn group_terminology(content: &mut Content) -> Result<(TerminologyIndex, Vec<TerminologyBlock>), Error> {
    let mut index = TerminologyIndex::default();
    let mut groups = Groups::default();
    for system in content.systems.drain(..) {
        let block = groups.room(encode(&system)?.len());
        if !system.supplements.is_empty() {
            index.supplements.push((system.supplements.clone(), system.url.clone()));
        }
        if !system.value_set.is_empty() {
            index.implicit.push((system.value_set.clone(), system.url.clone()));
        }
        index.systems.push((system.url.clone(), block));
        groups.open.systems.push(system);
    }
    for value_set in content.value_sets.drain(..) {
        let block = groups.room(encode(&value_set)?.len());
        index.value_sets.push((value_set.url.clone(), block));
        groups.open.value_sets.push(value_set);
    }
    for map in content.maps.drain(..) {
        let block = groups.room(encode(&map)?.len());
        index.maps.push((map.url.clone(), block));
        groups.open.maps.push(map);
    }
    index.supplements.sort_unstable();
    index.implicit.sort_unstable();
    groups.closed.push(groups.open);
    Ok((index, groups.closed))
}

/// Blocks of terminology as they fill.
#[derive(Default)]
struct Groups {
    closed: Vec<TerminologyBlock>,
    open: TerminologyBlock,
    bytes: usize,
}

impl Groups {
    /// The number of the block that takes the next `size` bytes, a new one where the open one is full.
    fn room(&mut self, size: usize) -> u32 {
        if self.bytes > 0 && self.bytes + size > TERMINOLOGY_BLOCK_BYTES {
            self.closed.push(std::mem::take(&mut self.open));
            self.bytes = 0;
        }
        self.bytes += size;
        to_u32(TERMINOLOGY + 1 + self.closed.len())
    }
}

/// Reads the directory of a package; the second value is where its blocks start.
pub(super) fn directory(bytes: &[u8]) -> Result<(Directory, usize), Error> {
    let size = bytes.get(40..HEAD_BYTES).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    let end = HEAD_BYTES + size.ok_or(Error::NotCompiled)? as usize;
    if bytes.get(..8) != Some(MAGIC) {
        return Err(Error::NotCompiled);
    }
    let directory = decode(bytes.get(HEAD_BYTES..end).ok_or(Error::NotCompiled)?)?;
    Ok((directory, end))
}

/// Unpacks and decodes one block.
pub(super) fn decode<T: DeserializeOwned>(packed: &[u8]) -> Result<T, Error> {
    let (size, packed) = packed.split_first_chunk().ok_or(Error::NotCompiled)?;
    let size = u32::from_le_bytes(*size) as usize;
    if size == packed.len() {
        return postcard::from_bytes(packed).map_err(|_| Error::NotCompiled);
    }
    if size > BLOCK_BYTES_MAX {
        return Err(Error::Limit { what: "bytes in a block", limit: BLOCK_BYTES_MAX as u64 });
    }
    let mut raw = Vec::with_capacity(size);
    let unpacked = Decompress::new(false).decompress_vec(packed, &mut raw, FlushDecompress::Finish);
    unpacked.map_err(|error| Error::Archive(error.into()))?;
    postcard::from_bytes(&raw).map_err(|_| Error::NotCompiled)
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_stdvec(value).map_err(|_| Error::NotCompiled)
}

/// The size of a block, then the block, deflated where that makes it smaller.
fn deflate(raw: &[u8], level: Compression) -> Result<Vec<u8>, Error> {
    let mut packed = to_u32(raw.len()).to_le_bytes().to_vec();
    if level != Compression::none() {
        DeflateEncoder::new(raw, level).read_to_end(&mut packed).map_err(Error::Archive)?;
    }
    if level == Compression::none() || packed.len() >= raw.len() + 4 {
        packed.truncate(4);
        packed.extend_from_slice(raw);
    }
    Ok(packed)
}

pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
