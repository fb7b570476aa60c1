//! Values of answers, of the options of an item and of the bounds of its answers.

use crate::fhirpath::{Decimal, Quantity, Temporal, Unit};
use crate::tree::{NodeId, Tree};
use std::cmp::Ordering;

/// The code system of units of measure.
const UCUM: &str = "http://unitsofmeasure.org";

/// A type that the value of an answer, an option, a condition or a bound can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    Decimal,
    Integer,
    Date,
    DateTime,
    Time,
    Text,
    Uri,
    Attachment,
    Coding,
    Quantity,
    Reference,
}

impl Type {
    /// The type of a name in data behind its stem: `Coding` of `valueCoding`.
    fn named(text: &str) -> Option<Self> {
        Some(match text {
            "Boolean" => Self::Boolean,
            "Decimal" => Self::Decimal,
            "Integer" => Self::Integer,
            "Date" => Self::Date,
            "DateTime" => Self::DateTime,
            "Time" => Self::Time,
            "String" => Self::Text,
            "Uri" => Self::Uri,
            "Attachment" => Self::Attachment,
            "Coding" => Self::Coding,
            "Quantity" => Self::Quantity,
            "Reference" => Self::Reference,
            _ => return None,
        })
    }

    /// Its name in FHIR.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Time => "time",
            Self::Text => "string",
            Self::Uri => "uri",
            Self::Attachment => "Attachment",
            Self::Coding => "Coding",
            Self::Quantity => "Quantity",
            Self::Reference => "Reference",
        }
    }
}

/// A code of a system with what people read for it; empty where a part is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) system: Box<str>,
    pub(super) code: Box<str>,
    pub(super) display: Box<str>,
}

impl Coding {
    pub(super) fn read(tree: &Tree, id: NodeId) -> Self {
        let part = |name: &str| tree.child_text(id, name).map(Into::into).unwrap_or_default();
        Self { system: part("system"), code: part("code"), display: part("display") }
    }

    /// True for the same code of the same system; where neither has a code, for the same words.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let has_no_code = self.code.is_empty() && other.code.is_empty();
        self.system == other.system
            && self.code == other.code
            && (!has_no_code || self.display == other.display)
    }
}

/// A number with its unit.
#[derive(Debug, Clone)]
pub(super) struct Amount {
    pub(super) value: Option<Decimal>,
    /// The unit as people read it.
    pub(super) unit: Box<str>,
    pub(super) system: Box<str>,
    pub(super) code: Box<str>,
}

impl Amount {
    fn read(tree: &Tree, id: NodeId) -> Self {
        let part = |name: &str| tree.child_text(id, name).map(Into::into).unwrap_or_default();
        Self {
            value: tree.child_text(id, "value").and_then(|text| Decimal::parse(&text)),
            unit: part("unit"),
            system: part("system"),
            code: part("code"),
        }
    }

    /// True where its unit is one that can be computed with.
    pub(super) fn is_coded(&self) -> bool {
        !self.system.is_empty() && !self.code.is_empty()
    }

    /// How two amounts with coded units are ordered; `None` where their units do not compare.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        let (mine, theirs) = (self.value?, other.value?);
        if !self.is_coded() || !other.is_coded() || self.system != other.system {
            return None;
        }
        if self.code == other.code {
            return Some(mine.cmp(&theirs));
        }
        let in_ucum = |value: Decimal, code: &str| Quantity::new(value, Unit::Ucum(code.into()));
        (&*self.system == UCUM)
            .then(|| in_ucum(mine, &self.code).compare(&in_ucum(theirs, &other.code)))
            .flatten()
    }
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Boolean(bool),
    Number(Decimal),
    Time(Temporal),
    Text(Box<str>),
    Coding(Coding),
    Amount(Amount),
    /// One that is compared with nothing, or that does not have the form of its type.
    Other,
}

impl Value {
    /// How two values are ordered; `None` where they do not compare.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(mine), Self::Number(theirs)) => Some(mine.cmp(theirs)),
            (Self::Time(mine), Self::Time(theirs)) => mine.compare(*theirs),
            (Self::Text(mine), Self::Text(theirs)) => Some(mine.cmp(theirs)),
            (Self::Amount(mine), Self::Amount(theirs)) => mine.compare(theirs),
            _ => None,
        }
    }

    /// Whether two values are the same; `None` where they do not compare.
    pub(super) fn is_same(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Boolean(mine), Self::Boolean(theirs)) => Some(mine == theirs),
            (Self::Coding(mine), Self::Coding(theirs)) => Some(mine.is_same(theirs)),
            _ => self.compare(other).map(Ordering::is_eq),
        }
    }
}

/// A value with its type and its place.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) node: NodeId,
    pub(super) ty: Type,
    pub(super) value: Value,
}

impl Typed {
    /// The value that a node has in its choice of a stem: `valueCoding` for `value`.
    pub(super) fn read(tree: &Tree, parent: NodeId, stem: &str) -> Option<Self> {
        tree.children(parent).find_map(|node| {
            let ty = Type::named(tree.name_text(node).strip_prefix(stem)?)?;
            Some(Self { node, ty, value: value(tree, node, ty) })
        })
    }
}

fn value(tree: &Tree, id: NodeId, ty: Type) -> Value {
    let text = tree.text(id);
    let read = match ty {
        Type::Boolean => match &*text {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        Type::Decimal | Type::Integer => Decimal::parse(&text).map(Value::Number),
        Type::Date => Temporal::date(&text).map(Value::Time),
        Type::DateTime => Temporal::date_time(&text).map(Value::Time),
        Type::Time => Temporal::time(&text).map(Value::Time),
        Type::Text | Type::Uri => tree.has_text(id).then(|| Value::Text(text.as_ref().into())),
        Type::Coding => Some(Value::Coding(Coding::read(tree, id))),
        Type::Quantity => Some(Value::Amount(Amount::read(tree, id))),
        Type::Reference => {
            tree.child_text(id, "reference").map(|reference| Value::Text(reference.as_ref().into()))
        }
        Type::Attachment => None,
    };
    read.unwrap_or(Value::Other)
}
