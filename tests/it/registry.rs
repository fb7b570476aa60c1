//! The registry, with real sockets: a simulator that finds every fault of a client, a client that survives every
//! misbehaviour of a registry, certificates, and the command line.

mod certificates;
mod command;
mod planted;
mod playing;
mod surviving;
