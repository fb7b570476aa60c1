//! FHIR TestScripts: reading and running them (FHIR R4, `TestScript`).
//!
//! [`read`] makes a [`Script`] of a document, [`Runner`] runs its actions against a server through an [`Exchange`],
//! and [`ScriptResult`] says of each action how it went. The engine itself does no I/O and has no clock: the exchange
//! sends, waits and tells how long it took.
//!
//! What a script asks for and the runner cannot do is [`Outcome::Error`] with its reason, what does not apply to the
//! server is [`Outcome::Skip`]; neither is ever a pass.

mod asserts;
mod compare;
mod evaluate;
mod exchange;
mod extensions;
mod locate;
mod model;
mod operate;
mod reading;
mod result;
mod run;
mod summary;
mod synthetic;
mod variables;

pub use exchange::{Exchange, Header, Method, Request, Response, SendFault};
pub use model::{Script, Test};
pub use reading::read;
pub use result::{ActionResult, Kind, Outcome, Phase, ScriptResult, TestResult};
pub use run::{Okay, Options, Runner};
pub use summary::{Shown, documents, documents_in};
pub use synthetic::synthetic;
