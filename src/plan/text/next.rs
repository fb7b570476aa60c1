//! What happens next: the activities of all units by date, and when the units look at their plans again.

use super::value::date;
use super::words::{Word, has_ended};
use super::{Page, Style};
use crate::plan::read::{all, at, extension_text, extensions, text, value};
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// Kinds of resources that are something to do, or something done.
pub(in crate::plan) const ACTIVITIES: &[&str] = &[
    "ServiceRequest",
    "Task",
    "Appointment",
    "MedicationRequest",
    "NutritionOrder",
    "DeviceRequest",
    "Procedure",
];
/// Elements that say what an activity is, by what tells people most.
pub(in crate::plan) const NAMES: &[&str] =
    &["code", "medicationCodeableConcept", "serviceType", "description"];
/// Elements that say when something happens.
pub(in crate::plan) const TIMES: &[&[&str]] = &[
    &["occurrencePeriod"],
    &["scheduledPeriod"],
    &["restriction", "period"],
    &["performedPeriod"],
    &["executionPeriod"],
    &["occurrenceDateTime"],
    &["performedDateTime"],
    &["start"],
    &["occurrenceTiming"],
    &["scheduledTiming"],
    &["scheduledString"],
];
/// What is agreed on a plan as a whole: its label and its extension.
const AGREED: &[(Word, &str)] = &[
    (Word::Review, "next-review"),
    (Word::Review, "next-review-text"),
    (Word::Review, "review"),
    (Word::Place, "next-review-place"),
    (Word::NextSteps, "next-steps"),
    (Word::Meetings, "meeting-frequency"),
];

/// Something to do.
pub(in crate::plan) struct Activity {
    /// The day that it is sorted by: the last that is known.
    pub(in crate::plan) day: Option<String>,
    /// The resource; of an activity that stands inside a plan, the plan.
    pub(in crate::plan) target: String,
    pub(in crate::plan) node: NodeId,
    /// The elements of plans that hold it or lead to it.
    pub(in crate::plan) holders: Vec<NodeId>,
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
    pub(in crate::plan) fn activities(&self) -> Vec<Activity> {
        let tree = self.tree;
        let of_kinds = ACTIVITIES.iter().flat_map(|kind| self.of_kind(kind));
        let new = |target, node, holders| Activity { day: last_day(tree, node), target, node, holders };
        let mut found: Vec<Activity> = of_kinds.map(|(target, node)| new(target, node, Vec::new())).collect();
        let places: HashMap<String, usize> =
            found.iter().enumerate().map(|(at, one)| (one.target.clone(), at)).collect();
        for (plan, node) in self.of_kind("CarePlan") {
            for holder in all(tree, node, "activity") {
                let led = tree.child_str(holder, "reference").and_then(|reference| self.find(reference));
                let led = led.and_then(|(target, _)| found.get_mut(*places.get(&target)?));
                match (tree.child_str(holder, "detail"), led) {
                    (None, Some(one)) => one.holders.push(holder),
                    (detail, _) => found.push(new(plan.clone(), detail.unwrap_or(holder), vec![holder])),
                }
            }
        }
        found.sort_by_cached_key(|one| {
            let said = self.spoken(one.node, NAMES).map(|(said, _)| said);
            (one.day.is_none(), one.day.clone(), said, one.target.clone(), one.node)
        });
        found
    }

    fn activity(&mut self, one: &Activity) {
        let tree = self.tree;
        let title = self.activity_title(one);
        // What people wrote about it stands without a label.
        for name in ["description", "note"] {
            for said in all(tree, one.node, name) {
                let words = if tree.kind(said).is_leaf() { Some(said) } else { tree.child_str(said, "text") };
                if let Some(words) = words.and_then(|words| self.tell(words)) {
                    self.line(Style::Text, words);
                }
            }
        }
        for path in TIMES {
            self.when(at(tree, one.node, path));
        }
        for extension in extensions(tree, one.node, "scheduled-text") {
            self.told(Word::When, Some(extension));
        }
        self.told(Word::State, tree.child_str(one.node, "status"));
        self.serves(one);
        self.rest(one.node);
        for holder in &one.holders {
            let reference = tree.child_str(*holder, "reference");
            if let Some(reference) = reference.filter(|reference| self.find(*reference).is_some()) {
                // The plan may call the activity by another name than the activity itself.
                let shown = text(tree, reference, &["display"]).filter(|shown| *shown != title);
                if shown.is_none() {
                    self.see(reference);
                }
            }
            self.rest(*holder);
        }
        self.origin(&one.target);
        self.contested(&one.target);
    }

    /// The line that opens an activity; one without any name is called by its kind.
    fn activity_title(&mut self, one: &Activity) -> String {
        let tree = self.tree;
        if self.spoken(one.node, NAMES).is_some() {
            return self.title(one.node, NAMES);
        }
        let reference = tree.child_str(one.node, "reference");
        let named = reference.and_then(|reference| self.tell(reference)).unwrap_or_else(|| {
            let stated =
                text(tree, one.node, &["kind"]).or_else(|| extension_text(tree, one.node, "detail-kind"));
            let kind = stated.or_else(|| tree.resource_type(one.node));
            let unnamed = self.language.say(Word::Unnamed);
            match kind.and_then(|kind| self.language.find_label(&kind)) {
                Some(kind) => format!("{kind} ({})", unnamed.to_lowercase()),
                None => unnamed.to_owned(),
            }
        });
        self.line(Style::Label, named.as_str());
        named
    }

    /// When something happens: a period with one end says by when or from when.
    fn when(&mut self, node: Option<NodeId>) {
        let tree = self.tree;
        let Some(node) = node else { return };
        let end_of = |name| tree.child_str(node, name);
        let (word, ends) = match (end_of("start"), end_of("end")) {
            (None, Some(_)) => (Word::Due, Some("end")),
            (Some(_), None) => (Word::From, Some("start")),
            _ => (Word::When, None),
        };
        if let Some(end) = ends.and_then(end_of) {
            self.told(word, Some(end));
        }
        self.told(Word::When, Some(node));
    }

    /// The goals that an activity serves.
    fn serves(&mut self, one: &Activity) {
        let tree = self.tree;
        let own = extensions(tree, one.node, "activity-goal");
        let standard = all(tree, one.node, "extension").filter(|extension| {
            text(tree, *extension, &["url"]).is_some_and(|url| url.ends_with("/resource-pertainsToGoal"))
        });
        let goals: Vec<NodeId> = own.chain(standard).chain(all(tree, one.node, "goal")).collect();
        let said: Vec<String> = goals.into_iter().filter_map(|goal| self.tell(goal)).collect();
        if !said.is_empty() {
            self.labelled(Word::Goal, &said.join("; "));
        }
    }

    /// When the units look at their plans again, and what they agreed to do next.
    fn reviews(&mut self) {
        let tree = self.tree;
        let mut reviews = Vec::new();
        for (target, plan) in self.of_kind("CarePlan") {
            let agreed: Vec<(Word, NodeId)> = AGREED
                .iter()
                .flat_map(|(word, name)| extensions(tree, plan, name).map(|found| (*word, found)))
                .collect();
            if !agreed.is_empty() {
                let reviewed = agreed.iter().filter(|(word, _)| *word == Word::Review);
                let day = reviewed.filter_map(|(_, extension)| first_day(tree, *extension)).min();
                reviews.push((day.is_none(), day, target, plan, agreed));
            }
        }
        reviews.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
        for (_, _, target, plan, agreed) in reviews {
            let name = self.plan_name(plan);
            self.line(Style::Label, name);
            let mut told: BTreeSet<String> = BTreeSet::new();
            for (word, extension) in agreed {
                // One review may be told as a time and once more in words.
                let time = all(tree, extension, "extension")
                    .find(|part| text(tree, *part, &["url"]).as_deref() == Some("time"));
                let time = time.and_then(|time| self.tell(time));
                let said: Vec<String> = time.into_iter().chain(self.tell(extension)).collect();
                let said = said.join(", ");
                if !said.is_empty() && told.insert(said.clone()) {
                    self.labelled(word, &said);
                }
            }
            self.origin(&target);
        }
    }
}

/// The last day that an activity names; words are no day.
pub(in crate::plan) fn last_day(tree: &Tree, node: NodeId) -> Option<String> {
    let of_element = |element: NodeId| -> Option<String> {
        let ends: [&[&str]; 6] = [
            &["end"],
            &["start"],
            &[],
            &["repeat", "boundsPeriod", "end"],
            &["repeat", "boundsPeriod", "start"],
            &["event"],
        ];
        let mut days = ends.iter().filter_map(|path| text(tree, element, path));
        days.find(|day| date(day).is_some()).map(Cow::into_owned)
    };
    TIMES.iter().filter_map(|path| at(tree, node, path)).find_map(of_element)
}

/// The first day that an extension or one inside it holds.
pub(in crate::plan) fn first_day(tree: &Tree, extension: NodeId) -> Option<String> {
    let inner = all(tree, extension, "extension");
    let mut values = std::iter::once(extension).chain(inner).filter_map(|one| value(tree, one));
    values.find_map(|leaf| text(tree, leaf, &[]).filter(|day| date(day).is_some()).map(Cow::into_owned))
}
