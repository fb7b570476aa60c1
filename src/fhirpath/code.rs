//! The compiled form: names are numbers, constants are made, literal regular expressions are ready.

use super::ast::Direction;
use super::functions::Scalar;
use super::types::TypeTest;
use super::value::{Item, Value};
use crate::diag::Span;
use crate::tree::Name;
use crate::tree::fhir::TypeId;
use regex::Regex;

/// A compiled expression with its place in the text.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) op: Op,
    pub(super) span: Span,
}

/// What a compiled expression does. `input` is the collection it works on.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// Literals and what follows from them alone.
    Constant(Vec<Item<'static>>),
    /// The focus.
    This,
    /// `$index`.
    Index,
    /// `$total`.
    Total,
    Environment(Environment),
    /// A variable of the caller, by its number.
    External(usize),
    /// A variable of `defineVariable`, by its number.
    Defined(usize),
    /// A part that does not depend on the item at hand, evaluated once for each evaluation of the whole.
    Hoisted {
        slot: usize,
        code: Box<Code>,
    },

    /// Children of a name.
    Child {
        input: Box<Code>,
        step: Step,
    },
    /// `Patient` at the head of a path: what of the focus has the type.
    Root {
        test: TypeTest,
    },
    Children {
        input: Box<Code>,
    },
    Descendants {
        input: Box<Code>,
    },
    /// Extensions of an url.
    Extension {
        input: Box<Code>,
        url: Box<Code>,
    },
    Resolve {
        input: Box<Code>,
    },

    Where {
        input: Box<Code>,
        criterion: Box<Code>,
    },
    Select {
        input: Box<Code>,
        projection: Box<Code>,
    },
    Repeat {
        input: Box<Code>,
        projection: Box<Code>,
        keep: Keep,
    },
    OfType {
        input: Box<Code>,
        test: TypeTest,
    },
    As {
        input: Box<Code>,
        test: TypeTest,
    },
    Take {
        input: Box<Code>,
        part: Part,
    },
    Union(Vec<Code>),
    Combine(Vec<Code>),
    Distinct {
        input: Box<Code>,
    },
    Intersect {
        input: Box<Code>,
        other: Box<Code>,
    },
    Exclude {
        input: Box<Code>,
        other: Box<Code>,
    },
    Iif {
        input: Box<Code>,
        criterion: Box<Code>,
        then: Box<Code>,
        otherwise: Option<Box<Code>>,
    },
    Coalesce(Vec<Code>),
    Aggregate {
        input: Box<Code>,
        step: Box<Code>,
        start: Option<Box<Code>>,
    },
    Sort {
        input: Box<Code>,
        keys: Vec<SortKey>,
    },
    Trace {
        input: Box<Code>,
        name: Box<Code>,
        projection: Option<Box<Code>>,
    },
    Define {
        input: Box<Code>,
        slot: usize,
        value: Option<Box<Code>>,
    },

    /// A function of one item.
    Scalar {
        function: &'static Scalar,
        input: Box<Code>,
        arguments: Vec<Code>,
        regex: Option<Box<Regex>>,
    },
    /// What has one boolean, or none, as its result.
    Test(Test),
    /// What has at most one value as its result.
    Compute(Compute),
}

/// A question whose answer is true, false or empty.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// `exists`; with `wanted` false `empty`.
    Exists {
        input: Box<Code>,
        criterion: Option<Box<Code>>,
        wanted: bool,
    },
    All {
        input: Box<Code>,
        criterion: Box<Code>,
    },
    /// `allTrue` and its like.
    Truth {
        input: Box<Code>,
        quantifier: Quantifier,
        wanted: bool,
    },
    IsDistinct {
        input: Box<Code>,
    },
    SubsetOf {
        input: Box<Code>,
        other: Box<Code>,
    },
    HasValue {
        input: Box<Code>,
    },
    Is {
        input: Box<Code>,
        test: TypeTest,
    },
    Not {
        input: Box<Code>,
    },
    Logic {
        logic: Logic,
        left: Box<Code>,
        right: Box<Code>,
    },
    Equal {
        left: Box<Code>,
        right: Box<Code>,
        wanted: bool,
    },
    Equivalent {
        left: Box<Code>,
        right: Box<Code>,
        wanted: bool,
    },
    Order {
        order: Order,
        left: Box<Code>,
        right: Box<Code>,
    },
    In {
        item: Box<Code>,
        collection: Box<Code>,
    },
}

/// Something that gives at most one value.
#[derive(Debug, Clone)]
pub(super) enum Compute {
    Count {
        input: Box<Code>,
    },
    Arithmetic {
        arithmetic: Arithmetic,
        left: Box<Code>,
        right: Box<Code>,
    },
    Concatenate {
        left: Box<Code>,
        right: Box<Code>,
    },
    Negate {
        operand: Box<Code>,
    },
    /// `+operand`: the operand, which must be a number.
    Affirm {
        operand: Box<Code>,
    },
    Join {
        input: Box<Code>,
        separator: Option<Box<Code>>,
    },
    TypeOf {
        input: Box<Code>,
    },
    Clock(Clock),
}

/// What the caller gives with every evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Environment {
    Resource,
    RootResource,
    Context,
}

/// What `repeat` keeps of what it finds again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Distinct,
    All,
}

/// A part of a collection by the place of its items.
#[derive(Debug, Clone)]
pub(super) enum Part {
    First,
    Last,
    Tail,
    Single,
    At(Box<Code>),
    Skip(Box<Code>),
    Take(Box<Code>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    All,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logic {
    And,
    Or,
    Xor,
    Implies,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Div,
    Mod,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Now,
    Today,
    TimeOfDay,
}

impl Order {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }
}

impl Arithmetic {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Div => "div",
            Self::Mod => "mod",
        }
    }
}

/// A key of `sort`.
#[derive(Debug, Clone)]
pub(super) struct SortKey {
    pub(super) code: Code,
    pub(super) direction: Direction,
}

/// A step to children of a name.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The name in the definitions; [`Name::NONE`] where no definition has it.
    pub(super) name: Name,
    /// The name as text, for trees that have a name of their own.
    pub(super) text: Box<str>,
    pub(super) target: Target,
    /// It is called as HL7's models of XML call the text of an element: where nothing has the name, the text is meant.
    pub(super) is_text: bool,
}

/// What a step leads to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// Children of the name itself, all of one type.
    Exact(TypeId),
    /// Children of these names in data, with their types: a choice, or an element of several types.
    Choice(Vec<(Name, TypeId)>),
    /// What the data have; their types are looked up.
    Open,
}

impl Code {
    pub(super) const fn new(op: Op, span: Span) -> Self {
        Self { op, span }
    }

    /// The child of the focus without which nothing is found, where the expression has one.
    pub(super) fn needs(&self) -> Option<Name> {
        match &self.op {
            Op::Child { input, step } if matches!(input.op, Op::This | Op::Root { .. }) => {
                (matches!(step.target, Target::Exact(_)) && !step.is_text).then_some(step.name)
            }
            Op::Child { input, .. }
            | Op::Where { input, .. }
            | Op::OfType { input, .. }
            | Op::As { input, .. }
            | Op::Resolve { input } => input.needs(),
            _ => None,
        }
    }

    /// The items of a constant.
    pub(super) fn constant(&self) -> Option<&[Item<'static>]> {
        match &self.op {
            Op::Constant(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a constant that is one.
    pub(super) fn constant_text(&self) -> Option<&str> {
        match self.constant()? {
            [Item::Value(Value::String(text))] => Some(text),
            _ => None,
        }
    }
}
