//! Every requirement of a suite and of the profiles, and how it stands with each after a run.

use super::rule::Rule;
use super::suite::Role;
use super::watch::Watched;
use crate::conformance::coverage::plain;
use crate::conformance::report::csv_row;
use crate::diag::{Language, Severity};
use crate::guide::{Demand, Requirement};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Requirements of one list.
const REQUIREMENTS_MAX: usize = 10_000;
/// Where the canonical urls of our profiles begin.
const PROFILES: &str = "https://w3id.org/sauma/fhir/StructureDefinition/";
/// What the tests that watch every exchange are called in requirements.
const WATCHED: &str = "every answer";

/// How much a requirement binds (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Level {
    /// It must be met.
    #[serde(rename = "SHALL")]
    Shall,
    /// It is met unless there is a reason.
    #[serde(rename = "SHOULD")]
    Should,
}

impl Level {
    /// As standards write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shall => "SHALL",
            Self::Should => "SHOULD",
        }
    }
}

/// A text in three languages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    en: String,
    fi: String,
    sv: String,
}

/// One requirement of a suite.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wanted {
    /// Its permanent id.
    pub id: String,
    /// How much it binds.
    pub level: Level,
    /// Where it is written.
    pub clause: String,
    /// Whom it binds; both where none is named.
    #[serde(default)]
    roles: Vec<String>,
    text: Texts,
    /// Names of tests: of the script, a colon, of the test; or `every answer: ` and a rule.
    #[serde(default)]
    pub tested_by: Vec<String>,
    /// Why no test can see it.
    #[serde(default)]
    pub not_testable: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    requirement: Vec<Wanted>,
}

/// Reads a list of requirements: `[[requirement]]` tables.
///
/// # Errors
/// What is wrong with it: its form, an id that stands twice, a requirement with neither test nor reason, or with both.
pub fn wanted(text: &str) -> Result<Vec<Wanted>, String> {
    let List { requirement } = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    if requirement.len() > REQUIREMENTS_MAX {
        return Err(format!("there are over {REQUIREMENTS_MAX} requirements"));
    }
    for (number, wanted) in requirement.iter().enumerate() {
        if requirement.iter().take(number).any(|before| before.id == wanted.id) {
            return Err(format!("two requirements have the id `{}`", wanted.id));
        }
        if wanted.tested_by.is_empty() == wanted.not_testable.is_empty() {
            return Err(format!("`{}` needs either tests or the reason why there is none", wanted.id));
        }
    }
    Ok(requirement)
}

impl Wanted {
    fn binds(&self, role: Role) -> bool {
        self.roles.is_empty() || self.roles.iter().any(|it| it == role.as_str())
    }

    fn text(&self, language: Language) -> &str {
        match language {
            Language::En => &self.text.en,
            Language::Fi => &self.text.fi,
            Language::Sv => &self.text.sv,
        }
    }
}

/// How it stands with a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its tests were run, and passed.
    Passed,
    /// These tests failed.
    Failed(Vec<String>),
    /// Nothing can be said, and why.
    NotTested(String),
    /// No test can see it, and why.
    NotTestable(String),
}

impl State {
    /// As machines read it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::NotTested(_) => "not-tested",
            Self::NotTestable(_) => "not-testable",
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Passed => String::new(),
            Self::Failed(tests) => tests.join("; "),
            Self::NotTested(why) | Self::NotTestable(why) => why.clone(),
        }
    }
}

/// A requirement after a run.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// How much it binds.
    pub level: Level,
    /// Where it is written.
    pub clause: String,
    /// What it says.
    pub text: String,
    /// The tests that see it.
    pub tested_by: Vec<String>,
    /// How it stands.
    pub state: State,
}

/// How one test went, as far as requirements ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Went {
    /// It passed, perhaps with warnings.
    Well,
    /// It failed.
    Badly,
    /// It was not run, or could not be, and why.
    Not(String),
}

/// The rows of a role: the requirements of the suite, then those of the profiles.
pub fn matrix(
    wanted: &[Wanted],
    role: Role,
    tests: &BTreeMap<String, Went>,
    profiles: &[Requirement],
    watched: &Watched,
    language: Language,
) -> Vec<Row> {
    let of_suite = wanted.iter().filter(|wanted| wanted.binds(role)).map(|wanted| Row {
        id: wanted.id.clone(),
        level: wanted.level,
        clause: wanted.clause.clone(),
        text: wanted.text(language).to_owned(),
        tested_by: wanted.tested_by.clone(),
        state: state(wanted, tests),
    });
    let of_profiles = profiles.iter().map(|requirement| Row {
        id: requirement.to_string(),
        level: Level::Shall,
        clause: format!("{PROFILES}{}", requirement.definition),
        text: requirement.text.clone(),
        tested_by: vec![format!("{WATCHED}: {}", Rule::Valid.id())],
        state: state_of_profile(requirement, watched),
    });
    of_suite.chain(of_profiles).collect()
}

fn state(wanted: &Wanted, tests: &BTreeMap<String, Went>) -> State {
    if !wanted.not_testable.is_empty() {
        return State::NotTestable(wanted.not_testable.clone());
    }
    let went = |name: &String| tests.get(name);
    let failed: Vec<String> =
        wanted.tested_by.iter().filter(|name| went(name) == Some(&Went::Badly)).cloned().collect();
    if !failed.is_empty() {
        return State::Failed(failed);
    }
    // What some of its tests could not see is not known to be met.
    let mut idle = wanted.tested_by.iter().filter_map(|name| match went(name) {
        Some(Went::Well | Went::Badly) => None,
        Some(Went::Not(why)) => Some(format!("{name}: {why}")),
        None => Some(format!("{name}: it was not chosen")),
    });
    idle.next().map_or(State::Passed, State::NotTested)
}

/// A demand of a profile is tested where a resource that claims it came, and failed where the validator says so.
fn state_of_profile(requirement: &Requirement, watched: &Watched) -> State {
    let broken: Vec<String> = watched
        .faults
        .iter()
        .filter(|fault| {
            fault.severity == Severity::Error && Demand::of_code(fault.code.id) == Some(requirement.demand)
        })
        .filter(|fault| {
            let (url, key) = fault.broken.split_once('#').unwrap_or((&fault.broken, ""));
            let is_profile = url.rsplit('/').next() == Some(requirement.definition.as_str());
            let is_rule = match requirement.demand {
                Demand::Constraint => key == requirement.key,
                Demand::Min
                | Demand::Max
                | Demand::Binding
                | Demand::Fixed
                | Demand::Pattern
                | Demand::Slicing => is_at(&fault.path, &requirement.element),
            };
            is_profile && is_rule
        })
        .map(|fault| format!("exchange {:04}: {}", fault.exchange, fault.path))
        .collect();
    if !broken.is_empty() {
        return State::Failed(broken);
    }
    if watched.profiles.contains(&format!("{PROFILES}{}", requirement.definition)) {
        return State::Passed;
    }
    State::NotTested("no resource that claims this profile came".to_owned())
}

/// True where a path of data leads to an element of a definition, or to what that element is missing from. A resource
/// begins the path, or stands in another one as `resource` or `contained`.
fn is_at(path: &str, element: &str) -> bool {
    let plain = plain(path);
    let found: Vec<&str> = plain.split('.').collect();
    let kind = element.split('.').next().unwrap_or(element);
    let steps: Vec<&str> =
        element.split('.').skip(1).map(|step| step.split(':').next().unwrap_or(step)).collect();
    let leads_to = |steps: &[&str]| {
        let (resource, below) = found.split_at(found.len().saturating_sub(steps.len()));
        let is_resource = match resource {
            [] => false,
            [only] => *only == kind,
            [.., last] => matches!(*last, "resource" | "contained"),
        };
        is_resource && below.iter().zip(steps).all(|(name, step)| is_named(name, step))
    };
    leads_to(&steps) || steps.split_last().is_some_and(|(_, above)| leads_to(above))
}

/// True for the name of an element in data. That of a choice (`value[x]`) ends in its type there.
fn is_named(name: &str, step: &str) -> bool {
    let Some(choice) = step.strip_suffix("[x]") else { return name == step };
    name.strip_prefix(choice).is_some_and(|kind| !kind.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// The rows as a table for spreadsheets.
pub fn matrix_csv(rows: &[Row]) -> String {
    let mut out = csv_row(&["id", "level", "state", "clause", "text", "why", "tested by"]);
    for row in rows {
        let why = row.state.why();
        let tests = row.tested_by.join("; ");
        out.push_str(&csv_row(&[
            &row.id,
            row.level.as_str(),
            row.state.as_str(),
            &row.clause,
            &row.text,
            &why,
            &tests,
        ]));
    }
    out
}

/// The rows as JSON, with how many are in each state.
pub fn matrix_json(rows: &[Row]) -> String {
    let count = |name: &str| rows.iter().filter(|row| row.state.as_str() == name).count();
    let listed: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "level": row.level.as_str(), "state": row.state.as_str(), "clause": row.clause,
                "text": row.text, "why": row.state.why(), "testedBy": row.tested_by,
            })
        })
        .collect();
    let whole = json!({
        "counts": {
            "requirements": rows.len(), "passed": count("passed"), "failed": count("failed"),
            "notTested": count("not-tested"), "notTestable": count("not-testable"),
        },
        "requirements": listed,
    });
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "[[requirement]]\nid = 'A'\nlevel = 'SHALL'\nclause = 'c'\n\
        text = { en = 'e', fi = 'f', sv = 's' }\ntested-by = ['x: 1', 'x: 2']\n";

    #[test]
    fn a_requirement_is_met_only_where_all_of_its_tests_passed() {
        let wanted = wanted(LIST).unwrap_or_default();
        let check = |first: Option<Went>, second: Option<Went>, expected: &str| {
            let pairs = [("x: 1", first), ("x: 2", second)];
            let tests: BTreeMap<String, Went> = pairs
                .into_iter()
                .filter_map(|(name, went)| went.map(|went| (name.to_owned(), went)))
                .collect();
            let rows = matrix(&wanted, Role::Source, &tests, &[], &Watched::default(), Language::En);
            assert_eq!(rows.first().map(|row| row.state.as_str()), Some(expected));
        };
        let skipped = || Went::Not("it does not apply".to_owned());
        check(Some(Went::Well), Some(Went::Well), "passed");
        check(Some(Went::Well), Some(Went::Badly), "failed");
        check(Some(skipped()), Some(Went::Badly), "failed");
        check(Some(Went::Well), Some(skipped()), "not-tested");
        check(Some(Went::Well), None, "not-tested");
    }

    #[test]
    fn a_list_is_whole() {
        assert!(wanted(&format!("{LIST}{LIST}")).is_err_and(|why| why.contains("two requirements")));
        let neither = LIST.replace("tested-by = ['x: 1', 'x: 2']", "");
        assert!(wanted(&neither).is_err_and(|why| why.contains("either")));
    }

    #[test]
    fn a_path_stands_at_an_element() {
        let check = |path: &str, element: &str, expected: bool| {
            assert_eq!(is_at(path, element), expected, "{path} {element}");
        };
        check("Bundle.entry[0].resource.participant[1].role", "CareTeam.participant.role", true);
        check("CarePlan.extension[2].valueCode", "CarePlan.extension:a.value[x]", true);
        check("CarePlan", "CarePlan.status", true);
        check("Bundle.entry[0].resource", "CareTeam.status", true);
        check("CarePlan.title", "CarePlan.status", false);
        check("Goal", "CarePlan.status", false);
        check("CarePlan.activity[0].detail.status", "CarePlan.status", false);
        check("CarePlan.statusReason", "CarePlan.status", false);
        check("CarePlan.extension[2].valuesSet", "CarePlan.extension:a.value[x]", false);
    }
}
