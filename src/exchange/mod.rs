//! Edges: units' documents as bytes. Later also their connections, queues and the national registry.

pub mod document;
pub mod laws;
