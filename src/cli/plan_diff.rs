//! `sauma diff`: what has changed between two joined plans, or in one between two days.

use super::console::{Console, Stop, Verdict, to_json};
use super::input::From;
use super::join::{day, paint};
use super::plans::{Decided, contributions, names, said};
use super::{bulk, files, report};
use crate::exchange::document::read_resources;
use crate::format::decode;
use crate::plan::compare::{Change, compare, words};
use crate::plan::page::reread;
use crate::plan::text::{IdentityCode, render_changes};
use crate::plan::{Date, Joined, as_of, mask_codes};
use crate::tree::{NodeId, Tree};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma diff joined-in-may.json joined-in-june.json
  sauma diff --from 2026-05-01 --to 2026-06-01 sauma-demo
  sauma diff --from 2026-05-01 --to 2026-06-01 sauma-demo --format json

A version of a plan counts from the day that its source gave it, whenever it arrived. Elements are matched by ids that
stay over versions of plans.";

/// Tell what has changed between two joined plans, or in one between two days.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Two joined plans as FHIR Bundles; with --from and --to the documents of one client: files and folders
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The joined plan as it was on this day, 2026-05-01
    #[arg(long, value_name = "DAY", value_parser = day, requires = "to")]
    from: Option<Date>,
    /// … and what it was on this day
    #[arg(long, value_name = "DAY", value_parser = day, requires = "from")]
    to: Option<Date>,
    #[command(flatten)]
    decided: Decided,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let (before, after) = match (args.from, args.to) {
        (Some(from), Some(to)) => match two_days(args, (from, to), console)? {
            Some(plans) => plans,
            None => return Ok(Verdict::Findings),
        },
        _ => two_files(&args.files)?,
    };
    let changes = compare(&before, &after);
    if console.is_json() {
        Console::print(&to_json(&report(&before, &after, &changes, console)))?;
    } else {
        let code = if console.show_values { IdentityCode::Shown } else { IdentityCode::Masked };
        Console::print(&paint(render_changes(&before, &after, &changes, console.lang, code), code, console))?;
    }
    Ok(Verdict::Clean)
}

/// The joined plan of the documents on two days; on a day before the first of them it is empty.
fn two_days(args: &Args, days: (Date, Date), console: &Console) -> Result<Option<(Joined, Joined)>, Stop> {
    let documents = bulk::documents(&args.files)?;
    let decisions = match args.decided.read(|name| names(&documents, name), console)? {
        Ok(decisions) => decisions,
        Err(findings) => {
            report::print(&findings, findings.len(), console);
            return Ok(None);
        }
    };
    let (found, mut findings) = contributions(&documents, From::Any, console);
    let joined = found.map(|found| {
        let mut on = |day| said(as_of(&found, &decisions, day), console, &mut findings);
        [on(days.0), on(days.1)]
    });
    report::print(&findings, findings.len(), console);
    let Some([before, after]) = joined else { return Ok(None) };
    let is_refused = |joined: &Joined| joined.is_refused() && !joined.sources.is_empty();
    if is_refused(&before) || is_refused(&after) {
        if !console.is_json() {
            Console::note("nothing was joined\n");
        }
        return Ok(None);
    }
    Ok(Some((before, after)))
}

fn two_files(paths: &[PathBuf]) -> Result<(Joined, Joined), Stop> {
    let [before, after] = paths else {
        return Err(Stop::usage(
            "two joined plans are compared",
            "name two files, or the documents of one client with --from and --to",
        ));
    };
    Ok((read(before)?, read(after)?))
}

fn read(path: &Path) -> Result<Joined, Stop> {
    let (text, _) = decode(&files::read(path)?, None).map_err(Stop::Issue)?;
    let bundle = read_resources(&text).map_err(Stop::Issue)?;
    reread(&bundle).ok_or_else(|| {
        Stop::usage(
            format!("`{}` is no joined plan", path.display()),
            "write one with `sauma join --format json`, or give --from and --to",
        )
    })
}

fn report(before: &Joined, after: &Joined, changes: &[Change], console: &Console) -> Value {
    let said = |tree: &Tree, node: Option<NodeId>, change: &Change| {
        let node = node.filter(|_| !change.element.is_empty())?;
        if !console.show_values && change.element.ends_with(".birthDate") {
            return None;
        }
        let said = words(tree, node);
        Some(if console.show_values { said } else { mask_codes(&said).into_owned() })
    };
    let changes = changes.iter().map(|change| {
        let sources = change.sources.iter().map(|source| {
            json!({
                "name": source.name,
                "unit": source.unit,
                "sector": source.sector.as_str(),
                "version": source.version,
            })
        });
        json!({
            "kind": change.kind.as_str(),
            "target": change.target,
            "element": change.element,
            "before": said(&before.bundle, change.before, change),
            "after": said(&after.bundle, change.after, change),
            "sources": sources.collect::<Vec<_>>(),
        })
    });
    json!({ "changes": changes.collect::<Vec<_>>() })
}
