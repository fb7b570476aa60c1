//! The FHIR R4 server: the API over a store, and the edge that keeps hostile requests away from it.
//!
//! A request passes `wire` (framing), hyper, `http` (limits, forms), `route` (the one table) and comes to its
//! interaction: `reading`, `searching`, `writing` or `bundle`. Handlers give FHIR JSON; `answer` writes it in
//! the form that the client asked for. What is stored is stored as it will be answered, so a read copies nothing.
//!
//! Writes prepare whole documents and tell the store what must still be so; where it is not, they are prepared again.

mod answer;
mod body;
mod bundle;
mod bundle_writer;
mod call;
mod caller;
mod capability;
mod document;
mod fhirpath_patch;
mod guarded;
mod gzip;
mod http;
mod ids;
mod limits;
mod listen;
mod media;
mod metrics;
mod moment;
mod openapi;
mod operation;
mod patch;
mod query;
mod reading;
mod refusal;
mod rewrite;
mod route;
mod searching;
mod settings;
mod sight;
mod subset;
mod wire;
mod writing;

pub use limits::Limits;
pub use listen::serve;
pub use settings::Settings;

use crate::mapping::units;
use crate::schema::Schema;
use crate::search::Parameters;
use crate::store::Store;
use crate::validate::Validator;
use answer::{Answer, Body};
use call::Call;
use hyper::StatusCode;
use hyper::body::Bytes;
use metrics::Metrics;
use refusal::{Outcome, Refusal, Why};
use route::Interaction as Do;
use tokio::sync::Semaphore;

/// Where our own profiles are.
const PROFILES_BASE: &str = "https://w3id.org/sauma/fhir/StructureDefinition/";

/// A server over a store.
pub struct Server<S> {
    store: S,
    settings: Settings,
    schema: &'static Schema,
    validator: Validator<'static>,
    parameters: Parameters,
    metrics: Metrics,
    /// Requests at work.
    work: Semaphore,
    /// Bytes of bodies.
    room: Semaphore,
    statement: Bytes,
    openapi: Bytes,
}

impl<S: Store> Server<S> {
    /// A server with these settings, which know the address that is listened at.
    pub fn new(store: S, settings: Settings) -> Self {
        let schema = units::schema();
        Self {
            store,
            schema,
            validator: Validator::new(schema),
            parameters: Parameters::new(schema, vec![settings.base.clone()]),
            metrics: Metrics::new(),
            work: Semaphore::new(settings.limits.requests_max),
            room: Semaphore::new(settings.limits.bodies_bytes_max),
            statement: capability::statement(schema, &settings).to_string().into(),
            openapi: openapi::document(&settings).to_string().into(),
            settings,
        }
    }

    /// Does what is asked for.
    async fn dispatch(&self, call: Call) -> Outcome<Answer> {
        match call.interaction {
            Do::Bundle => self.bundle(&call).await,
            _ => self.dispatch_one(&call).await,
        }
    }

    /// As [`Server::dispatch`], but for what holds other requests.
    async fn dispatch_one(&self, call: &Call) -> Outcome<Answer> {
        match call.interaction {
            Do::Health => Ok(text("text/plain; charset=utf-8", "ok\n".into())),
            Do::Ready => self.ready().await,
            Do::Metrics => Ok(text("text/plain; version=0.0.4; charset=utf-8", self.metrics.text().into())),
            Do::Capabilities => self.capabilities(call),
            Do::OpenApi => Ok(text("application/json", self.openapi.clone())),
            Do::Read => self.read(call).await,
            Do::VersionRead => self.version_read(call).await,
            Do::HistoryInstance | Do::HistoryType | Do::HistorySystem => self.history(call).await,
            Do::SearchType
            | Do::SearchTypeForm
            | Do::SearchSystem
            | Do::SearchSystemForm
            | Do::SearchCompartment
            | Do::SearchCompartmentForm => self.search(call).await,
            Do::Create
            | Do::Update
            | Do::ConditionalUpdate
            | Do::Patch
            | Do::ConditionalPatch
            | Do::Delete
            | Do::ConditionalDelete => self.write_one(call).await,
            Do::Operation => self.operate(call).await,
            Do::Bundle => Err(Refusal::new(Why::BundleForm, "a bundle cannot hold a request with a bundle")),
        }
    }

    /// The statement; the parameters of an answer are judged here as for any resource.
    fn capabilities(&self, call: &Call) -> Outcome<Answer> {
        let view = subset::View::of_query(&call.query)?;
        let body = if view.is_whole() {
            self.statement.clone()
        } else {
            view.of_resource(&self.statement, self.schema)?
        };
        Ok(Answer::new(StatusCode::OK, Body::Resource(body)))
    }

    /// True service: the store answers.
    async fn ready(&self) -> Outcome<Answer> {
        let asked = self.store.changes(i64::MAX - 1, 1).await;
        asked.map_err(|error| sight::refusal(&error))?;
        Ok(text("text/plain; charset=utf-8", "ready\n".into()))
    }
}

fn text(media: &'static str, body: Bytes) -> Answer {
    Answer::new(StatusCode::OK, Body::Text(media, body))
}
