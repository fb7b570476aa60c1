//! Steps through trees: children, descendants, extensions, references.

use super::super::code::{Code, Step, Target};
use super::super::nodes::is_element;
use super::super::types::label_part;
use super::super::value::{Item, Node, Value};
use super::{Flow, Machine, Scope, Sink, node_of, settle, text_of};
use crate::diag::Span;
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, Name, NodeId, Tree};

impl<'a> Machine<'a> {
    /// The children that a step leads to.
    pub(super) fn children_of(&self, item: &Item<'a>, step: &Step, span: Span, sink: Sink<'_, 'a>) -> Flow {
        let node = match item {
            Item::Node(node) => node,
            Item::Value(value) => {
                // The value of a value is the value.
                let own = || (step.is_text && step.name == Name::VALUE).then(|| value.clone());
                return part_of(value, &step.text)
                    .or_else(own)
                    .map_or(Ok(()), |part| sink(Item::Value(part)));
            }
        };
        let tree = node.tree;
        // Of a node that nothing was known of, the value of a primitive is the primitive itself.
        let is_open = matches!(step.target, Target::Open);
        if is_open && step.name == Name::VALUE && tree.kind(node.id).is_leaf() && tree.has_text(node.id) {
            return sink(item.clone());
        }
        let (mut open, mut is_found) = (None, false);
        for id in tree.children(node.id) {
            self.step(span)?;
            let ty = match &step.target {
                Target::Exact(ty) => (tree.name(id) == step.name).then_some(*ty),
                Target::Choice(names) => {
                    let name = tree.name(id);
                    names.iter().find(|(known, _)| *known == name).map(|(_, ty)| *ty)
                }
                Target::Open => {
                    let parent = *open.get_or_insert_with(|| self.model.type_of(node));
                    self.open_step(tree, id, parent, step)
                }
            };
            if let Some(ty) = ty
                && is_element(tree, id)
            {
                is_found = true;
                sink(Item::Node(Node { tree, id, ty }))?;
            }
        }
        if step.is_text && !is_found { self.text_of(node, sink) } else { Ok(()) }
    }

    /// The text of an XML element: its own where it holds nothing else, otherwise the runs of text in it.
    fn text_of(&self, node: &Node<'a>, sink: Sink<'_, 'a>) -> Flow {
        let tree = node.tree;
        if tree.kind(node.id).is_leaf() {
            return if tree.has_text(node.id) { sink(Item::Node(*node)) } else { Ok(()) };
        }
        let found = self.model.schema.find(self.model.type_of(node), "text()");
        let ty = found.map_or(UNKNOWN, |found| found.ty);
        for id in tree.children(node.id).filter(|id| tree.kind(*id) == Kind::Text) {
            sink(Item::Node(Node { tree, id, ty }))?;
        }
        Ok(())
    }

    /// The type of a child where nothing was known before: the name itself, or a choice that begins with it.
    fn open_step(&self, tree: &Tree, id: NodeId, parent: TypeId, step: &Step) -> Option<TypeId> {
        let name = tree.name(id);
        let is_own =
            if step.name == Name::NONE { tree.name_text(id) == &*step.text } else { name == step.name };
        if is_own {
            return Some(self.model.child_type(parent, name));
        }
        if tree.kind(id) == Kind::Attr && is_attribute(tree.name_text(id), &step.text) {
            return Some(self.model.child_type(parent, name));
        }
        let rest = tree.name_text(id).strip_prefix(&*step.text)?;
        if !rest.starts_with(|c: char| c.is_ascii_uppercase()) {
            return None;
        }
        let found = self.model.schema.element_by_name(parent, name)?;
        (found.element.is_choice() && found.element.name == step.name).then_some(found.ty)
    }

    pub(super) fn all_children(&self, item: &Item<'a>, span: Span, sink: Sink<'_, 'a>) -> Flow {
        let Some(node) = node_of(item) else { return Ok(()) };
        for child in self.model.children(&node) {
            self.step(span)?;
            sink(Item::Node(child))?;
        }
        Ok(())
    }

    /// All below an item, parents before children. Trees are no deeper than `tree::DEPTH_MAX`.
    pub(super) fn descendants(&self, item: &Item<'a>, span: Span, sink: Sink<'_, 'a>) -> Flow {
        let Some(node) = node_of(item) else { return Ok(()) };
        for child in self.model.children(&node) {
            self.step(span)?;
            sink(Item::Node(child))?;
            if child.tree.first_child(child.id).is_some() {
                self.descendants(&Item::Node(child), span, sink)?;
            }
        }
        Ok(())
    }

    pub(super) fn extension(
        &self,
        input: &'a Code,
        url: &'a Code,
        scope: Scope<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Flow {
        let Some(wanted) = self.single(url, scope)? else { return Ok(()) };
        let wanted = text_of(&wanted, url.span)?;
        let ty = self.model.known.extension;
        self.stream(input, scope, &mut |item| {
            let Some(node) = node_of(&item) else { return Ok(()) };
            let tree = node.tree;
            for id in tree.children_named(node.id, Name::EXTENSION) {
                self.step(input.span)?;
                if tree.child(id, Name::URL).is_some_and(|url| tree.text_is(url, &wanted)) {
                    sink(Item::Node(Node { tree, id, ty }))?;
                }
            }
            Ok(())
        })
    }

    /// The resource that a reference or an uri leads to: in the resource itself, in the Bundle, or by the host.
    pub(super) fn resolve(&self, item: &Item<'a>, sink: Sink<'_, 'a>) -> Flow {
        let start = node_of(item).or_else(|| self.context.resource.as_ref().and_then(node_of));
        let reference = match item {
            Item::Node(node) => match node.tree.child(node.id, Name::REFERENCE) {
                Some(reference) => Some(node.tree.text(reference)),
                None => self.model.plain_text(item),
            },
            Item::Value(_) => self.model.plain_text(item),
        };
        let Some(reference) = reference.filter(|text| !text.is_empty()) else { return Ok(()) };
        let local = start.and_then(|node| self.local(&node, &reference));
        match local.or_else(|| self.context.host.resolve(&reference)) {
            Some(found) => sink(Item::Node(found)),
            None => Ok(()),
        }
    }

    fn local(&self, from: &Node<'a>, reference: &str) -> Option<Node<'a>> {
        let tree = from.tree;
        let ty = self.model.known.resource;
        if let Some(id) = reference.strip_prefix('#') {
            let container = container(tree, from.id)?;
            let with_id =
                |child: &NodeId| tree.child(*child, Name::ID).is_some_and(|it| tree.text_is(it, id));
            let found = if id.is_empty() {
                Some(container)
            } else {
                tree.children_named(container, Name::CONTAINED).find(with_id)
            };
            return found.map(|id| Node { tree, id, ty });
        }
        let reference = reference.split_once("/_history/").map_or(reference, |(reference, _)| reference);
        let reference = reference.split_once('|').map_or(reference, |(reference, _)| reference);
        let entry = tree
            .children_named(NodeId::ROOT, Name::ENTRY)
            .inspect(|_| drop(settle(self.step(Span::default()).map_err(Into::into))))
            .find(|entry| is_entry_of(tree, *entry, reference))?;
        tree.child(entry, Name::RESOURCE).map(|id| Node { tree, id, ty })
    }
}

/// True for the name of an XML attribute, which its model names without the sign and, of `xsi:type`, the prefix.
fn is_attribute(name: &str, wanted: &str) -> bool {
    let name = name.strip_prefix('@').unwrap_or(name);
    name.strip_prefix("xsi:").unwrap_or(name) == wanted
}

/// The resource that stands on its own around a node: what is contained belongs to it.
fn container(tree: &Tree, id: NodeId) -> Option<NodeId> {
    let mut here = Some(id);
    while let Some(id) = here {
        if tree.name(id) != Name::CONTAINED && tree.child(id, Name::RESOURCE_TYPE).is_some() {
            return Some(id);
        }
        here = tree.parent(id);
    }
    None
}

/// True where an entry of a Bundle is what a reference means: by its full URL, or by type and id.
fn is_entry_of(tree: &Tree, entry: NodeId, reference: &str) -> bool {
    let url = tree.child(entry, Name::FULL_URL).map(|url| tree.text(url));
    if url.is_some_and(|url| {
        url == reference || url.strip_suffix(reference).is_some_and(|base| base.ends_with('/'))
    }) {
        return true;
    }
    let Some((ty, id)) = reference.split_once('/') else { return false };
    let Some(resource) = tree.child(entry, Name::RESOURCE) else { return false };
    tree.child(resource, Name::RESOURCE_TYPE).is_some_and(|it| tree.text_is(it, ty))
        && tree.child(resource, Name::ID).is_some_and(|it| tree.text_is(it, id))
}

/// A part of a value: of a quantity its number and unit, of the answer of `type()` its names.
fn part_of(value: &Value<'_>, name: &str) -> Option<Value<'static>> {
    match (value, name) {
        (Value::Quantity(quantity), "value") => Some(Value::Decimal(quantity.value)),
        (Value::Quantity(quantity), "unit" | "code") => {
            Some(Value::String(quantity.unit.ucum().to_owned().into()))
        }
        _ => label_part(value, name),
    }
}
