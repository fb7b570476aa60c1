//! An edited joined plan, or a part of it, split into what each unit's plan is to become.
//!
//! [`split()`] compares what was given out with what came back. [`Joined::elements`] says which element of which source
//! an edited element came from: what the editor's own units say becomes operations on their contributions
//! ([`SourceEdit`]), what others say becomes a [`Proposal`] to them, what is new goes to the editor's own plan
//! ([`New`]), and what the join itself makes is refused. [`SourceEdit::rebase`] carries the operations over to the
//! contributions of now; what a unit has changed meanwhile comes back as a [`Conflict`]. A pure function.

mod differ;
pub mod json_patch;
mod keep;
mod operation;
mod owner;
mod proposal;
mod rebase;
mod seen;

pub use keep::keep;
pub use operation::Operation;
pub use proposal::{Proposal, ProposalKind, to_bundle};
pub use seen::Seen;

use super::view::Right;
use super::{Contribution, Joined, Sector};
use crate::diag::{Issue, Redacted};
use crate::tree::json::{self, Layout};
use crate::tree::{NodeId, Tree};
use owner::Owner;

/// Who edits.
#[derive(Debug, Clone, Default)]
pub struct Editor {
    /// The unit system whose contributions are the editor's own.
    pub unit: Option<String>,
    /// The sector.
    pub sector: Option<Sector>,
    /// The custodian of the register, or the name of the organisation.
    pub custodian: Option<String>,
    /// The editor's name.
    pub name: Redacted<String>,
    /// The editor's role.
    pub role: String,
}

/// Whether an editor may change a contribution.
pub type MayEdit<'a> = &'a dyn Fn(&Contribution, &Editor) -> bool;

/// Everybody may change what their own unit says: all that the editor states of the unit must fit, and something must
/// be stated.
pub fn own_unit(contribution: &Contribution, editor: &Editor) -> bool {
    let unit = editor.unit.as_ref().map(|unit| contribution.unit == *unit);
    let sector = editor.sector.map(|sector| contribution.sector == sector);
    let custodian = editor.custodian.as_ref().map(|custodian| {
        contribution.custodian.as_ref() == Some(custodian)
            || contribution.organisation.as_ref() == Some(custodian)
    });
    let mut stated = [unit, sector, custodian].into_iter().flatten().peekable();
    stated.peek().is_some() && stated.all(|fits| fits)
}

/// What was given out, as it can be made again.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The joined plan, or the view of it.
    pub joined: &'a Joined,
    /// The contributions it was made of, each with a label of its own.
    pub contributions: &'a [Contribution],
}

/// What an edit means for everybody.
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// What changes in the editor's own contributions.
    pub edits: Vec<SourceEdit>,
    /// What others are asked to change.
    pub proposals: Vec<Proposal>,
    /// What is new, in the order of the edit.
    pub new: Vec<New>,
    /// Edits that nothing can be made of.
    pub refused: Vec<Issue>,
    /// Edits that are left out, though nothing is wrong with them: another order of a list.
    pub told: Vec<Issue>,
}

/// Operations on one contribution.
#[derive(Debug, Clone)]
pub struct SourceEdit {
    /// The place of the contribution in [`Given::contributions`].
    pub contribution: usize,
    /// What is done, sets before inserts before removals.
    pub operations: Vec<Operation>,
}

/// A resource or an item of a list that no source has yet.
#[derive(Debug, Clone)]
pub struct New {
    /// The resource of the joined plan it was added to, or that it is.
    pub target: String,
    /// Where in the edited resources it stands.
    pub(super) node: NodeId,
    /// What it is to a plan.
    pub(super) kind: NewKind,
    /// The contribution that takes it; none where the editor has no plan of its own.
    pub home: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewKind {
    Resource,
    PlanItem,
    TeamItem,
}

/// One element that the unit and the editor both changed.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// The label of the contribution.
    pub source: String,
    /// The resource of the joined plan.
    pub target: String,
    /// The element in it.
    pub path: String,
    /// What the unit said when the view was given out.
    pub base: Redacted<Option<String>>,
    /// What the unit says now.
    pub theirs: Redacted<Option<String>>,
    /// What the editor wants.
    pub mine: Redacted<Option<String>>,
}

/// Splits an edit by where its elements came from.
///
/// `edited` is the whole Bundle that was given out with changes in it, a Bundle with some of its resources, or one
/// resource. Only of the whole, which has the joined plan, its team and the Provenance of every contribution, does a
/// missing resource mean that it was taken away.
pub fn split(given: Given<'_>, edited: &Tree, editor: &Editor, may_edit: MayEdit<'_>) -> Split {
    let right = |from: &Contribution| if may_edit(from, editor) { Right::Whole } else { Right::Propose };
    let rights = given.contributions.iter().map(right).collect();
    let mut owner = Owner::new(given, edited, rights, None);
    owner.run();
    owner.finish()
}

impl SourceEdit {
    /// The same edit on the contribution of now, and what the unit has changed too.
    pub fn rebase(self, base: &Contribution, theirs: &Contribution) -> (Self, Vec<Conflict>) {
        let (operations, conflicts) = rebase::rebase(self.operations, base, theirs);
        (Self { contribution: self.contribution, operations }, conflicts)
    }

    /// The resources of the contribution with the edit.
    pub fn resources(&self, contribution: &Contribution) -> Tree {
        operation::resources_with(contribution, &self.operations)
    }

    /// Carries the edit into a tree with the node numbers of the contribution's Bundle: the document of plain FHIR that
    /// it was read from.
    pub fn apply(&self, tree: &mut Tree, contribution: &Contribution) {
        operation::apply(tree, contribution, &self.operations);
    }

    /// What of the edit is for a contribution that nothing is seen of any more.
    fn unseen(self, source: &str) -> Vec<Conflict> {
        let conflict = |operation: Operation| Conflict {
            source: source.to_owned(),
            target: operation.target,
            path: operation.path,
            base: Redacted::default(),
            theirs: Redacted::default(),
            mine: Redacted::default(),
        };
        self.operations.into_iter().map(conflict).collect()
    }

    /// The edit without what is new.
    pub fn without_new(&self) -> Self {
        let operations = self.operations.iter().filter(|operation| operation.new.is_none());
        Self { contribution: self.contribution, operations: operations.cloned().collect() }
    }

    /// The numbers of the new content that it carries.
    pub fn new_content(&self) -> Vec<usize> {
        let mut new: Vec<usize> = self.operations.iter().filter_map(|operation| operation.new).collect();
        new.dedup();
        new
    }
}

/// An element as people are shown it: a value, or compact JSON.
fn shown(tree: &Tree, node: NodeId) -> String {
    if let Some(value) = differ::value(tree, node) {
        return value.into_owned();
    }
    let mut text = String::new();
    json::write(tree, node, Layout::Compact, &mut text);
    text
}
