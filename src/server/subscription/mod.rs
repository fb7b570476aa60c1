//! Subscriptions: R4 `Subscription` with criteria, and the topic "joined plan changed" in the form of the Subscriptions R5
//! Backport guide (1.1), both over a REST hook.
//!
//! There is no outbox: the change log of the store is one already, written in the commit of each change. A subscription
//! has a durable cursor in it (`state`), and one task that reads on from there (`work`): what was committed is delivered
//! after any end of the process, in order, at least once, and each notification has a number by which a second one is
//! known. What a subscriber gets is what its owner could read at that moment (`event`). Where it is sent, `endpoint`
//! judges: to no address of the own network unless the settings allow it.

mod asked;
mod endpoint;
mod event;
mod notice;
mod settings;
mod state;
mod topic;
mod work;

pub(super) use asked::{Content, Status, Subscribed, What};
pub(super) use notice::Notice;
pub use settings::SubscriptionSettings;
pub(super) use state::{Sent, State};
pub(super) use topic::{JOINED_PLAN, resource as topic_resource};
pub(super) use work::serve_subscriptions;

use super::Server;
use super::caller::Caller;
use super::document::Document;
use super::refusal::{Outcome, Refusal, Why};
use super::sight;
use crate::store::Store;
use crate::tree::{Flags, Kind, NodeId};

/// The type.
pub(super) const SUBSCRIPTION: &str = "Subscription";
/// The tag of the program that subscribed: what it may read is what it gets.
pub(super) const CLIENT: &str = "https://w3id.org/sauma/fhir/CodeSystem/client";

impl<S: Store> Server<S> {
    /// Judges a subscription that a client sends, and gives it the status that it begins with: one with criteria is
    /// active at once, one to a topic when its endpoint has answered.
    ///
    /// # Errors
    /// 422 for what cannot be served; 403 for what the client may not read.
    pub(super) fn subscribe(&self, caller: &Caller, document: &mut Document) -> Outcome<()> {
        let refused = |why: &'static str| Refusal::new(Why::Subscription, why);
        let value = serde_json::from_slice(&document.written()).map_err(|_| refused("it cannot be read"))?;
        let asked = Subscribed::read(&value, &self.settings.subscriptions).map_err(refused)?;
        if let What::Criteria { kind, pairs } = &asked.what {
            self.criteria(kind, pairs)?;
        }
        if let Some(known) = &caller.known {
            let may = match &asked.what {
                What::Criteria { kind, .. } => caller.may_read(kind),
                What::JoinedPlan { .. } => caller.may_read("Patient") && caller.may_read("CarePlan"),
            };
            if !may {
                return Err(Refusal::plain(Why::Scope));
            }
            document.tag(CLIENT, &known.client.id);
        }
        let is_wanted = matches!(asked.status, Status::Requested | Status::Active);
        let (status, error) = match (&asked.endpoint, &asked.what) {
            _ if !is_wanted => (asked.status, None),
            (None, _) => (Status::Error, Some("this server serves rest-hook alone")),
            (Some(_), What::Criteria { .. }) => (Status::Active, None),
            (Some(_), What::JoinedPlan { .. }) => (Status::Requested, None),
        };
        set_status(document, status, error);
        Ok(())
    }
}

/// Writes the status, and why it is one of failure.
fn set_status(document: &mut Document, status: Status, error: Option<&str>) {
    let tree = &mut document.tree;
    for (name, text) in [("status", Some(status.as_str())), ("error", error)] {
        let known = tree.child_str(NodeId::ROOT, name);
        match (known, text) {
            (Some(node), Some(text)) => tree.set_text(node, text),
            (Some(node), None) => tree.remove(node),
            (None, Some(text)) => {
                let last = tree.children(NodeId::ROOT).last();
                let name = tree.intern(name);
                let node = tree.insert_after(NodeId::ROOT, last, name, Kind::Str, Flags::default(), 0);
                tree.set_text(node, text);
            }
            (None, None) => {}
        }
    }
}

impl<S: Store> Server<S> {
    /// Says that something was written, so that those who wait for changes look.
    pub(super) fn tell_change(&self) {
        self.changed.notify_one();
    }

    /// The newest place of the change log.
    async fn head(&self) -> Outcome<i64> {
        let commit = crate::store::Commit { tenant: super::access::OWN, ..Default::default() };
        let done = self.store.commit(commit).await;
        done.map(|done| done.seq).map_err(|error| sight::commit_refusal(&error))
    }
}
