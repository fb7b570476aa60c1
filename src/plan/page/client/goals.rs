//! The client's strengths, and the goals: first the client's own words, then the client's own goals, then those that
//! workers suggest.

use super::Writer;
use crate::plan::page::{Entry, Line, Tone};
use crate::plan::read::{all, extensions, text};
use crate::plan::text::words::{Message, has_ended};
use crate::plan::time;
use crate::tree::NodeId;
use std::borrow::Cow;

/// Elements that say what a goal is.
const NAMES: &[&str] = &["description"];

impl Writer<'_> {
    pub(super) fn strengths(&mut self) {
        let mut entries: Vec<Entry> = Vec::new();
        for (target, node) in self.statements("strengths") {
            let entry = self.statement(&target, node, None);
            entries.push(entry);
        }
        if entries.is_empty() {
            entries.push(self.remark(Tone::Plain, Message::NoStrengths));
        }
        self.section(Message::Strengths, entries);
    }

    /// The goals; true where the client's own words stand among them.
    pub(super) fn goals(&mut self) -> bool {
        let tree = self.words.tree;
        let mut own = Vec::new();
        for (target, node) in self.statements("client-view") {
            let entry = self.statement(&target, node, Some(Message::OwnWords));
            own.push(entry);
        }
        let mut goals: Vec<_> = self
            .words
            .of_kind("Goal")
            .into_iter()
            .map(|(target, goal)| {
                let said = self.words.spoken(goal, NAMES).map(|(said, _)| said);
                let ended = text(tree, goal, &["lifecycleStatus"]).is_some_and(|status| has_ended(&status));
                let due = all(tree, goal, "target").filter_map(|target| text(tree, target, &["dueDate"]));
                let due = due.filter(|due| time::seconds(due).is_some()).map(Cow::into_owned).min();
                (ended, !self.is_own(goal), due.is_none(), due, said, target, goal)
            })
            .collect();
        goals.sort();
        let has_own = !own.is_empty();
        let mut entries = own;
        if goals.is_empty() {
            entries.push(self.remark(Tone::Attention, Message::NoGoals));
        }
        for (.., target, goal) in goals {
            let entry = self.goal(&target, goal);
            entries.push(entry);
        }
        self.section(Message::Goals, entries);
        has_own
    }

    /// True for a goal that the client put forward.
    fn is_own(&self, goal: NodeId) -> bool {
        let stated = self.words.tree.child_str(goal, "expressedBy").and_then(|by| self.words.find(by));
        stated.is_some_and(|(target, _)| target.starts_with("Patient/"))
    }

    /// What is measured may be the goal itself.
    fn see_measure_of_itself(&mut self, goal: NodeId, aim: NodeId) {
        let tree = self.words.tree;
        let measure = tree.child_str(aim, "measure");
        let description = tree.child_str(goal, "description");
        let coding = |node: NodeId| {
            all(tree, node, "coding").find_map(|coding| text(tree, coding, &["code"])).map(Cow::into_owned)
        };
        let is_same = measure.and_then(coding).is_some_and(|code| description.and_then(coding) == Some(code));
        measure.filter(|_| is_same).into_iter().for_each(|measure| self.words.see(measure));
    }

    fn goal(&mut self, target: &str, goal: NodeId) -> Entry {
        let tree = self.words.tree;
        let title = self.title(goal, NAMES, Message::GoalUnnamed);
        let mut lines = Vec::new();
        let by = tree.child_str(goal, "expressedBy");
        if self.is_own(goal) {
            lines.push(Line::new(Tone::Plain, self.here(Message::OwnGoal)));
            // When it was put forward still has to be told.
            let mut noted = Vec::new();
            self.told(&mut noted, Message::PutForwardBy, by);
            lines.extend(noted.into_iter().skip(1));
        } else {
            self.told(&mut lines, Message::PutForwardBy, by);
        }
        self.told(&mut lines, Message::State, tree.child_str(goal, "lifecycleStatus"));
        self.achievement(&mut lines, goal);
        for aim in all(tree, goal, "target") {
            let is_measure = |child: &NodeId| tree.name_text(*child).starts_with("detail");
            let value = tree.children(aim).find(is_measure);
            self.see_measure_of_itself(goal, aim);
            if let Some(value) = value.and_then(|value| self.tell(value)) {
                let mut line = Line::labelled(self.say(Message::Aim), value);
                let what = tree.child_str(aim, "measure").and_then(|measure| self.tell(measure));
                if let Some(what) = what.filter(|what| what.text != title.text) {
                    line.label = Some(what.text);
                }
                lines.push(line);
            }
            self.told(&mut lines, Message::Due, tree.child_str(aim, "dueDate"));
        }
        let start = tree.children(goal).find(|child| tree.name_text(*child) == "startDate");
        self.told(&mut lines, Message::Starts, start);
        for about in all(tree, goal, "addresses") {
            self.told(&mut lines, Message::About, Some(about));
        }
        self.told(&mut lines, Message::Changed, tree.child_str(goal, "statusDate"));
        for name in ["goal-scale", "situation-factor"] {
            for extension in extensions(tree, goal, name) {
                let mut told = Vec::new();
                self.leftovers_of(&mut told, extension);
                lines.append(&mut told);
            }
        }
        for note in all(tree, goal, "note") {
            let said = tree.child_str(note, "text").and_then(|said| self.tell(said));
            lines.extend(said.map(|said| Line::new(Tone::Plain, said)));
        }
        self.origin(&mut lines, target);
        Entry { title: Some(title), lines }
    }

    /// How far it has come, and then in somebody's words.
    fn achievement(&mut self, lines: &mut Vec<Line>, goal: NodeId) {
        let tree = self.words.tree;
        let Some(status) = tree.child_str(goal, "achievementStatus") else { return };
        let is_named = |coding: &NodeId| {
            self.words.display(*coding).is_some() || tree.child_str(*coding, "display").is_some()
        };
        let named: Vec<NodeId> = all(tree, status, "coding").filter(is_named).collect();
        for coding in named {
            self.told(lines, Message::Achievement, Some(coding));
        }
        self.told(lines, Message::Achievement, tree.child_str(status, "text"));
        self.told(lines, Message::Achievement, Some(status));
    }
}
