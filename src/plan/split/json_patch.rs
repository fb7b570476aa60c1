//! JSON Patch (RFC 6902) over a JSON tree, so that decimals keep their text. Paths are JSON Pointers (RFC 6901).

use crate::diag::{Issue, Span, codes};
use crate::tree::{Flags, Kind, Name, NodeId, Tree, same_content};

/// Operations that one patch may have.
pub const OPERATIONS_MAX: usize = 100_000;

/// Applies a patch, an array of operations, to a document. Both are read as plain JSON.
///
/// # Errors
/// The patch is none, a path leads nowhere, or a `test` fails; then nothing of it counts (RFC 6902, section 5).
pub fn apply(document: &Tree, patch: &Tree) -> Result<Tree, Box<Issue>> {
    let mut edited = document.clone();
    let operations: Vec<NodeId> = match patch.kind(NodeId::ROOT) {
        Kind::Array => patch.children(NodeId::ROOT).collect(),
        Kind::EmptyList => Vec::new(),
        _ => return Err(fault(0, "a JSON Patch is an array of operations")),
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(fault(0, "the patch has too many operations"));
    }
    for (at, operation) in operations.into_iter().enumerate() {
        step(&mut edited, patch, operation).map_err(|message| fault(at, message))?;
    }
    Ok(edited)
}

fn fault(at: usize, message: &str) -> Box<Issue> {
    Box::new(Issue::error(codes::PATCH_FAILED, Span::default(), message).at(format!("[{at}]")))
}

type Step<T> = Result<T, &'static str>;

/// Where a pointer leads: what is there, or where something may be put.
struct Place {
    parent: NodeId,
    name: Name,
    /// The item of a list before which it is, and whether the place is in a list.
    list: bool,
    there: Option<NodeId>,
    behind: Option<NodeId>,
}

fn step(tree: &mut Tree, patch: &Tree, operation: NodeId) -> Step<()> {
    let op = patch.child_text(operation, "op").ok_or("an operation has no `op`")?;
    let path = patch.child_text(operation, "path").ok_or("an operation has no `path`")?.into_owned();
    let given = || patch.child_str(operation, "value").ok_or("the operation has no `value`");
    let from = || patch.child_text(operation, "from").ok_or("the operation has no `from`");
    match &*op {
        "add" => put(tree, &path, patch, given()?),
        "replace" => {
            remove(tree, &path)?;
            put(tree, &path, patch, given()?)
        }
        "remove" => remove(tree, &path),
        "test" => {
            let node = find(tree, &path)?.there.ok_or(NOWHERE)?;
            let value = given()?;
            let same = same_content(tree, node, patch, value);
            if same { Ok(()) } else { Err("a `test` fails: the value is another one by now") }
        }
        "copy" | "move" => {
            let from = from()?.into_owned();
            let node = find(tree, &from)?.there.ok_or(NOWHERE)?;
            let whole = tree.clone_below(node);
            if op == "move" {
                if path.strip_prefix(&from).is_some_and(|rest| rest.starts_with('/')) {
                    return Err("nothing can be moved into itself");
                }
                remove(tree, &from)?;
            }
            put(tree, &path, &whole, NodeId::ROOT)
        }
        _ => Err("the operation is none of add, remove, replace, move, copy and test"),
    }
}

const NOWHERE: &str = "the path leads to nothing";

fn remove(tree: &mut Tree, path: &str) -> Step<()> {
    let place = find(tree, path)?;
    for node in whole(tree, &place) {
        tree.remove(node);
    }
    if place.there.is_some() { Ok(()) } else { Err(NOWHERE) }
}

/// What a place holds: an item, or all items where the path names the list.
fn whole(tree: &Tree, place: &Place) -> Vec<NodeId> {
    match place.there {
        Some(there) if place.list => vec![there],
        Some(_) => tree.children_named(place.parent, place.name).collect(),
        None => Vec::new(),
    }
}

fn put(tree: &mut Tree, path: &str, from: &Tree, value: NodeId) -> Step<()> {
    let place = find(tree, path)?;
    if !place.list {
        // A member that is there is replaced (RFC 6902, 4.1).
        for node in whole(tree, &place) {
            tree.remove(node);
        }
    }
    let items: Vec<NodeId> = match from.kind(value) {
        Kind::Array if !place.list => from.children(value).collect(),
        _ if !place.list && is_listed(from, value) => siblings(from, value),
        _ => vec![value],
    };
    let list = place.list || items.len() > 1 || items.first() != Some(&value) || is_listed(from, value);
    let flags = if list { Flags::LIST } else { Flags::default() };
    let mut behind = place.behind;
    if !place.list {
        behind = tree.last_child(place.parent);
    }
    for item in items {
        let node = tree.insert_after(place.parent, behind, place.name, from.kind(item), flags, 0);
        tree.fill_from(node, from, item);
        behind = Some(node);
    }
    Ok(())
}

/// True for a value that a member of the operation gives as a list: the tree keeps lists as their items.
fn is_listed(tree: &Tree, node: NodeId) -> bool {
    tree.flags(node).has(Flags::LIST)
}

fn siblings(tree: &Tree, node: NodeId) -> Vec<NodeId> {
    match tree.parent(node) {
        Some(parent) => tree.children_named(parent, tree.name(node)).collect(),
        None => vec![node],
    }
}

/// Follows a pointer.
fn find(tree: &mut Tree, path: &str) -> Step<Place> {
    let rest = path.strip_prefix('/').ok_or("a path starts with `/` and leads below the document")?;
    let tokens: Vec<String> =
        rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let mut parent = NodeId::ROOT;
    let mut at = 0;
    loop {
        let token = tokens.get(at).ok_or(NOWHERE)?;
        let name = tree.intern(token);
        let first = tree.child(parent, name);
        at += 1;
        let is_list = first
            .is_some_and(|first| tree.flags(first).has(Flags::LIST) || tree.kind(first) == Kind::EmptyList);
        let Some(index) = tokens.get(at).filter(|_| is_list) else {
            if at == tokens.len() {
                return Ok(Place { parent, name, list: false, there: first, behind: None });
            }
            parent = first.filter(|first| tree.kind(*first) == Kind::Object).ok_or(NOWHERE)?;
            continue;
        };
        let place = item(tree, parent, name, index)?;
        at += 1;
        if at == tokens.len() {
            return Ok(place);
        }
        parent = place.there.ok_or(NOWHERE)?;
    }
}

/// The place that an index of a list names.
fn item(tree: &mut Tree, parent: NodeId, name: Name, index: &str) -> Step<Place> {
    let empty = tree.child(parent, name).filter(|node| tree.kind(*node) == Kind::EmptyList);
    let items: Vec<NodeId> =
        tree.children_named(parent, name).filter(|node| tree.kind(*node) != Kind::EmptyList).collect();
    let canonical = index == "0" || (!index.starts_with('0') && index.bytes().all(|b| b.is_ascii_digit()));
    let number = match index {
        "-" => items.len(),
        _ if canonical => index.parse().map_err(|_| NOWHERE)?,
        _ => return Err("an index of a list is a number or `-`"),
    };
    if number > items.len() {
        return Err(NOWHERE);
    }
    if let Some(empty) = empty {
        tree.remove(empty);
    }
    let behind = match number.checked_sub(1).and_then(|before| items.get(before)) {
        Some(before) => Some(*before),
        None => {
            items.first().and_then(|first| tree.children(parent).take_while(|child| child != first).last())
        }
    };
    Ok(Place { parent, name, list: true, there: items.get(number).copied(), behind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::units::schema;
    use crate::tree::json::{self, Layout, to_string};

    fn check(document: &str, patch: &str, expected: Result<&str, &str>) {
        let names = schema().names();
        let read = |text: &str| json::read(text, names);
        let (Ok(document), Ok(patch)) = (read(document), read(patch)) else { unreachable!("test data") };
        let made = apply(&document, &patch);
        let said = made.as_ref().map(|tree| to_string(tree, Layout::Compact));
        match expected {
            Ok(text) => assert_eq!(said.as_deref().map_err(|issue| issue.message.as_str()), Ok(text)),
            Err(message) => assert!(made.is_err_and(|issue| issue.message.contains(message))),
        }
    }

    #[test]
    fn operations_of_the_standard() {
        check(r#"{"a":1.50}"#, r#"[{"op":"add","path":"/b","value":[1,2]}]"#, Ok(r#"{"a":1.50,"b":[1,2]}"#));
        check(r#"{"a":[1,2]}"#, r#"[{"op":"add","path":"/a/1","value":7}]"#, Ok(r#"{"a":[1,7,2]}"#));
        check(
            r#"{"a":[1,2]}"#,
            r#"[{"op":"add","path":"/a/-","value":{"x":0.10}}]"#,
            Ok(r#"{"a":[1,2,{"x":0.10}]}"#),
        );
        check(r#"{"a":[1,2]}"#, r#"[{"op":"remove","path":"/a/0"}]"#, Ok(r#"{"a":[2]}"#));
        check(
            r#"{"a":{"b":"x"}}"#,
            r#"[{"op":"replace","path":"/a/b","value":"y"}]"#,
            Ok(r#"{"a":{"b":"y"}}"#),
        );
        check(r#"{"a":[1,2]}"#, r#"[{"op":"replace","path":"/a/0","value":9}]"#, Ok(r#"{"a":[9,2]}"#));
        check(
            r#"{"a":[1,2],"b":3}"#,
            r#"[{"op":"move","from":"/a/0","path":"/a/1"}]"#,
            Ok(r#"{"a":[2,1],"b":3}"#),
        );
        check(r#"{"a":"x"}"#, r#"[{"op":"copy","from":"/a","path":"/b"}]"#, Ok(r#"{"a":"x","b":"x"}"#));
        check(
            r#"{"a":"x","m/n":1}"#,
            r#"[{"op":"test","path":"/m~1n","value":1}]"#,
            Ok(r#"{"a":"x","m/n":1}"#),
        );
        check(r#"{"a":"x"}"#, "[]", Ok(r#"{"a":"x"}"#));
    }

    #[test]
    fn a_patch_that_does_not_fit_is_refused() {
        check(r#"{"a":"x"}"#, r#"[{"op":"test","path":"/a","value":"y"}]"#, Err("another one by now"));
        check(r#"{"a":"x"}"#, r#"[{"op":"remove","path":"/b"}]"#, Err("leads to nothing"));
        check(r#"{"a":[1]}"#, r#"[{"op":"add","path":"/a/3","value":1}]"#, Err("leads to nothing"));
        check(r#"{"a":[1]}"#, r#"[{"op":"add","path":"/a/01","value":1}]"#, Err("index"));
        check(r#"{"a":{"b":1}}"#, r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, Err("into itself"));
        check(r#"{"a":1}"#, r#"{"op":"remove"}"#, Err("array"));
        check(r#"{"a":1}"#, r#"[{"op":"merge","path":"/a"}]"#, Err("none of"));
    }
}
