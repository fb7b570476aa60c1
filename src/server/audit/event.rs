//! One event: what the log keeps of it, and the FHIR `AuditEvent` that is written of that whenever it is read, after IHE
//! Basic Audit Log Patterns (BALP) 1.1.3.
//!
//! An event has two parts: what was done and by whom is a [`Deed`], what names persons a [`Concern`], which is kept apart,
//! so that it can be removed one day. Each is kept as a few words of JSON: an `AuditEvent` says the same in a length of
//! some ten times, which every read would hash, write and sync. Failures claim no profile: BALP has them recorded
//! otherwise.

use super::super::bundle_writer::quoted;
use super::super::moment;
use crate::schema::base64;
use crate::store::{Noted, StoreError};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Bytes of one part of an event, about.
const PART_BYTES: usize = 1_200;
const PROFILES: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const BALP_ENTITY: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const AUTHZ: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const CUSTODIAN: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const LIFECYCLE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const TOKEN: &str = "urn:ietf:params:oauth:jti:";
const OBSERVER: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";

/// What was done. Its words stand in logs: none is ever given another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::server) enum Act {
    Create,
    Read,
    VersionRead,
    HistoryInstance,
    Update,
    Patch,
    Delete,
    SearchType,
    SearchSystem,
    HistoryType,
    HistorySystem,
    Operation,
    /// What one register has was given to another.
    Disclose,
    /// Somebody breaks the glass.
    BreakGlass,
    /// Somebody got an access token.
    LogIn,
    /// Somebody was not let in.
    Deny,
}

/// Who did it, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::server) struct Agent<'a> {
    /// The program and its unit; nobody where the server runs open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::server) program: Option<(Cow<'a, str>, Cow<'a, str>)>,
    /// From which address.
    pub(in crate::server) address: Cow<'a, str>,
    /// The id of its access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::server) token: Option<Cow<'a, str>>,
    /// The person for whom it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::server) user: Option<Cow<'a, str>>,
    /// What it asks for, in a word of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::server) purpose: Option<Cow<'a, str>>,
    /// It declared an emergency.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(in crate::server) is_emergency: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::server) enum Object<'a> {
    /// A resource: `CarePlan/1/_history/2`.
    Data(Cow<'a, str>),
    /// What was asked for.
    Query(Cow<'a, str>),
    /// Resources that were disclosed.
    Documents(Cow<'a, [String]>),
    /// Why the glass was broken: a code, and what was said.
    Emergency { reason: Cow<'a, str>, words: Cow<'a, str> },
    /// Nothing that could be named.
    None,
}

/// What was done and by whom, without a word of whom it concerns.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::server) struct Deed<'a> {
    pub(in crate::server) act: Act,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::server) refused: Option<Cow<'a, str>>,
    /// It concerns a client.
    pub(in crate::server) has_client: bool,
    /// The address of the API.
    pub(in crate::server) base: Cow<'a, str>,
    pub(in crate::server) agent: Agent<'a>,
}

/// What an event names that tells of persons.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::server) struct Concern<'a> {
    /// Id of the request.
    pub(in crate::server) request: Cow<'a, str>,
    pub(in crate::server) object: Object<'a>,
    /// Id of the patient whom it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::server) patient: Option<Cow<'a, str>>,
}

/// A part as it is kept.
pub(in crate::server) fn kept(part: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(part).map_err(|_| StoreError::Limit("what an event of the audit says"))
}

/// Which way the data went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the client to the server, as what is asked does.
    In,
    /// From the server to the client.
    Out,
    /// BALP names the parts of a deletion otherwise.
    Gone,
}

/// What BALP says of an act.
struct Facts {
    /// The profile; with a patient its name starts with `Patient`.
    profile: &'static str,
    kind: (&'static str, &'static str),
    subtype: (&'static str, &'static str),
    action: &'static str,
    way: Way,
}

impl Act {
    fn facts(self) -> Facts {
        let rest = |profile, subtype, action, way| Facts {
            profile,
            kind: (EVENT_TYPE, "rest"),
            subtype: (INTERACTION, subtype),
            action,
            way,
        };
        match self {
            Self::Create => rest("Create", "create", "C", Way::In),
            Self::Read => rest("Read", "read", "R", Way::Out),
            Self::VersionRead => rest("Read", "vread", "R", Way::Out),
            Self::HistoryInstance => rest("Read", "history-instance", "R", Way::Out),
            Self::Update => rest("Update", "update", "U", Way::In),
            Self::Patch => rest("Update", "patch", "U", Way::In),
            Self::Delete => rest("Delete", "delete", "D", Way::Gone),
            Self::SearchType => rest("Query", "search-type", "E", Way::In),
            Self::SearchSystem => rest("Query", "search-system", "E", Way::In),
            Self::HistoryType => rest("Query", "history-type", "E", Way::In),
            Self::HistorySystem => rest("Query", "history-system", "E", Way::In),
            Self::Operation => rest("Query", "operation", "E", Way::In),
            Self::Disclose => Facts {
                profile: "PrivacyDisclosure.Source",
                kind: (DCM, "110106"),
                subtype: (LIFECYCLE, "disclose"),
                action: "R",
                way: Way::Out,
            },
            // DICOM PS3.16, "Emergency Override Started".
            Self::BreakGlass => Facts {
                profile: "",
                kind: (DCM, "110113"),
                subtype: (DCM, "110127"),
                action: "E",
                way: Way::In,
            },
            Self::LogIn => Facts {
                profile: "",
                kind: (DCM, "110114"),
                subtype: (DCM, "110122"),
                action: "E",
                way: Way::In,
            },
            Self::Deny => Facts {
                profile: "",
                kind: (DCM, "110113"),
                subtype: (AUTHZ, "AuthZ-Role"),
                action: "E",
                way: Way::In,
            },
        }
    }
}

impl Deed<'_> {
    /// All of the `AuditEvent` but the entities.
    fn event(&self, time: i64) -> String {
        let facts = self.act.facts();
        let mut out = String::with_capacity(PART_BYTES);
        let recorded = moment::instant(time);
        out.push_str("{\"resourceType\":\"AuditEvent\",\"meta\":{\"versionId\":\"1\",\"lastUpdated\":\"");
        out.push_str(&recorded);
        out.push('"');
        if self.refused.is_none() && !facts.profile.is_empty() {
            let patient = if self.has_client && self.act != Act::Disclose { "Patient" } else { "" };
            out.push_str(&format!(",\"profile\":[\"{PROFILES}{patient}{}\"]", facts.profile));
        }
        out.push_str("},\"type\":");
        coding(&mut out, facts.kind);
        out.push_str(",\"subtype\":[");
        coding(&mut out, facts.subtype);
        out.push_str(&format!("],\"action\":\"{}\",\"recorded\":\"{recorded}\",", facts.action));
        match &self.refused {
            None => out.push_str("\"outcome\":\"0\","),
            Some(why) => {
                let outcome = if self.act == Act::Deny { '8' } else { '4' };
                out.push_str(&format!("\"outcome\":\"{outcome}\",\"outcomeDesc\":{},", quoted(why)));
            }
        }
        self.purpose(&mut out);
        self.agents(facts.way, &mut out);
        let base = quoted(&self.base);
        out.push_str(&format!(",\"source\":{{\"observer\":{{\"display\":{base}}},\"type\":["));
        coding(&mut out, (OBSERVER, "4"));
        out.push_str("]}}");
        out
    }

    fn purpose(&self, out: &mut String) {
        let Agent { purpose: Some(purpose), is_emergency, .. } = &self.agent else { return };
        out.push_str("\"purposeOfEvent\":[{");
        if *is_emergency {
            out.push_str("\"coding\":[");
            coding(out, (REASON, "BTG"));
            out.push_str("],");
        }
        out.push_str(&format!("\"text\":{}}}],", quoted(purpose)));
    }

    fn agents(&self, way: Way, out: &mut String) {
        let (client, server) = match way {
            Way::In => ((DCM, "110153"), (DCM, "110152")),
            Way::Out => ((DCM, "110152"), (DCM, "110153")),
            Way::Gone => ((DCM, "110150"), (CUSTODIAN, "custodian")),
        };
        let Agent { program, address, token, user, .. } = &self.agent;
        out.push_str("\"agent\":[{\"type\":{\"coding\":[");
        coding(out, client);
        out.push_str("]},\"who\":{");
        let name = match program {
            Some((id, unit)) => {
                out.push_str(&format!("\"identifier\":{{\"value\":{}}},", quoted(id)));
                &**unit
            }
            None => "open",
        };
        out.push_str(&format!("\"display\":{}}},\"requestor\":{}", quoted(name), user.is_none()));
        // BALP lets a deletion name no policy.
        if let (Some(token), Way::In | Way::Out) = (token, way) {
            out.push_str(&format!(",\"policy\":[{}]", quoted(&format!("{TOKEN}{token}"))));
        }
        out.push_str(&format!(",\"network\":{{\"address\":{},\"type\":\"2\"}}}}", quoted(address)));
        out.push_str(",{\"type\":{\"coding\":[");
        coding(out, server);
        let base = quoted(&self.base);
        out.push_str(&format!(
            "]}},\"who\":{{\"display\":{base}}},\"requestor\":false,\"network\":{{\"address\":{base},\"type\":\"5\"}}}}"
        ));
        if let Some(user) = user {
            let is_author = matches!(self.act, Act::Create | Act::Update | Act::Patch | Act::Delete);
            out.push_str(",{\"type\":{\"coding\":[");
            coding(out, (PARTICIPATION, if is_author { "AUT" } else { "IRCP" }));
            out.push_str(&format!("]}},\"who\":{{\"display\":{}}},\"requestor\":true}}", quoted(user)));
        }
        out.push(']');
    }
}

impl Concern<'_> {
    /// The entities: what it was done to, and whom it concerns.
    fn entities(&self) -> String {
        let mut out = String::with_capacity(PART_BYTES);
        out.push_str("[{\"what\":{\"identifier\":{\"value\":");
        out.push_str(&quoted(&self.request));
        out.push_str("}},\"type\":");
        coding(&mut out, (BALP_ENTITY, "XrequestId"));
        out.push('}');
        match &self.object {
            Object::Data(name) => entity(&mut out, name, "4"),
            Object::Documents(names) => names.iter().for_each(|name| entity(&mut out, name, "3")),
            Object::Query(query) => {
                out.push_str(",{\"type\":");
                coding(&mut out, (ENTITY_TYPE, "2"));
                out.push_str(",\"role\":");
                coding(&mut out, (ENTITY_ROLE, "24"));
                let query = base64::encode(query.as_bytes());
                out.push_str(&format!(",\"query\":\"{query}\"}}"));
            }
            Object::Emergency { reason, words } => {
                out.push_str(",{\"type\":");
                coding(&mut out, (ENTITY_TYPE, "4"));
                let detail =
                    |kind, value| format!("{{\"type\":\"{kind}\",\"valueString\":{}}}", quoted(value));
                let (reason, words) = (detail("reason", reason), detail("words", words));
                out.push_str(&format!(",\"description\":\"emergency\",\"detail\":[{reason},{words}]}}"));
            }
            Object::None => {}
        }
        if let Some(patient) = &self.patient {
            out.push_str(",{\"what\":{\"reference\":");
            out.push_str(&quoted(&format!("Patient/{patient}")));
            out.push_str("},\"type\":");
            coding(&mut out, (ENTITY_TYPE, "1"));
            out.push_str(",\"role\":");
            coding(&mut out, (ENTITY_ROLE, "1"));
            out.push('}');
        }
        out.push(']');
        out
    }
}

/// A resource that something was done to.
fn entity(out: &mut String, name: &str, role: &str) {
    out.push_str(&format!(",{{\"what\":{{\"reference\":{}}},\"type\":", quoted(name)));
    coding(out, (ENTITY_TYPE, "2"));
    out.push_str(",\"role\":");
    coding(out, (ENTITY_ROLE, role));
    out.push('}');
}

fn coding(out: &mut String, (system, code): (&str, &str)) {
    for part in ["{\"system\":\"", system, "\",\"code\":\"", code, "\"}"] {
        out.push_str(part);
    }
}

/// The `AuditEvent` of an entry: its id, and its entities where they were not removed. What is not kept in few words is
/// one of an earlier format, which kept the two parts as they are written here.
pub(in crate::server) fn whole(noted: &Noted) -> Vec<u8> {
    const START: &[u8] = b"{\"resourceType\":\"AuditEvent\",";
    let deed: Option<Deed> = serde_json::from_slice(&noted.entry).ok();
    let entry = deed.map_or_else(|| noted.entry.to_vec(), |deed| deed.event(noted.time).into_bytes());
    let entities = noted.person.as_ref().map(|person| {
        let concern: Option<Concern> = serde_json::from_slice(&person.value).ok();
        concern.map_or_else(|| person.value.to_vec(), |concern| concern.entities().into_bytes())
    });
    let rest = entry.strip_prefix(START).unwrap_or(&entry);
    let rest = rest.strip_suffix(b"}").unwrap_or(rest);
    let mut out = Vec::with_capacity(entry.len() + entities.as_ref().map_or(0, Vec::len) + 64);
    out.extend_from_slice(START);
    out.extend_from_slice(format!("\"id\":\"{}\",", noted.place).as_bytes());
    out.extend_from_slice(rest);
    if let Some(entities) = entities {
        out.extend_from_slice(b",\"entity\":");
        out.extend_from_slice(&entities);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::store::{Person, Tenant};
    use serde_json::{Value, json};

    fn noted(entry: &[u8], value: Option<&[u8]>) -> Noted {
        Noted {
            tenant: Tenant(0),
            log: "audit".to_owned(),
            place: 7,
            time: 1_800_000_000_000_000,
            entry: entry.into(),
            person: value.map(|value| Person::new(1, value.into()).unwrap()),
            sum: None,
            hash: [0; 32],
        }
    }

    #[test]
    fn what_is_kept_in_few_words_is_told_in_full() {
        let agent = Agent {
            program: Some(("app".into(), "Kotihoito \"1\"".into())),
            address: "10.0.0.1".into(),
            purpose: Some("TREAT".into()),
            ..Agent::default()
        };
        let deed =
            Deed { act: Act::Read, refused: None, has_client: true, base: "http://x/fhir".into(), agent };
        let object = Object::Data("CarePlan/1/_history/2".into());
        let concern = Concern { request: "r-1".into(), object, patient: Some("p1".into()) };
        let (entry, value) = (kept(&deed).unwrap(), kept(&concern).unwrap());
        assert!(entry.len() + value.len() < 300, "{}", entry.len() + value.len());
        let check = |noted: &Noted, path: &str, expected: Value| {
            let event: Value = serde_json::from_slice(&whole(noted)).unwrap();
            assert_eq!(event.pointer(path).unwrap_or(&Value::Null), &expected, "{path}");
        };
        let all = noted(&entry, Some(&value));
        check(&all, "/id", json!("7"));
        check(&all, "/recorded", json!("2027-01-15T08:00:00.000Z"));
        check(&all, "/subtype/0/code", json!("read"));
        check(&all, "/agent/0/who/display", json!("Kotihoito \"1\""));
        check(&all, "/entity/1/what/reference", json!("CarePlan/1/_history/2"));
        check(&all, "/entity/2/what/reference", json!("Patient/p1"));
        // Without what is personal the rest is told as before.
        let bare = noted(&entry, None);
        check(&bare, "/meta/profile/0", json!(format!("{PROFILES}PatientRead")));
        check(&bare, "/entity", Value::Null);
    }

    #[test]
    fn what_was_kept_in_full_is_told_as_it_stands() {
        let check = |entry: &str, value: Option<&str>, expected: &str| {
            let told = whole(&noted(entry.as_bytes(), value.map(str::as_bytes)));
            assert_eq!(String::from_utf8(told).unwrap(), expected);
        };
        let entry = r#"{"resourceType":"AuditEvent","action":"R"}"#;
        check(entry, None, r#"{"resourceType":"AuditEvent","id":"7","action":"R"}"#);
        let value = r#"[{"name":"x"}]"#;
        let whole = r#"{"resourceType":"AuditEvent","id":"7","action":"R","entity":[{"name":"x"}]}"#;
        check(entry, Some(value), whole);
    }
}
