//! The texts of a body with what they stand in: enough of JSON and XML to name what differs from run to run.

use crate::tree::{Kind, NameTable, NodeId, Tree, json};
use std::sync::Arc;

/// A text of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The element.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) is_xml: bool,
    /// Type and id of the resource that it stands in; empty where that is not known.
    pub(super) resource: String,
    /// The type of that resource.
    pub(super) kind: String,
    pub(super) is_resource_id: bool,
    /// It stands in a link of a bundle.
    pub(super) is_link: bool,
}

/// Reads the texts of a body.
pub(super) struct Leaves;

impl Leaves {
    /// In the order of the body; none where it is neither JSON nor XML.
    pub(super) fn of(body: &str) -> Option<Vec<Leaf>> {
        match body.trim_start_matches('\u{feff}').trim_start().chars().next()? {
            '<' => Some(of_xml(body)),
            '{' => {
                let tree = json::read(body, &Arc::new(NameTable::new())).ok()?;
                let mut leaves = of_json(&tree);
                leaves.sort_by_key(|leaf| leaf.start);
                Some(leaves)
            }
            _ => None,
        }
    }
}

fn of_json(tree: &Tree) -> Vec<Leaf> {
    let texts = tree.descend(NodeId::ROOT).filter(|id| tree.kind(*id) == Kind::Str);
    texts.map(|id| leaf(tree, id)).collect()
}

fn leaf(tree: &Tree, id: NodeId) -> Leaf {
    let above = |id: NodeId| std::iter::successors(tree.parent(id), |id| tree.parent(*id));
    let owner = above(id).find(|id| tree.child_str(*id, "resourceType").is_some());
    let text = |name| owner.and_then(|owner| tree.child_text(owner, name)).unwrap_or_default();
    let span = tree.text_span(id);
    let name = tree.name_text(id);
    Leaf {
        name: name.to_owned(),
        text: tree.text(id).into_owned(),
        start: span.start as usize,
        end: span.end as usize,
        is_xml: false,
        resource: format!("{}/{}", text("resourceType"), text("id")),
        kind: text("resourceType").into_owned(),
        is_resource_id: owner.is_some() && tree.parent(id) == owner,
        is_link: tree.parent(id).is_some_and(|parent| tree.name_text(parent) == "link"),
    }
}

/// The attributes of elements, and what stands between tags.
fn of_xml(body: &str) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let (mut from, mut kind) = (0, String::new());
    while let Some(open) = body.get(from..).and_then(|rest| rest.find('<')).map(|at| from + at) {
        let between = body.get(from..open).unwrap_or("");
        if !between.trim().is_empty() {
            leaves.push(xml_leaf("div", (from, open), body, &kind));
        }
        let Some(close) = body.get(open..).and_then(|rest| rest.find('>')).map(|at| open + at) else { break };
        let tag = body.get(open + 1..close).unwrap_or("");
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        if name.bytes().next().is_some_and(|first| first.is_ascii_uppercase()) {
            kind.clone_from(&name);
        }
        for (at, mark) in [(" value=", '"'), (" url=", '"'), (" id=", '"')] {
            let start = tag.find(&format!("{at}{mark}")).map(|found| found + at.len() + 1);
            let end = start.and_then(|start| tag.get(start..)?.find(mark).map(|length| start + length));
            if let Some((start, end)) = start.zip(end) {
                let named = if at == " value=" { name.as_str() } else { "url" };
                leaves.push(xml_leaf(named, (open + 1 + start, open + 1 + end), body, &kind));
            }
        }
        from = close + 1;
    }
    leaves
}

fn xml_leaf(name: &str, (start, end): (usize, usize), body: &str, kind: &str) -> Leaf {
    Leaf {
        name: name.to_owned(),
        text: body.get(start..end).unwrap_or("").to_owned(),
        start,
        end,
        is_xml: true,
        kind: kind.to_owned(),
        // An element `id` of FHIR XML is that of a resource; those of elements are attributes.
        is_resource_id: name == "id",
        ..Leaf::default()
    }
}

/// A text as it stands between the quotes of JSON.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    json::escape_into(text, &mut out);
    out
}

/// Runs of hexadecimal digits and hyphens that are too long to be anything but an id.
pub(super) fn long_runs(text: &str, chars_min: usize) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let runs = text.split(|c| !is_part(c)).map(|run| run.trim_matches('-'));
    let is_id = |run: &&str| {
        let digits = run.chars().filter(char::is_ascii_hexdigit).count();
        digits >= chars_min && run.chars().any(|c| c.is_ascii_digit())
    };
    runs.filter(is_id).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_both_forms() {
        let check = |body: &str, expected: &[(&str, &str)]| {
            let leaves = Leaves::of(body).unwrap_or_default();
            let found: Vec<(&str, &str)> =
                leaves.iter().map(|leaf| (leaf.name.as_str(), leaf.text.as_str())).collect();
            assert_eq!(found, expected, "{body}");
            for leaf in &leaves {
                assert_eq!(body.get(leaf.start..leaf.end), Some(leaf.text.as_str()));
            }
        };
        check(r#"{"resourceType":"Goal","id":"1"}"#, &[("resourceType", "Goal"), ("id", "1")]);
        check(r#"<Goal><id value="1"/><text><div>x</div></text></Goal>"#, &[("id", "1"), ("div", "x")]);
        assert_eq!(Leaves::of("no resource"), None);
    }

    #[test]
    fn a_long_run_is_an_id() {
        let uuid = "5a0e7001-0000-4000-8000-000000000001";
        assert_eq!(long_runs(&format!("urn:uuid:{uuid}, 2026-11-23"), 24), [uuid]);
    }
}
