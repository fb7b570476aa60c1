//! Contributions of units, who their client is, and the one plan that they join into.
//!
//! A [`Contribution`] is one version of one unit's plan in the hub form (a FHIR R4 Bundle). [`join()`] is a pure
//! function of contributions and [`Decision`]s: the order in which they come, and how often, changes no byte of
//! its result. [`text`] tells the result to people. Nothing here reads a clock, a file or a network.

pub mod contribution;
pub mod identity;
pub mod join;
pub mod page;
mod person;
mod read;
mod similar;
pub mod text;
mod time;

pub use contribution::{Contribution, Sector, several_clients};
pub use identity::{Hetu, HetuFault, hetu_issue, mask_codes};
pub use join::{Contact, Finding, FindingKind, Joined, Lineage, Source, join};

/// Where the urls of Sauma's own definitions start.
pub const SAUMA: &str = "https://w3id.org/sauma/fhir/";
/// Where the full urls of resources start that no server has given one.
pub const LOCAL: &str = "https://w3id.org/sauma/local/";

/// A person's statement that the join follows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// These contributions, each named by its label or its key, concern one client.
    SameClient(Vec<String>),
}
