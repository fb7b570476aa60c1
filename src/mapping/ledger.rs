//! The ledger: where every leaf of a document went. Carried, kept in the document, or ignored for a reason;
//! what no rule spoke of is kept too, but reported.

use super::get::Got;
use super::program::{Fate, Program};
use crate::diag::{Issue, codes};
use crate::tree::{Kind, NodeId, Tree};

/// The account of one document.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Every leaf of the document in document order.
    pub entries: Vec<Entry>,
}

/// What became of one leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The leaf.
    pub node: NodeId,
    /// Its fate.
    pub fate: Fate,
    /// The rule that decided it, where one did.
    pub rule: Option<usize>,
}

/// How many leaves had each fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// In the resources.
    pub carried: usize,
    /// Kept in the document by a `keep`.
    pub kept: usize,
    /// Not carried, for a reason.
    pub ignored: usize,
    /// Kept, but no rule says so.
    pub unexplained: usize,
}

impl Counts {
    /// All leaves.
    pub const fn total(self) -> usize {
        self.carried + self.kept + self.ignored + self.unexplained
    }
}

/// What a run noted of the nodes of a document, and of what lies below them.
#[derive(Clone, Copy)]
pub(super) struct Noted<'a> {
    pub(super) fates: &'a [(Fate, u32)],
    pub(super) below: &'a [(Fate, u32)],
}

impl Ledger {
    /// The account of a document.
    pub(super) fn of(source: &Tree, noted: Noted<'_>) -> Self {
        let mut ledger = Self { entries: Vec::new() };
        account(source, noted, NodeId::ROOT, (Fate::Unexplained, u32::MAX), &mut ledger);
        ledger
    }

    /// The counts.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.entries {
            match entry.fate {
                Fate::Carried => counts.carried += 1,
                Fate::Kept => counts.kept += 1,
                Fate::Ignored => counts.ignored += 1,
                Fate::Unexplained => counts.unexplained += 1,
            }
        }
        counts
    }
}

/// What the rules of a lens, rather than a document, leave behind.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// Numbers of the rules that ignore something.
    pub(super) ignored: Vec<usize>,
    /// True where anything stays in the unit's document.
    pub(super) keeps: bool,
}

/// What a lens does with the documents it is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// All of a document is in the resources.
    Lossless,
    /// What is not in the resources stays in the unit's document.
    WithComplement,
    /// These fields are neither: each with why.
    Lossy(Vec<(String, String)>),
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lossless => f.write_str("lossless"),
            Self::WithComplement => f.write_str("lossless with complement"),
            Self::Lossy(fields) => {
                let fields: Vec<&str> = fields.iter().map(|(field, _)| field.as_str()).collect();
                write!(f, "lossy: {}", fields.join(", "))
            }
        }
    }
}

impl Program {
    /// The label of the lens, computed from its rules.
    pub fn label(&self) -> Label {
        let fates = super::facts::fates(self);
        if fates.ignored.is_empty() {
            return if fates.keeps { Label::WithComplement } else { Label::Lossless };
        }
        let mut fields: Vec<(String, String)> = Vec::new();
        for rule in fates.ignored.iter().filter_map(|rule| self.rules.get(*rule)) {
            let words = rule.text.strip_prefix("ignore ").unwrap_or(&rule.text);
            let field = words.split(" because ").next().unwrap_or(words).to_owned();
            if !fields.iter().any(|(known, _)| *known == field) {
                fields.push((field, rule.reason.clone()));
            }
        }
        Label::Lossy(fields)
    }

    /// Accounts for every leaf of a document, from what a run of `get` noted.
    pub fn ledger(&self, source: &Tree, got: &Got) -> Ledger {
        Ledger::of(source, Noted { fates: &got.fates, below: &got.below })
    }

    /// What no rule spoke of, as findings.
    pub fn unexplained(&self, source: &Tree, ledger: &Ledger) -> Vec<Issue> {
        let open = ledger.entries.iter().filter(|entry| entry.fate == Fate::Unexplained);
        open.map(|entry| {
            let message = "no rule of the lens covers this; it stays in the unit's own document";
            let span = source.span(entry.node);
            Issue::warning(codes::UNKNOWN_ELEMENT, span, message).at(source.path(entry.node))
        })
        .collect()
    }
}

/// A rule about an element holds for all below it, unless another says more.
fn account(tree: &Tree, noted: Noted<'_>, node: NodeId, above: (Fate, u32), ledger: &mut Ledger) {
    let own = noted.fates.get(node.index()).copied().unwrap_or(above);
    let here = if own.0 >= above.0 && own.1 != u32::MAX { own } else { above };
    if is_leaf(tree, node) {
        let rule = (here.1 != u32::MAX).then_some(here.1 as usize);
        ledger.entries.push(Entry { node, fate: here.0, rule });
    }
    let below =
        noted.below.get(node.index()).copied().filter(|below| below.1 != u32::MAX && below.0 >= here.0);
    for child in tree.children(node) {
        account(tree, noted, child, below.unwrap_or(here), ledger);
    }
}

/// True for a node that holds data. Empty values, comments, processing instructions and namespace declarations
/// hold none; they stay in the document whatever happens.
pub(super) fn is_leaf(tree: &Tree, node: NodeId) -> bool {
    let name = tree.name_text(node);
    let declares = tree.kind(node) == Kind::Attr
        && (name == "@xmlns" || name.starts_with("@xmlns:") || name == "@xsi:schemaLocation");
    tree.kind(node).is_leaf()
        && tree.kind(node) != Kind::Null
        && !declares
        && !tree.text(node).trim().is_empty()
}
