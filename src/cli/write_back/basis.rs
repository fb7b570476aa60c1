//! What was given out, by the words of the command line.

use super::Args;
use crate::cli::console::{Console, Stop};
use crate::cli::policy;
use crate::cli::report::{self, Finding};
use crate::diag::{Issue, Span, codes};
use crate::exchange::write_back::{Basis, Given};
use crate::plan::policy::Policy;
use crate::plan::split::{Editor, Seen};
use crate::plan::{Contribution, Decision};

/// The basis of an edit with its editor, or why there is none.
pub(super) type Made<'a> = Result<(Basis<'a>, Editor), Vec<Finding>>;

/// What the words of the command line say was given out, and to whom; `is_older` where documents have changed since.
///
/// # Errors
/// The words do not say for whom, or a file cannot be read.
pub(super) fn of<'a>(
    args: &Args,
    given: Given<'a>,
    decisions: &[Decision],
    console: &Console,
) -> Result<Made<'a>, Stop> {
    if args.sight.is_asked() {
        return of_view(args, given, decisions, console);
    }
    let basis = Basis::joined_of(given, decisions);
    if basis.joined().is_refused() {
        let bare = |issue| Finding::bare("the joined plan", issue, console);
        return Ok(Err(basis.joined().issues.iter().map(bare).collect()));
    }
    Ok(Ok((basis, super::editor(args))))
}

fn of_view<'a>(
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
    let now = if args.base.is_empty() { None } else { Some(Box::new(see(given.now)?)) };
    let mut editor = Editor::of(&args.sight.request(given.was, decisions)?, &args.name);
    if !args.editor_role.is_empty() {
        editor.role.clone_from(&args.editor_role);
    }
    Ok(Ok((Basis::View(Box::new(was), now), editor)))
}
