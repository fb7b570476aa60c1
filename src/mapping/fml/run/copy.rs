//! Elements are copied with all below them, in the order of the definitions of their new place.

use super::{Outcome, Run, TARGET_BYTES_MAX, TARGET_NODES_MAX, Var};
use crate::fhirpath::Node;
use crate::mapping::fml::compile::found_in_data;
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use crate::tree::{DEPTH_MAX, Flags, Kind, Name, NodeId, Tree};

impl<'a> Run<'_, 'a> {
    /// Copies what is in an element into one that was made.
    pub(super) fn copy(&mut self, to: NodeId, ty: TypeId, value: &Var<'a>) -> Outcome<()> {
        let depth = self.depth_below(to)?;
        match value {
            Var::Node(node) => {
                self.carried_whole(node);
                self.resources.remove(&to);
                self.fill((to, depth), ty, node.tree, node.id, true)
            }
            Var::Made(id, _) => {
                let copy = self.target.clone_below(*id);
                self.fill((to, depth), ty, &copy, NodeId::ROOT, false)
            }
            Var::None | Var::Value(..) => Ok(()),
        }
    }

    /// Copies the id and the extensions that stand beside the value of a primitive.
    pub(super) fn copy_beside(&mut self, to: NodeId, node: &Node<'a>) -> Outcome<()> {
        if !node.tree.kind(node.id).is_leaf() || node.tree.first_child(node.id).is_none() {
            return Ok(());
        }
        for child in node.tree.children(node.id) {
            self.carried_whole(&Node { tree: node.tree, id: child, ty: UNKNOWN });
        }
        let depth = self.depth_below(to)?;
        self.fill((to, depth), self.known.element, node.tree, node.id, true)
    }

    fn fill(
        &mut self,
        (to, depth): (NodeId, u32),
        ty: TypeId,
        tree: &Tree,
        from: NodeId,
        is_source: bool,
    ) -> Outcome<()> {
        if depth > DEPTH_MAX {
            return Err(self.limit("levels of elements", u64::from(DEPTH_MAX)));
        }
        let schema = self.program.schema;
        let ty = self.type_of(tree, from, ty);
        let members = schema.members(ty);
        let mut order = 0;
        for child in tree.children(from) {
            let kind = tree.kind(child);
            if matches!(kind, Kind::Comment | Kind::Pi | Kind::EmptyList) {
                continue;
            }
            if self.target.len() >= TARGET_NODES_MAX {
                return Err(self.limit("elements", TARGET_NODES_MAX as u64));
            }
            let name = self.target.name_of(tree, tree.name(child));
            if name == Name::RESOURCE_TYPE && self.target.child(to, name).is_some() {
                continue;
            }
            let found = members.find(name).map(|found| (found.element.order, found.ty));
            let found = found.or_else(|| {
                let found = found_in_data(schema, ty, tree.name_text(child));
                found.first().map(|found| (found.element.order, found.ty))
            });
            // What the definitions do not have stays behind what it stood behind.
            let (rank, below) = found.unwrap_or((order, UNKNOWN));
            order = rank;
            let flags = if tree.flags(child).has(Flags::LIST) { Flags::LIST } else { Flags::default() };
            let made = self.target.insert(to, name, kind, flags, rank);
            self.came_from(made, is_source.then_some(child));
            if kind.is_leaf() && kind != Kind::Null {
                let text = tree.text(child);
                self.bytes += text.len();
                if self.bytes > TARGET_BYTES_MAX {
                    return Err(self.limit("bytes of text", TARGET_BYTES_MAX as u64));
                }
                self.target.set_text(made, &text);
            }
            if tree.first_child(child).is_some() {
                let below = if kind.is_leaf() { self.known.element } else { below };
                self.fill((made, depth + 1), below, tree, child, is_source)?;
            }
        }
        Ok(())
    }
}
