//! The coverage of a guide as other tools read it.

use super::{Coverage, State};
use crate::conformance::report::{VERSION, csv_row};
use serde_json::{Value, json};

/// The form of the JSON document; a change that breaks readers gets another number.
const FORM: &str = "sauma-coverage-1";
/// The columns of the table.
const COLUMNS: [&str; 8] =
    ["requirement", "definition", "element", "demand", "text", "state", "examples", "reason"];

/// One JSON document: how many, each requirement, and faults of the examples and the reasons.
pub fn json(coverage: &Coverage) -> String {
    let row = |(requirement, state): &(crate::guide::Requirement, State)| {
        let (by, reason) = shown(state);
        json!({
            "requirement": requirement.to_string(),
            "definition": requirement.definition,
            "element": requirement.element,
            "demand": requirement.demand.as_str(),
            "text": requirement.text,
            "state": state.as_str(),
            "examples": by,
            "reason": reason,
        })
    };
    let rows: Vec<Value> = coverage.rows.iter().map(row).collect();
    let document = json!({
        "form": FORM,
        "tool": { "name": "sauma", "version": VERSION },
        "package": coverage.package,
        "summary": coverage.counts(),
        "faults": coverage.faults,
        "requirements": rows,
    });
    format!("{document:#}\n")
}

/// A table for spreadsheets: RFC 4180, a row for each requirement.
pub fn csv(coverage: &Coverage) -> String {
    let mut out = csv_row(&COLUMNS);
    for (requirement, state) in &coverage.rows {
        let (by, reason) = shown(state);
        out.push_str(&csv_row(&[
            &requirement.to_string(),
            &requirement.definition,
            &requirement.element,
            requirement.demand.as_str(),
            &requirement.text,
            state.as_str(),
            &by.join(" "),
            reason,
        ]));
    }
    out
}

/// What shows the state: examples, or a reason.
fn shown(state: &State) -> (&[String], &str) {
    match state {
        State::Tested(by) => (by, ""),
        State::NotTestable(reason) => (&[], reason),
        State::NotTested => (&[], ""),
    }
}
