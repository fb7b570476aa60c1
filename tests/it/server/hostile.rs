//! What people send who mean ill, or whose systems are broken: real messages with faults in them, and bombs. Each is
//! refused with its place, the server neither dies nor grows, and others are served all the while.

use super::talk::{Process, Reply, Running};
use crate::shared;
use flate2::{Compression, write::GzEncoder};
use sauma::mapping::Random;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Messages with a fault in each, as many as `SAUMA_HOSTILE_MESSAGES` says; a million before a release.
const MESSAGES: usize = 10_000;
/// How often each bomb is thrown, `SAUMA_HOSTILE_ROUNDS`; a hundred times before a release.
const ROUNDS: usize = 1;
/// What the process may hold at its worst, in kB.
const RESIDENT_KB_MAX: u64 = 256 << 10;
/// A bomb is refused at once; the tests run on machines that have other things to do.
const REFUSED_IN: Duration = Duration::from_secs(10);
/// Pieces that open, close or part something in one of the formats.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "\\ud800",
    "\u{0}",
    "</",
    "<a ",
    "/>",
    "&x;",
    "<!DOCTYPE a>",
    "]]>",
    "|",
    "^",
    "~",
    "\\",
    "&",
    "\r",
    "\n",
    ";",
    "\"\"",
    "-",
    "1e999",
    "\u{feff}",
];

fn count(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |count| count.parse().unwrap())
}

/// A request with a body that the server takes.
struct Sent {
    path: String,
    media: &'static str,
    body: Vec<u8>,
}

/// The documents of all unit systems, and the resources that they become.
fn messages() -> Vec<Sent> {
    let mut found = Vec::new();
    for path in shared::files(Path::new("mappings"), &["json", "xml", "csv", "hl7"]) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let body = fs::read(&path).unwrap();
        if name == "input" {
            let media = match path.extension().and_then(|extension| extension.to_str()) {
                Some("xml") => "application/xml",
                Some("csv") => "text/csv",
                Some("hl7") => "x-application/hl7-v2+er7",
                _ => "application/json",
            };
            found.push(Sent { path: "/fhir/$contribute".to_owned(), media, body });
        } else if name == "expected" {
            let bundle: Value = serde_json::from_slice(&body).unwrap();
            for entry in bundle["entry"].as_array().into_iter().flatten() {
                let resource = &entry["resource"];
                let path = format!("/fhir/{}", resource["resourceType"].as_str().unwrap());
                let body = resource.to_string().into_bytes();
                found.push(Sent { path, media: "application/fhir+json", body });
            }
        }
    }
    found
}

/// One fault: bytes turned, taken out, said twice, put in, or the end cut off.
fn spoil(body: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(body.len());
    let until = (at + 1 + random.below(24)).min(body.len());
    match random.below(6) {
        0 => body.truncate(at),
        1 => body[at] ^= 1 << random.below(8),
        2 => drop(body.drain(at..until)),
        3 => {
            let again = body[at..until].to_vec();
            body.splice(at..at, again);
        }
        4 => body[at] = u8::try_from(random.below(256)).unwrap(),
        _ => {
            let piece = PIECES[random.below(PIECES.len())];
            body.splice(at..at, piece.bytes());
        }
    }
}

/// A refusal says what is wrong, and where.
fn tells_a_place(reply: &Reply) -> bool {
    let Ok(outcome) = serde_json::from_slice::<Value>(&reply.body) else { return false };
    let issue = &outcome["issue"][0];
    let has_line = issue["extension"].as_array().is_some_and(|all| {
        all.iter().any(|it| it["url"].as_str().is_some_and(|url| url.ends_with("issue-line")))
    });
    outcome["resourceType"] == "OperationOutcome" && (has_line || issue["expression"].is_array())
}

#[test]
fn real_messages_with_a_fault_are_taken_or_refused_with_the_place() {
    let server = Running::start();
    let (messages, mut random) = (messages(), Random::new(20_261_123));
    let (mut taken, mut refused, mut bad) = (0, 0, Vec::new());
    for number in 0..count("SAUMA_HOSTILE_MESSAGES", MESSAGES) {
        let sent = &messages[random.below(messages.len())];
        let mut body = sent.body.clone();
        for _ in 0..=random.below(3) {
            spoil(&mut body, &mut random);
            if body.is_empty() {
                body.push(b' ');
            }
        }
        let reply = server.send("POST", &sent.path, &[("Content-Type", sent.media)], &body);
        match reply.status {
            200..300 => taken += 1,
            400..500 if tells_a_place(&reply) => refused += 1,
            status => bad.push(format!("{number} {} {}: {status} {}", sent.path, sent.media, reply.text())),
        }
    }
    println!("{taken} taken, {refused} refused with their place");
    assert!(bad.is_empty(), "{} are answered otherwise:\n{}", bad.len(), bad[..bad.len().min(10)].join("\n"));
    assert!(taken > 0 && refused > 0);
}

impl Process {
    fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let head = format!(
            "{method} /fhir{path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses early may close before all was sent.
        drop(stream.write_all(body));
        let mut out = Vec::new();
        drop(stream.read_to_end(&mut out));
        Reply::read(&out)
    }

    /// The most that it ever held, in kB.
    fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

const JSON: &str = "Content-Type: application/fhir+json\r\n";
const XML: &str = "Content-Type: application/fhir+xml\r\n";
const ER7: &str = "Content-Type: x-application/hl7-v2+er7\r\n";
const PACKED: &str = "Content-Type: application/fhir+json\r\nContent-Encoding: gzip\r\n";
const PATCH: &str = "Content-Type: application/fhir+json\r\nPrefer: handling=strict\r\n";

/// A bomb: its name, the method, the path, the fields of its head and its body.
type Bomb = (&'static str, &'static str, String, &'static str, Vec<u8>);

/// A patch whose path is an expression (FHIR R4, FHIRPath Patch).
fn patch(expression: &str) -> Vec<u8> {
    let part = |name: &str, value: &str| serde_json::json!({ "name": name, "valueString": value });
    let parts = [serde_json::json!({ "name": "type", "valueCode": "delete" }), part("path", expression)];
    let whole = serde_json::json!({
        "resourceType": "Parameters",
        "parameter": [{ "name": "operation", "part": parts }],
    });
    whole.to_string().into_bytes()
}

fn post(name: &'static str, path: &str, head: &'static str, body: String) -> Bomb {
    (name, "POST", path.to_owned(), head, body.into_bytes())
}

fn spread(times: usize, one: impl Fn(usize) -> String) -> String {
    (0..times).map(one).collect()
}

fn bombs_of_json() -> Vec<Bomb> {
    let deep = "{\"extension\":[".repeat(500_000);
    let long = format!("{{\"a\":\"{}\"}}", "a".repeat(17 << 20));
    let entries = vec!["{}"; 5_000_000].join(",");
    let nothing = format!("{{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{entries}]}}");
    let twice = r#"{"resourceType":"Patient","active":true,"active":false}"#;
    let digits = "9".repeat(1 << 20);
    let number = format!(r#"{{"resourceType":"Observation","valueQuantity":{{"value":1e{digits}}}}}"#);
    let half = r#"{"resourceType":"Patient","id":"\ud83d"}"#;
    let mut spaces = GzEncoder::new(Vec::new(), Compression::best());
    std::io::copy(&mut std::io::repeat(b' ').take(256 << 20), &mut spaces).unwrap();
    vec![
        post("JSON that never comes up", "/Patient", JSON, deep),
        post("JSON over the size", "/Patient", JSON, long),
        post("a Bundle of nothing", "/", JSON, nothing),
        post("a name said twice", "/Patient", JSON, twice.to_owned()),
        post("a number without end", "/Observation", JSON, number),
        post("half a pair of surrogates", "/Patient", JSON, half.to_owned()),
        ("a packed bomb", "POST", "/Patient".to_owned(), PACKED, spaces.finish().unwrap()),
    ]
}

fn bombs_of_xml() -> Vec<Bomb> {
    let patient = "<Patient xmlns=\"http://hl7.org/fhir\"";
    let laughs = spread(9, |at| format!("<!ENTITY l{} \"{}\">", at + 1, format!("&l{at};").repeat(10)));
    let laughs = format!("<!DOCTYPE a [<!ENTITY l0 \"ha\">{laughs}]>{patient}>&l9;</Patient>");
    let deep = format!("{patient}>{}", "<extension>".repeat(500_000));
    let wide = format!("{patient}{}/>", spread(200_000, |at| format!(" a{at}=\"\"")));
    vec![
        post("a billion laughs", "/Patient", XML, laughs),
        post("XML that never comes up", "/Patient", XML, deep),
        post("attributes without end", "/Patient", XML, wide),
    ]
}

fn other_bombs() -> Vec<Bomb> {
    let path = |name, path: &str| (name, "PATCH", "/Patient/x".to_owned(), PATCH, patch(path));
    let many = format!("Patient{}", ".repeat(descendants() | $this)".repeat(40));
    let deep = format!("{}Patient", "(".repeat(100_000));
    let grows = "Patient.name.where(text.matches('((((a{100}){100}){100}){100}){100}'))";
    let names = spread(400, |at| format!("name=a{at}&"));
    let segments = "NTE|1||a\r".repeat(200_000);
    let message = format!("MSH|^~\\&|A|B|||20260401||PGL^PC6|1|P|2.5\r{segments}");
    let table = format!("{}\n", ";".repeat(1 << 20));
    vec![
        path("an expression that multiplies", &many),
        path("an expression that goes deep", &deep),
        path("a pattern that grows", grows),
        ("a search without end", "GET", format!("/Patient?{names}"), "", Vec::new()),
        post("segments without end", "/$contribute", ER7, message),
        post("a table without end", "/$contribute", "Content-Type: text/csv\r\n", table),
    ]
}

#[test]
fn bombs_are_refused_while_others_are_served() {
    let server = Process::start(&[]);
    let patient = r#"{"resourceType":"Patient","id":"x","name":[{"text":"x"}]}"#;
    assert_eq!(server.send("PUT", "/Patient/x", JSON, patient.as_bytes()).status, 201);
    let bombs = [bombs_of_json(), bombs_of_xml(), other_bombs()].concat();
    let is_over = AtomicBool::new(false);
    let (mut bad, mut slowest) = (Vec::new(), (Duration::ZERO, ""));
    let served = thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut served = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(server.send("GET", "/Patient/x", "", b"").status, 200);
                served += 1;
            }
            served
        });
        for (name, method, path, head, body) in
            bombs.iter().cycle().take(bombs.len() * count("SAUMA_HOSTILE_ROUNDS", ROUNDS))
        {
            let started = Instant::now();
            let reply = server.send(method, path, head, body);
            let took = started.elapsed();
            slowest = slowest.max((took, name));
            if !(400..500).contains(&reply.status) || took > REFUSED_IN {
                let told: String = reply.text().chars().take(300).collect();
                bad.push(format!("{name}: {} after {took:?}: {told}", reply.status));
            }
        }
        is_over.store(true, Ordering::Relaxed);
        others.join().unwrap()
    });
    let resident = server.resident_kb();
    println!("{} bombs, {served} others served, slowest {slowest:?}, {resident} kB at the most", bombs.len());
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(served > 0 && resident < RESIDENT_KB_MAX, "{resident} kB");
}
