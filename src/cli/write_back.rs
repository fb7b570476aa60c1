//! `sauma write-back`: an edit of the joined plan, carried into the documents that it belongs to.

use super::console::{Console, Stop, Verdict};
use super::files;
use super::input::From;
use super::plans::Decided;
use super::report::{self, Finding};
use super::view::Sight;
use crate::diag::{Issue, Redacted, Span, codes};
use crate::exchange::document::read_resources;
use crate::exchange::write_back::{Carried, Edit, Given, Outcome, carry, patched, stale};
use crate::mapping::units;
use crate::plan::split::Editor;
use crate::plan::{Joined, Sector};
use crate::tree::{Tree, json};
use std::path::{Path, PathBuf};

mod basis;
mod documents;
mod tell;

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

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let from = From::named(args.from.as_deref()).map_err(Stop::Issue)?;
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
    let sets = Given { was: &given, now: &now.contributions };
    let (basis, editor) = match basis::of(args, sets, &decisions, console)? {
        Ok(basis) => basis,
        Err(findings) => return refused(&findings, console),
    };
    let joined = basis.joined();
    let name = args.edited.to_string_lossy();
    let (edited, is_patch) = match read_edited(args, joined)? {
        Ok(read) => read,
        Err(issue) => return refused(&[Finding::bare(&name, &issue, console)], console),
    };
    // A patch is made of the plan as it would be given out now, so its Provenance tells nothing.
    let known = if is_patch { stale::Known::Unsaid } else { stale::check(&edited, &joined.bundle) };
    if let Err(issue) = stale::judge(known, args.current || !args.base.is_empty()) {
        return refused(&[Finding::bare(&name, &issue, console)], console);
    }
    let split = basis.split(&edited, &editor);
    let (contributions, originals) = (&now.contributions, &now.originals);
    let edit = Edit { basis: &basis, edited: &edited, editor: &editor, now: contributions, originals };
    let outcome = carry(&edit, &split);
    let finding = |(source, issue): &(Option<String>, Issue)| {
        Finding::bare(source.as_deref().unwrap_or(&name), issue, console)
    };
    let findings = outcome.issues.iter().map(finding).collect();
    finish(args, &now, &Done { outcome, findings }, &editor, console)
}

/// Who edits, by the words of the command line.
fn editor(args: &Args) -> Editor {
    let (name, role) = (Redacted::new(args.name.clone()), args.editor_role.clone());
    let mut editor = Editor { name, role, ..Editor::default() };
    for word in &args.editor {
        if units::all().any(|unit| unit.name == word) || word == super::input::FHIR {
            editor.unit = Some(word.clone());
        } else if let Some(sector) = Sector::find(word) {
            editor.sector = Some(sector);
        } else {
            editor.custodian = Some(word.clone());
        }
    }
    editor
}

/// What an edit comes to, with its findings as they are told.
struct Done {
    outcome: Outcome,
    findings: Vec<Finding>,
}

/// The edited resources, and whether they come of a patch, which is applied to what was given out; or what is wrong
/// with them.
fn read_edited(args: &Args, joined: &Joined) -> Result<Result<(Tree, bool), Box<Issue>>, Stop> {
    let text = files::read_text(&args.edited)?;
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('[') {
        return Ok(read_resources(&text).map(|tree| (tree, false)));
    }
    if let Some(resource) = args.patch_of.as_ref().filter(|it| stale::resource(&joined.bundle, it).is_none())
    {
        let help = "name a resource of the joined plan by type and id";
        return Err(Stop::usage(format!("the plan has no `{resource}`"), help));
    }
    Ok(patched(joined, args.patch_of.as_deref(), &text).map(|tree| (tree, true)))
}

/// Writes everything or nothing, and tells.
fn finish(
    args: &Args,
    now: &Documents,
    done: &Done,
    editor: &Editor,
    console: &Console,
) -> Result<Verdict, Stop> {
    let outcome = &done.outcome;
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
    tell::all(args, now, done, &pending, console)?;
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
