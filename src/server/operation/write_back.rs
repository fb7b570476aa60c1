//! `Patient/[id]/$write-back`: an edit of the plan that was given out, carried into the documents that its parts belong
//! to. All of it is written or nothing; where the plan has moved in between, three versions are held against each other.

use super::{Input, Output};
use crate::diag::{Issue, Redacted, Span, codes};
use crate::exchange::intake::{FHIR, From};
use crate::exchange::write_back::{Basis, Carried, Edit, Given, Outcome as Made, carry, patched};
use crate::mapping::units;
use crate::plan::split::{Editor, Seen, to_bundle};
use crate::plan::{Contribution, Sector};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::plans::{
    Arrival, Asked, Depth, Document, Known, Origin, Version, base_of, given_back, grants_of, json_of, now,
    versions, with_withheld_of,
};
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::step::Step;
use crate::server::writing::{ATTEMPTS_MAX, Extra};
use crate::store::{Expect, QueueChange, Store};
use crate::tree::{NodeId, Tree, fhir};
use crate::validate::{self, Report};
use hyper::StatusCode;
use serde_json::{Value, json};

/// What an edit comes to on the server.
struct Work {
    output: Output,
    steps: Vec<Step>,
    expects: Vec<Expect>,
    /// Documents that changed, for the units that want to be sent them.
    queue: Vec<QueueChange>,
    is_whole: bool,
}

impl<S: Store> Server<S> {
    /// Carries an edit back.
    pub(super) async fn write_back(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let asked = Asked::of(call, input, self.access.policy())?;
        let name = name_of(call)?;
        let is_dry = input.flag("dry-run")?.unwrap_or(false);
        let is_partial = input.flag("partial")?.unwrap_or(false);
        for _ in 0..ATTEMPTS_MAX {
            let known = self.known(&call.caller, std::slice::from_ref(&name.id), Depth::All).await?;
            let work = self.carried(call, input, &asked, &known).await?;
            let may_write = (work.is_whole || is_partial) && !is_dry && !work.steps.is_empty();
            if !may_write {
                let status = if work.is_whole { StatusCode::OK } else { StatusCode::CONFLICT };
                return Ok(Answer {
                    status,
                    ..told(&work, if work.is_whole { "checked" } else { "refused" })
                });
            }
            let extra = Extra { expects: work.expects.clone(), queue: work.queue.clone(), are_new: false };
            if self.attempt(&call.caller, &work.steps, extra).await?.is_some() {
                return Ok(told(&work, "written"));
            }
        }
        Err(Refusal::plain(Why::Contention))
    }

    async fn carried(&self, call: &Call, input: &Input, asked: &Asked, known: &Known) -> Outcome<Work> {
        let address = self.address(&name_of(call)?);
        let mut view = self.edited(input, &address)?;
        let said =
            view.as_ref().map(versions).filter(|said| !said.is_empty()).or_else(|| input.text("version"));
        let said = said.ok_or_else(|| stale("the edit does not say which versions it is of"))?;
        let base = base_of(known, asked, &said)?;
        let documents = self.documents(&call.caller, known, &base).await?;
        let now_given: Vec<Contribution> = documents.iter().map(|document| document.now.clone()).collect();
        let was_given: Vec<Contribution> =
            documents.iter().filter_map(|document| document.was.clone()).collect();
        let (was, now_all) = (&was_given[..], &now_given[..]);
        let (basis, editor) = basis(input, asked, known, Given { was, now: now_all })?;
        if let Basis::View(_, Some(seen)) = &basis {
            self.tell_view(&call.caller, known, &seen.view);
        }
        let edited = match (view.take(), input.text("patch")) {
            (Some(mut view), _) => {
                with_withheld_of(&mut view, &basis.joined().bundle);
                view
            }
            (None, Some(patch)) => {
                let read = patched(basis.joined(), input.text("patch-of").as_deref(), &patch);
                read.map_err(|issue| Refusal::issue(Why::EditRefused, *issue, ""))?
            }
            (None, None) => return Err(input.refused("it needs a view or a patch")),
        };
        let split = basis.split(&edited, &editor);
        let originals: Vec<_> = documents.iter().map(|document| document.original.clone()).collect();
        let edit =
            Edit { basis: &basis, edited: &edited, editor: &editor, now: now_all, originals: &originals };
        let made = carry(&edit, &split);
        self.work(call, made, &editor, &documents).await
    }

    /// The edited view, as it was without what the server says of itself.
    fn edited(&self, input: &Input, address: &str) -> Outcome<Option<Tree>> {
        let Some(document) = input.resource("view")? else { return Ok(None) };
        let mut tree = document.tree;
        fhir::sort(&mut tree, self.schema);
        given_back(&mut tree, address);
        // As it would be read from a file: nodes in the order of their definitions.
        let read = crate::exchange::document::read_resources(&json_of(&tree, NodeId::ROOT));
        read.map(Some).map_err(|issue| Refusal::issue(Why::EditRefused, *issue, ""))
    }

    /// The writes that an edit comes to, and what is told of it.
    async fn work(&self, call: &Call, made: Made, editor: &Editor, documents: &[Document]) -> Outcome<Work> {
        let mut work = Work {
            output: Output::default(),
            steps: Vec::new(),
            expects: Vec::new(),
            queue: Vec::new(),
            is_whole: made.is_whole(),
        };
        for carried in &made.written {
            let Some(document) = documents.get(carried.place) else { continue };
            let mut part = Output::default();
            match &document.origin {
                Origin::Document(version) => {
                    let arrival = edit_of(version, &carried.written.bytes)?;
                    let planned = self.plan_of(&call.caller, &arrival).await?;
                    part.value(
                        "document",
                        "valueReference",
                        reference("DocumentReference", &planned.told.version.id),
                    );
                    part.value("before", "valueReference", reference("DocumentReference", &version.id));
                    work.queue.extend(self.outgoing(&call.caller, &planned.told, &arrival.bytes));
                    work.steps.extend(planned.steps);
                    work.expects.extend(planned.expects);
                }
                Origin::Records(records) => {
                    let steps = self.changed_records(records, &carried.written.bytes)?;
                    for step in &steps {
                        part.value("resource", "valueReference", reference(step.kind, step.id()));
                    }
                    work.steps.extend(steps);
                }
            }
            tell_changes(carried, &mut part);
            work.output.group("changed", &part);
        }
        if let Some(kept) = &made.kept {
            let bytes = json_of(kept, NodeId::ROOT).into_bytes();
            let arrival = Arrival {
                bytes,
                from: From::Any,
                custodian: editor.custodian.clone(),
                edits: None,
                is_again: false,
                is_silent: true,
            };
            let planned = self.plan_of(&call.caller, &arrival).await?;
            work.output.value(
                "kept",
                "valueReference",
                reference("DocumentReference", &planned.told.version.id),
            );
            work.steps.extend(planned.steps);
            work.expects.extend(planned.expects);
        }
        for task in self.proposals(call, &made, editor)? {
            work.output.value("proposal", "valueReference", reference("Task", task.id()));
            work.steps.push(task);
        }
        work.expects.extend(documents.iter().flat_map(Document::expects));
        tell_conflicts(&made, &mut work.output);
        let issues: Vec<Issue> = made.issues.into_iter().map(|(_, issue)| issue).collect();
        let outcome = validate::outcome(&Report { issues, ..Report::default() }, "");
        work.output.resource("outcome", &outcome.to_string());
        Ok(work)
    }

    /// What others are asked to change, as Tasks for them.
    fn proposals(&self, call: &Call, made: &Made, editor: &Editor) -> Outcome<Vec<Step>> {
        let client = name_of(call)?;
        let address = self.address(&client);
        let bundle = to_bundle(&made.proposals, editor);
        let mut steps = Vec::new();
        for entry in bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let mut task = entry["resource"].clone();
            let focus = task["focus"]["reference"].as_str().unwrap_or_default().to_owned();
            task["focus"] = json!({ "reference": format!("{address}/{focus}") });
            let id = call.caller.led(task["id"].as_str().unwrap_or_default());
            task["id"] = json!(id);
            task["for"] = reference("Patient", &client.id);
            task["meta"] = json!({ "source": format!("{}proposal", crate::plan::SAUMA) });
            steps.push(self.put_made(&task)?);
        }
        Ok(steps)
    }
}

/// A document as an edit of one of its versions.
fn edit_of(version: &Version, bytes: &[u8]) -> Outcome<Arrival> {
    Ok(Arrival {
        bytes: bytes.to_vec(),
        from: From::named(Some(&version.unit)).map_err(|_| Refusal::plain(Why::StoreFailed))?,
        custodian: version.custodian.clone(),
        edits: Some((version.id.clone(), version.series.clone())),
        is_again: false,
        is_silent: true,
    })
}

fn reference(kind: &str, id: &str) -> Value {
    json!({ "reference": format!("{kind}/{id}") })
}

fn stale(message: &str) -> Box<Refusal> {
    let issue = Issue::error(codes::STALE_VIEW, Span::default(), message);
    Refusal::issue(
        Why::EditRefused,
        issue.with_help("read the plan again, or give the parameter `version`"),
        "",
    )
}

/// What was given out, and who edits it.
fn basis<'a>(input: &Input, asked: &Asked, known: &Known, given: Given<'a>) -> Outcome<(Basis<'a>, Editor)> {
    let name = input.text("name").unwrap_or_default();
    let Some(request) = &asked.request else {
        let basis = Basis::joined_of(given, &known.decisions);
        if basis.joined().is_refused() {
            return Err(Refusal::issues(Why::NotJoined, basis.joined().issues.clone()));
        }
        return Ok((basis, editor(input, name)?));
    };
    let see = |contributions: &'a [Contribution]| -> Outcome<Box<Seen<'a>>> {
        let grants = grants_of(contributions);
        let seen = Seen::new(contributions, &known.decisions, request, &grants, &asked.policy, now()?);
        Ok(Box::new(seen))
    };
    let was = see(given.was)?;
    if was.view.joined.sources.is_empty() {
        return Err(Refusal::plain(Why::NoPlan));
    }
    Ok((Basis::View(was, Some(see(given.now)?)), Editor::of(request, &name)))
}

/// Who edits, of a server that runs open: whose documents they may change.
fn editor(input: &Input, name: String) -> Outcome<Editor> {
    let words = input.texts("editor");
    if words.is_empty() {
        return Err(input.refused("it needs an editor or a role"));
    }
    let role = input.text("editor-role").unwrap_or_default();
    let mut editor = Editor { name: Redacted::new(name), role, ..Editor::default() };
    for word in words {
        if units::all().any(|unit| unit.name == word) || word == FHIR {
            editor.unit = Some(word);
        } else if let Some(sector) = Sector::find(&word) {
            editor.sector = Some(sector);
        } else {
            editor.custodian = Some(word);
        }
    }
    Ok(editor)
}

/// What changes in a document; of one that the editor sees in part, which elements alone.
fn tell_changes(carried: &Carried, part: &mut Output) {
    if let Some(places) = &carried.changed {
        for (target, path) in places {
            let mut change = Output::default();
            change.value("target", "valueString", target.as_str());
            change.value("path", "valueString", path.as_str());
            part.group("change", &change);
        }
        return;
    }
    let proof = &carried.written.proof;
    for changed in &proof.changed {
        let mut change = Output::default();
        change.value("path", "valueString", changed.path.as_str());
        tell_value("before", &changed.before, &mut change);
        tell_value("after", &changed.after, &mut change);
        part.group("change", &change);
    }
    part.value("values-kept", "valueUnsignedInt", proof.values_kept);
    part.value("bytes", "valueUnsignedInt", proof.bytes);
    part.value("bytes-kept", "valueUnsignedInt", proof.bytes_kept);
}

fn tell_conflicts(made: &Made, output: &mut Output) {
    for conflict in &made.conflicts {
        let mut part = Output::default();
        part.value("target", "valueString", conflict.target.as_str());
        part.value("path", "valueString", conflict.path.as_str());
        tell_value("base", &conflict.base, &mut part);
        tell_value("theirs", &conflict.theirs, &mut part);
        tell_value("mine", &conflict.mine, &mut part);
        output.group("conflict", &part);
    }
}

fn tell_value(name: &str, value: &Redacted<Option<String>>, output: &mut Output) {
    if let Some(text) = value.reveal() {
        output.value(name, "valueString", text.as_str());
    }
}

fn told(work: &Work, status: &str) -> Answer {
    let mut output = Output::default();
    output.value("status", "valueCode", status);
    output.append(&work.output);
    output.answer()
}
