//! The page that the client reads: whom to contact, who helps, strengths before problems, goals in the client's own
//! words, what happens next, where views differ, and where it all comes from.
//!
//! Sections tell what a person asks first, in plain words. What they leave of the units' documents stands under "other
//! information": what concerns the client is never missing. Set aside is only what registers note for themselves
//! ([`rest`] lists it), ids and codes.

mod answers;
mod goals;
mod letters;
mod next;
mod people;
mod rest;
mod rights;
mod views;

use super::{Entry, Line, Page, Said, Section, Tone, masked};
use crate::diag::Language;
use crate::plan::Hetu;
use crate::plan::identity::HETU_SYSTEM;
use crate::plan::join::{Joined, PLAN, Source, SourceState};
use crate::plan::read::{all, at, extensions, human_name, identifiers, phone_number, text, value};
use crate::plan::text::form::Form;
use crate::plan::text::next::{ACTIVITIES, NAMES};
use crate::plan::text::words::{Message, plain_sector};
use crate::plan::text::{IdentityCode, Page as Words, Reader};
use crate::tree::{Name, NodeId};
use std::collections::BTreeSet;

/// What stands between the values of a line.
const BETWEEN: &str = "; ";
/// Digits that a telephone number has at least, with its country.
const TELEPHONE_MIN: usize = 8;
/// The client among the resources of a joined plan.
const CLIENT: &str = "Patient/client";

/// The page of the client whose plan it is. It shows the client's own data; the identity code only where asked for.
pub fn client(joined: &Joined, language: Language, code: IdentityCode) -> Page {
    let words = Words::new(joined, language, Reader::Client);
    let mut writer = Writer { words, lead: Vec::new(), sections: Vec::new() };
    // What sources disagree on is read before the sections count its elements as told.
    let differences = writer.differences();
    if code == IdentityCode::Masked {
        writer.words.see_births();
    }
    writer.who(code);
    writer.contact();
    writer.helpers();
    writer.strengths();
    let own = writer.goals();
    writer.next();
    writer.views(own, differences);
    writer.situation();
    writer.results();
    writer.letters();
    writer.rights();
    writer.sources();
    writer.other();
    let order = |section: &Section| section.heading != Message::Other.say(language);
    // What is told last is read last but for its origin: that closes the page.
    let (mut sections, other): (Vec<Section>, Vec<Section>) = writer.sections.into_iter().partition(order);
    let closing = sections.iter().position(|section| section.heading == Message::Sources.say(language));
    let at = closing.unwrap_or(sections.len());
    sections.splice(at..at, other);
    sections.iter_mut().flat_map(|section| &mut section.entries).for_each(put_together);
    let title = Message::Title.say(language).to_owned();
    masked(Page { language, title, lead: writer.lead, sections }, code)
}

/// The language that the client is to be spoken to in: what the client prefers, otherwise the first that there is a page
/// in, otherwise Finnish.
pub fn language_of(joined: &Joined) -> Language {
    let tree = &joined.bundle;
    let words = Words::new(joined, Language::Fi, Reader::Client);
    let client = words.resources.get(CLIENT).copied();
    let spoken: Vec<(bool, Language)> = client
        .into_iter()
        .flat_map(|client| all(tree, client, "communication"))
        .filter_map(|one| {
            let concept = tree.child_str(one, "language")?;
            let mut codes = all(tree, concept, "coding").filter_map(|coding| text(tree, coding, &["code"]));
            let language = codes.find_map(|code| Language::find(&code))?;
            Some((text(tree, one, &["preferred"]).as_deref() == Some("true"), language))
        })
        .collect();
    let preferred = spoken.iter().find(|(preferred, _)| *preferred).or_else(|| spoken.first());
    preferred.map_or(Language::Fi, |(_, language)| *language)
}

/// Writes the sections; the words of elements come from the engine of all pages.
struct Writer<'a> {
    words: Words<'a>,
    lead: Vec<Line>,
    sections: Vec<Section>,
}

impl Writer<'_> {
    fn say(&self, message: Message) -> &'static str {
        message.say(self.words.language)
    }

    fn here(&self, message: Message) -> Said {
        Said::here(self.say(message))
    }

    fn section(&mut self, heading: Message, entries: Vec<Entry>) {
        self.sections.push(Section { heading: self.say(heading).to_owned(), entries });
    }

    /// The words of a section itself.
    fn remark(&self, tone: Tone, message: Message) -> Entry {
        Entry { title: None, lines: vec![Line::new(tone, self.here(message))] }
    }

    /// What an element says, with its language; it counts as told from then on.
    fn tell(&mut self, node: NodeId) -> Option<Said> {
        let language = self.words.foreign(node);
        let said = self.words.tell(node)?;
        // A line break in what somebody wrote must not look like a line of the page.
        Some(Said::by_somebody(in_one_line(&said), language))
    }

    /// A line with a label, where the element has something to say that was not told yet; what somebody noted beside a
    /// reference stands in lines of its own.
    fn told(&mut self, lines: &mut Vec<Line>, label: Message, node: Option<NodeId>) {
        let label = self.say(label);
        if let Some(node) = node {
            self.told_as(lines, label, node);
        }
    }

    fn told_as(&mut self, lines: &mut Vec<Line>, label: &str, node: NodeId) {
        let tree = self.words.tree;
        let inner = if self.words.form(node) == Form::Extension { value(tree, node) } else { Some(node) };
        let beside: Vec<NodeId> = inner
            .filter(|inner| self.words.form(*inner) == Form::Reference)
            .into_iter()
            .flat_map(|inner| tree.children_named(inner, Name::EXTENSION))
            .filter(|extension| !self.words.seen.contains(extension) && !self.words.is_aside(*extension))
            .collect();
        let further: Vec<Line> = beside
            .into_iter()
            .filter_map(|extension| {
                let label = self.words.label(extension);
                Some(Line::labelled(label, self.tell(extension)?))
            })
            .collect();
        lines.extend(self.tell(node).map(|said| Line::labelled(label, said)));
        lines.extend(further);
    }

    /// What a resource is called; the name counts as told.
    fn title(&mut self, node: NodeId, names: &[&str], unnamed: Message) -> Said {
        match self.words.spoken(node, names) {
            Some((said, leaf)) => {
                let language = self.words.foreign(leaf);
                self.words.see(leaf);
                Said::by_somebody(in_one_line(&said), language)
            }
            None => {
                // A code without words is told by that there is no name.
                let concepts = names.iter().flat_map(|name| all(self.words.tree, node, name));
                let codings: Vec<NodeId> =
                    concepts.flat_map(|concept| all(self.words.tree, concept, "coding")).collect();
                for coding in codings {
                    self.words.see(coding);
                }
                self.here(unnamed)
            }
        }
    }

    /// The line that says where a resource comes from.
    fn origin(&self, lines: &mut Vec<Line>, target: &str) {
        let sources = self.words.origins.get(target).into_iter().flatten();
        let mut said: Vec<String> = sources.map(|source| self.source_name(*source)).collect();
        said.sort();
        said.dedup();
        if !said.is_empty() {
            let mut line = Line::labelled(self.say(Message::Source), Said::here(said.join("; ")));
            line.tone = Tone::Source;
            lines.push(line);
        }
    }

    /// What people call a source: its organisation, otherwise what kind of service it is.
    fn source_name(&self, at: usize) -> String {
        let Some(source) = self.words.joined.sources.get(at) else { return String::new() };
        let sector = || plain_sector(self.words.language, source.sector).to_owned();
        self.organisation(source).unwrap_or_else(sector)
    }

    /// The organisation of a source: its own, otherwise that of who made its plan, which may be known by words alone.
    fn organisation(&self, source: &Source) -> Option<String> {
        let tree = self.words.tree;
        source.organisation.clone().or_else(|| {
            let plan = *self.words.resources.get(&source.plan)?;
            let (_, author) = self.words.find(tree.child_str(plan, "author")?)?;
            text(tree, author, &["organization", "display"]).map(|name| in_one_line(&name))
        })
    }

    /// What a resource is called, with its language; nothing counts as told.
    fn named(&self, node: NodeId) -> Option<Said> {
        let kind = self.words.tree.resource_type(node).unwrap_or_default();
        // A person or a plan is called by its name, everything else by what it says.
        let is_said = ACTIVITIES.contains(&&*kind) || ["Goal", "Condition", "Observation"].contains(&&*kind);
        match self.words.spoken(node, NAMES).filter(|_| is_said) {
            Some((said, leaf)) => Some(Said::by_somebody(in_one_line(&said), self.words.foreign(leaf))),
            None => self.words.name_of(node).map(|name| Said::here(in_one_line(&name))),
        }
    }

    /// The name of what a reference leads to, or its own words.
    fn named_reference(&self, node: NodeId) -> Option<String> {
        let tree = self.words.tree;
        let named = self.words.find(node).and_then(|(_, found)| human_name(tree, found));
        named.or_else(|| text(tree, node, &["display"]).map(Into::into)).map(|name| in_one_line(&name))
    }

    fn named_source(&self, label: &str) -> String {
        let found = self.words.joined.sources.iter().position(|source| source.label == label);
        found.map_or_else(String::new, |at| self.source_name(at))
    }

    fn who(&mut self, code: IdentityCode) {
        let tree = self.words.tree;
        self.lead.push(Line::new(Tone::Plain, self.here(Message::Intro)));
        let Some(client) = self.words.resources.get(CLIENT).copied() else {
            let plans = self.words.of_kind("CarePlan");
            let named = plans.iter().find_map(|(_, plan)| text(tree, *plan, &["subject", "display"]));
            let line = match named {
                Some(name) => Line::labelled(self.say(Message::Name), Said::here(in_one_line(&name))),
                None => Line::new(Tone::Attention, self.here(Message::NameUnknown)),
            };
            self.lead.push(line);
            return;
        };
        let line = match human_name(tree, client) {
            Some(name) => Line::labelled(self.say(Message::Name), Said::here(in_one_line(&name))),
            None => Line::new(Tone::Attention, self.here(Message::NameUnknown)),
        };
        self.lead.push(line);
        self.words.see_name(client);
        let hetu = identifiers(tree, client).find(|(system, _)| system == HETU_SYSTEM).map(|(_, hetu)| hetu);
        let known = hetu.as_deref().and_then(|hetu| Hetu::parse(hetu).ok());
        let year = known.map(|hetu| hetu.birth_date().year.to_string());
        let stated = text(tree, client, &["birthDate"]).and_then(|birth| birth.get(..4).map(str::to_owned));
        if let Some(year) = year.or(stated) {
            self.lead.push(Line::labelled(self.say(Message::BirthYear), Said::here(year)));
        }
        if code == IdentityCode::Shown {
            let hetu = hetu.map(|hetu| Said::here(hetu.into_owned()));
            let label = self.say(Message::IdentityCode);
            self.lead.extend(hetu.map(|hetu| Line::labelled(label, hetu)));
        }
        self.others_of_the_plan();
    }

    /// Who else the plan is about: the other clients of a family.
    fn others_of_the_plan(&mut self) {
        let tree = self.words.tree;
        let Some(plan) = self.words.resources.get(PLAN).copied() else { return };
        let others: Vec<NodeId> = extensions(tree, plan, "co-subject")
            .filter_map(|extension| self.words.follow(value(tree, extension)?))
            .collect();
        for other in others {
            let name = human_name(tree, other).unwrap_or_else(|| self.say(Message::NameUnknown).to_owned());
            self.lead.push(Line::labelled(self.say(Message::SharedWith), Said::here(name)));
            self.words.see_name(other);
        }
    }

    /// What a plan is called: its title, otherwise its kind.
    fn plan_name(&mut self, plan: NodeId) -> Said {
        let tree = self.words.tree;
        let title = tree.child_str(plan, "title").filter(|title| tree.has_text(*title));
        if let Some(said) = title.and_then(|title| self.words.said(title)) {
            let language = title.and_then(|title| self.words.foreign(title));
            if let Some(title) = title {
                self.words.see(title);
            }
            return Said::by_somebody(in_one_line(&said), language);
        }
        let codings: Vec<NodeId> =
            all(tree, plan, "category").flat_map(|category| all(tree, category, "coding")).collect();
        let known = codings.iter().find_map(|coding| self.words.display(*coding));
        match known {
            Some(known) => Said::here(known),
            None => Said::here(self.words.plan_name(plan)),
        }
    }

    /// The line that names a plan, where it has a name.
    fn plan_line(&mut self, plan: NodeId) -> Option<Line> {
        let name = self.plan_name(plan);
        let label = self.say(Message::Plan);
        (name.text != label).then(|| Line::labelled(label, name))
    }

    fn sources(&mut self) {
        let joined = self.words.joined;
        let mut entries = Vec::new();
        for (place, source) in joined.sources.iter().enumerate() {
            if source.state != SourceState::Joined {
                continue;
            }
            let title = self.source_name(place);
            let mut lines = Vec::new();
            if self.organisation(source).is_some() {
                let sector = plain_sector(self.words.language, source.sector);
                lines.push(Line::new(Tone::Plain, Said::here(sector)));
            }
            let plan = self.words.resources.get(&source.plan).copied();
            if let Some(plan) = plan {
                lines.extend(self.plan_line(plan));
            }
            // When the document was written is told by its date; only another day is told beside it.
            let written = plan.and_then(|plan| extensions(self.words.tree, plan, "document-time").next());
            let created = plan.and_then(|plan| at(self.words.tree, plan, &["created"]));
            match created.and_then(|created| self.tell(created)) {
                Some(said) => lines.push(Line::labelled(self.say(Message::Dated), said)),
                None => {
                    let said = source.time.as_deref().map(|time| Said::here(self.words.date(time)));
                    let label = self.say(Message::Dated);
                    lines.extend(said.map(|said| Line::labelled(label, said)));
                }
            }
            let time = written.and_then(|written| value(self.words.tree, written));
            let time = time.map(|time| self.words.tree.text(time).into_owned());
            if let (Some(written), Some(time)) = (written, time) {
                let day = |line: &Line| line.label.as_deref() == Some(self.say(Message::Dated));
                let told = lines.iter().find(|line| day(line)).map(|line| line.said.text.clone());
                let of_day = time.get(..10).map(|day| self.words.date(day));
                if told.is_some_and(|told| of_day.is_some_and(|of_day| told.starts_with(&of_day))) {
                    self.words.see(written);
                } else {
                    self.told(&mut lines, Message::Written, Some(written));
                }
            }
            entries.push(Entry { title: Some(Said::here(title)), lines });
        }
        // What was left out may be about somebody else: nothing of it stands here.
        let remarks = [
            (SourceState::LeftOut, Message::LeftOut, Tone::Attention),
            (SourceState::Superseded, Message::Superseded, Tone::Plain),
        ];
        for (state, message, tone) in remarks {
            if joined.sources.iter().any(|source| source.state == state) {
                entries.push(self.remark(tone, message));
            }
        }
        self.section(Message::Sources, entries);
    }
}

/// Lines of an entry that follow each other and tell of the same become one: of two who say something both are named.
fn put_together(entry: &mut Entry) {
    let mut lines: Vec<Line> = Vec::with_capacity(entry.lines.len());
    for line in std::mem::take(&mut entry.lines) {
        let goes_on = |last: &&mut Line| {
            line.label.is_some() && last.label == line.label && last.said.language == line.said.language
        };
        match lines.last_mut().filter(goes_on) {
            Some(last) => last.said.text = [last.said.text.as_str(), &line.said.text].join(BETWEEN),
            None => lines.push(line),
        }
    }
    for line in lines.iter_mut().filter(|line| line.label.is_some()) {
        line.said.text = said_once(&line.said.text);
    }
    entry.lines = lines;
}

/// The values of a line, each once: a telephone number in two spellings is one.
fn said_once(text: &str) -> String {
    let mut known = BTreeSet::new();
    let values = text.split(BETWEEN);
    let new = values.filter(|value| known.insert(telephone(value).unwrap_or_else(|| (*value).to_owned())));
    new.collect::<Vec<_>>().join(BETWEEN)
}

/// A telephone number as such, whatever its spelling; nothing for a short number, which may count anything.
fn telephone(value: &str) -> Option<String> {
    phone_number(value).filter(|number| number.len() >= TELEPHONE_MIN)
}

/// Several words in one line, in the language that all of them are in.
fn in_one_said(said: Vec<Said>, between: &str) -> Option<Said> {
    let first = said.first()?.language.clone();
    let language = first.filter(|first| said.iter().all(|one| one.language.as_ref() == Some(first)));
    let mut texts: Vec<String> = said.into_iter().map(|one| one.text).collect();
    texts.dedup();
    Some(Said::by_somebody(texts.join(between), language))
}

/// Words without line breaks.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
