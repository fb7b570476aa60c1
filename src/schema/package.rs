//! FHIR packages as the registry publishes them: a gzipped tar file, read in memory.

use super::compile::Compiler;
use super::manifest::Manifest;
use super::pack::{self, Pack};
use super::{Error, Schema, sha256};
use flate2::Compression;
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Component, Path};

const MANIFEST: &str = "package.json";

/// Bytes of the `.tgz`.
pub const ARCHIVE_BYTES_MAX: usize = 256 << 20;
/// Bytes of all entries together once they are unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 2 << 30;
/// Entries of the archive.
pub const ENTRIES_MAX: usize = 100_000;

/// How many times more bytes the entries may have than the archive; small archives may have
/// [`UNPACKED_BYTES_LEAST`].
pub const UNPACKED_RATIO_MAX: u64 = 200;
/// Bytes that any archive may unpack to.
pub const UNPACKED_BYTES_LEAST: u64 = 32 << 20;

/// Kinds of resources that carry facts we use, as their names stand in JSON.
const USED: &[&str] = &[
    "\"StructureDefinition\"",
    "\"ValueSet\"",
    "\"CodeSystem\"",
    "\"ConceptMap\"",
    "\"SearchParameter\"",
    "\"Questionnaire\"",
    "\"Measure\"",
    "\"ImplementationGuide\"",
];

/// A FHIR package as the registry publishes it, unpacked.
#[derive(Debug)]
pub struct Archive {
    manifest: Manifest,
    sha256: String,
    /// The JSON files that stand right in `package/`, with their names.
    files: Vec<(String, String)>,
}

impl Archive {
    /// Unpacks a `.tgz`.
    ///
    /// # Errors
    /// Where it cannot be read, passes a limit, has an entry outside `package/`, a link, two entries of one name, or no
    /// well-formed `package.json`.
    pub fn read(tgz: &[u8]) -> Result<Self, Error> {
        if tgz.len() > ARCHIVE_BYTES_MAX {
            return Err(Error::Limit { what: "bytes", limit: ARCHIVE_BYTES_MAX as u64 });
        }
        let mut files = files(tgz)?;
        // The order of the entries is no fact of the package.
        files.sort_unstable();
        if let Some(twice) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::Twice(twice[0].0.clone()));
        }
        let text = files.iter().find(|(name, _)| name == MANIFEST).map(|(_, text)| &**text);
        let manifest = text.map_or_else(|| Ok(Manifest::default()), Manifest::parse)?;
        Ok(Self { manifest, sha256: sha256::hex(tgz), files })
    }

    /// Name, version and dependencies.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The SHA-256 of the archive, in small hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What it holds, gathered.
    pub(super) fn compiler(self) -> Result<(Compiler, String), Error> {
        Ok((gather(self.files)?, self.sha256))
    }
}

/// Compiles an official FHIR package, a `.tgz`, to the compact form.
///
/// # Errors
/// As for [`Archive::read`], and where a definition is not well formed.
pub fn compile_package(tgz: &[u8]) -> Result<Pack, Error> {
    let (compiler, hash) = Archive::read(tgz)?.compiler()?;
    compile_all(compiler, hash)
}

/// Compiles the JSON files of a folder of definitions, given with their names; `package.json` among them says
/// what the package is called.
///
/// # Errors
/// Where a definition is not well formed.
pub fn compile_files(mut files: Vec<(String, String)>) -> Result<Pack, Error> {
    files.sort_unstable();
    compile_all(gather(files)?, String::new())
}

fn gather(files: Vec<(String, String)>) -> Result<Compiler, Error> {
    let mut compiler = Compiler::new();
    let is_used =
        |text: &str| USED.iter().any(|kind| memchr::memmem::find(text.as_bytes(), kind.as_bytes()).is_some());
    for (name, text) in files {
        if name == MANIFEST {
            compiler.manifest(&text)?;
        } else if is_used(&text) {
            compiler.add(&name, text)?;
        }
    }
    Ok(compiler)
}

fn compile_all(mut compiler: Compiler, hash: String) -> Result<Pack, Error> {
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
    let ratio = (tgz.len() as u64).saturating_mul(UNPACKED_RATIO_MAX).max(UNPACKED_BYTES_LEAST);
    let limit = ratio.min(UNPACKED_BYTES_MAX);
    let mut archive = tar::Archive::new(GzDecoder::new(tgz).take(limit));
    let mut files = Vec::new();
    let mut unpacked = 0_u64;
    for (number, entry) in archive.entries().map_err(Error::Archive)?.enumerate() {
        if number >= ENTRIES_MAX {
            return Err(Error::Limit { what: "entries", limit: ENTRIES_MAX as u64 });
        }
        let mut entry = entry.map_err(Error::Archive)?;
        unpacked = unpacked.saturating_add(entry.size());
        if unpacked > limit {
            return Err(Error::Limit { what: "unpacked bytes", limit });
        }
        let path = entry.path().map_err(Error::Archive)?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            return Err(Error::Link);
        }
        let Some(name) = file_name(&path)?.filter(|_| kind.is_file()) else { continue };
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
