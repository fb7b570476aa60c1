//! Terminology (FHIR R4, "Terminology Service"), on what is loaded and what clients stored. What is not at hand is said;
//! nothing is guessed.

mod expand;
mod lookup;
mod rows;
mod subsumes;
mod translate;
mod validate_code;

use super::Input;
use super::definitions::{Definitions, Kind};
use crate::schema::Schema;
use crate::server::Server;
use crate::server::call::Call;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::Store;
use crate::tree::json::{self, Layout};
use serde_json::{Value, json};

/// Codings of one `CodeableConcept` that are looked at.
const CODINGS_MAX: usize = 100;
/// The url that a definition gets which came with the request and has none.
const GIVEN_URL: &str = "urn:sauma:given";

/// A code as a request names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Coded {
    system: Option<String>,
    code: String,
    display: Option<String>,
}

impl Coded {
    fn of_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { system: text("system"), code: text("code")?, display: text("display") })
    }

    /// The codes of a request: `code` with `system`, a `coding`, or the codings of a `codeableConcept`.
    fn all(input: &Input, system: Option<String>) -> Outcome<Vec<Self>> {
        let mut found = Vec::new();
        if let Some(code) = input.text("code") {
            found.push(Self { system, code, display: input.text("display") });
        }
        if let Some(coding) = input.value("coding", "Coding")? {
            found.extend(Self::of_json(&coding));
        }
        if let Some(concept) = input.value("codeableConcept", "CodeableConcept")? {
            let codings = concept["coding"].as_array().into_iter().flatten();
            found.extend(codings.take(CODINGS_MAX).filter_map(Self::of_json));
        }
        let ways = ["code", "coding", "codeableConcept"].iter().filter(|name| input.has(name)).count();
        if ways != 1 || found.is_empty() {
            return Err(input.refused("it needs one of code, coding and codeableConcept"));
        }
        Ok(found)
    }

    /// The one code of a request.
    fn one(input: &Input, system: Option<String>) -> Outcome<Self> {
        let mut all = Self::all(input, system)?;
        all.pop().ok_or_else(|| input.refused("it needs a code"))
    }
}

/// A definition that an operation is about.
struct Subject {
    /// Its canonical url, by which `definitions` has it.
    url: String,
    /// As it was stored or sent; none where it is one of those that are loaded.
    resource: Option<Value>,
    definitions: Definitions,
}

impl<S: Store> Server<S> {
    /// The definition that a request is about: that of the address, the one that came, or the one of a url. None where
    /// the request names none.
    async fn subject(
        &self,
        call: &Call,
        input: &Input,
        kind: Kind,
        resource: &str,
        url: Option<String>,
        more: Vec<(Kind, String)>,
    ) -> Outcome<Option<Subject>> {
        let given = if call.names.id.is_some() {
            let record = self.live(call).await?;
            Some(String::from_utf8_lossy(record.document.as_deref().unwrap_or_default()).into_owned())
        } else {
            let document = input.resource(resource)?;
            if document.as_ref().is_some_and(|document| document.kind != kind.name()) {
                return Err(input.refused(&format!("{resource} is a {}", kind.name())));
            }
            document.map(|document| json::to_string(&document.tree, Layout::Compact))
        };
        let given = match (given, &url) {
            (Some(given), _) => Some(given),
            (None, Some(url)) => match implicit(self.schema, kind, url) {
                Some(made) => Some(made),
                None if kind.is_known(self.schema, url) => None,
                None => Some(self.stored_definition(&call.caller, kind, url).await?.ok_or_else(|| {
                    Refusal::new(Why::NotAtHand, format!("no {} of this url is at hand", kind.name()))
                })?),
            },
            (None, None) => return Ok(None),
        };
        let Some(given) = given else {
            let url = url.unwrap_or_default();
            let mut wanted = self.referred_by(kind, &url);
            wanted.extend(more);
            let definitions = self.with_stored(&call.caller, wanted).await?;
            return Ok(Some(Subject { url, resource: None, definitions }));
        };
        let mut resource: Value =
            serde_json::from_str(&given).map_err(|_| Refusal::plain(Why::StoreFailed))?;
        if resource["url"].as_str().is_none_or(str::is_empty) {
            resource["url"] = json!(GIVEN_URL);
        }
        let url = resource["url"].as_str().unwrap_or_default().to_owned();
        let definitions = self.with_given(&call.caller, more, vec![resource.to_string()]).await?;
        Ok(Some(Subject { url, resource: Some(resource), definitions }))
    }

    /// The code systems that a loaded value set draws on, of which some may be stored.
    fn referred_by(&self, kind: Kind, url: &str) -> Vec<(Kind, String)> {
        let value_set = self.schema.value_set(url).filter(|_| kind == Kind::ValueSet);
        let parts = value_set.into_iter().flat_map(|set| set.include.iter().chain(&set.exclude));
        parts
            .filter(|part| !part.system.is_empty())
            .map(|part| (Kind::CodeSystem, part.system.to_string()))
            .collect()
    }
}

/// The definition of an implicit value set (FHIR R4, 4.9.7): all codes of a system at hand, or those below one.
fn implicit(schema: &Schema, kind: Kind, url: &str) -> Option<String> {
    if kind != Kind::ValueSet || schema.value_set(url).is_some() {
        return None;
    }
    let (system, filter) = match url.split_once("?fhir_vs") {
        Some((system, "")) => (system, None),
        Some((system, chosen)) => (system, Some(chosen.strip_prefix("=isa/")?)),
        None => (schema.system_of_value_set(url)?, None),
    };
    let mut include = json!({ "system": system });
    if let Some(code) = filter {
        include["filter"] = json!([{ "property": "concept", "op": "is-a", "value": code }]);
    }
    let made = json!({
        "resourceType": "ValueSet", "url": url, "status": "active", "compose": { "include": [include] },
    });
    Some(made.to_string())
}

/// A refusal for what cannot be said.
fn open(message: &str) -> Box<Refusal> {
    Refusal::new(Why::NotAtHand, message)
}
