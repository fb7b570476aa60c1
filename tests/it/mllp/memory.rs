//! An inbox in memory, which can be slow, full, or fail.

use sauma::exchange::inbox::{Accept, LaneKey, Outcome, Receipt, Received, Refused};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Memory {
    kept: Mutex<Kept>,
    /// How long a commit takes.
    delay: Duration,
    /// Nothing is taken now.
    pub(crate) is_full: AtomicBool,
    /// Commits.
    pub(crate) commits: AtomicUsize,
}

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) messages: Vec<Received>,
    numbers: HashMap<String, i64>,
    pub(crate) outcomes: HashMap<i64, Outcome>,
}

impl Memory {
    /// One whose commits take as many milliseconds.
    pub(crate) fn slow(delay_ms: u64) -> Arc<Self> {
        Arc::new(Self { delay: Duration::from_millis(delay_ms), ..Self::default() })
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// MSH-10 of all messages, in the order in which they were accepted.
    pub(crate) fn ids(&self) -> Vec<String> {
        let kept = self.kept();
        kept.messages.iter().map(|message| message.key.split('|').next().unwrap().to_owned()).collect()
    }

    pub(crate) fn lanes(&self) -> Vec<Option<LaneKey>> {
        self.kept().messages.iter().map(|message| message.client).collect()
    }
}

impl Accept for Memory {
    async fn accept(&self, received: Received) -> Result<Receipt, Refused> {
        self.accept_all(vec![received]).await.remove(0)
    }

    async fn accept_all(&self, messages: Vec<Received>) -> Vec<Result<Receipt, Refused>> {
        tokio::time::sleep(self.delay).await;
        if self.is_full.load(Ordering::Relaxed) {
            return messages.iter().map(|_| Err(Refused::Busy)).collect();
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.kept();
        let kept = &mut *kept;
        let mut receipts = Vec::new();
        for received in messages {
            let next = i64::try_from(kept.numbers.len()).unwrap() + 1;
            let number = *kept.numbers.entry(received.key.clone()).or_insert(next);
            let is_new = number == next;
            if is_new {
                kept.messages.push(received);
            }
            receipts.push(Ok(Receipt { number, is_new }));
        }
        receipts
    }

    async fn outcome(&self, number: i64) -> Option<Outcome> {
        self.kept().outcomes.get(&number).copied()
    }
}
