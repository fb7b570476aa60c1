//! Where the public keys of a client come from: its registration, or an address at which the client renews them itself.
//!
//! SMART App Launch 2.2 ("Registering a client") prefers the address, since a client then changes its keys without
//! asking anybody. What was fetched is held no longer than its `Cache-Control` says; a key that is not among those held
//! is asked for at once, so that a new one counts from its first use.

use super::keys::Keys;
use crate::exchange::http_client::Caller;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Bytes of a key set.
const SET_BYTES_MAX: usize = 64 << 10;
/// How long a set is held that does not say.
const FRESH: Duration = Duration::from_mins(5);
/// How long a set is held at the most, whatever it says.
const FRESH_MAX: Duration = Duration::from_hours(24);
/// Time between two questions for a key that the set does not have, or of an address that failed: whoever sends
/// worthless assertions does not make this server ask more often.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Milliseconds that an address has to answer.
pub(super) const TIMEOUT_MS: u64 = 5_000;

/// The keys of one client.
#[derive(Debug)]
pub(in crate::server) enum KeySource {
    /// As its registration has them.
    Registered(Arc<Keys>),
    /// As its address has them.
    Address(KeyAddress),
}

/// An address with a key set.
#[derive(Debug)]
pub(in crate::server) struct KeyAddress {
    url: String,
    caller: Arc<Caller>,
    held: Mutex<Option<Held>>,
}

/// What an address answered; no keys where it failed.
#[derive(Debug)]
struct Held {
    keys: Option<Arc<Keys>>,
    asked: Instant,
    fresh: Duration,
}

impl KeySource {
    /// The set at an address, which is asked when a key is first needed.
    pub(super) fn at(url: String, caller: Arc<Caller>) -> Self {
        Self::Address(KeyAddress { url, caller, held: Mutex::new(None) })
    }

    /// The one address that an assertion may name (`jku`).
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Registered(_) => None,
            Self::Address(address) => Some(&address.url),
        }
    }

    /// The keys to judge an assertion by that names a key; none where they cannot be had.
    pub(super) async fn with(&self, key: &str) -> Option<Arc<Keys>> {
        match self {
            Self::Registered(keys) => Some(Arc::clone(keys)),
            Self::Address(address) => address.with(key).await,
        }
    }
}

impl Default for KeySource {
    /// No keys.
    fn default() -> Self {
        Self::Registered(Arc::default())
    }
}

impl KeyAddress {
    async fn with(&self, key: &str) -> Option<Arc<Keys>> {
        // Those who come meanwhile wait for the one answer.
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.answers(key)) {
            return held.keys.clone();
        }
        let (keys, fresh) = self.fetch().await.unzip();
        *held = Some(Held { keys: keys.clone(), asked: Instant::now(), fresh: fresh.unwrap_or_default() });
        keys
    }

    async fn fetch(&self) -> Option<(Arc<Keys>, Duration)> {
        let answer = match self.caller.get(&self.url, SET_BYTES_MAX).await {
            Ok(answer) => answer,
            Err(failed) => {
                tracing::warn!(url = self.url, code = failed.code.id, "no keys from their address");
                return None;
            }
        };
        let text = String::from_utf8(answer.body).map_err(|_| "it is not UTF-8".to_owned());
        match text.and_then(|text| Keys::read(&text)) {
            Ok(keys) => Some((Arc::new(keys), answer.fresh.unwrap_or(FRESH).min(FRESH_MAX))),
            Err(why) => {
                tracing::warn!(url = self.url, why, "no keys from their address");
                None
            }
        }
    }
}

impl Held {
    /// True where it is not time to ask again for the sake of a key.
    fn answers(&self, key: &str) -> bool {
        let age = self.asked.elapsed();
        match &self.keys {
            Some(keys) => age < self.fresh && (keys.has(key) || age < ASK_AGAIN),
            None => age < ASK_AGAIN,
        }
    }
}
