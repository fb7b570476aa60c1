//! Notifications as Bundles, and what is told of a subscription: the `SubscriptionStatus` of R5 as R4 has it, a `Parameters`
//! resource (Subscriptions R5 Backport 1.1, "R4 Subscription Notifications").

use super::asked::Content;
use super::state::Sent;
use super::topic::JOINED_PLAN;
use crate::server::bundle_writer::quoted;
use crate::server::moment;
use serde_json::{Value, json};

const PROFILES: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-";

/// A notification, or an answer about some.
#[derive(Debug)]
pub(in crate::server) struct Notice<'a> {
    /// The base of the API.
    pub(in crate::server) base: &'a str,
    /// The id of the subscription.
    pub(in crate::server) id: &'a str,
    pub(in crate::server) status: &'static str,
    /// `handshake`, `heartbeat`, `event-notification`, `query-status`, `query-event`.
    pub(in crate::server) kind: &'static str,
    /// True of a subscription to the topic.
    pub(in crate::server) has_topic: bool,
    /// Events since it began.
    pub(in crate::server) events: u64,
    pub(in crate::server) content: Content,
    pub(in crate::server) sent: &'a [Sent],
    /// Why it is in error.
    pub(in crate::server) error: Option<String>,
}

impl Notice<'_> {
    /// What is told of the subscription.
    pub(in crate::server) fn parameters(&self) -> Value {
        let mut parameters = vec![json!({
            "name": "subscription",
            "valueReference": { "reference": format!("{}/Subscription/{}", self.base, self.id) },
        })];
        if self.has_topic {
            parameters.push(json!({ "name": "topic", "valueCanonical": JOINED_PLAN }));
        }
        parameters.push(json!({ "name": "status", "valueCode": self.status }));
        parameters.push(json!({ "name": "type", "valueCode": self.kind }));
        let events =
            json!({ "name": "events-since-subscription-start", "valueString": self.events.to_string() });
        parameters.push(events);
        for sent in self.sent {
            let mut part = vec![
                json!({ "name": "event-number", "valueString": sent.number.to_string() }),
                json!({ "name": "timestamp", "valueInstant": moment::instant(sent.at) }),
            ];
            if self.content != Content::Empty {
                let focus = format!("{}/{}", self.base, sent.focus);
                part.push(json!({ "name": "focus", "valueReference": { "reference": focus } }));
            }
            parameters.push(json!({ "name": "notification-event", "part": part }));
        }
        if let Some(error) = &self.error {
            parameters.push(json!({ "name": "error", "valueCodeableConcept": { "text": error } }));
        }
        json!({
            "resourceType": "Parameters",
            "meta": { "profile": [format!("{PROFILES}status-r4")] },
            "parameter": parameters,
        })
    }

    /// The Bundle of a notification; `resource` is what it is about, where that is sent along.
    pub(in crate::server) fn bundle(&self, resource: Option<(&str, &str)>) -> String {
        let here = format!("{}/Subscription/{}", self.base, self.id);
        let mut out = format!(
            "{{\"resourceType\":\"Bundle\",\"meta\":{{\"profile\":[\"{PROFILES}notification-r4\"]}},\"type\":\"history\",\"timestamp\":\"{}\",\"entry\":[{{\"fullUrl\":\"urn:uuid:{}\",\"resource\":{},\"request\":{{\"method\":\"GET\",\"url\":{}}},\"response\":{{\"status\":\"200\"}}}}",
            moment::instant(moment::now()),
            crate::server::ids::uuid(),
            self.parameters(),
            quoted(&format!("{here}/$status")),
        );
        if self.content != Content::Empty {
            for sent in self.sent {
                let url = format!("{}/{}", self.base, sent.focus);
                let (url, body) = match resource {
                    Some((url, body)) => (url.to_owned(), format!("\"resource\":{body},")),
                    None => (url, String::new()),
                };
                let url = quoted(&url);
                out.push_str(&format!(
                    ",{{\"fullUrl\":{url},{body}\"request\":{{\"method\":\"PUT\",\"url\":{url}}},\"response\":{{\"status\":\"200\"}}}}"
                ));
            }
        }
        out.push_str("]}");
        out
    }
}
