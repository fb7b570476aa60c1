//! The FHIR R4 server: the API over a store, and the edge that keeps hostile requests away from it.
//!
//! A request passes `wire` (framing), hyper, `http` (limits, forms), `route` (the one table) and comes to its
//! interaction: `reading`, `searching`, `writing` or `bundle`. Handlers give FHIR JSON; `answer` writes it in
//! the form that the client asked for. What is stored is stored as it will be answered, so a read copies nothing.
//!
//! Whoever asks is a `caller`, whom `access` knows; what it sees of the store is its `sight`.
//!
//! Writes prepare whole documents and tell the store what must still be so; where it is not, they are prepared again.

mod access;
mod answer;
mod audit;
mod body;
mod bundle;
mod bundle_writer;
mod call;
mod caller;
mod capability;
mod document;
mod exchange;
mod fhirpath_patch;
mod guarded;
mod gzip;
mod http;
mod ids;
mod limits;
mod listen;
mod media;
mod merge_patch;
mod metrics;
mod moment;
mod openapi;
mod operation;
mod patch;
mod plans;
mod provenance;
mod query;
mod queue_metrics;
mod reading;
mod refusal;
mod rewrite;
mod route;
mod searching;
mod settings;
mod sight;
mod silent;
mod step;
mod subscription;
mod subset;
mod traces;
mod trail;
mod wire;
mod writing;

pub use crate::tls::TlsTable;
pub use access::{Access, Advice, ClientTable, CorsTable, Gravity, PolicyTable, UnitTable};
pub use audit::{
    AUDIT_LOG, AuditSettings, CheckpointFiles, WhenFull, audit_event, keep_checkpoints, sentence,
};
pub use exchange::check_connections;
pub use limits::Limits;
pub use listen::serve;
pub use settings::Settings;
pub use subscription::SubscriptionSettings;
pub use traces::{Traces, TracesTable};

use crate::mapping::units;
use crate::schema::Schema;
use crate::search::Parameters;
use crate::store::Store;
use crate::tls::{Inside, Tls};
use crate::validate::Validator;
use access::Scopes;
use answer::{Answer, Body};
use call::Call;
use gzip::Kept;
use hyper::StatusCode;
use hyper::body::Bytes;
use metrics::Metrics;
use refusal::{Outcome, Refusal, Why};
use route::Interaction as Do;
use tokio::sync::{Notify, Semaphore};

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
    jobs: operation::Jobs,
    statement: Kept,
    openapi: Kept,
    access: Access,
    tls: Option<Tls>,
    openings: sight::Openings,
    /// Kinds of resources that are about one client each.
    kinds_of_clients: Vec<String>,
    plans: plans::Cache,
    /// A name that no other node on the store has.
    node: String,
    /// Something was written.
    changed: Notify,
    exchange: exchange::Connections,
}

impl<S: Store> Server<S> {
    /// A server with these settings, which know the address that is listened at. It is open to whoever reaches it.
    pub fn new(store: S, settings: Settings) -> Self {
        // Whom the settings register does not matter then, and nothing may tell otherwise.
        let settings = Settings { clients: Vec::new(), tls: None, ..settings };
        Self::with(store, settings, Access::default(), None)
    }

    /// As [`Server::new`], for those alone whom the settings register, and with the TLS that they name.
    ///
    /// # Errors
    /// Which file that they name cannot be used, and why.
    pub fn guarded(store: S, settings: Settings) -> Result<Self, String> {
        let access = Access::of(&settings)?;
        let tls = settings.tls.as_ref().map(|table| Tls::of(table, Inside::Http)).transpose()?;
        Ok(Self::with(store, settings, access, tls))
    }

    /// Reads certificates, keys and lists of revoked ones again. What was read before stays where they have a fault.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn reload(&self) -> Result<(), String> {
        self.tls.as_ref().map_or(Ok(()), Tls::reload)
    }

    fn with(store: S, settings: Settings, access: Access, tls: Option<Tls>) -> Self {
        let schema = units::schema();
        let parameters = Parameters::new(schema, vec![settings.base.clone()]);
        Self {
            store,
            schema,
            validator: Validator::new(schema),
            kinds_of_clients: sight::kinds_of_clients(schema, &parameters),
            parameters,
            metrics: Metrics::new(),
            work: Semaphore::new(settings.limits.requests_max),
            room: Semaphore::new(settings.limits.bodies_bytes_max),
            jobs: operation::Jobs::default(),
            statement: Kept::new(capability::statement(schema, &settings)),
            openapi: Kept::new(openapi::document(&settings).to_string()),
            plans: plans::Cache::default(),
            node: node_of(&settings),
            changed: Notify::new(),
            exchange: exchange::Connections::default(),
            settings,
            access,
            tls,
            openings: sight::Openings::default(),
        }
    }

    /// Does what is asked for, and answers once the audit of it is durable.
    async fn dispatch(&self, call: Call) -> Outcome<Answer> {
        let answer = match call.interaction {
            Do::Bundle => {
                let answer = self.bundle(&call).await;
                self.tell(&call, &answer)?;
                answer
            }
            _ => self.dispatch_one(&call).await,
        };
        self.settle(&call.caller).await?;
        answer
    }

    /// As [`Server::dispatch`], but for what holds other requests, and without waiting for the audit.
    async fn dispatch_one(&self, call: &Call) -> Outcome<Answer> {
        let answer = self.allowed(call).await;
        self.tell(call, &answer)?;
        answer
    }

    async fn allowed(&self, call: &Call) -> Outcome<Answer> {
        call.caller.allow(call)?;
        if self.is_of_log(call) { self.audit_log(call).await } else { self.interact(call).await }
    }

    async fn interact(&self, call: &Call) -> Outcome<Answer> {
        match call.interaction {
            Do::Health => Ok(text("text/plain; charset=utf-8", "ok\n".into())),
            Do::Ready => self.ready().await,
            Do::Metrics => {
                let told = self.metrics.text() + &self.queue_metrics().await;
                Ok(text("text/plain; version=0.0.4; charset=utf-8", told.into()))
            }
            Do::Capabilities => self.capabilities(call),
            Do::OpenApi => Ok(text("application/json", self.openapi.plain().clone())),
            Do::SmartConfiguration => self.smart_configuration(),
            Do::Token => self.token(call).await,
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
            Do::JobStatus => self.job_status(call),
            Do::JobFile => self.job_file(call),
            Do::JobEnd => self.end_job(call),
            Do::Bundle => Err(Refusal::new(Why::BundleForm, "a bundle cannot hold a request with a bundle")),
        }
    }

    /// The statement; the parameters of an answer are judged here as for any resource. It has a version as resources have,
    /// so that a client that keeps it need not be sent it again.
    fn capabilities(&self, call: &Call) -> Outcome<Answer> {
        let view = subset::View::of_query(&call.query)?;
        let (statement, version) = (self.statement.plain(), self.statement.version());
        if !view.is_whole() {
            let body = Body::Resource(view.of_resource(statement, self.schema)?);
            return Ok(Answer::new(StatusCode::OK, body));
        }
        let (status, body) = if call.wishes.known_versions.contains(&version) {
            (StatusCode::NOT_MODIFIED, Body::Empty)
        } else {
            (StatusCode::OK, Body::Resource(statement.clone()))
        };
        Ok(Answer { version: Some(version), ..Answer::new(status, body) })
    }

    /// True service: the store answers.
    async fn ready(&self) -> Outcome<Answer> {
        let asked = self.store.changes(i64::MAX - 1, 1).await;
        asked.map_err(|error| sight::refusal(&error))?;
        Ok(text("text/plain; charset=utf-8", "ready\n".into()))
    }
}

/// One process alone has a file open, so that it is the same node after it was started again. Those on a database are
/// told apart.
fn node_of(settings: &Settings) -> String {
    if settings.database.is_some() { ids::uuid() } else { "alone".to_owned() }
}

fn text(media: &'static str, body: Bytes) -> Answer {
    Answer::new(StatusCode::OK, Body::Text(media, body))
}
