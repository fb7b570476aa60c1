//! What one request saw and wrote: what the audit tells of it.

use crate::store::{Name, Note, Record};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The trail of one request. A copy is the same trail.
#[derive(Clone)]
pub(super) struct Trail(Arc<Inner>);

struct Inner {
    /// The id of the request, as it is in its answer.
    request: String,
    steps: Mutex<Steps>,
}

#[derive(Default)]
struct Steps {
    /// What was read since the last interaction was told of.
    seen: Vec<Arc<Record>>,
    /// What of another register was given out: the patient, and which version.
    disclosed: Vec<(String, Name, u64)>,
    /// Ids of patients whom it is about, whatever was read.
    clients: Vec<String>,
    /// True once the store was asked since then, whether or not it had anything.
    has_asked: bool,
    written: HashSet<Name>,
    notes: Vec<Note>,
}

/// What one interaction saw and wrote.
pub(super) struct Walked {
    /// What it was given and did not itself write, in the order in which it saw it.
    pub(super) seen: Vec<Arc<Record>>,
    /// What of another register was given out: the patient, and which version.
    pub(super) disclosed: Vec<(String, Name, u64)>,
    /// Whom it is about, whatever it saw.
    pub(super) clients: Vec<String>,
    /// It asked the store for anything.
    pub(super) has_asked: bool,
}

impl Trail {
    /// The trail of a request before its first step.
    pub(super) fn new(request: &str) -> Self {
        Self(Arc::new(Inner { request: request.to_owned(), steps: Mutex::default() }))
    }

    /// The id of the request.
    pub(super) fn request(&self) -> &str {
        &self.0.request
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.0.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store was asked and gave these.
    pub(super) fn saw<'r>(&self, records: impl IntoIterator<Item = &'r Arc<Record>>) {
        let mut steps = self.steps();
        steps.has_asked = true;
        steps.seen.extend(records.into_iter().cloned());
    }

    /// This version about a patient is of another register: giving it out discloses it.
    pub(super) fn discloses(&self, patient: &str, name: &Name, version: u64) {
        self.steps().disclosed.push((patient.to_owned(), name.clone(), version));
    }

    /// It is about this patient, whether or not anything was read.
    pub(super) fn concerns(&self, patient: &str) {
        let mut steps = self.steps();
        steps.has_asked = true;
        steps.clients.push(patient.to_owned());
    }

    /// The store wrote these.
    pub(super) fn wrote(&self, names: impl IntoIterator<Item = Name>) {
        self.steps().written.extend(names);
    }

    /// The end of an interaction: what it saw.
    pub(super) fn walked(&self) -> Walked {
        let mut steps = self.steps();
        let seen = std::mem::take(&mut steps.seen);
        let written = std::mem::take(&mut steps.written);
        let seen = seen.into_iter().filter(|record| !written.contains(&record.name)).collect();
        let clients = std::mem::take(&mut steps.clients);
        let disclosed = std::mem::take(&mut steps.disclosed);
        Walked { seen, disclosed, clients, has_asked: std::mem::take(&mut steps.has_asked) }
    }

    /// Keeps an entry until the answer is ready.
    pub(super) fn keep(&self, note: Note) {
        self.steps().notes.push(note);
    }

    /// The entries that are kept.
    pub(super) fn notes(&self) -> Vec<Note> {
        std::mem::take(&mut self.steps().notes)
    }
}

impl PartialEq for Trail {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trail {}

impl std::fmt::Debug for Trail {
    /// Without what was seen.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trail").field("request", &self.0.request).finish_non_exhaustive()
    }
}
