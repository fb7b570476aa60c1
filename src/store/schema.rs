//! The tables, for both engines, and how a store of an older format comes to the newest.
//!
//! `SCHEMA.md` says what each table is for. A step, once released, is never changed: a new format is a new step.

use super::StoreError;

/// One step from a format to the next.
pub(super) struct Step {
    /// For SQLite: tables clustered by their key.
    pub(super) sqlite: &'static str,
    /// For PostgreSQL: keys that are led by the partition, text compared byte by byte.
    pub(super) postgres: &'static str,
}

/// The step at place `n` makes format `n + 1` of format `n`.
pub(super) const STEPS: &[Step] = &[
    Step { sqlite: include_str!("sqlite/1.sql"), postgres: include_str!("postgres/1.sql") },
    Step { sqlite: include_str!("sqlite/2.sql"), postgres: include_str!("postgres/2.sql") },
    Step { sqlite: include_str!("sqlite/3.sql"), postgres: include_str!("postgres/3.sql") },
    Step { sqlite: include_str!("sqlite/4.sql"), postgres: include_str!("postgres/4.sql") },
    Step { sqlite: include_str!("sqlite/5.sql"), postgres: include_str!("postgres/5.sql") },
    Step { sqlite: include_str!("sqlite/6.sql"), postgres: include_str!("postgres/6.sql") },
];

/// Settings that a store keeps about itself.
pub(super) mod setting {
    /// Number of the steps that were taken.
    pub(in crate::store) const FORMAT: &str = "format";
    /// Partitions of each tenant; chosen when the store is made.
    pub(in crate::store) const PARTITIONS: &str = "partitions";
    /// The newest place in the change log.
    pub(in crate::store) const SEQ: &str = "seq";
}

/// The steps that a store of a format still needs.
///
/// # Errors
///
/// [`StoreError::TooNew`] where a newer Sauma made the store.
pub(super) fn steps_after(format: i64) -> Result<&'static [Step], StoreError> {
    usize::try_from(format)
        .ok()
        .and_then(|taken| STEPS.get(taken..))
        .ok_or(StoreError::TooNew { found: format, known: i64::try_from(STEPS.len()).unwrap_or(i64::MAX) })
}

/// How the resources of a tenant are spread over partitions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partitions(pub(super) i64);

impl Partitions {
    /// All partitions of a tenant.
    pub(super) fn of(self, tenant: super::Tenant) -> Vec<i64> {
        let first = i64::from(tenant.0) * self.0;
        (first..first + self.0).collect()
    }

    /// The partition of one client's resources, or of a resource that is no client's.
    pub(super) fn one(self, tenant: super::Tenant, client: Option<&str>, reference: i64) -> i64 {
        let hash = client.map_or(reference, |id| crate::search::reference_hash("Patient", id));
        i64::from(tenant.0) * self.0 + hash.rem_euclid(self.0.max(1))
    }
}
