//! Whether one resource or one element of a disclosed source is seen.

use super::Case;
use crate::plan::contribution::{Contribution, Resource};
use crate::plan::identity::is_hetu_system;
use crate::plan::join::Whole;
use crate::plan::permission::{Moment, Reason, Relation, Requester};
use crate::plan::policy::Sight;
use crate::plan::read::{SUBJECTS, all, at, human_name, identifiers, reference, text, value};
use crate::tree::{Name, NodeId, Tree};
use std::collections::HashSet;

/// The extension of HL7 Finland's base profiles that says from when on the client sees a resource.
const RELEASE: &str = "/ReleaseDateForPatientViewing";
/// Elements that say who carries something out.
const PERFORMERS: &[&str] = &["performer", "owner", "actor"];
/// Steps from a performer to the organisation that it works for.
const STEPS_MAX: usize = 4;

/// Why something is not seen, and the rule that says so.
pub(super) type Verdict<'a> = Option<(Reason, &'a str)>;

pub(super) struct Verdicts<'a> {
    member: &'a Contribution,
    sight: &'a Sight,
    requester: &'a Requester,
    /// Patients among the resources that are the client.
    clients: HashSet<NodeId>,
    /// Participants whom the client may contact.
    contacts: HashSet<NodeId>,
    /// Labels of what the requester does not see, each with its rule.
    labels: Vec<(&'a str, &'a str)>,
    is_private: bool,
    now: Moment,
}

impl<'a> Verdicts<'a> {
    pub(super) fn new(
        case: &'a Case<'_>,
        whole: &'a Whole<'_>,
        number: usize,
        sight: &'a Sight,
        relation: Relation,
    ) -> Self {
        let hidden = case.policy.sensitive.iter().filter(|rule| !rule.relation.has(relation));
        let labels =
            hidden.flat_map(|rule| rule.labels.iter().map(|label| (label.as_str(), rule.id.as_str())));
        Self {
            member: whole.members()[number],
            sight,
            requester: &case.request.requester,
            clients: whole.client_nodes(number),
            contacts: if sight.contacts_only { whole.contacts(number) } else { HashSet::new() },
            labels: labels.collect(),
            is_private: case.is_private(),
            now: case.now,
        }
    }

    pub(super) fn sight(&self) -> &'a Sight {
        self.sight
    }

    pub(super) fn of_resource(&self, resource: &Resource) -> Verdict<'a> {
        let rule = self.sight.id.as_str();
        if !self.sight.shows_below(&[&resource.kind]) {
            return Some((Reason::NotForRole, rule));
        }
        if let Some(rule) = self.sensitive(resource.node) {
            return Some((Reason::Sensitive, rule));
        }
        if !self.sight.other_persons && self.is_of_other(resource) {
            return Some((Reason::OtherPerson, rule));
        }
        if !self.sight.unreleased && self.is_unreleased(resource.node) {
            return Some((Reason::NotReleased, rule));
        }
        let is_activity = matches!(resource.kind.as_str(), "ServiceRequest" | "Task" | "Appointment");
        if self.sight.own_activities && is_activity && !self.carries_out(resource, resource.node) {
            return Some((Reason::NotOwnActivity, rule));
        }
        None
    }

    pub(super) fn of_element(
        &self,
        tree: &Tree,
        resource: &Resource,
        node: NodeId,
        place: &[String],
    ) -> Verdict<'a> {
        let rule = self.sight.id.as_str();
        let parts: Vec<&str> = place.iter().map(String::as_str).collect();
        // A container is looked into where anything below it is shown.
        if !self.sight.shows_below(&parts) {
            return Some((Reason::NotForRole, rule));
        }
        let is_extension = parts.last().is_some_and(|part| part.starts_with("extension"));
        if self.sight.named_extensions && is_extension && !self.sight.names(&parts) {
            return Some((Reason::NotForRole, rule));
        }
        let is = |path: &[&str]| parts == path;
        if is(&["Patient", "identifier"]) && !self.sight.identity_code {
            let system = text(tree, node, &["system"]).unwrap_or_default();
            return is_hetu_system(&system).then_some((Reason::NotForRole, rule));
        }
        if self.sight.own_activities && is(&["CarePlan", "activity"]) {
            // Of an activity by reference its resource decides.
            let detail = tree.child_str(node, "detail").filter(|detail| !self.carries_out(resource, *detail));
            return detail.map(|_| (Reason::NotOwnActivity, rule));
        }
        if self.sight.contacts_only && is(&["CareTeam", "participant"]) {
            let seen = self.contacts.contains(&node) || self.is_requester(resource, node, "member");
            return (!seen).then_some((Reason::NotForRole, rule));
        }
        let is_person_beside = parts.last() == Some(&"extension:co-subject") && !self.sight.other_persons;
        is_person_beside.then_some((Reason::OtherPerson, rule))
    }

    /// The rule by whose label a resource is sensitive.
    fn sensitive(&self, node: NodeId) -> Option<&'a str> {
        let tree = &*self.member.bundle;
        let labels = at(tree, node, &["meta"]).into_iter().flat_map(|meta| all(tree, meta, "security"));
        let coded = all(tree, node, "category").flat_map(|category| all(tree, category, "coding"));
        labels.into_iter().chain(coded).find_map(|coding| {
            let code = text(tree, coding, &["code"])?;
            self.labels.iter().find(|(label, _)| *label == code).map(|(_, rule)| *rule)
        })
    }

    /// True for another Patient, a relative of one, and what says that it is about somebody else.
    fn is_of_other(&self, resource: &Resource) -> bool {
        let tree = &*self.member.bundle;
        if resource.kind == "Patient" {
            return !self.clients.contains(&resource.node);
        }
        SUBJECTS.iter().filter_map(|name| tree.child_str(resource.node, name)).any(|subject| {
            let Some(found) = self.follow(resource, subject) else { return false };
            tree.resource_type(found).as_deref() == Some("Patient") && !self.clients.contains(&found)
        })
    }

    fn is_unreleased(&self, node: NodeId) -> bool {
        let tree = &*self.member.bundle;
        self.is_private
            && tree.children_named(node, Name::EXTENSION).any(|extension| {
                let is_release = tree.child_text(extension, "url").is_some_and(|url| url.ends_with(RELEASE));
                let day = value(tree, extension).map(|day| tree.text(day));
                // A day that cannot be read has not come.
                is_release
                    && day.and_then(|day| Moment::parse(&day)).is_none_or(|released| released > self.now)
            })
    }

    /// True where the requester's organisation carries out what a node describes.
    fn carries_out(&self, resource: &Resource, node: NodeId) -> bool {
        let tree = &*self.member.bundle;
        let named = |name: &&str| -> Vec<NodeId> { all(tree, node, name).collect() };
        let mut performers: Vec<NodeId> = PERFORMERS.iter().flat_map(named).collect();
        performers.extend(all(tree, node, "participant").filter_map(|part| tree.child_str(part, "actor")));
        performers.into_iter().any(|performer| self.leads_to_requester(resource, performer))
    }

    fn is_requester(&self, resource: &Resource, node: NodeId, name: &str) -> bool {
        let tree = &*self.member.bundle;
        tree.child_str(node, name).is_some_and(|member| self.leads_to_requester(resource, member))
    }

    /// True where a reference names the requester's organisation, or somebody who works for it.
    fn leads_to_requester(&self, resource: &Resource, from: NodeId) -> bool {
        let tree = &*self.member.bundle;
        let (mut holder, mut here) = (resource.node, from);
        for _ in 0..STEPS_MAX {
            let said = [
                text(tree, here, &["display"]),
                text(tree, here, &["identifier", "value"]),
                reference(tree, here),
            ];
            if said.into_iter().flatten().any(|said| self.is_known_as(&said)) {
                return true;
            }
            let Some(found) = self.member.follow(holder, here) else { return false };
            let by_identifier = identifiers(tree, found).any(|(_, value)| self.is_known_as(&value));
            if by_identifier || human_name(tree, found).is_some_and(|name| self.is_known_as(&name)) {
                return true;
            }
            let Some(next) = tree.child_str(found, "organization") else { return false };
            (holder, here) = (found, next);
        }
        false
    }

    fn is_known_as(&self, said: &str) -> bool {
        let plain = |text: &str| text.trim_start_matches("urn:oid:").to_lowercase();
        let mut own = self.requester.organisations.iter().chain(&self.requester.registers);
        !said.is_empty() && own.any(|own| plain(own) == plain(said))
    }

    fn follow(&self, resource: &Resource, node: NodeId) -> Option<NodeId> {
        self.member.follow(resource.node, node)
    }
}
