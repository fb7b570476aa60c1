//! Operations (FHIR R4, 3.2): `table` says what there is, at which level and with which parameters; each has its handler
//! in `Server::operate`, which names them all. `Input` is what came, held against the table; `Output` what is answered.

mod definition;
mod definitions;
mod everything;
mod input;
mod matching;
mod meta;
mod output;
mod table;
mod validate;

pub(super) use definition::named;
pub(super) use input::Input;
pub(super) use output::Output;
pub(super) use table::{Level, OPERATIONS, Operation, Parameter};

use super::Server;
use super::answer::Answer;
use super::call::Call;
use super::refusal::{Outcome, Refusal, Why};
use crate::store::Store;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Task {
    /// `$validate`: a resource against its definitions.
    Validate,
    /// `$meta`: profiles, tags and labels of a resource.
    Meta,
    /// `$meta-add`: more of them.
    MetaAdd,
    /// `$meta-delete`: fewer of them.
    MetaDelete,
    /// `$everything`: a compartment and what it refers to.
    Everything,
    /// `$match`: who may be the same person.
    Match,
}

/// The operation of a name (without the `$`) at a level of a resource type.
pub(super) fn find(name: &str, level: Level, kind: Option<&str>) -> Outcome<&'static Operation> {
    let found = OPERATIONS.iter().find(|operation| operation.name == name && operation.is_of(level, kind));
    found.ok_or_else(|| Refusal::new(Why::NoRoute, "there is no operation of this name here"))
}

impl<S: Store> Server<S> {
    /// Does an operation.
    pub(super) async fn operate(&self, call: &Call) -> Outcome<Answer> {
        let operation = call.names.operation.ok_or_else(|| Refusal::plain(Why::NoRoute))?;
        let input = Input::of_call(call, operation, self.schema)?;
        match operation.task {
            Task::Validate => self.validate(call, &input).await,
            Task::Meta => self.meta(call).await,
            Task::MetaAdd => self.change_meta(call, &input, meta::Change::Add).await,
            Task::MetaDelete => self.change_meta(call, &input, meta::Change::Delete).await,
            Task::Everything => self.everything(call, &input).await,
            Task::Match => self.match_patient(call, &input).await,
        }
    }
}
