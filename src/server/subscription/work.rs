//! Delivers what subscriptions ask for: one task finds them in the change log, and each has one that reads on from its
//! cursor, so that an endpoint which does not answer holds up its own subscription alone.

use super::asked::{Content, Status, Subscribed, What};
use super::endpoint::{Sending, Unsent};
use super::event::Watched;
use super::notice::Notice;
use super::state::{Sent, State};
use super::{SUBSCRIPTION, set_status};
use crate::search::{Base, Handling};
use crate::server::Server;
use crate::server::access::{OPEN, OWN};
use crate::server::call::Precondition;
use crate::server::caller::Caller;
use crate::server::document::Document;
use crate::server::moment;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::sight;
use crate::server::step::{Action, Step, Target};
use crate::server::writing::Extra;
use crate::store::{Change, Name, Record, Store, Tenant};
use hyper::Method;
use hyper::body::Bytes;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often the change log is looked at where nobody tells of a change, as other nodes do not.
const TICK: Duration = Duration::from_secs(1);
/// How long is waited where nothing is due.
const IDLE: Duration = Duration::from_hours(1);
/// Lines of the change log that are read at once.
const PAGE: usize = 500;
/// Changes after which the cursor is written down though nothing was delivered.
const SAVE_EVERY: usize = 1_000;
/// Subscriptions that are served.
const SUBSCRIPTIONS_MAX: usize = 10_000;
/// The longest wait before a notification is tried again, in seconds.
const RETRY_SECONDS_MAX: u64 = 3_600;
const MEDIA: &str = "application/fhir+json";
const SECOND: i64 = 1_000_000;

/// A subscription.
type Key = (Tenant, String);

/// What one turn leaves to do.
enum Turn {
    /// Nothing until it is changed.
    Over,
    /// Another after this time, or after the next change.
    Wait(Duration),
}

/// What a task knows of its subscription beside what is durable.
#[derive(Default)]
struct Memory {
    scanned: i64,
    unsaved: usize,
    /// When it was last heard of, in microseconds.
    last: i64,
    watched: HashMap<String, Watched>,
}

/// One subscription at work.
struct Served<'s> {
    tenant: Tenant,
    id: &'s str,
    record: Arc<Record>,
    asked: Subscribed,
    caller: Caller,
    state: State,
}

/// Serves every subscription until it is dropped.
pub(in crate::server) async fn serve_subscriptions<S: Store>(server: Arc<Server<S>>) {
    if !server.settings.subscriptions.enabled {
        return;
    }
    let (mut cursor, known) = loop {
        match server.subscriptions().await {
            Ok(found) => break found,
            Err(_) => tokio::time::sleep(TICK).await,
        }
    };
    let (told, seen) = watch::channel(cursor);
    let mut tasks = JoinSet::new();
    // Those that have a task, and whether they were changed since it began.
    let mut attended: HashMap<Key, bool> = HashMap::new();
    for key in known {
        tasks.spawn(attend(Arc::clone(&server), key.clone(), seen.clone()));
        attended.insert(key, false);
    }
    loop {
        tokio::select! {
            () = server.changed.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            Some(ended) = tasks.join_next() => {
                if let Ok(key) = ended && attended.remove(&key) == Some(true) {
                    tasks.spawn(attend(Arc::clone(&server), key.clone(), seen.clone()));
                    attended.insert(key, false);
                }
            }
        }
        while let Ok(page) = server.store.changes(cursor, PAGE).await {
            cursor = page.last().map_or(cursor, |last| last.seq);
            let is_new = |change: &&Change| change.tenant != OWN && change.name.kind == SUBSCRIPTION;
            for change in page.iter().filter(is_new) {
                let key = (change.tenant, change.name.id.clone());
                if let Some(is_changed) = attended.get_mut(&key) {
                    *is_changed = true;
                } else if attended.len() < SUBSCRIPTIONS_MAX {
                    tasks.spawn(attend(Arc::clone(&server), key.clone(), seen.clone()));
                    attended.insert(key, false);
                } else {
                    tracing::warn!("there are more subscriptions than are served");
                }
            }
            if page.len() < PAGE {
                break;
            }
        }
        told.send_if_modified(|seen| std::mem::replace(seen, cursor) != cursor);
    }
}

/// Serves one subscription until it has ended.
async fn attend<S: Store>(server: Arc<Server<S>>, key: Key, mut seen: watch::Receiver<i64>) -> Key {
    let mut memory = Memory { last: moment::now(), ..Memory::default() };
    loop {
        seen.mark_unchanged();
        let wait = match server.turn(&key, &mut memory).await {
            Ok(Turn::Over) => return key,
            Ok(Turn::Wait(wait)) => wait,
            Err(refusal) => {
                tracing::warn!(code = refusal.code().id, "a subscription waits");
                TICK
            }
        };
        tokio::select! {
            changed = seen.changed() => if changed.is_err() { return key },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl<S: Store> Server<S> {
    /// Those that are not off, and a place of the change log before which there are no others.
    async fn subscriptions(&self) -> Outcome<(i64, Vec<Key>)> {
        let head = self.head().await?;
        let tenants: BTreeSet<Tenant> = self.access.units().iter().map(|unit| unit.tenant).collect();
        let tenants = if self.access.is_open() { BTreeSet::from([OPEN]) } else { tenants };
        let mut found = Vec::new();
        for tenant in tenants {
            let pairs = [("status".to_owned(), "requested,active".to_owned())];
            let mut search = self.parsed(Base::Type(SUBSCRIPTION), &pairs, Handling::Strict)?.search;
            loop {
                let page =
                    self.store.search(tenant, &search).await.map_err(|error| sight::refusal(&error))?;
                found.extend(page.records.iter().map(|record| (tenant, record.name.id.clone())));
                match page.next {
                    Some(next) if found.len() < SUBSCRIPTIONS_MAX => search.page = Some(next),
                    _ => break,
                }
            }
        }
        Ok((head, found))
    }

    /// Does what is due for a subscription.
    async fn turn(&self, (tenant, id): &Key, memory: &mut Memory) -> Outcome<Turn> {
        let record = self.store.read(*tenant, &Name::new(SUBSCRIPTION, id)).await;
        let record = record.map_err(|error| sight::refusal(&error))?;
        let Some(record) = record.filter(|record| !record.is_deleted()) else { return Ok(Turn::Over) };
        let mut state = self.subscription_state(*tenant, id).await?;
        if state.is_held(&self.node) {
            return Ok(Turn::Wait(TICK));
        }
        let Some(caller) = self.subscriber(*tenant, &record) else {
            tracing::warn!("the program of a subscription is not registered");
            return Ok(Turn::Over);
        };
        let value = serde_json::from_slice(record.document.as_deref().unwrap_or_default());
        let read = Subscribed::read(&value.unwrap_or_default(), &self.settings.subscriptions);
        let asked = match read {
            Ok(asked) => asked,
            Err(why) => return self.stop(&caller, &record, Status::Error, Some(why)).await,
        };
        if asked.is_over() {
            return self.stop(&caller, &record, Status::Off, None).await;
        }
        if asked.status == Status::Off && state.cursor != 0 {
            // What happens while it is off is not told of later.
            state.cursor = 0;
            self.keep_subscription_state(*tenant, id, &mut state).await?;
        }
        if matches!(asked.status, Status::Off | Status::Error) || asked.endpoint.is_none() {
            return Ok(Turn::Over);
        }
        if state.is_new() || state.cursor == 0 {
            state.cursor = record.seq;
        }
        if state.failures >= self.settings.subscriptions.attempts {
            // Its owner has asked for it again.
            (state.failures, state.next) = (0, 0);
        }
        let wait = state.next - moment::now();
        if wait > 0 {
            return Ok(Turn::Wait(Duration::from_micros(wait.unsigned_abs())));
        }
        let mut served = Served { tenant: *tenant, id, record, asked, caller, state };
        if served.asked.status == Status::Requested {
            self.begin(&mut served).await
        } else {
            self.go_on(&mut served, memory).await
        }
    }

    /// The handshake: an endpoint that answers is told of what happens from now on.
    async fn begin(&self, served: &mut Served<'_>) -> Outcome<Turn> {
        if !self.hold(served).await? {
            return Ok(Turn::Wait(TICK));
        }
        let sent_it = self.send(served, &self.notice(served, "handshake", &[]), None).await;
        if let Err(unsent) = sent_it {
            return self.failed(served, unsent, None).await;
        }
        if let What::JoinedPlan { patients } = served.asked.what.clone() {
            let mut plans = std::mem::take(&mut served.state.plans);
            plans.retain(|patient, _| patients.contains(patient));
            let new: Vec<String> =
                patients.into_iter().filter(|patient| !plans.contains_key(patient)).collect();
            for patient in new {
                let seen = self.plan_seen(&self.again(served)?, &patient).await?;
                plans.insert(patient, seen.digest);
            }
            served.state.plans = plans;
        }
        served.state.failures = 0;
        if !self.save(served).await? {
            return Ok(Turn::Wait(TICK));
        }
        self.change_status(&served.caller, &served.record, Status::Active, None).await?;
        Ok(Turn::Wait(Duration::ZERO))
    }

    /// Delivers what happened since the cursor.
    async fn go_on(&self, served: &mut Served<'_>, memory: &mut Memory) -> Outcome<Turn> {
        memory.scanned = memory.scanned.max(served.state.cursor);
        loop {
            let page = self.store.changes(memory.scanned, PAGE).await;
            let page = page.map_err(|error| sight::refusal(&error))?;
            let ended = match served.asked.what.clone() {
                What::Criteria { .. } => self.tell_matches(served, memory, &page).await?,
                What::JoinedPlan { patients } => self.tell_plans(served, memory, &patients, &page).await?,
            };
            if let Some(turn) = ended {
                return Ok(turn);
            }
            memory.scanned = page.last().map_or(memory.scanned, |last| last.seq);
            memory.unsaved += page.len();
            if memory.unsaved >= SAVE_EVERY {
                served.state.cursor = memory.scanned;
                memory.unsaved = 0;
                if !self.save(served).await? {
                    return Ok(Turn::Wait(TICK));
                }
            }
            if page.len() < PAGE {
                break;
            }
        }
        let Some(seconds) = served.asked.heartbeat_seconds else { return Ok(Turn::Wait(IDLE)) };
        let mut left = memory.last + seconds * SECOND - moment::now();
        if left <= 0 {
            if !self.hold(served).await? {
                return Ok(Turn::Wait(TICK));
            }
            let sent_it = self.send(served, &self.notice(served, "heartbeat", &[]), None).await;
            if let Err(unsent) = sent_it {
                return self.failed(served, unsent, None).await;
            }
            memory.last = moment::now();
            left = seconds * SECOND;
        }
        Ok(Turn::Wait(Duration::from_micros(left.unsigned_abs())))
    }

    /// Tells of each change that meets the criteria.
    async fn tell_matches(
        &self,
        served: &mut Served<'_>,
        memory: &mut Memory,
        page: &[Change],
    ) -> Outcome<Option<Turn>> {
        for change in page {
            let caller = self.again(served)?;
            let Some(record) = self.matching(&caller, &served.asked, change).await? else { continue };
            if !self.hold(served).await? {
                return Ok(Some(Turn::Wait(TICK)));
            }
            let sent = Sent {
                number: served.state.events + 1,
                at: record.updated,
                focus: format!("{}/{}", record.name.kind, record.name.id),
                version: Some(record.version),
            };
            if served.asked.content != Content::Empty {
                self.tell_of_job(&caller, &format!("{SUBSCRIPTION}/{}", served.id)).await?;
            }
            let sent_it = self.send_record(served, &record).await;
            if let Err(unsent) = sent_it {
                return self.failed(served, unsent, Some(sent)).await.map(Some);
            }
            if !self.delivered(served, memory, sent, change.seq).await? {
                return Ok(Some(Turn::Wait(TICK)));
            }
        }
        Ok(None)
    }

    /// Tells of each client whose plan is seen to be other than it was.
    async fn tell_plans(
        &self,
        served: &mut Served<'_>,
        memory: &mut Memory,
        patients: &[String],
        page: &[Change],
    ) -> Outcome<Option<Turn>> {
        let last = page.last().map_or(memory.scanned, |last| last.seq);
        for patient in patients {
            let mut is_touched = false;
            for change in page.iter().filter(|change| change.tenant == served.tenant) {
                let known = memory.watched.get(patient);
                is_touched |= match known {
                    Some(watched) => self.may_change(watched, change).await?,
                    None => true,
                };
            }
            if !is_touched {
                continue;
            }
            let caller = self.again(served)?;
            let seen = self.plan_seen(&caller, patient).await?;
            memory.watched.insert(patient.clone(), seen.watched);
            if served.state.plans.get(patient) == Some(&seen.digest) {
                continue;
            }
            if !self.hold(served).await? {
                return Ok(Some(Turn::Wait(TICK)));
            }
            let focus = format!("Patient/{patient}");
            let number = served.state.events + 1;
            let sent = Sent { number, at: moment::now(), focus, version: None };
            if served.asked.content == Content::Full {
                self.tell_of_job(&caller, &format!("{SUBSCRIPTION}/{}", served.id)).await?;
            }
            let url = self.address(&Name::new("Patient", patient));
            let full = (served.asked.content == Content::Full).then_some(seen.bundle.as_deref()).flatten();
            let notice = Notice {
                events: number,
                ..self.notice(served, "event-notification", std::slice::from_ref(&sent))
            };
            let sent_it = self.send(served, &notice, full.map(|bundle| (&*url, bundle))).await;
            if let Err(unsent) = sent_it {
                return self.failed(served, unsent, Some(sent)).await.map(Some);
            }
            served.state.plans.insert(patient.clone(), seen.digest);
            // The others of the page are yet to be told of: a plan that was told of is not told of again.
            let cursor = served.state.cursor;
            if !self.delivered(served, memory, sent, cursor).await? {
                return Ok(Some(Turn::Wait(TICK)));
            }
        }
        served.state.cursor = last;
        Ok(None)
    }

    /// The same caller with a new trail, for what is to be told by itself.
    fn again(&self, served: &Served<'_>) -> Outcome<Caller> {
        self.subscriber(served.tenant, &served.record).ok_or_else(|| Refusal::plain(Why::NotFound))
    }

    fn notice<'a>(&'a self, served: &'a Served<'_>, kind: &'static str, sent: &'a [Sent]) -> Notice<'a> {
        Notice {
            base: &self.settings.base,
            id: served.id,
            status: served.asked.status.as_str(),
            kind,
            has_topic: matches!(served.asked.what, What::JoinedPlan { .. }),
            events: served.state.events,
            content: served.asked.content,
            sent,
            error: None,
        }
    }

    async fn send(
        &self,
        served: &Served<'_>,
        notice: &Notice<'_>,
        resource: Option<(&str, &str)>,
    ) -> Result<(), Unsent> {
        let body = match served.asked.what {
            // Criteria know no notification that is a Bundle: what would be one is an empty request.
            What::Criteria { .. } => None,
            What::JoinedPlan { .. } => Some((MEDIA, Bytes::from(notice.bundle(resource)))),
        };
        let sending = Sending { method: Method::POST, below: "", headers: &served.asked.headers, body };
        self.sent(served, &sending).await
    }

    /// A resource that meets the criteria: an update of the endpoint where there is a payload, else an empty request
    /// (FHIR R4, "Subscription", "Channels").
    async fn send_record(&self, served: &Served<'_>, record: &Record) -> Result<(), Unsent> {
        let below = format!("/{}/{}", record.name.kind, record.name.id);
        let document = record.document.as_ref().map(|document| Bytes::copy_from_slice(document));
        let sending = match served.asked.content {
            Content::Empty | Content::IdOnly => {
                Sending { method: Method::POST, below: "", headers: &served.asked.headers, body: None }
            }
            Content::Full => Sending {
                method: Method::PUT,
                below: &below,
                headers: &served.asked.headers,
                body: document.map(|document| (MEDIA, document)),
            },
        };
        self.sent(served, &sending).await
    }

    async fn sent(&self, served: &Served<'_>, sending: &Sending<'_>) -> Result<(), Unsent> {
        let endpoint = served.asked.endpoint.as_ref().ok_or(Unsent::Unreached)?;
        endpoint.send(sending, &self.settings.subscriptions).await
    }

    /// True where this node serves the subscription, now and for a while.
    async fn hold(&self, served: &mut Served<'_>) -> Outcome<bool> {
        if served.state.is_ours(&self.node) { Ok(true) } else { self.save(served).await }
    }

    async fn save(&self, served: &mut Served<'_>) -> Outcome<bool> {
        self.keep_subscription_state(served.tenant, served.id, &mut served.state).await
    }

    /// Writes down that a notification arrived.
    async fn delivered(
        &self,
        served: &mut Served<'_>,
        memory: &mut Memory,
        sent: Sent,
        cursor: i64,
    ) -> Outcome<bool> {
        let state = &mut served.state;
        (state.events, state.failures, state.next, state.cursor) = (sent.number, 0, 0, cursor);
        state.dead = None;
        state.keep(sent);
        memory.last = moment::now();
        memory.unsaved = 0;
        self.save(served).await
    }

    /// Writes down that a notification did not arrive; after so many tries the subscription is in error, and what could
    /// not be delivered is kept: when its owner asks for it again, it goes on there.
    async fn failed(&self, served: &mut Served<'_>, unsent: Unsent, sent: Option<Sent>) -> Outcome<Turn> {
        let settings = &self.settings.subscriptions;
        let state = &mut served.state;
        state.failures += 1;
        let doubled = 1_u64.checked_shl(state.failures - 1).unwrap_or(u64::MAX);
        let wait = settings.retry_seconds.saturating_mul(doubled).min(RETRY_SECONDS_MAX);
        state.next = moment::now() + i64::try_from(wait).unwrap_or(i64::MAX) * SECOND;
        let is_given_up = state.failures >= settings.attempts;
        if is_given_up {
            state.dead = sent;
        }
        tracing::warn!(failures = state.failures, "a notification did not arrive: {unsent}");
        if !self.save(served).await? {
            return Ok(Turn::Wait(TICK));
        }
        if is_given_up {
            return self.stop(&served.caller, &served.record, Status::Error, Some(&unsent.to_string())).await;
        }
        Ok(Turn::Wait(Duration::from_secs(wait)))
    }

    async fn stop(
        &self,
        caller: &Caller,
        record: &Record,
        status: Status,
        error: Option<&str>,
    ) -> Outcome<Turn> {
        let is_done = self.change_status(caller, record, status, error).await?;
        Ok(if is_done { Turn::Over } else { Turn::Wait(Duration::ZERO) })
    }

    /// Writes the status; false where the subscription was changed in between.
    async fn change_status(
        &self,
        caller: &Caller,
        record: &Record,
        status: Status,
        error: Option<&str>,
    ) -> Outcome<bool> {
        let mut document = Document::stored(record.document.as_deref().unwrap_or_default(), self.schema)?;
        set_status(&mut document, status, error);
        let id = record.name.id.clone();
        let action = Action::Update { document, target: Target::Id(id.clone()), id };
        let precondition = Precondition::Version(record.version);
        let step = Step { kind: SUBSCRIPTION, action, precondition, full_url: None, entry: None };
        match self.attempt(caller, &[step], Extra::default()).await {
            Ok(done) => Ok(done.is_some()),
            Err(refusal) if refusal.why() == Why::VersionConflict => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }
}
