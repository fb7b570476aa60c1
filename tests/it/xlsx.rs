//! A plan in a workbook: read as the same table in CSV is, edited, and read again.

use sauma::exchange::document::{Document, read_resources};
use sauma::mapping::units::schema;
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{Tree, fhir};
use serde_json::{Value, json};
use std::fs;

const CASES: &str = "mappings/third-sector-support/cases";

fn document(path: &str) -> Document {
    Document::read(&fs::read(format!("{CASES}/{path}")).unwrap(), None).unwrap()
}

fn resources(document: &Document) -> Tree {
    document.unit.program().unwrap().get(&document.tree).unwrap().target
}

/// What an edit of the resources makes of the workbook: read anew it gives just these resources.
fn check(edit: impl Fn(&mut Value)) -> Document {
    let before = document("workbook/input.xlsx");
    let program = before.unit.program().unwrap();
    let mut bundle: Value = serde_json::from_str(&to_string(&resources(&before), Layout::Compact)).unwrap();
    edit(&mut bundle);
    let wanted = read_resources(&bundle.to_string()).unwrap();
    let edited = program.put(&before.tree, &wanted).unwrap();
    let after = Document::read(&before.write(&edited).unwrap(), None).unwrap();
    program.gives(&after.tree, &wanted).unwrap();
    after
}

fn resource<'a>(bundle: &'a mut Value, kind: &str, number: usize) -> &'a mut Value {
    let entries = bundle["entry"].as_array_mut().unwrap().iter_mut().map(|entry| &mut entry["resource"]);
    entries.filter(|resource| resource["resourceType"] == kind).nth(number).unwrap()
}

#[test]
fn a_workbook_is_the_table_that_it_shows() {
    let (book, table) = (document("workbook/input.xlsx"), document("full/input.csv"));
    assert!(book.is_workbook() && !table.is_workbook());
    assert!(fhir::equal(&resources(&book), &resources(&table), schema()));
    let remarks: Vec<String> = book.remarks().into_iter().map(|issue| issue.message).collect();
    assert_eq!(remarks, ["the workbook has 1 more sheets, which are not read"]);
}

#[test]
fn edits_of_the_plan_go_into_the_sheet() {
    let lines = document("full/input.csv").text().lines().count();
    let after =
        check(|bundle| resource(bundle, "Goal", 0)["description"]["text"] = json!("Tapaan ystäviä <3"));
    assert!(after.text().contains("Tapaan ystäviä <3") && after.text().lines().count() == lines);
    // What is said of the client stands on every row.
    let after = check(|bundle| resource(bundle, "Patient", 0)["birthDate"] = json!("1986-09-25"));
    assert_eq!(after.text().matches("25.09.1986").count(), lines - 1);
    // A new task is a row below, in the dates of the column.
    let after = check(|bundle| {
        let mut task = resource(bundle, "ServiceRequest", 1).clone();
        task["id"] = json!("new");
        task["code"]["text"] = json!("Kokeilu keittiössä");
        task["occurrencePeriod"] = json!({"start": "2026-05-04", "end": "2026-06-01"});
        bundle["entry"]
            .as_array_mut()
            .unwrap()
            .push(json!({"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": task}));
        let activity = resource(bundle, "CarePlan", 0)["activity"].as_array_mut().unwrap();
        activity.push(json!({"reference": {"reference": "ServiceRequest/new"}}));
    });
    assert_eq!(after.text().lines().count(), lines + 1);
    assert!(
        after
            .text()
            .lines()
            .last()
            .unwrap()
            .contains("tehtävä;Kokeilu keittiössä;04.05.2026;01.06.2026;tehty")
    );
}
