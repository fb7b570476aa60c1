//! A resource on its way into the store: read from any form, checked, given its id and version, written once.

use super::call::Content;
use super::media::{Format, Media};
use super::moment;
use super::refusal::{Outcome, Refusal, Why};
use super::route::resource_type;
use crate::diag::{Issue, Severity, Span, codes};
use crate::schema::Schema;
use crate::tree::fhir;
use crate::tree::json::{self, Layout};
use crate::tree::{Flags, Kind, NodeId, Tree};
use crate::validate::{Options, Report, Validator};
use std::sync::Arc;

/// A resource that a client sent.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// Its type.
    pub(super) kind: &'static str,
    /// Its content; the source is what the client sent.
    pub(super) tree: Tree,
}

impl Document {
    /// Reads the resource of a request.
    pub(super) fn of_content(content: &Content, schema: &'static Schema) -> Outcome<Self> {
        match content.media {
            Some(Media::Resource(format)) => Self::read(&content.bytes, format, schema),
            Some(Media::JsonPatch | Media::MergePatch | Media::Form | Media::Other) | None => {
                Err(Refusal::plain(Why::MediaType))
            }
        }
    }

    /// Reads a resource.
    pub(super) fn read(bytes: &[u8], format: Format, schema: &'static Schema) -> Outcome<Self> {
        let text = utf8(bytes)?;
        let read = match format {
            Format::Json => fhir::read_json(text, schema.names()),
            Format::Xml => fhir::read_xml(text, schema.names(), schema),
        };
        let tree = read.map_err(|issue| Refusal::issue(Why::BodyForm, *issue, text))?;
        let kind = tree.resource_type(NodeId::ROOT).unwrap_or_default();
        let known = resource_type(schema, &kind);
        let kind = known.map_err(|_| {
            let place = tree.child_str(NodeId::ROOT, "resourceType").unwrap_or(NodeId::ROOT);
            let message = "FHIR R4 has no resource type of this name";
            let issue = Issue::error(codes::BODY_FORM, tree.span(place), message).at("resourceType");
            Refusal::issue(Why::BodyForm, issue, text)
        })?;
        Ok(Self { kind, tree })
    }

    /// Reads a resource as it is stored.
    pub(super) fn stored(bytes: &[u8], schema: &'static Schema) -> Outcome<Self> {
        Self::read(bytes, Format::Json, schema).map_err(|_| Refusal::plain(Why::StoreFailed))
    }

    /// The tree as plain JSON, without FHIR's reading of it.
    pub(super) fn plain(&self, schema: &'static Schema) -> Outcome<Tree> {
        json::read(self.tree.source(), schema.names()).map_err(|_| Refusal::plain(Why::StoreFailed))
    }

    /// The id that it has.
    pub(super) fn id(&self) -> Option<String> {
        self.tree.child_text(NodeId::ROOT, "id").map(std::borrow::Cow::into_owned)
    }

    /// Refuses a resource of another type.
    pub(super) fn expect_type(&self, kind: &str) -> Outcome<()> {
        if self.kind == kind {
            return Ok(());
        }
        Err(Refusal::new(Why::IdentityMismatch, "the resource has another type than the address"))
    }

    /// Refuses a resource that breaks the rules of its definitions.
    pub(super) fn check(&self, validator: &Validator<'static>) -> Outcome<()> {
        let report = validator.validate(&self.tree, &Options::default());
        let is_of_profile = |issue: &Issue| names_profile(issue, validator.schema());
        let refuses = |issue: &&Issue| refuses(issue, self.kind, is_of_profile(issue));
        let mut faults = report.issues.iter().filter(refuses).peekable();
        if faults.peek().is_none() {
            return Ok(());
        }
        let why = if faults.all(is_of_profile) { Why::Invalid } else { Why::InvalidBasic };
        Err(self.refused(why, report))
    }

    fn refused(&self, why: Why, mut report: Report) -> Box<Refusal> {
        report.issues.retain(|issue| issue.severity != Severity::Information);
        // What refuses the resource comes first; each kind stays in the order of the document.
        report.issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        report.not_checked.clear();
        Refusal::found(why, report, self.tree.source())
    }

    /// Gives the resource an id, and says in `meta.source` what it comes from.
    pub(super) fn name(&mut self, id: &str, source: &str) {
        self.stamp(id, 0, 0);
        let tree = &mut self.tree;
        if let Some(meta) = tree.child_str(NodeId::ROOT, "meta") {
            let behind = tree.child_str(meta, "lastUpdated");
            leaf(tree, meta, behind, "source", source);
        }
    }

    /// Gives the resource its id, version and time.
    pub(super) fn stamp(&mut self, id: &str, version: u64, updated: i64) {
        let tree = &mut self.tree;
        let root = NodeId::ROOT;
        let kind = tree.child_str(root, "resourceType");
        let id = leaf(tree, root, kind, "id", id);
        let meta = match tree.child_str(root, "meta").filter(|meta| tree.kind(*meta) == Kind::Object) {
            Some(meta) => meta,
            None => {
                remove(tree, root, "meta");
                let name = tree.intern("meta");
                tree.insert_after(root, Some(id), name, Kind::Object, Flags::default(), 0)
            }
        };
        let before = tree.child_str(meta, "id");
        let version = leaf(tree, meta, before, "versionId", &version.to_string());
        leaf(tree, meta, Some(version), "lastUpdated", &moment::instant(updated));
    }

    /// The resource as compact FHIR JSON.
    pub(super) fn written(&self) -> Arc<[u8]> {
        json::to_string(&self.tree, Layout::Compact).into_bytes().into()
    }
}

/// What plans are made of, and what says who may see them: these are held to every rule. Of the other types structure,
/// cardinality, forms and codes count, but no invariant of R4: what a unit keeps beside its plans is not refused for what
/// nobody here reads.
const HELD_TO_INVARIANTS: [&str; 6] = ["CarePlan", "CareTeam", "Consent", "Goal", "Patient", "Provenance"];

/// True for what keeps a resource out of the store. That a `system` is absolute is a rule of validators: FHIR R4 lets a
/// `uri` be relative, and there are senders that have such codes.
fn refuses(issue: &Issue, kind: &str, is_of_profile: bool) -> bool {
    let is_relative_system = issue.code.id == codes::URL_RELATIVE.id && issue.path.ends_with(".system");
    let is_let_pass =
        issue.code.id == codes::INVARIANT.id && !is_of_profile && !HELD_TO_INVARIANTS.contains(&kind);
    issue.severity == Severity::Error && !is_relative_system && !is_let_pass
}

/// True for a fault that is one by the rule of a profile alone.
fn names_profile(issue: &Issue, schema: &Schema) -> bool {
    let url = issue.rule.split('#').next().unwrap_or_default();
    schema.type_by_url(url).is_some_and(|ty| schema.type_info(ty).is_profile)
}

/// Puts a text in place of what a name has, behind a sibling.
fn leaf(tree: &mut Tree, parent: NodeId, behind: Option<NodeId>, name: &str, text: &str) -> NodeId {
    remove(tree, parent, name);
    let name = tree.intern(name);
    let node = tree.insert_after(parent, behind, name, Kind::Str, Flags::default(), 0);
    tree.set_text(node, text);
    node
}

fn remove(tree: &mut Tree, parent: NodeId, name: &str) {
    while let Some(node) = tree.child_str(parent, name) {
        tree.remove(node);
    }
}

/// The text of a body.
pub(super) fn utf8(bytes: &[u8]) -> Outcome<&str> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
        let issue = Issue::error(codes::NOT_UTF8, Span::new(at, at), codes::NOT_UTF8.title);
        Refusal::issue(Why::BodyForm, issue, "")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        let issue = Issue::error(codes::BODY_FORM, Span::default(), "the body is empty");
        return Err(Refusal::issue(Why::BodyForm, issue, ""));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: &str) {
        let Ok(mut document) = Document::read(given.as_bytes(), Format::Json, Schema::r4()) else {
            unreachable!("test data")
        };
        document.stamp("a", 7, 0);
        assert_eq!(String::from_utf8_lossy(&document.written()), expected);
    }

    #[test]
    fn a_resource_gets_its_id_and_version() {
        let meta = r#""versionId":"7","lastUpdated":"1970-01-01T00:00:00.000Z""#;
        check(
            r#"{"active": true, "resourceType": "Patient"}"#,
            &format!(r#"{{"active":true,"resourceType":"Patient","id":"a","meta":{{{meta}}}}}"#),
        );
        check(
            r#"{"resourceType":"Patient","id":"b","_id":{"extension":[{"url":"x"}]},"meta":{"tag":[{"code":"c"}],"versionId":"1","lastUpdated":"x"}}"#,
            &format!(r#"{{"resourceType":"Patient","id":"a","meta":{{{meta},"tag":[{{"code":"c"}}]}}}}"#),
        );
        // Decimals keep their text.
        check(
            r#"{"resourceType":"Observation","valueQuantity":{"value":1.50}}"#,
            &format!(
                r#"{{"resourceType":"Observation","id":"a","meta":{{{meta}}},"valueQuantity":{{"value":1.50}}}}"#
            ),
        );
    }
}
