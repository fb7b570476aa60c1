//! What a check found, told and kept: one run for all reports, with places in the exchanges that were saved.

use super::super::console::{Add, Console, Format, Ink, Stop, Verdict, clean};
use super::super::files;
use super::super::report as shown;
use super::check::CheckArgs;
use super::{package, print, table};
use crate::conformance::check::{
    Evidence, Level, Packed, Role, Row, Rule, Saved, State, Suite, Text, Values, Watched, Went, manifest,
    matrix, matrix_csv, matrix_json, wanted, zip,
};
use crate::conformance::report::{
    self as forms, About, Document, Finding, Keep, Run, Task, VERSION, Verdict as How,
};
use crate::conformance::script::{self, ActionResult, Outcome, ScriptResult, Shown};
use crate::diag::{Language, Place, Severity, codes};
use crate::guide;
use crate::mapping::units;
use crate::schema::Schema;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Findings of one test that people are shown.
const SHOWN: usize = 10;
/// The script that the rules for every exchange are told under.
const WATCHED: &str = "every answer";

/// A run of a suite before it is told.
pub(super) struct Checked<'a> {
    pub(super) suite: Suite,
    pub(super) role: Role,
    pub(super) schema: &'a Schema,
    pub(super) results: Vec<ScriptResult>,
    pub(super) saved: Vec<Saved>,
    pub(super) watched: Watched,
    pub(super) base: String,
    pub(super) values: Values,
}

/// Tells people and programs, and keeps the evidence.
pub(super) fn tell(mut checked: Checked<'_>, args: &CheckArgs, console: &Console) -> Result<Verdict, Stop> {
    let mut evidence = Evidence::new(vec![checked.base.clone()], checked.values);
    let texts: Vec<Text> = checked.saved.iter().map(|saved| evidence.write(saved)).collect();
    for result in &mut checked.results {
        result.in_words(|text| evidence.in_words(text));
    }
    let checked = &checked;
    let documents = documents(checked, &texts, console);
    let run = run(checked, args, documents, console.report_lang);
    for document in &run.documents {
        if matches!(console.format, Format::Human | Format::Html) {
            let worth: Vec<_> =
                document.findings.iter().filter(|it| it.severity == Severity::Error).cloned().collect();
            shown::print(&worth, SHOWN, console);
        }
    }
    let rows = rows(checked, &run, console.report_lang)?;
    if let (Format::Human, false) = (console.format, console.quiet) {
        Console::print(&summary(checked, &run, &rows, console))?;
    } else {
        print(&run, &checked.results, console)?;
    }
    if let Some(out) = &args.out {
        keep(out, &packed(checked, &run, &texts, args)?)?;
    }
    Ok(ended(checked, &run, &rows, args))
}

fn run(checked: &Checked<'_>, args: &CheckArgs, documents: Vec<Document>, language: Language) -> Run {
    let mut run = Run {
        task: Task::Check,
        time: String::new(),
        against: format!(
            "{} as {}, {} {}",
            args.name, checked.role, checked.suite.name, checked.suite.version
        ),
        language,
        fail_on: Some(Severity::Error),
        packages: checked.schema.packages().map(package).collect(),
        ..Run::default()
    };
    for document in documents {
        run.add(document, Keep::Documents);
    }
    run
}

/// The tests, and the rules for every exchange, each as a document of the reports.
fn documents(checked: &Checked<'_>, texts: &[Text], console: &Console) -> Vec<Document> {
    let shown = if console.show_values { Shown::Values } else { Shown::NoValues };
    let saved = |action: &ActionResult| {
        let number = action.exchange?;
        let text = texts.get(number as usize - 1)?;
        let is_of_head = action.code.is_some_and(|code| {
            [codes::ASSERT_STATUS, codes::ASSERT_HEADER].iter().any(|known| known.id == code.id)
        });
        let place = if is_of_head { text.status_place() } else { text.body_place() };
        Some((exchange_file(number), place))
    };
    let mut documents: Vec<Document> = checked
        .results
        .iter()
        .flat_map(|result| script::documents_in(result, shown, console.report_lang, &saved))
        .collect();
    documents.extend(Rule::ALL.into_iter().map(|rule| watched(checked, rule, texts, console.report_lang)));
    documents
}

fn exchange_file(number: u32) -> String {
    format!("exchanges/{number:04}.http")
}

/// A rule for every exchange as a test.
fn watched(checked: &Checked<'_>, rule: Rule, texts: &[Text], language: Language) -> Document {
    let faults = checked.watched.faults.iter().filter(|fault| fault.rule == rule);
    let findings: Vec<Finding> = faults
        .map(|fault| {
            let text = texts.get(fault.exchange as usize - 1);
            let place = |offset: u32| text.map(|text| text.place(offset));
            let start = fault.span.map_or_else(|| text.map(Text::status_place), |span| place(span.start));
            let end = fault.span.and_then(|span| place(span.end));
            finding(fault, (start, end), language)
        })
        .collect();
    let is_met = checked.watched.met.contains_key(&rule);
    let gravest = findings.iter().map(|finding| finding.severity).max();
    let verdict = match gravest {
        Some(Severity::Error) => How::Fail,
        Some(Severity::Warning) => How::Warn,
        _ if is_met => How::Pass,
        _ => How::Skip,
    };
    Document {
        file: WATCHED.to_owned(),
        line: None,
        title: Some(format!("{}: {}", rule.id(), rule.says())),
        verdict,
        findings: if verdict == How::Skip { vec![idle(rule, language)] } else { findings },
        left_out: 0,
        known: 0,
        not_checked: Vec::new(),
        outcome: None,
    }
}

fn finding(
    fault: &crate::conformance::check::Fault,
    (start, end): (Option<Place>, Option<Place>),
    language: Language,
) -> Finding {
    let has_span = end.is_some();
    Finding {
        code: fault.code.id,
        severity: fault.severity,
        title: fault.code.title_in(language),
        message: clean(&fault.message),
        help: fault.code.help_in(language).to_owned(),
        file: exchange_file(fault.exchange),
        line: start.map(|place| place.line),
        column: start.map(|place| place.column),
        end_line: end.map(|place| place.line),
        end_column: end.filter(|_| has_span).map(|place| place.column),
        path: clean(&fault.path),
        rule: Some(if fault.broken.is_empty() {
            format!("{WATCHED}: {}", fault.rule.id())
        } else {
            clean(&fault.broken)
        }),
        value: None,
        source: None,
        mark: (0, 0),
        shows_values: false,
        spoken: None,
    }
}

/// Why a rule was not looked at.
fn idle(rule: Rule, language: Language) -> Finding {
    let code = codes::SCRIPT_NOT_APPLICABLE;
    Finding {
        code: code.id,
        severity: Severity::Information,
        title: code.title_in(language),
        message: "no answer came that it is about".to_owned(),
        help: code.help_in(language).to_owned(),
        file: WATCHED.to_owned(),
        line: None,
        column: None,
        end_line: None,
        end_column: None,
        path: rule.id().to_owned(),
        rule: None,
        value: None,
        source: None,
        mark: (0, 0),
        shows_values: false,
        spoken: None,
    }
}

/// Each requirement with how it stands.
fn rows(checked: &Checked<'_>, run: &Run, language: Language) -> Result<Vec<Row>, Stop> {
    let broken =
        |why: String| Stop::usage(format!("the suite: {why}"), "this is a fault of Sauma; please report it");
    let wanted = wanted(checked.suite.requirements()).map_err(broken)?;
    let profiles = guide::own_requirements(units::schema()).map_err(|error| broken(error.to_string()))?;
    let mut tests: BTreeMap<String, Went> = BTreeMap::new();
    for result in &checked.results {
        for test in &result.tests {
            let went = match &test.outcome {
                Outcome::Pass | Outcome::Warn => Went::Well,
                Outcome::Fail => Went::Badly,
                Outcome::Error(why) | Outcome::Skip(why) => Went::Not(why.clone()),
            };
            tests.insert(format!("{}: {}", result.name, test.name), went);
        }
    }
    for (rule, document) in Rule::ALL.iter().zip(run.documents.iter().rev().take(Rule::ALL.len()).rev()) {
        let went = match document.verdict {
            How::Pass | How::Warn => Went::Well,
            How::Fail | How::Error => Went::Badly,
            How::Skip => Went::Not("no answer came that it is about".to_owned()),
        };
        tests.insert(format!("{WATCHED}: {}", rule.id()), went);
    }
    Ok(matrix(&wanted, checked.role, &tests, &profiles, &checked.watched, language))
}

/// One line a script, one for each rule that was broken, and how the requirements stand.
fn summary(checked: &Checked<'_>, run: &Run, rows: &[Row], console: &Console) -> String {
    let mut text = table(run, &checked.results, console);
    let broken = run.documents.iter().filter(|it| it.file == WATCHED && it.verdict == How::Fail);
    for document in broken {
        let name = console.out_paint.ink(Ink::Error, &clean(&document.name()));
        text.add(format_args!("{name}\n"));
    }
    let count = |name: &str| rows.iter().filter(|row| row.state.as_str() == name).count();
    let requirements = crate::diag::message!(
        "{passed} requirements met, {failed} not met, {untested} not tested, {untestable} not testable",
        passed = count("passed"),
        failed = count("failed"),
        untested = count("not-tested"),
        untestable = count("not-testable")
    );
    text.add(format_args!("{}\n", requirements.in_language(console.lang)));
    text
}

/// All files of the evidence, in the order of their names, with their sums at the end.
fn packed(checked: &Checked<'_>, run: &Run, texts: &[Text], args: &CheckArgs) -> Result<Vec<Packed>, Stop> {
    let file = |name: &str, text: String| Packed { name: name.to_owned(), bytes: text.into_bytes() };
    let mut files: Vec<Packed> = texts
        .iter()
        .zip(&checked.saved)
        .map(|(text, saved)| file(&exchange_file(saved.number), text.text.clone()))
        .collect();
    for language in Language::ALL {
        let rows = rows(checked, run, language)?;
        let name = language.as_str();
        files.push(file(&format!("report.{name}.html"), forms::html(run, language)));
        files.push(file(&format!("requirements.{name}.csv"), matrix_csv(&rows)));
        if language == Language::En {
            files.push(file("requirements.json", matrix_json(&rows)));
        }
    }
    files.push(file("report.junit.xml", forms::junit(run)));
    files.push(file("report.sarif", forms::sarif(run)));
    files.push(file("report.json", forms::json(run)));
    let about = About { time: String::new(), server: args.name.clone() };
    files.push(file("testreport.json", forms::testreport(&checked.results, &about)));
    files.push(file("run.json", facts(checked, run, args)));
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.push(file("manifest.sha256", manifest(&files)));
    Ok(files)
}

/// What was run, against what, by what.
fn facts(checked: &Checked<'_>, run: &Run, args: &CheckArgs) -> String {
    let facts = json!({
        "endpoint": args.name,
        "role": checked.role.as_str(),
        "suite": {
            "name": checked.suite.name, "version": checked.suite.version, "sha256": checked.suite.sha256(),
        },
        "tool": { "name": "sauma", "version": VERSION },
        "fhirVersion": "4.0.1",
        "seed": args.seed(),
        "only": args.only(),
        "packages": run.packages,
        "exchanges": checked.saved.len(),
        "counts": run.counts,
        "verdict": run.verdict(),
    });
    let mut text = serde_json::to_string_pretty(&facts).unwrap_or_default();
    text.push('\n');
    text
}

/// Writes the files into a folder, or as one archive.
fn keep(out: &Path, packed: &[Packed]) -> Result<(), Stop> {
    if out.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip")) {
        let bytes = zip(packed).map_err(Stop::System)?;
        return files::write(out, &bytes);
    }
    let unwritable = |source| Stop::Unwritable { path: out.to_owned(), source };
    // What an earlier run left of more exchanges is no evidence of this one.
    let exchanges = out.join("exchanges");
    if exchanges.is_dir() {
        std::fs::remove_dir_all(&exchanges).map_err(unwritable)?;
    }
    std::fs::create_dir_all(&exchanges).map_err(unwritable)?;
    packed.iter().try_for_each(|file| files::write_unsynced(&out.join(&file.name), &file.bytes))
}

/// As of `run`; 4 also where a SHALL is not tested and all were asked for.
fn ended(checked: &Checked<'_>, run: &Run, rows: &[Row], args: &CheckArgs) -> Verdict {
    let is_open = |row: &Row| row.level == Level::Shall && matches!(row.state, State::NotTested(_));
    match super::ended(run, &checked.results) {
        Verdict::Clean if args.all && rows.iter().any(is_open) => Verdict::Untested,
        verdict => verdict,
    }
}
