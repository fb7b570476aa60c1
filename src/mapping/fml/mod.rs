//! The FHIR Mapping Language: FML text and `StructureMap` resources, one [`model`] for both.
//!
//! [`parse`] reads text and [`resource`] reads resources; [`print()`] and [`resource`] write them; [`format()`] lays a
//! text out anew and keeps its comments; [`check`] finds what can be known to be wrong before a map is run.
//!
#![doc = include_str!("../FML.md")]

mod check;
mod compile;
mod form;
mod format;
pub mod function;
mod library;
pub mod model;
mod oid;
mod outline;
mod print;
pub mod resource;
mod run;
mod syntax;

pub use check::check;
pub use compile::{Compat, GROUPS_MAX, Program, RuleInfo, compile};
pub use format::format;
pub use function::Function;
pub use library::{Library, Reach};
pub use model::Map;
pub use outline::outline;
pub use print::{Dialect, print};
pub use run::{
    CALL_DEPTH_MAX, FINDINGS_MAX, Finding, Log, OPEN_SOURCES_MAX, Output, RULES_MAX, Replaced, Settings,
    TARGET_BYTES_MAX, TARGET_NODES_MAX, namespace_of,
};
pub use syntax::{ISSUES_MAX, Parsed, RULE_DEPTH_MAX, TEXT_BYTES_MAX, parse};
