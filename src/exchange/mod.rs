//! Edges: units' documents as bytes. Later also their connections, queues and the national registry.

mod clients;
pub mod document;
pub mod laws;
pub mod write_back;
