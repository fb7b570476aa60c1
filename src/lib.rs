//! Sauma joins the care plans of many units into one plan that every sector sees, and carries changes back into
//! each unit's own document.
//!
//! A unit's document and the joined plan are two ends of a *lens*: [`mapping`] reads a document into FHIR R4
//! resources (`get`), and carries changed resources back into that very document (`put`), disturbing nothing
//! else. The modules stand here in the order in which data flows through them.
//!
//! ```
//! use sauma::exchange::document::Document;
//!
//! let bytes = std::fs::read("mappings/employment-plan/cases/multi-sector/input.csv").map_err(|error| error.to_string())?;
//! let document = Document::read(&bytes, None).map_err(|unread| unread.issue.message)?;
//! assert_eq!(document.unit.name, "employment-plan");
//!
//! let program = document.unit.program().map_err(|issues| issues[0].message.clone())?;
//! let got = program.get(&document.tree).map_err(|issue| issue.message)?;
//! assert_eq!(got.target.resource_type(sauma::tree::NodeId::ROOT).as_deref(), Some("Bundle"));
//!
//! // Nothing was changed, so the unit's document comes back byte for byte.
//! let edited = program.put(&document.tree, &got.target).map_err(|issue| issue.message)?;
//! assert_eq!(document.write(&edited).map_err(|issue| issue.message)?, bytes);
//! # Ok::<(), String>(())
//! ```
#![doc = include_str!("ARCHITECTURE.md")]

// Pure: no I/O, no clock, no environment (`.clippy.toml` lists the calls). Tests may read files.
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod diag;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod tree;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod schema;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod fhirpath;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod format;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod mapping;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod validate;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod plan;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod search;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod guide;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod conformance;

// Edges.
pub mod cli;
pub mod exchange;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
pub mod tls;
