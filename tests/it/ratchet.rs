//! Known failures as a two-way ratchet: a failure that is not listed fails the run, and so does an entry that
//! no longer fails.

use std::collections::BTreeMap;
use std::fs;

/// A check that failed: which check, on which file, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Failure {
    pub(crate) file: String,
    pub(crate) check: String,
    pub(crate) why: String,
}

/// Compares failures with `conformance/<suite>/known-failures.toml`.
pub(crate) fn check(suite: &str, failures: &[Failure]) {
    check_list(&format!("conformance/{suite}/known-failures.toml"), failures);
}

/// Compares what a run tells with a list of it.
pub(crate) fn check_list(path: &str, failures: &[Failure]) {
    let known = entries(&fs::read_to_string(path).unwrap());
    let mut faults = Vec::new();
    for failure in failures {
        match known.get(&(failure.file.clone(), failure.check.clone())) {
            Some(reason) => {
                println!("refused as known: {} {}: {reason} ({})", failure.file, failure.check, failure.why);
            }
            None => faults.push(format!("new failure: {} {}: {}", failure.file, failure.check, failure.why)),
        }
    }
    for (file, check) in known.keys() {
        if !failures.iter().any(|failure| failure.file == *file && failure.check == *check) {
            faults.push(format!("stale entry, it no longer fails: {file} {check}"));
        }
    }
    assert!(faults.is_empty(), "{} differs from the run:\n{}", path, faults.join("\n"));
}

/// True for what a list has an entry for.
pub(crate) fn lists(path: &str, failure: &Failure) -> bool {
    let known = entries(&fs::read_to_string(path).unwrap());
    known.contains_key(&(failure.file.clone(), failure.check.clone()))
}

/// The entries of a list of `[[failure]]` tables with the texts `file`, `check` and `reason`.
fn entries(text: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for table in text.split("[[failure]]").skip(1) {
        let value = |key: &str| {
            let line = table.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            let quoted = line.unwrap_or_else(|| panic!("an entry has no {key}: {table}")).trim();
            quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap().to_owned()
        };
        assert!(value("reason").len() > 10, "an entry needs a reason: {table}");
        let before = found.insert((value("file"), value("check")), value("reason"));
        assert!(before.is_none(), "an entry stands twice: {table}");
    }
    found
}
