//! What the server remembers of a subscription: how far in the change log it is, what was sent, what failed. It stands in
//! the tenant that is the server's own, under the optimistic rule that every write has, so that of several nodes one alone
//! goes on from a version of it.

use crate::server::Server;
use crate::server::access::OWN;
use crate::server::moment;
use crate::server::refusal::Outcome;
use crate::server::sight;
use crate::store::{Commit, CommitError, Method, Name, Store, Tenant, Write};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The type under which it is stored.
const KIND: &str = "SubscriptionState";
/// Notifications that are remembered, to be asked for again.
const SENT_MAX: usize = 100;
/// How long a node alone serves a subscription after it last wrote its state.
const HOLD_MICROS: i64 = 60_000_000;

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct Sent {
    pub(in crate::server) number: u64,
    /// When it happened, in microseconds UTC.
    pub(in crate::server) at: i64,
    /// What it is about: `Goal/1`.
    pub(in crate::server) focus: String,
    /// Of which version; none of what has none.
    pub(in crate::server) version: Option<u64>,
}

/// What is remembered of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::server) struct State {
    /// All changes up to here were looked at, and what they gave was delivered.
    pub(in crate::server) cursor: i64,
    /// Notifications that were delivered.
    pub(in crate::server) events: u64,
    /// Failures in a row.
    pub(in crate::server) failures: u32,
    /// Not before this moment is it tried again.
    pub(in crate::server) next: i64,
    /// The last notifications, delivered or given up, the oldest first.
    pub(in crate::server) sent: VecDeque<Sent>,
    /// What could not be delivered when the subscription fell into error.
    pub(in crate::server) dead: Option<Sent>,
    /// What the owner saw of each client's plan.
    pub(in crate::server) plans: BTreeMap<String, String>,
    /// The node that serves it, and until when.
    holder: String,
    until: i64,
    /// The version of this state; 0 where nothing is remembered yet.
    #[serde(skip)]
    version: u64,
}

impl State {
    /// Keeps a notification to be asked for again.
    pub(in crate::server) fn keep(&mut self, sent: Sent) {
        if self.sent.len() >= SENT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
    }

    /// True where another node serves it now.
    pub(in crate::server) fn is_held(&self, node: &str) -> bool {
        self.version > 0 && self.holder != node && self.until > moment::now()
    }

    /// True where this node may serve it a while yet.
    pub(in crate::server) fn is_ours(&self, node: &str) -> bool {
        self.holder == node && self.until > moment::now() + HOLD_MICROS / 2
    }

    /// True where nothing is remembered yet.
    pub(in crate::server) const fn is_new(&self) -> bool {
        self.version == 0
    }
}

fn name_of(tenant: Tenant, id: &str) -> Name {
    Name::new(KIND, format!("{}-{id}", tenant.0))
}

impl<S: Store> Server<S> {
    /// What is remembered of a subscription.
    pub(in crate::server) async fn subscription_state(&self, tenant: Tenant, id: &str) -> Outcome<State> {
        let record = self.store.read(OWN, &name_of(tenant, id)).await;
        let Some(record) = record.map_err(|error| sight::refusal(&error))? else {
            return Ok(State::default());
        };
        let read = record.document.as_deref().and_then(|document| serde_json::from_slice(document).ok());
        Ok(State { version: record.version, ..read.unwrap_or_default() })
    }

    /// Remembers it, and that this node serves it; false where another node was faster.
    pub(in crate::server) async fn keep_subscription_state(
        &self,
        tenant: Tenant,
        id: &str,
        state: &mut State,
    ) -> Outcome<bool> {
        state.holder.clone_from(&self.node);
        state.until = moment::now() + HOLD_MICROS;
        let document = serde_json::to_vec(state).unwrap_or_default();
        let write = Write {
            name: name_of(tenant, id),
            version: state.version + 1,
            updated: moment::now(),
            method: Method::Put,
            document: Some(document.into()),
            client: None,
            keys: Vec::new(),
        };
        let commit = Commit { tenant: OWN, writes: vec![write], ..Commit::default() };
        match self.store.commit(commit).await {
            Ok(_) => {
                state.version += 1;
                Ok(true)
            }
            Err(CommitError::Expectation(_) | CommitError::Stale(_) | CommitError::Queue(_)) => Ok(false),
            Err(CommitError::Store(error)) => Err(sight::refusal(&error)),
        }
    }
}
