//! `$contribute`: a unit's document of any known format, kept byte for byte, with the resources that it holds.

use super::{Input, Operation, Output};
use crate::diag::Issue;
use crate::exchange::intake::{From, Taken};
use crate::exchange::write_back::Original;
use crate::mapping::Fate;
use crate::schema::base64;
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::document::Document;
use crate::server::media::Media;
use crate::server::plans::{Arrival, Told};
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::writing::{self, Done};
use crate::store::{Name, Store};
use crate::tree::NodeId;
use crate::validate::{self, Report};

/// Leaves that stay in the document alone of which an answer tells one by one.
const LEFT_OUT_MAX: usize = 1_000;

impl<S: Store> Server<S> {
    /// Takes a document in.
    pub(super) async fn contribute(&self, call: &Call, operation: &'static Operation) -> Outcome<Answer> {
        let (input, bytes) = self.contributed(call, operation)?;
        let is_dry = input.flag("dry-run")?.unwrap_or(false);
        let from = From::named(input.text("unit").as_deref());
        let from = from.map_err(|issue| Refusal::issue(Why::NotContributed, *issue, ""))?;
        let custodian = input.text("custodian");
        let arrival = Arrival { bytes, from, custodian, edits: None, is_again: false, is_silent: false };
        if is_dry {
            let planned = self.plan_of(&call.caller, &arrival).await?;
            return Ok(told(&planned.told, &[], is_dry));
        }
        let (taken, done) = self.take_in(&call.caller, &arrival, |_| Vec::new()).await?;
        Ok(told(&taken, &done, false))
    }

    /// The parameters and the bytes of the document: the body itself, or a `Binary`, alone or in `Parameters`.
    fn contributed(&self, call: &Call, operation: &'static Operation) -> Outcome<(Input, Vec<u8>)> {
        let body = call.content.bytes.to_vec();
        let resource = match call.content.media {
            Some(Media::JsonPatch | Media::MergePatch | Media::Form) => {
                return Err(Refusal::plain(Why::MediaType));
            }
            // Most documents of units are JSON or XML and no FHIR.
            Some(Media::Resource(format)) => Document::read(&body, format, self.schema).ok(),
            Some(Media::Other) | None => None,
        };
        let of_query = || Input::of_query(call, operation, self.schema);
        let (input, bytes) = match resource.as_ref().map(|document| document.kind) {
            Some("Parameters") => {
                let input = Input::of_call(call, operation, self.schema)?;
                let binary = input.resource("document")?;
                let data = binary.and_then(|binary| data(&binary)).or_else(|| input.text("content"));
                let bytes = data.and_then(|data| base64::decode(&data));
                let bytes =
                    bytes.ok_or_else(|| input.refused("it needs a document, as a Binary or as content"))?;
                (input, bytes)
            }
            Some("Binary") => {
                let input = of_query()?;
                let data = resource.as_ref().and_then(data).and_then(|data| base64::decode(&data));
                let bytes = data.ok_or_else(|| input.refused("the Binary holds no document"))?;
                (input, bytes)
            }
            _ => (of_query()?, body),
        };
        if bytes.is_empty() {
            return Err(input.refused("it needs a document"));
        }
        Ok((input, bytes))
    }
}

fn data(binary: &Document) -> Option<String> {
    binary.tree.child_text(NodeId::ROOT, "data").map(std::borrow::Cow::into_owned)
}

/// What is answered: what became of the document, what was made of it, what stays in it alone, what was found.
fn told(told: &Told, done: &[Done], is_dry: bool) -> Answer {
    let mut output = Output::default();
    let reference = |kind: &str, id: &str| serde_json::json!({ "reference": format!("{kind}/{id}") });
    output.value("status", "valueCode", if is_dry { "checked" } else { told.effect.as_str() });
    output.value("document", "valueReference", reference("DocumentReference", &told.version.id));
    output.value("unit", "valueCode", told.version.unit.as_str());
    for client in &told.clients {
        output.value("client", "valueReference", reference("Patient", client));
    }
    for one in done {
        let (Some(Name { kind, id }), Some(effect)) = (&one.name, effect(one)) else { continue };
        let mut part = Output::default();
        part.value("effect", "valueCode", effect);
        part.value("resource", "valueReference", reference(kind, id));
        output.group("made", &part);
    }
    ledger(&told.taken, &mut output);
    let mut issues: Vec<Issue> = told.issues.clone();
    issues.extend(told.effect.as_issue());
    let outcome = validate::outcome(&Report { issues, ..Report::default() }, text(&told.taken));
    output.resource("outcome", &outcome.to_string());
    output.answer()
}

const fn effect(done: &Done) -> Option<&'static str> {
    match done.effect {
        writing::Effect::Created => Some("created"),
        writing::Effect::Updated => Some("updated"),
        writing::Effect::Deleted => Some("deleted"),
        writing::Effect::Unchanged | writing::Effect::Absent => None,
    }
}

/// The account of every value of the document; plain FHIR resources have none, as all of them is carried.
fn ledger(taken: &Taken, output: &mut Output) {
    let (Some(ledger), Original::Unit(document, program)) = (&taken.ledger, &taken.original) else { return };
    let counts = ledger.counts();
    let mut part = Output::default();
    let all = [
        ("carried", counts.carried),
        ("kept", counts.kept),
        ("ignored", counts.ignored),
        ("unexplained", counts.unexplained),
    ];
    for (name, count) in all {
        part.value(name, "valueUnsignedInt", count);
    }
    output.group("ledger", &part);
    let left = ledger.entries.iter().filter(|entry| entry.fate != Fate::Carried);
    for entry in left.take(LEFT_OUT_MAX) {
        let mut part = Output::default();
        part.value("path", "valueString", document.tree.known_path(entry.node));
        part.value("fate", "valueCode", entry.fate.as_str());
        let rule = entry.rule.and_then(|rule| program.rules().get(rule));
        if let Some(rule) = rule.filter(|rule| !rule.reason.is_empty()) {
            part.value("reason", "valueString", rule.reason.as_str());
        }
        output.group("left-out", &part);
    }
}

fn text(taken: &Taken) -> &str {
    match &taken.original {
        Original::Unit(document, _) => document.text(),
        Original::Fhir(_) => taken.contribution.bundle.source(),
    }
}
