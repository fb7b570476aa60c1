//! What a store that keeps contributions asks of them.

use super::Contribution;
use crate::tree::NodeId;
use std::cmp::Ordering;

impl Contribution {
    /// The resources that stand for themselves: each with its kind and an id that stays the same over versions.
    pub fn entries(&self) -> impl Iterator<Item = (NodeId, &str, &str)> {
        let own = self.resources.iter().filter(|resource| resource.container.is_none());
        own.map(|resource| (resource.node, resource.kind.as_str(), resource.id.as_str()))
    }

    /// The Patient whom it is about, where its resources hold one.
    pub fn client(&self) -> Option<NodeId> {
        let named = self.plan().and_then(|plan| self.follow(plan, self.subject()?));
        let named = named.or_else(|| if self.plan().is_none() { self.planless_client() } else { None });
        named.filter(|node| self.bundle.resource_type(*node).as_deref() == Some("Patient"))
    }

    /// How it stands in the order of versions of one plan: by the count of the source where both have one, otherwise
    /// by time.
    pub fn compare_age(&self, other: &Self) -> Ordering {
        let counted = self.version.is_some() && other.version.is_some();
        self.age(counted).cmp(&other.age(counted))
    }
}
