//! What an operation is given: a `Parameters` resource, a resource alone, or a query (FHIR R4, 3.2.0.1.1), held against
//! the table of operations. A parameter that the operation does not have is refused, unless the client is lenient.

use super::table::{Operation, Parameter};
use crate::schema::{Schema, base64};
use crate::server::call::Call;
use crate::server::document::Document;
use crate::server::media::Format;
use crate::server::query::Pair;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::tree::json::{self, Layout};
use crate::tree::{Kind, NodeId, Tree};
use serde_json::Value;

/// Parameters of one request.
const PARAMETERS_MAX: usize = 10_000;

/// The parameters of one operation.
#[derive(Debug, Clone)]
pub(in crate::server) struct Input {
    schema: &'static Schema,
    operation: &'static Operation,
    /// The `Parameters` that came.
    parameters: Option<Tree>,
    /// The resource that came alone.
    resource: Option<Document>,
    /// The body as it came, where the operation takes documents of any form and this is no `Parameters`.
    body: Option<Content>,
    /// The query, which takes primitive parameters.
    query: Vec<Pair>,
}

/// A document that came with a request, in whatever form.
#[derive(Debug, Clone)]
pub(in crate::server) struct Content {
    pub(in crate::server) bytes: Vec<u8>,
}

impl Input {
    /// Reads what came with a call.
    pub(super) fn of_call(
        call: &Call,
        operation: &'static Operation,
        schema: &'static Schema,
    ) -> Outcome<Self> {
        let query = call.query.clone();
        let mut input = Self { schema, operation, parameters: None, resource: None, body: None, query };
        if !call.content.bytes.is_empty() {
            let document = match Document::of_content(&call.content, schema) {
                Ok(document) => document,
                Err(_) if operation.task.takes_documents() && call.content.media.is_some() => {
                    input.body = Some(Content { bytes: call.content.bytes.to_vec() });
                    input.check(call.wishes.is_lenient)?;
                    return Ok(input);
                }
                Err(refusal) => return Err(refusal),
            };
            if document.kind == "Parameters" && input.is_wrapped(&document.tree) {
                input.parameters = Some(document.tree);
            } else {
                input.resource = Some(document);
            }
        }
        input.check(call.wishes.is_lenient)?;
        Ok(input)
    }

    /// Reads the query alone, where the body is the business of the operation.
    pub(super) fn of_query(
        call: &Call,
        operation: &'static Operation,
        schema: &'static Schema,
    ) -> Outcome<Self> {
        let query = call.query.clone();
        let input = Self { schema, operation, parameters: None, resource: None, body: None, query };
        input.check(call.wishes.is_lenient)?;
        Ok(input)
    }

    /// `Parameters` may itself be the resource that is meant: then no part of it is one that the operation takes.
    fn is_wrapped(&self, tree: &Tree) -> bool {
        let names = parts(tree, NodeId::ROOT, "parameter");
        let is_known = |node: &NodeId| {
            let name = tree.child_text(*node, "name").unwrap_or_default();
            self.operation.takes().any(|parameter| parameter.name == name)
        };
        self.alone().is_none_or(|alone| alone.ty != "Resource")
            || names.is_empty()
            || names.iter().any(is_known)
    }

    /// The parameter that a resource alone in the body stands for.
    fn alone(&self) -> Option<&'static Parameter> {
        self.operation.takes().find(|parameter| is_resource(parameter, self.schema))
    }

    /// Refuses what the operation does not take.
    fn check(&self, is_lenient: bool) -> Outcome<()> {
        if self.resource.is_some() && self.alone().is_none() {
            let message = format!("${} takes Parameters and no resource alone", self.operation.name);
            return Err(Refusal::new(Why::OperationParameter, message));
        }
        let nodes = self.all_nodes();
        if nodes.len() + self.query.len() > PARAMETERS_MAX {
            return Err(Refusal::new(Why::BodyLong, "there are too many parameters"));
        }
        let of_body = nodes.iter().filter_map(|node| {
            let name = self.parameters.as_ref()?.child_text(*node, "name");
            Some(name.unwrap_or_default().into_owned())
        });
        let mut given: Vec<String> = self.query.iter().map(|(name, _)| name.clone()).chain(of_body).collect();
        let is_known = |name: &String| self.operation.takes().any(|parameter| parameter.name == name);
        if !is_lenient && !given.iter().all(is_known) {
            return Err(self.refused("a parameter is none that it takes"));
        }
        if self.resource.is_some() || self.body.is_some() {
            given.extend(self.alone().map(|parameter| parameter.name.to_owned()));
        }
        for parameter in self.operation.takes() {
            let count = given.iter().filter(|name| *name == parameter.name).count();
            if parameter.is_needed && count == 0 {
                return Err(self.refused(&format!("it needs the parameter {}", parameter.name)));
            }
            if !parameter.is_list && count > 1 {
                return Err(self.refused(&format!("{} stands more than once", parameter.name)));
            }
        }
        Ok(())
    }

    /// A refusal that names the operation and what it takes.
    pub(in crate::server) fn refused(&self, what: &str) -> Box<Refusal> {
        let names: Vec<&str> = self.operation.takes().map(|parameter| parameter.name).collect();
        let taken = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let message = format!("${}: {what}; its parameters: {taken}", self.operation.name);
        Refusal::new(Why::OperationParameter, message)
    }

    fn all_nodes(&self) -> Vec<NodeId> {
        self.parameters.as_ref().map_or_else(Vec::new, |tree| parts(tree, NodeId::ROOT, "parameter"))
    }

    /// The `Parameters` that came, and the nodes of `Parameters.parameter` with this name.
    pub(in crate::server) fn nodes(&self, name: &str) -> Option<(&Tree, Vec<NodeId>)> {
        let tree = self.parameters.as_ref()?;
        let mut nodes = self.all_nodes();
        nodes.retain(|node| tree.child_text(*node, "name").as_deref() == Some(name));
        Some((tree, nodes))
    }

    /// Every value of a primitive parameter, of the query first.
    pub(in crate::server) fn texts(&self, name: &str) -> Vec<String> {
        let of_query = self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone());
        let mut found: Vec<String> = of_query.collect();
        if let Some((tree, nodes)) = self.nodes(name) {
            found.extend(nodes.iter().filter_map(|node| text_of(tree, *node)));
        }
        found
    }

    /// The value of a primitive parameter that stands at most once.
    pub(in crate::server) fn text(&self, name: &str) -> Option<String> {
        self.texts(name).pop()
    }

    /// True where a parameter is given.
    pub(in crate::server) fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(known, _)| known == name)
            || self.nodes(name).is_some_and(|(_, nodes)| !nodes.is_empty())
    }

    /// A canonical url with the version that another parameter gives.
    pub(in crate::server) fn versioned(&self, url: &str, version: &str) -> Option<String> {
        self.text(url).filter(|url| !url.is_empty()).map(|url| self.with_version(&url, version))
    }

    /// An url with the version that a parameter gives, where it has none of its own.
    pub(in crate::server) fn with_version(&self, url: &str, version: &str) -> String {
        match self.text(version).filter(|version| !version.is_empty() && !url.contains('|')) {
            Some(version) => format!("{url}|{version}"),
            None => url.to_owned(),
        }
    }

    /// A text that must be there.
    pub(in crate::server) fn needed_text(&self, name: &str) -> Outcome<String> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.refused(&format!("it needs the parameter {name}")))
    }

    /// A boolean.
    pub(in crate::server) fn flag(&self, name: &str) -> Outcome<Option<bool>> {
        let refused = || self.refused(&format!("{name} is true or false"));
        self.text(name).map(|text| text.parse().map_err(|_| refused())).transpose()
    }

    /// A number that is not negative.
    pub(in crate::server) fn number(&self, name: &str) -> Outcome<Option<usize>> {
        let refused = || self.refused(&format!("{name} is a number from 0"));
        self.text(name).map(|text| text.parse().map_err(|_| refused())).transpose()
    }

    /// A value of a complex type as JSON: what `valueCoding` and the like hold.
    pub(in crate::server) fn value(&self, name: &str, ty: &str) -> Outcome<Option<Value>> {
        let Some((tree, nodes)) = self.nodes(name) else { return Ok(None) };
        let Some(node) = nodes.first() else { return Ok(None) };
        let refused = || self.refused(&format!("{name} is a {ty}"));
        let value = tree.child_str(*node, &format!("value{ty}")).ok_or_else(refused)?;
        if tree.kind(value) != Kind::Object {
            return Err(refused());
        }
        let mut text = String::new();
        json::write(tree, value, Layout::Compact, &mut text);
        serde_json::from_str(&text).map(Some).map_err(|_| refused())
    }

    /// The resources that a parameter holds, or the one that came alone for it.
    pub(in crate::server) fn resources(&self, name: &str) -> Outcome<Vec<Document>> {
        if let Some(resource) = self.resource.as_ref().filter(|_| self.is_alone(name)) {
            return Ok(vec![resource.clone()]);
        }
        let Some((tree, nodes)) = self.nodes(name) else { return Ok(Vec::new()) };
        let held = |node: &NodeId| {
            let refused = || self.refused(&format!("{name} holds a resource"));
            let resource = tree.child_str(*node, "resource").ok_or_else(refused)?;
            part(tree, resource, self.schema)
        };
        nodes.iter().map(held).collect()
    }

    /// The documents that a parameter holds: resources, texts, what is packed as base64 or stands in a `Binary`.
    pub(in crate::server) fn contents(&self, name: &str) -> Outcome<Vec<Content>> {
        if let Some(body) = self.body.as_ref().filter(|_| self.is_alone(name)) {
            return Ok(vec![body.clone()]);
        }
        if let Some(resource) = self.resource.as_ref().filter(|_| self.is_alone(name)) {
            return Ok(vec![content_of(&resource.tree, NodeId::ROOT)]);
        }
        let Some((tree, nodes)) = self.nodes(name) else { return Ok(Vec::new()) };
        let held = |node: &NodeId| {
            if let Some(resource) = tree.child_str(*node, "resource") {
                return Ok(content_of(tree, resource));
            }
            let refused = || self.refused(&format!("{name} holds a resource or a text"));
            let text = text_of(tree, *node).ok_or_else(refused)?;
            if tree.child_str(*node, "valueBase64Binary").is_some() {
                return Ok(Content { bytes: base64::decode(&text).ok_or_else(refused)? });
            }
            Ok(Content { bytes: text.into_bytes() })
        };
        nodes.iter().map(held).collect()
    }

    /// The resource of a parameter that stands at most once.
    pub(in crate::server) fn resource(&self, name: &str) -> Outcome<Option<Document>> {
        Ok(self.resources(name)?.pop())
    }

    fn is_alone(&self, name: &str) -> bool {
        self.alone().is_some_and(|parameter| parameter.name == name)
    }
}

/// The parts of a parameter, or the parameters of a resource.
pub(in crate::server) fn parts(tree: &Tree, node: NodeId, name: &str) -> Vec<NodeId> {
    let name = tree.names().get(name);
    name.map_or_else(Vec::new, |name| {
        tree.children_named(node, name).filter(|child| tree.kind(*child) == Kind::Object).collect()
    })
}

/// The primitive value of a parameter.
pub(in crate::server) fn text_of(tree: &Tree, node: NodeId) -> Option<String> {
    let is_value = |child: &NodeId| tree.name_text(*child).starts_with("value");
    let value = tree.children(node).find(is_value).filter(|value| tree.has_text(*value));
    value.map(|value| tree.text(value).into_owned())
}

/// A resource as a document; of a `Binary` what it holds.
fn content_of(tree: &Tree, node: NodeId) -> Content {
    let is_binary = tree.resource_type(node).is_some_and(|kind| kind == "Binary");
    let held = tree.child_text(node, "data").filter(|_| is_binary).and_then(|data| base64::decode(&data));
    let bytes = held.unwrap_or_else(|| {
        let mut text = String::new();
        json::write(tree, node, Layout::Compact, &mut text);
        text.into_bytes()
    });
    Content { bytes }
}

fn is_resource(parameter: &Parameter, schema: &Schema) -> bool {
    let info = schema.type_named(parameter.ty).map(|ty| schema.type_info(ty));
    info.is_some_and(|info| info.is_resource())
}

/// A resource inside another as one of its own. Of a JSON text it keeps the places, so that what is found is found where
/// it stands in what the client sent.
fn part(tree: &Tree, node: NodeId, schema: &'static Schema) -> Outcome<Document> {
    let (source, span) = (tree.source(), tree.span(node));
    let is_json = source.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let within = || {
        let before = source.get(..span.start as usize)?;
        let blank = |character: char| if character == '\n' { '\n' } else { ' ' };
        let mut text: String = before
            .chars()
            .flat_map(|character| std::iter::repeat_n(blank(character), character.len_utf8()))
            .collect();
        text.push_str(source.get(span.start as usize..span.end as usize)?);
        Some(text)
    };
    let text = if is_json { within() } else { None };
    let text = text.unwrap_or_else(|| {
        let mut text = String::new();
        json::write(tree, node, Layout::Compact, &mut text);
        text
    });
    Document::read(text.as_bytes(), Format::Json, schema)
}
