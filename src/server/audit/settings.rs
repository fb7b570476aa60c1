//! The table `[audit]` of the settings.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What becomes of a read whose entry in the log cannot be written because the store is full. Every use of client data is
/// logged (Act 703/2023, 9 §), so that a read without its entry is refused unless the settings say that care goes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// It is refused.
    Refuse,
    /// It is answered, and the operators' log says how many entries are missing.
    Answer,
}

/// What is written down of what is done, and where the chain of it is witnessed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// What is done is written down. A server in production does not start without it.
    pub enabled: bool,
    /// The Ed25519 key that signs checkpoints, in PEM; made at the first start, `audit.key` in the folder of the data by
    /// default. Its public key is written beside it, with the ending `.pub`.
    pub key: Option<PathBuf>,
    /// The file that checkpoints are added to, best on another disk; `audit.checkpoints` in the folder of the data by
    /// default.
    pub checkpoints: Option<PathBuf>,
    /// What becomes of a read whose entry cannot be written because the store is full.
    pub when_full: WhenFull,
    /// Entries after which a checkpoint is made.
    pub checkpoint_entries: u64,
    /// Seconds after which one is made where there is any new entry.
    pub checkpoint_seconds: u64,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            key: None,
            checkpoints: None,
            when_full: WhenFull::Refuse,
            checkpoint_entries: 1_000,
            checkpoint_seconds: 60,
        }
    }
}

impl AuditSettings {
    /// Where the key is, of a server with this folder.
    pub fn key_path(&self, data: &Path) -> PathBuf {
        self.key.clone().unwrap_or_else(|| data.join("audit.key"))
    }

    /// Where the checkpoints are.
    pub fn checkpoints_path(&self, data: &Path) -> PathBuf {
        self.checkpoints.clone().unwrap_or_else(|| data.join("audit.checkpoints"))
    }
}
