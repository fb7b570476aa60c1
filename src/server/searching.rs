//! search (FHIR R4, "Search"): what is meant is the business of `search`, what is found that of the store; here it
//! becomes a bundle.

use super::Server;
use super::answer::Answer;
use super::bundle_writer::BundleWriter;
use super::call::Call;
use super::media::Media;
use super::query::{self, Pair};
use super::reading::name_of;
use super::refusal::{Outcome, Refusal, Why};
use super::route::{ANY_TYPE, Interaction, is_id};
use super::subset::View;
use crate::search::{self, Base, Handling, Parsed, Summary, Total};
use crate::store::{Found, Store};
use crate::validate::{self, Report};
use serde_json::Value;

/// The parameter that names a page.
const PAGE: &str = "_page";

impl<S: Store> Server<S> {
    pub(super) async fn search(&self, call: &Call) -> Outcome<Answer> {
        let base = base_of(call)?;
        let (pairs, is_form) = pairs_of(call)?;
        let handling = if call.wishes.is_lenient { Handling::Lenient } else { Handling::Strict };
        let mut parsed = self.parsed(base, &pairs, handling)?;
        let is_count = parsed.search.summary == Summary::Count || parsed.search.count == Some(0);
        if is_count {
            parsed.search.total = Total::Accurate;
        }
        let about = patient_named(&base, &parsed.used);
        let found = self.sight(&call.caller).about(about).search(&parsed.search).await?;
        self.bundle_of(call, is_form, &parsed, &found, is_count)
    }

    /// A search, understood.
    pub(super) fn parsed(&self, base: Base<'_>, pairs: &[Pair], handling: Handling) -> Outcome<Parsed> {
        let parsed = search::parse(&self.parameters, base, pairs, handling, super::moment::now());
        parsed.map_err(|issues| Refusal::issues(Why::SearchForm, issues))
    }

    fn bundle_of(
        &self,
        call: &Call,
        is_form: bool,
        parsed: &Parsed,
        found: &Found,
        is_count: bool,
    ) -> Outcome<Answer> {
        let mut bundle = BundleWriter::new("searchset");
        if let Some(total) = found.total {
            bundle.total(total);
        }
        // An address must not tell whom a form asked for: the next page of such a search is asked for with its form.
        let is_private = is_form && search::tells_identity(&parsed.used);
        let path = path_of(call, is_private);
        let told: &[Pair] = if is_private { &[] } else { &parsed.used };
        bundle.link("self", &self.link(&path, told, None));
        if is_count {
            return Ok(bundle.answer());
        }
        if let Some(next) = &found.next {
            bundle.link("next", &self.link(&path, told, Some((PAGE, &next.0))));
        }
        let view = View::of_search(&parsed.search);
        for record in &found.records {
            let Some(document) = &record.document else { continue };
            if view.is_whole() {
                bundle.found(&self.settings.base, record, document, "match");
            } else {
                let part = view.of_resource(document, self.schema)?;
                bundle.found(&self.settings.base, record, &part, "match");
            }
        }
        for record in &found.included {
            let Some(document) = &record.document else { continue };
            bundle.found(&self.settings.base, record, document, "include");
        }
        if !parsed.ignored.is_empty() {
            bundle.outcome(&ignored(parsed));
        }
        Ok(bundle.answer())
    }
}

/// Tells what of a search was not understood.
fn ignored(parsed: &Parsed) -> Value {
    validate::outcome(&Report { issues: parsed.ignored.clone(), ..Report::default() }, "")
}

/// The one patient that a search is about: of its compartment, or named by a parameter.
fn patient_named(base: &Base<'_>, pairs: &[Pair]) -> Option<String> {
    if let Base::Compartment { kind: "Patient", id, .. } = base {
        return Some((*id).to_owned());
    }
    let mut named = pairs.iter().filter_map(|(name, value)| match (base, name.as_str()) {
        (Base::Type("Patient"), "_id") | (_, "patient" | "subject:Patient" | "patient:Patient") => {
            Some(value.strip_prefix("Patient/").unwrap_or(value))
        }
        (_, "subject") => value.strip_prefix("Patient/"),
        _ => None,
    });
    named.next().filter(|id| is_id(id)).map(str::to_owned)
}

fn base_of(call: &Call) -> Outcome<Base<'_>> {
    Ok(match (call.interaction, call.names.kind, &call.names.id) {
        (Interaction::SearchCompartment | Interaction::SearchCompartmentForm, Some(kind), Some(id)) => {
            name_of(call)?;
            Base::Compartment { kind, id, of: call.names.below }
        }
        (_, Some(kind), _) => Base::Type(kind),
        (_, None, _) => Base::System,
    })
}

/// The parameters of the query and of the form together, and whether there was a form.
pub(super) fn pairs_of(call: &Call) -> Outcome<(Vec<Pair>, bool)> {
    let mut pairs = call.query.clone();
    let is_form = matches!(
        call.interaction,
        Interaction::SearchTypeForm | Interaction::SearchSystemForm | Interaction::SearchCompartmentForm
    );
    if is_form {
        match call.content.media {
            Some(Media::Form) => {}
            None if call.content.bytes.is_empty() => {}
            _ => {
                return Err(Refusal::new(
                    Why::MediaType,
                    "a search is sent as application/x-www-form-urlencoded",
                ));
            }
        }
        let text = std::str::from_utf8(&call.content.bytes).map_err(|_| Refusal::plain(Why::QueryForm))?;
        pairs.extend(query::pairs(text)?);
        pairs.retain(|(name, _)| name != "_format" && name != "_pretty");
    }
    Ok((pairs, is_form))
}

pub(super) fn path_of(call: &Call, is_private: bool) -> String {
    let mut path = String::new();
    let below = call.names.id.as_ref().map(|_| call.names.below.unwrap_or(ANY_TYPE));
    let names = [call.names.kind, call.names.id.as_deref(), below];
    for part in names.into_iter().flatten().chain(is_private.then_some("_search")) {
        path.push('/');
        path.push_str(part);
    }
    path
}
