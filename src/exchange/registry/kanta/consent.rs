//! Permissions as Kanta's register of wills has them: `SoTeConsent`, one Consent for each direction, told in pairs with
//! a Provenance that says who took the client's word down.

use crate::exchange::registry::{Oid, Permissions, RegistryError};
use crate::plan::identity::{HETU_SYSTEM, Hetu};
use crate::plan::permission::Direction;
use crate::schema::sha256;
use serde_json::{Value, json};

/// The profile of a permission between health and social care.
pub(in crate::exchange::registry) const PROFILE: &str =
    "https://gen.kanta.fi/fhir/tahdonilmaisut/StructureDefinition/soteluovutuslupa";
/// The profile of its Provenance.
const PROVENANCE_PROFILE: &str =
    "https://gen.kanta.fi/fhir/tahdonilmaisut/StructureDefinition/TahdonilmaisuProvenance";
/// The code system of the category. The name of its value set is known; this name is made after those of the same
/// package, and a setting changes it.
pub(super) const CATEGORY_SYSTEM: &str = "http://gen.kanta.fi/figen-cs-consentcategory-soteconsent";
/// Roles in a Provenance.
const ROLES: &str = "http://gen.kanta.fi/figen-cs-provenancerolecategory";
/// The extension that names a service task.
const FUNCTION_CODE: &str = "https://gen.kanta.fi/fhir/tahdonilmaisut/StructureDefinition/FunctionCode";
/// Identifiers that are URIs.
pub(in crate::exchange::registry) const URI: &str = "urn:ietf:rfc:3986";
/// The register of organisations.
const ORGANISATIONS: &str = "urn:oid:1.2.246.537.6.202";
/// Service tasks of one permission (`class` 0..3).
const TASKS_MAX: usize = 3;
/// Permissions of one transaction.
const PERMISSIONS_MAX: usize = 2;

/// What a client did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Gave permissions.
    Give,
    /// Took them back.
    Withdraw,
}

/// What a permission covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All data of the direction, for whoever may ask.
    All,
    /// Organisations and service tasks alone.
    Targeted {
        /// Organisations that may get data.
        organisations: Vec<Oid>,
        /// Service tasks whose data they may get; at most three.
        tasks: Vec<FunctionCode>,
    },
}

/// A service task (`1.2.246.537.6.1221.201601`) or another function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCode {
    /// The code system.
    pub system: Oid,
    /// The code.
    pub code: String,
}

/// A permission in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Its own identifier, which stays.
    pub id: Oid,
    /// The direction.
    pub direction: Direction,
    /// What it covers.
    pub part: Part,
    /// From when, as a FHIR `dateTime`.
    pub start: Option<String>,
    /// Until when.
    pub end: Option<String>,
}

/// Who states the will of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stated {
    /// The client.
    Client,
    /// A legal representative.
    Representative(Hetu),
    /// A professional took it down, for a unit.
    Professional {
        /// The code system of the professional's number, `urn:oid:1.2.246.537.26` or `.25`.
        system: Oid,
        /// The number.
        number: String,
        /// The unit.
        unit: Oid,
    },
}

/// What a registry is told of the permissions of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The identifier of the message. To send it again under the same identifier doubles nothing.
    pub id: String,
    /// What the client did.
    pub action: Action,
    /// The client.
    pub client: Hetu,
    /// One or two permissions, each in its own direction.
    pub permissions: Vec<Permission>,
    /// Who stated it.
    pub stated: Stated,
    /// When, as a FHIR `instant`.
    pub recorded: String,
}

/// The code of a direction (`figen-vs-consentcategory-soteconsent`); none for what is no direction.
pub const fn category_of(direction: Direction) -> Option<&'static str> {
    match direction {
        Direction::HealthToSocial => Some("1"),
        Direction::SocialToHealth => Some("2"),
        Direction::None => None,
    }
}

/// What registries have each in their own way.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The code system of the category.
    pub category_system: &'a str,
    /// How a Consent is created.
    pub create: Create,
}

/// How a Consent is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// As it is.
    Plain,
    /// Unless there is one with its identifier (FHIR R4, "Conditional create").
    IfNone,
}

impl Create {
    fn request(self, id: &Oid) -> Value {
        let mut request = json!({ "method": "POST", "url": "Consent" });
        if self == Self::IfNone {
            request["ifNoneExist"] = json!(format!("identifier={URI}|{}", id.urn()));
        }
        request
    }
}

impl Change {
    /// Holds the change against the rules that are known.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), &'static str> {
        let [first, rest @ ..] = self.permissions.as_slice() else {
            return Err("a transaction tells of one or two permissions");
        };
        if rest.len() >= PERMISSIONS_MAX {
            return Err("a transaction tells of one or two permissions");
        }
        if rest.iter().any(|other| other.direction == first.direction) {
            return Err("each permission has a direction of its own");
        }
        if rest.iter().any(|other| other.id == first.id) {
            return Err("each permission has an identifier of its own");
        }
        for permission in &self.permissions {
            if permission.direction == Direction::None {
                return Err("a permission has a direction");
            }
            if let Part::Targeted { organisations, tasks } = &permission.part {
                if tasks.len() > TASKS_MAX {
                    return Err("a permission names at most three service tasks");
                }
                if tasks.is_empty() && organisations.is_empty() {
                    return Err("a part of the data names organisations or service tasks");
                }
            }
        }
        Ok(())
    }

    /// The transaction that tells of it; `known` are the permissions that the registry has, for those that are taken
    /// back.
    ///
    /// # Errors
    /// The registry does not have what is taken back.
    pub fn transaction(&self, terms: Terms<'_>, known: Option<&Permissions>) -> Result<Value, RegistryError> {
        let mut entries = Vec::new();
        for permission in &self.permissions {
            let (consent, request) = match self.action {
                Action::Give => {
                    (self.consent(permission, terms.category_system), terms.create.request(&permission.id))
                }
                Action::Withdraw => {
                    let known = known.and_then(|known| find(known, &permission.id));
                    withdrawn(known.ok_or(RegistryError::Conflict)?)
                }
            };
            let name =
                |what: &str| format!("urn:uuid:{}", uuid_of(&[&self.id, permission.id.as_str(), what]));
            let provenance = self.provenance(&name("Consent"));
            entries.push(json!({ "fullUrl": name("Consent"), "resource": consent, "request": request }));
            entries.push(json!({
                "fullUrl": name("Provenance"),
                "resource": provenance,
                "request": { "method": "POST", "url": "Provenance" },
            }));
        }
        Ok(json!({
            "resourceType": "Bundle",
            "identifier": { "system": URI, "value": self.id },
            "type": "transaction",
            "entry": entries,
        }))
    }

    fn consent(&self, permission: &Permission, category_system: &str) -> Value {
        let category = category_of(permission.direction).unwrap_or_default();
        let mut provision = json!({});
        let mut period = json!({});
        for (name, moment) in [("start", &permission.start), ("end", &permission.end)] {
            if let Some(moment) = moment {
                period[name] = json!(moment);
            }
        }
        if period.as_object().is_some_and(|period| !period.is_empty()) {
            provision["period"] = period;
        }
        match &permission.part {
            Part::All => provision["type"] = json!("permit"),
            Part::Targeted { organisations, tasks } => {
                provision["provision"] = json!([targeted(organisations, tasks)]);
            }
        }
        json!({
            "resourceType": "Consent",
            "meta": { "profile": [PROFILE] },
            "identifier": [{ "system": URI, "value": permission.id.urn() }],
            "status": "active",
            "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
            "category": [{ "coding": [{ "system": category_system, "code": category }] }],
            "patient": { "identifier": { "system": HETU_SYSTEM, "value": self.client.as_str() } },
            "dateTime": self.recorded,
            "policyRule": { "text": "703/2023" },
            "provision": provision,
        })
    }

    fn provenance(&self, target: &str) -> Value {
        let role = |code: &str| json!({ "coding": [{ "system": ROLES, "code": code }] });
        let person =
            |system: &str, value: &str| json!({ "identifier": { "system": system, "value": value } });
        let agents = match &self.stated {
            Stated::Client => {
                vec![json!({ "type": role("12"), "who": person(HETU_SYSTEM, self.client.as_str()) })]
            }
            Stated::Representative(who) => {
                vec![json!({ "type": role("5"), "who": person(HETU_SYSTEM, who.as_str()) })]
            }
            Stated::Professional { system, number, unit } => vec![
                json!({ "type": role("2"), "who": person(&system.urn(), number) }),
                json!({ "type": role("7"), "who": person(ORGANISATIONS, &unit.urn()) }),
            ],
        };
        json!({
            "resourceType": "Provenance",
            "meta": { "profile": [PROVENANCE_PROFILE] },
            "target": [{ "reference": target }],
            "recorded": self.recorded,
            "agent": agents,
        })
    }
}

/// The part of a permission: at most one, which permits.
fn targeted(organisations: &[Oid], tasks: &[FunctionCode]) -> Value {
    let mut part = json!({ "type": "permit" });
    if !organisations.is_empty() {
        let role = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] });
        let actor = |oid: &Oid| json!({ "role": role, "reference": { "identifier": { "system": ORGANISATIONS, "value": oid.urn() } } });
        part["actor"] = organisations.iter().map(actor).collect();
    }
    if !tasks.is_empty() {
        let class = |task: &FunctionCode| {
            let coding = json!({ "system": task.system.urn(), "code": task.code });
            json!({
                "extension": [{ "url": FUNCTION_CODE, "valueCodeableConcept": { "coding": [coding] } }],
                "system": task.system.urn(),
                "code": task.code,
            })
        };
        part["class"] = tasks.iter().map(class).collect();
    }
    part
}

/// A Consent that the registry has, taken back: the same resource, no longer active, on the version that it has.
fn withdrawn(known: &Value) -> (Value, Value) {
    let mut consent = known.clone();
    consent["status"] = json!("inactive");
    let id = known["id"].as_str().unwrap_or_default();
    let mut request = json!({ "method": "PUT", "url": format!("Consent/{id}") });
    if let Some(version) = known["meta"]["versionId"].as_str() {
        request["ifMatch"] = json!(format!("W/\"{version}\""));
    }
    (consent, request)
}

fn find<'a>(known: &'a Permissions, id: &Oid) -> Option<&'a Value> {
    let is_it = |identifier: &Value| identifier["value"] == *id.urn();
    known.consents().iter().find(|consent| {
        consent["identifier"].as_array().is_some_and(|identifiers| identifiers.iter().any(is_it))
    })
}

/// Where a change stands, if the registry has all of it.
pub(in crate::exchange::registry) fn recorded(change: &Change, known: &Permissions) -> Option<Vec<String>> {
    let place = |permission: &Permission| {
        let consent = find(known, &permission.id)?;
        let is_active = consent["status"] == "active";
        let is_done = is_active == (change.action == Action::Give);
        is_done.then(|| format!("Consent/{}", consent["id"].as_str().unwrap_or_default()))
    };
    change.permissions.iter().map(place).collect()
}

/// A UUID made of names (RFC 9562, version 8), so that a message that is made again is the same in every byte.
pub(in crate::exchange::registry) fn uuid_of(names: &[&str]) -> String {
    let sum = sha256::hex(names.join("\n").as_bytes());
    let part = |from: usize, to: usize| sum.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
