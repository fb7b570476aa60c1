//! The server, started in this process on a port of its own with a real store, and talked to byte by byte.

mod bundles;
mod edge;
mod forms;
mod load;
mod patches;
mod resources;
mod tables;
mod talk;
