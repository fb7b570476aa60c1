//! Who takes part: the members of all units' teams, and those who made the plans.

use super::words::Word;
use super::{Page, Style};
use crate::plan::join::{PLAN, TEAM};
use crate::plan::read::{all, at, concept, human_name, reference, text};
use crate::tree::NodeId;
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Page<'_> {
    pub(super) fn team(&mut self) {
        let tree = self.tree;
        let team = self.resources.get(TEAM).copied();
        let people: Vec<NodeId> = team.into_iter().flat_map(|team| all(tree, team, "participant")).collect();
        let members = people.iter().filter_map(|one| tree.child_str(*one, "member"));
        let mut shown: BTreeSet<String> =
            members.filter_map(|member| reference(tree, member)).map(Cow::into_owned).collect();
        // Who made a plan need not stand in its team, but is somebody to turn to.
        let plan = self.resources.get(PLAN).copied();
        let authors = plan.into_iter().flat_map(|plan| all(tree, plan, "contributor"));
        let authors: Vec<NodeId> = authors
            .filter(|author| {
                let target = reference(tree, *author).map(Cow::into_owned).unwrap_or_default();
                let is_person = ["Practitioner/", "PractitionerRole/", "RelatedPerson/"]
                    .iter()
                    .any(|kind| target.starts_with(kind));
                is_person && shown.insert(target)
            })
            .collect();
        let teams = self.of_kind("CareTeam");
        if people.is_empty() && authors.is_empty() && teams.is_empty() {
            return;
        }
        self.heading(Word::Team);
        for participant in people {
            let role = all(tree, participant, "role").find_map(|role| concept(tree, role));
            self.member(tree.child_str(participant, "member"), role.as_deref());
            // A further role is told under the first.
            if let Some(role) = tree.child_str(participant, "role") {
                self.see_concept(role);
            }
            for (word, name) in [(Word::From, "start"), (Word::Until, "end")] {
                self.told(word, at(tree, participant, &["period", name]));
            }
            self.rest(participant);
        }
        for author in authors {
            self.member(Some(author), Some("author"));
        }
        for (target, team) in teams {
            self.team_itself(&target, team);
        }
    }

    /// What a unit says of its team as a whole; the members stand above.
    fn team_itself(&mut self, target: &str, team: NodeId) {
        let tree = self.tree;
        for participant in all(tree, team, "participant") {
            self.see(participant);
        }
        // That a team is active goes without saying.
        let plain = tree.child_str(team, "status").filter(|status| tree.text_is(*status, "active"));
        if let Some(status) = plain.filter(|status| tree.first_child(*status).is_none()) {
            self.see(status);
        }
        if self.parts(team).is_empty() {
            return;
        }
        let label = self.language.label("CareTeam").to_owned();
        let title = human_name(tree, team).map_or(label.clone(), |name| format!("{label}: {name}"));
        self.line(Style::Label, title);
        self.see_name(team);
        self.told(Word::State, tree.child_str(team, "status"));
        self.rest(team);
        self.origin(target);
    }

    /// Counts the words that stand for a concept as shown; further ones have their own say.
    fn see_concept(&mut self, concept: NodeId) {
        let tree = self.tree;
        let coded = |name| all(tree, concept, "coding").find_map(|coding| tree.child_str(coding, name));
        let told = tree.child_str(concept, "text").or_else(|| coded("display")).or_else(|| coded("code"));
        if let Some(told) = told {
            self.see(told);
        }
    }

    /// One person: name, title, organisation; the role; how a worker is reached.
    fn member(&mut self, member: Option<NodeId>, role: Option<&str>) {
        let tree = self.tree;
        let found = member.and_then(|member| self.follow(member));
        let part = |name: &str| found.and_then(|found| tree.child_str(found, name));
        let (practitioner, organization) = (part("practitioner"), part("organization"));
        let person = practitioner.and_then(|node| self.follow(node));
        let place = organization.and_then(|node| self.follow(node));
        let named = |node: Option<NodeId>| node.and_then(|node| human_name(tree, node));
        // A person may be known by the words of a reference alone.
        let shown = |node: Option<NodeId>| text(tree, node?, &["display"]).map(Cow::into_owned);
        let title = found.and_then(|found| {
            let mut said = all(tree, found, "code").chain(all(tree, found, "relationship"));
            said.find_map(|code| concept(tree, code)).map(Cow::into_owned)
        });
        let name =
            named(person).or_else(|| shown(practitioner)).or_else(|| named(found)).or_else(|| shown(member));
        let parts = [name, title.clone(), named(place).or_else(|| shown(organization))];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        self.line(Style::Label, if parts.is_empty() { "–".to_owned() } else { parts.join(", ") });
        if let Some(role) = role.filter(|role| title.as_deref() != Some(role)) {
            let role = self.language.role(role).to_owned();
            self.line(Style::Text, role);
        }
        let holders = [found, person].into_iter().flatten();
        let telecom = holders.flat_map(|holder| all(tree, holder, "telecom"));
        let mut numbers: Vec<String> =
            telecom.filter_map(|one| text(tree, one, &["value"])).map(Cow::into_owned).collect();
        numbers.dedup();
        self.telecom(&numbers);
        self.see_member([member, practitioner, organization], [found, person, place]);
    }

    /// Counts what [`Page::member`] told of the references and the resources of a person as shown.
    fn see_member(&mut self, references: [Option<NodeId>; 3], resources: [Option<NodeId>; 3]) {
        let tree = self.tree;
        references.into_iter().flatten().for_each(|reference| self.see(reference));
        resources.into_iter().flatten().for_each(|resource| self.see_name(resource));
        let [found, person, _] = resources;
        // What an organisation answers to stands with the organisation.
        for holder in [found, person].into_iter().flatten() {
            for number in all(tree, holder, "telecom").filter_map(|one| tree.child_str(one, "value")) {
                self.see(number);
            }
        }
        let title = found.and_then(|found| {
            tree.child_str(found, "code").or_else(|| tree.child_str(found, "relationship"))
        });
        if let Some(title) = title {
            self.see_concept(title);
        }
    }
}
