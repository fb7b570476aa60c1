//! Groups: their inputs, what they extend, what their rules share.

use super::Checker;
use crate::diag::{Issue, codes};
use crate::mapping::fml::model::{Group, Input, InputMode, Map, Text};
use crate::tree::fhir::TypeId;
use std::collections::{HashMap, HashSet};

impl<'m> Checker<'m, '_> {
    pub(super) fn group_header(&mut self, group: &'m Group) {
        let is_entry = self.map.groups.first().is_some_and(|first| std::ptr::eq(first, group));
        if group.inputs.len() == 1 && !is_entry {
            // "There must be at least two input variables … except the first group" (IG, "Groups").
            let message =
                format!("`{}` has only one input, so nothing is filled or nothing read", group.name.text);
            self.warning(codes::FML_ARGUMENTS, &group.name.origin, message);
        }
        for (at, input) in group.inputs.iter().enumerate() {
            let before = group.inputs.get(..at).unwrap_or(&[]);
            if before.iter().any(|known| known.name == input.name) {
                let message = format!("the input `{}` is given twice", input.name.text);
                self.error(codes::FML_DUPLICATE, &input.name.origin, message);
            }
        }
        if group.type_mode.is_some() {
            self.default_group(group);
        }
        if let Some(extends) = &group.extends {
            self.extends(group, extends);
        }
    }

    /// "Default mapping groups SHALL have two parameters, a source, and a target, in that order, and both SHALL
    /// have specified types" (IG, "Groups").
    fn default_group(&mut self, group: &Group) {
        let modes: Vec<InputMode> = group.inputs.iter().map(|input| input.mode).collect();
        let fits = modes == [InputMode::Source, InputMode::Target]
            && group.inputs.iter().all(|input| input.type_name.is_some());
        if !fits {
            let message = format!(
                "`{}` is a default group, which has one source and one target, both with a type",
                group.name.text
            );
            self.error(codes::FML_TYPE, &group.name.origin, message);
        }
    }

    fn extends(&mut self, group: &'m Group, extends: &'m Text) {
        let Some((map, base)) = self.library.group(self.map, &self.reach, &extends.text) else {
            let groups = self.library.group_names(self.map, &self.reach);
            let meant = self.meant(&extends.text, groups).map(str::to_owned);
            self.unknown_callee(codes::FML_GROUP, "group", extends, meant);
            return;
        };
        if std::ptr::eq(map, self.map) {
            for at in 0..base.inputs.len() {
                let ty = group.inputs.get(at).and_then(|input| self.input_type(group, input, at));
                self.gives(base, at, ty);
            }
        }
        if self.extends_itself(group) {
            let message = format!("`{}` extends itself", group.name.text);
            self.error(codes::FML_GROUP, &extends.origin, message);
            return;
        }
        // "it SHALL have the same input parameters (by mode, name, and type if specified)" (IG, "Groups").
        let missing = base
            .inputs
            .iter()
            .find(|input| !group.inputs.iter().any(|own| own.name == input.name && own.mode == input.mode));
        if let Some(missing) = missing {
            let message = format!(
                "`{}` has the {} `{}`, which `{}` lacks",
                base.name.text,
                missing.mode.word(),
                missing.name.text,
                group.name.text
            );
            self.warning(codes::FML_ARGUMENTS, &extends.origin, message);
        }
    }

    fn extends_itself(&mut self, group: &Group) -> bool {
        let map = self.map;
        self.circles.get_or_insert_with(|| circles(map)).contains(group.name.as_str())
    }

    /// The type of an input, named or learnt; a name that is wrong is reported where it stands.
    fn input_type(&mut self, group: &'m Group, input: &'m Input, at: usize) -> Option<TypeId> {
        let Some(name) = &input.type_name else { return self.given.of(&group.name.text, at) };
        let issues = self.issues.len();
        let ty = self.type_of(name, input.mode);
        self.issues.truncate(issues);
        ty
    }

    /// An id that only one target has shares nothing, unless its rule runs again; it may be another one misspelt.
    pub(super) fn shares(&mut self, group: &'m Group) {
        let is_first = self.map.groups.first().is_some_and(|first| std::ptr::eq(first, group));
        let shared = std::mem::take(&mut self.shared);
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for (id, _) in &shared {
            *uses.entry(id.as_str()).or_default() += 1;
        }
        for (id, repeats) in shared.iter().filter(|(id, _)| uses.get(id.as_str()) == Some(&1)) {
            let others = shared.iter().map(|(other, _)| other.as_str()).filter(|other| *other != id.text);
            let meant = self.meant(&id.text, others);
            // Another group may be called for each item of a list.
            if meant.is_none() && (*repeats || !is_first) {
                continue;
            }
            let message = format!("`{}` is shared with no other target", id.text);
            let issue = Issue::warning(codes::FML_SHARE, id.origin.span, message);
            let issue = match meant {
                Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
                None => issue,
            };
            self.report(issue, &id.origin);
        }
    }
}

/// The names of the groups of a map that extend themselves. Each group is gone to once, however long the chains are.
fn circles(map: &Map) -> HashSet<&str> {
    let mut bases: HashMap<&str, &str> = HashMap::new();
    for group in map.groups.iter().rev() {
        match &group.extends {
            Some(base) => bases.insert(group.name.as_str(), base.as_str()),
            None => bases.remove(group.name.as_str()),
        };
    }
    let (mut found, mut done) = (HashSet::new(), HashSet::new());
    for group in &map.groups {
        let mut way = Vec::new();
        let mut here = Some(group.name.as_str());
        while let Some(name) = here.filter(|name| done.insert(*name)) {
            way.push(name);
            here = bases.get(name).copied();
        }
        // The way ends at a group that was gone to before: at one of its own, if it is a circle.
        if let Some(start) = way.iter().position(|name| Some(*name) == here) {
            found.extend(way.drain(start..));
        }
    }
    found
}
