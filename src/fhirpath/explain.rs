//! An expression as a tree with types, for people.

use super::Options;
use super::ast::Ast;
use super::check;
use super::types::StaticType;
use crate::diag::Span;
use crate::schema::Schema;

/// One part of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// How deep it stands in the tree.
    pub depth: usize,
    /// What it is: `function where()`.
    pub label: String,
    /// The type of its result.
    pub ty: String,
    /// Its place in the text.
    pub span: Span,
}

/// The parts of an expression, each before those it is made of.
pub(super) fn explain(ast: &Ast, schema: &Schema, options: &Options) -> Vec<Explained> {
    let types = check::check(ast, schema, options).types;
    let mut open = vec![(ast, 0)];
    let mut parts = Vec::new();
    while let Some((part, depth)) = open.pop() {
        let ty = types.get(part.id as usize).unwrap_or(&StaticType::UNKNOWN).text(schema);
        parts.push(Explained { depth, label: part.label(), ty, span: part.span });
        open.extend(part.parts().into_iter().rev().map(|below| (below, depth + 1)));
    }
    parts
}
