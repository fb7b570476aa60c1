//! The suites that are at hand: TestScripts, their fixtures and their requirements, embedded as they stand.

use crate::schema::sha256;
use std::fmt;
use std::path::Path;

/// In which part an endpoint is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It gives plans to others.
    Source,
    /// It takes plans, keeps them and shows them.
    Viewer,
}

impl Role {
    /// As scripts and requirements name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A suite.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// Its version: of the requirements and of the tests.
    pub version: &'static str,
    /// Its files by their names.
    pub files: &'static [(&'static str, &'static str)],
}

/// The shared client's plan: plan, team, goals and activities of several units.
pub const SHARED_PLAN: Suite = Suite {
    name: "shared-plan",
    version: "1.0.0",
    files: include!(concat!(env!("OUT_DIR"), "/shared_plan.rs")),
};

/// The file with the requirements.
const REQUIREMENTS: &str = "requirements.toml";

impl Suite {
    /// The suite of a name.
    pub fn named(name: &str) -> Option<Self> {
        [SHARED_PLAN].into_iter().find(|suite| suite.name == name)
    }

    /// The scripts with their names, in order.
    pub fn scripts(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let is_json = |name: &str| Path::new(name).extension().is_some_and(|end| end == "json");
        let is_script = move |name: &str| is_json(name) && !name.contains('/');
        self.files.iter().copied().filter(move |(name, _)| is_script(name))
    }

    /// The text of a file.
    pub fn file(&self, name: &str) -> Option<&'static str> {
        self.files.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// The text of its requirements.
    pub fn requirements(&self) -> &'static str {
        self.file(REQUIREMENTS).unwrap_or("")
    }

    /// SHA-256 over its files with their names, so that a report says which tests it was.
    pub fn sha256(&self) -> String {
        let all: String = self.files.iter().map(|(name, text)| format!("{name}\0{text}\0")).collect();
        sha256::hex(all.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::check::{Rule, wanted};
    use crate::conformance::script;
    use crate::schema::Schema;
    use std::collections::BTreeSet;

    /// The names of all tests, as requirements have them.
    fn tests() -> BTreeSet<String> {
        let mut names: BTreeSet<String> =
            Rule::ALL.iter().map(|rule| format!("every answer: {}", rule.id())).collect();
        for (file, text) in SHARED_PLAN.scripts() {
            let script = script::read(file, text, Schema::r4());
            if let Ok(script) = &script {
                names.extend(script.tests.iter().map(|test| format!("{}: {}", script.name, test.name)));
            }
            assert!(script.is_ok(), "{file}");
        }
        names
    }

    #[test]
    fn each_requirement_names_its_tests_and_each_test_a_requirement() {
        let wanted = wanted(SHARED_PLAN.requirements()).unwrap_or_default();
        assert!(wanted.len() > 40, "{}", wanted.len());
        let named: BTreeSet<String> = wanted.iter().flat_map(|wanted| wanted.tested_by.clone()).collect();
        assert_eq!(named, tests());
    }

    #[test]
    fn every_fixture_is_there() {
        for (file, text) in SHARED_PLAN.scripts() {
            for part in text.split("\"fixtures/").skip(1) {
                let name = format!("fixtures/{}", part.split('"').next().unwrap_or(""));
                assert!(SHARED_PLAN.file(&name).is_some(), "{file}: {name}");
            }
        }
    }
}
