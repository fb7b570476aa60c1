//! NDJSON files of a job, packed as they are written: resources of one type after the other.

use crate::server::refusal::{Outcome, Refusal, Why};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// Bytes of one file, unpacked; it is closed once it has as many.
const FILE_BYTES: usize = 16 << 20;

/// A file that is finished.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// `Patient.1.ndjson`.
    pub(super) name: String,
    /// The type of its resources.
    pub(super) kind: String,
    pub(super) count: usize,
    pub(super) packed: Bytes,
}

/// A file that is being written.
struct Open {
    encoder: GzEncoder<Vec<u8>>,
    count: usize,
    bytes: usize,
}

/// Writes the files of one job.
pub(super) struct Writer {
    open: BTreeMap<String, Open>,
    done: Vec<File>,
    /// Packed bytes that are left.
    room: usize,
}

impl Writer {
    pub(super) const fn new(room: usize) -> Self {
        Self { open: BTreeMap::new(), done: Vec::new(), room }
    }

    /// Adds one resource, which is one line.
    pub(super) fn add(&mut self, kind: &str, resource: &[u8]) -> Outcome<()> {
        let open = self.open.entry(kind.to_owned()).or_insert_with(|| Open {
            encoder: GzEncoder::new(Vec::new(), Compression::fast()),
            count: 0,
            bytes: 0,
        });
        let failed = |_| Refusal::plain(Why::StoreFailed);
        open.encoder.write_all(resource).map_err(failed)?;
        open.encoder.write_all(b"\n").map_err(failed)?;
        (open.count, open.bytes) = (open.count + 1, open.bytes + resource.len() + 1);
        if open.bytes >= FILE_BYTES { self.close(kind) } else { Ok(()) }
    }

    fn close(&mut self, kind: &str) -> Outcome<()> {
        let Some(open) = self.open.remove(kind) else { return Ok(()) };
        let packed: Bytes = open.encoder.finish().map_err(|_| Refusal::plain(Why::StoreFailed))?.into();
        let left = self.room.checked_sub(packed.len());
        self.room = left.ok_or_else(|| {
            Refusal::new(
                Why::OperationLimit,
                "the files of all jobs would pass their limit: ask for less, or end others",
            )
        })?;
        let number = self.done.iter().filter(|file| file.kind == kind).count() + 1;
        let name = format!("{kind}.{number}.ndjson");
        self.done.push(File { name, kind: kind.to_owned(), count: open.count, packed });
        Ok(())
    }

    /// All files, by type.
    pub(super) fn finish(mut self) -> Outcome<Vec<File>> {
        let kinds: Vec<String> = self.open.keys().cloned().collect();
        for kind in kinds {
            self.close(&kind)?;
        }
        self.done.sort_by(|a, b| a.kind.cmp(&b.kind));
        Ok(self.done)
    }
}

/// The text of a file.
pub(super) fn unpacked(packed: &[u8]) -> Outcome<Bytes> {
    let mut text = Vec::new();
    let read = GzDecoder::new(packed).read_to_end(&mut text);
    read.map_err(|_| Refusal::plain(Why::StoreFailed))?;
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_come_back_by_type() {
        let mut writer = Writer::new(1_000);
        for (kind, text) in [("Patient", "a"), ("Goal", "b"), ("Patient", "c")] {
            assert!(writer.add(kind, text.as_bytes()).is_ok());
        }
        let files = writer.finish().unwrap_or_default();
        let told: Vec<_> = files
            .iter()
            .map(|file| (&*file.name, file.count, unpacked(&file.packed).unwrap_or_default()))
            .collect();
        let expected = [("Goal.1.ndjson", 1, "b\n".into()), ("Patient.1.ndjson", 2, "a\nc\n".into())];
        assert_eq!(told, expected);
    }

    #[test]
    fn there_is_a_limit() {
        let mut writer = Writer::new(1);
        assert!(writer.add("Patient", b"a").is_ok());
        assert!(writer.finish().is_err());
    }
}
