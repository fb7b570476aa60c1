//! Messages on their way in and out, kept with what they change, so that a message is applied exactly once.
//!
//! A message lies in the inbox from when a connection took it until it was applied, or in the outbox from when a change
//! was committed until its target has it. What happens to it is part of a [`Commit`](super::Commit): applying it and
//! saying so are one. Messages of one *lane* are dealt with in the order of their numbers, which grow in the order in
//! which they became durable; a dead letter, or one that waits to be tried again, holds up its own lane alone.

mod change;
mod read;
mod say;

use super::{StoreError, Tenant};
use std::future::Future;
use std::sync::Arc;

pub(super) use change::{check, key_of, write};
pub(super) use read::{depths, leases, message, messages, ready, sources};
pub(super) use say::{Cell, Said};

/// Most messages of one answer.
pub const MESSAGES_MAX: usize = 10_000;
/// Bodies longer than this do not come with [`Queues::ready`]: each is asked for by its number.
pub const BODY_AT_ONCE_BYTES_MAX: usize = 64 << 10;
/// Most bytes of what is kept of a target's answer.
pub const TOLD_BYTES_MAX: usize = 1_024;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// From a unit to here.
    In,
    /// From here to a target.
    Out,
}

impl Queue {
    /// Both.
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    /// The word in lists and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What became of a message so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It is to be dealt with, now or when its time has come.
    Ready,
    /// It cannot be dealt with: a dead letter, which holds up its lane until a person decides.
    Dead,
    /// It cannot even be read: a dead letter that holds up nothing, for nobody knows whose it is.
    Aside,
    /// It was applied, or sent.
    Done,
    /// A person gave it up.
    Dropped,
}

impl State {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Dead, Self::Aside, Self::Done, Self::Dropped];

    /// The word in lists, options and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Dead => "dead",
            Self::Aside => "aside",
            Self::Done => "done",
            Self::Dropped => "dropped",
        }
    }

    /// The state of a word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What kind of fault stopped a message: it decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Nobody answered, or who answered could not: tried again for ever, and told.
    Transport,
    /// It cannot be read.
    Format,
    /// It can be read and is not accepted: no repetition helps.
    Refused,
    /// Somebody else was faster: read again and tried again, some times.
    Conflict,
}

impl Class {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Transport, Self::Format, Self::Refused, Self::Conflict];

    /// The word in lists and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Format => "format",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
        }
    }
}

/// What stopped a message. It holds no value of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub class: Class,
    /// The permanent code of the issue, or of the error.
    pub code: String,
}

/// A message that is put in a queue.
#[derive(Clone)]
pub struct NewMessage {
    /// Which way it goes.
    pub queue: Queue,
    /// The connection that it came by, or its target.
    pub connection: String,
    /// Its key: a message of a key that the connection has already is the same message.
    pub key: String,
    /// Its lane; messages of one lane are dealt with in order.
    pub lane: i64,
    /// The unit system whose document it is, where that is known.
    pub unit: Option<String>,
    /// When it came, in microseconds UTC.
    pub received: i64,
    /// The message, byte for byte, or of the outbox what it is to be made of.
    pub body: Arc<[u8]>,
    /// Why it is set aside at once.
    pub fault: Option<Fault>,
}

/// A message as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its number: numbers grow in the order in which messages became durable, with gaps.
    pub number: i64,
    /// Which way it goes.
    pub queue: Queue,
    /// Whose data it is.
    pub tenant: Tenant,
    /// The connection that it came by, or its target.
    pub connection: String,
    /// Its key.
    pub key: String,
    /// Its lane.
    pub lane: i64,
    /// The unit system whose document it is, where that is known.
    pub unit: Option<String>,
    /// When it came, in microseconds UTC.
    pub received: i64,
    /// What became of it.
    pub state: State,
    /// How often it was tried in vain since it was last made ready.
    pub attempts: u32,
    /// When it may be tried again, in microseconds UTC.
    pub available: i64,
    /// What stopped it last.
    pub fault: Option<Fault>,
    /// The version of the map that it was applied with.
    pub map: Option<String>,
    /// How often it was applied anew.
    pub replays: u32,
    /// What is known of its end: the version that was made of it, the receipt of its target.
    pub told: Option<String>,
    /// When it came to its end.
    pub finished: Option<i64>,
    /// Bytes of its body.
    pub length: u64,
    /// Its body, where it was asked for.
    pub body: Option<Arc<[u8]>>,
}

impl std::fmt::Debug for Message {
    /// Without its body, its key and its lane.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("number", &self.number)
            .field("connection", &self.connection)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewMessage {
    /// Without its body, its key and its lane.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewMessage").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// What a commit changes in the queues.
#[derive(Debug, Clone)]
pub enum QueueChange {
    /// A message is put in a queue, unless its connection has one of its key.
    Put(Box<NewMessage>),
    /// A ready message came to its end. Refused where an earlier one of its lane has not.
    Done {
        /// Which.
        number: i64,
        /// When, in microseconds UTC.
        at: i64,
        /// The version of the map.
        map: Option<String>,
        /// What is known of its end; at most [`TOLD_BYTES_MAX`].
        told: Option<String>,
    },
    /// A ready message was tried in vain and is tried again later.
    Again {
        /// Which.
        number: i64,
        /// When it may be tried again, in microseconds UTC.
        available: i64,
        /// What stopped it.
        fault: Fault,
    },
    /// A ready message becomes a dead letter that holds up its lane, or with [`Class::Format`] one that holds up
    /// nothing.
    Dead {
        /// Which.
        number: i64,
        /// What stopped it.
        fault: Fault,
    },
    /// A dead letter, or a message that waits, is tried again at once.
    Retry {
        /// Which.
        number: i64,
    },
    /// A dead letter, or a message that waits, is given up.
    Drop {
        /// Which.
        number: i64,
        /// When, in microseconds UTC.
        at: i64,
    },
    /// A message that came to its end is applied anew.
    Replay {
        /// Which.
        number: i64,
    },
    /// Messages that came to their end before a moment are removed, some at a time.
    Clear {
        /// The moment, in microseconds UTC.
        before: i64,
    },
    /// A connection gave something.
    Answered {
        /// Which connection.
        connection: String,
        /// The key of its unit.
        unit: String,
        /// When, in microseconds UTC.
        at: i64,
        /// From where it goes on; none leaves that as it is.
        cursor: Option<String>,
    },
    /// A connection failed.
    Failed {
        /// Which connection.
        connection: String,
        /// The key of its unit.
        unit: String,
        /// When, in microseconds UTC.
        at: i64,
        /// The permanent code of what failed.
        code: String,
    },
    /// A node takes, keeps or gives back a lease. Refused where another has it.
    Lease {
        /// What it is a lease of.
        name: String,
        /// Which node.
        owner: String,
        /// The present time, in microseconds UTC.
        now: i64,
        /// Until when; a moment that has passed gives it back.
        until: i64,
    },
}

/// A message that a commit put in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its number; the number of the first one where the key was there.
    pub number: i64,
    /// False where the key was there.
    pub is_new: bool,
}

/// Which messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageQuery {
    /// Which way they go.
    pub queue: Option<Queue>,
    /// Of this connection alone.
    pub connection: Option<String>,
    /// In these states; empty: in any.
    pub states: Vec<State>,
    /// Of this lane alone.
    pub lane: Option<(Tenant, i64)>,
    /// That came at this moment or later, in microseconds UTC.
    pub since: Option<i64>,
    /// Behind this number.
    pub after: i64,
    /// How many, at most [`MESSAGES_MAX`].
    pub count: usize,
}

/// How many messages of a connection are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    /// Which way they go.
    pub queue: Queue,
    /// Which connection.
    pub connection: String,
    /// Which state; those that are done are not counted.
    pub state: State,
    /// How many.
    pub count: u64,
    /// When the oldest came, in microseconds UTC.
    pub oldest: i64,
}

/// What is known of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Which connection.
    pub connection: String,
    /// Whose data it brings.
    pub tenant: Tenant,
    /// The key of its unit.
    pub unit: String,
    /// When it last gave anything, in microseconds UTC.
    pub answered: Option<i64>,
    /// Since when it has failed; none where it gave something since.
    pub failed: Option<i64>,
    /// The permanent code of what failed first.
    pub code: Option<String>,
    /// From where it goes on.
    pub cursor: Option<String>,
}

/// A lease and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is a lease of.
    pub name: String,
    /// Which node has it.
    pub owner: String,
    /// Until when, in microseconds UTC.
    pub until: i64,
}

/// Reads queues.
pub trait Queues: Send + Sync {
    /// Messages that may be dealt with now, oldest first: those of which no earlier one of their lane is dead or waits.
    /// Several of one lane come in the order in which they are to be dealt with. Long bodies are left out.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn ready(
        &self,
        queue: Queue,
        now: i64,
        count: usize,
    ) -> impl Future<Output = Result<Vec<Message>, StoreError>> + Send;

    /// Messages without their bodies, oldest first.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn messages(&self, query: &MessageQuery)
    -> impl Future<Output = Result<Vec<Message>, StoreError>> + Send;

    /// One message with its body.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn message(&self, number: i64) -> impl Future<Output = Result<Option<Message>, StoreError>> + Send;

    /// How many messages are in each state but done.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn depths(&self) -> impl Future<Output = Result<Vec<Depth>, StoreError>> + Send;

    /// What is known of each connection.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn sources(&self) -> impl Future<Output = Result<Vec<Source>, StoreError>> + Send;

    /// Who has which lease.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    fn leases(&self) -> impl Future<Output = Result<Vec<Lease>, StoreError>> + Send;
}
