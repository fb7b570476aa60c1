//! The rules that a client is held to: data, compiled once.

use super::checks::Check;
use super::seen::{Kind, Seen};
use crate::diag::{Language, Severity};
use crate::fhirpath::{self, Compiled, Context, Item, Options, Temporal};
use crate::mapping::units::schema;
use crate::tree::{NodeId, Tree};
use regex::Regex;
use serde::Deserialize;

/// The rules that are shipped.
const RULES: &str = include_str!("rules.toml");
/// Rules of one file.
const RULES_MAX: usize = 1_000;

/// How sure a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Grade {
    /// Read in the source.
    H,
    /// Likely.
    M,
    /// Our reading.
    L,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Written>,
}

/// A rule as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    on: Vec<Kind>,
    #[serde(default)]
    grade: Option<Grade>,
    source: String,
    en: String,
    fi: String,
    sv: String,
    #[serde(default)]
    holds: Option<String>,
    #[serde(default)]
    header: Option<Header>,
    #[serde(default)]
    parameter: Option<Parameter>,
    #[serde(default)]
    check: Option<Check>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    pattern: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    name: String,
    #[serde(default)]
    min: usize,
    #[serde(default)]
    max: Option<usize>,
    #[serde(default)]
    pattern: Option<String>,
}

/// A rule ready to judge.
#[derive(Debug)]
pub struct Rule {
    /// Its permanent id.
    pub id: String,
    /// How sure it is; none for rules of FHIR and HTTP.
    pub grade: Option<Grade>,
    /// Where it stands.
    pub source: String,
    on: Vec<Kind>,
    texts: [String; 3],
    test: Test,
}

#[derive(Debug)]
enum Test {
    Holds(Box<Compiled>),
    Header(String, Regex),
    Parameter { name: String, min: usize, max: usize, pattern: Option<Regex> },
    Check(Check),
}

impl Rule {
    /// What is wrong where it is broken.
    pub fn text(&self, language: Language) -> &str {
        let [en, fi, sv] = &self.texts;
        match language {
            Language::En => en,
            Language::Fi => fi,
            Language::Sv => sv,
        }
    }

    /// How much it matters: what is not sure is a warning.
    pub const fn severity(&self) -> Severity {
        match self.grade {
            None | Some(Grade::H) => Severity::Error,
            Some(Grade::M | Grade::L) => Severity::Warning,
        }
    }

    /// What it asks of more than one request, or by calculation.
    pub(super) const fn check(&self) -> Option<Check> {
        match self.test {
            Test::Check(check) => Some(check),
            Test::Holds(_) | Test::Header(..) | Test::Parameter { .. } => None,
        }
    }

    /// True where it is about a header field.
    pub(super) fn is_of_header(&self, name: &str) -> bool {
        matches!(&self.test, Test::Header(of, _) if of == name)
    }

    /// True where it is about a request.
    pub(super) fn is_about(&self, seen: &Seen) -> bool {
        self.on.iter().any(|kind| seen.is(*kind))
    }

    /// Whether a request keeps to it, by what stands in that request; true where it asks for more.
    pub(super) fn is_kept(&self, seen: &Seen, tree: Option<&Tree>, now: Temporal) -> bool {
        match &self.test {
            Test::Holds(expression) => tree.is_none_or(|tree| holds(expression, tree, now)),
            Test::Header(name, pattern) => seen.header(name).is_some_and(|value| pattern.is_match(value)),
            Test::Parameter { name, min, max, pattern } => {
                let values: Vec<&str> = seen.parameters(name).collect();
                (*min..=*max).contains(&values.len())
                    && pattern
                        .as_ref()
                        .is_none_or(|pattern| values.iter().all(|value| pattern.is_match(value)))
            }
            Test::Check(_) => true,
        }
    }
}

fn holds(expression: &Compiled, tree: &Tree, now: Temporal) -> bool {
    let schema = schema();
    let name = tree.resource_type(NodeId::ROOT);
    let ty = name.and_then(|name| schema.type_named(&name)).unwrap_or(crate::schema::UNKNOWN);
    let focus = Item::node(tree, NodeId::ROOT, ty);
    let context = Context::new(schema).with_resource(focus.clone(), focus.clone()).with_now(now);
    // What cannot be said, as of a value of a wrong form, is for the rules of R4 to tell.
    expression.evaluate_boolean(&context, &focus).is_ok_and(|holds| holds != Some(false))
}

/// The rules that are shipped.
///
/// # Errors
/// The file is wrong; a test sees to it that it is not.
pub fn shipped() -> Result<Vec<Rule>, String> {
    read(RULES)
}

/// Reads a file of rules.
///
/// # Errors
/// Which rule is wrong, and how.
pub fn read(text: &str) -> Result<Vec<Rule>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    if file.rule.len() > RULES_MAX {
        return Err(format!("over {RULES_MAX} rules"));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for written in file.rule {
        let id = written.id.clone();
        if rules.iter().any(|rule| rule.id == id) {
            return Err(format!("`{id}` stands there twice"));
        }
        rules.push(written.compiled().map_err(|why| format!("`{id}`: {why}"))?);
    }
    Ok(rules)
}

impl Written {
    fn compiled(self) -> Result<Rule, String> {
        let test = match (self.holds, self.header, self.parameter, self.check) {
            (Some(holds), None, None, None) => Test::Holds(Box::new(expression(&holds)?)),
            (None, Some(Header { name, pattern }), None, None) => Test::Header(name, regex(&pattern)?),
            (None, None, Some(Parameter { name, min, max, pattern }), None) => Test::Parameter {
                name,
                min,
                max: max.unwrap_or(usize::MAX),
                pattern: pattern.as_deref().map(regex).transpose()?,
            },
            (None, None, None, Some(check)) => Test::Check(check),
            _ => return Err("name one of holds, header, parameter and check".to_owned()),
        };
        let texts = [self.en, self.fi, self.sv];
        Ok(Rule { id: self.id, grade: self.grade, source: self.source, on: self.on, texts, test })
    }
}

fn expression(text: &str) -> Result<Compiled, String> {
    let bundle = schema().type_named("Bundle").ok_or("there is no Bundle")?;
    let parsed = fhirpath::parse(text).map_err(|issue| issue.message)?;
    parsed
        .compile(schema(), &Options::new().on(bundle))
        .map_err(|issues| issues.first().map_or_else(String::new, |issue| issue.message.clone()))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| "the pattern is no regular expression".to_owned())
}
