//! What people have to settle: contradictions and what may be one thing twice, in words.

use super::words::{Word, sector_word};
use super::{Page, Style, date};
use crate::plan::join::{Finding, FindingKind, SourceState};

/// Elements of a conflict in words, by the end of their path.
const ELEMENTS: &[(&str, Word)] = &[
    ("lifecycleStatus", Word::State),
    ("status", Word::State),
    ("achievementStatus.text", Word::Achievement),
    ("achievementStatus.coding", Word::Achievement),
    ("dueDate", Word::Due),
    ("startDate", Word::From),
    ("birthDate", Word::BirthDate),
    ("gender", Word::Gender),
    ("identifier", Word::SameIdentifier),
];

impl Page<'_> {
    /// The findings; who is to be contacted was said above.
    pub(super) fn findings(&mut self) {
        let joined = self.joined;
        let left_out = joined.sources.iter().filter(|source| source.state == SourceState::LeftOut);
        let left_out: Vec<&str> = left_out.map(|source| source.label.as_str()).collect();
        let conflicts: Vec<&Finding> =
            joined.findings.iter().filter(|finding| finding.kind == FindingKind::Conflict).collect();
        // Of what contradicts itself under one identifier it need not be said that it may be one.
        let known = |likely: &Finding| {
            conflicts.iter().any(|conflict| {
                let has = |target: &String| conflict.sides.iter().any(|side| side.target == *target);
                likely.sides.iter().all(|side| has(&side.target))
            })
        };
        let likely = joined.findings.iter().filter(|finding| finding.kind == FindingKind::LikelyDuplicate);
        let likely: Vec<&Finding> = likely.filter(|finding| !known(finding)).collect();
        if conflicts.is_empty() && likely.is_empty() && left_out.is_empty() {
            return;
        }
        self.heading(Word::Check);
        for label in left_out {
            self.line(Style::Warning, format!("{}: {label}", self.language.say(Word::LeftOut)));
        }
        for finding in conflicts {
            let element = element_word(&finding.element);
            let about = element.map_or(finding.element.as_str(), |word| self.language.say(word));
            let name = finding.sides.first().and_then(|side| self.name_of(&side.target));
            let name = name.map_or_else(String::new, |name| format!("{name}: "));
            self.line(Style::Warning, format!("{}: {name}{about}", self.language.say(Word::Conflict)));
            self.sides(finding);
        }
        for finding in likely {
            self.line(Style::Warning, self.language.say(Word::LikelyDuplicate));
            self.sides(finding);
        }
    }

    fn sides(&mut self, finding: &Finding) {
        for side in &finding.sides {
            let value = match element_word(&finding.element) {
                Some(Word::State) => self.language.state(&side.value).to_owned(),
                Some(Word::Gender) => self.language.gender(&side.value).to_owned(),
                Some(Word::Due | Word::From | Word::BirthDate) => date(&side.value),
                _ => side.value.clone(),
            };
            let who = self.who_says(&side.source);
            self.line(Style::Text, if value.is_empty() { who } else { format!("{who}: {value}") });
        }
    }

    /// The sector and the organisation of a source.
    fn who_says(&self, label: &str) -> String {
        let Some(source) = self.joined.sources.iter().find(|source| source.label == label) else {
            return label.to_owned();
        };
        let organisation = source.organisation.as_deref().unwrap_or(&source.unit);
        format!("{}, {organisation}", sector_word(self.language, source.sector))
    }

    /// What a resource of the plan is called.
    fn name_of(&self, target: &str) -> Option<String> {
        let node = self.resources.get(target)?;
        if target.starts_with("Patient/") {
            return crate::plan::read::human_name(self.tree, *node);
        }
        self.spoken(*node, &["description", "code", "title"])
    }

    /// Says at an entry that its sources contradict each other.
    pub(super) fn contested(&mut self, target: &str) {
        let is = |finding: &&Finding| {
            finding.kind == FindingKind::Conflict && finding.sides.iter().any(|side| side.target == target)
        };
        if self.joined.findings.iter().any(|finding| is(&finding)) {
            let said = [Word::Conflict, Word::See, Word::Check].map(|word| self.language.say(word));
            self.line(Style::Contested, format!("{}, {}: {}", said[0], said[1], said[2]));
        }
    }
}

fn element_word(path: &str) -> Option<Word> {
    let ends = |end: &str| path.strip_suffix(end).is_some_and(|rest| rest.ends_with('.'));
    ELEMENTS.iter().find(|(end, _)| ends(end)).map(|(_, word)| *word)
}
