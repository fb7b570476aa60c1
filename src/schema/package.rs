//! FHIR packages as the registry publishes them: a gzipped tar file, read in memory.

use super::compile::Compiler;
use super::pack::{self, Pack};
use super::{Error, Schema, sha256};
use flate2::Compression;
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Component, Path};

/// Bytes of the `.tgz`.
pub const ARCHIVE_BYTES_MAX: usize = 256 << 20;
/// Bytes of all entries together once they are unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 2 << 30;
/// Entries of the archive.
pub const ENTRIES_MAX: usize = 100_000;

/// Compiles an official FHIR package, a `.tgz`, to the compact form.
///
/// # Errors
/// Where the archive cannot be read, passes a limit, or holds a definition that is not well formed.
pub fn compile_package(tgz: &[u8]) -> Result<Pack, Error> {
    if tgz.len() > ARCHIVE_BYTES_MAX {
        return Err(Error::Limit { what: "bytes", limit: ARCHIVE_BYTES_MAX as u64 });
    }
    compile_all(files(tgz)?, sha256::hex(tgz))
}

/// Compiles the JSON files of a folder of definitions, given with their names; `package.json` among them says
/// what the package is called.
///
/// # Errors
/// Where a definition is not well formed.
pub fn compile_files(files: Vec<(String, String)>) -> Result<Pack, Error> {
    compile_all(files, String::new())
}

fn compile_all(mut files: Vec<(String, String)>, hash: String) -> Result<Pack, Error> {
    // The order of the entries is no fact of the package.
    files.sort_unstable();
    let mut compiler = Compiler::new();
    for (name, text) in files {
        if name == "package.json" {
            compiler.manifest(&text)?;
        } else {
            compiler.add(&name, text)?;
        }
    }
    // The core package stands on its own; whatever else there is stands on the core.
    if compiler.has_type("Element") {
        compiler.complete(Vec::new(), &Schema::empty());
    } else {
        compiler.complete(Vec::new(), Schema::r4());
    }
    pack::write(compiler.finish(hash), Compression::best())
}

/// The bytes of the compact file of an official FHIR package.
///
/// # Errors
/// As for [`compile_package`].
pub fn build(tgz: &[u8]) -> Result<Vec<u8>, Error> {
    compile_package(tgz).map(Pack::into_bytes)
}

/// The JSON files that stand right in `package/`, with their names.
fn files(tgz: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let mut archive = tar::Archive::new(GzDecoder::new(tgz).take(UNPACKED_BYTES_MAX));
    let mut files = Vec::new();
    let mut unpacked = 0_u64;
    for (number, entry) in archive.entries().map_err(Error::Archive)?.enumerate() {
        if number >= ENTRIES_MAX {
            return Err(Error::Limit { what: "entries", limit: ENTRIES_MAX as u64 });
        }
        let mut entry = entry.map_err(Error::Archive)?;
        unpacked = unpacked.saturating_add(entry.size());
        if unpacked > UNPACKED_BYTES_MAX {
            return Err(Error::Limit { what: "unpacked bytes", limit: UNPACKED_BYTES_MAX });
        }
        let path = entry.path().map_err(Error::Archive)?.into_owned();
        let Some(name) = file_name(&path)? else { continue };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(Error::Archive)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::Shape { what: name.clone(), reason: "is not UTF-8".to_owned() })?;
        files.push((name, text));
    }
    Ok(files)
}

/// The name of a file right in `package/` that may be a resource; none for what a package carries beside.
fn file_name(path: &Path) -> Result<Option<String>, Error> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str().ok_or(Error::Outside)?),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(Error::Outside),
        }
    }
    match parts[..] {
        ["package", name] => {
            let wanted =
                Path::new(name).extension().is_some_and(|end| end == "json") && !name.starts_with('.');
            Ok(wanted.then(|| name.to_owned()))
        }
        [] | ["package", ..] => Ok(None),
        _ => Err(Error::Outside),
    }
}
