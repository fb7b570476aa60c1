//! A view is FHIR R4 and fits our profiles, whoever it is for: what is withheld leaves no resource without what it needs.

use crate::journeys::told_of_each;
use crate::views::{COUNTY_OID, health, now, permissions, read, request};
use sauma::diag::Severity;
use sauma::exchange::document::Document;
use sauma::mapping::units::{UNITS, schema};
use sauma::plan::permission::{Answer, Capacity, Request, Word};
use sauma::plan::policy::Policy;
use sauma::plan::view::view;
use sauma::plan::{Contribution, Decision, Sector};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, fhir};
use sauma::validate::{Options, Validator};
use std::fs;

fn capacities() -> impl Iterator<Item = Capacity> {
    let professionals = Sector::ALL.iter().map(|sector| Capacity::Professional(*sector));
    professionals.chain([Capacity::Client, Capacity::Guardian, Capacity::Service])
}

/// The errors of the views of one client's documents, for every role, with all permissions and with none.
fn faults(name: &str, contributions: &[Contribution], decisions: &[Decision]) -> (usize, Vec<String>) {
    let (mut count, mut faults) = (0, Vec::new());
    for capacity in capacities() {
        for (answer, register) in
            [(permissions(), COUNTY_OID), (permissions(), ""), (Answer::None, COUNTY_OID)]
        {
            let mut request: Request = request(capacity, register);
            // Whoever asks carries something out, so that activities are seen.
            request
                .requester
                .organisations
                .extend(contributions.iter().filter_map(|one| one.organisation.clone()));
            let seen = view(contributions, decisions, &request, &answer, Policy::county(), now());
            if seen.joined.bundle.is_empty() {
                continue;
            }
            count += 1;
            let mut text = String::new();
            fhir::write_json(&seen.joined.bundle, NodeId::ROOT, Some(schema()), Layout::Compact, &mut text);
            let tree = fhir::read_json(&text, schema().names()).unwrap();
            let report = Validator::new(schema()).validate(&tree, &Options::default());
            let errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error);
            faults.extend(errors.map(|issue| {
                format!("{name} as {capacity:?}: {} {} {}", issue.code.id, issue.path, issue.message)
            }));
        }
    }
    (count, faults)
}

#[test]
fn every_view_is_valid() {
    let (mut count, mut found) = (0, Vec::new());
    let mut check = |name: &str, contributions: &[Contribution], decisions: &[Decision]| {
        let (views, faults) = faults(name, contributions, decisions);
        count += views;
        found.extend(faults);
    };
    for (name, contributions, decisions) in told_of_each() {
        check(&name, &contributions, &decisions);
    }
    for unit in UNITS {
        for case in fs::read_dir(format!("mappings/{}/cases", unit.name)).unwrap() {
            let folder = case.unwrap().path();
            let mut files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
            let Some(input) = files.find(|file| file.file_stem().is_some_and(|stem| stem == "input")) else {
                continue;
            };
            let Ok(document) = Document::read(&fs::read(input).unwrap(), Some(unit)) else { continue };
            let Ok(got) = unit.program().unwrap().get(&document.tree) else { continue };
            // What is not valid as it comes stays so in every view.
            let is_sound = |tree| {
                let report = Validator::new(schema()).validate(tree, &Options::default());
                report.issues.iter().all(|issue| issue.severity != Severity::Error)
            };
            if is_sound(&got.target) {
                let contribution = Contribution::new("case", unit.name, got.target);
                check(&folder.display().to_string(), &[contribution], &[]);
            }
        }
    }
    println!("{count} views, {} errors", found.len());
    let shown: Vec<&str> = found.iter().take(40).map(String::as_str).collect();
    assert!(found.is_empty(), "{} errors in {count} views:\n{}", found.len(), shown.join("\n"));
}

/// What lacks now something that FHIR demands is withheld as a whole, and what only it led to goes with it.
#[test]
fn a_resource_without_what_it_needs_is_withheld() {
    let visit = |who: &str| {
        format!(
            r#",{{"resource":{{"resourceType":"Appointment","id":"v","status":"booked","description":"Tapaaminen","participant":[{{"actor":{{"reference":"{who}"}},"status":"accepted"}}]}}}}]}}"#
        )
    };
    let text = to_string(&health().bundle, Layout::Compact);
    let check = |who: &str, expected: bool| {
        let bundle = read(&format!("{}{}", text.strip_suffix("]}").unwrap(), visit(who)));
        let contribution = Contribution::new("health", "health", bundle);
        let request = request(Capacity::Professional(Sector::Social), COUNTY_OID);
        let seen = view(&[contribution], &[], &request, &permissions(), Policy::county(), now());
        let said = to_string(&seen.joined.bundle, Layout::Compact);
        assert_eq!(said.contains("Tapaaminen"), expected, "{who}: {said}");
        let told = seen.withheld.iter().any(|told| told.kind.as_deref() == Some("Appointment"));
        assert_eq!(told, !expected, "{who}: {:?}", seen.withheld);
    };
    check("Patient/a", true);
    check("Patient/b", false);
}
