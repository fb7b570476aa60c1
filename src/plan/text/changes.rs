//! What has changed between two joined plans, for people.

use super::words::{Word, sector_word};
use super::{IdentityCode, Line, Page, Reader, Style};
use crate::diag::Language;
use crate::plan::compare::{Change, ChangeKind, Teller};
use crate::plan::join::Joined;
use crate::tree::NodeId;
use std::collections::BTreeSet;

/// Letters of a value that a line holds at most.
const SHOWN_MAX: usize = 300;

/// Kinds that a join makes for machines: what they say of a change stands beside each other change.
const FOR_MACHINES: &[&str] = &["Provenance/", "DetectedIssue/"];

/// The changes from one joined plan to another as lines for people.
pub fn render_changes(
    before: &Joined,
    after: &Joined,
    changes: &[Change],
    language: Language,
    code: IdentityCode,
) -> Vec<Line> {
    let pages = Pages {
        before: Page::new(before, language, Reader::Worker),
        after: Page::new(after, language, Reader::Worker),
        code,
    };
    let mut page = Page::new(after, language, Reader::Worker);
    page.heading(Word::Changes);
    let for_people = |change: &&Change| !FOR_MACHINES.iter().any(|kind| change.target.starts_with(kind));
    let told: Vec<&Change> = changes.iter().filter(for_people).collect();
    let mut opened = "";
    for (at, change) in told.iter().enumerate() {
        if opened != change.target {
            opened = &change.target;
            page.line(Style::Label, pages.entry(change));
        }
        if !change.element.is_empty()
            && let Some(said) = pages.element(change)
        {
            page.line(Style::Text, said);
        }
        if told.get(at + 1).is_none_or(|next| next.target != change.target) {
            let of_entry = told.iter().filter(|other| other.target == change.target);
            let tellers: BTreeSet<&Teller> = of_entry.flat_map(|other| &other.sources).collect();
            let said: Vec<String> =
                tellers.into_iter().map(|teller| teller_words(teller, language)).collect();
            if !said.is_empty() {
                page.line(Style::Source, said.join("; "));
            }
        }
    }
    if told.is_empty() {
        page.line(Style::Label, language.say(Word::NoChanges));
    }
    page.lines
}

/// The pages of both plans, on which nothing counts as shown yet.
struct Pages<'a> {
    before: Page<'a>,
    after: Page<'a>,
    code: IdentityCode,
}

impl Pages<'_> {
    /// The line that opens the changes of a resource.
    fn entry(&self, change: &Change) -> String {
        let language = self.after.language;
        let resource = |page: &Page<'_>| page.resources.get(&change.target).copied();
        let (page, node) = match (resource(&self.after), resource(&self.before)) {
            (Some(node), _) => (&self.after, Some(node)),
            (None, node) => (&self.before, node),
        };
        let kind = language.label(change.target.split('/').next().unwrap_or_default());
        let name = node.and_then(|node| page.name_of(node));
        let said = name.map_or_else(|| kind.to_owned(), |name| format!("{kind}: {name}"));
        match change.kind {
            ChangeKind::Added if change.element.is_empty() => {
                format!("{}: {said}", language.say(Word::Appeared))
            }
            ChangeKind::Removed if change.element.is_empty() => {
                format!("{}: {said}", language.say(Word::Disappeared))
            }
            _ => said,
        }
    }

    /// The line of one element: what it was and what it is.
    fn element(&self, change: &Change) -> Option<String> {
        let before = change.before.and_then(|node| self.value(&self.before, node, change));
        let after = change.after.and_then(|node| self.value(&self.after, node, change));
        let value = match (before, after) {
            (Some(before), Some(after)) if before == after => return None,
            (Some(before), Some(after)) => format!("{before} → {after}"),
            (Some(before), None) => format!("{before} → –"),
            (None, Some(after)) => after,
            (None, None) => return None,
        };
        Some(format!("{}: {value}", self.label(change)))
    }

    fn value(&self, page: &Page<'_>, node: NodeId, change: &Change) -> Option<String> {
        // The date of birth is the first half of the code.
        if self.code == IdentityCode::Masked && change.element.ends_with(".birthDate") {
            return Some("…".to_owned());
        }
        let said = page.words(node)?;
        let mut shown: String = said.chars().take(SHOWN_MAX).collect();
        if shown.len() < said.len() {
            shown.push('…');
        }
        Some(shown)
    }

    /// What the element is called, with the element that it stands in.
    fn label(&self, change: &Change) -> String {
        let (page, node) = match (change.after, change.before) {
            (Some(node), _) => (&self.after, node),
            (None, before) => (&self.before, before.unwrap_or(NodeId::ROOT)),
        };
        let own = page.label(node);
        let depth = change.element.split('.').count();
        let parent = page.tree.parent(node).filter(|_| depth > 2);
        parent.map_or_else(|| own.clone(), |parent| format!("{}, {own}", page.label(parent)))
    }
}

fn teller_words(teller: &Teller, language: Language) -> String {
    let mut words = vec![sector_word(language, teller.sector).to_owned(), teller.name.clone()];
    words.extend(teller.version.as_ref().map(|version| format!("{} {version}", language.say(Word::Version))));
    words.join(", ")
}
