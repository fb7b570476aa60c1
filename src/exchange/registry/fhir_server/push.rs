//! Push: resources as one transaction. What the server has already is changed on the version that our resource stands
//! on, and never otherwise.

use super::super::calling::places;
use super::super::fault::Left;
use super::super::kanta::{URI, uuid_of};
use super::super::link::{FHIR_JSON, Request};
use super::super::{Garbled, RegistryError};
use super::{Difference, FhirServer, differences};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Resources of one transaction.
const RESOURCES_MAX: usize = 1_000;
/// Objects and lists below each other.
const DEPTH_MAX: usize = 128;

/// A version that a server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The id of the resource there.
    pub id: String,
    /// Its version.
    pub version: String,
}

impl Version {
    /// Of a resource that the server gave.
    ///
    /// # Errors
    /// It has no id or no version: nothing can be changed on it with care.
    pub fn of(resource: &Value) -> Result<Self, RegistryError> {
        let text = |value: &Value| {
            value.as_str().map(str::to_owned).ok_or(RegistryError::Garbled(Garbled::Incomplete))
        };
        Ok(Self { id: text(&resource["id"])?, version: text(&resource["meta"]["versionId"])? })
    }
}

/// A resource of ours.
#[derive(Clone)]
pub struct Held {
    /// The resource, with our id.
    pub resource: Value,
    /// The version there that it stands on; none where the server does not have it yet.
    pub basis: Option<Version>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("basis", &self.basis).finish_non_exhaustive()
    }
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// All of it is there; the versions, in the order of the resources.
    Done(Vec<Version>),
    /// The server has something else than what ours stands on; nothing was written. Both values of each place that
    /// differs.
    Differs(Vec<Difference>),
}

impl FhirServer {
    /// Pushes resources in one transaction: all or none.
    ///
    /// A new resource needs an identifier, by which it is found again when an answer is lost. References among the
    /// resources lead to each other there too.
    ///
    /// # Errors
    /// A resource cannot be pushed with care; or it is not there, or that is not known.
    pub async fn push(&self, held: &[Held]) -> Result<Pushed, RegistryError> {
        let bundle = prepared(held)?;
        let request = Request {
            method: Method::POST,
            body: Some((FHIR_JSON, bundle.to_string().into_bytes())),
            ..Request::default()
        };
        let (mut is_renewed, mut may_be_done) = (false, false);
        for attempt in 1.. {
            let answer = self.caller.once(&request).await;
            let Err(error) = answer.and_then(|body| places(&body, &bundle)) else {
                return self.there(held).await;
            };
            let may_wait = match error.left() {
                Left::Undone => true,
                Left::Unknown => {
                    may_be_done = true;
                    true
                }
                // After an answer that was lost a refusal by version may be the echo of our own change.
                Left::Elsewhere => return self.there(held).await,
                Left::NotLetIn => !std::mem::replace(&mut is_renewed, true),
                Left::Final => false,
            };
            if !may_wait || !self.caller.pause(attempt, &error).await {
                return Err(if may_be_done { RegistryError::Uncertain } else { error });
            }
            if may_be_done && let Ok(done @ Pushed::Done(_)) = self.there(held).await {
                return Ok(done);
            }
        }
        Err(RegistryError::Uncertain)
    }

    /// What the server has in the place of each resource: the versions where it is ours, both values where it differs.
    ///
    /// # Errors
    /// It gives no answer that can be believed.
    pub async fn there(&self, held: &[Held]) -> Result<Pushed, RegistryError> {
        let mut found = Vec::new();
        for one in held {
            found.push(self.theirs(one).await?);
        }
        let ids = ids(held, &found);
        let (mut versions, mut differing) = (Vec::new(), Vec::new());
        for (one, theirs) in held.iter().zip(&found) {
            let ours = referring(&one.resource, &ids, 0)?;
            let theirs = theirs.as_ref().unwrap_or(&Value::Null);
            differing.extend(differences(&ours, theirs));
            if !theirs.is_null() {
                versions.push(Version::of(theirs)?);
            }
        }
        Ok(if differing.is_empty() { Pushed::Done(versions) } else { Pushed::Differs(differing) })
    }

    /// The resource there; none where there is none.
    async fn theirs(&self, one: &Held) -> Result<Option<Value>, RegistryError> {
        let kind = kind(&one.resource)?;
        if let Some(basis) = &one.basis {
            let request = Request { path: format!("{kind}/{}", basis.id), ..Request::default() };
            let read = self.caller.ask(&request, Ok).await;
            return match read {
                Ok(body) if body["resourceType"] == *kind && body["id"] == *basis.id => Ok(Some(body)),
                Ok(_) => Err(RegistryError::Garbled(Garbled::Subject)),
                Err(RegistryError::Refused { status: 404 | 410, .. }) => Ok(None),
                Err(error) => Err(error),
            };
        }
        let (system, value) = identifier(&one.resource)?;
        let found = self.caller.search(kind, &[("identifier", &format!("{system}|{value}"))]).await?;
        match found.resources.as_slice() {
            [] => Ok(None),
            [theirs] => Ok(Some(theirs.clone())),
            _ => Err(RegistryError::Garbled(Garbled::Subject)),
        }
    }
}

/// The transaction. What is new is created unless there is one with its identifier.
fn prepared(held: &[Held]) -> Result<Value, RegistryError> {
    if held.is_empty() || held.len() > RESOURCES_MAX {
        return Err(RegistryError::Unfit("a push has from one to a thousand resources"));
    }
    let ids = ids(held, &[]);
    let mut entries = Vec::new();
    for one in held {
        let kind = kind(&one.resource)?;
        let mut resource = referring(&one.resource, &ids, 0)?;
        let full_url = full_url(kind, &one.resource);
        let request = match &one.basis {
            Some(Version { id, version }) => {
                resource["id"] = json!(id);
                json!({ "method": "PUT", "url": format!("{kind}/{id}"), "ifMatch": format!("W/\"{version}\"") })
            }
            None => {
                let (system, value) = identifier(&one.resource)?;
                if let Value::Object(members) = &mut resource {
                    members.remove("id");
                }
                json!({ "method": "POST", "url": kind, "ifNoneExist": format!("identifier={}", criterion(&system, &value)) })
            }
        };
        entries.push(json!({ "fullUrl": full_url, "resource": resource, "request": request }));
    }
    Ok(json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries }))
}

/// A search by an identifier as it stands in an address.
fn criterion(system: &str, value: &str) -> String {
    let word = format!("{system}|{value}");
    word.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn kind(resource: &Value) -> Result<&str, RegistryError> {
    resource["resourceType"].as_str().ok_or(RegistryError::Unfit("what is pushed is no resource"))
}

/// The identifier by which a resource is found again.
fn identifier(resource: &Value) -> Result<(String, String), RegistryError> {
    let list = match &resource["identifier"] {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let of = |one: &Value| Some((one["system"].as_str()?.to_owned(), one["value"].as_str()?.to_owned()));
    let found = list.iter().find_map(of);
    let found = found.or_else(|| {
        let id = resource["masterIdentifier"]["value"].as_str()?;
        Some((resource["masterIdentifier"]["system"].as_str().unwrap_or(URI).to_owned(), id.to_owned()))
    });
    found.ok_or(RegistryError::Unfit(
        "a new resource needs an identifier, or an answer that is lost would double it",
    ))
}

fn full_url(kind: &str, resource: &Value) -> String {
    let id = resource["id"].as_str().unwrap_or_default();
    format!("urn:uuid:{}", uuid_of(&["push", kind, id, &resource["identifier"].to_string()]))
}

/// Our names of the resources, and what they are called there: by their ids as far as these are known.
fn ids(held: &[Held], found: &[Option<Value>]) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for (at, one) in held.iter().enumerate() {
        let Ok(kind) = kind(&one.resource) else { continue };
        let Some(ours) = one.resource["id"].as_str() else { continue };
        let known = found.get(at).and_then(Option::as_ref).and_then(|theirs| theirs["id"].as_str());
        let known = known.or(one.basis.as_ref().map(|basis| basis.id.as_str()));
        let theirs = known.map_or_else(|| full_url(kind, &one.resource), |id| format!("{kind}/{id}"));
        names.insert(format!("{kind}/{ours}"), theirs);
    }
    names
}

/// A resource whose references lead to what its neighbours are called there.
///
/// # Errors
/// One leads to a resource of ours that is not among them.
fn referring(value: &Value, names: &HashMap<String, String>, depth: usize) -> Result<Value, RegistryError> {
    if depth > DEPTH_MAX {
        return Err(RegistryError::Unfit("a resource is nested too deeply"));
    }
    Ok(match value {
        Value::Object(members) => {
            let mut out = serde_json::Map::new();
            for (name, member) in members {
                let member = match member {
                    Value::String(text) if name == "reference" => json!(renamed(text, names)?),
                    other => referring(other, names, depth + 1)?,
                };
                out.insert(name.clone(), member);
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(
            items.iter().map(|item| referring(item, names, depth + 1)).collect::<Result<_, _>>()?,
        ),
        other => other.clone(),
    })
}

fn renamed(reference: &str, names: &HashMap<String, String>) -> Result<String, RegistryError> {
    let is_absolute = reference.contains(':') || reference.starts_with('#');
    match names.get(reference.split("/_history/").next().unwrap_or(reference)) {
        Some(theirs) => Ok(theirs.clone()),
        None if is_absolute => Ok(reference.to_owned()),
        None => Err(RegistryError::Unfit("a reference leads to a resource that is not among those pushed")),
    }
}
