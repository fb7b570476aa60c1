//! Resources as steps of one write.

use crate::server::Server;
use crate::server::call::Precondition;
use crate::server::document::Document;
use crate::server::media::Format;
use crate::server::refusal::Outcome;
use crate::server::route::resource_type;
use crate::server::step::{Action, Step, Target};
use crate::store::{Name, Store};
use serde_json::Value;

impl<S: Store> Server<S> {
    /// Puts a resource that the server has made in its place.
    pub(in crate::server) fn put_made(&self, made: &Value) -> Outcome<Step> {
        let document = Document::read(made.to_string().as_bytes(), Format::Json, self.schema)?;
        Ok(put(document))
    }

    /// Deletes a resource.
    pub(super) fn delete(&self, name: &Name) -> Outcome<Step> {
        let target = Target::Id(name.id.clone());
        Ok(step(resource_type(self.schema, &name.kind)?, Action::Delete { target }))
    }
}

/// Puts a resource in its place, which its id names.
pub(super) fn put(document: Document) -> Step {
    let id = document.id().unwrap_or_default();
    step(document.kind, Action::Update { target: Target::Id(id.clone()), document, id })
}

fn step(kind: &'static str, action: Action) -> Step {
    Step { kind, action, precondition: Precondition::None, full_url: None, entry: None }
}
