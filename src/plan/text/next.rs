//! What happens next: the activities of all units by date, and when the units look at their plans again.

use super::words::{Word, has_ended};
use super::{Page, Style, date};
use crate::plan::join::PLAN;
use crate::plan::read::{all, at, extension_text, extensions, text, value};
use crate::tree::{Name, NodeId};
use std::borrow::Cow;

/// Kinds of resources that are something to do.
const REQUESTS: &[&str] =
    &["ServiceRequest", "Task", "Appointment", "MedicationRequest", "NutritionOrder", "DeviceRequest"];
/// Elements that say what an activity is, by what tells people most.
const NAMES: &[&str] = &["code", "medicationCodeableConcept", "description"];

/// When something happens: its label, what is shown and what it is sorted by.
struct When {
    word: Word,
    said: String,
    sort: Option<String>,
}

/// Something to do.
struct Activity {
    when: Option<When>,
    /// The resource; empty for one that stands inside the plan.
    target: String,
    node: NodeId,
}

impl Page<'_> {
    /// What is still to be done, then what was done.
    pub(super) fn next(&mut self) {
        let (ended, open): (Vec<Activity>, Vec<Activity>) = self
            .activities()
            .into_iter()
            .partition(|one| text(self.tree, one.node, &["status"]).is_some_and(|status| has_ended(&status)));
        self.heading(Word::Next);
        let before = self.lines.len();
        for one in &open {
            self.activity(one);
        }
        self.reviews();
        if self.lines.len() == before {
            self.line(Style::Warning, self.language.say(Word::NothingNext));
        }
        if !ended.is_empty() {
            self.heading(Word::Ended);
        }
        for one in &ended {
            self.activity(one);
        }
    }

    /// All activities; what has no date stands behind what has one.
    fn activities(&self) -> Vec<Activity> {
        let mut found = Vec::new();
        for kind in REQUESTS {
            found.extend(self.of_kind(kind));
        }
        if let Some(plan) = self.resources.get(PLAN) {
            let activities = all(self.tree, *plan, "activity");
            let inline = activities.filter_map(|activity| self.tree.child_str(activity, "detail"));
            found.extend(inline.map(|detail| (String::new(), detail)));
        }
        let activity = |(target, node)| Activity { when: self.when(node), target, node };
        let mut found: Vec<Activity> = found.into_iter().map(activity).collect();
        found.sort_by_cached_key(|one| {
            let sort = one.when.as_ref().and_then(|when| when.sort.clone());
            (sort.is_none(), sort, self.spoken(one.node, NAMES), one.target.clone())
        });
        found
    }

    fn when(&self, node: NodeId) -> Option<When> {
        let tree = self.tree;
        let periods: [&[&str]; 3] = [&["occurrencePeriod"], &["scheduledPeriod"], &["restriction", "period"]];
        for period in periods.iter().filter_map(|path| at(tree, node, path)) {
            let end_of = |name| text(tree, period, &[name]).map(Cow::into_owned);
            let (word, said, sort) = match (end_of("start"), end_of("end")) {
                (Some(start), Some(end)) => (Word::When, format!("{}–{}", date(&start), date(&end)), end),
                (None, Some(end)) => (Word::Due, date(&end), end),
                (Some(start), None) => (Word::From, date(&start), start),
                (None, None) => continue,
            };
            return Some(When { word, said, sort: Some(sort) });
        }
        let dated = ["occurrenceDateTime", "start"].iter().find_map(|name| text(tree, node, &[name]));
        if let Some(day) = dated {
            return Some(When { word: Word::When, said: date(&day), sort: Some(day.into_owned()) });
        }
        let worded: [&[&str]; 3] = [
            &["occurrenceTiming", "code", "text"],
            &["scheduledTiming", "code", "text"],
            &["scheduledString"],
        ];
        let said = worded.iter().find_map(|path| text(tree, node, path));
        let said = said.or_else(|| extension_text(tree, node, "scheduled-text"))?;
        Some(When { word: Word::When, said: said.into_owned(), sort: None })
    }

    fn activity(&mut self, one: &Activity) {
        let tree = self.tree;
        let label = self.spoken(one.node, NAMES).unwrap_or_else(|| "–".to_owned());
        let description = text(tree, one.node, &["description"]);
        let notes = all(tree, one.node, "note").filter_map(|note| text(tree, note, &["text"]));
        let more: Vec<Cow<'_, str>> =
            description.into_iter().chain(notes).filter(|said| *said != label).collect();
        self.line(Style::Label, label);
        for said in more {
            self.line(Style::Text, said);
        }
        if let Some(when) = &one.when {
            self.labelled(when.word, &when.said);
        }
        if let Some(status) = text(tree, one.node, &["status"]) {
            let status = self.language.state(&status).to_owned();
            self.labelled(Word::State, &status);
        }
        self.origin(&one.target);
        self.contested(&one.target);
    }

    /// When the units look at their plans again, and what they agreed to do next.
    fn reviews(&mut self) {
        let tree = self.tree;
        let mut reviews = Vec::new();
        for (target, plan) in self.of_kind("CarePlan") {
            let mut said: Vec<(Word, String)> = Vec::new();
            for (word, name) in [
                (Word::Review, "next-review"),
                (Word::Review, "next-review-text"),
                (Word::Place, "next-review-place"),
                (Word::NextSteps, "next-steps"),
                (Word::Meetings, "meeting-frequency"),
            ] {
                let values = extensions(tree, plan, name).filter_map(|extension| value(tree, extension));
                let leaves = values.filter(|leaf| tree.kind(*leaf).is_leaf());
                said.extend(leaves.map(|leaf| (word, tree.text(leaf).into_owned())));
            }
            for review in extensions(tree, plan, "review") {
                let parts = tree.children_named(review, Name::EXTENSION);
                let times = parts.filter_map(|part| text(tree, part, &["valueDateTime"]));
                said.extend(times.map(|time| (Word::Review, time.into_owned())));
            }
            if !said.is_empty() {
                let day = said.iter().find(|(word, _)| *word == Word::Review).map(|(_, day)| day.clone());
                reviews.push((day.is_none(), day, target, said));
            }
        }
        reviews.sort_by(|a, b| (&a.0, &a.1, &a.2).cmp(&(&b.0, &b.1, &b.2)));
        for (_, _, target, said) in &reviews {
            self.line(Style::Label, self.language.say(Word::Agreed));
            for (word, said) in said {
                self.labelled(*word, &date(said));
            }
            self.origin(target);
        }
    }
}
