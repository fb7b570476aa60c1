//! A suite of checks for the endpoints of vendors: TestScripts, what is watched in every exchange beside them, and the
//! requirements that both test.
//!
//! [`Watch`] sees every exchange of a run and holds it against itself, against what was asked and against what was given
//! before. [`Evidence`] writes exchanges so that the same answers give the same bytes whatever ids, times and ports they
//! had. [`matrix`] says of each requirement how it stands. All of it is pure.

mod asked;
mod bundles;
mod compare;
mod evidence;
mod fields;
mod known;
mod matrix;
mod package;
mod rule;
mod suite;
mod watch;

pub use evidence::{Evidence, Text, Values};
pub use matrix::{Level, Row, State, Wanted, Went, matrix, matrix_csv, matrix_json, wanted};
pub use package::{Packed, manifest, zip};
pub use rule::Rule;
pub use suite::{Role, SHARED_PLAN, Suite};
pub use watch::{Watch, Watched};

use super::script::{Request, Response};
use crate::diag::{Code, Severity, Span};

/// One exchange of a run.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Its number, from 1.
    pub number: u32,
    /// What was asked.
    pub request: Request,
    /// What was answered.
    pub response: Response,
}

/// What is wrong with an answer.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The rule that is broken.
    pub rule: Rule,
    /// The code of it.
    pub code: &'static Code,
    /// How much it matters.
    pub severity: Severity,
    /// The number of the exchange.
    pub exchange: u32,
    /// Where in the body of the answer.
    pub span: Option<Span>,
    /// Where in the resource.
    pub path: String,
    /// What is wrong, without any value.
    pub message: String,
    /// The rule of a definition that is broken, as the validator names it; empty for all else.
    pub broken: String,
}
