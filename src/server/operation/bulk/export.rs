//! `$export` (FHIR Bulk Data Access 2.0): of the whole system, of all patients, of the patients of a group.

use super::files::Writer;
use super::{Files, Job};
use crate::schema::dated;
use crate::search::{Base, Handling};
use crate::server::Server;
use crate::server::call::Call;
use crate::server::operation::Input;
use crate::server::query::{self, Pair};
use crate::server::reading::name_of;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::route::resource_type;
use crate::server::subset::View;
use crate::store::{Name, Record, Store};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Resources of one page of a search.
const PAGE: usize = 500;
/// Resources of one export.
const RESOURCES_MAX: usize = 5_000_000;
/// Filters of one export.
const FILTERS_MAX: usize = 100;
/// Members of a group.
const MEMBERS_MAX: usize = 1_000_000;

/// Whose data are exported.
enum Level {
    System,
    Patients,
    Group(Name),
}

/// What an export is asked for.
pub(super) struct Asked {
    level: Level,
    /// The types; none where all are wanted.
    types: Option<Vec<&'static str>>,
    /// Parameters of each search.
    common: Vec<Pair>,
    /// Searches of which a resource of the type must meet one.
    filters: Vec<(&'static str, Vec<Pair>)>,
    view: View,
}

impl Asked {
    /// Reads the parameters; what would make no search is refused before the job starts.
    pub(super) fn of<S: Store>(server: &Server<S>, call: &Call, input: &Input) -> Outcome<Self> {
        let level = match (call.names.kind, &call.names.id) {
            (None, _) => Level::System,
            (Some("Group"), _) => Level::Group(name_of(call)?),
            (Some(_), _) => Level::Patients,
        };
        let format = input.text("_outputFormat");
        let known = ["application/fhir+ndjson", "application/fhir ndjson", "application/ndjson", "ndjson"];
        if format.is_some_and(|format| !known.contains(&&*format)) {
            return Err(input.refused("_outputFormat is application/fhir+ndjson"));
        }
        let listed = |name: &str| -> Vec<String> {
            input
                .texts(name)
                .iter()
                .flat_map(|names| names.split(','))
                .map(|name| name.trim().to_owned())
                .collect()
        };
        let kind_of = |name: &str| {
            resource_type(server.schema, name).map_err(|_| input.refused("a type is none of FHIR R4"))
        };
        let types = listed("_type").iter().map(|name| kind_of(name)).collect::<Outcome<Vec<_>>>()?;
        let mut common = vec![("_count".to_owned(), PAGE.to_string())];
        if let Some(since) = input.text("_since") {
            // A plus that was not escaped has become a space.
            let since = since.replace(' ', "+");
            if !dated::is_date_time(&since) {
                return Err(input.refused("_since is an instant"));
            }
            common.push(("_lastUpdated".to_owned(), format!("ge{since}")));
        }
        let mut filters = Vec::new();
        for filter in input.texts("_typeFilter") {
            let (kind, criteria) = filter.split_once('?').unwrap_or((&filter, ""));
            let (kind, pairs) = (kind_of(kind)?, query::pairs(criteria)?);
            server.parsed(Base::Type(kind), &pairs, Handling::Strict)?;
            filters.push((kind, pairs));
        }
        if filters.len() > FILTERS_MAX {
            return Err(input.refused("there are too many filters"));
        }
        let elements = listed("_elements").join(",");
        let elements = (!elements.is_empty()).then(|| ("_elements".to_owned(), elements));
        let view = View::of_query(elements.as_slice())?;
        Ok(Self { level, types: (!types.is_empty()).then_some(types), common, filters, view })
    }

    fn is_of_type(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&kind))
    }

    /// The searches for a type: its filters, or one for all of it.
    fn searches(&self, kind: &str) -> Vec<Vec<Pair>> {
        let own = self.filters.iter().filter(|(of, _)| *of == kind);
        let mut searches: Vec<Vec<Pair>> =
            own.map(|(_, pairs)| pairs.iter().chain(&self.common).cloned().collect()).collect();
        if searches.is_empty() {
            searches.push(self.common.clone());
        }
        searches
    }
}

/// What was written so far.
struct Written {
    writer: Writer,
    names: HashSet<Name>,
}

impl<S: Store> Server<S> {
    /// Writes what was asked for.
    pub(super) async fn do_export(&self, job: &Job, asked: &Asked) -> Outcome<Files> {
        let mut written = Written { writer: Writer::new(self.jobs.room()), names: HashSet::new() };
        match &asked.level {
            Level::System => {
                let kinds: Vec<String> =
                    self.parameters.types().iter().map(|kind| (*kind).to_owned()).collect();
                for kind in kinds.iter().filter(|kind| asked.is_of_type(kind)) {
                    for pairs in asked.searches(kind) {
                        self.export_pages(job, asked, Base::Type(kind), pairs, &mut written).await?;
                    }
                }
            }
            Level::Patients => {
                let mut page = None;
                loop {
                    let (patients, next) =
                        self.page_of(job, Base::Type("Patient"), first_page(), page).await?;
                    for patient in patients {
                        self.export_patient(job, asked, &patient.name.id, &mut written).await?;
                    }
                    let Some(next) = next else { break };
                    page = Some(next);
                }
            }
            Level::Group(name) => {
                for id in self.members(job, name).await? {
                    self.export_patient(job, asked, &id, &mut written).await?;
                }
            }
        }
        Ok(Files { output: written.writer.finish()?, ..Files::default() })
    }

    /// The patients of a group that belong to it at present.
    async fn members(&self, job: &Job, name: &Name) -> Outcome<Vec<String>> {
        let record = self.sight(&job.caller).read(name).await?;
        let document = record.and_then(|record| record.document.clone());
        let document = document.ok_or_else(|| Refusal::plain(Why::NotFound))?;
        let group: Value = serde_json::from_slice(&document).map_err(|_| Refusal::plain(Why::StoreFailed))?;
        let members = group["member"].as_array().cloned().unwrap_or_default();
        if members.len() > MEMBERS_MAX {
            return Err(Refusal::new(Why::OperationLimit, "the group has too many members"));
        }
        let active = members.iter().filter(|member| member["inactive"] != true);
        let patient = |member: &Value| {
            let reference = member["entity"]["reference"].as_str()?;
            let reference = reference.strip_prefix(&*self.settings.base).unwrap_or(reference);
            let id = reference.trim_start_matches('/').strip_prefix("Patient/")?;
            id.split('/').next().map(str::to_owned)
        };
        Ok(active.filter_map(patient).collect())
    }

    /// Writes what is in the compartment of a patient.
    async fn export_patient(&self, job: &Job, asked: &Asked, id: &str, written: &mut Written) -> Outcome<()> {
        let base = |of| Base::Compartment { kind: "Patient", id, of };
        let all = self.parsed(base(None), &[], Handling::Strict)?.search.selection.types;
        let is_filtered = |kind: &String| asked.filters.iter().any(|(of, _)| of == kind);
        let (filtered, plain): (Vec<String>, Vec<String>) =
            all.into_iter().filter(|kind| asked.is_of_type(kind)).partition(is_filtered);
        for kind in &filtered {
            for pairs in asked.searches(kind) {
                self.export_pages(job, asked, base(Some(kind)), pairs, written).await?;
            }
        }
        if plain.is_empty() {
            return Ok(());
        }
        let mut pairs = asked.common.clone();
        pairs.push(("_type".to_owned(), plain.join(",")));
        self.export_pages(job, asked, base(None), pairs, written).await
    }

    /// Writes all pages of a search.
    async fn export_pages(
        &self,
        job: &Job,
        asked: &Asked,
        base: Base<'_>,
        pairs: Vec<Pair>,
        written: &mut Written,
    ) -> Outcome<()> {
        let mut page = None;
        loop {
            let (records, next) = self.page_of(job, base, pairs.clone(), page).await?;
            for record in &records {
                let Some(document) =
                    record.document.as_ref().filter(|_| written.names.insert(record.name.clone()))
                else {
                    continue;
                };
                if asked.view.is_whole() {
                    written.writer.add(&record.name.kind, document)?;
                } else {
                    written.writer.add(&record.name.kind, &asked.view.of_resource(document, self.schema)?)?;
                }
            }
            if written.names.len() > RESOURCES_MAX {
                return Err(Refusal::new(Why::OperationLimit, "the export has too many resources"));
            }
            job.progress(written.names.len())?;
            let Some(next) = next else { return Ok(()) };
            page = Some(next);
        }
    }

    /// One page of a search, and where the next starts.
    async fn page_of(
        &self,
        job: &Job,
        base: Base<'_>,
        mut pairs: Vec<Pair>,
        page: Option<String>,
    ) -> Outcome<(Vec<Arc<Record>>, Option<String>)> {
        pairs.extend(page.map(|page| ("_page".to_owned(), page)));
        let parsed = self.parsed(base, &pairs, Handling::Strict)?;
        let found = self.sight(&job.caller).search(&parsed.search).await?;
        Ok((found.records, found.next.map(|cursor| cursor.0)))
    }
}

fn first_page() -> Vec<Pair> {
    vec![("_count".to_owned(), PAGE.to_string())]
}
