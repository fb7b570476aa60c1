//! Definitions that clients stored, beside those that are loaded: profiles and terminology. What is loaded counts; of
//! what it does not have, the store is asked, and what that refers to is followed.

use crate::schema::Schema;
use crate::search::{Base, Handling};
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::Store;
use serde_json::Value;
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

/// Stored definitions that one operation uses.
const DEFINITIONS_MAX: usize = 200;
/// Urls that are looked up for one operation.
const LOOKUPS_MAX: usize = 1_000;

/// What a canonical url names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Profile,
    CodeSystem,
    ValueSet,
    ConceptMap,
    StructureMap,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Profile => "StructureDefinition",
            Self::CodeSystem => "CodeSystem",
            Self::ValueSet => "ValueSet",
            Self::ConceptMap => "ConceptMap",
            Self::StructureMap => "StructureMap",
        }
    }

    /// True where the definitions have it.
    pub(super) fn is_known(self, schema: &Schema, url: &str) -> bool {
        match self {
            Self::Profile => schema.type_by_url(url).is_some(),
            Self::CodeSystem => schema.code_system(url).is_some(),
            Self::ValueSet => schema.value_set(url).is_some() || schema.membership(url).is_some(),
            Self::ConceptMap => schema.concept_map(url).is_some(),
            // None is loaded.
            Self::StructureMap => false,
        }
    }
}

/// The loaded definitions, or these with stored ones.
#[derive(Debug)]
pub(super) enum Definitions {
    Loaded(&'static Schema),
    Extended(Box<Schema>),
}

impl Definitions {
    /// True where stored definitions are among them. They have more names, so that trees are read anew.
    pub(super) const fn is_extended(&self) -> bool {
        matches!(self, Self::Extended(_))
    }
}

impl Deref for Definitions {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        match self {
            Self::Loaded(schema) => schema,
            Self::Extended(schema) => schema,
        }
    }
}

impl<S: Store> Server<S> {
    /// The definitions with what is stored of these urls and of what it refers to.
    pub(super) async fn with_stored(
        &self,
        caller: &Caller,
        wanted: Vec<(Kind, String)>,
    ) -> Outcome<Definitions> {
        self.with_given(caller, wanted, Vec::new()).await
    }

    /// As [`Server::with_stored`], with definitions that are at hand; these count before all others.
    pub(super) async fn with_given(
        &self,
        caller: &Caller,
        mut wanted: Vec<(Kind, String)>,
        given: Vec<String>,
    ) -> Outcome<Definitions> {
        for text in &given {
            wanted.extend(referred(text));
        }
        let mut texts = given;
        let mut seen = HashSet::new();
        while let Some((kind, url)) = wanted.pop() {
            if !seen.insert((kind, url.clone())) || kind.is_known(self.schema, &url) {
                continue;
            }
            if seen.len() > LOOKUPS_MAX || texts.len() > DEFINITIONS_MAX {
                return Err(Refusal::new(Why::OperationLimit, "it refers to too many stored definitions"));
            }
            if let Some(text) = self.stored_definition(caller, kind, &url).await? {
                wanted.extend(referred(&text));
                texts.push(text);
            }
        }
        if texts.is_empty() {
            return Ok(Definitions::Loaded(self.schema));
        }
        let mut schema = self.schema.clone();
        let added = schema.add_definitions(texts.iter().map(String::as_str));
        added.map_err(|_| Refusal::new(Why::NotAtHand, "a definition that is stored here cannot be used"))?;
        Ok(Definitions::Extended(Box::new(schema)))
    }

    /// The stored definition of a canonical url, with or without `|version`; the one that was changed last where there
    /// are several.
    pub(super) async fn stored_definition(
        &self,
        caller: &Caller,
        kind: Kind,
        canonical: &str,
    ) -> Outcome<Option<String>> {
        let (url, version) = canonical.split_once('|').unwrap_or((canonical, ""));
        if url.is_empty() {
            return Ok(None);
        }
        let escaped = |text: &str| text.replace('\\', "\\\\").replace(',', "\\,").replace('|', "\\|");
        let mut pairs = vec![
            ("url".to_owned(), escaped(url)),
            ("_sort".to_owned(), "-_lastUpdated".to_owned()),
            ("_count".to_owned(), "1".to_owned()),
        ];
        if !version.is_empty() {
            pairs.push(("version".to_owned(), escaped(version)));
        }
        let parsed = self.parsed(Base::Type(kind.name()), &pairs, Handling::Strict)?;
        let found = self.sight(caller).search(&parsed.search).await?;
        let document = found.records.first().and_then(|record| record.document.clone());
        Ok(document.as_ref().map(text))
    }
}

fn text(document: &Arc<[u8]>) -> String {
    String::from_utf8_lossy(document).into_owned()
}

/// What a definition refers to that it cannot be used without.
fn referred(text: &str) -> Vec<(Kind, String)> {
    let Ok(resource) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut add = |kind: Kind, value: &Value| {
        if let Some(url) = value.as_str() {
            found.push((kind, url.to_owned()));
        }
    };
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    match resource["resourceType"].as_str() {
        Some("StructureDefinition") => {
            add(Kind::Profile, &resource["baseDefinition"]);
            let elements =
                ["snapshot", "differential"].iter().flat_map(|part| list(&resource[*part], "element"));
            for element in elements {
                add(Kind::ValueSet, &element["binding"]["valueSet"]);
                for ty in list(&element, "type") {
                    list(&ty, "profile")
                        .iter()
                        .chain(&list(&ty, "targetProfile"))
                        .for_each(|url| add(Kind::Profile, url));
                }
            }
        }
        Some("ValueSet") => {
            for part in ["include", "exclude"].iter().flat_map(|part| list(&resource["compose"], part)) {
                add(Kind::CodeSystem, &part["system"]);
                for url in list(&part, "valueSet") {
                    add(Kind::ValueSet, &url);
                }
            }
        }
        Some("CodeSystem") => add(Kind::CodeSystem, &resource["supplements"]),
        _ => {}
    }
    found
}
