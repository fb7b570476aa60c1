//! What a map says about itself, as statements and as elements of the resource.

use super::shape::MapShape;
use super::view::View;
use crate::mapping::fml::model::{Literal, Metadata};
use crate::tree::fhir::{Shape, TypeId};
use crate::tree::{Flags, Kind, NodeId, Tree};

/// The statements of an element and all below it.
pub(super) fn flatten(element: View<'_>, above: &[String], out: &mut Vec<Metadata>) {
    // The depth is bounded by that of the tree.
    let mut path = above.to_vec();
    path.push(element.name().to_owned());
    out.push(Metadata { path: path.clone(), value: element.literal(), origin: element.origin() });
    for child in element.children() {
        flatten(child, &path, out);
    }
}

/// An element that is open while statements are written.
struct Open<'m> {
    name: &'m str,
    id: NodeId,
    ty: Option<TypeId>,
}

/// Writes statements as elements below `root`, which has the type `ty`.
pub(super) fn write(
    tree: &mut Tree,
    root: NodeId,
    ty: Option<TypeId>,
    shape: MapShape<'_>,
    statements: &[Metadata],
) {
    let mut open: Vec<Open<'_>> = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        let Some((last, above)) = statement.path.split_last() else { continue };
        let has_children = statements.get(at + 1).is_some_and(|next| {
            next.path.len() > statement.path.len() && next.path.starts_with(&statement.path)
        });
        if statement.value.is_none() && !has_children {
            continue;
        }
        let shared = open.iter().zip(above).take_while(|(open, name)| open.name == name.as_str()).count();
        open.truncate(shared);
        for name in above.iter().skip(shared) {
            add(tree, root, ty, shape, &mut open, name, None);
        }
        add(tree, root, ty, shape, &mut open, last, statement.value.as_ref());
    }
}

/// Adds an element to the innermost one that is open, and opens it.
fn add<'m>(
    tree: &mut Tree,
    root: NodeId,
    ty: Option<TypeId>,
    shape: MapShape<'_>,
    open: &mut Vec<Open<'m>>,
    name: &'m str,
    value: Option<&Literal>,
) {
    let (parent, above) = open.last().map_or((root, ty), |last| (last.id, last.ty));
    if let (Some(Literal::String(text)), "resourceType", Some(last)) = (value, name, open.last_mut()) {
        last.ty = shape.type_named(text);
    }
    let element = above.and_then(|above| shape.element(above, name));
    let list = element.is_some_and(|element| element.list);
    let id = node(tree, parent, name, value, list);
    open.push(Open { name, id, ty: element.map(|element| element.ty) });
}

/// Adds a node: a leaf with a value, or an element to fill.
pub(super) fn node(
    tree: &mut Tree,
    parent: NodeId,
    name: &str,
    value: Option<&Literal>,
    list: bool,
) -> NodeId {
    let flags = if list { Flags::LIST } else { Flags::default() };
    let kind = match value {
        None => Kind::Object,
        Some(Literal::Boolean(_)) => Kind::Bool,
        Some(Literal::Integer(_) | Literal::Decimal(_)) => Kind::Number,
        Some(Literal::String(_) | Literal::Date(_) | Literal::DateTime(_) | Literal::Time(_)) => Kind::Str,
    };
    let name = tree.intern(name);
    let id = tree.insert(parent, name, kind, flags, 0);
    match value {
        Some(Literal::Boolean(value)) => tree.set_text(id, if *value { "true" } else { "false" }),
        Some(
            Literal::String(text)
            | Literal::Integer(text)
            | Literal::Decimal(text)
            | Literal::Date(text)
            | Literal::DateTime(text)
            | Literal::Time(text),
        ) => tree.set_text(id, text),
        None => {}
    }
    id
}
