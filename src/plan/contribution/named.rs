//! References that name what they lead to by an identifier alone, as those of C-CDA do.

use super::{Contribution, Resource};
use crate::plan::read::text;
use crate::tree::{Kind, Name, NodeId};

/// A Reference without a `reference`.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Named {
    /// The resource that it stands in.
    pub(in crate::plan) from: u32,
    /// The Reference.
    pub(in crate::plan) node: NodeId,
    /// The identifier, as `system|value`.
    pub(in crate::plan) identifier: String,
    /// The kind of resource that it says to lead to.
    pub(in crate::plan) kind: Option<String>,
}

impl Contribution {
    /// The references that name what they lead to by an identifier alone.
    pub(in crate::plan) fn named(&self) -> &[Named] {
        self.named.get_or_init(|| {
            let of_resource = |(resource, from): (&Resource, u32)| self.named_in(resource.node, from);
            self.resources.iter().zip(0_u32..).flat_map(of_resource).collect()
        })
    }

    fn named_in(&self, resource: NodeId, from: u32) -> Vec<Named> {
        let tree = &*self.bundle;
        let Some(identifier) = tree.names().get("identifier") else { return Vec::new() };
        let inner = tree.descend(resource).filter(|node| {
            let is_alone = tree.name(*node) == identifier && tree.kind(*node) == Kind::Object;
            is_alone && tree.parent(*node).is_some_and(|parent| parent != resource)
        });
        let named = inner.filter_map(|node| {
            let reference = tree.parent(node)?;
            let (system, value) = (text(tree, node, &["system"])?, text(tree, node, &["value"])?);
            let is_named =
                self.number(reference).is_none() && tree.child(reference, Name::REFERENCE).is_none();
            is_named.then(|| Named {
                from,
                node: reference,
                identifier: format!("{system}|{value}"),
                kind: text(tree, reference, &["type"]).map(std::borrow::Cow::into_owned),
            })
        });
        named.collect()
    }
}
