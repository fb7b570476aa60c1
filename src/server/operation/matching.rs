//! `Patient/$match` (FHIR R4, Patient, "Operation match"): records that may be the same person, graded by
//! `plan::matching`. Candidates are found by their keys, so that not all patients are read; nothing is ever joined here.

use super::Input;
use crate::plan::matching::{self, Grade, Record};
use crate::search::{Base, Handling};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::bundle_writer::BundleWriter;
use crate::server::call::Call;
use crate::server::document::Document;
use crate::server::query::Pair;
use crate::server::refusal::Outcome;
use crate::store::{self, Store};
use crate::tree::NodeId;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Candidates that one way of looking for them gives at most.
const CANDIDATES_MAX: usize = 200;
/// Values of one kind that are looked for.
const VALUES_MAX: usize = 16;
/// Matches that are given where nothing is asked for.
const MATCHES: usize = 50;
/// From how many candidates on others get their turn.
const SCORED_AT_ONCE: usize = 32;

impl<S: Store> Server<S> {
    /// Records that may be the person that is described.
    pub(super) async fn match_patient(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let asked = input.resource("resource")?.filter(|document| document.kind == "Patient");
        let asked = asked.ok_or_else(|| input.refused("resource is a Patient"))?;
        let is_certain = input.flag("onlyCertainMatches")?.unwrap_or(false);
        let count = input.number("count")?.unwrap_or(MATCHES);
        let person = Record::of(&asked.tree, NodeId::ROOT);
        let mut graded = Vec::new();
        for (at, record) in self.candidates(call, &asked).await?.into_values().enumerate() {
            if at % SCORED_AT_ONCE == SCORED_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let Some(document) = &record.document else { continue };
            let document = Document::stored(document, self.schema)?;
            let score = person.score(&Record::of(&document.tree, NodeId::ROOT));
            let Some(grade) = score.grade.filter(|grade| *grade != Grade::CertainlyNot) else { continue };
            if !is_certain || grade == Grade::Certain {
                graded.push((score.score, grade, record, document));
            }
        }
        graded.sort_by(|a, b| (b.1, b.0).partial_cmp(&(a.1, a.0)).unwrap_or(std::cmp::Ordering::Equal));
        let mut bundle = BundleWriter::new("searchset");
        bundle.total(graded.len() as u64);
        for (score, grade, record, document) in graded.iter().take(count) {
            let shown = matching::to_json(&document.tree, NodeId::ROOT, self.schema);
            bundle.graded(&self.settings.base, record, &shown, *score, grade.as_str());
        }
        Ok(bundle.answer())
    }

    /// What shares something with a person that few others have.
    async fn candidates(
        &self,
        call: &Call,
        asked: &Document,
    ) -> Outcome<BTreeMap<store::Name, Arc<store::Record>>> {
        let mut found = BTreeMap::new();
        for mut pairs in ways(asked) {
            pairs.push(("_count".to_owned(), CANDIDATES_MAX.to_string()));
            // What is no value of a search, such as a date of another form, finds nothing.
            let Ok(parsed) = self.parsed(Base::Type("Patient"), &pairs, Handling::Strict) else { continue };
            let page = self.sight(&call.caller).search(&parsed.search).await?;
            found.extend(page.records.into_iter().map(|record| (record.name.clone(), record)));
        }
        Ok(found)
    }
}

/// The searches that find who may be the same person: an identifier, name and birth date, a number or an address of mail.
fn ways(asked: &Document) -> Vec<Vec<Pair>> {
    let patient: Value =
        serde_json::from_str(&crate::tree::json::to_string(&asked.tree, crate::tree::json::Layout::Compact))
            .unwrap_or_default();
    let identifiers = listed(&patient, "identifier", |identifier| {
        let value = identifier["value"].as_str()?;
        Some(format!("{}|{}", escaped(identifier["system"].as_str()?), escaped(value)))
    });
    let families = listed(&patient, "name", |name| name["family"].as_str().map(escaped));
    let given = listed(&patient, "name", |name| name["given"][0].as_str().map(escaped));
    let contacts = |system: &'static str| {
        listed(&patient, "telecom", move |contact| {
            let value = contact["value"].as_str().filter(|_| contact["system"] == system)?;
            Some(format!("{system}|{}", escaped(value)))
        })
    };
    let birth = patient["birthDate"].as_str().unwrap_or_default().to_owned();
    let both = |a: (&str, &str), b: (&str, &str)| {
        let is_told = !a.1.is_empty() && !b.1.is_empty();
        is_told.then(|| vec![(a.0.to_owned(), a.1.to_owned()), (b.0.to_owned(), b.1.to_owned())])
    };
    let one = |name: &str, value: String| (!value.is_empty()).then(|| vec![(name.to_owned(), value)]);
    let ways = [
        one("identifier", identifiers),
        both(("birthdate", &birth), ("family", &families)),
        both(("birthdate", &birth), ("given", &given)),
        both(("family", &families), ("given", &given)),
        one("telecom", contacts("phone")),
        one("telecom", contacts("email")),
    ];
    ways.into_iter().flatten().collect()
}

fn listed(patient: &Value, name: &str, read: impl Fn(&Value) -> Option<String>) -> String {
    let items = patient[name].as_array().into_iter().flatten();
    items.filter_map(read).take(VALUES_MAX).collect::<Vec<_>>().join(",")
}

/// A text as one value of a search (FHIR R4, 3.1.1.4.0.1).
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.trim().chars() {
        if matches!(character, '\\' | ',' | '|' | '$') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
