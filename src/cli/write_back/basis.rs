//! What was given out: the joined plan, or what one requester sees of it.

use super::Args;
use crate::cli::console::{Console, Stop};
use crate::cli::policy;
use crate::cli::report::{self, Finding};
use crate::diag::{Issue, Span, codes};
use crate::plan::policy::Policy;
use crate::plan::split::{self, Conflict, Editor, Seen, SourceEdit, Split, own_unit};
use crate::plan::{Contribution, Decision, Joined, join};
use crate::tree::Tree;

/// What the documents contribute: when the plan was given out, and now.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) was: &'a [Contribution],
    pub(super) now: &'a [Contribution],
    /// True where the two differ.
    pub(super) is_older: bool,
}

/// What was given out.
pub(super) enum Basis<'a> {
    Joined(Box<Joined>, Given<'a>),
    /// A view, and where documents have changed since the view of now.
    View(Box<Seen<'a>>, Option<Box<Seen<'a>>>),
}

/// The basis of an edit with its editor, or why there is none.
type Made<'a> = Result<(Basis<'a>, Editor), Vec<Finding>>;

impl<'a> Basis<'a> {
    /// What the words of the command line say was given out, and to whom.
    ///
    /// # Errors
    /// The words do not say for whom, or a file cannot be read.
    pub(super) fn of(
        args: &Args,
        given: Given<'a>,
        decisions: &[Decision],
        console: &Console,
    ) -> Result<Made<'a>, Stop> {
        if args.sight.is_asked() {
            return Self::of_view(args, given, decisions, console);
        }
        let joined = join(given.was, decisions);
        if joined.is_refused() {
            let bare = |issue| Finding::bare("the joined plan", issue, console);
            return Ok(Err(joined.issues.iter().map(bare).collect()));
        }
        Ok(Ok((Self::Joined(Box::new(joined), given), super::editor(args))))
    }

    fn of_view(
        args: &Args,
        given: Given<'a>,
        decisions: &[Decision],
        console: &Console,
    ) -> Result<Made<'a>, Stop> {
        let rules = policy::load(args.sight.policy.as_deref(), console)?;
        let Some(rules) = rules else { return Ok(Err(Vec::new())) };
        let rules: &Policy = &rules;
        let see = |contributions: &'a [Contribution]| -> Result<Seen<'a>, Stop> {
            let request = args.sight.request(contributions, decisions)?;
            let (answer, told) = args.sight.answer(contributions, console)?;
            report::print(&told, told.len(), console);
            Ok(Seen::new(contributions, decisions, &request, &answer, rules, args.sight.moment()?))
        };
        let was = see(given.was)?;
        if was.view.joined.sources.is_empty() {
            let message = "nothing of the plan is shown to this requester";
            let issue = Issue::error(codes::VIEW_REFUSED, Span::default(), message);
            return Ok(Err(vec![Finding::bare("the view", &issue, console)]));
        }
        let now = if given.is_older { Some(Box::new(see(given.now)?)) } else { None };
        let mut editor = Editor::of(&args.sight.request(given.was, decisions)?, &args.name);
        if !args.editor_role.is_empty() {
            editor.role.clone_from(&args.editor_role);
        }
        Ok(Ok((Self::View(Box::new(was), now), editor)))
    }

    pub(super) fn joined(&self) -> &Joined {
        self.given().joined
    }

    pub(super) fn given(&self) -> split::Given<'_> {
        match self {
            Self::Joined(joined, given) => split::Given { joined, contributions: given.was },
            Self::View(seen, _) => seen.given(),
        }
    }

    pub(super) fn split(&self, edited: &Tree, editor: &Editor) -> Split {
        match self {
            Self::Joined(..) => split::split(self.given(), edited, editor, &own_unit),
            Self::View(seen, _) => seen.split(edited),
        }
    }

    /// The edit on the documents of now, and what has changed there too.
    pub(super) fn rebase(&self, edit: SourceEdit) -> (SourceEdit, Vec<Conflict>) {
        match self {
            Self::Joined(_, given) => {
                let place = edit.contribution;
                edit.rebase(&given.was[place], &given.now[place])
            }
            Self::View(was, now) => was.rebase(edit, now.as_ref().unwrap_or(was)),
        }
    }

    /// True where the editor may be told all of a document.
    pub(super) fn shows_all_of(&self, place: usize) -> bool {
        match self {
            Self::Joined(..) => true,
            Self::View(seen, _) => seen.shows_all_of(place),
        }
    }
}
