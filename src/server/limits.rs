//! What one caller may ask of the server. Each limit has a name, a default and a key of the configuration.

use serde::Deserialize;
use std::time::Duration;

/// The limits of the edge: what is over them is refused before anything reads it as FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Seconds until the head of a request must have come; also how long an idle connection stays open.
    pub head_seconds: u64,
    /// Seconds until the body must have come.
    pub body_seconds: u64,
    /// Seconds within which some of a body must come, see `pace_bytes_min`.
    pub pace_seconds: u64,
    /// Bytes of a body that must come in each `pace_seconds`, but for its end.
    pub pace_bytes_min: usize,
    /// Seconds that a client may leave an answer untaken.
    pub stall_seconds: u64,
    /// Seconds that requests at work get when the server stops.
    pub grace_seconds: u64,
    /// Bytes of the request line and the header fields together.
    pub head_bytes_max: usize,
    /// Bytes of the target of a request: path and query.
    pub target_bytes_max: usize,
    /// Header fields of one request.
    pub fields_max: usize,
    /// Bytes of a body as it comes over the wire.
    pub body_bytes_max: usize,
    /// Bytes of the bodies of all requests that are on their way or at work.
    pub bodies_bytes_max: usize,
    /// Bytes of a body once it is unpacked.
    pub unpacked_bytes_max: usize,
    /// Elements of a body: each takes some 50 bytes of memory, however few it is written with.
    pub elements_max: usize,
    /// Connections of all clients.
    pub connections_max: usize,
    /// Connections of one address.
    pub connections_per_address_max: usize,
    /// Requests at work at one time.
    pub requests_max: usize,
    /// Entries of one batch or transaction.
    pub entries_max: usize,
    /// Requests of one registered client in a second, and twice as many at once; 0 is no limit.
    pub client_requests_per_second: u32,
    /// Requests of one address in a second, where clients are registered; 0 is no limit.
    pub address_requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_seconds: 5,
            body_seconds: 30,
            pace_seconds: 5,
            pace_bytes_min: 5 << 10,
            stall_seconds: 30,
            grace_seconds: 10,
            head_bytes_max: 32 << 10,
            target_bytes_max: 8 << 10,
            fields_max: 100,
            body_bytes_max: 16 << 20,
            bodies_bytes_max: 512 << 20,
            unpacked_bytes_max: 64 << 20,
            elements_max: 2_000_000,
            connections_max: 1_000,
            connections_per_address_max: 32,
            requests_max: 512,
            entries_max: 20_000,
            client_requests_per_second: 2_000,
            address_requests_per_second: 2_000,
        }
    }
}

impl Limits {
    /// How long the head of a request may take.
    pub const fn head_time(&self) -> Duration {
        Duration::from_secs(self.head_seconds)
    }

    /// How long the body of a request may take.
    pub const fn body_time(&self) -> Duration {
        Duration::from_secs(self.body_seconds)
    }

    /// How often it is looked at how fast a body comes.
    pub const fn pace_time(&self) -> Duration {
        Duration::from_secs(self.pace_seconds)
    }

    /// How long an answer may wait for the client.
    pub const fn stall_time(&self) -> Duration {
        Duration::from_secs(self.stall_seconds)
    }

    /// How long requests at work get when the server stops.
    pub const fn grace_time(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}
