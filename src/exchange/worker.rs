//! Deals with messages that are ready: lanes beside each other, each in its own order. A message that fails stops its
//! lane, and nothing else.

use super::queue::{after, lanes};
use crate::store::{Commit, CommitError, Message, Queue, QueueChange, QueueFault, Queues, Store, StoreError};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Messages of one look into the queue.
const WINDOW: usize = 512;
/// How long a worker rests where its own store takes nothing.
const REST: Duration = Duration::from_secs(1);

/// Why a message was not dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Something is wrong with it, or with its target.
    Fault(QueueFault),
    /// It stays as it is: another node was faster, or the store takes nothing now.
    Left,
}

/// Deals with the messages of a queue: applies those that came, sends those that go.
pub trait Apply: Send + Sync + 'static {
    /// Where the queues are.
    type Store: Store;

    /// Where the queues are.
    fn store(&self) -> &Self::Store;

    /// Deals with one message, which has its body. When it is done, the message is done too: of one that is applied
    /// both are one commit.
    ///
    /// # Errors
    ///
    /// See [`Trouble`].
    fn apply(&self, message: &Message) -> impl Future<Output = Result<(), Trouble>> + Send;
}

/// What a worker has done since it began.
#[derive(Debug, Default)]
pub struct Tally {
    done: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    /// Messages that were dealt with.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Tries that failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// A worker of one queue.
pub struct Worker<A> {
    /// Who deals with the messages.
    pub apply: Arc<A>,
    /// Which queue.
    pub queue: Queue,
    /// Lanes that are worked on at once.
    pub lanes_max: usize,
    /// How long it waits where nothing is ready and nothing tells of it.
    pub idle: Duration,
    /// What it has done.
    pub tally: Arc<Tally>,
}

impl<A: Apply> Worker<A> {
    /// Works for as long as it is polled; `wake` tells of new messages, and `may` of the node's turn.
    pub async fn run(&self, wake: &Notify, may: impl Fn() -> bool) {
        loop {
            let dealt = if may() { self.round().await } else { Ok(0) };
            match dealt {
                Ok(0) => drop(tokio::time::timeout(self.idle, wake.notified()).await),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        code = error.code().id,
                        queue = self.queue.as_str(),
                        "the queue is not read"
                    );
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Deals with all that is ready now, some at a time, and tells how many messages it looked at.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn round(&self) -> Result<usize, StoreError> {
        let ready = self.apply.store().ready(self.queue, now(), WINDOW).await?;
        let count = ready.len();
        let mut waiting = lanes(ready).into_iter();
        let mut working = JoinSet::new();
        let mut done = 0;
        for lane in waiting.by_ref().take(self.lanes_max.max(1)) {
            working.spawn(work(Arc::clone(&self.apply), lane, Arc::clone(&self.tally)));
        }
        while let Some(ended) = working.join_next().await {
            done += ended.unwrap_or(0);
            if let Some(lane) = waiting.next() {
                working.spawn(work(Arc::clone(&self.apply), lane, Arc::clone(&self.tally)));
            }
        }
        if done == 0 && count > 0 {
            // The store took nothing of all that is ready.
            tokio::time::sleep(REST).await;
        }
        Ok(count)
    }
}

/// Deals with the messages of one lane until one of them fails; how many of them have another state now.
async fn work<A: Apply>(apply: Arc<A>, lane: Vec<Message>, tally: Arc<Tally>) -> usize {
    let mut moved = 0;
    for message in lane {
        match one(&*apply, message, &tally).await {
            Ok(()) => moved += 1,
            Err(has_moved) => return moved + usize::from(has_moved),
        }
    }
    moved
}

/// Deals with one message; whether at least its state is another where it failed.
async fn one<A: Apply>(apply: &A, mut message: Message, tally: &Tally) -> Result<(), bool> {
    if message.body.is_none() {
        match apply.store().message(message.number).await {
            Ok(Some(whole)) => message = whole,
            Ok(None) | Err(_) => return Err(false),
        }
    }
    match apply.apply(&message).await {
        Ok(()) => {
            tally.done.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        Err(Trouble::Left) => Err(false),
        Err(Trouble::Fault(fault)) => {
            tally.failed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                number = message.number,
                connection = message.connection,
                class = fault.class.as_str(),
                code = fault.code,
                attempts = message.attempts,
                "a message was not dealt with"
            );
            let change = after(&message, fault, now(), chance());
            let commit = Commit { tenant: message.tenant, queue: vec![change], ..Commit::default() };
            Err(apply.store().commit(commit).await.is_ok())
        }
    }
}

/// Says that a message came to its end, where nothing else is written with it.
///
/// # Errors
///
/// [`Trouble::Left`] where that cannot be said.
pub async fn end<S: Store>(store: &S, message: &Message, told: Option<String>) -> Result<(), Trouble> {
    let done = QueueChange::Done { number: message.number, at: now(), map: None, told };
    let commit = Commit { tenant: message.tenant, queue: vec![done], ..Commit::default() };
    store.commit(commit).await.map(drop).map_err(|_: CommitError| Trouble::Left)
}

/// The present time, in microseconds UTC.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A number that differs from node to node and from try to try; without it waits are a little alike.
fn chance() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}
