//! What a client is told of a write that was done.

use super::{Done, Effect};
use crate::server::Server;
use crate::server::answer::{Answer, Body};
use crate::server::call::Return;
use crate::server::refusal::success;
use crate::store::{Name, Store};
use hyper::StatusCode;
use hyper::body::Bytes;
use std::sync::Arc;

impl<S: Store> Server<S> {
    /// The answer to a write.
    pub(in crate::server) fn told(&self, done: &Done, returned: Return) -> Answer {
        let status = match done.effect {
            Effect::Created => StatusCode::CREATED,
            Effect::Updated | Effect::Unchanged => StatusCode::OK,
            Effect::Deleted | Effect::Absent => match returned {
                Return::Minimal => StatusCode::NO_CONTENT,
                Return::Representation | Return::OperationOutcome => StatusCode::OK,
            },
        };
        let message = match done.effect {
            Effect::Created => "the resource was created",
            Effect::Updated => "the resource was updated",
            Effect::Unchanged => "the resource was so already",
            Effect::Deleted => "the resource was deleted",
            Effect::Absent => "there was nothing to delete",
        };
        let body = match (returned, &done.document) {
            (Return::Minimal, _) => Body::Empty,
            (Return::Representation, Some(document)) => {
                Body::Resource(Bytes::from_owner(Arc::clone(document)))
            }
            (Return::Representation | Return::OperationOutcome, _) => {
                Body::Resource(success(message).to_string().into())
            }
        };
        let mut answer = Answer::new(status, body);
        if let Some(Name { kind, id }) = &done.name {
            (answer.version, answer.updated) = (Some(done.version), Some(done.updated));
            if done.document.is_some() {
                let base = &self.settings.base;
                answer.location = Some(format!("{base}/{kind}/{id}/_history/{}", done.version));
            }
        }
        answer
    }
}
