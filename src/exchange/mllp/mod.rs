//! HL7 v2 messages over MLLP: what listens, and what calls.
//!
//! `frame` parts a stream into messages. `server` listens, hands each message to the inbox and acknowledges it when it
//! is durable there; `client` sends messages over one connection and tells what each was answered. `acknowledgement`
//! writes and reads the answers, in the form of the version that the message was written in.

pub mod acknowledgement;
mod client;
mod connection;
mod frame;
mod judge;
mod outgoing;
mod place;
mod server;
mod settings;
mod told;

pub use client::{Application, Client, Prepared, Unsent};
pub use frame::{Flaw, FrameLimits, Framer, Piece, frame};
pub use outgoing::{Outgoing, outgoing};
pub use place::Place;
pub use server::Listening;
pub use settings::{ListenLimits, MllpListen, MllpSend, WINDOW_MAX};
pub use told::Told;
