//! Three nodes over one PostgreSQL, one of them killed again and again while units contribute to all three: what was
//! answered is there, and every joined plan is what a join of all that was answered gives from scratch.

use super::plans::{Document, case, joined, stripped};
use super::talk::Process;
use crate::store_engines::cluster;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Clients whose plans are contributed to at once.
const CLIENTS: usize = 6;
/// Nodes; the last one is killed.
const NODES: usize = 3;

fn kills() -> usize {
    std::env::var("SAUMA_STORE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

/// Sends a request; nothing where the node is gone.
fn send(address: &str, method: &str, path: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut out = Vec::new();
    stream.read_to_end(&mut out).ok()?;
    let end = out.windows(4).position(|window| window == b"\r\n\r\n")?;
    let status = String::from_utf8_lossy(out.get(9..12)?).parse().ok()?;
    Some((status, out[end + 4..].to_vec()))
}

/// A version of a client's document.
fn document(client: usize, version: usize) -> Vec<u8> {
    let text = String::from_utf8(case("social-client-plan/cases/full")).unwrap();
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    plan["asiakirja"]["versio"] = json!(version);
    plan["asiakirja"]["suunnitelmaTunniste"] =
        json!(format!("urn:uuid:5a0e0000-0000-4000-8000-{client:012}"));
    plan["asiakas"][0] = json!({ "sukunimi": "Testikoivu", "etunimet": format!("Nro {client}"), "henkilotunnus": hetu(client) });
    plan.to_string().into_bytes()
}

/// An invented identity code with a right check character; its number is one that nobody is given.
fn hetu(client: usize) -> String {
    let signs = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let number = 900 + client;
    let digits: u64 = format!("140379{number}").parse().unwrap();
    let check = signs[usize::try_from(digits % 31).unwrap()];
    format!("140379-{number}{}", char::from(check))
}

#[test]
fn every_plan_is_what_a_join_from_scratch_gives_whichever_node_dies() {
    // The nodes share the schema that a server has by default, which no other test uses.
    let Some(address) = cluster() else { return };
    let steady: Vec<Process> = (1..NODES).map(|_| Process::start(&["--database", address])).collect();
    let frail = Mutex::new(Process::start(&["--database", address]));
    let is_over = AtomicBool::new(false);
    let answered: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());
    let told = |client: usize, version: usize| {
        let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = answered.entry(client).or_default();
        *newest = version.max(*newest);
    };
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (steady, frail, is_over, told) = (&steady, &frail, &is_over, &told);
            scope.spawn(move || {
                for version in 1.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let at = match (client + version) % NODES {
                        2 => frail.lock().unwrap().address.clone(),
                        node => steady[node].address.clone(),
                    };
                    let body = document(client, version);
                    match send(&at, "POST", "/fhir/$contribute", &body) {
                        Some((200, _)) => told(client, version),
                        Some((409 | 503, _)) | None => {}
                        Some((status, body)) => panic!("{status}: {}", String::from_utf8_lossy(&body)),
                    }
                }
            });
        }
        for _ in 0..kills() {
            thread::sleep(Duration::from_millis(700));
            let mut node = frail.lock().unwrap();
            node.kill();
            *node = Process::start(&["--database", address]);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let answered = answered.into_inner().unwrap();
    assert!(answered.values().sum::<usize>() > CLIENTS, "hardly anything was answered: {answered:?}");
    for (client, newest) in &answered {
        compare(&steady[0].address, *client, *newest);
    }
}

/// Holds the plan that a node gives against a join of the newest version that can be there: the newest that was
/// answered, or one that was written by a node that died before it could answer.
fn compare(address: &str, client: usize, newest: usize) {
    let form = format!("identifier={}", hetu(client));
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /fhir/Patient/_search HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut out = Vec::new();
    stream.read_to_end(&mut out).unwrap();
    let end = out.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let found: Value = serde_json::from_slice(&out[end + 4..]).unwrap();
    let entries = found["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "one Patient stands for all versions");
    let patient = format!("Patient/{}", entries[0]["resource"]["id"].as_str().unwrap());
    let (status, body) = send(address, "GET", &format!("/fhir/{patient}/$joined-plan"), b"").unwrap();
    assert_eq!(status, 200);
    let bundle = stripped(&String::from_utf8(body).unwrap(), &patient);
    let expected = |version: usize| {
        let documents: [Document; 1] = [(String::new(), document(client, version))];
        joined(&documents, &[])
    };
    let fits = (newest..newest + 3).any(|version| expected(version) == bundle);
    assert!(fits, "client {client}: the plan is not that of version {newest} or of one just after");
}
