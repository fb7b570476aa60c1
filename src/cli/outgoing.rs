//! `--validate`: what leaves is checked before it does.

use super::console::Console;
use super::mask::Mask;
use super::report::{self, Finding, Source};
use crate::diag::Issue;
use crate::exchange::document::Document;
use crate::format::decode;
use crate::mapping::Format;
use crate::mapping::units::{Unit, schema};
use crate::tree::json::Layout;
use crate::tree::{NodeId, fhir};
use crate::validate::{Options, Validator};
use std::sync::OnceLock;

/// What the output is called in findings.
const OUTPUT: &str = "the output";
/// What a unit's own document says is checked as the resources that its lens reads from it.
const READ_BACK: &str = "the output, read back as FHIR";

/// Checks resources as they will be written.
pub(super) fn check_resources(text: &str, console: &Console) -> Vec<Finding> {
    checked(OUTPUT, text, console)
}

/// Checks a unit's document as it will be written: FHIR as it stands, another format as the resources that it says.
pub(super) fn check_document(bytes: &[u8], unit: &'static Unit, console: &Console) -> Vec<Finding> {
    let bare = |issue: &Issue| vec![Finding::bare(OUTPUT, issue, console)];
    if unit.format() == Format::Fhir {
        return decode(bytes, None)
            .map_or_else(|issue| bare(&issue), |(text, _)| checked(OUTPUT, &text, console));
    }
    let document = match Document::read(bytes, Some(unit)) {
        Ok(document) => document,
        Err(unread) => return bare(&unread.issue),
    };
    let program = match unit.program() {
        Ok(program) => program,
        Err(issues) => return issues.iter().flat_map(bare).collect(),
    };
    match program.get(&document.tree) {
        Ok(got) => {
            let mut text = String::new();
            fhir::write_json(&got.target, NodeId::ROOT, Some(schema()), Layout::Pretty, &mut text);
            checked(READ_BACK, &text, console)
        }
        Err(issue) => bare(&issue),
    }
}

fn checked(name: &str, text: &str, console: &Console) -> Vec<Finding> {
    static VALIDATOR: OnceLock<Validator<'static>> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| Validator::new(schema()));
    let tree = if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        fhir::read_xml(text, schema().names(), schema())
    } else {
        fhir::read_json(text, schema().names())
    };
    let issues = match tree {
        Ok(tree) => {
            let now = Some(super::checks::now());
            validator.validate(&tree, &Options { profiles: &[], now }).issues
        }
        Err(issue) => vec![*issue],
    };
    let source = Source { file: name, text, mask: Mask::guess(text), lines_before: 0 };
    report::findings(source, &issues, console)
}
