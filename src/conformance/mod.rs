//! What a run of checks says to others: reports in the forms that other tools read, findings that are known and for
//! how long, documents against a vendor's own JSON Schema, and which requirements of a guide its examples test.
//!
//! Everything here is text in and text out. No report holds a value of a document unless the caller put one into a
//! [`report::Finding`], which the command line does only for `--show-values`.

pub mod baseline;
pub mod contract;
pub mod coverage;
pub mod report;
