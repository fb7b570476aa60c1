//! What a run of checks leaves: its last words on standard output, and the reports in files.

use super::console::{Add, Console, Format, Ink, Stop, clean};
use super::files::{self, Whole};
use super::report;
use crate::conformance::report::{self as forms, Run};
use crate::diag::{Message, message, template, translated};
use std::env;
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
    TestReport,
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
    ("testreport", Kind::TestReport),
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
        Self::parse_but(text, Kind::TestReport)
    }

    /// As [`Target::parse`], for reports on tests.
    ///
    /// # Errors
    /// What is wrong with it.
    #[cfg(feature = "server")]
    pub(super) fn parse_of_tests(text: &str) -> Result<Self, String> {
        Self::parse_but(text, Kind::Outcome)
    }

    fn parse_but(text: &str, but: Kind) -> Result<Self, String> {
        let kinds = || KINDS.iter().filter(|(_, kind)| *kind != but);
        let names: Vec<&str> = kinds().map(|(name, _)| *name).collect();
        let (name, path) = text.split_once('=').ok_or("write it as KIND=FILE, as in junit=junit.xml")?;
        let kind = kinds().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
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

    /// True for the file that GitHub Actions shows as the summary of a step. All commands of the step add to it, so what
    /// it holds stays.
    fn is_summary_of_step(&self) -> bool {
        let named = env::var_os("GITHUB_STEP_SUMMARY");
        self.kind == Kind::Summary && named.is_some_and(|named| *named == *self.path)
    }
}

/// The files of the reports. They are begun before anything is checked, so that a folder that is not there is told at
/// once, and appear under their names when the run is over.
#[derive(Debug)]
pub(super) struct Reports(Vec<(Target, Whole)>);

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
        let create = |target: &Target| Ok((target.clone(), Whole::create(&target.path)?));
        targets.iter().map(create).collect::<Result<_, Stop>>().map(Self)
    }

    /// Writes all of them, and then gives each its name.
    ///
    /// # Errors
    /// The disk is full or fails; reports that have no name yet are gone.
    pub(super) fn write(self, run: &Run, console: &Console) -> Result<(), Stop> {
        self.write_with(run, "", console)
    }

    /// As [`Reports::write`], for a run of tests with its `TestReport`.
    ///
    /// # Errors
    /// As for [`Reports::write`].
    pub(super) fn write_with(mut self, run: &Run, testreport: &str, console: &Console) -> Result<(), Stop> {
        for (target, file) in &mut self.0 {
            if target.is_summary_of_step() && target.path.exists() {
                file.write(&files::read(&target.path)?)?;
            }
            match target.kind {
                Kind::TestReport => file.write(testreport.as_bytes())?,
                kind => file.write(text(kind, run, console).as_bytes())?,
            }
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
        Kind::TestReport => String::new(),
    }
}

/// What is said when everything is known.
///
/// # Errors
/// Standard output fails.
pub(super) fn print(run: &Run, console: &Console) -> Result<(), Stop> {
    match console.format {
        Format::Human | Format::Html if console.quiet => Ok(()),
        Format::Human | Format::Html => Console::print(&summary(run, console)),
        Format::Json => Console::print(&forms::json(run)),
        Format::Ndjson => Console::print(&forms::ndjson_summary(run)),
        Format::Github => Console::print(&forms::github(run)),
        Format::Gitlab => Console::print(&forms::gitlab(run)),
        Format::Junit => Console::print(&forms::junit(run)),
        Format::Sarif => Console::print(&forms::sarif(run)),
        Format::Outcome => Ok(()),
    }
}

/// The summary for people.
fn summary(run: &Run, console: &Console) -> String {
    let counts = &run.counts;
    let ink = if counts.bad() == 0 { Ink::Good } else { Ink::Error };
    let word = console.out_paint.ink(ink, translated(template!("valid"), console.lang));
    let mut lines = vec![message!(
        "{good} of {documents} {word} ({errors}, {warnings})",
        good = counts.documents - counts.bad(),
        documents = report::documents(counts.documents),
        word,
        errors = report::errors(counts.errors),
        warnings = report::warnings(counts.warnings)
    )];
    let more = [
        (counts.unreadable, template!("{count} could not be read")),
        (counts.skipped, template!("{count} other files skipped")),
        (counts.known, template!("{count} known findings left out")),
        (counts.left_out, template!("{count} findings more, counted only")),
    ];
    let more = more.into_iter().filter(|(count, _)| *count > 0);
    lines.extend(more.map(|(count, words)| Message::new(words, vec![("count", count.into())])));
    let mut text = String::new();
    for line in lines {
        text.add(format_args!("{}\n", line.in_language(console.lang)));
    }
    not_checked(run, console, &mut text);
    text
}

fn not_checked(run: &Run, console: &Console, text: &mut String) {
    let heading = match run.counts.not_checked {
        0 => return,
        1 => message!("not checked once:"),
        count => message!("not checked {count} times:", count),
    };
    text.add(format_args!("{}\n", heading.in_language(console.lang)));
    let mut most: Vec<_> = run.not_checked.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for ((kind, name), count) in most.iter().take(NOT_CHECKED_SHOWN) {
        text.add(format_args!("  {count:>6} {} {}\n", translated(kind, console.lang), clean(name)));
    }
    if most.len() > NOT_CHECKED_SHOWN {
        let more =
            message!("… and {count} more; --format json lists all", count = most.len() - NOT_CHECKED_SHOWN);
        text.add(format_args!("  {}\n", more.in_language(console.lang)));
    }
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
        check("testreport=a", None);
        assert!(
            Target::parse_of_tests("testreport=a").is_ok() && Target::parse_of_tests("outcome=a").is_err()
        );
    }
}
