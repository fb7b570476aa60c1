//! Any text as CSV: a refusal with its place, or a tree that is written back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::format::csv;
use sauma::tree::NameTable;
use std::sync::Arc;

fuzz_target!(|text: &str| {
    match csv::read(text, &Arc::new(NameTable::new())) {
        Ok((tree, dialect)) => assert_eq!(csv::patch(&tree, &dialect), text),
        Err(issue) => assert!(issue.span.end as usize <= text.len()),
    }
});
