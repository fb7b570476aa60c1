//! Operations (FHIR R4, 3.2): `table` says what there is, at which level and with which parameters; each has its handler
//! in `Server::operate`, which names them all. `Input` is what came, held against the table; `Output` what is answered.

mod audit_log;
mod bulk;
mod contribute;
mod convert;
mod decide;
mod definition;
mod definitions;
mod everything;
mod explain;
mod input;
mod joined_plan;
mod matching;
mod meta;
mod output;
mod plans_table;
mod subscription;
mod table;
mod terminology;
mod transform;
mod validate;
mod write_back;

pub(super) use bulk::Jobs;
pub(super) use definition::named;
pub(super) use input::Input;
pub(super) use output::Output;
pub(super) use table::{Level, OPERATIONS, Operation, Parameter};

use super::Server;
use super::answer::Answer;
use super::call::Call;
use super::reading::name_of;
use super::refusal::{Outcome, Refusal, Why};
use crate::store::Store;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Task {
    /// `$audit-log`: who saw and changed a client's data, in plain words.
    AuditLog,
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
    /// `$validate-code` of a value set.
    ValidateCodeInSet,
    /// `$validate-code` of a code system.
    ValidateCodeInSystem,
    /// `$expand`: the codes of a value set.
    Expand,
    /// `$lookup`: what is at hand about a code.
    Lookup,
    /// `$subsumes`: how two codes stand to each other.
    Subsumes,
    /// `$translate`: what a code becomes.
    Translate,
    /// `$transform`: a document through a map or a lens.
    Transform,
    /// `$convert`: a document in another form.
    Convert,
    /// `$export`: NDJSON files, in the background.
    Export,
    /// `$import`: NDJSON is stored, in the background.
    Import,
    SubscriptionStatus,
    SubscriptionEvents,
    /// `$contribute`: a unit's document.
    Contribute,
    /// `$joined-plan`: the plan of all units.
    JoinedPlan,
    /// `$write-back`: an edit of it.
    WriteBack,
    /// `$decide`: what people say where it leaves a choice.
    Decide,
    /// `$explain`: what a code means, who says an element.
    Explain,
}

impl Task {
    /// True where the body may be a document of any form.
    const fn takes_documents(self) -> bool {
        matches!(self, Self::Transform | Self::Convert | Self::Import)
    }
}

/// The operation of a name (without the `$`) at a level of a resource type.
pub(super) fn find(name: &str, level: Level, kind: Option<&str>) -> Outcome<&'static Operation> {
    let found = OPERATIONS.iter().find(|operation| operation.name == name && operation.is_of(level, kind));
    found.ok_or_else(|| Refusal::new(Why::NoRoute, "there is no operation of this name here"))
}

impl<S: Store> Server<S> {
    /// Refuses an operation on a patient whom the caller does not see: those that look at all that is there, and judge
    /// by themselves what they tell, would tell that there is such a patient. A resource to validate need not be there.
    async fn refuse_hidden(&self, call: &Call, operation: &Operation) -> Outcome<()> {
        let is_of_patient = call.names.kind == Some("Patient") && call.names.id.is_some();
        if call.caller.known.is_none() || !is_of_patient || operation.task == Task::Validate {
            return Ok(());
        }
        let seen = self.sight(&call.caller).read(&name_of(call)?).await?;
        seen.map(|_| ()).ok_or_else(|| Refusal::plain(Why::NotFound))
    }

    /// Does an operation.
    pub(super) async fn operate(&self, call: &Call) -> Outcome<Answer> {
        let operation = call.names.operation.ok_or_else(|| Refusal::plain(Why::NoRoute))?;
        if operation.task == Task::Contribute {
            // Its body is a document of any form.
            return self.contribute(call, operation).await;
        }
        self.refuse_hidden(call, operation).await?;
        let input = Input::of_call(call, operation, self.schema)?;
        match operation.task {
            Task::AuditLog => self.audit_log_of(call, &input).await,
            Task::Contribute => Err(Refusal::plain(Why::NoRoute)),
            Task::JoinedPlan => self.joined_plan(call, &input).await,
            Task::WriteBack => self.write_back(call, &input).await,
            Task::Decide => self.decide(call, &input).await,
            Task::Explain => self.explain(call, &input).await,
            Task::Validate => self.validate(call, &input).await,
            Task::Meta => self.meta(call).await,
            Task::MetaAdd => self.change_meta(call, &input, meta::Change::Add).await,
            Task::MetaDelete => self.change_meta(call, &input, meta::Change::Delete).await,
            Task::Everything => self.everything(call, &input).await,
            Task::Match => self.match_patient(call, &input).await,
            Task::ValidateCodeInSet => self.validate_code_in_set(call, &input).await,
            Task::ValidateCodeInSystem => self.validate_code_in_system(call, &input).await,
            Task::Expand => self.expand(call, &input).await,
            Task::Lookup => self.lookup(call, &input).await,
            Task::Subsumes => self.subsumes(call, &input).await,
            Task::Translate => self.translate(call, &input).await,
            Task::Transform => self.transform(call, &input).await,
            Task::Convert => self.convert(&input),
            Task::Export => self.start_export(call, &input),
            Task::Import => self.start_import(call, &input),
            Task::SubscriptionStatus => self.subscription_status(call, &input).await,
            Task::SubscriptionEvents => self.subscription_events(call, &input).await,
        }
    }
}
