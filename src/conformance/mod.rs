//! What a run of checks says to others: reports in the forms that other tools read, findings that are known and for
//! how long, documents against a vendor's own JSON Schema, which requirements of a guide its examples test, and
//! TestScripts against a server.
//!
//! Everything here is text in and text out, but for `client`, which asks a server. No report holds a value of a document unless the caller put one into a
//! [`report::Finding`], which the command line does only for `--show-values`.

pub mod baseline;
pub mod check;
#[cfg(feature = "server")]
pub mod client;
pub mod contract;
pub mod coverage;
pub mod report;
pub mod script;
#[cfg(feature = "server")]
pub mod smart;
