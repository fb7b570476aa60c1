//! How a script went.

use crate::diag::{Code, Place};
use std::time::Duration;

/// How an action or a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Pass,
    /// Not as expected, and the script says that this is only a warning.
    Warn,
    /// Not as expected.
    Fail,
    /// It could not be run, and why: the script asks for what cannot be done, or there was no answer.
    Error(String),
    /// It was not run, and why: it does not apply, or what goes before it failed.
    Skip(String),
}

impl Outcome {
    /// As machines read it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Error(_) => "error",
            Self::Skip(_) => "skip",
        }
    }

    fn in_words(&mut self, name: &mut impl FnMut(&str) -> String) {
        match self {
            Self::Error(why) | Self::Skip(why) => *why = name(why),
            Self::Pass | Self::Warn | Self::Fail => {}
        }
    }
}

/// What an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request.
    Operation,
    /// A claim about what came back.
    Assert,
}

/// The part of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the tests.
    Setup,
    /// A test.
    Test,
    /// After the tests.
    Teardown,
}

/// How one action went.
#[derive(Debug, Clone)]
pub struct ActionResult {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub place: Place,
    /// What the script says of it.
    pub description: String,
    /// How it went.
    pub outcome: Outcome,
    /// The code of what is wrong; none where nothing is.
    pub code: Option<&'static Code>,
    /// What was expected, in the words of the script; and the status or kind of what came.
    pub message: String,
    /// The value that came, which may be personal data.
    pub came: Option<String>,
    /// The exchange it is about.
    pub exchange: Option<u32>,
}

/// How one test went; a test that repeats gives one for each value.
#[derive(Debug, Clone)]
pub struct TestResult {
    /// Its name, with the value of this repetition.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// How it went.
    pub outcome: Outcome,
    /// Its actions, as far as they were run.
    pub actions: Vec<ActionResult>,
    /// Time that the server took.
    pub took: Duration,
}

/// How a script went.
#[derive(Debug, Clone)]
pub struct ScriptResult {
    /// The file as the user named it.
    pub file: String,
    /// The name of the script.
    pub name: String,
    /// Its canonical url; may be empty.
    pub url: String,
    /// The actions before the tests.
    pub setup: Vec<ActionResult>,
    /// Its tests.
    pub tests: Vec<TestResult>,
    /// The actions after the tests.
    pub teardown: Vec<ActionResult>,
    /// True where the server was not there.
    pub is_unreachable: bool,
}

impl ScriptResult {
    /// Gives every text that may hold what differs from run to run to `name`, which gives it back in other words.
    pub fn in_words(&mut self, mut name: impl FnMut(&str) -> String) {
        for test in &mut self.tests {
            test.outcome.in_words(&mut name);
        }
        let of_tests = self.tests.iter_mut().flat_map(|test| &mut test.actions);
        for action in of_tests.chain(&mut self.setup).chain(&mut self.teardown) {
            action.outcome.in_words(&mut name);
            action.message = name(&action.message);
            action.came = action.came.as_deref().map(&mut name);
        }
    }
}

/// How actions add up: the gravest counts, and warnings are told.
pub(super) fn total(actions: &[ActionResult]) -> Outcome {
    let error = actions.iter().find(|action| matches!(action.outcome, Outcome::Error(_)));
    let has = |wanted: &Outcome| actions.iter().any(|action| action.outcome == *wanted);
    match error {
        Some(error) => error.outcome.clone(),
        None if has(&Outcome::Fail) => Outcome::Fail,
        None if has(&Outcome::Warn) => Outcome::Warn,
        None if actions
            .iter()
            .any(|action| action.kind == Kind::Assert && action.outcome == Outcome::Pass) =>
        {
            Outcome::Pass
        }
        None => match actions.iter().find(|action| matches!(action.outcome, Outcome::Skip(_))) {
            Some(skipped) => skipped.outcome.clone(),
            None => Outcome::Pass,
        },
    }
}
