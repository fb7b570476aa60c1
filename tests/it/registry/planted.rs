//! Faults planted in a client, one for each rule: the simulator must find each by the id of its own rule.

use super::playing::{CLIENT, Playing, change, disclosure, fault};
use sauma::exchange::registry::kanta::{Action, Create, Terms};
use sauma::exchange::registry::simulator::rules;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PLANTED: &str = include_str!("planted.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    planted: Vec<Planted>,
}

/// A fault of a client: what it sends otherwise than a right one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    rule: String,
    on: String,
    #[serde(default)]
    misbehaves: Option<String>,
    #[serde(default)]
    first: Otherwise,
    #[serde(default)]
    then: Vec<Otherwise>,
}

/// Each part that is not named is right.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Otherwise {
    method: Option<String>,
    target: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    token: BTreeMap<String, toml::Value>,
    form: Option<String>,
    body: Option<String>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    set: BTreeMap<String, String>,
}

#[test]
fn each_planted_fault_is_found_by_its_own_rule() {
    let file: File = toml::from_str(PLANTED).unwrap();
    let mut missed = Vec::new();
    for planted in &file.planted {
        let playing = Playing::start();
        if let Some(name) = &planted.misbehaves {
            let mut fault = fault(name);
            fault.times = 100;
            playing.simulator().misbehave(fault);
        }
        for otherwise in std::iter::once(&planted.first).chain(&planted.then) {
            send(playing.address, &planted.on, otherwise);
        }
        let simulator = playing.simulator();
        let found: BTreeSet<&str> = simulator.breaches().iter().map(|breach| breach.rule.as_str()).collect();
        if !found.contains(planted.rule.as_str()) {
            missed.push(format!("{} on {}: found {found:?}", planted.rule, planted.on));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(file.planted.len() >= 30, "{} faults", file.planted.len());
}

#[test]
fn each_rule_has_a_fault_that_breaks_it() {
    let file: File = toml::from_str(PLANTED).unwrap();
    let planted: BTreeSet<String> = file.planted.into_iter().map(|planted| planted.rule).collect();
    let rules: BTreeSet<String> = rules::shipped().unwrap().into_iter().map(|rule| rule.id).collect();
    assert_eq!(planted, rules);
}

#[test]
fn a_right_client_breaks_no_rule() {
    let playing = Playing::start();
    for on in ["search", "permission", "search", "history", "disclosure"] {
        let status = send(playing.address, on, &Otherwise::default());
        assert_eq!(status, 200, "{on}");
    }
    assert_eq!(playing.simulator().breaches(), []);
    assert_eq!(playing.simulator().consents().len(), 2);
    assert_eq!(playing.simulator().disclosures().len(), 1);
}

/// Sends a request of a kind, right but for what is said otherwise; gives the status, 0 where there was no answer.
fn send(address: SocketAddr, on: &str, otherwise: &Otherwise) -> u16 {
    let form = format!("patient:identifier=urn:oid:1.2.246.21%7C{CLIENT}&category=1");
    let (path, kind, body) = match on {
        "search" => ("/fhir/Consent/_search", "application/x-www-form-urlencoded", form),
        "history" => ("/fhir/Consent/_history", "application/x-www-form-urlencoded", form),
        "permission" => ("/fhir", "application/fhir+json", edited(permission(), otherwise)),
        "disclosure" => ("/fhir", "application/fhir+json", edited(disclosure().transaction(), otherwise)),
        other => panic!("there is no request `{other}`"),
    };
    let body = otherwise.form.clone().or(otherwise.body.clone()).unwrap_or(body);
    let mut headers: BTreeMap<String, String> = BTreeMap::from(
        [
            ("content-type", kind.to_owned()),
            ("accept", "application/fhir+json".to_owned()),
            ("x-request-id", "a-1".to_owned()),
            ("authorization", format!("Bearer {}", token(&otherwise.token))),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for (name, value) in &otherwise.headers {
        if value.is_empty() {
            headers.remove(name);
        } else {
            headers.insert(name.clone(), value.clone());
        }
    }
    let method = otherwise.method.as_deref().unwrap_or("POST");
    let target = otherwise.target.as_deref().unwrap_or(path);
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn permission() -> Value {
    let terms = Terms { category_system: "http://gen.kanta.fi/test", create: Create::Plain };
    change(Action::Give).transaction(terms, None).unwrap()
}

/// A body with places removed, and others set to JSON; a place after the last of a list is one more.
fn edited(mut body: Value, otherwise: &Otherwise) -> String {
    for pointer in &otherwise.remove {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {parent}")) {
            Value::Object(members) => drop(members.remove(name)),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => panic!("{pointer} leads nowhere"),
        }
    }
    for (pointer, text) in &otherwise.set {
        // A value that begins with `=` is a copy of another place.
        let value = match text.strip_prefix('=') {
            Some(from) => body.pointer(from).unwrap_or_else(|| panic!("there is no {from}")).clone(),
            None => serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}")),
        };
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {parent}")) {
            Value::Object(members) => drop(members.insert(name.to_owned(), value)),
            Value::Array(items) => {
                let at: usize = name.parse().unwrap();
                if at == items.len() { items.push(value) } else { items[at] = value }
            }
            _ => panic!("{pointer} leads nowhere"),
        }
    }
    body.to_string()
}

/// A token, which the simulator reads and whose signature it does not know.
fn token(otherwise: &BTreeMap<String, toml::Value>) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let mut header = json!({ "alg": "ES384", "typ": "JWT", "kid": "test" });
    let jti = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut claims = json!({ "iss": "x", "sub": "x", "aud": "y", "iat": now, "exp": now + 60, "jti": jti });
    for (name, value) in otherwise {
        match (name.as_str(), value) {
            ("alg", toml::Value::String(alg)) => header["alg"] = json!(alg),
            ("exp", toml::Value::Integer(seconds)) => claims["exp"] = json!(now + seconds),
            (name, toml::Value::String(text)) => claims[name] = json!(text),
            _ => panic!("no claim: {name}"),
        }
    }
    format!("{}.{}.c2ln", encoded(&header), encoded(&claims))
}

fn encoded(value: &Value) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let text = value.to_string();
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let part = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for place in 0..=chunk.len() {
            out.push(char::from(SIGNS[((bits >> (18 - 6 * place)) & 63) as usize]));
        }
    }
    out
}
