//! FHIRPath over what was sent or came back.

use super::locate;
use crate::fhirpath::{Compiled, Context, Item, Options, Temporal, parse};
use crate::schema::{Schema, UNKNOWN};
use crate::tree::json::Layout;
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

    /// A resource in the form of a media type of FHIR. What is none, and what has that form, stays as it is.
    pub(super) fn in_form(self, text: String, media: &str) -> String {
        let is_xml = text.trim_start().starts_with('<');
        let wants_xml = media.starts_with("application/fhir+xml");
        if is_xml == wants_xml || !(wants_xml || media.starts_with("application/fhir+json")) {
            return text;
        }
        let Ok(tree) = self.read(&text) else { return text };
        let mut out = String::new();
        if wants_xml {
            let written = fhir::write_xml(&tree, NodeId::ROOT, self.schema, Layout::Compact, &mut out);
            return if written.is_ok() { out } else { text };
        }
        fhir::write_json(&tree, NodeId::ROOT, Some(self.schema), Layout::Compact, &mut out);
        out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_sent_in_the_form_that_is_asked_for() {
        let evaluator = Evaluator { schema: Schema::r4(), now: Temporal::utc(0, 0) };
        let check = |text: &str, media: &str, expected: &str| {
            assert_eq!(evaluator.in_form(text.to_owned(), media), expected, "{media}");
        };
        let json = r#"{"resourceType":"Patient","active":true}"#;
        let xml = r#"<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>"#;
        check(json, "application/fhir+xml", xml);
        check(xml, "application/fhir+json; fhirVersion=4.0", json);
        check(json, "application/fhir+json", json);
        check(json, "application/json-patch+json", json);
        check("{}", "application/fhir+xml", "{}");
        check("no resource", "application/fhir+xml", "no resource");
    }
}
