//! The goals of all units: what is worked on first, and of that what is due first.

use super::Page;
use super::value::date;
use super::words::{Word, has_ended};
use crate::plan::read::{all, text};
use crate::tree::NodeId;
use std::borrow::Cow;

/// Elements that say what a goal is.
const NAMES: &[&str] = &["description"];

impl Page<'_> {
    pub(super) fn goals(&mut self) {
        let tree = self.tree;
        let mut goals: Vec<_> = self
            .of_kind("Goal")
            .into_iter()
            .map(|(target, goal)| {
                let said = self.spoken(goal, NAMES).map(|(said, _)| said);
                let ended = text(tree, goal, &["lifecycleStatus"]).is_some_and(|status| has_ended(&status));
                let due = all(tree, goal, "target").filter_map(|target| text(tree, target, &["dueDate"]));
                // A day in words stands behind the days of the calendar.
                let due = due.filter(|due| date(due).is_some()).map(Cow::into_owned).min();
                (ended, due.is_none(), due, said, target, goal)
            })
            .collect();
        if goals.is_empty() {
            return;
        }
        goals.sort();
        self.heading(Word::Goals);
        for (.., target, goal) in goals {
            self.goal(&target, goal);
        }
    }

    fn goal(&mut self, target: &str, goal: NodeId) {
        let tree = self.tree;
        let called = tree.child_str(goal, "description").and_then(|called| self.words(called));
        self.title(goal, NAMES);
        self.told(Word::State, tree.child_str(goal, "lifecycleStatus"));
        self.told(Word::Achievement, tree.child_str(goal, "achievementStatus"));
        for aim in all(tree, goal, "target") {
            let is_measure = |child: &NodeId| tree.name_text(*child).starts_with("detail");
            let what = tree.child_str(aim, "measure").and_then(|measure| self.tell(measure));
            // What is measured may be the goal itself.
            let what = what.filter(|what| called.as_ref().is_none_or(|called| !called.contains(what)));
            let value = tree.children(aim).find(is_measure).and_then(|value| self.tell(value));
            let said: Vec<String> = [what, value].into_iter().flatten().collect();
            if !said.is_empty() {
                self.labelled(Word::Target, &said.join(": "));
            }
            self.told(Word::Due, tree.child_str(aim, "dueDate"));
        }
        self.rest(goal);
        self.origin(target);
        self.contested(target);
    }
}
