//! Bulk data (FHIR Bulk Data Access 2.0, and `$import` as its counterpart): a request starts a job and is answered at
//! once; one worker does the jobs in their order; status, files and the end of a job are asked for at addresses of its
//! own. Jobs live in the memory of this process: after a restart, or at another node, there is no such job.

mod export;
mod files;
mod import;

use super::Input;
use crate::server::Server;
use crate::server::answer::{Answer, Body};
use crate::server::call::Call;
use crate::server::caller::Caller;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::{ids, moment};
use crate::store::Store;
use export::Asked;
use files::File;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Jobs that are kept, done or not.
const JOBS_MAX: usize = 32;
/// How long a job and its files are kept.
const JOB_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// Packed bytes of the files of all jobs.
const PACKED_BYTES_MAX: usize = 128 << 20;
/// Seconds after which a client may ask again.
const AGAIN_SECONDS: u32 = 1;

/// What a job does.
enum Work {
    Export(Asked),
    /// NDJSON as it came.
    Import(Vec<u8>),
}

/// How far a job is.
enum State {
    Waiting,
    /// So many resources are done.
    Working(usize),
    Done(Files),
    Failed(StatusCode, Value),
}

/// What a job gives.
#[derive(Debug, Default)]
struct Files {
    /// What was written, by type.
    output: Vec<File>,
    /// Resources of each type that were stored.
    stored: BTreeMap<String, usize>,
    /// What was wrong.
    errors: Vec<File>,
}

/// One job.
struct Job {
    id: String,
    caller: Arc<Caller>,
    /// The address that started it.
    request: String,
    started: i64,
    work: Work,
    state: Mutex<State>,
    is_ended: AtomicBool,
}

impl Job {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how far the job is; refuses to go on where nobody wants it any more.
    fn progress(&self, count: usize) -> Outcome<()> {
        *self.state() = State::Working(count);
        if self.is_ended.load(Ordering::Relaxed) { Err(Refusal::plain(Why::NoJob)) } else { Ok(()) }
    }

    fn packed_bytes(&self) -> usize {
        match &*self.state() {
            State::Done(files) => {
                files.output.iter().chain(&files.errors).map(|file| file.packed.len()).sum()
            }
            State::Waiting | State::Working(_) | State::Failed(..) => 0,
        }
    }
}

/// The jobs of this process.
#[derive(Default)]
pub(in crate::server) struct Jobs {
    /// By id; ids grow with time.
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
    added: Notify,
}

impl Jobs {
    fn jobs(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, job: Job) -> Outcome<()> {
        let mut jobs = self.jobs();
        jobs.retain(|_, known| known.started + JOB_MICROS > job.started);
        if jobs.len() >= JOBS_MAX {
            return Err(Refusal::new(
                Why::Overload,
                "there are too many jobs: end those that are done with DELETE",
            ));
        }
        jobs.insert(job.id.clone(), Arc::new(job));
        drop(jobs);
        self.added.notify_one();
        Ok(())
    }

    fn waiting(&self) -> Option<Arc<Job>> {
        self.jobs().values().find(|job| matches!(*job.state(), State::Waiting)).cloned()
    }

    /// Packed bytes that files may still have.
    fn room(&self) -> usize {
        let used: usize = self.jobs().values().map(|job| job.packed_bytes()).sum();
        PACKED_BYTES_MAX.saturating_sub(used)
    }
}

impl<S: Store> Server<S> {
    /// Does the jobs, one after the other, for as long as it is polled.
    pub(in crate::server) async fn do_jobs(&self) {
        loop {
            let Some(job) = self.jobs.waiting() else {
                self.jobs.added.notified().await;
                continue;
            };
            *job.state() = State::Working(0);
            let done = match &job.work {
                Work::Export(asked) => self.do_export(&job, asked).await,
                Work::Import(lines) => self.do_import(&job, lines).await,
            };
            *job.state() = match done {
                Ok(files) => State::Done(files),
                Err(refusal) => State::Failed(refusal.status(), refusal.outcome()),
            };
        }
    }

    /// Starts an export of the system, of all patients or of a group.
    pub(super) fn start_export(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let asked = Asked::of(self, call, input)?;
        self.start(call, "$export", Work::Export(asked))
    }

    /// Starts an import.
    pub(super) fn start_import(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let content = input.contents("content")?.pop();
        let content = content.ok_or_else(|| input.refused("it needs NDJSON"))?;
        self.start(call, "$import", Work::Import(content.bytes))
    }

    fn start(&self, call: &Call, name: &str, work: Work) -> Outcome<Answer> {
        if !call.wishes.is_async {
            return Err(Refusal::new(
                Why::HeaderValue,
                "this is done in the background: send Prefer: respond-async",
            ));
        }
        let kind = call.names.kind.map(|kind| format!("/{kind}")).unwrap_or_default();
        let of = call.names.id.as_ref().map(|id| format!("/{id}")).unwrap_or_default();
        let id = ids::uuid();
        let job = Job {
            id: id.clone(),
            caller: Arc::clone(&call.caller),
            request: self.link(&format!("{kind}{of}/{name}"), &call.query, None),
            started: moment::now(),
            work,
            state: Mutex::new(State::Waiting),
            is_ended: AtomicBool::new(false),
        };
        self.jobs.add(job)?;
        let mut answer = Answer::new(StatusCode::ACCEPTED, Body::Empty);
        answer.more.push((header::CONTENT_LOCATION, format!("{}/_jobs/{id}", self.settings.base)));
        Ok(answer)
    }

    /// The job of the address, where it is the caller's.
    fn job(&self, call: &Call) -> Outcome<Arc<Job>> {
        let job = call.names.id.as_ref().and_then(|id| self.jobs.jobs().get(id).cloned());
        let own =
            job.filter(|job| is_of(&job.caller, &call.caller) && job.started + JOB_MICROS > moment::now());
        own.ok_or_else(|| Refusal::plain(Why::NoJob))
    }

    /// How far a job is, or what it gave.
    pub(in crate::server) fn job_status(&self, call: &Call) -> Outcome<Answer> {
        let job = self.job(call)?;
        let answer = match &*job.state() {
            State::Waiting => working("waiting".to_owned()),
            State::Working(count) => working(format!("{count} resources")),
            State::Failed(status, outcome) => Answer::resource(*status, outcome),
            State::Done(files) => {
                let manifest = self.manifest(&job, files).to_string();
                let mut answer = Answer::new(StatusCode::OK, Body::Text("application/json", manifest.into()));
                answer.more.push((header::EXPIRES, moment::http_date(job.started + JOB_MICROS)));
                answer
            }
        };
        Ok(answer)
    }

    fn manifest(&self, job: &Job, files: &Files) -> Value {
        let base = &self.settings.base;
        let told = |file: &File| json!({ "type": file.kind, "url": format!("{base}/_jobs/{}/{}", job.id, file.name), "count": file.count });
        let stored = files.stored.iter().map(|(kind, count)| json!({ "type": kind, "count": count }));
        json!({
            "transactionTime": moment::instant(job.started),
            "request": job.request,
            "requiresAccessToken": job.caller.known.is_some(),
            "output": files.output.iter().map(told).chain(stored).collect::<Vec<_>>(),
            "error": files.errors.iter().map(told).collect::<Vec<_>>(),
        })
    }

    /// Ends a job: it is given up, or its files are let go.
    pub(in crate::server) fn end_job(&self, call: &Call) -> Outcome<Answer> {
        let job = self.job(call)?;
        job.is_ended.store(true, Ordering::Relaxed);
        self.jobs.jobs().remove(&job.id);
        Ok(Answer::new(StatusCode::ACCEPTED, Body::Empty))
    }

    /// One file of a job.
    pub(in crate::server) fn job_file(&self, call: &Call) -> Outcome<Answer> {
        let job = self.job(call)?;
        let wanted = call.names.file.as_deref();
        let packed: Option<Bytes> = match &*job.state() {
            State::Done(files) => {
                let mut all = files.output.iter().chain(&files.errors);
                all.find(|file| Some(&*file.name) == wanted).map(|file| file.packed.clone())
            }
            State::Waiting | State::Working(_) | State::Failed(..) => None,
        };
        let packed = packed.ok_or_else(|| Refusal::plain(Why::NoJob))?;
        Ok(Answer::new(StatusCode::OK, Body::Text("application/fhir+ndjson", files::unpacked(&packed)?)))
    }
}

/// True where two requests come from one program.
fn is_of(starter: &Caller, caller: &Caller) -> bool {
    let program = |caller: &Caller| caller.known.as_ref().map(|known| known.client.id.clone());
    starter.tenant == caller.tenant && program(starter) == program(caller)
}

fn working(progress: String) -> Answer {
    let mut answer = Answer::new(StatusCode::ACCEPTED, Body::Empty);
    answer.retry_seconds = Some(AGAIN_SECONDS);
    answer.more.push((HeaderName::from_static("x-progress"), progress));
    answer
}
