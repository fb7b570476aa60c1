use super::super::{Syntax, write};
use super::{ROOT, add, at, string};
use crate::tree::{Flags, Kind, NameTable, NodeId, Tree, equal, xml};
use proptest::prelude::*;
use std::sync::Arc;

const PLAIN: Flags = Flags::LIST.without(Flags::LIST);

fn read(text: &str) -> Tree {
    xml::read(text, &Arc::new(NameTable::new()))
        .unwrap_or_else(|issue| unreachable!("{}: {text}", issue.message))
}

fn check(source: &str, edit: impl Fn(&mut Tree), expected: &str) {
    let mut tree = read(source);
    assert_eq!(write(&tree, Syntax::Xml), source);
    edit(&mut tree);
    let text = write(&tree, Syntax::Xml);
    assert_eq!(text, expected);
    assert!(equal(&read(&text), ROOT, &tree, ROOT), "{text}");
}

fn set(path: &'static str, text: &'static str) -> impl Fn(&mut Tree) {
    move |tree| {
        let id = at(tree, path);
        tree.set_text(id, text);
    }
}

fn drop(path: &'static str) -> impl Fn(&mut Tree) {
    move |tree| {
        let id = at(tree, path);
        tree.remove(id);
    }
}

#[test]
fn a_text_is_replaced_where_it_stands() {
    let source = "<?xml version=\"1.0\"?>\n<!-- x --><a  b = 'c&amp;d' >\n <e>f&lt;</e ><?p i?> <g><![CDATA[h]]></g>\n</a>\n<!-- y -->";
    check(source, set("@b", "\"'\n"), &source.replace("'c&amp;d'", "'\"&apos;&#10;'"));
    check(source, set("e", "<&>\r"), &source.replace("f&lt;", "&lt;&amp;&gt;&#13;"));
    check(source, set("g", "i"), &source.replace("<![CDATA[h]]>", "i"));
    check("<a>b<c/>d</a>", set("2", "x<"), "<a>b<c/>x&lt;</a>");
    check("<a>b<!--c-->d</a>", set("1", "e--f"), "<a>b<!--e- -f-->d</a>");
}

#[test]
fn an_empty_element_gains_text() {
    let edit = |tree: &mut Tree| {
        let b = at(tree, "b");
        tree.set_kind(b, Kind::Str);
        tree.set_text(b, "x");
    };
    check("<a><b/></a>", edit, "<a><b>x</b></a>");
    check("<a>\n<b></b>\n</a>", edit, "<a>\n<b>x</b>\n</a>");
    let run = |tree: &mut Tree| {
        let b = at(tree, "b");
        add(tree, b, "", Kind::Text, PLAIN, "x");
    };
    check("<a><b c='d' /></a>", run, "<a><b c='d'>x</b></a>");
    check("<a>\n  <b c='d' ></b>\n</a>", run, "<a>\n  <b c='d' >x</b>\n</a>");
}

#[test]
fn a_new_element_stands_as_its_neighbours() {
    let edit = |tree: &mut Tree| {
        let n = add(tree, ROOT, "n", Kind::Object, PLAIN, "");
        add(tree, n, "@k", Kind::Attr, PLAIN, "<\"");
        string(tree, n, "t", "x&");
        add(tree, n, "e", Kind::Object, PLAIN, "");
    };
    check("<a><b/></a>", edit, "<a><b/><n k=\"&lt;&quot;\"><t>x&amp;</t><e/></n></a>");
    check(
        "<a>\r\n\t<!-- c -->\r\n\t<b/>\r\n</a>",
        edit,
        "<a>\r\n\t<!-- c -->\r\n\t<b/>\r\n\t<n k=\"&lt;&quot;\">\r\n\t\t<t>x&amp;</t>\r\n\t\t<e/>\r\n\t</n>\r\n</a>",
    );
    check(
        "<p:a xmlns:p='u'/>",
        edit,
        "<p:a xmlns:p='u'><p:n k=\"&lt;&quot;\"><p:t>x&amp;</p:t><p:e/></p:n></p:a>",
    );
    let below = |tree: &mut Tree| {
        let b = at(tree, "b");
        string(tree, b, "t", "x");
    };
    check("<a>\n    <b/>\n</a>", below, "<a>\n    <b>\n        <t>x</t>\n    </b>\n</a>");
    check(
        "<a>x<b/></a>",
        |tree| {
            string(tree, ROOT, "t", "y");
        },
        "<a>x<b/><t>y</t></a>",
    );
    let first = |tree: &mut Tree| {
        let name = tree.intern("n");
        tree.insert_after(ROOT, None, name, Kind::Object, PLAIN, 0);
    };
    check("<a>\n  <b/>\n</a>", first, "<a>\n  <n/>\n  <b/>\n</a>");
}

#[test]
fn a_well_known_namespace_is_declared_once() {
    let edit = |tree: &mut Tree| {
        string(tree, ROOT, "sdtc:n", "x");
    };
    check(
        "<a xmlns='u' xmlns:s='urn:hl7-org:sdtc'><b/></a>",
        edit,
        "<a xmlns='u' xmlns:s='urn:hl7-org:sdtc'><b/><s:n>x</s:n></a>",
    );
    let mut tree = read("<a xmlns='u'><b/></a>");
    edit(&mut tree);
    assert_eq!(
        write(&tree, Syntax::Xml),
        "<a xmlns='u'><b/><sdtc:n xmlns:sdtc=\"urn:hl7-org:sdtc\">x</sdtc:n></a>"
    );
}

#[test]
fn attributes_come_and_go() {
    let edit = |tree: &mut Tree| {
        let last = tree.children(ROOT).filter(|child| tree.kind(*child) == Kind::Attr).last();
        let name = tree.intern("@n");
        let id = tree.insert_after(ROOT, last, name, Kind::Attr, PLAIN, 0);
        tree.set_text(id, "x");
    };
    check("<a b='c' ><d/></a>", edit, "<a b='c' n=\"x\" ><d/></a>");
    check("<a><d/> </a>", edit, "<a n=\"x\"><d/> </a>");
    check("<a />", edit, "<a n=\"x\" />");
    check("<a b='c'\n   d='e'/>", drop("@b"), "<a\n   d='e'/>");
    check("<a b='c' d='e'>\n<f/></a>", drop("@d"), "<a b='c'>\n<f/></a>");
}

#[test]
fn removing_takes_the_space_before() {
    let source = "<a>\n  <b/>\n  <!-- c -->\n  <d>\n    <e/>\n  </d>\n</a>";
    check(source, drop("b"), "<a>\n  <!-- c -->\n  <d>\n    <e/>\n  </d>\n</a>");
    check(source, drop("d"), "<a>\n  <b/>\n  <!-- c -->\n</a>");
    check(source, drop("d.e"), "<a>\n  <b/>\n  <!-- c -->\n  <d></d>\n</a>");
    check(
        source,
        |tree| {
            let (b, d) = (at(tree, "b"), at(tree, "d"));
            tree.move_after(b, Some(d));
        },
        "<a>\n  <!-- c -->\n  <d>\n    <e/>\n  </d>\n  <b/>\n</a>",
    );
    check("<a><b><x></x><x a='>'/></b><c/></a>", drop("b"), "<a><c/></a>");
}

/// A small tree as the FHIR reader makes it: the generic tree with values lifted from their attributes.
fn read_fhir(text: &str) -> Tree {
    let mut tree = read(text);
    let nodes: Vec<NodeId> = tree.descend(ROOT).collect();
    for id in nodes {
        if tree.kind(id) == Kind::Comment || tree.name_text(id) == "@xmlns" {
            tree.detach(id);
        } else if let Some(name) = tree.name_text(id).strip_prefix('@').map(str::to_owned) {
            let parent = tree.parent(id).unwrap_or(ROOT);
            if name == "value" {
                let span = tree.text_span(id);
                tree.set_kind(parent, Kind::Str);
                tree.set_text_range(parent, span.start as usize, span.end as usize);
                tree.detach(id);
            } else {
                let name = tree.intern(&name);
                tree.set_name(id, name);
                tree.set_kind(id, Kind::Str);
            }
        }
    }
    tree
}

fn check_fhir(source: &str, edit: impl Fn(&mut Tree), expected: &str) {
    let mut tree = read_fhir(source);
    assert_eq!(write(&tree, Syntax::FhirXml), source);
    edit(&mut tree);
    assert_eq!(write(&tree, Syntax::FhirXml), expected);
}

#[test]
fn fhir_values_stand_in_attributes() {
    let source = "<P xmlns='f'>\n  <!-- c -->\n  <s id='i' value='x' />\n  <n/>\n</P>";
    check_fhir(source, set("s", "y'"), &source.replace("'x'", "'y&apos;'"));
    check_fhir(source, set("s.id", "j"), &source.replace("'i'", "'j'"));
    check_fhir(source, drop("s.id"), &source.replace(" id='i'", ""));
    check_fhir(source, drop("s"), "<P xmlns='f'>\n  <!-- c -->\n  <n/>\n</P>");
    check_fhir(
        source,
        |tree| {
            let n = at(tree, "n");
            tree.set_kind(n, Kind::Str);
            tree.set_text(n, "z");
        },
        &source.replace("<n/>", "<n value=\"z\"/>"),
    );
    let extension = |tree: &mut Tree| {
        let s = at(tree, "s");
        let extension = add(tree, s, "extension", Kind::Object, Flags::LIST, "");
        string(tree, extension, "url", "u");
        string(tree, extension, "valueString", "v");
    };
    check_fhir(source, extension, &source.replace(
        "<s id='i' value='x' />",
        "<s id='i' value='x'>\n    <extension url=\"u\">\n      <valueString value=\"v\"/>\n    </extension>\n  </s>",
    ));
    let contained = |tree: &mut Tree| {
        let holder = add(tree, ROOT, "contained", Kind::Object, Flags::LIST, "");
        string(tree, holder, "resourceType", "Q");
        string(tree, holder, "id", "q");
    };
    check_fhir(
        "<P><s value='x'/></P>",
        contained,
        "<P><s value='x'/><contained><Q><id value=\"q\"/></Q></contained></P>",
    );
}

#[test]
fn fhir_items_that_were_brought_together_are_found_in_the_text() {
    let source = "<P><a value='1'/><b value='2'/><a value='3'/></P>";
    let mut tree = read_fhir(source);
    let (first, between, last) = (at(&tree, "a"), at(&tree, "b"), at(&tree, "a#1"));
    tree.set_children(ROOT, &[first, last, between]);
    tree.set_text(last, "5");
    tree.set_text(between, "4");
    assert_eq!(write(&tree, Syntax::FhirXml), "<P><a value='1'/><b value='4'/><a value='5'/></P>");
    tree.remove(first);
    assert_eq!(write(&tree, Syntax::FhirXml), "<P><a value='5'/><b value='4'/></P>");
}

#[test]
fn fhir_resources_are_edited_in_their_element() {
    let source = "<P>\n  <contained>\n    <Q>\n      <s value='x'/>\n    </Q>\n  </contained>\n</P>";
    let mut tree = read_fhir(source);
    let (holder, inner) = (at(&tree, "contained"), at(&tree, "contained.Q"));
    tree.adopt_children(inner, holder);
    tree.detach(inner);
    let kind = tree.intern("resourceType");
    let kind = tree.push(holder, kind, Kind::Str, PLAIN);
    tree.set_text_range(kind, source.find('Q').unwrap_or(0), source.find('Q').unwrap_or(0) + 1);
    string(&mut tree, holder, "t", "y");
    let expected = source.replace("<s value='x'/>", "<s value='x'/>\n      <t value=\"y\"/>");
    assert_eq!(write(&tree, Syntax::FhirXml), expected);
}

/// An element to be written with any white space.
#[derive(Debug, Clone)]
enum Content {
    Text(String),
    Comment,
    Element(usize, Vec<String>, Vec<Content>),
}

fn contents() -> impl Strategy<Value = Content> {
    let text = "[a-c&<> \u{e4}\n]{1,4}".prop_map(Content::Text);
    let attributes = || prop::collection::vec("[a'<\n\"]{0,3}", 0..3);
    let leaf = (0..3_usize, attributes())
        .prop_map(|(name, attributes)| Content::Element(name, attributes, Vec::new()));
    prop_oneof![1 => text, 1 => Just(Content::Comment), 3 => leaf].prop_recursive(5, 50, 5, move |inner| {
        (0..3_usize, attributes(), prop::collection::vec(inner, 0..5))
            .prop_map(|(name, attributes, inner)| Content::Element(name, attributes, inner))
    })
}

fn print(content: &Content, spaces: &[&str], prefix: &str, out: &mut String) {
    let escaped = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    match content {
        Content::Text(text) => out.push_str(&escaped(text)),
        Content::Comment => out.push_str("<!-- <x> -->"),
        Content::Element(name, attributes, inner) => {
            let name = format!("{prefix}{}", ["a", "b", "c"][*name]);
            out.extend(["<", &name]);
            for (at, value) in attributes.iter().enumerate() {
                out.extend([" ", ["x", "y", "z"][at], "=\"", &escaped(value), "\""]);
            }
            if inner.is_empty() && spaces[0].is_empty() {
                out.push_str("/>");
                return;
            }
            out.push('>');
            for (at, content) in inner.iter().enumerate() {
                out.push_str(spaces[(out.len() + at) % spaces.len()]);
                print(content, spaces, prefix, out);
            }
            out.push_str(if inner.is_empty() { "" } else { spaces[out.len() % spaces.len()] });
            out.extend(["</", &name, ">"]);
        }
    }
}

fn documents() -> impl Strategy<Value = String> {
    let space = proptest::sample::select(vec!["", "\n", "\n  ", "\r\n\t", " "]);
    let inner = prop::collection::vec(contents(), 0..5);
    (inner, prop::collection::vec(space, 1..4), any::<bool>()).prop_map(|(inner, spaces, prefixed)| {
        let (prefix, space) = if prefixed { ("p:", " xmlns:p='u'") } else { ("", "") };
        let mut out = String::new();
        print(&Content::Element(0, Vec::new(), inner), &spaces, prefix, &mut out);
        let name = format!("<{prefix}a");
        out.replacen(&name, &format!("<?xml version=\"1.0\"?>\n{name}{space}"), 1)
    })
}

fn has_text(tree: &Tree, id: NodeId) -> bool {
    tree.kind(id) == Kind::Str || tree.children(id).any(|child| tree.kind(child) == Kind::Text)
}

/// Edits that keep the tree one that the reader would make: texts side by side would become one.
fn edit(tree: &mut Tree, (op, which, other, text): &(u8, usize, usize, String)) {
    let nodes: Vec<NodeId> = tree.descend(ROOT).collect();
    let id = nodes[which % nodes.len()];
    let parent = tree.parent(id).unwrap_or(ROOT);
    let is_attribute = |tree: &Tree, id: NodeId| tree.kind(id) == Kind::Attr;
    match op % 6 {
        0 if matches!(tree.kind(id), Kind::Str | Kind::Text) => tree.set_text(id, &format!("{text}x")),
        0 if is_attribute(tree, id) && tree.name_text(id).len() == 2 => tree.set_text(id, text),
        1 if id != ROOT && !has_text(tree, parent) && tree.name_text(id) != "@xmlns:p" => tree.remove(id),
        2 if id != ROOT && !has_text(tree, parent) && !is_attribute(tree, id) => {
            let siblings: Vec<NodeId> =
                tree.children(parent).filter(|node| *node != id && !is_attribute(tree, *node)).collect();
            if !siblings.is_empty() {
                tree.move_after(id, Some(siblings[other % siblings.len()]));
            }
        }
        3 if tree.kind(id) == Kind::Object && tree.child_str(id, "@n").is_none() => {
            let last = tree.children(id).filter(|child| is_attribute(tree, *child)).last();
            let name = tree.intern("@n");
            let new = tree.insert_after(id, last, name, Kind::Attr, PLAIN, 0);
            tree.set_text(new, text);
        }
        4 | 5 if tree.kind(id) == Kind::Object && !has_text(tree, id) => {
            let places: Vec<NodeId> = tree.children(id).collect();
            let attributes = places.iter().filter(|child| is_attribute(tree, **child)).count();
            let place = attributes + other % (places.len() - attributes + 1);
            let before = place.checked_sub(1).and_then(|place| places.get(place)).copied();
            let name = tree.intern("new");
            let new = tree.insert_after(id, before, name, Kind::Object, PLAIN, 0);
            add(tree, new, "@k", Kind::Attr, PLAIN, text);
            string(tree, new, "t", "\n ");
            string(tree, new, "t", "y<");
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_edits_read_back(source in documents(), edits in prop::collection::vec((any::<u8>(), any::<usize>(), any::<usize>(), "[a\"<&\n\r\u{e4}]{0,4}"), 0..8)) {
        let mut tree = read(&source);
        prop_assert_eq!(write(&tree, Syntax::Xml), source.as_str());
        for one in &edits {
            edit(&mut tree, one);
        }
        let text = write(&tree, Syntax::Xml);
        let again = xml::read(&text, &Arc::new(NameTable::new()));
        prop_assert!(again.as_ref().is_ok_and(|again| equal(again, ROOT, &tree, ROOT)), "{} became {}", source, text);
        for id in tree.descend(ROOT) {
            let span = tree.head_span(id);
            let bytes = &source[span.start as usize..span.end as usize];
            let kept = tree.flags(id).any(Flags::EDITED.with(Flags::NEW)) || text.contains(bytes);
            prop_assert!(kept, "{} was lost: {} became {}", bytes, source, text);
        }
    }
}
