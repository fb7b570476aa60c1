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
        let is_merge = self.target.first_child(to).is_some();
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
            let found = members
                .find(name)
                .or_else(|| found_in_data(schema, ty, tree.name_text(child)).into_iter().next());
            let is_list =
                found.as_ref().map_or(tree.flags(child).has(Flags::LIST), |it| it.element.is_list());
            // What the definitions do not have stays behind what it stood behind.
            let (rank, below) = found.map_or((order, UNKNOWN), |found| (found.element.order, found.ty));
            order = rank;
            let alike = if is_merge && !is_list { self.alike(to, name, kind) } else { None };
            let flags = if tree.flags(child).has(Flags::LIST) { Flags::LIST } else { Flags::default() };
            let made = alike.unwrap_or_else(|| self.target.insert(to, name, kind, flags, rank));
            if kind.is_leaf() && kind != Kind::Null {
                let text = tree.text(child);
                if alike.is_some() {
                    self.write_text(made, kind, &text)?;
                } else {
                    self.fresh_text(made, &text)?;
                }
            }
            self.came_from(made, is_source.then_some(child));
            if tree.first_child(child).is_some() {
                let below = if kind.is_leaf() { self.known.element } else { below };
                self.fill((made, depth + 1), below, tree, child, is_source)?;
            }
        }
        Ok(())
    }

    /// The element of a name that stands already where only one can.
    fn alike(&self, parent: NodeId, name: Name, kind: Kind) -> Option<NodeId> {
        let there = self.target.child(parent, name).filter(|_| kind != Kind::Text)?;
        (self.target.kind(there).is_leaf() == kind.is_leaf()).then_some(there)
    }

    /// Gives a leaf its first text.
    fn fresh_text(&mut self, id: NodeId, text: &str) -> Outcome<()> {
        self.bytes += text.len();
        if self.bytes > TARGET_BYTES_MAX {
            return Err(self.limit("bytes of text", TARGET_BYTES_MAX as u64));
        }
        self.target.set_text(id, text);
        Ok(())
    }
}
