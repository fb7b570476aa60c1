//! Whether the scopes of a caller allow what is asked (SMART App Launch 2.2, "Scopes for requesting FHIR resources").

use super::scope::Right;
use crate::server::call::Call;
use crate::server::caller::Caller;
use crate::server::operation::Operation;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::route::{Interaction as Do, Names};

/// What a request needs: rights on types, or on every type where none is named.
type Needs = Vec<Need>;

/// One right on a type, or on every type where none is named.
type Need = (Option<&'static str>, Right);

/// What operations need that are not judged by their level alone: those that give or take whole plans, whatever types
/// they are made of, and those about everything that there is.
const OPERATIONS: &[(&str, &[Need])] = &[
    ("joined-plan", &[(Some("Patient"), Right::Read), (Some("CarePlan"), Right::Read)]),
    ("explain", &[(Some("CarePlan"), Right::Read)]),
    ("contribute", &[(Some("DocumentReference"), Right::Create), (Some("CarePlan"), Right::Create)]),
    ("write-back", &[(Some("DocumentReference"), Right::Update), (Some("CarePlan"), Right::Update)]),
    ("audit-log", &[(Some("AuditEvent"), Right::Read)]),
    ("decide", &[(Some("CarePlan"), Right::Update)]),
    ("export", &[(None, Right::Read), (None, Right::Search)]),
    ("import", &[(None, Right::Create), (None, Right::Update)]),
];

impl Caller {
    /// Refuses a request for which the scopes do not suffice.
    pub(in crate::server) fn allow(&self, call: &Call) -> Outcome<()> {
        let Some(known) = &self.known else { return Ok(()) };
        let may = |(kind, right): &(Option<&str>, Right)| match kind {
            Some(kind) => known.scopes.allows(kind, *right),
            None => known.scopes.allows_every(*right),
        };
        if needs(call).iter().all(may) { Ok(()) } else { Err(Refusal::plain(Why::Scope)) }
    }

    /// The types that the caller may search; none where it may search every type.
    pub(in crate::server) fn searchable(&self) -> Option<Vec<String>> {
        let known = self.known.as_ref().filter(|known| !known.scopes.allows_every(Right::Search))?;
        Some(known.scopes.kinds(Right::Search).map(str::to_owned).collect())
    }

    /// True where the caller may read resources of a type.
    pub(in crate::server) fn may_read(&self, kind: &str) -> bool {
        self.known.as_ref().is_none_or(|known| known.scopes.allows(kind, Right::Read))
    }

    /// True where the caller may create resources of a type.
    pub(in crate::server) fn may_create(&self, kind: &str) -> bool {
        self.known.as_ref().is_none_or(|known| known.scopes.allows(kind, Right::Create))
    }

    /// True where the caller may search a type.
    pub(in crate::server) fn may_search(&self, kind: &str) -> bool {
        self.known.as_ref().is_none_or(|known| known.scopes.allows(kind, Right::Search))
    }
}

fn needs(call: &Call) -> Needs {
    let kind = call.names.kind;
    let one = |right: Right| vec![(kind, right)];
    let two = |right: Right| vec![(kind, right), (kind, Right::Search)];
    match call.interaction {
        Do::Read | Do::VersionRead | Do::HistoryInstance => one(Right::Read),
        Do::SearchType | Do::SearchTypeForm | Do::HistoryType | Do::HistorySystem => one(Right::Search),
        Do::SearchCompartment | Do::SearchCompartmentForm => {
            call.names.below.map(|below| vec![(Some(below), Right::Search)]).unwrap_or_default()
        }
        // A criterion tells whether something is there.
        Do::Create if call.wishes.if_none_exist.is_some() => two(Right::Create),
        Do::Create => one(Right::Create),
        Do::Update | Do::Patch => one(Right::Update),
        Do::ConditionalUpdate | Do::ConditionalPatch => two(Right::Update),
        Do::Delete => one(Right::Delete),
        Do::ConditionalDelete => two(Right::Delete),
        Do::Operation => {
            call.names.operation.map(|operation| of_operation(operation, &call.names)).unwrap_or_default()
        }
        // A search of all gives what the scopes name; the entries of a bundle are judged one by one; the others tell
        // nothing of anybody.
        Do::SearchSystem
        | Do::SearchSystemForm
        | Do::Bundle
        | Do::Health
        | Do::Ready
        | Do::Metrics
        | Do::Capabilities
        | Do::OpenApi
        | Do::SmartConfiguration
        // A job is shown to whoever was allowed to start it.
        | Do::JobStatus
        | Do::JobFile
        | Do::JobEnd
        | Do::Token => Vec::new(),
    }
}

fn of_operation(operation: &Operation, names: &Names) -> Needs {
    if let Some((_, needs)) = OPERATIONS.iter().find(|(name, _)| *name == operation.name) {
        return needs.to_vec();
    }
    match (names.kind, &names.id, operation.is_write) {
        (Some(kind), Some(_), true) => vec![(Some(kind), Right::Update)],
        (Some(kind), Some(_), false) => vec![(Some(kind), Right::Read)],
        (Some(kind), None, true) => vec![(Some(kind), Right::Create)],
        (Some(kind), None, false) => vec![(Some(kind), Right::Search)],
        (None, _, true) => vec![(None, Right::Create), (None, Right::Update)],
        // What concerns no type works on what comes with it.
        (None, _, false) => Vec::new(),
    }
}
