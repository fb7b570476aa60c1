mod xml;

use super::{Syntax, write};
use crate::tree::{Flags, Kind, Name, NameTable, NodeId, Tree, equal, json};
use proptest::prelude::*;
use std::sync::Arc;

const ROOT: NodeId = NodeId::ROOT;
const LIST: Flags = Flags::LIST;

fn read(text: &str) -> Tree {
    json::read(text, &Arc::new(NameTable::new()))
        .unwrap_or_else(|issue| unreachable!("{}: {text}", issue.message))
}

/// The node of a path such as `a.b.0.c`: names, or places among the children.
fn at(tree: &Tree, path: &str) -> NodeId {
    let mut here = ROOT;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let by_place = step.parse::<usize>().ok().and_then(|place| tree.children(here).nth(place));
        let (name, place) = step.split_once('#').unwrap_or((step, "0"));
        let by_name = tree
            .names()
            .get(name)
            .and_then(|name| tree.children_named(here, name).nth(place.parse().unwrap_or(0)));
        here = by_place.or(by_name).unwrap_or_else(|| unreachable!("no {path}"));
    }
    here
}

fn add(tree: &mut Tree, parent: NodeId, name: &str, kind: Kind, flags: Flags, text: &str) -> NodeId {
    let name = tree.intern(name);
    let last = tree.children_named(parent, name).last().or(tree.last_child(parent));
    let id = tree.insert_after(parent, last, name, kind, flags, 0);
    if kind.is_leaf() {
        tree.set_text(id, text);
    }
    id
}

fn string(tree: &mut Tree, parent: NodeId, name: &str, text: &str) -> NodeId {
    add(tree, parent, name, Kind::Str, Flags::default(), text)
}

fn check(source: &str, edit: impl Fn(&mut Tree), expected: &str) {
    let mut tree = read(source);
    assert_eq!(write(&tree, Syntax::Json), source);
    edit(&mut tree);
    let text = write(&tree, Syntax::Json);
    assert_eq!(text, expected);
    assert!(equal(&read(&text), ROOT, &tree, ROOT), "{text}");
}

#[test]
fn a_text_is_replaced_where_it_stands() {
    let set = |path: &'static str, text: &'static str| {
        move |tree: &mut Tree| {
            let id = at(tree, path);
            tree.set_text(id, text);
        }
    };
    check(r#" { "a" : "x" , "b":1.50 } "#, set("a", "ä\"\n"), r#" { "a" : "ä\"\n" , "b":1.50 } "#);
    check(r#" { "a" : "\u00e4" , "b":1.50 } "#, set("b", "2.0"), r#" { "a" : "\u00e4" , "b":2.0 } "#);
    check(
        r#"{"a":[ "x","y" ],"b":[[1 ],[true]]}"#,
        set("a#1", "z"),
        r#"{"a":[ "x","z" ],"b":[[1 ],[true]]}"#,
    );
    check(
        r#"{"a":[ "x","y" ],"b":[[1 ],[true]]}"#,
        set("b#1.0", "false"),
        r#"{"a":[ "x","y" ],"b":[[1 ],[false]]}"#,
    );
    check("[ 1,2]", set("0", "3"), "[ 3,2]");
    check("\"a\"", set("", "b"), "\"b\"");
}

#[test]
fn a_kind_may_change_with_the_text() {
    let edit = |tree: &mut Tree| {
        for (path, kind, text) in [("a", Kind::Number, "7"), ("b", Kind::Str, "x"), ("c", Kind::Null, "")] {
            let id = at(tree, path);
            tree.set_kind(id, kind);
            tree.set_text(id, text);
        }
    };
    check(
        r#"{"a": "x", "b": null, "c": [1]}"#.replace("[1]", "1").as_str(),
        edit,
        r#"{"a": 7, "b": "x", "c": null}"#,
    );
    let mut tree = read(r#"{"a":1}"#);
    let id = at(&tree, "a");
    tree.set_text(id, "01");
    assert_eq!(write(&tree, Syntax::Json), r#"{"a":"01"}"#);
}

#[test]
fn a_new_member_is_written_as_its_neighbours() {
    let edit = |tree: &mut Tree| {
        let c = add(tree, ROOT, "c", Kind::Object, Flags::default(), "");
        string(tree, c, "d", "x");
        add(tree, c, "e", Kind::Number, LIST, "1");
        add(tree, c, "e", Kind::Number, LIST, "2");
        add(tree, c, "f", Kind::Object, Flags::default(), "");
    };
    check(r#"{"a":1}"#, edit, r#"{"a":1,"c":{"d":"x","e":[1,2],"f":{}}}"#);
    check(r#"{ "a": 1, "b": 2 }"#, edit, r#"{ "a": 1, "b": 2, "c": {"d": "x", "e": [1, 2], "f": {}} }"#);
    check("{}", edit, r#"{"c":{"d":"x","e":[1,2],"f":{}}}"#);
    check(
        "{\r\n\t\"a\" : 1\r\n}\r\n",
        edit,
        "{\r\n\t\"a\" : 1,\r\n\t\"c\" : {\r\n\t\t\"d\" : \"x\",\r\n\t\t\"e\" : [\r\n\t\t\t1,\r\n\t\t\t2\r\n\t\t],\r\n\t\t\"f\" : {}\r\n\t}\r\n}\r\n",
    );
    check(
        "{\n   \"a\": 1\n   , \"b\": 2\n}",
        |tree| {
            string(tree, ROOT, "c", "x");
        },
        "{\n   \"a\": 1\n   , \"b\": 2\n   , \"c\": \"x\"\n}",
    );
    let first = |tree: &mut Tree| {
        let name = tree.intern("n");
        let id = tree.insert_after(ROOT, None, name, Kind::Null, Flags::default(), 0);
        assert_eq!(tree.kind(id), Kind::Null);
    };
    check(r#"{"a": 1, "b": 2}"#, first, r#"{"n": null, "a": 1, "b": 2}"#);
    check("{\n  \"a\": 1\n}", first, "{\n  \"n\": null,\n  \"a\": 1\n}");
}

#[test]
fn an_empty_object_on_lines_is_opened_on_lines() {
    let edit = |tree: &mut Tree| {
        let b = at(tree, "b");
        string(tree, b, "c", "x");
    };
    check("{\n    \"b\": {}\n}", edit, "{\n    \"b\": {\n        \"c\": \"x\"\n    }\n}");
    check(r#"{"b":{ }}"#, edit, r#"{"b":{"c":"x"}}"#);
}

#[test]
fn removing_takes_one_comma_and_its_space() {
    let drop = |path: &'static str| {
        move |tree: &mut Tree| {
            let id = at(tree, path);
            tree.remove(id);
        }
    };
    let source = r#"{ "a": 1, "b": [1, 2, 3], "c": {"d": 4} }"#;
    check(source, drop("a"), r#"{ "b": [1, 2, 3], "c": {"d": 4} }"#);
    check(source, drop("c"), r#"{ "a": 1, "b": [1, 2, 3] }"#);
    check(source, drop("c.d"), r#"{ "a": 1, "b": [1, 2, 3], "c": {} }"#);
    check(source, drop("b#1"), r#"{ "a": 1, "b": [1, 3], "c": {"d": 4} }"#);
    check(source, drop("b#0"), r#"{ "a": 1, "b": [2, 3], "c": {"d": 4} }"#);
    check("{\n  \"a\": [\n    1\n  ],\n  \"b\": 2\n}", drop("a"), "{\n  \"b\": 2\n}");
    check("{\n  \"b\": 2,\n  \"a\": [\n    1\n  ]\n}", drop("a"), "{\n  \"b\": 2\n}");
    check("{\"a\":[1]}", drop("a"), "{}");
    check("[ [ 1 ] ]", drop("0"), "[]");
}

#[test]
fn list_items_come_and_go_in_their_array() {
    let item = |tree: &mut Tree| {
        let id = add(tree, ROOT, "a", Kind::Object, LIST, "");
        string(tree, id, "x", "y");
    };
    check(r#"{"a":[{"x": "z" }],"b":1}"#, item, r#"{"a":[{"x": "z" },{"x":"y"}],"b":1}"#);
    check(
        "{\n  \"a\": [\n    1\n  ]\n}",
        item,
        "{\n  \"a\": [\n    1,\n    {\n      \"x\": \"y\"\n    }\n  ]\n}",
    );
    check("{\n  \"b\": 1\n}", item, "{\n  \"b\": 1,\n  \"a\": [\n    {\n      \"x\": \"y\"\n    }\n  ]\n}");
    let filled = |tree: &mut Tree| {
        let empty = at(tree, "a");
        tree.remove(empty);
        add(tree, ROOT, "a", Kind::Number, LIST, "1");
    };
    check(
        r#"{"a": [], "b": 1}"#,
        |tree| {
            filled(tree);
            let b = at(tree, "b");
            let a = at(tree, "a");
            tree.move_after(b, Some(a));
        },
        r#"{"a": [1], "b": 1}"#,
    );
    check(r#"{"b": 1, "a": [ ]}"#, filled, r#"{"b": 1, "a": [1]}"#);
    check("{\n  \"b\": 1,\n  \"a\": []\n}", filled, "{\n  \"b\": 1,\n  \"a\": [\n    1\n  ]\n}");
}

#[test]
fn moved_nodes_keep_their_bytes() {
    let last_first = |parent: &'static str| {
        move |tree: &mut Tree| {
            let id = tree.last_child(at(tree, parent)).unwrap_or(ROOT);
            tree.move_after(id, None);
        }
    };
    check(r#"{"a" : 1, "b":2}"#, last_first(""), r#"{"b":2, "a" : 1}"#);
    check(r#"{"a":[ 1, {"x" :1}, 3 ]}"#, last_first(""), r#"{"a":[ 3, 1, {"x" :1} ]}"#);
    check("[1,\n2,\n3]", last_first(""), "[\n3,\n1,\n2]");
    check(
        r#"{"a": 1, "b": {"c": 1, "d": 2}}"#,
        |tree| {
            let (b, d) = (at(tree, "b"), at(tree, "b.d"));
            tree.set_text(d, "9");
            tree.move_after(b, None);
        },
        r#"{"b": {"c": 1, "d": 9}, "a": 1}"#,
    );
}

/// Joins `_name` members to their primitives as the FHIR reader does.
fn read_fhir(text: &str) -> Tree {
    let mut tree = read(text);
    for name in ["a", "l"] {
        let Some(below) = tree.child_str(ROOT, &format!("_{name}")) else { continue };
        let below: Vec<NodeId> = tree.children_named(ROOT, tree.name(below)).collect();
        let plain = tree.intern(name);
        let values: Vec<NodeId> = tree.children_named(ROOT, plain).collect();
        for (at, from) in below.iter().enumerate() {
            if let Some(value) = values.get(at) {
                tree.adopt_children(*from, *value);
                tree.detach(*from);
            } else {
                tree.set_kind(*from, Kind::Null);
                tree.set_name(*from, plain);
            }
        }
    }
    tree
}

fn check_fhir(source: &str, edit: impl Fn(&mut Tree), expected: &str) {
    let mut tree = read_fhir(source);
    assert_eq!(write(&tree, Syntax::Json), source);
    edit(&mut tree);
    let text = write(&tree, Syntax::Json);
    assert_eq!(text, expected);
    assert!(equal(&read_fhir(&text), ROOT, &tree, ROOT), "{text}");
}

#[test]
fn companions_follow_their_primitives() {
    let one = r#"{"_a": {"id":"i" , "e": [ {"v":1} ]}, "z":[ ], "a": "x"}"#;
    let set = |path: &'static str, text: &'static str| {
        move |tree: &mut Tree| {
            let id = at(tree, path);
            tree.set_text(id, text);
        }
    };
    let drop = |path: &'static str| {
        move |tree: &mut Tree| {
            let id = at(tree, path);
            tree.remove(id);
        }
    };
    check_fhir(one, set("a.e.v", "2"), r#"{"_a": {"id":"i" , "e": [ {"v":2} ]}, "z":[ ], "a": "x"}"#);
    check_fhir(one, drop("a"), r#"{"z":[ ]}"#);
    check_fhir(
        one,
        |tree| {
            string(tree, ROOT, "y", "n");
        },
        r#"{"z":[ ], "a": "x", "_a": {"id":"i" , "e": [ {"v":1} ]}, "y": "n"}"#,
    );
    check_fhir(one, drop("a.id"), r#"{"z":[ ], "a": "x", "_a": {"e": [{"v": 1}]}}"#);
    check_fhir(
        r#"{"a":"x","b":[ 1 ]}"#,
        |tree| {
            let a = at(tree, "a");
            string(tree, a, "id", "i");
        },
        r#"{"a":"x","_a":{"id":"i"},"b":[ 1 ]}"#,
    );
    check_fhir(r#"{"a":"x","_a":{"id":"i"}}"#, drop("a.id"), r#"{"a":"x"}"#);
    let value = |tree: &mut Tree| {
        let a = at(tree, "a");
        tree.set_kind(a, Kind::Str);
        tree.set_text(a, "x");
    };
    check_fhir(r#"{"_a":{"id":"i" }}"#, value, r#"{"a":"x","_a":{"id":"i" }}"#);
    check_fhir(r#"{"_a":{"id":"i" }}"#, set("a.id", "j"), r#"{"_a":{"id":"j" }}"#);
    let many = r#"{"l":["x", null],"_l":[null, {"id" :"i"}],"b":[ 1 ]}"#;
    check_fhir(many, set("l#0", "y"), r#"{"l":["y", null],"_l":[null, {"id" :"i"}],"b":[ 1 ]}"#);
    check_fhir(many, set("l#1.id", "j"), r#"{"l":["x", null],"_l":[null, {"id" :"j"}],"b":[ 1 ]}"#);
    check_fhir(many, drop("l#1.id"), r#"{"l":["x", null],"b":[ 1 ]}"#);
    check_fhir(many, drop("b"), r#"{"l":["x", null],"_l":[null, {"id" :"i"}]}"#);
    check_fhir(many, drop("l#0"), r#"{"_l":[{"id":"i"}],"b":[ 1 ]}"#);
    check_fhir(
        many,
        |tree| {
            add(tree, ROOT, "l", Kind::Str, LIST, "z");
        },
        r#"{"l":["x",null,"z"],"_l":[null,{"id":"i"},null],"b":[ 1 ]}"#,
    );
}

#[test]
fn a_member_with_a_line_before_its_name_alone_is_not_a_companion() {
    check(
        r#"{"_a": 1, "a": 2, "b": 3}"#,
        |tree| {
            let id = at(tree, "_a");
            tree.remove(id);
        },
        r#"{"a": 2, "b": 3}"#,
    );
    check(
        r#"{"a": 2, "_a": {"x":1}, "b": 3}"#,
        |tree| {
            let id = at(tree, "b");
            tree.remove(id);
        },
        r#"{"a": 2, "_a": {"x":1}}"#,
    );
}

/// A JSON value to be written with any white space.
#[derive(Debug, Clone)]
enum Value {
    Bare(&'static str),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(usize, Value)>),
}

const KEYS: [&str; 7] = ["a", "b", "_a", "c", "\\u0061x", "d", "\u{e4}"];

fn values() -> impl Strategy<Value = Value> {
    let bare =
        proptest::sample::select(vec!["1", "-0.50", "1e9", "true", "false", "null"]).prop_map(Value::Bare);
    let text = "[a-z \\PC\"\\\\]{0,6}".prop_map(Value::Text);
    prop_oneof![bare, text].prop_recursive(5, 60, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::vec((0..KEYS.len(), inner), 0..6).prop_map(Value::Object),
        ]
    })
}

struct Printer<'a> {
    spaces: &'a [&'static str],
    at: usize,
    out: String,
}

impl Printer<'_> {
    fn space(&mut self) {
        self.out.push_str(self.spaces[self.at % self.spaces.len()]);
        self.at += 1;
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bare(text) => self.out.push_str(text),
            Value::Text(text) => {
                self.out.push('"');
                json::escape_into(text, &mut self.out);
                self.out.push('"');
            }
            Value::List(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.out.push_str(if at > 0 { "," } else { "" });
                    self.space();
                    self.value(item);
                    self.space();
                }
                self.out.push(']');
            }
            Value::Object(members) => {
                self.out.push('{');
                let mut seen = Vec::new();
                for (key, value) in members {
                    if !seen.contains(key) {
                        self.out.push_str(if seen.is_empty() { "" } else { "," });
                        seen.push(*key);
                        self.space();
                        self.out.push('"');
                        self.out.push_str(KEYS[*key]);
                        self.out.push('"');
                        self.space();
                        self.out.push(':');
                        self.space();
                        self.value(value);
                        self.space();
                    }
                }
                self.out.push('}');
            }
        }
    }
}

fn documents() -> impl Strategy<Value = String> {
    let space = proptest::sample::select(vec!["", "", " ", "\n", "\n  ", "\r\n\t"]);
    (values(), prop::collection::vec(space, 1..7)).prop_map(|(value, spaces)| {
        let mut printer = Printer { spaces: &spaces, at: 0, out: String::new() };
        printer.space();
        printer.value(&value);
        printer.space();
        printer.out
    })
}

type Edit = (u8, usize, usize, String);

fn edit(tree: &mut Tree, (op, which, other, text): &Edit) {
    let nodes: Vec<NodeId> = tree.descend(ROOT).collect();
    let id = nodes[which % nodes.len()];
    let listed = tree.flags(id).has(LIST);
    match op % 5 {
        0 if matches!(tree.kind(id), Kind::Str | Kind::Number | Kind::Bool | Kind::Null) => {
            tree.set_kind(id, Kind::Str);
            tree.set_text(id, text);
        }
        1 if id != ROOT => tree.remove(id),
        2 if listed || tree.name(id) == Name::NONE => {
            let Some(parent) = tree.parent(id) else { return };
            let group: Vec<NodeId> =
                tree.children_named(parent, tree.name(id)).filter(|node| *node != id).collect();
            if !group.is_empty() {
                tree.move_after(id, Some(group[other % group.len()]));
            }
        }
        3 if tree.kind(id) == Kind::Array => {
            let places: Vec<NodeId> = tree.children(id).collect();
            let before = places.get(other % (places.len() + 1)).copied();
            let new = tree.insert_after(id, before, Name::NONE, Kind::Str, Flags::default(), 0);
            tree.set_text(new, text);
        }
        3 | 4 if tree.kind(id) == Kind::Object => insert(tree, id, *other, text),
        _ => {}
    }
}

fn insert(tree: &mut Tree, parent: NodeId, other: usize, text: &str) {
    let key = ["a", "b", "_a", "c", "new", "n\"w"][other % 6];
    let name = tree.intern(key);
    let there: Vec<NodeId> = tree.children_named(parent, name).collect();
    let listed = there.first().is_some_and(|node| tree.flags(*node).has(LIST));
    let empty = there.first().copied().filter(|node| tree.kind(*node) == Kind::EmptyList);
    if !there.is_empty() && !listed && empty.is_none() {
        return;
    }
    if let Some(empty) = empty {
        tree.remove(empty);
    }
    let flags = if listed || empty.is_some() || other.is_multiple_of(2) { LIST } else { Flags::default() };
    let id = add(tree, parent, key, Kind::Object, flags, "");
    string(tree, id, "t", text);
    add(tree, id, "l", Kind::Number, LIST, "1");
    add(tree, id, "m", Kind::EmptyList, Flags::default(), "");
}

proptest! {
    #[test]
    fn any_edits_read_back(source in documents(), edits in prop::collection::vec((any::<u8>(), any::<usize>(), any::<usize>(), "[a\"\\\\\n\u{e4}]{0,4}"), 0..8)) {
        let mut tree = read(&source);
        prop_assert_eq!(write(&tree, Syntax::Json), source.as_str());
        for one in &edits {
            edit(&mut tree, one);
        }
        let text = write(&tree, Syntax::Json);
        let again = json::read(&text, &Arc::new(NameTable::new()));
        prop_assert!(again.as_ref().is_ok_and(|again| equal(again, ROOT, &tree, ROOT)), "{} became {}", source, text);
        for id in tree.descend(ROOT) {
            let span = tree.head_span(id);
            let bytes = &source[span.start as usize..span.end as usize];
            let kept = tree.flags(id).any(Flags::EDITED.with(Flags::NEW)) || text.contains(bytes);
            prop_assert!(kept, "{} was lost: {} became {}", bytes, source, text);
        }
    }
}
