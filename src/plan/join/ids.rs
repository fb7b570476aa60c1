//! Ids that are made again in every join: a hash of what names a thing is looked up where the join before made it.

use crate::plan::contribution::make_id;
use std::cell::RefCell;
use std::collections::HashMap;

/// The ids of the join before, and those of this one. Without memory each is made.
#[derive(Debug, Default)]
pub(super) struct Ids(Option<RefCell<Generations>>);

#[derive(Debug, Default)]
struct Generations {
    old: HashMap<String, String>,
    new: HashMap<String, String>,
}

impl Ids {
    /// Remembers what it makes, and nothing that it is not asked for.
    pub(super) fn with_memory(known: HashMap<String, String>) -> Self {
        Self(Some(RefCell::new(Generations { old: known, new: HashMap::new() })))
    }

    /// The id of what these parts name, as [`make_id`] makes it.
    pub(super) fn id(&self, parts: &[&str]) -> String {
        let Some(mut generations) = self.0.as_ref().and_then(|memory| memory.try_borrow_mut().ok()) else {
            return make_id(parts);
        };
        // Parts of other lengths are other parts, whatever is in them.
        let mut name = String::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            name.push_str(&format!("{}:", part.len()));
            name.push_str(part);
        }
        if let Some(id) = generations.new.get(&name) {
            return id.clone();
        }
        let (name, id) = generations.old.remove_entry(&name).unwrap_or_else(|| (name, make_id(parts)));
        generations.new.insert(name, id.clone());
        id
    }

    /// What this join asked for.
    pub(super) fn take_known(&self) -> HashMap<String, String> {
        self.0.as_ref().map(|memory| memory.take().new).unwrap_or_default()
    }
}
