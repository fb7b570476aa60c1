//! Any bytes as a unit's document: what no rule covers is reported, and what nobody changed comes back byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::exchange::document::Document;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::read(bytes, None) else { return };
    let Ok(program) = document.unit.program() else { return };
    let Ok(got) = program.get(&document.tree) else { return };
    let ledger = program.ledger(&document.tree, &got);
    assert_eq!(program.unexplained(&document.tree, &ledger).len(), ledger.counts().unexplained);
    if let Ok(edited) = program.put(&document.tree, &got.target) {
        assert_eq!(document.write(&edited).ok().as_deref(), Some(bytes));
    }
});
