//! What the simulated registry holds, and its right answers.

use super::seen::{Kind, Seen};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Resources that the simulator holds.
const RESOURCES_MAX: usize = 100_000;

/// What it holds: all versions of each Consent, and the reports of disclosures.
#[derive(Debug, Default)]
pub(super) struct Records {
    consents: BTreeMap<u64, Vec<Value>>,
    events: Vec<Value>,
    /// What was answered to the messages that were recorded.
    messages: BTreeMap<String, Value>,
    next: u64,
}

/// A right answer.
pub(super) struct Right {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Versions that it leaves out because newer ones hold.
    pub(super) older: Vec<Value>,
}

impl Right {
    fn ok(body: Value) -> Self {
        Self { status: 200, body, older: Vec::new() }
    }
}

/// An `OperationOutcome` with the ids of rules.
pub(super) fn outcome(code: &str, rules: &[&str]) -> Value {
    let issue = |rule: &&str| json!({ "severity": "error", "code": code, "details": { "coding": [{ "code": rule }] } });
    let mut issues: Vec<Value> = rules.iter().map(issue).collect();
    if issues.is_empty() {
        issues.push(json!({ "severity": "error", "code": code }));
    }
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

impl Records {
    /// The newest version of each Consent.
    pub(super) fn consents(&self) -> impl Iterator<Item = &Value> {
        self.consents.values().filter_map(|versions| versions.last())
    }

    pub(super) fn events(&self) -> &[Value] {
        &self.events
    }

    /// The right answer, with nothing recorded.
    pub(super) fn read(&self, seen: &Seen) -> Right {
        match seen.kind() {
            Some(Kind::Search) => self.search(seen),
            Some(Kind::History) => self.history(seen),
            _ if seen.method == "GET" => Right::ok(capabilities()),
            _ => Right { status: 404, body: outcome("not-found", &[]), older: Vec::new() },
        }
    }

    fn search(&self, seen: &Seen) -> Right {
        let of_client = |consent: &&Value| is_asked(seen, consent);
        let found: Vec<&Value> = self.consents().filter(of_client).collect();
        let entry = |consent: &&Value| json!({ "fullUrl": place(consent), "resource": consent, "search": { "mode": "match" } });
        let older = self.consents.values().filter_map(|versions| versions.split_last());
        let older = older.flat_map(|(_, older)| older.iter().rev()).filter(of_client).cloned();
        let entries: Vec<Value> = found.iter().map(entry).collect();
        let body =
            json!({ "resourceType": "Bundle", "type": "searchset", "total": found.len(), "entry": entries });
        Right { older: older.collect(), ..Right::ok(body) }
    }

    fn history(&self, seen: &Seen) -> Right {
        let versions = self.consents.values().flat_map(|versions| versions.iter().rev());
        let found: Vec<Value> = versions
            .filter(|consent| is_asked(seen, consent))
            .map(|consent| json!({ "resource": consent }))
            .collect();
        Right::ok(
            json!({ "resourceType": "Bundle", "type": "history", "total": found.len(), "entry": found }),
        )
    }

    /// Records a transaction: all of it or nothing. A message that was recorded before gets the answer of that time.
    pub(super) fn tell(&mut self, seen: &Seen, now: &str) -> Right {
        if let Some(answer) = seen.message_id().and_then(|id| self.messages.get(id)) {
            return Right::ok(answer.clone());
        }
        if let Some(conflict) = self.conflict(seen) {
            return Right { status: conflict, body: outcome("conflict", &[]), older: Vec::new() };
        }
        let entries: Vec<Value> = seen.entries().iter().map(|entry| self.write(entry, now)).collect();
        let body = json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": entries });
        if let Some(id) = seen.message_id() {
            self.messages.insert(id.to_owned(), body.clone());
        }
        Right::ok(body)
    }

    /// Why a transaction cannot be recorded.
    fn conflict(&self, seen: &Seen) -> Option<u16> {
        if self.consents.len() + self.events.len() >= RESOURCES_MAX {
            return Some(503);
        }
        seen.entries().iter().find_map(|entry| {
            let resource = &entry["resource"];
            if resource["resourceType"] != "Consent" {
                return None;
            }
            if entry["request"]["method"] == "PUT" {
                let known = number(&entry["request"]["url"]).and_then(|id| self.consents.get(&id)?.last());
                let version = known.map(|known| {
                    format!("W/\"{}\"", known["meta"]["versionId"].as_str().unwrap_or_default())
                });
                let asked = entry["request"]["ifMatch"].as_str();
                return (version.is_none() || version.as_deref() != asked).then_some(412);
            }
            let is_there = self.consents().any(|known| known["identifier"] == resource["identifier"]);
            is_there.then_some(409)
        })
    }

    fn write(&mut self, entry: &Value, now: &str) -> Value {
        let mut resource = entry["resource"].clone();
        let kind = resource["resourceType"].as_str().unwrap_or_default().to_owned();
        let known = number(&entry["request"]["url"]).filter(|id| self.consents.contains_key(id));
        let id = known.unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        let version = self.consents.get(&id).map_or(1, |versions| versions.len() + 1);
        resource["id"] = json!(id.to_string());
        resource["meta"]["versionId"] = json!(version.to_string());
        resource["meta"]["lastUpdated"] = json!(now);
        match kind.as_str() {
            "Consent" => self.consents.entry(id).or_default().push(resource),
            "AuditEvent" => self.events.push(resource),
            _ => {}
        }
        let status = if known.is_some() { "200" } else { "201" };
        json!({ "response": {
            "status": status, "location": format!("{kind}/{id}/_history/{version}"),
            "etag": format!("W/\"{version}\""), "lastModified": now,
        }})
    }
}

fn place(consent: &Value) -> String {
    format!("Consent/{}", consent["id"].as_str().unwrap_or_default())
}

fn number(url: &Value) -> Option<u64> {
    url.as_str()?.strip_prefix("Consent/")?.parse().ok()
}

fn is_asked(seen: &Seen, consent: &Value) -> bool {
    let code = consent["patient"]["identifier"]["value"].as_str().unwrap_or_default();
    let is_of = |asked: &str| asked.rsplit_once('|').map_or(asked, |(_, code)| code) == code;
    let is_in = |asked: &str| {
        let asked = asked.rsplit_once('|').map_or(asked, |(_, code)| code);
        consent["category"][0]["coding"]
            .as_array()
            .is_some_and(|codings| codings.iter().any(|coding| coding["code"] == *asked))
    };
    seen.parameters("patient:identifier").all(is_of) && seen.parameters("category").all(is_in)
}

fn capabilities() -> Value {
    json!({
        "resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-23", "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["application/fhir+json"],
        "implementation": { "description": "sauma registry simulate" },
        "rest": [{ "mode": "server", "interaction": [{ "code": "transaction" }],
            "resource": [{ "type": "Consent", "interaction": [{ "code": "search-type" }, { "code": "history-type" }] }] }],
    })
}
