//! Why an evaluation cannot go on.

use super::value::Item;
use crate::diag::{Code, Issue, Span, codes};

/// Why an evaluation cannot go on, and at which part of the expression.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct Error {
    /// The part of the expression.
    pub span: Span,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What makes an evaluation impossible. No text of it holds a value of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// One item was needed.
    #[error("one item was expected here, but there are several")]
    Several,
    /// An item of another type was needed.
    #[error("{wanted} was expected here, but this is {found}")]
    Type {
        /// What was needed.
        wanted: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// The two operands do not go together.
    #[error("`{operator}` cannot be used between {left} and {right}")]
    Operands {
        /// The operator.
        operator: &'static str,
        /// Type of the left operand.
        left: &'static str,
        /// Type of the right operand.
        right: &'static str,
    },
    /// A unit cannot be used here.
    #[error("this unit cannot be added to a date or time")]
    Unit,
    /// A regular expression is not valid or asks for more than linear time.
    #[error("this regular expression is not valid: {0}")]
    Regex(String),
    /// An argument of a function is out of its range.
    #[error("this argument is not one that the function knows")]
    Argument,
    /// The clock was asked for, and the caller gave none.
    #[error("there is no clock here, so the date and time are not known")]
    NoClock,
    /// A variable was used that the caller gave no value for.
    #[error("the variable has no value here")]
    NoVariable,
    /// Something is needed that is not at hand: a value set, a code system, a profile.
    #[error("{0} is not known here")]
    Unavailable(&'static str),
    /// The tree was read with another table of names than that of the definitions.
    #[error("the data were read with other definitions than those of the expression")]
    ForeignTree,
    /// A limit was passed.
    #[error("the evaluation needs over {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

pub(super) type Outcome<T> = Result<T, Box<Error>>;

impl Error {
    pub(super) fn new(span: Span, fault: Fault) -> Box<Self> {
        Box::new(Self { span, fault })
    }

    /// The permanent code.
    pub const fn code(&self) -> &'static Code {
        match self.fault {
            Fault::Limit { .. } => codes::FHIRPATH_LIMIT,
            Fault::Unavailable(_) => codes::FHIRPATH_UNAVAILABLE,
            Fault::Several
            | Fault::Type { .. }
            | Fault::Operands { .. }
            | Fault::Unit
            | Fault::Regex(_)
            | Fault::Argument
            | Fault::NoClock
            | Fault::NoVariable
            | Fault::ForeignTree => codes::FHIRPATH_RUN,
        }
    }

    /// What to do about it; empty where the advice of the code says it.
    pub const fn advice(&self) -> &'static str {
        match self.fault {
            Fault::Several => {
                "choose one with `first()` or a condition in `where(…)`, or ask of each with `select(…)`"
            }
            Fault::Type { .. } => {
                "take an element that holds such a value, or convert it, as with `toString()`"
            }
            Fault::Operands { .. } => {
                "convert one side to the type of the other, as with `toString()`, `toDecimal()` or `toDateTime()`"
            }
            Fault::Unit => {
                "use a unit of time: years, months, weeks, days, hours, minutes, seconds, milliseconds"
            }
            Fault::Regex(_) => "correct the expression; it may not have back-references or look around",
            Fault::Argument => "give an argument that the function takes; see the functions of FHIRPath",
            Fault::NoClock => "run it where the time is known, or write the date out",
            Fault::NoVariable => "give the variable a value, or leave it out of the expression",
            Fault::ForeignTree => "read the data with the definitions that the expression was compiled with",
            Fault::Unavailable(_) | Fault::Limit { .. } => "",
        }
    }

    /// The same as an issue at its place in the text of the expression.
    pub fn to_issue(&self) -> Issue {
        Issue::error(self.code(), self.span, self.to_string()).with_help(self.advice())
    }
}

/// The type of an item in a word, for messages.
pub(super) fn kind_of(item: &Item<'_>) -> &'static str {
    match item {
        Item::Node(node) if node.tree.kind(node.id).is_leaf() => "a FHIR primitive",
        Item::Node(_) => "an element with children",
        Item::Value(value) => value.system().map_or("a type", super::types::System::name),
    }
}
