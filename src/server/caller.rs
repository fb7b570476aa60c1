//! Who asks.

use crate::store::Tenant;

/// The one who sent a request. Whatever reads or writes the store does it for a caller, through its `Sight`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// Whose data the caller works with.
    pub(super) tenant: Tenant,
}

impl Caller {
    /// Everybody who reaches a server that runs open, on loopback alone.
    pub(super) const fn open() -> Self {
        Self { tenant: Tenant(0) }
    }

    /// The key of the unit that what the caller writes belongs to; empty of a server that runs open, where nobody is
    /// told from anybody.
    pub(super) const fn owner(&self) -> &'static str {
        ""
    }
}
