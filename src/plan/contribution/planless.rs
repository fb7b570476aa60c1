//! A contribution without a plan: a recognition, a consent, an assessment of need, a referral. Working together
//! begins with these, before any unit has written a plan.

use super::{Contribution, hex, unit_sector};
use crate::plan::Sector;
use crate::plan::read::{SUBJECTS, all, extension_text, human_name, identifiers, text};
use crate::tree::NodeId;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Elements that name who made a resource.
const MAKERS: &[&str] = &["author", "requester", "performer", "sender", "serviceProvider", "organization"];

/// Kinds of resources that say who somebody is, and nothing of who made the document.
const PARTIES: &[&str] = &["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Organization"];

impl Contribution {
    /// Reads from the whole document what a plan would say of itself.
    pub(super) fn read_planless_header(&mut self) {
        self.time = text(&self.bundle, NodeId::ROOT, &["timestamp"]).map(Cow::into_owned);
        let identifier = identifiers(&self.bundle, NodeId::ROOT).next();
        self.plan_key = match identifier.filter(|(system, _)| !system.is_empty()) {
            Some((system, value)) => format!("{system}|{value}"),
            None => format!("sha256:{}", hex(&self.fingerprint)),
        };
        let maker = self.maker();
        self.organisation = maker.and_then(|unit| human_name(&self.bundle, unit));
        let stated = maker.and_then(|unit| extension_text(&self.bundle, unit, "sector"));
        let stated = stated.and_then(|code| Sector::find(&code));
        self.sector = stated.or_else(|| unit_sector(&self.unit)).unwrap_or(Sector::Other);
    }

    /// The Patient that a document without a plan is about, where all its resources name the same.
    pub(in crate::plan) fn planless_client(&self) -> Option<NodeId> {
        let entries = self.resources.iter().filter(|resource| resource.container.is_none());
        let named = entries.filter_map(|resource| {
            let subject = SUBJECTS.iter().find_map(|name| self.bundle.child_str(resource.node, name))?;
            self.follow(resource.node, subject)
        });
        let clients: BTreeSet<NodeId> =
            named.filter(|node| self.bundle.resource_type(*node).as_deref() == Some("Patient")).collect();
        if clients.len() == 1 { clients.first().copied() } else { None }
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
