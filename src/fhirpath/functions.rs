//! The functions: one table with their names, and the code of those that work on one item.

mod conversion;
mod fhir;
mod html;
mod math;
mod pattern;
mod strings;
mod temporal;

pub(crate) use pattern::compile as compile_pattern;

pub use html::{Markup, MarkupFault};

use super::error::{Error, Fault, Outcome, kind_of};
use super::eval::{Machine, text_of};
use super::quantity::Quantity;
use super::types::System;
use super::value::{Collection, Item, Value};
use crate::diag::Span;
use regex::Regex;
use std::borrow::Cow;

/// A function that works on the items of its input as a whole, or evaluates its arguments itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Empty,
    Exists,
    All,
    AllTrue,
    AnyTrue,
    AllFalse,
    AnyFalse,
    SubsetOf,
    SupersetOf,
    Count,
    Distinct,
    IsDistinct,
    Where,
    Select,
    Repeat,
    RepeatAll,
    OfType,
    Is,
    As,
    Single,
    First,
    Last,
    Tail,
    Skip,
    Take,
    Intersect,
    Exclude,
    Union,
    Combine,
    Coalesce,
    Iif,
    Not,
    Aggregate,
    Sort,
    Children,
    Descendants,
    Trace,
    Now,
    Today,
    TimeOfDay,
    DefineVariable,
    TypeOf,
    Join,
    Extension,
    HasValue,
    Resolve,
}

/// Functions of [`Form`] with the least and the greatest number of their arguments.
const FORMS: &[(&str, Form, usize, usize)] = &[
    ("empty", Form::Empty, 0, 0),
    ("exists", Form::Exists, 0, 1),
    ("all", Form::All, 1, 1),
    ("allTrue", Form::AllTrue, 0, 0),
    ("anyTrue", Form::AnyTrue, 0, 0),
    ("allFalse", Form::AllFalse, 0, 0),
    ("anyFalse", Form::AnyFalse, 0, 0),
    ("subsetOf", Form::SubsetOf, 1, 1),
    ("supersetOf", Form::SupersetOf, 1, 1),
    ("count", Form::Count, 0, 0),
    ("distinct", Form::Distinct, 0, 0),
    ("isDistinct", Form::IsDistinct, 0, 0),
    ("where", Form::Where, 1, 1),
    ("select", Form::Select, 1, 1),
    ("repeat", Form::Repeat, 1, 1),
    ("repeatAll", Form::RepeatAll, 1, 1),
    ("ofType", Form::OfType, 1, 1),
    ("is", Form::Is, 1, 1),
    ("as", Form::As, 1, 1),
    ("single", Form::Single, 0, 0),
    ("first", Form::First, 0, 0),
    ("last", Form::Last, 0, 0),
    ("tail", Form::Tail, 0, 0),
    ("skip", Form::Skip, 1, 1),
    ("take", Form::Take, 1, 1),
    ("intersect", Form::Intersect, 1, 1),
    ("exclude", Form::Exclude, 1, 1),
    ("union", Form::Union, 1, 1),
    ("combine", Form::Combine, 1, 2),
    ("coalesce", Form::Coalesce, 1, 32),
    ("iif", Form::Iif, 2, 3),
    ("not", Form::Not, 0, 0),
    ("aggregate", Form::Aggregate, 1, 2),
    ("sort", Form::Sort, 0, 16),
    ("children", Form::Children, 0, 0),
    ("descendants", Form::Descendants, 0, 0),
    ("trace", Form::Trace, 1, 2),
    ("now", Form::Now, 0, 0),
    ("today", Form::Today, 0, 0),
    ("timeOfDay", Form::TimeOfDay, 0, 0),
    ("defineVariable", Form::DefineVariable, 1, 2),
    ("type", Form::TypeOf, 0, 0),
    ("join", Form::Join, 0, 1),
    ("extension", Form::Extension, 1, 1),
    ("hasValue", Form::HasValue, 0, 0),
    ("resolve", Form::Resolve, 0, 0),
];

/// What a function of one item works on, for the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Anything,
    Text,
    Number,
    Integer,
    Quantity,
    Temporal,
}

/// A function of one item: nothing gives nothing, several items are a fault.
pub(super) struct Scalar {
    pub(super) name: &'static str,
    pub(super) input: Takes,
    /// What its arguments are.
    pub(super) arguments: &'static [Takes],
    /// How many of them must be there; where one of these is empty, so is the result.
    pub(super) required: usize,
    /// The type of its result; `None` for that of its input.
    pub(super) gives: Option<System>,
    /// It may give several items.
    pub(super) is_many: bool,
    /// Its first argument is a regular expression.
    pub(super) has_pattern: bool,
    is_full: bool,
    pub(super) call: ScalarCall,
}

/// Arguments of a function of one item.
pub(super) const ARGUMENTS_MAX: usize = 2;

/// The code of a function of one item.
pub(super) type ScalarCall = for<'c, 'a> fn(&Call<'c, 'a>) -> Outcome<Collection<'a>>;

impl Scalar {
    const fn new(name: &'static str, input: Takes, gives: Option<System>, call: ScalarCall) -> Self {
        Self {
            name,
            input,
            arguments: &[],
            required: 0,
            gives,
            is_many: false,
            has_pattern: false,
            is_full: false,
            call,
        }
    }

    /// With arguments, all of which must be there.
    const fn taking(mut self, arguments: &'static [Takes]) -> Self {
        self.required = arguments.len();
        self.arguments = arguments;
        self
    }

    /// With arguments of which only the first must be there.
    const fn taking_some(mut self, arguments: &'static [Takes], required: usize) -> Self {
        self.arguments = arguments;
        self.required = required;
        self
    }

    const fn with_pattern(mut self) -> Self {
        self.has_pattern = true;
        self
    }

    /// Its regular expression is about the whole text.
    const fn full(mut self) -> Self {
        self.is_full = true;
        self
    }

    const fn many(mut self) -> Self {
        self.is_many = true;
        self
    }

    /// The regular expression that an argument of the function stands for.
    pub(super) fn pattern<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_full { Cow::Owned(format!("^(?:{text})$")) } else { Cow::Borrowed(text) }
    }
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

static SCALARS: &[&[Scalar]] =
    &[strings::SCALARS, math::SCALARS, conversion::SCALARS, temporal::SCALARS, fhir::SCALARS];

/// A function found by its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Function {
    Form(Form, usize, usize),
    Scalar(&'static Scalar),
}

impl Function {
    /// The function of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let form = FORMS.iter().find(|form| form.0 == name);
        form.map(|form| Self::Form(form.1, form.2, form.3)).or_else(|| {
            SCALARS.iter().copied().flatten().find(|scalar| scalar.name == name).map(Self::Scalar)
        })
    }

    /// The least and the greatest number of its arguments.
    pub(super) const fn arguments(self) -> (usize, usize) {
        match self {
            Self::Form(_, least, greatest) => (least, greatest),
            Self::Scalar(scalar) => (scalar.required, scalar.arguments.len()),
        }
    }
}

/// The names of all functions.
pub fn names() -> impl Iterator<Item = &'static str> {
    FORMS.iter().map(|form| form.0).chain(SCALARS.iter().copied().flatten().map(|scalar| scalar.name))
}

/// One call of a function of one item.
pub(super) struct Call<'c, 'a> {
    pub(super) function: &'static Scalar,
    pub(super) machine: &'c Machine<'a>,
    pub(super) input: &'c Item<'a>,
    pub(super) arguments: &'c [Option<Item<'a>>],
    pub(super) regex: Option<&'c Regex>,
    pub(super) span: Span,
}

impl<'a> Call<'_, 'a> {
    fn fault(&self, fault: Fault) -> Box<Error> {
        Error::new(self.span, fault)
    }

    fn wrong_type(&self, wanted: &'static str, found: &Item<'a>) -> Box<Error> {
        self.fault(Fault::Type { wanted, found: kind_of(found) })
    }

    /// The input as a text.
    fn text(&self) -> Outcome<Cow<'a, str>> {
        text_of(self.input, self.span)
    }

    /// The value of the input, where it has one.
    fn value(&self) -> Option<Value<'a>> {
        self.machine.value(self.input)
    }

    /// An argument, where it is there.
    fn argument(&self, at: usize) -> Option<&Item<'a>> {
        self.arguments.get(at).and_then(Option::as_ref)
    }

    /// An argument as a text; the empty text where it is not there.
    fn text_argument(&self, at: usize) -> Outcome<Cow<'a, str>> {
        self.argument(at).map_or(Ok("".into()), |item| text_of(item, self.span))
    }

    fn integer_argument(&self, at: usize) -> Outcome<Option<i32>> {
        self.argument(at).map(|item| self.machine.integer(item, self.span)).transpose()
    }

    fn quantity_argument(&self, at: usize) -> Outcome<Quantity> {
        let item = self.argument(at).ok_or_else(|| self.fault(Fault::Argument))?;
        match self.machine.value(item) {
            Some(Value::Quantity(quantity)) => Ok(*quantity),
            _ => Err(self.wrong_type("a quantity", item)),
        }
    }
}

/// A value as a result.
fn one(value: Value<'_>) -> Collection<'_> {
    Collection::One(Item::Value(value))
}

fn boolean<'a>(value: bool) -> Collection<'a> {
    one(Value::Boolean(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_once() {
        let mut seen: Vec<&str> = names().collect();
        seen.sort_unstable();
        let count = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert!(seen.iter().all(|name| Function::named(name).is_some()));
        let scalars = SCALARS.iter().copied().flatten();
        assert_eq!(scalars.map(|scalar| scalar.arguments.len()).max(), Some(ARGUMENTS_MAX));
    }
}
