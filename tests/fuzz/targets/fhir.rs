//! Any text as a FHIR resource: what one form holds and the other can hold comes back equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::exchange::document::read_resources;
use sauma::mapping::units::schema;
use sauma::tree::json::Layout;
use sauma::tree::{Kind, NodeId, fhir};

const XHTML: &str = "xmlns=\"http://www.w3.org/1999/xhtml\"";

fuzz_target!(|text: &str| {
    let Ok(tree) = read_resources(text) else { return };
    let mut json = String::new();
    fhir::write_json(&tree, NodeId::ROOT, Some(schema()), Layout::Compact, &mut json);
    let again = fhir::read_json(&json, schema().names());
    assert!(again.is_ok_and(|again| fhir::equal(&tree, &again, schema())), "as JSON");
    // XML needs the namespace of XHTML; a narrative without it is given one, and so comes back with it.
    let bare = |node: NodeId| tree.kind(node) == Kind::Xhtml && !tree.text(node).contains(XHTML);
    let mut xml = String::new();
    if !tree.descend(NodeId::ROOT).any(bare)
        && fhir::write_xml(&tree, NodeId::ROOT, schema(), Layout::Compact, &mut xml).is_ok()
    {
        let again = fhir::read_xml(&xml, schema().names(), schema());
        assert!(again.is_ok_and(|again| fhir::equal(&tree, &again, schema())), "as XML");
    }
});
