//! Ids under which targets share an item of a list.
//!
//! A lens makes an item where there is none yet that fits its path; a map says which targets mean the same item.

use super::draft::{each_target, shared_id};
use crate::mapping::fml::model::Group;
use std::collections::{HashMap, HashSet};

/// Ids by what they stand for: the type around the item, its element, and the conditions that it meets.
#[derive(Debug, Default)]
pub(super) struct Shares {
    ids: Vec<((u32, String, String), String)>,
    /// Ids of items that one rule meets several times.
    kept: HashSet<String>,
}

impl Shares {
    /// The id of an item; of those of one element the first is called like the element.
    pub(super) fn id(&mut self, around: u32, element: &str, conditions: &str) -> String {
        let key = (around, element.to_owned(), conditions.to_owned());
        if let Some((_, id)) = self.ids.iter().find(|(known, _)| *known == key) {
            return id.clone();
        }
        let alike = self.ids.iter().filter(|((_, name, _), _)| name == element).count();
        let id = if alike == 0 { element.to_owned() } else { format!("{element}{}", alike + 1) };
        self.ids.push((key, id.clone()));
        id
    }

    /// Keeps an id even where one target alone has it.
    pub(super) fn keep(&mut self, id: &str) {
        self.kept.insert(id.to_owned());
    }

    /// Takes away the ids that only one target has: what one rule makes once it shares with nobody.
    pub(super) fn drop_lone(&self, groups: &mut [Group]) {
        let mut counts: HashMap<String, usize> = HashMap::new();
        each_target(groups, &mut |target| {
            if let Some(id) = shared_id(target) {
                *counts.entry(id.to_owned()).or_default() += 1;
            }
        });
        each_target(groups, &mut |target| {
            let is_lone =
                |id: &str| !self.kept.contains(id) && counts.get(id).copied().unwrap_or_default() < 2;
            if shared_id(target).is_some_and(is_lone) {
                target.list_modes.clear();
            }
        });
    }
}
