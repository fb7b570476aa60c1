//! A unit's document on its way into the store: which series it belongs to, what is made of it, what goes.
//!
//! What is worked out stands on what was read; the commit says so, and where it is otherwise by then it is worked out
//! again. So of two contributions at once none is lost.

use super::find::token;
use super::steps::put;
use super::version::{SERIES, Version, bytes_of, id_of, superseded};
use super::{make_id, source_of};
use crate::diag::{Issue, Severity, Span, codes};
use crate::exchange::intake::{self, From, Refused, Taken};
use crate::exchange::write_back::Original;
use crate::format::xlsx;
use crate::mapping::Format;
use crate::mapping::units::generation;
use crate::plan::linked::is_same_client;
use crate::plan::{Contribution, SAUMA, form};
use crate::search::{Base, Selection};
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::document::Document;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::rewrite::{self, Places};
use crate::server::route::resource_type;
use crate::server::step::Step;
use crate::server::writing::{ATTEMPTS_MAX, Done, Extra};
use crate::store::{Expect, Name, QueueChange, Record, Store};
use crate::tree::json::Layout;
use crate::tree::{NodeId, fhir};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Clients whose plans have one key and one unit system: units count their plans from one.
const NAMESAKES_MAX: usize = 32;
/// Edits that one document is the last of, one after another, that are looked back at.
const EDITS_MAX: usize = 1_000;

/// A document that has come.
#[derive(Debug, Clone)]
pub(in crate::server) struct Arrival {
    pub(in crate::server) bytes: Vec<u8>,
    pub(in crate::server) from: From,
    /// In whose register it stands, where the document does not say so.
    pub(in crate::server) custodian: Option<String>,
    /// The version that it is an edit of, and its series.
    pub(in crate::server) edits: Option<(String, String)>,
    /// What was made of it before is made anew, as by a newer map.
    pub(in crate::server) is_again: bool,
    /// Nobody is told what is to be said of it.
    pub(in crate::server) is_silent: bool,
}

/// What becomes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Effect {
    /// The first version of its plan.
    Created,
    /// A newer version than the one before.
    Renewed,
    /// It is there already.
    Unchanged,
    /// A newer version is there; this one is kept for what was on earlier days.
    History,
}

impl Effect {
    /// The word in answers.
    pub(in crate::server) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Renewed => "renewed",
            Self::Unchanged => "unchanged",
            Self::History => "history",
        }
    }
}

impl Effect {
    /// What is to be said of a document that is not current.
    pub(in crate::server) fn as_issue(self) -> Option<Issue> {
        let message =
            "a newer version of the document is stored; this one is kept for what was on earlier days";
        let issue = || Issue::new(codes::KEPT_AS_HISTORY, Severity::Information, Span::default(), message);
        (self == Self::History).then(issue)
    }
}

/// What is to be told of a document.
#[derive(Debug)]
pub(in crate::server) struct Told {
    pub(in crate::server) version: Version,
    pub(in crate::server) effect: Effect,
    pub(in crate::server) taken: Taken,
    /// Ids of the Patients whom it is about.
    pub(in crate::server) clients: Vec<String>,
    pub(in crate::server) issues: Vec<Issue>,
}

/// A write that is worked out.
#[derive(Debug)]
pub(in crate::server) struct Planned {
    pub(in crate::server) steps: Vec<Step>,
    pub(in crate::server) expects: Vec<Expect>,
    pub(in crate::server) told: Told,
}

/// What is stored of a series.
struct Series {
    id: String,
    selection: Selection,
    current: Option<(Version, Arc<Record>, Arc<Contribution>)>,
}

impl Series {
    fn expects(&self) -> Vec<Expect> {
        let names = self.current.iter().map(|(_, record, _)| record.name.clone()).collect();
        let held = self.current.iter();
        let held = held.map(|(_, record, _)| Expect::Version(record.name.clone(), Some(record.version)));
        std::iter::once(Expect::Matches(self.selection.clone(), names)).chain(held).collect()
    }
}

impl<S: Store> Server<S> {
    /// Takes a document in, and with it changes the queues; worked out again where others were faster.
    pub(in crate::server) async fn take_in(
        &self,
        caller: &Caller,
        arrival: &Arrival,
        queue: impl Fn(&Told) -> Vec<QueueChange> + Send,
    ) -> Outcome<(Told, Vec<Done>)> {
        for attempt in 0..ATTEMPTS_MAX {
            let Planned { steps, expects, told } = self.plan_of(caller, arrival).await?;
            // The ids of a plan are made of its series: of a new one nothing is there, but by rare chance.
            let are_new = attempt == 0 && told.effect == Effect::Created;
            let extra = Extra { expects, queue: queue(&told), are_new };
            if let Some(done) = self.attempt(caller, &steps, extra).await? {
                return Ok((told, done));
            }
        }
        Err(Refusal::plain(Why::Contention))
    }

    /// Works out what a document changes.
    pub(in crate::server) async fn plan_of(&self, caller: &Caller, arrival: &Arrival) -> Outcome<Planned> {
        let (mut taken, id) = arrived(caller, arrival)?;
        let series = self.series_of(caller, &taken.contribution, arrival.edits.as_ref()).await?;
        let effect = self.effect(caller, arrival, &id, &series, &taken.contribution).await?;
        let mut issues = std::mem::take(&mut taken.issues);
        let is_current = matches!(effect, Effect::Created | Effect::Renewed);
        let mut version = Version {
            id,
            series: series.id.clone(),
            unit: taken.contribution.unit.clone(),
            custodian: custodian_of(caller, arrival),
            media: media_of(&taken.original).to_owned(),
            received: Version::now(),
            is_current,
            edits: arrival.edits.as_ref().map(|(version, _)| version.clone()),
            resources: Vec::new(),
            owner: caller.unit().map(|unit| unit.key.clone()),
            stored: 0,
        };
        let clients = clients_of(&series.id, &taken.contribution);
        let (mut steps, mut expects) = (Vec::new(), Vec::new());
        if effect != Effect::Unchanged {
            if is_current {
                steps = self.resources(&series.id, &taken.contribution, &mut issues)?;
                version.resources = steps.iter().map(name_of).collect();
                steps.extend(self.leaving(&series, &version)?);
                let is_twin = |(.., before): &(Version, Arc<Record>, Arc<Contribution>)| {
                    before.compare_age(&taken.contribution) == Ordering::Equal
                };
                if arrival.edits.is_none()
                    && !arrival.is_again
                    && series.current.as_ref().is_some_and(is_twin)
                {
                    issues.push(replaced());
                }
            }
            steps.push(self.put_made(&version.reference(&clients, &arrival.bytes))?);
            steps.push(self.put_made(&version.binary(&arrival.bytes))?);
            expects = series.expects();
        }
        Ok(Planned { steps, expects, told: Told { version, effect, taken, clients, issues } })
    }

    /// What goes when a version takes the place of the one before: its being current, and resources that the new one
    /// does not have.
    fn leaving(&self, series: &Series, version: &Version) -> Outcome<Vec<Step>> {
        let Some((before, record, _)) = &series.current else { return Ok(Vec::new()) };
        let stays: BTreeSet<&Name> = version.resources.iter().collect();
        let gone = before.resources.iter().filter(|name| !stays.contains(name));
        let mut steps = gone.map(|name| self.delete(name)).collect::<Outcome<Vec<Step>>>()?;
        if before.id == version.id {
            return Ok(steps);
        }
        steps.push(self.put_made(&superseded(record)?)?);
        Ok(steps)
    }

    /// What becomes of a document, given what is there.
    async fn effect(
        &self,
        caller: &Caller,
        arrival: &Arrival,
        id: &str,
        series: &Series,
        contribution: &Contribution,
    ) -> Outcome<Effect> {
        let Some((current, _, before)) = &series.current else { return Ok(Effect::Created) };
        if current.id == id {
            return Ok(if arrival.is_again { Effect::Renewed } else { Effect::Unchanged });
        }
        if arrival.edits.is_some() {
            return Ok(Effect::Renewed);
        }
        if self.is_edited_from(caller, current, id).await? {
            return Ok(Effect::Unchanged);
        }
        Ok(match before.compare_age(contribution) {
            Ordering::Greater => match self.find_live(caller, "DocumentReference", id).await? {
                Some(_) => Effect::Unchanged,
                None => Effect::History,
            },
            Ordering::Less | Ordering::Equal => Effect::Renewed,
        })
    }

    /// True where the current version came of edits of this one: a unit that sends its document once more does not take
    /// them back.
    async fn is_edited_from(&self, caller: &Caller, current: &Version, id: &str) -> Outcome<bool> {
        let mut before = current.edits.clone();
        for _ in 0..EDITS_MAX {
            let Some(here) = before else { return Ok(false) };
            if here == id {
                return Ok(true);
            }
            let record = self.find_live(caller, "DocumentReference", &here).await?;
            before = record.and_then(|record| Version::read(&record)?.edits);
        }
        Ok(false)
    }

    /// The series that a document belongs to. Plans of two clients are two series, also where a unit gives them one key.
    async fn series_of(
        &self,
        caller: &Caller,
        contribution: &Contribution,
        edits: Option<&(String, String)>,
    ) -> Outcome<Series> {
        if let Some((_, series)) = edits {
            return self.series(caller, series.clone()).await;
        }
        for number in 0..NAMESAKES_MAX {
            let parts = [caller.owner(), &contribution.unit, &contribution.plan_key, &number.to_string()];
            let id = caller.led(&make_id(&["series", parts[0], parts[1], parts[2], parts[3]]));
            let series = self.series(caller, id).await?;
            let is_own =
                series.current.as_ref().is_none_or(|(.., before)| is_same_client(before, contribution));
            if is_own {
                return Ok(series);
            }
        }
        Err(Refusal::new(Why::BodyLong, "too many clients have a plan with this key in this unit system"))
    }

    async fn series(&self, caller: &Caller, id: String) -> Outcome<Series> {
        let pairs =
            [("identifier", token(Some(&format!("{SAUMA}{SERIES}")), &id)), ("status", "current".to_owned())];
        let (selection, found) = self.select(caller, Base::Type("DocumentReference"), &pairs).await?;
        let current = match found.first() {
            None => None,
            Some(record) => {
                let version = Version::read(record).ok_or_else(|| Refusal::plain(Why::StoreFailed))?;
                let contribution = self.contribution(caller, &version).await?;
                Some((version, Arc::clone(record), contribution))
            }
        };
        Ok(Series { id, selection, current })
    }

    /// What a stored version contributes.
    pub(in crate::server) async fn contribution(
        &self,
        caller: &Caller,
        version: &Version,
    ) -> Outcome<Arc<Contribution>> {
        // A map that changes meanwhile makes another of it: that one is kept where nobody looks any more.
        let made = (caller.tenant, version.id.clone(), generation());
        if let Some(known) = self.plans.contribution(&made) {
            return Ok(known);
        }
        let taken = self.taken(caller, version).await?;
        let contribution = Arc::new(taken.contribution);
        self.plans.keep_contribution(made, &contribution);
        Ok(contribution)
    }

    /// A stored version as a document that an edit may be carried into.
    pub(in crate::server) async fn taken(&self, caller: &Caller, version: &Version) -> Outcome<Taken> {
        let damaged = || Refusal::new(Why::StoreFailed, "a stored document cannot be read");
        let record = self.find_live(caller, "Binary", &version.id).await?.ok_or_else(damaged)?;
        let bytes = bytes_of(&record)?;
        let from = From::named(Some(&version.unit)).map_err(|_| damaged())?;
        let custodian = version.custodian.clone();
        let arrival = Arrival { bytes, from, custodian, edits: None, is_again: false, is_silent: true };
        let mut taken = take(&arrival).map_err(|_| damaged())?;
        taken.contribution.label = label(&version.id);
        if version.custodian.is_some() {
            taken.contribution.custodian.clone_from(&version.custodian);
        }
        Ok(taken)
    }

    /// The resources that stand beside a document. One that breaks the rules of its definitions is told of and stands in
    /// the document alone.
    fn resources(&self, series: &str, from: &Contribution, issues: &mut Vec<Issue>) -> Outcome<Vec<Step>> {
        let tree = &*from.bundle;
        let mut places = Places::new();
        let entries = stored_ids(series, from);
        for (node, kind, id) in &entries {
            let (node, place) = (*node, format!("{kind}/{id}"));
            if let Some(known) = tree.child_text(node, "id") {
                places.entry(format!("{kind}/{known}")).or_insert_with(|| place.clone());
            }
            let url = tree.parent(node).and_then(|entry| tree.child_text(entry, "fullUrl"));
            if let Some(url) = url {
                places.entry(url.into_owned()).or_insert(place);
            }
        }
        let source = source_of(series);
        let mut steps = Vec::new();
        for (node, kind, id) in entries {
            if resource_type(self.schema, kind).is_err() {
                continue;
            }
            let mut text = String::new();
            fhir::write_json(
                &tree.clone_below(node),
                NodeId::ROOT,
                Some(self.schema),
                Layout::Compact,
                &mut text,
            );
            let mut document = Document::stored(text.as_bytes(), self.schema)?;
            form::claim_own(&mut document.tree, NodeId::ROOT);
            rewrite::rewrite(&mut document.tree, &places, self.schema);
            document.name(&id, &source);
            if self.settings.validate && document.check(&self.validator).is_err() {
                issues.push(not_beside(kind));
                continue;
            }
            steps.push(put(document));
        }
        Ok(steps)
    }
}

/// A document that has come, read, with the id of its version.
fn arrived(caller: &Caller, arrival: &Arrival) -> Outcome<(Taken, String)> {
    let mut taken = take(arrival)?;
    let id = caller.led(&id_of(caller.owner(), &taken.contribution.unit, &arrival.bytes));
    taken.contribution.label = label(&id);
    if let Some(custodian) = custodian_of(caller, arrival) {
        taken.contribution.custodian = Some(custodian);
    }
    if taken.contribution.entries().all(|(_, kind, _)| kind != "Patient") {
        let (code, start) = (codes::NAMES_NOBODY, Span::default());
        return Err(Refusal::issue(
            Why::NamesNobody,
            Issue::error(code, start, code.title).at("Patient"),
            "",
        ));
    }
    Ok((taken, id))
}

/// What a unit that is known contributes stands in its register, whatever the document says.
fn custodian_of(caller: &Caller, arrival: &Arrival) -> Option<String> {
    caller.unit().map(|unit| unit.register.clone()).or_else(|| arrival.custodian.clone())
}

/// What a version is called among the sources of a plan.
pub(super) fn label(id: &str) -> String {
    format!("DocumentReference/{id}")
}

/// The resources of a document, each with its kind and the id under which it stands beside the document. What a plan
/// says of a goal of the plan before and of the same goal now is one goal to a join, and two resources here.
pub(super) fn stored_ids<'a>(series: &str, contribution: &'a Contribution) -> Vec<(NodeId, &'a str, String)> {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    // Of a unit that is known, its ids begin as its series do.
    let lead = series.rfind('.').and_then(|at| series.get(..=at)).unwrap_or_default();
    let id = |(node, kind, id): (NodeId, &'a str, &'a str)| {
        let count = counts.entry((kind, id)).or_default();
        *count += 1;
        let made = make_id(&["resource", series, kind, id, &count.to_string()]);
        (node, kind, format!("{lead}{made}"))
    };
    contribution.entries().map(id).collect()
}

/// The ids of the Patients whom a document is about.
fn clients_of(series: &str, contribution: &Contribution) -> Vec<String> {
    let parts = crate::plan::linked::parted(std::slice::from_ref(contribution));
    let clients: BTreeSet<NodeId> = parts.iter().filter_map(Contribution::client).collect();
    let own = stored_ids(series, contribution).into_iter().filter(|(node, ..)| clients.contains(node));
    own.map(|(.., id)| id).collect()
}

fn name_of(step: &Step) -> Name {
    Name::new(step.kind, step.id())
}

fn take(arrival: &Arrival) -> Outcome<Taken> {
    let taken = if arrival.is_silent {
        intake::take_silently("", &arrival.bytes, arrival.from)
    } else {
        intake::take("", &arrival.bytes, arrival.from)
    };
    taken.map_err(|refused| match refused {
        Refused::Lens(..) => Refusal::plain(Why::StoreFailed),
        Refused::Document(unread) => Refusal::issue(Why::NotContributed, *unread.issue, &unread.text),
    })
}

/// The media type of a document, by the form of its unit system.
fn media_of(original: &Original) -> &'static str {
    match original {
        Original::Unit(document, _) => match document.unit.format() {
            Format::Json => "application/json",
            Format::Xml => "application/xml",
            Format::Csv if document.is_workbook() => xlsx::MEDIA_TYPE,
            Format::Csv => "text/csv",
            Format::Er7 => "x-application/hl7-v2+er7",
            Format::Fhir if original.is_xml() => "application/fhir+xml",
            Format::Fhir => "application/fhir+json",
        },
        Original::Fhir(_) if original.is_xml() => "application/fhir+xml",
        Original::Fhir(_) => "application/fhir+json",
    }
}

fn replaced() -> Issue {
    let message =
        "the document has the version of the one before and says something else: it takes its place";
    Issue::warning(codes::SAME_VERSION, Span::default(), message)
}

fn not_beside(kind: &str) -> Issue {
    let message =
        format!("a {kind} breaks the rules of its definitions, so that it stands in the document alone");
    Issue::warning(codes::NOT_BESIDE, Span::default(), message)
}
