//! `sauma map format`: FML text in the canonical layout.

use super::bulk;
use super::console::{Console, Stop, Verdict, clean};
use super::files;
use super::map::{ENDINGS, Loaded};
use super::report::{self, count};
use crate::diag::{Issue, Severity};
use crate::mapping::fml::format;
use std::path::PathBuf;

/// What is done with the text that was laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It is printed.
    Print,
    /// Nothing; files that would change are named.
    Check,
    /// It replaces the file.
    Write,
}

#[derive(serde::Serialize)]
struct Formatted<'a> {
    file: &'a str,
    ok: bool,
    changed: bool,
}

pub(super) fn run(paths: &[PathBuf], action: Action, console: &Console) -> Result<Verdict, Stop> {
    let inputs = bulk::expand_as(paths, ENDINGS)?;
    if action == Action::Print && inputs.entries.len() != 1 {
        let message = "the text of one file is printed, and several were named";
        return Err(Stop::usage(message, "add --check or --write"));
    }
    let mut loaded = Vec::new();
    for entry in &inputs.entries {
        loaded.push((&entry.path, Loaded::read(&entry.path)?));
    }
    let mut said = Vec::new();
    let (mut failed, mut changes) = (0, 0);
    for (path, one) in &loaded {
        let laid_out = layout(one);
        let changed = laid_out.as_ref().is_ok_and(|text| *text != one.text);
        changes += usize::from(changed);
        match &laid_out {
            Ok(text) if action == Action::Print => Console::print(text)?,
            Ok(text) if action == Action::Write && changed => files::write(path, text.as_bytes())?,
            Ok(_) => {}
            Err(issues) => {
                failed += 1;
                let found = one.findings(issues, console);
                report::print(&found, found.len(), console);
            }
        }
        if changed && action != Action::Print && !console.is_json() {
            Console::print(&format!("{}\n", clean(&one.file)))?;
        }
        said.push(Formatted { file: &one.file, ok: laid_out.is_ok(), changed });
    }
    if action != Action::Print {
        if console.is_json() {
            Console::print_json(&said)?;
        } else if !console.quiet {
            let done = if action == Action::Write { "laid out anew" } else { "laid out otherwise" };
            Console::note(&format!(
                "{changes} of {} {done}, {failed} not readable\n",
                count(said.len(), "file")
            ));
        }
    }
    if said.is_empty() {
        return Ok(Verdict::Untested);
    }
    Ok(Verdict::of(failed > 0 || (action == Action::Check && changes > 0)))
}

/// The text laid out; the issues of one that cannot be.
fn layout(one: &Loaded) -> Result<String, Vec<Issue>> {
    let errors = one.issues.iter().filter(|issue| issue.severity == Severity::Error);
    let errors: Vec<Issue> = errors.cloned().collect();
    if errors.is_empty() { format(&one.text) } else { Err(errors) }
}
