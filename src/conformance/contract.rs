//! A document against a JSON Schema: the contract that a vendor has published for its own documents.
//!
//! The schema stands alone: a reference to another file or to the network is refused, never followed. Patterns run on an
//! engine without backtracking, so that no pattern and no document can make it run for hours. Messages name keywords of
//! the schema and places in the document, never a value or a key of it.

use crate::diag::{Issue, Span, codes};
use crate::tree::{Flags, Kind, NodeId, Tree};
use crate::validate::Report;
use jsonschema::error::ValidationErrorKind as Fault;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Faults of one document that are told; the rest are counted.
const FAULTS_MAX: usize = 1_000;

/// A compiled JSON Schema.
#[derive(Debug)]
pub struct Contract {
    validator: Validator,
    name: String,
}

impl Contract {
    /// Compiles a schema. Its own `$schema` says which draft it follows, 2020-12 where it says nothing.
    ///
    /// # Errors
    /// The text is not JSON, the schema is not well formed, or it refers to something outside itself.
    pub fn compile(text: &str) -> Result<Self, Box<Issue>> {
        let refuse = |why: String| {
            Box::new(
                Issue::error(codes::CONTRACT_SCHEMA, Span::default(), "the JSON Schema cannot be used")
                    .with_help(why),
            )
        };
        let schema: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            refuse(format!("it is not JSON: line {}, column {}", error.line(), error.column()))
        })?;
        let name = ["$id", "id", "title"].iter().find_map(|key| schema.get(key)?.as_str());
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .offline()
            .should_validate_formats(true)
            .build(&schema)
            // Here the value is the schema itself, which is nobody's data.
            .map_err(|error| refuse(format!("{error} (at {})", error.instance_path())))?;
        Ok(Self { validator, name: name.unwrap_or("JSON Schema").to_owned() })
    }

    /// What the schema calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks a document, which `tree::json` has read.
    pub fn check(&self, tree: &Tree) -> Report {
        let mut report = Report::default();
        let document: Value = match serde_json::from_str(tree.source().trim_start_matches('\u{feff}')) {
            Ok(document) => document,
            Err(_) => {
                let message = "the document is nested too deep to be held against a JSON Schema";
                report.issues.push(Issue::error(codes::LIMIT, Span::default(), message));
                return report;
            }
        };
        for error in self.validator.iter_errors(&document) {
            if report.issues.len() < FAULTS_MAX {
                report.issues.push(issue(tree, &error));
            } else {
                report.issues_left_out += 1;
            }
        }
        report.issues.sort_by_key(|issue| issue.span.start);
        report
    }
}

fn issue(tree: &Tree, error: &ValidationError<'_>) -> Issue {
    let node = node(tree, error.instance_path().as_str());
    let stranger = match error.kind() {
        Fault::AdditionalProperties { unexpected } | Fault::UnevaluatedProperties { unexpected } => {
            unexpected.first().and_then(|name| tree.child_str(node, name))
        }
        _ => None,
    };
    let span = stranger.map_or_else(|| tree.head_span(node), |stranger| tree.head_span(stranger));
    Issue::error(codes::CONTRACT, span, message(error))
        .at(tree.path(node))
        .of_rule(error.schema_path().as_str().to_owned())
}

/// What is wrong. The library's own masked texts repeat keys of the document where they are what is wrong.
fn message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Fault::AdditionalProperties { unexpected } | Fault::UnevaluatedProperties { unexpected } => {
            let is_one = unexpected.len() == 1;
            let members = if is_one { "member" } else { "members" };
            format!("the schema does not allow {} {members} of this object", unexpected.len())
        }
        Fault::PropertyNames { .. } => "a name of a member is not as the schema demands".to_owned(),
        Fault::UnevaluatedItems { unexpected } => {
            format!("the schema does not allow {} items of this array", unexpected.len())
        }
        Fault::FromUtf8 { .. } => "the value is not UTF-8".to_owned(),
        _ => error.masked_with("the value").to_string(),
    }
}

/// The node that a JSON Pointer (RFC 6901) leads to, or the last one on the way that the tree has.
fn node(tree: &Tree, pointer: &str) -> NodeId {
    let mut here = NodeId::ROOT;
    let mut list: Option<&str> = None;
    for token in pointer.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        // Items of an array are children of the object that share a name, so the token after the name chooses.
        let (next, is_member) = match (list.take(), tree.kind(here)) {
            (Some(name), _) => (key.parse().ok().and_then(|at| item(tree, here, name, at)), false),
            (None, Kind::Array) => (key.parse().ok().and_then(|at| tree.children(here).nth(at)), false),
            (None, _) => (tree.child_str(here, &key), true),
        };
        let Some(next) = next else { return here };
        if is_member && tree.flags(next).has(Flags::LIST) {
            list = Some(tree.name_text(next));
        } else {
            here = next;
        }
    }
    match list {
        Some(name) => tree.child_str(here, name).unwrap_or(here),
        None => here,
    }
}

fn item(tree: &Tree, parent: NodeId, name: &str, at: usize) -> Option<NodeId> {
    tree.children_named(parent, tree.names().get(name)?).nth(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::tree::json;

    const SCHEMA: &str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"plan","type":"object",
        "required":["id"],"additionalProperties":false,"properties":{"id":{"type":"string"},
        "goals":{"type":"array","maxItems":2,"items":{"type":"object","properties":{"7":{"type":"array","items":{"pattern":"^a+$"}}}}}}}"#;

    fn found(text: &str) -> Option<Vec<(String, String, String)>> {
        let contract = Contract::compile(SCHEMA).ok()?;
        let tree = json::read(text, Schema::r4().names()).ok()?;
        let place = |issue: Issue| {
            let text = &text[issue.span.start as usize..issue.span.end as usize];
            (issue.path, text.to_owned(), issue.message)
        };
        Some(contract.check(&tree).issues.into_iter().map(place).collect())
    }

    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        let owned = |(path, place, message): &(&str, &str, &str)| {
            ((*path).to_owned(), (*place).to_owned(), (*message).to_owned())
        };
        assert_eq!(found(text), Some(expected.iter().map(owned).collect()), "{text}");
    }

    #[test]
    fn a_fault_has_its_place_and_no_value() {
        check(r#"{"id":"a","goals":[{"7":["a"]}]}"#, &[]);
        check(r#"{"id":42}"#, &[("id", r#""id":42"#, "the value is not of type \"string\"")]);
        let pattern = "the value does not match \"^a+$\"";
        check(r#"{"id":"","goals":[{},{"7":["a","Aino"]}]}"#, &[("goals[1].7[1]", r#""Aino""#, pattern)]);
    }

    #[test]
    fn a_key_that_is_not_allowed_is_not_repeated() {
        let wanted = ("", r#""Aino":1"#, "the schema does not allow 1 member of this object");
        check(r#"{"id":"a","Aino":1}"#, &[wanted]);
    }

    #[test]
    fn nothing_outside_the_schema_is_asked_for() {
        let refused = |text: &str| Contract::compile(text).err().map(|issue| issue.code.id);
        assert_eq!(refused(r#"{"$ref":"https://example.org/other.json"}"#), Some("C702"));
        assert_eq!(refused(r#"{"$ref":"file:///etc/passwd"}"#), Some("C702"));
        assert_eq!(refused(r#"{"type":"strng"}"#), Some("C702"));
        assert_eq!(refused("{"), Some("C702"));
    }
}
