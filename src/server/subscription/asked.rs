//! What a `Subscription` asks for.

use super::endpoint::Endpoint;
use super::settings::SubscriptionSettings;
use super::topic::JOINED_PLAN;
use crate::server::moment;
use crate::server::query::{self, Pair};
use crate::server::reading::moments;
use crate::server::route::is_id;
use serde_json::Value;

/// Where the extensions of the backport guide are.
const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";
/// Patients of one subscription to the topic.
const PATIENTS_MAX: usize = 200;
/// Header fields of one subscription.
const HEADERS_MAX: usize = 20;
/// Seconds between heartbeats, at least.
const HEARTBEAT_SECONDS_MIN: i64 = 1;
/// Header fields that the connection itself has.
const OWN_FIELDS: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// `Subscription.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Status {
    Requested,
    Active,
    Error,
    Off,
}

impl Status {
    const ALL: [Self; 4] = [Self::Requested, Self::Active, Self::Error, Self::Off];

    pub(in crate::server) const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Error => "error",
            Self::Off => "off",
        }
    }
}

/// What is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum What {
    /// Resources of a type that meet a search.
    Criteria { kind: String, pairs: Vec<Pair> },
    /// Changes of the joined plans of these Patients.
    JoinedPlan { patients: Vec<String> },
}

/// How much of it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Content {
    Empty,
    IdOnly,
    Full,
}

/// What a subscription asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Subscribed {
    pub(in crate::server) status: Status,
    pub(in crate::server) what: What,
    /// Where it is sent; none of a channel that this server does not serve.
    pub(in crate::server) endpoint: Option<Endpoint>,
    pub(in crate::server) headers: Vec<(String, String)>,
    pub(in crate::server) content: Content,
    /// Seconds without a notification after which one says that nothing happened.
    pub(in crate::server) heartbeat_seconds: Option<i64>,
    /// When it ends, in microseconds UTC.
    pub(in crate::server) end: Option<i64>,
}

impl Subscribed {
    /// Reads a subscription.
    ///
    /// # Errors
    /// Why it cannot be served.
    pub(in crate::server) fn read(
        value: &Value,
        settings: &SubscriptionSettings,
    ) -> Result<Self, &'static str> {
        let status = value["status"].as_str().unwrap_or_default();
        let status = Status::ALL.into_iter().find(|known| known.as_str() == status);
        let channel = &value["channel"];
        let what = what(value)?;
        let endpoint = match channel["type"].as_str() {
            Some("rest-hook") => {
                let url = channel["endpoint"].as_str().ok_or("a rest-hook needs an endpoint")?;
                Some(Endpoint::read(url, settings)?)
            }
            _ => None,
        };
        let end = match value["end"].as_str() {
            None => None,
            Some(end) => Some(moments(end).ok_or("its end is no moment")?.0),
        };
        Ok(Self {
            status: status.ok_or("its status is none of a subscription")?,
            content: content(channel, &what)?,
            what,
            endpoint,
            headers: headers(channel)?,
            heartbeat_seconds: extension(channel, "heartbeat-period")
                .and_then(|found| found["valueUnsignedInt"].as_i64())
                .filter(|seconds| *seconds > 0)
                .map(|seconds| seconds.max(HEARTBEAT_SECONDS_MIN)),
            end,
        })
    }

    /// True once it is over.
    pub(in crate::server) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| end <= moment::now())
    }
}

fn extension<'v>(of: &'v Value, name: &str) -> Option<&'v Value> {
    let url = format!("{BACKPORT}{name}");
    of["extension"].as_array()?.iter().find(|extension| extension["url"] == *url)
}

fn what(value: &Value) -> Result<What, &'static str> {
    let criteria = value["criteria"].as_str().ok_or("it needs criteria")?;
    if criteria == JOINED_PLAN {
        let extensions = value["_criteria"]["extension"].as_array().map(Vec::as_slice).unwrap_or_default();
        let url = format!("{BACKPORT}filter-criteria");
        let filters = extensions.iter().filter(|extension| extension["url"] == *url);
        let mut patients = Vec::new();
        for filter in filters {
            patients.extend(patients_of(filter["valueString"].as_str().unwrap_or_default())?);
        }
        patients.sort_unstable();
        patients.dedup();
        return match patients.len() {
            0 => Err("the topic needs a filter that names patients: CarePlan?patient=Patient/1"),
            1..=PATIENTS_MAX => Ok(What::JoinedPlan { patients }),
            _ => Err("it names too many patients"),
        };
    }
    if criteria.contains("://") {
        return Err("there is no such topic");
    }
    let (kind, query) = criteria.split_once('?').unwrap_or((criteria, ""));
    let pairs = query::pairs(query).map_err(|_| "its criteria are no search")?;
    Ok(What::Criteria { kind: kind.to_owned(), pairs })
}

/// The ids that a filter names: `CarePlan?patient=Patient/1,Patient/2`.
fn patients_of(filter: &str) -> Result<Vec<String>, &'static str> {
    const WRONG: &str = "the topic is filtered by patient alone: CarePlan?patient=Patient/1";
    let query = filter.split_once('?').map_or(filter, |(_, query)| query);
    let pairs = query::pairs(query).map_err(|_| WRONG)?;
    let mut found = Vec::new();
    for (name, value) in pairs {
        if name != "patient" {
            return Err(WRONG);
        }
        for reference in value.split(',') {
            let id = reference.strip_prefix("Patient/").unwrap_or(reference);
            found.push(Some(id).filter(|id| is_id(id)).ok_or(WRONG)?.to_owned());
        }
    }
    Ok(found)
}

fn content(channel: &Value, what: &What) -> Result<Content, &'static str> {
    let payload = channel["payload"].as_str();
    if payload.is_some_and(|media| {
        !matches!(media.split(';').next(), Some("application/fhir+json" | "application/json"))
    }) {
        return Err("a payload is application/fhir+json");
    }
    match what {
        What::Criteria { .. } => Ok(if payload.is_some() { Content::Full } else { Content::Empty }),
        What::JoinedPlan { .. } => {
            let said = extension(&channel["_payload"], "payload-content");
            match said.and_then(|said| said["valueCode"].as_str()) {
                None | Some("id-only") => Ok(Content::IdOnly),
                Some("empty") => Ok(Content::Empty),
                Some("full-resource") => Ok(Content::Full),
                Some(_) => Err("the content of a payload is empty, id-only or full-resource"),
            }
        }
    }
}

/// Header fields that are sent along: `Authorization: Bearer x`.
fn headers(channel: &Value) -> Result<Vec<(String, String)>, &'static str> {
    let list = channel["header"].as_array().map(Vec::as_slice).unwrap_or_default();
    if list.len() > HEADERS_MAX {
        return Err("it has too many header fields");
    }
    let field = |line: &Value| {
        let (name, value) = line.as_str()?.split_once(':')?;
        let (name, value) = (name.trim(), value.trim());
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_value = value.bytes().all(|byte| (b' '..0x7F).contains(&byte) || byte == b'\t');
        let is_own = OWN_FIELDS.contains(&&*name.to_ascii_lowercase());
        (is_name && is_value && !is_own).then(|| (name.to_owned(), value.to_owned()))
    };
    list.iter().map(|line| field(line).ok_or("a header field cannot be sent")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn open() -> SubscriptionSettings {
        SubscriptionSettings { private_addresses: true, plain_http: true, ..Default::default() }
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let good = json!({ "status": "requested", "criteria": "Goal?patient=Patient/1",
            "channel": { "type": "rest-hook", "endpoint": "https://a.example/x", "header": ["X-A: 1"] } });
        let check = |path: &str, value: Value, expected: bool| {
            let mut changed = good.clone();
            *changed.pointer_mut(path).unwrap_or(&mut Value::Null) = value;
            assert_eq!(Subscribed::read(&changed, &open()).is_ok(), expected, "{changed}");
        };
        check("/status", json!("active"), true);
        check("/status", json!("on"), false);
        check("/criteria", json!("https://a.example/topic"), false);
        check("/criteria", json!(JOINED_PLAN), false);
        check("/channel/endpoint", Value::Null, false);
        check("/channel/endpoint", json!("ftp://a.example"), false);
        check("/channel/endpoint", json!("http://user@a.example"), false);
        for odd in ["X-A", ": 1", "X A: 1", "Host: b", "Content-Length: 1", "X-A: 1\r\nX-B: 2", "X-Ä: 1"] {
            check("/channel/header/0", json!(odd), false);
        }
        check("/channel/type", json!("websocket"), true);
    }

    #[test]
    fn a_topic_is_filtered_by_patient() {
        let read = |filter: &str| {
            let value = json!({ "status": "requested", "criteria": JOINED_PLAN,
                "_criteria": { "extension": [{ "url": format!("{BACKPORT}filter-criteria"), "valueString": filter }] },
                "channel": { "type": "rest-hook", "endpoint": "https://a.example/x", "payload": "application/fhir+json" } });
            Subscribed::read(&value, &open()).map(|asked| asked.what)
        };
        let patients = vec!["1".to_owned(), "2".to_owned()];
        assert_eq!(read("CarePlan?patient=Patient/2,1"), Ok(What::JoinedPlan { patients }));
        for odd in ["", "CarePlan?status=active", "CarePlan?patient=Patient/a b"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}
