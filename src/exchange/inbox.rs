//! What a connection hands over: one message as it came, and what it is answered once the message is durable.
//!
//! Every kind of connection makes a [`Received`] of what came and gives it to an [`Accept`]. It acknowledges to the
//! sender only when the [`Receipt`] is there, for then the message is on the disk. A message that comes again under
//! its key is the same message: it gets the receipt of the first one, and is not applied twice.

use super::settings::Settings;
use super::worker::{Apply, now};
use crate::diag::codes::{self, Code};
use crate::schema::sha256;
use crate::store::{
    Accepted, Class, Commit, CommitError, NewMessage, Queue, QueueChange, QueueFault, Queues, State, Store,
    StoreError, Tenant,
};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Most bytes of one message.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Most bytes of the key of a message; a longer one is hashed.
pub const KEY_BYTES_MAX: usize = 200;

/// The client whom a message is about, as a hash: messages about one client are applied in the order in which they
/// were accepted. It is made of an identity code, so it is treated as one: neither shown nor logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey(pub i64);

impl LaneKey {
    /// The lane of who has an identifier: its system (a URI, an OID, or the name of the unit's own numbers) and value.
    pub fn of(system: &str, value: &str) -> Self {
        Self(hash(&[system.trim(), value.trim()]))
    }

    /// The lane of a connection, where nobody can tell whom its messages are about.
    pub fn of_connection(connection: &str) -> Self {
        Self(hash(&["connection", connection]))
    }
}

impl std::fmt::Debug for LaneKey {
    /// Without the hash: who knows the form of identity codes can find the code of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LaneKey")
    }
}

/// One message as it came.
#[derive(Clone)]
pub struct Received {
    /// Name of the connection, as the settings have it.
    pub connection: String,
    /// The message's own key: MSH-10, MSH-7 and sender, `Bundle.identifier`, id and version of a CDA document; see
    /// [`content_key`] where it has none.
    pub key: String,
    /// Whom it is about; none where it does not say so.
    pub client: Option<LaneKey>,
    /// The unit system whose document it is; none where it is to be recognised.
    pub unit: Option<&'static str>,
    /// The message, byte for byte.
    pub bytes: Arc<[u8]>,
    /// When it came, in microseconds UTC.
    pub received: i64,
    /// Why it cannot be read at all: it is kept among the dead letters at once and stops no lane.
    pub unreadable: Option<&'static Code>,
}

impl std::fmt::Debug for Received {
    /// Without the message and its key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// Says that a message is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its number in the inbox; the number of the first one where it came before.
    pub number: i64,
    /// False where a message of this key came before.
    pub is_new: bool,
}

/// Why a message was not accepted: nothing of it is kept, so the sender must send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Too much waits already, or there is no room: the same message will be accepted later.
    #[error("the inbox takes no messages now")]
    Busy,
    /// It is longer than [`MESSAGE_BYTES_MAX`]: it will never be accepted.
    #[error("the message is too long")]
    TooLong,
    /// The inbox does not know the connection.
    #[error("the connection is unknown")]
    UnknownConnection,
    /// The store failed; nobody knows whether the message was kept. Sent again, it is known by its key.
    #[error("the inbox failed")]
    Failed,
}

/// How a message fared that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was applied.
    Applied,
    /// It is among the dead letters, and why.
    Dead(&'static Code),
}

/// Where messages are accepted.
pub trait Accept: Send + Sync + 'static {
    /// Keeps a message and answers when it is durable.
    ///
    /// # Errors
    ///
    /// See [`Refused`].
    fn accept(&self, received: Received) -> impl Future<Output = Result<Receipt, Refused>> + Send;

    /// Keeps messages that came one after the other, in their order. After the first that is refused no other is
    /// accepted, so that none overtakes one that has to come again. One commit may hold them all.
    fn accept_all(
        &self,
        messages: Vec<Received>,
    ) -> impl Future<Output = Vec<Result<Receipt, Refused>>> + Send {
        async move {
            let (mut answers, mut refused) = (Vec::with_capacity(messages.len()), false);
            for received in messages {
                let answer = if refused { Err(Refused::Busy) } else { self.accept(received).await };
                refused |= answer.is_err();
                answers.push(answer);
            }
            answers
        }
    }

    /// How a message fared, by the number of its receipt; none while it waits.
    fn outcome(&self, number: i64) -> impl Future<Output = Option<Outcome>> + Send;
}

/// Microseconds between two notes that a connection gives something.
const ANSWERED_EVERY: i64 = 10 * super::queue::SECOND;

/// What the inbox knows of a connection.
struct Known {
    tenant: Tenant,
    unit: String,
    /// When it was last written down that the connection gave something; none of one that is asked, which has answered
    /// only when it has answered in full.
    answered: Option<Mutex<i64>>,
}

/// The inbox of a store.
pub struct Inbox<A> {
    apply: Arc<A>,
    connections: HashMap<String, Known>,
    wake: Arc<Notify>,
}

impl<A: Apply> Inbox<A> {
    /// The inbox of the connections of the settings; `wake` tells the worker of what came.
    pub fn new(apply: Arc<A>, settings: &Settings, wake: Arc<Notify>) -> Self {
        let known = settings.connections.iter().map(|connection| {
            let unit = connection.unit.get_ref().clone();
            let answered = (!connection.is_asked()).then(|| Mutex::new(0));
            let known = Known { tenant: connection.tenant(), unit, answered };
            (connection.name.get_ref().clone(), known)
        });
        Self { apply, connections: known.collect(), wake }
    }

    /// What a message changes in the queues; with it, now and then, that its connection gives something.
    fn changes(&self, received: Received, now: i64) -> Result<(Tenant, Vec<QueueChange>), Refused> {
        let known = self.connections.get(&received.connection).ok_or(Refused::UnknownConnection)?;
        if received.bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Refused::TooLong);
        }
        let mut changes = Vec::with_capacity(2);
        if let Some(answered) = &known.answered {
            let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
            if now - *answered >= ANSWERED_EVERY {
                *answered = now;
                let (connection, unit) = (received.connection.clone(), known.unit.clone());
                changes.push(QueueChange::Answered { connection, unit, at: now, cursor: None });
            }
        }
        let lane = received.client.unwrap_or_else(|| LaneKey::of_connection(&received.connection));
        let fault = received.unreadable;
        let fault = fault.map(|code| QueueFault { class: Class::Format, code: code.id.to_owned() });
        let key = if received.key.len() > KEY_BYTES_MAX {
            content_key(received.key.as_bytes())
        } else {
            received.key
        };
        changes.push(QueueChange::Put(Box::new(NewMessage {
            queue: Queue::In,
            connection: received.connection,
            key,
            lane: lane.0,
            unit: received.unit.map(str::to_owned),
            received: received.received,
            body: received.bytes,
            fault,
        })));
        Ok((known.tenant, changes))
    }

    async fn keep(&self, tenant: Tenant, queue: Vec<QueueChange>) -> Result<Vec<Accepted>, Refused> {
        let commit = Commit { tenant, queue, ..Commit::default() };
        let committed = self.apply.store().commit(commit).await.map_err(|error| refused(&error))?;
        self.wake.notify_one();
        Ok(committed.accepted)
    }
}

fn refused(error: &CommitError) -> Refused {
    match error {
        CommitError::Store(StoreError::Busy | StoreError::Full | StoreError::ReadOnly) => Refused::Busy,
        CommitError::Store(_)
        | CommitError::Expectation(_)
        | CommitError::Stale(_)
        | CommitError::Queue(_) => Refused::Failed,
    }
}

fn receipt(accepted: &Accepted) -> Receipt {
    Receipt { number: accepted.number, is_new: accepted.is_new }
}

impl<A: Apply> Accept for Inbox<A> {
    async fn accept(&self, received: Received) -> Result<Receipt, Refused> {
        let (tenant, changes) = self.changes(received, now())?;
        let accepted = self.keep(tenant, changes).await?;
        accepted.first().map(receipt).ok_or(Refused::Failed)
    }

    async fn accept_all(&self, messages: Vec<Received>) -> Vec<Result<Receipt, Refused>> {
        let (count, now) = (messages.len(), now());
        let mut stopped = None;
        let mut all = Vec::with_capacity(count);
        let mut of = None;
        for received in messages {
            match self.changes(received, now) {
                // Messages of one connection are of one tenant.
                Ok((tenant, changes)) if of.is_none_or(|of| of == tenant) => {
                    of = Some(tenant);
                    all.extend(changes);
                }
                Ok(_) => stopped = Some(Refused::Busy),
                Err(refused) => stopped = Some(refused),
            }
            if stopped.is_some() {
                break;
            }
        }
        let kept = match of {
            Some(tenant) => self.keep(tenant, all).await,
            None => Ok(Vec::new()),
        };
        let mut answers: Vec<Result<Receipt, Refused>> = match kept {
            Ok(accepted) => accepted.iter().map(receipt).map(Ok).collect(),
            Err(refused) => vec![Err(refused)],
        };
        answers.extend(stopped.filter(|_| answers.len() < count).map(Err));
        answers.resize(count, Err(Refused::Busy));
        answers
    }

    async fn outcome(&self, number: i64) -> Option<Outcome> {
        // What cannot be told now is asked for again.
        let message = self.apply.store().message(number).await.ok()??;
        let code = || {
            codes::ALL
                .iter()
                .find(|code| Some(code.id) == message.fault.as_ref().map(|fault| fault.code.as_str()))
        };
        match message.state {
            State::Ready => None,
            State::Done => Some(Outcome::Applied),
            State::Dead | State::Aside | State::Dropped => {
                Some(Outcome::Dead(code().copied().unwrap_or(codes::TARGET_REFUSED)))
            }
        }
    }
}

/// The key of a message that has none: a hash of its content.
pub fn content_key(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256::hex(bytes))
}

/// A key made of parts that a message has, such as control id, time and sender; no two lists of parts make one key.
pub fn key_of(parts: &[&str]) -> String {
    let escaped = parts.iter().map(|part| part.replace('\\', "\\\\").replace('|', "\\|"));
    let key = escaped.collect::<Vec<String>>().join("|");
    if key.len() > KEY_BYTES_MAX { content_key(key.as_bytes()) } else { key }
}

fn hash(parts: &[&str]) -> i64 {
    let hex = sha256::hex(parts.join("\u{0}").as_bytes());
    // The first 63 bits: every engine keeps them as a number that is not negative.
    hex.get(..16)
        .and_then(|head| u64::from_str_radix(head, 16).ok())
        .map_or(0, |bits| (bits >> 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_other_parts_are_others() {
        let check = |left: &[&str], right: &[&str]| assert_ne!(key_of(left), key_of(right));
        check(&["a", "b"], &["a|b"]);
        check(&["a\\", "b"], &["a\\|b"]);
        check(&["a", ""], &["a"]);
        check(&["a".repeat(300).as_str()], &["b".repeat(300).as_str()]);
        assert!(key_of(&["a".repeat(300).as_str()]).len() <= KEY_BYTES_MAX);
    }

    #[test]
    fn a_lane_is_known_by_its_identifier_and_tells_nobody() {
        let lane = LaneKey::of("urn:oid:1.2.246.21", "131052-308T");
        assert_eq!(lane, LaneKey::of("urn:oid:1.2.246.21 ", "131052-308T"));
        assert_ne!(lane, LaneKey::of("urn:oid:1.2.246.22", "131052-308T"));
        assert_ne!(lane, LaneKey::of_connection("home-care"));
        assert_eq!(format!("{lane:?}"), "LaneKey");
    }
}
