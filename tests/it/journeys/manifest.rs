//! `journey.toml`: what happens in a journey, and what must hold.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One client's way, as its manifest tells it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journey {
    /// The folder below `tests/cases/journeys`.
    #[serde(skip)]
    pub(super) name: String,
    #[serde(skip)]
    pub(super) folder: PathBuf,
    /// What the journey is about; for people.
    #[expect(dead_code, reason = "people read it")]
    title: String,
    /// The language of the client.
    pub(super) language: String,
    /// What the client permits and denies: Consent resources.
    pub(super) grants: String,
    /// In whose register documents stand that do not say so.
    #[serde(default)]
    pub(super) custodians: BTreeMap<String, String>,
    #[serde(rename = "step")]
    pub(super) steps: Vec<Step>,
    #[serde(rename = "view")]
    pub(super) views: Vec<ViewCase>,
    #[serde(rename = "edit")]
    pub(super) edits: Vec<EditCase>,
}

/// Something that happens: documents come in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) name: String,
    /// What the step of the working method is; for people.
    #[expect(dead_code, reason = "people read it")]
    does: String,
    /// Documents that units contribute; paths from the folder of the journey.
    pub(super) adds: Vec<String>,
    /// A file of decisions that people make then.
    pub(super) decides: Option<String>,
    /// Whom the client contacts then.
    #[serde(default)]
    pub(super) contact: Vec<String>,
    /// The kinds of what people must look at then.
    #[serde(default)]
    pub(super) findings: Vec<String>,
    /// Documents that the joined plan does not hold.
    #[serde(default)]
    pub(super) left_out: Vec<String>,
    #[serde(default)]
    pub(super) holds: Vec<Statement>,
}

/// What somebody sees after the last step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewCase {
    /// A sector, `client` or `guardian`.
    #[serde(rename = "as")]
    pub(super) role: String,
    /// The day of the request.
    pub(super) at: String,
    #[serde(default)]
    pub(super) registers: Vec<String>,
    #[serde(default)]
    pub(super) organisations: Vec<String>,
    /// Whom the client contacts, as the requester sees it.
    pub(super) contact: Vec<String>,
    /// Texts that stand nowhere in the view.
    #[serde(default)]
    pub(super) never: Vec<String>,
    #[serde(default)]
    pub(super) holds: Vec<Statement>,
}

/// An edit of the joined plan after the last step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditCase {
    pub(super) name: String,
    pub(super) by: By,
    #[serde(default)]
    pub(super) set: Vec<Set>,
    /// Resources that go, as FHIRPath on the Bundle, and with them what refers to them.
    #[serde(default)]
    pub(super) remove: Vec<String>,
    /// Resources that come, as JSON.
    #[serde(default)]
    pub(super) add: Vec<String>,
    /// Documents that change.
    pub(super) changes: Vec<String>,
    /// Documents whose owners are asked to change them.
    #[serde(default)]
    pub(super) proposals: Vec<String>,
}

/// Who edits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    pub(super) unit: Option<String>,
    pub(super) sector: Option<String>,
    pub(super) custodian: Option<String>,
    pub(super) name: String,
    pub(super) role: String,
}

/// A value that is written anew.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    /// Where, as FHIRPath on the Bundle.
    pub(super) at: String,
    pub(super) to: String,
}

/// Something that must hold of a joined plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    /// In words.
    pub(super) that: String,
    /// As FHIRPath on the Bundle; `%plan`, `%team` and `%client` are the joined ones.
    #[serde(rename = "where")]
    pub(super) expression: String,
}

/// Every journey, by name.
pub(super) fn journeys() -> Vec<Journey> {
    let root = Path::new("tests/cases/journeys");
    let mut folders = Vec::new();
    for source in folders_of(root) {
        folders.extend(folders_of(&source));
    }
    folders.sort();
    folders.into_iter().map(|folder| read(root, folder)).collect()
}

fn read(root: &Path, folder: PathBuf) -> Journey {
    let text = fs::read_to_string(folder.join("journey.toml")).unwrap();
    let mut journey: Journey =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    journey.name = folder.strip_prefix(root).unwrap().display().to_string();
    journey.folder = folder;
    journey
}

fn folders_of(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir())
}
