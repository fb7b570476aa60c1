//! What a view calls its sources. A caller's label may be the name of a file, and a file may be called by a person's
//! name, so a view that is handed on calls each source by its unit system.

use super::View;
use crate::plan::join::{Contact, Joined};
use std::collections::BTreeMap;

impl View {
    /// Calls each source by its unit system, and where there are several of one by a number, instead of by the caller's
    /// label. What goes to the log keeps the labels.
    pub fn call_sources_neutrally(&mut self) {
        let labels = neutral_labels(&self.joined);
        let said = |label: &mut String| {
            if let Some(neutral) = labels.get(label) {
                label.clone_from(neutral);
            }
        };
        let joined = &mut self.joined;
        joined.sources.iter_mut().for_each(|source| said(&mut source.label));
        let sides = joined.findings.iter_mut().flat_map(|finding| &mut finding.sides);
        sides.for_each(|side| said(&mut side.source));
        match &mut joined.contact {
            Contact::One(person) => said(&mut person.source),
            Contact::Several(people) => people.iter_mut().for_each(|person| said(&mut person.source)),
            Contact::Missing => {}
        }
        joined.people.iter_mut().for_each(|person| said(&mut person.source));
        for issue in &mut joined.issues {
            for (label, neutral) in &labels {
                issue.message = issue.message.replace(&format!("`{label}`"), &format!("`{neutral}`"));
            }
            issue.path = neutral_path(&issue.path, &labels);
        }
    }
}

fn neutral_labels(joined: &Joined) -> BTreeMap<String, String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut labels = BTreeMap::new();
    for source in &joined.sources {
        let count = counts.entry(&source.unit).or_default();
        *count += 1;
        let neutral = if *count == 1 { source.unit.clone() } else { format!("{} {count}", source.unit) };
        labels.entry(source.label.clone()).or_insert(neutral);
    }
    labels
}

/// A path of an issue names sources, each alone or before a colon and a place in it.
fn neutral_path(path: &str, labels: &BTreeMap<String, String>) -> String {
    let one = |place: &str| {
        let (label, rest) = place.split_once(": ").map_or((place, None), |(label, rest)| (label, Some(rest)));
        match (labels.get(label), rest) {
            (Some(neutral), Some(rest)) => format!("{neutral}: {rest}"),
            (Some(neutral), None) => neutral.clone(),
            (None, _) => place.to_owned(),
        }
    };
    path.split(", ").map(one).collect::<Vec<_>>().join(", ")
}
