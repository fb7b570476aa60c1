//! Made-up identity codes, names and tokens that pass through every route: none is in a log, in the metrics or in what
//! a refusal says.

use super::talk::Running;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// What the whole process logs.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn count() -> usize {
    std::env::var("SAUMA_CANARIES").map_or(1_000, |count| count.parse().unwrap())
}

/// An identity code with a right check character (Finnish Digital Agency), of a person who cannot be.
fn identity_code(n: usize) -> String {
    const CHECK: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    const CENTURY: &[u8] = b"-+ABCDEFYXWVU";
    let (day, month, year, number) = (1 + n % 28, 1 + n % 12, n % 100, 900 + n % 99);
    let digits: usize = format!("{day:02}{month:02}{year:02}{number}").parse().unwrap();
    let century = char::from(CENTURY[n % CENTURY.len()]);
    format!("{day:02}{month:02}{year:02}{century}{number}{}", char::from(CHECK[digits % 31]))
}

struct Canary {
    code: String,
    name: String,
    token: String,
}

impl Canary {
    fn new(n: usize) -> Self {
        let name = format!("Kanarialintu{n:04}nen");
        Self { code: identity_code(n), name, token: format!("tkn{:016x}zq", n * 7_919 + 104_729) }
    }

    fn is_in(&self, text: &str) -> Option<&'static str> {
        [("code", &self.code), ("name", &self.name), ("token", &self.token)]
            .into_iter()
            .find(|(_, value)| text.contains(value.as_str()))
            .map(|(kind, _)| kind)
    }
}

/// A request: method, target, fields, body.
type Asked = (&'static str, String, Vec<(String, String)>, String);

/// Requests with a canary in every place that a client fills: each with the name of what was tried.
fn requests(canary: &Canary) -> Vec<Asked> {
    let Canary { code, name, token } = canary;
    let patient = format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:oid:1.2.246.21","value":"{code}"}}],"name":[{{"family":"{name}"}}]}}"#
    );
    let odd = format!(r#"{{"resourceType":"Patient","gender":"{name}","birthDate":"{code}","{name}":1}}"#);
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"fullUrl":"{name}","resource":{odd},"request":{{"method":"POST","url":"Patient?{name}={code}"}}}}]}}"#
    );
    let patch = format!(r#"[{{"op":"test","path":"/{name}","value":"{code}"}}]"#);
    let parameters = format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"{name}","valueString":"{code}"}}]}}"#
    );
    let form = format!("identifier={code}&family={name}&{name}={token}");
    let json = || vec![("Content-Type".to_owned(), "application/fhir+json".to_owned())];
    let with = |field: &str, value: &str| {
        let mut fields = json();
        fields.push((field.to_owned(), value.to_owned()));
        fields
    };
    let media = |text: &str| vec![("Content-Type".to_owned(), text.to_owned())];
    vec![
        ("POST", "/fhir/Patient".into(), with("Authorization", &format!("Bearer {token}")), patient.clone()),
        ("POST", "/fhir/Patient".into(), json(), odd.clone()),
        ("POST", "/fhir/Patient".into(), json(), patient.replace('}', "")),
        ("POST", "/fhir/Patient".into(), media(&format!("application/{name}")), patient.clone()),
        (
            "POST",
            "/fhir/Patient".into(),
            with("If-None-Exist", &format!("identifier={code}&{name}=1")),
            patient.clone(),
        ),
        ("PUT", format!("/fhir/Patient/{name}"), json(), patient.clone()),
        ("PUT", format!("/fhir/Patient?identifier={code}"), json(), patient.clone()),
        ("PATCH", format!("/fhir/Patient/{name}"), media("application/json-patch+json"), patch),
        ("DELETE", format!("/fhir/Patient?family={name}"), vec![], String::new()),
        ("GET", format!("/fhir/Patient/{name}?_elements={token}"), with("X-Api-Key", token), String::new()),
        ("GET", format!("/fhir/Patient/{code}"), vec![], String::new()),
        ("GET", format!("/fhir/{name}/{token}"), vec![], String::new()),
        ("GET", format!("/{name}"), vec![], String::new()),
        ("GET", format!("/fhir/Patient?{name}={token}"), vec![], String::new()),
        ("GET", format!("/fhir/Patient?birthdate={name}"), vec![], String::new()),
        ("GET", format!("/fhir/Patient?_sort={name}&_filter={token}"), vec![], String::new()),
        ("GET", format!("/fhir/Patient/1/_history/{token}?_since={name}"), vec![], String::new()),
        ("GET", format!("/fhir/Patient/1/${name}"), vec![], String::new()),
        ("GET", format!("/fhir/AuditEvent?patient={code}&agent={name}&x={token}"), vec![], String::new()),
        ("POST", "/fhir/Patient/_search".into(), media("application/x-www-form-urlencoded"), form),
        ("POST", "/fhir".into(), json(), bundle),
        ("POST", "/fhir/Patient/$validate".into(), json(), odd),
        ("POST", "/fhir/Patient/$match".into(), json(), parameters),
        (
            "GET",
            "/fhir/metadata".into(),
            vec![("Accept".into(), name.clone()), ("Cookie".into(), token.clone())],
            String::new(),
        ),
    ]
}

#[test]
fn nothing_of_a_person_is_in_logs_metrics_or_refusals() {
    let sink = Sink::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(sink.clone())
        .with_ansi(false)
        .finish();
    // The one subscriber of this process: other tests log into it too, and must tell nothing either.
    let is_heard = tracing::subscriber::set_global_default(subscriber).is_ok();
    let server = Running::start();
    let canaries: Vec<Canary> = (0..count()).map(Canary::new).collect();
    let routes = requests(&canaries[0]).len();
    let mut refused = 0;
    for (n, canary) in canaries.iter().enumerate() {
        // Each canary takes a few of the routes, and all together take each many times.
        for (method, path, fields, body) in requests(canary).into_iter().skip(n % 4).step_by(4) {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
            let reply = server.send(method, &path, &fields, body.as_bytes());
            if reply.status >= 400 {
                refused += 1;
                let told = canary.is_in(&reply.text());
                assert_eq!(told, None, "{method} {path}: {}", reply.text());
            }
        }
    }
    assert!(routes >= 24 && refused > count() * 2, "{refused} of {routes}");
    let metrics = server.send("GET", "/metrics", &[], b"").text();
    let log = String::from_utf8_lossy(&sink.0.lock().unwrap()).into_owned();
    assert!(!is_heard || log.len() > 10_000, "nothing was logged");
    for canary in &canaries {
        assert_eq!(canary.is_in(&metrics), None, "in the metrics");
        assert_eq!(canary.is_in(&log), None, "in the log");
    }
}
