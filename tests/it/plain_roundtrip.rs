//! JSON and XML of any kind: clinical documents, messages' conversions, schemas. Each is read, written without
//! regard to its layout, and read again; and an edit that changes nothing changes no byte.

use crate::shared;
use sauma::format::{Encoding, decode, encode};
use sauma::mapping::units::schema;
use sauma::tree::json::{self, Layout};
use sauma::tree::patch::{self, Syntax};
use sauma::tree::{Flags, Kind, NodeId, Tree, equal, xml};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

#[test]
fn published_documents_come_back() {
    let Some(folder) = shared::folder() else { return };
    let mut files: Vec<PathBuf> = Vec::new();
    for part in ["corpus/ccda", "corpus/ccda-fragments", "formats", "finland"] {
        files.extend(shared::files(&folder.join(part), &["json", "xml", "ccda", "xsd", "sch"]));
    }
    let outcomes = shared::in_parallel(&files, |path| check(&fs::read(path).unwrap()));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (path, outcome) in files.iter().zip(outcomes) {
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let place = name.split('/').take(2).collect::<Vec<_>>().join("/");
        match outcome {
            Ok(()) => *counts.entry(format!("{place}: come back")).or_default() += 1,
            Err(Fault::Unreadable(why)) => {
                println!("not read: {name}: {why}");
                *counts.entry(format!("{place}: not read")).or_default() += 1;
            }
            Err(Fault::Lost(why)) => faults.push(format!("{name}: {why}")),
        }
    }
    for (place, count) in &counts {
        println!("{place}: {count}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

enum Fault {
    /// Refused by the reader, with the issue.
    Unreadable(String),
    /// Read, but something changed on the way.
    Lost(&'static str),
}

fn check(bytes: &[u8]) -> Result<(), Fault> {
    let (text, encoding) = decode(bytes, None)
        .map_err(|issue| Fault::Unreadable(format!("{} {}", issue.code.id, issue.message)))?;
    let is_xml = text.trim_start().starts_with('<');
    let read = |text: &str| {
        if is_xml { xml::read(text, schema().names()) } else { json::read(text, schema().names()) }
    };
    let tree = read(&text)
        .map_err(|issue| Fault::Unreadable(format!("{} {} {}", issue.code.id, issue.message, issue.help)))?;
    for layout in [Layout::Compact, Layout::Pretty] {
        let again =
            read(&written(&tree, is_xml, layout)).map_err(|_| Fault::Lost("what was written is not read"))?;
        if !equal(&tree, NodeId::ROOT, &again, NodeId::ROOT) {
            return Err(Fault::Lost(match layout {
                Layout::Compact => "the compact form is another tree",
                Layout::Pretty => "the indented form is another tree",
            }));
        }
    }
    let syntax = if is_xml { Syntax::Xml } else { Syntax::Json };
    check_patch(&tree, syntax, bytes, encoding)
}

fn written(tree: &Tree, is_xml: bool, layout: Layout) -> String {
    let mut out = String::new();
    if is_xml {
        xml::write(tree, NodeId::ROOT, layout, &mut out);
    } else {
        json::write(tree, NodeId::ROOT, layout, &mut out);
    }
    out
}

/// Nothing edited, and a value replaced by itself: the bytes stay. A new value: only its span changes.
fn check_patch(tree: &Tree, syntax: Syntax, bytes: &[u8], encoding: Encoding) -> Result<(), Fault> {
    let is_unchanged =
        |tree: &Tree| encode(&patch::write(tree, syntax), encoding).is_ok_and(|out| out == bytes);
    if !is_unchanged(tree) {
        return Err(Fault::Lost("an unedited document changed"));
    }
    let escapes = Flags::JSON_ESCAPES.with(Flags::XML_ESCAPES);
    let simple = |id: &NodeId| {
        matches!(tree.kind(*id), Kind::Str | Kind::Attr)
            && !tree.flags(*id).any(escapes)
            && !tree.text(*id).contains(['"', '\'', '<', '>', '&', '\n', '\r', '\t'])
            && !tree.name_text(*id).starts_with("@xmlns")
    };
    let leaves: Vec<NodeId> = tree.descend(NodeId::ROOT).filter(simple).collect();
    let Some(leaf) = leaves.get(leaves.len() / 2).copied() else { return Ok(()) };
    let mut edited = tree.clone();
    edited.set_text(leaf, &tree.text(leaf));
    if !is_unchanged(&edited) {
        return Err(Fault::Lost("a value replaced by itself changed the document"));
    }
    edited.set_text(leaf, "å new value");
    let span = tree.text_span(leaf);
    let source = tree.source();
    let expected = [&source[..span.start as usize], "å new value", &source[span.end as usize..]].concat();
    if patch::write(&edited, syntax) != expected {
        return Err(Fault::Lost("a new value changed more than its own place"));
    }
    Ok(())
}
