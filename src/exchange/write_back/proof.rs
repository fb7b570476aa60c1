//! What differs between the texts of two documents, value by value, and that all between is the same bytes.

use crate::diag::Redacted;
use crate::exchange::align::common;
use crate::tree::{Kind, NodeId, Tree};
use std::collections::VecDeque;

/// Cells of the table in which the longest common sequence of values is looked for; in larger differences all values
/// between the first and the last difference count as changed.
const CELLS_MAX: usize = 16_000_000;

/// What changed in a document, and the proof that nothing else did.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// The values that changed, in the order of the document.
    pub changed: Vec<Changed>,
    /// Values that are in both texts, with the same bytes between them.
    pub values_kept: usize,
    /// Bytes of the old text that are in the new one as they were.
    pub bytes_kept: usize,
    /// Bytes of the old text.
    pub bytes: usize,
}

/// One value that changed.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Where it stands in the document, the new one where the old one has it not.
    pub path: String,
    /// The value before, none for a new one.
    pub before: Redacted<Option<String>>,
    /// The value now, none for one that is gone.
    pub after: Redacted<Option<String>>,
}

/// One value in the text.
struct Leaf<'a> {
    node: NodeId,
    names: Vec<&'a str>,
    text: &'a str,
    start: usize,
    end: usize,
}

/// Compares the texts of two trees as they were read.
///
/// # Errors
/// Bytes differ where no value does.
pub(super) fn prove(before: &Tree, after: &Tree) -> Result<Proof, &'static str> {
    let (old, new) = (leaves(before), leaves(after));
    let pairs = align(&old, &new);
    let (old_text, new_text) = (before.source(), after.source());
    let mut proof = Proof { values_kept: pairs.len(), bytes: old_text.len(), ..Proof::default() };
    let (mut at, mut to) = (0, 0);
    let (mut old_end, mut new_end) = (0, 0);
    let ends = (old.len(), new.len());
    for (next, other) in pairs.into_iter().chain([ends]) {
        let stop =
            |leaves: &[Leaf<'_>], at: usize, text: &str| leaves.get(at).map_or(text.len(), |leaf| leaf.start);
        let (old_gap, new_gap) = (
            part(old_text, old_end, stop(&old, next, old_text)),
            part(new_text, new_end, stop(&new, other, new_text)),
        );
        let (gone, came) = (&old[at..next], &new[to..other]);
        if old_gap == new_gap {
            proof.bytes_kept += old_gap.len();
        } else if gone.is_empty() && came.is_empty() {
            return Err("bytes would change where no value does");
        }
        differ(before, after, gone, came, &mut proof.changed);
        if let (Some(left), Some(right)) = (old.get(next), new.get(other)) {
            proof.bytes_kept += left.text.len();
            (old_end, new_end) = (left.end, right.end);
        }
        (at, to) = (next + 1, other + 1);
    }
    Ok(proof)
}

/// Values that went and came at one place: those of one name stand for each other.
fn differ(before: &Tree, after: &Tree, gone: &[Leaf<'_>], came: &[Leaf<'_>], changed: &mut Vec<Changed>) {
    let mut came: VecDeque<&Leaf<'_>> = came.iter().collect();
    let said = |tree: &Tree, leaf: &Leaf<'_>| Redacted::new(Some(tree.text(leaf.node).into_owned()));
    for leaf in gone {
        let twin = came.iter().position(|other| other.names == leaf.names);
        let twin = twin.and_then(|at| came.remove(at));
        changed.push(Changed {
            path: before.known_path(leaf.node),
            before: said(before, leaf),
            after: twin.map_or_else(Redacted::default, |twin| said(after, twin)),
        });
    }
    for leaf in came {
        changed.push(Changed {
            path: after.known_path(leaf.node),
            before: Redacted::default(),
            after: said(after, leaf),
        });
    }
}

fn part(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or("")
}

/// The values of a document in the order of its text, with the names above them.
fn leaves(tree: &Tree) -> Vec<Leaf<'_>> {
    let source = tree.source();
    let mut found = Vec::new();
    let mut open = vec![(NodeId::ROOT, Vec::new())];
    while let Some((node, above)) = open.pop() {
        let mut names: Vec<&str> = above;
        names.push(tree.name_text(node));
        let kind = tree.kind(node);
        let is_value = kind.is_leaf() && !matches!(kind, Kind::Comment | Kind::Pi);
        // A text that is written with escapes may lie apart from the source; its span is what stands in the source for it.
        let text = tree.text_span(node);
        let span = if is_value && text.end as usize <= source.len() { text } else { tree.span(node) };
        let (start, end) = (span.start as usize, span.end as usize);
        let bare = tree.first_child(node).is_none() && !matches!(kind, Kind::Comment | Kind::Pi);
        if (is_value || bare) && start <= end && end <= source.len() {
            found.push(Leaf { node, names: names.clone(), text: part(source, start, end), start, end });
        }
        open.extend(tree.children(node).map(|child| (child, names.clone())));
    }
    found.sort_by_key(|leaf| (leaf.start, leaf.end));
    // What stands inside another value, as markup in a narrative, is told by that one.
    let mut end = 0;
    found.retain(|leaf| {
        let apart = leaf.start >= end;
        end = end.max(leaf.end);
        apart
    });
    found
}

fn same(left: &Leaf<'_>, right: &Leaf<'_>) -> bool {
    left.text == right.text && left.names == right.names
}

/// The longest sequence of values that both have.
fn align(old: &[Leaf<'_>], new: &[Leaf<'_>]) -> Vec<(usize, usize)> {
    let head = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| same(a, b)).count();
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    let (left, right) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    if (left.len() + 1).saturating_mul(right.len() + 1) <= CELLS_MAX {
        pairs.extend(common(left, right, same).into_iter().map(|(a, b)| (head + a, head + b)));
    }
    pairs.extend((0..tail).map(|at| (old.len() - tail + at, new.len() - tail + at)));
    pairs
}
