//! A zip archive of a workbook: its parts unpacked one by one, and one part replaced with all others left as they lie
//! (PKWARE APPNOTE 6.3.10, without encryption, several volumes and 64-bit sizes).
//!
//! No zip crate is used: none promises that the parts that stay are copied byte for byte.

use crate::diag::{Code, Issue, Span, codes};
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use std::io::Read;
use std::ops::Range;

/// Parts of one archive.
const PARTS_MAX: usize = 10_000;
/// Bytes of one part, unpacked: a small archive may hold a very large one.
const PART_BYTES_MAX: usize = 64 << 20;
/// Bytes of a whole archive.
const ARCHIVE_BYTES_MAX: usize = 256 << 20;
/// How far the end record may lie before the end: its comment has a length of 16 bits.
const END_SEARCHED_MAX: usize = END_LENGTH + 0xffff;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Bit 0 of the flags: encrypted. Bit 3: sum and sizes follow the data.
const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 8;

/// An archive as it was read.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    parts: Vec<Part>,
    /// Where the directory and the end record begin.
    directory: usize,
    end: usize,
}

/// One entry of the directory.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    flags: u16,
    method: u16,
    sum: u32,
    packed: usize,
    size: usize,
    /// Its local header.
    local: usize,
    /// Its record in the directory.
    record: Range<usize>,
}

type Outcome<T> = Result<T, Box<Issue>>;

impl Archive {
    /// Reads the directory of an archive.
    pub(super) fn read(bytes: &[u8]) -> Outcome<Self> {
        if bytes.len() > ARCHIVE_BYTES_MAX {
            return fail(codes::LIMIT, "the workbook has too many bytes");
        }
        let end = end_record(bytes).ok_or_else(broken)?;
        let count = usize::from(u16_at(bytes, end + 10)?);
        let directory = size_at(bytes, end + 16)?;
        if count > PARTS_MAX {
            return fail(codes::LIMIT, "the workbook has too many parts");
        }
        let mut parts = Vec::with_capacity(count);
        let mut at = directory;
        for _ in 0..count {
            let part = part(bytes, at)?;
            at = part.record.end;
            parts.push(part);
        }
        if at > end {
            return Err(broken());
        }
        Ok(Self { bytes: bytes.to_vec(), parts, directory, end })
    }

    /// The bytes of the whole archive.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The names of the parts.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// A part, unpacked; nothing where there is none of this name.
    pub(super) fn part(&self, name: &str) -> Outcome<Option<Vec<u8>>> {
        let Some(part) = self.parts.iter().find(|part| part.name == name) else { return Ok(None) };
        if part.flags & ENCRYPTED != 0 {
            return fail(codes::XLSX_SHAPE, "the workbook is encrypted");
        }
        if part.size > PART_BYTES_MAX {
            return fail(codes::LIMIT, "a part of the workbook has too many bytes when it is unpacked");
        }
        let packed = self.bytes.get(self.data(part)?).ok_or_else(broken)?;
        let content = match part.method {
            STORED => packed.to_vec(),
            DEFLATED => inflated(packed)?,
            _ => {
                return fail(
                    codes::XLSX_SHAPE,
                    "a part of the workbook is packed in a way that is not known",
                );
            }
        };
        let mut sum = flate2::Crc::new();
        sum.update(&content);
        if content.len() != part.size || sum.sum() != part.sum {
            return fail(codes::XLSX_SHAPE, "a part of the workbook is damaged");
        }
        Ok(Some(content))
    }

    /// Where the packed bytes of a part lie.
    fn data(&self, part: &Part) -> Outcome<Range<usize>> {
        let head = self.bytes.get(part.local..).filter(|head| head.starts_with(LOCAL)).ok_or_else(broken)?;
        let start =
            part.local + LOCAL_LENGTH + usize::from(u16_at(head, 26)?) + usize::from(u16_at(head, 28)?);
        Ok(start..start + part.packed)
    }

    /// The archive with another content of one part. What lies between the parts, their order and every other part
    /// are copied as they are.
    pub(super) fn with(&self, name: &str, content: &[u8]) -> Outcome<Vec<u8>> {
        let part = self.parts.iter().find(|part| part.name == name).ok_or_else(broken)?;
        let data = self.data(part)?;
        let packed = deflated(content)?;
        let mut sum = flate2::Crc::new();
        sum.update(content);
        let facts = Facts { sum: sum.sum(), packed: u32_of(packed.len())?, size: u32_of(content.len())? };
        let head = self.bytes.get(part.local..data.start).ok_or_else(broken)?;
        // A descriptor after the old data would be about them.
        let after = data.end + if part.flags & SIZES_FOLLOW == 0 { 0 } else { self.descriptor(data.end) };
        let mut out = Vec::with_capacity(self.bytes.len() + packed.len());
        out.extend_from_slice(self.bytes.get(..part.local).ok_or_else(broken)?);
        out.extend(facts.written(head, LocalOrCentral::Local)?);
        out.extend_from_slice(&packed);
        let moved_from = out.len();
        out.extend_from_slice(self.bytes.get(after..self.directory).ok_or_else(broken)?);
        let directory = out.len();
        let moved = |offset: usize| if offset >= after { offset - after + moved_from } else { offset };
        for other in &self.parts {
            let record = self.bytes.get(other.record.clone()).ok_or_else(broken)?;
            let mut record = if other.name == part.name {
                facts.written(record, LocalOrCentral::Central)?
            } else {
                record.to_vec()
            };
            put(&mut record, 42, &u32_of(moved(other.local))?.to_le_bytes());
            out.extend(record);
        }
        let mut rest = self
            .bytes
            .get(self.parts.last().map_or(self.end, |last| last.record.end)..)
            .ok_or_else(broken)?
            .to_vec();
        let end = self.end - self.parts.last().map_or(self.end, |last| last.record.end);
        put(&mut rest, end + 16, &u32_of(directory)?.to_le_bytes());
        out.extend(rest);
        Ok(out)
    }

    /// The length of the descriptor at an offset: its signature may be left out.
    fn descriptor(&self, at: usize) -> usize {
        let signed = self.bytes.get(at..).is_some_and(|bytes| bytes.starts_with(b"PK\x07\x08"));
        if signed { 16 } else { 12 }
    }
}

/// What both headers of a part say of its data.
struct Facts {
    sum: u32,
    packed: u32,
    size: u32,
}

/// The central header has one field more before those that both have.
#[derive(Clone, Copy)]
enum LocalOrCentral {
    Local,
    Central,
}

impl Facts {
    fn written(&self, head: &[u8], which: LocalOrCentral) -> Outcome<Vec<u8>> {
        let at = match which {
            LocalOrCentral::Local => 6,
            LocalOrCentral::Central => 8,
        };
        let mut head = head.to_vec();
        let flags = u16_at(&head, at)? & !SIZES_FOLLOW;
        put(&mut head, at, &flags.to_le_bytes());
        put(&mut head, at + 2, &DEFLATED.to_le_bytes());
        put(&mut head, at + 8, &self.sum.to_le_bytes());
        put(&mut head, at + 12, &self.packed.to_le_bytes());
        put(&mut head, at + 16, &self.size.to_le_bytes());
        Ok(head)
    }
}

fn end_record(bytes: &[u8]) -> Option<usize> {
    let first = bytes.len().saturating_sub(END_SEARCHED_MAX);
    let mut found = memchr::memmem::rfind_iter(bytes.get(first..)?, END).map(|at| first + at);
    // The four bytes may stand in the comment too: the record is the one whose comment ends with the archive.
    found.find(|at| {
        u16_at(bytes, at + 20).is_ok_and(|comment| at + END_LENGTH + usize::from(comment) == bytes.len())
    })
}

fn part(bytes: &[u8], at: usize) -> Outcome<Part> {
    let head = bytes.get(at..).filter(|head| head.starts_with(CENTRAL)).ok_or_else(broken)?;
    let name_length = usize::from(u16_at(head, 28)?);
    let length =
        CENTRAL_LENGTH + name_length + usize::from(u16_at(head, 30)?) + usize::from(u16_at(head, 32)?);
    let name = head.get(CENTRAL_LENGTH..CENTRAL_LENGTH + name_length).ok_or_else(broken)?;
    let part = Part {
        name: String::from_utf8_lossy(name).into_owned(),
        flags: u16_at(head, 8)?,
        method: u16_at(head, 10)?,
        sum: u32_at(head, 16)?,
        packed: size_at(head, 20)?,
        size: size_at(head, 24)?,
        local: size_at(head, 42)?,
        record: at..at + length,
    };
    if part.record.end > bytes.len() { Err(broken()) } else { Ok(part) }
}

fn inflated(packed: &[u8]) -> Outcome<Vec<u8>> {
    let mut content = Vec::new();
    let most = PART_BYTES_MAX as u64 + 1;
    DeflateDecoder::new(packed).take(most).read_to_end(&mut content).map_err(|_| broken())?;
    if content.len() > PART_BYTES_MAX {
        return fail(codes::LIMIT, "a part of the workbook has too many bytes when it is unpacked");
    }
    Ok(content)
}

fn deflated(content: &[u8]) -> Outcome<Vec<u8>> {
    let mut packed = Vec::new();
    DeflateEncoder::new(content, Compression::default()).read_to_end(&mut packed).map_err(|_| broken())?;
    Ok(packed)
}

fn u16_at(bytes: &[u8], at: usize) -> Outcome<u16> {
    let found = bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).ok_or_else(broken)?;
    Ok(u16::from_le_bytes(found))
}

fn u32_at(bytes: &[u8], at: usize) -> Outcome<u32> {
    let found = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).ok_or_else(broken)?;
    Ok(u32::from_le_bytes(found))
}

/// A size or an offset. All ones mean that it stands in a 64-bit field elsewhere.
fn size_at(bytes: &[u8], at: usize) -> Outcome<usize> {
    match u32_at(bytes, at)? {
        u32::MAX => fail(codes::LIMIT, "the workbook has sizes of 64 bits"),
        size => Ok(size as usize),
    }
}

fn u32_of(size: usize) -> Outcome<u32> {
    u32::try_from(size).map_err(|_| broken())
}

/// Writes over bytes that were read at the same place before.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn broken() -> Box<Issue> {
    Box::new(Issue::error(codes::XLSX_SHAPE, Span::default(), "the archive of the workbook is damaged"))
}

fn fail<T>(code: &'static Code, message: &str) -> Outcome<T> {
    Err(Box::new(Issue::error(code, Span::default(), message)))
}
