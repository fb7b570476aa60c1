//! Who asks.

use super::trail::Trail;
use crate::store::Tenant;

/// The one who sent a request. Whatever reads or writes the store does it for a caller, through its `Sight`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// Whose data the caller works with.
    pub(super) tenant: Tenant,
    /// What this request saw and wrote; so each request has a caller of its own.
    pub(super) trail: Trail,
}

impl Caller {
    /// Everybody who reaches a server that runs open, on loopback alone.
    pub(super) const fn open(trail: Trail) -> Self {
        Self { tenant: Tenant(0), trail }
    }
}
