//! Any text as a map: faults with a place inside the text; what has none is laid out and printed without change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::mapping::fml::{Dialect, Library, check, format, parse, print};
use sauma::schema::Schema;

fuzz_target!(|text: &str| {
    let parsed = parse(text);
    let inside = |end: u32| assert!(end as usize <= text.len());
    parsed.issues.iter().for_each(|issue| inside(issue.span.end));
    check(&parsed.map, &Library::new([&parsed.map]), Schema::r4())
        .iter()
        .for_each(|issue| inside(issue.span.end));
    if !parsed.issues.is_empty() {
        return;
    }
    if let Ok(laid_out) = format(text) {
        assert_eq!(parse(&laid_out).map, parsed.map, "laid out");
        assert_eq!(format(&laid_out).as_ref(), Ok(&laid_out), "laid out twice");
    }
    if let Ok(printed) = print(&parsed.map, Dialect::R5) {
        assert_eq!(parse(&printed).map, parsed.map, "printed");
    }
});
