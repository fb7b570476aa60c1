//! What differs for the client as the reader: codes in the language of the page, plain words for amounts and times, and
//! the language in which somebody wrote a text.

use super::form::Form;
use super::moment;
use super::words::{Message, Word, fill, find_plain_label, find_plain_state, find_unit, find_weekday};
use super::{Page, Reader};
use crate::diag::Language;
use crate::mapping::units::schema;
use crate::plan::SAUMA;
use crate::plan::read::{all, human_name, text, value};
use crate::tree::NodeId;

/// FHIR's extension for the language of an element.
const LANGUAGE: &str = "http://hl7.org/fhir/StructureDefinition/language";
/// The languages of the texts of code systems, by the beginnings of their urls.
const SYSTEM_LANGUAGES: &[(&str, &str)] =
    &[(SAUMA, "fi"), ("http://hl7.org/fhir/", "en"), ("http://terminology.hl7.org/", "en")];
/// Code systems whose displays come in many languages and do not say in which.
pub(in crate::plan) const INTERNATIONAL: &[&str] = &[
    "http://loinc.org",
    "http://snomed.info/sct",
    "urn:oid:2.16.840.1.113883.6.1",
    "urn:oid:2.16.840.1.113883.6.96",
];
/// Elements that hold names, numbers and addresses: they belong to no language.
const NAMES: &[&str] = &[
    "name",
    "given",
    "family",
    "prefix",
    "suffix",
    "value",
    "line",
    "city",
    "district",
    "state",
    "country",
    "postalCode",
    "unit",
    "alias",
];

impl Page<'_> {
    pub(in crate::plan) fn is_for_client(&self) -> bool {
        self.reader == Reader::Client
    }

    /// A date for the reader; what is none stands in quotes.
    pub(in crate::plan) fn date(&self, text: &str) -> String {
        let said = match self.reader {
            Reader::Worker => super::value::date(text),
            Reader::Client => moment::say(self.language, text),
        };
        said.unwrap_or_else(|| self.language.quote(text))
    }

    /// A number with the decimal sign of the language. To the client a fraction of zeros says nothing.
    pub(super) fn number(&self, text: &str) -> String {
        let text = match text.split_once('.') {
            Some((whole, fraction))
                if self.is_for_client() && fraction.bytes().all(|digit| digit == b'0') =>
            {
                whole
            }
            _ => text,
        };
        match self.language {
            Language::Fi | Language::Sv => text.replace('.', ","),
            Language::En => text.to_owned(),
        }
    }

    /// A number with its unit.
    pub(super) fn amount(&self, number: Option<String>, unit: Option<String>) -> Option<String> {
        let unit = match (&number, unit) {
            (Some(number), Some(unit)) if self.is_for_client() => {
                let known = find_unit(self.language, &unit);
                Some(known.map_or(unit, |[one, many, ..]| if number == "1" { one } else { many }.to_owned()))
            }
            (_, unit) => unit,
        };
        let words: Vec<String> = [number, unit].into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// An amount with the sign before it: `≥`, `<`.
    pub(super) fn compared(&self, sign: &str, amount: &str) -> String {
        let message = match sign {
            ">=" | "≥" => Message::AtLeast,
            "<=" | "≤" => Message::AtMost,
            "<" => Message::Under,
            ">" => Message::Over,
            _ => return format!("{sign} {amount}"),
        };
        match self.reader {
            Reader::Worker => format!("{sign} {amount}"),
            Reader::Client => fill(self.language, message, &[("value", amount)]),
        }
    }

    /// A time between two ends.
    pub(super) fn between(&self, start: Option<String>, end: Option<String>) -> Option<String> {
        let language = self.language;
        let label = |word: Word| language.say(word).to_lowercase();
        let for_client = self.is_for_client();
        match (start, end) {
            (Some(start), Some(end)) if for_client && (start.contains(' ') || end.contains(' ')) => {
                Some(format!("{start} – {end}"))
            }
            (Some(start), Some(end)) => Some(format!("{start}–{end}")),
            (Some(start), None) if for_client => Some(fill(language, Message::From, &[("day", &start)])),
            (None, Some(end)) if for_client => Some(fill(language, Message::Until, &[("day", &end)])),
            (Some(start), None) => Some(format!("{} {start}", label(Word::From))),
            (None, Some(end)) => Some(format!("{} {end}", label(Word::Until))),
            (None, None) => None,
        }
    }

    /// How often something is repeated: so many times in so many units of time.
    pub(super) fn often(&self, times: &str, count: &str, unit: &str) -> String {
        let (language, count) = (self.language, self.number(count));
        let known = find_unit(language, unit).filter(|_| self.is_for_client());
        let Some([_, _, each, several]) = known else {
            let unit = language.code(unit);
            return if count == "1" {
                format!("{times} × / {unit}")
            } else {
                format!("{times} × / {count} {unit}")
            };
        };
        let period = format!("{count} {several}");
        match (times, &*count) {
            ("1", "1") => fill(language, Message::Once, &[("unit", each)]),
            (_, "1") => fill(language, Message::Times, &[("times", times), ("unit", each)]),
            ("1", _) => fill(language, Message::OnceEvery, &[("period", &period)]),
            _ => fill(language, Message::TimesEvery, &[("times", times), ("period", &period)]),
        }
    }

    /// A code of FHIR in words; to the client a code that has none is named as such.
    pub(super) fn code_word(&self, code: &str) -> String {
        let language = self.language;
        if !self.is_for_client() {
            return language.code(code).to_owned();
        }
        let kind = || language.find_label(code).filter(|_| code.starts_with(char::is_uppercase));
        let known = find_weekday(language, code).or_else(|| language.find_code(code)).or_else(kind);
        known.unwrap_or(Message::Unexplained.say(language)).to_owned()
    }

    /// A state in words, where it has some.
    pub(super) fn state_word(&self, code: &str) -> Option<&'static str> {
        let plain = find_plain_state(self.language, code).filter(|_| self.is_for_client());
        plain.or_else(|| self.language.find_state(code))
    }

    /// What an element is called that the reader knows by another word than the label of all pages, and what has no
    /// label at all.
    pub(super) fn reader_label(&self, name: &str) -> Option<&'static str> {
        find_plain_label(self.language, name).filter(|_| self.is_for_client())
    }

    /// The name of what has no label: its own name in FHIR, which says nothing to the client.
    pub(super) fn unlabelled(&self, name: &str) -> String {
        if self.is_for_client() { Message::More.say(self.language).to_owned() } else { name.to_owned() }
    }

    /// The words of a code in the language of the page, where its code system has them. The client alone reads them:
    /// workers read what their units wrote.
    pub(in crate::plan) fn display(&self, coding: NodeId) -> Option<String> {
        if !self.is_for_client() {
            return None;
        }
        let system = text(self.tree, coding, &["system"])?;
        let code = text(self.tree, coding, &["code"])?;
        let language = self.language.as_str();
        // Of the codes of R4 the catalogue has plainer words than their definitions.
        let plain = self.language.find_code(&code).filter(|_| system_language(&system) == Some("en"));
        if let Some(plain) = plain {
            return Some(plain.to_owned());
        }
        let found = schema().displays(&system, &code);
        let stated = found.iter().find(|(known, said)| {
            let start = known.get(..2).unwrap_or_default();
            start.eq_ignore_ascii_case(language) && !said.is_empty()
        });
        let own = || {
            found.first().filter(|(_, said)| !said.is_empty() && system_language(&system) == Some(language))
        };
        stated.or_else(own).map(|(_, said)| (*said).to_owned())
    }

    /// A concept as the client reads it: words that somebody wrote, then its codes in the language of the page. Words that
    /// only repeat what a code is called in another language give way to it.
    pub(super) fn concept_for_client(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        let codings: Vec<NodeId> = all(tree, node, "coding").collect();
        let unseen = codings.iter().filter(|coding| !self.seen.contains(coding));
        let displays: Vec<String> = unseen.filter_map(|coding| self.display(*coding)).collect();
        if displays.is_empty() {
            return None;
        }
        let own = tree.child_str(node, "text").filter(|said| !self.repeats_code(node, *said));
        let mut said: Vec<String> = own.and_then(|own| self.words(own)).into_iter().collect();
        for display in displays {
            if !said.iter().any(|known| known.eq_ignore_ascii_case(&display)) {
                said.push(display);
            }
        }
        Some(said.join("; "))
    }

    /// True where the text of a concept is what one of its codes is called, in any language.
    pub(in crate::plan) fn repeats_code(&self, concept: NodeId, said: NodeId) -> bool {
        let tree = self.tree;
        let said = tree.text(said);
        all(tree, concept, "coding").any(|coding| {
            let system = text(tree, coding, &["system"]).unwrap_or_default();
            let code = text(tree, coding, &["code"]).unwrap_or_default();
            let known = schema().displays(&system, &code);
            let is_same = |display: &str| display.trim() == said.trim();
            known.iter().any(|(_, display)| is_same(display))
                || text(tree, coding, &["display"]).is_some_and(|display| is_same(&display))
        })
    }

    /// What stands for a code that nothing explains, unless it was told.
    pub(super) fn unexplained(&self, coding: NodeId) -> Option<String> {
        let code = self.tree.child_str(coding, "code")?;
        if !self.tree.has_text(code) {
            return self.words(code);
        }
        let system = text(self.tree, coding, &["system"]).unwrap_or_default();
        let is_of_fhir = system_language(&system).is_some();
        let known = self.language.find_code(&self.tree.text(code)).filter(|_| is_of_fhir);
        let said = known.unwrap_or(Message::Unexplained.say(self.language));
        (!self.seen.contains(&code)).then(|| said.to_owned())
    }

    /// The language of what an element says, where it is known and is not that of the page.
    pub(in crate::plan) fn foreign(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        let code = match self.form(node) {
            Form::Text if NAMES.contains(&tree.name_text(node)) => None,
            // A number is in no language.
            Form::Text if !tree.text(node).chars().any(char::is_alphabetic) => None,
            Form::Text => self.language_of(node),
            Form::Concept => self.concept_language(node),
            Form::Coding => self.coding_language(node),
            Form::Reference => return self.name_language(node),
            Form::Extension => return value(tree, node).and_then(|value| self.foreign(value)),
            Form::Group => return tree.child_str(node, "text").and_then(|said| self.foreign(said)),
            _ => None,
        }?;
        self.unless_of_page(&code)
    }

    /// What the first concept that the page has words for is called in its language, and where that stands.
    pub(super) fn spoken_code(&self, concepts: &[NodeId]) -> Option<(String, NodeId)> {
        let tree = self.tree;
        concepts.iter().find_map(|concept| {
            let own = tree.child_str(*concept, "text").filter(|said| tree.has_text(*said));
            if own.is_some_and(|own| !self.repeats_code(*concept, own)) {
                return None;
            }
            let codings: Vec<NodeId> = all(tree, *concept, "coding").collect();
            let coding = codings.iter().find(|coding| self.display(**coding).is_some())?;
            let place = if codings.len() == 1 { *concept } else { *coding };
            Some((self.display(*coding)?, place))
        })
    }

    /// The language of what a reference leads to is called; names of people have none.
    fn name_language(&self, reference: NodeId) -> Option<String> {
        let tree = self.tree;
        if tree.child_str(reference, "display").is_some() {
            return None;
        }
        let (_, found) = self.find(reference)?;
        // Who works in a role is called by the name of the person.
        let named = human_name(tree, found).is_none() && tree.child_str(found, "practitioner").is_none();
        let (_, leaf) = self.spoken(found, super::next::NAMES).filter(|_| named)?;
        self.foreign(leaf)
    }

    fn concept_language(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        if self.spoken_code(&[node]).is_some() {
            return None;
        }
        if let Some(said) = tree.child_str(node, "text").filter(|said| tree.has_text(*said)) {
            return self.language_of(said);
        }
        all(tree, node, "coding").next().and_then(|coding| self.coding_language(coding))
    }

    fn coding_language(&self, coding: NodeId) -> Option<String> {
        let tree = self.tree;
        let system = text(tree, coding, &["system"]).unwrap_or_default();
        if self.display(coding).is_some() || INTERNATIONAL.contains(&&*system) {
            return None;
        }
        let display = tree.child_str(coding, "display")?;
        system_language(&system).map(str::to_owned).or_else(|| self.language_of(display))
    }

    /// The language that an element is written in: its own, its resource's, or that of the plan it came with.
    fn language_of(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        let mut here = Some(node);
        while let Some(node) = here {
            let stated = all(tree, node, "extension")
                .find(|extension| text(tree, *extension, &["url"]).as_deref() == Some(LANGUAGE));
            if let Some(code) = stated.and_then(|stated| tree.child_text(stated, "valueCode")) {
                return Some(code.into_owned());
            }
            if let Some(kind) = tree.resource_type(node) {
                let id = text(tree, node, &["id"]).unwrap_or_default();
                return self.resource_language(node).or_else(|| self.plan_language(&format!("{kind}/{id}")));
            }
            here = tree.parent(node);
        }
        None
    }

    /// The first part of a language's code, where it is not that of the page.
    fn unless_of_page(&self, code: &str) -> Option<String> {
        let start = code.get(..2).unwrap_or(code).to_lowercase();
        (start != self.language.as_str()).then_some(start)
    }

    /// The language of a source, where it is not that of the page.
    pub(in crate::plan) fn source_language(&self, source: usize) -> Option<String> {
        let code = self.languages.get(source).cloned().flatten()?;
        self.unless_of_page(&code)
    }

    /// The language of the document around a node, where it is not that of the page.
    pub(in crate::plan) fn prose_language(&self, node: NodeId) -> Option<String> {
        let code = self.language_of(node)?;
        self.unless_of_page(&code)
    }

    pub(super) fn resource_language(&self, resource: NodeId) -> Option<String> {
        let tree = self.tree;
        let stated = text(tree, resource, &["language"]);
        let narrative = || {
            let div = tree.child_str(resource, "text").and_then(|text| tree.child_str(text, "div"))?;
            let said = tree.text(div);
            let open = said.split('>').next().unwrap_or_default().to_owned();
            let behind = open.split_once(" lang=").map(|(_, behind)| behind.to_owned())?;
            let code: String = behind
                .chars()
                .skip(1)
                .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
                .collect();
            (!code.is_empty()).then_some(code)
        };
        stated.map(std::borrow::Cow::into_owned).or_else(narrative)
    }

    /// The language of the documents that a resource came with, where all of them are in one.
    fn plan_language(&self, target: &str) -> Option<String> {
        let sources = self.origins.get(target)?;
        let mut found = sources.iter().map(|at| self.languages.get(*at).cloned().flatten());
        let first = found.next()??;
        found.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }
}

fn system_language(system: &str) -> Option<&'static str> {
    SYSTEM_LANGUAGES.iter().find(|(start, _)| system.starts_with(start)).map(|(_, language)| *language)
}
