//! Questions about the audit log: `AuditEvent` as a client reads and searches it. Nobody writes one.

use super::super::Server;
use super::super::answer::{Answer, Body};
use super::super::bundle_writer::BundleWriter;
use super::super::call::Call;
use super::super::caller::{Caller, Unit};
use super::super::query::Pair;
use super::super::reading::moments;
use super::super::refusal::{Outcome, Refusal, Why};
use super::super::route::{Interaction as Do, is_id};
use super::super::searching::{pairs_of, path_of};
use super::super::sight;
use super::{AUDIT_LOG, audit_event, refuse_writing};
use crate::diag::Language;
use crate::store::{
    Method, Name, NoteQuery, Noted, PAGE_RECORDS, PAGE_RECORDS_MAX, Record, Start, Store, StoreError,
    client_hash,
};
use hyper::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The type of the entries of the log.
pub(in crate::server) const AUDIT_EVENT: &str = "AuditEvent";
/// Entries that are looked through for one page; where they are not enough, the page is short and has a next one.
const SCANNED_MAX: usize = 20_000;
/// The parameter that names a page.
const PAGE: &str = "_page";

impl<S: Store> Server<S> {
    /// True of a call that is answered from the log.
    pub(in crate::server) fn is_of_log(&self, call: &Call) -> bool {
        let kind = call.names.below.or(call.names.kind);
        self.is_audited() && kind == Some(AUDIT_EVENT)
    }

    /// Answers from the log.
    pub(in crate::server) async fn audit_log(&self, call: &Call) -> Outcome<Answer> {
        match call.interaction {
            Do::Read | Do::VersionRead => self.audit_read(call).await,
            Do::SearchType | Do::SearchTypeForm | Do::SearchCompartment | Do::SearchCompartmentForm => {
                self.audit_search(call).await
            }
            interaction if interaction.is_write() => Err(refuse_writing()),
            _ => Err(Refusal::plain(Why::NoRoute)),
        }
    }

    async fn audit_read(&self, call: &Call) -> Outcome<Answer> {
        let place = call.names.id.as_deref().and_then(place_of);
        let is_first = call.names.version.as_deref().is_none_or(|version| version == "1");
        let place = place.filter(|_| is_first).ok_or_else(|| Refusal::plain(Why::NotFound))?;
        let sight = self.sight(&call.caller);
        let query = NoteQuery { count: 1, ..NoteQuery::after(call.caller.tenant, AUDIT_LOG, place - 1) };
        let noted = sight.notes(&query).await?.into_iter().find(|noted| noted.place == place);
        let noted = noted.ok_or_else(|| Refusal::plain(Why::NotFound))?;
        if !self.may_tell(&call.caller, &noted, &mut HashMap::new()).await? {
            return Err(Refusal::plain(Why::NotFound));
        }
        let body = Body::Resource(audit_event(&noted).into());
        Ok(Answer { version: Some(1), updated: Some(noted.time), ..Answer::new(StatusCode::OK, body) })
    }

    async fn audit_search(&self, call: &Call) -> Outcome<Answer> {
        let (pairs, is_form) = pairs_of(call)?;
        let mut asked = Asked::read(&pairs, call.wishes.is_lenient, &self.settings.base)?;
        if let (Some("Patient"), Some(id), Some(_)) = (call.names.kind, &call.names.id, call.names.below) {
            asked.patient = Some(id.clone());
        }
        let page = self.audit_page(call, &asked).await?;
        let mut bundle = BundleWriter::new("searchset");
        let path = path_of(call, is_form);
        let told: &[Pair] = if is_form { &[] } else { &pairs };
        bundle.link("self", &self.link(&path, told, None));
        if let Some(next) = page.next {
            bundle.link("next", &self.link(&path, told, Some((PAGE, &next.to_string()))));
        }
        for noted in &page.found {
            bundle.found(&self.settings.base, &record_of(noted), &audit_event(noted), "match");
        }
        Ok(bundle.answer())
    }

    /// What the log has of one client, newest first, each event told in words.
    pub(in crate::server) async fn audit_of_client(
        &self,
        call: &Call,
        patient: &str,
        pairs: &[Pair],
        language: Language,
    ) -> Outcome<Answer> {
        let mut asked = Asked::read(pairs, false, &self.settings.base)?;
        asked.patient = Some(patient.to_owned());
        let page = self.audit_page(call, &asked).await?;
        let mut bundle = BundleWriter::new("searchset");
        let path = format!("/Patient/{patient}/$audit-log");
        bundle.link("self", &self.link(&path, &call.query, None));
        if let Some(next) = page.next {
            bundle.link("next", &self.link(&path, &call.query, Some((PAGE, &next.to_string()))));
        }
        for noted in &page.found {
            let told = super::words::with_narrative(&audit_event(noted), language);
            let told = told.ok_or_else(|| Refusal::plain(Why::StoreFailed))?;
            bundle.found(&self.settings.base, &record_of(noted), told.to_string().as_bytes(), "match");
        }
        Ok(bundle.answer())
    }

    /// One page of events, newest first.
    async fn audit_page(&self, call: &Call, asked: &Asked) -> Outcome<Page> {
        let tenant = call.caller.tenant;
        if let Some(patient) = &asked.patient {
            call.caller.trail.concerns(patient);
        }
        let mut query = NoteQuery {
            tenant,
            log: AUDIT_LOG.to_owned(),
            client: asked.patient.as_deref().map(|patient| client_hash(tenant, patient)),
            from: asked.from,
            until: asked.until,
            start: Start::Before(asked.before),
            count: asked.count.saturating_add(1),
        };
        let mut page = Page { found: Vec::new(), next: None };
        let (mut scanned, mut patients) = (0, HashMap::new());
        loop {
            let rows = self.sight(&call.caller).notes(&query).await?;
            let is_last = rows.len() < query.count;
            scanned += rows.len();
            for noted in rows {
                if page.found.len() >= asked.count {
                    page.next = page.found.last().map(|last: &Noted| last.place);
                    return Ok(page);
                }
                query.start = Start::Before(Some(noted.place));
                if asked.fits(&noted) && self.may_tell(&call.caller, &noted, &mut patients).await? {
                    page.found.push(noted);
                }
            }
            if is_last {
                return Ok(page);
            }
            if scanned >= SCANNED_MAX {
                let Start::Before(next) = query.start else { return Ok(page) };
                page.next = next;
                return Ok(page);
            }
        }
    }
}

impl<S: Store> Server<S> {
    /// True of an event that a caller may read: what its own register did, and what was done with the data of its own
    /// register. Whether a patient is of it is asked of the store once for each page.
    async fn may_tell(
        &self,
        caller: &Caller,
        noted: &Noted,
        patients: &mut HashMap<String, bool>,
    ) -> Outcome<bool> {
        let Some(known) = caller.known.as_ref().filter(|known| !known.client.reads_whole_log) else {
            return Ok(true);
        };
        let unit = &known.client.unit;
        let event: Value = serde_json::from_slice(&audit_event(noted)).unwrap_or_default();
        let program = event["agent"][0]["who"]["identifier"]["value"].as_str();
        if program.and_then(|id| self.access.unit_of(id)).is_some_and(|of| of.shares_register(unit)) {
            return Ok(true);
        }
        let Some(patient) = patient_named(&event) else { return Ok(false) };
        if let Some(is_own) = patients.get(&patient) {
            return Ok(*is_own);
        }
        let name = Name::new("Patient", &patient);
        let owner = self.owner_of_any(caller, &name).await?;
        let is_own = owner.is_some_and(|owner| owner.shares_register(unit));
        patients.insert(patient, is_own);
        Ok(is_own)
    }

    /// The unit whose resource it is, or was before it was deleted.
    async fn owner_of_any(&self, caller: &Caller, name: &Name) -> Outcome<Option<&Arc<Unit>>> {
        let refused = |error: &StoreError| sight::refusal(error);
        let mut record = self.store.read(caller.tenant, name).await.map_err(|error| refused(&error))?;
        if let Some(gone) = record.as_ref().filter(|record| record.is_deleted() && record.version > 1) {
            let before = self.store.version(caller.tenant, name, gone.version - 1).await;
            record = before.map_err(|error| refused(&error))?;
        }
        let key = record.as_deref().and_then(sight::owner);
        Ok(key.and_then(|key| self.access.unit(caller.tenant, &key)))
    }
}

/// The patient whom the entities of an event name.
fn patient_named(event: &Value) -> Option<String> {
    let patient = event["entity"].as_array()?.iter().find(|entity| entity["role"]["code"] == "1")?;
    let reference = patient["what"]["reference"].as_str()?;
    reference.strip_prefix("Patient/").map(str::to_owned)
}

/// What the `CapabilityStatement` says of the type where the log answers for it.
pub(in crate::server) fn statement() -> Value {
    let codes = ["read", "vread", "search-type"].map(|code| json!({ "code": code }));
    let parameters = [
        ("_id", "token"),
        ("action", "token"),
        ("agent-name", "string"),
        ("date", "date"),
        ("outcome", "token"),
        ("patient", "reference"),
    ];
    json!({
        "type": AUDIT_EVENT,
        "profile": format!("http://hl7.org/fhir/StructureDefinition/{AUDIT_EVENT}"),
        "documentation": "The server itself writes what is done. Newest first; no other order, and no including.",
        "interaction": codes,
        "versioning": "versioned",
        "searchParam": parameters.map(|(name, kind)| json!({ "name": name, "type": kind })),
    })
}

/// One page of the log.
struct Page {
    found: Vec<Noted>,
    /// The place before which the next page starts.
    next: Option<u64>,
}

fn record_of(noted: &Noted) -> Record {
    Record {
        name: Name::new(AUDIT_EVENT, noted.place.to_string()),
        version: 1,
        updated: noted.time,
        method: Method::Post,
        document: None,
        client: None,
        seq: 0,
    }
}

/// The place of an event in its chain is its id.
fn place_of(id: &str) -> Option<u64> {
    let place: u64 = id.parse().ok()?;
    (place > 0 && place.to_string() == id).then_some(place)
}

/// The parameters of a search.
#[derive(Debug, Default)]
struct Asked {
    id: Option<u64>,
    patient: Option<String>,
    from: Option<i64>,
    until: Option<i64>,
    agent: Option<String>,
    action: Option<String>,
    outcome: Option<String>,
    before: Option<u64>,
    count: usize,
}

impl Asked {
    fn read(pairs: &[Pair], is_lenient: bool, base: &str) -> Outcome<Self> {
        let mut asked = Self { count: PAGE_RECORDS, ..Self::default() };
        let odd = || Refusal::plain(Why::AuditSearch);
        for (name, value) in pairs {
            match &**name {
                // What is no place is the id of nothing.
                "_id" => asked.id = Some(place_of(value).unwrap_or(0)),
                "patient" | "patient:Patient" => {
                    let id = value.strip_prefix(base).map_or(&**value, |rest| rest.trim_start_matches('/'));
                    let id = id.strip_prefix("Patient/").unwrap_or(id);
                    asked.patient = Some(Some(id).filter(|id| is_id(id)).ok_or_else(odd)?.to_owned());
                }
                "date" => asked.date(value).ok_or_else(odd)?,
                "agent" | "agent-who" | "agent-name" => asked.agent = Some(value.clone()),
                "action" => asked.action = Some(value.clone()),
                "outcome" => asked.outcome = Some(value.clone()),
                "_count" => {
                    let count: usize = value.parse().map_err(|_| odd())?;
                    asked.count = count.clamp(1, PAGE_RECORDS_MAX);
                }
                PAGE => asked.before = Some(value.parse().map_err(|_| odd())?),
                // The newest first is the only order of the log.
                "_sort" if value == "-date" || value == "-_id" => {}
                "_total" if value == "none" => {}
                "language" => {}
                _ if is_lenient => {}
                _ => return Err(odd()),
            }
        }
        Ok(asked)
    }

    /// Reads a date with its prefix (FHIR R4, 3.1.1.4.7); several narrow the span.
    fn date(&mut self, text: &str) -> Option<()> {
        let has_prefix = text.starts_with(|first: char| first.is_ascii_lowercase());
        let (prefix, date) = if has_prefix { text.split_at_checked(2)? } else { ("eq", text) };
        let (first, last) = moments(date)?;
        let (from, until) = match prefix {
            "eq" => (Some(first), Some(last)),
            "ge" => (Some(first), None),
            "gt" | "sa" => (Some(last.saturating_add(1)), None),
            "le" => (None, Some(last)),
            "lt" | "eb" => (None, Some(first.saturating_sub(1))),
            _ => return None,
        };
        self.from = self.from.into_iter().chain(from).max();
        self.until = self.until.into_iter().chain(until).min();
        Some(())
    }

    /// True of an entry that passes what no index tests.
    fn fits(&self, noted: &Noted) -> bool {
        if self.id.is_some_and(|id| id != noted.place) {
            return false;
        }
        if self.agent.is_none() && self.action.is_none() && self.outcome.is_none() {
            return true;
        }
        let Ok(event) = serde_json::from_slice::<Value>(&audit_event(noted)) else { return false };
        let has = |name: &str, wanted: Option<&String>| {
            wanted.is_none_or(|wanted| event[name].as_str() == Some(&**wanted))
        };
        let is_agent = self.agent.as_deref().is_none_or(|wanted| {
            let agents = event["agent"].as_array().into_iter().flatten();
            agents.into_iter().any(|agent| names(agent).any(|name| name == wanted))
        });
        is_agent && has("action", self.action.as_ref()) && has("outcome", self.outcome.as_ref())
    }
}

/// What an agent is called by.
fn names(agent: &Value) -> impl Iterator<Item = &str> {
    let who = &agent["who"];
    [&who["display"], &who["reference"], &who["identifier"]["value"], &agent["name"]]
        .into_iter()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn dates_narrow_a_span() {
        let check = |dates: &[&str], expected: Option<(Option<i64>, Option<i64>)>| {
            let mut asked = Asked::default();
            let read = dates.iter().try_for_each(|date| asked.date(date));
            assert_eq!(read.map(|()| (asked.from, asked.until)), expected, "{dates:?}");
        };
        check(&["1970-01-02"], Some((Some(DAY), Some(2 * DAY - 1))));
        check(&["ge1970-01-02", "lt1970-01-03"], Some((Some(DAY), Some(2 * DAY - 1))));
        check(&["gt1970-01-01", "le1970-01-02", "ge1970"], Some((Some(DAY), Some(2 * DAY - 1))));
        check(&["ap1970"], None);
        check(&["x"], None);
    }

    #[test]
    fn only_a_place_is_an_id() {
        assert_eq!(place_of("17"), Some(17));
        for odd in ["0", "017", "+17", "a", ""] {
            assert_eq!(place_of(odd), None, "{odd}");
        }
    }
}
