//! The rules of a profile as people read them: what a constraint says in three languages, and its expression.

use super::page::{list, said};
use super::words::Words;
use super::{Error, Example, Guide, Requirement, examples};
use crate::schema::Schema;
use serde_json::Value;

/// Our own profiles, as `profiles/` has them: the compiled form has no words in Finnish and Swedish.
const PROFILES: &[&str] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));
/// The index of their examples.
const INDEX: &str = include_str!("../../profiles/examples/index.toml");

/// One constraint of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its key: `sauma-pl-1`.
    pub key: String,
    /// True where breaking it is an error, false where it is a warning.
    pub is_error: bool,
    /// Id of the profile.
    pub profile: String,
    /// Url of the profile.
    pub url: String,
    /// The element that it is about.
    pub element: String,
    /// What it says in Finnish, Swedish and English; empty where it is not translated.
    pub texts: [String; 3],
    /// Its `FHIRPath`.
    pub expression: String,
}

/// The constraints that a profile states itself; none where the text is no definition.
pub fn rules(definition: &str) -> Vec<Rule> {
    let value: Value = serde_json::from_str(definition).unwrap_or_default();
    let mut found = Vec::new();
    for element in list(&value["differential"], "element") {
        for constraint in list(element, "constraint") {
            let Words { fi, sv, en } = Words::of(constraint, "human");
            found.push(Rule {
                key: said(constraint, "key").to_owned(),
                is_error: said(constraint, "severity") == "error",
                profile: said(&value, "id").to_owned(),
                url: said(&value, "url").to_owned(),
                element: said(element, "id").to_owned(),
                texts: [fi, sv, en],
                expression: said(constraint, "expression").to_owned(),
            });
        }
    }
    found
}

/// The constraints of our own profiles.
pub fn own_rules() -> Vec<Rule> {
    PROFILES.iter().flat_map(|definition| rules(definition)).collect()
}

/// The demands of our own profiles; `base` has what they derive from, and the extensions that they name.
///
/// # Errors
/// A definition is not well formed or cannot be completed. A test reads them, so a released build has no such one.
pub fn own_requirements(base: &Schema) -> Result<Vec<Requirement>, Error> {
    let named = |(number, text): (usize, &&str)| (format!("{number}.json"), (*text).to_owned());
    let guide = Guide::read(PROFILES.iter().enumerate().map(named).collect(), base)?;
    Ok(guide.requirements())
}

/// The index of the examples of our own profiles. A test reads the file, so none is lost here.
pub fn own_examples() -> Vec<Example> {
    examples(INDEX).unwrap_or_default()
}
