//! Traces, taken by a collector that really listens: the request of a caller's own trace, what it asked of the store,
//! and nothing of anybody.

use super::subscriptions::Receiver;
use super::talk::Process;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// A name that stands in what is sent, and nowhere in a trace.
const FAMILY: &str = "Kanariasaari";

/// Settings of a process, removed with their owner.
struct Settings(PathBuf);

impl Settings {
    fn new(endpoint: &str, rest: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sauma-traces-{}.toml", super::access::fresh()));
        std::fs::write(&path, format!("[traces]\nendpoint = \"{endpoint}\"\n{rest}")).unwrap();
        Self(path)
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn send(server: &Process, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = format!("Host: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{request}\r\n{head}{body}").as_bytes()).unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told
}

/// Runs a server until it has ended, with what was sent to the collector.
fn spans(rest: &str, requests: &[(&str, &str)]) -> (Vec<Value>, String) {
    let collector = Receiver::new();
    let settings = Settings::new(&collector.url, rest);
    let mut server = Process::start(&["--config", settings.0.to_str().unwrap()]);
    for (request, body) in requests {
        assert!(send(&server, request, body).starts_with("HTTP/1.1 2"));
    }
    assert!(server.end().success());
    let hits = collector.hits();
    let text: String = hits.iter().map(|hit| hit.body.as_str()).collect();
    let bodies = hits.iter().map(|hit| serde_json::from_str::<Value>(&hit.body).unwrap());
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let spans = bodies.flat_map(|body| {
        let scopes = list(&body, "resourceSpans").into_iter().flat_map(|of| list(&of, "scopeSpans"));
        scopes.flat_map(|of| list(&of, "spans")).collect::<Vec<_>>()
    });
    (spans.collect(), text)
}

/// An attribute of a span, as text.
fn attribute(span: &Value, key: &str) -> String {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    let value = found.and_then(|attribute| attribute["value"].as_object()?.values().next().cloned());
    value.map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[test]
fn a_request_is_a_span_of_the_trace_of_its_caller() {
    let put = format!(
        "PUT /fhir/Patient/a HTTP/1.1\r\nContent-Type: application/fhir+json\r\ntraceparent: 00-{TRACE}-{PARENT}-01"
    );
    let patient =
        format!("{{\"resourceType\":\"Patient\",\"id\":\"a\",\"name\":[{{\"family\":\"{FAMILY}\"}}]}}");
    let search = format!("GET /fhir/Patient?family={FAMILY} HTTP/1.1");
    let (spans, text) = spans("", &[(&put, &patient), (&search, "")]);
    let named =
        |name: &str| spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("{text}"));
    let request = named("PUT /{type}/{id}");
    assert_eq!((&request["traceId"], &request["parentSpanId"]), (&TRACE.into(), &PARENT.into()));
    assert_eq!(request["kind"], 2, "{request}");
    let told =
        ["http.request.method", "http.route", "http.response.status_code"].map(|key| attribute(request, key));
    assert_eq!(told, ["PUT", "/{type}/{id}", "201"]);
    let commit = named("store commit");
    assert_eq!((&commit["traceId"], &commit["parentSpanId"]), (&TRACE.into(), &request["spanId"]));
    let search = named("GET /{type}");
    assert_ne!(search["traceId"], TRACE);
    assert_eq!(named("store search")["parentSpanId"], search["spanId"]);
    assert!(!text.contains(FAMILY));
}

#[test]
fn what_is_not_to_be_traced_is_not() {
    let read = |flags: &str| {
        format!("GET /fhir/Patient?_count=1 HTTP/1.1\r\ntraceparent: 00-{TRACE}-{PARENT}-{flags}")
    };
    let plain = "GET /fhir/Patient?_count=1 HTTP/1.1".to_owned();
    let check = |rest: &str, request: &str, expected: bool| {
        let (spans, _) = spans(rest, &[(request, "")]);
        assert_eq!(!spans.is_empty(), expected, "{rest} {request}");
    };
    check("percent = 0", &plain, false);
    check("percent = 0", &read("01"), true);
    check("", &read("00"), false);
    check("", &plain, true);
}

#[test]
fn a_collector_that_is_not_there_holds_up_nobody() {
    let settings = Settings::new("http://127.0.0.1:9/v1/traces", "");
    let mut server = Process::start(&["--config", settings.0.to_str().unwrap()]);
    for _ in 0..50 {
        assert!(send(&server, "GET /fhir/Patient?_count=1 HTTP/1.1", "").starts_with("HTTP/1.1 200"));
    }
    assert!(server.end().success());
}
