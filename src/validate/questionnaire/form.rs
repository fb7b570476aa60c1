//! A questionnaire, read once: its items by their link ids, with what they demand of answers.

use super::answer::{Coding, Type, Typed};
use super::constraint::Constraint;
use super::limits::Limits;
use crate::diag::template;
use crate::fhirpath::{Compiled, Options, Temporal, parse};
use crate::schema::{Membership, Schema};
use crate::tree::fhir::TypeId;
use crate::tree::{Name, NodeId, Tree};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Extensions that give the condition of an item as an expression: that of Kanta PHR, and that of "Structured Data
/// Capture".
const ENABLE_EXPRESSIONS: &[&str] = &[
    "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen",
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression",
];
const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";
const TEXT_EXPRESSION: &str = "http://hl7.org/fhir/StructureDefinition/cqf-expression";
const EXCLUSIVE: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive";

/// The number of an item in its form, parents before children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ItemId(usize);

/// A questionnaire.
#[derive(Debug)]
pub(in crate::validate) struct Form {
    pub(super) url: Box<str>,
    /// When it is meant to be used.
    pub(super) start: Option<Temporal>,
    pub(super) end: Option<Temporal>,
    /// Rules for whole responses.
    pub(super) constraints: Vec<Constraint>,
    items: Vec<Item>,
    /// The items of the questionnaire itself.
    pub(super) top: Vec<ItemId>,
    by_link: HashMap<Box<str>, ItemId>,
}

/// What an item asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Group,
    Display,
    Boolean,
    Decimal,
    Integer,
    Date,
    DateTime,
    Time,
    Text,
    Url,
    Choice,
    OpenChoice,
    Attachment,
    Reference,
    Quantity,
    /// A type that R4 does not have, or none.
    Unknown,
}

/// One item of a form.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) node: NodeId,
    pub(super) link_id: Box<str>,
    pub(super) kind: Kind,
    /// What people read, first the text itself, then its translations.
    pub(super) texts: Vec<Box<str>>,
    /// The text is made anew for each response.
    pub(super) is_text_open: bool,
    pub(super) is_required: bool,
    pub(super) repeats: bool,
    pub(super) length_max: Option<usize>,
    pub(super) choices: Vec<Choice>,
    pub(super) value_set: Option<ValueSet>,
    pub(super) condition: Condition,
    pub(super) limits: Limits,
    pub(super) constraints: Vec<Constraint>,
    pub(super) parent: Option<ItemId>,
    pub(super) children: Vec<ItemId>,
    /// Its place among the items beside it.
    pub(super) rank: usize,
}

/// One of the answers that may be given.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: Typed,
    /// Nothing else may be chosen beside it.
    pub(super) is_exclusive: bool,
}

/// The codes that may be given.
#[derive(Debug)]
pub(super) struct ValueSet {
    pub(super) url: Box<str>,
    pub(super) codes: Codes,
}

/// Where the codes of a value set stand.
#[derive(Debug)]
pub(super) enum Codes {
    /// With the definitions.
    ByUrl,
    /// In a resource that the questionnaire contains, or that contains it.
    Contained(Arc<Membership>),
    /// `#id` of nothing.
    Missing,
}

/// When an item is enabled.
#[derive(Debug)]
pub(super) enum Condition {
    Always,
    Answers { when: Vec<When>, behavior: Behavior },
    Expression { text: Box<str>, compiled: OnceLock<Option<Box<Compiled>>> },
}

/// How the parts of a condition are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    All,
    Any,
    /// It is not said.
    Unsaid,
}

/// A part of a condition: what is demanded of the answers to another item.
#[derive(Debug)]
pub(super) struct When {
    /// Link id of the other item; none where it is missing.
    pub(super) question: Option<Box<str>>,
    pub(super) operator: Operator,
    pub(super) answer: Option<Typed>,
}

/// How answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Exists,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Unknown,
}

impl Form {
    /// Reads the `Questionnaire` at a node; `root` is the resource that contains it, or itself.
    pub(in crate::validate) fn read(tree: &Tree, id: NodeId, root: NodeId, schema: &Schema) -> Self {
        let period = tree.child_str(id, "effectivePeriod");
        let bound = |name: &str| {
            period
                .and_then(|period| tree.child_text(period, name))
                .and_then(|text| Temporal::date_time(&text))
        };
        let mut form = Self {
            url: tree.child_text(id, "url").map(Into::into).unwrap_or_default(),
            start: bound("start"),
            end: bound("end"),
            constraints: Constraint::all(tree, id),
            items: Vec::new(),
            top: Vec::new(),
            by_link: HashMap::new(),
        };
        let mut reader = Reader { tree, root, schema, sets: HashMap::new() };
        form.top = reader.items(id, None, &mut form);
        form
    }

    /// All items, parents before children.
    pub(super) fn items(&self) -> impl Iterator<Item = (ItemId, &Item)> {
        self.items.iter().enumerate().map(|(number, item)| (ItemId(number), item))
    }

    pub(super) fn item(&self, id: ItemId) -> Option<&Item> {
        self.items.get(id.0)
    }

    /// The item of a link id.
    pub(super) fn by_link(&self, link_id: &str) -> Option<ItemId> {
        self.by_link.get(link_id).copied()
    }

    /// The items that an item stands in, the innermost first.
    pub(super) fn above(&self, id: ItemId) -> impl Iterator<Item = ItemId> {
        let parent = |id: ItemId| self.item(id).and_then(|item| item.parent);
        std::iter::successors(parent(id), move |above| parent(*above))
    }
}

/// Reads items.
struct Reader<'t> {
    tree: &'t Tree,
    root: NodeId,
    schema: &'t Schema,
    /// Contained value sets that were read.
    sets: HashMap<Box<str>, Arc<Membership>>,
}

impl Reader<'_> {
    fn named(&self, id: NodeId, name: &str) -> impl Iterator<Item = NodeId> + use<'_> {
        let name = self.tree.names().get(name);
        name.into_iter().flat_map(move |name| self.tree.children_named(id, name))
    }

    /// Reads the items below a node. Depth is bounded by that of the tree.
    fn items(&mut self, above: NodeId, parent: Option<ItemId>, form: &mut Form) -> Vec<ItemId> {
        let nodes: Vec<NodeId> = self.named(above, "item").collect();
        let mut ids = Vec::with_capacity(nodes.len());
        for (rank, node) in nodes.into_iter().enumerate() {
            let id = ItemId(form.items.len());
            let item = self.item(node, parent, rank);
            // Link ids are unique (que-2); of two the first is meant.
            form.by_link.entry(item.link_id.clone()).or_insert(id);
            form.items.push(item);
            ids.push(id);
            let children = self.items(node, Some(id), form);
            if let Some(item) = form.items.get_mut(id.0) {
                item.children = children;
            }
        }
        ids
    }

    fn item(&mut self, node: NodeId, parent: Option<ItemId>, rank: usize) -> Item {
        let tree = self.tree;
        let text = |name: &str| tree.child_text(node, name).unwrap_or_default();
        let label = tree.child_str(node, "text");
        let choice = |option: NodeId| {
            let value = Typed::read(tree, option, "value")?;
            Some(Choice { value, is_exclusive: self.extension(option, EXCLUSIVE).is_some_and(is_true(tree)) })
        };
        Item {
            node,
            link_id: text("linkId").into(),
            kind: Kind::named(&text("type")),
            texts: label.map(|label| self.texts(label)).unwrap_or_default(),
            is_text_open: label.is_some_and(|label| self.extension(label, TEXT_EXPRESSION).is_some()),
            is_required: text("required") == "true",
            repeats: text("repeats") == "true",
            length_max: text("maxLength").parse().ok(),
            choices: self.named(node, "answerOption").filter_map(choice).collect(),
            value_set: self.value_set(node),
            condition: self.condition(node),
            limits: Limits::read(tree, node),
            constraints: Constraint::all(tree, node),
            parent,
            children: Vec::new(),
            rank,
        }
    }

    /// The value of the extension of an url.
    fn extension(&self, id: NodeId, url: &str) -> Option<NodeId> {
        let tree = self.tree;
        let is_it = |extension: &NodeId| {
            tree.child(*extension, Name::URL).is_some_and(|found| tree.text_is(found, url))
        };
        let extension = tree.children_named(id, Name::EXTENSION).find(is_it)?;
        tree.children(extension).find(|child| tree.name_text(*child).starts_with("value"))
    }

    fn texts(&self, label: NodeId) -> Vec<Box<str>> {
        let tree = self.tree;
        let content = |extension: NodeId| {
            let url = tree.child(extension, Name::URL)?;
            let parts = tree.children_named(extension, Name::EXTENSION);
            let is_content =
                |part: &NodeId| tree.child(*part, Name::URL).is_some_and(|url| tree.text_is(url, "content"));
            let part = parts.into_iter().find(is_content).filter(|_| tree.text_is(url, TRANSLATION))?;
            tree.children(part).find(|child| tree.name_text(*child).starts_with("value"))
        };
        let translations = tree.children_named(label, Name::EXTENSION).filter_map(content);
        let own = tree.has_text(label).then_some(label);
        own.into_iter().chain(translations).map(|node| tree.text(node).into()).collect()
    }

    fn value_set(&mut self, item: NodeId) -> Option<ValueSet> {
        let tree = self.tree;
        let url = tree.child_str(item, "answerValueSet").filter(|node| tree.has_text(*node))?;
        let url: Box<str> = tree.text(url).into();
        let Some(local) = url.strip_prefix('#') else { return Some(ValueSet { url, codes: Codes::ByUrl }) };
        let known = self.sets.get(local).cloned().or_else(|| {
            let is_it = |node: &NodeId| {
                tree.child_text(*node, "id").is_some_and(|id| id == local)
                    && tree.resource_type(*node).is_some_and(|kind| kind == "ValueSet")
            };
            let node = tree.children_named(self.root, Name::CONTAINED).find(is_it)?;
            let codes = Arc::new(self.schema.membership_at(tree, node));
            self.sets.insert(local.into(), Arc::clone(&codes));
            Some(codes)
        });
        Some(ValueSet { codes: known.map_or(Codes::Missing, Codes::Contained), url })
    }

    fn condition(&self, item: NodeId) -> Condition {
        let tree = self.tree;
        let expression = ENABLE_EXPRESSIONS.iter().find_map(|url| self.extension(item, url));
        if let Some(value) = expression {
            // Kanta gives it as a string, SDC as an Expression.
            let text = tree.child_text(value, "expression").unwrap_or_else(|| tree.text(value));
            let is_fhirpath = tree.child_text(value, "language").is_none_or(|it| it == "text/fhirpath");
            let compiled = if is_fhirpath { OnceLock::new() } else { OnceLock::from(None) };
            return Condition::Expression { text: text.into(), compiled };
        }
        let when: Vec<When> = self.named(item, "enableWhen").map(|node| self.when(node)).collect();
        let behavior = match tree.child_text(item, "enableBehavior").as_deref() {
            Some("all") => Behavior::All,
            Some("any") => Behavior::Any,
            _ => Behavior::Unsaid,
        };
        if when.is_empty() { Condition::Always } else { Condition::Answers { when, behavior } }
    }

    fn when(&self, node: NodeId) -> When {
        let tree = self.tree;
        let question = tree.child_str(node, "question").filter(|node| tree.has_text(*node));
        When {
            question: question.map(|node| tree.text(node).into()),
            operator: Operator::named(&tree.child_text(node, "operator").unwrap_or_default()),
            answer: Typed::read(tree, node, "answer"),
        }
    }
}

fn is_true(tree: &Tree) -> impl Fn(NodeId) -> bool {
    |node| tree.text_is(node, "true")
}

impl Item {
    /// True where an answer, or none of these, may be of a type.
    pub(super) fn takes(&self, ty: Type) -> bool {
        match self.kind {
            Kind::Group | Kind::Display => false,
            Kind::Boolean => ty == Type::Boolean,
            Kind::Decimal => ty == Type::Decimal,
            Kind::Integer => ty == Type::Integer,
            Kind::Date => ty == Type::Date,
            Kind::DateTime => ty == Type::DateTime,
            Kind::Time => ty == Type::Time,
            Kind::Text => ty == Type::Text,
            Kind::Url => ty == Type::Uri,
            Kind::Choice | Kind::OpenChoice => {
                // Options may be of these types, and an answer is one of the options.
                matches!(ty, Type::Coding | Type::Date | Type::Time | Type::Integer | Type::Text)
                    || (ty == Type::Reference && self.choices.iter().any(|choice| choice.value.ty == ty))
            }
            Kind::Attachment => ty == Type::Attachment,
            Kind::Reference => ty == Type::Reference,
            Kind::Quantity => ty == Type::Quantity,
            Kind::Unknown => true,
        }
    }

    /// The codings among the options.
    pub(super) fn codings(&self) -> impl Iterator<Item = &Coding> {
        self.choices.iter().filter_map(|choice| match &choice.value.value {
            super::answer::Value::Coding(coding) => Some(coding),
            _ => None,
        })
    }
}

impl Kind {
    /// The kind of a code of `Questionnaire.item.type`.
    fn named(code: &str) -> Self {
        match code {
            "group" => Self::Group,
            "display" => Self::Display,
            "boolean" => Self::Boolean,
            "decimal" => Self::Decimal,
            "integer" => Self::Integer,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "time" => Self::Time,
            "string" | "text" => Self::Text,
            "url" => Self::Url,
            "choice" => Self::Choice,
            "open-choice" => Self::OpenChoice,
            "attachment" => Self::Attachment,
            "reference" => Self::Reference,
            "quantity" => Self::Quantity,
            _ => Self::Unknown,
        }
    }

    /// What an answer to it is.
    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::Group | Self::Display => template!("no value"),
            Self::Boolean => template!("a boolean"),
            Self::Decimal => template!("a decimal"),
            Self::Integer => template!("an integer"),
            Self::Date => template!("a date"),
            Self::DateTime => template!("a dateTime"),
            Self::Time => template!("a time"),
            Self::Text => template!("a string"),
            Self::Url => template!("a uri"),
            Self::Choice | Self::OpenChoice => {
                template!("a Coding, or what its options are: date, time, integer, string")
            }
            Self::Attachment => template!("an Attachment"),
            Self::Reference => template!("a Reference"),
            Self::Quantity => template!("a Quantity"),
            Self::Unknown => template!("any value"),
        }
    }
}

impl Operator {
    fn named(code: &str) -> Self {
        match code {
            "exists" => Self::Exists,
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" => Self::GreaterOrEqual,
            "<=" => Self::LessOrEqual,
            _ => Self::Unknown,
        }
    }
}

/// An expression on values of a type, ready to run; none where it does not compile, as one that asks for what
/// only the one who fills in the form has.
pub(super) fn compiled<'f>(
    text: &str,
    place: &'f OnceLock<Option<Box<Compiled>>>,
    schema: &Schema,
    ty: TypeId,
) -> Option<&'f Compiled> {
    let make = || parse(text).ok()?.compile(schema, &Options::new().on(ty).invariant()).ok().map(Box::new);
    place.get_or_init(make).as_deref()
}
