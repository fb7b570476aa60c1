//! Any text as XML: a refusal with its place, or a tree that is written back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::tree::{NameTable, patch, xml};
use std::sync::Arc;

fuzz_target!(|text: &str| {
    match xml::read(text, &Arc::new(NameTable::new())) {
        Ok(tree) => assert_eq!(patch::write(&tree, patch::Syntax::Xml), text),
        Err(issue) => assert!(issue.span.end as usize <= text.len()),
    }
});
