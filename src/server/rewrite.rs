//! References of a transaction: those to other entries become references to the resources that these become, and those
//! by criteria to the one that meets them (FHIR R4, 3.1.0.11.2).

use crate::schema::Schema;
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, NodeId, Tree};
use std::collections::HashMap;

/// What the entries of a transaction become: `Type/id` by the full url that others refer to.
pub(super) type Places = HashMap<String, String>;

/// Types of elements whose value may be the full url of an entry.
const URL_TYPES: [&str; 5] = ["uri", "url", "oid", "uuid", "canonical"];

/// Puts the places of entries where a resource refers to them.
pub(super) fn rewrite(tree: &mut Tree, places: &Places, schema: &'static Schema) {
    if places.is_empty() {
        return;
    }
    let leaves: Vec<NodeId> = tree.descend(NodeId::ROOT).filter(|node| tree.kind(*node).is_leaf()).collect();
    for leaf in leaves {
        if is_markup(tree, leaf) {
            rewrite_links(tree, leaf, places);
        } else if tree.kind(leaf) == Kind::Str
            && let Some(place) = place_of(&tree.text(leaf), places)
            && may_refer(tree, leaf, schema)
        {
            tree.set_text(leaf, &place);
        }
    }
}

/// A reference with its fragment or version kept.
fn place_of(text: &str, places: &Places) -> Option<String> {
    if let Some(place) = places.get(text) {
        return Some(place.clone());
    }
    let at = text.find(['#', '|'])?;
    let (url, rest) = text.split_at_checked(at)?;
    places.get(url).map(|place| format!("{place}{rest}"))
}

/// The narrative of a resource is a text in JSON and markup in XML.
fn is_markup(tree: &Tree, node: NodeId) -> bool {
    tree.kind(node) == Kind::Xhtml
        || (tree.name_text(node) == "div" && tree.raw_text(node).starts_with("<div"))
}

/// Links and images of a narrative.
fn rewrite_links(tree: &mut Tree, node: NodeId, places: &Places) {
    let before = tree.text(node).into_owned();
    if !before.contains("href=") && !before.contains("src=") {
        return;
    }
    let mut after = before.clone();
    for (url, place) in places {
        for quote in ['"', '\''] {
            for name in ["href", "src"] {
                after = after.replace(
                    &format!("{name}={quote}{url}{quote}"),
                    &format!("{name}={quote}{place}{quote}"),
                );
            }
        }
    }
    if after != before {
        tree.set_text(node, &after);
    }
}

/// The references of a resource that are criteria: the node and the text, `Patient?identifier=x`.
pub(super) fn conditional(tree: &Tree, schema: &'static Schema) -> Vec<(NodeId, String)> {
    let Some(name) = tree.names().get("reference") else { return Vec::new() };
    tree.descend(NodeId::ROOT)
        .filter(|node| {
            tree.name(*node) == name && tree.kind(*node) == Kind::Str && tree.raw_text(*node).contains('?')
        })
        .filter(|node| may_refer(tree, *node, schema))
        .map(|node| (node, tree.text(node).into_owned()))
        .filter(|(_, text)| {
            let kind = text.split('?').next().unwrap_or_default();
            super::route::resource_type(schema, kind).is_ok()
        })
        .collect()
}

/// True for `Reference.reference` and for elements that hold an address.
fn may_refer(tree: &Tree, node: NodeId, schema: &Schema) -> bool {
    let Some(above) = tree.parent(node).and_then(|parent| type_at(tree, parent, schema)) else {
        return false;
    };
    let name = tree.name_text(node);
    if schema.type_info(above).name == "Reference" && name == "reference" {
        return true;
    }
    schema.find(above, name).is_some_and(|found| URL_TYPES.contains(&schema.type_info(found.ty).name))
}

/// The type of a node, found from the root down.
pub(super) fn type_at(tree: &Tree, node: NodeId, schema: &Schema) -> Option<TypeId> {
    let mut line: Vec<NodeId> = std::iter::successors(Some(node), |node| tree.parent(*node)).collect();
    line.reverse();
    line.into_iter().fold(None, |above, here| {
        let own = tree.resource_type(here).and_then(|name| schema.type_named(&name));
        own.or_else(|| schema.find(above?, tree.name_text(here)).map(|found| found.ty))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fhir;
    use crate::tree::json::{Layout, to_string};

    fn check(resource: &str, expected: &str) {
        let schema = crate::mapping::units::schema();
        let Ok(mut tree) = fhir::read_json(resource, schema.names()) else { unreachable!("test data") };
        let places = Places::from([("urn:uuid:1".to_owned(), "Patient/9".to_owned())]);
        rewrite(&mut tree, &places, schema);
        assert_eq!(to_string(&tree, Layout::Compact), expected);
    }

    #[test]
    fn references_lead_to_what_entries_become() {
        check(
            r#"{"resourceType":"CarePlan","subject":{"reference":"urn:uuid:1","identifier":{"system":"urn:uuid:1","value":"urn:uuid:1"}}}"#,
            r#"{"resourceType":"CarePlan","subject":{"reference":"Patient/9","identifier":{"system":"Patient/9","value":"urn:uuid:1"}}}"#,
        );
        check(
            r#"{"resourceType":"Goal","description":{"text":"urn:uuid:1"},"expressedBy":{"reference":"urn:uuid:1#a"}}"#,
            r#"{"resourceType":"Goal","description":{"text":"urn:uuid:1"},"expressedBy":{"reference":"Patient/9#a"}}"#,
        );
        check(
            r#"{"resourceType":"Goal","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"urn:uuid:1\">x</a></div>"}}"#,
            r#"{"resourceType":"Goal","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"Patient/9\">x</a></div>"}}"#,
        );
    }

    #[test]
    fn criteria_are_found() {
        let schema = crate::mapping::units::schema();
        let text = r#"{"resourceType":"CarePlan","subject":{"reference":"Patient?identifier=a|1"},"author":{"reference":"Practitioner/1"},"note":[{"text":"Patient?x"}]}"#;
        let Ok(tree) = fhir::read_json(text, schema.names()) else { unreachable!("test data") };
        let found: Vec<String> = conditional(&tree, schema).into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, ["Patient?identifier=a|1"]);
    }
}
