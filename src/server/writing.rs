//! create, update, patch and delete, with and without criteria (FHIR R4, 3.1.0.4 to 3.1.0.9). One request is a
//! transaction of one step: all writes go the same way.
//!
//! A step is worked out against the newest versions; the commit says which versions and which matches it stands on, and
//! the store refuses it where they are others by then. The step is then worked out again.

mod told;

use super::Server;
use super::answer::Answer;
use super::call::{Call, Precondition};
use super::caller::Caller;
use super::document::Document;
use super::moment;
use super::query::{self, Pair};
use super::refusal::{Outcome, Refusal, Why};
use super::rewrite::{self, Places};
use super::route::resource_type;
use super::sight::{self, Sight};
use super::step::{Action, Step, Target};
use super::subscription::SUBSCRIPTION;
use crate::search::{Base, Handling, Selection};
use crate::store::{Commit, CommitError, Expect, Method, Name, QueueChange, Record, Store, Write};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How often a write is worked out again when others were faster.
pub(super) const ATTEMPTS_MAX: usize = 20;
/// Conditional references of one transaction.
const CONDITIONAL_REFERENCES_MAX: usize = 10_000;
/// Steps after which others get their turn.
const STEPS_AT_ONCE: usize = 32;
/// Resources that are read from the store at a time.
const READS_AT_ONCE: usize = 256;
/// Matches that tell one from several.
const MATCHES_ASKED: u32 = 2;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A resource is there that was not.
    Created,
    /// A resource has a new version.
    Updated,
    /// The resource was so already.
    Unchanged,
    /// The resource is deleted.
    Deleted,
    /// There was nothing to delete.
    Absent,
}

/// What a commit has beside its steps.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// What must still be so.
    pub(super) expects: Vec<Expect>,
    /// What changes in the queues.
    pub(super) queue: Vec<QueueChange>,
    /// Nothing that the steps name can be thought to be there: nothing is read, and the store refuses what is otherwise.
    pub(super) are_new: bool,
}

/// A step that was done.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) name: Option<Name>,
    pub(super) version: u64,
    pub(super) updated: i64,
    pub(super) document: Option<Arc<[u8]>>,
    pub(super) effect: Effect,
}

impl<S: Store> Server<S> {
    /// Does the write of one request.
    pub(super) async fn write_one(&self, call: &Call) -> Outcome<Answer> {
        let mut step = self.step(call)?;
        let provenance = call.wishes.provenance.as_deref();
        let provenance = provenance.map(|text| self.provenance(call, text, &mut step)).transpose()?;
        let mut steps: Vec<Step> = std::iter::once(step).chain(provenance).collect();
        let done = self.write(&call.caller, &mut steps).await?;
        let done = done.first().ok_or_else(|| Refusal::plain(Why::StoreFailed))?;
        Ok(self.told(done, call.wishes.returned))
    }

    /// Refuses a document that breaks the rules of its definitions, unless nobody wants to know.
    fn check(&self, document: &Document) -> Outcome<()> {
        if self.settings.validate { document.check(&self.validator) } else { Ok(()) }
    }

    /// Does all steps or none.
    pub(super) async fn write(&self, caller: &Caller, steps: &mut [Step]) -> Outcome<Vec<Done>> {
        for (at, step) in steps.iter_mut().enumerate() {
            breathe(at).await;
            let entry = step.entry;
            if let Action::Create { document, .. } | Action::Update { document, .. } = &mut step.action
                && document.kind == SUBSCRIPTION
            {
                of_entry(entry, self.subscribe(caller, document))?;
            }
            if let Action::Create { document, .. } | Action::Update { document, .. } = &step.action
                && rewrite::conditional(&document.tree, self.schema).is_empty()
            {
                of_step(step, self.check(document))?;
            }
        }
        for _ in 0..ATTEMPTS_MAX {
            if let Some(done) = self.attempt(caller, steps, Extra::default()).await? {
                return Ok(done);
            }
        }
        Err(Refusal::plain(Why::Contention))
    }

    /// Tries to do all steps, which are known to be valid, where also what is expected still holds; nothing where others
    /// were faster, so that whoever made the steps of what was read makes them again.
    pub(super) async fn attempt(
        &self,
        caller: &Caller,
        steps: &[Step],
        extra: Extra,
    ) -> Outcome<Option<Vec<Done>>> {
        let mut work = Work::new(self, caller, steps);
        if extra.are_new {
            work.suppose_new(steps);
        } else {
            work.read_priors(steps).await?;
        }
        let (mut commit, done) = work.prepare(steps).await?;
        if commit.writes.is_empty() && extra.queue.is_empty() {
            return Ok(Some(done));
        }
        commit.expects.extend(extra.expects);
        commit.queue = extra.queue;
        match self.sight(caller).commit(commit).await {
            Ok(_) => Ok(Some(done)),
            Err(CommitError::Expectation(_) | CommitError::Stale(_)) => Ok(None),
            Err(error) => Err(sight::commit_refusal(&error)),
        }
    }
}

/// Lets others work now and then, so that a large transaction does not hold up small requests.
async fn breathe(at: usize) {
    if at % STEPS_AT_ONCE == STEPS_AT_ONCE - 1 {
        tokio::task::yield_now().await;
    }
}

/// Names the entry of a step in what refuses it.
fn of_step<T>(step: &Step, outcome: Outcome<T>) -> Outcome<T> {
    of_entry(step.entry, outcome)
}

fn of_entry<T>(entry: Option<usize>, outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|refusal| match entry {
        Some(entry) => refusal.of_entry(entry),
        None => refusal,
    })
}

/// The resource that a step names by its id.
fn named(step: &Step) -> Option<Name> {
    match &step.action {
        Action::Update { target: Target::Id(id), .. }
        | Action::Patch { target: Target::Id(id), .. }
        | Action::Delete { target: Target::Id(id) } => Some(Name::new(step.kind, id)),
        Action::Create { .. }
        | Action::Update { target: Target::Criteria(_), .. }
        | Action::Patch { target: Target::Criteria(_), .. }
        | Action::Delete { target: Target::Criteria(_) } => None,
    }
}

/// What a step is about, once its criteria were looked up.
struct Resolved {
    name: Name,
    /// The newest version there is; it may be a tombstone.
    prior: Option<Arc<Record>>,
}

impl Resolved {
    /// The version that is there and not deleted.
    fn live(&self) -> Option<&Record> {
        self.prior.as_deref().filter(|record| !record.is_deleted())
    }

    fn next_version(&self) -> u64 {
        self.prior.as_ref().map_or(1, |record| record.version + 1)
    }
}

/// One try to do the steps.
struct Work<'a, S> {
    server: &'a Server<S>,
    caller: &'a Caller,
    sight: Sight<'a, S>,
    now: i64,
    commit: Commit,
    /// The newest versions of what the steps name, until each is resolved.
    priors: HashMap<Name, Option<Arc<Record>>>,
    /// What conditional references lead to.
    referred: HashMap<String, String>,
}

impl<'a, S: Store> Work<'a, S> {
    fn new(server: &'a Server<S>, caller: &'a Caller, steps: &[Step]) -> Self {
        let mut commit = Commit::default();
        commit.writes.reserve(steps.len());
        Self {
            server,
            caller,
            sight: server.sight(caller),
            now: moment::now(),
            commit,
            priors: HashMap::with_capacity(steps.len()),
            referred: HashMap::new(),
        }
    }

    /// Reads what the steps name, many at a time.
    async fn read_priors(&mut self, steps: &[Step]) -> Outcome<()> {
        let names: Vec<Name> = steps.iter().filter_map(named).collect();
        for names in names.chunks(READS_AT_ONCE) {
            let found = self.sight.read_all(names).await?;
            self.priors.extend(names.iter().cloned().zip(found));
        }
        Ok(())
    }

    /// Takes what the steps name for what was never stored, which the store looks at again.
    fn suppose_new(&mut self, steps: &[Step]) {
        self.caller.trail.saw([]);
        self.priors.extend(steps.iter().filter_map(named).map(|name| (name, None)));
    }

    async fn prepare(mut self, steps: &[Step]) -> Outcome<(Commit, Vec<Done>)> {
        let mut resolved = Vec::with_capacity(steps.len());
        let mut names = HashSet::with_capacity(steps.len());
        for step in steps {
            let found = of_step(step, self.resolve(step).await)?;
            if let Some(found) = &found
                && !names.insert(found.name.clone())
                && !is_lookup(step, found)
            {
                return of_step(step, Err(Refusal::plain(Why::BundleTwice)));
            }
            resolved.push(found);
        }
        let places = places(steps, &resolved);
        let mut done = Vec::with_capacity(steps.len());
        for (at, (step, found)) in steps.iter().zip(resolved).enumerate() {
            breathe(at).await;
            let made = match found {
                Some(found) => self.make(step, found, &places).await,
                None => {
                    Ok(Done { name: None, version: 0, updated: 0, document: None, effect: Effect::Absent })
                }
            };
            done.push(of_step(step, made)?);
        }
        Ok((self.commit, done))
    }

    /// Finds out what a step is about; nothing where there is nothing to delete.
    async fn resolve(&mut self, step: &Step) -> Outcome<Option<Resolved>> {
        let id = match &step.action {
            Action::Create { id, criteria: None, .. } => {
                // Nobody else has an id that was just made.
                return Ok(Some(Resolved { name: Name::new(step.kind, id), prior: None }));
            }
            Action::Create { id, criteria: Some(criteria), .. } => {
                match self.matching(step.kind, criteria).await? {
                    Some(found) => found,
                    None => return Ok(Some(Resolved { name: Name::new(step.kind, id), prior: None })),
                }
            }
            Action::Update { target: Target::Criteria(criteria), document, id } => {
                match (self.matching(step.kind, criteria).await?, document.id()) {
                    (Some(found), Some(given)) if found != given => {
                        return Err(Refusal::plain(Why::IdentityMismatch));
                    }
                    (Some(found), _) => found,
                    (None, _) => id.clone(),
                }
            }
            Action::Patch { target: Target::Criteria(criteria), .. } => {
                let found = self.matching(step.kind, criteria).await?;
                found.ok_or_else(|| Refusal::plain(Why::NotFound))?
            }
            Action::Delete { target: Target::Criteria(criteria) } => {
                match self.matching(step.kind, criteria).await? {
                    Some(found) => found,
                    None => return Ok(None),
                }
            }
            Action::Update { target: Target::Id(id), .. }
            | Action::Patch { target: Target::Id(id), .. }
            | Action::Delete { target: Target::Id(id) } => id.clone(),
        };
        let name = Name::new(step.kind, id);
        let prior = match self.priors.remove(&name) {
            Some(prior) => prior,
            None => self.sight.read(&name).await?,
        };
        self.judge_owner(step, &name, prior.as_ref()).await?;
        Ok(Some(Resolved { name, prior }))
    }

    /// Refuses a change of what another unit wrote, and an id that might tell of what is not seen.
    async fn judge_owner(&self, step: &Step, name: &Name, prior: Option<&Arc<Record>>) -> Outcome<()> {
        match (&step.action, prior) {
            (Action::Update { .. } | Action::Patch { .. }, Some(prior)) => {
                self.sight.judge_change(name, prior).await
            }
            (Action::Delete { .. }, Some(prior)) if !prior.is_deleted() => {
                self.sight.judge_change(name, prior).await
            }
            (Action::Update { document, target, id }, None) => {
                // The server made the id where neither the address nor the document has one.
                let is_made = matches!(target, Target::Criteria(_)) && document.id().as_deref() != Some(id);
                let may = is_made || self.caller.may_choose(&name.id);
                if may { Ok(()) } else { Err(Refusal::plain(Why::ChosenId)) }
            }
            (Action::Create { .. } | Action::Patch { .. } | Action::Delete { .. }, _) => Ok(()),
        }
    }

    /// The id of the one resource that meets criteria; the commit stands on its being so.
    async fn matching(&mut self, kind: &str, pairs: &[Pair]) -> Outcome<Option<String>> {
        let (selection, found) = self.lookup(kind, pairs).await?;
        if found.len() > 1 {
            return Err(Refusal::plain(Why::SeveralMatches));
        }
        let id = found.first().map(|name| name.id.clone());
        self.commit.expects.push(Expect::Matches(selection, found));
        Ok(id)
    }

    async fn lookup(&self, kind: &str, pairs: &[Pair]) -> Outcome<(Selection, Vec<Name>)> {
        let mut parsed = self.server.parsed(Base::Type(kind), pairs, Handling::Strict)?;
        if parsed.used.iter().all(|(name, _)| is_of_result(name)) {
            return Err(Refusal::plain(Why::NoCriteria));
        }
        parsed.search.count = Some(MATCHES_ASKED);
        parsed.search.include.clear();
        parsed.search.reverse_include.clear();
        // The commit stands on what this caller may know, and on nothing else.
        parsed.search = self.sight.narrowed(parsed.search).await?;
        let found = self.sight.search(&parsed.search).await?;
        let names = found.records.iter().map(|record| record.name.clone()).collect();
        Ok((parsed.search.selection, names))
    }

    /// Works out the write of a step.
    async fn make(&mut self, step: &Step, found: Resolved, places: &Places) -> Outcome<Done> {
        hold(step.precondition, &found)?;
        match &step.action {
            Action::Create { criteria: Some(_), .. } if found.live().is_some() => Ok(unchanged(&found)),
            Action::Create { document, .. } => self.put(document.clone(), found, Method::Post, places).await,
            Action::Update { document, .. } => self.put(document.clone(), found, Method::Put, places).await,
            Action::Patch { patch, .. } => {
                let why = if found.prior.is_some() { Why::Gone } else { Why::NotFound };
                let before = found.live().and_then(|record| record.document.clone());
                let before = before.ok_or_else(|| Refusal::plain(why))?;
                let mut after = patch.apply(&before, self.server.schema)?;
                if after.kind == SUBSCRIPTION {
                    self.server.subscribe(self.caller, &mut after)?;
                }
                self.server.check(&after)?;
                self.put(after, found, Method::Patch, places).await
            }
            Action::Delete { .. } => Ok(self.delete(found)),
        }
    }

    /// Writes a document, where it says anything new.
    async fn put(
        &mut self,
        mut document: Document,
        found: Resolved,
        method: Method,
        places: &Places,
    ) -> Outcome<Done> {
        rewrite::rewrite(&mut document.tree, places, self.server.schema);
        if self.lead_conditional(&mut document).await? {
            self.server.check(&document)?;
        }
        let Name { id, .. } = &found.name;
        if let Some(unit) = self.caller.unit() {
            document.own(&unit.key);
        }
        if let Some(record) = found.live() {
            document.stamp(id, record.version, record.updated);
            if record.document.as_deref() == Some(&*document.written()) {
                self.commit.expects.push(Expect::Version(found.name.clone(), Some(record.version)));
                return Ok(unchanged(&found));
            }
        }
        let version = found.next_version();
        let updated = found.prior.as_ref().map_or(self.now, |record| self.now.max(record.updated));
        document.stamp(id, version, updated);
        let parameters = &self.server.parameters;
        let keys =
            parameters.keys(&document.tree).map_err(|issue| Refusal::issue(Why::Invalid, *issue, ""))?;
        let written = document.written();
        let effect = if found.live().is_some() { Effect::Updated } else { Effect::Created };
        self.commit.writes.push(Write {
            name: found.name.clone(),
            version,
            updated,
            method,
            document: Some(Arc::clone(&written)),
            client: parameters.client_of(&document.tree),
            keys,
        });
        Ok(Done { name: Some(found.name), version, updated, document: Some(written), effect })
    }

    fn delete(&mut self, found: Resolved) -> Done {
        let nothing = Done { name: None, version: 0, updated: 0, document: None, effect: Effect::Absent };
        if found.live().is_none() {
            return nothing;
        }
        let (version, updated) = (found.next_version(), self.now);
        // It stays where its versions are, and the audit tells whose it was.
        let client = found.live().and_then(|record| record.client.as_deref().map(str::to_owned));
        self.commit.writes.push(Write {
            name: found.name.clone(),
            version,
            updated,
            method: Method::Delete,
            document: None,
            client,
            keys: Vec::new(),
        });
        Done { name: Some(found.name), version, updated, document: None, effect: Effect::Deleted }
    }

    /// Puts the resources that meet criteria where a document refers to them by these; true where there were any. Only
    /// then has the document the form that its definitions ask for.
    async fn lead_conditional(&mut self, document: &mut Document) -> Outcome<bool> {
        let found = rewrite::conditional(&document.tree, self.server.schema);
        let is_led = !found.is_empty();
        for (node, text) in found {
            let place = match self.referred.get(&text) {
                Some(place) => place.clone(),
                None => self.refer(text).await?,
            };
            document.tree.set_text(node, &place);
        }
        Ok(is_led)
    }

    async fn refer(&mut self, text: String) -> Outcome<String> {
        if self.referred.len() >= CONDITIONAL_REFERENCES_MAX {
            return Err(Refusal::new(Why::BundleReference, "there are too many conditional references"));
        }
        let (kind, criteria) = text.split_once('?').unwrap_or((&text, ""));
        let kind = resource_type(self.server.schema, kind)?;
        if !self.caller.may_search(kind) {
            return Err(Refusal::plain(Why::Scope));
        }
        let (selection, found) = self.lookup(kind, &query::pairs(criteria)?).await?;
        let [name] = &*found else { return Err(Refusal::plain(Why::BundleReference)) };
        let place = format!("{}/{}", name.kind, name.id);
        self.commit.expects.push(Expect::Matches(selection, found));
        self.referred.insert(text, place.clone());
        Ok(place)
    }
}

/// True for a conditional create that finds its resource: it changes nothing, so it may stand beside a change.
fn is_lookup(step: &Step, found: &Resolved) -> bool {
    matches!(step.action, Action::Create { criteria: Some(_), .. }) && found.live().is_some()
}

/// Parameters that say nothing about which resources are meant.
fn is_of_result(name: &str) -> bool {
    matches!(
        name,
        "_count" | "_sort" | "_total" | "_summary" | "_elements" | "_include" | "_revinclude" | "_page"
    )
}

fn unchanged(found: &Resolved) -> Done {
    let (version, updated, document) = match found.live() {
        Some(record) => (record.version, record.updated, record.document.clone()),
        None => (0, 0, None),
    };
    Done { name: Some(found.name.clone()), version, updated, document, effect: Effect::Unchanged }
}

/// Refuses a write whose precondition does not hold.
fn hold(precondition: Precondition, found: &Resolved) -> Outcome<()> {
    let live = found.live().map(|record| record.version);
    let holds = match precondition {
        Precondition::None => true,
        Precondition::Version(version) => live == Some(version),
        Precondition::Exists => live.is_some(),
        Precondition::Absent => live.is_none(),
    };
    if holds { Ok(()) } else { Err(Refusal::plain(Why::VersionConflict)) }
}

/// What other entries refer to by full url, and where it will be.
fn places(steps: &[Step], resolved: &[Option<Resolved>]) -> Places {
    let named = steps.iter().zip(resolved).filter_map(|(step, found)| {
        let (url, found) = (step.full_url.as_ref()?, found.as_ref()?);
        Some((url.clone(), format!("{}/{}", found.name.kind, found.name.id)))
    });
    named.collect()
}
