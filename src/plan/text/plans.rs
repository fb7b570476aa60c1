//! Each unit's own plan: what it says beyond its goals and activities.

use super::words::Word;
use super::{Page, Style};
use crate::plan::read::{all, extensions, value};
use crate::tree::NodeId;

impl Page<'_> {
    pub(super) fn plans(&mut self) {
        let tree = self.tree;
        let plans = self.of_kind("CarePlan");
        if plans.is_empty() {
            return;
        }
        self.heading(Word::UnitPlans);
        for (target, plan) in plans {
            let title = self.plan_name(plan);
            let stated = tree.child_str(plan, "title").and_then(|stated| self.tell(stated));
            self.line(Style::Label, stated.as_deref().unwrap_or(&title));
            for category in all(tree, plan, "category") {
                if self.words(category).is_some_and(|said| said.to_lowercase() == title.to_lowercase()) {
                    self.see(category);
                }
            }
            // What they lead to stands in sections of its own.
            for name in ["goal", "addresses", "activity"] {
                for tie in all(tree, plan, name) {
                    self.see_tie(tie);
                }
            }
            for beside in extensions(tree, plan, "co-subject") {
                // They are named beside the client.
                if value(tree, beside).is_some_and(|beside| self.find(beside).is_some()) {
                    self.see(beside);
                }
            }
            self.told(Word::State, tree.child_str(plan, "status"));
            self.told(Word::Period, tree.child_str(plan, "period"));
            self.told(Word::Created, tree.child_str(plan, "created"));
            self.rest(plan);
            self.origin(&target);
            self.contested(&target);
        }
    }

    /// What a plan is called: its title, its category, otherwise just a plan.
    pub(in crate::plan) fn plan_name(&self, plan: NodeId) -> String {
        let tree = self.tree;
        let title = tree.child_str(plan, "title").filter(|title| tree.has_text(*title));
        let title = title.map(|title| tree.text(title).into_owned());
        let coded = all(tree, plan, "category").flat_map(|category| {
            let text = tree.child_str(category, "text");
            let displays =
                all(tree, category, "coding").filter_map(|coding| tree.child_str(coding, "display"));
            text.into_iter().chain(displays).collect::<Vec<_>>()
        });
        let named = coded.into_iter().find(|leaf| tree.has_text(*leaf)).map(|leaf| tree.text(leaf));
        let own = all(tree, plan, "category").find_map(|category| {
            let code = all(tree, category, "coding").find_map(|coding| tree.child_text(coding, "code"))?;
            self.language.find_code(&code).map(capital)
        });
        title
            .or_else(|| named.map(std::borrow::Cow::into_owned))
            .or(own)
            .unwrap_or_else(|| self.language.say(Word::UnitPlan).to_owned())
    }

    /// Counts an element that leads to an entry of the page as shown; one that leads nowhere has its say.
    pub(in crate::plan) fn see_tie(&mut self, tie: NodeId) {
        let tree = self.tree;
        let inner = tree.child_str(tie, "reference").filter(|child| !tree.kind(*child).is_leaf());
        let reference = inner.unwrap_or(tie);
        if self.find(reference).is_some() {
            self.see(reference);
        }
    }
}

/// The words with a capital at their beginning.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
