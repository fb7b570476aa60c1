//! What was given out: the joined plan, or what one requester sees of it.

use crate::plan::split::{self, Conflict, Editor, Seen, SourceEdit, Split, own_unit};
use crate::plan::{Contribution, Decision, Joined, join};
use crate::tree::Tree;

/// What the documents contribute: when the plan was given out, and now. The documents that were there then stand at
/// the same places in both.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// When the plan was given out.
    pub was: &'a [Contribution],
    /// Now.
    pub now: &'a [Contribution],
}

/// What was given out.
pub enum Basis<'a> {
    /// The joined plan.
    Joined(Box<Joined>, Given<'a>),
    /// A view, and where documents have changed since the view of now.
    View(Box<Seen<'a>>, Option<Box<Seen<'a>>>),
}

impl<'a> Basis<'a> {
    /// The joined plan of what is known.
    pub fn joined_of(given: Given<'a>, decisions: &[Decision]) -> Self {
        Self::Joined(Box::new(join(given.was, decisions)), given)
    }

    /// The plan as it was given out.
    pub fn joined(&self) -> &Joined {
        self.given().joined
    }

    /// The plan as it was given out, with what it was made of.
    pub fn given(&self) -> split::Given<'_> {
        match self {
            Self::Joined(joined, given) => split::Given { joined, contributions: given.was },
            Self::View(seen, _) => seen.given(),
        }
    }

    /// The edit, split by whom its parts belong to.
    pub fn split(&self, edited: &Tree, editor: &Editor) -> Split {
        match self {
            Self::Joined(..) => split::split(self.given(), edited, editor, &own_unit),
            Self::View(seen, _) => seen.split(edited),
        }
    }

    /// The edit on the documents of now, and what has changed there too.
    pub(super) fn rebase(&self, edit: SourceEdit) -> (SourceEdit, Vec<Conflict>) {
        match self {
            Self::Joined(_, given) => {
                match (given.was.get(edit.contribution), given.now.get(edit.contribution)) {
                    (Some(was), Some(now)) => edit.rebase(was, now),
                    _ => (edit, Vec::new()),
                }
            }
            Self::View(was, now) => was.rebase(edit, now.as_ref().unwrap_or(was)),
        }
    }

    /// True where the editor may be told all of a document.
    pub fn shows_all_of(&self, place: usize) -> bool {
        match self {
            Self::Joined(..) => true,
            Self::View(seen, _) => seen.shows_all_of(place),
        }
    }
}
