//! Decisions as resources. R4 has none for what a person decides about several sources (`Linkage` says that records are
//! one and nothing else), so each is a `Basic` with the line of the log that `sauma decide` writes: nothing of it is said
//! twice. It is never changed; another one revokes it. Its identifiers name the clients whose plans it is about, by which
//! it is found.

use super::find::token;
use crate::plan::{Decision, SAUMA, Statement, decision};
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::refusal::Outcome;
use crate::server::step::Step;
use crate::store::{Record, Store};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How a decision names a client: by the id of the Patient.
const CLIENT: &str = "NamingSystem/decision-client";
/// The line of the log.
const LINE: &str = "StructureDefinition/decision-line";
const DAY_CHARS: usize = 10;

/// A decision as it is stored.
pub(super) struct Stored {
    pub(super) decision: Decision,
    /// The Patients that it leads to: none where it parts them.
    pub(super) clients: Vec<String>,
}

impl<S: Store> Server<S> {
    /// The write of a decision about clients.
    pub(in crate::server) fn decision_step(
        &self,
        caller: &Caller,
        made: &Decision,
        about: &str,
        clients: &BTreeSet<String>,
    ) -> Outcome<Step> {
        let named = |id: &String| json!({ "system": format!("{SAUMA}{CLIENT}"), "value": id });
        let own = json!({ "system": format!("{SAUMA}NamingSystem/decision"), "value": made.id() });
        let identifiers: Vec<Value> = std::iter::once(own).chain(clients.iter().map(named)).collect();
        let coding =
            json!({ "system": format!("{SAUMA}CodeSystem/decision"), "code": made.statement().as_str() });
        self.put_made(&json!({
            "resourceType": "Basic",
            "id": caller.led(made.id()),
            "extension": [{ "url": format!("{SAUMA}{LINE}"), "valueString": decision::to_line(made) }],
            "identifier": identifiers,
            "code": { "coding": [coding], "text": made.reason() },
            "subject": { "reference": format!("Patient/{about}") },
            "created": made.time().get(..DAY_CHARS),
            "author": { "display": made.by().to_words() },
        }))
    }

    /// The decisions about clients.
    pub(super) async fn decisions(
        &self,
        caller: &Caller,
        clients: &[String],
    ) -> Outcome<Vec<(Arc<Record>, Stored)>> {
        let system = format!("{SAUMA}{CLIENT}");
        let values: Vec<String> = clients.iter().map(|id| token(Some(&system), id)).collect();
        let found = self.any_of(caller, ("Basic", "identifier"), &values, &[]).await?;
        Ok(found.into_iter().filter_map(|record| Some((Arc::clone(&record), read(&record)?))).collect())
    }
}

fn read(record: &Record) -> Option<Stored> {
    let value: Value = serde_json::from_slice(record.document.as_deref()?).ok()?;
    let url = format!("{SAUMA}{LINE}");
    let line = value["extension"].as_array()?.iter().find(|extension| extension["url"] == *url)?;
    let decision = decision::read(line["valueString"].as_str()?).ok()?.pop()?;
    let system = format!("{SAUMA}{CLIENT}");
    let named = value["identifier"].as_array()?.iter().filter(|identifier| identifier["system"] == *system);
    let clients = match decision.statement() {
        Statement::NotSameClient(_) => Vec::new(),
        Statement::SameClient(_)
        | Statement::SameResource(_)
        | Statement::NotSameResource(_)
        | Statement::Value { .. }
        | Statement::Coordinator(_)
        | Statement::Revoke(_) => {
            named.filter_map(|identifier| identifier["value"].as_str().map(str::to_owned)).collect()
        }
    };
    Some(Stored { decision, clients })
}
