//! `$everything` of a patient or an encounter (FHIR R4, Patient and Encounter, "Operation everything"): what is in its
//! compartment, and what that refers to. Of the latter nothing comes along that belongs to another patient.

use super::Input;
use crate::schema::Schema;
use crate::search::{Base, Clause, Cursor, Handling, RangeTest, Search};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::bundle_writer::BundleWriter;
use crate::server::call::Call;
use crate::server::document::Document;
use crate::server::query::Pair;
use crate::server::reading::{moments, name_of};
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::route::{is_id, resource_type};
use crate::store::{Found, Name, Record, Store};
use crate::tree::{NodeId, Tree};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Resources of one page that come with it because it refers to them.
const REFERRED_MAX: usize = 1_000;
/// Matches of one page where nothing is asked for.
const PAGE: usize = 200;
/// By which parameter resources tell when care took place; the first that a type has.
const CARE_DATES: [&str; 11] = [
    "date",
    "onset-date",
    "effective-time",
    "effective",
    "occurrence",
    "start-date",
    "datetime",
    "whenhandedover",
    "authored",
    "sent",
    "started",
];

/// What one request asks for.
struct Wanted {
    /// The types; none where all are wanted.
    types: Option<Vec<&'static str>>,
    /// What was changed since, as the value of a search.
    since: Option<String>,
    /// Least and greatest moment of care.
    care: Option<(i64, i64)>,
    count: usize,
    page: Page,
}

/// A page: of all patients one after the other, the one at hand and where its part goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Page {
    patient: String,
    within: String,
}

impl Page {
    /// Both names with the length of the first before them.
    fn written(&self) -> String {
        format!("{}.{}{}", self.patient.len(), self.patient, self.within)
    }

    fn read(text: &str) -> Option<Self> {
        let (length, rest) = text.split_once('.')?;
        let (patient, within) = rest.split_at_checked(length.parse().ok()?)?;
        Some(Self { patient: patient.to_owned(), within: within.to_owned() })
    }
}

impl Wanted {
    fn of(input: &Input, schema: &'static Schema) -> Outcome<Self> {
        let moment = |name: &str| {
            let span =
                input.text(name).map(|text| moments(&text).ok_or_else(|| input.refused("a date is wrong")));
            span.transpose()
        };
        let (start, end) = (moment("start")?, moment("end")?);
        let care = (start.is_some() || end.is_some())
            .then(|| (start.map_or(i64::MIN, |span| span.0), end.map_or(i64::MAX, |span| span.1)));
        let named = input.texts("_type");
        let known = named
            .iter()
            .flat_map(|names| names.split(','))
            .filter_map(|name| resource_type(schema, name).ok());
        let types: Option<Vec<&str>> = (!named.is_empty()).then(|| known.collect());
        let page = match input.text("_page") {
            None => Page::default(),
            Some(text) => Page::read(&text).ok_or_else(|| input.refused("_page is none of the links"))?,
        };
        let count = input.number("_count")?.unwrap_or(PAGE);
        Ok(Self { types, since: input.text("_since"), care, count, page })
    }

    fn is_of_type(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&kind))
    }
}

impl<S: Store> Server<S> {
    /// Everything about the resource of the address, or about each patient one after the other.
    pub(super) async fn everything(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let kind = call.names.kind.ok_or_else(|| Refusal::plain(Why::NoRoute))?;
        let mut wanted = Wanted::of(input, self.schema)?;
        let (root, next_root) = if call.names.id.is_some() {
            (Some(self.live(call).await?), None)
        } else {
            self.patient_at(call, &wanted.page.patient).await?
        };
        let mut bundle = BundleWriter::new("searchset");
        bundle.link("self", &self.link(&path(call), &call.query, None));
        let Some(root) = root else { return Ok(bundle.answer()) };
        let found = self.compartment(call, kind, &root.name.id, &wanted).await?;
        let next = match (&found.next, next_root) {
            (Some(within), _) => Some(Page { within: within.0.clone(), ..wanted.page.clone() }),
            (None, Some(patient)) => Some(Page { patient: patient.0, within: String::new() }),
            (None, None) => None,
        };
        if let Some(next) = next.filter(|_| wanted.count > 0) {
            bundle.link("next", &self.link(&path(call), &call.query, Some(("_page", &next.written()))));
        }
        wanted.count = found.records.len();
        let mut names: BTreeSet<Name> = found.records.iter().map(|record| record.name.clone()).collect();
        let mut referred = BTreeSet::new();
        for record in &found.records {
            let Some(document) = &record.document else { continue };
            bundle.found(&self.settings.base, record, document, "match");
            let document = Document::stored(document, self.schema)?;
            referred.extend(references(&document.tree, self.schema, &self.settings.base));
        }
        names.insert(root.name.clone());
        referred.retain(|name| !names.contains(name) && wanted.is_of_type(&name.kind));
        if referred.len() > REFERRED_MAX {
            return Err(Refusal::new(
                Why::OperationLimit,
                "a page refers to too much: ask for less with _count",
            ));
        }
        for record in self.referred(call, &wanted, &referred, &root).await? {
            let document = record.document.as_deref().unwrap_or_default();
            bundle.found(&self.settings.base, &record, document, "include");
        }
        Ok(bundle.answer())
    }

    /// The patient whose turn it is, and where the next one is found.
    async fn patient_at(&self, call: &Call, page: &str) -> Outcome<(Option<Arc<Record>>, Option<Cursor>)> {
        let mut pairs = vec![pair("_sort", "_id"), pair("_count", "1")];
        if !page.is_empty() {
            pairs.push(pair("_page", page));
        }
        let parsed = self.parsed(Base::Type("Patient"), &pairs, Handling::Strict)?;
        let mut found = self.sight(&call.caller).search(&parsed.search).await?;
        Ok((found.records.pop(), found.next))
    }

    /// One page of what is in a compartment.
    async fn compartment(&self, call: &Call, kind: &str, id: &str, wanted: &Wanted) -> Outcome<Found> {
        let nothing = || Found { records: Vec::new(), included: Vec::new(), total: None, next: None };
        let mut pairs = vec![pair("_count", &wanted.count.to_string())];
        if let Some(types) = &wanted.types {
            if types.is_empty() {
                return Ok(nothing());
            }
            pairs.push(pair("_type", &types.join(",")));
        }
        if let Some(since) = &wanted.since {
            pairs.push(pair("_lastUpdated", &format!("ge{since}")));
        }
        if !wanted.page.within.is_empty() {
            pairs.push(pair("_page", &wanted.page.within));
        }
        let base = Base::Compartment { kind, id, of: None };
        let mut search = self.parsed(base, &pairs, Handling::Strict)?.search;
        if let Some(care) = wanted.care {
            self.narrow(&mut search, care);
        }
        let about = (kind == "Patient").then(|| id.to_owned());
        self.sight(&call.caller).about(about).search(&search).await
    }

    /// Leaves out what tells that the care was at another time. What tells no time stays.
    fn narrow(&self, search: &mut Search, (start, end): (i64, i64)) {
        let slots = search.selection.types.iter().filter_map(|kind| {
            let found = CARE_DATES.iter().find_map(|code| self.parameters.find(kind, code));
            found.map(|parameter| parameter.slot)
        });
        let dated = slots.map(|slot| {
            let test = |test| Clause::Range { slot, unit: 0, test };
            let within = vec![
                test(RangeTest::HighAbove(start.saturating_sub(1))),
                test(RangeTest::LowBelow(end.saturating_add(1))),
            ];
            Clause::Any(vec![Clause::Not(Box::new(Clause::Present(slot))), Clause::All(within)])
        });
        let mut clauses: Vec<Clause> = dated.collect();
        clauses.push(search.selection.clause.clone());
        search.selection.clause = Clause::All(clauses);
    }

    /// What is referred to, as far as it is here, is wanted, and is not another patient's.
    async fn referred(
        &self,
        call: &Call,
        wanted: &Wanted,
        names: &BTreeSet<Name>,
        root: &Record,
    ) -> Outcome<Vec<Arc<Record>>> {
        let since = wanted.since.as_deref().and_then(moments).map_or(i64::MIN, |span| span.0);
        let own = Document::stored(root.document.as_deref().unwrap_or_default(), self.schema)?;
        let client = self.parameters.client_of(&own.tree);
        let about = (root.name.kind == "Patient").then(|| root.name.id.clone());
        let sight = self.sight(&call.caller).about(about);
        let mut found = Vec::new();
        for name in names.iter().filter(|name| call.caller.may_read(&name.kind)) {
            let Some(record) = sight.read(name).await?.filter(|record| record.updated >= since) else {
                continue;
            };
            let Some(document) = &record.document else { continue };
            let document = Document::stored(document, self.schema)?;
            let of = self.parameters.client_of(&document.tree);
            if of.is_none() || of == client {
                found.push(record);
            }
        }
        Ok(found)
    }
}

fn pair(name: &str, value: &str) -> Pair {
    (name.to_owned(), value.to_owned())
}

fn path(call: &Call) -> String {
    let kind = call.names.kind.unwrap_or_default();
    match name_of(call) {
        Ok(name) => format!("/{kind}/{}/$everything", name.id),
        Err(_) => format!("/{kind}/$everything"),
    }
}

/// What a resource refers to on this server.
pub(in crate::server) fn references(tree: &Tree, schema: &'static Schema, base: &str) -> Vec<Name> {
    let Some(name) = tree.names().get("reference") else { return Vec::new() };
    let nodes = tree.descend(NodeId::ROOT).filter(|node| tree.name(*node) == name);
    let read = |node: NodeId| {
        let text = tree.text(node);
        let rest = text.strip_prefix(base).map_or(&*text, |rest| rest.trim_start_matches('/'));
        let mut parts = rest.split('/');
        let (kind, id) = (parts.next()?, parts.next()?);
        let kind = resource_type(schema, kind).ok()?;
        is_id(id).then(|| Name::new(kind, id))
    };
    nodes.filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_they_were_written() {
        let check = |patient: &str, within: &str| {
            let page = Page { patient: patient.to_owned(), within: within.to_owned() };
            assert_eq!(Page::read(&page.written()), Some(page));
        };
        check("", "");
        check("a.b~1", "");
        check("", "1.x");
        check("3.a", "4.bc");
        for odd in ["", "a", "9.abc", ".x", "-1.a"] {
            assert_eq!(Page::read(odd), None, "{odd}");
        }
    }
}
