//! `$meta`, `$meta-add` and `$meta-delete` (FHIR R4, 3.2.1.3).

use super::{Input, Output};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::{Call, Content, Precondition};
use crate::server::media::Media;
use crate::server::patch::Patch;
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::step::{Action, Step, Target};
use crate::store::{Record, Store};
use serde_json::{Value, json};
use std::sync::Arc;

/// How often a change is worked out again when others were faster.
const ATTEMPTS_MAX: usize = 20;
/// The lists that are sets: what is in them stands once (FHIR R4, `Meta`).
const SETS: [&str; 3] = ["profile", "security", "tag"];

/// What becomes of the labels that are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// They are put beside those that are there.
    Add,
    /// They are taken away.
    Delete,
}

impl<S: Store> Server<S> {
    /// Profiles, tags and labels of a resource.
    pub(super) async fn meta(&self, call: &Call) -> Outcome<Answer> {
        let record = self.live(call).await?;
        Ok(returned(&meta_of(record.document.as_deref().unwrap_or_default())?))
    }

    /// Gives a resource other profiles, tags and labels.
    pub(super) async fn change_meta(&self, call: &Call, input: &Input, change: Change) -> Outcome<Answer> {
        let labels = input.value("meta", "Meta")?.ok_or_else(|| input.refused("meta is a Meta"))?;
        let kind = call.names.kind.ok_or_else(|| Refusal::plain(Why::NoRoute))?;
        for _ in 0..ATTEMPTS_MAX {
            let record = self.live(call).await?;
            let before = meta_of(record.document.as_deref().unwrap_or_default())?;
            let after = changed(&before, &labels, change);
            let patch = json!([{ "op": "add", "path": "/meta", "value": after }]).to_string();
            let content = Content { bytes: patch.into(), media: Some(Media::JsonPatch) };
            let action = Action::Patch {
                patch: Patch::of_content(&content, self.schema)?,
                target: Target::Id(record.name.id.clone()),
            };
            let precondition = Precondition::Version(record.version);
            let mut steps = [Step { kind, action, precondition, full_url: None, entry: None }];
            match self.write(&call.caller, &mut steps).await {
                Ok(done) => {
                    let written = done.first().and_then(|done| done.document.clone());
                    return Ok(returned(&meta_of(written.as_deref().unwrap_or_default())?));
                }
                Err(refusal) if refusal.why() == Why::VersionConflict => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal::plain(Why::Contention))
    }

    /// The newest version of the resource of the address, which is not deleted.
    pub(super) async fn live(&self, call: &Call) -> Outcome<Arc<Record>> {
        let record = self.sight(&call.caller).read(&name_of(call)?).await?;
        let record = record.ok_or_else(|| Refusal::plain(Why::NotFound))?;
        if record.is_deleted() { Err(Refusal::plain(Why::Gone)) } else { Ok(record) }
    }
}

fn meta_of(document: &[u8]) -> Outcome<Value> {
    let document: Value = serde_json::from_slice(document).map_err(|_| Refusal::plain(Why::StoreFailed))?;
    Ok(document.get("meta").cloned().unwrap_or_default())
}

fn returned(meta: &Value) -> Answer {
    let mut output = Output::default();
    output.value("return", "valueMeta", meta.clone());
    output.answer()
}

/// The labels of a resource after a change.
fn changed(before: &Value, labels: &Value, change: Change) -> Value {
    let mut after = before.clone();
    for set in SETS {
        let list = |value: &Value| value.get(set).and_then(Value::as_array).cloned().unwrap_or_default();
        let (mut kept, given) = (list(before), list(labels));
        match change {
            Change::Add => {
                for label in given {
                    if !kept.iter().any(|known| is_same(known, &label)) {
                        kept.push(label);
                    }
                }
            }
            Change::Delete => kept.retain(|known| !given.iter().any(|label| is_same(known, label))),
        }
        if let Some(members) = after.as_object_mut() {
            if kept.is_empty() {
                members.remove(set)
            } else {
                members.insert(set.to_owned(), json!(kept))
            };
        }
    }
    after
}

/// Profiles are one by their text, tags and labels by system and code.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a == b,
        _ => a.get("system") == b.get("system") && a.get("code") == b.get("code"),
    }
}
