//! Contributions of units, who their client is, and the one plan that they join into.
//!
//! A [`Contribution`] is one version of one unit's plan in the hub form (a FHIR R4 Bundle). [`join()`] is a pure
//! function of contributions and [`Decision`]s: the order in which they come, and how often, changes no byte of
//! its result. [`text`] tells the result to people. Nothing here reads a clock, a file or a network.

pub mod compare;
pub mod contribution;
pub mod decision;
pub mod dialect;
pub mod form;
pub mod history;
pub mod identity;
pub mod join;
pub mod linked;
pub mod matching;
pub mod permission;
pub mod page;
mod person;
pub mod policy;
mod read;
mod similar;
pub mod split;
pub mod text;
mod time;
pub mod view;

pub use compare::{Change, ChangeKind, compare};
pub use contribution::{Contribution, Sector, of_client, several_clients};
pub use decision::{Decider, Decision, DecisionFault, Ground, Ruling, Standing, Statement};
pub use dialect::{Dialect, in_dialect};
pub use history::as_of;
pub use identity::{Date, Hetu, HetuFault, hetu_issue, mask_codes};
pub use join::{Contact, Element, ElementState, Finding, FindingKind, Joined, Joiner, Lineage, Source, join};

/// Where the urls of Sauma's own definitions start.
pub const SAUMA: &str = "https://w3id.org/sauma/fhir/";
/// Where the full urls of resources start that no server has given one.
pub const LOCAL: &str = "https://w3id.org/sauma/local/";
