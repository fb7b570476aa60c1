//! Misbehaviour on demand: data, with one word for what is done to an answer.

use super::seen::Kind;
use crate::diag::Language;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The kinds that are shipped.
const FAULTS: &str = include_str!("faults.toml");
/// Test codes of people who were not asked for; one of them always is none.
const STRANGERS: &[&str] = &["010190-999P", "131052-308T"];
/// Longest wait of one answer.
const DELAY_MS_MAX: u64 = 10 * 60 * 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fault: Vec<Fault>,
}

/// One kind of misbehaviour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// Which requests.
    pub on: Kind,
    /// How many of them.
    pub times: u32,
    /// What is told is recorded first.
    #[serde(default)]
    pub applied: bool,
    /// Status of the answer.
    #[serde(default)]
    pub status: Option<u16>,
    /// Header fields of the answer.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Content type of the answer.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Body of the answer.
    #[serde(default)]
    pub body: Option<String>,
    /// Wait before the answer.
    #[serde(default)]
    pub delay_ms: u64,
    /// The part of the answer after which the connection ends.
    #[serde(default)]
    pub cut: Option<f64>,
    /// No answer.
    #[serde(default)]
    pub close: bool,
    /// What is done to the right answer.
    #[serde(default)]
    pub turn: Option<Turn>,
    en: String,
    fi: String,
    sv: String,
}

/// What is done to a right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It is about another client.
    AnotherClient,
    /// Each entry twice.
    Twice,
    /// In another order, older versions behind newer ones.
    Reversed,
    /// Without entries.
    Empty,
    /// Places of another type.
    OtherPlace,
}

impl Fault {
    /// What it does.
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Fi => &self.fi,
            Language::Sv => &self.sv,
        }
    }
}

/// The kinds that are shipped.
///
/// # Errors
/// The file is wrong; a test sees to it that it is not.
pub fn shipped() -> Result<Vec<Fault>, String> {
    read(FAULTS)
}

/// Reads a file of kinds.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Vec<Fault>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    for fault in &file.fault {
        let name = &fault.name;
        if file.fault.iter().filter(|other| other.name == *name).count() > 1 {
            return Err(format!("`{name}` stands there twice"));
        }
        if fault.delay_ms > DELAY_MS_MAX {
            return Err(format!("`{name}`: `delay_ms` is over {DELAY_MS_MAX}"));
        }
        if fault.cut.is_some_and(|cut| !(0.0..=1.0).contains(&cut)) {
            return Err(format!("`{name}`: `cut` is from 0 to 1"));
        }
        if fault.status.is_some_and(|status| !(200..600).contains(&status)) {
            return Err(format!("`{name}`: `status` is from 200 to 599"));
        }
    }
    Ok(file.fault)
}

impl Turn {
    /// The answer turned. `older` are the versions that a right answer leaves out, `asked` is the client that was asked
    /// for.
    pub(super) fn on(self, mut answer: Value, older: &[Value], asked: &str) -> Value {
        let mut entries = answer["entry"].as_array().cloned().unwrap_or_default();
        match self {
            Self::AnotherClient => {
                let other = STRANGERS.iter().find(|code| !asked.ends_with(**code));
                let stranger = json!({
                    "resourceType": "Consent", "id": "stranger", "status": "active",
                    "meta": { "versionId": "1", "profile": [crate::exchange::registry::kanta::PROFILE] },
                    "category": [{ "coding": [{ "code": "1" }] }, { "coding": [{ "code": "2" }] }],
                    "patient": { "identifier": { "system": "urn:oid:1.2.246.21", "value": other } },
                    "provision": { "type": "permit" },
                });
                entries = vec![json!({ "resource": stranger })];
            }
            Self::Twice => {
                entries = entries.iter().flat_map(|entry| [entry.clone(), entry.clone()]).collect()
            }
            Self::Reversed => {
                entries.reverse();
                entries.extend(older.iter().map(|resource| json!({ "resource": resource })));
            }
            Self::Empty => entries.clear(),
            Self::OtherPlace => {
                for entry in &mut entries {
                    entry["response"]["location"] = json!("Basic/1/_history/1");
                }
            }
        }
        if answer["total"].is_number() {
            answer["total"] = json!(entries.len());
        }
        answer["entry"] = Value::Array(entries);
        answer
    }
}
