//! `$import`: resources of an NDJSON text, each stored under its id, or under a new one where it has none. What cannot be
//! stored is told in a file of errors, by the number of its line; the rest is stored. Nothing is fetched from elsewhere.

use super::files::Writer;
use super::{Files, Job};
use crate::server::Server;
use crate::server::call::Precondition;
use crate::server::document::Document;
use crate::server::ids;
use crate::server::media::Format;
use crate::server::query::tells_identity;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::route::is_id;
use crate::server::step::{Action, Step, Target};
use crate::store::Store;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Lines that are stored as one commit.
const LINES_AT_ONCE: usize = 200;
/// Lines that cannot be stored, after which the job gives up.
const ERRORS_MAX: usize = 10_000;
/// The extension that tells the line of an issue.
const LINE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line";

/// What became of the lines so far.
struct Told {
    files: Files,
    errors: Writer,
    refused: usize,
}

impl Told {
    fn refuse(&mut self, line: usize, refusal: &Refusal) -> Outcome<()> {
        self.refused += 1;
        if self.refused > ERRORS_MAX {
            return Err(Refusal::new(Why::OperationLimit, "too many lines cannot be stored"));
        }
        self.errors.add("OperationOutcome", at_line(refusal.outcome(), line).to_string().as_bytes())
    }
}

impl<S: Store> Server<S> {
    /// Stores what can be stored.
    pub(super) async fn do_import(&self, job: &Job, lines: &[u8]) -> Outcome<Files> {
        let mut told = Told { files: Files::default(), errors: Writer::new(self.jobs.room()), refused: 0 };
        let lines = lines.split(|byte| *byte == b'\n').zip(1..);
        let lines: Vec<(&[u8], usize)> = lines.filter(|(line, _)| !line.trim_ascii().is_empty()).collect();
        let mut count = 0;
        for lines in lines.chunks(LINES_AT_ONCE) {
            count += lines.len();
            self.import_some(job, lines, &mut told).await?;
            job.progress(count)?;
        }
        told.files.errors = told.errors.finish()?;
        Ok(told.files)
    }

    /// Stores some lines as one commit, or one by one where one of them keeps the others from it.
    async fn import_some(&self, job: &Job, lines: &[(&[u8], usize)], told: &mut Told) -> Outcome<()> {
        let mut steps = Vec::with_capacity(lines.len());
        let mut places = Vec::with_capacity(lines.len());
        let mut names = HashSet::new();
        for (line, number) in lines {
            match self.step_of(line) {
                Ok(step) if !names.insert(name_of(&step)) => {
                    // A commit names a resource once, so what was before goes first.
                    self.store(job, &mut steps, &mut places, told).await?;
                    names.clear();
                    names.insert(name_of(&step));
                    steps.push(step);
                    places.push(*number);
                }
                Ok(step) => {
                    steps.push(step);
                    places.push(*number);
                }
                Err(refusal) => told.refuse(*number, &refusal)?,
            }
        }
        self.store(job, &mut steps, &mut places, told).await
    }

    async fn store(
        &self,
        job: &Job,
        steps: &mut Vec<Step>,
        places: &mut Vec<usize>,
        told: &mut Told,
    ) -> Outcome<()> {
        let (mut steps, places) = (std::mem::take(steps), std::mem::take(places));
        let kinds: Vec<&str> = steps.iter().map(|step| step.kind).collect();
        match self.write(&job.caller, &mut steps).await {
            Ok(_) => kinds.iter().for_each(|kind| stored(told, kind)),
            Err(refusal) if is_of_server(&refusal) => return Err(refusal),
            Err(_) => {
                for (step, number) in steps.into_iter().zip(places) {
                    let kind = step.kind;
                    match self.write(&job.caller, &mut [step]).await {
                        Ok(_) => stored(told, kind),
                        Err(refusal) if is_of_server(&refusal) => return Err(refusal),
                        Err(refusal) => told.refuse(number, &refusal)?,
                    }
                }
            }
        }
        self.tell_of_job(&job.caller, "$import").await
    }

    fn step_of(&self, line: &[u8]) -> Outcome<Step> {
        let document = Document::read(line, Format::Json, self.schema)?;
        let kind = document.kind;
        let action = match document.id() {
            None => Action::Create { document, id: ids::uuid(), criteria: None },
            Some(id) if is_id(&id) && !tells_identity(&id) => {
                Action::Update { document, target: Target::Id(id.clone()), id }
            }
            Some(_) => {
                return Err(Refusal::new(
                    Why::IdentityMismatch,
                    "the id of the resource is none that FHIR allows",
                ));
            }
        };
        Ok(Step { kind, action, precondition: Precondition::None, full_url: None, entry: None })
    }
}

fn name_of(step: &Step) -> (&'static str, String) {
    let id = match &step.action {
        Action::Create { id, .. } | Action::Update { id, .. } => id.clone(),
        Action::Patch { .. } | Action::Delete { .. } => String::new(),
    };
    (step.kind, id)
}

fn stored(told: &mut Told, kind: &str) {
    *told.files.stored.entry(kind.to_owned()).or_default() += 1;
}

/// True where the line is not to blame.
fn is_of_server(refusal: &Refusal) -> bool {
    matches!(refusal.why(), Why::Overload | Why::ReadOnly | Why::StoreFailed)
}

/// An outcome whose issues stand at a line of the text that came.
fn at_line(mut outcome: Value, line: usize) -> Value {
    for issue in outcome.get_mut("issue").and_then(Value::as_array_mut).into_iter().flatten() {
        let place = json!({ "url": LINE, "valueInteger": line });
        match issue.get_mut("extension").and_then(Value::as_array_mut) {
            Some(extensions) => {
                extensions.retain(|extension| extension["url"] != LINE);
                extensions.insert(0, place);
            }
            None => issue["extension"] = json!([place]),
        }
    }
    outcome
}
