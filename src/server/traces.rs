//! Traces: a span for each request and for what it asks of the store, handed to a collector over OTLP.
//!
//! A span tells the route, the status and the time, and never a path, a query or a body. Where nothing is traced, a span
//! is a check of one flag. Names follow OpenTelemetry's semantic conventions for HTTP servers; who calls may hand over
//! its own trace (W3C Trace Context, `traceparent`).

use super::route::Route;
use crate::exchange::http_client::client;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Handle;
use toml::Spanned;
use tracing::field::Empty;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::DynFilterFn;
use tracing_subscriber::registry::LookupSpan;

/// The name of the service where the settings give none, and of the crate.
const SERVICE: &str = "sauma";
/// The span of a request; what the server does of itself, outside of any, is not traced.
const REQUEST: &str = "request";
/// How long the collector may take for a batch.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where traces go: `[traces]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesTable {
    /// The address at which a collector takes spans: `https://collector.example.org:4318/v1/traces`.
    pub endpoint: Spanned<String>,
    /// Who signs its certificate, in PEM; the roots of this machine where it is not said.
    pub ca: Option<PathBuf>,
    /// How many requests of a hundred are traced where who calls does not say.
    #[serde(default = "all")]
    pub percent: Spanned<u8>,
    /// The name of this server among others.
    #[serde(default = "service")]
    pub service: String,
}

fn all() -> Spanned<u8> {
    Spanned::new(0..0, 100)
}

fn service() -> String {
    SERVICE.to_owned()
}

/// Spans on their way to a collector.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send; to be called where the runtime is.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn start(table: &TracesTable) -> Result<Self, String> {
        let sender = Sender { client: client(table.ca.as_deref(), TIMEOUT)?, runtime: Handle::current() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(table.endpoint.get_ref())
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| format!("traces cannot be sent: {error}"))?;
        let sampler = Sampler::TraceIdRatioBased(f64::from(*table.percent.get_ref()) / 100.0);
        let resource = Resource::builder_empty().with_service_name(table.service.clone());
        Ok(Self(
            SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_sampler(Sampler::ParentBased(Box::new(sampler)))
                .with_resource(resource.build())
                .build(),
        ))
    }

    /// What takes the spans of this server from where they are made.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        OpenTelemetryLayer::new(self.0.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(DynFilterFn::new(|data, context| {
                let is_below = || data.target().starts_with(SERVICE) && context.lookup_current().is_some();
                data.is_span() && (data.name() == REQUEST || is_below())
            }))
    }

    /// Sends what is left. Blocks until it has gone or its time is over.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(why = %error, "the last traces were not sent");
        }
    }
}

/// Sends batches from the thread of the exporter over the runtime of the server.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move { client.send_bytes(request).await });
        let answer = sent.await.map_err(HttpError::from).flatten();
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "the collector takes no traces"),
            Err(_) => tracing::warn!("the collector of traces cannot be reached"),
        }
        answer
    }
}

/// The span of a request that has come.
pub(super) fn request(parts: &Parts, id: &str) -> Span {
    let span = tracing::info_span!(
        REQUEST,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = parts.method.as_str(),
        http.route = Empty,
        http.response.status_code = Empty,
        sauma.request.id = id,
    );
    if !span.is_disabled() {
        let context = TraceContextPropagator::new().extract(&HeaderExtractor(&parts.headers));
        // Only a layer of another kind refuses; the span is then a root.
        drop(span.set_parent(context));
    }
    span
}

/// Tells a span how its request ended.
pub(super) fn answered(span: &Span, route: Option<&Route>, status: StatusCode) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", status.as_u16());
    if let Some(route) = route {
        let template = route.template();
        // Its route was not known when it began.
        span.context().span().update_name(format!("{} {template}", route.method));
        span.record("http.route", template);
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}
