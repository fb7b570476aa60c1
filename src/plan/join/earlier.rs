//! How far a goal had come before: what an earlier plan said of it stays beside what the newest one says.

use super::build::{Build, ElementRef, Part};
use super::items::GOAL_STATE;
use crate::plan::time;
use crate::tree::NodeId;

/// The elements, as the parts of the extension that keep them.
const PARTS: &[(&str, &str, &str)] = &[
    ("lifecycleStatus", "status", "valueCode"),
    ("achievementStatus", "achievement", "valueCodeableConcept"),
    ("statusDate", "since", "valueDate"),
    ("statusReason", "reason", "valueString"),
];

/// What a further source says of the state of a goal, where it is not what stands in `goal` already.
pub(super) fn states(build: &Build<'_>, goal: NodeId, item: usize) -> Vec<NodeId> {
    let listed = build.items.list[item];
    if listed.resource.kind != "Goal" {
        return Vec::new();
    }
    let said = listed.tree.children(listed.resource.node);
    let said = said.filter(|child| GOAL_STATE.contains(&listed.tree.name_text(*child)));
    said.filter(|child| {
        let there = build.tree.child_str(goal, listed.tree.name_text(*child));
        there.is_some_and(|there| !build.agrees(there, item, *child))
    })
    .collect()
}

/// Keeps an earlier state with its source and its time.
pub(super) fn write(build: &mut Build<'_>, goal: NodeId, target: &str, item: usize, states: &[NodeId]) {
    if states.is_empty() {
        return;
    }
    let listed = build.items.list[item];
    let contribution = build.items.members[listed.member];
    let kept = build.extension(goal, "earlier-state");
    for state in states {
        let name = listed.tree.name_text(*state);
        let Some((_, part, value)) = PARTS.iter().find(|(element, ..)| *element == name) else { continue };
        let extension = build.item(kept, "extension");
        build.text(extension, "url", part);
        let copy = build.copy(extension, item, *state);
        let value = build.tree.intern(value);
        build.tree.set_name(copy, value);
    }
    if let Some(stated) = contribution.time.as_deref().filter(|stated| time::seconds(stated).is_some()) {
        let extension = build.item(kept, "extension");
        build.text(extension, "url", "time");
        build.text(extension, "valueDateTime", stated);
    }
    let extension = build.item(kept, "extension");
    build.text(extension, "url", "source");
    let provenance = build.provenance[listed.member].clone();
    build.reference(extension, "valueReference", &provenance);
    let id = build.id_of(kept, item, "earlier-state", 0);
    build.parts.push(Part {
        member: listed.member,
        target: target.into(),
        element: ElementRef::Id(id.into()),
    });
}
