//! Any text as a lens: faults with a place inside the text, or a program.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::mapping::compile;
use sauma::mapping::units::schema;

fuzz_target!(|text: &str| {
    let table = |_: &str| Some("source\ttarget\na\tactive\nb\tcompleted\n".to_owned());
    if let Err(issues) = compile(text, schema(), &table) {
        assert!(!issues.is_empty());
        assert!(issues.iter().all(|issue| issue.span.end as usize <= text.len()));
    }
});
