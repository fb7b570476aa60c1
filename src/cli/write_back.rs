//! `sauma write-back`: an edit of the joined plan, carried into the documents that it belongs to.

use super::console::{Console, Stop, Verdict};
use super::files;
use super::input::From;
use super::plans::Decided;
use super::report::{self, Finding};
use super::view::Sight;
use crate::diag::{Issue, Redacted, Span, codes};
use crate::exchange::document::read_resources;
use crate::exchange::write_back::Written;
use crate::mapping::units::{UNITS, schema};
use crate::plan::split::{Conflict, Editor, Proposal, SourceEdit, Split};
use crate::plan::{Contribution, Joined, Sector};
use crate::tree::{Tree, json};
use std::path::{Path, PathBuf};

mod basis;
mod documents;
mod stale;
mod tell;

use basis::{Basis, Given};
use documents::{Documents, read_all};

const EXAMPLES: &str = "\
Examples:
  sauma join social.json health.xml --format json -o joined.json
  (change joined.json)
  sauma write-back joined.json social.json health.xml --editor social-client-plan --diff
  sauma write-back joined.json social.json health.xml --editor social --in-place --proposals ask.json
  sauma write-back patch.json social.json health.xml --editor social --current --out-dir out
  sauma write-back view.json social.json health.xml --as social --register 1.2.246.10.99999999.19.0 --in-place

EDITED is the Bundle that `sauma join` or `sauma view` gave with changes in it, one resource of it, or a JSON Patch (RFC 6902).
Where a unit has changed its document since, give it as it was with --base: what both changed is shown with both
values and nothing is written. What other units say is never changed: it becomes a proposal to them.
A view is written back with what it was made with: --as, and --policy, --grants and --purpose where they were given. Its
requester changes documents of their own registers. What the view withholds stays as it is.";

/// Carry an edit of the joined plan back into the units' own documents.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(super) struct Args {
    /// The edited plan, a resource of it, or a JSON Patch
    #[arg(value_name = "EDITED")]
    edited: PathBuf,
    /// The documents that the plan is joined from, as they are now
    #[arg(required = true, value_name = "DOCUMENT")]
    documents: Vec<PathBuf>,
    /// A document as it was when the plan was given out, where it has changed since
    #[arg(long, value_name = "FILE")]
    base: Vec<PathBuf>,
    /// The plan was given out from the documents as they are now; for edits that do not say so themselves
    #[arg(long)]
    current: bool,
    /// Whose documents the editor may change: a unit system, a sector, or a custodian; if given again, all must fit
    #[arg(
        long,
        required_unless_present_any = ["role", "requester"],
        conflicts_with_all = ["role", "requester"],
        value_name = "UNIT|SECTOR|CUSTODIAN"
    )]
    editor: Vec<String>,
    /// The editor's name, for proposals
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// The editor's role, for proposals
    #[arg(long = "role", id = "editor-role", default_value = "", hide_default_value = true)]
    editor_role: String,
    #[command(flatten)]
    sight: Sight,
    /// The unit system that all documents come from, or `fhir`; by default each is recognised
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    #[command(flatten)]
    decided: Decided,
    /// The resource that a JSON Patch is for, as `Goal/0123`; by default the whole Bundle
    #[arg(long, value_name = "RESOURCE")]
    patch_of: Option<String>,
    /// Replace the documents by the changed ones
    #[arg(long, conflicts_with = "out_dir")]
    in_place: bool,
    /// Write the changed documents into this folder
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Write what can be written, although something conflicts or is refused
    #[arg(long)]
    partial: bool,
    /// Write new content that no document takes into this folder, as a plan to be joined with the others
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Write the proposals to other units to this file, as FHIR Tasks
    #[arg(long, value_name = "FILE")]
    proposals: Option<PathBuf>,
    /// Show the lines that change
    #[arg(long)]
    diff: bool,
}

/// A changed document.
struct Carried {
    /// The place of the document.
    place: usize,
    written: Written,
    /// Where the editor sees the document in part: the resource and the element of each change in it.
    changed: Option<Vec<(String, String)>>,
}

/// What an edit comes to.
#[derive(Default)]
struct Outcome {
    written: Vec<Carried>,
    conflicts: Vec<Conflict>,
    proposals: Vec<Proposal>,
    /// What is refused, and what is left out without harm.
    findings: Vec<Finding>,
    /// New content for a plan that Sauma keeps.
    kept: Option<Tree>,
}

impl Outcome {
    fn is_whole(&self) -> bool {
        self.conflicts.is_empty() && !self.findings.iter().any(Finding::is_error)
    }
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let from = From::named(args.from.as_deref())?;
    let mut now = match read_all(&args.documents, from, console)? {
        Ok(documents) => documents,
        Err(findings) => return refused(&findings, console),
    };
    let was = match read_all(&args.base, from, console)? {
        Ok(documents) => documents,
        Err(findings) => return refused(&findings, console),
    };
    args.sight.set_custodians(&mut now.contributions)?;
    let mut given = documents::given_out(&now, &was)?;
    args.sight.set_custodians(&mut given)?;
    let is_there = |name: &str| given.iter().any(|contribution| contribution.label == name);
    let decisions = match args.decided.read(is_there, console)? {
        Ok(decisions) => decisions,
        Err(findings) => return refused(&findings, console),
    };
    let sets = Given { was: &given, now: &now.contributions, is_older: !args.base.is_empty() };
    let (basis, editor) = match Basis::of(args, sets, &decisions, console)? {
        Ok(basis) => basis,
        Err(findings) => return refused(&findings, console),
    };
    let joined = basis.joined();
    let name = args.edited.to_string_lossy();
    let (edited, is_patch) = match read_edited(args, joined) {
        Ok(read) => read,
        Err(Fault::Stop(stop)) => return Err(stop),
        Err(Fault::Data(issue)) => return refused(&[Finding::bare(&name, &issue, console)], console),
    };
    // A patch is made of the plan as it would be given out now, so its Provenance tells nothing.
    let known = if is_patch { stale::Known::Unsaid } else { stale::check(&edited, &joined.bundle) };
    if let Err(issue) = stale::judge(known, args.current || !args.base.is_empty()) {
        return refused(&[Finding::bare(&name, &issue, console)], console);
    }
    let split = basis.split(&edited, &editor);
    let edit = Edit { basis: &basis, edited: &edited, editor: &editor, now: &now };
    let outcome = carry(&edit, &split, &name, console);
    finish(args, &now, &outcome, &editor, console)
}

/// Who edits, by the words of the command line.
fn editor(args: &Args) -> Editor {
    let (name, role) = (Redacted::new(args.name.clone()), args.editor_role.clone());
    let mut editor = Editor { name, role, ..Editor::default() };
    for word in &args.editor {
        if UNITS.iter().any(|unit| unit.name == word) || word == super::input::FHIR {
            editor.unit = Some(word.clone());
        } else if let Some(sector) = Sector::find(word) {
            editor.sector = Some(sector);
        } else {
            editor.custodian = Some(word.clone());
        }
    }
    editor
}

enum Fault {
    Stop(Stop),
    Data(Box<Issue>),
}

/// The edited resources, and whether they come of a patch, which is applied to what was given out.
fn read_edited(args: &Args, joined: &Joined) -> Result<(Tree, bool), Fault> {
    let text = files::read_text(&args.edited).map_err(Fault::Stop)?;
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('[') {
        return read_resources(&text).map(|tree| (tree, false)).map_err(Fault::Data);
    }
    let whole = super::input::fhir_text(&joined.bundle, false, json::Layout::Compact).map_err(Fault::Data)?;
    let names = schema().names();
    let mut document = json::read(&whole, names).map_err(Fault::Data)?;
    if let Some(resource) = &args.patch_of {
        document = stale::resource(&document, resource).ok_or_else(|| {
            let help = "name a resource of the joined plan by type and id";
            Fault::Stop(Stop::usage(format!("the plan has no `{resource}`"), help))
        })?;
    }
    let patch = json::read(&text, names).map_err(Fault::Data)?;
    let edited = crate::plan::split::json_patch::apply(&document, &patch).map_err(Fault::Data)?;
    let read = read_resources(&json::to_string(&edited, json::Layout::Compact));
    read.map(|tree| (tree, true)).map_err(Fault::Data)
}

/// What an edit is carried from and to.
struct Edit<'a> {
    basis: &'a Basis<'a>,
    edited: &'a Tree,
    editor: &'a Editor,
    now: &'a Documents,
}

/// Carries each edit into its document.
fn carry(edit: &Edit<'_>, split: &Split, name: &str, console: &Console) -> Outcome {
    let mut outcome = Outcome { proposals: split.proposals.clone(), ..Outcome::default() };
    let told = split.refused.iter().chain(&split.told);
    outcome.findings = told.map(|issue| Finding::bare(name, issue, console)).collect();
    let mut homeless: Vec<usize> =
        (0..split.new.len()).filter(|new| split.new[*new].home.is_none()).collect();
    for source_edit in &split.edits {
        let place = source_edit.contribution;
        let theirs = &edit.now.contributions[place];
        let (source_edit, conflicts) = edit.basis.rebase(source_edit.clone());
        let told =
            conflicts.iter().map(|conflict| Finding::bare(&theirs.label, &contradiction(conflict), console));
        outcome.findings.extend(told);
        outcome.conflicts.extend(conflicts);
        let shows_all = edit.basis.shows_all_of(place);
        match write(edit.now, place, theirs, &source_edit) {
            Ok(Taken { written, left_over, because }) => {
                let left = written.iter().filter(|_| shows_all).flat_map(|written| &written.left);
                let told = left.map(|issue| Finding::bare(&theirs.label, issue, console));
                outcome.findings.extend(told);
                let because = because.filter(|_| shows_all).map(|issue| kept_apart(&issue));
                outcome.findings.extend(because.map(|issue| Finding::bare(&theirs.label, &issue, console)));
                let changed = (!shows_all).then(|| places(&source_edit));
                outcome.written.extend(written.map(|written| Carried { place, written, changed }));
                homeless.extend(left_over);
            }
            Err(issue) => {
                let told = if shows_all { issue } else { not_taken(&source_edit) };
                outcome.findings.push(Finding::bare(&theirs.label, &told, console));
            }
        }
    }
    homeless.sort_unstable();
    homeless.dedup();
    if !homeless.is_empty() {
        let new: Vec<_> = homeless.iter().map(|new| &split.new[*new]).collect();
        match crate::plan::split::keep(edit.basis.given(), edit.edited, &new, edit.editor) {
            Ok(kept) => outcome.kept = Some(kept),
            Err(issue) => outcome.findings.push(Finding::bare(name, &issue, console)),
        }
    }
    outcome
}

/// The resource and the element of each change.
fn places(edit: &SourceEdit) -> Vec<(String, String)> {
    let place =
        |operation: &crate::plan::split::Operation| (operation.target.clone(), operation.path.clone());
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
fn write(
    now: &Documents,
    place: usize,
    theirs: &Contribution,
    edit: &SourceEdit,
) -> Result<Taken, Box<Issue>> {
    if edit.operations.is_empty() {
        return Ok(Taken::default());
    }
    let refusal = match now.originals[place].write(theirs, edit) {
        Ok(written) => return Ok(Taken { written: Some(written), ..Taken::default() }),
        Err(issue) => issue,
    };
    let left_over = edit.new_content();
    if left_over.is_empty() {
        return Err(refusal);
    }
    let rest = edit.without_new();
    let written =
        if rest.operations.is_empty() { None } else { Some(now.originals[place].write(theirs, &rest)?) };
    Ok(Taken { written, left_over, because: Some(refusal) })
}

/// Why new content goes to a plan that Sauma keeps.
fn kept_apart(refusal: &Issue) -> Issue {
    Issue::warning(codes::KEPT_APART, Span::default(), refusal.message.clone()).at(refusal.path.clone())
}

/// Writes everything or nothing, and tells.
fn finish(
    args: &Args,
    now: &Documents,
    outcome: &Outcome,
    editor: &Editor,
    console: &Console,
) -> Result<Verdict, Stop> {
    let no_place = outcome.kept.is_some() && args.keep.is_none();
    let may_write = (outcome.is_whole() && !no_place) || args.partial;
    let mut pending: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    if may_write {
        for Carried { place, written, .. } in &outcome.written {
            if written.bytes == now.bytes[*place] {
                continue;
            }
            if let Some(path) = output(args, &now.paths[*place])? {
                pending.push((path, written.bytes.clone()));
            }
        }
        if let (Some(kept), Some(folder)) = (&outcome.kept, &args.keep) {
            pending.push((folder.join(documents::kept_name(kept)), kept_text(kept)?));
        }
        if let (Some(path), false) = (&args.proposals, outcome.proposals.is_empty()) {
            let bundle = crate::plan::split::to_bundle(&outcome.proposals, editor);
            pending.push((path.clone(), super::console::to_json(&bundle).into_bytes()));
        }
    }
    distinct(&pending)?;
    files::write_all(&pending)?;
    tell::all(args, now, outcome, &pending, console)?;
    if no_place {
        let message = "no document takes what is new";
        let issue = Issue::error(codes::NO_PLACE, Span::default(), message);
        let finding = Finding::bare(&args.edited.to_string_lossy(), &issue, console);
        report::print(&[finding], 1, console);
    }
    Ok(Verdict::of(!outcome.is_whole() || no_place))
}

fn kept_text(kept: &Tree) -> Result<Vec<u8>, Stop> {
    let text = super::input::fhir_text(kept, false, json::Layout::Pretty).map_err(Stop::Issue)?;
    Ok(text.into_bytes())
}

/// Where a changed document goes.
fn output(args: &Args, path: &Path) -> Result<Option<PathBuf>, Stop> {
    if args.in_place {
        return Ok(Some(path.to_owned()));
    }
    let Some(folder) = &args.out_dir else { return Ok(None) };
    let name = path.file_name().ok_or_else(|| Stop::usage("a document has no name", "name files"))?;
    Ok(Some(folder.join(name)))
}

fn distinct(pending: &[(PathBuf, Vec<u8>)]) -> Result<(), Stop> {
    let mut paths: Vec<&PathBuf> = pending.iter().map(|(path, _)| path).collect();
    paths.sort();
    match paths.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let message = format!("two documents would be written to `{}`", pair[0].display());
            Err(Stop::usage(message, "use --in-place, or name the files differently"))
        }
        None => Ok(()),
    }
}

fn refused(findings: &[Finding], console: &Console) -> Result<Verdict, Stop> {
    if console.is_json() {
        Console::print_json(&serde_json::json!({ "ok": false, "findings": findings }))?;
    } else {
        report::print(findings, findings.len(), console);
        Console::note("nothing was written\n");
    }
    Ok(Verdict::Findings)
}
