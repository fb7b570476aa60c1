//! Whose a resource is: the tag that the server puts on whatever a unit writes.

use super::super::document::Document;
use crate::search::{Clause, Slot, token_hash};
use crate::store::Record;
use crate::tree::{Flags, Kind, NodeId, Tree};
use serde::Deserialize;
use std::borrow::Cow;

/// The system of the tag; its code is the key of the unit.
pub(in crate::server) const UNIT: &str = "https://w3id.org/sauma/fhir/CodeSystem/unit";
/// The parameter by which it is found.
const TAG: (&str, &str) = ("Resource", "_tag");

/// What passes if one of these units wrote it.
pub(super) fn of_units<'a>(keys: impl Iterator<Item = &'a str>) -> Clause {
    let hashes: Vec<i64> = keys.map(|key| token_hash(UNIT, key)).collect();
    if hashes.is_empty() {
        return Clause::NOTHING;
    }
    Clause::Hash { slot: Slot::of(TAG.0, TAG.1), hashes }
}

/// What is read of a document: its tags and labels.
#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow)]
    meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    tag: Vec<Coding<'a>>,
}

#[derive(Deserialize)]
struct Coding<'a> {
    #[serde(borrow)]
    system: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

/// The unit that wrote a version; none where nobody did, as under `--dev`, or it is a tombstone.
pub(in crate::server) fn owner(record: &Record) -> Option<String> {
    tag(record, UNIT)
}

/// The code of a tag that the server puts.
pub(in crate::server) fn tag(record: &Record, system: &str) -> Option<String> {
    let document = record.document.as_deref()?;
    let tagged: Tagged = serde_json::from_slice(document).ok()?;
    let tag = tagged.meta?.tag.into_iter().find(|tag| tag.system.as_deref() == Some(system))?;
    tag.code.map(Cow::into_owned)
}

impl Document {
    /// Puts the tag of the unit that writes, in place of what the client may have put there.
    pub(in crate::server) fn own(&mut self, key: &str) {
        self.tag(UNIT, key);
    }

    /// Puts the one tag of a system of the server's own.
    pub(in crate::server) fn tag(&mut self, system: &str, code: &str) {
        let tree = &mut self.tree;
        let meta = object(tree, NodeId::ROOT, "meta");
        let name = tree.intern("tag");
        let tags: Vec<NodeId> = tree.children_named(meta, name).collect();
        for tag in tags {
            // What is no coding, or of that system, goes.
            if tree.kind(tag) != Kind::Object || tree.child_text(tag, "system").as_deref() == Some(system) {
                tree.remove(tag);
            }
        }
        let last = tree.children_named(meta, name).last().or_else(|| tree.children(meta).last());
        let tag = tree.insert_after(meta, last, name, Kind::Object, Flags::LIST, 0);
        let mut behind = None;
        for (name, text) in [("system", system), ("code", code)] {
            let name = tree.intern(name);
            let leaf = tree.insert_after(tag, behind, name, Kind::Str, Flags::default(), 0);
            tree.set_text(leaf, text);
            behind = Some(leaf);
        }
    }
}

/// The object of a name, made where there is none.
fn object(tree: &mut Tree, parent: NodeId, name: &str) -> NodeId {
    if let Some(found) = tree.child_str(parent, name).filter(|node| tree.kind(*node) == Kind::Object) {
        return found;
    }
    while let Some(node) = tree.child_str(parent, name) {
        tree.remove(node);
    }
    let name = tree.intern(name);
    let last = tree.children(parent).last();
    tree.insert_after(parent, last, name, Kind::Object, Flags::default(), 0)
}
