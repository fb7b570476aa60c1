//! Runs compiled expressions.
//!
//! Items are pushed, not collected: each part of an expression gives its items, one by one, to a *sink*, and the
//! sink says when it has enough. So `exists()` stops at the first item, `where().first()` looks no further than it
//! must, and a path needs no memory at all. Only what has to see a whole collection gathers one.

mod arithmetic;
mod compare;
mod filter;
mod path;
mod sets;
mod test;

pub(super) use compare::decimal;

use super::code::{Clock, Code, Compute, Environment, Op};
use super::context::{Context, ITEMS_MAX, STRING_BYTES_MAX};
use super::error::{Error, Fault, Outcome, kind_of};
use super::functions::{ARGUMENTS_MAX, Call};
use super::types::Model;
use super::value::{Collection, Item, Node, Value};
use crate::diag::Span;
use crate::tree::Kind;
use sets::Hoisted;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

/// Bytes of a text that a function works through in the time of one step.
const BYTES_A_STEP: usize = 64;
/// Steps that making a regular expression is worth, where it is not a literal.
pub(super) const PATTERN_STEPS: usize = 2_000;

/// Why no further items are wanted.
pub(super) enum Stop {
    /// The sink has what it needs.
    Enough,
    Fault(Box<Error>),
}

pub(super) type Flow = Result<(), Stop>;
pub(super) type Sink<'k, 'a> = &'k mut dyn FnMut(Item<'a>) -> Flow;

impl From<Box<Error>> for Stop {
    fn from(error: Box<Error>) -> Self {
        Self::Fault(error)
    }
}

/// A sink that had enough is no fault.
pub(super) fn settle(flow: Flow) -> Outcome<()> {
    match flow {
        Ok(()) | Err(Stop::Enough) => Ok(()),
        Err(Stop::Fault(error)) => Err(error),
    }
}

/// What `$this`, `$index` and `$total` stand for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    pub(super) focus: &'s [Item<'a>],
    pub(super) index: Option<u32>,
    pub(super) total: Option<&'s [Item<'a>]>,
}

impl<'s, 'a> Scope<'s, 'a> {
    pub(super) const fn new(focus: &'s [Item<'a>]) -> Self {
        Self { focus, index: None, total: None }
    }

    /// The scope of one item of a collection; `$total` is that around it.
    pub(super) const fn item(self, item: &'s Item<'a>, index: u32) -> Self {
        Self { focus: std::slice::from_ref(item), index: Some(index), total: self.total }
    }
}

/// The items of a part, borrowed where they are kept anyway.
pub(super) enum Gathered<'s, 'a> {
    Borrowed(&'s [Item<'a>]),
    Owned(Collection<'a>),
}

impl<'a> Gathered<'_, 'a> {
    pub(super) fn items(&self) -> &[Item<'a>] {
        match self {
            Self::Borrowed(items) => items,
            Self::Owned(collection) => collection.items(),
        }
    }
}

/// One evaluation.
pub(super) struct Machine<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) model: Model<'a>,
    focus: &'a [Item<'a>],
    hoisted: Vec<OnceCell<Hoisted<'a>>>,
    defined: RefCell<Vec<Rc<[Item<'a>]>>>,
    steps: Cell<u64>,
    /// Bytes that the texts which it makes may still have.
    bytes: Cell<usize>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        model: Model<'a>,
        focus: &'a [Item<'a>],
        slots: (usize, usize),
    ) -> Self {
        Self {
            context,
            model,
            focus,
            hoisted: std::iter::repeat_with(OnceCell::new).take(slots.0).collect(),
            defined: RefCell::new(std::iter::repeat_with(|| Rc::from([])).take(slots.1).collect()),
            steps: Cell::new(context.steps_max),
            bytes: Cell::new(STRING_BYTES_MAX),
        }
    }

    /// The scope of the whole expression.
    pub(super) const fn root(&self) -> Scope<'a, 'a> {
        Scope::new(self.focus)
    }

    /// Counts one step.
    fn step(&self, span: Span) -> Outcome<()> {
        self.charge(1, span)
    }

    /// Counts the steps of something that does more than one at once.
    pub(super) fn charge(&self, steps: usize, span: Span) -> Outcome<()> {
        match self.steps.get().checked_sub(steps as u64) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => Err(Error::new(span, Fault::Limit { what: "steps", limit: self.context.steps_max })),
        }
    }

    /// Counts bytes of a text that the evaluation makes or is about to make.
    pub(super) fn spend(&self, bytes: usize, span: Span) -> Outcome<()> {
        let limit = Fault::Limit { what: "bytes in the texts it makes", limit: STRING_BYTES_MAX as u64 };
        let left = self.bytes.get().checked_sub(bytes).ok_or_else(|| Error::new(span, limit))?;
        self.bytes.set(left);
        Ok(())
    }

    /// A text that was made.
    pub(super) fn made(&self, text: String, span: Span) -> Outcome<Value<'a>> {
        self.spend(text.len(), span)?;
        Ok(Value::String(Cow::Owned(text)))
    }

    /// Gives the items of a part to a sink.
    pub(super) fn stream(&self, code: &'a Code, scope: Scope<'_, 'a>, sink: Sink<'_, 'a>) -> Flow {
        self.step(code.span)?;
        match &code.op {
            Op::Constant(items) => items.iter().try_for_each(|item| sink(item.clone())),
            Op::This => scope.focus.iter().try_for_each(|item| sink(item.clone())),
            Op::Index => scope.index.map_or(Ok(()), |index| sink(integer(index as usize))),
            Op::Total => scope.total.unwrap_or_default().iter().try_for_each(|item| sink(item.clone())),
            Op::Environment(which) => self.environment(*which).map_or(Ok(()), |item| sink(item.clone())),
            Op::External(_) | Op::Defined(_) | Op::Hoisted { .. } => self.kept(code, sink),
            Op::Child { input, step } => {
                self.stream(input, scope, &mut |item| self.children_of(&item, step, code.span, sink))
            }
            Op::Root { test } => {
                let wanted = scope.focus.iter().filter(|item| test.holds(item, self.model));
                wanted.cloned().try_for_each(sink)
            }
            Op::Children { input } => {
                self.stream(input, scope, &mut |item| self.all_children(&item, code.span, sink))
            }
            Op::Descendants { input } => {
                self.stream(input, scope, &mut |item| self.descendants(&item, code.span, sink))
            }
            Op::Extension { input, url } => self.extension(input, url, scope, sink),
            Op::Resolve { input } => self.stream(input, scope, &mut |item| self.resolve(&item, sink)),
            Op::Where { input, criterion } => self.filter(input, criterion, scope, sink),
            Op::Select { input, projection } => self.select(input, projection, scope, sink),
            Op::Repeat { input, projection, keep } => self.repeat(input, projection, *keep, scope, sink),
            Op::OfType { input, test } => self.of_type(input, *test, scope, sink),
            Op::As { input, test } => self.cast(input, *test, scope, sink),
            Op::Take { input, part } => self.part(input, part, scope, sink),
            Op::Union(terms) => self.union(terms, scope, sink),
            Op::Combine(terms) => terms.iter().try_for_each(|term| self.stream(term, scope, sink)),
            Op::Distinct { input } => self.distinct(input, scope, sink),
            Op::Intersect { input, other } => self.intersect(input, other, scope, sink),
            Op::Exclude { input, other } => self.exclude(input, other, scope, sink),
            Op::Iif { input, criterion, then, otherwise } => {
                self.choose(input, [Some(criterion), Some(then), otherwise.as_deref()], scope, sink)
            }
            Op::Coalesce(terms) => self.coalesce(terms, scope, sink),
            Op::Aggregate { input, step, start } => {
                self.aggregate(input, step, start.as_deref(), scope, sink)
            }
            Op::Sort { input, keys } => self.sort(input, keys, scope, sink),
            Op::Trace { input, name, projection } => {
                self.trace(input, name, projection.as_deref(), scope, sink)
            }
            Op::Define { input, slot, value } => self.define(input, *slot, value.as_deref(), scope, sink),
            Op::Scalar { .. } => self.call(code, scope, sink),
            Op::Test(test) => {
                let answer = self.test(test, code.span, scope)?;
                answer.map_or(Ok(()), |answer| sink(Item::boolean(answer)))
            }
            Op::Compute(compute) => {
                let value = self.compute(compute, code.span, scope)?;
                value.map_or(Ok(()), |value| sink(Item::Value(value)))
            }
        }
    }

    fn environment(&self, which: Environment) -> Option<&Item<'a>> {
        let context = self.context;
        match which {
            Environment::Resource => context.resource.as_ref().or(self.focus.first()),
            Environment::RootResource => {
                context.root_resource.as_ref().or(context.resource.as_ref()).or(self.focus.first())
            }
            Environment::Context => context.origin.as_ref().or(self.focus.first()),
        }
    }

    fn compute(&self, compute: &'a Compute, span: Span, scope: Scope<'_, 'a>) -> Outcome<Option<Value<'a>>> {
        match compute {
            Compute::Count { input } => {
                let mut count = 0_usize;
                settle(self.stream(input, scope, &mut |_| {
                    count += 1;
                    Ok(())
                }))?;
                Ok(Some(Value::Integer(i32::try_from(count).unwrap_or(i32::MAX))))
            }
            Compute::Arithmetic { arithmetic, left, right } => {
                self.arithmetic(*arithmetic, left, right, span, scope)
            }
            Compute::Concatenate { left, right } => {
                let mut text = self.optional_text(left, scope)?.into_owned();
                text.push_str(&self.optional_text(right, scope)?);
                self.made(text, span).map(Some)
            }
            Compute::Negate { operand } => self.signed(operand, true, scope),
            Compute::Affirm { operand } => self.signed(operand, false, scope),
            Compute::Join { input, separator } => self.join(input, separator.as_deref(), span, scope),
            Compute::TypeOf { input } => {
                let item = self.single(input, scope)?;
                Ok(item.and_then(|item| self.model.label(&item)).map(|label| Value::Type(Box::new(label))))
            }
            Compute::Clock(clock) => {
                let now = self.context.now.ok_or_else(|| Error::new(span, Fault::NoClock))?;
                let value = match clock {
                    Clock::Now => Some(now),
                    Clock::Today => now.date_part(),
                    Clock::TimeOfDay => now.time_part(),
                };
                Ok(value.map(Value::Temporal))
            }
        }
    }

    /// A function of one item, with its arguments.
    fn call(&self, code: &'a Code, scope: Scope<'_, 'a>, sink: Sink<'_, 'a>) -> Flow {
        let Op::Scalar { function, input, arguments, regex } = &code.op else { return Ok(()) };
        let Some(item) = self.single(input, scope)? else { return Ok(()) };
        self.charge(text_len(&item) / BYTES_A_STEP, code.span)?;
        let mut values = [const { None }; ARGUMENTS_MAX];
        for (at, (argument, place)) in arguments.iter().zip(&mut values).enumerate() {
            *place = self.single(argument, scope)?;
            if place.is_none() && at < function.required {
                return Ok(());
            }
        }
        let call = Call {
            function,
            machine: self,
            input: &item,
            arguments: &values,
            regex: regex.as_deref(),
            span: code.span,
        };
        match (function.call)(&call)? {
            Collection::Empty => Ok(()),
            Collection::One(item) => self.pass(item, code.span, sink),
            Collection::Many(items) => {
                items.into_iter().try_for_each(|item| self.pass(item, code.span, sink))
            }
        }
    }

    /// Hands on what a function gave; the bytes of a text that it made count.
    fn pass(&self, item: Item<'a>, span: Span, sink: Sink<'_, 'a>) -> Flow {
        if let Item::Value(Value::String(Cow::Owned(text))) = &item {
            self.spend(text.len(), span)?;
        }
        sink(item)
    }

    /// The items of a part, all of them.
    pub(super) fn gather<'s>(&'s self, code: &'a Code, scope: Scope<'s, 'a>) -> Outcome<Gathered<'s, 'a>> {
        match &code.op {
            Op::Constant(items) => Ok(Gathered::Borrowed(items)),
            Op::This => Ok(Gathered::Borrowed(scope.focus)),
            Op::Hoisted { slot, code } => Ok(Gathered::Borrowed(&self.hoisted(*slot, code)?.items)),
            Op::External(number) => self.external(*number, code.span).map(Gathered::Borrowed),
            _ => {
                let mut found = Collection::Empty;
                let mut room = ITEMS_MAX;
                settle(self.stream(code, scope, &mut |item| {
                    room = room.checked_sub(1).ok_or_else(|| too_many(code.span))?;
                    found.push(item);
                    Ok(())
                }))?;
                Ok(Gathered::Owned(found))
            }
        }
    }

    /// The one item of a part, where it has one.
    pub(super) fn single(&self, code: &'a Code, scope: Scope<'_, 'a>) -> Outcome<Option<Item<'a>>> {
        let mut found = None;
        settle(self.stream(code, scope, &mut |item| match found.replace(item) {
            None => Ok(()),
            Some(_) => Err(Error::new(code.span, Fault::Several).into()),
        }))?;
        Ok(found)
    }

    /// The value of an item; `None` for an element without one.
    pub(super) fn value(&self, item: &Item<'a>) -> Option<Value<'a>> {
        match item {
            Item::Value(value) => Some(value.clone()),
            Item::Node(node) => self.model.value(node),
        }
    }

    /// A text, or nothing as the empty text.
    fn optional_text(&self, code: &'a Code, scope: Scope<'_, 'a>) -> Outcome<Cow<'a, str>> {
        let item = self.single(code, scope)?;
        item.map_or(Ok(Cow::Borrowed("")), |item| text_of(&item, code.span))
    }

    /// A whole number.
    pub(super) fn integer(&self, item: &Item<'a>, span: Span) -> Outcome<i32> {
        match self.value(item) {
            Some(Value::Integer(value)) => Ok(value),
            _ => Err(Error::new(span, Fault::Type { wanted: "a whole number", found: kind_of(item) })),
        }
    }
}

/// Bytes of the text of an item as it is written.
fn text_len(item: &Item<'_>) -> usize {
    match item {
        Item::Node(node) => node.tree.raw_text(node.id).len(),
        Item::Value(Value::String(text)) => text.len(),
        Item::Value(_) => 0,
    }
}

/// A count as an item.
fn integer(n: usize) -> Item<'static> {
    Item::Value(Value::Integer(i32::try_from(n).unwrap_or(i32::MAX)))
}

fn too_many(span: Span) -> Box<Error> {
    Error::new(span, Fault::Limit { what: "items in one collection", limit: ITEMS_MAX as u64 })
}

/// The text of an item that is one, or that is a primitive of data.
pub(super) fn text_of<'a>(item: &Item<'a>, span: Span) -> Outcome<Cow<'a, str>> {
    match item {
        Item::Value(Value::String(text)) => return Ok(text.clone()),
        Item::Node(node) if node.tree.kind(node.id) != Kind::Object && node.tree.has_text(node.id) => {
            return Ok(node.tree.text(node.id));
        }
        Item::Node(_) | Item::Value(_) => {}
    }
    Err(Error::new(span, Fault::Type { wanted: "a text", found: kind_of(item) }))
}

/// The node of an item, where it is one.
pub(super) fn node_of<'a>(item: &Item<'a>) -> Option<Node<'a>> {
    item.as_node().copied()
}
