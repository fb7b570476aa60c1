//! What has been agreed, by date: activities, meetings, when the plans are looked at again; then what is done.

use super::{Writer, in_one_said};
use crate::plan::page::{Entry, Line, Said, Tone};
use crate::plan::read::{all, at, extensions, text, value};
use crate::plan::text::next::{Activity, NAMES, TIMES, first_day};
use crate::plan::text::words::{Message, has_ended};
use crate::plan::time::seconds;
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;

/// Extensions that say what is agreed on a plan as a whole, and what they are called.
const AGREED: &[(&str, Message)] = &[
    ("next-review", Message::When),
    ("next-review-text", Message::When),
    ("next-review-place", Message::Where),
    ("next-steps", Message::NextSteps),
    ("meeting-frequency", Message::Meetings),
];
/// Elements that say where something happens.
const PLACES: &[&str] = &["location", "locationReference", "locationCode"];

/// An entry with what it is sorted by.
struct Dated {
    day: Option<String>,
    entry: Entry,
}

impl Writer<'_> {
    pub(super) fn next(&mut self) {
        let tree = self.words.tree;
        let (mut open, mut ended) = (Vec::new(), Vec::new());
        for one in self.words.activities() {
            let is_over = text(tree, one.node, &["status"]).is_some_and(|status| has_ended(&status));
            let dated = Dated { day: begins(tree, one.node), entry: self.activity(&one) };
            if is_over { &mut ended } else { &mut open }.push(dated);
        }
        for (target, plan) in self.words.of_kind("CarePlan") {
            open.extend(self.review(&target, plan));
        }
        let in_order = |mut list: Vec<Dated>| -> Vec<Entry> {
            // What has no date stands behind what has one.
            list.sort_by(|a, b| (a.day.is_none(), &a.day).cmp(&(b.day.is_none(), &b.day)));
            list.into_iter().map(|dated| dated.entry).collect()
        };
        let mut entries = in_order(open);
        if entries.is_empty() {
            entries.push(self.remark(Tone::Attention, Message::NothingNext));
        }
        self.section(Message::Next, entries);
        if !ended.is_empty() {
            self.section(Message::Done, in_order(ended));
        }
    }

    fn activity(&mut self, one: &Activity) -> Entry {
        let tree = self.words.tree;
        let reference =
            tree.child_str(one.node, "reference").filter(|_| self.words.spoken(one.node, NAMES).is_none());
        let title = match reference.and_then(|reference| self.tell(reference)) {
            Some(named) => named,
            None => self.title(one.node, NAMES, Message::ActivityUnnamed),
        };
        let mut lines = Vec::new();
        for name in ["description", "note"] {
            for said in all(tree, one.node, name) {
                let words = if tree.kind(said).is_leaf() { Some(said) } else { tree.child_str(said, "text") };
                let words = words.and_then(|words| self.tell(words));
                lines.extend(words.map(|words| Line::new(Tone::Plain, words)));
            }
        }
        for path in TIMES {
            self.when(&mut lines, at(tree, one.node, path));
        }
        self.told(&mut lines, Message::Ends, tree.child_str(one.node, "end"));
        for extension in extensions(tree, one.node, "scheduled-text") {
            self.told(&mut lines, Message::When, Some(extension));
        }
        for name in PLACES {
            all(tree, one.node, name).for_each(|place| self.told(&mut lines, Message::Where, Some(place)));
        }
        self.performers(&mut lines, one.node);
        self.served_goals(&mut lines, one.node);
        for wish in extensions(tree, one.node, "client-proposal") {
            self.told(&mut lines, Message::OwnWish, Some(wish));
        }
        self.told(&mut lines, Message::State, tree.child_str(one.node, "status"));
        for holder in &one.holders {
            let leads =
                tree.child_str(*holder, "reference").filter(|leads| self.words.find(*leads).is_some());
            let Some(leads) = leads else { continue };
            // The plan may call it by another name than the activity itself.
            let shown = tree.child_str(leads, "display").and_then(|shown| self.tell(shown));
            let shown = shown.filter(|shown| shown.text != title.text);
            lines.extend(shown.map(|shown| Line::new(Tone::Plain, shown)));
            self.words.see(leads);
        }
        self.origin(&mut lines, &one.target);
        Entry { title: Some(title), lines }
    }

    /// When something happens: a period with one end says by when or from when.
    fn when(&mut self, lines: &mut Vec<Line>, node: Option<NodeId>) {
        let tree = self.words.tree;
        let Some(node) = node else { return };
        let (start, end) = (tree.child_str(node, "start"), tree.child_str(node, "end"));
        match (start, end) {
            (None, Some(end)) => self.told(lines, Message::Due, Some(end)),
            (Some(start), None) => self.told(lines, Message::Starts, Some(start)),
            _ => {}
        }
        self.told(lines, Message::When, Some(node));
    }

    /// Who does it, and whether the client does.
    fn performers(&mut self, lines: &mut Vec<Line>, node: NodeId) {
        let tree = self.words.tree;
        let actors = all(tree, node, "participant").filter_map(|one| tree.child_str(one, "actor"));
        let named = all(tree, node, "performer").chain(all(tree, node, "owner")).chain(actors);
        let (mut said, mut present): (Vec<Said>, Vec<Said>) = (Vec::new(), Vec::new());
        for performer in named.collect::<Vec<_>>() {
            // Whether somebody has accepted an invitation says nothing about who does it.
            let invitation = tree.parent(performer).filter(|parent| tree.name_text(*parent) == "participant");
            for name in ["status", "required", "type"] {
                let node = invitation.and_then(|invitation| tree.child_str(invitation, name));
                if let Some(node) = node {
                    self.words.see(node);
                }
            }
            let is_client = self.words.find(performer).is_some_and(|(target, _)| target == super::CLIENT);
            if is_client {
                self.words.see(performer);
                if invitation.is_none() {
                    lines.push(Line::new(Tone::Plain, self.here(Message::Yourself)));
                }
                continue;
            }
            // Somebody may be known as a procedure's `performer.actor`.
            let actor = tree.child_str(performer, "actor").unwrap_or(performer);
            let told = self.tell(actor);
            // Who is invited to a meeting takes part in it.
            if invitation.is_some() { &mut present } else { &mut said }.extend(told);
        }
        for (label, said) in [(Message::Who, said), (Message::Participants, present)] {
            lines.extend(in_one_said(said, "; ").map(|said| Line::labelled(self.say(label), said)));
        }
    }

    /// The goals that an activity serves.
    fn served_goals(&mut self, lines: &mut Vec<Line>, node: NodeId) {
        let tree = self.words.tree;
        let own = extensions(tree, node, "activity-goal");
        let standard = all(tree, node, "extension").filter(|extension| {
            text(tree, *extension, &["url"]).is_some_and(|url| url.ends_with("/resource-pertainsToGoal"))
        });
        let goals: Vec<NodeId> = own.chain(standard).chain(all(tree, node, "goal")).collect();
        let said: Vec<Said> = goals.into_iter().filter_map(|goal| self.tell(goal)).collect();
        let said = in_one_said(said, "; ").map(|said| Line::labelled(self.say(Message::ServesGoal), said));
        lines.extend(said);
    }

    /// When a unit looks at its plan again, and what it agreed to do until then.
    fn review(&mut self, target: &str, plan: NodeId) -> Option<Dated> {
        let tree = self.words.tree;
        let mut lines = Vec::new();
        let reviews = ["next-review", "next-review-text", "review"];
        let found: Vec<NodeId> = reviews.iter().flat_map(|name| extensions(tree, plan, name)).collect();
        let day = found.iter().filter_map(|extension| first_day(tree, *extension)).min();
        for review in extensions(tree, plan, "review") {
            let part = |name: &str| {
                all(tree, review, "extension")
                    .find(|node| text(tree, *node, &["url"]).as_deref() == Some(name))
            };
            self.told(&mut lines, Message::When, part("time"));
            self.told(&mut lines, Message::Who, part("reviewer"));
            // That it is a review its title says.
            let kind = part("kind").and_then(|kind| value(tree, kind));
            let codings: Vec<NodeId> = kind.into_iter().flat_map(|kind| all(tree, kind, "coding")).collect();
            for coding in codings {
                self.words.see(coding);
            }
        }
        for (name, label) in AGREED {
            for extension in extensions(tree, plan, name) {
                self.told(&mut lines, *label, Some(extension));
            }
        }
        if lines.is_empty() {
            return None;
        }
        let name = self.plan_name(plan);
        // What is only agreed on, and not looked at again, is called by its plan.
        let title = if found.is_empty() {
            name
        } else {
            if name.text != self.say(Message::Plan) {
                lines.insert(0, Line::labelled(self.say(Message::Plan), name));
            }
            self.here(Message::Review)
        };
        self.origin(&mut lines, target);
        Some(Dated { day, entry: Entry { title: Some(title), lines } })
    }
}

/// The day on which an activity begins, otherwise that on which it ends; words are no day.
fn begins(tree: &Tree, node: NodeId) -> Option<String> {
    let places: [&[&str]; 6] = [
        &["start"],
        &[],
        &["repeat", "boundsPeriod", "start"],
        &["event"],
        &["end"],
        &["repeat", "boundsPeriod", "end"],
    ];
    let times = TIMES.iter().filter_map(|path| at(tree, node, path));
    let days = times.flat_map(|time| places.iter().filter_map(move |place| text(tree, time, place)));
    days.into_iter().find(|day| seconds(day).is_some()).map(Cow::into_owned)
}
