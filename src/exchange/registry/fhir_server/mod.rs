#![doc = include_str!("../FHIR_SERVER.md")]

mod pull;
mod push;
mod reconcile;

pub use pull::{Change as Seen, Cursor, Pulled};
pub use push::{Held, Pushed, Version};
pub use reconcile::{Difference, differences};

use super::calling::Caller;
use super::kanta::{
    self, ArchiveDocument, Change, Create, Disclosure, Terms, of_document_reference, to_document_reference,
};
use super::link::LinkSettings;
use super::retry::Retry;
use super::said::Permissions;
use super::token::TokenSettings;
use super::{Garbled, Oid, Recorded, Registry, RegistryError};
use crate::plan::identity::Hetu;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Settings of a FHIR server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FhirSettings {
    /// Where it is, and TLS.
    pub link: LinkSettings,
    /// A token for each request, where the server takes one so.
    #[serde(default)]
    pub token: Option<TokenSettings>,
    /// Header fields that each request carries.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// When something is sent again.
    #[serde(default)]
    pub retry: Retry,
    /// The code system of the category of a permission.
    #[serde(default = "category_system")]
    pub category_system: String,
}

fn category_system() -> String {
    kanta::KantaSettings::of("").category_system
}

impl FhirSettings {
    /// As they are by default, for a base address.
    pub fn of(base: &str) -> Self {
        Self {
            link: LinkSettings::of(base),
            token: None,
            headers: BTreeMap::new(),
            retry: Retry::default(),
            category_system: category_system(),
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
        self
    }
}

/// A FHIR R4 server.
#[derive(Debug)]
pub struct FhirServer {
    caller: Caller,
    category_system: String,
}

impl FhirServer {
    /// Reads keys and certificates; nothing is asked yet.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(settings: &FhirSettings) -> Result<Self, RegistryError> {
        let caller = Caller::new(&settings.link, settings.token.as_ref(), &settings.headers, settings.retry)?;
        Ok(Self { caller, category_system: settings.category_system.clone() })
    }
}

impl Registry for FhirServer {
    async fn permissions(&self, client: &Hetu) -> Result<Permissions, RegistryError> {
        self.caller.permissions(client).await
    }

    async fn tell_permission(&self, change: &Change) -> Result<Recorded, RegistryError> {
        let terms = Terms { category_system: &self.category_system, create: Create::IfNone };
        self.caller.tell_permission(change, terms).await
    }

    async fn tell_disclosure(&self, disclosure: &Disclosure) -> Result<Recorded, RegistryError> {
        self.caller.tell_disclosure(disclosure).await
    }

    async fn put_document(&self, document: &ArchiveDocument) -> Result<Recorded, RegistryError> {
        let reference = to_document_reference(document);
        let id = &document.metadata.id;
        let name = format!("{}|{id}", kanta::URI);
        let known = self.caller.search("DocumentReference", &[("identifier", &name)]).await?;
        let place = |found: &Value| format!("DocumentReference/{}", found["id"].as_str().unwrap_or_default());
        let basis = match known.resources.as_slice() {
            [] => None,
            [one] if of_document_reference(one).as_ref() == Ok(document) => {
                return Ok(Recorded { places: vec![place(one)], is_new: false });
            }
            [one] => Some(Version::of(one)?),
            _ => return Err(RegistryError::Garbled(Garbled::Subject)),
        };
        match self.push(&[Held { resource: reference, basis }]).await? {
            Pushed::Done(versions) => {
                let places = versions.iter().map(|version| format!("DocumentReference/{}", version.id));
                Ok(Recorded { places: places.collect(), is_new: true })
            }
            Pushed::Differs(_) => Err(RegistryError::Conflict),
        }
    }

    async fn document(&self, id: &Oid) -> Result<Option<ArchiveDocument>, RegistryError> {
        let name = format!("{}|{}", kanta::URI, id.urn());
        let found = self.caller.search("DocumentReference", &[("identifier", &name)]).await?;
        match found.resources.as_slice() {
            [] => Ok(None),
            [one] => {
                let document = of_document_reference(one);
                let document = document.map_err(|_| RegistryError::Garbled(Garbled::Incomplete))?;
                let is_it = document.metadata.id == id.urn();
                is_it.then_some(Some(document)).ok_or(RegistryError::Garbled(Garbled::Subject))
            }
            _ => Err(RegistryError::Garbled(Garbled::Subject)),
        }
    }
}
