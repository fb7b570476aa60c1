//! `sauma conformance check` against this server: all passes; and through a proxy that breaks one thing at a time: each
//! fault is found by the check that is named beside it.

use super::talk::{Reply, Running};
use regex::{Captures, Regex};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

/// A request on its way to the server.
#[derive(Debug, Clone)]
struct Ask {
    method: String,
    /// Path and query.
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// A read of one resource, of a type.
    fn reads(&self, kind: &str) -> bool {
        let steps: Vec<&str> = self.path.split('?').next().unwrap().split('/').collect();
        self.method == "GET"
            && matches!(steps.as_slice(), ["", "fhir", found, id, ..] if *found == kind && !id.starts_with(['$', '_']))
            && !self.path.contains("_history")
    }

    fn searches(&self, kind: &str) -> bool {
        self.path.starts_with(&format!("/fhir/{kind}?"))
            || self.path.starts_with(&format!("/fhir/{kind}/_search"))
    }
}

/// What the proxy remembers.
#[derive(Default)]
struct Memory(BTreeMap<String, Reply>);

type Before = fn(&mut Ask, &mut Memory) -> Option<Reply>;
type After = fn(&Ask, &mut Reply, &mut Memory);

/// One fault: what it does, which scripts see it, and a check that must fail.
struct Broken {
    name: &'static str,
    only: &'static str,
    found_by: &'static str,
    before: Before,
    after: After,
}

fn straight(_: &mut Ask, _: &mut Memory) -> Option<Reply> {
    None
}

fn as_it_is(_: &Ask, _: &mut Reply, _: &mut Memory) {}

/// Changes the JSON of answers of success.
fn json_of(reply: &mut Reply, change: impl FnOnce(&mut Value)) {
    // Numbers travel as texts, so that nothing but the fault itself changes them.
    let held = Regex::new(r#""(?:[^"\\]|\\.)*"|-?[0-9]+\.[0-9]+"#).unwrap();
    let freed = Regex::new(r#""@(-?[0-9.]+)""#).unwrap();
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    // Texts are found as well, and stay: `:20.966` of a time is no number.
    let hold = |found: &Captures<'_>| {
        if found[0].starts_with('"') { found[0].to_owned() } else { format!("\"@{}\"", &found[0]) }
    };
    if reply.status < 300
        && let Ok(mut value) = serde_json::from_str::<Value>(&held.replace_all(&text, hold))
    {
        change(&mut value);
        reply.body = freed.replace_all(&value.to_string(), "$1").into_owned().into_bytes();
    }
}

/// Changes the text of answers of success.
fn text_of(reply: &mut Reply, from: &str, to: &str) {
    if reply.status < 300 {
        reply.body = String::from_utf8_lossy(&reply.body).replace(from, to).into_bytes();
    }
}

fn set(reply: &mut Reply, name: &str, value: &str) {
    for (known, old) in &mut reply.headers {
        if known.eq_ignore_ascii_case(name) {
            value.clone_into(old);
        }
    }
}

fn made_up(status: u16, body: &str) -> Reply {
    let headers = vec![("content-type".to_owned(), "application/fhir+json".to_owned())];
    Reply { status, headers, body: body.as_bytes().to_vec() }
}

fn entries(value: &mut Value) -> &mut Vec<Value> {
    if value["entry"].is_null() {
        value["entry"] = json!([]);
    }
    value["entry"].as_array_mut().unwrap()
}

/// A fault in what comes back.
const fn answer(name: &'static str, only: &'static str, found_by: &'static str, after: After) -> Broken {
    Broken { name, only, found_by, before: straight, after }
}

/// A fault in what is done.
const fn deed(name: &'static str, only: &'static str, found_by: &'static str, before: Before) -> Broken {
    Broken { name, only, found_by, before, after: as_it_is }
}

#[rustfmt::skip]
const FAULTS: &[Broken] = &[
    answer("another version in ETag", "history", "every answer: version", |_, reply, _| set(reply, "etag", "W/\"77\"")),
    answer("an ETag of another form", "history", "every answer: version", |_, reply, _| set(reply, "etag", "1")),
    answer("the date of another time", "history", "every answer: modified", |_, reply, _| set(reply, "last-modified", "Mon, 23 Nov 2015 12:16:09 GMT")),
    answer("Location of another resource", "history", "every answer: location", |_, reply, _| set(reply, "location", "Patient/elsewhere/_history/1")),
    answer("a media type that is not FHIR's", "history", "every answer: content-type", |_, reply, _| set(reply, "content-type", "application/json")),
    answer("profiles are dropped", "plan", "every answer: kept", |ask, reply, _| if ask.reads("CarePlan") {
        json_of(reply, |it| { if let Some(meta) = it.get_mut("meta").and_then(Value::as_object_mut) { meta.remove("profile"); } });
    }),
    answer("an activity is lost", "plan", "a plan that holds its activities", |ask, reply, _| if ask.reads("CarePlan") {
        json_of(reply, |it| if let Some(list) = it.get_mut("activity").and_then(Value::as_array_mut).filter(|list| list.len() > 1) { list.pop(); });
    }),
    answer("activities change places", "plan", "every answer: kept", |ask, reply, _| if ask.reads("CarePlan") {
        json_of(reply, |it| if let Some(list) = it.get_mut("activity").and_then(Value::as_array_mut) { list.reverse(); });
    }),
    answer("decimals lose a digit", "plan", "every answer: kept", |_, reply, _| text_of(reply, "72.50", "72.5")),
    answer("an extension of others is lost", "plan", "every answer: kept", |ask, reply, _| if ask.reads("Goal") {
        json_of(reply, |it| if let Some(list) = it.get_mut("extension").and_then(Value::as_array_mut) { list.pop(); });
    }),
    answer("another subject", "plan", "every answer: kept", |ask, reply, _| if ask.reads("Goal") {
        json_of(reply, |it| it["subject"]["reference"] = json!("Patient/somebody"));
    }),
    answer("letters are damaged", "plan", "every answer: kept", |_, reply, _| text_of(reply, "Väinö", "Vaino")),
    answer("a day is made more precise", "plan", "every answer: kept", |_, reply, _| text_of(reply, "\"2026-06\"", "\"2026-06-01\"")),
    answer("a time is told in another zone", "plan", "every answer: kept", |_, reply, _| text_of(reply, "2026-06-10T10:00:00+03:00", "2026-06-10T07:00:00Z")),
    answer("something is added", "plan", "every answer: invented", |ask, reply, _| if ask.reads("Goal") {
        json_of(reply, |it| it["priority"] = json!({ "text": "high" }));
    }),
    answer("XML loses a note", "plan", "a goal in FHIR XML", |_, reply, _| text_of(reply, "<note><text value=\"Kolmas huomio\"/></note>", "")),
    answer("a code of its own", "plan", "every answer: valid", |ask, reply, _| if ask.reads("CareTeam") { text_of(reply, "\"active\"", "\"aktiivinen\"") }),
    answer("the newest version comes late", "update", "every answer: current", |ask, reply, memory| if ask.reads("CarePlan") {
        let first = memory.0.entry(ask.path.clone()).or_insert_with(|| reply.copy());
        *reply = first.copy();
    }),
    deed("If-Match is passed over", "concurrency", "a change of a version that is not the newest", |ask, _| { ask.drop_header("if-match"); None }),
    deed("If-None-Exist is passed over", "concurrency", "a create that was sent twice", |ask, _| { ask.drop_header("if-none-exist"); None }),
    deed("the id of the body is passed over", "update", "the id of the address counts", |ask, _| {
        if ask.method == "PUT" && let Ok(mut body) = serde_json::from_slice::<Value>(&ask.body) {
            body["id"] = json!(ask.path.rsplit('/').next().unwrap());
            ask.body = serde_json::to_vec(&body).unwrap();
        }
        None
    }),
    answer("what never was is given", "missing", "an id that never was", |ask, reply, _| if reply.status == 404 && ask.reads("Goal") {
        *reply = made_up(200, r#"{"resourceType":"Goal","id":"1","lifecycleStatus":"active","description":{"text":"a"},"subject":{"reference":"Patient/1"}}"#);
    }),
    answer("a refusal says nothing", "missing", "every answer: outcome", |_, reply, _| if reply.status >= 400 { reply.body.clear(); }),
    deed("a deletion deletes nothing", "missing", "what was deleted", |ask, _| (ask.method == "DELETE" && ask.path.starts_with("/fhir/Goal")).then(|| made_up(204, ""))),
    answer("what is broken is taken", "malformed", "JSON that ends too early", |ask, reply, _| if ask.method == "POST" && reply.status == 400 && serde_json::from_slice::<Value>(&ask.body).is_err() {
        *reply = made_up(201, "");
        reply.headers.push(("location".to_owned(), "Goal/made-up/_history/1".to_owned()));
    }),
    answer("what breaks the rules is taken", "malformed", "a code that does not exist", |ask, reply, _| if ask.method == "POST" && reply.status == 400 && ask.body.windows(7).any(|it| it == b"\"activ\"") {
        *reply = made_up(201, "");
        reply.headers.push(("location".to_owned(), "Goal/made-up/_history/1".to_owned()));
    }),
    answer("a refusal without a place", "malformed", "a code that does not exist", |_, reply, _| if reply.status == 400 {
        *reply = made_up(400, r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","diagnostics":"no"}]}"#);
    }),
    answer("the server fails", "malformed", "every answer: server-fault", |_, reply, _| if reply.status == 400 { reply.status = 500; }),
    answer("the total is wrong", "search", "every answer: total", |ask, reply, _| if ask.searches("Goal") {
        json_of(reply, |it| if let Some(total) = it["total"].as_u64() { it["total"] = json!(total + 1); });
    }),
    answer("a search loses something", "search", "every answer: found", |ask, reply, _| if ask.searches("Goal") {
        json_of(reply, |it| { let list = entries(it); if !list.is_empty() { list.pop(); let total = list.len(); it["total"] = json!(total); } });
    }),
    deed("the client is passed over", "search", "every answer: found", |ask, _| { if let Some(at) = ask.path.find("patient=") {
        let end = ask.path[at..].find('&').map_or(ask.path.len(), |end| at + end + 1);
        ask.path.replace_range(at..end, "");
    } None }),
    answer("the next page is the first", "search", "page by page", |ask, reply, _| if ask.path.contains("_count=2") {
        json_of(reply, |it| { let first = it["link"][0]["url"].clone(); for link in it["link"].as_array_mut().unwrap() { link["url"] = first.clone(); } });
    }),
    answer("there is no next page", "search", "page by page", |_, reply, _| json_of(reply, |it| if let Some(links) = it.get_mut("link").and_then(Value::as_array_mut) { links.retain(|link| link["relation"] != "next"); })),
    answer("something is found twice", "search", "every answer: paging", |ask, reply, _| if ask.searches("Goal") {
        json_of(reply, |it| { let list = entries(it); if let Some(first) = list.first().cloned() { list.push(first); } });
    }),
    answer("fullUrl of another resource", "search", "every answer: searchset", |ask, reply, _| if ask.searches("Goal") {
        json_of(reply, |it| for entry in entries(it) { entry["fullUrl"] = json!("http://example.org/fhir/Goal/another"); });
    }),
    answer("no link to itself", "search", "every answer: searchset", |_, reply, _| json_of(reply, |it| if let Some(links) = it.get_mut("link").and_then(Value::as_array_mut) { links.retain(|link| link["relation"] != "self"); })),
    deed("what is not known is passed over", "search", "a parameter that is not known, strictly", |ask, _| { ask.path = ask.path.replace("&no-such-parameter=1", ""); None }),
    deed("the order is passed over", "search", "in an order", |ask, _| { ask.path = ask.path.replace("_sort=-start-date", "_sort=start-date"); None }),
    answer("a part does not say so", "search", "a part of a resource", |ask, reply, _| if ask.path.contains("_elements") { text_of(reply, "SUBSETTED", "WHOLE") }),
    answer("a history from the oldest", "history", "every answer: history", |ask, reply, _| if ask.path.ends_with("_history") { json_of(reply, |it| entries(it).reverse()) }),
    answer("a history lacks a version", "history", "every answer: history", |ask, reply, _| if ask.path.ends_with("_history") { json_of(reply, |it| { let list = entries(it); if list.len() > 1 { list.remove(1); } }) }),
    deed("a version is the newest", "history", "every answer: version", |ask, _| { if let Some((path, _)) = ask.path.clone().split_once("/_history/") { path.clone_into(&mut ask.path); } None }),
    deed("what is withheld is shown", "joined", "what a unit may not see", |ask, _| { if ask.path.contains("role=health") { ask.path = ask.path.split('?').next().unwrap().to_owned(); } None }),
    answer("a source is left out of the joined plan", "joined", "both plans are in the joined plan", |ask, reply, _| if ask.path.contains("$joined-plan") {
        json_of(reply, |it| entries(it).retain(|entry| entry["resource"]["resourceType"] != "Goal" || !entry.to_string().contains("Uni on")));
    }),
    answer("half a transaction", "transaction", "a whole plan", |ask, reply, _| if ask.path == "/fhir" || ask.path == "/fhir/" { json_of(reply, |it| { entries(it).pop(); }) }),
];

impl Reply {
    fn copy(&self) -> Self {
        Self { status: self.status, headers: self.headers.clone(), body: self.body.clone() }
    }
}

/// A proxy before a server, on a port of its own; it ends with the process.
fn proxy(server: &Arc<Running>, broken: Option<&'static Broken>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap();
    let (server, memory) = (Arc::clone(server), Arc::new(Mutex::new(Memory::default())));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (server, memory) = (Arc::clone(&server), Arc::clone(&memory));
            thread::spawn(move || carried(stream.unwrap(), &server, own, broken, &memory));
        }
    });
    own
}

fn carried(
    mut stream: TcpStream,
    server: &Running,
    own: SocketAddr,
    broken: Option<&Broken>,
    memory: &Mutex<Memory>,
) {
    let Some(mut ask) = asked(&mut stream) else { return };
    let [there, here] = [server.address, own].map(|address| address.to_string());
    let swap = |bytes: &[u8], from: &str, to: &str| match std::str::from_utf8(bytes) {
        Ok(text) => text.replace(from, to).into_bytes(),
        Err(_) => bytes.to_vec(),
    };
    ask.body = swap(&ask.body, &here, &there);
    let early = broken.and_then(|broken| (broken.before)(&mut ask, &mut memory.lock().unwrap()));
    let mut reply = early.unwrap_or_else(|| {
        let headers: Vec<(&str, &str)> = ask
            .headers
            .iter()
            .filter(|(name, _)| {
                !["host", "content-length", "connection"].contains(&&*name.to_ascii_lowercase())
            })
            .map(|(name, value)| (&**name, &**value))
            .collect();
        server.send(&ask.method, &ask.path, &headers, &ask.body)
    });
    if let Some(broken) = broken {
        (broken.after)(&ask, &mut reply, &mut memory.lock().unwrap());
    }
    reply.body = swap(&reply.body, &there, &here);
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        if !["content-length", "connection", "transfer-encoding"].contains(&&*name.to_ascii_lowercase()) {
            head.push_str(&format!("{name}: {}\r\n", value.replace(&there, &here)));
        }
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len()));
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&reply.body)));
}

/// One request, as far as clients of tests write them.
fn asked(stream: &mut TcpStream) -> Option<Ask> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let ask = Ask { method, path, headers: lines.filter_map(field).collect(), body: Vec::new() };
    let length = ask.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Ask { body, ..ask })
}

/// Runs a check; gives its exit code and its report.
fn check(base: &str, role: &str, more: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sauma"));
    command.args(["conformance", "check", base, "--as", role, "--format", "json", "--lang", "en"]).args(more);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let out = text(output.stdout);
    (output.status.code(), serde_json::from_str(&out).unwrap_or_default(), text(output.stderr))
}

/// Checks that failed or could not be run, with what they say.
fn bad(report: &Value) -> Vec<String> {
    let documents = report["documents"].as_array().into_iter().flatten();
    let is_bad = |it: &&Value| matches!(it["verdict"].as_str(), Some("fail" | "error"));
    let said = |it: &Value| {
        let findings = it["findings"].as_array().into_iter().flatten();
        let findings: Vec<String> = findings
            .map(|it| format!("{} {} {}:{}", it["message"], it["path"], it["file"], it["line"]))
            .collect();
        format!(
            "{}: {}\n    {}",
            it["file"].as_str().unwrap(),
            it["title"].as_str().unwrap(),
            findings.join("\n    ")
        )
    };
    documents.filter(is_bad).map(said).collect()
}

#[test]
fn this_server_passes_in_both_roles() {
    let server = Running::start();
    let base = format!("http://{}/fhir", server.address);
    for role in ["source", "viewer"] {
        let (code, report, err) = check(&base, role, &[]);
        let found = bad(&report);
        assert!(code == Some(0) && found.is_empty(), "{role} {code:?} {err}\n{}", found.join("\n"));
        let passed = report["summary"]["passed"].as_u64().unwrap_or_default();
        assert!(passed > 80, "{role}: {passed} passed");
    }
    // Nothing is left: of every type there is nothing that can be found.
    for kind in [
        "Patient",
        "CarePlan",
        "CareTeam",
        "Goal",
        "ServiceRequest",
        "Organization",
        "DocumentReference",
        "Binary",
    ] {
        let left = server.get(&format!("/{kind}?_summary=count")).value();
        assert_eq!(left["total"], 0, "{kind}");
    }
}

#[test]
fn each_fault_is_found_by_its_check() {
    let server = Arc::new(Running::start());
    let control = proxy(&server, None);
    let (code, report, err) = check(&format!("http://{control}/fhir"), "viewer", &["--seed", "99"]);
    assert_eq!((code, bad(&report)), (Some(0), Vec::new()), "without a fault: {err}");
    let next = Arc::new(Mutex::new(0));
    let work = || {
        let mut missed = Vec::new();
        loop {
            let number = {
                let mut next = next.lock().unwrap();
                *next += 1;
                *next - 1
            };
            let Some(broken) = FAULTS.get(number) else { return missed };
            let base = format!("http://{}/fhir", proxy(&server, Some(broken)));
            let seed = number.to_string();
            let (code, report, err) = check(&base, "viewer", &["--only", broken.only, "--seed", &seed]);
            let found = bad(&report);
            let is_found = found.iter().any(|check| {
                check.starts_with(broken.found_by) || check.contains(&format!(": {}", broken.found_by))
            });
            if code != Some(1) || !is_found {
                missed.push(format!("{}: {code:?} {err}\n{}", broken.name, found.join("\n")));
            }
        }
    };
    let missed = thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<String>>()
    });
    assert!(FAULTS.len() >= 20 && missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n\n"));
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(
                files(&path)
                    .into_iter()
                    .map(|(name, bytes)| (Path::new(path.file_name().unwrap()).join(name), bytes)),
            );
        } else {
            found.insert(PathBuf::from(path.file_name().unwrap()), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn evidence_is_the_same_whenever_and_wherever_the_same_was_said() {
    let (first, second) = (Running::start(), Running::start());
    let out = |name: &str| first.folder.join(name);
    let keep = |server: &Running, out: &Path| {
        let base = format!("http://{}/fhir", server.address);
        let (code, report, err) = check(&base, "source", &["--out", out.to_str().unwrap()]);
        assert_eq!((code, bad(&report)), (Some(0), Vec::new()), "{err}");
        if out.is_dir() { files(out) } else { BTreeMap::from([(PathBuf::new(), fs::read(out).unwrap())]) }
    };
    let once = keep(&first, &out("once"));
    for (what, again) in
        [("a second run", keep(&first, &out("again"))), ("another server", keep(&second, &out("else")))]
    {
        assert_eq!(once.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>(), "{what}");
        for (name, bytes) in &once {
            let differs = String::from_utf8_lossy(bytes)
                .lines()
                .zip(String::from_utf8_lossy(&again[name]).lines())
                .find(|(a, b)| a != b)
                .map(|(a, b)| format!("{a}\n{b}"));
            assert!(*bytes == again[name], "{what}: {} {differs:?}", name.display());
        }
    }
    let text = |name: &str| String::from_utf8(once[Path::new(name)].clone()).unwrap();
    for name in [
        "report.fi.html",
        "report.sv.html",
        "report.en.html",
        "report.sarif",
        "report.junit.xml",
        "testreport.json",
        "run.json",
    ] {
        assert!(!text(name).contains("127.0.0.1"), "{name}");
    }
    assert!(text("manifest.sha256").lines().count() == once.len() - 1);
    let rows: Value = serde_json::from_str(&text("requirements.json")).unwrap();
    assert_eq!(rows["counts"]["failed"], 0);
    assert_eq!(keep(&first, &out("once.zip")), keep(&second, &out("again.zip")));
}

#[test]
fn a_finding_points_into_the_exchange_that_was_saved() {
    let server = Arc::new(Running::start());
    let broken = FAULTS.iter().find(|broken| broken.name == "a code of its own").unwrap();
    let base = format!("http://{}/fhir", proxy(&server, Some(broken)));
    let out = server.folder.join("placed");
    let (code, _, _) = check(&base, "viewer", &["--only", "plan", "--out", out.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    let sarif: Value = serde_json::from_slice(&fs::read(out.join("report.sarif")).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["ruleId"] == "V325").unwrap();
    let place = &result["locations"][0]["physicalLocation"];
    let text = fs::read_to_string(out.join(place["artifactLocation"]["uri"].as_str().unwrap())).unwrap();
    let number = |name: &str| usize::try_from(place["region"][name].as_u64().unwrap()).unwrap();
    let line = text.lines().nth(number("startLine") - 1).unwrap();
    let marked: String = line
        .chars()
        .skip(number("startColumn") - 1)
        .take(number("endColumn") - number("startColumn"))
        .collect();
    assert!(marked.contains("\"aktiivinen\"") && marked.len() < 40, "{marked}");
}

#[test]
fn exit_codes_tell_how_it_went() {
    let server = Running::start();
    let base = format!("http://{}/fhir", server.address);
    let code = |base: &str, more: &[&str]| check(base, "source", more).0;
    assert_eq!(code(&base, &["--only", "capability"]), Some(0));
    assert_eq!(code(&base, &["--only", "no such test"]), Some(4));
    assert_eq!(code(&base, &["--only", "capability", "--all"]), Some(4));
    assert_eq!(code(&base, &["--suite", "another"]), Some(2));
    assert_eq!(code("localhost", &[]), Some(2));
    assert_eq!(code("http://127.0.0.1:1/fhir", &["--only", "capability"]), Some(3));
}
