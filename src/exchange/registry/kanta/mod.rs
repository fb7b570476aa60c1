#![doc = include_str!("../KANTA.md")]

mod consent;
mod disclosure;
mod document;
mod handover;

pub use consent::{Action, Change, Create, FunctionCode, Part, Permission, Stated, Terms, category_of};
pub use disclosure::{Disclosure, disclosures};
pub use document::{ArchiveDocument, DocumentFault, Level, Metadata};

pub(super) use consent::{PROFILE, URI, recorded, uuid_of};
pub(super) use document::{of_document_reference, to_document_reference};

use super::calling::Caller;
use super::link::LinkSettings;
use super::retry::Retry;
use super::said::Permissions;
use super::token::TokenSettings;
use super::{Oid, Recorded, Registry, RegistryError};
use crate::plan::identity::Hetu;
use handover::Handover;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Settings of the national registry, as a file `registry.toml` holds them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KantaSettings {
    /// Where it is, and TLS.
    pub link: LinkSettings,
    /// Its JSON Web Token.
    #[serde(default)]
    pub token: Option<TokenSettings>,
    /// Header fields that each request carries: its "HTTP header".
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// When something is sent again.
    #[serde(default)]
    pub retry: Retry,
    /// The code system of the category of a permission.
    #[serde(default = "category_system")]
    pub category_system: String,
    /// The folder from which an access point takes documents, and in which it leaves receipts.
    #[serde(default)]
    pub documents: Option<PathBuf>,
}

fn category_system() -> String {
    consent::CATEGORY_SYSTEM.to_owned()
}

impl KantaSettings {
    /// As they are by default, for a base address.
    pub fn of(base: &str) -> Self {
        Self {
            link: LinkSettings::of(base),
            token: None,
            headers: BTreeMap::new(),
            retry: Retry::default(),
            category_system: category_system(),
            documents: None,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, RegistryError> {
        toml::from_str(text).map_err(|error| RegistryError::Settings(error.message().to_owned()))
    }

    /// With the files that they name beside the file that they were read from.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Self {
        self.link = self.link.beside(folder);
        self.token = self.token.map(|token| token.beside(folder));
        self.documents = self.documents.map(|documents| folder.join(documents));
        self
    }
}

/// The national registry.
#[derive(Debug)]
pub struct Kanta {
    caller: Caller,
    category_system: String,
    handover: Option<Handover>,
}

impl Kanta {
    /// Reads keys and certificates; nothing is asked yet.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(settings: &KantaSettings) -> Result<Self, RegistryError> {
        let caller = Caller::new(&settings.link, settings.token.as_ref(), &settings.headers, settings.retry)?;
        let handover = settings.documents.as_deref().map(Handover::new);
        Ok(Self { caller, category_system: settings.category_system.clone(), handover })
    }
}

impl Registry for Kanta {
    async fn permissions(&self, client: &Hetu) -> Result<Permissions, RegistryError> {
        self.caller.permissions(client).await
    }

    async fn tell_permission(&self, change: &Change) -> Result<Recorded, RegistryError> {
        let terms = Terms { category_system: &self.category_system, create: Create::Plain };
        self.caller.tell_permission(change, terms).await
    }

    async fn tell_disclosure(&self, disclosure: &Disclosure) -> Result<Recorded, RegistryError> {
        self.caller.tell_disclosure(disclosure).await
    }

    async fn put_document(&self, document: &ArchiveDocument) -> Result<Recorded, RegistryError> {
        let handover = self.handover.as_ref().ok_or(RegistryError::Unspecified(
            "the messages of the archive are not at hand; name a folder for its access point in `documents`",
        ))?;
        handover.put(document)
    }

    async fn document(&self, id: &Oid) -> Result<Option<ArchiveDocument>, RegistryError> {
        let handover = self.handover.as_ref().ok_or(RegistryError::Unspecified(
            "the messages of the archive are not at hand; name a folder for its access point in `documents`",
        ))?;
        handover.document(id)
    }
}
