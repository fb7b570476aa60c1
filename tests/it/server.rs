//! The server, started in this process on a port of its own with a real store, and talked to byte by byte.

mod audit;
mod bulk;
pub(crate) mod access;
mod bundles;
mod canary;
mod clients;
mod cases;
mod county;
mod checking;
mod edge;
mod forms;
mod hostile;
mod load;
mod operations;
mod patches;
mod plans;
mod plans_back;
mod plans_nodes;
mod registry;
mod resources;
mod subscriptions;
mod tables;
mod talk;
mod traces;
mod walkthrough;
