//! What a change is to a subscriber: judged as a read by the program that subscribed would be, at the moment of delivery.

use super::CLIENT;
use super::asked::{Subscribed, What};
use crate::schema::sha256;
use crate::search::{Base, Clause, Handling, Search, Selection};
use crate::server::Server;
use crate::server::access::Right;
use crate::server::caller::{Caller, Known, Proof};
use crate::server::document::Document;
use crate::server::ids;
use crate::server::plans::{Asked, Depth, written};
use crate::server::query::Pair;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::route::resource_type;
use crate::server::sight::tag;
use crate::server::trail::Trail;
use crate::store::{Change, Method, Name, Record, Store, Tenant};
use std::collections::HashSet;
use std::sync::Arc;

/// What the joined plan of one client is made of, as it was when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Every resource that it was made of.
    names: HashSet<Name>,
}

/// A plan as the subscriber sees it.
pub(super) struct Seen {
    /// What tells one state of it from another; empty where nothing of it is seen.
    pub(super) digest: String,
    /// The plan, as a Bundle.
    pub(super) bundle: Option<String>,
    pub(super) watched: Watched,
}

impl<S: Store> Server<S> {
    /// The program that subscribed, with a trail of its own; none where it is not registered any more.
    pub(super) fn subscriber(&self, tenant: Tenant, subscription: &Record) -> Option<Caller> {
        let trail = Trail::new(&ids::request_id());
        if self.access.is_open() {
            return Some(Caller { tenant, ..Caller::open(None, trail) });
        }
        let client = tag(subscription, CLIENT).and_then(|id| self.access.client(&id))?;
        let unit = tag(subscription, crate::server::sight::UNIT)?;
        let is_its_own = client.unit.key == unit && client.unit.tenant == tenant;
        let known = Known::of_client(client, Proof::Certificate);
        is_its_own.then(|| Caller { tenant, known: Some(known), address: None, trail })
    }

    /// The search of criteria.
    ///
    /// # Errors
    /// 400 where they are no search; 422 where they ask something of other resources: whether a change of these is one
    /// of the resource cannot be told.
    pub(super) fn criteria(&self, kind: &str, pairs: &[Pair]) -> Outcome<Search> {
        let kind = resource_type(self.schema, kind)?;
        let parsed = self.parsed(Base::Type(kind), pairs, Handling::Strict)?;
        let search = parsed.search;
        let is_alone =
            search.include.is_empty() && search.reverse_include.is_empty() && !asks_others(&search.selection);
        if is_alone {
            return Ok(search);
        }
        Err(Refusal::new(Why::Subscription, "criteria ask of the resource itself alone"))
    }

    /// The version of a change, where it meets the criteria and the subscriber sees it.
    pub(super) async fn matching(
        &self,
        caller: &Caller,
        asked: &Subscribed,
        change: &Change,
    ) -> Outcome<Option<Arc<Record>>> {
        let What::Criteria { kind, pairs } = &asked.what else { return Ok(None) };
        let may = caller.known.as_ref().is_none_or(|known| known.scopes.allows(kind, Right::Read));
        let is_meant = change.tenant == caller.tenant && change.name.kind == *kind;
        if !may || !is_meant || change.method == Method::Delete {
            return Ok(None);
        }
        let search = self.criteria(kind, pairs)?;
        let Some(record) = self.sight(caller).version(&change.name, change.version).await? else {
            return Ok(None);
        };
        let Some(bytes) = record.document.as_deref() else { return Ok(None) };
        let document = Document::stored(bytes, self.schema)?;
        let is_met = crate::search::matches(&search, &self.parameters, &document.tree);
        Ok(is_met.then_some(record))
    }

    /// True where a change may be one of a plan that is watched. What is new about somebody may lead to them.
    pub(super) async fn may_change(&self, watched: &Watched, change: &Change) -> Outcome<bool> {
        let leads = ["Patient", "DocumentReference", "Basic", "Consent"];
        if leads.contains(&&*change.name.kind) || watched.names.contains(&change.name) {
            return Ok(true);
        }
        let record = self.store.version(change.tenant, &change.name, change.version).await;
        let record = record.map_err(|error| crate::server::sight::refusal(&error))?;
        let client = record.and_then(|record| record.client.clone());
        Ok(client.is_some_and(|client| watched.names.contains(&Name::new("Patient", &*client))))
    }

    /// The joined plan of a patient as the subscriber sees it now.
    pub(super) async fn plan_seen(&self, caller: &Caller, patient: &str) -> Outcome<Seen> {
        let none = || Seen { digest: String::new(), bundle: None, watched: Watched::default() };
        let name = Name::new("Patient", patient);
        if !caller.may_read("Patient") || !caller.may_read("CarePlan") {
            return Ok(none());
        }
        if self.sight(caller).read(&name).await?.is_none_or(|record| record.is_deleted()) {
            return Ok(none());
        }
        let known = match self.known(caller, &[patient.to_owned()], Depth::Current).await {
            Ok(known) => known,
            Err(refusal) if refusal.why() == Why::NotFound => return Ok(none()),
            Err(refusal) => return Err(refusal),
        };
        let watched = Watched { names: known.stands_on.keys().cloned().collect() };
        let asked = Asked {
            request: caller.request(),
            at: None,
            language: None,
            dialect: None,
            policy: Arc::clone(self.access.policy()),
        };
        let Ok(shown) = asked.show(&known) else { return Ok(Seen { watched, ..none() }) };
        let bundle = written(&shown, None, &self.address(&name), &[])?;
        self.tell_shown(caller, &known, &shown);
        Ok(Seen { digest: sha256::hex(bundle.as_bytes()), bundle: Some(bundle), watched })
    }
}

/// True of a selection that looks at other resources.
fn asks_others(selection: &Selection) -> bool {
    fn in_clause(clause: &Clause) -> bool {
        match clause {
            Clause::All(parts) | Clause::Any(parts) => parts.iter().any(in_clause),
            Clause::Not(part) => in_clause(part),
            Clause::Refers { .. } | Clause::ReferredBy { .. } => true,
            Clause::Everything
            | Clause::Present(_)
            | Clause::Hash { .. }
            | Clause::Range { .. }
            | Clause::Text { .. }
            | Clause::Ids(_)
            | Clause::Is { .. }
            | Clause::Updated(_) => false,
        }
    }
    in_clause(&selection.clause)
}
