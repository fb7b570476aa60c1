//! What happened on a connection, for its operators: counted by code, and logged without anything of a message.

use crate::diag::{Code, codes};
use std::sync::atomic::{AtomicU64, Ordering};

/// What can happen, in the order in which it is counted.
const CODES: [&Code; 13] = [
    codes::MLLP_TOO_LONG,
    codes::MLLP_NO_FRAME,
    codes::MLLP_SLOW,
    codes::MLLP_STRAY,
    codes::MLLP_BROKEN,
    codes::MLLP_TYPE,
    codes::MLLP_PROCESSING,
    codes::MLLP_NOT_KEPT,
    codes::MLLP_PLACES,
    codes::MLLP_STRANGER,
    codes::MLLP_UNREACHED,
    codes::MLLP_UNANSWERED,
    codes::MLLP_STRAY_ANSWER,
];

/// Counts of one connection of the settings.
#[derive(Debug)]
pub struct Told {
    connection: String,
    counts: [AtomicU64; CODES.len()],
    messages: AtomicU64,
}

impl Told {
    /// Nothing happened yet on the connection of this name.
    pub fn new(connection: impl Into<String>) -> Self {
        Self {
            connection: connection.into(),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            messages: AtomicU64::new(0),
        }
    }

    /// Name of the connection.
    pub fn connection(&self) -> &str {
        &self.connection
    }

    /// How often something happened.
    pub fn count(&self, code: &Code) -> u64 {
        self.counts().find(|(known, _)| *known == code).map_or(0, |(_, count)| count)
    }

    /// All that can happen, and how often it did.
    pub fn counts(&self) -> impl Iterator<Item = (&'static Code, u64)> + '_ {
        CODES.into_iter().zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Messages that were acknowledged as accepted.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    pub(super) fn accepted(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn tell(&self, code: &'static Code) {
        if let Some((_, count)) = CODES.iter().zip(&self.counts).find(|(known, _)| **known == code) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        tracing::warn!(connection = self.connection, code = code.id, "{}", code.title);
    }
}
