//! The Finnish base profiles: every file of their package is valid but for what `conformance/finnish-base` lists.

use crate::ratchet::{self, Failure};
use crate::shared;
use sauma::diag::Severity;
use sauma::mapping::units;
use sauma::tree::fhir;
use sauma::validate::{Options, Report, Subject, Validator};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The resources of the package; beside them are its manifest and its index.
fn resources(folder: &Path) -> Vec<PathBuf> {
    let mut files = shared::files(folder, &["json"]);
    files.retain(|path| !file_name(path).starts_with('.') && file_name(path) != "package.json");
    files
}

#[test]
fn every_example_of_the_finnish_package_is_valid_but_for_what_is_listed() {
    let Some(folder) = shared::folder() else { return };
    let files = resources(&folder.join("finland/hl7.fhir.fi.base-2.0.0-rc2"));
    let validator = Validator::new(units::schema());
    let validated = |path: &PathBuf| {
        let tree = fhir::read_json(&fs::read_to_string(path).unwrap(), validator.schema().names()).unwrap();
        validator.validate(&tree, &Options::default())
    };
    let reports: Vec<Report> = shared::in_parallel(&files, validated);
    let mut failures: Vec<Failure> = Vec::new();
    let mut count = 0;
    for (path, report) in files.iter().zip(&reports) {
        assert_eq!(report.issues_left_out, 0, "{}", path.display());
        for issue in report.issues.iter().filter(|issue| issue.severity == Severity::Error) {
            count += 1;
            let (file, check) = (file_name(path), issue.code.id.to_owned());
            if !failures.iter().any(|known| known.file == file && known.check == check) {
                failures.push(Failure { file, check, why: format!("{}: {}", issue.path, issue.message) });
            }
        }
    }
    ratchet::check("finnish-base", &failures);
    let open: BTreeSet<(Subject, &str)> = reports
        .iter()
        .flat_map(|report| report.not_checked.keys())
        .map(|entry| (entry.subject, entry.name.as_str()))
        .collect();
    let with_errors: BTreeSet<&str> = failures.iter().map(|failure| failure.file.as_str()).collect();
    let examples =
        files.iter().filter(|path| path.parent().is_some_and(|at| at.ends_with("example"))).count();
    let page = fs::read_to_string("conformance/finnish-base/README.md").unwrap();
    for said in [
        format!("{} definitions", files.len() - examples),
        format!("{examples} examples"),
        format!("{count} in {} files", with_errors.len()),
        format!("{} names are not at hand", open.len()),
    ] {
        assert!(page.contains(&said), "conformance/finnish-base/README.md does not say: {said}");
    }
}
