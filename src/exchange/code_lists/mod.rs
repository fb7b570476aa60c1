//! Code lists of the national code service, from files: kept by OID and version, held against documents.
//!
//! The code service is not offered as FHIR, and its machine formats are not at hand. So a list is read from whatever
//! table it was exported as: CSV, TSV, XML or JSON with a column for the code. Which names a column may have is data
//! (`columns.tsv`). What was read is written as a FHIR `CodeSystem`, which validation and `$validate-code` take.

mod check;
mod date;
mod read;

pub use check::{Faulty, Missing, Report, Why};
pub use read::read;

use crate::diag::{Issue, Span, codes};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where a version of a list is meant to be known by when it came into force.
const URN: &str = "urn:oid:";
/// The property of a concept that says since when it is in force.
const BEGIN: &str = "begin";
/// Until when.
const END: &str = "end";

/// One version of a code list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    /// Its OID, without `urn:oid:`.
    pub oid: String,
    /// The day from which this version is in force, `2026-01-01`.
    pub version: String,
    /// Its name.
    pub name: String,
    /// The rows, by code.
    pub rows: BTreeMap<String, Row>,
}

/// One code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// What it is called: by language, Finnish first.
    pub names: BTreeMap<&'static str, String>,
    /// From which day it is in force.
    pub begin: Option<String>,
    /// Until which day.
    pub end: Option<String>,
    /// The code above it.
    pub parent: Option<String>,
    /// It was withdrawn.
    pub is_withdrawn: bool,
}

impl Row {
    /// True where the code is in force on a day; what is not stated is open.
    pub fn is_in_force(&self, day: &str) -> bool {
        let begun = self.begin.as_deref().is_none_or(|begin| begin <= day);
        let lasts = self.end.as_deref().is_none_or(|end| day <= end);
        begun && lasts && !(self.is_withdrawn && self.end.is_none())
    }
}

impl CodeList {
    /// The list as a FHIR `CodeSystem`, with what is in force on a day as active.
    pub fn to_code_system(&self, day: &str) -> Value {
        let concepts: Vec<Value> = self.rows.iter().map(|(code, row)| concept(code, row, day)).collect();
        json!({
            "resourceType": "CodeSystem",
            "id": format!("oid-{}-{}", self.oid, self.version).replace('.', "-").chars().take(64).collect::<String>(),
            "url": format!("{URN}{}", self.oid),
            "version": self.version,
            "name": self.name,
            "title": self.name,
            "status": "active",
            "date": self.version,
            "caseSensitive": true,
            "content": "complete",
            "count": concepts.len(),
            "property": [
                { "code": "inactive", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean" },
                { "code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code" },
                { "code": BEGIN, "type": "dateTime" },
                { "code": END, "type": "dateTime" },
            ],
            "concept": concepts,
        })
    }

    /// A list of a `CodeSystem` that [`CodeList::to_code_system`] made.
    ///
    /// # Errors
    /// It is none.
    pub fn of_code_system(text: &str) -> Result<Self, Box<Issue>> {
        let refused =
            || Box::new(Issue::error(codes::CODES_FORM, Span::default(), "it is no imported code list"));
        let value: Value = serde_json::from_str(text).map_err(|_| refused())?;
        let word = |name: &str| value[name].as_str().map(str::to_owned);
        let oid = word("url").and_then(|url| url.strip_prefix(URN).map(str::to_owned)).ok_or_else(refused)?;
        let concepts = value["concept"].as_array().ok_or_else(refused)?;
        let mut rows = BTreeMap::new();
        for concept in concepts {
            let code = concept["code"].as_str().ok_or_else(refused)?;
            rows.insert(code.to_owned(), row_of(concept));
        }
        Ok(Self {
            oid,
            version: word("version").ok_or_else(refused)?,
            name: word("name").unwrap_or_default(),
            rows,
        })
    }
}

fn concept(code: &str, row: &Row, day: &str) -> Value {
    let mut properties = Vec::new();
    if !row.is_in_force(day) {
        properties.push(json!({ "code": "inactive", "valueBoolean": true }));
    }
    if let Some(parent) = &row.parent {
        properties.push(json!({ "code": "parent", "valueCode": parent }));
    }
    for (name, date) in [(BEGIN, &row.begin), (END, &row.end)] {
        if let Some(date) = date {
            properties.push(json!({ "code": name, "valueDateTime": date }));
        }
    }
    let mut concept = json!({ "code": code });
    if let Some(name) = row.names.get("fi").or(row.names.values().next()) {
        concept["display"] = json!(name);
    }
    let others = row.names.iter().filter(|(language, _)| **language != "fi");
    let designations: Vec<Value> =
        others.map(|(language, name)| json!({ "language": language, "value": name })).collect();
    if !designations.is_empty() {
        concept["designation"] = json!(designations);
    }
    if !properties.is_empty() {
        concept["property"] = json!(properties);
    }
    concept
}

fn row_of(concept: &Value) -> Row {
    let property = |name: &str, kind: &str| {
        let all = concept["property"].as_array()?;
        all.iter().find(|property| property["code"] == name)?[kind].as_str().map(str::to_owned)
    };
    let mut names = BTreeMap::new();
    if let Some(display) = concept["display"].as_str() {
        names.insert("fi", display.to_owned());
    }
    for designation in concept["designation"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let language = ["sv", "en"].into_iter().find(|language| designation["language"] == *language);
        if let (Some(language), Some(name)) = (language, designation["value"].as_str()) {
            names.insert(language, name.to_owned());
        }
    }
    let (begin, end) = (property(BEGIN, "valueDateTime"), property(END, "valueDateTime"));
    let inactive = concept["property"].as_array().is_some_and(|all| {
        all.iter().any(|property| property["code"] == "inactive" && property["valueBoolean"] == true)
    });
    let is_withdrawn = inactive && end.is_none() && begin.is_none();
    Row { names, begin, end, parent: property("parent", "valueCode"), is_withdrawn }
}
