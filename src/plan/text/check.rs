//! What people have to settle: contradictions and what may be one thing twice, in words.

use super::value::date;
use super::words::{Word, sector_word};
use super::{Page, Style};
use crate::plan::Statement;
use crate::plan::join::{Finding, FindingKind, Side, SourceState};
use crate::tree::{Kind, Name, NodeId, Tree};

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
        let likely: Vec<&Finding> =
            joined.findings.iter().filter(|finding| finding.kind == FindingKind::LikelyDuplicate).collect();
        let valid = joined.findings.iter().filter(|finding| finding.kind == FindingKind::SeveralHealthPlans);
        let valid: Vec<&Finding> = valid.collect();
        if conflicts.is_empty() && valid.is_empty() && likely.is_empty() && left_out.is_empty() {
            return;
        }
        self.heading(Word::Check);
        for label in left_out {
            self.line(Style::Warning, format!("{}: {label}", self.language.say(Word::LeftOut)));
        }
        for finding in conflicts {
            let about = self.element(&finding.element);
            let name =
                finding.sides.first().and_then(|side| self.name_of(*self.resources.get(&side.target)?));
            let name = name.map_or_else(String::new, |name| format!("{name}: "));
            let is_settled = finding.decided.is_some();
            let (style, word) =
                if is_settled { (Style::Text, Word::Settled) } else { (Style::Warning, Word::Conflict) };
            self.line(style, format!("{}: {name}{about}", self.language.say(word)));
            self.decided(finding);
            self.sides(finding);
        }
        for finding in valid {
            self.line(Style::Warning, self.language.say(Word::SeveralHealthPlans));
            self.sides(finding);
        }
        for finding in likely {
            self.line(Style::Warning, self.language.say(Word::LikelyDuplicate));
            self.sides(finding);
        }
    }

    /// Who has settled a finding, when, why and how.
    fn decided(&mut self, finding: &Finding) {
        let rulings = &self.joined.rulings;
        let by_id =
            |id: &String| rulings.iter().map(|ruling| &ruling.decision).find(|made| made.id() == id.as_str());
        let Some(made) = finding.decided.as_ref().and_then(by_id) else { return };
        let day = date(made.time().get(..10).unwrap_or("")).unwrap_or_default();
        let mut said = format!("{}: {}", self.language.say(Word::DecidedBy), made.by().to_words());
        for part in [day.as_str(), made.reason()].into_iter().filter(|part| !part.is_empty()) {
            said.push_str(&format!(", {part}"));
        }
        if let Statement::Value { right, .. } = made.statement()
            && let Some(side) = finding.sides.iter().find(|side| side.ground == *right)
        {
            said = format!("{} ({said})", self.side_value(finding, side));
        }
        self.line(Style::Text, said);
    }

    /// What the element at a path is called.
    pub(in crate::plan) fn element(&self, path: &str) -> String {
        let last = path.rsplit('.').find(|name| !["coding", "text"].contains(name));
        if let Some(label) = last.and_then(|last| self.reader_label(last)) {
            return label.to_owned();
        }
        if let Some(word) = element_word(path) {
            return self.language.say(word).to_owned();
        }
        let mut names = path.rsplit('.').filter(|name| !["coding", "text", "extension"].contains(name));
        let last = names.next().unwrap_or(path);
        let base = ["value", "occurrence", "onset", "effective", "detail", "scheduled", "performed"];
        let base = base.into_iter().find(|base| last.starts_with(base));
        let known = self.language.find_label(last).or_else(|| self.language.find_label(base?));
        known.map_or_else(|| self.unlabelled(last), str::to_owned)
    }

    fn sides(&mut self, finding: &Finding) {
        for side in &finding.sides {
            let value = self.side_value(finding, side);
            let who = self.who_says(&side.source);
            self.line(Style::Text, if value.is_empty() { who } else { format!("{who}: {value}") });
        }
    }

    /// What a side says, as the page says it at the entry; a value that the entry does not hold is read from the
    /// finding.
    pub(in crate::plan) fn side_value(&self, finding: &Finding, side: &Side) -> String {
        let at_entry = self.resources.get(&side.target).into_iter().flat_map(|node| {
            let mut here = vec![*node];
            for name in finding.element.split('.').skip(1) {
                here = here.iter().flat_map(|node| crate::plan::read::all(self.tree, *node, name)).collect();
            }
            here
        });
        let told = at_entry.into_iter().find(|node| cited(self.tree, *node) == side.value);
        if let Some(words) = told.and_then(|node| self.words(node)) {
            return words;
        }
        match element_word(&finding.element) {
            Some(Word::State) => self.state_word(&side.value).unwrap_or(&side.value).to_owned(),
            Some(Word::Gender) => self.language.code(&side.value).to_owned(),
            _ if date(&side.value).is_some() => self.date(&side.value),
            _ => without_systems(&side.value),
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

    /// Says at an entry that its sources contradict each other.
    pub(super) fn contested(&mut self, target: &str) {
        let is = |finding: &&Finding| {
            finding.kind == FindingKind::Conflict
                && finding.decided.is_none()
                && finding.sides.iter().any(|side| side.target == target)
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

/// The value of an element as a finding cites it.
fn cited(tree: &Tree, node: NodeId) -> String {
    let leaves = tree.descend(node).filter(|leaf| {
        tree.kind(*leaf).is_leaf() && tree.kind(*leaf) != Kind::Null && tree.name(*leaf) != Name::URL
    });
    leaves.map(|leaf| tree.text(leaf)).collect::<Vec<_>>().join(" ")
}

/// A cited value without the urls of code systems; a code gives way to the words behind it.
fn without_systems(value: &str) -> String {
    let words: Vec<&str> = value.split(' ').collect();
    let is_system =
        |word: &&str| word.starts_with("urn:") || word.starts_with("http:") || word.starts_with("https:");
    let behind = words.iter().position(is_system).map(|at| at + 1);
    match behind.and_then(|at| words.get(at..)) {
        Some([_, said, ..]) if !said.is_empty() => words
            .iter()
            .enumerate()
            .filter(|(at, word)| !is_system(word) && behind != Some(*at))
            .map(|(_, word)| *word)
            .collect::<Vec<_>>()
            .join(" "),
        Some(_) | None => words.into_iter().filter(|word| !is_system(word)).collect::<Vec<_>>().join(" "),
    }
}
