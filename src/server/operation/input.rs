//! What an operation is given: a `Parameters` resource, a resource alone, or a query (FHIR R4, 3.2.0.1.1).

use crate::schema::Schema;
use crate::server::call::Call;
use crate::server::document::Document;
use crate::server::query::Pair;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::tree::{NodeId, Tree};

/// The parameters of one operation.
#[derive(Debug, Clone)]
pub(in crate::server) struct Input {
    /// The `Parameters` that came.
    parameters: Option<Tree>,
    /// The resource that came alone.
    resource: Option<Document>,
    /// The query, which takes primitive parameters.
    query: Vec<Pair>,
}

impl Input {
    /// Reads what came with a call.
    pub(super) fn of_call(call: &Call, schema: &'static Schema) -> Outcome<Self> {
        let mut input = Self { parameters: None, resource: None, query: call.query.clone() };
        if !call.content.bytes.is_empty() {
            let document = Document::of_content(&call.content, schema)?;
            if document.kind == "Parameters" {
                input.parameters = Some(document.tree);
            } else {
                input.resource = Some(document);
            }
        }
        Ok(input)
    }

    /// The resource that came alone in the body.
    pub(in crate::server) const fn resource(&self) -> Option<&Document> {
        self.resource.as_ref()
    }

    /// The `Parameters` that came.
    pub(in crate::server) const fn parameters(&self) -> Option<&Tree> {
        self.parameters.as_ref()
    }

    /// Nodes of `Parameters.parameter` with this name.
    pub(in crate::server) fn nodes(&self, name: &str) -> Vec<NodeId> {
        let Some(tree) = &self.parameters else { return Vec::new() };
        let Some(parameter) = tree.names().get("parameter") else { return Vec::new() };
        let named = |node: &NodeId| tree.child_text(*node, "name").as_deref() == Some(name);
        tree.children_named(NodeId::ROOT, parameter).filter(named).collect()
    }

    /// Every value of a primitive parameter, of the query first.
    pub(in crate::server) fn texts(&self, name: &str) -> Vec<String> {
        let of_query = self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone());
        let mut found: Vec<String> = of_query.collect();
        let Some(tree) = &self.parameters else { return found };
        for node in self.nodes(name) {
            let value = tree.children(node).find(|child| tree.name_text(*child).starts_with("value"));
            found.extend(value.map(|value| tree.text(value).into_owned()));
        }
        found
    }

    /// The value of a primitive parameter that stands at most once.
    pub(in crate::server) fn text(&self, name: &str) -> Outcome<Option<String>> {
        let mut found = self.texts(name);
        if found.len() > 1 {
            return Err(Refusal::new(Why::QueryForm, "a parameter of the operation stands more than once"));
        }
        Ok(found.pop())
    }
}
