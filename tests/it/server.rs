//! The server, started in this process on a port of its own with a real store, and talked to byte by byte.

mod access;
mod bundles;
mod clients;
mod cases;
mod edge;
mod forms;
mod operations;
mod patches;
mod resources;
mod tables;
mod talk;
