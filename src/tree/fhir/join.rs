//! Joins `_name` members to their primitives (FHIR R4, JSON representation of primitive elements).

use super::{Flags, HashMap, Kind, Name, NodeId, Outcome, Tree, refuse};
use memchr::memmem;

/// Joins every companion of a tree that was just read from JSON.
pub(super) fn join(tree: &mut Tree) -> Outcome<()> {
    mark_narratives(tree);
    let source = tree.source().as_bytes();
    // Most documents have neither; a search of the bytes is far cheaper than a look at each name.
    let companions = memmem::find(source, b"\"_").is_some() || memmem::find(source, b"\"\\u005").is_some();
    let nulls = memmem::find(source, b"null").is_some();
    if companions {
        let mut parents: Vec<NodeId> =
            all(tree).filter(|id| is_companion(tree, *id)).filter_map(|id| tree.parent(id)).collect();
        parents.sort_unstable();
        parents.dedup();
        // Innermost first: a companion may have companions inside, which go with it.
        for parent in parents.into_iter().rev() {
            join_members(tree, parent)?;
        }
    }
    if nulls {
        let stray = |id: &NodeId| tree.kind(*id) == Kind::Null && tree.first_child(*id).is_none();
        if let Some(id) = tree.descend(NodeId::ROOT).find(stray) {
            return Err(refuse(tree, id, "null may stand only in a list, beside an extension"));
        }
    }
    Ok(())
}

fn all(tree: &Tree) -> impl Iterator<Item = NodeId> + use<> {
    (0..super::super::to_u32(tree.len())).map(NodeId)
}

/// The narrative is the one element called `div`.
fn mark_narratives(tree: &mut Tree) {
    for id in all(tree) {
        if tree.name(id) == Name::DIV && tree.kind(id) == Kind::Str {
            tree.set_kind(id, Kind::Xhtml);
        }
    }
}

fn is_companion(tree: &Tree, id: NodeId) -> bool {
    let name = tree.name_text(id);
    name.len() > 1 && name.starts_with('_')
}

fn join_members(tree: &mut Tree, parent: NodeId) -> Outcome<()> {
    let children: Vec<NodeId> = tree.children(parent).collect();
    // Where each name begins; the items of a list stand together.
    let mut starts: HashMap<Name, usize> = HashMap::new();
    for (at, child) in children.iter().enumerate() {
        starts.entry(tree.name(*child)).or_insert(at);
    }
    let run = |tree: &Tree, start: usize| {
        let name = tree.name(children[start]);
        let length = children[start..].iter().take_while(|child| tree.name(**child) == name).count();
        start..start + length
    };
    let mut kept = Vec::with_capacity(children.len());
    let mut at = 0;
    while at < children.len() {
        let here = run(tree, at);
        at = here.end;
        let companions = &children[here];
        if !is_companion(tree, companions[0]) {
            kept.extend_from_slice(companions);
            continue;
        }
        let plain = tree.name_text(companions[0])[1..].to_owned();
        let name = tree.intern(&plain);
        if let Some(start) = starts.get(&name) {
            let values = run(tree, *start);
            join_run(tree, companions, &children[values])?;
        } else {
            for companion in companions {
                rename(tree, *companion, name)?;
            }
            kept.extend_from_slice(companions);
        }
    }
    tree.set_children(parent, &kept);
    Ok(())
}

/// A companion without a value stands for a primitive that has none.
fn rename(tree: &mut Tree, companion: NodeId, name: Name) -> Outcome<()> {
    if tree.kind(companion) != Kind::Object || tree.first_child(companion).is_none() {
        return Err(refuse(tree, companion, "a member with `_` holds an object with an id or extensions"));
    }
    tree.set_name(companion, name);
    tree.set_kind(companion, Kind::Null);
    tree.add_flags(companion, Flags::JOINED);
    Ok(())
}

fn join_run(tree: &mut Tree, companions: &[NodeId], values: &[NodeId]) -> Outcome<()> {
    let is_list = |id: NodeId| tree.flags(id).has(Flags::LIST);
    let item = is_list(companions[0]);
    // A list that leaves out the nulls at its end says the same; a longer one belongs to values that are not
    // there.
    if companions.len() > values.len() || item != is_list(values[0]) {
        return Err(refuse(tree, companions[0], "this list is longer than the list of its values"));
    }
    for (companion, value) in companions.iter().zip(values) {
        // A list without a definition may hold objects beside primitives.
        let holds_place = item && tree.kind(*companion) == Kind::Null;
        if !tree.kind(*value).is_leaf() && !holds_place {
            return Err(refuse(
                tree,
                *companion,
                "a member with `_` belongs to a primitive, but this value is none",
            ));
        }
        match tree.kind(*companion) {
            Kind::Null if item => {}
            Kind::Object if item || tree.kind(*value) != Kind::Null => {
                tree.adopt_children(*companion, *value);
            }
            Kind::Object => {
                return Err(refuse(tree, *value, "null may stand only in a list, beside an extension"));
            }
            _ => {
                return Err(refuse(
                    tree,
                    *companion,
                    "a member with `_` holds an object with an id or extensions",
                ));
            }
        }
        if tree.first_child(*value).is_some() {
            tree.add_flags(*value, Flags::JOINED);
            if tree.kind(*value) == Kind::Null {
                // XML has no word for it, so the text of a primitive without value is empty.
                tree.set_text_range(*value, 0, 0);
            }
        }
        tree.add_flags(*companion, Flags::JOINED);
    }
    Ok(())
}
