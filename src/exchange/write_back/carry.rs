//! An edit as a whole: each part carried into the document that it belongs to, what others are asked, what conflicts,
//! what is refused.

use super::{Basis, Original, Written};
use crate::diag::{Issue, Span, codes};
use crate::mapping::units::schema;
use crate::plan::split::{self, Conflict, Editor, Operation, Proposal, SourceEdit, Split, json_patch};
use crate::plan::{Contribution, Joined};
use crate::tree::json::{self, Layout};
use crate::tree::{NodeId, Tree, fhir};

/// What an edit is carried from and to.
#[derive(Clone, Copy)]
pub struct Edit<'a> {
    /// What was given out.
    pub basis: &'a Basis<'a>,
    /// What came back.
    pub edited: &'a Tree,
    /// Who edits.
    pub editor: &'a Editor,
    /// What the documents contribute now.
    pub now: &'a [Contribution],
    /// The documents, in the same order.
    pub originals: &'a [Original],
}

/// A changed document.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The place of the document.
    pub place: usize,
    /// The document with the edit.
    pub written: Written,
    /// Where the editor sees the document in part: the resource and the element of each change in it.
    pub changed: Option<Vec<(String, String)>>,
}

/// What an edit comes to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Documents that change.
    pub written: Vec<Carried>,
    /// What a unit and the editor both changed.
    pub conflicts: Vec<Conflict>,
    /// What others are asked to change.
    pub proposals: Vec<Proposal>,
    /// What is refused, and what is left out without harm; each of a document, by its label, or of the edit.
    pub issues: Vec<(Option<String>, Issue)>,
    /// New content for a plan that Sauma keeps.
    pub kept: Option<Tree>,
}

impl Outcome {
    /// True where nothing conflicts and nothing is refused.
    pub fn is_whole(&self) -> bool {
        let is_error = |(_, issue): &(_, Issue)| issue.severity == crate::diag::Severity::Error;
        self.conflicts.is_empty() && !self.issues.iter().any(is_error)
    }

    fn tell(&mut self, source: &str, issue: Issue) {
        self.issues.push((Some(source.to_owned()), issue));
    }
}

/// Carries each edit into its document.
pub fn carry(edit: &Edit<'_>, split: &Split) -> Outcome {
    let mut outcome = Outcome { proposals: split.proposals.clone(), ..Outcome::default() };
    outcome.issues = split.refused.iter().chain(&split.told).map(|issue| (None, issue.clone())).collect();
    let mut homeless: Vec<usize> =
        (0..split.new.len()).filter(|new| split.new[*new].home.is_none()).collect();
    for source_edit in &split.edits {
        homeless.extend(carry_one(edit, source_edit, &mut outcome));
    }
    homeless.sort_unstable();
    homeless.dedup();
    if !homeless.is_empty() {
        let new: Vec<_> = homeless.iter().map(|new| &split.new[*new]).collect();
        match split::keep(edit.basis.given(), edit.edited, &new, edit.editor) {
            Ok(kept) => outcome.kept = Some(kept),
            Err(issue) => outcome.issues.push((None, *issue)),
        }
    }
    outcome
}

/// Carries an edit into its document; the new content that it does not take comes back.
fn carry_one(edit: &Edit<'_>, source_edit: &SourceEdit, outcome: &mut Outcome) -> Vec<usize> {
    let place = source_edit.contribution;
    let (Some(theirs), Some(original)) = (edit.now.get(place), edit.originals.get(place)) else {
        return Vec::new();
    };
    let (source_edit, conflicts) = edit.basis.rebase(source_edit.clone());
    for conflict in &conflicts {
        outcome.tell(&theirs.label, contradiction(conflict));
    }
    outcome.conflicts.extend(conflicts);
    let shows_all = edit.basis.shows_all_of(place);
    match write(original, theirs, &source_edit) {
        Ok(Taken { written, left_over, because }) => {
            for issue in written.iter().filter(|_| shows_all).flat_map(|written| &written.left) {
                outcome.tell(&theirs.label, issue.clone());
            }
            if let Some(because) = because.filter(|_| shows_all) {
                outcome.tell(&theirs.label, kept_apart(&because));
            }
            let changed = (!shows_all).then(|| places(&source_edit));
            outcome.written.extend(written.map(|written| Carried { place, written, changed }));
            left_over
        }
        Err(issue) => {
            let told = if shows_all { issue } else { not_taken(&source_edit) };
            outcome.tell(&theirs.label, *told);
            Vec::new()
        }
    }
}

/// The resource and the element of each change.
fn places(edit: &SourceEdit) -> Vec<(String, String)> {
    let place = |operation: &Operation| (operation.target.clone(), operation.path.clone());
    edit.operations.iter().map(place).collect()
}

/// Why a document did not take an edit may lie in what the editor does not see.
fn not_taken(edit: &SourceEdit) -> Box<Issue> {
    let message = "the document cannot hold it";
    let place = edit.operations.first().map(|operation| operation.target.clone());
    Box::new(Issue::error(codes::NOT_TAKEN, Span::default(), message).at(place.unwrap_or_default()))
}

fn contradiction(conflict: &Conflict) -> Issue {
    let message = "the unit and the editor have both changed this";
    let rest = conflict.path.split_once('.').map_or_else(String::new, |(_, rest)| format!(".{rest}"));
    let path = format!("{}{rest}", conflict.target);
    Issue::error(codes::EDIT_CONFLICT, Span::default(), message).at(path)
}

/// What a document takes of an edit.
#[derive(Default)]
struct Taken {
    written: Option<Written>,
    /// New content that it does not take, and why.
    left_over: Vec<usize>,
    because: Option<Box<Issue>>,
}

/// The document with the edit.
fn write(original: &Original, theirs: &Contribution, edit: &SourceEdit) -> Result<Taken, Box<Issue>> {
    if edit.operations.is_empty() {
        return Ok(Taken::default());
    }
    let refusal = match original.write(theirs, edit) {
        Ok(written) => return Ok(Taken { written: Some(written), ..Taken::default() }),
        Err(issue) => issue,
    };
    let left_over = edit.new_content();
    if left_over.is_empty() {
        return Err(refusal);
    }
    let rest = edit.without_new();
    let written = if rest.operations.is_empty() { None } else { Some(original.write(theirs, &rest)?) };
    Ok(Taken { written, left_over, because: Some(refusal) })
}

/// Why new content goes to a plan that Sauma keeps.
fn kept_apart(refusal: &Issue) -> Issue {
    Issue::warning(codes::KEPT_APART, Span::default(), refusal.message.clone()).at(refusal.path.clone())
}

/// A plan, or one resource of it (`Goal/0123`), with a JSON Patch (RFC 6902) in it.
///
/// # Errors
/// The plan has no such resource, the text is no patch, or the patch does not fit.
pub fn patched(joined: &Joined, resource: Option<&str>, patch: &str) -> Result<Tree, Box<Issue>> {
    let names = schema().names();
    let mut whole = String::new();
    fhir::write_json(&joined.bundle, NodeId::ROOT, Some(schema()), Layout::Compact, &mut whole);
    let mut document = json::read(&whole, names)?;
    if let Some(resource) = resource {
        document = super::stale::resource(&document, resource).ok_or_else(|| {
            let message = "the plan has no resource of this type and id";
            Box::new(Issue::error(codes::PATCH_FAILED, Span::default(), message))
        })?;
    }
    let patch = json::read(patch, names)?;
    let edited = json_patch::apply(&document, &patch)?;
    crate::exchange::document::read_resources(&json::to_string(&edited, Layout::Compact))
}
