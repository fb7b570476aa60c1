//! Edges: units' documents as bytes. Later also their connections, queues and the national registry.

pub(crate) mod align;
mod clients;
pub mod intake;
pub mod document;
pub mod laws;
pub mod write_back;
