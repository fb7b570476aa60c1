//! `sauma page`: the plan as a page to read, for the client or for those who make it.

use super::console::{Console, Format, Stop, Verdict, clean};
use super::input::{From, Input, Origin};
use super::join::finish;
use super::plans::{Plans, said};
use super::report::{self, Finding};
use crate::plan::join::PLAN;
use crate::plan::page::{client, language_of, reread, to_html, to_text, worker};
use crate::plan::text::IdentityCode;
use crate::plan::{Joined, join, page::Page};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  sauma page sauma-demo --lang fi
  sauma page social.json health.xml employment.csv --format html --out plan.html
  sauma page joined.json --for worker --format html --out plan.html

The page goes to standard output and findings to standard error. It holds the client's own data; the
personal identity code is masked unless --show-values asks for it. Without --lang the page for the
client is in the language that the client prefers (Patient.communication), otherwise in Finnish.";

/// Write the plan as a page to read, in plain Finnish, Swedish or English.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    plans: Plans,
    /// Whom the page is for
    #[arg(long = "for", value_enum, default_value_t = Reader::Client)]
    reader: Reader,
    /// Write the page to this file
    #[arg(long, short, value_name = "OUT")]
    out: Option<PathBuf>,
}

/// Whom a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Reader {
    /// The client: plain words, strengths before problems, what happens next.
    Client,
    /// Those who make the plan: everything, by section.
    Worker,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    if console.is_json() {
        return Err(Stop::usage(
            "a page is no data",
            "choose --format text or html; `sauma join` writes FHIR",
        ));
    }
    let (joined, findings) = plan(args, console)?;
    report::print(&findings, findings.len(), console);
    let Some(joined) = joined.filter(|joined| !joined.is_refused()) else {
        Console::note("nothing was joined, so there is no page\n");
        return Ok(Verdict::Findings);
    };
    let page = page(&joined, args.reader, console);
    let text = if console.format == Format::Html { to_html(&page) } else { to_text(&page.map(&clean)) };
    finish(&text, args.out.as_deref())?;
    Ok(Verdict::of(findings.iter().any(Finding::is_error)))
}

fn page(joined: &Joined, reader: Reader, console: &Console) -> Page {
    let code = if console.show_values { IdentityCode::Shown } else { IdentityCode::Masked };
    match reader {
        Reader::Client => client(joined, console.lang_asked.unwrap_or_else(|| language_of(joined)), code),
        Reader::Worker => worker(joined, console.lang, code),
    }
}

/// The plan of the documents: they are joined, unless what was named is a joined plan already.
fn plan(args: &Args, console: &Console) -> Result<(Option<Joined>, Vec<Finding>), Stop> {
    let documents = args.plans.documents()?;
    if let [(file, bytes)] = documents.as_slice()
        && let Some(joined) = joined_before(file, bytes, console)
    {
        return Ok((Some(joined), Vec::new()));
    }
    Ok(match args.plans.read(&documents, console)? {
        Ok(given) => {
            let mut findings = given.findings;
            let joined = join(&given.contributions, &given.decisions);
            (Some(said(joined, console, &mut findings)), findings)
        }
        Err(findings) => (None, findings),
    })
}

/// The joined plan that a file holds.
fn joined_before(file: &str, bytes: &[u8], console: &Console) -> Option<Joined> {
    let mark = PLAN.as_bytes();
    if !bytes.windows(mark.len()).any(|window| window == mark) {
        return None;
    }
    match super::input::read(bytes, From::Fhir, Origin::file(file), console).ok()? {
        Input::Fhir(tree) => reread(&tree),
        Input::Unit(..) => None,
    }
}
