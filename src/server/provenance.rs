//! `X-Provenance`: what a client says of where a change comes from, recorded in the commit of the change (FHIR R4,
//! Provenance, "Using the X-Provenance header").

use super::Server;
use super::call::{Call, Precondition};
use super::document::Document;
use super::ids;
use super::media::Format;
use super::refusal::{Outcome, Refusal, Why};
use super::step::{Action, Step};
use crate::store::Store;
use serde_json::{Value, json};

const PROVENANCE: &str = "Provenance";

impl<S: Store> Server<S> {
    /// The step that records where a change comes from; its target is the resource of the change.
    ///
    /// # Errors
    /// 400 where the field holds no Provenance without a target, or the change is a deletion; 403 where the caller may
    /// not create one.
    pub(super) fn provenance(&self, call: &Call, text: &str, of: &mut Step) -> Outcome<Step> {
        let refused = |why: &'static str| Refusal::new(Why::HeaderValue, why);
        if matches!(of.action, Action::Delete { .. }) {
            return Err(refused("X-Provenance is of what is written, not of what is deleted"));
        }
        if !call.caller.may_create(PROVENANCE) {
            return Err(Refusal::plain(Why::Scope));
        }
        let mut value: Value = serde_json::from_str(text).map_err(|_| refused("X-Provenance is no JSON"))?;
        if value["resourceType"] != PROVENANCE || !value["target"].is_null() {
            return Err(refused("X-Provenance holds a Provenance without a target"));
        }
        let url = format!("urn:uuid:{}", ids::uuid());
        value["target"] = json!([{ "reference": url }]);
        let document = Document::read(value.to_string().as_bytes(), Format::Json, self.schema)?;
        of.full_url = Some(url);
        let action = Action::Create { document, id: ids::uuid(), criteria: None };
        Ok(Step { kind: PROVENANCE, action, precondition: Precondition::None, full_url: None, entry: None })
    }
}
