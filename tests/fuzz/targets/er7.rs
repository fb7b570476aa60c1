//! Any text as an HL7 v2 message: a refusal with its place, or a tree that is written back as it was, and, written anew,
//! is read as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::format::er7;
use sauma::tree::{Kind, NameTable, NodeId, equal};
use std::sync::Arc;

fuzz_target!(|text: &str| {
    let names = Arc::new(NameTable::new());
    for part in er7::messages(text) {
        assert!(text.get(part).is_some_and(|message| message.starts_with("MSH")));
    }
    let (tree, dialect) = match er7::read(text, &names) {
        Ok(read) => read,
        Err(issue) => return assert!(issue.span.end as usize <= text.len()),
    };
    assert_eq!(er7::patch(&tree, &dialect).ok().as_deref(), Some(text));
    let mut again = tree.clone();
    for node in tree.descend(NodeId::ROOT).filter(|node| tree.kind(*node) == Kind::Str) {
        again.set_text(node, &tree.text(node));
    }
    // What is set to what it said may be written with other escapes, and says the same.
    if let Ok(set) = er7::patch(&again, &dialect) {
        if let Ok((other, _)) = er7::read(&set, &names) {
            assert!(equal(&tree, NodeId::ROOT, &other, NodeId::ROOT));
        }
    }
    if let Ok(anew) = er7::write(&tree) {
        if let Ok((other, _)) = er7::read(&anew, &names) {
            assert!(equal(&tree, NodeId::ROOT, &other, NodeId::ROOT));
        }
    }
});
