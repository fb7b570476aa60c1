//! `sauma map check`: what is wrong with maps, found without running them.

use super::bulk;
use super::console::{Console, Ink, Stop, Verdict, clean};
use super::map::{ENDINGS, Loaded};
use super::map_run;
use super::report::{self, Finding, Tally, count};
use crate::diag::{Issue, Severity};
use crate::mapping::fml::{Library, check};
use crate::mapping::units::schema;
use crate::schema::Schema;
use std::path::PathBuf;

/// Maps that are checked together, as they must know each other.
const MAPS_MAX: usize = 100_000;

#[derive(serde::Serialize)]
struct Checked<'a> {
    file: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    groups: usize,
    rules: usize,
    findings: Vec<Finding>,
}

#[derive(serde::Serialize)]
struct Report<'a> {
    maps: Vec<Checked<'a>>,
    summary: Tally,
}

pub(super) fn run(paths: &[PathBuf], definitions: &[PathBuf], console: &Console) -> Result<Verdict, Stop> {
    let inputs = bulk::expand_as(paths, ENDINGS)?;
    let with_more = match definitions {
        [] => None,
        definitions => Some(map_run::with_definitions(definitions, &mut Vec::new())?),
    };
    let definitions = with_more.as_ref().unwrap_or_else(|| schema());
    if inputs.entries.len() > MAPS_MAX {
        let message = format!("over {MAPS_MAX} maps are more than can be checked together");
        return Err(Stop::usage(message, "name folders further down"));
    }
    let read = bulk::work_all(&inputs.entries, &|entry| Loaded::read(&entry.path))?;
    let mut loaded = Vec::new();
    let mut tally = Tally { skipped: inputs.skipped, ..Tally::default() };
    for one in read {
        match one {
            Ok(one) => loaded.push(one),
            Err(stop) => {
                console.stop(&stop);
                tally.documents += 1;
                tally.failed += 1;
                tally.errors += 1;
            }
        }
    }
    let library = Library::new(loaded.iter().map(|one| &one.map));
    let checked = bulk::work_all(&loaded, &|one| issues(one, &library, definitions))?;
    let mut maps = Vec::new();
    for (one, issues) in loaded.iter().zip(checked) {
        let found = one.findings(&issues, console);
        let ok = !found.iter().any(Finding::is_error);
        tally.add(&found, !ok);
        if !console.is_json() {
            report::print(&found, found.len(), console);
        }
        maps.push(Checked {
            file: &one.file,
            ok,
            url: one.map.url.as_ref().map(|url| url.text.as_str()),
            groups: one.map.groups.len(),
            rules: one.map.groups.iter().map(|group| group.all_rules().count()).sum(),
            findings: found,
        });
    }
    let verdict = if tally.documents == 0 { Verdict::Untested } else { Verdict::of(tally.failed > 0) };
    if console.is_json() {
        Console::print_json(&Report { maps, summary: tally })?;
    } else if !console.quiet {
        Console::print(&summary(&maps, tally, console))?;
    }
    Ok(verdict)
}

/// A map that was not understood is not checked further: what it lacks would be reported as faults of others.
fn issues<'m>(one: &'m Loaded, library: &Library<'m>, schema: &Schema) -> Vec<Issue> {
    let mut issues = one.issues.clone();
    if !issues.iter().any(|issue| issue.severity == Severity::Error) {
        issues.extend(check(&one.map, library, schema));
    }
    issues
}

/// The errors in a map that is to be run, the first, and in those that it imports: each would make a rule do nothing.
pub(super) fn faults(loaded: &[Loaded], schema: &Schema, console: &Console) -> Vec<Finding> {
    let library = Library::new(loaded.iter().map(|one| &one.map));
    let Some(reach) = loaded.first().map(|first| library.reach(&first.map)) else { return Vec::new() };
    let run = loaded.iter().enumerate().filter(|(at, _)| *at == 0 || reach.has(*at));
    let mut found = Vec::new();
    for (_, one) in run {
        let mut issues = issues(one, &library, schema);
        issues.retain(|issue| issue.severity == Severity::Error);
        found.extend(one.findings(&issues, console));
    }
    found
}

fn summary(maps: &[Checked<'_>], tally: Tally, console: &Console) -> String {
    let rules: usize = maps.iter().map(|map| map.rules).sum();
    let sound = tally.documents - tally.failed;
    let head = match maps {
        [only] => clean(only.file),
        _ => format!("{sound} of {}", count(tally.documents, "map")),
    };
    let (ink, word) = if tally.failed == 0 { (Ink::Good, "sound") } else { (Ink::Error, "sound") };
    let word = if maps.len() == 1 && tally.failed > 0 { "not sound" } else { word };
    let word = console.out_paint.ink(ink, word);
    let skipped =
        if tally.skipped == 0 { String::new() } else { format!(", {} other files skipped", tally.skipped) };
    format!(
        "{head}: {word} ({}, {}; {}{skipped})\n",
        count(rules, "rule"),
        count(tally.errors, "error"),
        count(tally.warnings, "warning"),
    )
}
