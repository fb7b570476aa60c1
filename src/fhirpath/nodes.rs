//! Nodes of a tree as values and as parents of typed children.

use super::decimal::Decimal;
use super::quantity::{Quantity, Unit};
use super::temporal::Temporal;
use super::types::{Model, System};
use super::value::{Item, Node, Value};
use crate::schema::UNKNOWN;
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, Name, NodeId, Tree};
use std::borrow::Cow;

/// The code system of UCUM.
const UCUM: &str = "http://unitsofmeasure.org";

/// True for a node that an expression sees; the name of a resource type is none.
pub(super) fn is_element(tree: &Tree, id: NodeId) -> bool {
    tree.is_present(id) && tree.name(id) != Name::RESOURCE_TYPE
}

impl Model<'_> {
    /// The type of a child by its name in data.
    pub(super) fn child_type(&self, parent: TypeId, name: Name) -> TypeId {
        let found = self.schema.element_by_name(parent, name);
        found.map_or(UNKNOWN, |found| self.element_type(parent, &found))
    }

    /// The children of a node with their types.
    pub(super) fn children<'t>(&self, node: &Node<'t>) -> impl Iterator<Item = Node<'t>> {
        let (tree, parent) = (node.tree, self.type_of(node));
        let members = self.schema.members(parent);
        let elements = tree.children(node.id).filter(move |child| is_element(tree, *child));
        elements.map(move |id| {
            let found = members.find(tree.name(id));
            Node { tree, id, ty: found.map_or(UNKNOWN, |found| self.element_type(parent, &found)) }
        })
    }

    /// The text of an item that is a string, or a FHIR primitive that is converted to one.
    pub(super) fn plain_text<'t>(&self, item: &Item<'t>) -> Option<Cow<'t, str>> {
        match item {
            Item::Value(Value::String(text)) => Some(text.clone()),
            Item::Value(_) => None,
            Item::Node(node) => match node.tree.kind(node.id) {
                Kind::Str | Kind::Xhtml | Kind::Attr | Kind::Text => {
                    let temporal = self.known.system(node.ty).is_some_and(System::is_temporal);
                    (!temporal).then(|| node.tree.text(node.id))
                }
                Kind::Object
                | Kind::Number
                | Kind::Bool
                | Kind::Null
                | Kind::EmptyList
                | Kind::Array
                | Kind::Comment
                | Kind::Pi => None,
            },
        }
    }

    /// The value of a node: of a primitive its own, of a quantity with a unit the whole. `None` for anything else, and
    /// for a date that is none.
    pub(super) fn value<'t>(&self, node: &Node<'t>) -> Option<Value<'t>> {
        let (tree, id) = (node.tree, node.id);
        match tree.kind(id) {
            Kind::Bool => Some(Value::Boolean(tree.text_is(id, "true"))),
            Kind::Number => self.number(node),
            Kind::Str | Kind::Xhtml | Kind::Attr | Kind::Text => {
                let text = tree.text(id);
                match self.known.system(node.ty) {
                    Some(System::Date) => Temporal::date(&text).map(Value::Temporal),
                    Some(System::DateTime) => Temporal::date_time(&text).map(Value::Temporal),
                    Some(System::Time) => Temporal::time(&text).map(Value::Temporal),
                    _ => Some(Value::String(text)),
                }
            }
            Kind::Object if self.is_subtype(node.ty, self.known.quantity) => quantity(node),
            Kind::Object | Kind::Null | Kind::EmptyList | Kind::Array | Kind::Comment | Kind::Pi => None,
        }
    }

    fn number<'t>(&self, node: &Node<'t>) -> Option<Value<'t>> {
        let text = node.tree.raw_text(node.id);
        match self.known.system(node.ty) {
            Some(System::Decimal) => Decimal::parse(text).map(Value::Decimal),
            Some(System::Long) => text.parse().ok().map(Value::Long),
            _ => match text.parse() {
                Ok(value) => Some(Value::Integer(value)),
                Err(_) => Decimal::parse(text).map(Value::Decimal),
            },
        }
    }
}

/// A FHIR quantity as one of the language (FHIR R4, "FHIRPath", "Use of FHIR Quantity"): its code where that is of
/// UCUM, otherwise its unit as it is written. A comparator makes it a range, which is no value.
fn quantity<'t>(node: &Node<'t>) -> Option<Value<'t>> {
    let (tree, id) = (node.tree, node.id);
    if tree.child_str(id, "comparator").is_some() {
        return None;
    }
    let value = tree.child(id, Name::VALUE).filter(|value| tree.has_text(*value))?;
    let value = Decimal::parse(&tree.text(value))?;
    let is_ucum = tree.child_str(id, "system").is_some_and(|system| tree.text_is(system, UCUM));
    let unit = match tree.child_text(id, "code").filter(|_| is_ucum) {
        Some(code) => Unit::Ucum(code.into()),
        None => tree.child_text(id, "unit").map_or(Unit::Ucum("1".into()), |unit| Unit::named(&unit)),
    };
    Some(Value::Quantity(Box::new(Quantity::new(value, unit))))
}
