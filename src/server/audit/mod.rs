//! Who did what, to whose data: an IHE BALP `AuditEvent` for each client whom an interaction concerns.
//!
//! A change is told in its own commit; what was given out is told before the answer leaves, in a commit that shares the
//! wait for the disk with others. Where it cannot be told, nothing is given out. `Sight` learns what a request saw and
//! wrote (`Trail`), and `Server::dispatch` writes it down. Entries lie in a log of the store, where each is chained to
//! those before it, in few words, of which the `AuditEvent` is written when it is read (`event`); what a view shows of other
//! registers is told to each client it stems from (`shown`). `log` answers questions about them, `checkpoints` signs where the chain ends.

mod checkpoints;
mod event;
mod log;
mod settings;
mod shown;
mod words;

pub use checkpoints::{CheckpointFiles, keep_checkpoints};
pub(super) use log::{AUDIT_EVENT, statement};
pub use settings::{AuditSettings, WhenFull};
pub use words::sentence;

use super::Server;
use super::answer::Answer;
use super::call::Call;
use super::caller::{Caller, Proof};
use super::moment;
use super::refusal::{Outcome, Refusal, Why};
use super::route::{Interaction as Do, is_id};
use super::trail::Walked;
use super::{query, sight};
use crate::diag::codes;
use crate::plan::permission::{BreakGlass, Word};
use crate::store::{
    Commit, CommitError, Method, Name, Note, Noted, Person, Record, Store, StoreError, Write, client_hash,
};
use event::{Act, Agent, Concern, Deed, Object, kept};
use hyper::StatusCode;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The log of the store that events are kept in.
pub const AUDIT_LOG: &str = "audit";
/// Events about nobody are found under no client.
const NOBODY: i64 = 0;

/// An entry of the log as a FHIR `AuditEvent`, in compact JSON.
pub fn audit_event(noted: &Noted) -> Vec<u8> {
    event::whole(noted)
}

impl<S: Store> Server<S> {
    /// True where what is done is written down.
    pub(super) const fn is_audited(&self) -> bool {
        self.settings.audit.enabled
    }

    /// Tells of an interaction that ended, so that [`Server::settle`] writes it down.
    pub(super) fn tell(&self, call: &Call, answer: &Outcome<Answer>) -> Outcome<()> {
        let walked = call.caller.trail.walked();
        let ending = ending_of(answer);
        let is_refused = ending != Ending::Success;
        if !self.is_audited() {
            return Ok(());
        }
        if call.interaction == Do::Token {
            // Who got a token was told as they got it.
            let denied = || self.keep(&call.caller, Act::Deny, ending, Object::None, None);
            return if is_refused { denied() } else { Ok(()) };
        }
        if answer.as_ref().is_err_and(|refusal| is_of_access(refusal.why())) {
            let name = name_of_call(call);
            let object = name.map_or(Object::None, |name| Object::Data(name.into()));
            return self.keep(&call.caller, Act::Deny, ending, object, patient_of(call));
        }
        let is_written = call.interaction.is_write() && !is_refused;
        let Some(act) = act_of(call.interaction).filter(|_| walked.has_asked) else { return Ok(()) };
        if is_written && walked.seen.is_empty() && walked.clients.is_empty() {
            // Its commit tells of it.
            return Ok(());
        }
        for (client, record) in concerned(&walked, patient_of(call)) {
            let name = record.map_or_else(|| name_of_call(call), |record| Some(versioned(record)));
            // What a write read and did not write, it was given.
            let act = if is_written { Act::Read } else { act };
            let object = if act.is_query() {
                Object::Query(request_of(call).into())
            } else {
                name.map_or(Object::None, |name| Object::Data(name.into()))
            };
            self.keep(&call.caller, act, ending, object, client)?;
        }
        if is_refused { Ok(()) } else { self.disclose(&call.caller, &walked) }
    }

    /// Tells of what a job gave out or read since it last told, and waits until that is durable. A job has no answer
    /// before which it would be written down.
    pub(super) async fn tell_of_job(&self, caller: &Caller, asked: &str) -> Outcome<()> {
        let walked = caller.trail.walked();
        if !self.is_audited() || walked.seen.is_empty() && walked.clients.is_empty() {
            return Ok(());
        }
        for (client, _) in concerned(&walked, None) {
            self.keep(caller, Act::Operation, Ending::Success, Object::Query(asked.into()), client)?;
        }
        self.disclose(caller, &walked)?;
        self.settle(caller).await
    }

    /// Tells of each client of whom one register gave something to another.
    fn disclose(&self, caller: &Caller, walked: &Walked) -> Outcome<()> {
        let mut of_client: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (client, name, version) in &walked.disclosed {
            of_client.entry(client).or_default().push(of_version(name, *version));
        }
        of_client.into_iter().try_for_each(|(client, names)| {
            self.keep(caller, Act::Disclose, Ending::Success, Object::Documents(names.into()), Some(client))
        })
    }

    /// Makes what was told durable, before the answer leaves.
    pub(super) async fn settle(&self, caller: &Caller) -> Outcome<()> {
        let notes = caller.trail.notes();
        if notes.is_empty() {
            return Ok(());
        }
        let count = notes.len();
        let written = self.sight(caller).note(Commit { notes, ..Commit::default() }).await;
        let Err(error) = written else { return Ok(()) };
        let is_full = matches!(error, CommitError::Store(StoreError::Full | StoreError::ReadOnly));
        if is_full && self.settings.audit.when_full == WhenFull::Answer {
            tracing::error!(count, "entries of the audit are missing: the store is full");
            return Ok(());
        }
        Err(sight::commit_refusal(&error))
    }

    /// Tells of somebody who was not let in, at once; not of somebody who asks too often, whom that would serve.
    pub(super) async fn deny(&self, caller: &Caller, refusal: &Refusal) -> Outcome<()> {
        if !self.is_audited() || refusal.why() == Why::TooMany {
            return Ok(());
        }
        self.keep(caller, Act::Deny, Ending::Refused(refusal.code().title), Object::None, None)?;
        self.settle(caller).await
    }

    /// Tells of somebody who gets an access token, before they have it.
    pub(super) async fn tell_login(&self, caller: &Caller) -> Outcome<()> {
        if !self.is_audited() {
            return Ok(());
        }
        self.keep(caller, Act::LogIn, Ending::Success, Object::None, None)?;
        self.settle(caller).await
    }

    /// Tells of an emergency that begins, before anything is given out under it.
    pub(super) async fn tell_emergency(&self, caller: &Caller, glass: &BreakGlass) -> Outcome<()> {
        if !self.is_audited() {
            return Ok(());
        }
        let (reason, words) = (glass.reason.code().into(), glass.words.as_str().into());
        let object = Object::Emergency { reason, words };
        self.keep(caller, Act::BreakGlass, Ending::Success, object, Some(&glass.client))?;
        self.settle(caller).await
    }

    /// Keeps an entry until the answer is ready.
    fn keep(
        &self,
        caller: &Caller,
        act: Act,
        ending: Ending<'_>,
        object: Object<'_>,
        patient: Option<&str>,
    ) -> Outcome<()> {
        let note = self.event(caller, act, ending, object, patient);
        caller.trail.keep(note.map_err(|error| sight::refusal(&error))?);
        Ok(())
    }

    /// The entries for what a commit writes, to be part of it.
    pub(super) fn notes_of(&self, caller: &Caller, writes: &[Write]) -> Result<Vec<Note>, StoreError> {
        if !self.is_audited() {
            return Ok(Vec::new());
        }
        let note = |write: &Write| {
            let act = match write.method {
                Method::Post => Act::Create,
                Method::Put if write.version == 1 => Act::Create,
                Method::Put => Act::Update,
                Method::Patch => Act::Patch,
                Method::Delete => Act::Delete,
            };
            let name = of_version(&write.name, write.version);
            self.event(caller, act, Ending::Success, Object::Data(name.into()), write.client.as_deref())
        };
        writes.iter().map(note).collect()
    }

    fn event(
        &self,
        caller: &Caller,
        act: Act,
        ending: Ending<'_>,
        object: Object<'_>,
        patient: Option<&str>,
    ) -> Result<Note, StoreError> {
        let refused = match ending {
            Ending::Success => None,
            Ending::Refused(why) => Some(why.into()),
        };
        let (base, agent) = (self.settings.base.as_str().into(), agent_of(caller));
        let deed = Deed { act, refused, has_client: patient.is_some(), base, agent };
        let concern =
            Concern { request: caller.trail.request().into(), object, patient: patient.map(Cow::from) };
        let client = patient.map_or(NOBODY, |patient| client_hash(caller.tenant, patient));
        let person = Person::new(client, kept(&concern)?.into())?;
        let (time, entry) = (moment::now(), kept(&deed)?.into());
        Ok(Note { log: AUDIT_LOG.to_owned(), time, entry, person: Some(person) })
    }
}

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending<'a> {
    Success,
    /// It was refused, for this reason.
    Refused(&'a str),
}

/// Who asks, in the words of the audit.
fn agent_of(caller: &Caller) -> Agent<'_> {
    let address = caller.address.map_or(Cow::Borrowed("unknown"), |address| address.to_string().into());
    let Some(known) = &caller.known else { return Agent { address, ..Agent::default() } };
    Agent {
        program: Some(((&*known.client.id).into(), (&*known.client.unit.name).into())),
        address,
        token: match &known.proof {
            Proof::Token(jti) => Some(jti.as_str().into()),
            Proof::Certificate | Proof::Connection => None,
        },
        user: known.user.as_deref().map(Cow::from),
        purpose: Some(known.purpose.code().into()),
        is_emergency: known.emergency.is_some(),
    }
}

/// How an interaction ended.
fn ending_of(answer: &Outcome<Answer>) -> Ending<'static> {
    match answer {
        Ok(answer) if !answer.status.is_client_error() => Ending::Success,
        Ok(answer) if answer.status == StatusCode::GONE => Ending::Refused(codes::GONE.title),
        Ok(_) => Ending::Refused(codes::NOT_KNOWN.title),
        Err(refusal) => Ending::Refused(refusal.code().title),
    }
}

/// True of refusals of somebody who may not do what is asked.
const fn is_of_access(why: Why) -> bool {
    matches!(
        why,
        Why::NotKnown | Why::Scope | Why::NotOwner | Why::ChosenId | Why::CallerField | Why::Emergency
    )
}

/// The patient whom the path of a call, or a plain parameter of a search, names.
fn patient_of(call: &Call) -> Option<&str> {
    if call.names.kind == Some("Patient")
        && let Some(id) = &call.names.id
    {
        return Some(id);
    }
    let named =
        |(name, value): &'_ (String, String)| matches!(&**name, "patient" | "subject") && !value.is_empty();
    let (_, value) = call.query.iter().find(|pair| named(pair))?;
    let id = value.strip_prefix("Patient/").unwrap_or(value);
    is_id(id).then_some(id)
}

impl Act {
    /// True where what was asked is told, rather than what was given.
    const fn is_query(self) -> bool {
        matches!(
            self,
            Self::SearchType | Self::SearchSystem | Self::HistoryType | Self::HistorySystem | Self::Operation
        )
    }
}

/// What an interaction is to the audit. What is nobody's record is not told of, and a bundle is told of by its entries.
const fn act_of(interaction: Do) -> Option<Act> {
    Some(match interaction {
        Do::Health
        | Do::Ready
        | Do::Metrics
        | Do::Capabilities
        | Do::OpenApi
        | Do::SmartConfiguration
        | Do::Token => return None,
        Do::Read => Act::Read,
        Do::VersionRead => Act::VersionRead,
        Do::Create => Act::Create,
        Do::Update | Do::ConditionalUpdate | Do::Bundle => Act::Update,
        Do::Patch | Do::ConditionalPatch => Act::Patch,
        Do::Delete | Do::ConditionalDelete => Act::Delete,
        Do::SearchType | Do::SearchTypeForm | Do::SearchCompartment | Do::SearchCompartmentForm => {
            Act::SearchType
        }
        Do::SearchSystem | Do::SearchSystemForm => Act::SearchSystem,
        Do::HistoryInstance => Act::HistoryInstance,
        Do::HistoryType => Act::HistoryType,
        Do::HistorySystem => Act::HistorySystem,
        Do::Operation | Do::JobStatus | Do::JobFile | Do::JobEnd => Act::Operation,
    })
}

/// The clients whom an interaction is about, each with the first record of it; nobody where there is none.
fn concerned<'w>(walked: &'w Walked, named: Option<&'w str>) -> Vec<(Option<&'w str>, Option<&'w Record>)> {
    let mut first: BTreeMap<Option<&str>, Option<&Record>> = BTreeMap::new();
    for record in &walked.seen {
        first.entry(record.client.as_deref()).or_insert(Some(record));
    }
    for client in &walked.clients {
        first.entry(Some(client)).or_default();
    }
    if let Some(named) = named {
        first.entry(Some(named)).or_default();
    }
    // What is nobody's in a list with somebody's is no event of its own.
    if first.len() > 1 {
        first.remove(&None);
    }
    if first.is_empty() { vec![(None, None)] } else { first.into_iter().collect() }
}

fn of_version(name: &Name, version: u64) -> String {
    format!("{}/{}/_history/{version}", name.kind, name.id)
}

fn versioned(record: &Record) -> String {
    of_version(&record.name, record.version)
}

/// The resource that the path of a call names.
fn name_of_call(call: &Call) -> Option<String> {
    let (kind, id) = (call.names.kind?, call.names.id.as_ref()?);
    Some(format!("{kind}/{id}"))
}

/// What was asked for, as it was asked: method, path, query, and the form that came with it.
fn request_of(call: &Call) -> String {
    let mut out = String::new();
    let operation = call.names.operation.map(|operation| format!("${}", operation.name));
    let parts = [call.names.kind, call.names.id.as_deref(), call.names.below, operation.as_deref()];
    let history = match call.interaction {
        Do::HistoryType | Do::HistorySystem => Some("_history"),
        _ => None,
    };
    for (at, part) in parts.into_iter().flatten().chain(history).enumerate() {
        if at > 0 {
            out.push('/');
        }
        out.push_str(part);
    }
    for (at, (name, value)) in call.query.iter().enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        out.push_str(&format!("{}={}", query::encode(name), query::encode(value)));
    }
    if out.is_empty() {
        out.push('/');
    }
    let is_form =
        matches!(call.interaction, Do::SearchTypeForm | Do::SearchSystemForm | Do::SearchCompartmentForm);
    if is_form && !call.content.bytes.is_empty() {
        out.push(if call.query.is_empty() { '?' } else { '&' });
        out.push_str(&String::from_utf8_lossy(&call.content.bytes));
    }
    out
}

/// Refuses what would write an event by hand.
pub(super) fn refuse_writing() -> Box<Refusal> {
    Refusal::plain(Why::AuditWritten)
}
