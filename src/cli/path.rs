//! `sauma path`: a FHIRPath expression on documents, or what is known of it without any.

use super::bulk::{self, Item as Entry};
use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::files;
use super::input::{self, From, Origin};
use super::mask::Mask;
use super::report::{self, Finding, Source};
use crate::diag::{Issue, Severity};
use crate::fhirpath::{Collection, Compiled, Context, Expression, Host, Item, Options, Temporal, parse};
use crate::mapping::units::schema;
use crate::tree::fhir::TypeId;
use crate::tree::json::{self, Layout};
use crate::tree::{NodeId, Tree};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Findings of one document that people are shown.
const SHOWN: usize = 5;
/// What findings about the expression are said to stand in.
const EXPRESSION: &str = "expression";

const EXAMPLES: &str = "\
Examples:
  sauma path 'activity.detail.status' careplan.json
  sauma path 'Bundle.entry.resource.ofType(Goal).description.text' bundle.xml
  sauma path 'goal.exists() implies activity.exists()' export/ --format json
  sauma path 'name.given.first()' --on Patient --explain

Documents of unit systems are translated to FHIR resources first. Each document gives the items of its
result, one a line; with --format json one JSON object. The expression is checked against the type of the
document before it runs.";

/// Evaluate a FHIRPath expression.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The expression
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: String,
    /// Documents: files, folders, NDJSON files with one resource a line, `-` for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["types", "explain"])]
    files: Vec<PathBuf>,
    /// The unit system they come from, or `fhir`; by default the one that recognises them
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    /// The type that the expression is about, where no document says it
    #[arg(long, value_name = "TYPE")]
    on: Option<String>,
    /// Show the type of the result and evaluate nothing
    #[arg(long = "type")]
    types: bool,
    /// Show the parts of the expression with their types and evaluate nothing
    #[arg(long, conflicts_with = "types")]
    explain: bool,
    /// Let pass what the definitions do not have: an unknown element is empty
    #[arg(long)]
    lenient: bool,
}

struct Job<'a> {
    expression: &'a Expression,
    text: &'a str,
    from: From,
    on: Option<TypeId>,
    lenient: bool,
    now: Temporal,
    console: &'a Console,
}

/// What one document gave.
struct Done {
    lines: String,
    findings: Vec<Finding>,
    failed: bool,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let on = args.on.as_deref().map(|name| schema().resolve(name)).transpose()?;
    let expression = match parse(&args.expression) {
        Ok(expression) => expression,
        Err(issue) => {
            report::print(&about(&args.expression, &[*issue], console), SHOWN, console);
            return Ok(Verdict::Findings);
        }
    };
    let job = Job {
        expression: &expression,
        text: &args.expression,
        from: From::named(args.from.as_deref()).map_err(Stop::Issue)?,
        on,
        lenient: args.lenient,
        now: now(),
        console,
    };
    if args.types || args.explain {
        return described(&job, args.explain);
    }
    let inputs = bulk::expand(&args.files)?;
    let many = inputs.is_many;
    let (mut failed, mut count) = (false, 0_usize);
    bulk::run(&inputs.entries, &|entry| document(&job, entry, many), &mut |_, done: Done| {
        count += 1;
        failed |= done.failed;
        report::print(&done.findings, SHOWN, console);
        Console::print(&done.lines)
    })?;
    if count == 0 {
        if !console.quiet {
            Console::note("there is no document in what was named\n");
        }
        return Ok(Verdict::Untested);
    }
    Ok(Verdict::of(failed))
}

/// The time of this run, in Greenwich.
pub(super) fn now() -> Temporal {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Temporal::utc(i64::try_from(since.as_secs()).unwrap_or(0), since.subsec_millis())
}

/// Findings about the expression, in its own text.
fn about(text: &str, issues: &[Issue], console: &Console) -> Vec<Finding> {
    let source = Source { file: EXPRESSION, text, mask: Mask::Open, lines_before: 0 };
    report::findings(source, issues, console)
}

fn options(job: &Job<'_>, ty: Option<TypeId>) -> Options {
    let options = ty.map_or_else(Options::new, |ty| Options::new().on(ty));
    if job.lenient { options } else { options.strict() }
}

/// The type of the result, or the parts with their types.
fn described(job: &Job<'_>, explain: bool) -> Result<Verdict, Stop> {
    let (console, options) = (job.console, options(job, job.on));
    let (ty, issues) = job.expression.check(schema(), &options);
    report::print(&about(job.text, &issues, console), SHOWN, console);
    let parts = if explain { job.expression.explain(schema(), &options) } else { Vec::new() };
    if console.is_json() {
        let row = |part: &crate::fhirpath::Explained| {
            serde_json::json!({
                "depth": part.depth, "part": part.label, "type": part.ty,
                "start": part.span.start, "end": part.span.end,
            })
        };
        let rows: Vec<_> = parts.iter().map(row).collect();
        Console::print_json(&serde_json::json!({ "type": ty.text(schema()), "parts": rows }))?;
    } else if explain {
        let width = parts.iter().map(|part| part.depth * 2 + part.label.chars().count()).max().unwrap_or(0);
        for part in &parts {
            let label = clean(&format!("{}{}", "  ".repeat(part.depth), part.label));
            let ty = console.out_paint.ink(Ink::Note, &part.ty);
            Console::print(&format!("{label:<width$}  {ty}\n"))?;
        }
    } else {
        Console::print(&format!("{}\n", ty.text(schema())))?;
    }
    Ok(Verdict::of(issues.iter().any(|issue| issue.severity == Severity::Error)))
}

fn document(job: &Job<'_>, entry: &Entry<'_>, many: bool) -> Done {
    let name = entry.entry.path.to_string_lossy();
    let failed = |findings| Done { lines: String::new(), findings, failed: true };
    let whole;
    let (bytes, line) = match &entry.line {
        Some((number, Ok(bytes))) => (bytes.as_slice(), Some(*number)),
        Some((_, Err(error))) => return failed(vec![unreadable(&name, &error.to_string(), job.console)]),
        None => match files::read(&entry.entry.path) {
            Ok(bytes) => {
                whole = bytes;
                (whole.as_slice(), None)
            }
            Err(stop) => return failed(vec![unreadable(&name, &stop.help(), job.console)]),
        },
    };
    let origin = Origin { file: &name, lines_before: line.map_or(0, |line| line - 1) };
    // A resource is asked as it stands, even where a unit system would recognise it.
    let plain = match job.from {
        From::Any => input::read(bytes, From::Fhir, origin, job.console).ok(),
        From::Unit(_) | From::Fhir => None,
    };
    let content = plain.map_or_else(|| input::read(bytes, job.from, origin, job.console), Ok);
    let content = content.and_then(|read| input::content(read, origin, job.console));
    let tree = match content {
        Ok(content) => content.resources,
        Err(findings) => return failed(findings),
    };
    let shown = Place { file: &name, line, many };
    match evaluated(job, &tree, shown) {
        Ok(done) => done,
        Err(issues) => failed(about(job.text, &issues, job.console)),
    }
}

fn unreadable(name: &str, why: &str, console: &Console) -> Finding {
    let issue = Issue::error(crate::diag::codes::FILE, crate::diag::Span::default(), "it cannot be read");
    Finding::bare(name, &issue.with_help(why), console)
}

/// Where a result comes from.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    line: Option<u32>,
    many: bool,
}

fn evaluated(job: &Job<'_>, tree: &Tree, place: Place<'_>) -> Result<Done, Vec<Issue>> {
    let ty = tree.resource_type(NodeId::ROOT).and_then(|name| schema().type_named(&name));
    let compiled: Compiled = job.expression.compile(schema(), &options(job, ty.or(job.on)))?;
    let resource = schema().type_named("Resource").unwrap_or(crate::schema::UNKNOWN);
    let focus = Item::node(tree, NodeId::ROOT, ty.unwrap_or(resource));
    let traces = Traces::default();
    let context = Context::new(schema())
        .with_resource(focus.clone(), focus.clone())
        .with_now(job.now)
        .with_host(&traces);
    let found = compiled.evaluate(&context, &focus).map_err(|error| vec![error.to_issue()])?;
    let lines = if job.console.is_json() { as_json(&found, place) } else { as_lines(&found, place) };
    Ok(Done { lines: traces.text() + &lines, findings: Vec::new(), failed: false })
}

/// What `trace` was asked to show, to be printed before the result.
#[derive(Default)]
struct Traces(Mutex<String>);

impl Host for Traces {
    fn trace(&self, name: &str, items: &[Item<'_>]) {
        if let Ok(mut text) = self.0.lock() {
            for item in items {
                text.add(format_args!("trace {}: {}\n", clean(name), clean(&value(item))));
            }
        }
    }
}

impl Traces {
    fn text(&self) -> String {
        self.0.lock().map(|text| text.clone()).unwrap_or_default()
    }
}

fn as_lines(found: &Collection<'_>, place: Place<'_>) -> String {
    let line = place.line.map_or_else(String::new, |line| format!(":{line}"));
    let from = if place.many { format!("{}{line}: ", clean(place.file)) } else { String::new() };
    found.items().iter().map(|item| format!("{from}{}\n", clean(&value(item)))).collect()
}

/// The value of an item: of an element with children its JSON.
fn value(item: &Item<'_>) -> String {
    match item {
        Item::Value(value) => value.to_text().into_owned(),
        Item::Node(node) if node.tree.kind(node.id).is_leaf() => node.tree.text(node.id).into_owned(),
        Item::Node(node) => json_of(node.tree, node.id),
    }
}

fn json_of(tree: &Tree, id: NodeId) -> String {
    let mut out = String::new();
    json::write(tree, id, Layout::Compact, &mut out);
    out
}

/// One JSON object, in which decimals keep their text.
fn as_json(found: &Collection<'_>, place: Place<'_>) -> String {
    let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let mut out = format!("{{\"file\":{}", text(place.file));
    if let Some(line) = place.line {
        out.add(format_args!(",\"line\":{line}"));
    }
    out.push_str(",\"result\":[");
    for (at, item) in found.items().iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let (ty, value) = match item {
            Item::Node(node) => {
                let ty = format!("FHIR.{}", schema().type_info(node.ty).name);
                out.add(format_args!("{comma}{{\"path\":{},", text(&node.tree.path(node.id))));
                (ty, json_of(node.tree, node.id))
            }
            Item::Value(value) => {
                use crate::fhirpath::Value;
                let ty = value.system().map_or("TypeInfo", crate::fhirpath::System::name);
                out.add(format_args!("{comma}{{"));
                let plain = matches!(value, Value::Boolean(_) | Value::Integer(_) | Value::Decimal(_));
                let shown = value.to_text();
                (format!("System.{ty}"), if plain { shown.into_owned() } else { text(&shown) })
            }
        };
        out.add(format_args!("\"type\":{},\"value\":{value}}}", text(&ty)));
    }
    out.push_str("]}\n");
    out
}
