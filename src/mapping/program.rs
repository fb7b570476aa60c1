//! A checked lens: paths are interned names, groups are filled in, every variable is a numbered slot.

use super::convert::Convert;
use crate::diag::Span;
use crate::schema::dated::{is_date, is_date_time, is_instant, is_time};
use crate::tree::fhir::TypeId;
use crate::tree::{Kind, Name, NameTable, NodeId, Tree};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a document's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A vendor's own JSON.
    Json,
    /// XML such as CDA.
    Xml,
    /// CSV with a header.
    Csv,
    /// HL7 v2 messages with vertical bars.
    Er7,
    /// FHIR JSON or XML.
    Fhir,
}

/// Codes by their code system.
pub(super) type CodeLists = HashMap<String, HashSet<String>>;

/// A lens ready to run.
#[derive(Debug)]
pub struct Program {
    /// Canonical URL of the lens.
    pub url: String,
    /// Its version.
    pub version: String,
    /// Its title.
    pub title: String,
    /// What the unit's documents are.
    pub format: Format,
    /// The namespace that the root element of an XML document declares.
    pub(super) namespace: Option<Box<str>>,
    pub(super) names: Arc<NameTable>,
    pub(super) roots: Vec<Root>,
    pub(super) likely: Vec<Vec<Condition>>,
    /// Names of elements whose text a condition compares, sorted.
    pub(super) looked_at: Vec<Name>,
    /// Codes of the code systems whose lists are there.
    pub(super) lists: CodeLists,
    /// Names of lists whose items all say the same of something.
    pub(super) same_lists: Vec<Name>,
    pub(super) rules: Vec<RuleInfo>,
    pub(super) source_slots: usize,
    pub(super) target_slots: usize,
    /// What the lens calls the variables of the source slots; empty for those without a name.
    pub(super) source_names: Vec<Box<str>>,
    /// The same of the target slots.
    pub(super) target_names: Vec<Box<str>>,
    /// Rank of elements by the type they stand in: of the source, and of resources that it says again.
    pub(super) ranks: HashMap<(u32, Name), u16>,
    pub(super) known: Known,
    /// The definition of the source root, for generated documents.
    pub(super) source_type: u32,
    pub(super) columns: Vec<String>,
    /// Columns by which a CSV document is known.
    pub(super) needed_columns: Vec<String>,
}

/// Ranks of the elements that the machine itself writes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) entry: u16,
    pub(super) full_url: u16,
    pub(super) resource: u16,
    pub(super) resource_id: u16,
    pub(super) reference: u16,
    pub(super) extension: u16,
    pub(super) url: u16,
    pub(super) value: u16,
}

/// What a rule is, for traces and messages.
#[derive(Debug, Clone)]
pub struct RuleInfo {
    /// Where it stands in the lens file.
    pub span: Span,
    /// Its first line.
    pub text: String,
    /// For `ignore`, why.
    pub reason: String,
}

#[derive(Debug)]
pub(super) struct Root {
    /// The name of the root element, where the format has one.
    pub(super) source_name: Option<Box<str>>,
    pub(super) source_conditions: Vec<Condition>,
    pub(super) target_conditions: Vec<Condition>,
    pub(super) source_slot: usize,
    pub(super) target_slot: usize,
    /// Elements that tell in words what stands beside them.
    pub(super) narratives: Vec<Path>,
    pub(super) block: Block,
}

/// Rules of one pair of braces. What carries content runs first; constants and references follow only where
/// something was written.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The source slot that most rules start from, and for each rule the bit of the child it starts with there;
    /// zero for a rule that must run whatever the children are.
    pub(super) slot: usize,
    pub(super) starts: Vec<u64>,
    /// All these bits; every bit where a rule must run whatever the children are.
    pub(super) reach: u64,
    pub(super) content: Vec<(usize, Content)>,
    pub(super) settled: Vec<(usize, Settled)>,
    pub(super) marks: Vec<(usize, Mark)>,
}

#[derive(Debug)]
pub(super) enum Content {
    Leaf(Leaf),
    Copy(Copied),
    Relate(Box<Relation>),
    Restate(Box<Restatement>),
    Rest(Rest),
}

#[derive(Debug)]
pub(super) enum Settled {
    /// `get` writes a target constant. Resources without an optional one are no others.
    Constant { path: Path, text: Box<str>, is_optional: bool },
    /// The same as another target element.
    Same { path: Path, from: Path },
    /// A reference to the resource in a slot.
    Reference { path: Path, slot: usize },
    /// A derived leaf.
    Derived(Leaf),
    /// `create` writes a source constant.
    SourceConstant { path: Path, text: Box<str> },
}

#[derive(Debug)]
pub(super) struct Mark {
    pub(super) path: Path,
    pub(super) fate: Fate,
    /// What lies below, not the element itself.
    pub(super) below: bool,
}

/// Where a leaf of the source went. There is no other kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Nobody said: kept in the document, and reported.
    Unexplained,
    /// Stays in the unit's document by a `keep`.
    Kept,
    /// Not carried, for a reason.
    Ignored,
    /// In the resources.
    Carried,
}

impl Fate {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unexplained => "unexplained",
            Self::Kept => "kept",
            Self::Ignored => "ignored",
            Self::Carried => "carried",
        }
    }
}

#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) source: Path,
    pub(super) target: Path,
    pub(super) convert: Vec<Convert>,
    pub(super) otherwise: Option<Box<str>>,
    pub(super) default: Option<Box<str>>,
    pub(super) primitive: Primitive,
    /// The type of the source, where nothing is converted and the target type may hold more than it.
    pub(super) own: Option<Primitive>,
    pub(super) source_kind: Kind,
}

#[derive(Debug)]
pub(super) struct Copied {
    pub(super) source: Path,
    pub(super) target: Path,
}

#[derive(Debug)]
pub(super) struct Rest {
    /// Its number among the `rest` rules of the lens.
    pub(super) number: usize,
    pub(super) source_slot: usize,
    pub(super) target_slot: usize,
    pub(super) source_named: Vec<Name>,
    pub(super) target_named: Vec<Name>,
}

#[derive(Debug)]
pub(super) struct Relation {
    pub(super) each: bool,
    pub(super) source: Path,
    pub(super) source_slot: usize,
    pub(super) source_resource: Option<Resource>,
    pub(super) target: Path,
    pub(super) target_slot: usize,
    pub(super) target_resource: Option<Resource>,
    pub(super) key: Vec<Path>,
    /// The group whose rules these are.
    pub(super) group: Option<Called>,
    pub(super) block: Block,
}

/// A group that a relation calls, as the lens names it and its two variables.
#[derive(Debug, Clone)]
pub(super) struct Called {
    pub(super) name: Box<str>,
    pub(super) source: Box<str>,
    pub(super) target: Box<str>,
}

/// A source element says again what stands in a resource that other rules carry.
#[derive(Debug)]
pub(super) struct Restatement {
    /// From the element, by the Reference of the target, to the resource.
    pub(super) relation: Relation,
    /// Where the element holds that Reference.
    pub(super) reference: Path,
    /// The rules for where nothing is said again.
    pub(super) otherwise: Block,
}

/// `as Type x`.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) kind: Box<str>,
    /// The path holds a Reference; the resource is its own entry.
    pub(super) by_reference: bool,
    pub(super) conditions: Vec<Condition>,
}

/// Which text a target primitive may hold (FHIR R4, data types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    /// string, markdown and whatever is not FHIR.
    Text,
    Boolean,
    Integer,
    Decimal,
    Date,
    DateTime,
    Instant,
    Time,
    Code,
    Id,
    Uri,
    Base64,
}

/// A slot and the steps from it.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) slot: usize,
    pub(super) conditions: Vec<Condition>,
    pub(super) steps: Vec<Step>,
}

/// One step, with all that is needed to make its element.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: Name,
    pub(super) kind: Kind,
    pub(super) list: bool,
    /// One form of an element that may have several, as `valueString` of `value[x]`.
    pub(super) is_form: bool,
    pub(super) order: u16,
    /// The type that the parent element has, for ranks.
    pub(super) parent_type: u32,
    pub(super) conditions: Vec<Condition>,
    pub(super) pick: Pick,
}

/// `[first]`, `[rest]` and `[same]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    All,
    First,
    Rest,
    /// Every item says the same.
    Same,
}

#[derive(Debug, Clone)]
pub(super) enum Condition {
    Equals(Vec<Step>, Box<str>),
    Differs(Vec<Step>, Box<str>),
    Has(Vec<Step>),
    Lacks(Vec<Step>),
}

impl Program {
    /// Names that documents must be read with.
    pub const fn names(&self) -> &Arc<NameTable> {
        &self.names
    }

    /// The columns of a CSV document, in the order of its definition.
    pub fn source_columns(&self) -> &[String] {
        &self.columns
    }

    /// The columns that the definition of a CSV document demands; by them it is known.
    pub fn needed_columns(&self) -> &[String] {
        &self.needed_columns
    }

    /// The definition of the documents.
    pub const fn document_type(&self) -> TypeId {
        TypeId(self.source_type)
    }

    /// Of documents in XML their definition, the name of their root element and its namespace.
    pub fn xml_root(&self) -> Option<(TypeId, &str, &str)> {
        let name = self.roots.iter().find_map(|root| root.source_name.as_deref())?;
        Some((TypeId(self.source_type), name, self.namespace.as_deref()?))
    }

    /// How sure the lens may be of a document that it recognises: how many conditions tell its kind, and before
    /// all others whether it is a likely one.
    pub fn speciality(&self, document: &Tree) -> (bool, usize) {
        let likely = self.likely.iter().any(|conditions| meets(document, NodeId::ROOT, conditions));
        let stated = |root: &Root| root.source_conditions.len() + usize::from(root.source_name.is_some());
        (likely, self.roots.iter().map(stated).max().unwrap_or(0))
    }

    /// What each rule is; traces and ledgers give numbers into this.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }
}

impl Step {
    /// True for a step to one element of which nothing is stated.
    pub(super) const fn is_plain(&self) -> bool {
        !self.list && self.conditions.is_empty()
    }

    /// True for an element of the step's name, whatever its conditions; `[]` says that there is no item.
    fn is_at(&self, tree: &Tree, node: NodeId) -> bool {
        tree.name(node) == self.name && tree.kind(node) != Kind::EmptyList
    }
}

impl Relation {
    /// True where both sides stay at their element, as when a group is called for it.
    pub(super) fn stays(&self) -> bool {
        self.source.steps.is_empty()
            && self.target.steps.is_empty()
            && self.source_resource.is_none()
            && self.target_resource.is_none()
    }
}

impl Path {
    /// The place of the step whose items all say the same.
    pub(super) fn same(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.pick == Pick::Same)
    }
}

/// True where a node meets all conditions.
pub(super) fn meets(tree: &Tree, node: NodeId, conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| match condition {
        Condition::Equals(steps, text) => any(tree, node, steps, &mut |found| tree.text_is(found, text)),
        Condition::Differs(steps, text) => !any(tree, node, steps, &mut |found| tree.text_is(found, text)),
        Condition::Has(steps) => any(tree, node, steps, &mut |found| !is_blank(tree, found)),
        Condition::Lacks(steps) => !any(tree, node, steps, &mut |found| !is_blank(tree, found)),
    })
}

/// True for a value that says nothing; no rule carries it, so none may look at it either.
fn is_blank(tree: &Tree, node: NodeId) -> bool {
    let silent = matches!(tree.kind(node), Kind::Str | Kind::Attr | Kind::Text);
    silent && tree.first_child(node).is_none() && tree.text(node).trim().is_empty()
}

/// True where a node that `steps` lead to passes the test. `[first]` and `[rest]` of the last step count over
/// all that the path leads to, not for each parent apart.
pub(super) fn any(tree: &Tree, node: NodeId, steps: &[Step], test: &mut impl FnMut(NodeId) -> bool) -> bool {
    // Most paths are one plain step.
    if let [step] = steps
        && step.conditions.is_empty()
        && matches!(step.pick, Pick::All | Pick::Same)
    {
        return tree.children(node).any(|child| step.is_at(tree, child) && test(child));
    }
    any_by_steps(tree, node, steps, test)
}

fn any_by_steps(tree: &Tree, node: NodeId, steps: &[Step], test: &mut dyn FnMut(NodeId) -> bool) -> bool {
    let Some(last) = steps.last() else { return test(node) };
    let mut seen = 0_usize;
    match last.pick {
        Pick::All | Pick::Same => lead(tree, node, steps, test),
        Pick::First => lead(tree, node, steps, &mut |found| {
            seen += 1;
            seen == 1 && test(found)
        }),
        Pick::Rest => lead(tree, node, steps, &mut |found| {
            seen += 1;
            seen > 1 && test(found)
        }),
    }
}

fn lead(tree: &Tree, node: NodeId, steps: &[Step], test: &mut dyn FnMut(NodeId) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else { return test(node) };
    let mut seen = false;
    let mut child = tree.first_child(node);
    while let Some(here) = child {
        child = tree.next_sibling(here);
        if step.is_at(tree, here) && meets(tree, here, &step.conditions) {
            let picked = match step.pick {
                Pick::All | Pick::Same => true,
                Pick::First | Pick::Rest => rest.is_empty() || seen == (step.pick == Pick::Rest),
            };
            seen = true;
            if picked && lead(tree, here, rest, test) {
                return true;
            }
        }
    }
    false
}

/// The first node that `steps` lead to.
pub(super) fn first(tree: &Tree, node: NodeId, steps: &[Step]) -> Option<NodeId> {
    // Most paths are a few plain steps, and where such a step has one candidate there is nothing to search.
    let mut here = node;
    for (at, step) in steps.iter().enumerate() {
        if !step.is_plain() {
            return search(tree, here, &steps[at..]);
        }
        here = tree.child(here, step.name)?;
    }
    Some(here)
}

fn search(tree: &Tree, node: NodeId, steps: &[Step]) -> Option<NodeId> {
    if let [step] = steps
        && step.conditions.is_empty()
        && step.pick != Pick::Rest
    {
        return tree.child(node, step.name).filter(|child| tree.kind(*child) != Kind::EmptyList);
    }
    let mut found = None;
    any(tree, node, steps, &mut |here| {
        found = Some(here);
        true
    });
    found
}

/// Appends every node that `steps` lead to.
pub(super) fn all(tree: &Tree, node: NodeId, steps: &[Step], out: &mut Vec<NodeId>) {
    any(tree, node, steps, &mut |here| {
        out.push(here);
        false
    });
}

/// How many steps up to and including the last that may repeat: the element that is made anew for each item.
pub(super) fn anchor(steps: &[Step]) -> Option<usize> {
    steps.iter().rposition(|step| step.list).map(|at| at + 1)
}

impl Primitive {
    /// True where `text` is a value of the type (the regular expressions of FHIR R4, data types).
    pub(super) fn accepts(self, text: &str) -> bool {
        match self {
            Self::Text => !is_blank_text(text),
            Self::Boolean => matches!(text, "true" | "false"),
            Self::Integer => is_integer(text),
            Self::Decimal => is_decimal(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Instant => is_instant(text),
            Self::Time => is_time(text),
            // Most codes have no blanks at all, and need not be searched for them.
            Self::Code => {
                !text.is_empty()
                    && (is_graphic(text)
                        || text.trim() == text && !text.contains("  ") && !text.contains(['\t', '\n', '\r']))
            }
            Self::Id => {
                (1..=64).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
            }
            Self::Uri => !text.is_empty() && (is_graphic(text) || !text.contains(char::is_whitespace)),
            Self::Base64 => !text.is_empty(),
        }
    }
}

/// True for a text of nothing but white space.
pub(super) fn is_blank_text(text: &str) -> bool {
    !text.as_bytes().first().is_some_and(u8::is_ascii_graphic) && text.trim().is_empty()
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0')) && text.parse::<i32>().is_ok()
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    number(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(number)
        && exponent.is_none_or(|part| number(part.strip_prefix(['+', '-']).unwrap_or(part)))
}
