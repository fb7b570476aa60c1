//! What a view says of what is withheld, as an `OperationOutcome` in its Bundle: issues of the type `suppressed`.

use super::{View, Withheld};
use crate::diag::Language;
use crate::plan::LOCAL;
use crate::plan::permission::Word;
use crate::plan::policy::Policy;
use crate::tree::{Flags, Kind, Name, NodeId, Tree};

const TARGET: &str = "OperationOutcome/withheld";

/// Adds the outcome where there is anything to say.
pub(super) fn write(view: &mut View, policy: &Policy) {
    if view.withheld.is_empty() && !view.is_emergency {
        return;
    }
    let tree = &mut view.joined.bundle;
    let entry = tree.push(NodeId::ROOT, Name::ENTRY, Kind::Object, Flags::LIST);
    let url = tree.push(entry, Name::FULL_URL, Kind::Str, Flags::default());
    tree.set_read_text(url, &format!("{LOCAL}{TARGET}"));
    let outcome = tree.push(entry, Name::RESOURCE, Kind::Object, Flags::default());
    text(tree, outcome, "resourceType", "OperationOutcome");
    text(tree, outcome, "id", "withheld");
    if view.is_emergency {
        let said = "an emergency opens what this view shows; it is logged and reviewed";
        issue(tree, outcome, ("warning", "informational"), "emergency", said);
    }
    for withheld in &view.withheld {
        let words = policy.text_of(&withheld.rule).map(|(text, _)| text.in_language(Language::En));
        let said = format!("{}: {}", about(withheld), words.unwrap_or_default());
        issue(tree, outcome, ("information", "suppressed"), withheld.reason.code(), &said);
    }
}

/// What is withheld, for programs.
fn about(withheld: &Withheld) -> String {
    let parts = [withheld.unit.as_deref(), withheld.sector.map(Word::code), withheld.kind.as_deref()];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let what = if parts.is_empty() { "withheld".to_owned() } else { parts.join(" ") };
    format!("{what} ({})", withheld.count)
}

fn issue(tree: &mut Tree, outcome: NodeId, (severity, kind): (&str, &str), reason: &str, said: &str) {
    let name = tree.intern("issue");
    let issue = tree.push(outcome, name, Kind::Object, Flags::LIST);
    text(tree, issue, "severity", severity);
    text(tree, issue, "code", kind);
    let name = tree.intern("details");
    let details = tree.push(issue, name, Kind::Object, Flags::default());
    let name = tree.intern("coding");
    let coding = tree.push(details, name, Kind::Object, Flags::LIST);
    text(tree, coding, "code", reason);
    text(tree, issue, "diagnostics", said);
}

fn text(tree: &mut Tree, parent: NodeId, name: &str, text: &str) {
    let name = tree.intern(name);
    let leaf = tree.push(parent, name, Kind::Str, Flags::default());
    tree.set_read_text(leaf, text);
}
