//! Why a store could not do what it was asked.

use crate::diag::codes::{self, Code};

/// Why a store cannot answer. No variant carries a value of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Too many wait already: try again soon.
    #[error("the store is busy")]
    Busy,
    /// There is no room left: what was asked is refused, and tried anew once there is.
    #[error("the disk is full")]
    Full,
    /// A write failed before, so that nobody knows what the disk holds: writes are refused until a restart.
    #[error("the store takes no writes since one failed")]
    ReadOnly,
    /// The engine did not say whether a commit became durable. It takes no more writes, or the connection was lost.
    #[error("it is not known whether the commit is durable")]
    Unsure,
    /// What was read back is not what was written.
    #[error("a stored document is damaged")]
    Damaged,
    /// The cursor was not made by this store for such a search.
    #[error("the cursor of the page is not one of this store")]
    Cursor,
    /// More was asked for than one answer or one commit may hold.
    #[error("the limit of {0} was passed")]
    Limit(&'static str),
    /// The store was made by a newer Sauma.
    #[error("the store has format {found}, newer than {known}")]
    TooNew {
        /// Format of the store.
        found: i64,
        /// Newest format that is known here.
        known: i64,
    },
    /// The store is no store of Sauma, or its path or address cannot be used.
    #[error("the store cannot be opened: {0}")]
    Open(String),
    /// Another process has the file of the store open.
    #[error("the store cannot be opened: another process has it open")]
    Held,
    /// The engine refused.
    #[error("the database failed ({0})")]
    Database(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Its permanent code.
    pub const fn code(&self) -> &'static Code {
        match self {
            Self::Busy => codes::STORE_BUSY,
            Self::Full => codes::STORE_FULL,
            Self::ReadOnly | Self::Unsure => codes::STORE_READ_ONLY,
            Self::Damaged => codes::STORE_DAMAGED,
            Self::Cursor => codes::STORE_CURSOR,
            Self::Limit(_) => codes::STORE_LIMIT,
            Self::TooNew { .. } => codes::STORE_TOO_NEW,
            Self::Open(_) | Self::Held => codes::STORE_OPEN,
            Self::Database(_) | Self::Closed => codes::STORE_FAILED,
        }
    }
}

/// Why a commit was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The expectation of this place in [`Commit::expects`](super::Commit::expects) is not met.
    #[error("expectation {0} is not met")]
    Expectation(usize),
    /// The write of this place does not follow the newest version: somebody wrote first.
    #[error("write {0} does not follow the newest version")]
    Stale(usize),
    /// The change of a queue of this place in [`Commit::queue`](super::Commit::queue) is not possible any more: the
    /// message has another state, an earlier one of its lane is open, another node has the lease.
    #[error("change {0} of the queues is not possible")]
    Queue(usize),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CommitError {
    /// Its permanent code.
    pub const fn code(&self) -> &'static Code {
        match self {
            Self::Expectation(_) | Self::Stale(_) | Self::Queue(_) => codes::STORE_CONFLICT,
            Self::Store(error) => error.code(),
        }
    }
}
