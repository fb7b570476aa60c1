//! Values that a profile states: fixed values, patterns, least and greatest values.

use crate::diag::{Code, codes, message};
use crate::fhirpath::{Calendar, Decimal, Quantity, Temporal, Unit};
use crate::schema::{Literal, Schema};
use crate::tree::{Kind, NodeId, Tree, json};
use crate::validate::Walk;
use crate::validate::report::Fault;
use std::cmp::Ordering;

/// A value of a definition as a tree.
#[derive(Debug)]
pub(super) struct Stated {
    tree: Tree,
    /// Where in the tree it stands.
    root: NodeId,
    how: How,
}

/// How data are compared with a stated value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// They are the same.
    Fixed,
    /// They have all of it, and may have more.
    Pattern,
}

impl How {
    const fn code(self) -> &'static Code {
        match self {
            Self::Fixed => codes::FIXED,
            Self::Pattern => codes::PATTERN,
        }
    }
}

impl Stated {
    /// From a definition; none where its text is no JSON, which the reader of definitions does not let pass.
    pub(super) fn new(literal: &Literal, how: How, schema: &Schema) -> Option<Self> {
        let tree = json::read(&literal.json, schema.names()).ok()?;
        Some(Self { tree, root: NodeId::ROOT, how })
    }

    /// The part of a stated value at a path of names; none where there is not exactly one.
    pub(super) fn part(literal: &Literal, how: How, names: &[&str], schema: &Schema) -> Option<Self> {
        let mut stated = Self::new(literal, how, schema)?;
        for name in names {
            let mut same =
                stated.tree.children(stated.root).filter(|node| stated.tree.name_text(*node) == *name);
            let only = same.next()?;
            if same.next().is_some() {
                return None;
            }
            stated.root = only;
        }
        Some(stated)
    }
}

impl Walk<'_, '_> {
    /// Checks a value against a stated one; each difference is told where it stands.
    pub(super) fn stated(&mut self, id: NodeId, stated: &Stated, rule: &str) {
        self.differs(id, stated, stated.root, rule);
    }

    fn differs(&mut self, id: NodeId, stated: &Stated, wanted: NodeId, rule: &str) {
        let (tree, code) = (self.tree, stated.how.code());
        if stated.tree.kind(wanted).is_leaf() {
            if !tree.has_text(id) || tree.text(id) != stated.tree.text(wanted) {
                let message = match stated.how {
                    How::Fixed => message!("the profile fixes another value"),
                    How::Pattern => message!("the profile demands another value"),
                };
                self.tell(Fault::error(code, id, message).rule(rule));
            }
            return;
        }
        if tree.kind(id) != Kind::Object {
            self.tell(Fault::error(code, id, message!("the profile demands a value with parts")).rule(rule));
            return;
        }
        if stated.how == How::Fixed {
            self.surplus(id, stated, wanted, rule);
        }
        let mut after: Option<NodeId> = None;
        for part in stated.tree.children(wanted) {
            let name = stated.tree.name_text(part);
            let is_same_name = |node: &NodeId| tree.name_text(*node) == name;
            let same: Vec<NodeId> = tree.children(id).filter(is_same_name).collect();
            match same[..] {
                [] => {
                    let message = message!("`{name}` is missing, which the profile demands", name);
                    self.tell(Fault::error(code, id, message).rule(rule));
                }
                [only] => self.differs(only, stated, part, rule),
                _ => {
                    // Of a list, each stated item is found once, in the order of the definition where it is fixed.
                    let behind = |node: &&NodeId| {
                        stated.how == How::Pattern || after.is_none_or(|after| **node > after)
                    };
                    let found = same.iter().filter(behind).find(|node| self.is_as(**node, stated, part));
                    match found.copied() {
                        Some(node) => after = Some(node),
                        None => {
                            let message = message!("no `{name}` is as the profile demands", name);
                            self.tell(Fault::error(code, id, message).rule(rule));
                        }
                    }
                }
            }
        }
    }

    /// What stands beside a fixed value.
    fn surplus(&mut self, id: NodeId, stated: &Stated, wanted: NodeId, rule: &str) {
        let tree = self.tree;
        let count = |name: &str| {
            stated.tree.children(wanted).filter(|part| stated.tree.name_text(*part) == name).count()
        };
        let mut before = ("", 0);
        for child in tree.children(id).filter(|child| !matches!(tree.kind(*child), Kind::Comment | Kind::Pi))
        {
            let name = tree.name_text(child);
            before = if before.0 == name { (name, before.1 + 1) } else { (name, 1) };
            if before.1 > count(name) {
                let message = if tree.names().is_shared(tree.name(child)) {
                    message!("`{name}` is not part of the value that the profile fixes", name)
                } else {
                    message!("this is not part of the value that the profile fixes")
                };
                self.tell(Fault::error(codes::FIXED, child, message).rule(rule));
            }
        }
    }

    fn is_as(&mut self, id: NodeId, stated: &Stated, wanted: NodeId) -> bool {
        self.trial(|walk| walk.differs(id, stated, wanted, ""))
    }

    /// Checks a value against the least or greatest that a profile allows.
    pub(super) fn in_range(&mut self, id: NodeId, limit: &Limit, rule: &str) {
        if limit.compare(self.tree, id, self.options.now) == Some(limit.refused) {
            let message = match limit.refused {
                Ordering::Less => message!("the value is less than the profile allows"),
                _ => message!("the value is greater than the profile allows"),
            };
            self.tell(Fault::error(codes::VALUE_RANGE, id, message).rule(rule));
        }
    }
}

/// A least or greatest value.
#[derive(Debug)]
pub(super) struct Limit {
    value: Magnitude,
    /// How data compare with it that are refused.
    refused: Ordering,
}

#[derive(Debug)]
enum Magnitude {
    Number(Decimal),
    Moment(Temporal),
    Quantity(Box<Quantity>),
}

impl Limit {
    pub(super) fn least(literal: &Literal, schema: &Schema) -> Option<Self> {
        Some(Self { value: Magnitude::of(literal, schema)?, refused: Ordering::Less })
    }

    pub(super) fn greatest(literal: &Literal, schema: &Schema) -> Option<Self> {
        Some(Self { value: Magnitude::of(literal, schema)?, refused: Ordering::Greater })
    }

    /// How a value of data compares with the limit; none where that cannot be said.
    fn compare(&self, tree: &Tree, id: NodeId, now: Option<Temporal>) -> Option<Ordering> {
        match &self.value {
            Magnitude::Number(limit) => Some(Decimal::parse(&tree.text(id))?.cmp(limit)),
            Magnitude::Moment(limit) => moment(&tree.text(id))?.compare(*limit),
            Magnitude::Quantity(limit) if tree.kind(id) == Kind::Object => quantity(tree, id)?.compare(limit),
            Magnitude::Quantity(limit) => moment(&tree.text(id))?.compare(self.relative_to(limit, now?)?),
        }
    }

    /// Of a date a quantity is how far before or after now it may lie (FHIR R4, `ElementDefinition.minValue[x]`).
    fn relative_to(&self, limit: &Quantity, now: Temporal) -> Option<Temporal> {
        let amount = if self.refused == Ordering::Less { limit.value.negated() } else { limit.value };
        now.plus(amount, limit.unit.duration().or_else(|| Calendar::of_ucum(limit.unit.ucum()))?)
    }
}

impl Magnitude {
    fn of(literal: &Literal, schema: &Schema) -> Option<Self> {
        let tree = json::read(&literal.json, schema.names()).ok()?;
        match tree.kind(NodeId::ROOT) {
            Kind::Object => quantity(&tree, NodeId::ROOT).map(Box::new).map(Self::Quantity),
            Kind::Number => Decimal::parse(&tree.text(NodeId::ROOT)).map(Self::Number),
            _ => moment(&tree.text(NodeId::ROOT)).map(Self::Moment),
        }
    }
}

fn moment(text: &str) -> Option<Temporal> {
    Temporal::date_time(text).or_else(|| Temporal::time(text))
}

fn quantity(tree: &Tree, id: NodeId) -> Option<Quantity> {
    let value = Decimal::parse(&tree.child_text(id, "value")?)?;
    let unit = tree.child_text(id, "code").or_else(|| tree.child_text(id, "unit"))?;
    Some(Quantity::new(value, Unit::Ucum(unit.as_ref().into())))
}
