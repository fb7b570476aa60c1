//! JSON Merge Patch (RFC 7396) over a JSON tree, so that decimals keep their text.

use crate::tree::{Flags, Kind, NodeId, Tree};

/// A document with a patch laid over it: what the patch names is replaced, `null` takes it away, objects are merged.
pub(super) fn apply(document: &Tree, patch: &Tree) -> Tree {
    let mut edited = document.clone();
    merge(&mut edited, NodeId::ROOT, patch, NodeId::ROOT);
    edited
}

/// Goes as deep as the patch, which was read within the limits of a tree.
fn merge(tree: &mut Tree, target: NodeId, patch: &Tree, given: NodeId) {
    let mut seen = None;
    for member in patch.children(given) {
        // A list is its items; the first stands for all.
        if seen == Some(patch.name(member)) {
            continue;
        }
        seen = Some(patch.name(member));
        member_over(tree, target, patch, member);
    }
}

fn member_over(tree: &mut Tree, target: NodeId, patch: &Tree, member: NodeId) {
    let name = tree.name_of(patch, patch.name(member));
    let before: Vec<NodeId> = tree.children_named(target, name).collect();
    let is_list = patch.flags(member).has(Flags::LIST);
    let kind = patch.kind(member);
    if !is_list && kind == Kind::Object {
        let is_object =
            |node: &&NodeId| tree.kind(**node) == Kind::Object && !tree.flags(**node).has(Flags::LIST);
        let known = before.first().filter(is_object).copied();
        let object = known.unwrap_or_else(|| {
            remove(tree, &before);
            let last = tree.last_child(target);
            tree.insert_after(target, last, name, Kind::Object, Flags::default(), 0)
        });
        return merge(tree, object, patch, member);
    }
    remove(tree, &before);
    if !is_list && kind == Kind::Null {
        return;
    }
    let flags = if is_list { Flags::LIST } else { Flags::default() };
    let parent = patch.parent(member).unwrap_or(NodeId::ROOT);
    for item in patch.children_named(parent, patch.name(member)) {
        let last = tree.last_child(target);
        let node = tree.insert_after(target, last, name, patch.kind(item), flags, 0);
        tree.fill_from(node, patch, item);
    }
}

fn remove(tree: &mut Tree, nodes: &[NodeId]) {
    for node in nodes {
        tree.remove(*node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;
    use crate::tree::json::{self, Layout};

    fn check(document: &str, patch: &str, expected: &str) {
        let read = |text: &str| json::read(text, Schema::r4().names());
        let (Ok(document), Ok(patch)) = (read(document), read(patch)) else { unreachable!("test data") };
        assert_eq!(json::to_string(&apply(&document, &patch), Layout::Compact), expected);
    }

    #[test]
    fn patches_are_laid_over() {
        // The examples of RFC 7396, appendix A, that have objects on both sides.
        check(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#);
        check(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}");
        check(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
        check(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        check(r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#);
        check(r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
        check(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
        check(r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#);
        check("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#);
        // Decimals keep their text; an empty list is a value.
        check(r#"{"v":1.50}"#, r#"{"w":2.00,"x":[]}"#, r#"{"v":1.50,"w":2.00,"x":[]}"#);
        check(r#"{"a":[1,2,3],"b":0}"#, r#"{"a":[4,5]}"#, r#"{"b":0,"a":[4,5]}"#);
    }
}
