//! Plans of a unit that is a FHIR server: what has changed there since a cursor, and of each client whom it concerns the
//! plans as they are now, each as one document. The cursor is kept once all of it is in the inbox.

use super::http_pull::Round;
use super::inbox::{Accept, Refused};
use super::intake::FHIR;
use super::lane;
use super::registry::RegistryError;
use super::registry::fhir_server::{Cursor, FhirServer};
use super::settings::FhirTable;
use crate::diag::codes::{self, Code};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a plan is made of, beside the client.
const KINDS: [&str; 3] = ["CarePlan", "CareTeam", "Goal"];
/// What is followed, beside those.
const CLIENT: &str = "Patient";

/// A FHIR server of a unit.
pub struct FhirPull {
    connection: String,
    unit: &'static str,
    every: Duration,
    server: FhirServer,
}

impl FhirPull {
    /// Reads certificates and keys; nothing is asked yet.
    ///
    /// # Errors
    /// The settings cannot be used, and why.
    pub fn new(connection: &str, unit: Option<&'static str>, table: &FhirTable) -> Result<Self, String> {
        let server = FhirServer::new(&table.server).map_err(|error| error.to_string())?;
        let every = Duration::from_secs(table.every_seconds.max(1));
        Ok(Self { connection: connection.to_owned(), unit: unit.unwrap_or(FHIR), every, server })
    }

    /// How long to wait between two rounds.
    pub const fn every(&self) -> Duration {
        self.every
    }

    /// Takes what has changed since a cursor, and gives the cursor to go on from.
    pub async fn round(&self, inbox: &impl Accept, cursor: Option<&str>) -> (Round, Option<String>) {
        let cursor: Cursor = cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut round = Round::default();
        match self.take(inbox, &cursor, &mut round).await {
            Ok(cursor) => (round, serde_json::to_string(&cursor).ok()),
            Err(code) => {
                round.failed = Some(code);
                (round, None)
            }
        }
    }

    async fn take(
        &self,
        inbox: &impl Accept,
        cursor: &Cursor,
        round: &mut Round,
    ) -> Result<Cursor, &'static Code> {
        let code = |error: RegistryError| error.code();
        let kinds = [KINDS.as_slice(), &[CLIENT]].concat();
        let pulled = self.server.pull(&kinds, cursor).await.map_err(code)?;
        let resources = pulled.changes.iter().filter_map(|change| change.resource.as_ref());
        let clients: BTreeSet<String> = resources.filter_map(client_of).collect();
        for client in clients {
            let all = self.server.of_client(&client, &KINDS).await.map_err(code)?;
            for document in documents(&all) {
                let received =
                    lane::received(&self.connection, Some(self.unit), document.to_string().into_bytes());
                inbox.accept(received).await.map_err(|refused| match refused {
                    Refused::TooLong => codes::MESSAGE_LONG,
                    Refused::Busy | Refused::Failed | Refused::UnknownConnection => codes::STORE_BUSY,
                })?;
                round.taken += 1;
            }
        }
        Ok(pulled.cursor)
    }
}

/// The id of the client whom a resource is about.
fn client_of(resource: &Value) -> Option<String> {
    if resource["resourceType"] == CLIENT {
        return resource["id"].as_str().map(str::to_owned);
    }
    let reference = resource["subject"]["reference"].as_str()?;
    let (rest, id) = reference.rsplit_once('/')?;
    rest.ends_with(CLIENT).then(|| id.to_owned())
}

/// A document for each plan: the plan, the client, and the goals and teams that it names.
fn documents(all: &[Value]) -> Vec<Value> {
    let plans = all.iter().filter(|resource| resource["resourceType"] == "CarePlan");
    plans.map(|plan| document(plan, all)).collect()
}

fn document(plan: &Value, all: &[Value]) -> Value {
    let listed =
        ["goal", "careTeam"].into_iter().flat_map(|name| plan[name].as_array().into_iter().flatten());
    let named: BTreeSet<&str> = listed.filter_map(|item| item["reference"].as_str()).collect();
    let is_part = |resource: &&Value| {
        resource["resourceType"] == CLIENT
            || address(resource).is_some_and(|own| named.iter().any(|one| one.ends_with(&own)))
    };
    let parts = std::iter::once(plan).chain(all.iter().filter(is_part));
    let entries: Vec<Value> = parts.map(|resource| json!({ "resource": resource })).collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
}

/// `Goal/1`.
fn address(resource: &Value) -> Option<String> {
    Some(format!("{}/{}", resource["resourceType"].as_str()?, resource["id"].as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_comes_with_its_client_and_what_it_names() {
        let all = [
            json!({ "resourceType": "Patient", "id": "p" }),
            json!({ "resourceType": "CarePlan", "id": "a", "goal": [{ "reference": "Goal/1" }],
                "careTeam": [{ "reference": "https://unit.example/fhir/CareTeam/t" }] }),
            json!({ "resourceType": "CarePlan", "id": "b" }),
            json!({ "resourceType": "Goal", "id": "1" }),
            json!({ "resourceType": "Goal", "id": "2" }),
            json!({ "resourceType": "CareTeam", "id": "t" }),
        ];
        let shown = |document: &Value| {
            let entries = document["entry"].as_array().cloned().unwrap_or_default();
            entries.iter().filter_map(|entry| address(&entry["resource"])).collect::<Vec<_>>().join(" ")
        };
        let told: Vec<String> = documents(&all).iter().map(shown).collect();
        assert_eq!(told, ["CarePlan/a Patient/p Goal/1 CareTeam/t", "CarePlan/b Patient/p"]);
    }

    #[test]
    fn who_a_resource_is_about_is_told_by_its_subject() {
        let check = |resource: Value, expected: Option<&str>| {
            assert_eq!(client_of(&resource).as_deref(), expected, "{resource}");
        };
        check(json!({ "resourceType": "Patient", "id": "p" }), Some("p"));
        check(json!({ "resourceType": "Goal", "subject": { "reference": "Patient/q" } }), Some("q"));
        check(json!({ "resourceType": "Goal", "subject": { "reference": "Group/q" } }), None);
        check(json!({ "resourceType": "Goal" }), None);
    }
}
