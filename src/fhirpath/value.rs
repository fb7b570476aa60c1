//! What an expression works on: nodes of trees and values of its own, and collections of them.

use super::decimal::Decimal;
use super::quantity::Quantity;
use super::temporal::{Temporal, TemporalKind};
use super::types::System;
use crate::tree::fhir::TypeId;
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;
use std::fmt;

/// A node of a tree with its type. Nodes of several trees may meet in one expression.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// The tree it stands in.
    pub tree: &'a Tree,
    /// The node.
    pub id: NodeId,
    /// Its declared type; that of a resource may be `Resource`, the data then say which.
    pub ty: TypeId,
}

impl Node<'_> {
    /// True where the two are one node of one tree.
    pub fn is_same(&self, other: &Node<'_>) -> bool {
        self.id == other.id && std::ptr::eq(self.tree, other.tree)
    }
}

/// A value that is no node.
#[derive(Clone, PartialEq)]
pub enum Value<'a> {
    /// `true`, `false`.
    Boolean(bool),
    /// A whole number of 32 bits.
    Integer(i32),
    /// A whole number of 64 bits.
    Long(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// A text.
    String(Cow<'a, str>),
    /// A date, a date-time or a time.
    Temporal(Temporal),
    /// A number with a unit.
    Quantity(Box<Quantity>),
    /// The answer of `type()`.
    Type(Box<TypeLabel>),
}

/// A type as `type()` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeLabel {
    /// `System` or `FHIR`.
    pub namespace: &'static str,
    /// `Patient`.
    pub name: Box<str>,
}

impl Value<'_> {
    /// The type of the value; `None` for the answer of `type()`.
    pub const fn system(&self) -> Option<System> {
        Some(match self {
            Self::Boolean(_) => System::Boolean,
            Self::Integer(_) => System::Integer,
            Self::Long(_) => System::Long,
            Self::Decimal(_) => System::Decimal,
            Self::String(_) => System::String,
            Self::Temporal(value) => System::of_temporal(value.kind()),
            Self::Quantity(_) => System::Quantity,
            Self::Type(_) => return None,
        })
    }

    /// The same value with a text of its own.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Boolean(value) => Value::Boolean(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Long(value) => Value::Long(value),
            Self::Decimal(value) => Value::Decimal(value),
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Self::Temporal(value) => Value::Temporal(value),
            Self::Quantity(value) => Value::Quantity(value),
            Self::Type(label) => Value::Type(label),
        }
    }

    /// The value as `toString()` gives it.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Self::Integer(value) => Cow::Owned(value.to_string()),
            Self::Long(value) => Cow::Owned(value.to_string()),
            Self::Decimal(value) => Cow::Owned(value.to_string()),
            Self::String(text) => Cow::Borrowed(text),
            Self::Temporal(value) => Cow::Owned(value.to_string()),
            Self::Quantity(value) => Cow::Owned(value.to_string()),
            Self::Type(label) => Cow::Owned(format!("{}.{}", label.namespace, label.name)),
        }
    }
}

impl fmt::Debug for Value<'_> {
    /// The type alone: the value may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.system().map_or("Type", System::name))
    }
}

impl System {
    /// The type of a date, a date-time or a time.
    pub const fn of_temporal(kind: TemporalKind) -> Self {
        match kind {
            TemporalKind::Date => Self::Date,
            TemporalKind::DateTime => Self::DateTime,
            TemporalKind::Time => Self::Time,
        }
    }
}

/// One item of a collection.
#[derive(Debug, Clone)]
pub enum Item<'a> {
    /// A node of a tree.
    Node(Node<'a>),
    /// A value.
    Value(Value<'a>),
}

impl<'a> Item<'a> {
    /// A node.
    pub const fn node(tree: &'a Tree, id: NodeId, ty: TypeId) -> Self {
        Self::Node(Node { tree, id, ty })
    }

    /// A boolean.
    pub const fn boolean(value: bool) -> Self {
        Self::Value(Value::Boolean(value))
    }

    /// A text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Value(Value::String(text.into()))
    }

    /// The node, where it is one.
    pub const fn as_node(&self) -> Option<&Node<'a>> {
        match self {
            Self::Node(node) => Some(node),
            Self::Value(_) => None,
        }
    }
}

impl<'a> From<Value<'a>> for Item<'a> {
    fn from(value: Value<'a>) -> Self {
        Self::Value(value)
    }
}

/// Items in order. Most collections have none or one, and those need no memory of their own.
#[derive(Debug, Clone, Default)]
pub enum Collection<'a> {
    /// No item.
    #[default]
    Empty,
    /// One item.
    One(Item<'a>),
    /// Any number of items.
    Many(Vec<Item<'a>>),
}

impl<'a> Collection<'a> {
    /// Adds an item at the end.
    pub fn push(&mut self, item: Item<'a>) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::One(item),
            Self::One(first) => Self::Many(vec![first, item]),
            Self::Many(mut items) => {
                items.push(item);
                Self::Many(items)
            }
        };
    }

    /// The items.
    pub fn items(&self) -> &[Item<'a>] {
        match self {
            Self::Empty => &[],
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items().len()
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.items().is_empty()
    }
}

impl<'a> From<Option<Item<'a>>> for Collection<'a> {
    fn from(item: Option<Item<'a>>) -> Self {
        item.map_or(Self::Empty, Self::One)
    }
}

impl<'a> From<Option<Value<'a>>> for Collection<'a> {
    fn from(value: Option<Value<'a>>) -> Self {
        value.map(Item::Value).into()
    }
}

impl<'a> FromIterator<Item<'a>> for Collection<'a> {
    fn from_iter<I: IntoIterator<Item = Item<'a>>>(items: I) -> Self {
        let mut collection = Self::Empty;
        items.into_iter().for_each(|item| collection.push(item));
        collection
    }
}

impl<'a> IntoIterator for Collection<'a> {
    type Item = Item<'a>;
    type IntoIter = std::vec::IntoIter<Item<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        match self {
            Self::Empty => Vec::new(),
            Self::One(item) => vec![item],
            Self::Many(items) => items,
        }
        .into_iter()
    }
}
