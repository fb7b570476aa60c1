//! FHIRPath over what was sent or came back.

use super::locate;
use crate::fhirpath::{Compiled, Context, Item, Options, Temporal, parse};
use crate::schema::{Schema, UNKNOWN};
use crate::tree::{NodeId, Tree, fhir};

/// What expressions are evaluated with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub(super) schema: &'a Schema,
    pub(super) now: Temporal,
}

impl Evaluator<'_> {
    /// Reads a resource in JSON or XML.
    ///
    /// # Errors
    /// It is none, and where that shows. Nothing of the text is told.
    pub(super) fn read(self, text: &str) -> Result<Tree, String> {
        if text.trim().is_empty() {
            return Err("there is no body".to_owned());
        }
        let names = self.schema.names();
        let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
        let read =
            if is_xml { fhir::read_xml(text, names, self.schema) } else { fhir::read_json(text, names) };
        read.map_err(|issue| format!("the body is no resource: {}", issue.message))
    }

    /// The texts of the items of an expression.
    ///
    /// # Errors
    /// The expression is wrong, or has no answer on this resource.
    pub(super) fn texts(self, expression: &str, tree: &Tree) -> Result<Vec<String>, String> {
        let (compiled, focus) = self.compiled(expression, tree)?;
        let context =
            Context::new(self.schema).with_resource(focus.clone(), focus.clone()).with_now(self.now);
        let found = compiled.evaluate(&context, &focus).map_err(|error| error.to_issue().message)?;
        let text = |item: &Item<'_>| match item {
            Item::Value(value) => value.to_text().into_owned(),
            Item::Node(node) => locate::text_of(node.tree, node.id),
        };
        Ok(found.items().iter().map(text).collect())
    }

    /// Whether an expression holds: it gives one item that is `true`.
    ///
    /// # Errors
    /// As for [`Evaluator::texts`].
    pub(super) fn holds(self, expression: &str, tree: &Tree) -> Result<bool, String> {
        self.texts(expression, tree).map(|texts| texts == ["true"])
    }

    fn compiled<'t>(self, expression: &str, tree: &'t Tree) -> Result<(Compiled, Item<'t>), String> {
        let first = |issues: &[crate::diag::Issue]| {
            issues.first().map_or_else(String::new, |issue| issue.message.clone())
        };
        let parsed = parse(expression).map_err(|issue| issue.message)?;
        let ty = tree.resource_type(NodeId::ROOT).and_then(|name| self.schema.type_named(&name));
        let options = ty.map_or_else(Options::new, |ty| Options::new().on(ty));
        let compiled = parsed.compile(self.schema, &options).map_err(|issues| first(&issues))?;
        let any = self.schema.type_named("Resource").unwrap_or(UNKNOWN);
        Ok((compiled, Item::node(tree, NodeId::ROOT, ty.unwrap_or(any))))
    }
}
