//! The run as a table for spreadsheets.
//!
//! One row a finding, in the columns of [`COLUMNS`]; a document without a finding has one row, so that every document of
//! the run is in the table, and so has each thing that was not checked (severity `not-checked`).

use super::{Document, Finding, NotChecked, Run};
use crate::diag::codes;

/// The columns: the file and its line of NDJSON, the verdict of the document, then the finding.
const COLUMNS: [&str; 14] = [
    "file",
    "document_line",
    "verdict",
    "severity",
    "code",
    "message",
    "path",
    "line",
    "column",
    "end_line",
    "end_column",
    "rule",
    "help",
    "value",
];

/// The table: RFC 4180, with the names of the columns in the first row.
pub fn csv(run: &Run) -> String {
    let mut out = row(&COLUMNS.map(str::to_owned));
    for document in &run.documents {
        if document.findings.is_empty() && document.not_checked.is_empty() {
            out.push_str(&row(&of_document(document)));
        }
        out.extend(document.findings.iter().map(|finding| row(&of_finding(document, finding))));
        out.extend(document.not_checked.iter().map(|entry| row(&of_not_checked(document, entry))));
    }
    for finding in &run.baseline {
        let mut cells: [String; 14] = std::array::from_fn(|_| String::new());
        cells[0].clone_from(&finding.file);
        "fail".clone_into(&mut cells[2]);
        out.push_str(&row(&with_finding(cells, finding)));
    }
    out
}

fn of_document(document: &Document) -> [String; 14] {
    let mut cells: [String; 14] = std::array::from_fn(|_| String::new());
    cells[0].clone_from(&document.file);
    cells[1] = number(document.line);
    document.verdict.as_str().clone_into(&mut cells[2]);
    cells
}

fn of_finding(document: &Document, finding: &Finding) -> [String; 14] {
    with_finding(of_document(document), finding)
}

fn with_finding(cells: [String; 14], finding: &Finding) -> [String; 14] {
    let [file, document_line, verdict, ..] = cells;
    [
        file,
        document_line,
        verdict,
        finding.severity.as_str().to_owned(),
        finding.code.to_owned(),
        finding.message.clone(),
        finding.path.clone(),
        number(finding.line),
        number(finding.column),
        number(finding.end_line),
        number(finding.end_column),
        finding.rule.clone().unwrap_or_default(),
        finding.help.clone(),
        finding.value.clone().unwrap_or_default(),
    ]
}

fn of_not_checked(document: &Document, entry: &NotChecked) -> [String; 14] {
    let mut cells = of_document(document);
    "not-checked".clone_into(&mut cells[3]);
    codes::NOT_CHECKED.id.clone_into(&mut cells[4]);
    cells[5] = format!("{} {} ({})", entry.kind, entry.name, entry.count);
    cells
}

fn number(number: Option<u32>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn row(cells: &[String; 14]) -> String {
    csv_row(&cells.each_ref().map(String::as_str))
}

/// One row of a table, RFC 4180.
pub(crate) fn csv_row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A spreadsheet runs a cell that begins like a formula, so such a cell gets an apostrophe (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if runs { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_document_is_in_the_table() {
        let table = csv(&samples::run());
        let rows: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(rows[0], COLUMNS.join(","));
        assert_eq!(rows[1], "a.json,,pass,,,,,,,,,,,");
        let place = "Goal.lifecycleStatus,4,3,4,20,http://hl7.org/fhir/ValueSet/goal-status,choose a code of the value set,";
        let said = "V325,\"the code is not in <a> & \"\"b\"\"\"";
        assert_eq!(rows[2], format!("b å.json,,warn,warning,{said},{place}"));
        assert_eq!(rows[3], "b å.json,,warn,not-checked,V359,code system http://loinc.org (2),,,,,,,,");
        assert_eq!(rows[4], format!("c.ndjson,4,fail,error,{said},{place}"));
        assert_eq!(rows[6], format!("'=d.json,,error,error,{said},{place}"));
        assert_eq!(rows.len(), 8);
    }
}
