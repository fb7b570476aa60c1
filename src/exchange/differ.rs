//! Where two trees of resources differ, value by value. The entries of a Bundle are paired by their address, so that one
//! that is new does not make all behind it look changed.

use crate::tree::{Kind, Name, NodeId, Tree};
use std::collections::BTreeMap;

/// One value that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its path, with no name in it that FHIR does not have.
    pub path: String,
    /// What it was; nothing where it is new.
    pub before: Option<String>,
    /// What it is; nothing where it is gone.
    pub after: Option<String>,
}

/// The values that differ, in the order of the trees. Both come from the same definitions, and so share their names.
pub fn differences(before: &Tree, after: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    pair(before, Some(NodeId::ROOT), after, Some(NodeId::ROOT), &mut found);
    found
}

/// How a child is paired: by its name, its address where it is an entry, and its place among those alike.
type Key = (Name, String, usize);

fn pair(before: &Tree, old: Option<NodeId>, after: &Tree, new: Option<NodeId>, found: &mut Vec<Difference>) {
    let (was, is) = (old.and_then(|node| value(before, node)), new.and_then(|node| value(after, node)));
    if was != is {
        let path = match (new, old) {
            (Some(node), _) => after.known_path(node),
            (None, Some(node)) => before.known_path(node),
            (None, None) => String::new(),
        };
        found.push(Difference { path, before: was, after: is });
    }
    let (olds, news) = (children(before, old), children(after, new));
    let places: BTreeMap<&Key, NodeId> = news.iter().map(|(key, node)| (key, *node)).collect();
    for (key, node) in &olds {
        pair(before, Some(*node), after, places.get(key).copied(), found);
    }
    let there: BTreeMap<&Key, NodeId> = olds.iter().map(|(key, node)| (key, *node)).collect();
    for (_, node) in news.iter().filter(|(key, _)| !there.contains_key(key)) {
        pair(before, None, after, Some(*node), found);
    }
}

fn children(tree: &Tree, node: Option<NodeId>) -> Vec<(Key, NodeId)> {
    let mut counts: BTreeMap<(Name, String), usize> = BTreeMap::new();
    let keyed = |child: NodeId| {
        let name = tree.name(child);
        let url = tree.child(child, Name::FULL_URL).filter(|_| name == Name::ENTRY);
        let url = url.map_or_else(String::new, |url| tree.text(url).into_owned());
        let count = counts.entry((name, url.clone())).or_default();
        *count += 1;
        ((name, url, *count), child)
    };
    node.into_iter().flat_map(|node| tree.children(node)).map(keyed).collect()
}

fn value(tree: &Tree, node: NodeId) -> Option<String> {
    match tree.kind(node) {
        Kind::Object | Kind::Null | Kind::Array | Kind::Comment | Kind::Pi => None,
        Kind::EmptyList => Some("[]".to_owned()),
        Kind::Str | Kind::Number | Kind::Bool | Kind::Attr | Kind::Text | Kind::Xhtml => {
            Some(tree.text(node).into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::document::read_resources;

    fn check(before: &str, after: &str, expected: &[(&str, Option<&str>, Option<&str>)]) {
        let (Ok(before), Ok(after)) = (read_resources(before), read_resources(after)) else {
            assert_eq!((before, after), ("resources", "resources"));
            return;
        };
        let found = differences(&before, &after);
        let found: Vec<(&str, Option<&str>, Option<&str>)> =
            found.iter().map(|one| (&*one.path, one.before.as_deref(), one.after.as_deref())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_value_that_differs_is_told_with_its_place() {
        let goal = |text: &str| format!(r#"{{"resourceType":"Goal","description":{{"text":"{text}"}}}}"#);
        check(&goal("a"), &goal("a"), &[]);
        check(&goal("a"), &goal("b"), &[("Goal.description.text", Some("a"), Some("b"))]);
        check(r#"{"resourceType":"Goal"}"#, &goal("b"), &[("Goal.description.text", None, Some("b"))]);
        check(&goal("a"), r#"{"resourceType":"Goal"}"#, &[("Goal.description.text", Some("a"), None)]);
    }

    #[test]
    fn an_entry_that_is_new_leaves_the_others_as_they_are() {
        let entry =
            |id: u8| format!(r#"{{"fullUrl":"urn:{id}","resource":{{"resourceType":"Goal","id":"{id}"}}}}"#);
        let bundle = |ids: &[u8]| {
            let entries: Vec<String> = ids.iter().map(|id| entry(*id)).collect();
            format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, entries.join(","))
        };
        check(&bundle(&[1, 2]), &bundle(&[2, 1]), &[]);
        let place = |at: usize, rest: &str| format!("Bundle.entry[{at}].{rest}");
        let url = place(0, "fullUrl");
        let id = place(0, "resource.id");
        let (before, after) = (bundle(&[1]), bundle(&[3, 1]));
        let kind = place(0, "resource.resourceType");
        check(
            &before,
            &after,
            &[(&*url, None, Some("urn:3")), (&*kind, None, Some("Goal")), (&*id, None, Some("3"))],
        );
    }
}
