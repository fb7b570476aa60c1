//! Where each part of the resources comes from.

use crate::tree::NodeId;

/// Which rule made a target node, from which source node.
#[derive(Debug, Default)]
pub struct Origins(Vec<(u32, u32)>);

impl Origins {
    const NONE: u32 = u32::MAX;

    pub(super) fn with_room(nodes: usize) -> Self {
        Self(Vec::with_capacity(nodes))
    }

    pub(in crate::mapping) fn set(&mut self, target: NodeId, source: Option<NodeId>, rule: usize) {
        let at = target.index();
        let origin =
            (source.map_or(Self::NONE, |node| crate::tree::to_u32(node.index())), crate::tree::to_u32(rule));
        if let Some(here) = self.0.get_mut(at) {
            *here = origin;
            return;
        }
        if self.0.len() < at {
            self.0.resize(at, (Self::NONE, Self::NONE));
        }
        self.0.push(origin);
    }

    /// The target nodes that come from one of these source nodes.
    pub(in crate::mapping) fn made_from<'a>(
        &'a self,
        sources: &'a [NodeId],
    ) -> impl Iterator<Item = (NodeId, NodeId)> + 'a {
        self.0.iter().enumerate().filter_map(move |(at, origin)| {
            let source = sources.iter().find(|source| crate::tree::to_u32(source.index()) == origin.0)?;
            Some((NodeId::from_index(crate::tree::to_u32(at)), *source))
        })
    }

    /// The newest target node that comes from a source node.
    pub(super) fn last_from(&self, source: NodeId) -> Option<NodeId> {
        let source = crate::tree::to_u32(source.index());
        let at = self.0.iter().rposition(|origin| origin.0 == source)?;
        Some(NodeId::from_index(crate::tree::to_u32(at)))
    }

    /// The rule of a target node.
    pub fn rule(&self, target: NodeId) -> Option<usize> {
        self.0.get(target.index()).map(|origin| origin.1 as usize).filter(|rule| *rule != Self::NONE as usize)
    }

    /// The source node of a target node; `None` for a constant.
    pub fn source(&self, target: NodeId) -> Option<NodeId> {
        self.0
            .get(target.index())
            .filter(|origin| origin.0 != Self::NONE)
            .map(|origin| NodeId::from_index(origin.0))
    }
}
