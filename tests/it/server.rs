//! The server, started in this process on a port of its own with a real store, and talked to byte by byte.

mod audit;
mod bulk;
mod access;
mod bundles;
mod canary;
mod clients;
mod cases;
mod edge;
mod forms;
mod operations;
mod patches;
mod plans;
mod plans_back;
mod plans_nodes;
mod resources;
mod tables;
mod talk;
mod walkthrough;
