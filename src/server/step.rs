//! The steps that requests ask for: what is to be written, before anything is looked up.

use super::Server;
use super::audit;
use super::call::{Call, Precondition};
use super::document::Document;
use super::ids;
use super::patch::Patch;
use super::query::{self, Pair};
use super::reading::name_of;
use super::refusal::{Outcome, Refusal, Why};
use super::route::{Interaction, is_id};
use crate::store::Store;

/// Which resource a step is about.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// The one of this id.
    Id(String),
    /// The one that meets criteria.
    Criteria(Vec<Pair>),
}

/// What a step does.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Create under this new id, unless something meets the criteria.
    Create { document: Document, id: String, criteria: Option<Vec<Pair>> },
    /// Put the resource in place of what is there; `id` is the new one where nothing is and none is given.
    Update { document: Document, target: Target, id: String },
    /// Change parts of what is there.
    Patch { patch: Patch, target: Target },
    /// Delete what is there.
    Delete { target: Target },
}

/// One write of a request.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) kind: &'static str,
    pub(super) action: Action,
    pub(super) precondition: Precondition,
    /// The address by which other entries of a transaction refer to it.
    pub(super) full_url: Option<String>,
    /// Its place in the bundle.
    pub(super) entry: Option<usize>,
}

impl Step {
    /// The id that it names; empty where it is found by criteria.
    pub(super) fn id(&self) -> &str {
        match &self.action {
            Action::Create { id, .. }
            | Action::Update { id, .. }
            | Action::Patch { target: Target::Id(id), .. }
            | Action::Delete { target: Target::Id(id) } => id,
            Action::Patch { target: Target::Criteria(_), .. }
            | Action::Delete { target: Target::Criteria(_) } => "",
        }
    }
}

impl<S: Store> Server<S> {
    /// The step that a request asks for.
    pub(super) fn step(&self, call: &Call) -> Outcome<Step> {
        let kind = call.names.kind.ok_or_else(|| Refusal::plain(Why::NoRoute))?;
        if self.is_of_log(call) {
            return Err(audit::refuse_writing());
        }
        let action = match call.interaction {
            Interaction::Create => self.create(call, kind)?,
            Interaction::Update | Interaction::ConditionalUpdate => self.update(call, kind)?,
            Interaction::Patch | Interaction::ConditionalPatch => {
                Action::Patch { patch: Patch::of_content(&call.content, self.schema)?, target: target(call)? }
            }
            _ => Action::Delete { target: target(call)? },
        };
        Ok(Step { kind, action, precondition: call.wishes.precondition, full_url: None, entry: None })
    }

    fn create(&self, call: &Call, kind: &'static str) -> Outcome<Action> {
        let document = Document::of_content(&call.content, self.schema)?;
        document.expect_type(kind)?;
        let criteria = match call.wishes.if_none_exist.as_deref() {
            None => None,
            Some(text) => Some(criteria(query::pairs(text.trim_start_matches('?'))?)?),
        };
        Ok(Action::Create { document, id: ids::uuid(), criteria })
    }

    fn update(&self, call: &Call, kind: &'static str) -> Outcome<Action> {
        let document = Document::of_content(&call.content, self.schema)?;
        document.expect_type(kind)?;
        let target = target(call)?;
        let given = document.id();
        if given.as_deref().is_some_and(|id| !is_id(id) || query::tells_identity(id)) {
            return Err(Refusal::new(
                Why::IdentityMismatch,
                "the id of the resource is none that FHIR allows",
            ));
        }
        match (&target, &given) {
            (Target::Id(id), Some(given)) if id != given => {
                return Err(Refusal::plain(Why::IdentityMismatch));
            }
            (Target::Id(_), None) => {
                return Err(Refusal::new(
                    Why::IdentityMismatch,
                    "an update needs the id in the resource too",
                ));
            }
            _ => {}
        }
        let id = given.unwrap_or_else(ids::uuid);
        Ok(Action::Update { document, target, id })
    }
}

/// What a path or a query names.
fn target(call: &Call) -> Outcome<Target> {
    match call.names.id.as_deref() {
        Some(id) if is_id(id) => Ok(Target::Id(id.to_owned())),
        // An update would create it, so that it is no matter of finding.
        Some(_) if call.interaction == Interaction::Update => {
            Err(Refusal::new(Why::IdentityMismatch, "an id has 1 to 64 letters, digits, hyphens and dots"))
        }
        Some(_) => name_of(call).map(|name| Target::Id(name.id)),
        None => Ok(Target::Criteria(criteria(call.query.clone())?)),
    }
}

fn criteria(pairs: Vec<Pair>) -> Outcome<Vec<Pair>> {
    if pairs.is_empty() { Err(Refusal::plain(Why::NoCriteria)) } else { Ok(pairs) }
}
