//! `$validate` (FHIR R4, 3.2.1.1): what would be wrong with a resource. It is answered with 200 whatever is found.

use super::Input;
use super::definitions::Kind;
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::document::Document;
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why, success};
use crate::server::route::is_id;
use crate::store::Store;
use crate::tree::fhir;
use crate::validate::{Options, Validator, outcome};
use hyper::StatusCode;
use serde_json::Value;

/// What a resource is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing is said.
    Content,
    Create,
    Update,
    Delete,
    /// It is held against a profile alone.
    Profile,
}

impl Mode {
    fn of(input: &Input) -> Outcome<Self> {
        match input.text("mode").as_deref() {
            None => Ok(Self::Content),
            Some("create") => Ok(Self::Create),
            Some("update") => Ok(Self::Update),
            Some("delete") => Ok(Self::Delete),
            Some("profile") => Ok(Self::Profile),
            Some(_) => Err(input.refused("mode is create, update, delete or profile")),
        }
    }
}

impl<S: Store> Server<S> {
    /// Validates the resource that came, or the one of the address.
    pub(super) async fn validate(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let mode = Mode::of(input)?;
        if mode == Mode::Delete {
            return self.validate_delete(call, input).await;
        }
        let profile = match mode {
            Mode::Profile => Some(input.needed_text("profile")?),
            Mode::Content | Mode::Create | Mode::Update | Mode::Delete => input.text("profile"),
        };
        let document = match input.resource("resource")? {
            Some(document) => document,
            None if call.names.id.is_some() => {
                let record = self.live(call).await?;
                Document::stored(record.document.as_deref().unwrap_or_default(), self.schema)?
            }
            None => return Err(input.refused("it needs the parameter resource")),
        };
        let mut told = self.found(call, input, &document, profile).await?;
        if let Err(refusal) = fits(call, mode, &document) {
            add(&mut told, &refusal);
        }
        Ok(Answer::resource(StatusCode::OK, &told))
    }

    /// What is found in a resource.
    async fn found(
        &self,
        call: &Call,
        input: &Input,
        document: &Document,
        profile: Option<String>,
    ) -> Outcome<Value> {
        let text = document.tree.source();
        let Some(profile) = profile else {
            let report = self.validator.validate(&document.tree, &Options::default());
            return Ok(outcome(&report, text));
        };
        // A profile that is not at hand is an error, not a check that was left out (FHIR R4, `profile`).
        let unknown = || input.refused("the profile is not at hand here");
        let profiles = [profile];
        let wanted = profiles.iter().map(|url| (Kind::Profile, url.clone())).collect();
        let options = Options { profiles: &profiles, now: None };
        let schema = self.with_stored(&call.caller, wanted).await?;
        let ty = profiles.first().and_then(|url| schema.type_by_url(url)).ok_or_else(unknown)?;
        if !schema.type_info(ty).is_profile && !schema.type_info(ty).is_resource() {
            return Err(unknown());
        }
        if schema.is_extended() {
            let tree = fhir::read_json(text, schema.names())
                .or_else(|_| fhir::read_xml(text, schema.names(), &*schema))
                .map_err(|issue| Refusal::issue(Why::BodyForm, *issue, text))?;
            return Ok(outcome(&Validator::new(&schema).validate(&tree, &options), text));
        }
        Ok(outcome(&self.validator.validate(&document.tree, &options), text))
    }

    /// Whether the resource of the address could be deleted.
    async fn validate_delete(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        if call.names.id.is_none() {
            return Err(input.refused("the mode delete needs the address of a resource"));
        }
        let record = self.sight(&call.caller).read(&name_of(call)?).await?;
        let told = match record.as_deref() {
            Some(record) if !record.is_deleted() => success("the resource can be deleted"),
            _ => success("there is nothing to delete"),
        };
        Ok(Answer::resource(StatusCode::OK, &told))
    }
}

/// Refuses a resource that cannot be stored at the address, whatever its content.
fn fits(call: &Call, mode: Mode, document: &Document) -> Outcome<()> {
    if let Some(kind) = call.names.kind {
        document.expect_type(kind)?;
    }
    let mismatch = |message: &str| Err(Refusal::new(Why::IdentityMismatch, message));
    let id = document.id();
    match (mode, &call.names.id) {
        (Mode::Update, Some(asked)) if id.as_ref() != Some(asked) => {
            mismatch("the resource has another id than the address")
        }
        (Mode::Update, _) if !id.as_deref().is_some_and(is_id) => {
            mismatch("an update needs the id in the resource")
        }
        _ => Ok(()),
    }
}

/// Puts what refuses a resource first among what was found in it.
fn add(told: &mut Value, refusal: &Refusal) {
    let mut refused = refusal.outcome();
    let (Some(first), Some(found)) = (
        refused.get_mut("issue").and_then(Value::as_array_mut),
        told.get_mut("issue").and_then(Value::as_array_mut),
    ) else {
        return;
    };
    first.append(found);
    *told = refused;
}
