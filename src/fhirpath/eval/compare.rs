//! Equality, equivalence and order of items (FHIRPath 2.0.0, "Equality" and "Comparison").

use super::super::decimal::Decimal;
use super::super::quantity::{Quantity, equivalent as decimals_equivalent};
use super::super::temporal::{Temporal, TemporalKind};
use super::super::types::{Model, System};
use super::super::value::{Item, Node, Value};
use crate::tree::{Kind, same_name};
use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Which of the two kinds of sameness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Equality {
    Equal,
    Equivalent,
}

impl Model<'_> {
    /// Collections are equal where their items are, in order; `None` where that is open.
    pub(super) fn all_equal(self, left: &[Item<'_>], right: &[Item<'_>]) -> Option<bool> {
        if left.len() != right.len() {
            return Some(false);
        }
        let mut open = false;
        for (left, right) in left.iter().zip(right) {
            match self.equal(left, right) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => open = true,
            }
        }
        (!open).then_some(true)
    }

    /// Collections are equivalent where their items are, in any order.
    pub(super) fn all_equivalent(self, left: &[Item<'_>], right: &[Item<'_>]) -> bool {
        if left.len() != right.len() {
            return false;
        }
        let mut free = vec![true; right.len()];
        left.iter().all(|item| {
            let fits = |(free, other): &(&mut bool, &Item<'_>)| **free && self.equivalent(item, other);
            let found = free.iter_mut().zip(right).find(fits);
            found.map(|(free, _)| *free = false).is_some()
        })
    }

    pub(super) fn equal(self, left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
        self.same(left, right, Equality::Equal)
    }

    fn equivalent(self, left: &Item<'_>, right: &Item<'_>) -> bool {
        self.same(left, right, Equality::Equivalent) == Some(true)
    }

    fn same(self, left: &Item<'_>, right: &Item<'_>, equality: Equality) -> Option<bool> {
        if equality == Equality::Equal {
            if let (Item::Node(node), Item::Value(Value::String(text)))
            | (Item::Value(Value::String(text)), Item::Node(node)) = (left, right)
                && node.tree.kind(node.id) == Kind::Str
            {
                let temporal = self.known.system(node.ty).is_some_and(System::is_temporal);
                return Some(!temporal && node.tree.text_is(node.id, text));
            }
            if let (Some(left), Some(right)) = (self.plain_text(left), self.plain_text(right)) {
                return Some(left == right);
            }
        }
        let value = |item: &Item<'_>| match item {
            Item::Value(value) => Some(value.clone().into_owned()),
            Item::Node(node) => self.value(node).map(Value::into_owned),
        };
        match (value(left), value(right), left, right) {
            (Some(left), Some(right), ..) => same_values(&left, &right, equality),
            (None, None, Item::Node(left), Item::Node(right)) => self.same_nodes(left, right, equality),
            _ => Some(false),
        }
    }

    /// Elements are the same where all their children are, by name; those of one name in order.
    fn same_nodes(self, left: &Node<'_>, right: &Node<'_>, equality: Equality) -> Option<bool> {
        if left.is_same(right) {
            return Some(true);
        }
        let (mine, theirs): (Vec<_>, Vec<_>) =
            (self.children(left).collect(), self.children(right).collect());
        let kinds = left.tree.resource_type(left.id) == right.tree.resource_type(right.id);
        if mine.len() != theirs.len() || !kinds {
            return Some(false);
        }
        let named = |a: &Node<'_>, b: &Node<'_>| same_name(a.tree, a.id, b.tree, b.id);
        let aligned = mine.iter().zip(&theirs).all(|(a, b)| named(a, b));
        let mut open = false;
        for (at, child) in mine.iter().enumerate() {
            let before = || mine.iter().take(at).filter(|other| named(child, other)).count();
            let other = if aligned {
                theirs.get(at)
            } else {
                theirs.iter().filter(|other| named(child, other)).nth(before())
            };
            let Some(other) = other else { return Some(false) };
            match self.same(&Item::Node(*child), &Item::Node(*other), equality) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => open = true,
            }
        }
        (!open).then_some(true)
    }

    /// A number that is the same for items that are equal.
    pub(super) fn hash(self, item: &Item<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Some(text) = self.plain_text(item) {
            text.hash(&mut hasher);
            return hasher.finish();
        }
        match item {
            Item::Value(value) => hash_value(value, &mut hasher),
            Item::Node(node) => match self.value(node) {
                Some(value) => hash_value(&value, &mut hasher),
                None => return hash_node(node),
            },
        }
        hasher.finish()
    }
}

/// How two values are ordered; `Ok(None)` where that is open.
///
/// # Errors
/// The two are of types that have no common order.
pub(super) fn order(left: &Value<'_>, right: &Value<'_>) -> Result<Option<Ordering>, ()> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(Some(left.cmp(right))),
        (Value::Temporal(left), Value::Temporal(right)) => {
            let clock = |value: &Temporal| value.kind() == TemporalKind::Time;
            if clock(left) == clock(right) { Ok(left.compare(*right)) } else { Err(()) }
        }
        _ => match (decimal(left), decimal(right)) {
            (Some(left), Some(right)) => Ok(Some(left.cmp(&right))),
            _ => {
                let (left, right) = (quantity(left).ok_or(())?, quantity(right).ok_or(())?);
                Ok(left.compare(&right))
            }
        },
    }
}

/// The value as a decimal, where it is a number.
pub(in super::super) fn decimal(value: &Value<'_>) -> Option<Decimal> {
    match value {
        Value::Integer(value) => Some(Decimal::whole(i64::from(*value))),
        Value::Long(value) => Some(Decimal::whole(*value)),
        Value::Decimal(value) => Some(*value),
        _ => None,
    }
}

/// The value as a quantity: a number is one of unit `1`.
pub(super) fn quantity(value: &Value<'_>) -> Option<Quantity> {
    match value {
        Value::Quantity(quantity) => Some((**quantity).clone()),
        _ => decimal(value).map(Quantity::plain),
    }
}

fn same_values(left: &Value<'_>, right: &Value<'_>, equality: Equality) -> Option<bool> {
    let equal = equality == Equality::Equal;
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            Some(if equal { left == right } else { folded(left).eq(folded(right)) })
        }
        (Value::Temporal(left), Value::Temporal(right)) => {
            let clock = |value: &Temporal| value.kind() == TemporalKind::Time;
            if clock(left) != clock(right) {
                return Some(false);
            }
            if equal {
                left.compare(*right).map(|order| order == Ordering::Equal)
            } else {
                Some(left.is_equivalent(*right))
            }
        }
        (Value::Boolean(left), Value::Boolean(right)) => Some(left == right),
        (Value::Type(left), Value::Type(right)) => Some(left == right),
        _ => {
            if let (Some(left), Some(right)) = (decimal(left), decimal(right)) {
                return Some(if equal { left == right } else { decimals_equivalent(left, right) });
            }
            let (Some(left), Some(right)) = (quantity(left), quantity(right)) else { return Some(false) };
            if equal {
                left.compare(&right).map(|order| order == Ordering::Equal)
            } else {
                Some(left.is_equivalent(&right))
            }
        }
    }
}

/// A text without regard to case and to the kind of its white space.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase).map(|c| if c.is_whitespace() { ' ' } else { c })
}

fn hash_value(value: &Value<'_>, hasher: &mut DefaultHasher) {
    match value {
        Value::Boolean(value) => value.hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Type(label) => label.name.hash(hasher),
        Value::Integer(_) | Value::Long(_) | Value::Decimal(_) => {
            let trimmed = decimal(value).map(Decimal::trimmed);
            trimmed.map(|value| (value.digits(), value.scale())).hash(hasher);
        }
        Value::Temporal(value) => value.key().hash(hasher),
        Value::Quantity(value) => value.key().hash(hasher),
    }
}

/// The names and texts below a node, in any order. Texts that may be dates or numbers do not count, since those can
/// be equal without being written alike.
fn hash_node(node: &Node<'_>) -> u64 {
    let tree = node.tree;
    let part = |id| {
        let mut hasher = DefaultHasher::new();
        tree.name_text(id).hash(&mut hasher);
        if tree.kind(id) == Kind::Str {
            let text = tree.text(id);
            if !text.starts_with(|c: char| c.is_ascii_digit()) {
                text.hash(&mut hasher);
            }
        }
        hasher.finish()
    };
    tree.descend(node.id).skip(1).map(part).fold(0, u64::wrapping_add)
}
