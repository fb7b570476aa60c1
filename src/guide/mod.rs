//! Our own definitions as a package that others can use, and as pages that people can read.
//!
//! A [`Guide`] is a folder of FHIR definitions: profiles that say how they differ from their base, code systems, value
//! sets, concept maps, logical models. It completes the profiles ([`Guide::completed`]), packs them as the registry
//! has packages ([`Guide::archive`]), tells each of them on a page ([`Guide::pages`]) and writes the logical models of
//! JSON documents as JSON Schema ([`Guide::json_schemas`]). All of it is made of the same files, in their order, so the
//! same files give the same bytes.

mod archive;
mod example;
mod json;
mod json_schema;
mod page;
mod requirement;
mod rule;
mod snapshot;
mod words;

pub use example::{Example, examples};
pub use page::Page;
pub use requirement::{Demand, Requirement};
pub use rule::{Rule, own_examples, own_requirements, own_rules, rules};

use crate::schema::{self, Manifest, Pack, Schema, compile_files};
use serde_json::Value;
use std::collections::BTreeMap;

/// The file that says what a package is called.
const MANIFEST: &str = "package.json";
/// Definitions that derive from each other are followed this far.
const BASES_MAX: usize = 32;

/// Why a guide cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is not JSON, or not a resource.
    #[error("`{file}` {reason}")]
    Shape {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A definition cannot be completed.
    #[error("{url} {reason}")]
    Incomplete {
        /// Its url.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The definitions cannot be compiled.
    #[error(transparent)]
    Definitions(#[from] schema::Error),
    /// The archive cannot be written.
    #[error("the package cannot be packed")]
    Archive(#[source] std::io::Error),
}

/// One resource of a guide.
#[derive(Debug, Clone)]
struct Resource {
    /// Its name in a package: `StructureDefinition-sauma-goal.json`.
    file: String,
    text: String,
    value: Value,
}

impl Resource {
    fn read(file: &str, text: String) -> Result<Self, Error> {
        let shape = |reason: &str| Error::Shape { file: file.to_owned(), reason: reason.to_owned() };
        let value: Value = serde_json::from_str(&text).map_err(|_| shape("is not JSON"))?;
        let kind = value["resourceType"].as_str().ok_or_else(|| shape("is not a resource"))?;
        let id = value["id"].as_str().ok_or_else(|| shape("has no id"))?;
        Ok(Self { file: format!("{kind}-{id}.json"), text, value })
    }

    fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }

    /// A profile or an extension: a definition that constrains another.
    fn is_profile(&self) -> bool {
        self.text("resourceType") == "StructureDefinition" && self.text("derivation") == "constraint"
    }

    fn is_logical(&self) -> bool {
        self.text("resourceType") == "StructureDefinition" && self.text("kind") == "logical"
    }

    /// The elements that the differential states.
    fn elements(&self) -> impl Iterator<Item = &Value> {
        self.value["differential"]["element"].as_array().into_iter().flatten()
    }
}

/// A folder of definitions.
#[derive(Debug)]
pub struct Guide {
    manifest: Manifest,
    manifest_text: String,
    /// By their names in a package.
    resources: BTreeMap<String, Resource>,
    /// The definitions with all that they stand on.
    schema: Schema,
}

impl Guide {
    /// Reads the files of a folder, given with their names. `base` has what they derive from.
    ///
    /// # Errors
    /// A file is not a resource, or a definition is not well formed or cannot be completed.
    pub fn read(files: Vec<(String, String)>, base: &Schema) -> Result<Self, Error> {
        let mut guide = Self {
            manifest: Manifest::default(),
            manifest_text: String::new(),
            resources: BTreeMap::new(),
            schema: base.clone(),
        };
        for (file, text) in files {
            if file == MANIFEST {
                guide.manifest = Manifest::parse(&text)?;
                guide.manifest_text = text;
                continue;
            }
            let resource = Resource::read(&file, text)?;
            if let Some(twice) = guide.resources.insert(resource.file.clone(), resource) {
                return Err(Error::Shape { file, reason: format!("is a second `{}`", twice.file) });
            }
        }
        let texts: Vec<&str> = guide.resources.values().map(|resource| &*resource.text).collect();
        guide.schema.add_definitions(texts)?;
        let mut waiting = guide.schema.incomplete().filter(|(url, _)| guide.by_url(url).is_some());
        let failed = waiting.next().map(|(url, reason)| (url.to_owned(), reason.to_owned()));
        drop(waiting);
        match failed {
            Some((url, reason)) => Err(Error::Incomplete { url, reason }),
            None => Ok(guide),
        }
    }

    /// Name, version and dependencies.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The definitions with all that they stand on.
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The resources with their names in a package; profiles have their snapshots.
    pub fn completed(&self) -> Vec<(String, String)> {
        let complete = |resource: &Resource| (resource.file.clone(), snapshot::complete(self, resource));
        self.resources.values().map(complete).collect()
    }

    /// The package as the registry publishes packages: a gzipped tar file.
    ///
    /// # Errors
    /// [`Error::Archive`] where it cannot be packed.
    pub fn archive(&self) -> Result<Vec<u8>, Error> {
        archive::write(self).map_err(Error::Archive)
    }

    /// The compact form that the program embeds. Profiles are compiled from their snapshots, so that they need no base.
    ///
    /// # Errors
    /// Where a definition is not well formed.
    pub fn pack(&self) -> Result<Pack, Error> {
        let mut files: Vec<(String, String)> = self
            .resources
            .values()
            .map(|resource| {
                // A logical model lists every element itself.
                let text = if resource.is_profile() {
                    snapshot::complete(self, resource)
                } else {
                    resource.text.clone()
                };
                (resource.file.clone(), text)
            })
            .collect();
        files.push((MANIFEST.to_owned(), self.manifest_text.clone()));
        Ok(compile_files(files)?)
    }

    /// A page for each profile, extension and list of codes, in Markdown, with a first page that lists them.
    pub fn pages(&self, examples: &[Example]) -> Vec<Page> {
        page::pages(self, examples)
    }

    /// A JSON Schema for each logical model of JSON documents, with its file name. Those of XML documents have none.
    pub fn json_schemas(&self) -> Vec<(String, String)> {
        json_schema::all(self)
    }

    /// What the definitions demand, in their order.
    pub fn requirements(&self) -> Vec<Requirement> {
        requirement::all(self)
    }

    /// True where one definition is another or derives from it; both by their ids.
    pub fn derives(&self, id: &str, from: &str) -> bool {
        let found = self.resources.values().find(|resource| resource.text("id") == id);
        found.is_some_and(|resource| self.line(resource).any(|base| base.text("id") == from))
    }

    fn by_url(&self, url: &str) -> Option<&Resource> {
        self.resources.values().find(|resource| resource.text("url") == url)
    }

    /// A definition and those of this guide that it derives from, itself first.
    fn line<'g>(&'g self, resource: &'g Resource) -> impl Iterator<Item = &'g Resource> {
        let base = |resource: &&'g Resource| self.by_url(resource.text("baseDefinition"));
        std::iter::successors(Some(resource), base).take(BASES_MAX)
    }
}
