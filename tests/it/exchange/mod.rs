//! The exchange with real folders, sockets and stores: what a unit hands over is applied once, in order, whatever else
//! fails, and what changes here reaches the unit once.

mod bench;
mod directory;
mod faults;
mod fhir;
mod lanes;
mod maps;
mod outgoing;
mod unit;
