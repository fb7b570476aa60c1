//! Operations (FHIR R4, 3.2): one table says what there is, at which level and with which parameters. Routing and the
//! `CapabilityStatement` are made from it; each has its handler in `Server::operate`, which names them all.

mod input;
mod meta;

pub(super) use input::Input;

use super::Server;
use super::answer::Answer;
use super::call::Call;
use super::refusal::{Outcome, Refusal, Why};
use crate::store::Store;

/// What an operation can be asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The whole server: `[base]/$name`.
    System,
    /// A resource type: `[base]/CarePlan/$name`.
    Type,
    /// One resource: `[base]/CarePlan/1/$name`.
    Instance,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Task {
    /// `$meta`: profiles, tags and labels of a resource.
    Meta,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// Without the `$`.
    pub(super) name: &'static str,
    /// Where it is defined.
    pub(super) definition: &'static str,
    /// What it can be asked of.
    pub(super) levels: &'static [Level],
    /// The resource types that have it; none: every type.
    pub(super) kinds: &'static [&'static str],
    /// It changes what is stored, so that GET does not do it.
    pub(super) is_write: bool,
    pub(super) task: Task,
}

/// Every operation.
pub(super) static OPERATIONS: &[Operation] = &[Operation {
    name: "meta",
    definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta",
    levels: &[Level::Instance],
    kinds: &[],
    is_write: false,
    task: Task::Meta,
}];

/// The operation of a name (without the `$`) at a level of a resource type.
pub(super) fn find(name: &str, level: Level, kind: Option<&str>) -> Outcome<&'static Operation> {
    let fits = |operation: &&Operation| {
        operation.name == name
            && operation.levels.contains(&level)
            && (operation.kinds.is_empty() || kind.is_some_and(|kind| operation.kinds.contains(&kind)))
    };
    let found = OPERATIONS.iter().find(fits);
    found.ok_or_else(|| Refusal::new(Why::NoRoute, "there is no operation of this name here"))
}

impl<S: Store> Server<S> {
    /// Does an operation.
    pub(super) async fn operate(&self, call: &Call) -> Outcome<Answer> {
        let operation = call.names.operation.ok_or_else(|| Refusal::plain(Why::NoRoute))?;
        let input = Input::of_call(call, self.schema)?;
        match operation.task {
            Task::Meta => self.meta(call, &input).await,
        }
    }
}
