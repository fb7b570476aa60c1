//! `$meta` (FHIR R4, 3.2.1.3).

use super::Input;
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::Store;
use hyper::StatusCode;
use serde_json::json;

impl<S: Store> Server<S> {
    /// Profiles, tags and labels of a resource.
    pub(super) async fn meta(&self, call: &Call, _input: &Input) -> Outcome<Answer> {
        let record = self.sight(&call.caller).read(&name_of(call)?).await?;
        let record = record.ok_or_else(|| Refusal::plain(Why::NotFound))?;
        let document = record.document.as_ref().ok_or_else(|| Refusal::plain(Why::Gone))?;
        let document: serde_json::Value =
            serde_json::from_slice(document).map_err(|_| Refusal::plain(Why::StoreFailed))?;
        let meta = &document["meta"];
        let told =
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "return", "valueMeta": meta }] });
        Ok(Answer::resource(StatusCode::OK, &told))
    }
}
