//! What a run of checks leaves: its last words on standard output, and the reports in files.

use super::console::{Add, Console, Format, Ink, Stop, clean};
use super::files::Whole;
use super::report::count;
use crate::conformance::report::{self as forms, Run};
use std::path::{Path, PathBuf};

/// Things that were not checked that people are shown by name.
const NOT_CHECKED_SHOWN: usize = 5;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Junit,
    Sarif,
    Html,
    Outcome,
    Csv,
    Json,
    Summary,
}

/// Every form by its name.
const KINDS: &[(&str, Kind)] = &[
    ("junit", Kind::Junit),
    ("sarif", Kind::Sarif),
    ("html", Kind::Html),
    ("outcome", Kind::Outcome),
    ("csv", Kind::Csv),
    ("json", Kind::Json),
    ("summary", Kind::Summary),
];

/// A report that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    kind: Kind,
    path: PathBuf,
}

impl Target {
    /// From `KIND=FILE`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        let (name, path) = text.split_once('=').ok_or("write it as KIND=FILE, as in junit=junit.xml")?;
        let kind = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| format!("`{name}` is none of {}", names.join(", ")))?;
        if path.is_empty() {
            return Err(format!("name the file, as in {name}=FILE"));
        }
        Ok(Self { kind, path: PathBuf::from(path) })
    }

    /// True where documents are needed as `OperationOutcome`.
    pub(super) fn is_outcome(&self) -> bool {
        self.kind == Kind::Outcome
    }
}

/// The files of the reports. They are begun before anything is checked, so that a folder that is not there is told at
/// once, and appear under their names when the run is over.
#[derive(Debug)]
pub(super) struct Reports(Vec<(Kind, Whole)>);

impl Reports {
    /// Begins the files.
    ///
    /// # Errors
    /// One cannot be written, or two reports have one name.
    pub(super) fn create(targets: &[Target]) -> Result<Self, Stop> {
        let same = |a: &Path| targets.iter().filter(|target| target.path == a).count() > 1;
        if let Some(target) = targets.iter().find(|target| same(&target.path)) {
            let message = format!("two reports would be `{}`", target.path.display());
            return Err(Stop::usage(message, "give each --report a file of its own"));
        }
        let create = |target: &Target| Ok((target.kind, Whole::create(&target.path)?));
        targets.iter().map(create).collect::<Result<_, Stop>>().map(Self)
    }

    /// Writes all of them, and then gives each its name.
    ///
    /// # Errors
    /// The disk is full or fails; reports that have no name yet are gone.
    pub(super) fn write(mut self, run: &Run, console: &Console) -> Result<(), Stop> {
        for (kind, file) in &mut self.0 {
            file.write(text(*kind, run, console).as_bytes())?;
        }
        self.0.into_iter().try_for_each(|(_, file)| file.commit())
    }
}

fn text(kind: Kind, run: &Run, console: &Console) -> String {
    match kind {
        Kind::Junit => forms::junit(run),
        Kind::Sarif => forms::sarif(run),
        Kind::Html => forms::html(run, console.lang),
        Kind::Outcome => forms::outcome(run),
        Kind::Csv => forms::csv(run),
        Kind::Json => forms::json(run),
        Kind::Summary => forms::summary(run),
    }
}

/// What is said when everything is known.
///
/// # Errors
/// Standard output fails.
pub(super) fn print(run: &Run, console: &Console) -> Result<(), Stop> {
    match console.format {
        Format::Human if console.quiet => Ok(()),
        Format::Human => Console::print(&summary(run, console)),
        Format::Json => Console::print(&forms::json(run)),
        Format::Ndjson => Console::print(&forms::ndjson_summary(run)),
        Format::Github => Console::print(&forms::github(run)),
        Format::Gitlab => Console::print(&forms::gitlab(run)),
        Format::Outcome => Ok(()),
    }
}

/// The summary for people.
fn summary(run: &Run, console: &Console) -> String {
    let counts = &run.counts;
    let ink = if counts.bad() == 0 { Ink::Good } else { Ink::Error };
    let mut text = format!(
        "{} of {} {} ({}, {})\n",
        counts.documents - counts.bad(),
        count(counts.documents, "document"),
        console.out_paint.ink(ink, "valid"),
        count(counts.errors, "error"),
        count(counts.warnings, "warning"),
    );
    let more = [
        (counts.unreadable, "could not be read"),
        (counts.skipped, "other files skipped"),
        (counts.known, "known findings left out"),
        (counts.left_out, "findings more, counted only"),
    ];
    for (number, words) in more.iter().filter(|(number, _)| *number > 0) {
        text.add(format_args!("{number} {words}\n"));
    }
    if run.not_checked.is_empty() {
        return text;
    }
    let times =
        if counts.not_checked == 1 { "once".to_owned() } else { format!("{} times", counts.not_checked) };
    text.add(format_args!("not checked {times}:\n"));
    let mut most: Vec<_> = run.not_checked.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for ((kind, name), count) in most.iter().take(NOT_CHECKED_SHOWN) {
        text.add(format_args!("  {count:>6} {kind} {}\n", clean(name)));
    }
    if most.len() > NOT_CHECKED_SHOWN {
        text.add(format_args!("  … and {} more; --format json lists all\n", most.len() - NOT_CHECKED_SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_kind_and_a_file() {
        let check = |text: &str, expected: Option<Kind>| {
            assert_eq!(Target::parse(text).ok().map(|target| target.kind), expected, "{text}");
        };
        check("junit=out/a=b.xml", Some(Kind::Junit));
        check("sarif=a", Some(Kind::Sarif));
        check("summary=a.md", Some(Kind::Summary));
        check("junit=", None);
        check("junit", None);
        check("pdf=a", None);
    }
}
