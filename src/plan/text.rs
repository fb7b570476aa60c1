//! The joined plan for people, in Finnish, Swedish and English.
//!
//! The page is lines with a style; the command line colours them. What units wrote stays in its own language:
//! nothing is translated but the labels and the codes of FHIR. Every entry says which source it comes from, and what
//! no section knows of an entry stands under it with its label: nothing of a resource is left out in silence.

mod changes;
mod check;
pub(super) mod form;
mod goals;
mod moment;
pub(super) mod next;
mod plans;
pub(super) mod reader;
mod rest;
mod statements;
mod team;
mod tongue;
pub(super) mod value;
pub(super) mod words;

pub use crate::diag::Language;
pub use changes::render_changes;

use super::identity::HETU_SYSTEM;
use super::join::{Contact, ContactPerson, Joined, PLAN, SourceState};
use super::read::{all, extensions, has_code, human_name, identifiers, reference, text, value};
use crate::tree::{Name, NodeId, Tree};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
pub(in crate::plan) use words::sector_word as sector_name;
use words::{Word, sector_word};

/// How a line is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The title of a part.
    Heading,
    /// A line that opens an entry.
    Label,
    /// Plain text under it.
    Text,
    /// Something to look at.
    Warning,
    /// An entry that its sources contradict each other about.
    Contested,
    /// Where an entry comes from.
    Source,
}

/// One line of the page.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// How it looks.
    pub style: Style,
    /// What it says.
    pub text: String,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("style", &self.style).finish_non_exhaustive()
    }
}

/// Whether the page shows the personal identity code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityCode {
    /// Only the year of birth.
    #[default]
    Masked,
    /// As it is.
    Shown,
}

/// The joined plan as lines for people.
pub fn render(joined: &Joined, language: Language, code: IdentityCode) -> Vec<Line> {
    let mut page = Page::new(joined, language, Reader::Worker);
    if joined.is_refused() {
        page.refusal();
        page.sources();
        return page.lines;
    }
    // The order matters: what one part tells, the parts behind it leave out.
    if code == IdentityCode::Masked {
        page.see_births();
    }
    page.who(code);
    page.contact();
    page.findings();
    page.goals();
    page.next();
    page.statements();
    page.results();
    page.plans();
    page.team();
    page.missing();
    page.others();
    page.sources();
    page.lines
}

/// The lines as plain text.
pub fn to_text(lines: &[Line]) -> String {
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let (before, indent) = match line.style {
            Style::Heading => (if at == 0 { "" } else { "\n" }, ""),
            Style::Label => ("", "  "),
            Style::Warning => ("", "  ! "),
            Style::Contested => ("", "      ! "),
            Style::Text | Style::Source => ("", "      "),
        };
        out.push_str(before);
        out.push_str(indent);
        out.push_str(&line.text);
        out.push('\n');
    }
    out
}

/// Whom the words of a page are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Those who make the plan.
    Worker,
    /// Whose plan it is.
    Client,
}

pub(super) struct Page<'a> {
    pub(super) joined: &'a Joined,
    pub(super) tree: &'a Tree,
    pub(super) language: Language,
    reader: Reader,
    lines: Vec<Line>,
    /// Resources by reference.
    pub(super) resources: BTreeMap<String, NodeId>,
    /// Resources by identifier: `system|value`.
    identified: HashMap<String, String>,
    /// What the page has shown.
    pub(super) seen: HashSet<NodeId>,
    /// The places of the sources that a resource comes from.
    pub(super) origins: BTreeMap<&'a str, BTreeSet<usize>>,
    /// The language of each source, where the page marks languages.
    languages: Vec<Option<String>>,
}

impl<'a> Page<'a> {
    pub(super) fn new(joined: &'a Joined, language: Language, reader: Reader) -> Self {
        let tree = &joined.bundle;
        let mut resources = BTreeMap::new();
        for entry in tree.children_named(NodeId::ROOT, Name::ENTRY) {
            let Some(resource) = tree.child(entry, Name::RESOURCE) else { continue };
            let named = tree.resource_type(resource).zip(text(tree, resource, &["id"]));
            if let Some((kind, id)) = named {
                resources.insert(format!("{kind}/{id}"), resource);
            }
        }
        let mut origins: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for line in &joined.lineage {
            origins.entry(&line.target).or_default().insert(line.source);
        }
        let identified = value::by_identifier(tree, &resources);
        let mut page = Self {
            joined,
            tree,
            language,
            reader,
            lines: Vec::new(),
            resources,
            identified,
            seen: HashSet::new(),
            origins,
            languages: Vec::new(),
        };
        if reader == Reader::Client {
            page.languages = tongue::of_sources(&page);
        }
        page
    }

    pub(super) fn line(&mut self, style: Style, text: impl Into<String>) {
        // A line break in what a unit wrote must not look like a line of the page.
        let text = text.into().split_whitespace().collect::<Vec<_>>().join(" ");
        self.lines.push(Line { style, text });
    }

    fn heading(&mut self, word: Word) {
        self.line(Style::Heading, self.language.say(word));
    }

    fn labelled(&mut self, word: Word, text: &str) {
        let label = self.language.say(word);
        self.line(Style::Text, format!("{label}: {text}"));
    }

    /// The line that says where a resource comes from: sector, unit, version, day.
    fn origin(&mut self, target: &str) {
        let Some(sources) = self.origins.get(target) else { return };
        let mut said: Vec<String> = sources.iter().map(|source| self.source_words(*source)).collect();
        let meta = self.resources.get(target).and_then(|node| self.tree.child_str(*node, "meta"));
        for tag in meta.iter().flat_map(|meta| all(self.tree, *meta, "tag")) {
            let marked = [("common", Word::Common), ("of-another", Word::OfAnother)].into_iter();
            let marks = marked.filter(|(code, _)| value::is_own_code(self.tree, tag, "plan-part", code));
            said.extend(marks.map(|(_, word)| self.language.say(word).to_owned()));
        }
        self.line(Style::Source, said.join("; "));
    }

    fn source_words(&self, at: usize) -> String {
        let Some(source) = self.joined.sources.get(at) else { return String::new() };
        let mut words = vec![sector_word(self.language, source.sector).to_owned()];
        words.push(source.organisation.clone().unwrap_or_else(|| source.unit.clone()));
        words.extend(self.version_words(at));
        words.join(", ")
    }

    fn version_words(&self, at: usize) -> Vec<String> {
        let Some(source) = self.joined.sources.get(at) else { return Vec::new() };
        let version = source.version.map(|version| format!("{} {version}", self.language.say(Word::Version)));
        version.into_iter().chain(source.time.as_deref().map(|time| self.date(time))).collect()
    }

    fn refusal(&mut self) {
        self.heading(Word::NotJoined);
        let messages: Vec<String> =
            self.joined.issues.iter().map(|issue| format!("{} {}", issue.code.id, issue.message)).collect();
        for message in messages {
            self.line(Style::Warning, message);
        }
    }

    fn who(&mut self, code: IdentityCode) {
        self.heading(Word::Plan);
        let tree = self.tree;
        let Some(client) = self.resources.get("Patient/client").copied() else {
            self.stated_client();
            return;
        };
        let hetu = identifiers(tree, client).find(|(system, _)| system == HETU_SYSTEM).map(|(_, hetu)| hetu);
        let known = hetu.as_deref().and_then(|hetu| super::Hetu::parse(hetu).ok());
        let year = known.as_ref().map(|hetu| hetu.birth_date().year.to_string());
        let stated = text(tree, client, &["birthDate"]).and_then(|birth| birth.get(..4).map(str::to_owned));
        let mut name =
            human_name(tree, client).unwrap_or_else(|| self.language.say(Word::NameUnknown).to_owned());
        if let Some(year) = year.or(stated) {
            name = format!("{name}, {} {year}", self.language.say(Word::Born));
        }
        self.line(Style::Label, name);
        self.see_name(client);
        if let Some(hetu) = hetu.filter(|_| code == IdentityCode::Shown) {
            self.labelled(Word::IdentityCode, &hetu);
        }
        self.rest(client);
        let beside: Vec<NodeId> = self.resources.get(PLAN).map_or_else(Vec::new, |plan| {
            extensions(tree, *plan, "co-subject")
                .filter_map(|extension| self.follow(value(tree, extension)?))
                .collect()
        });
        for other in beside {
            let name = human_name(tree, other).unwrap_or_default();
            self.labelled(Word::AlsoClient, &name);
            self.see_name(other);
            self.rest(other);
        }
    }

    /// Counts the dates of birth of all who may be a client as shown: each is the first half of an identity code, whether
    /// it is known whose plan it is or not.
    pub(super) fn see_births(&mut self) {
        let tree = self.tree;
        let patients = self.resources.iter().filter(|(target, _)| target.starts_with("Patient/"));
        let births: Vec<NodeId> =
            patients.filter_map(|(_, patient)| tree.child_str(*patient, "birthDate")).collect();
        for birth in births {
            self.see(birth);
        }
    }

    /// The client in the words of the plans, where no resource says more.
    fn stated_client(&mut self) {
        let tree = self.tree;
        let units: Vec<NodeId> =
            self.origins.keys().filter_map(|target| self.resources.get(*target).copied()).collect();
        let plans = self.of_kind("CarePlan");
        let shown = plans.iter().filter_map(|(_, plan)| text(tree, *plan, &["subject", "display"]));
        let named: BTreeSet<String> = shown.map(Cow::into_owned).collect();
        let ties =
            units.iter().flat_map(|unit| all(tree, *unit, "subject").chain(all(tree, *unit, "patient")));
        let told =
            ties.filter(|tie| text(tree, *tie, &["display"]).is_some_and(|shown| named.contains(&*shown)));
        told.collect::<Vec<_>>().into_iter().for_each(|tie| self.see(tie));
        for name in &named {
            self.line(Style::Label, name.as_str());
        }
        if named.is_empty() {
            self.line(Style::Label, self.language.say(Word::NameUnknown));
        }
    }

    /// Counts the name of a resource that its entry is called by as shown, and what says the same once more.
    pub(super) fn see_name(&mut self, resource: NodeId) {
        let tree = self.tree;
        let called = human_name(tree, resource);
        for (at, name) in all(tree, resource, "name").enumerate() {
            if tree.kind(name).is_leaf() {
                self.see(name);
                continue;
            }
            let is_whole = text(tree, name, &["text"]).is_some();
            let parts: &[&str] = if is_whole { &["text"] } else { &["given", "family"] };
            let told: Vec<NodeId> = parts.iter().flat_map(|part| all(tree, name, part)).collect();
            let said: Vec<Cow<'_, str>> = told.iter().map(|part| tree.text(*part)).collect();
            if at == 0 || called.as_deref() == Some(&said.join(" ")) {
                let told = told.into_iter().filter(|part| tree.has_text(*part));
                told.for_each(|part| self.see(part));
            }
        }
    }

    pub(super) fn follow(&self, node: NodeId) -> Option<NodeId> {
        self.resources.get(&*reference(self.tree, node)?).copied()
    }

    fn contact(&mut self) {
        self.heading(Word::Contact);
        match &self.joined.contact {
            Contact::One(person) => self.person(person, Style::Label),
            Contact::Missing => self.line(Style::Warning, self.language.say(Word::NoContact)),
            Contact::Several(people) => {
                self.line(Style::Warning, self.language.say(Word::SeveralContacts));
                for person in people {
                    self.person(person, Style::Label);
                }
            }
        }
    }

    fn person(&mut self, person: &ContactPerson, style: Style) {
        let parts = [&person.name, &person.role, &person.organisation];
        let mut said: Vec<&str> = Vec::new();
        for part in parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()) {
            if !said.contains(&part) {
                said.push(part);
            }
        }
        self.line(style, said.join(", "));
        self.telecom(&person.telecom);
    }

    /// How a person is reached, in one line.
    fn telecom(&mut self, telecom: &[String]) {
        if !telecom.is_empty() {
            let numbers: Vec<&str> = telecom.iter().map(|number| value::bare_number(number)).collect();
            self.line(Style::Text, numbers.join(", "));
        }
    }

    /// The units' resources of a kind, by reference; what the join itself made is not among them.
    pub(super) fn of_kind(&self, kind: &str) -> Vec<(String, NodeId)> {
        let of_kind = self.resources.iter().filter(|(target, _)| target.split('/').next() == Some(kind));
        let of_units = of_kind.filter(|(target, _)| self.origins.contains_key(target.as_str()));
        of_units.map(|(target, node)| (target.clone(), *node)).collect()
    }

    /// What a resource is called, and the leaf that says so: the words of its code, its description, its first note;
    /// the bare code only where nobody wrote a word. An identifier is no name.
    pub(super) fn spoken(&self, node: NodeId, names: &[&str]) -> Option<(String, NodeId)> {
        let tree = self.tree;
        let coded: Vec<NodeId> = names.iter().flat_map(|name| all(tree, node, name)).collect();
        if let Some(found) = self.spoken_code(&coded).filter(|_| self.is_for_client()) {
            return Some(found);
        }
        let codings = || coded.iter().flat_map(|code| all(tree, *code, "coding"));
        let plain = coded.iter().copied().filter(|code| tree.kind(*code).is_leaf());
        let of_concept = |name| coded.iter().filter_map(move |code| tree.child_str(*code, name));
        let displays = codings().filter_map(|coding| tree.child_str(coding, "display"));
        let notes = all(tree, node, "note").filter_map(|note| tree.child_str(note, "text"));
        // A code alone is no name to the client.
        let codes = codings().filter(|_| !self.is_for_client());
        let codes = codes.filter_map(|coding| tree.child_str(coding, "code"));
        let mut said = of_concept("text").chain(displays).chain(plain).chain(notes).chain(codes);
        said.find_map(|leaf| {
            let words = self.said(leaf)?;
            (!is_uuid(&words)).then_some((words, leaf))
        })
    }

    /// The line that opens the entry of a resource; the name counts as shown.
    fn title(&mut self, node: NodeId, names: &[&str]) -> String {
        let title = match self.spoken(node, names) {
            Some((said, leaf)) => {
                self.see(leaf);
                said
            }
            None => self.language.say(Word::Unnamed).to_owned(),
        };
        self.line(Style::Label, title.as_str());
        title
    }

    /// A labelled line of an element, if it has something to say that was not said yet.
    fn told(&mut self, word: Word, node: Option<NodeId>) {
        if let Some(said) = node.and_then(|node| self.tell(node)) {
            self.labelled(word, &said);
        }
    }

    /// What a plan for a shared client should have and this one has not.
    fn missing(&mut self) {
        let tree = self.tree;
        let has_view = |code: &str| {
            self.of_kind("Observation")
                .iter()
                .filter_map(|(_, node)| tree.child_str(*node, "code"))
                .any(|concept| has_code(tree, concept, "statement", code))
        };
        let reviewed = self.of_kind("CarePlan").iter().any(|(_, plan)| {
            ["next-review", "next-review-text", "review"]
                .iter()
                .any(|name| extensions(tree, *plan, name).next().is_some())
        });
        let missing: Vec<Word> = [
            (self.joined.contact == Contact::Missing, Word::NoContact),
            (self.of_kind("Goal").is_empty(), Word::NoGoals),
            (!reviewed, Word::NoReview),
            (!self.resources.contains_key("Patient/client"), Word::NotIdentified),
            (!has_view("client-view"), Word::NoClientView),
            (self.of_kind("Consent").is_empty(), Word::NoConsent),
        ]
        .into_iter()
        .filter_map(|(is, word)| is.then_some(word))
        .collect();
        if missing.is_empty() {
            return;
        }
        self.heading(Word::Missing);
        for word in missing {
            self.line(Style::Warning, self.language.say(word));
        }
    }

    fn sources(&mut self) {
        self.heading(Word::Sources);
        for at in 0..self.joined.sources.len() {
            let source = &self.joined.sources[at];
            let state = match source.state {
                SourceState::Joined => None,
                SourceState::LeftOut => Some(Word::LeftOut),
                SourceState::Superseded => Some(Word::Superseded),
                SourceState::Retracted => Some(Word::Retracted),
            };
            let mut words = vec![sector_word(self.language, source.sector).to_owned()];
            words.extend(source.organisation.clone());
            words.extend(self.version_words(at));
            // A view calls a source by its unit system.
            let name = if source.label.starts_with(&source.unit) {
                source.label.clone()
            } else {
                format!("{} ({})", source.label, source.unit)
            };
            let mut said = format!("{name}: {}", words.join(", "));
            if let Some(state) = state {
                said = format!("{said} ({})", self.language.say(state));
            }
            self.line(Style::Label, said);
        }
    }
}

/// True for a UUID, with or without `urn:uuid:`: it names a thing for machines alone.
fn is_uuid(text: &str) -> bool {
    let bare = text.trim().trim_start_matches("urn:uuid:");
    let form = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = bare.split('-').collect();
    parts.len() == form.len()
        && parts
            .iter()
            .zip(form)
            .all(|(part, length)| part.len() == length && part.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
