//! Parts of a resource: `_summary` and `_elements` (FHIR R4, 3.1.1.5.8 and 3.1.1.5.9). What is left out is told by the
//! tag SUBSETTED, so that nobody writes the part back for the whole.

use super::query::Pair;
use super::refusal::{Outcome, Refusal, Why};
use crate::schema::{ElementDef, Schema};
use crate::search::{Search, Summary};
use crate::tree::fhir;
use crate::tree::json::{self, Layout};
use crate::tree::{Flags, Kind, NodeId, Tree};
use hyper::body::Bytes;

const TAG_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
const TAG_CODE: &str = "SUBSETTED";

/// What of a resource is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    summary: Summary,
    /// The elements that are wanted; all where none is named.
    elements: Vec<String>,
}

impl View {
    /// What a search wants of each match.
    pub(super) fn of_search(search: &Search) -> Self {
        Self { summary: search.summary, elements: search.elements.clone() }
    }

    /// What the query of a read wants; other parameters mean nothing to a read.
    pub(super) fn of_query(pairs: &[Pair]) -> Outcome<Self> {
        let mut view = Self { summary: Summary::False, elements: Vec::new() };
        for (name, value) in pairs {
            match (&**name, &**value) {
                ("_summary", "true") => view.summary = Summary::True,
                ("_summary", "text") => view.summary = Summary::Text,
                ("_summary", "data") => view.summary = Summary::Data,
                ("_summary", "false") => view.summary = Summary::False,
                ("_summary", _) => {
                    return Err(Refusal::new(Why::QueryForm, "_summary is true, false, text or data"));
                }
                ("_elements", "") => return Err(Refusal::new(Why::QueryForm, "_elements names no element")),
                ("_elements", names) => view.elements.extend(names.split(',').map(str::to_owned)),
                _ => {}
            }
        }
        Ok(view)
    }

    /// True where nothing is left out.
    pub(super) fn is_whole(&self) -> bool {
        self.elements.is_empty() && matches!(self.summary, Summary::False | Summary::Count)
    }

    /// The part of a resource that is wanted, as compact JSON.
    pub(super) fn of_resource(&self, document: &[u8], schema: &Schema) -> Outcome<Bytes> {
        let failed = || Refusal::plain(Why::StoreFailed);
        let text = std::str::from_utf8(document).map_err(|_| failed())?;
        let mut tree = fhir::read_json(text, schema.names()).map_err(|_| failed())?;
        let kind = tree.resource_type(NodeId::ROOT).unwrap_or_default().into_owned();
        let ty = schema.type_named(&kind);
        let children: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
        for child in children {
            let name = tree.name_text(child).to_owned();
            let element = ty.and_then(|ty| schema.find(ty, &name)).map(|found| found.element);
            if !self.keeps(&kind, &name, element, schema) {
                tree.remove(child);
            }
        }
        tag(&mut tree);
        Ok(json::to_string(&tree, Layout::Compact).into())
    }

    fn keeps(&self, kind: &str, name: &str, element: Option<&ElementDef>, schema: &Schema) -> bool {
        if matches!(name, "resourceType" | "id" | "meta") {
            return true;
        }
        let is_required = element.is_some_and(|element| element.min > 0);
        let is_modifier = element.is_some_and(ElementDef::is_modifier);
        if !self.elements.is_empty() {
            let plain = element.map_or(name, |element| schema.name_text(element.name));
            let is_named = |wanted: &String| {
                let wanted =
                    wanted.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')).unwrap_or(wanted);
                let first = wanted.split('.').next().unwrap_or_default();
                first == name || first == plain
            };
            return is_required || is_modifier || self.elements.iter().any(is_named);
        }
        match self.summary {
            Summary::False | Summary::Count => true,
            Summary::True => is_required || element.is_some_and(ElementDef::is_summary),
            Summary::Text => is_required || name == "text",
            Summary::Data => name != "text",
        }
    }
}

/// Says in the resource that it is a part.
fn tag(tree: &mut Tree) {
    let root = NodeId::ROOT;
    let object = |tree: &mut Tree, parent: NodeId, behind: Option<NodeId>, name: &str, flags: Flags| {
        let name = tree.intern(name);
        tree.insert_after(parent, behind, name, Kind::Object, flags, 0)
    };
    let meta = match tree.child_str(root, "meta") {
        Some(meta) => meta,
        None => {
            let behind = tree.child_str(root, "id").or_else(|| tree.child_str(root, "resourceType"));
            object(tree, root, behind, "meta", Flags::default())
        }
    };
    let last = tree.names().get("tag").and_then(|name| tree.children_named(meta, name).last());
    let behind = last.or_else(|| tree.last_child(meta));
    let tag = object(tree, meta, behind, "tag", Flags::LIST);
    for (name, text) in [("system", TAG_SYSTEM), ("code", TAG_CODE)] {
        let (name, behind) = (tree.intern(name), tree.last_child(tag));
        let leaf = tree.insert_after(tag, behind, name, Kind::Str, Flags::default(), 0);
        tree.set_text(leaf, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: &str = r#"{"resourceType":"Patient","id":"a","meta":{"versionId":"1"},"text":{"status":"generated"},"active":true,"multipleBirthBoolean":true,"communication":[{"language":{"text":"fi"}}]}"#;

    fn check(query: &[(&str, &str)], expected: &[&str]) {
        let pairs: Vec<Pair> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let part = View::of_query(&pairs).and_then(|view| view.of_resource(PATIENT.as_bytes(), Schema::r4()));
        let part: serde_json::Value =
            part.ok().and_then(|part| serde_json::from_slice(&part).ok()).unwrap_or_default();
        let mut names: Vec<&str> = part.as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
        names.retain(|name| !matches!(*name, "resourceType" | "id" | "meta"));
        assert_eq!(names, expected, "{query:?}");
        assert_eq!(part["meta"]["tag"][0]["code"], TAG_CODE);
    }

    #[test]
    fn parts_are_what_was_asked_for() {
        check(&[("_summary", "true")], &["active"]);
        check(&[("_summary", "text")], &["text"]);
        check(&[("_summary", "data")], &["active", "communication", "multipleBirthBoolean"]);
        check(&[("_elements", "multipleBirth,Patient.active")], &["active", "multipleBirthBoolean"]);
        assert!(View::of_query(&[("_summary".into(), "x".into())]).is_err());
    }
}
