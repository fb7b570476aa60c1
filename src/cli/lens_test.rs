//! `sauma lens test`: the laws of a lens, tried on documents drawn from its model.

use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::lens::LensFile;
use super::report::count;
use crate::diag::Issue;
use crate::exchange::laws::trial;
use crate::format::{csv, er7};
use crate::mapping::laws::{Law, Outcome, Violation};
use crate::mapping::units::Unit;
use crate::mapping::{Format, Program, Random, generate};
use crate::schema::Schema;
use crate::tree::json::Layout;
use crate::tree::{NodeId, Tree, fhir, json, xml};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Sizes of documents, small ones first, so that the first violation of a law is a small one.
const SIZES: [usize; 4] = [0, 3, 6, 10];
/// Documents are walked recursively.
const STACK_BYTES: usize = 16 << 20;

/// What is tested.
pub(super) enum Subject<'a> {
    /// A unit system: its laws are tried on bytes too.
    Unit(&'static Unit, &'static Program),
    /// A lens from disk.
    Program(&'a Program, &'a Schema),
}

/// One law and what it said.
#[derive(Debug, Serialize)]
struct Said {
    law: &'static str,
    held: usize,
    refused: usize,
    broken: Vec<Broken>,
}

/// A broken law, with the first document that shows it.
#[derive(Debug, Serialize)]
struct Broken {
    message: String,
    rule: String,
    path: String,
    /// The seed and size that draw the document again.
    seed: u64,
    size: usize,
    documents: usize,
}

#[derive(Serialize)]
struct Report<'a> {
    lens: &'a str,
    label: String,
    documents: u64,
    ok: bool,
    laws: &'a [Said],
}

#[derive(Default)]
struct Tally {
    held: BTreeMap<Law, usize>,
    refused: BTreeMap<Law, usize>,
    broken: BTreeMap<(Law, String, String), Broken>,
}

pub(super) fn run(
    lens: &LensFile,
    subject: &Subject<'_>,
    documents: u64,
    console: &Console,
) -> Result<Verdict, Stop> {
    let tally = try_all(subject, documents)?;
    let (Subject::Unit(_, program) | Subject::Program(program, _)) = subject;
    let laws = said(tally);
    let ok = laws.iter().all(|law| law.broken.is_empty());
    let label = program.label().to_string();
    if console.is_json() {
        Console::print_json(&Report { lens: &program.url, label, documents, ok, laws: &laws })?;
    } else {
        Console::print(&to_human(lens, &label, documents, &laws, console))?;
    }
    Ok(Verdict::of(!ok))
}

fn try_all(subject: &Subject<'_>, documents: u64) -> Result<Tally, Stop> {
    let (tally, next) = (Mutex::new(Tally::default()), AtomicU64::new(0));
    let one = || {
        while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < documents) {
            let part = usize::try_from(seed.saturating_mul(4) / documents.max(1)).unwrap_or(0);
            let size = SIZES[part.min(SIZES.len() - 1)];
            let outcomes = outcomes(subject, seed, size);
            // A worker holds the lock only to count, so it is never poisoned.
            if let Ok(mut tally) = tally.lock() {
                for (law, outcome) in outcomes {
                    tally.add(law, outcome, seed, size);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, one)?;
        }
        Ok(())
    })
    .map_err(Stop::System)?;
    Ok(tally.into_inner().unwrap_or_default())
}

type Outcomes = Vec<(Law, Result<Outcome, Box<Violation>>)>;

fn outcomes(subject: &Subject<'_>, seed: u64, size: usize) -> Outcomes {
    match subject {
        Subject::Unit(unit, program) => {
            let trial = trial(unit, program, seed, size);
            let held = trial.held.into_iter().map(|law| (law, Ok(Outcome::Held)));
            let refused = trial.refused.into_iter().map(|(law, issue)| (law, Ok(Outcome::Refused(issue))));
            let broken = trial.broken.into_iter().map(|violation| (violation.law, Err(violation)));
            held.chain(refused).chain(broken).collect()
        }
        Subject::Program(program, schema) => of_tree(program, schema, seed, size),
    }
}

/// The laws on trees: the text of a lens from disk belongs to no unit system yet.
fn of_tree(program: &Program, schema: &Schema, seed: u64, size: usize) -> Outcomes {
    let draw = |seed| reread(program, schema, &generate::document(program, schema, seed, size));
    let (document, other) = match (draw(seed), draw(seed ^ 0x5bd1_e995)) {
        (Ok(document), Ok(other)) => (document, other),
        (Err(issue), _) | (_, Err(issue)) => return vec![(Law::Text, Err(Box::new(unread(*issue))))],
    };
    let got = match program.get(&document) {
        Ok(got) => got,
        Err(issue) => return vec![(Law::Text, Err(Box::new(unread(*issue))))],
    };
    let held = |()| Outcome::Held;
    let mut out = vec![
        (Law::NoInvention, program.check_no_invention(&document, &got).map(held)),
        (Law::Ledger, program.check_ledger(&document, &got).map(held)),
        (Law::Ledger, program.check_explained(&document, &got).map(held)),
        (Law::GetPut, program.check_get_put(&document, &got).map(held)),
        (Law::CreateGet, program.check_create_get(&got).map(|(outcome, _)| outcome)),
    ];
    if let Ok(other) = program.get(&other) {
        out.push((
            Law::PutGet,
            program.check_put_get(&document, &got, &other.target).map(|(outcome, _)| outcome),
        ));
        out.push((Law::Locality, program.check_locality(&document, &got, &other, &mut Random::new(seed))));
    }
    out
}

/// A drawn document as it is when it comes as text.
pub(super) fn reread(program: &Program, schema: &Schema, drawn: &Tree) -> Result<Tree, Box<Issue>> {
    let names = program.names();
    match program.format {
        Format::Json => json::read_owned(json::to_string(drawn, Layout::Compact), names),
        Format::Fhir => {
            let mut text = String::new();
            fhir::write_json(drawn, NodeId::ROOT, Some(schema), Layout::Compact, &mut text);
            fhir::read_json(&text, names)
        }
        Format::Xml => {
            let mut text = String::new();
            xml::write(drawn, NodeId::ROOT, Layout::Compact, &mut text);
            xml::read_owned(text, names)
        }
        Format::Csv => {
            let columns: Vec<&str> = program.source_columns().iter().map(String::as_str).collect();
            csv::read(&csv::write(drawn, &csv::Dialect::default(), &columns), names).map(|(tree, _)| tree)
        }
        Format::Er7 => er7::read(&er7::write(drawn)?, names).map(|(tree, _)| tree),
    }
}

fn unread(issue: Issue) -> Violation {
    let message = format!("a generated document is not read: {}", issue.message);
    Violation { law: Law::Text, rule: String::new(), path: issue.path, message }
}

impl Tally {
    fn add(&mut self, law: Law, outcome: Result<Outcome, Box<Violation>>, seed: u64, size: usize) {
        match outcome {
            Ok(Outcome::Held) => *self.held.entry(law).or_default() += 1,
            Ok(Outcome::Refused(_)) => *self.refused.entry(law).or_default() += 1,
            Ok(Outcome::Idle) => {}
            Err(violation) => {
                let key = (law, violation.message.clone(), violation.rule.clone());
                let Violation { rule, path, message, .. } = *violation;
                let first = Broken { message, rule, path, seed, size, documents: 0 };
                let broken = self.broken.entry(key).or_insert(first);
                broken.documents += 1;
            }
        }
    }
}

fn said(tally: Tally) -> Vec<Said> {
    let of = |law: Law| Said {
        law: law.name(),
        held: tally.held.get(&law).copied().unwrap_or(0),
        refused: tally.refused.get(&law).copied().unwrap_or(0),
        broken: Vec::new(),
    };
    let mut laws: Vec<Said> = Law::ALL.into_iter().map(of).collect();
    for ((law, _, _), broken) in tally.broken {
        if let Some(said) = laws.iter_mut().find(|said| said.law == law.name()) {
            said.broken.push(broken);
        }
    }
    laws
}

fn to_human(lens: &LensFile, label: &str, documents: u64, laws: &[Said], console: &Console) -> String {
    let paint = console.out_paint;
    let mut out = format!("{}: {documents} generated documents\n", clean(&lens.file));
    for law in laws {
        let (ink, word) = match (law.broken.is_empty(), law.held) {
            (false, _) => (Ink::Error, "BROKEN"),
            (true, 0) => (Ink::Faint, "not tried"),
            (true, _) => (Ink::Good, "holds"),
        };
        let refused =
            if law.refused == 0 { String::new() } else { format!(", {} refused by name", law.refused) };
        out.add(format_args!("  {:<13} {} ({} held{refused})\n", law.law, paint.ink(ink, word), law.held));
        for broken in &law.broken {
            let Broken { message, rule, path, seed, size, documents } = broken;
            let documents = count(*documents, "document");
            out.add(format_args!("      {}, {documents}\n", clean(message)));
            if !rule.is_empty() {
                out.add(format_args!("      rule: {}\n", clean(rule)));
            }
            out.add(format_args!("      first at {} (seed {seed}, size {size})\n", clean(path)));
        }
    }
    out.add(format_args!("label: {label}\n"));
    out
}
