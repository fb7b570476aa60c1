//! Entries of logs as lines of a dump.

use super::{Commit, DumpError, Flaw, Head, Note, NoteQuery, Noted, Person, Store, StoreError, Tenant};
use crate::schema::base64;
use crate::schema::sha256::to_hex;
use crate::store::chain::Verifier;
use crate::store::checkpoint::of_hex;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead};
use std::sync::Arc;

/// How the line of an entry starts, and that of a version does not.
const NOTE_START: &str = "{\"log\":";
/// Entries that are restored in one commit, at most.
const RESTORED_NOTES: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    log: String,
    tenant: u32,
    place: u64,
    time: i64,
    entry: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<i64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    salt: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sum: Option<String>,
    hash: String,
}

pub(super) fn is_note(line: &str) -> bool {
    line.starts_with(NOTE_START)
}

/// Writes the entries of a log up to a head, oldest first.
pub(super) async fn write<S: Store>(
    store: &S,
    head: &Head,
    out: &mut (dyn io::Write + Send),
) -> Result<(), DumpError> {
    let mut place = 0;
    while place < head.size {
        let page = store.notes(&NoteQuery::after(head.tenant, &head.log, place)).await?;
        let Some(last) = page.last() else { return Err(StoreError::Damaged.into()) };
        place = last.place;
        for noted in page.iter().take_while(|noted| noted.place <= head.size) {
            serde_json::to_writer(&mut *out, &line_of(noted)).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Bytes as text: as they are where they are text, for that is what the audit writes, and marked otherwise.
fn text_of(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if !text.starts_with('\u{1}') => text.to_owned(),
        _ => format!("\u{1}{}", base64::encode(bytes)),
    }
}

fn bytes_of(text: &str) -> Option<Arc<[u8]>> {
    match text.strip_prefix('\u{1}') {
        Some(coded) => base64::decode(coded).map(Arc::from),
        None => Some(Arc::from(text.as_bytes())),
    }
}

fn line_of(noted: &Noted) -> Line<'static> {
    let person = noted.person.as_ref();
    Line {
        log: noted.log.clone(),
        tenant: noted.tenant.0,
        place: noted.place,
        time: noted.time,
        entry: text_of(&noted.entry),
        client: person.map(|person| person.client),
        salt: person.map(|person| to_hex(&person.salt).into()),
        value: person.map(|person| text_of(&person.value)),
        sum: noted.sum.map(|sum| to_hex(&sum)),
        hash: to_hex(&noted.hash),
    }
}

fn noted_of(text: &str) -> Option<Noted> {
    let line: Line = serde_json::from_str(text).ok()?;
    let person = match (line.client, line.salt, line.value) {
        (Some(client), Some(salt), Some(value)) => {
            Some(Person { client, salt: of_hex(&salt)?.try_into().ok()?, value: bytes_of(&value)? })
        }
        (None, None, None) => None,
        _ => return None,
    };
    let sum = match line.sum {
        Some(sum) => Some(of_hex(&sum)?.try_into().ok()?),
        None => None,
    };
    Some(Noted {
        tenant: Tenant(line.tenant),
        log: line.log,
        place: line.place,
        time: line.time,
        entry: bytes_of(&line.entry)?,
        person,
        sum,
        hash: of_hex(&line.hash)?.try_into().ok()?,
    })
}

/// The entries of the logs in a dump, in the order of its lines.
///
/// # Errors
///
/// See [`DumpError`], of a line that is no entry.
pub fn notes_of(dump: &mut dyn BufRead) -> impl Iterator<Item = Result<Noted, DumpError>> {
    let mut number = 0;
    let mut text = String::new();
    std::iter::from_fn(move || {
        loop {
            text.clear();
            number += 1;
            match dump.read_line(&mut text) {
                Ok(0) => return None,
                Ok(_) if is_note(&text) => return Some(noted_of(&text).ok_or(DumpError::Line(number))),
                Ok(_) => {}
                Err(error) => return Some(Err(error.into())),
            }
        }
    })
}

/// The logs that are restored: one after the other, as they stand in a dump.
#[derive(Default)]
pub(super) struct Logs {
    verifier: Option<Verifier>,
    notes: Vec<Note>,
}

impl Logs {
    /// Takes the entry of a line; how many were written.
    pub(super) async fn take<S: Store>(
        &mut self,
        store: &S,
        text: &str,
        line: u64,
    ) -> Result<u64, DumpError> {
        let noted = noted_of(text).ok_or(DumpError::Line(line))?;
        let is_same =
            |verifier: &Verifier| verifier.head().tenant == noted.tenant && verifier.head().log == noted.log;
        let mut written = 0;
        if self.notes.len() >= RESTORED_NOTES || !self.verifier.as_ref().is_some_and(is_same) {
            written = self.write(store, line).await?;
        }
        if !self.verifier.as_ref().is_some_and(is_same) {
            self.start(store, &noted, line).await?;
        }
        if let Some(verifier) = &mut self.verifier {
            verifier.take(&noted).map_err(|fault| DumpError::Log { line, flaw: fault.flaw })?;
        }
        let Noted { log, time, entry, person, .. } = noted;
        self.notes.push(Note { log, time, entry, person });
        Ok(written)
    }

    /// Begins a log, which must be empty as yet: two logs in one would be neither.
    async fn start<S: Store>(&mut self, store: &S, noted: &Noted, line: u64) -> Result<(), DumpError> {
        let heads = store.heads().await?;
        if heads.iter().any(|head| head.tenant == noted.tenant && head.log == noted.log) {
            return Err(DumpError::Log { line, flaw: Flaw::Stray });
        }
        self.verifier = Some(Verifier::new(noted.tenant, &noted.log));
        Ok(())
    }

    /// Writes what waits; how many entries that are.
    async fn write<S: Store>(&mut self, store: &S, line: u64) -> Result<u64, DumpError> {
        let Some(verifier) = &self.verifier else { return Ok(0) };
        let notes = std::mem::take(&mut self.notes);
        let count = notes.len() as u64;
        if count > 0 {
            let commit = Commit { tenant: verifier.head().tenant, notes, ..Commit::default() };
            store.commit(commit).await.map_err(|error| DumpError::Refused { line, error })?;
        }
        Ok(count)
    }

    /// Writes the rest, and looks whether the logs end as those that were dumped.
    pub(super) async fn end<S: Store>(&mut self, store: &S, line: u64) -> Result<u64, DumpError> {
        let written = self.write(store, line).await?;
        let Some(verifier) = &self.verifier else { return Ok(written) };
        let heads = store.heads().await?;
        if heads.contains(verifier.head()) {
            Ok(written)
        } else {
            Err(DumpError::Log { line, flaw: Flaw::Altered })
        }
    }
}
