//! A contribution without a plan: a recognition, a consent, an assessment of need, a referral. Working together
//! begins with these, before any unit has written a plan.

use super::{Contribution, unit_sector};
use crate::plan::Sector;
use crate::plan::read::{SUBJECTS, all, extension_text, human_name, identifiers, text};
use crate::schema::sha256::to_hex;
use crate::tree::NodeId;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Elements that name who made a resource.
const MAKERS: &[&str] = &["author", "requester", "performer", "sender", "serviceProvider", "organization"];

/// FHIR's code for who keeps a record.
const CUSTODIAN: &str = "custodian";

/// Kinds of resources that say who somebody is, and nothing of who made the document.
const PARTIES: &[&str] = &["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Organization"];

impl Contribution {
    /// Reads from the whole document what a plan would say of itself.
    pub(super) fn read_planless_header(&mut self) {
        self.time = text(&self.bundle, NodeId::ROOT, &["timestamp"]).map(Cow::into_owned);
        let identifier = identifiers(&self.bundle, NodeId::ROOT).next();
        self.plan_key = match identifier.filter(|(system, _)| !system.is_empty()) {
            Some((system, value)) => format!("{system}|{value}"),
            None => format!("sha256:{}", to_hex(&self.fingerprint)),
        };
        self.custodian = self.planless_custodian();
        let maker = self.maker();
        self.organisation = maker.and_then(|unit| human_name(&self.bundle, unit));
        let stated = maker.and_then(|unit| extension_text(&self.bundle, unit, "sector"));
        let stated = stated.and_then(|code| Sector::find(&code));
        self.sector = stated.or_else(|| unit_sector(&self.unit)).unwrap_or(Sector::Other);
    }

    /// The Patient that a document without a plan is about, where all its resources name the same. A document that says
    /// who people are and nothing else, as a message of a changed address, is about its one Patient.
    pub(in crate::plan) fn planless_client(&self) -> Option<NodeId> {
        let entries = || self.resources.iter().filter(|resource| resource.container.is_none());
        let named = entries().filter_map(|resource| {
            let subject = SUBJECTS.iter().find_map(|name| self.bundle.child_str(resource.node, name))?;
            self.follow(resource.node, subject)
        });
        let mut clients: BTreeSet<NodeId> =
            named.filter(|node| self.bundle.resource_type(*node).as_deref() == Some("Patient")).collect();
        if clients.is_empty() && entries().all(|resource| PARTIES.contains(&resource.kind.as_str())) {
            let patients = entries().filter(|resource| resource.kind == "Patient");
            clients.extend(patients.map(|patient| patient.node));
        }
        if clients.len() == 1 { clients.first().copied() } else { None }
    }

    /// True for a document without a plan that names no client at all, as guidance that is given without a name.
    pub(in crate::plan) fn is_anonymous(&self) -> bool {
        let names_somebody = |node| SUBJECTS.iter().any(|name| self.bundle.child_str(node, name).is_some());
        self.plans.is_empty()
            && !self
                .resources
                .iter()
                .any(|resource| resource.kind == "Patient" || names_somebody(resource.node))
    }

    /// The custodian of the register, where a Provenance of the document names one.
    pub(super) fn planless_custodian(&self) -> Option<String> {
        let records = self.resources.iter().filter(|resource| resource.kind == "Provenance");
        let mut agents = records.flat_map(|record| all(&self.bundle, record.node, "agent"));
        agents.find_map(|agent| {
            let kind = self.bundle.child_str(agent, "type")?;
            let mut codes = all(&self.bundle, kind, "coding");
            let is_custodian =
                codes.any(|coding| text(&self.bundle, coding, &["code"]).as_deref() == Some(CUSTODIAN));
            let value = || text(&self.bundle, agent, &["who", "identifier", "value"]).map(Cow::into_owned);
            is_custodian.then(value).flatten()
        })
    }

    /// The unit of the first professional or unit that made anything of the document.
    fn maker(&self) -> Option<NodeId> {
        let made = self.resources.iter().filter(|resource| !PARTIES.contains(&resource.kind.as_str()));
        let makers = made.flat_map(|resource| {
            let of = move |name: &'static str| all(&self.bundle, resource.node, name);
            MAKERS.iter().flat_map(move |name| of(name)).filter_map(|who| self.follow(resource.node, who))
        });
        makers.into_iter().find_map(|who| match self.bundle.resource_type(who).as_deref() {
            Some("Organization") => Some(who),
            _ => self.bundle.child_str(who, "organization").and_then(|unit| self.follow(who, unit)),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::mapping::units::schema;
    use crate::tree::fhir;

    fn check(resources: &str, client: Option<&str>, sector: Sector, key: &str) {
        let text = format!(
            r#"{{"resourceType":"Bundle","identifier":{{"system":"urn:ietf:rfc:3986","value":"urn:oid:1.2.3"}},
                "type":"collection","entry":[
                {{"resource":{{"resourceType":"Patient","id":"a"}}}},
                {{"resource":{{"resourceType":"Patient","id":"b"}}}},
                {{"resource":{{"resourceType":"Organization","id":"o","name":"O","extension":[{{
                "url":"https://w3id.org/sauma/fhir/StructureDefinition/sector","valueCode":"social"}}]}}}},
                {{"resource":{{"resourceType":"PractitionerRole","id":"r","organization":{{"reference":"Organization/o"}}}}}},
                {resources}]}}"#
        );
        let bundle = fhir::read_json(&text, schema().names()).unwrap();
        let read = Contribution::new("", "fhir-reference", bundle);
        let found = read.planless_client().and_then(|node| text_of(&read, node));
        assert_eq!(
            (found.as_deref(), read.sector, read.plan_key.as_str()),
            (client, sector, key),
            "{resources}"
        );
    }

    fn text_of(read: &Contribution, node: NodeId) -> Option<String> {
        text(&read.bundle, node, &["id"]).map(Cow::into_owned)
    }

    #[test]
    fn a_document_without_a_plan_says_whose_it_is() {
        let key = "urn:ietf:rfc:3986|urn:oid:1.2.3";
        let flag = r#"{"resource":{"resourceType":"Flag","id":"f","subject":{"reference":"Patient/a"},
            "author":{"reference":"PractitionerRole/r"}}}"#;
        let task = r#"{"resource":{"resourceType":"Task","id":"t","for":{"reference":"Patient/b"}}}"#;
        let visit = r#"{"resource":{"resourceType":"Encounter","id":"e","serviceProvider":{"reference":"Organization/o"}}}"#;
        check(flag, Some("a"), Sector::Social, key);
        check(task, Some("b"), Sector::Other, key);
        check(&format!("{flag},{task}"), None, Sector::Social, key);
        check(visit, None, Sector::Social, key);
    }

    #[test]
    fn a_document_of_who_somebody_is_is_about_its_one_patient() {
        let check = |resources: &[&str], client: Option<&str>| {
            let entries: Vec<String> =
                resources.iter().map(|one| format!(r#"{{"resource":{{"resourceType":{one}}}}}"#)).collect();
            let text =
                format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","));
            let read =
                Contribution::new("", "hl7-v2-care", fhir::read_json(&text, schema().names()).unwrap());
            let found = read.planless_client().and_then(|node| text_of(&read, node));
            assert_eq!(found.as_deref(), client, "{resources:?}");
        };
        let (a, b) = (r#""Patient","id":"a""#, r#""Patient","id":"b""#);
        let spouse = r#""RelatedPerson","id":"r","patient":{"reference":"Patient/a"}"#;
        check(&[a], Some("a"));
        check(&[a, r#""Organization","id":"o""#], Some("a"));
        check(&[a, spouse], Some("a"));
        // Of two nobody is known to be the client, and a visit that names nobody is nobody's.
        check(&[a, b], None);
        check(&[a, r#""Encounter","id":"e""#], None);
        check(&[r#""Organization","id":"o""#], None);
    }
}
