//! What the joined plan refers to: a list that names the same as in the join before stays as it lies.

use super::build::Build;
use crate::tree::{NodeId, Stretch};
use std::collections::BTreeMap;

/// The lists of references that a join has written, by the element.
pub(super) type References = BTreeMap<&'static str, List>;

#[derive(Debug)]
pub(super) struct List {
    targets: Vec<String>,
    pub(super) stretch: Stretch,
}

/// Writes the references of one element; the joined plan has each such element once.
pub(super) fn write<'t>(
    build: &mut Build<'_>,
    plan: NodeId,
    name: &'static str,
    targets: impl Iterator<Item = &'t str> + Clone,
) {
    let known = build.again.as_mut().and_then(|again| again.references_before(name));
    let known = known.filter(|known| targets.clone().eq(known.targets.iter().map(String::as_str)));
    let begun = build.tree.next_place();
    if let Some(known) = &known {
        build.tree.take_over(plan, &known.stretch);
    } else {
        for target in targets.clone() {
            build.reference_item(plan, name, target);
        }
    }
    let stretch = build.tree.since(begun);
    if let Some(again) = &mut build.again {
        let anew = || List { stretch, targets: targets.map(str::to_owned).collect() };
        again.keep_references(name, known.unwrap_or_else(anew));
    }
}
