//! Whom the client contacts, and who helps: workers, pairs, organisations, relatives and support persons.

use super::{CLIENT, Writer, in_one_line, in_one_said};
use crate::plan::join::{Contact, ContactPerson, PLAN, TEAM};
use crate::plan::page::{Entry, Line, Said, Tone};
use crate::plan::read::{all, concept, has_code, human_name, reference, text};
use crate::plan::text::next::NAMES;
use crate::plan::text::value::bare_number;
use crate::plan::text::words::{Message, find_role};
use crate::tree::NodeId;
use std::borrow::Cow;

/// Somebody who helps.
#[derive(Default)]
struct Helper {
    /// What stands for the person in the plan.
    targets: Vec<String>,
    name: Option<String>,
    /// Title and organisation.
    title: Option<Said>,
    organisation: Option<String>,
    /// What the person does, in sentences.
    roles: Vec<&'static str>,
    /// What the person does, in the unit's words.
    tasks: Vec<Said>,
    relations: Vec<Said>,
    periods: Vec<Said>,
    numbers: Vec<String>,
    /// What else a team notes of the person.
    more: Vec<Line>,
    /// What a unit wrote in one field of all who help in a way: sentences, and nobody's name.
    in_words: Option<Said>,
    is_close: bool,
    leads_pair: bool,
    coordinates: bool,
}

impl Writer<'_> {
    /// Exactly one answer, or that there is none.
    pub(super) fn contact(&mut self) {
        let entries = match &self.words.joined.contact {
            Contact::One(person) => {
                vec![self.remark(Tone::Plain, Message::ContactOne), self.contact_person(person)]
            }
            Contact::Missing => vec![self.remark(Tone::Attention, Message::ContactMissing)],
            Contact::Several(people) => {
                let mut entries = vec![self.remark(Tone::Attention, Message::ContactSeveral)];
                for person in people {
                    let mut entry = self.contact_person(person);
                    let source = self.named_source(&person.source);
                    if !source.is_empty() {
                        entry.lines.push(Line::labelled(self.say(Message::NamedBy), Said::here(source)));
                    }
                    entries.push(entry);
                }
                entries
            }
        };
        self.section(Message::Contact, entries);
    }

    fn contact_person(&self, person: &ContactPerson) -> Entry {
        let name = if person.name.is_empty() { self.say(Message::HelperUnnamed) } else { &person.name };
        let mut lines = Vec::new();
        let source = self.words.joined.sources.iter().position(|source| source.label == person.source);
        let language = source.and_then(|source| self.words.source_language(source));
        let [role, place] = [&person.role, &person.organisation].map(|said| Some(in_one_line(said)));
        match role.filter(|role| !role.is_empty() && language.is_some()) {
            // A title is in the language of its source, the name of a place in none.
            Some(role) => {
                lines.push(Line::new(Tone::Plain, Said::by_somebody(role, language)));
                lines.extend(joined_words(name, [None, place]));
            }
            None => lines.extend(joined_words(name, [Some(in_one_line(&person.role)), place])),
        }
        lines.extend(person.telecom.iter().map(|number| self.number_line(number)));
        Entry { title: Some(Said::here(in_one_line(name))), lines }
    }

    /// How somebody is reached.
    fn number_line(&self, number: &str) -> Line {
        let bare = bare_number(number);
        let bare = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://")).unwrap_or(bare);
        let is_phone = bare.chars().all(|sign| sign.is_ascii_digit() || " +-()".contains(sign));
        let label = if bare.contains('@') {
            Message::Email
        } else if is_phone {
            Message::Phone
        } else {
            Message::Reached
        };
        Line::labelled(self.say(label), Said::here(in_one_line(bare)))
    }

    pub(super) fn helpers(&mut self) {
        let mut helpers: Vec<Helper> = Vec::new();
        self.team_members(&mut helpers);
        self.authors(&mut helpers);
        self.same_workers(&mut helpers);
        self.relatives(&mut helpers);
        self.contacts_of_client(&mut helpers);
        // Who keeps it all together first, then other workers, then those who are close to the client; behind each what
        // is told of many in one sentence.
        helpers.sort_by_key(|helper| {
            (helper.is_close, helper.in_words.is_some(), !helper.coordinates, !helper.leads_pair)
        });
        let leads: Vec<(usize, String)> = helpers
            .iter()
            .enumerate()
            .filter(|(_, helper)| helper.leads_pair)
            .filter_map(|(at, helper)| Some((at, helper.name.clone()?)))
            .collect();
        let mut entries = Vec::new();
        for (at, helper) in helpers.iter().enumerate() {
            // Of more than two who lead as a pair nobody can tell which two belong together.
            let pair = leads.iter().find(|(other, _)| leads.len() == 2 && helper.leads_pair && *other != at);
            entries.push(self.helper(helper, pair.map(|(_, name)| name.as_str())));
        }
        if entries.is_empty() {
            entries.push(self.remark(Tone::Attention, Message::NoHelpers));
        }
        self.section(Message::Helpers, entries);
    }

    fn helper(&mut self, helper: &Helper, pair: Option<&str>) -> Entry {
        if let Some(words) = &helper.in_words {
            let title = if helper.is_close { Message::CloseInWords } else { Message::ProvidersInWords };
            let mut lines = vec![Line::new(Tone::Plain, words.clone())];
            lines.extend(helper.more.iter().cloned());
            return Entry { title: Some(self.here(title)), lines };
        }
        let named = helper.name.as_ref().or(helper.organisation.as_ref());
        let name = named.map_or_else(|| self.say(Message::HelperUnnamed).to_owned(), Clone::clone);
        let mut lines = Vec::new();
        let title = helper.title.clone();
        let is_here = title.as_ref().is_none_or(|title| title.language.is_none());
        if is_here {
            lines.extend(joined_words(&name, [title.map(|title| title.text), helper.organisation.clone()]));
        } else {
            lines.extend(title.map(|title| Line::new(Tone::Plain, title)));
            lines.extend(joined_words(&name, [None, helper.organisation.clone()]));
        }
        // Who helps as somebody close is somebody close.
        let [helps, is_close] =
            ["CAREGIVER", "private-person"].map(|code| find_role(self.words.language, code));
        let is_said =
            |role: &&&str| Some(**role) != is_close || !helper.roles.iter().any(|role| Some(*role) == helps);
        lines.extend(
            helper.roles.iter().filter(is_said).map(|role| Line::new(Tone::Plain, Said::here(*role))),
        );
        let pair = pair.map(|pair| Line::labelled(self.say(Message::Pair), Said::here(pair)));
        lines.extend(pair);
        let is_title = |said: &&Said| helper.title.as_ref().is_none_or(|title| title.text != said.text);
        for task in helper.tasks.iter().filter(is_title) {
            lines.push(Line::labelled(self.say(Message::Task), task.clone()));
        }
        for relation in &helper.relations {
            lines.push(Line::labelled(self.say(Message::Relation), relation.clone()));
        }
        let does = self.does(&helper.targets);
        lines.extend(in_one_said(does, "; ").map(|does| Line::labelled(self.say(Message::Helps), does)));
        if !helper.periods.is_empty() {
            let periods: Vec<&str> = helper.periods.iter().map(|period| period.text.as_str()).collect();
            lines.push(Line::labelled(self.say(Message::TakesPart), Said::here(periods.join("; "))));
        }
        lines.extend(helper.numbers.iter().map(|number| self.number_line(number)));
        lines.extend(helper.more.iter().cloned());
        Entry { title: Some(Said::here(in_one_line(&name))), lines }
    }

    /// What is agreed that somebody does.
    fn does(&self, targets: &[String]) -> Vec<Said> {
        let tree = self.words.tree;
        let mut found: Vec<Said> = Vec::new();
        for one in self.words.activities() {
            let performs = all(tree, one.node, "performer").chain(all(tree, one.node, "owner"));
            let is_theirs = performs.into_iter().any(|performer| {
                self.words.find(performer).is_some_and(|(target, _)| targets.contains(&target))
            });
            let name = self.words.spoken(one.node, NAMES);
            let name =
                name.map(|(said, leaf)| Said::by_somebody(in_one_line(&said), self.words.foreign(leaf)));
            found.extend(name.filter(|name| is_theirs && !found.contains(name)));
        }
        found
    }

    fn team_members(&mut self, helpers: &mut Vec<Helper>) {
        let tree = self.words.tree;
        let Some(team) = self.words.resources.get(TEAM).copied() else { return };
        for participant in all(tree, team, "participant") {
            let member =
                tree.child_str(participant, "member").or_else(|| tree.child_str(participant, "onBehalfOf"));
            if self.is_client(member) {
                self.words.see(participant);
                continue;
            }
            let mut helper = self.person(member);
            for role in all(tree, participant, "role") {
                self.add_role(&mut helper, role);
            }
            let period = tree.child_str(participant, "period").and_then(|period| self.tell(period));
            helper.periods.extend(period);
            self.leftovers(&mut helper.more, participant);
            if let Some(words) = helper.name.take_if(|name| is_prose(name)) {
                let language = member.and_then(|member| self.words.prose_language(member));
                helper.in_words = Some(Said::by_somebody(words, language));
            }
            put(helpers, helper);
        }
        // The units' own teams name the same people.
        for (_, team) in self.words.of_kind("CareTeam") {
            all(tree, team, "participant").for_each(|participant| self.words.see(participant));
        }
    }

    fn is_client(&self, member: Option<NodeId>) -> bool {
        let tree = self.words.tree;
        member.and_then(|member| reference(tree, member)).as_deref() == Some(CLIENT)
    }

    fn add_role(&mut self, helper: &mut Helper, role: NodeId) {
        let tree = self.words.tree;
        let codes: Vec<Cow<'_, str>> =
            all(tree, role, "coding").filter_map(|coding| text(tree, coding, &["code"])).collect();
        let plain = codes.iter().find_map(|code| find_role(self.words.language, code));
        if let Some(plain) = plain.filter(|plain| !helper.roles.contains(plain)) {
            helper.roles.push(plain);
        }
        helper.coordinates |= has_code(tree, role, "team-role", "coordinator");
        helper.leads_pair |= has_code(tree, role, "team-role", "pair-lead");
        helper.is_close |= codes.iter().any(|code| ["private-person", "CAREGIVER"].contains(&&**code));
        // Words beside a role that is known say more than it; a code without words says nothing.
        let own = tree.child_str(role, "text").filter(|own| tree.has_text(*own));
        let node = if plain.is_some() { own } else { Some(role) };
        let said = node.and_then(|node| self.tell(node));
        if let Some(said) = said.filter(|said| !helper.tasks.contains(said)) {
            helper.tasks.push(said);
        }
        self.words.see(role);
    }

    /// Who made the plans and stands in no team.
    fn authors(&mut self, helpers: &mut Vec<Helper>) {
        let tree = self.words.tree;
        let plan = self.words.resources.get(PLAN).copied();
        let authors: Vec<NodeId> = plan.into_iter().flat_map(|plan| all(tree, plan, "contributor")).collect();
        for author in authors {
            let target = reference(tree, author).map(Cow::into_owned).unwrap_or_default();
            let is_person = ["Practitioner/", "PractitionerRole/", "RelatedPerson/"];
            let is_known = helpers.iter().any(|helper| helper.targets.contains(&target));
            if is_known || !is_person.iter().any(|kind| target.starts_with(kind)) {
                continue;
            }
            let mut helper = self.person(Some(author));
            helper.roles.extend(find_role(self.words.language, "author"));
            put(helpers, helper);
        }
    }

    /// Workers that other documents list again: what they say of somebody who is known is told there.
    fn same_workers(&mut self, helpers: &mut Vec<Helper>) {
        let tree = self.words.tree;
        for (target, node) in self.words.of_kind("PractitionerRole") {
            let of = |name: &str| tree.child_str(node, name).and_then(|part| self.words.find(part));
            let name =
                |part: Option<(String, NodeId)>| human_name(tree, part?.1).map(|name| in_one_line(&name));
            let (person, place) = (name(of("practitioner")), name(of("organization")));
            let is_known = |helper: &Helper| {
                let is_listed = helper.targets.contains(&target);
                !is_listed && person.is_some() && helper.name == person && helper.organisation == place
            };
            if helpers.iter().any(is_known) {
                let mut again = Helper::default();
                self.add_resource(&mut again, target, node);
                put(helpers, again);
            }
        }
    }

    /// Relatives that no team names.
    fn relatives(&mut self, helpers: &mut Vec<Helper>) {
        for (target, node) in self.words.of_kind("RelatedPerson") {
            if helpers.iter().all(|helper| !helper.targets.contains(&target)) {
                let mut helper = Helper { is_close: true, ..Helper::default() };
                self.add_resource(&mut helper, target, node);
                put(helpers, helper);
            }
        }
    }

    /// Those whom the client named as contacts.
    fn contacts_of_client(&mut self, helpers: &mut Vec<Helper>) {
        let tree = self.words.tree;
        let Some(client) = self.words.resources.get(CLIENT).copied() else { return };
        for contact in all(tree, client, "contact") {
            let mut helper = Helper { is_close: true, ..Helper::default() };
            let name = tree.child_str(contact, "name");
            helper.name = name.and_then(|name| self.tell(name)).map(|said| said.text);
            self.add_relations(&mut helper, contact);
            self.add_numbers(&mut helper, contact);
            // One relative may stand in several documents.
            let known = helpers.iter_mut().find(|known| known.is_close && known.name == helper.name);
            match known.filter(|_| helper.name.is_some()) {
                Some(known) => merge(known, helper),
                None => helpers.push(helper),
            }
        }
    }

    /// Somebody by a reference to a person, a role of a person, or an organisation.
    fn person(&mut self, member: Option<NodeId>) -> Helper {
        let tree = self.words.tree;
        let mut helper = Helper::default();
        let Some(member) = member else { return helper };
        if let Some((target, found)) = self.words.find(member) {
            helper.is_close = target.starts_with("RelatedPerson/") || target.starts_with("Patient/");
            self.add_resource(&mut helper, target, found);
        }
        if helper.name.is_none() && helper.organisation.is_none() {
            helper.name = text(tree, member, &["display"]).map(|name| in_one_line(&name));
        }
        self.words.see(member);
        helper
    }

    fn add_resource(&mut self, helper: &mut Helper, target: String, node: NodeId) {
        let tree = self.words.tree;
        let is_place = target.starts_with("Organization/");
        let named = human_name(tree, node).map(|name| in_one_line(&name));
        *(if is_place { &mut helper.organisation } else { &mut helper.name }) = named;
        self.words.see_name(node);
        for (name, is_place) in [("practitioner", false), ("organization", true)] {
            let Some(part) = tree.child_str(node, name) else { continue };
            let found = self.words.find(part);
            let said = found.as_ref().and_then(|(_, found)| human_name(tree, *found));
            let said = said.or_else(|| text(tree, part, &["display"]).map(Cow::into_owned));
            let said = said.map(|said| in_one_line(&said));
            if is_place {
                helper.organisation = said;
            } else {
                helper.name = said;
            }
            self.words.see(part);
            if let Some((target, found)) = found {
                self.words.see_name(found);
                if !is_place {
                    self.add_numbers(helper, found);
                    helper.targets.push(target);
                }
            }
        }
        let code = tree.child_str(node, "code");
        let title = code.and_then(|code| self.tell(code));
        // A code without words is no title.
        let spoken = code.and_then(|code| concept(tree, code)).is_some();
        helper.title = title.filter(|title| spoken && title.text != self.say(Message::Unexplained));
        self.add_relations(helper, node);
        self.add_numbers(helper, node);
        helper.targets.push(target);
    }

    fn add_relations(&mut self, helper: &mut Helper, node: NodeId) {
        for relation in all(self.words.tree, node, "relationship") {
            let said = self.tell(relation);
            helper.relations.extend(said.filter(|said| is_new(&helper.relations, said)));
        }
    }

    fn add_numbers(&mut self, helper: &mut Helper, node: NodeId) {
        let tree = self.words.tree;
        for telecom in all(tree, node, "telecom") {
            let Some(number) = text(tree, telecom, &["value"]) else { continue };
            if !helper.numbers.iter().any(|known| same_number(known, &number)) {
                helper.numbers.push(number.into_owned());
            }
            tree.child_str(telecom, "value").into_iter().for_each(|value| self.words.see(value));
        }
    }
}

/// Title and organisation in one line; what the entry is called already is not said again.
fn joined_words(name: &str, parts: [Option<String>; 2]) -> Option<Line> {
    let mut said: Vec<String> =
        parts.into_iter().flatten().filter(|part| !part.is_empty() && part != name).collect();
    said.dedup();
    (!said.is_empty()).then(|| Line::new(Tone::Plain, Said::here(said.join(", "))))
}

/// Words of a name at most; a name has no sentence in it.
const NAME_WORDS_MAX: usize = 8;

/// True for sentences where a name is expected: who arranges what, in one field.
fn is_prose(name: &str) -> bool {
    let ends = name.ends_with(['.', '!', '?']) && !name.ends_with("ry.");
    let breaks = name.contains(". ") || name.contains(": ") || name.contains("; ");
    (ends || breaks) && name.contains(' ') && name.split_whitespace().count() > 2
        || name.split_whitespace().count() > NAME_WORDS_MAX
}

/// Adds somebody; one person may take part more than once.
fn put(helpers: &mut Vec<Helper>, helper: Helper) {
    let is_same = |known: &&mut Helper| {
        helper.targets.iter().any(|target| known.targets.contains(target)) || reads_as_one(known, &helper)
    };
    match helpers.iter_mut().find(is_same) {
        Some(known) => merge(known, helper),
        None => helpers.push(helper),
    }
}

/// True where the client would read the same person twice: one name and one unit, or one name of somebody close. Units
/// that give their workers no numbers leave the join in doubt, and the page tells of both in one place.
fn reads_as_one(known: &Helper, other: &Helper) -> bool {
    let title = |helper: &Helper| helper.title.as_ref().map(|title| title.text.clone());
    let of_one_unit = known.organisation.is_some() && known.organisation == other.organisation;
    known.name.is_some()
        && known.name == other.name
        && known.is_close == other.is_close
        && (known.is_close || of_one_unit && title(known) == title(other))
}

fn merge(known: &mut Helper, more: Helper) {
    let new_numbers: Vec<String> = more
        .numbers
        .into_iter()
        .filter(|number| !known.numbers.iter().any(|other| same_number(other, number)))
        .collect();
    known.numbers.extend(new_numbers);
    known.roles.extend(more.roles.into_iter().filter(|role| !known.roles.contains(role)).collect::<Vec<_>>());
    let tasks: Vec<Said> = more.tasks.into_iter().filter(|task| is_new(&known.tasks, task)).collect();
    known.tasks.extend(tasks);
    let relations = more.relations.into_iter().filter(|relation| is_new(&known.relations, relation));
    let relations: Vec<Said> = relations.collect();
    known.relations.extend(relations);
    known.targets.extend(more.targets);
    known.periods.extend(more.periods);
    known.more.extend(more.more);
    known.title = known.title.take().or(more.title);
    known.organisation = known.organisation.take().or(more.organisation);
    known.is_close |= more.is_close;
    known.leads_pair |= more.leads_pair;
    known.coordinates |= more.coordinates;
}

/// True for one number in two ways of writing.
fn same_number(one: &str, other: &str) -> bool {
    let bare = |number: &str| -> String {
        bare_number(number).chars().filter(|sign| !sign.is_whitespace() && *sign != '-').collect()
    };
    bare(one) == bare(other)
}

/// True for words that were not said yet, in whatever language their source is.
fn is_new(said: &[Said], words: &Said) -> bool {
    said.iter().all(|known| known.text != words.text)
}
