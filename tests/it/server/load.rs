//! More than the server can do, and clients that hold it up: what is refused is told, what is answered is right, and
//! afterwards all is as before. Nothing here looks at a clock but to give up.

use super::talk::{Reply, Running};
use sauma::server::{Limits, Settings};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread::scope;
use std::time::{Duration, Instant};

/// Requests that the server works on at one time here, and ten times as many clients.
const AT_WORK: usize = 4;
const CLIENTS: usize = 10 * AT_WORK;
/// What one client tries to write.
const TRIES: usize = 25;

fn small() -> Running {
    let limits = Limits { requests_max: AT_WORK, connections_per_address_max: 1_000, ..Limits::default() };
    Running::limited(limits)
}

fn patient(id: &str) -> String {
    format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"{}"}}]}}"#, "x".repeat(200))
}

/// An answer of an overloaded server is one that was asked for, or tells when to come again.
fn is_done(reply: &Reply, good: &[u16]) -> bool {
    if matches!(reply.status, 429 | 503) {
        let seconds: u32 = reply.header("retry-after").expect("when to come again").parse().unwrap();
        assert!((1..=60).contains(&seconds));
        assert_eq!(reply.value()["resourceType"], "OperationOutcome");
        return false;
    }
    assert!(good.contains(&reply.status), "{} {}", reply.status, reply.text());
    true
}

#[test]
fn an_overload_is_refused_and_what_is_accepted_is_right() {
    let server = small();
    let written = Mutex::new(BTreeSet::new());
    let refused = Mutex::new(0_usize);
    scope(|scope| {
        for client in 0..CLIENTS {
            let (server, written, refused) = (&server, &written, &refused);
            scope.spawn(move || {
                for at in 0..TRIES {
                    let id = format!("{client}-{at}");
                    let reply = server.json("PUT", &format!("/Patient/{id}"), &[], &patient(&id));
                    if is_done(&reply, &[201]) {
                        written.lock().unwrap().insert(id.clone());
                        let reply = server.get(&format!("/Patient/{id}"));
                        if is_done(&reply, &[200]) {
                            assert_eq!(reply.value()["id"], id);
                        }
                    } else {
                        *refused.lock().unwrap() += 1;
                    }
                }
            });
        }
    });
    let (written, refused) = (written.into_inner().unwrap(), refused.into_inner().unwrap());
    println!("{} accepted, {refused} refused", written.len());
    assert!(refused > 0, "the server was never overloaded");
    // Afterwards: everything that was accepted, nothing that was refused, and no more refusals.
    let count = server.get("/Patient?_summary=count").value();
    assert_eq!(count["total"], written.len());
    for id in &written {
        assert_eq!(server.get(&format!("/Patient/{id}")).status, 200);
    }
}

/// Ways to hold a connection without ever finishing a request.
const SLOW: [&str; 4] = [
    "",
    "GET /fhir/Patient/a HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "POST /fhir/Patient HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\nContent-Length: 100000\r\n\r\n",
    "POST /fhir/Patient HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\n\
     Transfer-Encoding: chunked\r\n\r\n",
];
const SLOW_CLIENTS: usize = 500;
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A byte of a chunk, or of whatever else is asked for.
fn drip(stream: &mut TcpStream, kind: usize) -> bool {
    let bytes: &[u8] = match kind {
        0 => b"",
        3 => b"1\r\na\r\n",
        _ => b"a",
    };
    stream.write_all(bytes).is_ok()
}

#[test]
fn slow_clients_are_closed_and_others_served() {
    let limits = Limits { connections_per_address_max: 600, ..Limits::default() };
    let server = Running::with(Settings { limits, ..Settings::default() });
    let mut slow: Vec<(usize, TcpStream)> = (0..SLOW_CLIENTS)
        .map(|number| {
            let (kind, mut stream) = (number % SLOW.len(), server.connect());
            stream.write_all(SLOW[kind].as_bytes()).unwrap();
            stream.set_nonblocking(true).unwrap();
            (kind, stream)
        })
        .collect();
    let start = Instant::now();
    let mut served = 0;
    while !slow.is_empty() {
        assert!(start.elapsed() < PATIENCE, "{} slow clients are still there", slow.len());
        // Each gives a byte now and then, as those do that wish to be taken for living.
        slow.retain_mut(|(kind, stream)| {
            let is_open = match stream.read(&mut [0; 4_096]) {
                Ok(0) => false,
                Ok(_) => true,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            };
            is_open && drip(stream, *kind)
        });
        let id = format!("a{served}");
        let reply = server.json("PUT", &format!("/Patient/{id}"), &[], &patient(&id));
        assert_eq!(reply.status, 201, "{}", reply.text());
        served += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("{served} requests served beside {SLOW_CLIENTS} slow clients");
    let count = server.get("/Patient?_summary=count").value();
    assert_eq!(count["total"], served);
}
