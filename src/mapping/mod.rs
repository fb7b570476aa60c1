//! The lens language: one file relates a unit's document to FHIR resources in both directions.
//!
//! [`compile()`] checks a lens against the definitions of both sides and gives a [`Program`]; [`Program::get`],
//! [`Program::put`] and [`Program::create`] run it, [`Program::ledger`] tells where each leaf went. The unit systems
//! that Sauma ships are in [`units`].
//!
#![doc = include_str!("LENS.md")]

pub mod ast;
mod compile;
mod convert;
mod cover;
mod export;
mod facts;
mod fit;
pub mod fml;
pub mod generate;
mod get;
pub mod laws;
mod ledger;
mod lexer;
mod links;
mod make;
pub mod mutants;
pub mod outline;
pub mod parse;
mod plans;
mod program;
mod put;
mod quick;
mod random;
mod reach;
mod same;
mod sync;
mod told;
mod value;
pub mod units;

pub use compile::compile;
pub use export::{Direction, Exported};
pub use fit::{Fitted, Loss, LossKind};
pub use get::{Got, Origins, SOURCE_TEXT};
pub use ledger::{Counts, Entry, Label, Ledger};
pub use program::{Fate, Format, Program, RuleInfo};
pub use random::Random;
