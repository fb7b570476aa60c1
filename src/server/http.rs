//! Between hyper and the interactions: bodies with limits, header fields, forms, and what is logged and counted.

use super::access::Peer;
use super::answer::{Answer, Body, Form, written};
use super::body::{self, Arrived};
use super::call::{self, Call, Content, Wishes};
use super::caller::Caller;
use super::media::{Format, Media};
use super::query::{self, Pair, tells_identity};
use super::refusal::{Outcome, Refusal, Why};
use super::route::{self, Interaction, Lost, ROUTES, Root, Route};
use super::trail::Trail;
use super::{Server, gzip, ids, traces};
use crate::search;
use crate::store::Store;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::SemaphorePermit;
use tracing::{Instrument, Span};

/// What scripts of a known origin may do, send and read.
const CORS_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const CORS_FIELDS: &str = "authorization, content-type, accept, prefer, if-match, if-none-match, if-none-exist, x-request-id, x-sauma-user, x-sauma-purpose, x-sauma-statute";
const CORS_EXPOSED: &str = "etag, last-modified, location, x-request-id, retry-after";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of a request id that a client gives.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// What is known of a request before it is answered, for the log and for the form of the answer.
struct Trace {
    route: Option<usize>,
    form: Form,
    /// Nothing of the request is left on the wire.
    is_read: bool,
}

/// Answers one request.
pub(super) async fn answer<S: Store>(
    server: &Server<S>,
    request: Request<Incoming>,
    peer: &Peer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let start = Instant::now();
    let (parts, body) = request.into_parts();
    let id = request_id(&parts.headers);
    let form = Form { format: Format::Json, is_pretty: false };
    let mut trace = Trace { route: None, form, is_read: false };
    let span = traces::request(&parts, &id);
    let answer = respond(server, &parts, body, peer, &mut trace, Trail::new(&id));
    let answer = answer.instrument(span.clone()).await;
    // What was not read of a body would be taken for the next request.
    let is_broken = answer.as_ref().is_err_and(|refusal| match refusal.why() {
        Why::BodyLong | Why::BodySlow | Why::HttpForm => true,
        Why::Overload => !trace.is_read,
        _ => false,
    });
    let answer = answer.unwrap_or_else(Answer::from);
    let mut response = response(server, answer, &trace, &parts.headers);
    if is_broken {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    log(server, &trace, response.status(), start, &id, &span);
    Ok(response)
}

/// Counts and logs an answer: the route, never the path, the query or the body.
fn log<S: Store>(
    server: &Server<S>,
    trace: &Trace,
    status: StatusCode,
    start: Instant,
    id: &str,
    span: &Span,
) {
    let took = start.elapsed();
    server.metrics.answered(trace.route, status.as_u16(), took);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let route = trace.route.and_then(|at| ROUTES.get(at));
    traces::answered(span, route, status);
    let told =
        || route.map_or_else(|| "none".to_owned(), |route| format!("{} {}", route.method, route.template()));
    if status.is_server_error() {
        tracing::error!(route = told(), status = status.as_u16(), micros, request = id, "failed");
    } else {
        tracing::debug!(route = told(), status = status.as_u16(), micros, request = id, "answered");
    }
}

/// The id that the client gave its request, where it is a plain word; a new one otherwise.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_plain = |id: &&str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_sign) && !tells_identity(id)
    };
    given.filter(is_plain).map_or_else(ids::request_id, str::to_owned)
}

async fn respond<S: Store>(
    server: &Server<S>,
    parts: &Parts,
    body: Incoming,
    peer: &Peer,
    trace: &mut Trace,
    trail: Trail,
) -> Outcome<Answer> {
    server.access.limit_address(server.access.address(peer, &parts.headers))?;
    if is_preflight(parts) {
        return Ok(Answer::new(StatusCode::NO_CONTENT, Body::Empty));
    }
    let (root, path) = below(parts.uri.path(), server.settings.base_path());
    let segments = query::segments(path)?;
    let mut query = query::pairs(parts.uri.query().unwrap_or_default())?;
    if !server.settings.identity_in_urls {
        refuse_identity(&segments, &query)?;
    }
    trace.form = call::form(&mut query, &parts.headers)?;
    let found = route::find(server.schema, root, &parts.method, &segments);
    let (route, names) = match found {
        Ok(found) => found,
        Err(Lost::Refused(refusal)) => return Err(refusal),
        Err(Lost::Method(methods)) => return Ok(wrong_method(&methods)),
    };
    trace.route = ROUTES.iter().position(|known| std::ptr::eq(known, route));
    let caller = caller(server, route.interaction, &parts.headers, peer, trail).await?;
    let wishes = Wishes::of(&parts.headers)?;
    let takes_body = matches!(route.method, Method::POST | Method::PUT | Method::PATCH);
    // Only those that have come whole take a place at work: a client that drips holds up nobody.
    let (content, _room) =
        if takes_body { content(server, route, &parts.headers, body).await? } else { empty() };
    trace.is_read = true;
    // Those who run the server can ask how it is at any time.
    let is_counted = route.root == Root::Base;
    let _place = if is_counted { Some(place(server)?) } else { None };
    server
        .dispatch(Call {
            caller: Arc::new(caller),
            interaction: route.interaction,
            names,
            query,
            wishes,
            content,
        })
        .await
}

/// Who asks. What tells nothing of anybody is told to everybody; counters to programs of this machine too.
async fn caller<S: Store>(
    server: &Server<S>,
    interaction: Interaction,
    headers: &HeaderMap,
    peer: &Peer,
    trail: Trail,
) -> Outcome<Caller> {
    let unknown = Caller::open(Some(server.access.address(peer, headers)), trail.clone());
    let is_public = match interaction {
        Interaction::Health
        | Interaction::Ready
        | Interaction::Capabilities
        | Interaction::OpenApi
        | Interaction::SmartConfiguration
        | Interaction::Token => true,
        Interaction::Metrics => server.access.address(peer, headers).is_loopback(),
        _ => false,
    };
    if is_public {
        return Ok(unknown);
    }
    let caller = match server.access.caller(headers, peer, trail) {
        Ok(caller) => server.with_emergency(caller, headers).await,
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = &caller {
        server.deny(&unknown, refusal).await?;
    }
    caller
}

/// True where a script of another origin asks what it may ask (Fetch, "CORS-preflight request").
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ORIGIN)
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Parts the path of the API from that of the server. Where the API is the whole server, its own words come first.
fn below<'a>(path: &'a str, base: &str) -> (Root, &'a str) {
    let rest = path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_own = || ROUTES.iter().any(|route| route.root == Root::Server && route.template() == path);
    match rest {
        Some(rest) if !base.is_empty() || !is_own() => (Root::Base, rest),
        _ => (Root::Server, path),
    }
}

fn refuse_identity(segments: &[String], query: &[Pair]) -> Outcome<()> {
    let told = segments.iter().any(|segment| tells_identity(segment)) || search::tells_identity(query);
    if told { Err(Refusal::plain(Why::IdentityInUrl)) } else { Ok(()) }
}

fn wrong_method(methods: &[&'static Method]) -> Answer {
    let names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    let mut allow = names.join(", ");
    if names.contains(&"GET") {
        allow.push_str(", HEAD");
    }
    Answer { allow: Some(allow), ..Answer::from(Refusal::plain(Why::Method)) }
}

const fn empty<'s>() -> (Content, Option<Arrived<'s>>) {
    (Content { bytes: Bytes::new(), media: None }, None)
}

/// A place among the requests at work.
fn place<S: Store>(server: &Server<S>) -> Outcome<SemaphorePermit<'_>> {
    server.work.try_acquire().map_err(|_| Refusal::plain(Why::Overload))
}

/// Reads the body of a request within its limits.
async fn content<'s, S: Store>(
    server: &'s Server<S>,
    route: &Route,
    headers: &HeaderMap,
    body: Incoming,
) -> Outcome<(Content, Option<Arrived<'s>>)> {
    let limits = &server.settings.limits;
    let stated = call::field(headers, header::CONTENT_TYPE)?;
    let media = match route.interaction {
        Interaction::Operation => stated.map(Media::of_operation),
        _ => stated.map(Media::of_content_type).transpose()?,
    };
    let arrived = body::read(body, limits, &server.room).await?;
    let coding = call::field(headers, header::CONTENT_ENCODING)?;
    let bytes = gzip::unpack(coding, arrived.bytes.clone(), limits.unpacked_bytes_max)?;
    if body::has_more_elements(&bytes, limits.elements_max) {
        return Err(Refusal::new(Why::BodyLong, "the body has too many elements"));
    }
    Ok((Content { bytes, media }, Some(arrived)))
}

/// Gives an answer its form.
fn response<S: Store>(
    server: &Server<S>,
    answer: Answer,
    trace: &Trace,
    asked: &HeaderMap,
) -> Response<Full<Bytes>> {
    let shaped = match &answer.body {
        Body::Empty => Ok(None),
        Body::Text(media, bytes) => Ok(Some((*media, bytes.clone()))),
        Body::Resource(resource) => written(resource, trace.form, server.schema)
            .map(|bytes| Some((trace.form.format.content_type(), bytes))),
    };
    let (answer, shaped) = match shaped {
        Ok(shaped) => (answer, shaped),
        Err(refusal) => json(refusal),
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = answer.status;
    headers(&answer, response.headers_mut());
    guard_headers(server, trace, asked, &mut response);
    if let Some((media, bytes)) = shaped {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let bytes = match gzip::pack(accepted, &bytes, &[&server.statement, &server.openapi]) {
            Some(packed) => {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                packed
            }
            None => bytes,
        };
        *response.body_mut() = Full::new(bytes);
    }
    response
}

/// A refusal as JSON, whatever was asked for.
fn json(refusal: Box<Refusal>) -> (Answer, Option<(&'static str, Bytes)>) {
    let answer = Answer::from(refusal);
    let bytes = match &answer.body {
        Body::Resource(bytes) => bytes.clone(),
        Body::Empty | Body::Text(..) => Bytes::new(),
    };
    (answer, Some((Format::Json.content_type(), bytes)))
}

fn headers(answer: &Answer, headers: &mut HeaderMap) {
    let mut put = |name: HeaderName, value: Option<String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    };
    put(header::ETAG, answer.etag());
    put(header::LAST_MODIFIED, answer.last_modified());
    put(header::LOCATION, answer.location.clone());
    put(header::ALLOW, answer.allow.clone());
    put(header::RETRY_AFTER, answer.retry_seconds.map(|seconds| seconds.to_string()));
    for (name, value) in &answer.more {
        put(name.clone(), Some(value.clone()));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
}

/// Fields that say how to be let in, that a token is for nobody's cache, and which scripts may read the answer.
fn guard_headers<S: Store>(
    server: &Server<S>,
    trace: &Trace,
    asked: &HeaderMap,
    response: &mut Response<Full<Bytes>>,
) {
    let route = trace.route.and_then(|at| ROUTES.get(at));
    let is_token = route.is_some_and(|route| route.interaction == Interaction::Token);
    let is_refused = response.status() == StatusCode::UNAUTHORIZED && !is_token;
    let headers = response.headers_mut();
    if is_refused {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if is_token {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let Some(origin) = asked.get(header::ORIGIN) else { return };
    if origin.to_str().is_ok_and(|origin| server.access.lets_in(origin)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(CORS_METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(CORS_FIELDS));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(CORS_EXPOSED));
    }
}

/// A whole answer as bytes, for a connection that hyper does not hold.
pub(super) fn refusal_bytes(refusal: &Refusal) -> Vec<u8> {
    let status = refusal.status();
    let body = refusal.outcome().to_string();
    let retry =
        refusal.retry_seconds().map_or_else(String::new, |seconds| format!("retry-after: {seconds}\r\n"));
    let (media, length) = (Format::Json.content_type(), body.len());
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n{retry}connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
