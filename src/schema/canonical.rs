//! Resources that other resources are held against as they stand: a questionnaire, a measure, and the profiles that an
//! implementation guide makes global.

use super::resources::Json;
use super::{Error, Schema, version};
use crate::tree::{Tree, json};
use std::sync::Arc;

/// What a resource with a canonical url is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanonicalKind {
    /// Responses are held against it.
    Questionnaire,
    /// Measure reports are held against it.
    Measure,
}

/// A resource that others refer to by its canonical url. A compiled package ([`super::Pack`]) carries none.
#[derive(Debug)]
pub struct Canonical {
    /// What it is.
    pub kind: CanonicalKind,
    /// Canonical url.
    pub url: Box<str>,
    /// Business version; empty where it has none.
    pub version: Box<str>,
    /// The resource in JSON.
    pub text: Box<str>,
}

/// A profile that all resources of a type must fit (`ImplementationGuide.global`).
#[derive(Debug, Clone)]
struct Global {
    kind: Box<str>,
    profile: Box<str>,
}

/// What is kept of packages as it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Canonicals {
    all: Vec<Arc<Canonical>>,
    globals: Vec<Global>,
}

impl Canonicals {
    /// Keeps a resource of a kind that is asked for as it stands; other kinds are passed over.
    pub(super) fn add(&mut self, resource_type: &str, tree: &Tree, root: Json<'_>) {
        let kind = match resource_type {
            "Questionnaire" => CanonicalKind::Questionnaire,
            "Measure" => CanonicalKind::Measure,
            "ImplementationGuide" => {
                let global = |it: Json<'_>| Global {
                    kind: it.text("type").into(),
                    profile: it.text("profile").into(),
                };
                self.globals.extend(root.items("global").map(global));
                return;
            }
            _ => return,
        };
        self.all.push(Arc::new(Canonical {
            kind,
            url: root.text("url").into(),
            version: root.text("version").into(),
            text: tree.source().into(),
        }));
    }

    pub(super) fn append(&mut self, other: Self) {
        self.all.extend(other.all);
        self.globals.extend(other.globals);
    }
}

impl Schema {
    /// The resources that others are held against, in the order they were added.
    pub fn canonicals(&self) -> &[Arc<Canonical>] {
        &self.canonicals.all
    }

    /// Adds a resource that others are held against, which a compiled package cannot carry.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn add_canonical(&mut self, text: &str) -> Result<(), Error> {
        let tree =
            json::read(text, self.names()).map_err(|issue| Error::unread("the resource", "JSON", &issue))?;
        let root = Json::root(&tree);
        self.canonicals.add(&root.text("resourceType"), &tree, root);
        Ok(())
    }

    /// The number within [`Schema::canonicals`] of what a canonical url, with or without `|version`, leads to. The one
    /// added last wins; another version stands in for none.
    pub fn canonical(&self, kind: CanonicalKind, canonical: &str) -> Option<usize> {
        let (url, wanted) = version::split(canonical.split('#').next().unwrap_or(canonical));
        let is_it = |it: &Arc<Canonical>| {
            it.kind == kind && *it.url == *url && version::is_compatible(&it.version, wanted)
        };
        self.canonicals.all.iter().rposition(is_it)
    }

    /// Urls of the profiles that implementation guides make global for a resource type.
    pub fn global_profiles(&self, resource_type: &str) -> impl Iterator<Item = &str> {
        let of_type = move |global: &&Global| *global.kind == *resource_type;
        self.canonicals.globals.iter().filter(of_type).map(|global| &*global.profile)
    }
}
