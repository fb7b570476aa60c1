//! What an editor asks others to change, as FHIR Tasks (R4, 12.1: a Task may ask for an action on a resource).

use super::Editor;
use crate::diag::Redacted;
use crate::plan::SAUMA;
use crate::plan::contribution::make_id;
use serde_json::{Value, json};

/// A change that the editor may not make: its owner decides.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The label of the contribution that says it.
    pub source: String,
    /// The unit system of the owner.
    pub unit: String,
    /// The organisation of the owner.
    pub organisation: Option<String>,
    /// The resource of the joined plan: `Goal/0123…`.
    pub target: String,
    /// The element in it, as a path from its type on.
    pub path: String,
    /// What is asked for.
    pub kind: ProposalKind,
    /// What the owner says.
    pub before: Redacted<Option<String>>,
    /// What is proposed.
    pub after: Redacted<Option<String>>,
}

/// What a proposal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalKind {
    /// Another value.
    Change,
    /// A new element.
    Add,
    /// That an element or a resource goes.
    Remove,
}

impl ProposalKind {
    /// The code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

/// The proposals as a Bundle of Tasks: who asks whom for what, with the value as it is and as it should be.
pub fn to_bundle(proposals: &[Proposal], editor: &Editor) -> Value {
    let entries: Vec<Value> = proposals.iter().map(|proposal| entry(proposal, editor)).collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "collection" });
    if !entries.is_empty() {
        bundle["entry"] = Value::Array(entries);
    }
    bundle
}

fn entry(proposal: &Proposal, editor: &Editor) -> Value {
    let (before, after) = (proposal.before.reveal(), proposal.after.reveal());
    let said = |value: &Option<String>| value.clone().unwrap_or_default();
    let id = make_id(&["proposal", &proposal.source, &proposal.target, &proposal.path, &said(after)]);
    let part = |word: &str, value: &str| json!({ "type": { "text": word }, "valueString": value });
    let mut input = vec![part("path", &proposal.path)];
    let values = [("before", before), ("after", after)];
    input.extend(values.iter().filter_map(|(word, value)| Some(part(word, value.as_deref()?))));
    let asks = editor.name.reveal();
    let requester = [asks.as_str(), &editor.role].into_iter().filter(|word| !word.is_empty());
    let mut task = json!({
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "proposal",
        "code": { "coding": [{
            "system": format!("{SAUMA}CodeSystem/proposal"),
            "code": proposal.kind.as_str(),
        }] },
        "focus": { "reference": proposal.target },
        "for": { "reference": "Patient/client" },
        "owner": { "display": proposal.organisation.as_ref().unwrap_or(&proposal.unit) },
        "input": input,
    });
    let requester = requester.collect::<Vec<_>>().join(", ");
    if !requester.is_empty() {
        task["requester"] = json!({ "display": requester });
    }
    json!({ "fullUrl": format!("{}Task/{id}", crate::plan::LOCAL), "resource": task })
}
