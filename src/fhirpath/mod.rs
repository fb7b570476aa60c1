//! FHIRPath: the language of invariants, search parameters and conditions (FHIRPath 2.0.0 with what 3.0.0 and FHIR R4
//! add to it).
//!
//! An expression is parsed, checked against the definitions, compiled and then evaluated on nodes of trees as often
//! as needed. Nothing is copied out of the data; most evaluations use no memory of their own.
//!
//! ```
//! use sauma::fhirpath::{Context, Item, Options, parse};
//! use sauma::schema::Schema;
//! use sauma::tree::{NodeId, fhir};
//!
//! let schema = Schema::r4();
//! let goal = schema.resolve("Goal").map_err(|error| error.to_string())?;
//! let rule = parse("target.exists() implies target.all(due.exists())").map_err(|issue| issue.message)?;
//! let rule = rule.compile(schema, &Options::new().on(goal).strict()).map_err(|issues| issues[0].message.clone())?;
//!
//! let text = r#"{"resourceType":"Goal","target":[{"dueDate":"2026-01-01"}]}"#;
//! let tree = fhir::read_json(text, schema.names()).map_err(|issue| issue.message)?;
//! let context = Context::new(schema);
//! let focus = Item::node(&tree, NodeId::ROOT, goal);
//! assert_eq!(rule.evaluate_boolean(&context, &focus).map_err(|error| error.to_string())?, Some(true));
//! # Ok::<(), String>(())
//! ```

mod ast;
pub(crate) mod calendar;
mod check;
mod code;
mod context;
mod decimal;
mod error;
mod eval;
mod explain;
mod functions;
mod lexer;
mod nodes;
mod outline;
mod parse;
mod quantity;
mod temporal;
mod types;
mod ucum;
mod value;

#[cfg(test)]
mod tests;

pub use check::Options;
pub use context::{Coded, Context, Host, ITEMS_MAX, Local, STEPS_MAX, STRING_BYTES_MAX};
pub use decimal::Decimal;
pub use error::{Error, Fault};
pub use explain::Explained;
pub(crate) use functions::compile_pattern;
pub use functions::names as function_names;
pub use functions::{Markup, MarkupFault};
pub use outline::{Named, What, usage};
pub use parse::{DEPTH_MAX, TEXT_BYTES_MAX};
pub use quantity::{Calendar, Quantity, Unit};
pub use temporal::{Bound, Precision, Temporal, TemporalKind};
pub use types::{StaticType, System};
pub use value::{Collection, Item, Node, TypeLabel, Value};

use crate::diag::{Issue, Severity};
use crate::schema::Schema;
use crate::tree::Name;
use ast::Ast;
use code::Code;
use eval::Machine;
use functions::Function;
use lexer::Lexer;
use std::sync::Arc;
use types::{Known, Model};

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    ast: Ast,
}

/// Parses a text that is one expression.
///
/// # Errors
/// The first place where it does not follow the grammar, or a limit that it passes.
pub fn parse(text: &str) -> Result<Expression, Box<Issue>> {
    parse::parse_all(Lexer::new(text)).map(|ast| Expression { ast })
}

/// As [`parse`], of an expression in a map of the FHIR Mapping Language, where a string may stand in double quotes
/// too, as HL7's own maps have it.
///
/// # Errors
/// As for [`parse`].
pub fn parse_in_map(text: &str) -> Result<Expression, Box<Issue>> {
    parse::parse_all(Lexer::in_map(text)).map(|ast| Expression { ast })
}

/// Parses the expression that starts at byte `start` of a longer text and goes as far as it can; gives it and the byte
/// where it ends. Spans of the expression count from the start of the text.
///
/// What follows may be anything that no operator begins with: a word, a colon, `->`, the end.
///
/// # Errors
/// As for [`parse`].
pub fn parse_prefix(text: &str, start: usize) -> Result<(Expression, usize), Box<Issue>> {
    parse::parse_start(Lexer::new(text).from(start)).map(|(ast, end)| (Expression { ast }, end))
}

impl Expression {
    /// The type of the result, and what is wrong with the expression.
    pub fn check(&self, schema: &Schema, options: &Options) -> (StaticType, Vec<Issue>) {
        let checked = check::check(&self.ast, schema, options);
        (checked.ty, checked.issues)
    }

    /// The expression ready to run.
    ///
    /// # Errors
    /// What a check finds wrong with it.
    pub fn compile(&self, schema: &Schema, options: &Options) -> Result<Compiled, Vec<Issue>> {
        let checked = check::check(&self.ast, schema, options);
        if checked.issues.iter().any(|issue| issue.severity == Severity::Error) {
            return Err(checked.issues);
        }
        Ok(Compiled {
            code: checked.code,
            ty: checked.ty,
            slots: checked.slots,
            known: checked.known,
            variables: options.variables.len(),
        })
    }

    /// The syntax tree with the type of each part, for people.
    pub fn explain(&self, schema: &Schema, options: &Options) -> Vec<Explained> {
        explain::explain(&self.ast, schema, options)
    }
}

/// An expression ready to run, on any thread and as often as needed.
///
/// It belongs to the definitions it was compiled with: data must be read with their table of names.
#[derive(Debug, Clone)]
pub struct Compiled {
    code: Code,
    ty: StaticType,
    slots: (usize, usize),
    known: Known,
    variables: usize,
}

impl Compiled {
    /// The type of the result.
    pub const fn result_type(&self) -> &StaticType {
        &self.ty
    }

    /// The child of the focus without which the result is empty, where the expression has one.
    pub fn needs(&self) -> Option<Name> {
        self.code.needs()
    }

    /// The result on one item.
    ///
    /// # Errors
    /// Where the language asks for one: several items or another type than an operator or function takes, a limit.
    pub fn evaluate<'a>(
        &'a self,
        context: &'a Context<'a>,
        focus: &'a Item<'a>,
    ) -> Result<Collection<'a>, Box<Error>> {
        self.evaluate_all(context, std::slice::from_ref(focus))
    }

    /// The result on a collection.
    ///
    /// # Errors
    /// As for [`Compiled::evaluate`].
    pub fn evaluate_all<'a>(
        &'a self,
        context: &'a Context<'a>,
        focus: &'a [Item<'a>],
    ) -> Result<Collection<'a>, Box<Error>> {
        let machine = self.machine(context, focus)?;
        Ok(machine.gather(&self.code, machine.root())?.items().iter().cloned().collect())
    }

    /// The result as a boolean: none where there is no item, true for one that is no boolean.
    ///
    /// # Errors
    /// As for [`Compiled::evaluate`], and where there are several items.
    pub fn evaluate_boolean<'a>(
        &'a self,
        context: &'a Context<'a>,
        focus: &'a Item<'a>,
    ) -> Result<Option<bool>, Box<Error>> {
        let machine = self.machine(context, std::slice::from_ref(focus))?;
        machine.truth(&self.code, machine.root())
    }

    fn machine<'a>(
        &'a self,
        context: &'a Context<'a>,
        focus: &'a [Item<'a>],
    ) -> Result<Machine<'a>, Box<Error>> {
        let names = context.schema.names();
        let foreign = |item: &Item<'_>| {
            item.as_node().is_some_and(|node| !Arc::ptr_eq(node.tree.names().shared(), names))
        };
        let given = [&context.resource, &context.root_resource, &context.origin];
        if focus.iter().chain(given.into_iter().flatten()).any(foreign) {
            return Err(Error::new(self.code.span, Fault::ForeignTree));
        }
        if context.variables.len() < self.variables {
            return Err(Error::new(self.code.span, Fault::NoVariable));
        }
        let model = Model { schema: context.schema, known: &self.known };
        Ok(Machine::new(context, model, focus, self.slots))
    }
}
