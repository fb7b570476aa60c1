//! Elements in words: dates, numbers, codes, names, references, and everything that is made of them.
//!
//! What an element is, the definitions of R4 say; what they do not have is told by its parts. A value that the unit
//! wrote in words where FHIR asks for a date or a code is shown as the unit wrote it, in quotes.

use super::Page;
use super::form::Form;
use super::words::Word;
use crate::plan::SAUMA;
use crate::plan::read::{all, concept, extension_text, human_name, identifiers, reference, text};
use crate::plan::time;
use crate::tree::{Name, NodeId, Tree};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// Elements that tie the resources of a plan together; the page shows the tie by where an entry stands.
const TIES: &[&str] =
    &["subject", "patient", "beneficiary", "careTeam", "supportingInfo", "encounter", "practitioner"];

impl Page<'_> {
    /// The words of an element; all below it counts as shown from then on.
    pub(in crate::plan) fn tell(&mut self, node: NodeId) -> Option<String> {
        let said = self.words(node);
        self.see(node);
        said
    }

    /// Counts an element as shown.
    pub(in crate::plan) fn see(&mut self, node: NodeId) {
        self.seen.extend(self.tree.descend(node));
    }

    /// The words of what is not shown yet of an element.
    pub(in crate::plan) fn words(&self, node: NodeId) -> Option<String> {
        if self.seen.contains(&node) || self.is_aside(node) {
            return None;
        }
        let said = match self.form(node) {
            Form::Aside => None,
            form @ (Form::Moment | Form::Number | Form::Flag | Form::Code | Form::Text) => {
                self.leaf(node, form)
            }
            Form::Concept => self.concept_words(node),
            Form::Coding => self.coding_words(node),
            Form::Quantity => self.quantity(node),
            Form::Range => self.range(node),
            Form::Period => self.period(node),
            Form::Reference => self.reference_words(node),
            Form::Person => self.with_parts(self.full_name(node), node, PERSON_PARTS),
            Form::Address => self.address(node),
            Form::Contact => self.contact_words(node),
            Form::Timing => self.timing(node),
            Form::Repeat => self.repeat(node),
            Form::Extension => self.extension_words(node),
            Form::Group => self.group(node),
        };
        said.filter(|said| !said.trim().is_empty())
    }

    /// The parts of an element that are not shown yet, each with its label; parts of one label are one.
    pub(in crate::plan) fn parts(&self, node: NodeId) -> Vec<(String, String)> {
        self.parts_but(node, &[])
    }

    fn parts_but(&self, node: NodeId, told: &[&str]) -> Vec<(String, String)> {
        let mut parts: Vec<(String, bool, String)> = Vec::new();
        for child in self.tree.children(node) {
            if told.contains(&self.tree.name_text(child)) {
                continue;
            }
            let Some(said) = self.words(child) else { continue };
            let label = self.label(child);
            // What is made of parts stands alone; several words of one label stand in one line.
            let is_alone = self.is_compound(child);
            // Several units may have said the same of one person.
            let is_same = |told: &str| told == said || told.split("; ").any(|one| one == said);
            if parts.iter().any(|(known, _, told)| *known == label && is_same(told)) {
                continue;
            }
            match parts.iter_mut().find(|(known, of, _)| *known == label && !*of && !is_alone) {
                Some((.., told)) => *told = format!("{told}; {said}"),
                None => parts.push((label, is_alone, said)),
            }
        }
        parts.into_iter().map(|(label, _, said)| (label, said)).collect()
    }

    fn is_compound(&self, node: NodeId) -> bool {
        match self.form(node) {
            Form::Group => true,
            Form::Extension => all(self.tree, node, "extension").next().is_some(),
            _ => false,
        }
    }

    /// The words of a leaf, shown or not.
    pub(in crate::plan) fn said(&self, leaf: NodeId) -> Option<String> {
        self.leaf(leaf, self.form(leaf)).filter(|said| !said.trim().is_empty())
    }

    fn leaf(&self, node: NodeId, form: Form) -> Option<String> {
        let tree = self.tree;
        let unit = extension_text(tree, node, "source-text");
        let stated = tree.has_text(node).then(|| tree.text(node));
        let said = match (form, stated, unit) {
            (Form::Code, ..) if is_state(tree.name_text(node)) => Some(self.state(node)),
            (Form::Moment, Some(stated), Some(unit)) => Some(self.moment(&stated, &unit)),
            (Form::Moment, Some(stated), None) => Some(self.date(&stated)),
            (_, None, Some(unit)) => Some(self.language.quote(&unit)),
            (_, Some(stated), Some(unit)) => Some(format!("{stated} ({})", self.language.quote(&unit))),
            (Form::Number, Some(stated), None) => Some(self.number(&stated)),
            (Form::Flag, Some(stated), None) => {
                Some(self.language.say(if stated == "true" { Word::Yes } else { Word::No }).to_owned())
            }
            (Form::Code, Some(stated), None) => {
                let of = tree.parent(node).and_then(|parent| tree.child_text(parent, "url"));
                let state = self.state_word(&stated).filter(|_| of.as_deref() == Some("status"));
                Some(state.map_or_else(|| self.code_word(&stated), str::to_owned))
            }
            (_, Some(stated), None) => Some(stated.into_owned()),
            (_, None, None) => None,
        };
        let mut more = Vec::new();
        for extension in tree.children_named(node, Name::EXTENSION) {
            if self.extension_word(extension).is_some_and(|word| word != "source-text") {
                more.extend(self.words(extension).map(|words| format!("{}: {words}", self.label(extension))));
            }
        }
        match (said, more.is_empty()) {
            (said, true) => said,
            (Some(said), false) => Some(format!("{said} ({})", more.join("; "))),
            (None, false) => Some(more.join("; ")),
        }
    }

    /// A date of which the unit's own writing is known. A time stamp in digits (HL7 TS) gives the time of day that
    /// a FHIR date cannot hold; anything else that the unit wrote stands beside the date.
    fn moment(&self, stated: &str, unit: &str) -> String {
        let said = self.date(stated);
        let digits: String = stated.chars().filter(char::is_ascii_digit).collect();
        let Some(rest) = unit.strip_prefix(digits.get(..8).unwrap_or(&digits)) else {
            return format!("{said} ({})", self.language.quote(unit));
        };
        let clock = rest.get(..2).zip(rest.get(2..4)).filter(|(hours, minutes)| {
            hours.chars().chain(minutes.chars()).all(|digit| digit.is_ascii_digit())
        });
        match clock {
            _ if stated.len() > 10 => said,
            Some((hours, minutes)) => self.date(&format!("{stated}T{hours}:{minutes}")),
            None => format!("{said} ({})", self.language.quote(unit)),
        }
    }

    /// The state of a resource in words. An activity that was inline in its unit's plan has the words of that form;
    /// of its pairs of states that share a code of a request, the first is the one without `source-text`.
    pub(in crate::plan) fn state(&self, status: NodeId) -> String {
        let (tree, language) = (self.tree, self.language);
        let code = text(tree, status, &[]).unwrap_or_default();
        if let Some(unit) = extension_text(tree, status, "source-text") {
            let quoted = language.quote(&unit);
            return match (self.state_word(&unit), self.state_word(&code)) {
                (Some(known), _) => known.to_owned(),
                (None, Some(known)) if code != "unknown" => format!("{known} ({quoted})"),
                (None, _) => format!("{}: {quoted}", language.say(Word::StateUnknown)),
            };
        }
        let owner = tree.parent(status);
        let kind = owner.and_then(|owner| tree.resource_type(owner)).unwrap_or_default();
        let is_inline = owner.and_then(|owner| tree.child_str(owner, "meta")).is_some_and(|meta| {
            all(tree, meta, "tag").any(|tag| is_own_code(tree, tag, "activity-form", "detail"))
        });
        let code = match (&*code, &*kind) {
            ("draft", _) if is_inline => "not-started",
            ("active", _) if is_inline => "scheduled",
            ("revoked", _) if is_inline => "cancelled",
            ("active", "Goal" | "Condition") => "active",
            // What is no longer sought is not thereby reached.
            ("completed", "Goal" | "CarePlan") => "ended",
            ("active", kind) if !kind.is_empty() => "in-force",
            (code, _) => code,
        };
        match self.state_word(code) {
            Some(known) => known.to_owned(),
            None if code.is_empty() || self.is_for_client() => language.say(Word::StateUnknown).to_owned(),
            None => format!("{}: {}", language.say(Word::StateUnknown), language.quote(code)),
        }
    }

    /// A concept: its text and the names of its codes; the bare code only where nobody wrote a word.
    fn concept_words(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        if let Some(said) = self.concept_for_client(node) {
            return Some(said);
        }
        let codings: Vec<NodeId> = all(tree, node, "coding").collect();
        let own = tree.child_str(node, "text");
        let named = codings.iter().filter_map(|coding| tree.child_str(*coding, "display"));
        let words: Vec<NodeId> = own.into_iter().chain(named).collect();
        let mut said: Vec<String> = Vec::new();
        for word in &words {
            said.extend(self.words(*word).filter(|word| !said.contains(word)));
        }
        if words.is_empty() {
            said.extend(codings.iter().find_map(|coding| self.coding_words(*coding)));
        }
        said.extend(self.extensions(node));
        for coding in codings.iter().filter(|_| !words.is_empty()) {
            said.extend(self.extensions(*coding));
            let unit = tree.child_str(*coding, "code").filter(|code| !tree.has_text(*code));
            said.extend(unit.and_then(|code| self.words(code)));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn coding_words(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        if self.is_for_client() && self.seen.contains(&node) {
            return None;
        }
        let display = tree.child_str(node, "display");
        let coded = || tree.child_str(node, "code").and_then(|code| self.words(code));
        let coded = || if self.is_for_client() { self.unexplained(node) } else { coded() };
        let own = self.display(node);
        let shown = own.or_else(|| display.map_or_else(coded, |leaf| self.words(leaf)));
        let said: Vec<String> = shown.into_iter().chain(self.extensions(node)).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }

    /// The extensions of an element in words, each with its label.
    fn extensions(&self, node: NodeId) -> Vec<String> {
        let said = |extension| Some((self.words(extension)?, self.label(extension)));
        let found = self.tree.children_named(node, Name::EXTENSION).filter_map(said);
        found.map(|(said, label)| format!("{label}: {said}")).collect()
    }

    /// Some words, then the named parts of an element that are not among them.
    fn with_parts(&self, said: Option<String>, node: NodeId, told: &[&str]) -> Option<String> {
        let mut words: Vec<String> = said.into_iter().collect();
        for (label, part) in self.parts_but(node, told) {
            words.push(format!("{label}: {part}"));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn quantity(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        let part = |name: &str| tree.child_str(node, name).and_then(|part| self.leaf(part, Form::Number));
        let sign = text(tree, node, &["comparator"]).map(Cow::into_owned);
        let unit = tree.child_str(node, "unit").or_else(|| tree.child_str(node, "code"));
        let unit = unit.and_then(|unit| self.leaf(unit, Form::Text)).filter(|unit| unit != "1");
        let said = self.amount(part("value"), unit);
        let said = match (said, sign) {
            (Some(said), Some(sign)) => Some(self.compared(&sign, &said)),
            (said, sign) => said.or(sign),
        };
        self.with_parts(said, node, &["comparator", "value", "unit", "code", "system"])
    }

    fn range(&self, node: NodeId) -> Option<String> {
        let end = |name: &str| self.tree.child_str(node, name).and_then(|end| self.quantity(end));
        let said = match (end("low"), end("high")) {
            (Some(low), Some(high)) => Some(format!("{low} – {high}")),
            (Some(low), None) => Some(self.compared("≥", &low)),
            (None, Some(high)) => Some(self.compared("≤", &high)),
            (None, None) => None,
        };
        self.with_parts(said, node, &["low", "high"])
    }

    fn period(&self, node: NodeId) -> Option<String> {
        let end = |name: &str| self.tree.child_str(node, name).and_then(|end| self.words(end));
        let said = self.between(end("start"), end("end"));
        self.with_parts(said, node, &["start", "end"])
    }

    /// What a reference leads to: the words of the reference itself, otherwise the name of the resource.
    fn reference_words(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        let found = self.find(node);
        if found.is_some() && TIES.contains(&tree.name_text(node)) {
            return None;
        }
        let shown = tree.child_str(node, "display").and_then(|display| self.words(display));
        let said = shown.or_else(|| found.and_then(|(_, found)| self.name_of(found)));
        self.with_parts(said, node, &["reference", "type", "identifier", "display"])
    }

    /// The resource that a reference names, by its place or by an identifier.
    pub(in crate::plan) fn find(&self, node: NodeId) -> Option<(String, NodeId)> {
        let tree = self.tree;
        let by_place = reference(tree, node)
            .and_then(|target| Some((target.clone().into_owned(), *self.resources.get(&*target)?)));
        by_place.or_else(|| {
            let named = all(tree, node, "identifier").next()?;
            let system = text(tree, named, &["system"]).unwrap_or_default();
            let value = text(tree, named, &["value"])?;
            let target = self.identified.get(&format!("{system}|{value}"))?;
            Some((target.clone(), *self.resources.get(target)?))
        })
    }

    /// What a resource is called in the words of others.
    pub(in crate::plan) fn name_of(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        let kind = tree.resource_type(node)?;
        match &*kind {
            "PractitionerRole" => {
                let part = |name| {
                    let part = tree.child_str(node, name)?;
                    let followed = self.find(part).and_then(|(_, found)| human_name(tree, found));
                    followed.or_else(|| text(tree, part, &["display"]).map(Cow::into_owned))
                };
                let title =
                    || all(tree, node, "code").find_map(|code| concept(tree, code)).map(Cow::into_owned);
                part("practitioner").or_else(|| part("organization")).or_else(title)
            }
            "Device" => text(tree, node, &["deviceName", "name"]).map(Cow::into_owned),
            "CarePlan" | "DocumentReference" | "Questionnaire" => {
                let title = text(tree, node, &["title"]).or_else(|| text(tree, node, &["description"]));
                title.map(Cow::into_owned)
            }
            _ => {
                human_name(tree, node).or_else(|| self.spoken(node, super::next::NAMES).map(|(said, _)| said))
            }
        }
    }

    /// A whole name with its titles; of a name in one text also the parts that it leaves out.
    fn full_name(&self, name: NodeId) -> Option<String> {
        let tree = self.tree;
        let whole = text(tree, name, &["text"]).unwrap_or_default();
        let mut said = tree.child_str(name, "text").and_then(|text| self.words(text)).unwrap_or_default();
        let mut parts: Vec<String> = Vec::new();
        for part in ["prefix", "given", "family", "suffix"].into_iter().flat_map(|kind| all(tree, name, kind))
        {
            let is_told = tree.has_text(part) && whole.contains(&*tree.text(part));
            parts.extend(self.words(part).filter(|_| !is_told));
        }
        if !said.is_empty() && !parts.is_empty() {
            said.push_str(", ");
        }
        said.push_str(&parts.join(" "));
        (!said.is_empty()).then_some(said)
    }

    fn address(&self, node: NodeId) -> Option<String> {
        const PARTS: &[&str] = &["line", "postalCode", "city", "district", "state", "country"];
        let tree = self.tree;
        let mut said: Vec<String> =
            tree.child_str(node, "text").and_then(|leaf| self.words(leaf)).into_iter().collect();
        for name in PARTS {
            said.extend(all(tree, node, name).filter_map(|part| self.words(part)));
        }
        let said = (!said.is_empty()).then(|| said.join(", "));
        let told: Vec<&str> = PARTS.iter().copied().chain(["text", "type", "use"]).collect();
        self.with_parts(said, node, &told)
    }

    fn contact_words(&self, node: NodeId) -> Option<String> {
        let value = self.tree.child_str(node, "value").and_then(|value| self.words(value));
        let bare = value.map(|value| bare_number(&value).to_owned());
        self.with_parts(bare, node, &["value", "system", "use", "rank"])
    }

    /// When something happens by its words, its days, or how it is repeated.
    fn timing(&self, node: NodeId) -> Option<String> {
        let told = ["code", "event", "repeat"];
        let parts = told.iter().flat_map(|name| all(self.tree, node, name));
        let said: Vec<String> = parts.filter_map(|part| self.words(part)).collect();
        self.with_parts((!said.is_empty()).then(|| said.join(", ")), node, &told)
    }

    /// How often something is repeated.
    fn repeat(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        let part = |name: &str| text(tree, node, &[name]);
        let often = part("frequency").zip(part("period").zip(part("periodUnit")));
        let said = often.map(|(times, (count, unit))| self.often(&times, &count, &unit));
        let bounds = tree.child_str(node, "boundsPeriod").and_then(|bounds| self.words(bounds));
        let days: Vec<String> = all(tree, node, "dayOfWeek").filter_map(|day| self.words(day)).collect();
        let days = (!days.is_empty()).then(|| days.join(", "));
        let mut told = vec!["boundsPeriod", "dayOfWeek"];
        if said.is_some() {
            told.extend(["frequency", "period", "periodUnit"]);
        }
        let said: Vec<String> = [bounds, said, days].into_iter().flatten().collect();
        self.with_parts((!said.is_empty()).then(|| said.join(", ")), node, &told)
    }

    fn extension_words(&self, node: NodeId) -> Option<String> {
        let words = self.group_of_values(node);
        if self.extension_word(node).as_deref() == Some("source-text") {
            return words.map(|words| self.language.quote(&words));
        }
        words
    }

    /// The value of an extension alone; of one that is made of others, each with its label.
    fn group_of_values(&self, node: NodeId) -> Option<String> {
        let mut said = Vec::new();
        for child in self.tree.children(node).filter(|child| self.tree.name(*child) != Name::URL) {
            let Some(words) = self.words(child) else { continue };
            let is_value = self.tree.name_text(child).starts_with("value");
            said.push(if is_value { words } else { format!("{}: {words}", self.label(child)) });
        }
        (!said.is_empty()).then(|| said.join(", "))
    }

    fn group(&self, node: NodeId) -> Option<String> {
        let words = self.tree.child_str(node, "text").filter(|text| self.tree.kind(*text).is_leaf());
        self.with_parts(words.and_then(|words| self.words(words)), node, &["text"])
    }
}

/// The parts of a name that [`Page::full_name`] tells.
const PERSON_PARTS: &[&str] = &["use", "text", "family", "given", "prefix", "suffix"];

/// A telephone number or address without the scheme of its url.
pub(in crate::plan) fn bare_number(number: &str) -> &str {
    ["tel:", "mailto:", "fax:"].iter().find_map(|scheme| number.strip_prefix(scheme)).unwrap_or(number)
}

/// True for an element whose code is a state.
fn is_state(name: &str) -> bool {
    matches!(name, "status" | "lifecycleStatus")
}

/// True for a coding of one of Sauma's own code systems.
pub(super) fn is_own_code(tree: &Tree, coding: NodeId, system_word: &str, code: &str) -> bool {
    let system = text(tree, coding, &["system"]);
    let word = system.as_deref().and_then(|system| system.strip_prefix(SAUMA)?.strip_prefix("CodeSystem/"));
    word == Some(system_word) && text(tree, coding, &["code"]).as_deref() == Some(code)
}

/// A FHIR date in the form of the page; nothing where it is none.
pub(super) fn date(text: &str) -> Option<String> {
    time::seconds(text)?;
    let mut parts = text.get(..10).unwrap_or(text).split('-');
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u16>().ok());
    let day = match (number(parts.next()), number(parts.next()), number(parts.next())) {
        (Some(year), Some(month), Some(day)) => format!("{day}.{month}.{year}"),
        (Some(year), Some(month), None) => format!("{month}/{year}"),
        (Some(year), None, None) => year.to_string(),
        _ => return None,
    };
    Some(match text.get(11..16) {
        Some(clock) => format!("{day} {clock}"),
        None => day,
    })
}

/// Which resource an identifier belongs to.
pub(super) fn by_identifier(tree: &Tree, resources: &BTreeMap<String, NodeId>) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for (target, node) in resources {
        for (system, value) in identifiers(tree, *node) {
            found.entry(format!("{system}|{value}")).or_insert_with(|| target.clone());
        }
    }
    found
}
