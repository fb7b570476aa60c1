//! Which form the copy of a unit's plan says that it has. A contribution holds each activity as a request, in whatever
//! form its unit has it, and so does the joined plan.

use super::SAUMA;
use super::read::all;
use crate::tree::{Name, NodeId, Tree};

/// The profile of plans that hold their activities inside.
const INLINE: &str = "StructureDefinition/sauma-plan-inline";
/// The profile of plans that refer to requests.
const REFERENCED: &str = "StructureDefinition/sauma-plan-referenced";

/// Lets a plan that was taken from a contribution claim the profile that it fits.
pub fn claim_own(tree: &mut Tree, plan: NodeId) {
    let Some(meta) = tree.child_str(plan, "meta") else { return };
    let claims: Vec<NodeId> = all(tree, meta, "profile").collect();
    for claim in claims {
        let fitting = claimed(tree, plan, claim, &tree.text(claim));
        if let Some(fitting) = fitting {
            tree.set_text(claim, &fitting);
        }
    }
}

/// What stands for a claim of a plan that holds for the unit's document and not for the copy.
pub(super) fn claimed(tree: &Tree, plan: NodeId, node: NodeId, text: &str) -> Option<String> {
    let version = text.strip_prefix(SAUMA)?.strip_prefix(INLINE)?;
    let meta = tree.parent(node)?;
    let is_claim = tree.name_text(node) == "profile"
        && tree.name_text(meta) == "meta"
        && tree.parent(meta) == Some(plan)
        && (version.is_empty() || version.starts_with('|'));
    let refers = |activity| tree.child(activity, Name::REFERENCE).is_some();
    let is_referenced =
        all(tree, plan, "activity").next().is_some() && all(tree, plan, "activity").all(refers);
    (is_claim && is_referenced).then(|| format!("{SAUMA}{REFERENCED}{version}"))
}
