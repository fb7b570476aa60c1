//! The topic "joined plan changed", as a `SubscriptionTopic` of R5 in the form that R4 has for it: a `Basic` with
//! extensions (Subscriptions R5 Backport 1.1, "Subscription Topics in R4").

use serde_json::{Value, json};

/// The url of the topic.
pub(in crate::server) const JOINED_PLAN: &str =
    "https://w3id.org/sauma/fhir/SubscriptionTopic/joined-plan-changed";
/// The id of its resource here.
const ID: &str = "joined-plan-changed";
const R5: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.";

/// The topic of an id.
pub(in crate::server) fn resource(id: &str) -> Option<Value> {
    let part = |url: &str, key: &str, value: &str| json!({ "url": url, key: value });
    (id == ID).then(|| {
        json!({
            "resourceType": "Basic",
            "id": ID,
            "extension": [
                part(&format!("{R5}url"), "valueUri", JOINED_PLAN),
                part(&format!("{R5}title"), "valueString", "Joined plan changed"),
                part(&format!("{R5}status"), "valueCode", "active"),
                part(
                    &format!("{R5}description"),
                    "valueMarkdown",
                    "What the subscriber sees of the joined plan of a client is other than it was: a unit contributed, \
                     somebody decided, or a permission began or ended with a change of what is stored.",
                ),
                { "url": format!("{R5}resourceTrigger"), "extension": [
                    part("description", "valueMarkdown", "Any resource that the joined plan is made of"),
                    part("resource", "valueUri", "http://hl7.org/fhir/StructureDefinition/CarePlan"),
                    part("supportedInteraction", "valueCode", "create"),
                    part("supportedInteraction", "valueCode", "update"),
                    part("supportedInteraction", "valueCode", "delete"),
                ] },
                { "url": format!("{R5}canFilterBy"), "extension": [
                    part("description", "valueMarkdown", "The clients whose plans it is about; needed"),
                    part("resource", "valueUri", "CarePlan"),
                    part("filterParameter", "valueString", "patient"),
                ] },
                { "url": format!("{R5}notificationShape"), "extension": [
                    part("resource", "valueUri", "Patient"),
                ] },
            ],
            "modifierExtension": [
                { "url": format!("{R5}status"), "valueCode": "active" },
            ],
            "code": { "coding": [{
                "system": "http://hl7.org/fhir/fhir-types",
                "code": "SubscriptionTopic",
            }] },
        })
    })
}
