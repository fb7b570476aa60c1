//! The joined plan for people, in Finnish, Swedish and English.
//!
//! The page is lines with a style; the command line colours them. What units wrote stays in its own language:
//! nothing is translated but the labels. Every entry says which source it comes from.

mod check;
mod next;
mod team;
mod words;

pub use words::Language;

use super::identity::HETU_SYSTEM;
use super::join::{Contact, ContactPerson, Joined, PLAN, SourceState};
use super::read::{all, concept, extensions, has_code, human_name, identifiers, reference, text, value};
use crate::tree::{Name, NodeId, Tree};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use words::{Word, has_ended, sector_word};

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
    let mut page = Page::new(joined, language);
    if joined.is_refused() {
        page.refusal();
        page.sources();
        return page.lines;
    }
    page.who(code);
    page.contact();
    page.findings();
    page.goals();
    page.next();
    page.statements();
    page.team();
    page.missing();
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

/// A date as Finns write it: `24.11.2026`, with the time where one is given. Anything else stays as it is.
fn date(text: &str) -> String {
    let mut parts = text.get(..10).unwrap_or(text).split('-');
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u16>().ok());
    let day = match (number(parts.next()), number(parts.next()), number(parts.next())) {
        (Some(year), Some(month), Some(day)) => format!("{day}.{month}.{year}"),
        (Some(year), Some(month), None) => format!("{month}/{year}"),
        _ => return text.to_owned(),
    };
    match text.get(11..16) {
        Some(clock) => format!("{day} {clock}"),
        None => day,
    }
}

struct Page<'a> {
    joined: &'a Joined,
    tree: &'a Tree,
    language: Language,
    lines: Vec<Line>,
    /// Resources by reference.
    resources: HashMap<String, NodeId>,
    /// The places of the sources that a resource comes from.
    origins: BTreeMap<&'a str, BTreeSet<usize>>,
}

impl<'a> Page<'a> {
    fn new(joined: &'a Joined, language: Language) -> Self {
        let tree = &joined.bundle;
        let mut resources = HashMap::new();
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
        Self { joined, tree, language, lines: Vec::new(), resources, origins }
    }

    fn line(&mut self, style: Style, text: impl Into<String>) {
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
        let said: Vec<String> = sources.iter().map(|source| self.source_words(*source)).collect();
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
        version.into_iter().chain(source.time.as_deref().map(date)).collect()
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
        let Some(client) = self.resources.get("Patient/client").copied() else { return };
        let tree = self.tree;
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
        if let (Some(hetu), IdentityCode::Shown) = (&hetu, code) {
            self.labelled(Word::IdentityCode, hetu);
        }
        let beside = self.resources.get(PLAN).map(|plan| {
            extensions(tree, *plan, "co-subject")
                .filter_map(|extension| self.follow(value(tree, extension)?))
                .collect::<Vec<_>>()
        });
        for other in beside.unwrap_or_default() {
            let name = human_name(tree, other).unwrap_or_default();
            self.labelled(Word::AlsoClient, &name);
        }
    }

    fn follow(&self, node: NodeId) -> Option<NodeId> {
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
        let bare =
            |number: &String| number.trim_start_matches("tel:").trim_start_matches("mailto:").to_owned();
        if !telecom.is_empty() {
            let numbers: Vec<String> = telecom.iter().map(bare).collect();
            self.line(Style::Text, numbers.join(", "));
        }
    }

    /// The resources of a kind, by reference.
    fn of_kind(&self, kind: &str) -> Vec<(String, NodeId)> {
        let mut found: Vec<(String, NodeId)> = self
            .resources
            .iter()
            .filter(|(target, _)| target.split('/').next() == Some(kind))
            .map(|(target, node)| (target.clone(), *node))
            .collect();
        found.sort();
        found
    }

    fn goals(&mut self) {
        let tree = self.tree;
        let mut goals: Vec<_> = self
            .of_kind("Goal")
            .into_iter()
            .map(|(target, goal)| {
                let said = self.spoken(goal, &["description"]);
                let ended = text(tree, goal, &["lifecycleStatus"]).is_some_and(|status| has_ended(&status));
                let due = all(tree, goal, "target").find_map(|target| text(tree, target, &["dueDate"]));
                (ended, due.is_none(), due.map(Cow::into_owned), said, target, goal)
            })
            .collect();
        if goals.is_empty() {
            return;
        }
        // What is being worked on stands first, and of that what is due first.
        goals.sort();
        self.heading(Word::Goals);
        for (_, _, due, said, target, goal) in goals {
            self.line(Style::Label, said.unwrap_or_else(|| "–".to_owned()));
            if let Some(status) = text(tree, goal, &["lifecycleStatus"]) {
                let status = self.language.state(&status).to_owned();
                self.labelled(Word::State, &status);
            }
            if let Some(reached) = tree.child_str(goal, "achievementStatus") {
                let coded = all(tree, reached, "coding").find_map(|coding| text(tree, coding, &["display"]));
                let parts: Vec<_> = coded.into_iter().chain(text(tree, reached, &["text"])).collect();
                if !parts.is_empty() {
                    self.labelled(Word::Achievement, &parts.join(". "));
                }
            }
            for measure in all(tree, goal, "target").filter_map(|target| measure(tree, target)) {
                self.labelled(Word::Target, &measure);
            }
            if let Some(due) = due {
                self.labelled(Word::Due, &date(&due));
            }
            self.origin(&target);
            self.contested(&target);
        }
    }

    /// What a resource is called: the words of its code, its description, its first note; the bare code only where
    /// nobody wrote a word.
    fn spoken(&self, node: NodeId, names: &[&str]) -> Option<String> {
        let tree = self.tree;
        let coded: Vec<NodeId> = names.iter().filter_map(|name| tree.child_str(node, name)).collect();
        let worded = coded.iter().find_map(|code| {
            if tree.kind(*code).is_leaf() {
                return tree.has_text(*code).then(|| tree.text(*code));
            }
            let display = || all(tree, *code, "coding").find_map(|coding| text(tree, coding, &["display"]));
            text(tree, *code, &["text"]).or_else(display)
        });
        worded
            .or_else(|| text(tree, node, &["note", "text"]))
            .or_else(|| coded.iter().find_map(|code| concept(tree, *code)))
            .map(Cow::into_owned)
    }

    /// What each party says, side by side: neither is put above the other.
    fn statements(&mut self) {
        let tree = self.tree;
        let statements: Vec<(String, NodeId)> = self.of_kind("Observation");
        let mut opened = false;
        for (word, code) in [
            (Word::ClientView, "client-view"),
            (Word::ProfessionalView, "professional-view"),
            (Word::Dissent, "dissent"),
            (Word::Situation, "situation"),
        ] {
            for (target, node) in &statements {
                let is = tree
                    .child_str(*node, "code")
                    .is_some_and(|concept| has_code(tree, concept, "statement", code));
                let Some(said) = text(tree, *node, &["valueString"]).filter(|_| is) else { continue };
                if !std::mem::replace(&mut opened, true) {
                    self.heading(Word::Statements);
                }
                self.line(Style::Label, self.language.say(word));
                self.line(Style::Text, said);
                if let Some(day) = text(tree, *node, &["effectiveDateTime"]) {
                    self.labelled(Word::Day, &date(&day));
                }
                self.origin(target);
            }
        }
        let mut needs: Vec<(String, String)> = Vec::new();
        for (target, node) in self.of_kind("Condition") {
            needs.push((self.spoken(node, &["code"]).unwrap_or_else(|| "–".to_owned()), target));
        }
        for (target, node) in statements {
            let is = tree
                .child_str(node, "code")
                .is_some_and(|concept| has_code(tree, concept, "statement", "need"));
            let said = text(tree, node, &["valueString"]).filter(|_| is);
            needs.extend(said.map(|said| (said.into_owned(), target)));
        }
        if !needs.is_empty() {
            self.heading(Word::Needs);
        }
        for (said, target) in needs {
            self.line(Style::Label, said);
            self.origin(&target);
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
            };
            let mut words = vec![sector_word(self.language, source.sector).to_owned()];
            words.extend(source.organisation.clone());
            words.extend(self.version_words(at));
            let mut said = format!("{} ({}): {}", source.label, source.unit, words.join(", "));
            if let Some(state) = state {
                said = format!("{said} ({})", self.language.say(state));
            }
            self.line(Style::Label, said);
        }
    }
}

/// What a target of a goal measures: `≥ 7.0 h`.
fn measure(tree: &Tree, target: NodeId) -> Option<String> {
    let amount = |node: NodeId| {
        let parts = [["comparator"], ["value"], ["unit"]].map(|path| text(tree, node, &path));
        let words: Vec<Cow<'_, str>> = parts.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(" "))
    };
    if let Some(quantity) = tree.child_str(target, "detailQuantity") {
        return amount(quantity);
    }
    if let Some(range) = tree.child_str(target, "detailRange") {
        let end = |name: &str| tree.child_str(range, name).and_then(amount);
        return match (end("low"), end("high")) {
            (Some(low), Some(high)) => Some(format!("{low} – {high}")),
            (Some(low), None) => Some(format!("≥ {low}")),
            (None, Some(high)) => Some(format!("≤ {high}")),
            (None, None) => None,
        };
    }
    let said = tree.child_str(target, "detailCodeableConcept").and_then(|node| concept(tree, node));
    said.or_else(|| text(tree, target, &["detailString"])).map(Cow::into_owned)
}

#[cfg(test)]
mod tests;
