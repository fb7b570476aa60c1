//! The folder between this program and the access point of the archive.
//!
//! The messages of the archive (HL7 V3 Medical Records over SOAP) are not at hand, so they are not sent from here. A
//! document is left as a folder of its own, whole or not at all; the access point leaves a file `receipt` in it.

use super::document::ArchiveDocument;
use crate::exchange::registry::{Garbled, Oid, Recorded, RegistryError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the access point leaves when the archive has the document.
const RECEIPT: &str = "receipt";
const JSON: &str = "document.json";
const XHTML: &str = "document.xhtml";
const METADATA: &str = "metadata.json";

/// The folder.
#[derive(Debug)]
pub(super) struct Handover(PathBuf);

impl Handover {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Leaves a document. The same once more changes nothing.
    ///
    /// # Errors
    /// The folder cannot be written to, another document lies there under the identifier, or there is no receipt yet: then
    /// the archive does not have it, as far as is known.
    pub(super) fn put(&self, document: &ArchiveDocument) -> Result<Recorded, RegistryError> {
        let metadata = serde_json::to_string_pretty(&document.metadata).unwrap_or_default();
        let id = Oid::parse(&document.metadata.id)
            .map_err(|_| RegistryError::Unfit("a document has an object identifier"))?;
        let version = document.metadata.version;
        let folder = self.0.join(format!("{id}_{version}"));
        if let Some(known) = read(&folder)? {
            if known != *document {
                return Err(RegistryError::Conflict);
            }
        } else {
            let part = self.0.join(format!(".{id}_{version}.part"));
            let write = || {
                // What a run that was killed left.
                if part.exists() {
                    fs::remove_dir_all(&part)?;
                }
                fs::create_dir_all(&part)?;
                for (name, text) in [(JSON, &document.json), (XHTML, &document.xhtml), (METADATA, &metadata)]
                {
                    fs::write(part.join(name), text)?;
                    fs::File::open(part.join(name))?.sync_all()?;
                }
                fs::rename(&part, &folder)?;
                fs::File::open(&self.0)?.sync_all()
            };
            write().map_err(RegistryError::System)?;
        }
        if !folder.join(RECEIPT).exists() {
            return Err(RegistryError::Uncertain);
        }
        Ok(Recorded { places: vec![format!("{id}_{version}")], is_new: false })
    }

    /// The newest version of a document that was left here.
    ///
    /// # Errors
    /// The folder cannot be read, or what lies there does not belong together.
    pub(super) fn document(&self, id: &Oid) -> Result<Option<ArchiveDocument>, RegistryError> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RegistryError::System(error)),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let version = |name: String| {
            let (found, version) = name.split_once('_')?;
            (found == id.as_str()).then(|| version.parse::<u64>().ok())?
        };
        let Some(version) = names.filter_map(version).max() else { return Ok(None) };
        read(&self.0.join(format!("{id}_{version}")))
    }
}

fn read(folder: &Path) -> Result<Option<ArchiveDocument>, RegistryError> {
    if !folder.exists() {
        return Ok(None);
    }
    let text = |name: &str| fs::read_to_string(folder.join(name)).map_err(RegistryError::System);
    let garbled = || RegistryError::Garbled(Garbled::Incomplete);
    let metadata = serde_json::from_str(&text(METADATA)?).map_err(|_| garbled())?;
    ArchiveDocument::of_parts(metadata, text(JSON)?, text(XHTML)?).map(Some).map_err(|_| garbled())
}
