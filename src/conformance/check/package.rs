//! Files as one archive whose bytes depend on nothing but the files: no time, no owner, one order.

use crate::schema::sha256;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::{self, Write};

/// The day that every file of an archive has: the first that the format knows (APPNOTE 4.4.6).
const DAY: u16 = 0x21;
/// The version of the format that is needed to read it.
const VERSION: u16 = 20;
/// Names are UTF-8.
const FLAGS: u16 = 0x800;
/// Deflate.
const METHOD: u16 = 8;

/// A file with its name in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its name, with `/` between folders.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// SHA-256 of each file, in the form that `sha256sum --check` reads.
pub fn manifest(files: &[Packed]) -> String {
    let line = |file: &Packed| format!("{}  {}\n", sha256::hex(&file.bytes), file.name);
    files.iter().map(line).collect()
}

/// The files as a ZIP archive.
///
/// # Errors
/// A file is too large for the format, or there are too many.
pub fn zip(files: &[Packed]) -> io::Result<Vec<u8>> {
    let too_large = |_| io::Error::other("the archive is too large");
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&file.bytes)?;
        let packed = encoder.finish()?;
        let mut sum = Crc::new();
        sum.update(&file.bytes);
        let start = u32::try_from(out.len()).map_err(too_large)?;
        let mut head = Vec::new();
        for short in [VERSION, FLAGS, METHOD, 0, DAY] {
            head.extend_from_slice(&short.to_le_bytes());
        }
        let (size, whole) = (u32::try_from(packed.len()), u32::try_from(file.bytes.len()));
        for long in [sum.sum(), size.map_err(too_large)?, whole.map_err(too_large)?] {
            head.extend_from_slice(&long.to_le_bytes());
        }
        let name = u16::try_from(file.name.len()).map_err(too_large)?;
        head.extend_from_slice(&name.to_le_bytes());
        head.extend_from_slice(&0_u16.to_le_bytes());
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&head);
        out.extend_from_slice(file.name.as_bytes());
        out.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&VERSION.to_le_bytes());
        directory.extend_from_slice(&head);
        // No comment, one disk, no attributes.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&start.to_le_bytes());
        directory.extend_from_slice(file.name.as_bytes());
    }
    let count = u16::try_from(files.len()).map_err(too_large)?;
    let (size, start) = (u32::try_from(directory.len()), u32::try_from(out.len()));
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&size.map_err(too_large)?.to_le_bytes());
    out.extend_from_slice(&start.map_err(too_large)?.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::DeflateDecoder;
    use std::io::Read;

    #[test]
    fn an_archive_holds_its_files() {
        let file = |name: &str, text: &str| Packed { name: name.to_owned(), bytes: text.as_bytes().to_vec() };
        let files = [file("a.txt", "aaaaaaaaaaaaaaaaaaaaaaaa"), file("ä/b.txt", "")];
        let bytes = zip(&files).unwrap_or_default();
        assert_eq!(zip(&files).unwrap_or_default(), bytes);
        // The first file begins after its head of 30 bytes and its name.
        let mut text = String::new();
        let read = DeflateDecoder::new(bytes.get(35..).unwrap_or_default()).read_to_string(&mut text);
        assert_eq!((read.is_ok(), text.as_str()), (true, "aaaaaaaaaaaaaaaaaaaaaaaa"));
        assert!(bytes.ends_with(&[0, 0]) && bytes.starts_with(b"PK"));
    }

    #[test]
    fn a_manifest_names_each_file_with_its_sum() {
        let file = Packed { name: "a".to_owned(), bytes: Vec::new() };
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(manifest(&[file]), format!("{empty}  a\n"));
    }
}
